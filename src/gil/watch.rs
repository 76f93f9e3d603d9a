//! What can be seen of a lock from outside: its counters, and a recording.
//!
//! *Assumes*: nothing; any thread may look at any time.
//! *Promises*: looking changes nothing about who has the lock next; what is off costs nothing
//! but the one branch that finds it off.
//! *Leaves out*: pictures and reports.

use crate::gil::counters::Counters;
use crate::gil::lock::{GlobalLock, HOLD, RECORD};
use crate::gil::record::Recording;

impl GlobalLock {
    /// What has happened so far, summed over all threads, dead ones included.
    pub fn counters(&self) -> Counters {
        let Ok(desk) = self.shared.desk() else { return Counters::default() };
        let living = desk.seats.iter().flatten().map(|seat| seat.meter.read());
        let sum = living.sum::<Counters>() + desk.of_the_dead;
        self.shared.leave(desk, None);
        sum
    }

    /// The name and the counters of every living thread that has used the lock.
    pub fn thread_counters(&self) -> Vec<(String, Counters)> {
        let Ok(desk) = self.shared.desk() else { return Vec::new() };
        let seats = desk.seats.iter().flatten();
        let all = seats.map(|seat| (seat.name.clone(), seat.meter.read())).collect();
        self.shared.leave(desk, None);
        all
    }

    /// Measures how long the lock is held (`hold_ns`), from each thread's next attaching on.
    /// It reads the clock twice a hold, which costs more than the lock itself.
    pub fn measure_hold(&self, on: bool) {
        self.shared.watch(HOLD, on);
    }

    /// From now on writes down every taking, waiting and dropping, and when it was.
    ///
    /// Each thread has a ring of `events_per_thread` words of its own, which lasts as long as
    /// the lock. A ring that is full forgets its oldest events, and counts them. A thread that
    /// holds the lock now appears with its next taking. To begin again after
    /// [`stop_recording`](Self::stop_recording) goes on with the rings there are.
    pub fn record(&self, events_per_thread: usize) {
        let Ok(mut desk) = self.shared.desk() else { return };
        desk.recorder.begins(events_per_thread);
        let desk_now = &mut *desk;
        for seat in desk_now.seats.iter().flatten() {
            desk_now.recorder.equips(&seat.ring, &seat.name, seat.tid);
        }
        self.shared.leave(desk, None);
        self.shared.watch(RECORD, true);
    }

    /// Writes down nothing any more. What was written stays.
    pub fn stop_recording(&self) {
        self.shared.watch(RECORD, false);
    }

    /// What was written down so far; the threads need not stop for it.
    pub fn recording(&self) -> Recording {
        let mut tracks = Vec::new();
        if let Ok(desk) = self.shared.desk() {
            tracks = desk.recorder.read();
            self.shared.leave(desk, None);
        }
        // Read last, so that no event is later.
        Recording { tracks, until: self.shared.now() }
    }
}
