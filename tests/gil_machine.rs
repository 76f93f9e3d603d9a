//! The pure lock under random schedules: no threads, no clock, every policy.
//!
//! `World` plays the threads. It knows no rule: it keeps which threads believe that they run, which
//! sleep and which were woken, does what the machine decides, and fails when that is absurd.

#[path = "common/cases.rs"]
mod cases;
use cases::cases;
use proptest::prelude::*;
use singletrack::gil::rules::machine::Machine;
use singletrack::gil::rules::ticker::Ticker;
use singletrack::gil::rules::wait_queue::TIMEKEEPERS;
use singletrack::gil::{
    Check, HandOff, PointCheck, PolicyError, Substrate, SwitchPoint, SwitchPoints, SwitchPolicy,
};
use singletrack::gil::{
    Decision, DropFlag, DropReason, Next, NotHolder, Refusal, Release, SleepReason, ThreadId,
};
use std::time::Duration;

const INTERVAL: u64 = 5_000_000;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Body {
    Outside,
    Running,
    Asleep {
        until: Option<u64>,
        /// It hands over: this sleep began before it was known when it would be a waiter.
        hands_over: bool,
    },
    /// Woken from a wait for the lock; or it has just dropped it, and is about to ask for it again.
    Awake,
    /// Asleep until another thread has taken the lock; then it is outside.
    HandingOver,
    /// Refused for ever.
    Refused,
    Dead,
}

struct World {
    machine: Machine,
    ids: Vec<ThreadId>,
    bodies: Vec<Body>,
    now: u64,
    /// The thread that ran last, as the model sees it.
    last: Option<usize>,
    switches: u64,
    finaliser: Option<usize>,
    /// The forced dropper and the switch number at its drop.
    owes: Option<(usize, u64)>,
}

impl World {
    fn new(policy: SwitchPolicy, threads: usize) -> World {
        let mut machine = Machine::new(policy);
        let ids = (0..threads).map(|_| machine.joins()).collect();
        let bodies = vec![Body::Outside; threads];
        World { machine, ids, bodies, now: 0, last: None, switches: 0, finaliser: None, owes: None }
    }

    fn of(&self, id: ThreadId) -> usize {
        // Numbers of the dead are used again.
        (0..self.ids.len())
            .find(|&t| self.ids[t] == id && self.bodies[t] != Body::Dead)
            .expect("only the living are woken")
    }

    fn wake(&mut self, id: Option<ThreadId>) {
        let Some(id) = id else { return };
        let t = self.of(id);
        self.bodies[t] = match self.bodies[t] {
            Body::Asleep { .. } | Body::Awake => Body::Awake,
            Body::HandingOver => Body::Outside,
            other => panic!("thread {t} was to be woken while {other:?}"),
        };
        if let Some((_, number)) = self.owes.take_if(|(dropper, _)| *dropper == t)
            && self.machine.switch_number() == number
        {
            let others = self.machine.waiting() - usize::from(self.machine.is_waiting(id));
            assert_eq!(others, 0, "G4: {t} is woken before the switch");
        }
        assert!(!self.machine.is_handing_over(id), "{t} is woken, and may not go on");
    }

    fn lives(&self, t: usize) -> bool {
        self.bodies[t] != Body::Dead
    }

    fn granted(&self, t: usize) -> bool {
        self.machine.holder() == Some(self.ids[t])
    }

    fn follow(&mut self, t: usize, decision: Decision) {
        match decision.next {
            Next::Run { switched } => {
                let runner = self.bodies.iter().position(|b| *b == Body::Running);
                assert_eq!(runner, None, "G1: {t} was let in beside another");
                if let Some((dropper, number)) = self.owes
                    && dropper == t
                {
                    assert_ne!(self.machine.switch_number(), number, "G4: back too soon");
                }
                assert_eq!(switched, self.last != Some(t), "G10: {t} after {:?}", self.last);
                self.switches += u64::from(switched);
                assert_eq!(self.machine.switch_number(), self.switches, "G10");
                self.last = Some(t);
                self.bodies[t] = Body::Running;
                assert!(self.finaliser.is_none_or(|f| f == t), "G15: let in after the end");
            }
            Next::Sleep { until, why } => {
                let asked = why == SleepReason::Asked;
                assert!(!asked || self.machine.drop_requested(), "{t} asked, and nobody heard it");
                let hands_over = why == SleepReason::Switch;
                assert_eq!(hands_over, self.machine.is_handing_over(self.ids[t]), "{t}: {why:?}");
                let passed = until.is_some_and(|until| until <= self.now);
                assert!(!(hands_over && passed), "{t} waits for the switch in a loop");
                self.bodies[t] = Body::Asleep { until, hands_over };
            }
            Next::Refused(Refusal::Finalised) => {
                assert!(self.finaliser.is_some_and(|f| f != t), "G15");
                self.bodies[t] = Body::Refused;
            }
            Next::Refused(Refusal::Nested) => panic!("{t} did not hold the lock"),
        }
        self.wake(decision.wake);
    }

