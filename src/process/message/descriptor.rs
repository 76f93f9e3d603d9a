//! An open descriptor as an argument of a process that is being started.
//!
//! *Assumes*: a thread spawns one process at a time; `sys/socket.rs` sends what was collected here.
//! *Promises*: a descriptor that is encoded for a spawn arrives in the new process, and is
//! closed here with the argument it was part of; encoded for anything else it is an error.
//! *Leaves out*: handing descriptors to a process that runs already.
//!
//! ```text
//!   the spawner                                    the child
//!   encode(args) ─▶ bytes   …#0…#1…  ─ request ─▶  decode(args)
//!        └────────▶ [fd, fd]  ───────── socket ──▶  [fd, fd] ┘ #0, #1
//! ```
//! The bytes hold only the descriptor's number in that list. CPython has the same rule and the same
//! trick: a connection can be pickled only while a process is being spawned.

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{self, Serialize, Serializer};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

thread_local! {
    /// The descriptors packed so far on this thread, if it is encoding for a spawn.
    static PACKING: RefCell<Option<Vec<OwnedFd>>> = const { RefCell::new(None) };
    /// The descriptors that this process was started with, those that are still to be unpacked.
    /// Never dropped: the process that they came to keeps them until it ends, and a copy of it, to which
    /// the same numbers may mean something else, must not close them. And a value without a destructor
    /// costs a new worker no page of the dynamic linker's.
    static ARRIVED: RefCell<ManuallyDrop<Vec<Option<OwnedFd>>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
    /// Why the last one could not be packed.
    static REFUSAL: Cell<Option<Cow<'static, str>>> = const { Cell::new(None) };
}

/// Any open descriptor (a file, a socket), made into an argument for a new process.
///
/// ```
/// use singletrack::process::Process;
/// use singletrack::process::Descriptor;
/// use singletrack::process::ForkServer;
/// use std::fs::File;
/// use std::io::Read;
/// use std::os::fd::OwnedFd;
///
/// fn count(file: Descriptor) -> usize {
///     let mut text = String::new();
///     File::from(OwnedFd::from(file)).read_to_string(&mut text).map_or(0, |bytes| bytes)
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let fork_server = ForkServer::start()?;
///     let file = Descriptor::from(OwnedFd::from(File::open("/proc/self/comm")?));
///     assert!(Process::spawn(&fork_server, count, file)?.join()? > 0);
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[doc(alias = "multiprocessing.reduction.DupFd")]
pub struct Descriptor(OwnedFd);

impl From<OwnedFd> for Descriptor {
    fn from(fd: OwnedFd) -> Self {
        Descriptor(fd)
    }
}

impl From<Descriptor> for OwnedFd {
    fn from(descriptor: Descriptor) -> Self {
        descriptor.0
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        pack(self.as_fd(), serializer)
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        unpack(deserializer).map(Descriptor)
    }
}

/// A borrowed descriptor, to be packed; it arrives as a [`Descriptor`].
pub(crate) struct Packed<'a>(pub(crate) BorrowedFd<'a>);

impl Serialize for Packed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        pack(self.0, serializer)
    }
}

/// Packs a duplicate of `fd` and writes its number into the bytes.
pub(crate) fn pack<S: Serializer>(fd: BorrowedFd<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    let number = PACKING.with_borrow_mut(|descriptors| {
        let descriptors = descriptors.as_mut().ok_or_else(|| {
            refuse(
                "a descriptor can be handed only to a process that is being started: pass it to \
                 `Process::spawn`, or to the pool's initializer",
            )
        })?;
        let duplicate = fd.try_clone_to_owned();
        descriptors.push(duplicate.map_err(|e| refuse(format!("a descriptor: {e}")))?);
        Ok(descriptors.len() as u32 - 1)
    })?;
    serializer.serialize_u32(number)
}

/// An error for the serializer. The format drops its text, so the reason is kept beside it.
pub(crate) fn refuse<E: ser::Error>(why: impl Into<Cow<'static, str>>) -> E {
    let why = why.into();
    let error = E::custom(&why);
    REFUSAL.set(Some(why));
    error
}

/// Why the last encoding on this thread was refused here, if it was.
pub(crate) fn take_refusal() -> Option<Cow<'static, str>> {
    REFUSAL.take()
}

/// Reads the number of a descriptor and takes it out.
pub(crate) fn unpack<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OwnedFd, D::Error> {
    let number = u32::deserialize(deserializer)? as usize;
    let fd = ARRIVED.with_borrow_mut(|arrived| arrived.get_mut(number).and_then(Option::take));
    fd.ok_or_else(|| de::Error::custom(format!("there is no descriptor #{number} to unpack")))
}

/// Runs `encode`, and gives its result and the descriptors that it packed.
pub(crate) fn packing<R>(encode: impl FnOnce() -> R) -> (R, Vec<OwnedFd>) {
    /// Ends the packing if `encode` panics: the next encoding may be for something else.
    struct EndPacking;
    impl Drop for EndPacking {
        fn drop(&mut self) {
            PACKING.take();
        }
    }
    PACKING.set(Some(Vec::new()));
    let _end = EndPacking;
    let result = encode();
    (result, PACKING.take().unwrap_or_default())
}

/// This process was just started with `descriptors`.
pub(crate) fn arrive_with(descriptors: Vec<OwnedFd>) {
    ARRIVED.set(ManuallyDrop::new(descriptors.into_iter().map(Some).collect()));
}
