//! A waker that is a number.
//!
//! *Assumes*: a task id fits into a pointer (`base/id.rs`).
//! *Promises*: cloning copies a word, dropping does nothing, waking looks the number up; from
//! any thread; a number whose task or loop is gone is ignored.
//! *Leaves out*: reference counts, and with them every question of lifetime.
//!
//! ```text
//!   Waker { vtable, data = id } ── wake ──► the task that runs here?   a flag: it runs again
//!                                           of the loop that does?     its ready queue
//!                                           else                       the inbox of its loop, and
//!                                                                      its selector, if it is parked
//! ```
//! asyncio's counterparts are `loop.call_soon(task.__step)` and `call_soon_threadsafe`; tokio's
//! and async-task's wakers are reference-counted pointers.
#![allow(unsafe_code)]

use crate::base::id::TaskId;
use crate::event_loop::await_points;
use crate::event_loop::core::run_or_send;
use crate::event_loop::inbox::LoopMessage;
use crate::event_loop::spans;
use crate::task::running;
use std::task::{RawWaker, RawWakerVTable, Waker};

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake_raw, wake_by_ref_raw, drop_raw);

/// The waker of a task. The feature `tracing` counts its clones and not itself: whoever polls with it
/// does not drop it.
///
/// ```
/// use singletrack::base::id::TaskId;
/// use singletrack::event_loop::waker::waker;
///
/// let waker = waker(TaskId::from_raw(0x0000_0100_0200_0003));
/// assert!(waker.will_wake(&waker.clone()));
/// waker.wake(); // no such loop: nothing happens
/// ```
pub fn waker(id: TaskId) -> Waker {
    // SAFETY: the vtable's functions treat the data pointer as a number and never follow it,
    // so any value is valid, on any thread, for ever.
    unsafe { Waker::from_raw(raw(id)) }
}

/// The same, that also notes where its task begins to wait. Equal to no other.
pub(super) fn noting_waker(id: TaskId) -> Waker {
    let data = std::ptr::without_provenance(id.raw() as usize);
    // SAFETY: as above: all functions of this vtable take the data pointer for a number.
    unsafe { Waker::from_raw(RawWaker::new(data, &NOTING)) }
}

static NOTING: RawWakerVTable = RawWakerVTable::new(clone_noting, wake_raw, wake_noting, drop_raw);

unsafe fn clone_noting(data: *const ()) -> RawWaker {
    await_points::note(id_of(data));
    spans::cloned(id_of(data));
    RawWaker::new(data, &NOTING)
}

unsafe fn wake_noting(data: *const ()) {
    await_points::note(id_of(data));
    wake(id_of(data));
}

/// The task that this waker wakes; `None` if the waker was not made here.
pub fn task_of(waker: &Waker) -> Option<TaskId> {
    let ours = std::ptr::eq(waker.vtable(), &VTABLE) || std::ptr::eq(waker.vtable(), &NOTING);
    ours.then(|| id_of(waker.data()))
}

fn id_of(data: *const ()) -> TaskId {
    TaskId::from_raw(data.addr() as u64)
}

/// Makes the task ready: at once if this thread runs its loop, else through the inbox.
#[inline]
pub fn wake(id: TaskId) {
    spans::woken(id);
    wake_untold(id);
}

#[inline]
fn wake_untold(id: TaskId) {
    if !running::wake(id) {
        wake_other(id);
    }
}

/// Out of line, so that a task that wakes itself need not save registers for this.
#[inline(never)]
fn wake_other(id: TaskId) {
    // False if the loop is gone; a waker may outlive it, and then wakes nothing.
    let _ = run_or_send(id.loop_id(), |core| core.wake_here(id), || LoopMessage::Wake(id));
}

fn raw(id: TaskId) -> RawWaker {
    RawWaker::new(std::ptr::without_provenance(id.raw() as usize), &VTABLE)
}

// A vtable's entries are `unsafe fn` by type; these ask nothing of their callers, since none of
// them follows the pointer.
unsafe fn clone(data: *const ()) -> RawWaker {
    spans::cloned(id_of(data));
    RawWaker::new(data, &VTABLE)
}

unsafe fn wake_raw(data: *const ()) {
    let id = id_of(data);
    spans::used_up(id, || wake_untold(id));
}

unsafe fn wake_by_ref_raw(data: *const ()) {
    wake(id_of(data));
}

unsafe fn drop_raw(data: *const ()) {
    spans::dropped(id_of(data));
}
