//! What a command or a page takes: CPU time and waiting, measured over a few runs.
//!
//! *Assumes*: the calling process has one thread, for what is measured runs in children.
//! *Promises*: the kernel's own figures (`wait4`, the scheduler's), medians over the runs; a run that
//! fails, or takes too long, is a failure that names it.
//! *Leaves out*: which of the CPU time a Python would spend without the lock: nobody can tell that
//! from outside.

use crate::lab::choose::shape::{Measured, Part};
use crate::lab::compare::cases::{Cores, Plan};
use crate::lab::compare::model::Model;
use crate::lab::compare::run::run;
use crate::lab::compare::trial;
use crate::lab::compare::url::Url;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::measure;
use crate::lab::report::outside::{self, Patience};
use crate::lab::report::stats::Spread;
use crate::sys::fd::wait_readable;
use crate::sys::process::{Death, pidfd_open, send_signal};
use crate::sys::usage::wait_with_usage;
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of a command, and rounds of pages.
const RUNS: usize = 5;

/// CPU time and waiting of one run, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlay {
    /// On a core.
    pub cpu: f64,
    /// From begin to end.
    pub wall: f64,
}

/// The steps that these runs come to: the median CPU time, and the rest of the median wall.
///
/// ```
/// use singletrack::lab::choose::outlay::{Outlay, parts};
/// use singletrack::lab::choose::shape::Part;
/// use std::time::Duration;
///
/// let run = Outlay { cpu: 0.002, wall: 0.012 };
/// let ms = Duration::from_millis;
/// assert_eq!(parts(&[run, run]), [Part::Io(ms(10)), Part::Cpu(ms(2))]);
/// let busy = Outlay { cpu: 0.002, wall: 0.002 };
/// assert_eq!(parts(&[busy]), [Part::Cpu(ms(2))]);
/// ```
pub fn parts(runs: &[Outlay]) -> Vec<Part> {
    let median = |of: fn(&Outlay) -> f64| {
        Spread::of(&runs.iter().map(of).collect::<Vec<f64>>()).map_or(0.0, |spread| spread.median)
    };
    let (cpu, wall) = (median(|run| run.cpu), median(|run| run.wall));
    let micros = |seconds: f64| Duration::from_micros((seconds * 1e6).round().max(0.0) as u64);
    let waits = micros(wall - cpu);
    // Shorter waits are what it takes to start and to end.
    let io = (waits.as_secs_f64() > wall * 0.05).then_some(Part::Io(waits));
    io.into_iter().chain([Part::Cpu(micros(cpu))]).collect()
}

/// Runs a program a few times.
///
/// # Errors
/// If it cannot be started, fails, or takes too long.
pub fn of_command(words: &[OsString], limit: Duration) -> Result<Measured, Failure> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Failure::new("command", "the program is missing", "name one behind --"));
    };
    let name = program.to_string_lossy().into_owned();
    let mut runs = Vec::new();
    let begun = Instant::now();
    while runs.len() < RUNS && (runs.is_empty() || begun.elapsed() < limit / 2) {
        let mut command = Command::new(program);
        command.args(arguments);
        runs.push(once(&name, &mut command, limit)?);
    }
    let assumed = vec![
        format!("{name} was run {} times; its CPU time counts as computing with the lock", runs.len()),
        "if it is to run as a process of its own, its computing is `native`: write it so in a step \
         file"
            .to_owned(),
    ];
    Ok(Measured { parts: parts(&runs), inflight: None, assumed })
}

fn once(name: &str, command: &mut Command, limit: Duration) -> Result<Outlay, Failure> {
    let remedy = "name a program that runs, with its arguments";
    let refused = |e: io::Error| Failure::io(name, &e, remedy);
    let begun = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().map_err(refused)?;
    let waited = wait(child.id(), limit);
    let (death, usage) = wait_with_usage(child.id()).map_err(refused)?;
    let wall = begun.elapsed().as_secs_f64();
    match waited {
        Ok(true) if death == Death::Code(0) => Ok(Outlay { cpu: usage.cpu.as_secs_f64(), wall }),
        Ok(true) => Err(Failure::new(name, format!("it ended with {death}"), remedy)),
        Ok(false) => {
            let why = format!("it had not ended after {limit:?}, and was killed");
            Err(Failure::new(name, why, "raise --time, or choose for a smaller piece of the work"))
        }
        Err(why) => Err(why),
    }
}

/// Waits for the end of a child, no longer than `limit`; then it is killed, and after a signal, too.
fn wait(pid: u32, limit: Duration) -> Result<bool, Failure> {
    let refused = |e: io::Error| Failure::io("a child process", &e, "run it again");
    let pidfd = pidfd_open(pid).map_err(refused)?;
    let mut patience = Patience::new(limit, Instant::now());
    loop {
        let left = patience.left(Instant::now());
        let checked = outside::check();
        if checked.is_err() || left.is_zero() {
            // It may have ended at this very moment.
            let _ = send_signal(pidfd.as_fd(), libc::SIGKILL);
            return checked.map(|()| false);
        }
        if wait_readable(pidfd.as_fd(), left.min(outside::LOOK)).map_err(refused)? {
            return Ok(true);
        }
    }
}

/// Fetches pages a few times, one after another.
///
/// # Errors
/// If one cannot be had, or is not the same each time.
pub fn of_pages(urls: &[Url], limit: Duration) -> Result<Measured, Failure> {
    let tried = trial::pages(urls, limit, limit)?;
    let jobs = tried.into_iter().collect::<Result<Vec<_>, Failure>>()?;
    let count = jobs.len();
    let plan = Plan {
        jobs,
        lanes: 1,
        workers: 1,
        interval: None,
        server: None,
        cores: Cores::All,
        keep_going: false,
        notes: Vec::new(),
        skipped: Vec::new(),
    };
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let (ran, usage) = measure(limit, || run(Model::Sequential, plan.clone(), None))?;
        let cpu = ran.phase.footprint.cpu_ns.map_or(usage.cpu.as_secs_f64(), |ns| ns as f64 / 1e9);
        let wall = ran.phase.wall_ns as f64 / 1e9;
        runs.push(Outlay { cpu: cpu / count as f64, wall: wall / count as f64 });
    }
    let assumed = vec![format!(
        "{count} page{} fetched {RUNS} times, one after another: a job is one of them, its waiting is \
         taken from the lab's own server",
        if count == 1 { " was" } else { "s were" }
    )];
    Ok(Measured { parts: parts(&runs), inflight: None, assumed })
}
