//! What is written down about one thread: counts, lengths of time, and every event if asked for.
//!
//! *Assumes*: a diary is written by one thread, the one it is named after.
//! *Promises*: to write takes no lock and never waits. Times are taken where a thread has slept
//! anyway, or where it was asked to measure; else a hold costs two branches.
//! *Leaves out*: keeping and reading it (`gil/shelf.rs`).

use crate::base::sys::process::thread_id;
use crate::gil::counters::{Meter, Tally};
use crate::gil::histogram::{LiveHistogram, Times};
use crate::gil::observer::{HOLD, Observer, RECORD};
use crate::gil::record::{Event, Track, What};
use crate::gil::ring::Ring;
use crate::gil::verdict::{Nanos, Reason};
use std::sync::OnceLock;

/// One thread's.
#[derive(Debug)]
pub(crate) struct Diary {
    pub(crate) meter: Meter,
    /// When the present hold began, if holds are watched; else 0.
    since: Tally,
    wait: LiveHistogram,
    hold: LiveHistogram,
    /// Where its events are recorded, once there is a recording.
    ring: OnceLock<Ring>,
    name: String,
    tid: u32,
}

impl Diary {
    /// For the thread that calls this. If it has no name it is called by its number.
    pub(crate) fn of_this_thread(number: usize) -> Diary {
        let name = match std::thread::current().name() {
            Some(name) => name.to_owned(),
            None => format!("thread {number}"),
        };
        Diary {
            meter: Meter::default(),
            since: Tally::default(),
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
    pub(crate) fn ends_hold(&self, observer: &Observer, reason: Reason) {
        if self.since.get() != 0 {
            self.watch_end(observer, reason);
        }
    }

    #[cold]
    #[inline(never)]
    fn watch_begin(&self, observer: &Observer) {
        let now = observer.now();
        self.since.set(now.max(1));
        self.note(observer, now, What::Takes);
    }

    #[cold]
    #[inline(never)]
    fn watch_end(&self, observer: &Observer, reason: Reason) {
        let now = observer.now();
        let held = now - self.since.get().min(now);
        self.since.set(0);
        if observer.watched() & HOLD != 0 {
            self.meter.hold_ns.add(held);
        }
        self.hold.add(held);
        self.note(observer, now, What::drop_for(reason));
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
    pub(crate) fn note(&self, observer: &Observer, at: Nanos, what: What) {
        if observer.watched() & RECORD != 0
            && let Some(ring) = self.ring.get()
        {
            ring.write(Event { at, what });
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
