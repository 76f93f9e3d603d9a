//! Five threads sleep and announce themselves as they wake: the article's `threading` program.
//!
//! Level: 1 of 3. Minutes: 3. Read: src/gil/lock/gil_thread.rs
//!
//! ```python
//! def worker(number):
//!     sleep = random.randrange(1, 10)
//!     time.sleep(sleep)
//!     print("I am Worker {}, I slept for {} seconds".format(number, sleep))
//!
//! for i in range(5):
//!     threading.Thread(target=worker, args=(i,)).start()
//! print("All Threads are queued, let's see when they finish!")
//! ```
//!
//! Question: all run under one global lock; how long do five sleeps take? Prediction: as long as the
//! longest, since each sleeps without the lock, as `time.sleep` does. The main thread's line comes
//! first, since nobody sleeps less than a second; then the workers in the order of their sleep.
//!
//!     cargo run --example threads_sleep
//!     cargo run --example threads_sleep -- --scale 0.1 --seed 7
//!
//! CI: --scale 0.05 --seed 7

mod common;

use common::measured;
use common::options::Options;
use common::sleeps::{SCALES, sleeps};
use singletrack::gil::GilCell;
use singletrack::gil::GilThread;
use singletrack::gil::GlobalLock;
use singletrack::gil::SwitchPolicy;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

const WORKERS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&["--scale F", "--seed N"]);
    let (scale, begin) = (options.value("--scale", SCALES, 1.0), Instant::now());
    let sleeps = sleeps(options.seed(), WORKERS);

    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let announced = Arc::new(GilCell::new(&lock, Vec::new()));
    let workers = lock.attach(|gil| -> Result<Vec<_>, std::io::Error> {
        let mut workers = Vec::new();
        for (number, seconds) in sleeps.into_iter().enumerate() {
            let announced = Arc::clone(&announced);
            let nap = Duration::from_secs(seconds).mul_f64(scale);
            let name = format!("Thread-{}", number + 1);
            workers.push(GilThread::spawn(&lock, &name, move |gil| {
                gil.detach(|| std::thread::sleep(nap));
                println!("I am Worker {number}, I slept for {seconds} seconds");
                announced.get_mut(gil).push(seconds);
            })?);
            gil.checkpoint(); // here the new thread may have the lock, as after any call
        }
        println!("All Threads are queued, let's see when they finish!");
        Ok(workers)
    })??;

    workers.into_iter().try_for_each(GilThread::join)?;
    let announced = lock.attach(|gil| announced.get(gil).clone())?;
    assert_eq!(announced.len(), WORKERS);
    assert!(announced.is_sorted(), "in the order of their sleep: {announced:?}");
    let counters = lock.counters();
    assert!(counters.voluntary_drops >= WORKERS as u64, "each sleep drops the lock: {counters:?}");
    measured(format_args!(
        "Five sleeps of {:.2} s in all took {:.2} s under one lock, which was dropped {} times for a \
         call that blocks.",
        announced.iter().sum::<u64>() as f64 * scale,
        begin.elapsed().as_secs_f64(),
        counters.voluntary_drops
    ));
    Ok(())
}
