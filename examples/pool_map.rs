//! A pool of five processes squares three numbers: the article's `Pool` program.
//!
//! Level: 1 of 3. Minutes: 5. Read: src/process/pool/process_pool.rs
//!
//! ```python
//! def f(x):
//!     return x * x
//!
//! with Pool(5) as p:
//!     print(p.map(f, [1, 2, 3]))
//! ```
//!
//! Question: which process squares which number, and in which order do the squares come? Prediction:
//! nobody can say which; and `[1, 4, 9]`, in the order of the numbers, whichever worker was first.
//!
//!     cargo run --example pool_map
//!     cargo run --example pool_map -- --long
//!
//! With `--long` it goes on for some ten seconds and names its workers: `kill -9` one of them.
//! Only the job it ran is lost, with an error that names the process and the signal; the
//! worker is replaced, and the others finish. `--scale F` makes that F times as long.
//!
//! CI: --long --scale 0.01

mod common;

use common::measured;
use common::options::Options;
use singletrack::futures::Executor;
use singletrack::futures::JobError;
use singletrack::process::ForkServer;
use singletrack::process::ProcessPool;
use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

const WORKERS: usize = 5;
const JOBS: u64 = 50;

fn f(x: u64) -> u64 {
    x * x
}

/// The square, and which process has made it.
fn signed_f(x: u64) -> (u64, u32) {
    (f(x), std::process::id())
}

/// Takes so many seconds to square a number.
fn slow_f((x, seconds): (u64, f64)) -> u64 {
    std::thread::sleep(Duration::from_secs_f64(seconds));
    println!("process {} has squared {x}", std::process::id());
    f(x)
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&["--long", "--scale F"]);
    let scale = options.value("--scale", 0.0..=1000.0, 1.0);
    // Before any thread: workers are forked from a copy of this process as it is now.
    let fork_server = ForkServer::start()?;
    let pool = ProcessPool::new(&fork_server, WORKERS)?;

    let signed: Vec<(u64, u32)> = pool.map(signed_f, [1, 2, 3]).collect::<Result<_, _>>()?;
    let (squares, pids): (Vec<u64>, Vec<u32>) = signed.into_iter().unzip();
    println!("{squares:?}");
    assert_eq!(squares, [1, 4, 9]);
    assert!(!pids.contains(&std::process::id()), "by workers, not here");
    if options.has("--long") {
        return run_long(&pool, scale);
    }
    let workers: BTreeSet<u32> = pids.into_iter().collect();
    measured(format_args!(
        "Three numbers were squared by {} of {WORKERS} processes, and came back in order.",
        workers.len()
    ));
    Ok(())
}

fn run_long(pool: &ProcessPool, scale: f64) -> Result<(), Box<dyn Error>> {
    wait_for_all_workers(pool);
    println!("the workers are {:?}: kill -9 one of them", pool.worker_pids());
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
    wait_for_all_workers(pool);
    println!("the workers are {:?}", pool.worker_pids());
    measured(format_args!(
        "{} of {JOBS} numbers were squared, {lost} lost with their workers, and {WORKERS} workers are \
         there again.",
        JOBS - lost
    ));
    Ok(())
}

fn wait_for_all_workers(pool: &ProcessPool) {
    while pool.worker_pids().len() < WORKERS {
        std::thread::sleep(Duration::from_millis(1));
    }
}
