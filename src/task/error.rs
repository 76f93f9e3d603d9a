//! Why a task has no value.
//!
//! *Assumes*: nothing.
//! *Promises*: a panic's payload stays what it was, so that an awaiter may resume it.
//! *Leaves out*: errors of the task's own: those are values.

use crate::base::error::panic_message;
use std::any::Any;
use std::fmt;

/// Why a task has no value.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::task::error::TaskError;
///
/// let event_loop = EventLoop::new()?;
/// let task = event_loop.create_task(std::future::pending::<()>());
/// task.cancel();
/// let ended = event_loop.run_until_complete(task);
/// assert!(matches!(ended, Err(TaskError::Cancelled)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.CancelledError")]
#[doc(alias = "JoinError")]
pub enum TaskError {
    /// `cancel` was called, or its loop was dropped.
    Cancelled,
    /// The future panicked with this payload.
    Panicked(Box<dyn Any + Send>),
    /// The task awaited its own handle, which could never end.
    AwaitsItself,
    /// The awaiter runs on another loop of this thread, so the task's own cannot go on.
    OnAnotherLoop,
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::Cancelled => write!(f, "the task was cancelled"),
            TaskError::Panicked(p) => write!(f, "the task panicked: {}", panic_message(&**p)),
            TaskError::AwaitsItself => write!(f, "the task awaits its own handle"),
            TaskError::OnAnotherLoop => write!(
                f,
                "the task lives on another event loop of this thread, which does not run while \
                 this one does: await it there, or give each loop a thread and use \
                 `run_coroutine_threadsafe`"
            ),
        }
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for TaskError {}
