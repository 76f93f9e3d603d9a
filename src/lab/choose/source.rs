//! Where the steps come from: options, a step file, or work that is measured first.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: a file that cannot be used is refused when it is named, before anything runs; what is
//! measured says what was assumed.
//! *Leaves out*: the measuring itself (`lab/choose/outlay.rs`, `lab/choose/python.rs`).
//!
//! ```text
//!   --cpu 2ms --io 20ms ─────────────▶ Given
//!   FILE.steps ── steps.rs ──────────▶ Steps
//!   command -- gzip -9 … ── wait4 ───▶ Command ─┐ cpu, io
//!   urls URL... ── wait4 ────────────▶ Urls ────┤
//!   FILE.py ── run, recorded ────────▶ Python ──┘
//! ```

use crate::lab::choose::outlay;
use crate::lab::choose::python;
use crate::lab::choose::shape::{Measured, Part};
use crate::lab::choose::steps;
use crate::lab::compare::url::Url;
use crate::lab::explore::python::{Refused, is_python};
use crate::lab::report::failure::Failure;
use crate::lab::report::program::find_program;
use crate::lab::run::request::RunRequest;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

/// A step file is no longer than this.
const LONGEST: u64 = 1 << 20;

/// Whose work.
#[derive(Debug, Clone)]
pub enum Source {
    /// What options say.
    Given(Vec<Part>),
    /// A step file, and what it says.
    Steps(String, Vec<Part>),
    /// A program and its arguments.
    Command(Vec<OsString>),
    /// Pages.
    Urls(Vec<Url>),
    /// A Python program.
    Python(Box<RunRequest>),
}

impl Source {
    /// The work that these words name; `program` is what stands behind `--`.
    ///
    /// # Errors
    /// If there is no such work.
    pub fn named(
        what: &[OsString],
        program: &[OsString],
        scale: Option<f64>,
    ) -> Result<Source, Refused> {
        let Some((first, rest)) = what.split_first() else {
            return Err(Failure::new("choose", "the work is missing", "name it").into());
        };
        match first.to_string_lossy().as_ref() {
            "command" if rest.is_empty() && !program.is_empty() => {
                find_program(&program[0], "name a program that runs, with its arguments")?;
                Ok(Source::Command(program.to_vec()))
            }
            "command" => {
                let why = "the program is missing";
                Err(Failure::new("command", why, "write: command -- PROGRAM ARGS").into())
            }
            "urls" if rest.is_empty() => {
                let remedy = "name at least one: urls http://host/path";
                Err(Failure::new("urls", "the URL is missing", remedy).into())
            }
            "urls" => {
                let urls: Result<Vec<Url>, Failure> =
                    rest.iter().map(|word| Url::parse(&word.to_string_lossy())).collect();
                Ok(Source::Urls(urls?))
            }
            _ => Source::file(Path::new(first), rest, program, scale),
        }
    }

    fn file(
        path: &Path,
        rest: &[OsString],
        program: &[OsString],
        scale: Option<f64>,
    ) -> Result<Source, Refused> {
        let name = path.display().to_string();
        if let Some(more) = rest.first().or(program.first()) {
            let why = format!("{name} is one piece of work already");
            return Err(Failure::new(more.to_string_lossy(), why, "name one at a time").into());
        }
        if is_python(path) {
            return Ok(Source::Python(Box::new(python::request(path, scale.unwrap_or(1.0))?)));
        }
        let parts = steps::read(&name, &read(path, &name)?)?;
        Ok(Source::Steps(name, parts))
    }

    /// In words.
    pub fn words(&self) -> String {
        match self {
            Source::Given(_) => "given".to_owned(),
            Source::Steps(name, _) => name.clone(),
            Source::Command(words) => {
                let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
                format!("command {}", words.join(" "))
            }
            Source::Urls(urls) => {
                let urls: Vec<&str> = urls.iter().map(Url::text).collect();
                format!("urls {}", urls.join(" "))
            }
            Source::Python(request) => request.name.clone(),
        }
    }

    /// The steps; measured, where they are not given, within `limit`.
    ///
    /// # Errors
    /// If the work fails when it is measured.
    pub fn measure(&self, limit: Duration) -> Result<Measured, Failure> {
        match self {
            Source::Given(parts) | Source::Steps(_, parts) => Ok(Measured::of(parts.clone())),
            Source::Command(words) => outlay::of_command(words, limit),
            Source::Urls(urls) => outlay::of_pages(urls, limit),
            Source::Python(request) => python::measure_run(request, limit),
        }
    }
}

/// The text of a step file.
fn read(path: &Path, name: &str) -> Result<String, Failure> {
    let remedy = "name a file of steps, a .py file, `urls URL...` or `command -- PROGRAM`";
    let refused = |e: &io::Error| Failure::io(name, e, remedy);
    let file = File::open(path).map_err(|e| refused(&e))?;
    let found = file.metadata().map_err(|e| refused(&e))?;
    if found.is_dir() {
        return Err(Failure::new(name, "this is a directory", remedy));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|e| refused(&e))?;
    if bytes.len() as u64 > LONGEST {
        return Err(Failure::new(name, "it is too long for a step file", remedy));
    }
    String::from_utf8(bytes).map_err(|_| Failure::new(name, "this is no text", remedy))
}
