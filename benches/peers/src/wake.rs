//! A wake from another thread: it asks, a parked task answers, one at a time.

use crate::contest::{Contest, floor, ours, peer};
use crate::runtimes::{LocalPool, Runtime, Singletrack, Smol, Tokio};
use crate::usage::{median, pin, unpin};
use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

pub fn contests() -> Vec<Contest> {
    let contest = |name, core, times| {
        let entrants = vec![
            ours(move || by_waker::<Singletrack>(core, times)),
            floor("two threads that park", move || by_park(core, times)),
            peer(Tokio::NAME, move || by_waker::<Tokio>(core, times)),
            peer(Smol::NAME, move || by_waker::<Smol>(core, times)),
            peer(LocalPool::NAME, move || by_waker::<LocalPool>(core, times)),
        ];
        Contest::new(name, "µs", entrants)
    };
    vec![
        contest("wake from another thread, one core", 0, 10_000),
        contest("wake from another thread, two cores", 1, 3_000),
    ]
}

/// 0: nothing, 1: asked, 2: the last one has been.
#[derive(Default)]
struct Shared {
    waker: Mutex<Option<Waker>>,
    asked: AtomicU32,
}

/// The median of so many round trips from a thread on `core`.
fn round_trips(core: usize, times: u32, mut ask: impl FnMut()) -> Option<f64> {
    pin(core);
    let trip = |_| {
        let start = Instant::now();
        ask();
        start.elapsed().as_nanos() as f64 / 1e3
    };
    median((0..times).map(trip).collect())
}

fn by_waker<R: Runtime>(core: usize, times: u32) -> Option<f64> {
    let shared = Arc::new(Shared::default());
    let theirs = Arc::clone(&shared);
    pin(0);
    let asking = thread::spawn(move || {
        while theirs.waker.lock().unwrap().is_none() {
            thread::yield_now();
        }
        let ask = |what| {
            theirs.asked.store(what, SeqCst);
            let waker = theirs.waker.lock().unwrap().clone();
            waker.expect("it was there").wake();
        };
        let took = round_trips(core, times, || {
            ask(1);
            while theirs.asked.load(SeqCst) != 0 {
                thread::park();
            }
        });
        ask(2);
        took
    });
    let asker = asking.thread().clone();
    R::block_on(async move {
        R::spawn(poll_fn(move |cx| {
            let mut slot = shared.waker.lock().unwrap();
            if !slot.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
                *slot = Some(cx.waker().clone());
            }
            drop(slot);
            match shared.asked.swap(0, SeqCst) {
                0 => {}
                1 => asker.unpark(),
                _ => return Poll::Ready(()),
            }
            Poll::Pending
        }))
        .await;
    });
    unpin();
    asking.join().unwrap()
}

/// No loop, no task: two threads that park.
fn by_park(core: usize, times: u32) -> Option<f64> {
    pin(0);
    let asked = Arc::new(AtomicU32::new(0));
    let (theirs, answerer) = (Arc::clone(&asked), thread::current());
    let asking = thread::spawn(move || {
        let took = round_trips(core, times, || {
            theirs.store(1, SeqCst);
            answerer.unpark();
            while theirs.load(SeqCst) != 0 {
                thread::park();
            }
        });
        theirs.store(2, SeqCst);
        answerer.unpark();
        took
    });
    let asker: Thread = asking.thread().clone();
    loop {
        match asked.load(SeqCst) {
            0 => thread::park(),
            1 => {
                asked.store(0, SeqCst);
                asker.unpark();
            }
            _ => break,
        }
    }
    unpin();
    asking.join().unwrap()
}
