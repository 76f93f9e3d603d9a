//! A task: one block of memory, whose owners know nothing of the type of its future.
//!
//! *Assumes*: one thread; blocks of memory (`task/arena.rs`); the states' rules
//! (`task/state.rs`); a tail that is first a future and then its output (`task/stage.rs`).
//! *Promises*: a future is polled and dropped where it was born, and never while it runs;
//! the block goes back when the last owner has gone.
//! *Leaves out*: when to run (`task/ready_queue.rs`, `event_loop/scheduler.rs`).
//!
//! ```text
//!   slot ───┐        ┌ head ───────────────────────────────────────┐
//!   queue ──┼──────► │ verbs │ id │ owners │ state │ kind │ joiner │   40 bytes
//!   handle ─┘        ├ stage ───────────────┬──────────────────────┘
//!   AnyTask:         │ future ► output ► –  │
//!   one word         └──────────────────────┘
//!                        ▲
//!   verbs ──► poll, cancel, take, … for this type of future: a vtable, written by hand
//! ```
//! `Rc<TaskCell<dyn Body>>` would let the compiler write the table, with pointers of two words
//! and a `malloc` a task: a spawn and join takes 1.5 times as long then, a yield 1.25. tokio's
//! `RawTask` and async-task's header are built like this one, with atomics.
#![allow(unsafe_code)]

use crate::base::id::TaskId;
use crate::task::arena;
use crate::task::running as self_wake;
use crate::task::stage::{Stage, StageKind};
use crate::task::state::TaskError;
use crate::task::state::{Pause, TaskState};
use std::alloc::Layout;
use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::task::{Context, Poll, Waker};

/// What all tasks have in common.
pub struct Head {
    verbs: &'static TaskVtable,
    id: TaskId,
    owners: Cell<u32>,
    state: Cell<TaskState>,
    kind: Cell<StageKind>,
    joiner: Cell<Option<Waker>>,
}

/// The head, and the stage the task has come to. In this order, so that a pointer to the
/// whole is one to the head.
#[repr(C)]
struct TaskCell<F: Future> {
    head: Head,
    stage: Stage<F>,
}

/// What depends on the future's type. Each function wants the pointer of an [`AnyTask`] whose
/// verbs these are, and the promise of [`Stage`]: no two calls overlap.
struct TaskVtable {
    poll: unsafe fn(NonNull<Head>, &mut Context<'_>) -> bool,
    cancel: unsafe fn(NonNull<Head>),
    panic_message: unsafe fn(NonNull<Head>) -> String,
    /// Writes an `Option<Result<F::Output, TaskError>>` over the one that is there.
    take: unsafe fn(NonNull<Head>, NonNull<()>),
    /// An `F::Output`, if there is one.
    value: unsafe fn(NonNull<Head>) -> Option<NonNull<()>>,
    /// Drops what there is and gives the block back.
    free: unsafe fn(NonNull<Head>),
}

/// How a run ended.
#[must_use]
pub enum StepEnd {
    /// Pending, and nobody woke it meanwhile.
    Parked,
    /// Pending, and woken meanwhile: put it at the end of the queue.
    Again,
    /// Done; this waker belongs to whoever awaits the output.
    Done(Option<Waker>),
}

impl Head {
    /// The task's number.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Somebody used the waker. True: put the task into the ready queue.
    #[must_use]
    pub fn wake(&self) -> bool {
        self.step(TaskState::wake)
    }

    /// From now on a run drops the future instead of polling it.
    pub fn cancel(&self) {
        if self.kind.get() == StageKind::Future {
            self.kind.set(StageKind::Doomed);
        }
    }

    /// Where it is between its spawn and its end.
    pub fn state(&self) -> TaskState {
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
        self.state.get() == TaskState::Done
    }

    fn step<R>(&self, step: impl FnOnce(&mut TaskState) -> R) -> R {
        let mut state = self.state.get();
        let result = step(&mut state);
        self.state.set(state);
        result
    }

    fn finish(&self) -> StepEnd {
        self.step(TaskState::finish);
        StepEnd::Done(self.joiner.take())
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
        self_wake::begin(self.id);
        // SAFETY: the state was Queued, so there is a future; it is Running until `finish` or
        // `pause` below, and all uses of the stage in this file look at it first. So nothing
        // that the future does, in its poll or its drop, reaches the stage a second time.
        // `self` keeps the block.
        let ready = unsafe {
            if self.kind.get() == StageKind::Doomed {
                (self.verbs.cancel)(self.0);
                true
            } else {
                (self.verbs.poll)(self.0, cx)
            }
        };
        let woke_itself = self_wake::end();
        if ready {
            return self.finish();
        }
        if woke_itself {
            let _it_runs_so_there_is_nothing_to_enqueue = self.wake();
        }
        match self.step(TaskState::pause) {
            Pause::Park => StepEnd::Parked,
            Pause::Requeue => StepEnd::Again,
        }
    }

    /// The loop is going away: drops the future, whatever state it is in.
    pub fn cancel_now(&self) -> Option<Waker> {
        let state = self.state.get();
        if state.is_running() || state == TaskState::Done {
            return None;
        }
        self.state.set(TaskState::Running);
        // SAFETY: as in `run`: not running before, running now.
        unsafe { (self.verbs.cancel)(self.0) };
        match self.finish() {
            StepEnd::Done(joiner) => joiner,
            StepEnd::Parked | StepEnd::Again => None,
        }
    }

    /// The message of a panic that nobody has fetched.
    pub fn unread_panic(&self) -> Option<String> {
        if !self.is_done() || self.kind.get() != StageKind::Panic {
            return None; // without asking the tail, which costs a call through a pointer
        }
        // SAFETY: a task that is done is never run again, and this runs no user code.
        Some(unsafe { (self.verbs.panic_message)(self.0) })
    }

