//! pingpong: what a message between two tasks costs.

use crate::args::{Args, Line, repeat};
use singletrack::aio::Queue;
use singletrack::{EventLoop, create_task};
use std::rc::Rc;
use std::time::Instant;

pub fn pingpong(args: &Args) {
    let n = args.number("n", 1_000_000);
    let mode = args.text("mode", "rt");
    let once = || {
        EventLoop::new().expect("a loop").run_until_complete(async {
            match mode.as_str() {
                "rt" => round_trips(n).await,
                "stream" => stream(n).await,
                other => {
                    eprintln!("mode={other} is neither rt nor stream");
                    std::process::exit(2);
                }
            }
        })
    };
    let times = repeat(args.number("reps", 2), once);
    let variant = format!("mode={mode},n={n}");
    Line { workload: "pingpong", variant, primary: "ns_per_msg", better: "lower" }
        .print_per_message(times, n);
}

async fn round_trips(n: u64) -> f64 {
    let (there, back) = (Rc::new(Queue::new(1)), Rc::new(Queue::new(1)));
    let (to_b, from_a) = (Rc::clone(&there), there);
    let (to_a, from_b) = (Rc::clone(&back), back);
    let start = Instant::now();
    let a = create_task(async move {
        let mut sum = 0;
        for i in 0..n / 2 {
            to_b.put(i).await.unwrap();
            sum += from_b.get().await.unwrap();
        }
        sum
    });
    let b = create_task(async move {
        for _ in 0..n / 2 {
            let i = from_a.get().await.unwrap();
            to_a.put(i).await.unwrap();
        }
    });
    b.await.unwrap();
    let sum = a.await.unwrap();
    let time = start.elapsed().as_secs_f64();
    assert_eq!(sum, (n / 2) * (n / 2 - 1) / 2);
    time
}

async fn stream(n: u64) -> f64 {
    let queue = Rc::new(Queue::new(1));
    let source = Rc::clone(&queue);
    let start = Instant::now();
    let a = create_task(async move {
        for i in 0..n {
            source.put(i).await.unwrap();
        }
    });
    let b = create_task(async move {
        let mut sum = 0;
        for _ in 0..n {
            sum += queue.get().await.unwrap();
        }
        sum
    });
    a.await.unwrap();
    let sum = b.await.unwrap();
    let time = start.elapsed().as_secs_f64();
    assert_eq!(sum, n * (n - 1) / 2);
    time
}
