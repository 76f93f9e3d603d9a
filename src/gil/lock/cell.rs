//! Values under a lock: a cell for its holder, a channel to another interpreter.
//!
//! *Assumes*: a `Gil` exists only while its thread holds its lock, and one lock has one usable
//! `Gil` at a time (`gil/lock/token.rs`). An interpreter is a `GlobalLock` and all values under it.
//! *Promises*: no two threads reach a cell's value at once; a token of another lock is refused.
//! A value that arrives through a channel shares nothing with the one that was sent; a thread
//! that waits at a channel has dropped its lock.
//! *Leaves out*: waiting for the lock: a thread that has the token has it. Shared memory between
//! interpreters, as PEP 734's buffers have it.
//!
//! ```text
//!   lock A │ send(gil of A, &value) ─▶ encode ─▶ ▯▯▯ bytes ─▶ decode ─▶ recv(gil of B) │ lock B
//! ```
#![allow(unsafe_code)]

use crate::futures::error::JobError;
use crate::futures::wire::{Wire, decode, encode};
use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::mpsc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};

/// A token was shown to a cell of another lock, or one whose lock was lost by finalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongLock;

impl fmt::Display for WrongLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the token is not for this cell's lock: attach to the lock the cell was made with"
        )
    }
}

impl std::error::Error for WrongLock {}

/// A shared value under a [`GlobalLock`]: what a Python object is under the GIL.
///
/// To open it costs one compare. It is `Sync` although `T` need not be, since only one thread at a
/// time has the token. The token is borrowed as long as the value is, so one cell at a time can be
/// open for writing.
///
/// ```
/// use singletrack::gil::{GilCell, WrongLock};
/// use singletrack::gil::GlobalLock;
/// use singletrack::gil::SwitchPolicy;
///
/// let lock = GlobalLock::new(SwitchPolicy::FAIR);
/// let cell = GilCell::new(&lock, vec![1]);
/// lock.attach(|gil| cell.get_mut(gil).push(2)).unwrap();
/// assert_eq!(cell.into_inner(), [1, 2]);
///
/// let other = GlobalLock::new(SwitchPolicy::FAIR);
/// let cell = GilCell::new(&other, 0);
/// assert_eq!(lock.attach(|gil| cell.try_get(gil).copied()), Ok(Err(WrongLock)));
/// ```
pub struct GilCell<T> {
    lock: GlobalLock,
    value: UnsafeCell<T>,
}

// SAFETY: `get` and `get_mut` are the only ways to the value through `&GilCell`, and they ask
// for a borrow of this lock's token. The token is neither `Send` nor `Sync`, and its thread
// holds the lock as long as it can be borrowed, so threads reach the value one after the other;
// the drop and the take of the lock between them order their accesses. So the value moves from
// thread to thread and is not shared, which is what `T: Send` allows. The handle of the lock is
// `Sync` itself.
unsafe impl<T: Send> Sync for GilCell<T> {}

impl<T> GilCell<T> {
    /// A value to be reached only under `lock`.
    pub fn new(lock: &GlobalLock, value: T) -> GilCell<T> {
        GilCell { lock: lock.clone(), value: UnsafeCell::new(value) }
    }

    /// The value, to be read as long as the lock cannot change hands.
    ///
    /// # Panics
    /// If the token is of another lock.
    #[inline]
    pub fn get<'a>(&'a self, gil: &'a Gil<'_>) -> &'a T {
        self.try_get(gil).unwrap_or_else(refuse)
    }

    /// The value, to be changed as long as the lock cannot change hands.
    ///
    /// # Panics
    /// If the token is of another lock.
    #[inline]
    pub fn get_mut<'a>(&'a self, gil: &'a mut Gil<'_>) -> &'a mut T {
        self.try_get_mut(gil).unwrap_or_else(refuse)
    }

    /// Like [`get`](Self::get).
    ///
    /// # Errors
    /// [`WrongLock`] if the token is of another lock.
    #[inline]
    pub fn try_get<'a>(&'a self, gil: &'a Gil<'_>) -> Result<&'a T, WrongLock> {
        if !gil.is_for(&self.lock.shared) {
            return Err(WrongLock);
        }
        // SAFETY: the token is this lock's and is borrowed for 'a, so this thread holds the
        // lock all the while: `tick`, `checkpoint`, `detach` and the token's drop need it
        // mutably. A `&mut T` from `try_get_mut` would have the token borrowed mutably.
        Ok(unsafe { &*self.value.get() })
    }

    /// Like [`get_mut`](Self::get_mut).
    ///
    /// # Errors
    /// [`WrongLock`] if the token is of another lock.
    #[inline]
    #[allow(clippy::mut_from_ref)] // `gil` is the `&mut` that makes it unique
    pub fn try_get_mut<'a>(&'a self, gil: &'a mut Gil<'_>) -> Result<&'a mut T, WrongLock> {
        if !gil.is_for(&self.lock.shared) {
            return Err(WrongLock);
        }
        // SAFETY: as in `try_get`; and the token is borrowed mutably for 'a, of which one per
        // lock can be used (one that is lent is itself borrowed mutably, by `lend`), so no other
        // reference to the inside of any cell of this lock lives.
        Ok(unsafe { &mut *self.value.get() })
    }

    /// Puts a value in and returns the old one; its drop may then run any code.
    ///
    /// # Panics
    /// If the token is of another lock.
    pub fn replace(&self, gil: &mut Gil<'_>, value: T) -> T {
        std::mem::replace(self.get_mut(gil), value)
    }

    /// The value, of a cell that is not shared any more.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T> fmt::Debug for GilCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GilCell").field("lock", &self.lock).finish_non_exhaustive()
    }
}

