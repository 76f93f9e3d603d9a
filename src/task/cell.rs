//! One allocation that is first a future and then its output.
//!
//! *Assumes*: one thread; the states' rules (`task/state.rs`).
//! *Promises*: the future is dropped exactly once, where it stands, before anybody is told
//! that it is done; a panic in it, or in its drop, stays in the cell.
//! *Leaves out*: when to run (`task/ready.rs`, `task/scheduler.rs`).
//!
//! ```text
//!   slot, queue ── Rc<TaskCell<dyn Body>> ───┐   ┌───────────────────────────────────┐
//!                                            ├─► │ key │ state │ kind │ joiner       │
//!   handle ─────── Rc<TaskCell<dyn Join>> ───┘   │ stage: future ─► output ─► empty  │
//!                                                └───────────────────────────────────┘
//! ```
//! The head of a cell has the same shape for all types, so the queue reads it without a
//! virtual call. The tail is a future or its output, in the same bytes; which of them, the
//! head knows (`kind`): a tag of the tail's own would cost a word. Two allocations would need no unsafe and
//! cost 60 ns per spawn and join instead of 39. async-task and tokio also use one, with
//! hand-written vtables; here `dyn` makes the compiler write them.
#![allow(unsafe_code)]

use crate::base::error::panic_message;
use crate::base::id::TaskId;
use crate::task::error::TaskError;
use crate::task::self_wake;
use crate::task::state::{Pause, State};
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A task: its head, and the stage it has come to.
pub struct TaskCell<S: Body + ?Sized> {
    /// The low halves of the task's id; see [`TaskCell::key`].
    index: u32,
    generation: u16,
    state: Cell<State>,
    kind: Cell<Kind>,
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
    pub fn new((index, generation): (u32, u16), future: F) -> Rc<Self> {
        Rc::new(TaskCell {
            index,
            generation,
            state: Cell::new(State::Queued),
            kind: Cell::new(Kind::Future),
            joiner: Cell::new(None),
            stage: Stage(UnsafeCell::new(Content { future: ManuallyDrop::new(future) })),
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
        if self.kind.get() == Kind::Future {
            self.kind.set(Kind::Doomed);
        }
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
            if self.kind.get() == Kind::Doomed {
                self.stage.cancel(&self.kind);
                true
            } else {
                self.stage.poll(&self.kind, cx)
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
        unsafe { self.stage.cancel(&self.kind) };
        match self.finish() {
            Ran::Done(joiner) => joiner,
            Ran::Parked | Ran::Again => None,
        }
    }

    /// The message of a panic that nobody has fetched.
    pub fn unread_panic(&self) -> Option<String> {
        if !self.is_done() || self.kind.get() != Kind::Panic {
            return None; // without asking the tail, whose type costs a virtual call
        }
        // SAFETY: a task that is done is never run again, and this runs no user code.
        Some(unsafe { self.stage.panic_message(&self.kind) })
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

impl<S: Body + ?Sized> TaskCell<S> {
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
        let output = unsafe { self.stage.take(&self.kind) };
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
            unsafe { self.stage.peek(&self.kind, look) };
        }
    }
}

impl<S: Body + ?Sized> Drop for TaskCell<S> {
    fn drop(&mut self) {
        if !matches!(self.kind.get(), Kind::Cancelled | Kind::Empty) {
            // SAFETY: nobody else has the cell any more.
            unsafe { self.stage.empty(&self.kind) };
        }
    }
}

/// What the tail of a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A future.
    Future,
    /// A future that is to be dropped instead of polled.
    Doomed,
    /// Its value.
    Value,
    /// The payload of its panic.
    Panic,
    /// Nothing: it was cancelled.
    Cancelled,
    /// Nothing: what there was is gone.
    Empty,
}

/// The tail of a cell, whatever its type.
///
/// # Safety
/// `kind` is the cell's own. No two of these calls may overlap on one tail, not even through
/// the user code that they run. `TaskCell` sees to that with its state.
#[allow(clippy::missing_safety_doc)] // the trait says it once for all
pub trait Body {
    /// Polls the future; true: the tail is now the output.
    unsafe fn poll(&self, kind: &Cell<Kind>, cx: &mut Context<'_>) -> bool;
    /// Drops the future; the output is `Cancelled`.
    unsafe fn cancel(&self, kind: &Cell<Kind>);
    /// The message of the panic that the output is.
    unsafe fn panic_message(&self, kind: &Cell<Kind>) -> String;
    /// Drops what there is.
    unsafe fn empty(&self, kind: &Cell<Kind>);
}

/// The same, and the type of the output.
#[allow(clippy::missing_safety_doc)] // as for `Body`
pub trait Join<T>: Body {
    /// Moves the output out.
    unsafe fn take(&self, kind: &Cell<Kind>) -> Option<Result<T, TaskError>>;
    /// Shows the value, if there is one.
    unsafe fn peek(&self, kind: &Cell<Kind>, look: &mut dyn FnMut(&T));
}

/// A future on its way to being an output.
pub struct Stage<F: Future>(UnsafeCell<Content<F>>);

/// In the same bytes; the cell's [`Kind`] says which. The pointer to the panic is thin, so
/// that a small future decides the size.
union Content<F: Future> {
    future: ManuallyDrop<F>,
    value: ManuallyDrop<F::Output>,
    panic: ManuallyDrop<Box<Box<dyn Any + Send>>>,
}

impl<F: Future> Stage<F> {
    /// Replaces the future by its output. The future's drop is user code and may panic; the
    /// output stands all the same.
    ///
    /// # Safety
    /// As for [`Body`]; `output` is of the kind `then`.
    unsafe fn conclude(&self, kind: &Cell<Kind>, then: Kind, output: Option<Content<F>>) {
        // SAFETY: the caller's promise is the same.
        let drop_it = || unsafe { self.empty(kind) };
        if std::mem::needs_drop::<F>() {
            let _ = catch_unwind(AssertUnwindSafe(drop_it));
        }
        if let Some(output) = output {
            // SAFETY: the caller lets nobody else at the content, and it is empty.
            unsafe { self.0.get().write(output) };
        }
        kind.set(then);
    }
}

impl<F: Future> Body for Stage<F> {
    unsafe fn poll(&self, kind: &Cell<Kind>, cx: &mut Context<'_>) -> bool {
        debug_assert_eq!(kind.get(), Kind::Future);
        // SAFETY: the caller lets nobody else at the content, and a task that is queued holds
        // its future: only `run` and `evict` take it, and then the task is done.
        let future = unsafe { &mut *(*self.0.get()).future };
        // SAFETY: the tail is made inside an `Rc` by `TaskCell::new` and its content is
        // private to this file, where a future is only polled here and otherwise only dropped
        // in place. So it never moves.
        let future = unsafe { Pin::new_unchecked(future) };
        let (then, output) = match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => return false,
            Ok(Poll::Ready(value)) => (Kind::Value, Content { value: ManuallyDrop::new(value) }),
            Err(payload) => (Kind::Panic, Content { panic: ManuallyDrop::new(Box::new(payload)) }),
        };
        // SAFETY: still the caller's promise; `future` is not used any more.
        unsafe { self.conclude(kind, then, Some(output)) };
        true
    }

    unsafe fn cancel(&self, kind: &Cell<Kind>) {
        // SAFETY: the caller's promise is the same; nothing is what a cancelled task holds.
        unsafe { self.conclude(kind, Kind::Cancelled, None) };
    }

    unsafe fn panic_message(&self, kind: &Cell<Kind>) -> String {
        assert_eq!(kind.get(), Kind::Panic);
        // SAFETY: the caller lets nobody else at the content, which is what `kind` says.
        panic_message(unsafe { &***(*self.0.get()).panic })
    }

    unsafe fn empty(&self, kind: &Cell<Kind>) {
        // Noted first: whatever the drop does, there is nothing left to drop again.
        let was = kind.replace(Kind::Empty);
        // SAFETY: the caller lets nobody else at the content, which was what `kind` said.
        unsafe {
            let content = &mut *self.0.get();
            match was {
                Kind::Future | Kind::Doomed => ManuallyDrop::drop(&mut content.future),
                Kind::Value => ManuallyDrop::drop(&mut content.value),
                Kind::Panic => ManuallyDrop::drop(&mut content.panic),
                Kind::Cancelled | Kind::Empty => {}
            }
        }
    }
}

impl<F: Future> Join<F::Output> for Stage<F> {
    unsafe fn take(&self, kind: &Cell<Kind>) -> Option<Result<F::Output, TaskError>> {
        // SAFETY: the caller lets nobody else at the content, which was what `kind` said and
        // is nothing from now on.
        unsafe {
            let content = &mut *self.0.get();
            match kind.replace(Kind::Empty) {
                Kind::Value => Some(Ok(ManuallyDrop::take(&mut content.value))),
                Kind::Panic => {
                    Some(Err(TaskError::Panicked(*ManuallyDrop::take(&mut content.panic))))
                }
                Kind::Cancelled => Some(Err(TaskError::Cancelled)),
                Kind::Future | Kind::Doomed | Kind::Empty => None,
            }
        }
    }

    unsafe fn peek(&self, kind: &Cell<Kind>, look: &mut dyn FnMut(&F::Output)) {
        if kind.get() == Kind::Value {
            // SAFETY: the caller lets nobody else at the content, which is a value.
            look(unsafe { &*(*self.0.get()).value });
        }
    }
}
