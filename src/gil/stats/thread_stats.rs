//! What is counted and recorded of each thread, and the registry of all.
//!
//! *Assumes*: a `ThreadStats` is written by its own thread only; the registry is used under a
//! mutex.
//! *Promises*: to write takes no lock and never waits; what is off costs one load and one branch;
//! the clock is read only where a thread has slept anyway, or where holds are watched. What a
//! thread has counted is not lost when it dies, and what was recorded of it lasts as long as the
//! lock.
//! *Leaves out*: the numbers (`gil/stats/counters.rs`, `gil/stats/histogram.rs`) and the events
//! (`gil/stats/record.rs`) themselves.
//!
//! ```text
//!   Observer: clock, what is watched     StatsRegistry: living, recorded, sums of the dead
//!        │ read by                            │ by thread number
//!        ▼                                    ▼
//!   a thread takes or drops the lock ──▶ ThreadStats: Meter, histograms of waits and holds, ring
//! ```
//! The flags of the observer are std's, under loom too: no decision depends on them.

use crate::base::sync::Arc;
use crate::gil::rules::decision::{DropReason, Nanos, ThreadId, nanos};
use crate::gil::stats::counters::{Counter, Counters, Meter};
use crate::gil::stats::histogram::{LiveHistogram, Times};
use crate::gil::stats::record::{EventKind, LockEvent, LockState, Ring, Track};
use crate::sys::process::thread_id;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Holds are measured.
pub(crate) const HOLD: u8 = 1;
/// Events are recorded.
pub(crate) const RECORD: u8 = 2;

/// The clock of one lock, and what is watched beside the counters: [`HOLD`], [`RECORD`], both, or
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

    /// When it is so late on this clock, on the system's.
    pub(crate) fn instant(&self, at: Nanos) -> Instant {
        self.made_at + Duration::from_nanos(at)
    }

    /// [`HOLD`], [`RECORD`], both, or 0.
    #[inline]
    pub(crate) fn watched(&self) -> u8 {
        self.watched.load(Relaxed)
    }

    /// Starts or stops watching [`HOLD`] or [`RECORD`].
    pub(crate) fn watch(&self, what: u8, on: bool) {
        if on {
            self.watched.fetch_or(what, Relaxed);
        } else {
            self.watched.fetch_and(!what, Relaxed);
        }
    }
}

/// What is counted, measured and recorded of one thread.
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
    /// For the thread that calls this. If it has no name, it is called by its number.
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

    /// The thread has the lock, at once or after a wait.
    pub(crate) fn acquired(&self, switched: bool, waited: Option<Nanos>) {
        self.meter.acquired(switched, waited);
        if let Some(time) = waited {
            self.wait.add(time);
        }
    }

    /// Writes an event, if there is a recording.
    #[inline]
    pub(crate) fn note(&self, observer: &Observer, at: Nanos, what: EventKind) {
        if observer.watched() & RECORD != 0
            && let Some(ring) = self.ring.get()
        {
            ring.write(LockEvent { at, what });
        }
    }

    /// Gives it a ring for so many events, if it has none; true if it had none.
    fn give_ring(&self, capacity: usize, began: Option<(Nanos, LockState)>) -> bool {
        self.ring.set(Ring::new(capacity, began)).is_ok()
    }

    pub(crate) fn has_ring(&self) -> bool {
        self.ring.get().is_some()
    }

    pub(crate) fn track(&self) -> Track {
        let (events, dropped) = self.ring.get().map(Ring::read).unwrap_or_default();
        let (began, times) = (self.ring.get().and_then(Ring::began), Some(self.times()));
        Track { name: self.name.clone(), tid: self.tid, events, dropped, began, times }
    }
}

/// The stats of all threads that use one lock.
#[derive(Debug, Default)]
pub(crate) struct StatsRegistry {
    /// By thread number.
    living: Vec<Option<Arc<ThreadStats>>>,
    /// Those that have a ring, of the living and of the dead, in the order in which they got it.
    recorded: Vec<Arc<ThreadStats>>,
    /// How many events a ring holds; 0 until there is a recording.
    capacity: usize,
    /// The sums of all threads that have died.
    of_the_dead: (Counters, Times),
}

impl StatsRegistry {
    /// A thread joined.
    pub(crate) fn add(&mut self, id: ThreadId, stats: &Arc<ThreadStats>) {
        if self.living.len() <= id.index() {
            self.living.resize_with(id.index() + 1, || None);
        }
        self.living[id.index()] = Some(Arc::clone(stats));
        self.give_ring(stats, None);
    }

    /// A thread died.
    pub(crate) fn remove(&mut self, id: ThreadId) {
        if let Some(stats) = self.living[id.index()].take() {
            let (counters, times) = self.of_the_dead;
            self.of_the_dead = (counters + stats.meter.read(), times + stats.times());
        }
    }

    /// Threads have rings for so many events from now on; those that have one keep it. `now` is
    /// the moment, and the state of each thread in it, as far as that is known.
    pub(crate) fn start_recording(
        &mut self,
        capacity: usize,
        now: impl Fn(ThreadId) -> Option<(Nanos, LockState)>,
    ) {
        self.capacity = capacity;
        for id in (0..self.living.len() as u32).map(ThreadId) {
            if let Some(stats) = self.living[id.index()].clone() {
                self.give_ring(&stats, now(id));
            }
        }
    }

    fn give_ring(&mut self, stats: &Arc<ThreadStats>, began: Option<(Nanos, LockState)>) {
        if self.capacity > 0 && stats.give_ring(self.capacity, began) {
            self.recorded.push(Arc::clone(stats));
        }
    }

    /// What was recorded of each thread.
    pub(crate) fn tracks(&self) -> Vec<Track> {
        self.recorded.iter().map(|stats| stats.track()).collect()
    }

    /// Summed over all threads, dead ones included.
    pub(crate) fn counters(&self) -> Counters {
        self.of_the_dead.0 + self.living().map(|stats| stats.meter.read()).sum::<Counters>()
    }

    /// Name and counters of each living thread.
    pub(crate) fn thread_counters(&self) -> Vec<(String, Counters)> {
        self.living().map(|stats| (stats.name().to_owned(), stats.meter.read())).collect()
    }

    /// Summed over all threads, dead ones included.
    pub(crate) fn times(&self) -> Times {
        self.living().fold(self.of_the_dead.1, |sum, stats| sum + stats.times())
    }

    /// Name and times of each thread that was recorded, and of each living one that was not.
    pub(crate) fn thread_times(&self) -> Vec<(String, Times)> {
        let others = self.living().filter(|stats| !stats.has_ring());
        let all = self.recorded.iter().chain(others);
        all.map(|stats| (stats.name().to_owned(), stats.times())).collect()
    }

    fn living(&self) -> impl Iterator<Item = &Arc<ThreadStats>> {
        self.living.iter().flatten()
    }
}
