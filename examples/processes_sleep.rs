//! Five processes, each sleeping some seconds, announced in the order in which they finish.
//!
//! ```text
//! cargo run --example processes_sleep
//! cargo run --example processes_sleep -- --scale 0.05 --seed 7
//! ```
//! `--scale F` multiplies the naps of 1 to 9 seconds; `--seed N` repeats a run. What it claims
//! and asserts: the processes sleep side by side, so they finish in the order of their naps,
//! whatever the order in which they were started.

use singletrack::base::sys::process::wait_for_exit;
use singletrack::process::child::Process;
use singletrack::process::nursery::Nursery;
use std::error::Error;
use std::time::{Duration, SystemTime};

/// Runs in a process of its own.
fn worker((number, seconds, scale): (usize, u64, f64)) -> u32 {
    std::thread::sleep(Duration::from_secs_f64(seconds as f64 * scale));
    println!("Process {number} finished after {seconds} s");
    std::process::id()
}

fn main() -> Result<(), Box<dyn Error>> {
    // First of all: it forks this process while it has one thread.
    let nursery = Nursery::start()?;
    let scale: f64 = option("--scale")?.unwrap_or(1.0);
    let now = SystemTime::UNIX_EPOCH.elapsed()?.as_nanos() as u64;
    let naps = five_of_nine(option("--seed")?.unwrap_or(now));

    let start = |(i, nap): (usize, &u64)| Process::spawn(&nursery, worker, (i + 1, *nap, scale));
    let mut running: Vec<_> = naps
        .iter()
        .enumerate()
        .map(start)
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .zip(naps)
        .collect();
    println!("All Processes are queued, let's see when they finish!");

    let mut finished = Vec::new();
    while !running.is_empty() {
        let sentinels: Vec<_> = running.iter().map(|(process, _)| process.sentinel()).collect();
        let ended = wait_for_exit(&sentinels, None)?;
        if let Some(first) = ended.first() {
            let (process, nap) = running.remove(*first);
            let pid = process.pid();
            assert_eq!(process.join()?, pid, "it ran in its own process");
            assert_ne!(pid, std::process::id());
            finished.push(nap);
        }
    }
    assert!(finished.is_sorted(), "not in the order of their naps: {finished:?}");
    Ok(())
}

/// Five different numbers from 1 to 9, in an order that only the seed knows.
fn five_of_nine(seed: u64) -> [u64; 5] {
    let mut numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    // Marsaglia's xorshift64; the odd constant keeps the state from being zero.
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for i in (1..numbers.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        numbers.swap(i, (state % (i as u64 + 1)) as usize);
    }
    std::array::from_fn(|i| numbers[i])
}

/// The value after `name` on the command line.
fn option<T: std::str::FromStr>(name: &str) -> Result<Option<T>, String> {
    let Some(value) = std::env::args().skip_while(|arg| arg != name).nth(1) else {
        return Ok(None);
    };
    value.parse().map(Some).map_err(|_| format!("{name} wants a number, not `{value}`"))
}
