//! The clock of one lock, and how closely its threads are watched.
//!
//! *Promises*: while nothing is watched, to find that out is one load and one branch.
//! *Leaves out*: what is written down (`gil/stats/thread_stats.rs`).
//!
//! The flags are std's, under loom too: no decision hangs on them.
//!
//! # What is written down about one thread: counts, lengths of time, and every event if asked for
//!
//! *Assumes*: a diary is written by one thread, the one it is named after.
//! *Promises*: to write takes no lock and never waits. Times are taken where a thread has slept
//! anyway, or where it was asked to measure; else a hold costs two branches.
//! *Leaves out*: keeping and reading it (`gil/stats/thread_stats.rs`).
//!
//! # The diaries of all threads that use one lock
//!
//! *Assumes*: it stands under a mutex.
//! *Promises*: what a thread has counted is not lost when it dies; who was recorded can be read
//! as long as there is the lock.
//! *Leaves out*: writing (`gil/stats/thread_stats.rs`).

use crate::base::sync::Arc;
use crate::gil::rules::decision::{DropReason, Nanos, ThreadId, nanos};
use crate::gil::stats::counters::{Counter, Counters, Meter};
use crate::gil::stats::histogram::{LiveHistogram, Times};
use crate::gil::stats::record::{EventKind, LockEvent, Ring, Track};
use crate::sys::process::thread_id;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// Holds are measured.
pub(crate) const HOLD: u8 = 1;
/// Events are recorded.
pub(crate) const RECORD: u8 = 2;

/// When the lock was made, and what is watched beside the counters: [`HOLD`], [`RECORD`], or
/// nothing.
#[derive(Debug)]
pub(crate) struct Observer {
    made_at: Instant,
    watched: AtomicU8,
}

impl Observer {
    pub(crate) fn new() -> Observer {
        Observer { made_at: Instant::now(), watched: AtomicU8::new(0) }
    }

    pub(crate) fn now(&self) -> Nanos {
        nanos(self.made_at.elapsed())
    }

    /// What is watched.
    #[inline]
    pub(crate) fn watched(&self) -> u8 {
        self.watched.load(Relaxed)
    }

    /// Watches something, or does not any more.
    pub(crate) fn watch(&self, what: u8, on: bool) {
        if on {
            self.watched.fetch_or(what, Relaxed);
        } else {
            self.watched.fetch_and(!what, Relaxed);
        }
    }
}

/// One thread's.
#[derive(Debug)]
pub(crate) struct ThreadStats {
    pub(crate) meter: Meter,
    /// When the present hold began, if holds are watched; else 0.
    since: Counter,
    wait: LiveHistogram,
    hold: LiveHistogram,
    /// Where its events are recorded, once there is a recording.
    ring: OnceLock<Ring>,
    name: String,
    tid: u32,
}

