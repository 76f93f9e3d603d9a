//! A simulated thread: the script that it runs, and how far it has come.
//!
//! *Assumes*: the simulation reports the end of each activity.
//! *Promises*: no tick is done twice or left out, wherever an activity is interrupted. A round of
//! a script takes time, or there is none; so a script that goes on for ever does not stop the
//! clock.
//! *Leaves out*: the lock, the cores and the clock (`gil/simulator/simulation.rs`).
//!
//! ```text
//!                 lock    core
//!   Compute        ●       ●     a loop of bytecode
//!   Call           ○       ●     hashlib, or write() on a socket
//!   Await          ○       ○     read(): until the answer to the last call is there
//!   Sleep          ○       ○     time.sleep()
//!   Packet         ○       ○     recv(): until the next packet, which comes at its own time
//!
//!   acts         Compute ──────────────────────────── Call ────── Compute …
//!   activities   Acquire Compute Release Acquire Compute Release Detached Acquire …
//!                  ▲ each takes time on a core, and can be preempted; its effect comes at its end
//! ```

use crate::gil::rules::decision::{DropReason, Nanos, ThreadId};
use crate::gil::stats::counters::Counters;
use crate::gil::stats::record::{EventKind, LockEvent, Track};
use std::collections::VecDeque;

/// One thing that a thread does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Runs so many ticks of bytecode, with the lock.
    Compute {
        /// How many.
        ticks: u64,
    },
    /// Works on a core, without the lock.
    Call {
        /// For so long.
        time: Nanos,
    },
    /// Blocks, without lock and core, until so long after the end of its last call. If that
    /// moment has passed, it goes on at once.
    Await {
        /// How long the other side takes to answer.
        time: Nanos,
    },
    /// Blocks, without lock and core.
    Sleep {
        /// For so long.
        time: Nanos,
    },
    /// Blocks, without lock and core, until a packet has come that belongs to this round. Packets
    /// come at their times, whatever the thread does; if this one is there, it goes on at once.
    Packet {
        /// When the first one comes.
        first: Nanos,
        /// How long after each the next one comes.
        period: Nanos,
    },
}

/// What a simulated thread does: acts, one after the other, for a number of rounds.
///
/// ```
/// use singletrack::gil::{Act, Script};
///
/// let burner = Script::computes("cpu", 1_000);
/// assert_eq!(burner.work(), 1_000);
/// let reads = [Act::Await { time: 50_000 }, Act::Compute { ticks: 5 }];
/// assert_eq!(Script::new("io", 10, &reads).work(), 50);
/// // No round of this would ever take time, so there is none.
/// assert_eq!(Script::new("idle", u64::MAX, &[Act::Sleep { time: 0 }]).rounds(), 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Script {
    name: String,
    rounds: u64,
    acts: Vec<Act>,
}

impl Script {
    /// These acts, this many times.
    pub fn new(name: &str, rounds: u64, acts: &[Act]) -> Script {
        let takes_time = acts.iter().any(|act| match *act {
            Act::Compute { ticks } => ticks > 0,
            Act::Call { time } | Act::Sleep { time } => time > 0,
            Act::Packet { period, .. } => period > 0,
            Act::Await { .. } => false,
        });
        let rounds = if takes_time { rounds } else { 0 };
        Script { name: name.to_owned(), rounds, acts: acts.to_vec() }
    }

    /// A thread that does nothing but compute.
    pub fn computes(name: &str, ticks: u64) -> Script {
        Script::new(name, 1, &[Act::Compute { ticks }])
    }

    /// The thread's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often it does its acts.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// The acts of a round.
    pub fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// How many ticks it runs in all.
    pub fn work(&self) -> u64 {
        let ticks = |act: &Act| if let Act::Compute { ticks } = act { *ticks } else { 0 };
        let round = self.acts.iter().fold(0u64, |sum, act| sum.saturating_add(ticks(act)));
        round.saturating_mul(self.rounds)
    }
}

/// What a thread spends time on, on a core. Its effect comes when that time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It takes the lock, or finds that it must wait.
    Acquire,
    /// It woke up from waiting for the lock, and asks again.
    Recheck { timed_out: bool },
    /// It runs so many ticks of its act.
    Compute { ticks: u64 },
    /// It drops the lock.
    Release { reason: DropReason, next: AndThen },
    /// It has seen a request to drop the lock: drops it and takes it again.
    Yield,
    /// It wakes another thread.
    Signal { whom: ThreadId, next: AndThen },
    /// It is in a call that needs no lock, or has returned from one that blocked.
    Detached,
    /// It has its core again, and goes on.
    Resume { next: AndThen },
    /// Its script is over.
    End,
}

/// What a thread does after an activity that has dropped or taken the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AndThen {
    /// It has the lock: it goes on with its script.
    Continue,
    /// It takes the lock again.
    Acquire,
    /// It runs an act that needs no lock.
    Detach,
    /// It sleeps until another thread has had the lock (a forced switch). Then it does what it
    /// dropped the lock for.
    AwaitSwitch,
    /// Its script is over.
    End,
}

