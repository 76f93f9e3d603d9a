//! Free threading under loom: every interleaving, with a few preemptions, of attaching, parking and
//! stopping the world, for two or three threads, on the code that ships.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom --test loom_free`
//!
//! Loom's own cell is read by threads that are attached, and written by one that has stopped the
//! world: loom fails a model in which the two meet, or one does not see what the other wrote.
#![cfg(loom)]

#[path = "common/loom.rs"]
mod bounded;

use bounded::model;
use loom::cell::UnsafeCell;
use loom::thread;
use singletrack::base::sync::Arc;
use singletrack::gil::FreeThreading;
use singletrack::gil::{Attached, Stopped};

struct Fixture {
    scope: FreeThreading,
    value: UnsafeCell<u32>,
}

// The value is only touched as the two tokens allow; that is what the models check.
unsafe impl Sync for Fixture {}
unsafe impl Send for Fixture {}

impl Fixture {
    fn new() -> Arc<Fixture> {
        Arc::new(Fixture { scope: FreeThreading::new(), value: UnsafeCell::new(0) })
    }

    /// An access that may run beside others of its kind.
    fn read(&self, _: &Attached<'_>) -> u32 {
        // SAFETY: loom checks it.
        self.value.with(|value| unsafe { *value })
    }

    /// An access that must be alone.
    fn add(&self, _: &Stopped<'_>) {
        // SAFETY: loom checks it.
        self.value.with_mut(|value| unsafe { *value += 1 });
    }

    fn stop(&self) {
        self.scope.attach(|me| me.stop_the_world(|all| self.add(all))).unwrap().unwrap();
    }

    fn value(&self) -> u32 {
        self.scope.attach(|me| self.read(me)).unwrap()
    }
}

#[test]
fn no_thread_reads_while_the_world_is_stopped() {
    model(4, || {
        let world = Fixture::new();
        let theirs = Arc::clone(&world);
        let reader = thread::spawn(move || {
            theirs
                .scope
                .attach(|me| {
                    theirs.read(me);
                    me.checkpoint();
                    theirs.read(me);
                    me.detach(|| ());
                    theirs.read(me);
                })
                .unwrap();
        });
        world.stop();
        reader.join().unwrap();
        assert_eq!(world.value(), 1);
    });
}

#[test]
fn two_that_stop_the_world_at_once_take_turns() {
    model(4, || {
        let world = Fixture::new();
        let theirs = Arc::clone(&world);
        let other = thread::spawn(move || theirs.stop());
        world.stop();
        other.join().unwrap();
        assert_eq!(world.value(), 2);
    });
}

#[test]
fn two_stop_the_world_and_a_third_runs_on() {
    model(2, || {
        let world = Fixture::new();
        let [one, two] = [(); 2].map(|()| Arc::clone(&world));
        let stopper = thread::spawn(move || one.stop());
        let reader = thread::spawn(move || {
            two.scope
                .attach(|me| {
                    two.read(me);
                    me.checkpoint();
                    two.read(me);
                })
                .unwrap();
        });
        world.stop();
        stopper.join().unwrap();
        reader.join().unwrap();
        assert_eq!(world.value(), 2);
    });
}
