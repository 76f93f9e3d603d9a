//! A task: one block of memory, whose owners do not know the type of its future.
//!
//! *Assumes*: one thread; blocks of memory (`task/arena.rs`); the rules of `task/state.rs`.
//! *Promises*: a future is polled and dropped where it was born, and never while it runs; it is
//! dropped exactly once, before its output is there; a panic in it or in its drop goes no further
//! than to whoever ran it, as a value; the block goes back with the last owner.
//! *Leaves out*: when to run (`task/ready_queue.rs`, `event_loop/scheduler.rs`).
//!
//! ```text
//!   slot ───┐        ┌ head ────────────────────────────────────────┐
//!   queue ──┼──────► │ vtable │ id │ owners │ state │ kind │ joiner │   40 bytes
//!   handle ─┘        ├ stage ───────────────┬───────────────────────┘
//!   AnyTask:         │ future ► output ► –  │   which of them: `kind`, the tag of this union.
//!   one word         └──────────────────────┘   In the head, since here it would cost a word
//!
//!   vtable ──► poll, cancel and free for this type of future: written by hand
//! ```
//! [`TaskState`] says who may reach the stage, `kind` what it holds. Of the thirty combinations
//! these occur:
//! ```text
//!                   Future            MustCancel        Empty            Value Panic Cancelled
//!   Idle            parked ────c────► parked
//!                   w│  ▲p            w│  ▲p
//!   Queued   new ─► queued ───c────► queued
//!                   r│  ▲p            r│  ▲p
//!   Running         polled ────c────► polled still ─┐
//!   RunningWoken       └──────────────e─────────────┴─► its drop runs ─o─► a moment, or `peek`
//!                                                                             f│  ▲k
//!   Done                                                fetched ◄────t──── to be fetched
//!
//!   w wake · r run · p pause · c cancel · e empty · o output written · f finish · k peek · t take
//! ```
//! A task that must be cancelled is not polled when it runs: `r` and `e` in one. So is `cancel_now`,
//! from `Idle` too. A poll that is `Ready` although the task was cancelled in it keeps its value.
//! `k` starts from a value only. The last owner may go in any row but the two of `Running`.
//!
//! `Rc<TaskCell<dyn Body>>` would let the compiler write the table, with pointers of two words
//! and a `malloc` a task: a spawn and join takes 1.5 times as long then, a yield 1.25. tokio's
//! `RawTask` and async-task's header are built like this one, with atomics.
#![allow(unsafe_code)]

use crate::base::id::TaskId;
use crate::base::panic::panic_message;
use crate::task::state::{PanicPayload, Pause, StepEnd, TaskEnd, TaskError, TaskState};
use crate::task::{arena, running};
use std::alloc::Layout;
use std::cell::{Cell, UnsafeCell};
use std::future::Future;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, needs_drop, offset_of};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::task::{Context, Poll, Waker};

/// What all tasks have in common.
pub struct Head {
    vtable: &'static TaskVtable,
    id: TaskId,
    owners: Cell<u32>,
    state: Cell<TaskState>,
    kind: Cell<StageKind>,
    joiner: Cell<Option<Waker>>,
}

impl Head {
    /// The task's number.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// The waker was used. True: put the task into the ready queue.
    #[must_use]
    pub fn wake(&self) -> bool {
        self.step(TaskState::wake)
    }

    /// From now on a run drops the future instead of polling it.
    pub fn cancel(&self) {
        if self.kind.get() == StageKind::Future {
            self.kind.set(StageKind::MustCancel);
        }
    }

    /// Whether its next run drops the future.
    pub fn is_cancelled(&self) -> bool {
        self.kind.get() == StageKind::MustCancel
    }

    /// Where it is between its spawn and its end.
    pub fn state(&self) -> TaskState {
        self.state.get()
    }

    /// The waker of the task that awaits the output.
    pub fn joiner(&self) -> Option<Waker> {
        let joiner = self.joiner.take();
        let copy = joiner.clone();
        self.joiner.set(joiner);
        copy
    }

    /// True when the future is gone.
    pub fn is_done(&self) -> bool {
        self.state.get() == TaskState::Done
    }

    fn step<R>(&self, step: impl FnOnce(&mut TaskState) -> R) -> R {
        let mut state = self.state.get();
        let result = step(&mut state);
        self.state.set(state);
        result
    }

