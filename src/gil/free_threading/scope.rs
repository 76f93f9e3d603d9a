//! A scope of free threading: threads run in parallel, until one stops the world (PEP 703).
//!
//! *Assumes*: threads come to checkpoints, or detach around what blocks; a thread that does
//! neither holds up the thread that stops the world.
//! *Promises*: to attach and to detach is one atomic operation each, on a word of the thread's
//! own; a checkpoint is one read of it. No system call, unless the world is to stop.
//! *Leaves out*: the rules (`gil/free_threading/stop_the_world.rs`); the token
//! (`gil/free_threading/attached.rs`).
//!
//! ```text
//!     thread a ──▶ state word of a ── open ──▶ runs ─┐
//!     thread b ──▶ state word of b ── open ──▶ runs ─┤   in parallel: no word is shared
//!     thread c ──▶ state word of c ── open ──▶ runs ─┘
//!                                │ closed
//!                                ▼
//!                  slow path: a mutex around the rules. A thread that stops the world closes
//!                  all words, and so learns which threads run. A thread that finds its word
//!                  closed comes here, and sleeps.
//! ```
//! It is the state word of the lock (`gil/lock/state_word.rs`), but one for each thread. CPython
//! does the same with the word `tstate->state`: `_PyThreadState_Attach` and
//! `_PyThreadState_Detach` are one compare-and-swap each, and the thread that stops the world
//! changes other threads' words.

use crate::base::origin::Origin;
use crate::base::sync::{Arc, Condvar, Mutex, MutexGuard};
use crate::gil::free_threading::stop_the_world::{AttachState, StopTheWorld};
use crate::gil::lock::state_word::{OwnerBits, StateWord};
use crate::gil::rules::decision::{AttachError, ThreadId};
use crate::gil::stats::counters::Counters;
use crate::gil::stats::histogram::Times;
use crate::gil::stats::record::Recording;
use crate::gil::stats::thread_stats::{HOLD, Observer, RECORD, StatsRegistry, ThreadStats};
use std::fmt;

/// A scope without a lock: its threads run in parallel, and any of them can stop all others for
/// a moment.
///
/// It is a handle: clones are the same scope. A value that a [`GilCell`] would protect needs a
/// lock or an atomic of its own here; a stop is for work on all values at once, such as to count
/// the references between them.
///
/// [`GilCell`]: crate::gil::lock::cell::GilCell
///
/// ```
/// use singletrack::gil::AttachError;
/// use singletrack::gil::FreeThreading;
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
///
/// let (scope, sum) = (FreeThreading::new(), AtomicU32::new(0));
/// std::thread::scope(|s| {
///     for _ in 0..4 {
///         s.spawn(|| {
///             scope.attach(|me| {
///                 assert_eq!(scope.attach(|_| ()), Err(AttachError::Nested));
///                 sum.fetch_add(1, Relaxed);
///                 me.checkpoint();
///             })
///         });
///     }
/// });
/// let read = scope.attach(|me| me.stop_the_world(|_| sum.load(Relaxed)));
/// assert_eq!(read, Ok(Ok(4)));
/// assert_eq!(scope.stops(), 1);
/// ```
#[derive(Clone)]
#[doc(alias = "Py_GIL_DISABLED")]
pub struct FreeThreading {
    pub(crate) shared: Arc<ScopeShared>,
}

/// What all handles of one scope share.
pub(crate) struct ScopeShared {
    pub(crate) observer: Observer,
    guarded: Mutex<ScopeGuarded>,
    /// The process that made the scope.
    origin: Origin,
}

/// What only a thread that holds the mutex can see and change.
pub(crate) struct ScopeGuarded {
    pub(crate) world: StopTheWorld,
    /// By [`ThreadId`].
    threads: Vec<Option<Arc<ScopeThread>>>,
    registry: StatsRegistry,
}

/// What a scope keeps of one thread, for others to see.
pub(crate) struct ScopeThread {
    pub(crate) state_word: StateWord,
    pub(crate) owner_bits: OwnerBits,
    condvar: Condvar,
    pub(crate) stats: Arc<ThreadStats>,
}

impl Default for FreeThreading {
    fn default() -> Self {
        FreeThreading::new()
    }
}

impl FreeThreading {
    /// A scope that no thread has attached to.
    pub fn new() -> FreeThreading {
        let guarded = ScopeGuarded {
            world: StopTheWorld::default(),
            threads: Vec::new(),
            registry: StatsRegistry::default(),
        };
        let shared = ScopeShared {
            observer: Observer::new(),
            guarded: Mutex::new(guarded),
            origin: Origin::here(),
        };
        FreeThreading { shared: Arc::new(shared) }
    }

    /// How often a thread has begun to stop the world.
    pub fn stops(&self) -> u64 {
        self.shared.with_guarded(|guarded| guarded.world.stops_begun()).unwrap_or(0)
    }

    /// What has happened so far, summed over all threads. The counters are those of the lock: to
    /// attach counts as an acquisition, to park at a checkpoint as a forced drop, to stop the world
    /// as a drop request.
    pub fn counters(&self) -> Counters {
        self.shared.with_guarded(|guarded| guarded.registry.counters()).unwrap_or_default()
    }

    /// The name of every living thread, and of every one that was recorded; how long it was
    /// parked and how long attached, each time.
    pub fn thread_times(&self) -> Vec<(String, Times)> {
        self.shared.with_guarded(|guarded| guarded.registry.thread_times()).unwrap_or_default()
    }

