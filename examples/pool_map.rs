//! A pool of five processes squares three numbers: the article's `Pool` program.
//!
//! ```python
//! def f(x):
//!     return x * x
//!
//! with Pool(5) as p:
//!     print(p.map(f, [1, 2, 3]))
//! ```
//! It prints `[1, 4, 9]`: the results come in the order of the numbers, whichever worker was first.
//!
//! With `--long` it goes on for some ten seconds and names its workers: `kill -9` one of them.
//! Only the job it ran is lost, with an error that names the process and the signal; the
//! worker is replaced, and the others finish. `--scale F` makes that F times as long.
//!
//! Run: `cargo run --example pool_map -- --long`
//! CI: --long --scale 0.01

use singletrack::futures::Executor;
use singletrack::futures::JobError;
use singletrack::process::ForkServer;
use singletrack::process::ProcessPool;
use std::error::Error;
use std::time::Duration;

const WORKERS: usize = 5;
const JOBS: u64 = 50;

fn f(x: u64) -> u64 {
    x * x
}

/// Takes so many seconds to square a number.
fn slow_f((x, seconds): (u64, f64)) -> u64 {
    std::thread::sleep(Duration::from_secs_f64(seconds));
    println!("process {} has squared {x}", std::process::id());
    f(x)
}

fn main() -> Result<(), Box<dyn Error>> {
    let (is_long, scale) = options();
    // Before any thread: workers are forked from a copy of this process as it is now.
    let fork_server = ForkServer::start()?;
    let pool = ProcessPool::new(&fork_server, WORKERS)?;

    let squares: Vec<u64> = pool.map(f, [1, 2, 3]).collect::<Result<_, _>>()?;
    println!("{squares:?}");
    assert_eq!(squares, [1, 4, 9]);
    if is_long { run_long(&pool, scale) } else { Ok(()) }
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
    println!("{} of {JOBS} numbers squared, {lost} lost with their workers", JOBS - lost);
    wait_for_all_workers(pool);
    println!("the workers are {:?}", pool.worker_pids());
    Ok(())
}

fn wait_for_all_workers(pool: &ProcessPool) {
    while pool.worker_pids().len() < WORKERS {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether `--long` was given, and the scale.
fn options() -> (bool, f64) {
    let mut args = std::env::args().skip(1);
    let (mut is_long, mut scale) = (false, 1.0);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--long" => is_long = true,
            "--scale" => match args.next().and_then(|f| f.parse().ok()) {
                Some(f) if (0.0..=1000.0).contains(&f) => scale = f,
                _ => refuse("--scale"),
            },
            other => refuse(other),
        }
    }
    (is_long, scale)
}

fn refuse(arg: &str) -> ! {
    eprintln!("`{arg}`: give --long, or --scale F (0 to 1000)");
    std::process::exit(2);
}
