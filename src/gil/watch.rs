//! What can be seen of a lock from outside: counters, lengths of time, and a recording.
//!
//! *Assumes*: nothing; any thread may look at any time.
//! *Promises*: looking changes nothing about who has the lock next; what is off costs nothing
//! but the one branch that finds it off.
//! *Leaves out*: pictures and reports.

use crate::gil::counters::Counters;
use crate::gil::histogram::Times;
use crate::gil::lock::GlobalLock;
use crate::gil::observer::{HOLD, RECORD};
use crate::gil::record::Recording;
use crate::gil::shelf::Shelf;

impl GlobalLock {
    /// What has happened so far, summed over all threads, dead ones included.
    pub fn counters(&self) -> Counters {
        self.read(Shelf::counters).unwrap_or_default()
    }

    /// The name and the counters of every living thread that has used the lock.
    pub fn thread_counters(&self) -> Vec<(String, Counters)> {
        self.read(Shelf::thread_counters).unwrap_or_default()
    }

    /// How long the waits for the lock were so far, and the holds; of all threads, dead ones
    /// included.
    ///
    /// Every wait is in it. Holds are, while they are [measured](Self::measure_hold) or
    /// [recorded](Self::record).
    ///
    /// ```
    /// use singletrack::gil::lock::GlobalLock;
    /// use singletrack::gil::policy::SwitchPolicy;
    ///
    /// let lock = GlobalLock::new(SwitchPolicy::FAIR);
    /// lock.measure_hold(true);
    /// lock.attach(|gil| gil.detach(|| ()))?;
    /// let times = lock.times();
    /// assert_eq!((times.hold.count(), times.wait.count()), (2, 0), "nobody was in its way");
    /// # Ok::<(), singletrack::gil::error::AttachError>(())
    /// ```
    pub fn times(&self) -> Times {
        self.read(Shelf::times).unwrap_or_default()
    }

    /// The name of every living thread that has used the lock, and of every one that was
    /// recorded; how long its waits and its holds were.
    pub fn thread_times(&self) -> Vec<(String, Times)> {
        self.read(Shelf::thread_times).unwrap_or_default()
    }

    /// Measures how long the lock is held (`hold_ns`), from each thread's next attaching on.
    /// It reads the clock twice a hold, which costs more than the lock itself.
    pub fn measure_hold(&self, on: bool) {
        self.shared.observer.watch(HOLD, on);
    }

    /// From now on writes down every taking, waiting and dropping, and when it was.
    ///
    /// Each thread has a ring of `events_per_thread` words of its own, which lasts as long as
    /// the lock. A ring that is full forgets its oldest events, and counts them. A thread that
    /// holds the lock now appears with its next taking. To begin again after
    /// [`stop_recording`](Self::stop_recording) goes on with the rings there are.
    pub fn record(&self, events_per_thread: usize) {
        let Ok(mut desk) = self.shared.desk() else { return };
        desk.shelf.records(events_per_thread);
        self.shared.leave(desk, None);
        self.shared.observer.watch(RECORD, true);
    }

    /// Writes down nothing any more. What was written stays.
    pub fn stop_recording(&self) {
        self.shared.observer.watch(RECORD, false);
    }

    /// What was written down so far; the threads need not stop for it.
    pub fn recording(&self) -> Recording {
        let tracks = self.read(Shelf::tracks).unwrap_or_default();
        // Read last, so that no event is later.
        Recording { tracks, until: self.shared.now() }
    }

    /// One look at the shelf; `None` in a fork that cannot come to the desk.
    fn read<R>(&self, f: impl FnOnce(&Shelf) -> R) -> Option<R> {
        let desk = self.shared.desk().ok()?;
        let result = f(&desk.shelf);
        self.shared.leave(desk, None);
        Some(result)
    }
}