#[cold]
#[inline(never)]
fn refuse<T>(error: WrongLock) -> T {
    panic!("{error}")
}

/// Why a value did not cross.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ChannelError {
    /// The token is not for the lock of this end.
    WrongLock,
    /// The value cannot be sent as bytes, for this reason.
    Codec(JobError),
    /// The other end is gone.
    Closed,
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChannelError::WrongLock => WrongLock.fmt(f),
            ChannelError::Codec(why) => write!(f, "{why}"),
            ChannelError::Closed => {
                write!(f, "the other end of the channel is gone: keep it until all has crossed")
            }
        }
    }
}

impl std::error::Error for ChannelError {}

/// The sending end, to be used under its lock.
#[derive(Debug)]
pub struct Outlet<T> {
    lock: GlobalLock,
    bytes: SyncSender<Vec<u8>>,
    value: PhantomData<fn(&T)>,
}

/// The receiving end, to be used under its lock.
#[derive(Debug)]
pub struct Inlet<T> {
    lock: GlobalLock,
    bytes: Receiver<Vec<u8>>,
    value: PhantomData<fn() -> T>,
}

/// A channel from the interpreter of one lock to that of another, with room for `capacity` values.
///
/// ```
/// use singletrack::gil::{ChannelError, channel};
/// use singletrack::gil::GlobalLock;
/// use singletrack::gil::SwitchPolicy;
///
/// let (a, b) = [SwitchPolicy::PYTHON_3_13; 2].map(GlobalLock::new).into();
/// let (outlet, inlet) = channel::<String>(&a, &b, 1);
/// a.attach(|gil| outlet.send(gil, &"across".to_owned()))??;
/// assert_eq!(a.attach(|gil| inlet.recv(gil))?, Err(ChannelError::WrongLock));
/// assert_eq!(b.attach(|gil| inlet.recv(gil))?, Ok("across".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "concurrent.interpreters.create_queue")]
pub fn channel<T: Wire>(
    from: &GlobalLock,
    to: &GlobalLock,
    capacity: usize,
) -> (Outlet<T>, Inlet<T>) {
    let (send, recv) = mpsc::sync_channel(capacity);
    let outlet = Outlet { lock: from.clone(), bytes: send, value: PhantomData };
    (outlet, Inlet { lock: to.clone(), bytes: recv, value: PhantomData })
}

impl<T: Wire> Outlet<T> {
    /// Sends the bytes of a value. If there is no room, the lock is dropped until there is.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn send(&self, gil: &mut Gil<'_>, value: &T) -> Result<(), ChannelError> {
        if !gil.is_for(&self.lock.shared) {
            return Err(ChannelError::WrongLock);
        }
        let bytes = encode(value).map_err(ChannelError::Codec)?;
        match self.bytes.try_send(bytes) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(bytes)) => {
                gil.detach(|| self.bytes.send(bytes)).map_err(|_| ChannelError::Closed)
            }
            Err(TrySendError::Disconnected(_)) => Err(ChannelError::Closed),
        }
    }
}

impl<T: Wire> Inlet<T> {
    /// The next value, in the order in which they were sent. Waits for it without the lock.
    ///
    /// # Errors
    /// [`ChannelError`]; [`Closed`](ChannelError::Closed) when all have been received.
    pub fn recv(&self, gil: &mut Gil<'_>) -> Result<T, ChannelError> {
        if !gil.is_for(&self.lock.shared) {
            return Err(ChannelError::WrongLock);
        }
        let bytes = match self.bytes.try_recv() {
            Ok(bytes) => bytes,
            Err(_) => gil.detach(|| self.bytes.recv()).map_err(|_| ChannelError::Closed)?,
        };
        decode(&bytes).map_err(ChannelError::Codec)
    }
}
