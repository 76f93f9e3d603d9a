//! What others may ask of a thread at its next check: pending calls, interrupts; and checks that
//! come more or less often. Conditions are waited for, times are not.
#![cfg(not(loom))]

mod common;

use common::watchdog;
use proptest::prelude::*;
use singletrack::gil::AttachError;
use singletrack::gil::FreeThreading;
use singletrack::gil::Gil;
use singletrack::gil::GilThread;
use singletrack::gil::GlobalLock;
use singletrack::gil::rules::machine::Machine;
use singletrack::gil::rules::pending::{BATCH, CAPACITY, Full, Pending};
use singletrack::gil::{Check, PolicyError, SwitchPolicy};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};

fn presets() -> impl Iterator<Item = SwitchPolicy> {
    SwitchPolicy::PRESETS.into_iter().map(|(_, policy)| policy)
}

/// Enough checkpoints for a check under every preset.
fn run_to_a_check(gil: &mut Gil<'_>) {
    (0..102).for_each(|_| gil.checkpoint());
}

proptest! {
    #[test]
    fn calls_are_made_once_in_order_by_main_only(steps in proptest::collection::vec(0..4u8, 1..200)) {
        let mut machine = Machine::new(SwitchPolicy::PYTHON_2);
        let (main, other) = (machine.joins(), machine.joins());
        let (mut pending, mut model, mut number) = (Pending::default(), VecDeque::new(), 0);
        pending.set_main(main);
        for step in steps {
            match step {
                0 | 1 => {
                    number += 1;
                    let added = pending.add(number);
                    if model.len() < CAPACITY {
                        model.push_back(number);
                        prop_assert_eq!(added, Ok(()));
                    } else {
                        prop_assert_eq!(added, Err(number));
                    }
                }
                2 => prop_assert!(!pending.begins(other)),
                _ => {
                    prop_assert!(pending.begins(main));
                    prop_assert!(!pending.begins(main), "no call within a call");
                    let made: Vec<i32> = std::iter::from_fn(|| pending.next()).collect();
                    prop_assert!(made.len() <= BATCH);
                    prop_assert_eq!(made, model.drain(..).collect::<Vec<_>>());
                    pending.ends();
                }
            }
            prop_assert_eq!(pending.flagged(), !model.is_empty());
        }
    }
}

#[test]
fn a_batch_ends_though_each_call_leaves_another() {
    let mut machine = Machine::new(SwitchPolicy::PYTHON_2);
    let main = machine.joins();
    let mut pending = Pending::default();
    pending.set_main(main);
    pending.add(0).unwrap();
    assert!(pending.begins(main));
    let mut made = 0;
    while let Some(call) = pending.next() {
        made += 1;
        pending.add(call + 1).unwrap();
    }
    pending.ends();
    assert_eq!(made, BATCH);
    assert!(pending.flagged(), "the last one waits for the next check");
}

#[test]
fn the_main_thread_makes_the_calls_in_order_under_every_preset() {
    let _watchdog = watchdog("pending calls", 60);
    for policy in presets() {
        let lock = GlobalLock::new(policy);
        let made = Arc::new(Mutex::new(Vec::new()));
        let call = |number: i32| {
            let made = Arc::clone(&made);
            move || made.lock().unwrap().push(number)
        };
        lock.attach(|gil| {
            lock.add_pending_call(call(1)).unwrap();
            run_to_a_check(gil);
            assert_eq!(made.lock().unwrap().len(), 0, "{policy}: no thread is the main thread yet");
            gil.claim_main();
            let (theirs, two) = (lock.clone(), call(2));
            let stranger = GilThread::spawn(&lock, "stranger", move |gil| {
                theirs.add_pending_call(two).unwrap();
                run_to_a_check(gil);
            });
            gil.detach(|| stranger.unwrap().join()).unwrap();
            assert_eq!(made.lock().unwrap().len(), 0, "{policy}: a stranger made a call");
            run_to_a_check(gil);
            assert_eq!(*made.lock().unwrap(), [1, 2], "{policy}");
            run_to_a_check(gil);
            assert_eq!(made.lock().unwrap().len(), 2, "{policy}: made twice");
        })
        .unwrap();
    }
}

