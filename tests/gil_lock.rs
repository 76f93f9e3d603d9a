//! The real lock on real threads, under every preset. No test measures time; each is bounded by
//! a watchdog, and waits for conditions.
#![cfg(not(loom))]

mod common;

use common::{bounded, until};
use singletrack::futures::JobError;
use singletrack::gil::AttachError;
use singletrack::gil::Counters;
use singletrack::gil::GilThread;
use singletrack::gil::GlobalLock;
use singletrack::gil::{Check, DropFlag, HandOff, PolicyError, SwitchPolicy};
use singletrack::gil::{GilCell, WrongLock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

fn presets() -> impl Iterator<Item = SwitchPolicy> {
    SwitchPolicy::PRESETS.into_iter().map(|(_, policy)| policy)
}

fn on_request() -> impl Iterator<Item = SwitchPolicy> {
    presets().filter(|p| matches!(p.check(), Check::OnRequest { .. }))
}

/// Shows G1, G10.
#[test]
fn one_thread_at_a_time_under_every_preset() {
    bounded(|| {
        for policy in presets() {
            let lock = GlobalLock::new(policy);
            let sum = Arc::new(GilCell::new(&lock, 0u64));
            let inside = Arc::new(AtomicBool::new(false));
            let body = |i: u64| {
                let (sum, inside) = (Arc::clone(&sum), Arc::clone(&inside));
                GilThread::spawn(&lock, "adder", move |gil| {
                    for n in 0..500 {
                        assert!(!inside.swap(true, SeqCst), "two threads are inside");
                        *sum.get_mut(gil) += i;
                        inside.store(false, SeqCst);
                        match n % 16 {
                            0 => gil.detach(std::thread::yield_now),
                            1 => gil.checkpoint(),
                            _ => gil.tick(),
                        }
                    }
                })
            };
            let threads: Vec<_> = (1..=4).map(|i| body(i).unwrap()).collect();
            // A clock that runs wild: requests at any moment.
            while threads.iter().any(|t| !t.is_finished()) {
                lock.request_drop();
            }
            threads.into_iter().for_each(|t| t.join().unwrap());
            assert_eq!(lock.attach(|gil| *sum.get(gil)), Ok(5_000), "{policy}");
            let all = lock.counters();
            assert_eq!(all.acquisitions(), all.drops(), "{policy}: {all:?}");
            assert_eq!(all.switches, lock.switch_number(), "{policy}");
            assert!(all.switches >= 4, "{policy}: {all:?}");
            assert!(lock.thread_counters().len() <= 1, "the dead have left their seats");
        }
    });
}

/// Shows G4.
#[test]
fn a_forced_switch_hands_over() {
    bounded(|| {
        for policy in on_request().filter(|p| p.hand_off() != HandOff::Race) {
            let lock = GlobalLock::new(policy);
            let ran = Arc::new(AtomicU64::new(0));
            lock.attach(|gil| {
                for round in 0..20 {
                    let theirs = Arc::clone(&ran);
                    let waiter =
                        GilThread::spawn(&lock, "waiter", move |_| theirs.fetch_add(1, SeqCst));
                    until(|| lock.waiting() == 1);
                    assert!(lock.request_drop());
                    gil.checkpoint();
                    assert_eq!(ran.load(SeqCst), round + 1, "{policy}: the dropper was first");
                    gil.detach(|| waiter.unwrap().join()).unwrap();
                }
                assert_eq!(gil.counters().forced_drops, 20);
            })
            .unwrap();
        }
    });
}

/// Shows G4.
/// The waiter sleeps once and the dropper once, and each is woken by a drop.
#[test]
fn a_forced_switch_costs_two_sleeps_and_two_wakes() {
    bounded(|| {
        let never = Check::OnRequest { interval: Duration::from_secs(3600) };
        let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2.with_check(never).unwrap());
        let waiter = lock.attach(|gil| {
            let waiter = GilThread::spawn(&lock, "waiter", |_| ()).unwrap();
            until(|| lock.waiting() == 1);
            assert!(lock.request_drop());
            gil.checkpoint();
            waiter
        });
        waiter.unwrap().join().unwrap();
        let all = lock.counters();
        assert_eq!((all.sleeps, all.wakes, all.switches, all.forced_drops), (2, 2, 3, 1));
        assert_eq!((all.acquired_at_once, all.acquired_after_wait), (1, 2));
    });
}

