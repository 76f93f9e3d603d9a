//! What must hold for the pure lock, whatever its threads do.
//!
//! *Assumes*: nothing.
//! *Promises*: the fuzz target `gil_schedule` and the property tests check this.
//! *Leaves out*: expelled and dying threads; `tests/gil_machine.rs` has those.
//!
//! ```text
//!   bytes ──▶ policy, number of threads, and then for each event: who, what, how much later
//! ```
//! The stage knows no rule of the lock. It keeps what each thread believes, does as the machine
//! says, and complains when that is absurd: two that run, a lock that lies free while all sleep.
#![allow(dead_code)] // each test and each fuzz target uses its own part

use singletrack::gil::rules::decision::{Decision, DropReason, Next, Release, ThreadId};
use singletrack::gil::rules::machine::Machine;
use singletrack::gil::rules::policy::{Check, HandOff, SwitchPolicy};

/// What a thread believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Outside,
    Runs,
    Sleeps {
        until: Option<u64>,
    },
    /// It dropped the lock, sleeps until another has it, and then wants it back, or not.
    HandsOver {
        back: bool,
    },
}

/// The threads of one lock, played.
struct Stage {
    machine: Machine,
    ids: Vec<ThreadId>,
    bodies: Vec<Body>,
    now: u64,
    /// The last forced dropper, and the switch number when it dropped.
    owes: Option<(usize, u64)>,
    /// Who ran last, and how often that was another than before.
    last: Option<usize>,
    switches: u64,
}

/// What must hold for any bytes, read as a policy, up to six threads and a schedule: one thread
/// at a time (G1), a stranger cannot drop the lock (G2), who was forced comes back after
/// another (G4), the switch number counts changes of holder (G10), and nobody is forgotten.
///
/// # Panics
/// If the property does not hold: that is a bug in `gil/rules/machine.rs`.
pub fn check_any_schedule(bytes: &[u8]) {
    let mut bytes = bytes.iter().copied().map(usize::from);
    let mut next = || bytes.next();
    let policy = SwitchPolicy::PRESETS[next().unwrap_or(0) % SwitchPolicy::PRESETS.len()].1;
    let count = 1 + next().unwrap_or(1) % 6;
    let mut machine = Machine::new(policy);
    let ids = (0..count).map(|_| machine.joins()).collect();
    let mut stage = Stage {
        machine,
        ids,
        bodies: vec![Body::Outside; count],
        now: 0,
        owes: None,
        last: None,
        switches: 0,
    };
    while let (Some(who), Some(what)) = (next(), next()) {
        stage.now += (what as u64 / 16) * 1_000_000;
        stage.act(who % count, what % 16);
        stage.check();
    }
    stage.drain();
}

impl Stage {
    fn act(&mut self, who: usize, what: usize) {
        match self.bodies[who] {
            Body::Outside => self.wants(who),
            Body::Runs => self.runs_on(who, what),
            Body::Sleeps { until } if until.is_some_and(|until| until <= self.now) => {
                let verdict = self.machine.timed_out(self.ids[who], self.now);
                self.obey(who, verdict);
            }
            Body::Sleeps { .. } => {
                // Perhaps for no reason: condition variables do that.
                let verdict = self.machine.woken(self.ids[who], self.now);
                self.obey(who, verdict);
            }
            Body::HandsOver { .. } => self.looks_up(who),
        }
    }

    fn wants(&mut self, who: usize) {
        let verdict = self.machine.wants(self.ids[who], self.now);
        self.obey(who, verdict);
    }

    fn runs_on(&mut self, who: usize, what: usize) {
        let id = self.ids[who];
        let ticks = matches!(self.machine.policy().check(), Check::EveryTicks(_));
        let forced = self.machine.policy().hand_off() == HandOff::Forced;
        let requested = forced && self.machine.drop_requested();
        let reason = if ticks { DropReason::Tick } else { DropReason::Request };
        let (parting, back) = match what % 4 {
            0 => (self.machine.drops(id, DropReason::Voluntary, self.now).ok(), false),
            1 if ticks => (self.machine.drops(id, reason, self.now).ok(), true),
            1 => (self.machine.yields(id, self.now).expect("it holds the lock"), true),
            2 => return self.machine.all_ask(),
            _ => return,
        };
        let Some(parting) = parting else { return };
        if requested && back {
            self.owes = Some((who, self.machine.switch_number()));
        }
        self.part(who, parting, back);
    }

