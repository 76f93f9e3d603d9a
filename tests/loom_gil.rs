//! The lock under loom: every interleaving, with a few preemptions, of its atomics, its mutex and its
//! condition variables for two or three threads, on the code that ships.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom --test loom_gil`
//!
//! Loom has no clock, so no waiter's interval ever ends: a thread that calls `request_drop` is
//! the clock. Loom's own cell stands under the lock and fails a model in which two threads reach
//! it at once, or one does not see what the other wrote.
#![cfg(loom)]

#[path = "common/loom.rs"]
mod bounded;

use bounded::model;
use loom::cell::UnsafeCell;
use loom::thread;
use singletrack::base::sync::Arc;
use singletrack::gil::AttachError;
use singletrack::gil::Gil;
use singletrack::gil::GlobalLock;
use singletrack::gil::{Check, SwitchPolicy};

struct World {
    lock: GlobalLock,
    value: UnsafeCell<u32>,
}

// The value is only touched under the lock; that is what the models check.
unsafe impl Sync for World {}
unsafe impl Send for World {}

impl World {
    fn new(policy: SwitchPolicy) -> Arc<World> {
        Arc::new(World { lock: GlobalLock::new(policy), value: UnsafeCell::new(0) })
    }

    /// One access that must be alone.
    fn add(&self, _: &mut Gil<'_>) -> u32 {
        self.value.with_mut(|value| {
            // SAFETY: loom checks it.
            unsafe {
                *value += 1;
                *value
            }
        })
    }
}

/// Shows G1.
#[test]
fn two_threads_take_and_drop() {
    model(4, || {
        let world = World::new(SwitchPolicy::NO_FORCE);
        let theirs = Arc::clone(&world);
        let other = thread::spawn(move || {
            theirs.lock.attach(|gil| theirs.add(gil)).unwrap();
            theirs.lock.attach(|gil| theirs.add(gil)).unwrap();
        });
        world.lock.attach(|gil| world.add(gil)).unwrap();
        world.lock.attach(|gil| world.add(gil)).unwrap();
        other.join().unwrap();
        assert_eq!(world.lock.attach(|gil| world.add(gil)), Ok(5));
    });
}

/// Shows G4.
#[test]
fn a_forced_hand_off_lets_the_waiter_in_first() {
    model(3, || {
        let world = World::new(SwitchPolicy::PYTHON_3_2);
        let theirs = Arc::clone(&world);
        let other = world
            .lock
            .attach(|gil| {
                let other = thread::spawn(move || {
                    theirs.lock.attach(|gil| assert_eq!(theirs.add(gil), 1)).unwrap();
                });
                if world.lock.request_drop() {
                    gil.checkpoint();
                    assert_eq!(gil.counters().forced_drops, 1);
                    assert_eq!(world.add(gil), 2, "the dropper was first");
                }
                other
            })
            .unwrap();
        other.join().unwrap();
    });
}

/// Shows G5.
#[test]
fn the_waiter_of_a_forced_hand_off_leaves() {
    model(3, || {
        let world = World::new(SwitchPolicy::PYTHON_3_2);
        let theirs = Arc::clone(&world);
        let other = thread::spawn(move || {
            let outcome = theirs.lock.attach(|gil| {
                theirs.add(gil);
                gil.detach(|| ());
                theirs.add(gil)
            });
            assert!(matches!(outcome, Ok(_) | Err(AttachError::Finalised)), "{outcome:?}");
        });
        world
            .lock
            .attach(|gil| {
                world.lock.request_drop();
                gil.finalise();
                gil.checkpoint();
                world.add(gil);
                gil.detach(|| ());
                world.add(gil);
            })
            .unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_tick_check_drops_and_takes() {
    model(3, || {
        let every_tick = Check::EveryTicks(1);
        let world = World::new(SwitchPolicy::PYTHON_2.with_check(every_tick).unwrap());
        let theirs = Arc::clone(&world);
        let other = thread::spawn(move || {
            theirs
                .lock
                .attach(|gil| {
                    theirs.add(gil);
                    gil.tick();
                    theirs.add(gil);
                })
                .unwrap();
        });
        world
            .lock
            .attach(|gil| {
                world.add(gil);
                gil.tick();
                world.add(gil);
            })
            .unwrap();
        other.join().unwrap();
        assert_eq!(world.lock.attach(|gil| world.add(gil)), Ok(5));
    });
}

/// Shows G6.
#[test]
fn a_fair_lock_is_handed_to_those_that_wait() {
    model(3, || {
        let world = World::new(SwitchPolicy::FAIR);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let theirs = Arc::clone(&world);
                thread::spawn(move || {
                    theirs.lock.attach(|gil| theirs.add(gil)).unwrap();
                })
            })
            .collect();
        world
            .lock
            .attach(|gil| {
                world.add(gil);
                gil.detach(|| ());
                world.add(gil);
            })
            .unwrap();
        others.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(world.lock.attach(|gil| world.add(gil)), Ok(5));
    });
}
