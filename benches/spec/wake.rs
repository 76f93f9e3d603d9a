//! crosswake: a thread asks, the loop answers, one at a time.

use crate::args::{Args, Line, percentile, usage};
use singletrack::{EventLoop, create_task};
use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// What the two sides share.
#[derive(Default)]
struct Shared {
    waker: Mutex<Option<Waker>>,
    /// 0 nothing, 1 answer, 2 stop.
    flag: AtomicU32,
    answered: AtomicU32,
}

impl Shared {
    fn answer(&self) {
        self.answered.store(1, Ordering::Release);
        // SAFETY: a futex call on a word that both threads keep alive.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                &self.answered,
                libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                1,
            );
        }
    }

    fn wait(&self) {
        while self.answered.load(Ordering::Acquire) == 0 {
            // SAFETY: as above; a null timeout waits until the word is not 0.
            unsafe {
                libc::syscall(
                    libc::SYS_futex,
                    &self.answered,
                    libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                    0,
                    std::ptr::null::<libc::timespec>(),
                );
            }
        }
        self.answered.store(0, Ordering::Relaxed);
    }

    fn ask(&self, what: u32) {
        self.flag.store(what, Ordering::Release);
        let waker = self.waker.lock().unwrap().clone();
        waker.expect("the task is parked").wake();
    }
}

pub fn pin(core: usize) {
    // SAFETY: the set is a local of the size that is given.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}

/// 1000 untimed round trips and `n` timed ones: total seconds, sorted nanoseconds.
fn measure(n: u64, core: usize, mut trip: impl FnMut()) -> (f64, Vec<u64>) {
    pin(core);
    std::thread::sleep(Duration::from_millis(20));
    (0..1000).for_each(|_| trip());
    let start = Instant::now();
    let mut times: Vec<u64> = (0..n)
        .map(|_| {
            let start = Instant::now();
            trip();
            start.elapsed().as_nanos() as u64
        })
        .collect();
    let total = start.elapsed().as_secs_f64();
    times.sort_unstable();
    (total, times)
}

/// A parked task is woken through its waker.
fn by_waker(n: u64, core: usize) -> (f64, Vec<u64>) {
    let shared = Arc::new(Shared::default());
    let event_loop = EventLoop::new().expect("a loop");
    event_loop.run_until_complete(async {
        let theirs = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let result = measure(n, core, || {
                theirs.ask(1);
                theirs.wait();
            });
            theirs.ask(2);
            result
        });
        let task = create_task(poll_fn(move |cx| {
            let mut slot = shared.waker.lock().unwrap();
            if !slot.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
                *slot = Some(cx.waker().clone());
            }
            drop(slot);
            match shared.flag.swap(0, Ordering::AcqRel) {
                1 => shared.answer(),
                2 => return Poll::Ready(()),
                _ => {}
            }
            Poll::Pending
        }));
        task.await.unwrap();
        thread.join().unwrap()
    })
}

/// A new callback is handed to the loop.
fn by_call(n: u64, core: usize) -> (f64, Vec<u64>) {
    let event_loop = EventLoop::new().expect("a loop");
    let handle = event_loop.handle();
    let thread = std::thread::spawn(move || {
        let shared = Arc::new(Shared::default());
        let result = measure(n, core, || {
            let ours = Arc::clone(&shared);
            handle.call_soon_threadsafe(move || ours.answer()).unwrap();
            shared.wait();
        });
        handle.stop().unwrap();
        result
    });
    event_loop.run_forever().unwrap();
    thread.join().unwrap()
}

pub fn crosswake(args: &Args) {
    let (mode, place) = (args.text("mode", "wake"), args.text("place", "cross"));
    let core = match place.as_str() {
        "cross" => 1,
        "same" => 0,
        other => panic!("place={other}: want cross or same"),
    };
    let n = args.number("n", if core == 0 { 200_000 } else { 50_000 });
    pin(0);
    let (cpu, switches) = usage();
    let (total, times) = match mode.as_str() {
        "wake" => by_waker(n, core),
        "inject" => by_call(n, core),
        other => panic!("mode={other}: want wake or inject"),
    };
    let (cpu_after, switches_after) = usage();
    Line {
        workload: "crosswake",
        variant: format!("mode={mode},place={place},n={n}"),
        primary: "us_p50",
        better: "lower",
    }
    .print(&[
        ("us_mean", total * 1e6 / n as f64),
        ("us_p50", percentile(&times, 50.0) / 1e3),
        ("us_p99", percentile(&times, 99.0) / 1e3),
        ("cpu_us_per_op", (cpu_after - cpu) * 1e6 / n as f64),
        ("vol_csw", switches_after - switches),
    ]);
}
