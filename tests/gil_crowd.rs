//! A crowd at the lock: what a waiter costs must not grow with how many there are.

use singletrack::gil::rules::machine::Machine;
use singletrack::gil::rules::wait_queue::TIMEKEEPERS;
use singletrack::gil::{Counters, DropReason, Gil, GlobalLock, Next, SwitchPolicy, ThreadId};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const INTERVAL: u64 = 5_000_000;
/// Those whose waiters ask.
const ASKING: [SwitchPolicy; 6] = [
    SwitchPolicy::PYTHON_3_2,
    SwitchPolicy::PYTHON_3_10,
    SwitchPolicy::PYTHON_3_13,
    SwitchPolicy::NO_FORCE,
    SwitchPolicy::FAIR,
    SwitchPolicy::PRIORITY,
];
const SIZES: [usize; 6] = [1, 10, TIMEKEEPERS, 100, 1_000, 10_000];

/// A lock with one holder and a crowd of waiters, and the sleeps that end by themselves.
struct Crowd {
    machine: Machine,
    waiters: Vec<ThreadId>,
    timed: BinaryHeap<Reverse<(u64, ThreadId)>>,
    now: u64,
}

impl Crowd {
    /// They come one a nanosecond.
    fn of(policy: SwitchPolicy, waiters: usize) -> Crowd {
        let mut machine = Machine::new(policy);
        let holder = machine.joins();
        assert!(matches!(machine.wants(holder, 0).next, Next::Run { .. }));
        let waiters: Vec<ThreadId> = (0..waiters).map(|_| machine.joins()).collect();
        let mut crowd =
            Crowd { machine, waiters: waiters.clone(), timed: BinaryHeap::new(), now: 0 };
        for (at, id) in waiters.into_iter().enumerate() {
            let next = crowd.machine.wants(id, at as u64).next;
            crowd.sleeps(id, next);
        }
        crowd
    }

    fn sleeps(&mut self, id: ThreadId, next: Next) {
        match next {
            Next::Sleep { until: Some(until), .. } => self.timed.push(Reverse((until, id))),
            Next::Sleep { until: None, .. } => {}
            other => panic!("the lock is taken: {other:?}"),
        }
    }

    /// The next sleep that ends by itself, if it does so by `end`. The waiter reports it.
    fn next_end(&mut self, end: u64) -> Option<u64> {
        loop {
            let &Reverse((until, id)) = self.timed.peek().filter(|due| due.0.0 <= end)?;
            self.timed.pop();
            let now = until.max(self.now);
            self.now = now;
            if self.machine.is_waiting(id) && !self.machine.is_woken(id) {
                let next = self.machine.timed_out(id, now).next;
                self.sleeps(id, next);
                return Some(now);
            }
        }
    }

    /// The thread that has to time its sleep from now on, if there is one, wakes up and does so.
    fn appoints(&mut self, now: u64) -> bool {
        let appointed = self.machine.appoints();
        if let Some(id) = appointed {
            let next = self.machine.woken(id, now).next;
            self.sleeps(id, next);
        }
        appointed.is_some()
    }

    /// The holder drops the lock, to come back at once or not to, and another takes it. True if a
    /// timekeeper had to be appointed.
    fn next_tenure(&mut self, reason: DropReason) -> bool {
        let (holder, now) = (self.machine.holder().expect("held"), self.now);
        let release = self.machine.drops(holder, reason, now).expect("held");
        let next = release.wake.expect("a waiter is woken");
        let taken = self.machine.woken(next, now);
        assert!(matches!(taken.next, Next::Run { switched: true }), "{taken:?}");
        if reason == DropReason::Request {
            let again = self.machine.wants(holder, now).next;
            self.sleeps(holder, again);
        }
        self.appoints(now)
    }
}

/// Shows G18.
#[test]
fn the_sleeps_that_end_in_an_interval_do_not_grow_with_the_crowd() {
    for policy in ASKING {
        for waiters in SIZES {
            let mut crowd = Crowd::of(policy, waiters);
            let (mut ends, mut asked) = (0, None);
            while let Some(now) = crowd.next_end(100 * INTERVAL + 99) {
                ends += 1;
                asked = asked.or(crowd.machine.drop_requested().then_some(now));
            }
            let keepers = waiters.min(TIMEKEEPERS);
            assert_eq!(ends, 100 * keepers, "{policy}, {waiters} waiters");
            assert_eq!(asked, Some(INTERVAL), "{policy}, {waiters} waiters");
        }
    }
}

