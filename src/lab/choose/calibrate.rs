//! Calibration: what this machine charges for what the models are made of.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: every figure is measured here and now. A millisecond of `cpu` is so many operations,
//! counted against the thread's own CPU time: on a busy machine it takes longer, and is the same work.
//! Of many trials of a latency the quicker quarter counts, for others only ever make one slower.
//! *Leaves out*: whether the figures hold for whole runs: that is what the controls are for
//! (`lab/choose/controls.rs`).
//!
//! ```text
//!   operations   spin, thread CPU time         how much work `cpu 1ms` is, and how much that drifts
//!   side by side spin on all cores at once     what all cores together are worth: threads of a core
//!                                              share it
//!   switch       two threads take turns        on one core: from one that sleeps to the next
//!   wake                                       on two: from the call to the one that runs
//!   fork         a child that ends at once     fork · pipe · exit · wait
//!   pipe         a child that answers          one byte there and one back
//!   encode       the payload                   out of memory and in again: once each way
//!   answer       the lab's own server          what an `io` takes beyond its time
//! ```

use crate::futures::wire::{decode, encode};
use crate::gil::rules::decision::nanos;
use crate::lab::compare::compute::Compute;
use crate::lab::compare::server::{Question, ServerProcess};
use crate::lab::compare::step::{Payload, Spin};
use crate::lab::compare::threads::NoLock;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::{ChildRun, measure};
use crate::lab::report::stats::{Spread, percentile};
use crate::sys::usage::{cores as usable_cores, pin_to, thread_cpu_time};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
/// Trials of a latency.
const TRIALS: usize = 200;
/// Trials of what takes longer.
const FEW: usize = 20;
/// Trials of one kind end after this.
const LONG: Duration = Duration::from_millis(200);
/// Stretches of computing that are held against each other.
const STRETCHES: usize = 9;
/// CPU time of such a stretch, at least.
const STRETCH: Duration = Duration::from_millis(8);

/// What this machine charges. Times are seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Operations in a millisecond of CPU time.
    pub operations_per_ms: f64,
    /// How far the stretches are apart: the middle half of them, as a share.
    pub drift: f64,
    /// What all usable cores are worth together, in cores.
    pub side_by_side: f64,
    /// From one thread that sleeps to the next that runs, on one core; `None` if that cannot be told.
    pub switch: Option<f64>,
    /// From a call that wakes a thread until it runs on another core; `None` if there is one core.
    pub wake: Option<f64>,
    /// A child, its answer and its end.
    pub fork: f64,
    /// A byte to another process and one back.
    pub pipe: f64,
    /// The payload encoded and decoded.
    pub encode: f64,
    /// An answer of the server that is to come at once.
    pub answer: f64,
}

/// Measures all of it, in about a second.
///
/// # Errors
/// If children, pipes or sockets cannot be had.
pub fn calibrate(
    server: &ServerProcess,
    payload: usize,
    cores: usize,
) -> Result<Calibration, Failure> {
    let refuse = |e: io::Error| Failure::io("the calibration", &e, "close other programs");
    let (stretches, _) = measure(PATIENCE, || Ok(stretches()))?;
    let Some((operations_per_ms, drift)) = rate(&stretches) else {
        let why = "its CPU time stands still";
        return Err(Failure::new("the calibration", why, "run it on another machine"));
    };
    let (side_by_side, _) = measure(PATIENCE, || side_by_side(operations_per_ms, cores))?;
    let ((switch, wake), _) = measure(PATIENCE, turns)?;
    Ok(Calibration {
        operations_per_ms,
        drift,
        side_by_side,
        switch,
        wake,
        fork: quicker(FEW, || measure(PATIENCE, || Ok(())).map(drop))?,
        pipe: pipe(refuse)?,
        encode: encoding(payload)?,
        answer: answer(server).map_err(refuse)?,
    })
}

/// A trial's length in seconds: a quarter of so many were quicker; of fewer, on a machine so busy that
/// they take too long.
fn quicker(trials: usize, mut trial: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    let (mut times, first) = (Vec::with_capacity(trials), Instant::now());
    while times.len() < trials && (times.len() < 3 || first.elapsed() < LONG) {
        let begun = Instant::now();
        trial()?;
        times.push(nanos(begun.elapsed()));
    }
    times.sort_unstable();
    Ok(percentile(&times, 0.25).unwrap_or(0) as f64 / 1e9)
}

fn spin(operations: u64) {
    let spin = Spin { seed: 1, operations, native: false, payload: Payload::default() };
    black_box(spin.compute(&mut NoLock));
}

/// Stretches of computing: how many operations, and how many nanoseconds of CPU time.
fn stretches() -> Vec<(u64, u64)> {
    let mut operations = 10_000;
    let stretch = |operations| {
        let before = thread_cpu_time();
        spin(operations);
        thread_cpu_time().saturating_sub(before)
    };
    while stretch(operations) < STRETCH && operations < u64::MAX / 4 {
        operations *= 2;
    }
    (0..STRETCHES).map(|_| (operations, nanos(stretch(operations)))).collect()
}

