//! Free threading under shuttle: four of them, two of which stop the world.
//!
//! `RUSTFLAGS="--cfg shuttle" cargo test --release --target-dir target/shuttle --test shuttle_free`
#![cfg(shuttle)]

use shuttle::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use shuttle::thread;
use singletrack::base::sync::Arc;
use singletrack::gil::FreeThreading;

const SCHEDULES: usize = 5_000;
const SURPRISES: usize = 3;

/// Two run, two stop the world twice each: a thread that stops the world is alone, and no thread
/// is forgotten.
fn two_run_and_two_stop() {
    let (scope, running) = (FreeThreading::new(), Arc::new(AtomicUsize::new(0)));
    let runner = || {
        let (scope, running) = (scope.clone(), Arc::clone(&running));
        thread::spawn(move || {
            let step = || {
                running.fetch_add(1, SeqCst);
                running.fetch_sub(1, SeqCst);
            };
            scope.attach(|me| {
                step();
                me.checkpoint();
                step();
                me.detach(|| ());
                step();
            })
        })
    };
    let stopper = || {
        let (scope, running) = (scope.clone(), Arc::clone(&running));
        thread::spawn(move || {
            (0..2).try_for_each(|_| {
                scope.attach(|me| {
                    me.stop_the_world(|_| {
                        assert_eq!(running.fetch_add(1, SeqCst), 0, "a thread runs");
                        assert_eq!(running.fetch_sub(1, SeqCst), 1, "a thread has attached");
                    })
                })?
            })
        })
    };
    let threads = [runner(), stopper(), runner(), stopper()];
    threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    let all = scope.counters();
    assert_eq!((scope.stops(), all.drop_requests), (4, 4));
    assert_eq!(all.acquisitions(), all.drops(), "{all:?}");
}

#[test]
fn a_thread_that_stops_the_world_is_alone() {
    shuttle::check_random(two_run_and_two_stop, SCHEDULES);
    shuttle::check_pct(two_run_and_two_stop, SCHEDULES, SURPRISES);
}