    fn drops(&mut self, t: usize, reason: DropReason, how: u8) {
        let back = reason != DropReason::Voluntary;
        let release = match reason {
            DropReason::Request => match self.machine.yields(self.ids[t], self.now).unwrap() {
                Some(release) => release,
                None => return,
            },
            _ => self.machine.drops(self.ids[t], reason, self.now).unwrap(),
        };
        self.bodies[t] = Body::Outside;
        if self.machine.is_handing_over(self.ids[t]) {
            assert!(self.machine.waiting() > 0, "waits for a switch that no thread can make");
            assert_eq!(release.await_switch, !back, "one that comes back sleeps for the lock");
            self.bodies[t] = if back { Body::Awake } else { Body::HandingOver };
            self.owes = Some((t, self.machine.switch_number()));
        } else {
            assert!(!release.await_switch);
        }
        self.wake(release.wake);
        // Another thread may come before one that hands over asks for the lock again.
        if self.bodies[t] == Body::Outside && back || self.bodies[t] == Body::Awake && how < 128 {
            let decision = self.machine.wants(self.ids[t], self.now);
            self.follow(t, decision);
        }
    }

    fn dies(&mut self, t: usize) {
        let wake = self.machine.dies(self.ids[t]);
        if self.last == Some(t) {
            self.last = None;
        }
        if self.owes.is_some_and(|(dropper, _)| dropper == t) {
            self.owes = None;
        }
        if self.finaliser == Some(t) {
            self.finaliser = Some(usize::MAX); // no thread can have the lock after it
        }
        self.bodies[t] = Body::Dead;
        self.wake(wake);
    }

    fn finalises(&mut self, t: usize) {
        self.finaliser = Some(t);
        for id in self.machine.finalises(self.ids[t]).unwrap() {
            let t = self.of(id);
            self.bodies[t] = Body::Refused;
            let decision = self.machine.woken(id, self.now);
            assert_eq!(decision.next, Next::Refused(Refusal::Finalised));
        }
    }

    /// One thing that thread `t` can do now, chosen by `how`.
    fn step(&mut self, t: usize, how: u8) {
        let id = self.ids[t];
        match (self.bodies[t], how % 16) {
            (Body::Outside, 0) => self.dies(t),
            (Body::Outside, _) => {
                let decision = self.machine.wants(id, self.now);
                self.follow(t, decision);
            }
            (Body::Running, 0) => self.dies(t),
            (Body::Running, 1..=3) => self.drops(t, DropReason::Voluntary, how),
            (Body::Running, 4..=6) => self.drops(t, DropReason::Tick, how),
            (Body::Running, 7) if how > 240 && self.finaliser.is_none() => self.finalises(t),
            (Body::Running, 8) => {
                let again = self.machine.wants(id, self.now);
                assert_eq!(again.next, Next::Refused(Refusal::Nested), "G14");
            }
            (Body::Running, _) => self.drops(t, DropReason::Request, how),
            (Body::Asleep { .. }, 0) => self.dies(t),
            (Body::Asleep { .. } | Body::Awake, 1) if !self.granted(t) => {
                let wake = self.machine.gives_up(id);
                self.bodies[t] = Body::Outside;
                // If it comes again, that is another wait.
                self.owes.take_if(|(dropper, _)| *dropper == t);
                self.wake(wake);
            }
            (Body::Asleep { until, .. }, _) if until.is_some_and(|u| u <= self.now) => {
                let decision = self.machine.timed_out(id, self.now);
                self.follow(t, decision);
            }
            // Awake, or woken for no reason: condition variables do that.
            (Body::Awake, _) | (Body::Asleep { .. }, 2) => {
                let decision = self.machine.woken(id, self.now);
                self.follow(t, decision);
            }
            (Body::Asleep { .. } | Body::HandingOver | Body::Refused, _) => {}
            (Body::Dead, 0..=3) => {
                self.ids[t] = self.machine.joins();
                self.bodies[t] = Body::Outside;
            }
            (Body::Dead, _) => {}
        }
        if let Some(id) = self.machine.appoints() {
            let t = self.of(id);
            assert!(matches!(self.bodies[t], Body::Asleep { .. } | Body::Awake), "G18: {t} waits");
            self.bodies[t] = Body::Awake;
        }
        self.check();
    }

