//! Two tasks on one loop print the time with random naps until 50 s have passed.
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

use singletrack::EventLoop;
use singletrack::aio::sleep;
use singletrack::base::random::SplitMix64;
use singletrack::selector::scripted::ScriptedSelector;
use std::rc::Rc;
use std::time::Duration;

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

/// `--virtual` and `--seed N`, from the command line.
fn options() -> (bool, u64) {
    let mut words = std::env::args().skip(1);
    let (mut virtual_time, mut seed) = (false, Some(20));
    while let Some(word) = words.next() {
        match word.as_str() {
            "--virtual" => virtual_time = true,
            "--seed" => seed = words.next().and_then(|number| number.parse().ok()),
            _ => seed = None,
        }
        if seed.is_none() {
            eprintln!("`{word}`: give nothing, --virtual, or --seed and a whole number");
            std::process::exit(2);
        }
    }
    (virtual_time, seed.unwrap_or_default())
}

fn main() -> std::io::Result<()> {
    let (virtual_time, seed) = options();
    let event_loop = Rc::new(match virtual_time {
        true => EventLoop::with_selector(Box::new(ScriptedSelector::new())),
        false => EventLoop::new()?,
    });
    let mut seeds = SplitMix64::new(seed);
    let mut task = |name| {
        let random = SplitMix64::new(seeds.next_u64());
        event_loop.create_task(display_date(Rc::clone(&event_loop), name, random))
    };
    let (first, second) = (task(1), task(2));

    // The article's program calls `run_forever` and never ends. This one stops when both are
    // done.
    let handle = event_loop.handle();
    drop(event_loop.create_task(async move {
        let (a, b) = (first.await.expect("no panic"), second.await.expect("no panic"));
        println!("{a} and {b} lines on one thread");
        assert!(a >= 10 && b >= 10, "50 s hold at least ten naps of at most 5 s");
        handle.stop().expect("the loop is running");
    }));
    event_loop.run_forever()?;
    assert!(event_loop.time() + Duration::from_secs(1) >= RUN, "both ran to the end");
    Ok(())
}