    /// True when nobody else has a share.
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
            // SAFETY: that was the last owner, so nobody is in any of the other verbs: their
            // callers are owners too.
            unsafe { (self.verbs.free)(self.0) };
        }
    }
}

/// A share of a task whose output is a `T`.
pub struct TaskOf<T> {
    task: AnyTask,
    /// As if in a box: it may be dropped with this, and does not move with it.
    output: PhantomData<Box<T>>,
}

impl<T> TaskOf<T> {
    /// Puts `future` where it will be polled and dropped. The task is born queued.
    pub fn new<F: Future<Output = T> + 'static>(id: TaskId, future: F) -> Self {
        let head = Head {
            verbs: &TaskCell::<F>::VERBS,
            id,
            owners: Cell::new(1),
            state: Cell::new(TaskState::Queued),
            kind: Cell::new(StageKind::Future),
            joiner: Cell::new(None),
        };
        let block = arena::take(Layout::new::<TaskCell<F>>()).cast();
        // SAFETY: the block has room for just this, and is ours.
        unsafe { block.write(TaskCell { head, stage: Stage::new(future) }) };
        TaskOf { task: AnyTask(block.cast()), output: PhantomData }
    }

    /// Fetches the output, once; leaves the waker if there is none yet.
    ///
    /// # Panics
    /// If the output was fetched before.
    pub fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<T, TaskError>> {
        match self.state.get() {
            TaskState::Done => {}
            // Only its own future can ask while it runs.
            state if state.is_running() => return Poll::Ready(Err(TaskError::AwaitsItself)),
            _ => {
                let old = self.joiner.replace(Some(cx.waker().clone()));
                drop(old);
                return Poll::Pending;
            }
        }
        let mut output: Option<Result<T, TaskError>> = None;
        // SAFETY: a task that is done is never run again, and `take` moves the output out
        // without running user code. `new` saw to it that the output is a `T`.
        unsafe { (self.verbs.take)(self.task.0, NonNull::from(&mut output).cast()) };
        Poll::Ready(output.expect("a task's output was awaited a second time"))
    }

    /// Shows the value of a task that is done to `look`, if it has one and nobody fetched it.
    pub fn peek<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        /// However `look` ends, the task is done again.
        struct Restore<'a>(&'a Cell<TaskState>);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.set(TaskState::Done);
            }
        }
        if self.state.get() != TaskState::Done {
            return None;
        }
        self.state.set(TaskState::Running);
        let _restore = Restore(&self.state);
        // SAFETY: as in `run`: it counts as running, so nothing that `look` does reaches the
        // stage a second time. `new` saw to it that the value is a `T`.
        let value = unsafe { (self.verbs.value)(self.task.0)?.cast::<T>().as_ref() };
        Some(look(value))
    }
}

impl<T> Deref for TaskOf<T> {
    type Target = AnyTask;

    fn deref(&self) -> &AnyTask {
        &self.task
    }
}

/// `Verbs` for a stage of `F`. Each passes its caller's promises on: the pointer is that of a
/// `TaskCell<F>`, and leads to all of it, because `TaskOf::new` made it so.
impl<F: Future> TaskCell<F> {
    const VERBS: TaskVtable = TaskVtable {
        poll: Self::poll,
        cancel: Self::cancel,
        panic_message: Self::panic_message,
        take: Self::take,
        value: Self::value,
        free: Self::free,
    };

    unsafe fn of<'a>(task: NonNull<Head>) -> &'a Self {
        // SAFETY: the promise above.
        unsafe { task.cast().as_ref() }
    }

    unsafe fn poll(task: NonNull<Head>, cx: &mut Context<'_>) -> bool {
        // SAFETY: the promises above; a block never moves.
        unsafe { Self::of(task).stage.poll(&task.as_ref().kind, cx) }
    }

    unsafe fn cancel(task: NonNull<Head>) {
        // SAFETY: the promises above.
        unsafe { Self::of(task).stage.cancel(&task.as_ref().kind) }
    }

    unsafe fn panic_message(task: NonNull<Head>) -> String {
        // SAFETY: the promises above.
        unsafe { Self::of(task).stage.panic_message(&task.as_ref().kind) }
    }

    unsafe fn take(task: NonNull<Head>, output: NonNull<()>) {
        // SAFETY: the promises above, and that of `take` about the place to write to.
        unsafe { *output.cast().as_mut() = Self::of(task).stage.take(&task.as_ref().kind) }
    }

    unsafe fn value(task: NonNull<Head>) -> Option<NonNull<()>> {
        // SAFETY: the promises above.
        let value = unsafe { Self::of(task).stage.value(&task.as_ref().kind) };
        value.map(|value| NonNull::from(value).cast())
    }

    unsafe fn free(task: NonNull<Head>) {
        /// Gives the block back, even if a drop panics.
        struct Block(NonNull<u8>, Layout);
        impl Drop for Block {
            fn drop(&mut self) {
                // SAFETY: `TaskOf::new` took it on this thread (a task is not `Send`), with
                // this layout, and what was in it has been dropped.
                unsafe { arena::give_back(self.0, self.1) };
            }
        }
        let _block = Block(task.cast(), Layout::new::<Self>());
        // SAFETY: the promises above: the last owner is gone.
        unsafe { ptr::drop_in_place(task.cast::<Self>().as_ptr()) };
    }
}

impl<F: Future> Drop for TaskCell<F> {
    fn drop(&mut self) {
        // SAFETY: nobody else has the cell any more.
        unsafe { self.stage.empty(&self.head.kind) };
    }
}