/// Shows G3.
#[test]
fn a_waiter_asks_when_its_interval_is_over() {
    bounded(|| {
        for policy in on_request() {
            let interval = Duration::from_micros(200);
            let lock = GlobalLock::new(policy.with_check(Check::OnRequest { interval }).unwrap());
            let done = Arc::new(AtomicBool::new(false));
            let spin = |name| {
                let done = Arc::clone(&done);
                GilThread::spawn(&lock, name, move |gil| {
                    while !done.load(SeqCst) {
                        gil.checkpoint();
                    }
                })
            };
            let threads = [spin("one").unwrap(), spin("two").unwrap()];
            until(|| lock.counters().forced_drops >= 20);
            done.store(true, SeqCst);
            threads.into_iter().for_each(|t| t.join().unwrap());
            let all = lock.counters();
            assert!(all.drop_requests >= 20 && all.wait_ns > 0, "{policy}: {all:?}");
            if policy.hand_off() != HandOff::Race {
                assert!(all.switches >= 20, "{policy}: {all:?}");
            }
        }
    });
}

/// Shows G12.
#[test]
fn scenario_1_switchinterval_bounds() {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
    assert_eq!(lock.switch_interval(), Some(Duration::from_millis(5)));
    let zero = lock.set_switch_interval(Duration::ZERO);
    assert_eq!(zero, Err(PolicyError::Interval(Duration::ZERO)));
    for good in [Duration::from_micros(10), Duration::from_millis(50), Duration::from_secs(3)] {
        lock.set_switch_interval(good).unwrap();
        assert_eq!(lock.switch_interval(), Some(good));
    }
    let ticks = GlobalLock::new(SwitchPolicy::PYTHON_2);
    assert_eq!(ticks.switch_interval(), None);
    let error = ticks.set_switch_interval(Duration::from_millis(1));
    assert_eq!(error, Err(PolicyError::NoInterval));
}

/// Shows G8.
#[test]
fn scenario_2_tick_period() {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_2);
    lock.attach(|gil| (0..10_100).for_each(|_| gil.tick())).unwrap();
    let all = lock.counters();
    assert_eq!((all.tick_drops, all.acquired_at_once), (100, 101));
    assert_eq!((all.sleeps, all.wakes, all.switches, all.forced_drops), (0, 0, 1, 0));
}

/// Shows G8.
#[test]
fn the_ticker_goes_with_the_lock() {
    bounded(|| {
        let lock = GlobalLock::new(SwitchPolicy::PYTHON_2);
        let ticks = |n: u32| lock.attach(|gil| (0..n).for_each(|_| gil.tick())).unwrap();
        ticks(61); // the first is a check; 40 are left
        std::thread::scope(|s| {
            s.spawn(|| {
                ticks(40);
                assert_eq!(lock.counters().tick_drops, 1);
                ticks(1);
                assert_eq!(lock.counters().tick_drops, 2);
            });
        });
    });
}

/// Shows G11.
#[test]
fn scenario_3_single_thread_no_switch() {
    for policy in on_request() {
        let lock = GlobalLock::new(policy);
        lock.attach(|gil| {
            let before = gil.counters();
            for _ in 0..1_000_000 {
                gil.tick();
                gil.checkpoint();
            }
            assert_eq!(gil.counters(), before, "{policy}");
        })
        .unwrap();
        assert_eq!(lock.switch_number(), 1);
        assert!(!lock.request_drop(), "{policy}: no waiter, no request");
    }
}

/// Shows G11.
#[test]
fn the_uncontended_path_is_two_atomic_operations() {
    for policy in presets() {
        let lock = GlobalLock::new(policy);
        lock.attach(|_| ()).unwrap();
        let before = lock.counters();
        for _ in 0..1_000 {
            lock.attach(|gil| gil.detach(|| ())).unwrap();
        }
        let after = lock.counters() - before;
        let expected =
            Counters { acquired_at_once: 2_000, voluntary_drops: 2_000, ..Counters::default() };
        assert_eq!(after, expected, "{policy}: no need of the mutex, no sleep, no wake");
    }
}

