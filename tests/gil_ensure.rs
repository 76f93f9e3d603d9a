//! Code that does not know whether its thread holds the lock: callbacks, foreign threads, and
//! what they meet when the lock is gone.
#![cfg(not(any(loom, shuttle)))]

mod common;

use common::bounded;
use singletrack::gil::AttachError;
use singletrack::gil::GilThread;
use singletrack::gil::GlobalLock;
use singletrack::gil::SwitchPolicy;
use singletrack::gil::{GilCell, WrongLock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::Duration;

fn presets() -> impl Iterator<Item = SwitchPolicy> {
    SwitchPolicy::PRESETS.into_iter().map(|(_, policy)| policy)
}

/// Goes so many levels deep; gives the depths it has seen, on the way down and up again.
fn dive(lock: &GlobalLock, levels: u32) -> Result<Vec<u32>, AttachError> {
    lock.ensure(|gil| {
        let here = gil.depth();
        let mut seen = vec![here];
        if levels > 1 {
            seen.extend(gil.lend(|| dive(lock, levels - 1))?);
        }
        gil.checkpoint();
        seen.push(gil.depth());
        Ok(seen)
    })?
}

#[test]
fn levels_are_counted_and_end_in_reverse_order() {
    bounded(|| {
        for policy in presets() {
            let lock = GlobalLock::new(policy);
            assert_eq!(dive(&lock, 4), Ok(vec![1, 2, 3, 4, 4, 3, 2, 1]), "{policy}");
            let all = lock.counters();
            assert_eq!(all.switches, 1, "{policy}");
            assert_eq!(all.voluntary_drops, 1, "{policy}: only the outermost drops it");
            assert_eq!(all.acquisitions(), all.drops(), "{policy}: {all:?}");
        }
    });
}

#[test]
fn the_lock_is_held_while_it_is_lent() {
    bounded(|| {
        for policy in presets() {
            let lock = GlobalLock::new(policy);
            let try_it = || {
                std::thread::scope(|s| {
                    s.spawn(|| lock.attach_timeout(Duration::ZERO, |_| ())).join().unwrap()
                })
            };
            let lent = lock.ensure(|gil| {
                gil.lend(|| {
                    let before = try_it();
                    let inner = lock.ensure(|_| ());
                    (before, inner, try_it())
                })
            });
            let busy = Err(AttachError::TimedOut(Duration::ZERO));
            assert_eq!(lent, Ok((busy, Ok(()), busy)), "{policy}");
            assert_eq!(try_it(), Ok(()), "{policy}");
        }
    });
}

/// Shows G14.
#[test]
fn a_token_in_use_is_not_given_out_twice() {
    bounded(|| {
        let lock = GlobalLock::new(SwitchPolicy::FAIR);
        lock.attach(|gil| {
            assert_eq!(lock.ensure(|_| ()), Err(AttachError::Nested), "it is not lent");
            let inside = gil.lend(|| {
                assert_eq!(lock.attach(|_| ()), Err(AttachError::Nested), "never by attach");
                lock.ensure(|_| lock.ensure(|_| ()))
            });
            assert_eq!(inside, Ok(Err(AttachError::Nested)), "lent once, not twice");
            assert_eq!(lock.ensure(|_| ()), Err(AttachError::Nested), "and taken back");
            assert_eq!(gil.lend(|| lock.ensure(|gil| gil.depth())), Ok(2));
        })
        .unwrap();
    });
}

#[test]
fn a_thread_the_lock_never_saw_can_use_it() {
    bounded(|| {
        for policy in presets() {
            let lock = GlobalLock::new(policy);
            let sum = Arc::new(GilCell::new(&lock, 0));
            let foreign = |_| {
                let (lock, sum) = (lock.clone(), Arc::clone(&sum));
                std::thread::spawn(move || {
                    (0..50).try_for_each(|_| {
                        lock.ensure(|gil| {
                            gil.tick();
                            *sum.get_mut(gil) += 1;
                        })
                    })
                })
            };
            let threads: Vec<_> = (0..4).map(foreign).collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
            assert_eq!(lock.ensure(|gil| *sum.get(gil)), Ok(200), "{policy}");
            assert!(lock.thread_counters().len() <= 1, "{policy}: they have left");
        }
    });
}

/// Shows G13.
#[test]
fn a_panic_ends_its_level_only() {
    bounded(|| {
        let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
        let cell = GilCell::new(&lock, 1);
        lock.ensure(|gil| {
            let inner = || lock.ensure(|_| panic!("inner")).unwrap();
            assert!(catch_unwind(AssertUnwindSafe(|| gil.lend(inner))).is_err());
            assert_eq!(gil.lend(|| lock.ensure(|gil| *cell.get(gil))), Ok(1));
            *cell.get_mut(gil) += 1;
        })
        .unwrap();
        let outer = || lock.ensure(|gil| gil.lend(|| panic!("lent"))).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(outer)).is_err());
        assert_eq!(lock.ensure(|gil| *cell.get(gil)), Ok(2));
    });
}

