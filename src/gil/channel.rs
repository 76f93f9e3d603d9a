//! The way for values from one interpreter to another: as bytes, through a checked channel.
//!
//! *Assumes*: an interpreter is a `GlobalLock` and what is under it.
//! *Promises*: what arrives is a value of its own, sharing nothing with the one that was sent;
//! an end is used only under its own lock; whoever waits here has dropped that lock.
//! *Leaves out*: sharing memory, as PEP 734's buffers do.
//!
//! ```text
//!   lock A │ send(gil of A, &value) ──▶ encode ──▶ ▯▯▯ bytes ──▶ decode ──▶ recv(gil of B) │ lock B
//! ```

use crate::base::error::JobError;
use crate::base::wire::{Wire, decode, encode};
use crate::gil::cell::WrongLock;
use crate::gil::lock::GlobalLock;
use crate::gil::token::Gil;
use std::fmt;
use std::marker::PhantomData;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};

/// Why a value did not cross.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ChannelError {
    /// The token is not for the lock of this end.
    WrongLock,
    /// The value cannot be sent as bytes; it says why.
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

/// The end under the lock that values leave.
#[derive(Debug)]
pub struct Outlet<T> {
    lock: GlobalLock,
    bytes: SyncSender<Vec<u8>>,
    value: PhantomData<fn(&T)>,
}

/// The end under the lock that values arrive at.
#[derive(Debug)]
pub struct Inlet<T> {
    lock: GlobalLock,
    bytes: Receiver<Vec<u8>>,
    value: PhantomData<fn() -> T>,
}

/// A channel from the interpreter of one lock to that of another, with room for so many values.
///
/// ```
/// use singletrack::gil::channel::{ChannelError, channel};
/// use singletrack::gil::lock::GlobalLock;
/// use singletrack::gil::policy::SwitchPolicy;
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
        if !gil.is_for(&self.lock) {
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
        if !gil.is_for(&self.lock) {
            return Err(ChannelError::WrongLock);
        }
        let bytes = match self.bytes.try_recv() {
            Ok(bytes) => bytes,
            Err(_) => gil.detach(|| self.bytes.recv()).map_err(|_| ChannelError::Closed)?,
        };
        decode(&bytes).map_err(ChannelError::Codec)
    }
}
