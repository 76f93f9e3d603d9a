//! Threads that compute under a lock, in a child process: the parts of real scenes.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: every thread has ended when a run is over; figures are measured, never built in. When
//! a signal ends the command, the run is over early, and its figures are of the time that it had.
//! *Leaves out*: what they mean: each scene's file explains its own.
//!
//! ```text
//!   this process                 child: in_child
//!     │ fork ──────────────────────┐  GlobalLock::new(policy), which records
//!     │                            │    compute        cpu 1, cpu 2, …: the countdown, until `done`
//!     │                            │    serve_beside   the same beside one thread that serves
//!     │ ◀── recording, figures ────┘
//!   SceneRun
//! ```

use crate::gil::lock::gil_thread::GilThread;
use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::stats::counters::Counters;
use crate::gil::stats::record::Recording;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::ChildRun;
use crate::lab::report::outside;
use crate::lab::report::recording::FlatRecording;
use crate::lab::scenes::bytecode::{OPCODE, Work, countdown_until};
use crate::lab::scenes::scene_run::{Figures, MOST_EVENTS, SceneRun};
use crate::sys::usage::thread_core_wait;
use crate::sys::usage::{cores, pin_to};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The longest that a run may take beyond its time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to sleep between two checks whether the threads have come to the lock.
const ARRIVAL_CHECK: Duration = Duration::from_micros(200);

/// Does `work` in a child process; gives its number, what was recorded, and the figures.
///
/// # Errors
/// If the child cannot be had, or its work fails.
pub(crate) fn in_child(
    time: Duration,
    work: impl FnOnce() -> Result<(FlatRecording, Figures), Failure>,
) -> Result<SceneRun, Failure> {
    let child = ChildRun::begin(&[], || {
        outside::watch()?;
        work()
    })?;
    let pid = child.pid();
    let ((flat, figures), _) = child.finish_early(2 * time + PATIENCE)?;
    Ok(SceneRun { pid, recording: flat.into(), figures, partial: outside::ended().is_some() })
}

/// What threads did that only computed.
pub(crate) struct Computed {
    /// Passes of the countdown, by thread.
    pub(crate) passes: Vec<u64>,
    /// What the lock has counted.
    pub(crate) counters: Counters,
    /// What happened to the lock.
    pub(crate) recording: Recording,
    /// How long the threads could have run, but had no core, all together.
    pub(crate) core_wait: Option<Duration>,
    /// For how long was counted.
    pub(crate) counted: Duration,
    took: Duration,
}

impl Computed {
    /// Passes a second, of all threads together.
    pub(crate) fn rate(&self) -> f64 {
        self.passes.iter().sum::<u64>() as f64 / self.took.as_secs_f64()
    }
}

/// So many threads that compute under a new lock, for this long.
///
/// # Errors
/// If a thread cannot be had, or does not come to its end.
pub(crate) fn compute(
    policy: SwitchPolicy,
    threads: usize,
    time: Duration,
) -> Result<Computed, Failure> {
    let lock = GlobalLock::new(policy);
    lock.record(MOST_EVENTS);
    compute_under(&lock, threads, time)
}

/// So many threads that compute under this lock, each on a core of its own as far as there are
/// cores.
///
/// # Errors
/// As [`compute`].
pub(crate) fn compute_under(
    lock: &GlobalLock,
    threads: usize,
    time: Duration,
) -> Result<Computed, Failure> {
    let work = Work::of(OPCODE);
    let done = Arc::new(AtomicBool::new(false));
    let start = |number: usize| {
        let done = Arc::clone(&done);
        spawn(lock, &format!("cpu {}", number + 1), move |gil| {
            take_own_core(number);
            (countdown_until(gil, &done, work), thread_core_wait())
        })
    };
    let began = Instant::now();
    let all = lock.thread_counters().len() + threads;
    let threads: Vec<_> = (0..threads).map(start).collect::<Result<_, _>>()?;
    await_threads(lock, all);
    let counted = outside::rest(time);
    let recording = lock.recording();
    let counters = lock.counters();
    done.store(true, Relaxed);
    let ended: Vec<_> = threads.into_iter().map(join).collect::<Result<_, _>>()?;
    let took = began.elapsed();
    let (passes, waits): (Vec<u64>, Vec<Option<Duration>>) = ended.into_iter().unzip();
    let core_wait = waits.into_iter().sum();
    Ok(Computed { passes, counters, recording, core_wait, counted, took })
}

/// Waits until so many threads have come to the lock: on a busy machine the time of a scene could
/// be over before.
pub(crate) fn await_threads(lock: &GlobalLock, count: usize) {
    let began = Instant::now();
    while lock.thread_counters().len() < count && began.elapsed() < PATIENCE {
        std::thread::sleep(ARRIVAL_CHECK);
    }
}

/// Runs `serve` on a thread called `name`, beside `burners` that compute until it has ended.
/// Gives its result, and what had happened to the lock by then.
///
/// # Errors
/// As [`compute`].
pub(crate) fn serve_beside<T: Send + 'static>(
    lock: &GlobalLock,
    burners: usize,
    work: Work,
    name: &str,
    serve: impl FnOnce(&mut Gil<'_>) -> T + Send + 'static,
) -> Result<(T, Recording), Failure> {
    let done = Arc::new(AtomicBool::new(false));
    let burn = |number: usize| {
        let done = Arc::clone(&done);
        let name = if burners == 1 { "cpu".to_owned() } else { format!("cpu {}", number + 1) };
        spawn(lock, &name, move |gil| countdown_until(gil, &done, work))
    };
    let burners: Vec<_> = (0..burners).map(burn).collect::<Result<_, _>>()?;
    let served = spawn(lock, name, serve).and_then(join);
    let recording = lock.recording();
    done.store(true, Relaxed);
    burners.into_iter().try_for_each(|burner| join(burner).map(drop))?;
    Ok((served?, recording))
}

/// A thread of this lock.
///
/// # Errors
/// If the system has none to give.
pub(crate) fn spawn<R: Send + 'static>(
    lock: &GlobalLock,
    name: &str,
    body: impl FnOnce(&mut Gil<'_>) -> R + Send + 'static,
) -> Result<GilThread<R>, Failure> {
    GilThread::spawn(lock, name, body).map_err(|e| Failure::no_thread(&e))
}

/// Waits for a thread's end.
///
/// # Errors
/// If it panicked.
pub(crate) fn join<R: Send + 'static>(thread: GilThread<R>) -> Result<R, Failure> {
    thread.join().map_err(Failure::lost_thread)
}

/// Gives this thread a core of its own, as far as there are cores: a woken thread then really
/// runs. If the system refuses, the kernel places it: the effect is milder, but real.
pub(crate) fn take_own_core(number: usize) {
    if let Ok(cores) = cores() {
        let _ = pin_to(&[cores[number % cores.len()]]);
    }
}
