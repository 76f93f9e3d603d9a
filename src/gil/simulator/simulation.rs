//! The lock's rules on so many cores, in virtual time: a battle of 2009 on a laptop of today.
//!
//! *Assumes*: its costs are numbers, its clock is a number.
//! *Promises*: every decision about the lock is the [`Machine`]'s, the very one that the real
//! lock asks; one seed, one history; without a limit it ends when all threads have.
//! *Leaves out*: caches, memory, several queues of threads; calls for the main thread.
//!
//! Beazley's battle, as it comes about here. `a` computes under Python 2 and has a core; so has
//! `b`, which waits:
//! ```text
//!   a  ██████ drop signal take ██████ drop take ██████ drop take ██████ drop signal take ███
//!             │  ╲                                             ▲     │  ╲
//!   lock  aaaa    ·    aaaaaaaaaaa   ·  aaaaaaaaaaa   ·   aaaaa│aaa      ·   aaaaaaaaaaa
//!                  ╲                                           │          ╲
//!   b  ▒▒▒▒▒▒▒▒▒▒▒▒ ╰──────────── wakes up ────────────▶ taken!▒▒▒▒▒▒▒▒▒▒▒ ╰───── …
//! ```
//! `a` pays for the signal each time, and gets nothing for it: the lock is free for as long as
//! `a` takes to come back, and waking up takes `b` some hundred times as long. With one core
//! `b` does not wake up at all before `a`'s quantum is over, so `a` does not signal again: the
//! same rule, and no battle. Under Python 3.2 nobody signals before an interval is over, and
//! then `a` stays away until `b` has had the lock.
//!
//! What a thread does takes steps (`gil/simulator/actor.rs`); a step takes time on a core, and what it is
//! for happens at its end. Between two steps nothing happens, so the clock jumps.

use crate::gil::rules::decision::{
    Decision, DropReason, Nanos, Next, Release, SleepReason, ThreadId,
};
use crate::gil::rules::machine::Machine;
use crate::gil::rules::policy::{Check, PointCheck, Substrate, SwitchPoint, SwitchPolicy};
use crate::gil::rules::ticker::Ticker;
use crate::gil::simulator::actor::{Actor, AndThen, Bed, Step, Task};
use crate::gil::simulator::script::Costs;
use crate::gil::simulator::script::Script;
use crate::gil::simulator::script::{Ending, Fate, Run};
use crate::gil::simulator::timeline::{Passed, Timeline};
use crate::gil::stats::record::{EventKind, Recording};
use std::fmt;

/// The greatest machine.
pub const MAX_CORES: usize = 1024;
/// Ticks of one pass of a loop, for policies that look at its end only.
const PASS: u64 = 3;

/// Threads, cores and one lock.
///
/// ```
/// use singletrack::gil::Costs;
/// use singletrack::gil::Ending;
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::gil::Script;
/// use singletrack::gil::Simulator;
///
/// let elapsed = |policy, cores, threads| {
///     let mut world = Simulator::new(policy, cores, Costs::TYPICAL, 7)?;
///     (0..threads).for_each(|_| world.spawn(Script::computes("cpu", 3_000_000 / threads)));
///     let run = world.run(u64::MAX);
///     assert_eq!(run.ending, Ending::Done);
///     Ok::<f64, singletrack::gil::NoSuchMachine>(run.elapsed as f64)
/// };
/// // Two threads that share the work, on four cores: the old lock, and the new one.
/// let alone = elapsed(SwitchPolicy::PYTHON_2, 4, 1)?;
/// assert!(elapsed(SwitchPolicy::PYTHON_2, 4, 2)? > 1.2 * alone);
/// assert!(elapsed(SwitchPolicy::PYTHON_3_2, 4, 2)? < 1.1 * alone);
/// // On one core the old lock does no harm.
/// assert!(elapsed(SwitchPolicy::PYTHON_2, 1, 2)? < 1.1 * alone);
/// # Ok::<(), singletrack::gil::NoSuchMachine>(())
/// ```
#[derive(Debug)]
pub struct Simulator {
    machine: Machine,
    ticker: Ticker,
    world: Timeline,
    /// Until then whoever comes to the desk meets its mutex.
    desk_taken_until: Nanos,
    room: usize,
}