#[test]
fn taking_a_free_lock_from_another_thread_sleeps_never() {
    bounded(|| {
        for policy in presets() {
            let lock = GlobalLock::new(policy);
            let turns = Barrier::new(2);
            std::thread::scope(|s| {
                for odd in [0, 1] {
                    let (lock, turns) = (&lock, &turns);
                    s.spawn(move || {
                        for turn in 0..100 {
                            if turn % 2 == odd {
                                lock.attach(|_| ()).unwrap();
                            }
                            turns.wait();
                        }
                    });
                }
            });
            let all = lock.counters();
            assert_eq!((all.switches, all.acquired_at_once), (100, 100), "{policy}");
            assert_eq!((all.sleeps, all.wakes), (0, 0), "{policy}");
        }
    });
}

#[test]
fn detach_lets_others_in() {
    bounded(|| {
        for policy in presets() {
            let lock = GlobalLock::new(policy);
            let cell = Arc::new(GilCell::new(&lock, 1));
            lock.attach(|gil| {
                let theirs = Arc::clone(&cell);
                let other = GilThread::spawn(&lock, "other", move |gil| {
                    gil.sleep(Duration::ZERO);
                    *theirs.get_mut(gil) = 2;
                })
                .unwrap();
                assert_eq!(*cell.get(gil), 1);
                gil.detach(|| other.join()).unwrap();
                assert_eq!(*cell.get(gil), 2, "{policy}");
            })
            .unwrap();
        }
    });
}

#[test]
fn counters_add_up_by_thread() {
    bounded(|| {
        let lock = GlobalLock::new(SwitchPolicy::FAIR);
        let gate = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..3)
            .map(|i| {
                let gate = Arc::clone(&gate);
                GilThread::spawn(&lock, &format!("worker {i}"), move |gil| {
                    for _ in 0..50 {
                        gil.detach(|| ());
                    }
                    gil.detach(|| gate.wait()); // all have counted
                    gil.detach(|| gate.wait()); // the sums are made
                })
                .unwrap()
            })
            .collect();
        gate.wait();
        until(|| lock.waiting() == 0);
        let by_thread = lock.thread_counters();
        let mut names: Vec<_> = by_thread.iter().map(|(name, _)| name.as_str()).collect();
        names.sort();
        assert_eq!(names, ["worker 0", "worker 1", "worker 2"]);
        assert!(by_thread.iter().all(|(_, c)| c.voluntary_drops > 50), "{by_thread:?}");
        gate.wait();
        threads.into_iter().for_each(|t| t.join().unwrap());
        let all = lock.counters();
        assert_eq!((all.acquisitions(), all.drops()), (3 * 53, 3 * 53));
        assert_eq!(all.hold_ns, 0, "not measured");
        lock.measure_hold(true);
        lock.attach(|gil| gil.detach(|| std::thread::sleep(Duration::from_millis(1)))).unwrap();
        assert!(lock.counters().hold_ns > 0);
    });
}

/// Shows G14.
#[test]
fn nested_attach_is_reported() {
    bounded(|| {
        let (lock, other) =
            (GlobalLock::new(SwitchPolicy::FAIR), GlobalLock::new(SwitchPolicy::FAIR));
        lock.attach(|gil| {
            assert_eq!(lock.clone().attach(|_| ()), Err(AttachError::Nested));
            let soon = Duration::from_millis(1);
            assert_eq!(lock.attach_timeout(soon, |_| ()), Err(AttachError::Nested));
            assert_eq!(other.attach(|_| 7), Ok(7), "another lock is another matter");
            assert_eq!(gil.detach(|| lock.attach(|_| 8)), Ok(8), "and it is free while detached");
            gil.tick();
        })
        .unwrap();
        assert_eq!(lock.attach(|_| 9), Ok(9));
    });
}

