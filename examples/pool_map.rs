//! A pool of five processes squares three numbers.
//!
//! ```text
//! cargo run --example pool_map             prints [1, 4, 9]
//! cargo run --example pool_map -- --long   runs for ten seconds and names its workers:
//!                                          kill -9 one, and see what becomes of its job
//! ```
//! `--scale F` multiplies the time of the long run. What it claims and asserts: results come
//! in the order of the numbers; a killed worker costs only the job it ran, whose error names
//! the process and the signal; it is replaced, and all others finish.

use singletrack::base::error::JobError;
use singletrack::concurrent::executor::Executor;
use singletrack::process::nursery::Nursery;
use singletrack::process::pool::ProcessPool;
use std::error::Error;
use std::time::Duration;

const JOBS: u64 = 50;

fn f(x: u64) -> u64 {
    x * x
}

fn slow_f((x, scale): (u64, f64)) -> u64 {
    std::thread::sleep(Duration::from_secs_f64(scale));
    println!("process {} has squared {x}", std::process::id());
    f(x)
}

fn main() -> Result<(), Box<dyn Error>> {
    // First of all: it forks this process while it has one thread.
    let nursery = Nursery::start()?;
    let args: Vec<String> = std::env::args().collect();
    let pool = ProcessPool::new(&nursery, 5)?;
    if args.iter().any(|arg| arg == "--long") {
        let scale = args.iter().skip_while(|arg| *arg != "--scale").nth(1);
        return long(&pool, scale.map_or(Ok(1.0), |s| s.parse())?);
    }
    let squares: Vec<u64> = pool.map(f, [1, 2, 3]).collect::<Result<_, _>>()?;
    println!("{squares:?}");
    assert_eq!(squares, [1, 4, 9]);
    Ok(())
}

fn long(pool: &ProcessPool, scale: f64) -> Result<(), Box<dyn Error>> {
    // A job has run on each by then, so all are there.
    pool.map(slow_f, (0..5).map(|x| (x, scale / 10.0))).for_each(drop);
    println!("the workers are {:?}; kill -9 one of them", pool.worker_pids());
    let mut lost = 0;
    let results = pool.map(slow_f, (0..JOBS).map(|x| (x, scale)));
    for (x, result) in (0..JOBS).zip(results) {
        match result {
            Ok(square) => assert_eq!(square, f(x)),
            Err(error @ JobError::WorkerLost { .. }) => {
                println!("{x} was not squared: {error}");
                lost += 1;
            }
            Err(other) => return Err(other.into()),
        }
    }
    // A killed worker is replaced.
    while pool.worker_pids().len() < 5 {
        std::thread::sleep(Duration::from_millis(1));
    }
    println!(
        "{} of {JOBS} squared, {lost} lost, the workers are {:?}",
        JOBS - lost,
        pool.worker_pids()
    );
    Ok(())
}
