//! What must hold for the pure lock, whatever its threads do.
//!
//! *Promises*: the fuzz target `gil_schedule` and the property tests check this.
//! *Leaves out*: expelled and dying threads; `tests/gil_machine.rs` has those.
//!
//! ```text
//!   bytes ──▶ policy, number of threads, and then for each event: thread, what, how much later
//! ```
//! The model knows no rule of the lock. It keeps what each thread believes, does what the machine
//! decides, and fails when that is absurd: two that run, a lock that lies free while all sleep.
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
struct Model {
    machine: Machine,
    ids: Vec<ThreadId>,
    bodies: Vec<Body>,
    now: u64,
    /// The last forced dropper, and the switch number when it dropped.
    owes: Option<(usize, u64)>,
    /// The thread that ran last, and how often that was another than before.
    last: Option<usize>,
    switches: u64,
}

/// What must hold for any bytes, read as a policy, up to six threads, or up to 42, and a schedule:
/// one thread at a time (G1), a stranger cannot drop the lock (G2), a forced dropper comes back after
/// another thread (G4), the switch number counts changes of holder (G10), and none is forgotten.
///
/// # Panics
/// If the property does not hold: that is a bug in `gil/rules/machine.rs`.
pub fn check_any_schedule(bytes: &[u8]) {
    let mut bytes = bytes.iter().copied().map(usize::from);
    let mut next = || bytes.next();
    let policy = SwitchPolicy::PRESETS[next().unwrap_or(0) % SwitchPolicy::PRESETS.len()].1;
    let size = next().unwrap_or(1);
    let count = if size < 192 { 1 + size % 6 } else { 18 + size % 25 };
    let mut machine = Machine::new(policy);
    let ids = (0..count).map(|_| machine.joins()).collect();
    let mut model = Model {
        machine,
        ids,
        bodies: vec![Body::Outside; count],
        now: 0,
        owes: None,
        last: None,
        switches: 0,
    };
    while let (Some(thread), Some(what)) = (next(), next()) {
        model.now += (what as u64 / 16) * 1_000_000;
        model.act(thread % count, what % 16);
        model.appoints();
        model.check();
    }
    model.drain();
}

impl Model {
    fn act(&mut self, thread: usize, what: usize) {
        match self.bodies[thread] {
            Body::Outside => self.wants(thread),
            Body::Runs => self.runs_on(thread, what),
            Body::Sleeps { until } if until.is_some_and(|until| until <= self.now) => {
                let decision = self.machine.timed_out(self.ids[thread], self.now);
                self.follow(thread, decision);
            }
            Body::Sleeps { .. } => {
                // Perhaps for no reason: condition variables do that.
                let decision = self.machine.woken(self.ids[thread], self.now);
                self.follow(thread, decision);
            }
            Body::HandsOver { .. } => self.checks_switch(thread),
        }
    }

    /// A sleeper that must time its sleep from now on is woken, and finds that out by itself.
    fn appoints(&mut self) {
        if let Some(id) = self.machine.appoints() {
            self.wake(Some(id));
            let thread = self.ids.iter().position(|other| *other == id).expect("a thread");
            self.bodies[thread] = Body::Sleeps { until: Some(self.now) };
        }
    }

    fn wants(&mut self, thread: usize) {
        let decision = self.machine.wants(self.ids[thread], self.now);
        self.follow(thread, decision);
    }

    fn runs_on(&mut self, thread: usize, what: usize) {
        let id = self.ids[thread];
        let ticks = match self.machine.policy().check() {
            Check::EveryTicks(_) => true,
            Check::OnRequest { .. } => false,
        };
        let forced = match self.machine.policy().hand_off() {
            HandOff::Forced => true,
            HandOff::Race | HandOff::Fifo | HandOff::Priority => false,
        };
        let requested = forced && self.machine.drop_requested();
        let reason = if ticks { DropReason::Tick } else { DropReason::Request };
        let (release, back) = match what % 4 {
            0 => (self.machine.drops(id, DropReason::Voluntary, self.now).ok(), false),
            1 if ticks => (self.machine.drops(id, reason, self.now).ok(), true),
            1 => (self.machine.yields(id, self.now).expect("it holds the lock"), true),
            2 => return self.machine.all_ask(),
            _ => return,
        };
        let Some(release) = release else { return };
        if requested && back {
            self.owes = Some((thread, self.machine.switch_number()));
        }
        self.part(thread, release, back);
    }

