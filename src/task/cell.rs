//! One allocation that is first a future and then its output.
//!
//! *Assumes*: one thread; the states' rules (`task/state.rs`).
//! *Promises*: the future is dropped exactly once, where it stands, before anybody is told
//! that it is done; a panic in it, or in its drop, stays in the cell.
//! *Leaves out*: when to run (`task/ready.rs`, `task/scheduler.rs`).
//!
//! ```text
//!   slot, queue ── Rc<TaskCell<dyn Body>> ───┐   ┌───────────────────────────────────┐
//!                                            ├─► │ key │ state │ joiner              │
//!   handle ─────── Rc<TaskCell<dyn Join>> ───┘   │ stage: Future ─► Output ─► Taken  │
//!                                                └───────────────────────────────────┘
//! ```
//! The head of a cell has the same shape for all types, so the queue reads it without a
//! virtual call. The tail is a future or its output. Two allocations would need no unsafe and
//! cost 60 ns per spawn and join instead of 39. async-task and tokio also use one, with
//! hand-written vtables; here `dyn` makes the compiler write them.
#![allow(unsafe_code)]

use crate::base::error::panic_message;
use crate::base::id::TaskId;
use crate::base::slab::Key;
use crate::task::self_wake;
use crate::task::state::{Pause, State};
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
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

/// A task: its head, and the stage it has come to.
pub struct TaskCell<S: ?Sized> {
    /// The low halves of the task's id; see [`TaskCell::key`].
    index: u32,
    generation: u16,
    state: Cell<State>,
    cancelled: Cell<bool>,
    joiner: Cell<Option<Waker>>,
    stage: S,
}

/// A task of any type.
pub type AnyTask = TaskCell<dyn Body>;

/// How a run ended.
#[must_use]
pub enum Ran {
    /// Pending, and nobody woke it meanwhile.
    Parked,
    /// Pending, and woken meanwhile: put it at the end of the queue.
    Again,
    /// Done; this waker belongs to whoever awaits the output.
    Done(Option<Waker>),
}

impl<F: Future + 'static> TaskCell<Stage<F>> {
    /// Moves `future` to the place where it will be polled and dropped. It is born queued.
    pub fn new(key: Key, future: F) -> Rc<Self> {
        Rc::new(TaskCell {
            index: key.index,
            generation: key.generation as u16,
            state: Cell::new(State::Queued),
            cancelled: Cell::new(false),
            joiner: Cell::new(None),
            stage: Stage(UnsafeCell::new(Content::Future(future))),
        })
    }
}

impl<S: Body + ?Sized> TaskCell<S> {
    /// Slot, and generation modulo 2^16, as a task id carries them.
    pub fn key(&self) -> (u32, u16) {
        (self.index, self.generation)
    }

    /// Somebody used the waker. True: put the task into the ready queue.
    #[must_use]
    pub fn wake(&self) -> bool {
        let mut state = self.state.get();
        let enqueue = state.wake();
        self.state.set(state);
        enqueue
    }

    /// From now on a run drops the future instead of polling it.
    pub fn cancel(&self) {
        self.cancelled.set(true);
    }

    /// Where it is between its spawn and its end.
    pub fn state(&self) -> State {
        self.state.get()
    }

    /// The waker of whoever awaits the output.
    pub fn joiner(&self) -> Option<Waker> {
        let joiner = self.joiner.take();
        let copy = joiner.clone();
        self.joiner.set(joiner);
        copy
    }

    /// True when the future is gone.
    pub fn is_done(&self) -> bool {
        self.state.get() == State::Done
    }

    /// The task came out of the ready queue: polls the future, or drops it if cancelled.
    /// `id` is its own, as in the waker of `cx`.
    pub fn run(&self, id: TaskId, cx: &mut Context<'_>) -> Ran {
        self.step(State::start);
        self_wake::begin(id);
        // SAFETY: the state was Queued and is Running until `finish` or `pause` below, and all
        // uses of the stage in this file look at it first. So nothing that the future does, in
        // its poll or its drop, reaches the stage a second time.
        let ready = unsafe {
            if self.cancelled.get() {
                self.stage.cancel();
                true
            } else {
                self.stage.poll(cx)
            }
        };
        let woke_itself = self_wake::end();
        if ready {
            return self.finish();
        }
        if woke_itself {
            let _it_runs_so_there_is_nothing_to_enqueue = self.wake();
        }
        match self.step(State::pause) {
            Pause::Park => Ran::Parked,
            Pause::Requeue => Ran::Again,
        }
    }

    /// The loop is going away: drops the future, whatever state it is in.
    pub fn evict(&self) -> Option<Waker> {
        let state = self.state.get();
        if state.is_running() || state == State::Done {
            return None;
        }
        self.state.set(State::Running);
        // SAFETY: as in `run`: not running before, running now.
        unsafe { self.stage.cancel() };
        match self.finish() {
            Ran::Done(joiner) => joiner,
            Ran::Parked | Ran::Again => None,
        }
    }

    /// The message of a panic that nobody has fetched.
    pub fn unread_panic(&self) -> Option<String> {
        if !self.is_done() {
            return None;
        }
        // SAFETY: a task that is done is never run again, and this runs no user code.
        unsafe { self.stage.unread_panic() }
    }

    fn step<R>(&self, step: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.get();
        let result = step(&mut state);
        self.state.set(state);
        result
    }

    fn finish(&self) -> Ran {
        self.step(State::finish);
        Ran::Done(self.joiner.take())
    }
}

