//! A future before and after its job is done: the article's `concurrent.futures` program.
//!
//! Level: 1 of 3. Minutes: 5. Read: src/futures/thread_pool.rs
//!
//! ```python
//! pool = ThreadPoolExecutor(3)
//! future = pool.submit(return_after_5_secs, "hello")
//! print(future.done())
//! sleep(5)
//! print(future.done())
//! print(future.result())
//! ```
//!
//! Question: the article shows `False`, `False`, `hello`. Is that what it prints? Prediction: the
//! second answer is a race: the job sleeps 5 s and so does the main thread, and whoever the system
//! wakes first decides. Only what no schedule can change is asserted; the rest is counted in a
//! hundred runs.
//!
//!     cargo run --example futures_thread_pool
//!     cargo run --example futures_thread_pool -- --scale 0.1
//!
//! CI: --scale 0.02

mod common;

use common::measured;
use common::options::Options;
use singletrack::futures::ThreadPoolExecutor;
use std::error::Error;
use std::time::{Duration, Instant};

/// How often the race is run.
const RUNS: u32 = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let scale = Options::read(&["--scale F"]).value("--scale", 0.0..=1000.0, 1.0);
    let [before, after] = article(Duration::from_secs(5).mul_f64(scale))?;
    println!("{before}\n{after}\nhello");

    let (mut done_before, mut done_after) = (0, 0);
    for _ in 0..RUNS {
        let [before, after] = article(Duration::from_millis(2))?;
        done_before += u32::from(before);
        done_after += u32::from(after);
    }
    measured(format_args!(
        "Of {RUNS} runs with naps of 2 ms, the first `done()` was true in {done_before}, the second in \
         {done_after}; the result was `hello` in all.",
    ));
    Ok(())
}

/// The article's program; what its two `done()` say.
fn article(nap: Duration) -> Result<[bool; 2], Box<dyn Error>> {
    let start = Instant::now();

    let pool = ThreadPoolExecutor::new(3)?;
    let future = pool.submit_fn(move || {
        std::thread::sleep(nap);
        "hello"
    });

    let before = future.done();
    assert!(!before || start.elapsed() >= nap, "done before its job could be");

    std::thread::sleep(nap);
    let after = future.done();

    let result = future.result()?;
    assert_eq!(result, "hello");
    assert!(start.elapsed() >= nap);
    assert_eq!(pool.workers(), 1, "three workers were allowed, one was needed");
    Ok([before, after])
}