    fn part(&mut self, thread: usize, release: Release, back: bool) {
        self.bodies[thread] =
            if release.await_switch { Body::HandsOver { back } } else { Body::Outside };
        self.wake(release.wake);
        if !release.await_switch && back {
            self.wants(thread);
        }
    }

    /// A thread that hands over checks whether that has happened.
    fn checks_switch(&mut self, thread: usize) {
        if let Body::HandsOver { back } = self.bodies[thread]
            && !self.machine.is_handing_over(self.ids[thread])
        {
            self.bodies[thread] = Body::Outside;
            if back {
                self.wants(thread);
            }
        }
    }

    fn follow(&mut self, thread: usize, decision: Decision) {
        let before = self.bodies[thread];
        self.bodies[thread] = match decision.next {
            Next::Run { .. } => Body::Runs,
            Next::Sleep { until, .. } => Body::Sleeps { until },
            Next::Refused(refusal) => panic!("{thread}, {before:?}, is refused: {refusal:?}"),
        };
        if self.bodies[thread] == Body::Runs
            && let Some((dropper, number)) = self.owes.take_if(|(dropper, _)| *dropper == thread)
        {
            let moved = self.machine.switch_number() > number;
            assert!(moved, "{dropper} was forced to drop the lock, and has it back at once");
        }
        if self.bodies[thread] == Body::Runs && self.last.replace(thread) != Some(thread) {
            self.switches += 1;
        }
        self.wake(decision.wake);
    }

    /// Wakes a sleeper. It finds out by itself what for, now or later.
    fn wake(&mut self, id: Option<ThreadId>) {
        let thread = id.map(|id| self.ids.iter().position(|other| *other == id).expect("a thread"));
        if let Some(thread) = thread {
            let asleep =
                matches!(self.bodies[thread], Body::Sleeps { .. } | Body::HandsOver { .. });
            assert!(asleep, "{thread} is woken, and does not sleep: {:?}", self.bodies[thread]);
        }
    }

    fn check(&mut self) {
        let runs = |thread: &usize| self.bodies[*thread] == Body::Runs;
        let running: Vec<usize> = (0..self.bodies.len()).filter(runs).collect();
        assert!(running.len() <= 1, "{running:?} run at once");
        let holder = self.machine.holder();
        for &thread in &running {
            assert_eq!(holder, Some(self.ids[thread]), "it runs without the lock");
            assert_eq!(self.machine.switch_number(), self.switches, "switches are miscounted");
        }
        let awake = |id: &ThreadId| self.machine.is_woken(*id);
        if holder.is_none() && self.machine.waiting() > 0 {
            assert!(self.ids.iter().any(awake), "the lock is free, and all that wait are asleep");
        }
        if let Some(stranger) = self.ids.iter().copied().find(|id| Some(*id) != holder) {
            let before = self.machine.clone();
            assert!(self.machine.drops(stranger, DropReason::Voluntary, self.now).is_err());
            assert_eq!(self.machine, before, "a stranger's drop changed something");
        }
    }

    /// From now on only threads that run or were woken move. In the end none waits.
    fn drain(&mut self) {
        let outside = |body: &Body| *body == Body::Outside;
        for _ in 0..self.bodies.len() * self.bodies.len() * 4 {
            if self.bodies.iter().all(outside) {
                return;
            }
            for thread in 0..self.bodies.len() {
                let id = self.ids[thread];
                let granted = self.machine.holder() == Some(id);
                match self.bodies[thread] {
                    Body::Runs => self.runs_on(thread, 0),
                    Body::Sleeps { .. } if granted || self.machine.is_woken(id) => {
                        let decision = self.machine.woken(id, self.now);
                        self.follow(thread, decision);
                    }
                    Body::HandsOver { .. } => self.checks_switch(thread),
                    _ => {}
                }
                self.appoints();
                self.check();
            }
        }
        assert!(self.bodies.iter().all(outside), "a thread was forgotten: {:?}", self.bodies);
    }
}
