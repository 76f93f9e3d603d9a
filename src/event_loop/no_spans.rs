//! What stands for `spans.rs` without the feature `tracing`: functions that do nothing.
//!
//! *Promises*: the same functions, and no code where they are called.
//! *Leaves out*: everything else.

use crate::base::id::{LoopId, TaskId};
use std::panic::Location;
use std::time::Duration;

/// Nobody listens.
#[inline(always)]
pub const fn on() -> bool {
    false
}

/// A task has been made.
#[inline(always)]
pub fn made(_: TaskId, _: &str, _: &str, _: Option<&'static Location<'static>>) {}

/// A task has ended.
#[inline(always)]
pub fn ended(_: TaskId) {}

/// Runs a step of a task.
#[inline(always)]
pub fn within<R>(_: TaskId, step: impl FnOnce() -> R) -> R {
    step()
}

/// A step has taken so long.
#[inline(always)]
pub fn stepped(_: TaskId, _: Duration, _: bool, _: Duration) {}

/// There is one more waker of the task.
#[inline(always)]
pub fn cloned(_: TaskId) {}

/// A waker of the task is dropped.
#[inline(always)]
pub fn dropped(_: TaskId) {}

/// A waker of the task is used, and stays.
#[inline(always)]
pub fn woken(_: TaskId) {}

/// A waker of the task is used up by `wake`.
#[inline(always)]
pub fn used_up(_: TaskId, wake: impl FnOnce()) {
    wake();
}

/// None is known.
#[inline(always)]
pub fn suspects(_: LoopId) -> Vec<TaskId> {
    Vec::new()
}

/// They are not told.
#[inline(always)]
pub fn tell_lost(_: &[TaskId]) {}

/// None is known.
#[inline(always)]
pub fn lost(_: LoopId) -> Vec<TaskId> {
    Vec::new()
}