/// No machine has so many cores, or so few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchMachine(pub usize);

impl fmt::Display for NoSuchMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing can be simulated on {} cores: use 1 to {MAX_CORES}", self.0)
    }
}

impl std::error::Error for NoSuchMachine {}

impl Simulator {
    /// A machine without threads.
    ///
    /// # Errors
    /// If it is to have no core, or more than [`MAX_CORES`].
    pub fn new(
        policy: SwitchPolicy,
        cores: usize,
        costs: Costs,
        seed: u64,
    ) -> Result<Simulator, NoSuchMachine> {
        if !(1..=MAX_CORES).contains(&cores) {
            return Err(NoSuchMachine(cores));
        }
        Ok(Simulator {
            machine: Machine::new(policy),
            ticker: Ticker::new(),
            world: Timeline::new(cores, costs, seed),
            desk_taken_until: 0,
            room: 0,
        })
    }

    /// Keeps the last events of each thread that is spawned from now on, so many.
    pub fn record(&mut self, events_per_thread: usize) {
        self.room = events_per_thread;
    }

    /// A thread, which can run from the beginning. Its number is its place in line: all join
    /// the lock before one leaves it.
    pub fn spawn(&mut self, script: Script) {
        let id = self.machine.joins();
        self.world.joins(Actor::new(id, script, self.room));
    }

    /// Runs until all threads have ended, or until this moment.
    pub fn run(mut self, limit: Nanos) -> Run {
        self.world.starts();
        loop {
            match self.world.passes(limit) {
                Passed::Step(thread) => self.ends_step(thread),
                Passed::Limit => return self.reports(Ending::OutOfTime),
                Passed::Everything => {
                    let left = self.world.actors.iter().find(|actor| actor.ended.is_none());
                    debug_assert!(left.is_none(), "nobody is left to wake {left:?}");
                    return self.reports(Ending::Done);
                }
            }
        }
    }

    fn reports(mut self, ending: Ending) -> Run {
        let fate = |actor: &Actor| {
            let (ticks, rounds) = actor.progress();
            Fate { name: actor.name().to_owned(), ticks, rounds, ended: actor.ended }
        };
        let ends = self.world.actors.iter().map(|actor| actor.ended.unwrap_or(self.world.now));
        Run {
            ending,
            elapsed: ends.max().unwrap_or(0),
            fates: self.world.actors.iter().map(fate).collect(),
            counters: self.world.actors.iter().map(|actor| actor.counters).sum(),
            recording: Recording {
                tracks: self.world.actors.iter_mut().map(Actor::track).collect(),
                until: self.world.now,
            },
        }
    }
}

/// Threads and the lock.
impl Simulator {
    /// A thread that is on a core, or will be, begins a step.
    fn begins(&mut self, thread: usize, step: Step) {
        let cost = match step {
            Step::Wants | Step::LooksUp { .. } | Step::Drops { .. } => self.visit(thread),
            Step::Yields => self.world.costs.desk,
            Step::Signals { .. } => self.world.signal(),
            Step::Computes { ticks } => ticks.saturating_mul(self.world.costs.tick),
            Step::Works => self.world.actors[thread].detached(self.world.now).0,
            Step::Goes { .. } | Step::Ends => 0,
        };
        self.world.begins(thread, step, cost);
    }

    /// What it costs to come to the lock: the machine knows whether anybody would see it.
    fn visit(&self, thread: usize) -> Nanos {
        let undisturbed = self.machine.undisturbed() == Some(self.world.actors[thread].id);
        if undisturbed { self.world.costs.door } else { self.world.costs.desk }
    }