    fn finish(&self, drop_panic: Option<PanicPayload>) -> TaskEnd {
        self.step(TaskState::finish);
        TaskEnd { joiner: self.joiner.take(), drop_panic }
    }
}

/// A share of a task of any type.
pub struct AnyTask(NonNull<Head>);

impl AnyTask {
    /// The task came out of the ready queue: polls the future, or drops it if cancelled.
    ///
    /// # Panics
    /// If the task is not queued.
    pub fn run(&self, cx: &mut Context<'_>) -> StepEnd {
        assert!(self.state.get() == TaskState::Queued, "only a queued task can run");
        self.step(TaskState::start);
        running::begin(self.id);
        // SAFETY: the state was Queued, so the stage holds a future. Until `finish` or `pause` below
        // the state is one of the two Runnings, in which every other path to the stage is closed:
        // `run`, `cancel_now`, `unread_panic`, `poll_join` and `peek` ask for another state first.
        // So the user code in this call, the future's poll and its drop, reaches the stage no
        // second time. `self` is an owner, so there is no `free`.
        let polled = unsafe {
            if self.kind.get() == StageKind::MustCancel {
                Poll::Ready((self.vtable.cancel)(self.0))
            } else {
                (self.vtable.poll)(self.0, cx)
            }
        };
        let woke_itself = running::end();
        if let Poll::Ready(drop_panic) = polled {
            return StepEnd::Done(self.finish(drop_panic));
        }
        if woke_itself {
            // Always false, as the task runs; `pause` below says where it goes.
            let _enqueue = self.wake();
        }
        match self.step(TaskState::pause) {
            Pause::Park => StepEnd::Parked,
            Pause::Requeue => StepEnd::Again,
        }
    }

    /// The loop is going away: drops the future, unless it runs or is gone.
    pub fn cancel_now(&self) -> Option<TaskEnd> {
        let state = self.state.get();
        if state.is_running() || state == TaskState::Done {
            return None;
        }
        self.state.set(TaskState::Running);
        // SAFETY: as in `run`: the state was Idle or Queued, so the stage holds a future; it is
        // Running until `finish`, so the future's drop reaches the stage no second time; `self`
        // is an owner. A later `run` is refused, since the state is no longer Queued.
        let drop_panic = unsafe { (self.vtable.cancel)(self.0) };
        Some(self.finish(drop_panic))
    }

    /// The message of a panic that has not been fetched.
    pub fn unread_panic(&self) -> Option<String> {
        if !self.is_done() || self.kind.get() != StageKind::Panic {
            return None; // without a call through the vtable
        }
        // SAFETY: `kind` says that the stage holds a payload. The state is Done, so no call is
        // inside the stage, and reading a message runs no user code that could begin one.
        let payload = unsafe { self.stage().cast::<PanicPayload>().as_ref() };
        Some(panic_message(&***payload))
    }

    /// Where the stage is. Safe code may ask; to follow it takes a reason.
    fn stage(&self) -> NonNull<()> {
        // SAFETY: `self` is an owner, so the block is there, and it is a head and a stage, so
        // many bytes apart.
        unsafe { self.0.byte_add(self.vtable.stage).cast() }
    }

    /// True when this is the only share.
    pub fn is_last(&self) -> bool {
        self.owners.get() == 1
    }
}

impl Deref for AnyTask {
    type Target = Head;

    fn deref(&self) -> &Head {
        // SAFETY: the block lives as long as its owners, of which `self` is one, and a head is
        // changed through its cells alone.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for AnyTask {
    fn clone(&self) -> AnyTask {
        let owners = self.owners.get().checked_add(1);
        self.owners.set(owners.expect("a task has fewer than 2^32 owners"));
        AnyTask(self.0)
    }
}

impl Drop for AnyTask {
    fn drop(&mut self) {
        let others = self.owners.get() - 1;
        self.owners.set(others);
        if others == 0 {
            // SAFETY: this was the last owner. Every other call through the vtable is made with
            // a borrow of an owner, so none is in progress, and none can follow.
            unsafe { (self.vtable.free)(self.0) };
        }
    }
}

/// A share of a task whose output is a `T`.
pub struct TaskOf<T> {
    task: AnyTask,
    output: PhantomData<Box<T>>, // as if in a box: may be dropped with this, does not move with it
}

impl<T> TaskOf<T> {
    /// Puts `future` where it will be polled and dropped. The task is born queued.
    pub fn new<F: Future<Output = T> + 'static>(id: TaskId, future: F) -> Self {
        let head = Head {
            vtable: &TaskCell::<F>::VTABLE,
            id,
            owners: Cell::new(1),
            state: Cell::new(TaskState::Queued),
            kind: Cell::new(StageKind::Future),
            joiner: Cell::new(None),
        };
        let stage = UnsafeCell::new(Stage { future: ManuallyDrop::new(future) });
        let block = arena::take(Layout::new::<TaskCell<F>>()).cast();
        // SAFETY: the arena gave a block with room for just this, and gave it to this call alone.
        unsafe { block.write(TaskCell { head, stage }) };
        TaskOf { task: AnyTask(block.cast()), output: PhantomData }
    }

