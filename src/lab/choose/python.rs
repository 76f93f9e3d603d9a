//! What a Python program takes: run once for real, recorded, its threads' time with and without the
//! lock.
//!
//! *Assumes*: the calling process has one thread, for the program runs in a child.
//! *Promises*: a program that is refused is refused before anything runs, as `run` does it; what it
//! prints is thrown away; what was assumed is said.
//! *Leaves out*: programs that start processes: what is in those is not in this recording.
//!
//! ```text
//!   main     Has GIL ── No GIL ─────────────────────── Has GIL      starts and joins: no job
//!   Thread-1    Has GIL ── No GIL ── Has GIL                        a job: cpu = Has, io = No
//!   Thread-2       Has GIL ── No GIL ── Has GIL                     a job
//! ```

use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::stats::record::{LockState, Recording};
use crate::lab::choose::outlay::{Outlay, parts};
use crate::lab::choose::shape::Measured;
use crate::lab::explore::python::{Refused, is_python, read};
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::measure;
use crate::lab::report::terminal::ColorChoice;
use crate::lab::run::request::RunRequest;
use crate::python::run::inside::Ending;
use crate::python::run::real::RealRun;
use crate::python::run::single::program;
use crate::python::run::streams::Streams;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How many events of each thread are kept.
const EVENTS: usize = 1 << 16;
/// A program is run with this switch policy: that of a Python of today.
const POLICY: SwitchPolicy = SwitchPolicy::PYTHON_3_13;

/// The program in this file.
///
/// # Errors
/// If there is none, or it is outside the subset, or starts processes.
pub fn request(path: &Path, scale: f64) -> Result<RunRequest, Refused> {
    debug_assert!(is_python(path));
    let name = path.display().to_string();
    let source = read(path, &name)?;
    let program =
        program(&source).map_err(|refusal| Refused::Source(refusal.shown(&name, &source)))?;
    if program.processes {
        let why = "it starts processes, and what they do is not recorded";
        return Err(Failure::new(name, why, "name a program with threads or tasks").into());
    }
    Ok(RunRequest {
        name,
        source,
        program,
        policy: POLICY.into(),
        lanes: false,
        trace: None,
        scale,
        width: None,
        ascii: false,
        color: ColorChoice::Never,
    })
}

/// Seconds of a thread: with the lock, waiting for it, and without.
type Thread = (f64, f64, f64);

/// Runs it once, and takes its threads for jobs.
///
/// # Errors
/// If it does not come to its end, or nothing can be told from it.
pub fn measure_run(request: &RunRequest, limit: Duration) -> Result<Measured, Failure> {
    let name = &request.name;
    let (threads, _) = measure(limit, || run(request)).map_err(|f| f.within(name))?;
    let (main, others) = match threads.split_first() {
        Some((main, others)) => (*main, others.to_vec()),
        None => return Err(Failure::new(name, "it had no threads", "name another program")),
    };
    let (jobs, mut assumed) = match others.is_empty() {
        true => (vec![main], vec![format!("{name} has one thread: all of it is one job")]),
        false => (others, Vec::new()),
    };
    let count = jobs.len();
    if count > 1 {
        assumed.push(format!(
            "each of its {count} threads but the main one is a job, and so many are under way at once"
        ));
    }
    let policy = POLICY;
    assumed.push(format!(
        "it was run once under {policy}, at scale {}: time with the lock is cpu, without it io; the \
         median of the threads counts, and waiting for the lock does not",
        request.scale
    ));
    let outlays = jobs.iter().map(|&(has, _, no)| Outlay { cpu: has, wall: has + no });
    let parts = parts(&outlays.collect::<Vec<Outlay>>());
    Ok(Measured { parts, inflight: (count > 1).then_some(count), assumed })
}

/// In the child.
fn run(request: &RunRequest) -> Result<Vec<Thread>, Failure> {
    let streams = Streams::new(io::sink(), io::sink(), io::empty());
    let run = RealRun::new(&request.program, request.policy)
        .scale(request.scale)
        .file(&request.name, &request.source)
        .streams(streams)
        .record(EVENTS);
    let ran = run.run(|| false).map_err(|e| Failure::no_thread(&e))?;
    if ran.ending != Ending::Finished(0) {
        let remedy = format!("see what `singletrack run {}` says", request.name);
        return Err(Failure::new("the program", "it did not come to its end", remedy));
    }
    Ok(ran.recording.as_ref().map(threads).unwrap_or_default())
}

/// The time of each thread by what it had to do with the lock; the main thread first.
pub fn threads(recording: &Recording) -> Vec<Thread> {
    let of = |state: LockState, slices: &[(LockState, u64)]| {
        let ns: u64 = slices.iter().filter(|(s, _)| *s == state).map(|(_, ns)| ns).sum();
        ns as f64 / 1e9
    };
    recording
        .tracks
        .iter()
        .map(|track| {
            // Until its last event: after that it is gone.
            let until = track.events.last().map_or(0, |event| event.at);
            let slices = track.slices(until);
            let slices: Vec<(LockState, u64)> =
                slices.iter().map(|slice| (slice.state, slice.to - slice.from)).collect();
            (
                of(LockState::HasGil, &slices),
                of(LockState::WaitingForGil, &slices),
                of(LockState::NoGil, &slices),
            )
        })
        .collect()
}
