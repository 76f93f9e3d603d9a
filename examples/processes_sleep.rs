//! Five processes sleep and announce themselves as they wake: the article's `multiprocessing`
//! program.
//!
//! ```python
//! def worker(number):
//!     sleep = random.randrange(1, 10)
//!     time.sleep(sleep)
//!     print("I am Worker {}, I slept for {} seconds".format(number, sleep))
//!
//! for i in range(5):
//!     multiprocessing.Process(target=worker, args=(i,)).start()
//! print("All Processes are queued, let's see when they finish!")
//! ```
//! The main process's line comes first, since nobody sleeps less than a second; then the
//! workers in the order of their sleep, not of their start. Each prints for itself: they share
//! nothing but the terminal, so the main process learns of an end from the kernel (a pidfd).
//!
//! Run: `cargo run --example processes_sleep -- --scale 0.1 --seed 7`
//! CI: --scale 0.05 --seed 7

use singletrack::base::sys::process::wait_for_exit;
use singletrack::process::child::Process;
use singletrack::process::nursery::Nursery;
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const WORKERS: usize = 5;

/// Runs in a process of its own; gives that process's id.
fn worker((number, seconds, scale): (usize, u64, f64)) -> u32 {
    std::thread::sleep(Duration::from_secs(seconds).mul_f64(scale));
    println!("I am Worker {number}, I slept for {seconds} seconds");
    std::process::id()
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read();
    // Before any thread: workers are forked from a copy of this process as it is now.
    let nursery = Nursery::start()?;

    let mut asleep = Vec::new();
    for (number, seconds) in sleeps(options.seed).into_iter().enumerate() {
        asleep.push((seconds, Process::spawn(&nursery, worker, (number, seconds, options.scale))?));
    }
    println!("All Processes are queued, let's see when they finish!");

    let mut finished = Vec::new();
    while !asleep.is_empty() {
        let sentinels: Vec<_> = asleep.iter().map(|(_, process)| process.sentinel()).collect();
        if let Some(first) = wait_for_exit(&sentinels, None)?.first() {
            let (seconds, process) = asleep.remove(*first);
            let pid = process.pid();
            assert_eq!(process.join()?, pid, "each runs in the process made for it");
            finished.push(seconds);
        }
    }
    assert_eq!(finished.len(), WORKERS);
    assert!(finished.is_sorted(), "in the order of their sleep: {finished:?}");
    Ok(())
}

/// Five different numbers from 1 to 9, the same for the same seed (SplitMix64). Different,
/// because two that wake together may announce themselves in any order.
fn sleeps(seed: u64) -> Vec<u64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    let mut left: Vec<u64> = (1..=9).collect();
    (0..WORKERS).map(|_| left.remove((next() % left.len() as u64) as usize)).collect()
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
