//! Why a value cannot pass from one process to another.
//!
//! *Assumes*: nothing.
//! *Promises*: what the peer has done (closed, died half way, written garbage) is told apart from
//! what the value is (no `T`, too long) and from what the system refused.
//! *Leaves out*: why a job has no value (`base/error.rs`).

use crate::base::error::JobError;
use crate::process::frame::FrameError;
use std::fmt;
use std::io;

/// Why a value could not be sent or received.
///
/// ```
/// use singletrack::process::error::ChannelError;
/// use singletrack::process::pipe::pipe;
///
/// let (mut receiver, sender) = pipe::<u8>()?;
/// drop(sender);
/// let error = receiver.recv().unwrap_err();
/// assert!(matches!(error, ChannelError::Closed));
/// assert_eq!(error.to_string(), "nobody is at the other end any more");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ChannelError {
    /// Nobody is at the other end any more. `EOFError` and `BrokenPipeError` in Python.
    Closed,
    /// The sender died in the middle of a value.
    Truncated,
    /// The time ran out.
    TimedOut,
    /// The value could not be encoded or decoded, or is too long; the next one may pass.
    Codec(JobError),
    /// What came is no value: somebody else has written into the pipe.
    Garbage(FrameError),
    /// The operating system refused.
    Os(io::Error),
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChannelError::Closed => write!(f, "nobody is at the other end any more"),
            ChannelError::Truncated => write!(f, "the sender died in the middle of a value"),
            ChannelError::TimedOut => write!(f, "the time ran out"),
            ChannelError::Codec(error) => write!(f, "{error}"),
            ChannelError::Garbage(error) => write!(f, "what came is no value: {error}"),
            ChannelError::Os(error) => write!(f, "the operating system refused: {error}"),
        }
    }
}

impl std::error::Error for ChannelError {}

impl From<JobError> for ChannelError {
    fn from(error: JobError) -> Self {
        ChannelError::Codec(error)
    }
}

impl From<io::Error> for ChannelError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => ChannelError::Closed,
            io::ErrorKind::TimedOut => ChannelError::TimedOut,
            _ => ChannelError::Os(error),
        }
    }
}
