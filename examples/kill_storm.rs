//! Workers are killed at random moments under a load of jobs: is every job accounted for?
//!
//! Level: 3 of 3. Minutes: 10. Read: src/process/pool/dispatcher.rs
//!
//! Question: with processes dying all the time, can a job be lost without an error, answered
//! twice, or answered with another's value? Prediction: no. Each comes out once: with its own
//! value, or as lost with a worker that this program has killed.
//!
//!     cargo run --release --example kill_storm
//!     cargo run --release --example kill_storm -- --kills 10000 --jobs 1000000 --retried 100
//!
//! Half of the jobs, or the percentage given, are declared idempotent, and are tried again when they were
//! lost. With all of them none comes out as lost, however many workers die.
//!
//! CI: --kills 60 --jobs 10000

mod common;

use common::measured;
use common::options::Options;
use singletrack::base::random::SplitMix64;
use singletrack::futures::{Future, JobError};
use singletrack::process::{ForkServer, JobOptions, ProcessPool};
use singletrack::sys::process::Death;
use std::collections::VecDeque;
use std::error::Error;
use std::time::{Duration, Instant};

const WORKERS: usize = 4;
/// How many jobs are under way at most.
const WINDOW: usize = 4000;

/// What came out, counted here; the pool has counts of its own.
#[derive(Debug, Default)]
struct Sheet {
    /// So many jobs of a hundred are tried again.
    retried: u64,
    answered: u64,
    lost: u64,
}

impl Sheet {
    /// Whether a job is declared idempotent. (Long ones and large ones are in both halves.)
    fn retries(&self, i: u64) -> bool {
        i / 3 % 100 < self.retried
    }
}

/// Works for some microseconds, and now and then for a millisecond: so a kill meets workers
/// that read, run, write or wait. The answer tells one job from all others.
fn job((i, load): (u64, Vec<u8>)) -> (u64, usize) {
    let work = Duration::from_micros(if i.is_multiple_of(100) { 1000 } else { i % 50 });
    let start = Instant::now();
    while start.elapsed() < work {
        std::hint::spin_loop();
    }
    (i, load.len())
}

/// Every thousandth argument is larger than a pipe.
fn load(i: u64) -> usize {
    if i.is_multiple_of(1000) { 200_000 } else { (i % 100) as usize }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&["--kills N", "--jobs N", "--retried PERCENT", "--seed N"]);
    let kills = options.value("--kills", 0..=u64::MAX, 1000);
    let (jobs, seed) = (options.value("--jobs", 1..=u64::MAX, 100_000), options.seed());
    let fork_server = ForkServer::start()?;
    let pool = ProcessPool::new(&fork_server, WORKERS)?;
    let mut random = SplitMix64::new(seed);
    let mut sheet = Sheet { retried: options.value("--retried", 0..=100, 50), ..Sheet::default() };
    let mut window: VecDeque<Future<(u64, usize)>> = VecDeque::new();
    let (mut due, mut killed, mut taken, mut struck) = (0, 0, 0, Vec::new());
    for i in 0..jobs {
        let options = JobOptions::default().retries(if sheet.retries(i) { 1000 } else { 0 });
        window.push_back(pool.submit_with(options, job, (i, vec![7; load(i)])).future);
        if window.len() == WINDOW {
            settle(&mut sheet, taken, window.pop_front().expect("it is full"));
            taken += 1;
        }
        // At moments that the seed decides; or a little later, if all workers were dying then.
        due += u64::from(due < kills && random.next_u64() % jobs < kills);
        if killed < due {
            killed += u64::from(kill_one(&pool, &mut random, &mut struck));
        }
    }
    while killed < kills && window.len() > WINDOW / 2 {
        killed += u64::from(kill_one(&pool, &mut random, &mut struck));
        settle(&mut sheet, taken, window.pop_front().expect("some are left"));
        taken += 1;
    }
    for future in window {
        settle(&mut sheet, taken, future);
        taken += 1;
    }
    pool.shutdown(true, false);
    report(&pool, &sheet, jobs, killed);
    Ok(())
}

/// Sends SIGKILL to a worker that was not killed before, if there is one. By pid, as a person would:
/// the worker may be gone by then. The pool forgets a worker when it was reaped, so a pid that it
/// reports is not another process's.
fn kill_one(pool: &ProcessPool, random: &mut SplitMix64, struck: &mut Vec<u32>) -> bool {
    let pids = pool.worker_pids();
    struck.retain(|pid| pids.contains(pid));
    let alive: Vec<u32> = pids.into_iter().filter(|pid| !struck.contains(pid)).collect();
    if alive.is_empty() {
        return false;
    }
    let pid = alive[random.next_u64() as usize % alive.len()];
    struck.push(pid);
    // SAFETY: `kill` takes two numbers and touches no memory of ours.
    unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) == 0 }
}

fn settle(sheet: &mut Sheet, i: u64, future: Future<(u64, usize)>) {
    match future.result() {
        Ok(answer) => {
            assert_eq!(answer, (i, load(i)), "another job's answer");
            sheet.answered += 1;
        }
        Err(JobError::WorkerLost { job, death: Death::Signal(libc::SIGKILL), .. }) => {
            assert_eq!(job, i, "another job's loss");
            assert!(!sheet.retries(i), "an idempotent job is tried again");
            sheet.lost += 1;
        }
        Err(other) => panic!("job {i}: {other}"),
    }
}

fn report(pool: &ProcessPool, sheet: &Sheet, jobs: u64, killed: u64) {
    let counts = pool.counts();
    println!("answered       {:>9} of {jobs} jobs", sheet.answered);
    println!("lost           {:>9}", sheet.lost);
    println!("tried again    {:>9}", counts.retried);
    println!("workers ended  {:>9} of {}", counts.workers_ended, counts.workers_started);
    assert_eq!(sheet.answered + sheet.lost, jobs);
    assert_eq!((counts.submitted, counts.resolved()), (jobs, jobs));
    assert_eq!((counts.answered, counts.lost), (sheet.answered, sheet.lost));
    assert_eq!(counts.workers_started, counts.workers_ended, "a zombie is left");
    let lost = counts.lost + counts.retried;
    assert!(lost <= killed, "a kill costs one job at most: {lost} for {killed} kills");
    measured(format_args!(
        "{killed} workers were killed under {jobs} jobs: {} were tried again, {} came out as lost, and \
         none is unaccounted for.",
        counts.retried, sheet.lost
    ));
}