    fn part(&mut self, who: usize, parting: Release, back: bool) {
        self.bodies[who] =
            if parting.await_switch { Body::HandsOver { back } } else { Body::Outside };
        self.wake(parting.wake);
        if !parting.await_switch && back {
            self.wants(who);
        }
    }

    /// One that hands over looks whether that has happened.
    fn looks_up(&mut self, who: usize) {
        if let Body::HandsOver { back } = self.bodies[who]
            && !self.machine.is_handing_over(self.ids[who])
        {
            self.bodies[who] = Body::Outside;
            if back {
                self.wants(who);
            }
        }
    }

    fn obey(&mut self, who: usize, verdict: Decision) {
        let before = self.bodies[who];
        self.bodies[who] = match verdict.next {
            Next::Run { .. } => Body::Runs,
            Next::Sleep { until, .. } => Body::Sleeps { until },
            Next::Refused(refusal) => panic!("{who}, {before:?}, is refused: {refusal:?}"),
        };
        if self.bodies[who] == Body::Runs
            && let Some((dropper, number)) = self.owes.take_if(|(dropper, _)| *dropper == who)
        {
            let moved = self.machine.switch_number() > number;
            assert!(moved, "{dropper} was forced to drop the lock, and has it back at once");
        }
        if self.bodies[who] == Body::Runs && self.last.replace(who) != Some(who) {
            self.switches += 1;
        }
        self.wake(verdict.wake);
    }

    /// Wakes a sleeper. It finds out by itself what for, now or later.
    fn wake(&mut self, id: Option<ThreadId>) {
        let who = id.map(|id| self.ids.iter().position(|other| *other == id).expect("a thread"));
        if let Some(who) = who {
            let asleep = matches!(self.bodies[who], Body::Sleeps { .. } | Body::HandsOver { .. });
            assert!(asleep, "{who} is woken, and does not sleep: {:?}", self.bodies[who]);
        }
    }

    fn check(&mut self) {
        let runs = |who: &usize| self.bodies[*who] == Body::Runs;
        let running: Vec<usize> = (0..self.bodies.len()).filter(runs).collect();
        assert!(running.len() <= 1, "{running:?} run at once");
        let holder = self.machine.holder();
        for &who in &running {
            assert_eq!(holder, Some(self.ids[who]), "it runs without the lock");
            assert_eq!(self.machine.switch_number(), self.switches, "switches are miscounted");
        }
        let awake = |id: &ThreadId| self.machine.is_woken(*id);
        if holder.is_none() && self.machine.waiting() > 0 {
            assert!(self.ids.iter().any(awake), "the lock is free, and all who wait are asleep");
        }
        if let Some(stranger) = self.ids.iter().copied().find(|id| Some(*id) != holder) {
            let before = self.machine.clone();
            assert!(self.machine.drops(stranger, DropReason::Voluntary, self.now).is_err());
            assert_eq!(self.machine, before, "a stranger's drop changed something");
        }
    }

    /// From now on only those move who run or were woken. In the end nobody waits.
    fn drain(&mut self) {
        for _ in 0..self.bodies.len() * self.bodies.len() * 4 {
            for who in 0..self.bodies.len() {
                let id = self.ids[who];
                let granted = self.machine.holder() == Some(id);
                match self.bodies[who] {
                    Body::Runs => self.runs_on(who, 0),
                    Body::Sleeps { .. } if granted || self.machine.is_woken(id) => {
                        let verdict = self.machine.woken(id, self.now);
                        self.obey(who, verdict);
                    }
                    Body::HandsOver { .. } => self.looks_up(who),
                    _ => {}
                }
                self.check();
            }
        }
        let outside = self.bodies.iter().all(|body| *body == Body::Outside);
        assert!(outside, "somebody was forgotten: {:?}", self.bodies);
    }
}
