//! A rate limiter from two parts: a semaphore, and a sleep that gives the permit back.
//!
//! Level: 1 of 3. Minutes: 5. Read: src/aio/sync/semaphore.rs
//!
//! Question: how do twenty impatient clients keep to five requests a second, without anybody
//! counting time? Prediction: a permit that comes back one second after it was taken lets no
//! more than five requests begin in any one second, and the queue of waiters keeps them in
//! order.
//!
//!     cargo run --example rate_limiter                 # twenty requests, three seconds
//!     cargo run --example rate_limiter -- --virtual    # the same, at once
//!
//! CI: --virtual

mod common;

use common::options::Options;
use common::{event_loop, measured};
use singletrack::aio::Semaphore;
use singletrack::aio::gather;
use singletrack::aio::sleep;
use singletrack::{EventLoop, create_task};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const RATE: usize = 5;
const PER: Duration = Duration::from_secs(1);
const CLIENTS: usize = 20;

/// Waits until a request may begin: at most `RATE` begin in any `PER`.
async fn admit(permits: &Rc<Semaphore>) {
    permits.acquire().await.forget();
    let permits = Rc::clone(permits);
    drop(create_task(async move {
        sleep(PER).await;
        permits.release();
    }));
}

async fn client(
    number: usize,
    event_loop: Rc<EventLoop>,
    permits: Rc<Semaphore>,
    begun: Rc<RefCell<Vec<(usize, Duration)>>>,
) {
    admit(&permits).await;
    let now = event_loop.time();
    println!("{:>6.3} s  request of client {number}", now.as_secs_f64());
    begun.borrow_mut().push((number, now));
    sleep(Duration::from_millis(30)).await; // the request itself
}

fn main() -> std::io::Result<()> {
    let event_loop = Rc::new(event_loop(Options::read(&["--virtual"]).has("--virtual"))?);
    let begun = Rc::new(RefCell::new(Vec::new()));
    event_loop.run_until_complete(async {
        let permits = Rc::new(Semaphore::new(RATE));
        let clients = (0..CLIENTS).map(|number| {
            let (event_loop, permits) = (Rc::clone(&event_loop), Rc::clone(&permits));
            create_task(client(number, event_loop, permits, Rc::clone(&begun)))
        });
        gather(clients).await.expect("no client panics");
    });

    let begun = begun.take();
    assert!(begun.iter().map(|(number, _)| *number).eq(0..CLIENTS), "first come, first served");
    for window in begun.windows(RATE + 1) {
        let (first, last) = (window[0].1, window[RATE].1);
        assert!(last - first >= PER, "{} requests within {:?}", RATE + 1, last - first);
    }
    let last = begun.last().map_or(0.0, |(_, at)| at.as_secs_f64());
    measured(format_args!(
        "{CLIENTS} requests began within {last:.1} s, in order, and never more than {RATE} in a second."
    ));
    Ok(())
}
