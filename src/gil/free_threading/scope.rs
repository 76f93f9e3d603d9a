//! Threads without a lock that run in parallel, until one stops the world: PEP 703.
//!
//! *Assumes*: threads come to checkpoints, or detach around what blocks; one that does neither
//! holds up whoever stops the world.
//! *Promises*: to attach and to detach is one atomic operation each, on a word of the thread's
//! own; a checkpoint is one read of it. No system call, unless the world is to stop.
//! *Leaves out*: the rules (`gil/free_threading/world.rs`); the token (`gil/free_threading/attached.rs`).
//!
//! ```text
//!     thread a ──▶ door of a ── open ──▶ runs ─┐
//!     thread b ──▶ door of b ── open ──▶ runs ─┤   in parallel: no word is shared
//!     thread c ──▶ door of c ── open ──▶ runs ─┘
//!                                │ shut
//!                                ▼
//!                  desk: a mutex, around the rules. Who stops the world shuts all doors,
//!                  and so learns who runs; who finds its door shut comes here, and sleeps.
//! ```
//! It is the door of the lock (`gil/lock/state_word.rs`), but one for each thread. CPython does the same
//! with the word `tstate->state`: `_PyThreadState_Attach` and `_PyThreadState_Detach` are one
//! compare-and-swap each, and the one that stops the world changes other threads' words.

use crate::base::sync::{Arc, Condvar, Mutex, MutexGuard};
use crate::gil::free_threading::world::{Standing, World};
use crate::gil::lock::state_word::{OwnerBits, StateWord};
use crate::gil::rules::decision::AttachError;
use crate::gil::rules::decision::ThreadId;
use crate::gil::stats::counters::Counters;
use crate::gil::stats::histogram::Times;
use crate::gil::stats::record::Recording;
use crate::gil::stats::thread_stats::StatsRegistry;
use crate::gil::stats::thread_stats::ThreadStats;
use crate::gil::stats::thread_stats::{HOLD, Observer, RECORD};
use std::fmt;

/// A scope without a lock: its threads run in parallel, and any of them can stop all others for
/// a moment.
///
/// It is a handle: clones are the same scope. What a [`GilCell`] would protect needs a lock or
/// an atomic of its own here; a stop is for what concerns all values at once, such as to count
/// who refers to whom.
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
    pub(crate) shared: Arc<Shared>,
}

/// What all handles of one scope share.
pub(crate) struct Shared {
    pub(crate) observer: Observer,
    desk: Mutex<Desk>,
    made_in: u32,
}

/// What a thread at the desk can see and change.
pub(crate) struct Desk {
    pub(crate) world: World,
    seats: Vec<Option<Arc<Seat>>>,
    shelf: StatsRegistry,
}

/// What a scope keeps of one thread.
pub(crate) struct Seat {
    pub(crate) door: StateWord,
    pub(crate) pass: OwnerBits,
    pub(crate) bed: Condvar,
    pub(crate) diary: Arc<ThreadStats>,
}

impl Default for FreeThreading {
    fn default() -> Self {
        FreeThreading::new()
    }
}

impl FreeThreading {
    /// A scope that no thread has attached to.
    pub fn new() -> FreeThreading {
        let desk =
            Desk { world: World::default(), seats: Vec::new(), shelf: StatsRegistry::default() };
        let shared = Shared {
            observer: Observer::new(),
            desk: Mutex::new(desk),
            made_in: std::process::id(),
        };
        FreeThreading { shared: Arc::new(shared) }
    }

    /// How often somebody has begun to stop the world.
    pub fn stops(&self) -> u64 {
        self.shared.read(|desk| desk.world.stops_begun()).unwrap_or(0)
    }

    /// What has happened so far, summed over all threads. The words are the lock's: to attach
    /// is an acquisition, to park at a checkpoint a forced drop, to ask the world to stop a drop
    /// request.
    pub fn counters(&self) -> Counters {
        self.shared.read(|desk| desk.shelf.counters()).unwrap_or_default()
    }

    /// The name of every living thread, and of every one that was recorded; how long it was
    /// parked each time, and attached.
    pub fn thread_times(&self) -> Vec<(String, Times)> {
        self.shared.read(|desk| desk.shelf.thread_times()).unwrap_or_default()
    }

    /// Measures how long threads are attached, from each thread's next attaching on.
    pub fn measure(&self, on: bool) {
        self.shared.observer.watch(HOLD, on);
    }

