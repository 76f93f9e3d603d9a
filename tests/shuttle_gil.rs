//! The lock under shuttle: four threads, thousands of interleavings drawn by lot, on the code
//! that ships. Loom explores all of two or three threads; this looks at what needs more.
//!
//! `RUSTFLAGS="--cfg shuttle" cargo test --release --target-dir target/shuttle --test shuttle_gil`
//!
//! A model has no clock, so no waiter's interval ever ends: a thread that calls `request_drop`
//! is the clock. A failure prints a schedule, which `shuttle::replay` repeats.
#![cfg(shuttle)]

use shuttle::thread;
use singletrack::base::sync::Arc;
use singletrack::gil::cell::GilCell;
use singletrack::gil::lock::GlobalLock;
use singletrack::gil::policy::SwitchPolicy;

const SCHEDULES: usize = 500;

#[test]
fn four_threads_lose_nothing_under_any_preset() {
    for (name, policy) in SwitchPolicy::PRESETS {
        let body = move || {
            let lock = GlobalLock::new(policy);
            let sum = Arc::new(GilCell::new(&lock, 0));
            let adders: Vec<_> = (0..3)
                .map(|_| {
                    let (lock, sum) = (lock.clone(), Arc::clone(&sum));
                    thread::spawn(move || {
                        lock.attach(|gil| {
                            *sum.get_mut(gil) += 1;
                            gil.tick();
                            gil.checkpoint();
                            gil.detach(|| ());
                            *sum.get_mut(gil) += 1;
                        })
                    })
                })
                .collect();
            lock.request_drop();
            adders.into_iter().for_each(|adder| adder.join().unwrap().unwrap());
            assert_eq!(lock.attach(|gil| *sum.get(gil)), Ok(6), "{name}");
            let all = lock.counters();
            assert_eq!(all.acquisitions(), all.drops(), "{name}");
        };
        shuttle::check_random(body, SCHEDULES);
    }
}