    fn check_time_is_kept(&self) {
        let waits = |b: &&Body| matches!(b, Body::Asleep { .. } | Body::Awake);
        let times = |b: &&Body| matches!(b, Body::Asleep { until: Some(_), .. });
        let kept = |b: &&Body| matches!(b, Body::Asleep { hands_over: false, .. });
        let waiters: Vec<&Body> = self.bodies.iter().filter(waits).collect();
        let timed = waiters.iter().copied().filter(times).count();
        let keepers = waiters.iter().copied().filter(times).filter(kept).count();
        match self.machine.policy().check() {
            Check::EveryTicks(_) => assert_eq!(timed, 0),
            Check::OnRequest { .. } => {
                assert!(keepers <= TIMEKEEPERS, "G18: {keepers} time their sleeps");
                let looks = timed > 0 || waiters.contains(&&Body::Awake);
                assert!(waiters.is_empty() || looks, "G18: of {} waiters none", waiters.len());
            }
        }
    }

    fn check(&self) {
        let m = &self.machine;
        let running = self.bodies.iter().position(|b| *b == Body::Running);
        match (running, m.holder()) {
            (Some(t), holder) => assert_eq!(holder, Some(self.ids[t]), "G1"),
            (None, Some(holder)) => {
                let t = self.of(holder);
                assert_eq!(self.bodies[t], Body::Awake, "{t} has the lock and does not know");
            }
            (None, None) => {
                let waits = |b: &&Body| matches!(b, Body::Asleep { .. } | Body::Awake);
                let awake = self.ids.iter().any(|&id| m.is_woken(id));
                let handing = |t: &usize| m.is_handing_over(self.ids[*t]) && self.lives(*t);
                let handing = (0..self.bodies.len()).find(handing);
                let comes_back = handing.is_some_and(|t| self.bodies[t] != Body::HandingOver);
                let waiting = self.bodies.iter().filter(waits).count() - usize::from(comes_back);
                assert_eq!(m.waiting(), waiting);
                assert!(waiting == 0 || awake, "free, and {waiting} threads sleep");
                let possible = handing.is_none() || waiting > 0;
                assert!(possible, "G5: waits for a switch that no thread can make");
                let waits_on = self.bodies.contains(&Body::HandingOver);
                assert!(!waits_on || handing.is_some(), "the switch has come, and one sleeps on");
            }
        }
        assert!(!m.drop_requested() || m.waiting() > 0, "G11: a request without a waiter");
        self.check_time_is_kept();
        for (t, body) in self.bodies.iter().enumerate() {
            if *body != Body::Running && !self.granted(t) && *body != Body::Dead {
                let mut copy = m.clone();
                let stranger = copy.drops(self.ids[t], DropReason::Voluntary, self.now);
                assert_eq!(stranger, Err(NotHolder), "G2");
                assert_eq!(&copy, m, "G2: nothing changed");
            }
        }
    }

    /// Everybody finishes: runs once if it waits, drops the lock, goes.
    fn drain(&mut self) {
        for _ in 0..50 * self.bodies.len() {
            self.now += 2 * INTERVAL;
            for t in 0..self.bodies.len() {
                match self.bodies[t] {
                    Body::Running => self.drops(t, DropReason::Voluntary, 15),
                    Body::Asleep { .. } | Body::Awake => self.step(t, 15),
                    _ => {}
                }
            }
        }
        let stuck = |b: &Body| !matches!(b, Body::Outside | Body::Refused | Body::Dead);
        let stuck: Vec<_> = self.bodies.iter().filter(|b| stuck(b)).collect();
        assert!(stuck.is_empty(), "stuck for ever: {stuck:?}");
        assert_eq!(self.machine.holder(), None);
    }
}

/// Every combination of check and hand-off, the presets among them.
fn policies() -> impl Strategy<Value = SwitchPolicy> {
    let checks = prop_oneof![
        Just(Check::EveryTicks(100)),
        Just(Check::OnRequest { interval: Duration::from_nanos(INTERVAL) }),
    ];
    let hand_offs = prop_oneof![
        Just(HandOff::Race),
        Just(HandOff::Forced),
        Just(HandOff::Fifo),
        Just(HandOff::Priority),
    ];
    (checks, hand_offs).prop_map(|(check, hand_off)| {
        SwitchPolicy::new(check, hand_off, SwitchPoints::EVERY, Substrate::MutexCondvar).unwrap()
    })
}

