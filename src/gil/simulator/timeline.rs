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
use crate::gil::simulator::actor::{Actor, AndThen, Bed, Step};
use crate::gil::simulator::cores::{Cores, Placed};
use crate::gil::simulator::script::Costs;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What is due at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum EndOf {
    Step { thread: usize, stamp: u64 },
    Slice { core: usize, stamp: u64 },
    Sleep { thread: usize, stamp: u64 },
}

/// What has come to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
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
    pub(crate) actors: Vec<Actor>,
    pub(crate) now: Nanos,
    chance: SplitMix64,
    cores: Cores,
    /// Which slice of each core is the present one.
    slices: Vec<u64>,
    due: BinaryHeap<Reverse<(Nanos, u64, EndOf)>>,
    appointments: u64,
}

impl Timeline {
    pub(crate) fn new(cores: usize, costs: Costs, seed: u64) -> Timeline {
        Timeline {
            costs: Costs { tick: costs.tick.max(1), ..costs },
            actors: Vec::new(),
            now: 0,
            chance: SplitMix64::new(seed),
            cores: Cores::new(cores, costs.quantum),
            slices: vec![0; cores],
            due: BinaryHeap::new(),
            appointments: 0,
        }
    }

    pub(crate) fn joins(&mut self, actor: Actor) {
        self.actors.push(actor);
        self.cores.joins();
    }

    /// All threads ask for the lock and for a core.
    pub(crate) fn starts(&mut self) {
        for thread in 0..self.actors.len() {
            self.begins(thread, Step::Wants, self.costs.desk);
            self.wakes(thread, 0);
        }
    }

    /// Lets time go by until a step is over.
    pub(crate) fn passes(&mut self, limit: Nanos) -> Passed {
        while let Some(Reverse((at, _, due))) = self.due.pop() {
            if at > limit {
                self.now = limit;
                self.stops_in_the_middle();
                return Passed::Limit;
            }
            self.now = at;
            if let Some(thread) = self.happens(due) {
                return Passed::Step(thread);
            }
        }
        Passed::Everything
    }

    fn happens(&mut self, due: EndOf) -> Option<usize> {
        match due {
            EndOf::Step { thread, stamp } if self.actors[thread].stamp == stamp => {
                self.actors[thread].left = 0;
                return Some(thread);
            }
            EndOf::Sleep { thread, stamp } if self.actors[thread].stamp == stamp => {
                self.gets_up(thread, true);
            }
            EndOf::Slice { core, stamp } if self.slices[core] == stamp => {
                match self.cores.slice_over(core, self.now) {
                    Some((before, next)) => {
                        self.pauses(before);
                        self.resumes(next, core, self.costs.switch);
                    }
                    None => self.begins_slice(core, 0),
                }
            }
            // Somebody woke it, or paused it, before.
            EndOf::Step { .. } | EndOf::Sleep { .. } | EndOf::Slice { .. } => {}
        }
        None
    }

    /// What it costs to wake a sleeper now.
    pub(crate) fn signal(&self) -> Nanos {
        let interrupt = if self.cores.has_idle() { self.costs.interrupt } else { 0 };
        self.costs.signal.saturating_add(interrupt)
    }

    /// A thread that is on a core, or will be, begins a step.
    pub(crate) fn begins(&mut self, thread: usize, step: Step, cost: Nanos) {
        self.actors[thread].step = step;
        self.takes_time(thread, cost);
    }

    fn appoints(&mut self, at: Nanos, due: EndOf) {
        self.appointments += 1;
        self.due.push(Reverse((at, self.appointments, due)));
    }

    /// A cost, as it happens to be this time.
    fn about(&mut self, cost: Nanos) -> Nanos {
        let spread = cost / 100 * self.costs.jitter;
        match spread {
            0 => cost,
            _ => cost - spread + self.chance.next_u64() % (2 * spread + 1),
        }
    }

    /// A thread that can run again finds a core, or queues for one.
    fn wakes(&mut self, thread: usize, lead: Nanos) {
        match self.cores.wakes(thread, self.now) {
            Placed::OnIdle(core) => self.resumes(thread, core, lead),
            Placed::Instead { core, of } => {
                self.pauses(of);
                self.resumes(thread, core, self.costs.switch);
            }
            Placed::Queued => {}
        }
    }

