//! A crowd at the lock: threads released at once, each of which blocks and computes a few times.
//!
//!     for threads in 10 100 1000 10000; do
//!         cargo bench --bench spec -- gil_crowd threads=$threads
//!     done
//!
//! What a thread costs must not grow with how many there are; `gil fidelity` has the same crowd
//! beside CPython's.

use crate::args::{Args, Line, repeat, usage};
use crate::gil::{body, calibrate, lock_of};
use singletrack::gil::{Gil, GlobalLock};
use std::fs::File;
use std::io::Read;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What one of the crowd does, `rounds` times: calls that return at once, a pause, a countdown.
#[derive(Clone, Copy)]
struct Part {
    rounds: u64,
    calls: u64,
    pause: Duration,
    passes: u64,
    work: u64,
}

impl Part {
    fn play(self, gil: &mut Gil<'_>, mut zeroes: &File) {
        for _ in 0..self.rounds {
            for _ in 0..self.calls {
                gil.detach(|| zeroes.read_exact(&mut [0])).expect("a zero");
            }
            gil.sleep(self.pause);
            for _ in 0..self.passes {
                body(self.work);
                gil.checkpoint();
            }
        }
    }
}

/// `gil_crowd threads=N rounds=3 calls=2 pause_us=1000 passes=400 policy=P interval=SECONDS`.
pub fn gil_crowd(args: &Args) {
    let threads = args.number("threads", 1_000);
    let part = Part {
        rounds: args.number("rounds", 3),
        calls: args.number("calls", 2),
        pause: Duration::from_micros(args.number("pause_us", 1_000)),
        passes: args.number("passes", 400),
        work: calibrate(),
    };
    let (mut cpu, mut blocked, mut switches) = (0.0, 0.0, 0);
    let (median, best) = repeat(args.number("reps", 3), || {
        let lock = lock_of(args);
        let (seconds, used) = released_at_once(&lock, threads, part);
        (cpu, blocked, switches) = (used.0, used.1, lock.switch_number());
        seconds
    });
    Line {
        workload: "gil_crowd",
        variant: format!("threads={threads}"),
        primary: "us_per_thread",
        better: "lower",
    }
    .print(&[
        ("us_per_thread", median * 1e6 / threads as f64),
        ("min_us_per_thread", best * 1e6 / threads as f64),
        ("cpu_s", cpu),
        ("vol_csw", blocked),
        ("switches", switches as f64),
    ]);
}

/// From the release to the end of the last: seconds, and what [`usage`] says of them.
fn released_at_once(lock: &GlobalLock, threads: u64, part: Part) -> (f64, (f64, f64)) {
    let zeroes = File::open("/dev/zero").expect("/dev/zero");
    let gate = (Mutex::new((0, false)), Condvar::new());
    let wait = || {
        let mut state = gate.0.lock().expect("no thread panics");
        state.0 += 1;
        drop(gate.1.wait_while(state, |state| !state.1));
        lock.attach(|gil| part.play(gil, &zeroes)).expect("the lock");
    };
    let (before, begun) = thread::scope(|scope| {
        for _ in 0..threads {
            let small = thread::Builder::new().stack_size(256 * 1024);
            small.spawn_scoped(scope, wait).expect("a thread");
        }
        while gate.0.lock().expect("no thread panics").0 < threads {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(100));
        let before = (usage(), Instant::now());
        gate.0.lock().expect("no thread panics").1 = true;
        gate.1.notify_all();
        before
    });
    let after = usage();
    (begun.elapsed().as_secs_f64(), (after.0 - before.0, after.1 - before.1))
}
