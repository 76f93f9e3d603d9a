//! Threads without a lock: the pure rules against a model that believes nothing, and the real
//! thing on real threads.
#![cfg(not(any(loom, shuttle)))]

mod common;

use common::bounded;
use proptest::prelude::*;
use singletrack::gil::counters::Counters;
use singletrack::gil::error::AttachError;
use singletrack::gil::free_threading::FreeThreading;
use singletrack::gil::record::State;
use singletrack::gil::verdict::ThreadId;
use singletrack::gil::world::{Misuse, Next, Standing, World};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Barrier, mpsc};
use std::thread;

/// What a thread believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Outside,
    Runs,
    /// Asleep until it may run; it was at a checkpoint, or wanted in.
    Parked,
    /// Asleep until all others are.
    WantsToStop,
    /// It has the world to itself.
    Stops,
    Dead,
}

/// Threads, played. It knows no rule of the world, and complains when what it is told is absurd.
struct Stage {
    world: World,
    ids: Vec<ThreadId>,
    bodies: Vec<Body>,
    /// Who wants to stop the world, in the order of asking.
    line: VecDeque<usize>,
    /// Woken, and not yet looked.
    woken: Vec<bool>,
    /// Stops that a parked thread has slept through.
    slept_through: Vec<u64>,
}

impl Stage {
    fn new(count: usize) -> Stage {
        let mut world = World::default();
        let ids = (0..count).map(|_| world.joins()).collect();
        let (bodies, line) = (vec![Body::Outside; count], VecDeque::new());
        let (woken, slept_through) = (vec![false; count], vec![0; count]);
        Stage { world, ids, bodies, line, woken, slept_through }
    }

    fn act(&mut self, who: usize, what: u8) {
        let id = self.ids[who];
        match (self.bodies[who], what % 5) {
            (Body::Dead, _) => {
                self.ids[who] = self.world.joins();
                self.bodies[who] = Body::Outside;
            }
            (Body::Outside, 0) => self.dies(who),
            (Body::Outside, _) => {
                let next = self.world.attaches(id).unwrap();
                self.obey(who, next, Body::Runs, Body::Parked);
            }
            (Body::Runs, 0) => {
                let outcome = self.world.detaches(id).unwrap();
                self.bodies[who] = Body::Outside;
                self.wake(outcome.wake);
            }
            (Body::Runs, 1 | 2) => {
                let outcome = self.world.parks(id).unwrap();
                self.obey(who, outcome.next, Body::Runs, Body::Parked);
                self.wake(outcome.wake);
            }
            (Body::Runs, 3) => {
                self.line.push_back(who);
                let outcome = self.world.stops(id).unwrap();
                self.obey(who, outcome.next, Body::Stops, Body::WantsToStop);
                self.wake(outcome.wake);
            }
            (Body::Runs, _) => {
                assert_eq!(self.world.attaches(id), Err(Misuse::Nested));
                assert_eq!(self.world.starts(id), Err(Misuse::NotStopping));
            }
            // Perhaps for no reason: condition variables do that.
            (Body::Parked | Body::WantsToStop, 0..=3) => self.looks(who),
            (Body::Parked | Body::WantsToStop, _) => {
                let wakes = self.world.gives_up(id);
                self.line.retain(|&other| other != who);
                self.bodies[who] = Body::Outside;
                (self.woken[who], self.slept_through[who]) = (false, 0);
                self.wake_all(wakes);
            }
            (Body::Stops, 0) => self.dies(who),
            (Body::Stops, 1) => {
                assert_eq!(self.world.detaches(id), Err(Misuse::Stopping));
                assert_eq!(self.world.stops(id), Err(Misuse::Stopping));
                assert_eq!(self.world.parks(id).unwrap().next, Next::Run);
            }
            (Body::Stops, _) => self.starts(who),
        }
    }

    fn starts(&mut self, who: usize) {
        assert_eq!(self.line.pop_front(), Some(who));
        self.bodies[who] = Body::Runs;
        let wakes = self.world.starts(self.ids[who]).unwrap();
        self.world_started();
        self.wake_all(wakes);
    }

    fn dies(&mut self, who: usize) {
        let stopped = self.bodies[who] == Body::Stops;
        let wakes = self.world.dies(self.ids[who]);
        self.line.retain(|&other| other != who);
        self.bodies[who] = Body::Dead;
        if stopped {
            self.world_started();
        }
        self.wake_all(wakes);
    }

