//! The `singletrack` command.
//!
//! *Assumes*: the process has one thread, for the lab forks a child for each run that it measures.
//! *Promises*: results on stdout, everything else on stderr; one line and exit code 1 or 2
//! where there is no result; 130 on SIGINT. A comparison that is interrupted shows what it has. What
//! was ignored when the command began (`nohup`, `&`) stays ignored.
//! *Leaves out*: all logic (`lab`).
//!
//! ```text
//!   argv ─ parse ─▶ Request ─ handle ─▶ compare · explore · dis             ─ print ─▶ stdout
//!                                       show · fidelity · parity
//! ```

use singletrack::lab::cli::{CliError, ColorChoice, CompareRequest, Request, parse};
use singletrack::lab::compare::cases::Case;
use singletrack::lab::compare::document::document;
use singletrack::lab::compare::export::{csv, markdown};
use singletrack::lab::compare::output::{Progress, table};
use singletrack::lab::compare::race::Race;
use singletrack::lab::compare::result::CaseResult;
use singletrack::lab::compare::sweep::Curve;
use singletrack::lab::explore::output::explore;
use singletrack::lab::gil_cli::GilRequest;
use singletrack::lab::gil_command::{fidelity, parity, show};
use singletrack::lab::report::failure::Failure;
use singletrack::lab::report::outside::{Ended, check, ended, watch};
use singletrack::sys::fd::{stdout_was_closed, terminal_width};
use singletrack::sys::process::settle_ignored_signals;
use singletrack::sys::signal::exit_on_interrupt;
use singletrack::vm::disassembler::dis;
use std::env;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;

const WORK_FAILED: u8 = 1;
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match parse(env::args_os()) {
        Ok(request) => match handle(&request) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failed(&failure),
        },
        Err(CliError::Help(text)) => match print(&text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failed(&failure),
        },
        Err(CliError::Usage(line)) => fail(&line, USAGE),
    }
}

fn handle(request: &Request) -> Result<(), Failure> {
    has_stdout()?;
    let refused = |e: io::Error| Failure::io("a signal handler", &e, "run it again");
    settle_ignored_signals().map_err(refused)?;
    match request {
        Request::Compare(_) => watch()?,
        _ => exit_on_interrupt().map_err(refused)?,
    }
    match request {
        Request::Compare(request) => compare(request),
        Request::Explore(request) => print(&explore(request)),
        Request::Dis(program) => print(&dis(program)),
        Request::Gil(GilRequest::Scene(request)) => {
            show(request, wants_colour(ColorChoice::Auto), print)
        }
        Request::Gil(GilRequest::Fidelity(request)) => fidelity(request, print),
        Request::Gil(GilRequest::Parity(request)) => parity(request, print),
    }
}

/// Shows each case as soon as it has ended, or all as JSON in the end; of a case that fails, what
/// was measured before.
fn compare(request: &CompareRequest) -> Result<(), Failure> {
    let mut progress = Progress::new();
    let (mut results, mut failure) = (Vec::new(), None);
    for case in &request.cases {
        failure = of_case(request, case, &mut results, &mut progress)?;
        if failure.is_some() {
            break;
        }
    }
    drop(progress);
    match request.json {
        true => print(&format!("{:#}\n", document(&results, failure.as_ref())))?,
        false if failure.is_none() => {
            print("\nWhat the columns mean: singletrack compare --help\n")?;
        }
        false => {}
    }
    let exports = [
        request.export_csv.as_ref().map(|path| (path, csv(&results))),
        request.export_markdown.as_ref().map(|path| (path, markdown(&results))),
    ];
    // What is there already is worth more than nothing.
    for (path, text) in exports.into_iter().flatten().filter(|_| !results.is_empty()) {
        replace(path, &text)?;
    }
    failure.map_or(Ok(()), Err)
}

/// Runs a case, at each point of the sweep if there is one; returns what ended it early.
fn of_case(
    request: &CompareRequest,
    case: &Case,
    results: &mut Vec<CaseResult>,
    progress: &mut Progress,
) -> Result<Option<Failure>, Failure> {
    let CompareRequest { race, json, sweep, .. } = request;
    let points = sweep.as_ref().map_or(vec![None], |sweep| {
        sweep.values.iter().map(|&value| Some((sweep, value))).collect()
    });
    let (first, mut failure) = (results.len(), None);
    for at in points {
        let sizes = at.map_or(race.sizes.clone(), |(sweep, value)| sweep.apply(value, &race.sizes));
        let name = at.map_or(String::new(), |(sweep, value)| sweep.point(value));
        let shown = format!("{} {name}", case.name());
        let race = Race { sizes, ..race.clone() };
        let raced = race.case(case, |model, share| progress.begin(&shown, model, share));
        let result = match raced {
            Ok(result) => Some(result),
            Err(unfinished) => {
                failure = Some(unfinished.failure);
                unfinished.kept.map(|kept| *kept)
            }
        };
        results.extend(result.map(|result| CaseResult { point: at.map(|_| name), ..result }));
        if failure.is_some() {
            break;
        }
    }
    let of_case = &results[first..];
    if *json || of_case.is_empty() {
        return Ok(failure);
    }
    let text = match sweep {
        None => {
            let width = terminal_width(io::stdout().as_fd());
            let colour = wants_colour(request.color);
            of_case.iter().map(|result| table(result, colour, width)).collect()
        }
        Some(sweep) => {
            let points = sweep.values.iter().copied().zip(of_case).collect();
            Curve { knob: sweep.knob, points }.to_string()
        }
    };
    let gap = if first == 0 { "" } else { "\n" };
    progress.aside(|| print(&format!("{gap}{text}")))?;
    Ok(failure)
}

/// Writes a file beside this one and renames it, so that no half of it is ever there.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let refused = |e: io::Error| {
        Failure::io(path.display().to_string(), &e, "name a file that can be written")
    };
    let mut beside = path.to_owned().into_os_string();
    beside.push(format!(".{}.new", std::process::id()));
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    written
        .inspect_err(|_| {
            // The reason that is reported is why it could not be written.
            let _ = fs::remove_file(&beside);
        })
        .map_err(refused)
}

fn wants_colour(when: ColorChoice) -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    match when {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR") => false,
        ColorChoice::Auto if env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0") => {
            true
        }
        ColorChoice::Auto => {
            io::stdout().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// A reader that closes the pipe early, such as `head`, is no failure; a comparison ends then, for
/// nobody will see the rest.
fn print(text: &str) -> Result<(), Failure> {
    has_stdout()?;
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => check(),
        Err(e) => Err(Failure::io("stdout", &e, "give it a place to write to")),
    }
}

fn has_stdout() -> Result<(), Failure> {
    match stdout_was_closed() {
        true => Err(Failure::new("stdout", "it is closed", "give it a place to write to")),
        false => Ok(()),
    }
}

/// A command that was ended from outside says so with its exit code, as a shell would: 128 and the
/// signal; SIGPIPE's where the reader has gone, who needs no words.
fn failed(failure: &Failure) -> ExitCode {
    match ended() {
        Some(Ended::Signal(signal)) => fail(&failure.to_string(), ended_by(signal)),
        Some(Ended::ReaderGone) => ExitCode::from(ended_by(libc::SIGPIPE)),
        None => fail(&failure.to_string(), WORK_FAILED),
    }
}

fn ended_by(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(WORK_FAILED)
}

fn fail(line: &str, code: u8) -> ExitCode {
    // If stderr is closed, the exit code alone must do.
    let _ = writeln!(io::stderr(), "singletrack: {line}");
    ExitCode::from(code)
}