    /// Fetches the output, once; leaves the waker if there is none yet.
    ///
    /// # Panics
    /// If the output was fetched before.
    pub fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<T, TaskError>> {
        match self.state.get() {
            TaskState::Done => {}
            // Others can ask while it runs: an eager task that begins in its step.
            state if state.is_running() && running::is(self.id()) => {
                return Poll::Ready(Err(TaskError::AwaitsItself));
            }
            _ => {
                drop(self.joiner.replace(Some(cx.waker().clone())));
                return Poll::Pending;
            }
        }
        let stage = self.stage();
        Poll::Ready(match self.kind.replace(StageKind::Empty) {
            // SAFETY: `kind` said that the stage holds a value, which is a `T` since `new` made the
            // task from a future with that output; from here on `kind` says that it is moved out.
            // The state is Done, so no call is inside the stage.
            StageKind::Value => Ok(unsafe { stage.cast().read() }),
            StageKind::Panic => {
                // SAFETY: the same, of the payload of a panic.
                let payload = unsafe { stage.cast::<PanicPayload>().read() };
                Err(TaskError::Panicked(*payload))
            }
            StageKind::Cancelled => Err(TaskError::Cancelled),
            StageKind::Future | StageKind::MustCancel | StageKind::Empty => {
                panic!("a task's output was awaited a second time")
            }
        })
    }

    /// Shows `look` the value of a task that is done, if it has one that was not fetched.
    pub fn peek<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        /// However `look` ends, the task is done again.
        struct Restore<'a>(&'a Cell<TaskState>);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.set(TaskState::Done);
            }
        }
        if !self.is_done() || self.kind.get() != StageKind::Value {
            return None;
        }
        self.state.set(TaskState::Running);
        let _restore = Restore(&self.state);
        // SAFETY: `kind` says that the stage holds a value, a `T` as in `poll_join`. As in `run`: until
        // `_restore` is dropped, after the last use of the value, the task counts as running, so
        // nothing that `look` does reaches the stage.
        let value = unsafe { self.stage().cast::<T>().as_ref() };
        Some(look(value))
    }
}

impl<T> Deref for TaskOf<T> {
    type Target = AnyTask;

    fn deref(&self) -> &AnyTask {
        &self.task
    }
}

/// What depends on the future's type. [`TaskCell`] says what the functions ask of their callers.
struct TaskVtable {
    stage: usize, // bytes from the head to it
    // Ready: the output is there; with the panic of the future's drop, if there was one.
    poll: unsafe fn(NonNull<Head>, &mut Context<'_>) -> Poll<Option<PanicPayload>>,
    cancel: unsafe fn(NonNull<Head>) -> Option<PanicPayload>,
    free: unsafe fn(NonNull<Head>), // drops what there is and gives the block back
}

/// The tag of the union below: what the stage holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StageKind {
    Future,
    MustCancel, // a future too, which a run drops instead of polling it, as asyncio's `_must_cancel`
    Value,
    Panic,
    Cancelled, // nothing: the future was dropped before it was ready
    Empty,     // nothing: the content is being dropped, or the output was fetched
}

/// A future on its way to being an output. All fields begin where it does (`repr(C)`), so that
/// the output can be reached without the type of the future.
#[repr(C)]
union Stage<F: Future> {
    future: ManuallyDrop<F>,
    value: ManuallyDrop<F::Output>,
    panic: ManuallyDrop<PanicPayload>,
}

/// The head and the stage, in this order, so that a pointer to the whole is one to the head.
///
/// All `unsafe` functions here ask the same of their callers, which are all in this file: the
/// pointer is that of an [`AnyTask`] whose vtable this is (`TaskOf::new` derived it from the whole
/// cell), the cell is alive, and no two of these calls for one task overlap, not even through the
/// user code that they run. `kind` says at all times what the stage holds.
#[repr(C)]
struct TaskCell<F: Future> {
    head: Head,
    stage: UnsafeCell<Stage<F>>,
}