    /// Whoever was parked may run now, and is counted until it has.
    fn world_started(&mut self) {
        for who in 0..self.bodies.len() {
            if self.bodies[who] == Body::Parked {
                self.slept_through[who] += 1;
                assert!(self.slept_through[who] <= 1, "{who} sleeps through stop after stop");
            }
        }
    }

    fn looks(&mut self, who: usize) {
        self.woken[who] = false;
        let runs = if self.bodies[who] == Body::Parked { Body::Runs } else { Body::Stops };
        let next = self.world.woken(self.ids[who]);
        self.obey(who, next, runs, self.bodies[who]);
    }

    fn obey(&mut self, who: usize, next: Next, runs: Body, sleeps: Body) {
        self.bodies[who] = if next == Next::Run { runs } else { sleeps };
        if next == Next::Run {
            self.slept_through[who] = 0;
        }
        if self.bodies[who] == Body::Stops {
            assert_eq!(self.line.front(), Some(&who), "it was not its turn to stop the world");
        }
    }

    /// The living thread with this number: numbers are used again.
    fn of(&self, id: ThreadId) -> usize {
        let is = |&who: &usize| self.ids[who] == id && self.bodies[who] != Body::Dead;
        (0..self.ids.len()).find(is).expect("a thread")
    }

    fn wake_all(&mut self, ids: Vec<ThreadId>) {
        ids.into_iter().for_each(|id| self.wake(Some(id)));
    }

    fn wake(&mut self, id: Option<ThreadId>) {
        let Some(id) = id else { return };
        let who = self.of(id);
        let asleep = matches!(self.bodies[who], Body::Parked | Body::WantsToStop);
        assert!(asleep && !self.woken[who], "{who} is woken for nothing: {:?}", self.bodies[who]);
        self.woken[who] = true;
    }

    fn check(&self) {
        let runs = |body: &&Body| matches!(body, Body::Runs);
        let running = self.bodies.iter().filter(runs).count();
        let stopping = self.bodies.iter().filter(|b| **b == Body::Stops).count();
        assert!(stopping <= 1 && (stopping == 0 || running == 0), "{:?}", self.bodies);
        for (who, &body) in self.bodies.iter().enumerate() {
            let standing = self.world.standing(self.ids[who]);
            match body {
                Body::Outside => assert_eq!(standing, Standing::Detached),
                Body::Runs | Body::Stops => assert_eq!(standing, Standing::Attached),
                Body::Parked | Body::WantsToStop => {
                    let told = self.world.woken(self.ids[who]) == Next::Sleep;
                    assert!(told || self.woken[who], "{who} may run, and nobody has told it");
                }
                Body::Dead => {}
            }
        }
        let stopper = self.world.stopper().map(|id| self.of(id));
        assert_eq!(stopper, self.line.front().copied());
    }

