//! Threads on cores as virtual time goes by: who is at which step, until when.
//!
//! *Assumes*: it is told what each thread does next, and what that costs.
//! *Promises*: time never goes back; of two things due at one moment the one that was arranged
//! first comes first; a step that is paused goes on where it was.
//! *Leaves out*: the lock (`gil/simulator/simulation.rs`), and who gets a core (`gil/simulator/cores.rs`).
//!
//! ```text
//!   now ───────▶ step of b ends ── slice of core 0 ends ── sleep of a ends ── …
//!                  │                 │                       │
//!                  ▼                 ▼                       ▼
//!         the simulator says       another thread          it finds a core,
//!         what b does next         goes on                 or queues for one
//! ```

use crate::base::random::SplitMix64;
use crate::gil::rules::decision::Nanos;
use crate::gil::simulator::actor::{Activity, AndThen, SimThread, WaitsOn};
use crate::gil::simulator::cores::{Cores, Placement};
use crate::gil::simulator::script::Costs;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What is due at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Step { thread: usize, stamp: u64 },
    Slice { core: usize, stamp: u64 },
    Sleep { thread: usize, stamp: u64 },
}

/// What has come to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advance {
    /// This thread's step is over.
    Step(usize),
    /// The time is over.
    Limit,
    /// Nothing is due any more.
    Everything,
}

#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) costs: Costs,
    pub(crate) threads: Vec<SimThread>,
    pub(crate) now: Nanos,
    random: SplitMix64,
    cores: Cores,
    /// Which slice of each core is the present one.
    slices: Vec<u64>,
    due: BinaryHeap<Reverse<(Nanos, u64, Due)>>,
    scheduled: u64,
}

impl Timeline {
    pub(crate) fn new(cores: usize, costs: Costs, seed: u64) -> Timeline {
        Timeline {
            costs: Costs { tick: costs.tick.max(1), ..costs },
            threads: Vec::new(),
            now: 0,
            random: SplitMix64::new(seed),
            cores: Cores::new(cores, costs.quantum),
            slices: vec![0; cores],
            due: BinaryHeap::new(),
            scheduled: 0,
        }
    }

    pub(crate) fn add_thread(&mut self, actor: SimThread) {
        self.threads.push(actor);
        self.cores.add_thread();
    }

    /// All threads ask for the lock and for a core.
    pub(crate) fn start_all(&mut self) {
        for thread in 0..self.threads.len() {
            self.start_activity(thread, Activity::Acquire, self.costs.contended);
            self.make_runnable(thread, 0);
        }
    }

    /// Lets time go by until a step is over.
    pub(crate) fn advance(&mut self, limit: Nanos) -> Advance {
        while let Some(Reverse((at, _, due))) = self.due.pop() {
            if at > limit {
                self.now = limit;
                self.count_partial_ticks();
                return Advance::Limit;
            }
            self.now = at;
            if let Some(thread) = self.handle(due) {
                return Advance::Step(thread);
            }
        }
        Advance::Everything
    }

    fn handle(&mut self, due: Due) -> Option<usize> {
        match due {
            Due::Step { thread, stamp } if self.threads[thread].generation == stamp => {
                self.threads[thread].left = 0;
                return Some(thread);
            }
            Due::Sleep { thread, stamp } if self.threads[thread].generation == stamp => {
                self.wake(thread, true);
            }
            Due::Slice { core, stamp } if self.slices[core] == stamp => {
                match self.cores.end_slice(core, self.now) {
                    Some((before, next)) => {
                        self.preempt(before);
                        self.resume(next, core, self.costs.switch);
                    }
                    None => self.start_slice(core, 0),
                }
            }
            // Somebody woke it, or paused it, before.
            Due::Step { .. } | Due::Sleep { .. } | Due::Slice { .. } => {}
        }
        None
    }

    /// What it costs to wake a sleeper now.
    pub(crate) fn signal_cost(&self) -> Nanos {
        let interrupt = if self.cores.has_idle_core() { self.costs.interrupt } else { 0 };
        self.costs.signal.saturating_add(interrupt)
    }

    /// A thread that is on a core, or will be, begins a step.
    pub(crate) fn start_activity(&mut self, thread: usize, step: Activity, cost: Nanos) {
        self.threads[thread].activity = step;
        self.set_remaining(thread, cost);
    }