impl<S: ?Sized> TaskCell<S> {
    /// Fetches the output, once; leaves the waker if there is none yet.
    ///
    /// # Panics
    /// If the output was fetched before.
    pub fn poll_join<T>(&self, cx: &mut Context<'_>) -> Poll<Result<T, TaskError>>
    where
        S: Join<T>,
    {
        match self.state.get() {
            State::Done => {}
            // Only its own future can ask while it runs.
            state if state.is_running() => return Poll::Ready(Err(TaskError::AwaitsItself)),
            _ => {
                let old = self.joiner.replace(Some(cx.waker().clone()));
                drop(old);
                return Poll::Pending;
            }
        }
        // SAFETY: a task that is done is never run again, and `take` moves the output out
        // without running user code.
        let output = unsafe { self.stage.take() };
        Poll::Ready(output.expect("a task's output was awaited a second time"))
    }

    /// Shows the value of a task that is done to `look`, if it has one and nobody fetched it.
    pub fn peek<T>(&self, look: &mut dyn FnMut(&T))
    where
        S: Join<T>,
    {
        /// However `look` ends, the task is done again.
        struct Restore<'a>(&'a Cell<State>);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.set(State::Done);
            }
        }
        if self.state.get() == State::Done {
            self.state.set(State::Running);
            let _restore = Restore(&self.state);
            // SAFETY: as in `run`: it counts as running, so nothing that `look` does reaches
            // the stage a second time.
            unsafe { self.stage.peek(look) };
        }
    }
}

/// The tail of a cell, whatever its type.
///
/// # Safety
/// No two of these calls may overlap on one stage, not even through the user code that they
/// run. `TaskCell` sees to that with its state.
#[allow(clippy::missing_safety_doc)] // the trait says it once for all
pub trait Body {
    /// Polls the future; true: the stage is now the output.
    unsafe fn poll(&self, cx: &mut Context<'_>) -> bool;
    /// Drops the future; the output is `Cancelled`.
    unsafe fn cancel(&self);
    /// The message, if the output is a panic.
    unsafe fn unread_panic(&self) -> Option<String>;
}

/// The same, and the type of the output.
#[allow(clippy::missing_safety_doc)] // as for `Body`
pub trait Join<T>: Body {
    /// Moves the output out.
    unsafe fn take(&self) -> Option<Result<T, TaskError>>;
    /// Shows the value, if there is one.
    unsafe fn peek(&self, look: &mut dyn FnMut(&T));
}

/// A future on its way to being an output.
pub struct Stage<F: Future>(UnsafeCell<Content<F>>);

/// Flat, and with a thin pointer to the panic, so that a small future decides the size.
enum Content<F: Future> {
    Future(F),
    Value(F::Output),
    Panicked(Box<Box<dyn Any + Send>>),
    Cancelled,
    Taken,
}

impl<F: Future> Stage<F> {
    /// The future's drop is user code and may panic; then the output stands all the same,
    /// because an assignment finishes while unwinding.
    ///
    /// # Safety
    /// As for [`Body`].
    unsafe fn conclude(&self, output: Content<F>) {
        // SAFETY: the caller lets nobody else at the content meanwhile.
        let content = unsafe { &mut *self.0.get() };
        if std::mem::needs_drop::<F>() {
            let _ = catch_unwind(AssertUnwindSafe(|| *content = output));
        } else {
            *content = output;
        }
    }
}

impl<F: Future> Body for Stage<F> {
    unsafe fn poll(&self, cx: &mut Context<'_>) -> bool {
        // SAFETY: the caller lets nobody else at the content meanwhile.
        let Content::Future(future) = (unsafe { &mut *self.0.get() }) else { return true };
        // SAFETY: the stage is made inside an `Rc` by `TaskCell::new` and its content is
        // private to this file, where a future is only polled here and otherwise only
        // overwritten in place, which drops it where it stands. So it never moves.
        let future = unsafe { Pin::new_unchecked(future) };
        let output = match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => return false,
            Ok(Poll::Ready(value)) => Content::Value(value),
            Err(payload) => Content::Panicked(Box::new(payload)),
        };
        // SAFETY: still the caller's promise; `future` is not used any more.
        unsafe { self.conclude(output) };
        true
    }

    unsafe fn cancel(&self) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.conclude(Content::Cancelled) };
    }

    unsafe fn unread_panic(&self) -> Option<String> {
        // SAFETY: the caller lets nobody else at the content meanwhile.
        match unsafe { &*self.0.get() } {
            Content::Panicked(payload) => Some(panic_message(&***payload)),
            _ => None,
        }
    }
}

impl<F: Future> Join<F::Output> for Stage<F> {
    unsafe fn take(&self) -> Option<Result<F::Output, TaskError>> {
        // SAFETY: the caller lets nobody else at the content meanwhile.
        let content = unsafe { &mut *self.0.get() };
        match std::mem::replace(content, Content::Taken) {
            Content::Value(value) => Some(Ok(value)),
            Content::Panicked(payload) => Some(Err(TaskError::Panicked(*payload))),
            Content::Cancelled => Some(Err(TaskError::Cancelled)),
            Content::Future(_) | Content::Taken => None,
        }
    }

    unsafe fn peek(&self, look: &mut dyn FnMut(&F::Output)) {
        // SAFETY: the caller lets nobody else at the content meanwhile.
        if let Content::Value(value) = unsafe { &*self.0.get() } {
            look(value);
        }
    }
}
