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
use crate::gil::simulator::actor::{Activity, AndThen, NextWork, SimThread, WaitsOn};
use crate::gil::simulator::script::Costs;
use crate::gil::simulator::script::Script;
use crate::gil::simulator::script::{SimulationEnd, SimulationResult, ThreadResult};
use crate::gil::simulator::timeline::{Advance, Timeline};
use crate::gil::stats::record::{EventKind, Recording};
use std::fmt;

/// The greatest machine.
pub const MAX_CORES: usize = 1024;
/// Ticks of one pass of a loop, for policies that look at its end only.
const TICKS_PER_LOOP: u64 = 3;

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
    timeline: Timeline,
    /// Until then whoever comes to the desk meets its mutex.
    mutex_taken_until: Nanos,
    events_per_thread: usize,
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
            timeline: Timeline::new(cores, costs, seed),
            mutex_taken_until: 0,
            events_per_thread: 0,
        })
    }

    /// Keeps the last events of each thread that is spawned from now on, so many.
    pub fn record(&mut self, events_per_thread: usize) {
        self.events_per_thread = events_per_thread;
    }

    /// A thread, which can run from the beginning. Its number is its place in line: all join
    /// the lock before one leaves it.
    pub fn spawn(&mut self, script: Script) {
        let id = self.machine.joins();
        self.timeline.add_thread(SimThread::new(id, script, self.events_per_thread));
    }

    /// Runs until all threads have ended, or until this moment.
    pub fn run(mut self, limit: Nanos) -> SimulationResult {
        self.timeline.start_all();
        loop {
            match self.timeline.advance(limit) {
                Advance::Step(thread) => self.finish_activity(thread),
                Advance::Limit => return self.into_result(SimulationEnd::OutOfTime),
                Advance::Everything => {
                    let left = self.timeline.threads.iter().find(|actor| actor.ended.is_none());
                    debug_assert!(left.is_none(), "nobody is left to wake {left:?}");
                    return self.into_result(SimulationEnd::Done);
                }
            }
        }
    }

    fn into_result(mut self, ending: SimulationEnd) -> SimulationResult {
        let fate = |actor: &SimThread| {
            let (ticks, rounds) = actor.progress();
            ThreadResult { name: actor.name().to_owned(), ticks, rounds, ended: actor.ended }
        };
        let ends =
            self.timeline.threads.iter().map(|actor| actor.ended.unwrap_or(self.timeline.now));
        SimulationResult {
            ending,
            elapsed: ends.max().unwrap_or(0),
            threads: self.timeline.threads.iter().map(fate).collect(),
            counters: self.timeline.threads.iter().map(|actor| actor.counters).sum(),
            recording: Recording {
                tracks: self.timeline.threads.iter_mut().map(SimThread::take_track).collect(),
                until: self.timeline.now,
            },
        }
    }
}

/// Threads and the lock.
impl Simulator {
    /// A thread that is on a core, or will be, begins a step.
    fn start_activity(&mut self, thread: usize, step: Activity) {
        let cost = match step {
            Activity::Acquire | Activity::Recheck { .. } | Activity::Release { .. } => {
                self.access_cost(thread)
            }
            Activity::Yield => self.timeline.costs.contended,
            Activity::Signal { .. } => self.timeline.signal_cost(),
            Activity::Compute { ticks } => ticks.saturating_mul(self.timeline.costs.tick),
            Activity::Works => self.timeline.threads[thread].detached_cost(self.timeline.now).0,
            Activity::Goes { .. } | Activity::Ends => 0,
        };
        self.timeline.start_activity(thread, step, cost);
    }

    /// What it costs to come to the lock: the machine knows whether anybody would see it.
    fn access_cost(&self, thread: usize) -> Nanos {
        let undisturbed = self.machine.undisturbed() == Some(self.timeline.threads[thread].id);
        if undisturbed { self.timeline.costs.uncontended } else { self.timeline.costs.contended }
    }

