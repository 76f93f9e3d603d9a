//! Five processes sleep and announce themselves as they wake: the article's `multiprocessing`
//! program.
//!
//! Level: 1 of 3. Minutes: 3. Read: src/process/forkserver/process.rs
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
//!
//! Question: what changes when the threads become processes? Prediction: nothing that one sees: the
//! same lines in the order of the sleeps. But each prints for itself: they share nothing but the
//! terminal, so the main process learns of an end from the kernel (a pidfd).
//!
//!     cargo run --example processes_sleep
//!     cargo run --example processes_sleep -- --scale 0.1 --seed 7
//!
//! CI: --scale 0.05 --seed 7

mod common;

use common::measured;
use common::options::Options;
use common::sleeps::{SCALES, sleeps};
use singletrack::process::ForkServer;
use singletrack::process::Process;
use singletrack::sys::process::wait_for_exit;
use std::collections::BTreeSet;
use std::error::Error;
use std::time::{Duration, Instant};

const WORKERS: usize = 5;

/// Runs in a process of its own; gives that process's id.
fn worker((number, seconds, scale): (usize, u64, f64)) -> u32 {
    std::thread::sleep(Duration::from_secs(seconds).mul_f64(scale));
    println!("I am Worker {number}, I slept for {seconds} seconds");
    std::process::id()
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&["--scale F", "--seed N"]);
    let (scale, begin) = (options.value("--scale", SCALES, 1.0), Instant::now());
    let sleeps = sleeps(options.seed(), WORKERS);
    // Before any thread: workers are forked from a copy of this process as it is now.
    let fork_server = ForkServer::start()?;

    let mut asleep = Vec::new();
    for (number, seconds) in sleeps.into_iter().enumerate() {
        asleep.push((seconds, Process::spawn(&fork_server, worker, (number, seconds, scale))?));
    }
    println!("All Processes are queued, let's see when they finish!");

    let (mut finished, mut pids) = (Vec::new(), BTreeSet::new());
    while !asleep.is_empty() {
        let sentinels: Vec<_> = asleep.iter().map(|(_, process)| process.sentinel()).collect();
        if let Some(first) = wait_for_exit(&sentinels, None)?.first() {
            let (seconds, process) = asleep.remove(*first);
            let pid = process.pid();
            assert_eq!(process.join()?, pid, "each runs in the process made for it");
            finished.push(seconds);
            pids.insert(pid);
        }
    }
    assert_eq!(finished.len(), WORKERS);
    assert!(finished.is_sorted(), "in the order of their sleep: {finished:?}");
    assert!(pids.len() == WORKERS && !pids.contains(&std::process::id()));
    measured(format_args!(
        "Five sleeps of {:.2} s in all took {:.2} s in {} processes, of which none shared anything.",
        finished.iter().sum::<u64>() as f64 * scale,
        begin.elapsed().as_secs_f64(),
        pids.len()
    ));
    Ok(())
}