    /// From now on nobody stops anything anew, and only those move who run or were woken.
    fn drain(&mut self) {
        for _ in 0..self.bodies.len() * 4 {
            for who in 0..self.bodies.len() {
                match self.bodies[who] {
                    Body::Runs => self.act(who, 0),
                    Body::Stops => self.starts(who),
                    Body::Parked | Body::WantsToStop if self.woken[who] => self.looks(who),
                    _ => {}
                }
                self.check();
            }
        }
        let left = self.bodies.iter().all(|b| matches!(b, Body::Outside | Body::Dead));
        assert!(left, "somebody was forgotten: {:?}", self.bodies);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_schedule_lets_a_thread_run_in_a_stopped_world(
        count in 1..6usize,
        steps in proptest::collection::vec((0..6usize, 0..=255u8), 0..200),
    ) {
        let mut stage = Stage::new(count);
        for (who, what) in steps {
            stage.act(who % count, what);
            stage.check();
        }
        stage.drain();
    }
}

#[test]
fn who_comes_while_the_world_is_stopped_is_kept_out() {
    let mut world = World::default();
    let (a, b) = (world.joins(), world.joins());
    assert_eq!(world.stops(a), Err(Misuse::NotAttached));
    assert_eq!(world.attaches(a), Ok(Next::Run));
    assert_eq!(world.stops(a).unwrap().next, Next::Run, "there is nobody to wait for");
    assert_eq!(world.attaches(b), Ok(Next::Sleep));
    assert_eq!(world.standing(b), Standing::Suspended);
    assert_eq!(world.starts(a), Ok(vec![b]));
    assert_eq!(world.attached(), 2);
}

#[test]
fn those_who_want_to_stop_the_world_take_turns_and_the_others_run_in_between() {
    let mut world = World::default();
    let [a, b, c] = [(); 3].map(|()| world.joins());
    for id in [a, b, c] {
        assert_eq!(world.attaches(id), Ok(Next::Run));
    }
    assert_eq!(world.stops(a).unwrap().next, Next::Sleep);
    assert_eq!(world.stops(b).unwrap().wake, None, "c runs still");
    assert_eq!(world.parks(c).unwrap().wake, Some(a));
    assert_eq!(world.starts(a), Ok(vec![c]), "b's turn, but not before a and c have parked");
    assert_eq!((world.stopper(), world.woken(b)), (Some(b), Next::Sleep));
    assert_eq!(world.woken(c), Next::Run, "c has run in between");
    assert_eq!(world.parks(c).unwrap().wake, None);
    assert_eq!(world.parks(a).unwrap().wake, Some(b));
    assert!(world.is_stopped() && world.stops_begun() == 2);
}

fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

#[test]
fn to_attach_and_to_detach_is_one_atomic_operation_each() {
    bounded(|| {
        let (scope, gate) = (FreeThreading::new(), Barrier::new(3));
        let run = || {
            scope.attach(|_| ()).unwrap(); // it joins
            gate.wait();
            let before = if gate.wait().is_leader() { Some(scope.counters()) } else { None };
            gate.wait();
            for _ in 0..1_000 {
                scope.attach(|me| me.detach(|| ())).unwrap();
            }
            gate.wait();
            if let Some(before) = before {
                let after = scope.counters() - before;
                let expected = Counters {
                    acquired_at_once: 6_000,
                    voluntary_drops: 6_000,
                    ..Counters::default()
                };
                assert_eq!(after, expected, "no visit to the table, no sleep, no wake");
            }
        };
        thread::scope(|s| (0..3).for_each(|_| drop(s.spawn(run))));
    });
}

#[test]
fn threads_run_at_the_same_time() {
    bounded(|| {
        // Under a lock the first to wait at this barrier would hold it, and the others not come.
        let (scope, all_inside) = (FreeThreading::new(), Barrier::new(4));
        let run = || scope.attach(|_| all_inside.wait().is_leader()).unwrap();
        thread::scope(|s| (0..4).for_each(|_| drop(s.spawn(run))));
    });
}

#[test]
fn in_a_stopped_world_nothing_moves() {
    bounded(|| {
        let (scope, done) = (FreeThreading::new(), AtomicBool::new(false));
        // Each thread takes from one and gives to the other. In between the sum is wrong.
        let accounts = [AtomicI64::new(0), AtomicI64::new(0)];
        let transfers = AtomicU64::new(0);
        let transfer = || {
            scope
                .attach(|me| {
                    while !done.load(SeqCst) {
                        accounts[0].fetch_sub(1, SeqCst);
                        thread::yield_now();
                        accounts[1].fetch_add(1, SeqCst);
                        transfers.fetch_add(1, SeqCst);
                        me.checkpoint();
                        me.detach(thread::yield_now);
                    }
                })
                .unwrap();
        };
        thread::scope(|s| {
            (0..3).for_each(|_| drop(s.spawn(transfer)));
            for round in 0..100 {
                until(|| transfers.load(SeqCst) > round);
                let stopped = scope.attach(|me| {
                    me.stop_the_world(|all| {
                        assert!(all.parked() <= 3);
                        let read = || accounts.each_ref().map(|account| account.load(SeqCst));
                        let before = read();
                        (0..10).for_each(|_| thread::yield_now());
                        assert_eq!(read(), before, "somebody runs");
                        before.iter().sum::<i64>()
                    })
                });
                assert_eq!(stopped, Ok(Ok(0)), "somebody was stopped in the middle");
            }
            done.store(true, SeqCst);
        });
        let all = scope.counters();
        assert_eq!((scope.stops(), all.drop_requests), (100, 100));
        assert_eq!(all.acquisitions(), all.drops(), "{all:?}");
    });
}

#[test]
fn a_detached_thread_is_not_waited_for_and_is_kept_out() {
    bounded(|| {
        let (scope, inside) = (FreeThreading::new(), AtomicBool::new(false));
        let (go, wait) = mpsc::channel::<()>();
        let (tell, detached) = mpsc::channel();
        thread::scope(|s| {
            s.spawn(|| {
                scope.attach(|me| {
                    me.detach(move || {
                        tell.send(()).unwrap();
                        let _ = wait.recv();
                    });
                    inside.store(true, SeqCst);
                })
            });
            detached.recv().unwrap();
            let stop = scope.attach(|me| {
                me.stop_the_world(|all| {
                    assert_eq!(all.parked(), 0, "it is detached, and not parked");
                    let sleeps = scope.counters().sleeps;
                    go.send(()).unwrap();
                    until(|| scope.counters().sleeps > sleeps);
                    assert!(!inside.load(SeqCst), "it came in");
                })
            });
            assert_eq!(stop, Ok(Ok(())));
        });
        assert!(inside.load(SeqCst), "and when the world goes on, so does it");
    });
}

#[test]
fn two_that_stop_the_world_take_turns() {
    bounded(|| {
        let (scope, alone) = (FreeThreading::new(), AtomicBool::new(false));
        let stop = || {
            for _ in 0..50 {
                let stop = scope.attach(|me| {
                    me.stop_the_world(|_| {
                        assert!(!alone.swap(true, SeqCst), "two have stopped the world");
                        thread::yield_now();
                        alone.store(false, SeqCst);
                    })
                });
                assert_eq!(stop, Ok(Ok(())));
            }
        };
        thread::scope(|s| (0..3).for_each(|_| drop(s.spawn(stop))));
        assert_eq!(scope.stops(), 150);
    });
}

#[test]
fn nested_attach_is_reported() {
    bounded(|| {
        let (scope, other) = (FreeThreading::new(), FreeThreading::new());
        scope
            .attach(|me| {
                assert_eq!(scope.attach(|_| ()), Err(AttachError::Nested));
                assert_eq!(other.attach(|_| 7), Ok(7), "another scope is another matter");
                assert_eq!(me.detach(|| scope.attach(|_| 8)), Ok(8));
                let nested = me.stop_the_world(|_| scope.attach(|_| ()));
                assert_eq!(nested, Ok(Err(AttachError::Nested)));
            })
            .unwrap();
    });
}

#[test]
fn a_panic_detaches_and_starts_the_world() {
    bounded(|| {
        let scope = FreeThreading::new();
        let panics = |f: &dyn Fn()| assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
        panics(&|| scope.attach(|_| panic!("attached")).unwrap());
        panics(&|| scope.attach(|me| me.detach(|| panic!("detached"))).unwrap());
        panics(&|| scope.attach(|me| me.stop_the_world(|_| panic!("stopped"))).unwrap().unwrap());
        // Whoever comes now must neither wait nor be waited for.
        thread::scope(|s| {
            s.spawn(|| scope.attach(|_| ()).unwrap());
        });
        assert_eq!(scope.attach(|me| me.stop_the_world(|all| all.parked())), Ok(Ok(0)));
        let all = scope.counters();
        assert_eq!(all.acquisitions(), all.drops(), "{all:?}");
    });
}

#[test]
fn a_stop_is_recorded_and_measured() {
    bounded(|| {
        let (scope, parked) = (FreeThreading::new(), AtomicBool::new(false));
        scope.record(1_000);
        thread::scope(|s| {
            let spins = || {
                scope.attach(|me| {
                    while !parked.load(SeqCst) {
                        me.checkpoint();
                    }
                })
            };
            s.spawn(spins);
            until(|| scope.counters().acquisitions() == 1);
            let stopped = scope.attach(|me| {
                me.stop_the_world(|all| {
                    parked.store(true, SeqCst);
                    all.parked()
                })
            });
            assert_eq!(stopped, Ok(Ok(1)));
        });
        let recording = scope.recording();
        let slices = recording.tracks[0].slices(recording.until);
        let mut states: Vec<State> = slices.iter().map(|slice| slice.state).collect();
        states.retain(|&state| state != State::NoGil);
        let run = [State::HasGil, State::WaitingForGil, State::HasGil];
        assert_eq!(states, run, "it ran, was parked, and ran");
        let times = scope.thread_times();
        assert_eq!(times[0].1.wait.count(), 1);
        assert_eq!(times[0].1.hold.count(), 2);
    });
}