    /// What a step was for.
    fn finish_activity(&mut self, thread: usize) {
        let id = self.timeline.threads[thread].id;
        match self.timeline.threads[thread].activity {
            Activity::Acquire
            | Activity::Recheck { .. }
            | Activity::Release { .. }
            | Activity::Yield
                if self.mutex_is_taken(id) =>
            {
                self.timeline.set_remaining(thread, self.mutex_taken_until - self.timeline.now);
            }
            Activity::Acquire => {
                let verdict = self.machine.wants(id, self.timeline.now);
                self.apply(thread, verdict);
            }
            Activity::Recheck { timed_out: true } => {
                let verdict = self.machine.timed_out(id, self.timeline.now);
                self.apply(thread, verdict);
            }
            Activity::Recheck { timed_out: false } => {
                let verdict = self.machine.woken(id, self.timeline.now);
                self.apply(thread, verdict);
            }
            Activity::Goes { next } => self.proceed(thread, next),
            Activity::Compute { ticks } => self.after_compute(thread, ticks),
            Activity::Release { reason, next } => {
                if let Ok(parting) = self.machine.drops(id, reason, self.timeline.now) {
                    self.after_release(thread, reason, parting, next);
                }
            }
            Activity::Yield => match self.machine.yields(id, self.timeline.now) {
                Ok(Some(parting)) => {
                    self.after_release(thread, DropReason::Request, parting, AndThen::Wants)
                }
                // Whoever asked has left.
                Ok(None) | Err(_) => self.proceed(thread, AndThen::Goes),
            },
            Activity::Signal { whom, next } => {
                // The one that is woken may have this one's core, so this step ends here.
                self.timeline.wake(whom.index(), false);
                self.start_activity(thread, Activity::Goes { next });
            }
            Activity::Works => {
                self.timeline.threads[thread].finish_detached(self.timeline.now);
                self.start_activity(thread, Activity::Acquire);
            }
            Activity::Ends => self.end_thread(thread),
        }
        self.show_request_to_holder();
    }

    /// Somebody signals with the mutex of the desk in hand, and this thread cannot go around it.
    fn mutex_is_taken(&self, id: ThreadId) -> bool {
        self.timeline.now < self.mutex_taken_until && self.machine.undisturbed() != Some(id)
    }

    fn apply(&mut self, thread: usize, verdict: Decision) {
        let actor = &mut self.timeline.threads[thread];
        match verdict.next {
            Next::Run { switched } => {
                actor.note_acquire(switched, self.timeline.now);
                self.signal_waiter(thread, verdict.wake, AndThen::Goes);
            }
            Next::Sleep { until, why } => {
                actor.note_wait(self.timeline.now);
                if let Some(what) = EventKind::sleep_for(why) {
                    actor.note(self.timeline.now, what);
                }
                actor.counters.retries += u64::from(why == SleepReason::Barged);
                actor.counters.drop_requests += u64::from(why == SleepReason::Asked);
                actor.counters.sleeps += 1;
                self.timeline.block(thread, WaitsOn::Lock, until);
            }
            // Nobody finalises a simulated lock, and no thread here takes it twice.
            Next::Refused(_) => self.end_thread(thread),
        }
    }

    /// The lock was dropped.
    fn after_release(
        &mut self,
        thread: usize,
        reason: DropReason,
        parting: Release,
        next: AndThen,
    ) {
        self.timeline.threads[thread].note_release(reason, self.timeline.now);
        self.timeline.threads[thread].after_switch = next;
        let next = if parting.await_switch { AndThen::HandsOver } else { next };
        self.signal_waiter(thread, parting.wake, next);
    }

    /// Wakes a sleeper, with the mutex in hand or not: that is what the substrates differ in.
    fn signal_waiter(&mut self, thread: usize, whom: Option<ThreadId>, next: AndThen) {
        let Some(whom) = whom else { return self.proceed(thread, next) };
        self.timeline.threads[thread].counters.wakes += 1;
        self.start_activity(thread, Activity::Signal { whom, next });
        if self.machine.policy().substrate() == Substrate::MutexCondvar {
            self.mutex_taken_until = self.timeline.now.saturating_add(self.timeline.signal_cost());
        }
    }

