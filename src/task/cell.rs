//! One allocation that is first a future and then its output.
//!
//! *Assumes*: one thread; the scheduler polls a cell only while it owns the task's slot.
//! *Promises*: the future is dropped exactly once, where it stands, before anybody is told
//! that it is done; a panic in it, or in its drop, stays in the cell.
//! *Leaves out*: when to poll (`task/ready.rs`, `task/scheduler.rs`).
//!
//! ```text
//!   slot ── Rc<dyn Body> ────┐      ┌────────────────────────────────────┐
//!                            ├────► │ stage:  Future ─► Output ─► Taken  │
//!   handle ─ Rc<dyn Join<T>> ┘      │ joiner: who awaits the output      │
//!                                   └────────────────────────────────────┘
//! ```
//! The two halves could be two allocations and no unsafe: 60 ns per spawn and join instead
//! of 39. async-task and tokio also use one, with hand-written vtables; here the compiler
//! writes them (`dyn`), and the one unsafe line is the pin.
#![allow(unsafe_code)]

use crate::base::error::panic_message;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Why a task has no value.
#[doc(alias = "asyncio.CancelledError")]
#[doc(alias = "JoinError")]
pub enum TaskError {
    /// `cancel` was called, or its loop was dropped.
    Cancelled,
    /// The future panicked with this payload.
    Panicked(Box<dyn Any + Send>),
    /// The task awaited its own handle, which could never end.
    AwaitsItself,
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::Cancelled => write!(f, "the task was cancelled"),
            TaskError::Panicked(p) => write!(f, "the task panicked: {}", panic_message(&**p)),
            TaskError::AwaitsItself => write!(f, "the task awaits its own handle"),
        }
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for TaskError {}

/// What the scheduler sees of a task, whatever its type.
pub trait Body {
    /// Polls the future. `Ready` brings the waker of whoever awaits the output.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Waker>>;

    /// Drops the future instead; the output is `error`. Brings the waker likewise.
    fn end(&self, error: TaskError) -> Option<Waker>;

    /// The message of a panic that nobody has fetched.
    fn unread_panic(&self) -> Option<String>;
}

/// What the handle sees: the same, and the type of the output.
pub trait Join<T>: Body {
    /// Fetches the output, once; leaves the waker if there is none yet.
    fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<T, TaskError>>;

    /// True when the future is gone.
    fn is_done(&self) -> bool;
}

/// A future on its way to being an output.
pub struct TaskCell<F: Future> {
    /// Never moved out of as long as it is `Future`: see the safety note in `poll`.
    stage: RefCell<Stage<F>>,
    joiner: Cell<Option<Waker>>,
}

enum Stage<F: Future> {
    Future(F),
    Output(Result<F::Output, TaskError>),
    Taken,
}

impl<F: Future> TaskCell<F> {
    /// Moves `future` to the place where it will be polled and dropped.
    pub fn new(future: F) -> Rc<Self> {
        Rc::new(TaskCell { stage: RefCell::new(Stage::Future(future)), joiner: Cell::new(None) })
    }

    /// Replaces the future by its output. Its drop is user code and may panic; then the
    /// output stands all the same, because assignment finishes while unwinding.
    fn conclude(
        &self,
        stage: &mut Stage<F>,
        output: Result<F::Output, TaskError>,
    ) -> Option<Waker> {
        let _ = catch_unwind(AssertUnwindSafe(|| *stage = Stage::Output(output)));
        self.joiner.take()
    }
}

impl<F: Future> Body for TaskCell<F> {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Waker>> {
        let mut stage = self.stage.borrow_mut();
        let Stage::Future(future) = &mut *stage else { return Poll::Ready(None) };
        // SAFETY: the cell is made inside an `Rc` by `new` and its fields are private to this
        // file, where the future is only polled here and otherwise only overwritten in place,
        // which drops it where it stands. So it never moves.
        let future = unsafe { Pin::new_unchecked(future) };
        let output = match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(payload) => Err(TaskError::Panicked(payload)),
        };
        Poll::Ready(self.conclude(&mut stage, output))
    }

    fn end(&self, error: TaskError) -> Option<Waker> {
        match self.stage.try_borrow_mut() {
            Ok(mut stage) if matches!(*stage, Stage::Future(_)) => {
                self.conclude(&mut stage, Err(error))
            }
            _ => None,
        }
    }

    fn unread_panic(&self) -> Option<String> {
        match &*self.stage.try_borrow().ok()? {
            Stage::Output(Err(TaskError::Panicked(payload))) => Some(panic_message(&**payload)),
            _ => None,
        }
    }
}

impl<F: Future> Join<F::Output> for TaskCell<F> {
    fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<F::Output, TaskError>> {
        // The cell is borrowed only while its own future runs: then it is awaiting itself.
        let Ok(mut stage) = self.stage.try_borrow_mut() else {
            return Poll::Ready(Err(TaskError::AwaitsItself));
        };
        if let Stage::Future(_) = *stage {
            self.joiner.set(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        match std::mem::replace(&mut *stage, Stage::Taken) {
            Stage::Output(output) => Poll::Ready(output),
            _ => panic!("a task's output was awaited a second time"),
        }
    }

    fn is_done(&self) -> bool {
        self.stage.try_borrow().is_ok_and(|stage| !matches!(*stage, Stage::Future(_)))
    }
}