/// Shows G13.
#[test]
fn a_panic_drops_the_lock() {
    bounded(|| {
        for policy in presets() {
            let lock = GlobalLock::new(policy);
            let thread = GilThread::<()>::spawn(&lock, "clumsy", |_| panic!("oops"));
            assert_eq!(thread.unwrap().join(), Err(JobError::Panicked("oops".to_owned())));
            assert_eq!(lock.attach(|_| 1), Ok(1), "{policy}");
        }
    });
}

/// Shows G13.
#[test]
fn a_panic_while_detached_takes_the_lock_again() {
    bounded(|| {
        let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
        let cell = GilCell::new(&lock, 5);
        lock.attach(|gil| {
            let caught = catch_unwind(AssertUnwindSafe(|| gil.detach(|| panic!("oops"))));
            assert!(caught.is_err());
            assert_eq!(*cell.get(gil), 5);
            let other = std::thread::scope(|s| {
                s.spawn(|| lock.attach_timeout(Duration::ZERO, |_| ())).join().unwrap()
            });
            assert_eq!(other, Err(AttachError::TimedOut(Duration::ZERO)), "it is held");
        })
        .unwrap();
        assert_eq!(lock.counters().acquisitions(), lock.counters().drops());
    });
}

/// Shows G5.
#[test]
fn a_waiter_that_gives_up_blocks_nobody() {
    bounded(|| {
        for policy in presets() {
            let lock = GlobalLock::new(policy);
            lock.attach(|gil| {
                let limit = Duration::from_millis(2);
                let impatient = std::thread::scope(|s| {
                    let waiter = s.spawn(|| lock.attach_timeout(limit, |_| ()));
                    until(|| waiter.is_finished() || (lock.waiting() == 1 && lock.request_drop()));
                    waiter.join().unwrap()
                });
                assert_eq!(impatient, Err(AttachError::TimedOut(limit)), "{policy}");
                assert_eq!((lock.waiting(), lock.drop_requested()), (0, false));
                let forced = gil.counters().forced_drops;
                gil.checkpoint(); // gh-96387: it must not wait for the one that left
                gil.detach(|| ());
                assert_eq!(gil.counters().forced_drops, forced, "{policy}");
            })
            .unwrap();
        }
    });
}

/// Shows G15.
#[test]
fn finalising_ends_all_other_threads() {
    bounded(|| {
        for policy in presets() {
            let lock = GlobalLock::new(policy);
            let (out, gone) = mpsc::channel();
            let (go, may_return) = mpsc::channel::<()>();
            let cell = Arc::new(GilCell::new(&lock, 0));
            let theirs = Arc::clone(&cell);
            let blocked = GilThread::spawn(&lock, "blocked", move |gil| {
                gil.detach(|| {
                    out.send(()).unwrap();
                    let _ = may_return.recv();
                });
                *theirs.get_mut(gil) += 1; // never
            })
            .unwrap();
            gone.recv().unwrap();
            let waiter = lock
                .attach(|gil| {
                    let waiter = GilThread::spawn(&lock, "waiter", |_| ()).unwrap();
                    until(|| lock.waiting() == 1);
                    lock.request_drop();
                    gil.finalise();
                    gil.checkpoint();
                    gil.detach(|| ());
                    waiter
                })
                .unwrap();
            let broken = JobError::Broken(AttachError::Finalised.to_string());
            assert_eq!(waiter.join(), Err(broken.clone()), "{policy}");
            go.send(()).unwrap();
            assert_eq!(blocked.join(), Err(broken), "{policy}");
            let late = std::thread::scope(|s| s.spawn(|| lock.attach(|_| ())).join().unwrap());
            assert_eq!(late, Err(AttachError::Finalised));
            assert_eq!(lock.attach(|gil| *cell.get(gil)), Ok(0), "the finaliser may go on");
        }
    });
}

