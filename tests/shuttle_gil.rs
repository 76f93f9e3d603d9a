//! The lock under shuttle: four threads, thousands of interleavings drawn by lot, on the code
//! that ships. Loom explores all of two or three threads; this is for models that need more.
//!
//! `RUSTFLAGS="--cfg shuttle" cargo test --release --target-dir target/shuttle --test shuttle_gil`
//!
//! A model has no clock, so no waiter's interval ever ends: a thread that calls `request_drop`
//! is the clock. A failure prints a schedule, which `shuttle::replay` repeats.
#![cfg(shuttle)]

use shuttle::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use shuttle::thread::{self, JoinHandle};
use singletrack::base::sync::Arc;
use singletrack::gil::AttachError;
use singletrack::gil::Gil;
use singletrack::gil::GilCell;
use singletrack::gil::GlobalLock;
use singletrack::gil::{Check, HandOff, SwitchPolicy};

/// How many interleavings of each model.
const SCHEDULES: usize = 1_000;
/// How many surprising changes of thread a schedule has, in those that place them with care.
const SURPRISES: usize = 3;

/// Runs the body under every preset: by lot, and with few changes of thread in odd places.
fn under_every_preset(body: fn(SwitchPolicy)) {
    for (_, policy) in SwitchPolicy::PRESETS {
        shuttle::check_random(move || body(policy), SCHEDULES);
        shuttle::check_pct(move || body(policy), SCHEDULES, SURPRISES);
    }
}

/// What four threads share: a number under the lock, and how many threads are inside.
#[derive(Clone)]
struct World {
    lock: GlobalLock,
    sum: Arc<GilCell<usize>>,
    inside: Arc<AtomicUsize>,
}

impl World {
    fn new(policy: SwitchPolicy) -> World {
        let lock = GlobalLock::new(policy);
        let sum = Arc::new(GilCell::new(&lock, 0));
        World { lock, sum, inside: Arc::new(AtomicUsize::new(0)) }
    }

    /// One access that must be alone; shuttle changes threads in the middle of it.
    fn add(&self, gil: &mut Gil<'_>) {
        assert_eq!(self.inside.fetch_add(1, SeqCst), 0, "two threads are inside");
        *self.sum.get_mut(gil) += 1;
        self.inside.fetch_sub(1, SeqCst);
    }

    fn spawn<R: Send + 'static>(
        &self,
        body: impl FnOnce(&World) -> R + Send + 'static,
    ) -> JoinHandle<R> {
        let world = self.clone();
        thread::spawn(move || body(&world))
    }

    fn sum(&self) -> usize {
        self.lock.attach(|gil| *self.sum.get(gil)).unwrap()
    }

    fn balances(&self) {
        let all = self.lock.counters();
        assert_eq!(all.acquisitions(), all.drops(), "{all:?}");
        assert_eq!(all.switches, self.lock.switch_number(), "{all:?}");
    }
}

#[test]
fn four_threads_lose_nothing_under_any_preset() {
    under_every_preset(|policy| {
        let world = World::new(policy);
        let adder = || {
            world.spawn(|world| {
                world.lock.attach(|gil| {
                    world.add(gil);
                    gil.tick();
                    gil.checkpoint();
                    world.add(gil);
                    gil.detach(|| ());
                    world.add(gil);
                })
            })
        };
        let adders: Vec<_> = (0..3).map(|_| adder()).collect();
        world.lock.request_drop();
        adders.into_iter().for_each(|adder| adder.join().unwrap().unwrap());
        assert_eq!(world.sum(), 9);
        world.balances();
    });
}

/// Shows G1, G15.
#[test]
fn four_threads_do_all_there_is_to_do() {
    under_every_preset(|policy| {
        let world = World::new(policy);
        let ticks = world.spawn(|world| {
            world.lock.attach(|gil| {
                world.add(gil);
                gil.tick();
                gil.checkpoint();
                world.add(gil);
            })
        });
        let blocks = world.spawn(|world| {
            world.lock.ensure(|gil| {
                world.add(gil);
                gil.detach(|| ());
                gil.lend(|| world.lock.ensure(|gil| world.add(gil)))
            })
        });
        let finalises = world.spawn(|world| {
            world.lock.attach(|gil| {
                world.add(gil);
                world.lock.request_drop();
                gil.finalise();
                gil.checkpoint();
                gil.detach(|| ());
                world.add(gil);
            })
        });
        world.lock.request_drop();
        let late = |error: AttachError| assert_eq!(error, AttachError::Finalised);
        ticks.join().unwrap().unwrap_or_else(late);
        match blocks.join().unwrap() {
            Ok(inner) => inner.unwrap_or_else(late),
            Err(error) => late(error),
        }
        finalises.join().unwrap().expect("the finaliser is never refused");
        assert_eq!(world.lock.attach(|_| ()), Err(AttachError::Finalised));
        assert_eq!((world.lock.waiting(), world.inside.load(SeqCst)), (0, 0));
    });
}

/// Shows G4.
#[test]
fn a_forced_dropper_comes_back_after_another() {
    under_every_preset(|policy| {
        let forced =
            matches!(policy.check(), Check::OnRequest { .. }) && policy.hand_off() != HandOff::Race;
        let world = World::new(policy);
        let yields = || {
            world.spawn(move |world| {
                world.lock.attach(|gil| {
                    let asked = world.lock.request_drop();
                    let number = world.lock.switch_number();
                    let drops = gil.counters().forced_drops;
                    gil.checkpoint();
                    if forced && asked && gil.counters().forced_drops > drops {
                        assert!(world.lock.switch_number() > number, "it was first again");
                    }
                })
            })
        };
        let threads: Vec<_> = (0..4).map(|_| yields()).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
        world.balances();
    });
}

/// Shows G5.
#[test]
fn waiters_that_leave_block_nobody() {
    under_every_preset(|policy| {
        let world = World::new(policy);
        // Two wait, and are refused in the middle of a hand-over, or before, or after.
        let waits = || world.spawn(|world| world.lock.attach(|gil| world.add(gil)));
        let waiters = [waits(), waits()];
        let ended = world.lock.attach(|gil| {
            world.lock.request_drop();
            let finaliser = world.spawn(|world| world.lock.attach(|gil| gil.finalise()));
            gil.checkpoint();
            world.lock.request_drop();
            gil.detach(|| ());
            finaliser
        });
        for waiter in waiters {
            let outcome = waiter.join().unwrap();
            assert!(matches!(outcome, Ok(()) | Err(AttachError::Finalised)), "{outcome:?}");
        }
        if let Ok(finaliser) = ended {
            finaliser.join().unwrap().unwrap();
        }
        assert_eq!(world.lock.waiting(), 0);
    });
}
