//! The `singletrack` command.
//!
//! *Assumes*: the process has one thread, for the lab forks a child for each run that it measures.
//! *Promises*: results on stdout, everything else on stderr; one line and exit code 1 or 2
//! where there is no result; 130 on SIGINT.
//! *Leaves out*: all logic (`lab`).
//!
//! ```text
//!   argv ─ parse ─▶ Request ─ handle ─▶ compare · explore · dis             ─ print ─▶ stdout
//!                                       show · fidelity · parity
//! ```

use singletrack::lab::cli::{CliError, ColorChoice, CompareRequest, Request, parse};
use singletrack::lab::compare::output::{Progress, document, table};
use singletrack::lab::explore::output::explore;
use singletrack::lab::gil_cli::GilRequest;
use singletrack::lab::gil_command::{fidelity, parity, show};
use singletrack::lab::report::failure::Failure;
use singletrack::sys::signal::exit_on_interrupt;
use singletrack::vm::disassembler::dis;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

const WORK_FAILED: u8 = 1;
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match parse(env::args_os()) {
        Ok(request) => match handle(&request) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => fail(&failure.to_string(), WORK_FAILED),
        },
        Err(CliError::Help(text)) => match print(&text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => fail(&failure.to_string(), WORK_FAILED),
        },
        Err(CliError::Usage(line)) => fail(&line, USAGE),
    }
}

fn handle(request: &Request) -> Result<(), Failure> {
    exit_on_interrupt().map_err(|e| Failure::io("SIGINT", &e, "run it again"))?;
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

fn compare(request: &CompareRequest) -> Result<(), Failure> {
    let CompareRequest { cases, race, json, color } = request;
    let colour = wants_colour(*color);
    let mut progress = Progress::new(race.runs(cases.len()));
    let mut results = Vec::new();
    for case in cases {
        let result = race.case(case, |model| progress.begin(case.name(), model))?;
        if !json {
            let gap = if results.is_empty() { "" } else { "\n" };
            progress.aside(|| print(&format!("{gap}{}", table(&result, colour))))?;
        }
        results.push(result);
    }
    match json {
        true => print(&format!("{:#}\n", document(&results))),
        false => print("\nWhat the columns mean: singletrack compare --help\n"),
    }
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

/// A reader that closes the pipe early, such as `head`, is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::io("stdout", &e, "give it a place to write to"))
        }
        _ => Ok(()),
    }
}

fn fail(line: &str, code: u8) -> ExitCode {
    // If stderr is closed, the exit code alone must do.
    let _ = writeln!(io::stderr(), "singletrack: {line}");
    ExitCode::from(code)
}
