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
pub(crate) enum Step {
    /// It asks for the lock.
    Wants,
    /// It woke up from waiting for the lock.
    LooksUp { timed_out: bool },
    /// It runs so many ticks of its act.
    Computes { ticks: u64 },
    /// It drops the lock.
    Drops { reason: DropReason, next: AndThen },
    /// It has seen a request to drop the lock.
    Yields,
    /// It wakes another thread.
    Signals { whom: ThreadId, next: AndThen },
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
pub(crate) enum Bed {
    Lock,
    Switch,
    Act,
}

/// What an actor is to do with the lock in its hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// So many ticks are left of this act.
    Compute(u64),
    /// An act without the lock.
    Detached,
    Nothing,
}

#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) id: ThreadId,
    script: Script,
    round: u64,
    act: usize,
    /// Ticks that are done of this act, and in all.
    done: u64,
    worked: u64,
    /// Ticks to come that the lock's ticker has counted already.
    pub(crate) counted: u64,
    last_call: Nanos,
    pub(crate) step: Step,
    /// Time that the step still takes on a core.
    pub(crate) left: Nanos,
    /// When it goes on with its step, if it is on a core.
    pub(crate) resumed: Nanos,
    pub(crate) bed: Option<Bed>,
    /// What comes after a forced switch.
    pub(crate) after: AndThen,
    /// Tells appointments that stand from those that were cancelled.
    pub(crate) stamp: u64,
    waits_since: Option<Nanos>,
    pub(crate) ended: Option<Nanos>,
    pub(crate) counters: Counters,
    events: VecDeque<LockEvent>,
    room: usize,
    dropped: u64,
}

impl Actor {
    pub(crate) fn new(id: ThreadId, script: Script, room: usize) -> Actor {
        Actor {
            id,
            script,
            round: 0,
            act: 0,
            done: 0,
            worked: 0,
            counted: 0,
            last_call: 0,
            step: Step::Wants,
            left: 0,
            resumed: 0,
            bed: None,
            after: AndThen::Goes,
            stamp: 0,
            waits_since: None,
            ended: None,
            counters: Counters::default(),
            events: VecDeque::new(),
            room,
            dropped: 0,
        }
    }

    fn current(&self) -> Option<Act> {
        (self.round < self.script.rounds()).then(|| self.script.acts()[self.act])
    }

    /// What is to be done now, acts without any work passed over.
    pub(crate) fn task(&mut self) -> Task {
        loop {
            match self.current() {
                None => return Task::Nothing,
                Some(Act::Compute { ticks }) if ticks > self.done => {
                    return Task::Compute(ticks - self.done);
                }
                Some(Act::Compute { .. }) => self.act_over(),
                Some(_) => return Task::Detached,
            }
        }
    }

    /// So many ticks of the act are done.
    pub(crate) fn did(&mut self, ticks: u64) {
        self.done += ticks;
        self.worked += ticks;
        self.counted -= self.counted.min(ticks);
    }

    /// On to the next act.
    pub(crate) fn act_over(&mut self) {
        self.done = 0;
        self.act += 1;
        if self.act == self.script.acts().len() {
            self.act = 0;
            self.round += 1;
        }
    }

    /// How long an act without the lock works on a core, or when it is over, if it blocks.
    pub(crate) fn detached(&self, now: Nanos) -> (Nanos, Option<Nanos>) {
        match self.current() {
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
    pub(crate) fn returns(&mut self, now: Nanos) {
        if let Some(Act::Call { .. }) = self.current() {
            self.last_call = now;
        }
        self.act_over();
    }

    /// It has the lock.
    pub(crate) fn takes(&mut self, switched: bool, now: Nanos) {
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
    pub(crate) fn waits(&mut self, now: Nanos) {
        if self.waits_since.is_none() {
            self.waits_since = Some(now);
            self.note(now, EventKind::Waits);
        }
    }

    pub(crate) fn drops(&mut self, reason: DropReason, now: Nanos) {
        match reason {
            DropReason::Voluntary => self.counters.voluntary_drops += 1,
            DropReason::Tick => self.counters.tick_drops += 1,
            DropReason::Request => self.counters.forced_drops += 1,
        }
        self.note(now, EventKind::drop_for(reason));
    }

    pub(crate) fn note(&mut self, at: Nanos, what: EventKind) {
        if self.events.len() == self.room {
            self.events.pop_front();
            self.dropped += 1;
        }
        if self.room > 0 {
            self.events.push_back(LockEvent { at, what });
        }
    }

    /// How many ticks it has done, and how many rounds.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.worked, self.round)
    }

    pub(crate) fn name(&self) -> &str {
        self.script.name()
    }

    pub(crate) fn track(&mut self) -> Track {
        Track {
            name: self.script.name().to_owned(),
            tid: self.id.0 + 1,
            events: std::mem::take(&mut self.events).into(),
            dropped: self.dropped,
            times: None,
        }
    }
}
