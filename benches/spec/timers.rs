//! timers_late, timers_churn: what a sleep costs, and how late it ends.

use crate::args::{Args, Line, Random, percentile, repeat, usage};
use singletrack::aio::{UnixStream, sleep};
use singletrack::{EventLoop, create_task};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

pub fn late(args: &Args) {
    let (n, max_ms) = (args.number("n", 100_000), args.number("max_ms", 200));
    let mut random = Random(42);
    let delays: Vec<Duration> =
        (0..n).map(|_| Duration::from_micros(random.draw() % (max_ms * 1000))).collect();
    let event_loop = EventLoop::new().expect("a loop");
    event_loop.set_timer_slack(Duration::from_micros(args.number("slack_us", 0)));
    // A loop that watches something sleeps in another way.
    let pair = async { (args.number("watch", 0) > 0).then(|| UnixStream::pair().expect("a pair")) };
    let _watched = event_loop.run_until_complete(pair);
    let (cpu, switches) = usage();
    let start = Instant::now();
    let mut late: Vec<u64> = event_loop.run_until_complete(async {
        let tasks: Vec<_> = delays
            .iter()
            .map(|&delay| {
                create_task(async move {
                    let due = Instant::now() + delay;
                    sleep(delay).await;
                    let now = Instant::now();
                    assert!(now >= due, "a sleep ended early");
                    (now - due).as_nanos() as u64
                })
            })
            .collect();
        let mut late = Vec::with_capacity(tasks.len());
        for task in tasks {
            late.push(task.await.unwrap());
        }
        late
    });
    let wall = start.elapsed();
    let (cpu_after, switches_after) = usage();
    late.sort_unstable();
    let micros = |p| percentile(&late, p) / 1e3;
    Line {
        workload: "timers_late",
        variant: format!("n={n},max={max_ms}ms"),
        primary: "cpu_ms",
        better: "lower",
    }
    .print(&[
        ("cpu_ms", (cpu_after - cpu) * 1e3),
        ("late_us_p50", micros(50.0)),
        ("late_us_p99", micros(99.0)),
        ("late_us_max", micros(100.0)),
        ("wall_ms", wall.as_secs_f64() * 1e3),
        ("vol_csw", switches_after - switches),
    ]);
}

pub fn churn(args: &Args) {
    let (n, pending) = (args.number("n", 1_000_000), args.number("pending", 10_000));
    let mut cx = Context::from_waker(Waker::noop());
    let mut once = || {
        let event_loop = EventLoop::new().expect("a loop");
        event_loop.run_until_complete(async {
            let mut random = Random(7);
            let mut stay = Vec::new();
            for _ in 0..pending {
                let delay = Duration::from_millis(60_000 + random.draw() % 60_000);
                let mut sleep = Box::pin(sleep(delay));
                assert!(sleep.as_mut().poll(&mut cx).is_pending());
                stay.push(sleep);
            }
            let mut random = Random(9);
            let start = Instant::now();
            for i in 1..=n {
                let mut sleep = pin!(sleep(Duration::from_millis(1000 + random.draw() % 59_000)));
                assert!(sleep.as_mut().poll(&mut cx).is_pending());
                if i % 1000 == 0 {
                    create_task(async {}).await.unwrap();
                }
            }
            start.elapsed().as_secs_f64()
        })
    };
    let times = repeat(args.number("reps", 2), &mut once);
    let variant = format!("n={n},pending={pending}");
    Line { workload: "timers_churn", variant, primary: "ns_per_op", better: "lower" }
        .print_per_op(times, n);
}
