//! The deadlock guard: which pools this thread works for, asked before it blocks.
//!
//! *Assumes*: a worker thread declares its pool once (`work_for`), and an event loop its thread
//! (`register_loop`).
//! *Promises*: a worker about to block on a job of its own pool can be refused; and so can the
//! thread of an event loop about to block on one of the loop's tasks.
//! *Leaves out*: when blocking would be a deadlock (`futures/idle_workers.rs`).
//!
//! A job may submit another job to its own pool and wait for it. When every worker does so, none
//! is left to run what they wait for: CPython's documentation shows it ("Deadlocks can occur
//! when the callable associated with a Future waits on the results of another Future") and
//! CPython hangs. Here the future asks the pool's guard first.
//!
//! An event loop is like a pool of one worker, the thread that it was made on: no other thread can
//! ever run it. asyncio's `run_coroutine_threadsafe(…).result()` on that thread hangs.
//!
//! ```text
//!   worker of P ── blocks on ──▶ job of P      P's other workers all do the same: WouldDeadlock
//!   thread of L ── blocks on ──▶ task of L     WouldDeadlock
//!   thread of L ── blocks on ──▶ job of P, which blocks on ──▶ task of L      not seen
//! ```
//! **What is not seen**: a circle through both. Each of its two steps alone is legal, and whether
//! they close a circle depends on which job each worker runs at this moment. Every job, however
//! short, would have to be registered for that, and every wait would have to follow the chain from
//! one blocked thread to the next; and a job in another process is out of sight. So in a task,
//! await a job; do not block on it.

use crate::base::id::LoopId;
use crate::base::sync;
use crate::futures::error::JobError;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// Told when a future is done on which a worker of the job's own pool blocks. Called under the
/// future's lock: it must be short, and must not touch a future.
pub(crate) trait Unblock: Send + Sync {
    /// What the worker waited for is done: it no longer counts as blocked.
    fn unblock(&self);
}

/// A pool or a loop, asked before one of its own threads blocks on one of its own jobs. It is
/// asked under a future's lock too.
pub(crate) trait DeadlockGuard: Unblock {
    /// One more worker will block until a job of this pool is done.
    ///
    /// # Errors
    /// It must not, because no worker would be left to run the job. It then does not count as
    /// blocked.
    fn begin_blocking(&self) -> Result<(), JobError>;
}

/// A guard, as futures and threads keep it. (std's `Arc` also under loom, whose own cannot hold
/// `dyn`.)
pub(crate) type SharedGuard = Arc<dyn DeadlockGuard>;

/// The number of a guard, unique while it lives: the address of a pool, an odd number for a loop,
/// and 0 for a job that any thread may wait for.
pub(crate) type GuardId = usize;

sync::thread_local! {
    /// The guards of the pools that this thread works for; seldom more than one.
    static GUARDS: RefCell<Vec<SharedGuard>> = RefCell::new(Vec::new());
}

thread_local! {
    /// The loops that live on this thread; seldom more than one. The list has no destructor, so
    /// that the destructors of other thread-locals can still make and drop a loop.
    static LOOPS: ManuallyDrop<RefCell<Vec<LoopId>>> =
        const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

/// The guard of a loop: the thread that would block is the one that must run the task.
struct LoopGuard;

impl Unblock for LoopGuard {
    fn unblock(&self) {
        unreachable!("`begin_blocking` always refuses");
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

/// The number of a loop's guard: odd, as the address of a pool never is.
pub(crate) fn loop_guard_id(id: LoopId) -> GuardId {
    id.get() as usize * 2 + 1
}

/// A loop was made on this thread.
pub(crate) fn register_loop(id: LoopId) {
    LOOPS.with(|loops| loops.borrow_mut().push(id));
}

/// A loop of this thread was dropped, perhaps because the thread ends.
pub(crate) fn unregister_loop(id: LoopId) {
    LOOPS.with(|loops| {
        let mut loops = loops.borrow_mut();
        loops.retain(|other| *other != id);
        loops.shrink_to_fit(); // the list is never dropped: free its memory with the last loop
    });
}

/// The number of a pool's guard.
pub(crate) fn guard_id<G: DeadlockGuard>(guard: &Arc<G>) -> GuardId {
    Arc::as_ptr(guard).addr()
}

/// From now on this thread works for the pool of this guard.
pub(crate) fn work_for(guard: SharedGuard) {
    GUARDS.with(|guards| guards.borrow_mut().push(guard));
}

/// The guard with this number, if this thread works for its pool or loop: then a wait for the job
/// must ask it.
pub(crate) fn own_guard(id: GuardId) -> Option<SharedGuard> {
    if id == GuardId::default() {
        return None;
    }
    if id % 2 == 1 {
        let lives_here = LOOPS.with(|loops| loops.borrow().iter().any(|l| loop_guard_id(*l) == id));
        return lives_here.then(|| Arc::new(LoopGuard) as SharedGuard);
    }
    let is_it = |guard: &&SharedGuard| Arc::as_ptr(guard).addr() == id;
    let find = |guards: &RefCell<Vec<SharedGuard>>| guards.borrow().iter().find(is_it).cloned();
    GUARDS.try_with(find).ok().flatten() // a thread at its end works for no pool any more
}
