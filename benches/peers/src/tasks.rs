//! Tasks: what it costs to make one, to let others go first, to hand a value over, to arm a timer.

use crate::contest::{Contest, Entrant, floor, ours, peer};
use crate::runtimes::{LocalPool, Runtime, Singletrack, Smol, Tokio};
use crate::work;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

pub fn contests() -> Vec<Contest> {
    vec![
        Contest::new("spawn and join a task", "ns", with(bare_tasks(), spawn_join())),
        Contest::new("yield, 1,000 tasks", "ns", yields()),
        Contest::new("ping-pong, a message", "ns", pingpong()),
        Contest::new("timer armed and dropped", "ns", with(bare_map(), timers_churn())),
    ]
}

fn with(floor: Entrant, mut all: Vec<Entrant>) -> Vec<Entrant> {
    all.push(floor);
    all
}

macro_rules! entrants {
    ($($name:ident),*) => {$(
        fn $name() -> Vec<Entrant> {
            vec![
                ours(work::$name::<Singletrack>),
                peer(Tokio::NAME, work::$name::<Tokio>),
                peer(Smol::NAME, work::$name::<Smol>),
                peer(LocalPool::NAME, work::$name::<LocalPool>),
            ]
        }
    )*};
}
entrants!(spawn_join, yields, pingpong, timers_churn);

/// Boxed futures in a queue, each polled once: no waker, no handle, no cancel.
fn bare_tasks() -> Entrant {
    const TASKS: u64 = 100_000;
    floor("boxes in a queue", || {
        let start = Instant::now();
        let mut queue: VecDeque<Pin<Box<dyn Future<Output = u64>>>> = VecDeque::new();
        for i in 0..TASKS {
            queue.push_back(Box::pin(async move { black_box(i) }));
        }
        let mut cx = Context::from_waker(Waker::noop());
        let mut sum = 0;
        while let Some(mut task) = queue.pop_front() {
            if let std::task::Poll::Ready(value) = task.as_mut().poll(&mut cx) {
                sum += value;
            }
        }
        assert_eq!(sum, TASKS * (TASKS - 1) / 2);
        Some(start.elapsed().as_nanos() as f64 / TASKS as f64)
    })
}

/// A sorted map of deadlines, beside 10,000 that stay: no waker, no loop that turns.
fn bare_map() -> Entrant {
    const TIMERS: u64 = 1_000_000;
    floor("BTreeMap", || {
        let (mut random, begin) = (work::Random(7), Instant::now());
        let mut map = BTreeMap::new();
        for i in 0..10_000 {
            map.insert((begin + random.millis(60_000, 60_000), i), ());
        }
        let start = Instant::now();
        for i in 0..TIMERS {
            let key = (Instant::now() + random.millis(1_000, 59_000), 10_000 + i);
            map.insert(key, ());
            black_box(map.remove(&key));
        }
        Some(Duration::as_nanos(&start.elapsed()) as f64 / TIMERS as f64)
    })
}
