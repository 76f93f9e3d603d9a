//! Virtual time: which thread is at which activity, and until when.
//!
//! *Assumes*: the caller says what each thread does next, and what that costs.
//! *Promises*: time never goes back; of two things due at one moment the one that was scheduled
//! first comes first; an activity that is preempted goes on where it was.
//! *Leaves out*: the lock (`gil/simulator/activities.rs`), and which thread gets a core
//! (`gil/simulator/cores.rs`).
//!
//! ```text
//!   now ───────▶ activity of b ends ── slice of core 0 ends ── sleep of a ends ── …
//!                  │                     │                       │
//!                  ▼                     ▼                       ▼
//!         the caller decides           another thread          a gets a core,
//!         what b does next             goes on                 or queues for one
//! ```
//! This is a discrete-event simulation: a heap of what is due, and a clock that jumps to the
//! first of it. What was cancelled stays in the heap, with a generation that is out of date.

use crate::base::random::SplitMix64;
use crate::gil::rules::decision::Nanos;
use crate::gil::simulator::cores::{Cores, Placement};
use crate::gil::simulator::costs::Costs;
use crate::gil::simulator::thread::{Activity, AndThen, SimThread, WaitsOn};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What ends at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Activity { thread: usize, generation: u64 },
    Slice { core: usize, generation: u64 },
    Sleep { thread: usize, generation: u64 },
}

/// Why the clock stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advance {
    /// This thread's activity is over.
    Activity(usize),
    /// The limit of the simulated time is reached.
    Limit,
    /// Nothing is due any more.
    NothingDue,
}

#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) costs: Costs,
    pub(crate) threads: Vec<SimThread>,
    pub(crate) now: Nanos,
    random: SplitMix64,
    cores: Cores,
    /// The generation of the present slice of each core.
    slices: Vec<u64>,
    due: BinaryHeap<Reverse<(Nanos, u64, Due)>>,
    /// How many ends were scheduled: orders those of one moment.
    scheduled: u64,
    /// How many of them came.
    pub(crate) events: u64,
}

impl Timeline {
    pub(crate) fn new(cores: usize, costs: Costs, seed: u64) -> Timeline {
        let costs = costs.possible();
        Timeline {
            costs,
            threads: Vec::new(),
            now: 0,
            random: SplitMix64::new(seed),
            cores: Cores::new(cores, costs.quantum, costs.longest_switch()),
            slices: vec![0; cores],
            due: BinaryHeap::new(),
            scheduled: 0,
            events: 0,
        }
    }

    pub(crate) fn add_thread(&mut self, sim: SimThread) {
        self.threads.push(sim);
        self.cores.add_thread();
    }

    /// All threads take the lock, and get a core or queue for one.
    pub(crate) fn start_all(&mut self) {
        for thread in 0..self.threads.len() {
            self.start_activity(thread, Activity::Acquire, self.costs.contended);
            self.make_runnable(thread, 0);
        }
    }

    /// Advances the clock until an activity is over.
    pub(crate) fn advance(&mut self, limit: Nanos) -> Advance {
        while let Some(Reverse((at, _, due))) = self.due.pop() {
            if self.is_cancelled(&due) {
                continue; // at whatever time: nothing happens then
            }
            if at > limit {
                self.now = limit;
                self.count_partial_ticks();
                return Advance::Limit;
            }
            self.now = at;
            if let Some(thread) = self.handle(due) {
                return Advance::Activity(thread);
            }
        }
        Advance::NothingDue
    }

    /// Handles what is due; gives the thread whose activity is over, if it was one.
    fn handle(&mut self, due: Due) -> Option<usize> {
        self.events += 1;
        match due {
            Due::Activity { thread, .. } => {
                self.threads[thread].left = 0;
                return Some(thread);
            }
            Due::Sleep { thread, .. } => self.wake(thread, true),
            Due::Slice { core, .. } => match self.cores.end_slice(core, self.now) {
                Some((before, next)) => {
                    self.preempt(before);
                    self.resume(next, core, self.costs.switch);
                }
                None => self.start_slice(core, 0),
            },
        }
        None
    }

    /// The thread was woken or preempted before.
    fn is_cancelled(&self, due: &Due) -> bool {
        match *due {
            Due::Activity { thread, generation } | Due::Sleep { thread, generation } => {
                self.threads[thread].generation != generation
            }
            Due::Slice { core, generation } => self.slices[core] != generation,
        }
    }

    /// What it costs to wake a sleeper now.
    pub(crate) fn signal_cost(&self) -> Nanos {
        let interrupt = if self.cores.has_idle_core() { self.costs.interrupt } else { 0 };
        self.costs.signal.saturating_add(interrupt)
    }

    /// Starts an activity of a thread that is on a core, or will be.
    pub(crate) fn start_activity(&mut self, thread: usize, activity: Activity, cost: Nanos) {
        self.threads[thread].activity = activity;
        self.set_remaining(thread, cost);
    }