#[test]
fn a_crowd_asks_each_new_holder_when_it_has_held_for_an_interval() {
    for (policy, waiters) in ASKING.into_iter().flat_map(|policy| SIZES.map(|size| (policy, size)))
    {
        for reason in [DropReason::Request, DropReason::Voluntary] {
            let mut crowd = Crowd::of(policy, waiters);
            let mut woken = 0;
            for tenure in 1..=waiters.min(100) {
                let began = crowd.now;
                while !crowd.machine.drop_requested() {
                    crowd.next_end(u64::MAX).expect("somebody looks");
                }
                let held = crowd.now - began;
                let within = INTERVAL..=2 * INTERVAL;
                assert!(within.contains(&held), "{policy}, {waiters}, tenure {tenure}: {held} ns");
                woken += usize::from(crowd.next_tenure(reason));
            }
            assert!(woken <= 1 + waiters / TIMEKEEPERS, "{policy}, {waiters}: {woken} appointed");
        }
    }
}

/// Shows G18.
#[test]
fn when_the_last_timekeeper_leaves_one_of_the_others_looks() {
    for policy in ASKING {
        let mut crowd = Crowd::of(policy, 100);
        for id in crowd.waiters.drain(..TIMEKEEPERS) {
            assert_eq!(crowd.machine.appoints(), None, "{policy}: one is left");
            assert_eq!(crowd.machine.gives_up(id), None, "{policy}: the lock is held");
        }
        assert_eq!(crowd.next_end(u64::MAX), None, "{policy}: none but those timed their sleep");
        let now = 3 * INTERVAL;
        assert!(crowd.appoints(now), "{policy}");
        assert!(!crowd.appoints(now), "{policy}: one is enough");
        while !crowd.machine.drop_requested() {
            let now = crowd.next_end(u64::MAX).expect("the one that was appointed");
            assert!(now <= 4 * INTERVAL, "{policy}: {now}");
        }
    }
}

#[test]
fn where_no_waiter_asks_none_is_appointed() {
    for policy in [SwitchPolicy::PYTHON_2, SwitchPolicy::PYTHON_2_LINUX] {
        let mut crowd = Crowd::of(policy, 100);
        for id in crowd.waiters.drain(..50) {
            assert_eq!(crowd.machine.gives_up(id), None);
            assert_eq!(crowd.machine.appoints(), None);
        }
        assert_eq!(crowd.next_end(u64::MAX), None);
    }
}

/// So many threads are let go at once, and each blocks a few times: what that took, and how long.
fn release(policy: SwitchPolicy, threads: usize, rounds: u64) -> (Counters, Duration) {
    let lock = GlobalLock::new(policy);
    let go = Barrier::new(threads);
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            let body = || {
                go.wait();
                let body = |gil: &mut Gil<'_>| {
                    for _ in 0..rounds {
                        gil.detach(|| thread::sleep(Duration::from_millis(1)));
                        gil.checkpoint();
                    }
                };
                lock.attach(body).expect("the lock");
            };
            let small = thread::Builder::new().stack_size(128 * 1024);
            small.spawn_scoped(scope, body).expect("a thread");
        }
    });
    (lock.counters(), begun.elapsed())
}

/// Shows G18.
#[test]
fn two_thousand_threads_released_at_once_sleep_no_more_than_they_are_woken() {
    const THREADS: u64 = 2_000;
    const ROUNDS: u64 = 3;
    for policy in [SwitchPolicy::PYTHON_3_10, SwitchPolicy::FAIR, SwitchPolicy::PYTHON_2_LINUX] {
        let (ended, all_ended) = mpsc::channel();
        thread::spawn(move || ended.send(release(policy, THREADS as usize, ROUNDS)));
        let (counters, time) =
            all_ended.recv_timeout(Duration::from_secs(120)).expect("all threads end");
        assert_eq!(counters.voluntary_drops, THREADS * (ROUNDS + 1), "{policy}");
        assert_eq!(counters.acquisitions(), counters.drops(), "{policy}");
        // A sleep ends because its thread is woken, to take the lock or to keep the time; else
        // because an interval has passed for one of those that keep it.
        let keepers = TIMEKEEPERS as u64;
        let intervals = time.as_nanos() as u64 / INTERVAL + 1;
        let bound = counters.wakes + counters.acquisitions() / keepers + keepers * intervals;
        assert!(counters.sleeps <= bound, "{policy}: {counters:?} in {time:?}");
        assert!(counters.drop_requests <= keepers * intervals, "{policy}: {counters:?}");
    }
}
