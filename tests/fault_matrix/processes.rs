//! The scenarios that fork: a process, a pool, a pool that loses a worker.

use crate::told::{Told, ensure, ensure_eq};
use singletrack::futures::{Future, JobError};
use singletrack::process::{ForkServer, Process, ProcessPool, Sender, pipe};
use singletrack::sys::process::Death;

fn square(n: u64) -> u64 {
    n * n
}

/// Sends the squares of the first numbers.
fn send_squares(mut sender: Sender<u64>) -> Result<(), String> {
    (0..3).try_for_each(|n| sender.send(&square(n))).map_err(|error| error.to_string())
}

fn die(_: ()) -> u64 {
    // SAFETY: the call takes a number.
    unsafe { libc::raise(libc::SIGKILL) };
    0
}

pub fn one_process() -> Result<(), Told> {
    let fork_server = ForkServer::start()?;
    let (mut receiver, sender) = pipe::<u64>()?;
    let process = Process::spawn(&fork_server, send_squares, sender)?;
    let received: Result<Vec<u64>, _> = (0..3).map(|_| receiver.recv()).collect();
    let sent = process.join();
    ensure_eq(received?, vec![0, 1, 4], "the squares")?;
    sent?.map_err(|text| Told { kind: "PipeError of the process".to_owned(), text })
}

/// The first error, when all have come out.
fn results(jobs: Vec<Future<u64>>) -> Result<Vec<u64>, JobError> {
    let all: Vec<Result<u64, JobError>> = jobs.into_iter().map(Future::result).collect();
    all.into_iter().collect()
}

/// Every job came out, and every worker ended.
fn shut_down(pool: &ProcessPool) -> Result<(), Told> {
    pool.shutdown(true, false);
    let counts = pool.counts();
    ensure_eq(counts.resolved(), counts.submitted, "jobs that came out")?;
    ensure_eq(counts.workers_ended, counts.workers_started, "workers that ended")
}

pub fn pool() -> Result<(), Told> {
    let fork_server = ForkServer::start()?;
    let pool = ProcessPool::new(&fork_server, 2)?;
    let squares = results((0..6).map(|n| pool.submit(square, n)).collect());
    let long = pool.call(|text: String| text.len() as u64, "x".repeat(100_000));
    shut_down(&pool)?;
    ensure_eq(squares?, vec![0, 1, 4, 9, 16, 25], "six squares")?;
    ensure_eq(long?, 100_000, "the length of a long text")
}

pub fn killed_worker() -> Result<(), Told> {
    let fork_server = ForkServer::start()?;
    let pool = ProcessPool::new(&fork_server, 2)?;
    let (before, killed) = (pool.submit(square, 2), pool.submit(die, ()));
    let after = results((0..3).map(|n| pool.submit(square, n)).collect());
    let (before, killed) = (before.result(), killed.result());
    shut_down(&pool)?;
    match killed {
        Err(JobError::WorkerLost { death: Death::Signal(libc::SIGKILL), .. }) => {}
        Err(other) => return Err(other.into()),
        Ok(_) => return Err(Told::wrong("a killed job has a value")),
    }
    ensure_eq(before?, 4, "the job before")?;
    ensure(after? == [0, 1, 4], "the jobs after")
}