    fn schedule(&mut self, at: Nanos, due: Due) {
        debug_assert!(at >= self.now, "time goes forward");
        self.scheduled += 1;
        self.due.push(Reverse((at, self.scheduled, due)));
    }

    /// A cost, a bit less or more at random.
    fn with_jitter(&mut self, cost: Nanos) -> Nanos {
        let spread = cost / 100 * self.costs.jitter;
        cost - spread + self.random.next_u64() % (2 * spread + 1)
    }

    /// Gives a core to a thread that can run again, or has it queue for one.
    fn make_runnable(&mut self, thread: usize, lead: Nanos) {
        match self.cores.wake(thread, self.now) {
            Placement::OnIdle(core) => self.resume(thread, core, lead),
            Placement::Preempting { core, preempted } => {
                self.preempt(preempted);
                self.resume(thread, core, self.costs.switch);
            }
            Placement::Queued => {}
        }
    }

    /// Lets a thread go on with its activity, after the time it takes to get it onto the core.
    fn resume(&mut self, thread: usize, core: usize, lead: Nanos) {
        let sim = &mut self.threads[thread];
        sim.resumed = self.now.saturating_add(lead);
        let (at, generation) = (sim.resumed.saturating_add(sim.left), sim.generation);
        self.schedule(at, Due::Activity { thread, generation });
        self.start_slice(core, lead);
    }

    fn start_slice(&mut self, core: usize, lead: Nanos) {
        self.slices[core] += 1;
        if self.costs.quantum > 0 {
            let at = self.now.saturating_add(lead).saturating_add(self.costs.quantum);
            self.schedule(at, Due::Slice { core, generation: self.slices[core] });
        }
    }

    /// Stops a thread's activity in the middle: it loses its core.
    fn preempt(&mut self, thread: usize) {
        let sim = &mut self.threads[thread];
        sim.left -= self.now.saturating_sub(sim.resumed).min(sim.left);
        sim.generation += 1;
    }

    /// Sets how long the activity still takes.
    pub(crate) fn set_remaining(&mut self, thread: usize, cost: Nanos) {
        let on_core = self.cores.core_of(thread).is_some();
        let sim = &mut self.threads[thread];
        sim.left = cost;
        sim.generation += 1;
        if on_core {
            sim.resumed = sim.resumed.max(self.now);
            let (at, generation) = (sim.resumed.saturating_add(cost), sim.generation);
            self.schedule(at, Due::Activity { thread, generation });
        }
    }

    /// Takes a thread off its core; the next in the run queue gets the core.
    pub(crate) fn leave_core(&mut self, thread: usize) {
        if let Some((core, next)) = self.cores.block(thread, self.now) {
            self.slices[core] += 1;
            if let Some(next) = next {
                self.resume(next, core, self.costs.switch);
            }
        }
    }

    /// Puts a thread to sleep, at most until this moment; one that is past already comes now.
    pub(crate) fn block(&mut self, thread: usize, waits_on: WaitsOn, until: Option<Nanos>) {
        self.leave_core(thread);
        let sim = &mut self.threads[thread];
        sim.waits_on = Some(waits_on);
        let generation = sim.generation;
        if let Some(until) = until {
            self.schedule(until.max(self.now), Due::Sleep { thread, generation });
        }
    }

    /// Wakes a thread. One that does not sleep has been woken already.
    pub(crate) fn wake(&mut self, thread: usize, timed_out: bool) {
        let Some(waits_on) = self.threads[thread].waits_on.take() else { return };
        let activity = match waits_on {
            WaitsOn::Lock => Activity::Recheck { timed_out },
            WaitsOn::Switch => Activity::Resume { next: AndThen::AwaitSwitch },
            WaitsOn::Act => Activity::Detached,
        };
        let access = if waits_on == WaitsOn::Lock { self.costs.contended } else { 0 };
        self.start_activity(thread, activity, access);
        let lead = self.with_jitter(self.costs.wake);
        self.make_runnable(thread, lead);
    }

    /// How long a thread has been running its ticks.
    pub(crate) fn time_spent(&self, thread: usize, ticks: u64) -> Nanos {
        let sim = &self.threads[thread];
        let here = match self.cores.core_of(thread) {
            Some(_) => self.now.saturating_sub(sim.resumed).min(sim.left),
            None => 0,
        };
        ticks.saturating_mul(self.costs.tick) - sim.left + here
    }

    /// How many of its ticks it has begun.
    pub(crate) fn ticks_begun(&self, thread: usize, ticks: u64) -> u64 {
        self.time_spent(thread, ticks).div_ceil(self.costs.tick).min(ticks)
    }

    /// At the limit: counts the ticks that threads have done of unfinished activities.
    fn count_partial_ticks(&mut self) {
        for thread in 0..self.threads.len() {
            if let Activity::Compute { ticks } = self.threads[thread].activity
                && self.threads[thread].ended.is_none()
            {
                let whole = self.time_spent(thread, ticks) / self.costs.tick;
                self.threads[thread].count_ticks(whole.min(ticks));
            }
        }
    }
}