    /// From now on writes down when threads attach, park and detach. See
    /// [`GlobalLock::record`](crate::gil::lock::global_lock::GlobalLock::record).
    pub fn record(&self, events_per_thread: usize) {
        self.shared.read(|desk| desk.shelf.start_recording(events_per_thread));
        self.shared.observer.watch(RECORD, true);
    }

    /// What was written down so far; the threads need not stop for it.
    pub fn recording(&self) -> Recording {
        let tracks = self.shared.read(|desk| desk.shelf.tracks()).unwrap_or_default();
        // Read last, so that no event is later.
        Recording { tracks, until: self.shared.observer.now() }
    }
}

impl fmt::Debug for FreeThreading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreeThreading").finish_non_exhaustive()
    }
}

impl Shared {
    /// A new thread's seat.
    pub(crate) fn joins(&self) -> Result<(ThreadId, Arc<Seat>), AttachError> {
        let mut desk = self.desk()?;
        let id = desk.world.joins();
        let diary = Arc::new(ThreadStats::of_this_thread(id.index()));
        desk.shelf.add(id, &diary);
        let (door, bed) = (StateWord::closed(), Condvar::new());
        let seat = Arc::new(Seat { door, pass: OwnerBits::of(id), bed, diary });
        if desk.seats.len() <= id.index() {
            desk.seats.resize_with(id.index() + 1, || None);
        }
        desk.seats[id.index()] = Some(Arc::clone(&seat));
        self.leave(desk, id);
        Ok((id, seat))
    }

    /// A thread ends.
    pub(crate) fn dies(&self, id: ThreadId) {
        // The child of a fork that cannot come to the desk has nobody to tell.
        let Ok(mut desk) = self.come(id) else { return };
        let wakes = desk.world.dies(id);
        desk.wake(wakes);
        desk.shelf.remove(id);
        desk.seats[id.index()] = None;
    }

    /// A thread comes to the desk: its door is shut, and the world knows where it stands.
    pub(crate) fn come(&self, me: ThreadId) -> Result<MutexGuard<'_, Desk>, AttachError> {
        let mut desk = self.desk()?;
        desk.shuts(me);
        Ok(desk)
    }

    /// A thread leaves the desk. It need not come again until somebody stops the world.
    pub(crate) fn leave(&self, desk: MutexGuard<'_, Desk>, me: ThreadId) {
        if desk.world.stopper().is_none() {
            desk.opens(me);
        }
    }

    /// Sleeps until woken, perhaps for no reason.
    pub(crate) fn sleep(
        &self,
        desk: &mut MutexGuard<'_, Desk>,
        seat: &Seat,
    ) -> Result<(), AttachError> {
        AttachError::unless_made_here(self.made_in)?;
        seat.diary.meter.sleeps.add(1);
        seat.bed.wait(desk);
        Ok(())
    }

    fn desk(&self) -> Result<MutexGuard<'_, Desk>, AttachError> {
        match self.desk.try_lock() {
            Some(desk) => Ok(desk),
            None => {
                AttachError::unless_made_here(self.made_in)?;
                Ok(self.desk.lock())
            }
        }
    }

    /// One look, by anybody; `None` in a fork that cannot come to the desk.
    pub(crate) fn read<R>(&self, f: impl FnOnce(&mut Desk) -> R) -> Option<R> {
        self.desk().ok().map(|mut desk| f(&mut desk))
    }
}

impl Desk {
    /// Everybody must come here from now on, and the world knows who is attached.
    pub(crate) fn shuts_all(&mut self) {
        for index in 0..self.seats.len() {
            self.shuts(ThreadId(index as u32));
        }
    }

    fn shuts(&mut self, id: ThreadId) {
        let seat = self.seats.get(id.index()).and_then(Option::as_ref);
        if let Some(attached) = seat.and_then(|seat| seat.door.close()) {
            self.world.catches_up(id, attached);
        }
    }

    /// Nobody need come here until somebody stops the world.
    pub(crate) fn opens_all(&self) {
        for index in 0..self.seats.len() {
            self.opens(ThreadId(index as u32));
        }
    }

    fn opens(&self, id: ThreadId) {
        if let Some(seat) = &self.seats[id.index()] {
            seat.door.open(seat.pass, self.world.standing(id) == Standing::Attached);
        }
    }

    pub(crate) fn wake(&self, ids: impl IntoIterator<Item = ThreadId>) {
        for seat in ids.into_iter().filter_map(|id| self.seats[id.index()].as_ref()) {
            seat.bed.notify_one();
        }
    }
}
