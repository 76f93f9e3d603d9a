//! Free threading: the pure rules under random schedules (the fuzz target `world_ops` runs the same
//! check), and a scope on real threads.
#![cfg(not(any(loom, shuttle)))]

mod common;
mod model;

use common::{bounded, until};
use model::world::{check, check_bytes};
use proptest::prelude::*;
use singletrack::gil::AttachError;
use singletrack::gil::Counters;
use singletrack::gil::FreeThreading;
use singletrack::gil::LockState;
use singletrack::gil::free_threading::stop_the_world::{
    AttachState, Misuse, RunOrSleep, StopTheWorld,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Barrier, mpsc};
use std::thread;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_schedule_lets_a_thread_run_in_a_stopped_world(
        count in 1..6usize,
        steps in proptest::collection::vec((0..6usize, any::<u8>()), 0..200),
    ) {
        check(count, &steps);
    }

    #[test]
    fn any_bytes_are_a_schedule(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_bytes(&bytes);
    }
}

#[test]
fn a_thread_that_attaches_while_the_world_is_stopped_is_kept_out() {
    let mut world = StopTheWorld::default();
    let (a, b) = (world.add_thread(), world.add_thread());
    assert_eq!(world.stop(a), Err(Misuse::NotAttached));
    assert_eq!(world.attach(a), Ok(RunOrSleep::Run));
    assert_eq!(world.stop(a).unwrap().next, RunOrSleep::Run, "there is no thread to wait for");
    assert_eq!(world.attach(b), Ok(RunOrSleep::Sleep));
    assert_eq!(world.state(b), AttachState::Suspended);
    assert_eq!(world.start(a), Ok(vec![b]));
    assert_eq!(world.attached(), 2);
}

#[test]
fn threads_that_stop_the_world_queue_and_the_others_run_in_between() {
    let mut world = StopTheWorld::default();
    let [a, b, c] = [(); 3].map(|()| world.add_thread());
    for id in [a, b, c] {
        assert_eq!(world.attach(id), Ok(RunOrSleep::Run));
    }
    assert_eq!(world.stop(a).unwrap().next, RunOrSleep::Sleep);
    assert_eq!(world.stop(b).unwrap().wake, None, "c runs still");
    assert_eq!(world.park(c).unwrap().wake, Some(a));
    assert_eq!(world.start(a), Ok(vec![c]), "b's turn, but not before a and c have parked");
    assert_eq!((world.stopper(), world.after_wake(b)), (Some(b), RunOrSleep::Sleep));
    assert_eq!(world.after_wake(c), RunOrSleep::Run, "c has run in between");
    assert_eq!(world.park(c).unwrap().wake, None);
    assert_eq!(world.park(a).unwrap().wake, Some(b));
    assert!(world.is_stopped() && world.stops_begun() == 2);
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
                assert_eq!(after, expected, "no slow path, no sleep, no wake");
            }
        };
        thread::scope(|s| (0..3).for_each(|_| drop(s.spawn(run))));
    });
}

#[test]
fn threads_run_at_the_same_time() {
    bounded(|| {
        // Under a lock the first thread at this barrier would hold it, and no other would come.
        let (scope, all_inside) = (FreeThreading::new(), Barrier::new(4));
        let run = || scope.attach(|_| all_inside.wait().is_leader()).unwrap();
        thread::scope(|s| (0..4).for_each(|_| drop(s.spawn(run))));
    });
}

#[test]
fn in_a_stopped_world_nothing_changes() {
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
                        assert_eq!(read(), before, "a thread runs");
                        before.iter().sum::<i64>()
                    })
                });
                assert_eq!(stopped, Ok(Ok(0)), "a thread was stopped in the middle");
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
fn threads_that_stop_the_world_are_alone_one_after_the_other() {
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
        // A thread that attaches now must neither wait nor be waited for.
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
        let mut states: Vec<LockState> = slices.iter().map(|slice| slice.state).collect();
        states.retain(|&state| state != LockState::NoGil);
        let run = [LockState::HasGil, LockState::WaitingForGil, LockState::HasGil];
        assert_eq!(states, run, "it ran, was parked, and ran");
        let times = scope.thread_times();
        assert_eq!(times[0].1.wait.count(), 1);
        assert_eq!(times[0].1.hold.count(), 2);
    });
}
