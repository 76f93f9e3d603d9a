//! The work, written once for all runtimes. Making a runtime and dropping it is not timed.

use crate::runtimes::Runtime;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

fn per_op(time: Duration, ops: u64) -> Option<f64> {
    Some(time.as_nanos() as f64 / ops as f64)
}

pub fn spawn_join<R: Runtime>() -> Option<f64> {
    const TASKS: u64 = 100_000;
    let time = R::block_on(async {
        let start = Instant::now();
        let mut tasks = Vec::with_capacity(TASKS as usize);
        for i in 0..TASKS {
            tasks.push(R::spawn(async move { i }));
        }
        let mut sum = 0;
        for task in tasks {
            sum += task.await;
        }
        assert_eq!(sum, TASKS * (TASKS - 1) / 2);
        start.elapsed()
    });
    per_op(time, TASKS)
}

pub fn yields<R: Runtime>() -> Option<f64> {
    const EACH: u64 = 1000;
    let body = || -> Pin<Box<dyn Future<Output = u64> + Send>> {
        Box::pin(async {
            for _ in 0..EACH {
                R::yield_now().await;
            }
            EACH
        })
    };
    let time = R::block_on(async {
        let start = Instant::now();
        let tasks: Vec<_> = (0..EACH).map(|_| R::spawn(body())).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await;
        }
        assert_eq!(sum, EACH * EACH);
        start.elapsed()
    });
    per_op(time, EACH * EACH)
}

pub fn pingpong<R: Runtime>() -> Option<f64> {
    const ROUND_TRIPS: u64 = 500_000;
    let time = R::block_on(async {
        let start = Instant::now();
        let sum = R::round_trips(ROUND_TRIPS).await;
        assert_eq!(sum, ROUND_TRIPS * (ROUND_TRIPS - 1) / 2);
        start.elapsed()
    });
    per_op(time, 2 * ROUND_TRIPS)
}

/// splitmix64: the same delays for everybody.
pub struct Random(pub u64);

impl Random {
    pub fn millis(&mut self, from: u64, span: u64) -> Duration {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        Duration::from_millis(from + (z ^ z >> 31) % span)
    }
}

pub fn timers_churn<R: Runtime>() -> Option<f64> {
    const TIMERS: u64 = 1_000_000;
    drop(R::sleep(Duration::ZERO)?); // if there are timers at all
    let time = R::block_on(async {
        let mut random = Random(7);
        let mut waiting: Vec<_> = (0..10_000)
            .filter_map(|_| R::sleep(random.millis(60_000, 60_000)))
            .map(Box::pin)
            .collect();
        poll_fn(|cx| {
            assert!(waiting.iter_mut().all(|sleep| sleep.as_mut().poll(cx).is_pending()));
            Poll::Ready(())
        })
        .await;
        let mut cx = Context::from_waker(Waker::noop());
        let start = Instant::now();
        for i in 1..=TIMERS {
            if let Some(sleep) = R::sleep(random.millis(1_000, 59_000)) {
                assert!(pin!(sleep).poll(&mut cx).is_pending());
            }
            if i % 1000 == 0 {
                R::spawn(async {}).await; // let the loop turn
            }
        }
        start.elapsed()
    });
    per_op(time, TIMERS)
}
