//! A future before and after its job is done: the article's `concurrent.futures` program.
//!
//! ```python
//! pool = ThreadPoolExecutor(3)
//! future = pool.submit(return_after_5_secs, "hello")
//! print(future.done())
//! sleep(5)
//! print(future.done())
//! print(future.result())
//! ```
//! It prints `false`, then `true` or `false`, then `hello`. The second answer is a race: the
//! job sleeps 5 s and so does the main thread, and whoever the system wakes first decides.
//! The article shows `False`. Only what no schedule can change is asserted here.
//!
//! Run: `cargo run --example futures_thread_pool -- --scale 0.1`
//! CI: --scale 0.02

use singletrack::futures::ThreadPoolExecutor;
use std::error::Error;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let nap = Duration::from_secs(5).mul_f64(scale());
    let start = Instant::now();

    let pool = ThreadPoolExecutor::new(3)?;
    let future = pool.submit_fn(move || {
        std::thread::sleep(nap);
        "hello"
    });

    let done = future.done();
    println!("{done}");
    assert!(!done || start.elapsed() >= nap, "done before its job could be");

    std::thread::sleep(nap);
    println!("{}", future.done());

    let result = future.result()?;
    println!("{result}");
    assert_eq!(result, "hello");
    assert!(start.elapsed() >= nap);
    assert_eq!(pool.workers(), 1, "three workers were allowed, one was needed");
    Ok(())
}

/// `--scale F`: how long a second of the article lasts here, in seconds.
fn scale() -> f64 {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Some(1.0),
        ["--scale", value] => value.parse().ok().filter(|f| (0.0..=1000.0).contains(f)),
        _ => None,
    }
    .unwrap_or_else(|| {
        eprintln!("`{}`: give nothing, or --scale and a number from 0 to 1000", args.join(" "));
        std::process::exit(2);
    })
}
