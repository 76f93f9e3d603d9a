//! The deadlock guard: which pools this thread works for, asked before it blocks.
//!
//! *Assumes*: a worker thread declares its pool once (`work_for`), and an event loop its thread
//! (`register_loop`).
//! *Promises*: a worker about to block on a job of its own pool can be refused; and so can the
//! thread of an event loop about to block on one of the loop's tasks; and any of both whose wait
//! would close a circle, through however many loops and pools of threads.
//! *Leaves out*: when blocking would be a deadlock (`futures/idle_workers.rs` for one pool,
//! `futures/wait_graph.rs` for circles); and waits with a limit, which end by themselves.
//!
//! A job may submit another job to its own pool and wait for it. When every worker does so, none
//! is left to run what they wait for: CPython's documentation shows it ("Deadlocks can occur
//! when the callable associated with a Future waits on the results of another Future") and
//! CPython hangs. Here the future asks the pool's guard first, and if it must not wait, the job that
//! it waits for ends with `WouldDeadlock`: if that job is still queued, it never runs. A wait with a
//! time limit ends by itself, and is never refused.
//!
//! An event loop is like a pool of one worker, the thread that it was made on: no other thread can
//! ever run it. asyncio's `run_coroutine_threadsafe(…).result()` on that thread hangs.
//!
//! ```text
//!   worker of P ── blocks on ──▶ job of P      P's other workers all do the same: WouldDeadlock
//!   thread of L ── blocks on ──▶ task of L     WouldDeadlock
//!   thread of L ── blocks on ──▶ job of P, which blocks on ──▶ task of L      WouldDeadlock
//! ```
//! Each of the last line's two steps alone is legal. So a thread for which others may wait (it runs
//! a job, or a loop lives on it) is noted while it blocks on a job or a task, and whoever blocks
//! next sees whether it would close a circle. That costs such a thread a lock where it goes to sleep
//! anyway, and a job one store to thread-local memory; who blocks and is waited for by nobody, as
//! most threads, pays nothing.
//!
//! **What is not seen**: a job in another process, and a wait by other means than a future's: for a
//! channel, say, or the end of a thread. In a task, await.

use crate::base::id::LoopId;
use crate::base::origin::Origin;
use crate::base::sync;
use crate::futures::error::JobError;
use crate::futures::wait_graph::{BlockingThread, Target, WaitGraph, WaitId};
use crate::sys::process::generation;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, PoisonError};

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

    /// How many threads of this process can run its jobs, at most. `None`: no such threads do.
    fn threads(&self) -> Option<usize> {
        None
    }
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

sync::thread_local! {
    /// The job that this thread runs, by its address; 0: none.
    #[allow(clippy::missing_const_for_thread_local)] // a model's has no such form
    static JOB: Cell<usize> = Cell::new(0);
}

/// The threads that block, of this process: it uses one of these, and a copy that came with a fork
/// another one, since a thread that was not copied may have the lock. std's lock even under a model:
/// nothing of the model's runs under it.
static GRAPHS: [Mutex<Option<(Origin, WaitGraph)>>; 16] = [const { Mutex::new(None) }; 16];

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

/// From now on this thread runs the job at this address; 0: none.
pub(crate) fn set_running_job(address: usize) {
    JOB.with(|job| job.set(address));
}

/// This thread, blocked, in the graph; to be taken out when what it waits for is done.
pub(crate) struct BlockedInGraph {
    wait: WaitId,
    origin: Origin,
}

impl Unblock for BlockedInGraph {
    fn unblock(&self) {
        if !self.origin.is_copy() {
            with_graph(|graph| graph.end(self.wait));
        }
    }
}

/// What a wait waits for: the address of a job, and the guard of the pool or loop that runs it.
pub(crate) type Awaited = (usize, GuardId);

/// This thread will block, without a limit, until one of these is done, whichever it is. Returns
/// what must be told of that, if anything must be.
///
/// # Errors
/// It must not: what it waits for waits for this thread.
pub(crate) fn begin_waiting(awaited: &[Awaited]) -> Result<Option<BlockedInGraph>, JobError> {
    let anybody = |(_, guard): &Awaited| *guard == GuardId::default();
    let thread = if awaited.iter().any(anybody) { None } else { this_thread() };
    let Some(thread) = thread else { return Ok(None) };
    let targets = awaited.iter().map(|(job, guard)| match guard % 2 {
        1 => Target::Task((guard / 2) as u32),
        _ => Target::Job { job: *job, pool: *guard },
    });
    match with_graph(|graph| graph.begin(thread, targets.collect())) {
        Ok(wait) => Ok(Some(BlockedInGraph { wait, origin: Origin::here() })),
        Err(circle) => Err(JobError::WouldDeadlock(format!(
            "this wait would never end: what it waits for waits for this thread (a circle of \
             {} threads); in a task, await instead of blocking",
            circle.threads
        ))),
    }
}

/// True if others may wait for this thread: it works for a pool, or a loop lives on it.
pub(crate) fn is_awaited() -> bool {
    let works = GUARDS.try_with(|guards| !guards.borrow().is_empty()).unwrap_or(false);
    works || this_thread().is_some()
}

/// What may wait for this thread, if anything may.
fn this_thread() -> Option<BlockingThread> {
    let job = JOB.try_with(Cell::get).ok().filter(|job| *job != 0);
    let loops = LOOPS.with(|loops| loops.borrow().iter().map(|id| id.get()).collect());
    let pool = |guard: &SharedGuard| Some((Arc::as_ptr(guard).addr(), guard.threads()?));
    let pools = |guards: &RefCell<Vec<SharedGuard>>| {
        guards.borrow().iter().filter_map(pool).collect::<Vec<_>>()
    };
    let pools = GUARDS.try_with(pools).unwrap_or_default();
    let thread = BlockingThread { job, loops, pools };
    (!thread.is_nobody()).then_some(thread)
}

/// In a copy that came with a fork the threads of the graph are not there, and are forgotten.
fn with_graph<R>(act: impl FnOnce(&mut WaitGraph) -> R) -> R {
    let (number, _) = generation(); // a copy's is one more than that of what it was forked from
    let graph = &GRAPHS[number as usize % GRAPHS.len()];
    let mut graph = graph.lock().unwrap_or_else(PoisonError::into_inner);
    if graph.as_ref().is_none_or(|(origin, _)| origin.is_copy()) {
        *graph = Some((Origin::here(), WaitGraph::default()));
    }
    let (_, graph) = graph.as_mut().expect("made above, if need be");
    act(graph)
}