/// Operations in a millisecond, and the drift, from stretches of operations and nanoseconds. `None`
/// if there are none, or one took no time.
///
/// ```
/// use singletrack::lab::choose::calibrate::rate;
///
/// assert_eq!(rate(&[(2000, 1_000_000), (2000, 1_000_000), (2000, 2_000_000)]), Some((2000.0, 0.0)));
/// assert_eq!(rate(&[(2000, 0)]), None);
/// ```
pub fn rate(stretches: &[(u64, u64)]) -> Option<(f64, f64)> {
    if stretches.iter().any(|&(operations, ns)| ns == 0 || operations == 0) {
        return None;
    }
    let mut rates: Vec<f64> =
        stretches.iter().map(|&(operations, ns)| operations as f64 / (ns as f64 / 1e6)).collect();
    let median = Spread::of(&rates)?.median;
    rates.sort_by(f64::total_cmp);
    let at = |share: f64| rates[((rates.len() - 1) as f64 * share).round() as usize];
    Some((median, (at(0.75) - at(0.25)) / median))
}

/// The lengths of a switch and of a wake-up.
fn turns() -> Result<(Option<f64>, Option<f64>), Failure> {
    let all = usable_cores().unwrap_or_default();
    let on = |other: Option<&usize>| match (all.first(), other) {
        (Some(here), Some(there)) => taking_turns(*here, *there),
        _ => Ok(None),
    };
    Ok((on(all.first())?, on(all.get(1))?))
}

/// Whose turn it is.
const MINE: u8 = 0;
const YOURS: u8 = 1;
const OVER: u8 = 2;

/// Two threads on these cores that wake each other and sleep: how long one turn takes, if this one may
/// stay on its core.
fn taking_turns(here: usize, there: usize) -> Result<Option<f64>, Failure> {
    if pin_to(&[here]).is_err() {
        return Ok(None);
    }
    let (main, turn) = (thread::current(), AtomicU8::new(MINE));
    thread::scope(|scope| {
        let other = Builder::new().spawn_scoped(scope, || {
            // Where that is refused it runs on any core: a wake-up is measured all the same.
            let _ = pin_to(&[there]);
            while turn.load(SeqCst) != OVER {
                if turn.compare_exchange(YOURS, MINE, SeqCst, SeqCst).is_ok() {
                    main.unpark();
                }
                thread::park();
            }
        });
        let other = other.map_err(|e| Failure::no_thread(&e))?;
        let there_and_back = quicker(TRIALS, || {
            turn.store(YOURS, SeqCst);
            other.thread().unpark();
            while turn.load(SeqCst) == YOURS {
                thread::park();
            }
            Ok(())
        });
        turn.store(OVER, SeqCst);
        other.thread().unpark();
        there_and_back.map(|both| Some(both / 2.0))
    })
}

/// What so many cores do together beside what one does alone.
fn side_by_side(operations_per_ms: f64, cores: usize) -> Result<f64, Failure> {
    const MS: f64 = 30.0;
    let operations = (operations_per_ms * MS) as u64;
    let once = || {
        let begun = Instant::now();
        let spin = || spin(operations);
        let spawned = thread::scope(|scope| {
            (0..cores).try_for_each(|_| Builder::new().spawn_scoped(scope, spin).map(drop))
        });
        spawned.map_err(|e| Failure::no_thread(&e))?;
        Ok(cores as f64 * MS / 1e3 / begun.elapsed().as_secs_f64())
    };
    let mut most = 0.0_f64;
    for _ in 0..5 {
        // Others only ever make it less.
        most = most.max(once()?);
    }
    Ok(most.min(cores as f64))
}

fn pipe(refuse: impl Fn(io::Error) -> Failure + Copy) -> Result<f64, Failure> {
    let (questions, mut ask) = io::pipe().map_err(refuse)?;
    let (mut hear, answers) = io::pipe().map_err(refuse)?;
    let keep = [questions.as_fd(), answers.as_fd()];
    let echo = ChildRun::begin(&keep, || {
        let (mut questions, mut answers) = (&questions, &answers);
        let mut byte = [0];
        // Until nobody asks any more.
        while questions.read(&mut byte).map_err(refuse)? > 0 {
            answers.write_all(&byte).map_err(refuse)?;
        }
        Ok(())
    })?;
    drop(answers);
    let mut byte = [7];
    let taken = quicker(TRIALS, || {
        ask.write_all(&byte).and_then(|()| hear.read_exact(&mut byte)).map_err(refuse)
    })?;
    drop(ask);
    echo.finish(PATIENCE)?;
    Ok(taken)
}

fn encoding(payload: usize) -> Result<f64, Failure> {
    let payload = Payload::of(payload);
    quicker(FEW, || {
        let coded = encode(&payload).and_then(|bytes| decode::<Payload>(&bytes));
        let failed = |e: &dyn ToString| Failure::new("the payload", e.to_string(), "send less");
        coded.map(|payload| drop(black_box(payload))).map_err(|e| failed(&e))
    })
}

fn answer(server: &ServerProcess) -> io::Result<f64> {
    let mut stream = TcpStream::connect(server.address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let question = Question { seed: 1, late_us: 0, answer: 16 }.to_bytes();
    let mut bytes = [0; 16];
    let asked = quicker(TRIALS, || {
        let answered = stream.write_all(&question).and_then(|()| stream.read_exact(&mut bytes));
        answered.map_err(|e| Failure::broken(server.address, &e))
    });
    asked.map_err(|failure| io::Error::other(failure.to_string()))
}