    /// What a step was for.
    fn ends_step(&mut self, thread: usize) {
        let id = self.world.actors[thread].id;
        match self.world.actors[thread].step {
            Step::Wants | Step::LooksUp { .. } | Step::Drops { .. } | Step::Yields
                if self.meets_mutex(id) =>
            {
                self.world.takes_time(thread, self.desk_taken_until - self.world.now);
            }
            Step::Wants => {
                let verdict = self.machine.wants(id, self.world.now);
                self.obeys(thread, verdict);
            }
            Step::LooksUp { timed_out: true } => {
                let verdict = self.machine.timed_out(id, self.world.now);
                self.obeys(thread, verdict);
            }
            Step::LooksUp { timed_out: false } => {
                let verdict = self.machine.woken(id, self.world.now);
                self.obeys(thread, verdict);
            }
            Step::Goes { next } => self.goes(thread, next),
            Step::Computes { ticks } => self.has_computed(thread, ticks),
            Step::Drops { reason, next } => {
                if let Ok(parting) = self.machine.drops(id, reason, self.world.now) {
                    self.parts(thread, reason, parting, next);
                }
            }
            Step::Yields => match self.machine.yields(id, self.world.now) {
                Ok(Some(parting)) => {
                    self.parts(thread, DropReason::Request, parting, AndThen::Wants)
                }
                // Whoever asked has left.
                Ok(None) | Err(_) => self.goes(thread, AndThen::Goes),
            },
            Step::Signals { whom, next } => {
                // The one that is woken may have this one's core, so this step ends here.
                self.world.gets_up(whom.index(), false);
                self.begins(thread, Step::Goes { next });
            }
            Step::Works => {
                self.world.actors[thread].returns(self.world.now);
                self.begins(thread, Step::Wants);
            }
            Step::Ends => self.ends(thread),
        }
        self.tells_holder();
    }

    /// Somebody signals with the mutex of the desk in hand, and this thread cannot go around it.
    fn meets_mutex(&self, id: ThreadId) -> bool {
        self.world.now < self.desk_taken_until && self.machine.undisturbed() != Some(id)
    }

    fn obeys(&mut self, thread: usize, verdict: Decision) {
        let actor = &mut self.world.actors[thread];
        match verdict.next {
            Next::Run { switched } => {
                actor.takes(switched, self.world.now);
                self.wakes_one(thread, verdict.wake, AndThen::Goes);
            }
            Next::Sleep { until, why } => {
                actor.waits(self.world.now);
                if let Some(what) = EventKind::sleep_for(why) {
                    actor.note(self.world.now, what);
                }
                actor.counters.retries += u64::from(why == SleepReason::Barged);
                actor.counters.drop_requests += u64::from(why == SleepReason::Asked);
                actor.counters.sleeps += 1;
                self.world.sleeps(thread, Bed::Lock, until);
            }
            // Nobody finalises a simulated lock, and no thread here takes it twice.
            Next::Refused(_) => self.ends(thread),
        }
    }

    /// The lock was dropped.
    fn parts(&mut self, thread: usize, reason: DropReason, parting: Release, next: AndThen) {
        self.world.actors[thread].drops(reason, self.world.now);
        self.world.actors[thread].after = next;
        let next = if parting.await_switch { AndThen::HandsOver } else { next };
        self.wakes_one(thread, parting.wake, next);
    }

    /// Wakes a sleeper, with the mutex in hand or not: that is what the substrates differ in.
    fn wakes_one(&mut self, thread: usize, whom: Option<ThreadId>, next: AndThen) {
        let Some(whom) = whom else { return self.goes(thread, next) };
        self.world.actors[thread].counters.wakes += 1;
        self.begins(thread, Step::Signals { whom, next });
        if self.machine.policy().substrate() == Substrate::MutexCondvar {
            self.desk_taken_until = self.world.now.saturating_add(self.world.signal());
        }
    }