/// So many threads that each waiter times its own sleep, or more.
fn few_or_a_crowd() -> impl Strategy<Value = usize> {
    prop_oneof![7 => 2usize..6, 1 => TIMEKEEPERS + 2..3 * TIMEKEEPERS]
}

proptest! {
    #![proptest_config(cases(300))]

    /// Shows G1, G2, G4, G5, G10, G11, G14, G15, G18.
    #[test]
    fn no_schedule_breaks_the_rules_or_gets_stuck(
        policy in policies(),
        threads in few_or_a_crowd(),
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), 0u64..INTERVAL), 1..300),
    ) {
        let mut world = World::new(policy, threads);
        for (who, how, time) in steps {
            world.now += time;
            world.step(who as usize % threads, how);
        }
        world.drain();
    }

    /// Shows G8.
    #[test]
    fn the_ticker_is_one_for_all_threads(
        n in 1u32..200,
        turns in prop::collection::vec((0usize..4, 1usize..300), 1..40),
    ) {
        let mut ticker = Ticker::new();
        let mut by_thread = [0usize; 4];
        let mut checks = Vec::new();
        for (thread, ticks) in turns {
            for _ in 0..ticks {
                by_thread[thread] += 1;
                if ticker.tick(n) {
                    checks.push(by_thread.iter().sum::<usize>());
                }
                ticker = Ticker::with_left(ticker.left()); // it goes from token to token
            }
        }
        let total: usize = by_thread.iter().sum();
        let expected: Vec<usize> = (1..=total).step_by(n as usize + 1).collect();
        prop_assert_eq!(checks, expected, "G8: one check every n + 1 ticks, of whatever threads");
    }

    /// Shows G3, G6.
    #[test]
    fn a_holder_that_passes_checkpoints_is_made_to_go(
        forced in any::<bool>(),
        threads in few_or_a_crowd(),
        pace in prop::collection::vec(1u64..200_000, 20..60),
    ) {
        let policy = if forced { SwitchPolicy::PYTHON_3_2 } else { SwitchPolicy::FAIR };
        let max_tick = 200_000;
        let mut race = Race::new(policy, threads);
        for tick in pace.iter().cycle().take(3_000) {
            race.tick(*tick);
        }
        prop_assert!(race.switches > 10);
        // A waiter under CPython's rule may find a new holder when its interval ends, and then
        // waits another: so two intervals bound the slice there, and one under `Fifo`.
        let intervals = if forced { 2 } else { 1 };
        prop_assert!(race.longest_slice <= intervals * INTERVAL + max_tick, "G3");
        if !forced {
            let bound = (threads as u64 - 1) * (INTERVAL + max_tick);
            prop_assert!(race.longest_wait <= bound, "G6: {} > {bound}", race.longest_wait);
        }
    }
}

/// Threads that only compute, in virtual time, each woken the moment it may wake.
struct Race {
    world: World,
    slice_began: u64,
    wait_began: Vec<u64>,
    longest_slice: u64,
    longest_wait: u64,
    switches: u64,
}

impl Race {
    fn new(policy: SwitchPolicy, threads: usize) -> Race {
        let mut world = World::new(policy, threads);
        for t in 0..threads {
            world.step(t, 15);
        }
        let (slice_began, wait_began) = (0, vec![0; threads]);
        Race { world, slice_began, wait_began, longest_slice: 0, longest_wait: 0, switches: 0 }
    }

    /// The holder runs one instruction of `length`; sleepers whose time comes meanwhile wake.
    fn tick(&mut self, length: u64) {
        let end = self.world.now + length;
        let threads = self.world.bodies.len();
        while let Some((due, t)) = (0..threads)
            .filter_map(|t| match self.world.bodies[t] {
                Body::Asleep { until: Some(until), .. } if until <= end => Some((until, t)),
                _ => None,
            })
            .min()
        {
            self.world.now = due;
            self.world.step(t, 15);
        }
        self.world.now = end;
        let holder = self.world.bodies.iter().position(|b| *b == Body::Running).unwrap();
        self.world.step(holder, 15);
        for t in 0..threads {
            if self.world.bodies[t] == Body::Awake {
                self.world.step(t, 15);
            }
        }
        let next = self.world.bodies.iter().position(|b| *b == Body::Running).unwrap();
        if next != holder {
            let now = self.world.now;
            self.switches += 1;
            self.longest_slice = self.longest_slice.max(now - self.slice_began);
            self.longest_wait = self.longest_wait.max(now - self.wait_began[next]);
            self.slice_began = now;
            self.wait_began[holder] = now;
        }
    }
}

