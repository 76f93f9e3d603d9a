//! The workloads: what is counted, how many there are of it, and what it should cost.

use crate::fit::Law;
use crate::sample::Sample;
use crate::{files, locks, loops, pools, searches};

/// What is measured at so many units.
pub type Run = fn(u64) -> Sample;

/// What a workload is measured beside.
pub enum Peer {
    None,
    /// In this program.
    Here(&'static str, Run),
    /// In `benches/peers`.
    Tokio,
}

/// How far a measurement goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    Quick,
    Usual,
    All,
}

/// What grows.
pub struct Workload {
    pub name: &'static str,
    /// What there are so many of.
    pub unit: &'static str,
    pub law: Law,
    pub run: Run,
    pub peer: Peer,
    /// From the fewest to the most; what a quick run, a usual one and one of all go up to.
    pub sizes: &'static [u64],
    pub most: [u64; 3],
    /// What its costs consist of.
    pub note: &'static str,
}

impl Workload {
    pub fn sizes(&self, reach: Reach) -> impl Iterator<Item = u64> {
        let most = self.most[reach as usize];
        self.sizes.iter().copied().filter(move |size| *size <= most)
    }
}

const DECADES: &[u64] =
    &[1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000];
const TO_A_MILLION: [u64; 3] = [100_000, 1_000_000, 10_000_000];

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "tasks",
        unit: "task",
        law: Law::Linear,
        run: loops::tasks,
        peer: Peer::Tokio,
        sizes: DECADES,
        most: TO_A_MILLION,
        note: "spawned, run once, joined; all are there at once",
    },
    Workload {
        name: "timers-fire",
        unit: "timer",
        law: Law::Heap,
        run: loops::timers_that_fire,
        peer: Peer::Tokio,
        sizes: DECADES,
        most: TO_A_MILLION,
        note: "armed in no order, then all due",
    },
    Workload {
        name: "timers-taken-back",
        unit: "timer",
        law: Law::Heap,
        run: loops::timers_taken_back,
        peer: Peer::Tokio,
        sizes: DECADES,
        most: TO_A_MILLION,
        note: "armed in no order, taken back in no order",
    },
    Workload {
        name: "connections",
        unit: "connection",
        law: Law::Linear,
        run: loops::connections,
        peer: Peer::Tokio,
        sizes: &[100, 300, 1_000, 3_000, 10_000, 20_000],
        most: [3_000, 20_000, 20_000],
        note: "accepted on the loopback interface, two messages echoed, closed",
    },
    Workload {
        name: "thread-jobs",
        unit: "job",
        law: Law::Linear,
        run: pools::thread_jobs,
        peer: Peer::Here("std's mpsc", pools::bare_jobs),
        sizes: DECADES,
        most: TO_A_MILLION,
        note: "for two threads; all submitted before the first is awaited",
    },
    Workload {
        name: "threads",
        unit: "worker",
        law: Law::Linear,
        run: pools::threads,
        peer: Peer::Here("std's mpsc", pools::bare_threads),
        sizes: &[1, 2, 4, 8, 16, 32, 64],
        most: [64; 3],
        note: "a pool of so many threads, 2,000 jobs for each",
    },
    Workload {
        name: "process-jobs",
        unit: "job",
        law: Law::Linear,
        run: pools::process_jobs,
        peer: Peer::None,
        sizes: &[1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
        most: [10_000, 100_000, 1_000_000],
        note: "for two processes; all submitted before the first is awaited",
    },
    Workload {
        name: "processes",
        unit: "worker",
        law: Law::Linear,
        run: pools::processes,
        peer: Peer::None,
        sizes: &[1, 2, 4, 8, 16, 32, 64],
        most: [64; 3],
        note: "a pool of so many processes, 100 jobs for each, with its fork server",
    },
    Workload {
        name: "waiters",
        unit: "thread",
        law: Law::Linear,
        run: locks::waiters,
        peer: Peer::Here("std's mutex", locks::bare_waiters),
        sizes: &[1, 3, 10, 30, 100, 300, 1_000],
        most: [300, 1_000, 1_000],
        note: "all wait for the lock, then take it 20 times each; with their start and end",
    },
    Workload {
        name: "states",
        unit: "state",
        law: Law::Linear,
        run: searches::states,
        peer: Peer::None,
        sizes: &[1, 2, 4, 8, 16, 32],
        most: [4, 8, 32],
        note: "of three Python threads that add to one number",
    },
    Workload {
        name: "simulator",
        unit: "event",
        law: Law::Heap,
        run: searches::events,
        peer: Peer::None,
        sizes: &[1, 4, 16, 64, 256, 1024],
        most: [1024; 3],
        note: "machines of 1 to 1,024 cores under one lock, twice as many threads",
    },
    Workload {
        name: "files",
        unit: "file",
        law: Law::Linear,
        run: files::files,
        peer: Peer::None,
        sizes: &[100, 300, 1_000, 3_000, 10_000, 30_000, 100_000],
        most: [1_000, 10_000, 100_000],
        note: "compare files: found, hashed once to know what they come to, and once more",
    },
];

/// The one of that name.
pub fn named(name: &str) -> Option<&'static Workload> {
    WORKLOADS.iter().find(|workload| workload.name == name)
}
