//! What `run` is asked for: a command line, and a program file.
//!
//! *Assumes*: words that clap has sorted.
//! *Promises*: a file that is refused is refused before anything runs, with its place; a trace that
//! could not be written, too.
//! *Leaves out*: carrying it out (`lab/run/command.rs`).

use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::rules::threading::Threading;
use crate::lab::explore::python::{Refused, is_python, read};
use crate::lab::report::failure::Failure;
use crate::lab::report::terminal::{ColorChoice, WIDEST};
use crate::lab::report::whole_file::WholeFile;
use crate::python::code::program::Program;
use crate::python::run::single::program;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

/// For the end of `run --help`.
pub const EXAMPLES: &str = "\
Examples:
  singletrack run examples/article/threads.py --scale 0.1
  singletrack run examples/article/threads.py --lanes
  singletrack run examples/race.py --policy 2.7 --trace race.json

Each `threading.Thread` is a thread of the operating system, under a lock with that policy. What a
program prints is written as it is printed; an exception that nobody catches is a traceback on stderr.
Tasks of asyncio are tasks of one event loop, and its streams real sockets.
A second of a program takes --scale real seconds: its sleeps, its limits of time, and its clock.
The jobs of a `ThreadPoolExecutor` run on an executor of ours. A `multiprocessing.Process`, the workers
of a `Pool` and of a `ProcessPoolExecutor` are forked; each begins with a copy of what there is then.
free-threaded is emulated: the lock is dropped after every instruction, so threads mix as they would
without one, and are not faster than one thread.
Ctrl-C is a KeyboardInterrupt in the main thread.
Two things differ from CPython on purpose. An int has 64 bits; one that needs more is an OverflowError.
And nothing is closed because nobody holds it any more: the `finally` of a generator that is left in
the middle does not run. Call its `close`.

Policies: python-2, python-2-linux, python-3.2, python-3.10, python-3.11, python-3.13, no-force, fair,
priority, free-threaded; or a version of Python: 2.7, 3.9, 3.12, 3.14, 3.14t.

Exit codes: the program's (0; 1 after an exception in its main thread; what it gives `sys.exit`), 1 if
it was stopped or no thread could go on, 2 if it was refused, 130 after Ctrl-C, 141 if the reader of
its output has gone.";

/// The words after `run`.
#[derive(Args)]
pub struct RunArgs {
    /// A Python program, such as those in examples/article
    program: PathBuf,
    /// When threads may switch: python-3.10, 2.7, 3.12, free-threaded, ... [default: python-3.13]
    #[arg(long, value_name = "P")]
    policy: Option<Threading>,
    /// Draws afterwards who had the lock when, and counts how often it changed hands
    #[arg(long)]
    lanes: bool,
    /// Writes all that was recorded of the lock to a file that Perfetto opens
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Real seconds that a second of the program takes [default: 1]
    #[arg(long, value_name = "S", value_parser = scale)]
    scale: Option<f64>,
    /// Characters in a line of the drawing [default: the terminal's columns, $COLUMNS, or 80]
    #[arg(long, value_name = "N", value_parser = width, requires = "lanes")]
    width: Option<usize>,
    /// Draws with ASCII characters only
    #[arg(long, requires = "lanes")]
    ascii: bool,
    /// Colours in the drawing: those that TERM and COLORTERM promise
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    color: ColorChoice,
}

/// What to run.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The file, as it was named.
    pub name: String,
    /// Its text.
    pub source: String,
    /// What it says.
    pub program: Arc<Program>,
    /// Under which policy.
    pub policy: Threading,
    /// Whether to draw who had the lock when.
    pub lanes: bool,
    /// Where to write a trace.
    pub trace: Option<PathBuf>,
    /// So many real seconds are one of the program's.
    pub scale: f64,
    /// Characters in a line, if that was asked for.
    pub width: Option<usize>,
    /// Draw with ASCII characters only.
    pub ascii: bool,
    /// When to use colours.
    pub color: ColorChoice,
}

impl RunArgs {
    /// The request these words make.
    ///
    /// # Errors
    /// [`Refused`] if there is no such file, it is outside the subset, or there cannot be a trace.
    pub fn request(self) -> Result<RunRequest, Refused> {
        let name = self.program.display().to_string();
        if !is_python(&self.program) {
            let why = "only Python programs are run";
            return Err(Failure::new(name, why, "name a file that ends in .py").into());
        }
        let source = read(&self.program, &name)?;
        let program =
            program(&source).map_err(|refusal| Refused::Source(refusal.shown(&name, &source)))?;
        self.trace.as_deref().map_or(Ok(()), WholeFile::check)?;
        Ok(RunRequest {
            name,
            source,
            program,
            policy: self.policy.unwrap_or(SwitchPolicy::PYTHON_3_13.into()),
            lanes: self.lanes,
            trace: self.trace,
            scale: self.scale.unwrap_or(1.0),
            width: self.width,
            ascii: self.ascii,
            color: self.color,
        })
    }
}

/// A scale, as it is written.
///
/// # Errors
/// Text that is none.
pub fn scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(scale) if (1e-6..=1000.0).contains(&scale) => Ok(scale),
        _ => Err("give a number from 0.000001 to 1000".to_owned()),
    }
}

fn width(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(width) if (20..=WIDEST).contains(&width) => Ok(width),
        _ => Err(format!("give a number of characters from 20 to {WIDEST}")),
    }
}