fn sleeping(decision: Decision) -> SleepReason {
    match decision.next {
        Next::Sleep { why, .. } => why,
        other => panic!("should sleep, not {other:?}"),
    }
}

fn running(decision: Decision) -> bool {
    matches!(decision.next, Next::Run { .. })
}

#[test]
fn a_new_holder_is_not_asked_for_its_predecessors_time() {
    let mut m = Machine::new(SwitchPolicy::PYTHON_3_2);
    let [a, b, c] = [m.joins(), m.joins(), m.joins()];
    assert!(running(m.wants(a, 0)));
    assert_eq!(sleeping(m.wants(b, 0)), SleepReason::Busy);
    assert_eq!(m.drops(a, DropReason::Voluntary, 1_000_000).unwrap().wake, Some(b));
    assert!(running(m.wants(c, 1_000_001)), "c is quicker than the woken b");
    assert_eq!(sleeping(m.woken(b, 1_000_002)), SleepReason::Barged);
    assert!(!m.drop_requested());
    assert_eq!(m.drops(c, DropReason::Voluntary, 2_000_000).unwrap().wake, Some(b));
    assert!(running(m.wants(a, 2_000_001)));
    // b's interval ends, but the switch number has moved since it lay down.
    assert_eq!(sleeping(m.timed_out(b, 6_000_002)), SleepReason::NewHolder);
    assert!(!m.drop_requested());
    assert_eq!(sleeping(m.timed_out(b, 11_000_002)), SleepReason::Asked);
    assert!(m.drop_requested());
}

#[test]
fn taking_the_lock_clears_the_requests_of_all() {
    let mut m = Machine::new(SwitchPolicy::NO_FORCE);
    let [a, b, c] = [m.joins(), m.joins(), m.joins()];
    assert!(running(m.wants(a, 0)));
    let _ = (m.wants(b, 0), m.wants(c, 0));
    assert_eq!(sleeping(m.timed_out(b, INTERVAL)), SleepReason::Asked);
    assert_eq!(sleeping(m.timed_out(c, INTERVAL)), SleepReason::Asked);
    let release = m.yields(a, INTERVAL + 1).unwrap().unwrap();
    assert_eq!((release.wake, release.await_switch), (Some(b), false));
    assert!(running(m.wants(a, INTERVAL + 2)), "not forced: the yielder takes it straight back");
    assert!(!m.drop_requested(), "and everybody must wait an interval anew");
    assert_eq!(m.switch_number(), 1);
    assert_eq!(sleeping(m.timed_out(c, 2 * INTERVAL + 2)), SleepReason::Asked);
    assert!(m.drop_requested(), "one that asked the holder before may ask it again");
}

#[test]
fn all_that_wait_may_ask_at_once_and_each_counts_once() {
    let mut m = Machine::new(SwitchPolicy::NO_FORCE);
    let [a, b, c] = [m.joins(), m.joins(), m.joins()];
    assert!(running(m.wants(a, 0)));
    m.all_ask();
    assert!(!m.drop_requested(), "nobody waits");
    let _ = (m.wants(b, 0), m.wants(c, 0));
    m.all_ask();
    m.all_ask();
    assert!(m.drop_requested());
    assert_eq!((m.gives_up(b), m.drop_requested()), (None, true));
    assert_eq!((m.gives_up(c), m.drop_requested()), (None, false));
    let _ = m.wants(b, 1);
    assert_eq!(m.drops(a, DropReason::Voluntary, 2).unwrap().wake, Some(b));
    m.all_ask();
    assert!(!m.drop_requested(), "there is no holder to ask");
}

