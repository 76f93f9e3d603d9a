//! The shortest wake: a task that wakes itself while it runs.
//!
//! *Assumes*: a thread runs one task at a time, or one inside another (`event_loop/scheduler.rs`).
//! *Promises*: such a wake is one comparison and one store; no table is looked up.
//! *Leaves out*: all other wakes (`event_loop/waker.rs`).
//!
//! Yielding, running out of budget and most hand-written futures end a poll by waking their
//! own task. The way through loop, slot and state costs four times as much.

use crate::base::id::TaskId;
use std::cell::Cell;

/// The running task, as a number (0: none), and whether it woke itself.
struct RunningTask {
    id: Cell<u64>,
    woken: Cell<bool>,
}

thread_local! {
    static RUNNING: RunningTask = const { RunningTask { id: Cell::new(0), woken: Cell::new(false) } };
}

/// A task's poll begins.
pub fn begin(id: TaskId) {
    RUNNING.with(|running| {
        running.id.set(id.raw());
        running.woken.set(false);
    });
}

/// The poll has ended. True: the task woke itself in it.
pub fn end() -> bool {
    RUNNING.with(|running| {
        running.id.set(0);
        running.woken.get()
    })
}

/// The waker of `id` was used. True: it is the task that runs here, and nothing else is to be done.
pub fn wake(id: TaskId) -> bool {
    RUNNING.with(|running| {
        let is_own = running.id.get() == id.raw();
        if is_own {
            running.woken.set(true);
        }
        is_own
    })
}

/// Whether it is the task that runs here, and not one in whose step that runs.
pub fn is(id: TaskId) -> bool {
    RUNNING.with(|running| running.id.get() == id.raw())
}

/// The task that runs here: the innermost, where one runs inside the step of another.
pub fn current() -> Option<TaskId> {
    let id = RUNNING.with(|running| running.id.get());
    (id != 0).then(|| TaskId::from_raw(id))
}

/// What was noted of the outer task while another one runs inside its step; its drop puts that
/// back.
pub struct Saved {
    id: u64,
    woken: bool,
}

/// A task is about to run inside the step of another, which may have woken itself already.
#[must_use]
pub fn save() -> Saved {
    RUNNING.with(|running| Saved { id: running.id.get(), woken: running.woken.get() })
}

impl Drop for Saved {
    fn drop(&mut self) {
        RUNNING.with(|running| {
            running.id.set(self.id);
            running.woken.set(self.woken);
        });
    }
}