#[test]
fn ticks_count_on_from_level_to_level() {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_2);
    let ticks = |n: u32| lock.ensure(|gil| (0..n).for_each(|_| gil.tick())).unwrap();
    lock.ensure(|gil| {
        (0..61).for_each(|_| gil.tick()); // the first is a check; 40 are left
        gil.lend(|| ticks(39));
        gil.tick();
        assert_eq!(lock.counters().tick_drops, 1);
        gil.tick();
        assert_eq!(lock.counters().tick_drops, 2);
    })
    .unwrap();
}

/// Shows G15.
#[test]
fn finalising_ends_every_level() {
    bounded(|| {
        for policy in presets() {
            let lock = GlobalLock::new(policy);
            let cell = Arc::new(GilCell::new(&lock, 0));
            let (theirs, inside) = (Arc::clone(&cell), lock.clone());
            let (tell, detached) = mpsc::channel();
            let (go, wait) = mpsc::channel::<()>();
            let deep = GilThread::spawn(&lock, "deep", move |gil| {
                gil.lend(|| {
                    let inner = inside.ensure(|gil| {
                        gil.detach(move || {
                            tell.send(()).unwrap();
                            let _ = wait.recv();
                        });
                    });
                    assert_eq!(inner, Err(AttachError::Finalised));
                    assert_eq!(inside.ensure(|_| ()), Err(AttachError::Finalised));
                });
                *theirs.get_mut(gil) += 1; // never
            })
            .unwrap();
            detached.recv().unwrap();
            lock.attach(|gil| gil.finalise()).unwrap();
            go.send(()).unwrap();
            let ended = deep.join().unwrap_err().to_string();
            assert!(ended.contains(&AttachError::Finalised.to_string()), "{policy}: {ended}");
            let late = std::thread::scope(|s| s.spawn(|| lock.ensure(|_| ())).join().unwrap());
            assert_eq!(late, Err(AttachError::Finalised), "{policy}");
            assert_eq!(lock.ensure(|gil| *cell.get(gil)), Ok(0), "{policy}: the finaliser may");
        }
    });
}

#[test]
fn a_lent_token_that_was_lost_opens_nothing() {
    bounded(|| {
        let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
        let cell = GilCell::new(&lock, 0);
        let finalise = || lock.attach(|gil| gil.finalise()).unwrap();
        let lose = || {
            let inner = lock.ensure(|gil| {
                gil.detach(|| std::thread::scope(|s| s.spawn(finalise).join().unwrap()));
            });
            assert_eq!(inner, Err(AttachError::Finalised));
        };
        let carried_on = lock.attach(|gil| {
            assert!(catch_unwind(AssertUnwindSafe(|| gil.lend(lose))).is_err());
            assert_eq!(cell.try_get_mut(gil), Err(WrongLock));
            assert_eq!(lock.ensure(|_| ()), Err(AttachError::Finalised));
        });
        assert_eq!(carried_on, Ok(()));
    });
}
