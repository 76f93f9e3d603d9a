//! Five threads sleep and announce themselves as they wake: the article's `threading` program.
//!
//! ```python
//! def worker(number):
//!     sleep = random.randrange(1, 10)
//!     time.sleep(sleep)
//!     print("I am Worker {}, I slept for {} seconds".format(number, sleep))
//!
//! for i in range(5):
//!     threading.Thread(target=worker, args=(i,)).start()
//! print("All Threads are queued, let's see when they finish!")
//! ```
//! The main thread's line comes first, since nobody sleeps less than a second; then the
//! workers in the order of their sleep, not of their start. All of them run under one global
//! lock, and sleep without it, as `time.sleep` does: so five sleeps take as long as the longest.
//!
//! Run: `cargo run --example threads_sleep -- --scale 0.1 --seed 7`
//! CI: --scale 0.05 --seed 7

use singletrack::gil::cell::GilCell;
use singletrack::gil::lock::GlobalLock;
use singletrack::gil::policy::SwitchPolicy;
use singletrack::gil::worker::GilThread;
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

const WORKERS: u64 = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read();
    let sleeps = sleeps(options.seed);

    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let announced = Arc::new(GilCell::new(&lock, Vec::new()));
    let workers = lock.attach(|gil| -> Result<Vec<_>, std::io::Error> {
        let mut workers = Vec::new();
        for (number, seconds) in sleeps.into_iter().enumerate() {
            let announced = Arc::clone(&announced);
            let nap = Duration::from_secs(seconds).mul_f64(options.scale);
            let name = format!("Thread-{}", number + 1);
            workers.push(GilThread::spawn(&lock, &name, move |gil| {
                gil.detach(|| std::thread::sleep(nap));
                println!("I am Worker {number}, I slept for {seconds} seconds");
                announced.get_mut(gil).push(seconds);
            })?);
            gil.checkpoint(); // here the new thread may have the lock, as after any call
        }
        println!("All Threads are queued, let's see when they finish!");
        Ok(workers)
    })??;

    workers.into_iter().try_for_each(GilThread::join)?;
    let announced = lock.attach(|gil| announced.get(gil).clone())?;
    assert_eq!(announced.len() as u64, WORKERS);
    assert!(announced.is_sorted(), "in the order of their sleep: {announced:?}");
    let counters = lock.counters();
    assert!(counters.voluntary_drops >= WORKERS, "each sleep drops the lock: {counters:?}");
    Ok(())
}

/// Five numbers from 1 to 9, the same for the same seed (SplitMix64).
fn sleeps(seed: u64) -> Vec<u64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    (0..WORKERS).map(|_| 1 + next() % 9).collect()
}

struct Options {
    /// How long a second of the article lasts here, in seconds.
    scale: f64,
    seed: u64,
}

impl Options {
    /// From the command line. With a scale below 0.01 the system's own delays, not the
    /// sleeps, would decide who wakes first.
    fn read() -> Options {
        let mut args = std::env::args().skip(1);
        let mut options = Options { scale: 1.0, seed: RandomState::new().hash_one(0) };
        while let Some(arg) = args.next() {
            let value = args.next().unwrap_or_default();
            match (arg.as_str(), value.parse::<f64>(), value.parse::<u64>()) {
                ("--scale", Ok(f), _) if (0.01..=1000.0).contains(&f) => options.scale = f,
                ("--seed", _, Ok(n)) => options.seed = n,
                _ => {
                    eprintln!("`{arg} {value}`: give --scale F (0.01 to 1000) or --seed N");
                    std::process::exit(2);
                }
            }
        }
        options
    }
}