    /// Measures how long threads are attached, from the next time that each attaches.
    pub fn measure(&self, on: bool) {
        self.shared.observer.watch(HOLD, on);
    }

    /// From now on records when threads attach, park and detach. See
    /// [`GlobalLock::record`](crate::gil::lock::global_lock::GlobalLock::record).
    pub fn record(&self, events_per_thread: usize) {
        self.shared
            .with_guarded(|guarded| guarded.registry.start_recording(events_per_thread, |_| None));
        self.shared.observer.watch(RECORD, true);
    }

    /// What was recorded so far; the threads need not stop for it.
    pub fn recording(&self) -> Recording {
        let tracks =
            self.shared.with_guarded(|guarded| guarded.registry.tracks()).unwrap_or_default();
        // Read last, so that no event is later.
        Recording { tracks, until: self.shared.observer.now() }
    }
}

impl fmt::Debug for FreeThreading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreeThreading").finish_non_exhaustive()
    }
}

impl ScopeShared {
    /// Adds the calling thread.
    pub(crate) fn join(&self) -> Result<(ThreadId, Arc<ScopeThread>), AttachError> {
        let mut guarded = self.lock()?;
        let id = guarded.world.add_thread();
        let stats = Arc::new(ThreadStats::of_this_thread(id.index()));
        guarded.registry.add(id, &stats);
        let (state_word, condvar) = (StateWord::closed(), Condvar::new());
        let thread =
            Arc::new(ScopeThread { state_word, owner_bits: OwnerBits::of(id), condvar, stats });
        if guarded.threads.len() <= id.index() {
            guarded.threads.resize_with(id.index() + 1, || None);
        }
        guarded.threads[id.index()] = Some(Arc::clone(&thread));
        self.unlock(guarded, id);
        Ok((id, thread))
    }

    /// Calls with the number of threads that use the scope, under the mutex; not if another has that.
    pub(crate) fn with_members<R>(&self, f: impl FnOnce(usize) -> R) -> Option<R> {
        let guarded = self.guarded.try_lock()?;
        Some(f(guarded.threads.iter().flatten().count()))
    }

    /// Removes a thread that ends.
    pub(crate) fn remove(&self, id: ThreadId) {
        // The child of a fork that cannot take the mutex has no thread to tell.
        let Ok(mut guarded) = self.lock_as(id) else { return };
        let wakes = guarded.world.remove_thread(id);
        guarded.wake(wakes);
        guarded.registry.remove(id);
        guarded.threads[id.index()] = None;
    }

    /// Takes the mutex for a thread: its word is closed, and the rules know its state.
    pub(crate) fn lock_as(
        &self,
        me: ThreadId,
    ) -> Result<MutexGuard<'_, ScopeGuarded>, AttachError> {
        let mut guarded = self.lock()?;
        guarded.close(me);
        Ok(guarded)
    }

    /// Releases the mutex. Unless the world is to stop, the thread's word is open again: it takes
    /// the fast path until another thread stops the world.
    pub(crate) fn unlock(&self, guarded: MutexGuard<'_, ScopeGuarded>, me: ThreadId) {
        if guarded.world.stopper().is_none() {
            guarded.open(me);
        }
    }

    /// Sleeps until woken, perhaps for no reason.
    pub(crate) fn sleep(
        &self,
        guarded: &mut MutexGuard<'_, ScopeGuarded>,
        thread: &ScopeThread,
    ) -> Result<(), AttachError> {
        AttachError::unless_made_here(self.origin)?;
        thread.stats.meter.sleeps.add(1);
        thread.condvar.wait(guarded);
        Ok(())
    }

    /// Takes the mutex. In the child of a fork it may be held by a thread that was not copied.
    fn lock(&self) -> Result<MutexGuard<'_, ScopeGuarded>, AttachError> {
        match self.guarded.try_lock() {
            Some(guarded) => Ok(guarded),
            None => {
                AttachError::unless_made_here(self.origin)?;
                Ok(self.guarded.lock())
            }
        }
    }

    /// Reads or changes something under the mutex, on any thread; `None` in a fork that cannot
    /// take it.
    pub(crate) fn with_guarded<R>(&self, f: impl FnOnce(&mut ScopeGuarded) -> R) -> Option<R> {
        self.lock().ok().map(|mut guarded| f(&mut guarded))
    }
}

impl ScopeGuarded {
    /// Closes all words: every thread takes the slow path from now on, and the rules know which
    /// ones are attached.
    pub(crate) fn close_all(&mut self) {
        for index in 0..self.threads.len() {
            self.close(ThreadId(index as u32));
        }
    }

    fn close(&mut self, id: ThreadId) {
        let thread = self.threads.get(id.index()).and_then(Option::as_ref);
        if let Some(attached) = thread.and_then(|thread| thread.state_word.close()) {
            self.world.record_fast_path(id, attached);
        }
    }

    /// Opens all words: no thread needs the slow path until one stops the world.
    pub(crate) fn open_all(&self) {
        for index in 0..self.threads.len() {
            self.open(ThreadId(index as u32));
        }
    }

    fn open(&self, id: ThreadId) {
        if let Some(thread) = &self.threads[id.index()] {
            let attached = self.world.state(id) == AttachState::Attached;
            thread.state_word.open(thread.owner_bits, attached);
        }
    }

    pub(crate) fn wake(&self, ids: impl IntoIterator<Item = ThreadId>) {
        for thread in ids.into_iter().filter_map(|id| self.threads[id.index()].as_ref()) {
            thread.condvar.notify_one();
        }
    }
}
