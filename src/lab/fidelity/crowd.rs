//! A crowd at the lock: many threads let go at once, as `fidelity.py` lets them go.
//!
//! *Assumes*: a process of its own, with one thread.
//! *Promises*: whoever lets them go does so with the lock in hand, one after the other, as
//! `threading.Event.set` does; a thread that cannot be had is an error, and none of those that had
//! begun stays behind.
//! *Leaves out*: what is asked of the result (`lab/fidelity/comparison.rs`).
//!
//! ```text
//!   this thread    starts all ── pause ── the lock: unpark, unpark, unpark … ── waits for all
//!   each of them   the lock … parks without it ─────▶ 3 x ( read, read, sleep 1 ms, count 400 )
//! ```

use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::report::failure::Failure;
use crate::lab::scenes::bytecode::{Work, countdown};
use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, Builder, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// How many threads; the figures of both sides have this order.
pub const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
/// What a thread of a crowd may cost: a comparison that has less time leaves the large ones out.
const A_THREAD: Duration = Duration::from_micros(100);
/// How often each thread blocks and computes.
pub const ROUNDS: usize = 3;
/// How far it counts each time.
pub const PASSES: u64 = 400;
/// How long the threads have to fall asleep before they are let go.
const SETTLING: Duration = Duration::from_millis(100);

/// This crowd is asked for where an experiment has so much time.
pub fn is_due(threads: usize, time: Duration) -> bool {
    A_THREAD * threads as u32 <= time
}

/// How often a crowd is let go; the best counts, for what else runs only ever makes it slower.
pub fn trials(threads: usize) -> usize {
    if threads > 1_000 { 1 } else { 3 }
}

/// Milliseconds from the first that is let go until the last has ended; the best of a few trials.
///
/// # Errors
/// If a thread cannot be had.
pub fn crowd(policy: SwitchPolicy, threads: usize, pass: Work) -> Result<f64, Failure> {
    let once = |_| let_go(&GlobalLock::new(policy), threads, pass);
    let times: Vec<f64> = (0..trials(threads)).map(once).collect::<Result<_, Failure>>()?;
    Ok(times.into_iter().fold(f64::MAX, f64::min))
}

fn let_go(lock: &GlobalLock, threads: usize, pass: Work) -> Result<f64, Failure> {
    let refuse = |e: io::Error| Failure::io("/dev/zero", &e, "mount /dev");
    let (zeroes, go) = (File::open("/dev/zero").map_err(refuse)?, AtomicBool::new(false));
    let part = || {
        // The lock is this crowd's own, and is not finalised.
        let _ = lock.attach(|gil| play(gil, &go, &zeroes, pass));
    };
    thread::scope(|scope| {
        let start = |_| Builder::new().stack_size(256 * 1024).spawn_scoped(scope, part);
        let mut begun = Vec::with_capacity(threads);
        let started = (0..threads).try_for_each(|number| {
            begun.push(start(number)?);
            Ok(())
        });
        thread::sleep(SETTLING);
        let start = Instant::now();
        go.store(true, Relaxed);
        let release = |gil: &mut Gil<'_>| begun.iter().for_each(|thread| unpark(gil, thread));
        let released = lock.attach(release);
        let lost = begun.into_iter().filter_map(|thread| thread.join().err()).count();
        started.map_err(|e| Failure::no_thread(&e))?;
        released.map_err(Failure::lost_thread)?;
        match lost {
            0 => Ok(start.elapsed().as_secs_f64() * 1e3),
            _ => Err(Failure::lost_thread(format!("{lost} of a crowd panicked"))),
        }
    })
}

/// One pass of the loop in `Condition.notify`.
fn unpark(gil: &mut Gil<'_>, thread: &ScopedJoinHandle<'_, ()>) {
    thread.thread().unpark();
    gil.checkpoint();
}

fn play(gil: &mut Gil<'_>, go: &AtomicBool, mut zeroes: &File, pass: Work) {
    gil.detach(|| {
        while !go.load(Relaxed) {
            thread::park();
        }
    });
    for _ in 0..ROUNDS {
        for _ in 0..2 {
            // /dev/zero always has a byte.
            let _ = gil.detach(|| zeroes.read(&mut [0]));
        }
        gil.sleep(Duration::from_millis(1));
        countdown(gil, PASSES, pass);
    }
}