    fn goes(&mut self, thread: usize, next: AndThen) {
        match next {
            AndThen::Goes => self.goes_on(thread),
            AndThen::Wants => self.begins(thread, Step::Wants),
            AndThen::Blocks => match self.world.actors[thread].detached(self.world.now) {
                (_, Some(until)) => {
                    self.world.actors[thread].step = Step::Works;
                    self.world.sleeps(thread, Bed::Act, Some(until));
                }
                (_, None) => self.begins(thread, Step::Works),
            },
            AndThen::HandsOver if self.machine.is_handing_over(self.world.actors[thread].id) => {
                let actor = &mut self.world.actors[thread];
                if actor.after == AndThen::Wants {
                    actor.waits(self.world.now);
                }
                actor.counters.sleeps += 1;
                self.world.sleeps(thread, Bed::Switch, None);
            }
            AndThen::HandsOver => self.goes(thread, self.world.actors[thread].after),
            AndThen::Ends => self.begins(thread, Step::Ends),
        }
    }

    fn ends(&mut self, thread: usize) {
        let actor = &mut self.world.actors[thread];
        actor.ended = Some(self.world.now);
        actor.stamp += 1;
        let wake = self.machine.dies(actor.id);
        self.world.leaves_core(thread);
        if let Some(whom) = wake {
            self.world.gets_up(whom.index(), false);
        }
    }

    /// With the lock in its hands: on with the script.
    fn goes_on(&mut self, thread: usize) {
        let drops = |next| Step::Drops { reason: DropReason::Voluntary, next };
        match self.world.actors[thread].task() {
            Task::Compute(left) => self.computes(thread, left),
            Task::Detached => self.begins(thread, drops(AndThen::Blocks)),
            Task::Nothing => self.begins(thread, drops(AndThen::Ends)),
        }
    }

    /// Ticks between two places where the policy looks.
    fn grain(&self) -> u64 {
        match self.machine.policy().at(SwitchPoint::Op) {
            PointCheck::Nothing => PASS,
            PointCheck::Count | PointCheck::AtRequest => 1,
        }
    }

    /// As many ticks as there are before the next check that does something.
    fn computes(&mut self, thread: usize, left: u64) {
        let grain = self.grain();
        let ticks = match self.machine.policy().check() {
            Check::EveryTicks(period) => {
                let counted = self.world.actors[thread].counted;
                let until_check = counted + self.ticker.left().max(0) as u64 * grain;
                if until_check == 0 {
                    self.ticker.tick(period);
                    self.world.actors[thread].counted = grain;
                    let check = Step::Drops { reason: DropReason::Tick, next: AndThen::Wants };
                    return self.begins(thread, check);
                }
                until_check
            }
            Check::OnRequest { .. } if self.machine.drop_requested() => grain,
            Check::OnRequest { .. } => u64::MAX,
        };
        self.begins(thread, Step::Computes { ticks: ticks.min(left) });
    }

    fn has_computed(&mut self, thread: usize, ticks: u64) {
        let grain = self.grain();
        let looks = ticks.saturating_sub(self.world.actors[thread].counted) / grain;
        self.world.actors[thread].did(ticks);
        let left = self.ticker.left() - i32::try_from(looks).unwrap_or(i32::MAX);
        let on_request = match self.machine.policy().check() {
            Check::EveryTicks(_) => {
                self.ticker = Ticker::with_left(left);
                false
            }
            Check::OnRequest { .. } => self.machine.drop_requested(),
        };
        if on_request {
            self.begins(thread, Step::Yields);
        } else {
            self.goes_on(thread);
        }
    }

    /// The holder sees a request at its next checkpoint: its step ends there.
    fn tells_holder(&mut self) {
        if !self.machine.drop_requested() {
            return;
        }
        let Some(thread) = self.machine.holder().map(ThreadId::index) else { return };
        let Step::Computes { ticks } = self.world.actors[thread].step else { return };
        let grain = self.grain();
        let done = self.world.ticks_done(thread, ticks);
        let stop = (done.div_ceil(grain).max(1) * grain).min(ticks);
        if stop < ticks {
            let spent = self.world.spent(thread, ticks);
            self.world.actors[thread].step = Step::Computes { ticks: stop };
            self.world.takes_time(thread, (stop * self.world.costs.tick).saturating_sub(spent));
        }
    }
}
