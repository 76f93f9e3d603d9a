//! `run`: the program, then what was recorded of the lock.
//!
//! *Promises*: the program's output is its own; what follows it is drawn and written however it has
//! ended; why it was stopped is one line.
//! *Leaves out*: the run itself (`python/run`).

use crate::gil::rules::threading::Threading;
use crate::gil::stats::counters::Counters;
use crate::gil::stats::record::Recording;
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::{DrawOptions, StateNames, lanes, legend};
use crate::lab::report::terminal::{Page, wrap};
use crate::lab::report::window::recorded;
use crate::lab::run::request::RunRequest;
use crate::lab::timeline::from_lock::from_lock;
use crate::lab::timeline::timeline::Timeline;
use crate::lab::timeline::trace::save_trace;
use crate::python::run::child::{self, Settings};
use crate::python::run::inside::Ending;
use crate::python::run::processes::Processes;
use crate::python::run::real::RealRun;
use crate::sys::signal::{EXIT_CODE, listen_on, listen_once, take};
use std::path::Path;
use std::sync::Arc;

/// How many events of each thread are kept for a drawing or a trace.
const EVENTS: usize = 1 << 14;

/// Where the program's end leaves the command: its exit code, and a line why, if it was stopped.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// The exit code.
    pub code: u8,
    /// Why the program was stopped.
    pub why: Option<Failure>,
}

/// Runs a program; `print` is called with what is to be shown after it.
///
/// # Errors
/// If there is no thread for it, or what follows it cannot be written.
pub fn run(
    request: &RunRequest,
    page: &Page,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<Left, Failure> {
    let processes = match request.program.processes {
        false => Processes::default(),
        true => processes(request)?,
    };
    listen()?;
    let mut run = RealRun::new(&request.program, request.policy)
        .scale(request.scale)
        .file(&request.name, &request.source)
        .processes(processes);
    if request.lanes || request.trace.is_some() {
        run = run.record(EVENTS);
    }
    let ran = run.run(|| take(libc::SIGINT)).map_err(|error| Failure::no_thread(&error))?;
    if let Some(recording) = &ran.recording {
        if request.lanes {
            print(&drawing(request, page, recording, &ran.counters))?;
        }
        if let Some(path) = &request.trace {
            write(path, request, recording)?;
        }
    }
    Ok(left(request, ran.ending))
}

/// The processes that the program may start are forked from what there is now.
fn processes(request: &RunRequest) -> Result<Processes, Failure> {
    let settings = Settings {
        program: Arc::clone(&request.program),
        threading: request.policy,
        scale: request.scale,
        file: (request.name.clone(), request.source.clone()),
    };
    let remedy = "run it again";
    child::processes(settings).map_err(|error| Failure::new("processes", error.to_string(), remedy))
}

/// From now on a SIGINT is noted, each time; unless whoever began the command has it ignored.
fn listen() -> Result<(), Failure> {
    let failed = |error| Failure::io("a signal handler", &error, "run it again");
    if listen_once(libc::SIGINT).map_err(failed)?.is_some() {
        listen_on(libc::SIGINT, false).map_err(failed)?;
    }
    Ok(())
}

fn left(request: &RunRequest, ending: Ending) -> Left {
    let name = &request.name;
    let (code, why) = match ending {
        Ending::Finished(code) => (code, None),
        Ending::Interrupted => (EXIT_CODE.to_le_bytes()[0], None),
        Ending::NoOutput(_, true) => (128 + libc::SIGPIPE.to_le_bytes()[0], None),
        Ending::NoOutput(why, false) => {
            let why = why.split(" (os error").next().unwrap_or_default();
            (1, Some(Failure::new("stdout", why, "give it a place to write to")))
        }
        Ending::Stopped(why, at) => {
            let remedy = "change this line, or what leads to it";
            (1, Some(Failure::new(format!("{name}:{at}: stopped"), why, remedy)))
        }
        Ending::Deadlock(waits) => {
            let why = format!("no thread can go on: {}", waits.join("; "));
            let remedy = format!("see how with `singletrack explore {name} --policy all`");
            (1, Some(Failure::new(format!("{name}: deadlock"), why, remedy)))
        }
    };
    Left { code, why }
}

fn words(policy: Threading) -> StateNames {
    match policy {
        Threading::Gil(_) => StateNames::LOCK,
        Threading::Free => StateNames::NO_LOCK,
    }
}

fn drawing(
    request: &RunRequest,
    page: &Page,
    recording: &Recording,
    counters: &Counters,
) -> String {
    let words = words(request.policy);
    let options = DrawOptions { width: page.width, ascii: request.ascii, palette: page.palette };
    let drawn = lanes(recording, recorded(recording), &words, &options);
    let counts = format!(
        "{}: {} switches, {} forced, {} waits for the lock",
        request.policy,
        counters.switches,
        counters.forced_drops + counters.tick_drops,
        counters.acquired_after_wait,
    );
    format!("\n{drawn}{}\n{}", legend(&words, &options), wrap(&counts, page.width))
}

fn write(path: &Path, request: &RunRequest, recording: &Recording) -> Result<(), Failure> {
    let policy = request.policy.to_string();
    let command = format!("singletrack run {}", request.name);
    let name = format!("{} · {policy}", request.name);
    let group = from_lock(&name, std::process::id(), recording, &words(request.policy));
    let about = vec![("policy".to_owned(), policy), ("cmd".to_owned(), command)];
    let timeline = Timeline { about, until: recording.until, groups: vec![group] };
    save_trace(path, &timeline)
}
