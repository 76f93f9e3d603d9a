//! Pools of two threads: jobs in batches, of nothing and of a microsecond.

use crate::contest::{Contest, floor, ours, peer};
use singletrack::futures::{ReturnWhen, ThreadPoolExecutor, wait};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::AcqRel};
use std::thread::{self, Thread};
use std::time::Instant;

const BATCH: u64 = 10_000;
const BATCHES: u64 = 10;

pub fn contests() -> Vec<Contest> {
    let contest = |name, job: fn()| {
        let pool = ThreadPoolExecutor::new(2).expect("two threads");
        let rayon = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
        let (queue, jobs) = crossbeam_channel::unbounded::<Box<dyn FnOnce() + Send>>();
        for _ in 0..2 {
            let jobs = jobs.clone();
            thread::spawn(move || jobs.iter().for_each(|job| job()));
        }
        let entrants = vec![
            ours(move || in_batches(|| futures(&pool, job))),
            floor("crossbeam channel", move || in_batches(|| boxes(&queue, job))),
            peer("rayon scope", move || {
                in_batches(|| {
                    rayon.scope(|scope| (0..BATCH).for_each(|_| scope.spawn(move |_| job())))
                })
            }),
        ];
        Contest::new(name, "ns", entrants)
    };
    vec![contest("thread pool, a job of nothing", noop), contest("thread pool, a job of 1 µs", us1)]
}

fn in_batches(batch: impl Fn()) -> Option<f64> {
    let start = Instant::now();
    (0..BATCHES).for_each(|_| batch());
    Some(start.elapsed().as_nanos() as f64 / (BATCH * BATCHES) as f64)
}

fn noop() {
    black_box(());
}

/// Dependent steps of xorshift64, which no compiler shortens: about a microsecond.
fn us1() {
    let mut x = black_box(0x2545_F491_4F6C_DD1D_u64);
    for _ in 0..500 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    black_box(x);
}

fn futures(pool: &ThreadPoolExecutor, job: fn()) {
    let futures: Vec<_> = (0..BATCH).map(|_| pool.submit_fn(job)).collect();
    let (done, _) = wait(futures, ReturnWhen::AllCompleted, None);
    assert_eq!(done.len() as u64, BATCH);
}

/// Boxes in a channel, and one counter for all of them: no result, no cancel, no panic.
fn boxes(queue: &crossbeam_channel::Sender<Box<dyn FnOnce() + Send>>, job: fn()) {
    let left: Arc<(AtomicU64, Thread)> = Arc::new((AtomicU64::new(BATCH), thread::current()));
    for _ in 0..BATCH {
        let left = Arc::clone(&left);
        let counted = move || {
            job();
            if left.0.fetch_sub(1, AcqRel) == 1 {
                left.1.unpark();
            }
        };
        queue.send(Box::new(counted)).expect("the threads live");
    }
    while left.0.load(std::sync::atomic::Ordering::Acquire) > 0 {
        thread::park();
    }
}
