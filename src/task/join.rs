//! The handle of a task: await it, cancel it, or let it go.
//!
//! *Assumes*: the task's cell, shared with its slot.
//! *Promises*: the output is given out once; dropping the handle detaches the task, it does
//! not stop it; a panic that nobody fetches is reported.
//! *Leaves out*: sending the output to another thread; `concurrent::future` does that.

use crate::base::id::TaskId;
use crate::event_loop::core::{tell, with_current};
use crate::event_loop::inbox::Message;
use crate::task::cell::{Join, TaskCell, TaskError};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A running task.
///
/// Awaiting it gives `Result<T, TaskError>`. Unlike asyncio's, a task is held strongly by its
/// loop: dropping the handle never loses it. Unlike async-task's, dropping does not cancel.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::time::sleep;
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new()?;
/// let task = event_loop.create_task(async { 6 * 7 });
/// let never = event_loop.create_task(sleep(Duration::MAX));
/// event_loop.run_until_complete(async {
///     assert_eq!(task.await.unwrap(), 42);
///     assert!(never.cancel());
///     assert_eq!(never.await.unwrap_err().to_string(), "the task was cancelled");
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.Task")]
#[doc(alias = "JoinHandle")]
#[must_use = "a dropped handle detaches the task; say so with `drop` or `let _ =`"]
pub struct Task<T> {
    id: TaskId,
    cell: Rc<TaskCell<dyn Join<T>>>,
}

impl<T> Task<T> {
    pub(crate) fn new(id: TaskId, cell: Rc<TaskCell<dyn Join<T>>>) -> Self {
        Task { id, cell }
    }

    /// The task's number.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// True when the future is gone, for whatever reason.
    #[doc(alias = "asyncio.Task.done")]
    pub fn done(&self) -> bool {
        self.cell.is_done()
    }

    /// Asks for the future to be dropped at the task's next turn, on the loop's thread, never
    /// inside another task's poll. False if it is done already.
    ///
    /// asyncio throws `CancelledError` into the coroutine, which may refuse. A Rust future is
    /// dropped instead: its destructors run, and it cannot refuse.
    #[doc(alias = "asyncio.Task.cancel")]
    #[doc(alias = "abort")]
    pub fn cancel(&self) -> bool {
        !self.done()
            && tell(
                self.id.loop_id(),
                |core| core.ready.borrow_mut().cancel(self.id),
                || Message::Cancel(self.id),
            )
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.cell.poll_join(cx)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(message) = self.cell.unread_panic()
            && let Some(core) = with_current(Rc::clone)
        {
            core.report(format!("{:?}", self.id), message);
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.done() { "done" } else { "pending" };
        write!(f, "{:?} ({state})", self.id)
    }
}
