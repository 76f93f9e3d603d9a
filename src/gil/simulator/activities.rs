//! The effect of each activity's end: the rules decide, and the next activity starts.
//!
//! *Promises*: every decision about the lock is the [`Machine`]'s; a request to drop the lock is
//! seen at the holder's next check, wherever its computation was.
//! *Leaves out*: when an activity ends (`gil/simulator/timeline.rs`).
//!
//! [`Machine`]: crate::gil::rules::machine::Machine
//!
//! ```text
//!   Acquire ──▶ it has the lock ──▶ Compute … ──▶ Release ──▶ Acquire, or Detached, or Ends
//!      │              ▲                  ╲
//!      ▼              │                   ╰── a request was seen ──▶ Yield ──▶ Acquire
//!   sleeps ──▶ Recheck, when woken
//! ```

use crate::gil::rules::decision::{
    Decision, DropReason, Nanos, Next, Release, SleepReason, ThreadId,
};
use crate::gil::rules::policy::{Check, PointCheck, Substrate};
use crate::gil::rules::switch_point::SwitchPoint;
use crate::gil::rules::ticker::Ticker;
use crate::gil::simulator::simulation::Simulator;
use crate::gil::simulator::thread::{Activity, AndThen, NextWork, WaitsOn};
use crate::gil::stats::record::EventKind;

/// Ticks of one pass of a loop, for policies that check at its back edge only.
const TICKS_PER_LOOP: u64 = 3;

impl Simulator {
    /// Starts an activity of a thread that is on a core, or will be.
    fn start_activity(&mut self, thread: usize, activity: Activity) {
        let cost = match activity {
            Activity::Acquire | Activity::Recheck { .. } | Activity::Release { .. } => {
                self.access_cost(thread)
            }
            Activity::Yield => self.timeline.costs.contended,
            Activity::Signal { .. } => self.timeline.signal_cost(),
            Activity::Compute { ticks } => ticks.saturating_mul(self.timeline.costs.tick),
            Activity::Detached => self.timeline.threads[thread].detached_time(self.timeline.now).0,
            Activity::Resume { .. } | Activity::End => 0,
        };
        self.timeline.start_activity(thread, activity, cost);
    }

    /// What it costs to take or drop the lock. The machine knows whether other threads use it.
    fn access_cost(&self, thread: usize) -> Nanos {
        let undisturbed = self.machine.undisturbed() == Some(self.timeline.threads[thread].id);
        if undisturbed { self.timeline.costs.uncontended } else { self.timeline.costs.contended }
    }

    /// The effect of an activity that is over.
    pub(crate) fn finish_activity(&mut self, thread: usize) {
        let (id, now) = (self.timeline.threads[thread].id, self.timeline.now);
        match self.timeline.threads[thread].activity {
            Activity::Acquire
            | Activity::Recheck { .. }
            | Activity::Release { .. }
            | Activity::Yield
                if self.mutex_is_taken(id) =>
            {
                self.timeline.set_remaining(thread, self.mutex_taken_until - now);
            }
            Activity::Acquire => {
                let decision = self.machine.wants(id, now);
                self.apply(thread, decision);
            }
            Activity::Recheck { timed_out: true } => {
                let decision = self.machine.timed_out(id, now);
                self.apply(thread, decision);
            }
            Activity::Recheck { timed_out: false } => {
                let decision = self.machine.woken(id, now);
                self.apply(thread, decision);
            }
            Activity::Resume { next } => self.proceed(thread, next),
            Activity::Compute { ticks } => self.after_compute(thread, ticks),
            Activity::Release { reason, next } => {
                if let Ok(release) = self.machine.drops(id, reason, now) {
                    self.after_release(thread, reason, release, next);
                }
            }
            Activity::Yield => match self.machine.yields(id, now) {
                Ok(Some(release)) => {
                    self.after_release(thread, DropReason::Request, release, AndThen::Acquire)
                }
                // The thread that requested it has given up.
                Ok(None) | Err(_) => self.proceed(thread, AndThen::Continue),
            },
            Activity::Signal { whom, next } => {
                // The woken thread may preempt this one, so a new activity begins here.
                self.timeline.wake(whom.index(), false);
                self.start_activity(thread, Activity::Resume { next });
            }
            Activity::Detached => {
                self.timeline.threads[thread].finish_detached(now);
                self.start_activity(thread, Activity::Acquire);
            }
            Activity::End => self.end_thread(thread),
        }
        if let Some(whom) = self.machine.appoints() {
            self.timeline.wake(whom.index(), false);
        }
        self.show_request_to_holder();
    }

    /// Whether another thread holds the mutex around the machine while it signals, and this thread
    /// needs that mutex.
    fn mutex_is_taken(&self, id: ThreadId) -> bool {
        self.timeline.now < self.mutex_taken_until && self.machine.undisturbed() != Some(id)
    }

    /// Does what the machine has decided for a thread that wants the lock.
    fn apply(&mut self, thread: usize, decision: Decision) {
        let now = self.timeline.now;
        let waiter = &mut self.timeline.threads[thread];
        match decision.next {
            Next::Run { switched } => {
                waiter.note_acquire(switched, now);
                self.signal_waiter(thread, decision.wake, AndThen::Continue);
            }
            Next::Sleep { until, why } => {
                waiter.note_wait(now);
                if let Some(what) = EventKind::sleep_for(why) {
                    waiter.note(now, what);
                }
                waiter.counters.retries += u64::from(why == SleepReason::Barged);
                waiter.counters.drop_requests += u64::from(why == SleepReason::Asked);
                waiter.counters.sleeps += 1;
                self.timeline.block(thread, WaitsOn::Lock, until);
            }
            // No simulated lock is finalised, and no thread here takes it twice.
            Next::Refused(_) => self.end_thread(thread),
        }
    }

