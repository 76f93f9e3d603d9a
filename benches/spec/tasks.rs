//! spawn_join, yield, mem_task: what a task costs.

use crate::args::{Args, Line, repeat};
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

fn run<F: Future>(future: F) -> F::Output {
    EventLoop::new().expect("a loop").run_until_complete(future)
}

pub fn spawn_join(args: &Args) {
    let n = args.number("n", 100_000);
    let once = || {
        run(async {
            let start = Instant::now();
            let mut tasks = Vec::with_capacity(n as usize);
            for i in 0..n {
                tasks.push(create_task(async move { i }));
            }
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            let time = start.elapsed().as_secs_f64();
            assert_eq!(sum, n * (n - 1) / 2);
            time
        })
    };
    let times = repeat(args.number("reps", 7), once);
    Line {
        workload: "spawn_join",
        variant: format!("n={n}"),
        primary: "ns_per_op",
        better: "lower",
    }
    .print_per_op(times, n);
}

/// Wakes itself by reference once: the yield that any runtime can run.
async fn generic_yield() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

pub fn yields(args: &Args) {
    let (tasks, yields) = (args.number("tasks", 1000), args.number("yields", 1000));
    let kind = args.text("kind", "native");
    let native = kind == "native";
    let body = move || -> Pin<Box<dyn Future<Output = u64>>> {
        if native {
            Box::pin(async move {
                for _ in 0..yields {
                    yield_now().await;
                }
                yields
            })
        } else {
            Box::pin(async move {
                for _ in 0..yields {
                    generic_yield().await;
                }
                yields
            })
        }
    };
    let once = || {
        run(async {
            let start = Instant::now();
            let handles: Vec<_> = (0..tasks).map(|_| create_task(body())).collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.unwrap();
            }
            assert_eq!(sum, tasks * yields);
            start.elapsed().as_secs_f64()
        })
    };
    let times = repeat(args.number("reps", 5), once);
    let variant = format!("kind={kind},tasks={tasks},yields={yields}");
    Line { workload: "yield", variant, primary: "ns_per_op", better: "lower" }
        .print_per_op(times, tasks * yields);
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").expect("smaps_rollup");
    let line = text.lines().find(|line| line.starts_with("Rss:")).expect("a line Rss:");
    let kib = line.split_whitespace().nth(1).expect("a number");
    kib.parse::<u64>().expect("a number") * 1024
}

pub fn mem_task(args: &Args) {
    let n = args.number("n", 100_000);
    let polled = Rc::new(Cell::new(0));
    let park = |polled: Rc<Cell<u64>>| async move {
        polled.set(polled.get() + 1);
        pending::<()>().await;
    };
    let bytes = run(async {
        drop(create_task(park(Rc::clone(&polled))));
        yield_now().await;
        let before = resident();
        for _ in 0..n {
            drop(create_task(park(Rc::clone(&polled))));
        }
        while polled.get() < n + 1 {
            yield_now().await;
        }
        resident() - before
    });
    Line {
        workload: "mem_task",
        variant: format!("n={n}"),
        primary: "bytes_per_task",
        better: "lower",
    }
    .print(&[
        ("bytes_per_task", bytes as f64 / n as f64),
        ("rss_mib", resident() as f64 / 1048576.0),
    ]);
}
