//! Timers under a light load: five a millisecond. What they cost, and how late they are.

use crate::contest::{Contest, Entrant, floor, ours, peer};
use crate::usage::{median, thread_cpu};
use crate::work::Random;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::time::{Duration, Instant};

const TIMERS: u64 = 1_500;
const SPAN: u64 = 300;

/// What came of it: milliseconds on a core, and microseconds late in the median.
type Result = (f64, f64);

pub fn contests() -> Vec<Contest> {
    let all = |which: fn(Result) -> f64, slack: u64| -> Vec<Entrant> {
        let pick = move |result: Option<Result>| result.map(which);
        let mut all = vec![ours(move || pick(ours_with_slack(slack)))];
        match slack {
            0 => all.push(floor("heap over epoll", move || pick(heap_over_epoll()))),
            _ => all.push(peer("tokio", move || pick(tokio_sleeps()))),
        }
        all
    };
    let (cpu, late) = (|result: Result| result.0, |result: Result| result.1);
    vec![
        Contest::new("light timers: core", "ms", all(cpu, 0)),
        Contest::new("light timers: lateness", "µs", all(late, 0)),
        Contest::new("light timers, slack 1 ms: core", "ms", all(cpu, 1)),
        Contest::new("light timers, slack 1 ms: lateness", "µs", all(late, 1)),
    ]
}

fn delays() -> Vec<Duration> {
    let mut random = Random(42);
    (0..TIMERS).map(|_| random.millis(0, SPAN * 1000) / 1000).collect()
}

type Lateness = Rc<RefCell<Vec<f64>>>;

fn note(late: &Lateness, due: Instant) {
    late.borrow_mut().push((Instant::now() - due).as_nanos() as f64 / 1e3);
}

fn outcome(before: f64, late: &Lateness) -> Option<Result> {
    Some(((thread_cpu() - before) * 1e3, median(late.borrow().clone())?))
}

fn ours_with_slack(slack: u64) -> Option<Result> {
    let event_loop = singletrack::EventLoop::new().expect("a loop");
    event_loop.set_timer_slack(Duration::from_millis(slack));
    let (late, before) = (Lateness::default(), thread_cpu());
    let all = late.clone();
    event_loop.run_until_complete(async move {
        let sleeps = delays().into_iter().map(|delay| {
            let late = all.clone();
            singletrack::create_task(async move {
                let due = Instant::now() + delay;
                singletrack::aio::sleep(delay).await;
                note(&late, due);
            })
        });
        for sleep in sleeps.collect::<Vec<_>>() {
            sleep.await.unwrap();
        }
    });
    outcome(before, &late)
}

fn tokio_sleeps() -> Option<Result> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (late, before) = (Lateness::default(), thread_cpu());
    let all = late.clone();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        let sleeps = delays().into_iter().map(|delay| {
            let late = all.clone();
            tokio::task::spawn_local(async move {
                let due = Instant::now() + delay;
                tokio::time::sleep(delay).await;
                note(&late, due);
            })
        });
        for sleep in sleeps.collect::<Vec<_>>() {
            sleep.await.unwrap();
        }
    });
    outcome(before, &late)
}

/// The next deadline in a heap, slept for in `epoll_pwait2`, which counts in nanoseconds.
fn heap_over_epoll() -> Option<Result> {
    let (late, before) = (Lateness::default(), thread_cpu());
    let mut heap: BinaryHeap<Reverse<Instant>> =
        delays().into_iter().map(|delay| Reverse(Instant::now() + delay)).collect();
    // SAFETY: a new descriptor, closed below.
    let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    while let Some(&Reverse(due)) = heap.peek() {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            heap.pop();
            note(&late, due);
            continue;
        }
        // SAFETY: one event of room, which is a local; `epoll` is open; no signal mask.
        unsafe {
            let mut event: libc::epoll_event = std::mem::zeroed();
            let left = libc::timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
            libc::syscall(libc::SYS_epoll_pwait2, epoll, &mut event, 1, &left, 0, 0);
        }
    }
    // SAFETY: opened above, and nobody else has it.
    unsafe { libc::close(epoll) };
    outcome(before, &late)
}
