//! Two tasks on one loop print the time with random naps until 50 s have passed.
//!
//! Level: 1 of 3. Minutes: 3. Read: src/event_loop/run_once.rs
//!
//! Question: how do two endless-looking loops share one thread? Prediction: each runs until
//! its next `await`, and the naps of one are filled by the other.
//!
//!     cargo run --example asyncio_dates                 # 50 seconds, as in the article
//!     cargo run --example asyncio_dates -- --virtual    # the same program, at once
//!
//! CI: --virtual
//!
//! `--virtual` puts the loop on the scripted selector: sleeps jump the clock instead of
//! waiting, so the output is the same for the same `--seed N`.

mod common;

use common::options::Options;
use common::{event_loop, measured};
use singletrack::EventLoop;
use singletrack::aio::sleep;
use singletrack::base::random::SplitMix64;
use std::rc::Rc;
use std::time::{Duration, Instant};

const RUN: Duration = Duration::from_secs(50);

/// A nap of 0 to 5 whole seconds.
fn nap(random: &mut SplitMix64) -> Duration {
    Duration::from_secs(random.next_u64() % 6)
}

async fn display_date(event_loop: Rc<EventLoop>, name: u32, mut random: SplitMix64) -> u32 {
    let end = event_loop.time() + RUN;
    let mut lines = 0;
    loop {
        println!("Loop: {name} Time: {:>6.3} s", event_loop.time().as_secs_f64());
        lines += 1;
        if event_loop.time() + Duration::from_secs(1) >= end {
            return lines;
        }
        sleep(nap(&mut random)).await;
    }
}

fn main() -> std::io::Result<()> {
    let options = Options::read(&["--virtual", "--seed N"]);
    let (event_loop, begin) = (Rc::new(event_loop(options.has("--virtual"))?), Instant::now());
    let mut seeds = SplitMix64::new(options.seed());
    let mut task = |name| {
        let random = SplitMix64::new(seeds.next_u64());
        event_loop.create_task(display_date(Rc::clone(&event_loop), name, random))
    };
    let (first, second) = (task(1), task(2));

    // The article's program calls `run_forever` and never ends. This one stops when both are
    // done.
    let handle = event_loop.handle();
    let both = event_loop.create_task(async move {
        let (a, b) = (first.await.expect("no panic"), second.await.expect("no panic"));
        assert!(a >= 10 && b >= 10, "50 s hold at least ten naps of at most 5 s");
        handle.stop().expect("the loop is running");
        (a, b)
    });
    event_loop.run_forever()?;
    assert!(event_loop.time() + Duration::from_secs(1) >= RUN, "both ran to the end");
    let (a, b) = event_loop.run_until_complete(both).expect("no panic");
    let (shown, real) = (event_loop.time().as_secs_f64(), begin.elapsed().as_secs_f64());
    measured(format_args!(
        "Two tasks on one thread printed {a} and {b} lines in {shown:.0} s of the loop's time, which \
         took {real:.3} s."
    ));
    Ok(())
}