impl<F: Future> TaskCell<F> {
    const VTABLE: TaskVtable = TaskVtable {
        stage: offset_of!(Self, stage),
        poll: Self::poll,
        cancel: Self::cancel,
        free: Self::free,
    };

    unsafe fn of<'a>(task: NonNull<Head>) -> &'a Self {
        // SAFETY: the pointer leads to a whole `TaskCell<F>`, whose head is first; the caller has
        // an owner for as long as it uses the reference; all that changes is in cells.
        unsafe { task.cast().as_ref() }
    }

    unsafe fn poll(task: NonNull<Head>, cx: &mut Context<'_>) -> Poll<Option<PanicPayload>> {
        // SAFETY: the caller's promises.
        let cell = unsafe { Self::of(task) };
        // SAFETY: no call overlaps with this one, so this is the only reference into the stage;
        // the callers poll only in a state in which `kind` is Future.
        let future = unsafe { &mut *(*cell.stage.get()).future };
        // SAFETY: a block never moves, and `empty` drops a future where it stands.
        let future = unsafe { Pin::new_unchecked(future) };
        let (then, output) = match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => (StageKind::Value, Stage { value: ManuallyDrop::new(value) }),
            Err(payload) => {
                (StageKind::Panic, Stage { panic: ManuallyDrop::new(Box::new(payload)) })
            }
        };
        // SAFETY: the caller's promises; `future` is not used any more.
        Poll::Ready(unsafe { cell.conclude(then, Some(output)) })
    }

    unsafe fn cancel(task: NonNull<Head>) -> Option<PanicPayload> {
        // SAFETY: the caller's promises. A cancelled task holds nothing.
        unsafe { Self::of(task).conclude(StageKind::Cancelled, None) }
    }

    /// Replaces the future by its output, which is of the kind `then`. The future's drop is
    /// user code and may panic: the output is written all the same, and the payload returned.
    unsafe fn conclude(&self, then: StageKind, output: Option<Stage<F>>) -> Option<PanicPayload> {
        // SAFETY: the caller's promises.
        let empty = || unsafe { self.empty() };
        let drop_panic = match needs_drop::<F>() {
            true => catch_unwind(AssertUnwindSafe(empty)).err().map(Box::new),
            false => None,
        };
        if let Some(output) = output {
            // SAFETY: no call overlaps with this one, and the future has been dropped (or needs
            // no drop), so nothing that is alive is written over.
            unsafe { self.stage.get().write(output) };
        }
        self.head.kind.set(then);
        drop_panic
    }

    unsafe fn free(task: NonNull<Head>) {
        /// Gives the block back, even if a drop panics.
        struct Block(NonNull<u8>, Layout);
        impl Drop for Block {
            fn drop(&mut self) {
                // SAFETY: `TaskOf::new` took it on this thread (a task is not `Send`), with
                // this layout. The cell in it was dropped before: `free` makes this guard first.
                unsafe { arena::give_back(self.0, self.1) };
            }
        }
        let _block = Block(task.cast(), Layout::new::<Self>());
        // SAFETY: the last owner is gone, so no other reference to the cell exists, and what its
        // drop runs has no way to get one: the stage goes first, then the head and its joiner.
        unsafe { ptr::drop_in_place(task.cast::<Self>().as_ptr()) };
    }

    /// Drops what there is.
    unsafe fn empty(&self) {
        // Noted first: whatever the drop does, there is nothing left to drop again.
        let was = self.head.kind.replace(StageKind::Empty);
        // SAFETY: no call overlaps with this one, and `kind` was the tag of the field.
        unsafe {
            let stage = &mut *self.stage.get();
            match was {
                StageKind::Future | StageKind::MustCancel => {
                    ManuallyDrop::drop(&mut stage.future);
                }
                StageKind::Value => ManuallyDrop::drop(&mut stage.value),
                StageKind::Panic => ManuallyDrop::drop(&mut stage.panic),
                StageKind::Cancelled | StageKind::Empty => {}
            }
        }
    }
}

impl<F: Future> Drop for TaskCell<F> {
    fn drop(&mut self) {
        // SAFETY: `free` drops the cell, when no owner is left and no other call in progress.
        unsafe { self.empty() };
    }
}
