//! The scenarios that fork: processes, pools, workers that are killed, recycled, awaited.

use crate::told::{Told, ensure, ensure_eq};
use singletrack::EventLoop;
use singletrack::aio::{run_in_executor, run_on};
use singletrack::futures::{Future, JobError};
use singletrack::process::{
    ForkServer, ForkServerOptions, PipeError, Process, ProcessOptions, ProcessPool, Producer,
    Sender, pipe, queue_of,
};
use singletrack::sys::process::Death;
use std::time::Duration;

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

fn sleep_for_ever(_: ()) -> u64 {
    loop {
        std::thread::sleep(Duration::from_secs(1000));
    }
}

pub fn time_limit() -> Result<(), Told> {
    const LIMIT: Duration = Duration::from_millis(10);
    let fork_server = ForkServer::start()?;
    let pool = ProcessPool::new(&fork_server, 1)?;
    let late = pool.submit_within(LIMIT, sleep_for_ever, ());
    let after = pool.submit(square, 3);
    let (late, after) = (late.result(), after.result());
    shut_down(&pool)?;
    match late {
        Err(JobError::TimedOut(LIMIT)) => {}
        Err(other) => return Err(other.into()),
        Ok(_) => return Err(Told::wrong("a job that never ends has a value")),
    }
    ensure_eq(after?, 9, "the job after")
}

/// Each worker does one job, and another is forked ahead.
pub fn recycled_workers() -> Result<(), Told> {
    let fork_server = ForkServerOptions::default().preforked(1).start()?;
    let builder = ProcessPool::builder(&fork_server).workers(1).max_tasks_per_child(1);
    let pool = builder.initializer(drop::<u64>, 7).start()?;
    let squares = results((0..3).map(|n| pool.submit(square, n)).collect());
    shut_down(&pool)?;
    ensure_eq(squares?, vec![0, 1, 4], "three squares")
}

fn put_squares(producer: Producer<u64>) -> Result<(), String> {
    (0..4).try_for_each(|n| producer.put(&square(n))).map_err(|error| error.to_string())
}

/// Two processes put into a queue that holds one.
pub fn bounded_queue() -> Result<(), Told> {
    let fork_server = ForkServer::start()?;
    let (producer, consumer) = queue_of::<u64>(1)?;
    // Daemons: if the second is refused, the first must not be waited for, as nobody gets what it puts.
    let start = |producer| {
        ProcessOptions::default().daemon(true).spawn(&fork_server, put_squares, producer)
    };
    let producers = [start(producer.try_clone()?)?, start(producer)?];
    let mut sum = 0;
    let ended = loop {
        match consumer.get() {
            Ok(number) => sum += number,
            Err(PipeError::Closed) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    drop(consumer); // who still puts is told
    let told = |text| Told { kind: "PipeError of the process".to_owned(), text };
    let all: Result<Vec<()>, Told> =
        producers.map(|process| process.join()?.map_err(told)).into_iter().collect();
    ended?;
    all?;
    ensure_eq(sum, 28, "the sum of all that was put")
}

/// A job and a process, awaited by a task.
pub fn on_the_loop() -> Result<(), Told> {
    let fork_server = ForkServer::start()?;
    let pool = ProcessPool::new(&fork_server, 1)?;
    let (four, nine) = run_on(EventLoop::new()?, async move {
        let four = run_in_executor(&pool, square, 2).await;
        let ended = async {
            let mut process = Process::spawn(&fork_server, square, 3)?;
            process.ended().await?;
            process.join()
        };
        let nine = ended.await;
        shut_down(&pool).map(|()| (four, nine))
    })??;
    ensure_eq((four?, nine?), (4, 9), "two squares")
}