#[test]
fn a_lost_token_opens_nothing() {
    bounded(|| {
        let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
        let cell = GilCell::new(&lock, 0);
        let result = lock.attach(|gil| {
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                gil.detach(|| {
                    std::thread::scope(|s| {
                        s.spawn(|| lock.attach(|gil| gil.finalise()));
                    });
                });
            }));
            assert!(unwound.is_err());
            gil.tick();
            assert_eq!(cell.try_get(gil), Err(WrongLock));
            assert_eq!(cell.try_get_mut(gil), Err(WrongLock));
            "caught and carried on"
        });
        assert_eq!(result, Ok("caught and carried on"));
        assert_eq!(lock.attach(|_| ()), Err(AttachError::Finalised));
    });
}

#[test]
#[should_panic(expected = "the token is not for this cell's lock")]
fn a_cell_of_another_lock_panics() {
    let (one, two) = (GlobalLock::new(SwitchPolicy::FAIR), GlobalLock::new(SwitchPolicy::FAIR));
    let cell = GilCell::new(&one, 0);
    two.attach(|gil| *cell.get(gil)).unwrap();
}

#[test]
fn values_are_dropped_once_wherever_the_cell_goes() {
    let lock = GlobalLock::new(SwitchPolicy::FAIR);
    let value = Arc::new(());
    let cell = GilCell::new(&lock, Arc::clone(&value));
    let old = lock.attach(|gil| cell.replace(gil, Arc::clone(&value))).unwrap();
    assert_eq!(Arc::strong_count(&value), 3);
    drop((old, cell));
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn each_holder_reads_its_own_flag_if_the_policy_says_so() {
    bounded(|| {
        // An interval that never ends: else the main thread, while it waits in its turn, may ask too.
        let patient = Check::OnRequest { interval: Duration::from_secs(60 * 60) };
        let policy = SwitchPolicy::FAIR.with_check(patient).unwrap().with_flag(DropFlag::Holder);
        let lock = GlobalLock::new(policy);
        lock.attach(|gil| {
            let waiter = GilThread::spawn(&lock, "waiter", |gil| gil.checkpoint()).unwrap();
            until(|| lock.waiting() == 1);
            assert!(lock.request_drop());
            gil.checkpoint();
            gil.detach(|| waiter.join()).unwrap();
            gil.checkpoint();
            assert_eq!(gil.counters().forced_drops, 1, "and the flag is cleared");
        })
        .unwrap();
        assert_eq!(lock.counters().forced_drops, 1, "no other thread was asked");
    });
}

#[test]
fn a_thread_forgets_locks_that_are_gone() {
    let lock = GlobalLock::new(SwitchPolicy::FAIR);
    for _ in 0..100 {
        GlobalLock::new(SwitchPolicy::FAIR).attach(|_| ()).unwrap();
        lock.attach(|_| ()).unwrap();
    }
    assert_eq!(lock.counters().slow_paths, 1, "this lock was remembered throughout");
}

#[test]
fn a_lock_that_is_gone_is_forgotten_though_two_living_threads_have_used_it() {
    bounded(|| {
        let held = Arc::new(());
        let gone = Arc::downgrade(&held);
        let (lock, other) =
            (GlobalLock::new(SwitchPolicy::FAIR), GlobalLock::new(SwitchPolicy::FAIR));
        lock.add_pending_call(move || drop(held)).unwrap();
        let (used, wait_for_use) = mpsc::channel();
        let (go_on, wait_for_go) = mpsc::channel::<()>();
        let theirs = lock.clone();
        let second = std::thread::spawn(move || {
            theirs.attach(|_| ()).unwrap();
            drop(theirs);
            used.send(()).unwrap();
            wait_for_go.recv().unwrap();
            // Another lock: what is gone is forgotten.
            GlobalLock::new(SwitchPolicy::FAIR).attach(|_| ()).unwrap();
        });
        lock.attach(|_| ()).unwrap();
        wait_for_use.recv().unwrap();
        other.attach(|_| ()).unwrap();
        assert!(gone.upgrade().is_some(), "its handle is there");
        drop(lock);
        GlobalLock::new(SwitchPolicy::FAIR).attach(|_| ()).unwrap();
        go_on.send(()).unwrap();
        second.join().unwrap();
        assert!(gone.upgrade().is_none(), "nobody can use it any more");
    });
}
