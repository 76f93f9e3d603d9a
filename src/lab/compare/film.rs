//! A film of one run: what the model's engines have recorded, as lanes on one axis.
//!
//! *Assumes*: the run is not measured; a film costs time and memory.
//! *Promises*: while it is off, nothing is recorded. On, the axis begins when the clock of the run does,
//! and ends with it, for every model.
//! *Leaves out*: what becomes of it (`lab/compare/recorded.rs`).
//!
//! ```text
//!   threads-py*     the lock's recording  ─┐
//!   event-loop      the loop's            ─┤
//!   processes       the pool's, and the    ├─▶ Group, on the system's clock ─▶ the part of the run
//!                   calls of each worker  ─┤
//!   sequential,     a tape for each lane  ─┘
//!   threads-free
//! ```

use crate::base::sync::Mutex;
use crate::event_loop::lifecycle::EventLoop;
use crate::gil::lock::global_lock::GlobalLock;
use crate::lab::compare::lane::PhaseFigures;
use crate::lab::compare::tape::{Tape, cut};
use crate::lab::report::lanes::StateNames;
use crate::lab::timeline::from_lock::from_lock;
use crate::lab::timeline::from_loop::from_loop;
use crate::lab::timeline::from_pool::from_pool;
use crate::lab::timeline::timeline::{Group, Lane, LaneKind};
use crate::process::pool::process_pool::ProcessPool;
use crate::sys::process::thread_id;
use crate::sys::usage::monotonic_time;
use std::collections::BTreeMap;
use std::thread;

/// Events that an engine has room for.
const ROOM: usize = 200_000;
/// A thread makes its ring when it first takes the lock, and the larger the later it has it.
const MOST_OF_A_THREAD: usize = 16_000;
/// Fewer would show nothing.
const LEAST: usize = 500;

/// What one run has recorded.
#[derive(Debug, Default)]
pub struct Film {
    on: bool,
    /// On the system's clock.
    group: Mutex<Group>,
    /// Lanes that have written down themselves what they did.
    tapes: Mutex<Vec<Lane>>,
    /// The calls of worker processes, by their numbers.
    workers: Mutex<BTreeMap<u64, Tape>>,
}

impl Film {
    /// One that records nothing.
    pub fn off() -> Film {
        Film::default()
    }

    /// One that records.
    pub fn on() -> Film {
        Film { on: true, ..Film::default() }
    }

    /// Whether it records.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// An engine's lanes come to those that are there; it was `now` on the system's clock when it was
    /// `until` on the engine's.
    fn add(&self, group: Group, until: u64, now: u64) {
        self.group.lock().append(group.later(now.saturating_sub(until)));
    }

    /// From now on a lock for so many threads records.
    pub fn watch_lock(&self, lock: &GlobalLock, threads: usize) {
        if self.on {
            lock.record((ROOM / threads.max(1)).clamp(LEAST, MOST_OF_A_THREAD));
        }
    }

    /// What a lock has recorded.
    pub fn keep_lock(&self, lock: &GlobalLock) {
        if self.on {
            let recording = lock.recording();
            // A lock reads its clock last, a loop and a pool first.
            let now = monotonic_time();
            self.add(from_lock("", 0, &recording, &StateNames::LOCK), recording.until, now);
        }
    }

    /// From now on a loop records.
    pub fn watch_loop(&self, event_loop: &EventLoop) {
        if self.on {
            event_loop.record(ROOM);
        }
    }

    /// What a loop has recorded, which is this thread's.
    pub fn keep_loop(&self, event_loop: &EventLoop) {
        if self.on {
            let (now, recording) = (monotonic_time(), event_loop.recording());
            let tid = std::process::id().into();
            self.add(from_loop("", 0, tid, &recording), recording.until, now);
        }
    }

    /// From now on a pool records.
    pub fn watch_pool(&self, pool: &ProcessPool) {
        if self.on {
            pool.record(ROOM);
        }
    }

    /// What a pool has recorded.
    pub fn keep_pool(&self, pool: &ProcessPool) {
        if self.on {
            let (now, recording) = (monotonic_time(), pool.recording());
            self.add(from_pool("", 0, &recording), recording.until, now);
        }
    }

    /// A tape for a lane that no engine watches.
    pub fn tape(&self) -> Option<Tape> {
        self.on.then(Tape::default)
    }

    /// The tape of this thread.
    pub fn keep_tape(&self, tape: Option<Tape>) {
        let Some(tape) = tape else { return };
        let name = thread::current().name().unwrap_or("thread").to_owned();
        let (id, spans) = (thread_id().into(), tape.spans());
        let lane = Lane { name, kind: LaneKind::Thread, id, spans, points: Vec::new() };
        self.tapes.lock().push(lane);
    }

    /// The tape of one job of a worker process.
    pub fn keep_worker(&self, pid: u32, tape: Tape) {
        let mut workers = self.workers.lock();
        workers.entry(pid.into()).or_default().calls.extend(tape.calls);
    }

    /// All of it, while the clock of the run ran.
    pub fn develop(self, name: &str, phase: &PhaseFigures) -> Group {
        let mut group = self.group.into_inner();
        (group.name, group.pid) = (name.to_owned(), std::process::id());
        for (id, mut tape) in self.workers.into_inner() {
            tape.calls.sort_unstable();
            for lane in group.lanes.iter_mut().filter(|lane| lane.id == id) {
                lane.spans = cut(std::mem::take(&mut lane.spans), &tape.calls);
            }
        }
        // Threads end in any order.
        let mut tapes = self.tapes.into_inner();
        tapes.sort_by_key(|lane| (lane.name.len(), lane.name.clone()));
        group.lanes.extend(tapes);
        group.tell_apart();
        group.part(phase.begun_ns, phase.begun_ns + phase.wall_ns).without_empty_lanes()
    }
}