/// What a sleeping thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitsOn {
    Lock,
    /// Another thread must have had the lock.
    Switch,
    /// Its act is over at a certain time.
    Act,
}

/// What a thread that has the lock does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextWork {
    /// So many ticks are left of this act.
    Compute(u64),
    /// An act without the lock.
    Detached,
    /// Its script is over.
    Nothing,
}

/// A simulated thread.
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
    /// How long the activity still takes on a core.
    pub(crate) left: Nanos,
    /// When it goes on with its activity, if it is on a core.
    pub(crate) resumed: Nanos,
    pub(crate) waits_on: Option<WaitsOn>,
    /// What it does after a forced switch.
    pub(crate) after_switch: AndThen,
    /// Tells scheduled ends that are valid from cancelled ones: whatever cancels one makes a new
    /// generation.
    pub(crate) generation: u64,
    waits_since: Option<Nanos>,
    pub(crate) ended: Option<Nanos>,
    pub(crate) counters: Counters,
    events: VecDeque<LockEvent>,
    events_kept: usize,
    events_lost: u64,
}

impl SimThread {
    pub(crate) fn new(id: ThreadId, script: Script, events_kept: usize) -> SimThread {
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
            after_switch: AndThen::Continue,
            generation: 0,
            waits_since: None,
            ended: None,
            counters: Counters::default(),
            events: VecDeque::new(),
            events_kept,
            events_lost: 0,
        }
    }

    fn current_act(&self) -> Option<Act> {
        (self.round < self.script.rounds()).then(|| self.script.acts()[self.act])
    }

    /// What the thread does now. Acts without any work are skipped.
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

    /// Counts ticks of the act as done.
    pub(crate) fn count_ticks(&mut self, ticks: u64) {
        self.ticks_done = self.ticks_done.saturating_add(ticks);
        self.total_ticks = self.total_ticks.saturating_add(ticks);
        self.counted -= self.counted.min(ticks);
    }

    /// Goes to the next act.
    pub(crate) fn finish_act(&mut self) {
        self.ticks_done = 0;
        self.act += 1;
        if self.act == self.script.acts().len() {
            self.act = 0;
            self.round += 1;
        }
    }

    /// How long an act without the lock runs on a core; and when it is over, if it blocks.
    pub(crate) fn detached_time(&self, now: Nanos) -> (Nanos, Option<Nanos>) {
        match self.current_act() {
            Some(Act::Call { time }) => (time, None),
            Some(Act::Await { time }) => {
                let answer = self.last_call.saturating_add(time);
                (0, Some(answer).filter(|&answer| answer > now))
            }
            Some(Act::Packet { first, period }) => {
                let comes = first.saturating_add(self.round.saturating_mul(period));
                (0, Some(comes).filter(|&comes| comes > now))
            }
            Some(Act::Sleep { time }) => (0, Some(now.saturating_add(time)).filter(|_| time > 0)),
            Some(Act::Compute { .. }) | None => (0, None),
        }
    }

    /// Ends an act without the lock.
    pub(crate) fn finish_detached(&mut self, now: Nanos) {
        if let Some(Act::Call { .. }) = self.current_act() {
            self.last_call = now;
        }
        self.finish_act();
    }

    /// Counts that it has taken the lock.
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

    /// Notes that it is about to wait for the lock, perhaps not for the first time.
    pub(crate) fn note_wait(&mut self, now: Nanos) {
        if self.waits_since.is_none() {
            self.waits_since = Some(now);
            self.note(now, EventKind::Waits);
        }
    }

    /// Counts that it has dropped the lock.
    pub(crate) fn note_release(&mut self, reason: DropReason, now: Nanos) {
        match reason {
            DropReason::Voluntary => self.counters.voluntary_drops += 1,
            DropReason::Tick => self.counters.tick_drops += 1,
            DropReason::Request => self.counters.forced_drops += 1,
        }
        self.note(now, EventKind::drop_for(reason));
    }

    /// Records an event; the oldest goes if there is no room.
    pub(crate) fn note(&mut self, at: Nanos, what: EventKind) {
        if self.events.len() == self.events_kept {
            self.events.pop_front();
            self.events_lost += 1;
        }
        if self.events_kept > 0 {
            self.events.push_back(LockEvent { at, what });
        }
    }

    /// How many ticks it has done, and how many whole rounds.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.total_ticks, self.round)
    }

    pub(crate) fn name(&self) -> &str {
        self.script.name()
    }

    /// Its recorded events.
    pub(crate) fn take_track(&mut self) -> Track {
        Track {
            name: self.script.name().to_owned(),
            tid: self.id.0 + 1,
            events: std::mem::take(&mut self.events).into(),
            dropped: self.events_lost,
            began: None,
            times: None,
        }
    }
}
