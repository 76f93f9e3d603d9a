//! The handle of a task: await it, cancel it, or let it go.
//!
//! *Assumes*: the task's block (`task/cell.rs`), which its slot in the loop shares.
//! *Promises*: the output is given out once; dropping the handle detaches the task, it does
//! not stop it; a panic that is never fetched is reported, and so is one in the future's drop, which
//! an awaiter is not told of.
//! *Leaves out*: sending the output to another thread (`aio/tasks/bridge.rs`).

use crate::base::id::TaskId;
use crate::event_loop::core::{Core, report_to, run_or_send, with_current};
use crate::event_loop::inbox::LoopMessage;
use crate::event_loop::looks::{self, Look};
use crate::event_loop::waker::task_of;
use crate::task::cell::TaskOf;
use crate::task::state::TaskError;
use std::fmt;
use std::future::Future;
use std::mem::needs_drop;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A running task.
///
/// Awaiting it gives `Result<T, TaskError>`. Unlike asyncio's, a task is held strongly by its
/// loop: dropping the handle never loses it. Unlike async-task's, dropping does not cancel.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::sleep;
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
    task: TaskOf<T>,
}

impl<T> Task<T> {
    pub(crate) fn new(task: TaskOf<T>) -> Self {
        Task { task }
    }

    /// The task's number.
    pub fn id(&self) -> TaskId {
        self.task.id()
    }

    /// True when the future is gone, for whatever reason.
    #[doc(alias = "asyncio.Task.done")]
    pub fn done(&self) -> bool {
        looks::at(|| Look::Task(self.id()));
        self.task.is_done()
    }

    /// Asks for the future to be dropped at the task's next step, on the loop's thread, never
    /// inside another task's poll. False if it is done already.
    ///
    /// asyncio throws `CancelledError` into the coroutine, which may refuse. A Rust future is
    /// dropped instead: its destructors run, and it cannot refuse.
    #[doc(alias = "asyncio.Task.cancel")]
    #[doc(alias = "abort")]
    pub fn cancel(&self) -> bool {
        let id = self.id();
        !self.done()
            && run_or_send(id.loop_id(), |core| core.cancel_here(id), || LoopMessage::Cancel(id))
    }

    /// What another thread needs to cancel the task.
    #[doc(alias = "AbortHandle")]
    pub fn canceller(&self) -> TaskCanceller {
        TaskCanceller(self.id())
    }

    /// The same task, cancelled when the handle is dropped.
    #[doc(alias = "AbortOnDropHandle")]
    pub fn cancel_on_drop(self) -> CancelOnDrop<T> {
        CancelOnDrop(self)
    }

    /// True when it is done, by a panic that has not been fetched.
    #[doc(alias = "asyncio.Task.exception")]
    pub fn panicked(&self) -> bool {
        looks::at(|| Look::Task(self.id()));
        self.task.unread_panic().is_some()
    }

    /// Shows `look` the value without fetching it. `None` if there is none: the task is not done,
    /// was cancelled, or panicked, or its output was fetched.
    #[doc(alias = "asyncio.Task.result")]
    pub fn peek<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        looks::at(|| Look::Task(self.id()));
        self.task.peek(look)
    }
}

impl<T> Task<T> {
    /// False if another loop than the task's own is running. One of this crate's wakers says so
    /// without a read of the thread's current loop.
    fn is_of_this_loop(&self, waker: &Waker) -> bool {
        let own = self.id().loop_id();
        task_of(waker).is_some_and(|id| id.loop_id() == own)
            || with_current(|core| core.id == own).unwrap_or(true)
    }
}

impl<T, E> Task<Result<T, E>> {
    /// True when it is done and its output, not fetched yet, is an `Err` or a panic. A cancel
    /// is no failure.
    #[doc(alias = "asyncio.Task.exception")]
    pub fn failed(&self) -> bool {
        self.panicked() || self.peek(Result::is_err) == Some(true)
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        looks::at(|| match task_of(cx.waker()) {
            Some(_) => Look::Task(self.id()),
            None => Look::WithWaker(self.id()),
        });
        let polled = self.task.poll_join(cx);
        if polled.is_pending() && !self.is_of_this_loop(cx.waker()) {
            return Poll::Ready(Err(TaskError::OnAnotherLoop));
        }
        polled
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if needs_drop::<T>() {
            looks::at(|| Look::Task(self.id())); // if it is done, its value goes here
        }
        if let Some(message) = self.task.unread_panic() {
            report_to(self.id().loop_id(), format!("{:?}", self.id()), message);
        }
    }
}

/// Cancels a task, from any thread. It is a number, and may outlive the task and its loop; but a number
/// comes again after 65,536 tasks in the same place, so one that is kept for so long may cancel another.
///
/// ```
/// use singletrack::aio::sleep;
/// use singletrack::{EventLoop, create_task};
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let never = create_task(sleep(Duration::MAX));
///     let canceller = never.canceller();
///     std::thread::spawn(move || canceller.cancel());
///     never.await.unwrap_err();
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskCanceller(TaskId);

impl TaskCanceller {
    /// As [`Task::cancel`]: the task is dropped at its next step. False if its loop is gone; whether
    /// the task is done by then, only its loop knows.
    pub fn cancel(&self) -> bool {
        let id = self.0;
        let here = |core: &Core| core.cancel_here(id);
        run_or_send(id.loop_id(), here, || LoopMessage::Cancel(id))
    }
}

/// A task that ends when this is dropped: for time limits and the like, where asyncio would cancel
/// the task and not just stop waiting for it. Its future is gone when the drop returns; only a
/// task that drops the handle of itself is cancelled, and goes in the next iteration.
///
/// ```
/// use singletrack::aio::{sleep, wait_for};
/// use singletrack::{EventLoop, create_task};
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let task = create_task(sleep(Duration::MAX)).cancel_on_drop();
///     wait_for(task, Some(Duration::from_millis(1))).await.unwrap_err();
///     assert_eq!(event_loop.tasks(), 0);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends the task"]
pub struct CancelOnDrop<T>(Task<T>);

impl<T> Future for CancelOnDrop<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for CancelOnDrop<T> {
    fn drop(&mut self) {
        // The number of one that is done may be another's by now.
        if !self.0.done() {
            Core::end_now(self.0.id());
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.done() { "done" } else { "pending" };
        write!(f, "{:?} ({state})", self.id())
    }
}
