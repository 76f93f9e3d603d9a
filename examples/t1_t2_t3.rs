//! Three threads wait for their data: the article's reason for asyncio, checked three ways.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/gil/lock/token.rs
//!
//! The article says: T1 waits for I/O and nothing has come, so the interpreter goes on to T2, which
//! waits as well, and to T3, whose data is there; then it may come back to T1 in vain. So threads
//! waste time where asyncio would not.
//!
//! Question: are threads that wait visited one after the other? Prediction: only if they are written
//! so, to look again and again. A thread in a call that blocks has given the lock away and is visited
//! by nobody: the kernel wakes the one whose data has come. An event loop does the same with one
//! thread.
//!
//!     cargo run --example t1_t2_t3
//!
//! CI: --wait 5
//!
//! ```text
//!   data arrives            for T3        for T2        for T1
//!   looks again and again   T1 T2 T3 T1 T2 T3 T1 T2 T1 T2 T1 T1 …      one look in hundreds succeeds
//!   blocks without the lock       T3            T2            T1       one look each
//!   an event loop                 T3            T2            T1       two: to find nothing, to read
//! ```

mod common;

use common::measured;
use common::options::Options;
use common::waiting::{ARRIVALS, Look, Way, threads};
use singletrack::EventLoop;
use singletrack::aio::{create_task, pipe};
use singletrack::gil::Gil;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Context;
use std::thread;
use std::time::Duration;

/// Each looks at a flag, and gives the lock away for a moment when there is nothing.
fn polling(wait: Duration) -> Result<Way, Box<dyn Error>> {
    let flags = Arc::new([const { AtomicBool::new(false) }; 3]);
    let looked = Arc::new(AtomicU64::new(0));
    let looks = [0, 1, 2].map(|index| {
        let (flags, looked) = (Arc::clone(&flags), Arc::clone(&looked));
        Box::new(move |gil: &mut Gil<'_>| {
            gil.detach(thread::yield_now);
            looked.fetch_add(1, Ordering::Relaxed);
            flags[index].load(Ordering::Acquire)
        }) as Look
    });
    threads(looks, wait, move |index| {
        while looked.load(Ordering::Relaxed) < 9 {
            thread::yield_now(); // so that some looks are in vain on the busiest machine
        }
        flags[index].store(true, Ordering::Release);
    })
}

/// Each reads from a pipe, without the lock.
fn blocking(wait: Duration) -> Result<Way, Box<dyn Error>> {
    let pipes = [io::pipe()?, io::pipe()?, io::pipe()?];
    let mut writers = Vec::new();
    let looks = pipes.map(|(mut reader, writer)| {
        writers.push(writer);
        Box::new(move |gil: &mut Gil<'_>| gil.detach(|| reader.read_exact(&mut [0])).is_ok())
            as Look
    });
    threads(looks, wait, move |index| writers[index].write_all(b"!").expect("somebody reads"))
}

/// Three tasks read from three pipes; one thread.
fn event_loop(wait: Duration) -> Result<Way, Box<dyn Error>> {
    let (served, looks) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(0)));
    let counted = Rc::clone(&looks);
    EventLoop::new()?.run_until_complete(async {
        let (mut tasks, mut writers) = (Vec::new(), Vec::new());
        for number in 1..=3 {
            let (reader, writer) = pipe()?;
            writers.push(writer);
            let (served, looks) = (Rc::clone(&served), Rc::clone(&looks));
            tasks.push(create_task(async move {
                let look = |cx: &mut Context<'_>| {
                    looks.set(looks.get() + 1);
                    reader.poll_read(cx, &mut [0])
                };
                assert_eq!(poll_fn(look).await.expect("a pipe"), 1);
                served.borrow_mut().push(number);
            }));
        }
        for number in ARRIVALS {
            singletrack::aio::sleep(wait).await;
            writers[number - 1].write(b"!").await?;
        }
        for task in tasks {
            task.await.expect("no panic");
        }
        Ok::<(), io::Error>(())
    })?;
    Ok(Way { looks: counted.get(), switches: 0, served: served.take() })
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&["--wait MS"]);
    let wait = Duration::from_millis(options.value("--wait", 5..=10_000, 50));
    let ways = [("look again and again", polling(wait)?), ("block", blocking(wait)?)];
    let ways = ways.into_iter().chain([("event loop", event_loop(wait)?)]);
    println!("{:22}{:>12}{:>10}{:>10}", "", "served", "looks", "switches");
    let mut looks = Vec::new();
    for (name, way) in ways {
        let served: Vec<String> = way.served.iter().map(|number| format!("T{number}")).collect();
        println!("{name:22}{:>12}{:>10}{:>10}", served.join(" "), way.looks, way.switches);
        assert_eq!(way.served, ARRIVALS, "{name}: in the order in which the data came");
        looks.push(way.looks);
    }
    assert!(looks[0] > 6 && looks[1..] == [3, 6], "only who polls looks in vain: {looks:?}");
    measured(format_args!(
        "Threads that look again and again looked {} times for three bytes, threads that block {} \
         times, and the tasks of a loop {} times.",
        looks[0], looks[1], looks[2]
    ));
    Ok(())
}