    /// The lock was dropped.
    fn after_release(
        &mut self,
        thread: usize,
        reason: DropReason,
        release: Release,
        next: AndThen,
    ) {
        let dropper = &mut self.timeline.threads[thread];
        dropper.note_release(reason, self.timeline.now);
        dropper.after_switch = next;
        let next = if release.await_switch { AndThen::AwaitSwitch } else { next };
        self.signal_waiter(thread, release.wake, next);
    }

    /// Wakes a sleeper. With a condition variable the mutex is held meanwhile, with a semaphore it
    /// is not: that is how the substrates differ.
    fn signal_waiter(&mut self, thread: usize, whom: Option<ThreadId>, next: AndThen) {
        let Some(whom) = whom else { return self.proceed(thread, next) };
        self.timeline.threads[thread].counters.wakes += 1;
        self.start_activity(thread, Activity::Signal { whom, next });
        if self.machine.policy().substrate() == Substrate::MutexCondvar {
            self.mutex_taken_until = self.timeline.now.saturating_add(self.timeline.signal_cost());
        }
    }

    /// Starts what a thread does after it has dropped or taken the lock.
    fn proceed(&mut self, thread: usize, next: AndThen) {
        match next {
            AndThen::Continue => self.continue_script(thread),
            AndThen::Acquire => self.start_activity(thread, Activity::Acquire),
            AndThen::Detach => match self.timeline.threads[thread].detached_time(self.timeline.now)
            {
                (_, Some(until)) => {
                    self.timeline.threads[thread].activity = Activity::Detached;
                    self.timeline.block(thread, WaitsOn::Act, Some(until));
                }
                (_, None) => self.start_activity(thread, Activity::Detached),
            },
            AndThen::AwaitSwitch
                if self.machine.is_handing_over(self.timeline.threads[thread].id) =>
            {
                self.timeline.threads[thread].counters.sleeps += 1;
                self.timeline.block(thread, WaitsOn::Switch, None);
            }
            AndThen::AwaitSwitch => {
                self.proceed(thread, self.timeline.threads[thread].after_switch)
            }
            AndThen::End => self.start_activity(thread, Activity::End),
        }
    }

    fn end_thread(&mut self, thread: usize) {
        let ending = &mut self.timeline.threads[thread];
        ending.ended = Some(self.timeline.now);
        // It has dropped the lock before, so it leaves nobody behind that must be woken.
        let _ = self.machine.dies(ending.id);
        self.timeline.leave_core(thread);
    }

    /// Lets a thread that has the lock go on with its script.
    fn continue_script(&mut self, thread: usize) {
        let release = |next| Activity::Release { reason: DropReason::Voluntary, next };
        match self.timeline.threads[thread].next_work() {
            NextWork::Compute(left) => self.compute(thread, left),
            NextWork::Detached => self.start_activity(thread, release(AndThen::Detach)),
            NextWork::Nothing => self.start_activity(thread, release(AndThen::End)),
        }
    }

    /// How many ticks there are from one check of the policy to the next.
    fn ticks_per_check(&self) -> u64 {
        match self.machine.policy().at(SwitchPoint::Straight) {
            PointCheck::Nothing => TICKS_PER_LOOP,
            PointCheck::Count | PointCheck::AtRequest => 1,
        }
    }

    /// Starts a computation: as many ticks as there are before the next check that does something. A
    /// request that is there already is shown to it as any other.
    fn compute(&mut self, thread: usize, left: u64) {
        let ticks_per_check = self.ticks_per_check();
        let ticks = match self.machine.policy().check() {
            Check::EveryTicks(period) => {
                let counted = self.timeline.threads[thread].counted;
                let until_check = counted + self.ticker.left().max(0) as u64 * ticks_per_check;
                if until_check == 0 {
                    self.ticker.tick(period);
                    self.timeline.threads[thread].counted = ticks_per_check;
                    let check =
                        Activity::Release { reason: DropReason::Tick, next: AndThen::Acquire };
                    return self.start_activity(thread, check);
                }
                until_check
            }
            Check::OnRequest { .. } => u64::MAX,
        };
        self.start_activity(thread, Activity::Compute { ticks: ticks.min(left) });
    }

    /// Counts what was computed, and checks whether the lock is to be dropped.
    fn after_compute(&mut self, thread: usize, ticks: u64) {
        let ticks_per_check = self.ticks_per_check();
        let checks = ticks.saturating_sub(self.timeline.threads[thread].counted) / ticks_per_check;
        self.timeline.threads[thread].count_ticks(ticks);
        let left = self.ticker.left() - i32::try_from(checks).unwrap_or(i32::MAX);
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

    /// Ends the holder's computation at its next checkpoint, where it sees a request.
    fn show_request_to_holder(&mut self) {
        if !self.machine.drop_requested() {
            return;
        }
        let Some(thread) = self.machine.holder().map(ThreadId::index) else { return };
        let Activity::Compute { ticks } = self.timeline.threads[thread].activity else { return };
        let ticks_per_check = self.ticks_per_check();
        let done = self.timeline.ticks_begun(thread, ticks);
        let stop = (done.div_ceil(ticks_per_check).max(1) * ticks_per_check).min(ticks);
        if stop < ticks {
            let spent = self.timeline.time_spent(thread, ticks);
            self.timeline.threads[thread].activity = Activity::Compute { ticks: stop };
            self.timeline
                .set_remaining(thread, (stop * self.timeline.costs.tick).saturating_sub(spent));
        }
    }
}
