//! threadpool: jobs to two threads.

use crate::args::{Args, Line, percentile, usage};
use singletrack::futures::ThreadPoolExecutor;
use singletrack::futures::{ReturnWhen, wait};
use std::hint::black_box;
use std::time::Instant;

/// About a microsecond.
const ROUNDS: u64 = 500;

/// Dependent integer work (xorshift64) that the compiler cannot shorten.
pub fn spin(rounds: u64) -> u64 {
    let mut x = black_box(0x2545_F491_4F6C_DD1D_u64);
    for _ in 0..rounds {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    black_box(x)
}

fn noop() {
    black_box(());
}

fn us1() {
    spin(ROUNDS);
}

pub fn threadpool(args: &Args) {
    let pool = ThreadPoolExecutor::new(2).expect("two threads");
    let op = args.text("op", "noop");
    match op.as_str() {
        "noop" => batches(&op, args, &pool, noop, 1_000_000),
        "us1" => batches(&op, args, &pool, us1, 100_000),
        "rtt" => round_trips(args, &pool),
        other => {
            eprintln!("op={other}: want noop, us1 or rtt");
            std::process::exit(2);
        }
    }
}

/// Submits a batch, waits for all of it, submits the next.
fn batches(op: &str, args: &Args, pool: &ThreadPoolExecutor, job: fn(), n: u64) {
    let batch = args.number("batch", 10_000).max(1);
    // Whole batches only.
    let n = args.number("n", n).next_multiple_of(batch);
    let once = || {
        let futures: Vec<_> = (0..batch).map(|_| pool.submit_fn(job)).collect();
        let (done, _) = wait(futures, ReturnWhen::AllCompleted, None);
        assert_eq!(done.len() as u64, batch);
    };
    let start = Instant::now();
    (0..10_000).for_each(|_| black_box(job)());
    let serial = start.elapsed().as_secs_f64() / 1e4;
    once();
    let (cpu, switches) = usage();
    let start = Instant::now();
    (0..n / batch).for_each(|_| once());
    let each = start.elapsed().as_secs_f64() / n as f64;
    let (cpu_after, switches_after) = usage();
    let variant = format!("op={op},n={n},batch={batch}");
    Line { workload: "threadpool", variant, primary: "ns_per_job", better: "lower" }.print(&[
        ("ns_per_job", each * 1e9),
        ("serial_ns_per_job", serial * 1e9),
        ("speedup", serial / each),
        ("cpu_ns_per_job", (cpu_after - cpu) * 1e9 / n as f64),
        ("vol_csw", switches_after - switches),
    ]);
}

fn round_trips(args: &Args, pool: &ThreadPoolExecutor) {
    let n = args.number("n", 50_000);
    let call = |i: u64| assert_eq!(pool.submit_fn(move || i).result(), Ok(i));
    (0..1000).for_each(call);
    let mut times = Vec::with_capacity(n as usize);
    let start = Instant::now();
    for i in 0..n {
        let start = Instant::now();
        call(i);
        times.push(start.elapsed().as_nanos() as u64);
    }
    let total = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let variant = format!("op=rtt,n={n}");
    Line { workload: "threadpool", variant, primary: "us_mean", better: "lower" }.print(&[
        ("us_mean", total * 1e6 / n as f64),
        ("us_p50", percentile(&times, 50.0) / 1e3),
        ("us_p99", percentile(&times, 99.0) / 1e3),
    ]);
}