/// The signal storm: the main thread blocks, a signal comes, and everybody else checks at every
/// tick until the main thread is back.
#[test]
fn a_call_that_only_main_may_make_costs_the_others_a_check_a_tick() {
    let _watchdog = watchdog("a signal storm", 60);
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_2);
    let (wake, blocked) = mpsc::channel::<()>();
    let (claimed, is_claimed) = mpsc::channel();
    let handled = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&handled);
    let main = GilThread::spawn(&lock, "main", move |gil| {
        gil.claim_main();
        claimed.send(()).unwrap();
        gil.detach(|| blocked.recv().unwrap_err());
        run_to_a_check(gil);
        assert_eq!(theirs.load(SeqCst), 1);
    });
    is_claimed.recv().unwrap();
    let drops = |gil: &mut Gil<'_>, ticks: usize| {
        let before = gil.counters().tick_drops;
        (0..ticks).for_each(|_| gil.tick());
        gil.counters().tick_drops - before
    };
    lock.attach(|gil| {
        drops(gil, 101);
        assert_eq!(drops(gil, 1010), 10, "a check every 101 ticks");
        let signal = Arc::clone(&handled);
        lock.add_pending_call(move || signal.store(1, SeqCst)).unwrap();
        drops(gil, 101);
        assert_eq!(drops(gil, 1000), 1000, "a check a tick");
        assert_eq!(handled.load(SeqCst), 0, "and nothing comes of it");
        drop(wake);
        gil.detach(|| main.unwrap().join()).unwrap();
        assert_eq!(handled.load(SeqCst), 1);
        drops(gil, 101);
        assert_eq!(drops(gil, 1010), 10, "the storm is over");
    })
    .unwrap();
}

#[test]
fn too_many_calls_are_refused() {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    (0..CAPACITY).for_each(|_| lock.add_pending_call(|| ()).unwrap());
    assert_eq!(lock.add_pending_call(|| ()), Err(Full));
    lock.attach(|gil| {
        gil.claim_main();
        run_to_a_check(gil);
    })
    .unwrap();
    assert_eq!(lock.add_pending_call(|| ()), Ok(()));
}

#[test]
fn a_call_that_panics_unwinds_the_main_thread_and_leaves_the_rest() {
    let _watchdog = watchdog("a panicking call", 30);
    for policy in presets() {
        let lock = GlobalLock::new(policy);
        let made = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&made);
        lock.add_pending_call(|| panic!("handler")).unwrap();
        lock.add_pending_call(move || theirs.store(1, SeqCst)).unwrap();
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            lock.attach(|gil| {
                gil.claim_main();
                run_to_a_check(gil);
            })
        }));
        assert!(unwound.is_err(), "{policy}");
        assert_eq!(made.load(SeqCst), 0, "{policy}");
        lock.attach(run_to_a_check).unwrap();
        assert_eq!(made.load(SeqCst), 1, "{policy}: the lock was dropped, the next call made");
    }
}

#[test]
fn an_interrupted_thread_unwinds_to_its_attach() {
    let _watchdog = watchdog("an interrupt", 60);
    for policy in presets() {
        let lock = GlobalLock::new(policy);
        let (send_id, id) = mpsc::channel();
        let theirs = lock.clone();
        let thread = std::thread::spawn(move || {
            let interrupted = theirs.attach(|gil| {
                send_id.send(gil.thread_id()).unwrap();
                loop {
                    gil.checkpoint();
                }
            });
            assert_eq!(interrupted, Err::<(), _>(AttachError::Interrupted), "{policy}");
            theirs.attach(run_to_a_check).expect("once is once")
        });
        assert!(lock.interrupt(id.recv().unwrap()), "{policy}");
        thread.join().unwrap();
        let counters = lock.counters();
        assert_eq!(counters.acquisitions(), counters.drops(), "{policy}");
    }
}

#[test]
fn no_thread_is_interrupted_in_place_of_a_dead_one() {
    let _watchdog = watchdog("a late interrupt", 30);
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let dead = GilThread::spawn(&lock, "dead", |gil| gil.thread_id()).unwrap().join().unwrap();
    assert!(!lock.interrupt(dead));
    GilThread::spawn(&lock, "heir", run_to_a_check).unwrap().join().unwrap();
}

