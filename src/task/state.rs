//! The five states of a task, the steps that a wake or a poll makes between them, and its errors.
//!
//! *Assumes*: one thread.
//! *Promises*: a task is queued at most once; a wake during a poll leads to exactly one more
//! poll; no wake is lost, and none disturbs a task that is done. A panic's payload stays what it
//! was, so that an awaiter may resume it.
//! *Leaves out*: the future and its output (`task/cell.rs`), the queue (`task/ready_queue.rs`).
//!
//! ```text
//!            1 wake              2 start             4 finish
//!     Idle ─────────► Queued ──────────────► Running ─────────► Done
//!      ▲                ▲                     │   │ 1 wake        ▲
//!      │                │ 3 pause: Requeue    │   ▼               │
//!      │                └─────────────────────┼─ RunningWoken ────┘
//!      └──────────────────────────────────────┘
//!                      3 pause: Park
//! ```
//! Two steps more are the cell's own (`task/cell.rs`): a task that is dropped with its loop, and one whose
//! value is looked at, count as running meanwhile, so that nothing reaches them a second time.
//! A wake in any state not drawn changes nothing. Counterparts: embassy's two bits,
//! async-task's `SCHEDULED | RUNNING`, tokio's `State`; those are atomics because wakes come
//! from other threads. Here they come through the inbox, so an enum does.

use crate::base::panic::panic_message;
use std::any::Any;
use std::fmt;
use std::task::Waker;

/// Where a task is between its spawn and its end.
///
/// ```
/// use singletrack::task::state::{Pause, TaskState};
///
/// let mut state = TaskState::Idle;
/// assert!(state.wake()); // enqueue it
/// assert!(!state.wake()); // it is queued already
/// state.start();
/// assert!(!state.wake()); // it runs: remember
/// assert_eq!(state.pause(), Pause::Requeue);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// Waits for a wake.
    Idle,
    /// Stands in the ready queue.
    Queued,
    /// Is being polled, or dropped.
    Running,
    /// Is being polled, and was woken meanwhile.
    RunningWoken,
    /// Its future is gone.
    Done,
}

/// What to do with a task whose poll returned `Pending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Pause {
    /// Leave it until it is woken.
    Park,
    /// Put it at the end of the ready queue.
    Requeue,
}

/// How one step of a task ended.
#[must_use]
pub enum StepEnd {
    /// Pending, and not woken meanwhile.
    Parked,
    /// Pending, and woken meanwhile: put it at the end of the queue.
    Again,
    /// Done.
    Done(TaskEnd),
}

/// What the end of a task leaves to do.
#[must_use]
pub struct TaskEnd {
    /// The waker of the task that awaits the output, to be used.
    pub joiner: Option<Waker>,
    /// The payload, if the future's drop panicked: of no interest to the awaiter, who gets the
    /// output all the same, but to be reported.
    pub drop_panic: Option<PanicPayload>,
}

/// The payload of a panic behind a thin pointer, so that it takes a word.
pub type PanicPayload = Box<Box<dyn Any + Send>>;

impl TaskState {
    /// 1: the waker was used. True: put the task into the ready queue.
    #[must_use]
    pub fn wake(&mut self) -> bool {
        match *self {
            TaskState::Idle => {
                *self = TaskState::Queued;
                true
            }
            TaskState::Running => {
                *self = TaskState::RunningWoken;
                false
            }
            TaskState::Queued | TaskState::RunningWoken | TaskState::Done => false,
        }
    }

    /// 2: the task left the ready queue and is about to be polled.
    pub fn start(&mut self) {
        debug_assert_eq!(*self, TaskState::Queued, "only a queued task can start");
        *self = TaskState::Running;
    }

    /// 3: the poll returned `Pending`.
    pub fn pause(&mut self) -> Pause {
        match *self {
            TaskState::RunningWoken => {
                *self = TaskState::Queued;
                Pause::Requeue
            }
            _ => {
                debug_assert_eq!(*self, TaskState::Running, "only a running task can pause");
                *self = TaskState::Idle;
                Pause::Park
            }
        }
    }

    /// 4: the future is gone, because it was ready or because it was dropped.
    pub fn finish(&mut self) {
        debug_assert!(self.is_running(), "only a running task can finish");
        *self = TaskState::Done;
    }

    /// True while the future is being polled or dropped.
    pub fn is_running(self) -> bool {
        matches!(self, TaskState::Running | TaskState::RunningWoken)
    }
}

/// Why a task has no value.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::task::state::TaskError;
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
