//! The `singletrack` command.
//!
//! *Assumes*: the process has one thread, for the lab forks a child for each run that it measures.
//! *Promises*: results on stdout, everything else on stderr; one line and exit code 1 or 2
//! where there is no result; 3 if `choose` shows no difference; 1 if a program's `expect` is broken; 130 on SIGINT. A comparison, an
//! exploration or a scene that is interrupted shows what it has. What was ignored when the command
//! began (`nohup`, `&`) stays ignored.
//! *Leaves out*: all logic (`lab`).
//!
//! ```text
//!   argv ─ parse ─▶ Request ─ handle ─▶ compare · choose · explore · dis · run ─ print ─▶ stdout
//!                                       show · fidelity · parity · explain · examples · replay
//! ```

use singletrack::lab::choose::command::choose;
use singletrack::lab::cli::{CliError, Request, parse};
use singletrack::lab::compare_command::compare;
use singletrack::lab::examples::page::examples;
use singletrack::lab::explain::page::explain;
use singletrack::lab::explore::output::explore;
use singletrack::lab::explore::python::explore_python;
use singletrack::lab::gil_cli::GilRequest;
use singletrack::lab::gil_command::{fidelity, parity, show};
use singletrack::lab::play::session::play;
use singletrack::lab::replay::walk::replay;
use singletrack::lab::report::failure::Failure;
use singletrack::lab::report::keys::Stdin;
use singletrack::lab::report::outside::{Ended, check, ended, reader_gone, watch};
use singletrack::lab::report::terminal::{ColorChoice, Page};
use singletrack::lab::run::command::run;
use singletrack::lab::run::request::RunRequest;
use singletrack::lab::seeds::command::sim;
use singletrack::lab::turns::walk::step;
use singletrack::sys::fd::stdout_was_closed;
use singletrack::sys::process::settle_ignored_signals;
use singletrack::sys::signal::exit_on_interrupt;
use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

const WORK_FAILED: u8 = 1;
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match parse(env::args_os()) {
        Ok(request) => match handle(&request) {
            Ok(code) => code,
            Err(failure) => failed(&failure),
        },
        Err(CliError::Help(text)) => match print(&text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failed(&failure),
        },
        Err(CliError::Usage(line)) => fail(&line, USAGE),
    }
}

fn handle(request: &Request) -> Result<ExitCode, Failure> {
    has_stdout()?;
    let refused = |e: io::Error| Failure::io("a signal handler", &e, "run it again");
    settle_ignored_signals().map_err(refused)?;
    match request {
        Request::Dis(_) => exit_on_interrupt().map_err(refused)?,
        // It hears signals in its own way.
        Request::Run(request) => return run_program(request),
        Request::Choose(request) => {
            watch()?;
            let page = Page::on_stdout(None, request.color);
            return choose(request, &page, print).map(ExitCode::from);
        }
        _ => watch()?,
    }
    match request {
        Request::Compare(request) => compare(request, &Page::on_stdout(None, request.color), print),
        Request::Explore(request) => {
            let explored = explore(request);
            print(&explored.text)?;
            explored.failure.map_or(Ok(()), Err)
        }
        Request::ExplorePython(request) => {
            let explored = match explore_python(request) {
                Ok(explored) => explored,
                Err(misfit) => return Ok(fail(&misfit.to_string(), USAGE)),
            };
            print(&explored.text)?;
            explored.failure.map_or(Ok(()), Err)
        }
        Request::Play(request) => {
            let page = Page::on_stdout(None, ColorChoice::Never);
            play(request, &mut Stdin::new(), page.width, print)
        }
        Request::Run(_) | Request::Choose(_) => Ok(()),
        Request::Dis(request) => print(&request.text),
        Request::Step(request) => {
            let page = Page::on_stdout(None, ColorChoice::Never);
            step(request, &mut Stdin::new(), page.width, print)
        }
        Request::Replay(request) => {
            let page = Page::on_stdout(None, ColorChoice::Never);
            replay(request, &mut Stdin::new(), page.width, print)
        }
        Request::Sim(request) => {
            let misfit = sim(request, print)?;
            return Ok(misfit.map_or(ExitCode::SUCCESS, |why| fail(&why.to_string(), USAGE)));
        }
        Request::Explain(request) => explain(request, &Page::on_stdout(None, request.color), print),
        Request::Examples(request) => {
            print(&examples(request, Page::on_stdout(None, ColorChoice::Never).width))
        }
        Request::Gil(GilRequest::Scene(request)) => {
            show(request, &Page::on_stdout(request.width, request.color), print)
        }
        Request::Gil(GilRequest::Fidelity(request)) => {
            fidelity(request, &Page::on_stdout(None, ColorChoice::Never), print)
        }
        Request::Gil(GilRequest::Parity(request)) => {
            parity(request, &Page::on_stdout(None, ColorChoice::Never), print)
        }
    }
    .map(|()| ExitCode::SUCCESS)
}

/// Runs a program, and ends with its exit code.
fn run_program(request: &RunRequest) -> Result<ExitCode, Failure> {
    let left = run(request, &Page::on_stdout(request.width, request.color), print)?;
    Ok(match left.why {
        Some(failure) => fail(&failure.to_string(), left.code),
        None => ExitCode::from(left.code),
    })
}

/// Where the reader has closed the pipe early, as `head` does, the command ends, for nobody will see the
/// rest.
fn print(text: &str) -> Result<(), Failure> {
    has_stdout()?;
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => check().and(Err(reader_gone())),
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
        // Of a command that looks at nothing outside.
        None if *failure == reader_gone() => ExitCode::from(ended_by(libc::SIGPIPE)),
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