#[test]
fn a_new_check_interval_begins_with_a_full_count() {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_2);
    lock.attach(|gil| {
        gil.tick(); // the very first tick is a check
        gil.set_check_interval(10).unwrap();
        let before = gil.counters().tick_drops;
        let checks: Vec<u64> = (1..=33)
            .map(|_| {
                gil.tick();
                gil.counters().tick_drops - before
            })
            .collect();
        assert_eq!((checks[9], checks[10], checks[20], checks[21], checks[32]), (0, 1, 1, 2, 3));
        assert_eq!(gil.set_check_interval(0), Err(PolicyError::Ticks(0)));
        assert_eq!(lock.policy().check(), Check::EveryTicks(10));
    })
    .unwrap();
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    assert_eq!(lock.attach(|gil| gil.set_check_interval(10)), Ok(Err(PolicyError::NoTicks)));
}

#[test]
fn a_new_check_interval_is_for_all_threads() {
    let _watchdog = watchdog("a check interval", 30);
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_2);
    lock.attach(|gil| {
        let theirs = GilThread::spawn(&lock, "other", |gil| {
            gil.set_check_interval(1).unwrap();
        });
        gil.detach(|| theirs.unwrap().join()).unwrap();
        let before = gil.counters().tick_drops;
        (0..100).for_each(|_| gil.tick());
        assert_eq!(gil.counters().tick_drops - before, 50, "a check every second tick");
    })
    .unwrap();
}

/// What a refused call holds may look at the lock when it is dropped.
#[test]
fn a_refused_call_is_dropped_without_the_lock_in_hand() {
    let _dog = watchdog("a refused call", 30);
    struct Looks(GlobalLock);
    impl Drop for Looks {
        fn drop(&mut self) {
            let _ = self.0.switch_number();
        }
    }
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let add = || {
        let looks = Looks(lock.clone());
        lock.add_pending_call(move || drop(looks))
    };
    let added = (0..CAPACITY + 1).filter(|_| add().is_ok()).count();
    assert_eq!(added, CAPACITY);
}

/// An `attach` to another lock, or to a scope without one, is on the way and no end of it.
#[test]
fn an_interrupt_unwinds_to_the_attach_of_its_own_lock() {
    let _dog = watchdog("an interrupt through another lock", 30);
    let (outer, inner) =
        (GlobalLock::new(SwitchPolicy::PYTHON_3_2), GlobalLock::new(SwitchPolicy::PYTHON_2));
    let scope = FreeThreading::new();
    for without_a_lock in [false, true] {
        let expelled = outer.attach(|gil| {
            assert!(outer.interrupt(gil.thread_id()));
            let mut body = || (0..2).for_each(|_| gil.checkpoint());
            let passed = match without_a_lock {
                false => inner.attach(|_| body()),
                true => scope.attach(|_| body()),
            };
            panic!("another's attach gave {passed:?}");
        });
        assert_eq!(expelled, Err::<(), _>(AttachError::Interrupted));
    }
    assert_eq!((inner.attach(|_| 7), scope.attach(|_| 8)), (Ok(7), Ok(8)), "both as before");
}

/// It has no lock, so it makes no call, whatever it catches.
#[test]
fn a_token_that_was_lost_makes_no_pending_call() {
    let _dog = watchdog("a lost token", 30);
    for policy in [SwitchPolicy::PYTHON_2, SwitchPolicy::PYTHON_3_2] {
        let lock = GlobalLock::new(policy);
        let made = Arc::new(AtomicBool::new(false));
        let lost = lock.attach(|gil| {
            gil.claim_main();
            let other = lock.clone();
            let finalise = || std::thread::spawn(move || other.attach(|gil| gil.finalise())).join();
            let detached = catch_unwind(AssertUnwindSafe(|| gil.detach(|| drop(finalise()))));
            assert!(detached.is_err(), "the lock cannot be had again");
            let made = Arc::clone(&made);
            lock.add_pending_call(move || made.store(true, SeqCst)).unwrap();
            for _ in 0..300 {
                gil.tick();
                gil.checkpoint();
            }
        });
        assert!(matches!(lost, Ok(()) | Err(AttachError::Finalised)), "{lost:?}");
        assert!(!made.load(SeqCst), "a call was made without the lock");
    }
}
