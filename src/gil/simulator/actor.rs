//! A simulated thread: where it stands in its script, what it is at, and what happened to it.
//!
//! *Assumes*: the simulator tells it what becomes of each step.
//! *Promises*: no tick is done twice or left out, wherever its steps are cut.
//! *Leaves out*: the lock, the cores and the clock (`gil/simulator/simulation.rs`).
//!
//! ```text
//!   script   Compute ────────────────────────── Call ──── Compute …
//!   steps    Wants Computes Drops Wants Computes Drops Works Wants …
//!              ▲ each takes time on a core, and can be paused; what it is for happens at its end
//! ```

use crate::gil::rules::decision::{DropReason, Nanos, ThreadId};
use crate::gil::simulator::script::{Act, Script};
use crate::gil::stats::counters::Counters;
use crate::gil::stats::record::{EventKind, LockEvent, Track};
use std::collections::VecDeque;

/// What a thread is at, on a core. What it is for happens when its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It asks for the lock.
    Acquire,
    /// It woke up from waiting for the lock.
    Recheck { timed_out: bool },
    /// It runs so many ticks of its act.
    Compute { ticks: u64 },
    /// It drops the lock.
    Release { reason: DropReason, next: AndThen },
    /// It has seen a request to drop the lock.
    Yield,
    /// It wakes another thread.
    Signal { whom: ThreadId, next: AndThen },
    /// It is in a call that needs no lock, or back from one.
    Works,
    /// It has its core, or has it back, and goes on.
    Goes { next: AndThen },
    /// It has nothing to do any more.
    Ends,
}

/// What comes after a step that has dropped or taken the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AndThen {
    /// It has the lock: on with the script.
    Goes,
    /// It wants the lock back.
    Wants,
    /// Its act needs no lock.
    Blocks,
    /// It sleeps until another thread has had the lock; then comes what it dropped it for.
    HandsOver,
    /// It is done.
    Ends,
}

/// What a thread sleeps on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitsOn {
    Lock,
    Switch,
    Act,
}

/// What an actor is to do with the lock in its hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextWork {
    /// So many ticks are left of this act.
    Compute(u64),
    /// An act without the lock.
    Detached,
    Nothing,
}

#[derive(Debug)]
pub(crate) struct SimThread {
    pub(crate) id: ThreadId,
    script: Script,
    round: u64,
    act: usize,
    /// Ticks that are done of this act, and in all.
    ticks_done: u64,
    total_ticks: u64,
    /// Ticks to come that the lock's ticker has counted already.
    pub(crate) counted: u64,
    last_call: Nanos,
    pub(crate) activity: Activity,
    /// Time that the step still takes on a core.
    pub(crate) left: Nanos,
    /// When it goes on with its step, if it is on a core.
    pub(crate) resumed: Nanos,
    pub(crate) waits_on: Option<WaitsOn>,
    /// What comes after a forced switch.
    pub(crate) after_switch: AndThen,
    /// Tells appointments that stand from those that were cancelled.
    pub(crate) generation: u64,
    waits_since: Option<Nanos>,
    pub(crate) ended: Option<Nanos>,
    pub(crate) counters: Counters,
    events: VecDeque<LockEvent>,
    events_kept: usize,
    events_lost: u64,
}

impl SimThread {
    pub(crate) fn new(id: ThreadId, script: Script, room: usize) -> SimThread {
        SimThread {
            id,
            script,
            round: 0,
            act: 0,
            ticks_done: 0,
            total_ticks: 0,
            counted: 0,
            last_call: 0,
            activity: Activity::Acquire,
            left: 0,
            resumed: 0,
            waits_on: None,
            after_switch: AndThen::Goes,
            generation: 0,
            waits_since: None,
            ended: None,
            counters: Counters::default(),
            events: VecDeque::new(),
            events_kept: room,
            events_lost: 0,
        }
    }

    fn current_act(&self) -> Option<Act> {
        (self.round < self.script.rounds()).then(|| self.script.acts()[self.act])
    }

    /// What is to be done now, acts without any work passed over.
    pub(crate) fn next_work(&mut self) -> NextWork {
        loop {
            match self.current_act() {
                None => return NextWork::Nothing,
                Some(Act::Compute { ticks }) if ticks > self.ticks_done => {
                    return NextWork::Compute(ticks - self.ticks_done);
                }
                Some(Act::Compute { .. }) => self.finish_act(),
                Some(_) => return NextWork::Detached,
            }
        }
    }

    /// So many ticks of the act are done.
    pub(crate) fn count_ticks(&mut self, ticks: u64) {
        self.ticks_done += ticks;
        self.total_ticks += ticks;
        self.counted -= self.counted.min(ticks);
    }

    /// On to the next act.
    pub(crate) fn finish_act(&mut self) {
        self.ticks_done = 0;
        self.act += 1;
        if self.act == self.script.acts().len() {
            self.act = 0;
            self.round += 1;
        }
    }

    /// How long an act without the lock works on a core, or when it is over, if it blocks.
    pub(crate) fn detached_cost(&self, now: Nanos) -> (Nanos, Option<Nanos>) {
        match self.current_act() {
            Some(Act::Call { time }) => (time, None),
            Some(Act::Await { time }) => {
                let answer = self.last_call.saturating_add(time);
                (0, Some(answer).filter(|&answer| answer > now))
            }
            Some(Act::Sleep { time }) => (0, Some(now.saturating_add(time)).filter(|_| time > 0)),
            Some(Act::Compute { .. }) | None => (0, None),
        }
    }

    /// An act without the lock is over.
    pub(crate) fn finish_detached(&mut self, now: Nanos) {
        if let Some(Act::Call { .. }) = self.current_act() {
            self.last_call = now;
        }
        self.finish_act();
    }

    /// It has the lock.
    pub(crate) fn note_acquire(&mut self, switched: bool, now: Nanos) {
        match self.waits_since.take() {
            Some(since) => {
                self.counters.acquired_after_wait += 1;
                self.counters.wait_ns += now - since;
            }
            None => self.counters.acquired_at_once += 1,
        }
        self.counters.switches += u64::from(switched);
        self.note(now, EventKind::Takes);
    }

    /// It is about to wait for the lock, perhaps not for the first time.
    pub(crate) fn note_wait(&mut self, now: Nanos) {
        if self.waits_since.is_none() {
            self.waits_since = Some(now);
            self.note(now, EventKind::Waits);
        }
    }

    pub(crate) fn note_release(&mut self, reason: DropReason, now: Nanos) {
        match reason {
            DropReason::Voluntary => self.counters.voluntary_drops += 1,
            DropReason::Tick => self.counters.tick_drops += 1,
            DropReason::Request => self.counters.forced_drops += 1,
        }
        self.note(now, EventKind::drop_for(reason));
    }

    pub(crate) fn note(&mut self, at: Nanos, what: EventKind) {
        if self.events.len() == self.events_kept {
            self.events.pop_front();
            self.events_lost += 1;
        }
        if self.events_kept > 0 {
            self.events.push_back(LockEvent { at, what });
        }
    }

    /// How many ticks it has done, and how many rounds.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.total_ticks, self.round)
    }

    pub(crate) fn name(&self) -> &str {
        self.script.name()
    }

    pub(crate) fn take_track(&mut self) -> Track {
        Track {
            name: self.script.name().to_owned(),
            tid: self.id.0 + 1,
            events: std::mem::take(&mut self.events).into(),
            dropped: self.events_lost,
            times: None,
        }
    }
}
