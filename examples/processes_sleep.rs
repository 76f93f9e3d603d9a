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

#[path = "common/sleeps.rs"]
mod sleeps;

use singletrack::process::ForkServer;
use singletrack::process::Process;
use singletrack::sys::process::wait_for_exit;
use sleeps::{Options, sleeps};
use std::error::Error;
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
    let fork_server = ForkServer::start()?;

    let mut asleep = Vec::new();
    for (number, seconds) in sleeps(options.seed, WORKERS).into_iter().enumerate() {
        asleep.push((
            seconds,
            Process::spawn(&fork_server, worker, (number, seconds, options.scale))?,
        ));
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