    fn proceed(&mut self, thread: usize, next: AndThen) {
        match next {
            AndThen::Goes => self.continue_script(thread),
            AndThen::Wants => self.start_activity(thread, Activity::Acquire),
            AndThen::Blocks => match self.timeline.threads[thread].detached_cost(self.timeline.now)
            {
                (_, Some(until)) => {
                    self.timeline.threads[thread].activity = Activity::Works;
                    self.timeline.block(thread, WaitsOn::Act, Some(until));
                }
                (_, None) => self.start_activity(thread, Activity::Works),
            },
            AndThen::HandsOver
                if self.machine.is_handing_over(self.timeline.threads[thread].id) =>
            {
                let actor = &mut self.timeline.threads[thread];
                if actor.after_switch == AndThen::Wants {
                    actor.note_wait(self.timeline.now);
                }
                actor.counters.sleeps += 1;
                self.timeline.block(thread, WaitsOn::Switch, None);
            }
            AndThen::HandsOver => self.proceed(thread, self.timeline.threads[thread].after_switch),
            AndThen::Ends => self.start_activity(thread, Activity::Ends),
        }
    }

    fn end_thread(&mut self, thread: usize) {
        let actor = &mut self.timeline.threads[thread];
        actor.ended = Some(self.timeline.now);
        actor.generation += 1;
        let wake = self.machine.dies(actor.id);
        self.timeline.leave_core(thread);
        if let Some(whom) = wake {
            self.timeline.wake(whom.index(), false);
        }
    }

    /// With the lock in its hands: on with the script.
    fn continue_script(&mut self, thread: usize) {
        let drops = |next| Activity::Release { reason: DropReason::Voluntary, next };
        match self.timeline.threads[thread].next_work() {
            NextWork::Compute(left) => self.compute(thread, left),
            NextWork::Detached => self.start_activity(thread, drops(AndThen::Blocks)),
            NextWork::Nothing => self.start_activity(thread, drops(AndThen::Ends)),
        }
    }

    /// Ticks between two places where the policy looks.
    fn ticks_per_check(&self) -> u64 {
        match self.machine.policy().at(SwitchPoint::Op) {
            PointCheck::Nothing => TICKS_PER_LOOP,
            PointCheck::Count | PointCheck::AtRequest => 1,
        }
    }

    /// As many ticks as there are before the next check that does something.
    fn compute(&mut self, thread: usize, left: u64) {
        let grain = self.ticks_per_check();
        let ticks = match self.machine.policy().check() {
            Check::EveryTicks(period) => {
                let counted = self.timeline.threads[thread].counted;
                let until_check = counted + self.ticker.left().max(0) as u64 * grain;
                if until_check == 0 {
                    self.ticker.tick(period);
                    self.timeline.threads[thread].counted = grain;
                    let check =
                        Activity::Release { reason: DropReason::Tick, next: AndThen::Wants };
                    return self.start_activity(thread, check);
                }
                until_check
            }
            Check::OnRequest { .. } if self.machine.drop_requested() => grain,
            Check::OnRequest { .. } => u64::MAX,
        };
        self.start_activity(thread, Activity::Compute { ticks: ticks.min(left) });
    }

    fn after_compute(&mut self, thread: usize, ticks: u64) {
        let grain = self.ticks_per_check();
        let looks = ticks.saturating_sub(self.timeline.threads[thread].counted) / grain;
        self.timeline.threads[thread].count_ticks(ticks);
        let left = self.ticker.left() - i32::try_from(looks).unwrap_or(i32::MAX);
        let on_request = match self.machine.policy().check() {
            Check::EveryTicks(_) => {
                self.ticker = Ticker::with_left(left);
                false
            }
            Check::OnRequest { .. } => self.machine.drop_requested(),
        };
        if on_request {
            self.start_activity(thread, Activity::Yield);
        } else {
            self.continue_script(thread);
        }
    }

    /// The holder sees a request at its next checkpoint: its step ends there.
    fn show_request_to_holder(&mut self) {
        if !self.machine.drop_requested() {
            return;
        }
        let Some(thread) = self.machine.holder().map(ThreadId::index) else { return };
        let Activity::Compute { ticks } = self.timeline.threads[thread].activity else { return };
        let grain = self.ticks_per_check();
        let done = self.timeline.ticks_done(thread, ticks);
        let stop = (done.div_ceil(grain).max(1) * grain).min(ticks);
        if stop < ticks {
            let spent = self.timeline.time_spent(thread, ticks);
            self.timeline.threads[thread].activity = Activity::Compute { ticks: stop };
            self.timeline
                .set_remaining(thread, (stop * self.timeline.costs.tick).saturating_sub(spent));
        }
    }
}