impl ThreadStats {
    /// For the thread that calls this. If it has no name it is called by its number.
    pub(crate) fn of_this_thread(number: usize) -> ThreadStats {
        let name = match std::thread::current().name() {
            Some(name) => name.to_owned(),
            None => format!("thread {number}"),
        };
        ThreadStats {
            meter: Meter::default(),
            since: Counter::default(),
            wait: LiveHistogram::default(),
            hold: LiveHistogram::default(),
            ring: OnceLock::new(),
            name,
            tid: thread_id(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn times(&self) -> Times {
        Times { wait: self.wait.read(), hold: self.hold.read() }
    }

    /// The thread has the lock now.
    #[inline]
    pub(crate) fn begins_hold(&self, observer: &Observer) {
        if observer.watched() != 0 {
            self.watch_begin(observer);
        }
    }

    /// To be called before the lock is dropped, so that no two holds overlap in a recording.
    #[inline]
    pub(crate) fn ends_hold(&self, observer: &Observer, reason: DropReason) {
        if self.since.get() != 0 {
            self.watch_end(observer, reason);
        }
    }

    #[cold]
    #[inline(never)]
    fn watch_begin(&self, observer: &Observer) {
        let now = observer.now();
        self.since.set(now.max(1));
        self.note(observer, now, EventKind::Takes);
    }

    #[cold]
    #[inline(never)]
    fn watch_end(&self, observer: &Observer, reason: DropReason) {
        let now = observer.now();
        let held = now - self.since.get().min(now);
        self.since.set(0);
        if observer.watched() & HOLD != 0 {
            self.meter.hold_ns.add(held);
        }
        self.hold.add(held);
        self.note(observer, now, EventKind::drop_for(reason));
    }

    /// The lock was had, at once or after a wait.
    pub(crate) fn acquired(&self, switched: bool, waited: Option<Nanos>) {
        self.meter.acquired(switched, waited);
        if let Some(time) = waited {
            self.wait.add(time);
        }
    }

    /// Writes down what happened, if there is a recording.
    #[inline]
    pub(crate) fn note(&self, observer: &Observer, at: Nanos, what: EventKind) {
        if observer.watched() & RECORD != 0
            && let Some(ring) = self.ring.get()
        {
            ring.write(LockEvent { at, what });
        }
    }

    /// Gives it a ring for so many events, if it has none; true if it had none.
    pub(crate) fn begins_ring(&self, capacity: usize) -> bool {
        self.ring.set(Ring::new(capacity)).is_ok()
    }

    pub(crate) fn has_ring(&self) -> bool {
        self.ring.get().is_some()
    }

    pub(crate) fn track(&self) -> Track {
        let (events, dropped) = self.ring.get().map(Ring::read).unwrap_or_default();
        let times = Some(self.times());
        Track { name: self.name.clone(), tid: self.tid, events, dropped, times }
    }
}

/// Diaries.
#[derive(Debug, Default)]
pub(crate) struct StatsRegistry {
    /// By thread number.
    living: Vec<Option<Arc<ThreadStats>>>,
    /// Those that have a ring, of the living and of the dead, in the order in which they got it.
    recorded: Vec<Arc<ThreadStats>>,
    /// How many events a ring holds; 0 until there is a recording.
    capacity: usize,
    of_the_dead: (Counters, Times),
}

impl StatsRegistry {
    /// A thread joined.
    pub(crate) fn add(&mut self, id: ThreadId, diary: &Arc<ThreadStats>) {
        if self.living.len() <= id.index() {
            self.living.resize_with(id.index() + 1, || None);
        }
        self.living[id.index()] = Some(Arc::clone(diary));
        self.equips(diary);
    }

    /// A thread died.
    pub(crate) fn remove(&mut self, id: ThreadId) {
        if let Some(diary) = self.living[id.index()].take() {
            let (counters, times) = self.of_the_dead;
            self.of_the_dead = (counters + diary.meter.read(), times + diary.times());
        }
    }

    /// Threads have rings of this many events from now on; those that have one keep it.
    pub(crate) fn start_recording(&mut self, capacity: usize) {
        self.capacity = capacity;
        let living: Vec<Arc<ThreadStats>> = self.living().map(Arc::clone).collect();
        living.iter().for_each(|diary| self.equips(diary));
    }

    fn equips(&mut self, diary: &Arc<ThreadStats>) {
        if self.capacity > 0 && diary.begins_ring(self.capacity) {
            self.recorded.push(Arc::clone(diary));
        }
    }

    /// What was recorded.
    pub(crate) fn tracks(&self) -> Vec<Track> {
        self.recorded.iter().map(|diary| diary.track()).collect()
    }

    /// Summed over all, dead ones included.
    pub(crate) fn counters(&self) -> Counters {
        self.of_the_dead.0 + self.living().map(|diary| diary.meter.read()).sum::<Counters>()
    }

    /// Of the living.
    pub(crate) fn thread_counters(&self) -> Vec<(String, Counters)> {
        self.living().map(|diary| (diary.name().to_owned(), diary.meter.read())).collect()
    }

    /// Summed over all, dead ones included.
    pub(crate) fn times(&self) -> Times {
        self.living().fold(self.of_the_dead.1, |sum, diary| sum + diary.times())
    }

    /// Of those that were recorded, and of the living that were not.
    pub(crate) fn thread_times(&self) -> Vec<(String, Times)> {
        let others = self.living().filter(|diary| !diary.has_ring());
        let all = self.recorded.iter().chain(others);
        all.map(|diary| (diary.name().to_owned(), diary.times())).collect()
    }

    fn living(&self) -> impl Iterator<Item = &Arc<ThreadStats>> {
        self.living.iter().flatten()
    }
}
