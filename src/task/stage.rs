//! What a task is from one moment to the next: a future, then its output, then nothing.
//!
//! *Assumes*: one thread; a caller that lets no two calls overlap (`task/cell.rs`).
//! *Promises*: the future is dropped exactly once, where it stands, and before its output is
//! there; a panic in it, or in its drop, stays here.
//! *Leaves out*: who may call, and when.
//!
//! ```text
//!   Future ──────── poll: ready ──► Value ──┐
//!     │  └───────── poll: panic ──► Panic ──┼─ take ──► Empty
//!     ├─ doomed ─┐                          │
//!     └──────────┴─ cancel ──► Cancelled ───┘
//! ```
//! Future and output stand in the same bytes. Which of them, the task's head knows (`kind`):
//! a tag here would cost a word a task.
#![allow(unsafe_code)]

use crate::base::panic::{discard, panic_message};
use crate::task::state::TaskError;
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a stage holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageKind {
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

/// A future on its way to being an output.
///
/// For all its `unsafe` methods: `kind` is the one that belongs to this stage, and no two of
/// these calls overlap, not even through the user code that they run.
pub struct Stage<F: Future>(UnsafeCell<Content<F>>);

/// The pointer to the panic is thin, so that a small future decides the size.
union Content<F: Future> {
    future: ManuallyDrop<F>,
    value: ManuallyDrop<F::Output>,
    panic: ManuallyDrop<Box<Box<dyn Any + Send>>>,
}

#[allow(clippy::missing_safety_doc)] // the type says it once for all
impl<F: Future> Stage<F> {
    /// Holds a [`StageKind::Future`].
    pub fn new(future: F) -> Self {
        Stage(UnsafeCell::new(Content { future: ManuallyDrop::new(future) }))
    }

    /// Polls the future; true: its output is there. The stage does not move from now on.
    pub unsafe fn poll(&self, kind: &Cell<StageKind>, cx: &mut Context<'_>) -> bool {
        debug_assert_eq!(kind.get(), StageKind::Future);
        // SAFETY: no two calls overlap, so this is the one reference into the content; `kind`
        // says that it is a future.
        let future = unsafe { &mut *(*self.0.get()).future };
        // SAFETY: the caller does not move the stage, and here a future is only ever dropped
        // where it stands.
        let future = unsafe { Pin::new_unchecked(future) };
        let (then, output) = match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => return false,
            Ok(Poll::Ready(value)) => {
                (StageKind::Value, Content { value: ManuallyDrop::new(value) })
            }
            Err(payload) => {
                (StageKind::Panic, Content { panic: ManuallyDrop::new(Box::new(payload)) })
            }
        };
        // SAFETY: the caller's promise is the same; `future` is not used any more.
        unsafe { self.conclude(kind, then, Some(output)) };
        true
    }

    /// Drops the future; the output is [`StageKind::Cancelled`].
    pub unsafe fn cancel(&self, kind: &Cell<StageKind>) {
        // SAFETY: the caller's promise is the same; nothing is what a cancelled task holds.
        unsafe { self.conclude(kind, StageKind::Cancelled, None) };
    }

    /// Replaces the future by its output, which is of the kind `then`. The future's drop is
    /// user code and may panic; the output stands all the same.
    unsafe fn conclude(&self, kind: &Cell<StageKind>, then: StageKind, output: Option<Content<F>>) {
        // SAFETY: the caller's promise is the same.
        let drop_it = || unsafe { self.empty(kind) };
        if std::mem::needs_drop::<F>() {
            let dropped = catch_unwind(AssertUnwindSafe(drop_it));
            dropped.unwrap_or_else(discard);
        }
        if let Some(output) = output {
            // SAFETY: the caller lets nobody else at the content, and it is empty.
            unsafe { self.0.get().write(output) };
        }
        kind.set(then);
    }

    /// The message of the panic that the output is.
    pub unsafe fn panic_message(&self, kind: &Cell<StageKind>) -> String {
        assert_eq!(kind.get(), StageKind::Panic);
        // SAFETY: the caller lets nobody else at the content, which is what `kind` says.
        panic_message(unsafe { &***(*self.0.get()).panic })
    }

    /// Moves the output out; `None` if that has happened before. Only once the future is gone.
    pub unsafe fn take(&self, kind: &Cell<StageKind>) -> Option<Result<F::Output, TaskError>> {
        // SAFETY: the caller lets nobody else at the content, which was what `kind` said and
        // is nothing from now on.
        unsafe {
            let content = &mut *self.0.get();
            match kind.replace(StageKind::Empty) {
                StageKind::Value => Some(Ok(ManuallyDrop::take(&mut content.value))),
                StageKind::Panic => {
                    Some(Err(TaskError::Panicked(*ManuallyDrop::take(&mut content.panic))))
                }
                StageKind::Cancelled => Some(Err(TaskError::Cancelled)),
                StageKind::Future | StageKind::Doomed | StageKind::Empty => None,
            }
        }
    }

    /// The value, if there is one, for as long as the caller keeps its promise.
    pub unsafe fn value(&self, kind: &Cell<StageKind>) -> Option<&F::Output> {
        // SAFETY: the caller lets nobody else at the content, which is what `kind` says.
        (kind.get() == StageKind::Value).then(|| unsafe { &*(*self.0.get()).value })
    }

    /// Drops what there is.
    pub unsafe fn empty(&self, kind: &Cell<StageKind>) {
        // Noted first: whatever the drop does, there is nothing left to drop again.
        let was = kind.replace(StageKind::Empty);
        // SAFETY: the caller lets nobody else at the content, which was what `kind` said.
        unsafe {
            let content = &mut *self.0.get();
            match was {
                StageKind::Future | StageKind::Doomed => ManuallyDrop::drop(&mut content.future),
                StageKind::Value => ManuallyDrop::drop(&mut content.value),
                StageKind::Panic => ManuallyDrop::drop(&mut content.panic),
                StageKind::Cancelled | StageKind::Empty => {}
            }
        }
    }
}