    /// A thread goes on with its step, after the time it takes to get it onto the core.
    fn resumes(&mut self, thread: usize, core: usize, lead: Nanos) {
        let actor = &mut self.actors[thread];
        actor.resumed = self.now.saturating_add(lead);
        actor.stamp += 1;
        let (at, stamp) = (actor.resumed.saturating_add(actor.left), actor.stamp);
        self.appoints(at, EndOf::Step { thread, stamp });
        self.begins_slice(core, lead);
    }

    fn begins_slice(&mut self, core: usize, lead: Nanos) {
        self.slices[core] += 1;
        if self.costs.quantum > 0 {
            let at = self.now.saturating_add(lead).saturating_add(self.costs.quantum);
            self.appoints(at, EndOf::Slice { core, stamp: self.slices[core] });
        }
    }

    /// A thread loses its core in the middle of a step.
    fn pauses(&mut self, thread: usize) {
        let actor = &mut self.actors[thread];
        actor.left -= self.now.saturating_sub(actor.resumed).min(actor.left);
        actor.stamp += 1;
    }

    pub(crate) fn takes_time(&mut self, thread: usize, cost: Nanos) {
        let on_core = self.cores.core_of(thread).is_some();
        let actor = &mut self.actors[thread];
        actor.left = cost;
        actor.stamp += 1;
        if on_core {
            actor.resumed = actor.resumed.max(self.now);
            let (at, stamp) = (actor.resumed.saturating_add(cost), actor.stamp);
            self.appoints(at, EndOf::Step { thread, stamp });
        }
    }

    pub(crate) fn leaves_core(&mut self, thread: usize) {
        if let Some((core, next)) = self.cores.leaves(thread, self.now) {
            self.slices[core] += 1;
            if let Some(next) = next {
                self.resumes(next, core, self.costs.switch);
            }
        }
    }

    pub(crate) fn sleeps(&mut self, thread: usize, bed: Bed, until: Option<Nanos>) {
        self.leaves_core(thread);
        let actor = &mut self.actors[thread];
        actor.bed = Some(bed);
        actor.stamp += 1;
        let stamp = actor.stamp;
        if let Some(until) = until {
            self.appoints(until, EndOf::Sleep { thread, stamp });
        }
    }

    /// Ends a sleep. A thread that does not sleep has been woken already.
    pub(crate) fn gets_up(&mut self, thread: usize, timed_out: bool) {
        let Some(bed) = self.actors[thread].bed.take() else { return };
        let step = match bed {
            Bed::Lock => Step::LooksUp { timed_out },
            Bed::Switch => Step::Goes { next: AndThen::HandsOver },
            Bed::Act => Step::Works,
        };
        let visit = if bed == Bed::Lock { self.costs.desk } else { 0 };
        self.begins(thread, step, visit);
        let lead = self.about(self.costs.wake);
        self.wakes(thread, lead);
    }

    /// How long a thread has been at its ticks.
    pub(crate) fn spent(&self, thread: usize, ticks: u64) -> Nanos {
        let actor = &self.actors[thread];
        let here = match self.cores.core_of(thread) {
            Some(_) => self.now.saturating_sub(actor.resumed).min(actor.left),
            None => 0,
        };
        ticks.saturating_mul(self.costs.tick) - actor.left + here
    }

    /// How many ticks it has begun.
    pub(crate) fn ticks_done(&self, thread: usize, ticks: u64) -> u64 {
        self.spent(thread, ticks).div_ceil(self.costs.tick).min(ticks)
    }

    /// Time is over: ticks that were done count.
    fn stops_in_the_middle(&mut self) {
        for thread in 0..self.actors.len() {
            if let Step::Computes { ticks } = self.actors[thread].step
                && self.actors[thread].ended.is_none()
            {
                let whole = self.spent(thread, ticks) / self.costs.tick;
                self.actors[thread].did(whole.min(ticks));
            }
        }
    }
}