/// Shows G5.
#[test]
fn a_leaving_waiter_withdraws_its_request_and_hands_its_wake_up_on() {
    let mut m = Machine::new(SwitchPolicy::PYTHON_3_2);
    let [a, b, c] = [m.joins(), m.joins(), m.joins()];
    assert!(running(m.wants(a, 0)));
    let _ = m.wants(b, 0);
    assert_eq!(sleeping(m.timed_out(b, INTERVAL)), SleepReason::Asked);
    assert_eq!(m.gives_up(b), None);
    assert!(!m.drop_requested());
    assert_eq!(m.yields(a, INTERVAL + 1), Ok(None), "no thread to yield to: it keeps the lock");

    let _ = (m.wants(b, INTERVAL), m.wants(c, INTERVAL));
    assert_eq!(sleeping(m.timed_out(b, 2 * INTERVAL)), SleepReason::Asked);
    let release = m.yields(a, 2 * INTERVAL).unwrap().unwrap();
    assert_eq!(release.wake, Some(b));
    assert_eq!(sleeping(m.wants(a, 2 * INTERVAL)), SleepReason::Switch);
    assert_eq!(m.dies(b), Some(c), "the wake-up goes to the next");
    assert!(m.is_handing_over(a));
    assert_eq!(m.gives_up(c), Some(a), "no thread is left to switch to: the dropper may go on");
    assert!(!m.is_handing_over(a));
    assert!(running(m.woken(a, 2 * INTERVAL)));
}

/// Shows G4.
#[test]
fn one_sleep_is_for_the_switch_and_for_the_lock() {
    let mut m = Machine::new(SwitchPolicy::PYTHON_3_2);
    let [a, b] = [m.joins(), m.joins()];
    let sleep = |until, why| Next::Sleep { until: Some(until), why };
    assert!(running(m.wants(a, 0)));
    let _ = m.wants(b, 0);
    let _ = m.timed_out(b, INTERVAL);
    let dropped = INTERVAL + 1;
    let release = m.yields(a, dropped).unwrap().unwrap();
    assert_eq!(release, Release { wake: Some(b), await_switch: false });
    // It cannot be known when b will come; an interval from now ends no later than one from then.
    assert_eq!(m.wants(a, dropped).next, sleep(dropped + INTERVAL, SleepReason::Switch));
    assert_eq!(m.woken(a, dropped + 1).next, sleep(dropped + 1 + INTERVAL, SleepReason::Switch));
    let late = dropped + 1 + INTERVAL;
    assert_eq!(m.timed_out(a, late).next, sleep(late + INTERVAL, SleepReason::Switch), "b is late");
    assert!(!m.drop_requested() && m.holder().is_none());

    let came = late + 7;
    assert_eq!(m.woken(b, came), Decision { next: Next::Run { switched: true }, wake: None });
    assert!(m.is_waiting(a), "it need not be woken to be a waiter");
    let due = came + INTERVAL;
    assert_eq!(m.timed_out(a, late + INTERVAL).next, sleep(due, SleepReason::Early));
    assert_eq!(sleeping(m.timed_out(a, due)), SleepReason::Asked, "b has had a whole interval");
    assert_eq!(m.yields(b, due).unwrap().unwrap().wake, Some(a));
}

/// Shows G4.
#[test]
fn a_voluntary_drop_is_forced_too_while_a_request_is_pending() {
    let mut m = Machine::new(SwitchPolicy::PYTHON_3_2);
    let [a, b] = [m.joins(), m.joins()];
    assert!(running(m.wants(a, 0)));
    let _ = m.wants(b, 0);
    let _ = m.timed_out(b, INTERVAL);
    assert!(m.drops(a, DropReason::Voluntary, INTERVAL).unwrap().await_switch);
    assert_eq!(sleeping(m.wants(a, INTERVAL)), SleepReason::Switch, "not before b had it");
    assert_eq!(m.woken(b, INTERVAL).wake, Some(a));
}

#[test]
fn an_io_thread_goes_before_a_cpu_thread() {
    let mut m = Machine::new(SwitchPolicy::PRIORITY);
    let [cpu, other, io] = [m.joins(), m.joins(), m.joins()];
    assert!(running(m.wants(cpu, 0)));
    assert_eq!(
        sleeping(m.wants(other, 0)),
        SleepReason::Busy,
        "no thread is known to be a CPU thread yet"
    );
    let _ = m.timed_out(other, INTERVAL);
    assert_eq!(m.yields(cpu, INTERVAL).unwrap().unwrap().wake, Some(other));
    assert_eq!(sleeping(m.wants(cpu, INTERVAL)), SleepReason::Busy);
    assert!(m.undisturbed().is_none());
    let _ = m.timed_out(cpu, 2 * INTERVAL);
    assert_eq!(m.yields(other, 2 * INTERVAL).unwrap().unwrap().wake, Some(cpu));
    assert_eq!(sleeping(m.wants(other, 2 * INTERVAL)), SleepReason::Busy);
    // `cpu` was made to go once, so a newcomer asks at once, and passes `other` in the queue.
    assert_eq!(sleeping(m.wants(io, 2 * INTERVAL + 1)), SleepReason::Asked);
    assert_eq!(m.yields(cpu, 2 * INTERVAL + 2).unwrap().unwrap().wake, Some(io));
}

