//! Who this thread works for, so that nobody waits for what only he himself would do.
//!
//! *Assumes*: a worker thread says once whose it is, and a loop where it lives.
//! *Promises*: a worker about to sleep on a job of its own pool can be told not to; and so
//! can the thread of an event loop about to sleep on one of the loop's tasks.
//! *Leaves out*: when that is a deadlock (`futures/idle_workers.rs`).
//!
//! A job may submit another to its own pool and wait for it. When every worker does so, none
//! is left to run what they wait for: CPython's documentation shows it ("Deadlocks can occur
//! when the callable associated with a Future waits on the results of another Future") and
//! hangs. Here the future asks the pool first.
//!
//! An event loop is like a pool of one worker, the thread that it was made on: no other can
//! ever run it. asyncio's `run_coroutine_threadsafe(…).result()` on that thread hangs.
//!
//! ```text
//!   worker of P ── sleeps on ──▶ job of P      P's other workers all sleep so: WouldDeadlock
//!   thread of L ── sleeps on ──▶ task of L     WouldDeadlock
//!   thread of L ── sleeps on ──▶ job of P, which sleeps on ──▶ task of L      not seen
//! ```
//! **What is not seen**: a circle through both. Each of its two steps alone is legal, and whether
//! they close a circle depends on which job each worker runs at this moment. That would have to be
//! written down at every job, however short, and followed from sleeper to sleeper at every sleep;
//! and a job in another process is out of sight. So in a task, await a job; do not block on it.

use crate::base::id::LoopId;
use crate::base::sync;
use crate::futures::error::JobError;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// Who is told when what a worker sleeps for is done. Called under a future's lock: must be
/// short, must not touch a future.
pub(crate) trait Unblock: Send + Sync {
    /// What a worker slept for is done.
    fn unblock(&self);
}

/// What a pool learns of its workers' sleep; under the same conditions.
pub(crate) trait DeadlockGuard: Unblock {
    /// One more worker will sleep until a job of this pool is done.
    ///
    /// # Errors
    /// It must not, because no worker would be awake. It then does not count as asleep.
    fn begin_blocking(&self) -> Result<(), JobError>;
}

/// A pool, seen from its futures. (std's `Arc` also under loom, whose own cannot hold `dyn`.)
pub(crate) type SharedGuard = Arc<dyn DeadlockGuard>;

/// The number of a pool, unique while it lives; 0 is no pool.
pub(crate) type GuardId = usize;

sync::thread_local! {
    /// The pools that this thread works for; seldom more than one.
    static GUARDS: RefCell<Vec<SharedGuard>> = RefCell::new(Vec::new());
}

thread_local! {
    /// The loops that live on this thread; seldom more than one. It has no destructor, so that
    /// a loop can be made and dropped by what the thread drops at its end.
    static LOOPS: ManuallyDrop<RefCell<Vec<LoopId>>> =
        const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

/// A loop as a household: the thread that would sleep is the one it would sleep for.
struct LoopGuard;

impl Unblock for LoopGuard {
    fn unblock(&self) {
        unreachable!("nobody falls asleep here");
    }
}

impl DeadlockGuard for LoopGuard {
    fn begin_blocking(&self) -> Result<(), JobError> {
        Err(JobError::WouldDeadlock(
            "this thread is the only one that can run the event loop of that task; await the \
             future, or wait on another thread"
                .to_owned(),
        ))
    }
}

/// The number of a loop as a household: odd, as the address of a pool never is.
pub(crate) fn loop_guard_id(id: LoopId) -> GuardId {
    id.get() as usize * 2 + 1
}

/// A loop was made on this thread.
pub(crate) fn register_loop(id: LoopId) {
    LOOPS.with(|loops| loops.borrow_mut().push(id));
}

/// A loop of this thread is gone, perhaps because the thread is going.
pub(crate) fn unregister_loop(id: LoopId) {
    LOOPS.with(|loops| {
        let mut loops = loops.borrow_mut();
        loops.retain(|other| *other != id);
        loops.shrink_to_fit(); // with the last one goes the memory, since nobody drops the list
    });
}

/// The number of a pool.
pub(crate) fn guard_id<H: DeadlockGuard>(home: &Arc<H>) -> GuardId {
    Arc::as_ptr(home).addr()
}

/// From now on this thread works for `home`.
pub(crate) fn work_for(home: SharedGuard) {
    GUARDS.with(|homes| homes.borrow_mut().push(home));
}

/// This thread works for `home`, too, as long as `act` takes, which must not panic.
pub(crate) fn while_working_for<R>(home: SharedGuard, act: impl FnOnce() -> R) -> R {
    work_for(home);
    let result = act();
    GUARDS.with(|homes| homes.borrow_mut().pop());
    result
}

/// The pool or loop with this number, if this thread works for it.
pub(crate) fn own_guard(id: GuardId) -> Option<SharedGuard> {
    if id == GuardId::default() {
        return None;
    }
    if id % 2 == 1 {
        let lives_here = LOOPS.with(|loops| loops.borrow().iter().any(|l| loop_guard_id(*l) == id));
        return lives_here.then(|| Arc::new(LoopGuard) as SharedGuard);
    }
    let is_it = |home: &&SharedGuard| Arc::as_ptr(home).addr() == id;
    let find = |homes: &RefCell<Vec<SharedGuard>>| homes.borrow().iter().find(is_it).cloned();
    GUARDS.try_with(find).ok().flatten() // a thread at its end works for nobody any more
}