    fn schedule(&mut self, at: Nanos, due: Due) {
        self.scheduled += 1;
        self.due.push(Reverse((at, self.scheduled, due)));
    }

    /// A cost, as it happens to be this time.
    fn with_jitter(&mut self, cost: Nanos) -> Nanos {
        let spread = cost / 100 * self.costs.jitter;
        match spread {
            0 => cost,
            _ => cost - spread + self.random.next_u64() % (2 * spread + 1),
        }
    }

    /// A thread that can run again finds a core, or queues for one.
    fn make_runnable(&mut self, thread: usize, lead: Nanos) {
        match self.cores.wake(thread, self.now) {
            Placement::OnIdle(core) => self.resume(thread, core, lead),
            Placement::Preempting { core, of } => {
                self.preempt(of);
                self.resume(thread, core, self.costs.switch);
            }
            Placement::Queued => {}
        }
    }

    /// A thread goes on with its step, after the time it takes to get it onto the core.
    fn resume(&mut self, thread: usize, core: usize, lead: Nanos) {
        let actor = &mut self.threads[thread];
        actor.resumed = self.now.saturating_add(lead);
        actor.generation += 1;
        let (at, stamp) = (actor.resumed.saturating_add(actor.left), actor.generation);
        self.schedule(at, Due::Step { thread, stamp });
        self.start_slice(core, lead);
    }

    fn start_slice(&mut self, core: usize, lead: Nanos) {
        self.slices[core] += 1;
        if self.costs.quantum > 0 {
            let at = self.now.saturating_add(lead).saturating_add(self.costs.quantum);
            self.schedule(at, Due::Slice { core, stamp: self.slices[core] });
        }
    }

    /// A thread loses its core in the middle of a step.
    fn preempt(&mut self, thread: usize) {
        let actor = &mut self.threads[thread];
        actor.left -= self.now.saturating_sub(actor.resumed).min(actor.left);
        actor.generation += 1;
    }

    pub(crate) fn set_remaining(&mut self, thread: usize, cost: Nanos) {
        let on_core = self.cores.core_of(thread).is_some();
        let actor = &mut self.threads[thread];
        actor.left = cost;
        actor.generation += 1;
        if on_core {
            actor.resumed = actor.resumed.max(self.now);
            let (at, stamp) = (actor.resumed.saturating_add(cost), actor.generation);
            self.schedule(at, Due::Step { thread, stamp });
        }
    }

    pub(crate) fn leave_core(&mut self, thread: usize) {
        if let Some((core, next)) = self.cores.block(thread, self.now) {
            self.slices[core] += 1;
            if let Some(next) = next {
                self.resume(next, core, self.costs.switch);
            }
        }
    }

    pub(crate) fn block(&mut self, thread: usize, bed: WaitsOn, until: Option<Nanos>) {
        self.leave_core(thread);
        let actor = &mut self.threads[thread];
        actor.waits_on = Some(bed);
        actor.generation += 1;
        let stamp = actor.generation;
        if let Some(until) = until {
            self.schedule(until, Due::Sleep { thread, stamp });
        }
    }

    /// Ends a sleep. A thread that does not sleep has been woken already.
    pub(crate) fn wake(&mut self, thread: usize, timed_out: bool) {
        let Some(bed) = self.threads[thread].waits_on.take() else { return };
        let step = match bed {
            WaitsOn::Lock => Activity::Recheck { timed_out },
            WaitsOn::Switch => Activity::Goes { next: AndThen::HandsOver },
            WaitsOn::Act => Activity::Works,
        };
        let visit = if bed == WaitsOn::Lock { self.costs.contended } else { 0 };
        self.start_activity(thread, step, visit);
        let lead = self.with_jitter(self.costs.wake);
        self.make_runnable(thread, lead);
    }

    /// How long a thread has been at its ticks.
    pub(crate) fn time_spent(&self, thread: usize, ticks: u64) -> Nanos {
        let actor = &self.threads[thread];
        let here = match self.cores.core_of(thread) {
            Some(_) => self.now.saturating_sub(actor.resumed).min(actor.left),
            None => 0,
        };
        ticks.saturating_mul(self.costs.tick) - actor.left + here
    }

    /// How many ticks it has begun.
    pub(crate) fn ticks_done(&self, thread: usize, ticks: u64) -> u64 {
        self.time_spent(thread, ticks).div_ceil(self.costs.tick).min(ticks)
    }

    /// Time is over: ticks that were done count.
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