#[test]
fn the_finaliser_waits_for_no_other() {
    let mut m = Machine::new(SwitchPolicy::PYTHON_3_2);
    let [a, b, late] = [m.joins(), m.joins(), m.joins()];
    assert!(running(m.wants(a, 0)));
    let _ = m.wants(b, 0);
    let _ = m.timed_out(b, INTERVAL);
    assert_eq!(m.finalises(b), Err(NotHolder));
    assert_eq!(m.finalises(a), Ok(vec![b]));
    assert_eq!(m.woken(b, INTERVAL).next, Next::Refused(Refusal::Finalised));
    assert_eq!(m.wants(late, INTERVAL).next, Next::Refused(Refusal::Finalised));
    assert!(!m.drops(a, DropReason::Voluntary, INTERVAL).unwrap().await_switch);
    assert!(running(m.wants(a, INTERVAL)), "the finaliser may come back");
}

#[test]
fn a_new_thread_with_a_dead_threads_number_is_another_thread() {
    let mut m = Machine::new(SwitchPolicy::PYTHON_3_2);
    let a = m.joins();
    assert!(running(m.wants(a, 0)));
    assert_eq!(m.dies(a), None, "dying releases the lock");
    assert_eq!(m.holder(), None);
    let b = m.joins();
    assert_eq!(a, b);
    assert_eq!(m.wants(b, 1).next, Next::Run { switched: true });
}

#[test]
fn a_graced_instruction_counts_and_puts_the_check_off() {
    let mut ticker = Ticker::with_left(1);
    ticker.tick_with_grace();
    ticker.tick_with_grace();
    ticker.tick_with_grace();
    assert!(ticker.tick(100), "the next counted instruction is a check");
    assert_eq!(ticker.left(), 100);
}

#[test]
fn every_preset_reads_its_own_name() {
    for (name, policy) in SwitchPolicy::PRESETS {
        assert_eq!(name.parse(), Ok(policy));
        assert_eq!(policy.to_string(), name);
    }
    let error = "python-4".parse::<SwitchPolicy>().unwrap_err();
    assert_eq!(error, PolicyError::Unknown("python-4".to_owned()));
    assert!(error.to_string().contains("python-2-linux, python-3.2"), "{error}");
}

/// Shows G12.
#[test]
fn zero_and_huge_checks_are_refused() {
    let with = |check| SwitchPolicy::PYTHON_3_2.with_check(check);
    let interval = |interval| Check::OnRequest { interval };
    assert_eq!(with(Check::EveryTicks(0)), Err(PolicyError::Ticks(0)));
    assert_eq!(with(Check::EveryTicks(u32::MAX)), Err(PolicyError::Ticks(u32::MAX)));
    for bad in [Duration::ZERO, Duration::MAX] {
        assert_eq!(with(interval(bad)), Err(PolicyError::Interval(bad)));
    }
    assert!(with(interval(Duration::from_nanos(1))).is_ok());
    assert!(with(interval(Duration::from_secs(3))).is_ok());
    assert!(with(Check::EveryTicks(i32::MAX as u32)).is_ok());
}

const READS: PointCheck = PointCheck::AtRequest;

#[test]
fn which_switch_points_are_checkpoints() {
    use SwitchPoint::*;
    let up_to_3_10 = [ForwardTaken, FastCReturn, PyReturn];
    for (policy, looks) in [
        (SwitchPolicy::PYTHON_2, PointCheck::Count),
        (SwitchPolicy::PYTHON_3_2, READS),
        (SwitchPolicy::PYTHON_3_10, READS),
        (SwitchPolicy::PYTHON_3_11, READS),
        (SwitchPolicy::PYTHON_3_13, READS),
        (SwitchPolicy::PYTHON_3_14, READS),
        (SwitchPolicy::PYTHON_3_15, READS),
    ] {
        let name = policy.name().unwrap();
        let every_op = ["python-2", "python-3.2"].contains(&name);
        for point in SwitchPoint::ALL {
            let expected = match point {
                BackEdge | Enter | CReturn => true,
                Straight => every_op,
                EnterComprehension => every_op || ["python-3.10", "python-3.11"].contains(&name),
                WithEnter => every_op || name == "python-3.14",
                _ => every_op || (name == "python-3.10" && up_to_3_10.contains(&point)),
            };
            let check = if expected { looks } else { PointCheck::Nothing };
            assert_eq!(policy.at(point), check, "{name} at {}", point.name());
        }
    }
}

