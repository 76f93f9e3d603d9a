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
use singletrack::aio::time::sleep;
use singletrack::selector::scripted::ScriptedSelector;
use std::rc::Rc;
use std::time::Duration;

const RUN: Duration = Duration::from_secs(50);

/// A nap of 0 to 5 whole seconds, drawn by a small generator (xorshift64).
fn nap(random: &mut u64) -> Duration {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    Duration::from_secs(*random % 6)
}

async fn display_date(event_loop: Rc<EventLoop>, name: u32, mut random: u64) -> u32 {
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
    let words: Vec<String> = std::env::args().skip(1).collect();
    let seed = match words.iter().position(|word| word == "--seed") {
        Some(at) => words.get(at + 1).and_then(|n| n.parse().ok()).unwrap_or_else(|| {
            eprintln!("--seed wants a whole number, as in `--seed 7`");
            std::process::exit(2);
        }),
        None => 20,
    };
    let event_loop = Rc::new(match words.iter().any(|word| word == "--virtual") {
        true => EventLoop::with_selector(Box::new(ScriptedSelector::new())),
        false => EventLoop::new()?,
    });
    let first = event_loop.create_task(display_date(Rc::clone(&event_loop), 1, seed * 2 + 1));
    let second = event_loop.create_task(display_date(Rc::clone(&event_loop), 2, seed * 2 + 2));

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