#[test]
fn a_policy_that_is_put_together_like_a_preset_is_that_preset() {
    let like = SwitchPolicy::PYTHON_3_13;
    let (check, hand_off) = (like.check(), like.hand_off());
    let made = SwitchPolicy::new(check, hand_off, like.checkpoints(), like.substrate()).unwrap();
    assert_eq!(made.name(), None, "its flag is shared");
    assert_eq!(made.with_flag(DropFlag::Holder), like);
    let same = SwitchPolicy::PYTHON_3_15;
    assert_ne!(same, like);
    assert_eq!(same.with_check(same.check()), Ok(same));
    assert_eq!(same.with_flag(DropFlag::Shared).name(), None);
}

#[test]
fn a_fair_holder_has_a_whole_interval_from_its_own_beginning() {
    let mut m = Machine::new(SwitchPolicy::FAIR);
    let [a, b, c] = [m.joins(), m.joins(), m.joins()];
    assert!(running(m.wants(a, 0)));
    let _ = (m.wants(b, 0), m.wants(c, 0));
    assert_eq!(m.drops(a, DropReason::Voluntary, 4_000_000).unwrap().wake, Some(b));
    let early = m.timed_out(c, INTERVAL);
    let until = Some(4_000_000 + INTERVAL);
    assert_eq!(early.next, Next::Sleep { until, why: SleepReason::Early });
    assert_eq!(sleeping(m.timed_out(c, 4_000_000 + INTERVAL)), SleepReason::Asked);
}

/// Shows G7, G8.
#[test]
fn where_no_switch_is_forced_nothing_bounds_a_wait() {
    for policy in [SwitchPolicy::PYTHON_2, SwitchPolicy::PYTHON_2_LINUX, SwitchPolicy::NO_FORCE] {
        let mut machine = Machine::new(policy);
        let (hog, unlucky) = (machine.joins(), machine.joins());
        assert!(running(machine.wants(hog, 0)));
        sleeping(machine.wants(unlucky, 0));
        for round in 1..=1_000 {
            let now = round * 2 * INTERVAL;
            if let Check::OnRequest { .. } = policy.check() {
                assert_eq!(sleeping(machine.timed_out(unlucky, now)), SleepReason::Asked);
            }
            let reason = match policy.check() {
                Check::EveryTicks(_) => DropReason::Tick,
                Check::OnRequest { .. } => DropReason::Request,
            };
            let release = machine.drops(hog, reason, now).unwrap();
            assert_eq!(release, Release { wake: Some(unlucky), await_switch: false });
            assert!(
                running(machine.wants(hog, now + 1)),
                "it is quicker than the one that must wake up"
            );
            assert_eq!(sleeping(machine.woken(unlucky, now + 2)), SleepReason::Barged);
        }
        assert_eq!(machine.switch_number(), 1, "{policy}: and so it went");
    }
}

/// Shows G12.
#[test]
fn a_new_interval_applies_from_the_next_wait() {
    let long = Duration::from_nanos(10 * INTERVAL);
    let short = Duration::from_nanos(INTERVAL);
    let with =
        |interval| SwitchPolicy::PYTHON_3_2.with_check(Check::OnRequest { interval }).unwrap();
    let mut machine = Machine::new(with(long));
    let [a, b, c] = [(); 3].map(|()| machine.joins());
    let until = |decision: Decision| match decision.next {
        Next::Sleep { until, .. } => until,
        other => panic!("{other:?}"),
    };
    assert!(running(machine.wants(a, 0)));
    assert_eq!(until(machine.wants(b, 0)), Some(10 * INTERVAL), "it sleeps as long as was decided");
    machine.set_policy(with(short));
    assert_eq!(until(machine.wants(c, 5)), Some(INTERVAL + 5));
    machine.set_policy(with(long));
    // c's sleep ends when it would have; but under the rules of now it is not over.
    assert_eq!(
        machine.timed_out(c, INTERVAL + 5).next,
        Next::Sleep { until: Some(10 * INTERVAL + 5), why: SleepReason::Early }
    );
}
