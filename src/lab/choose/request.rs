//! What `choose` is asked for: a command line, and the work that it names.
//!
//! *Assumes*: words that clap has sorted.
//! *Promises*: what cannot be followed is refused here, before anything runs, in one line that names
//! it: impossible durations and sizes, more in flight than there are descriptors for, a job that is
//! too long for the time.
//! *Leaves out*: measuring work that is not given as steps (`lab/choose/source.rs`).

use crate::lab::choose::machine::Machine;
use crate::lab::choose::quantity::{size, time};
use crate::lab::choose::shape::Measured;
use crate::lab::choose::shape::{Part, Shape};
use crate::lab::choose::source::Source;
use crate::lab::compare::cases::{OWN, descriptors};
use crate::lab::compare::model::Model;
use crate::lab::compare::request::{from_one_to, from_to};
use crate::lab::explore::python::Refused;
use crate::lab::page::request::{Pictures, command_line};
use crate::lab::report::failure::Failure;
use crate::lab::report::nearest::or_nearest;
use crate::lab::report::terminal::ColorChoice;
use crate::lab::run::request::scale;
use clap::Args;
use std::ffi::OsString;
use std::time::Duration;

/// For the end of `choose --help`.
pub const EXAMPLES: &str = "\
Examples:
  singletrack choose --cpu 2ms --io 20ms --inflight 32
  singletrack choose --cpu 2ms --io 20ms --native 1ms --payload 4KiB --jobs 400 --inflight 32
  singletrack choose request.steps --json > request.json
  singletrack choose urls http://127.0.0.1:8000/
  singletrack choose examples/article/threads.py
  singletrack choose command -- gzip -9 -k -c Cargo.lock";

/// More of it, for `--help`.
pub const READING: &str = "\
A step file has one step of a job a line, and # begins a comment:
  io 20ms         waits for an answer that comes after so long
  cpu 2ms         computes, with the interpreter lock
  native 1ms      computes without it, as CPython does when it hashes or compresses
  send 4KiB       what a job carries to the process that computes it, and back

How it is done: the machine is calibrated; two controls whose answers are known must come out right,
else there is no answer; the models race in rounds, in another order each time; a winner by little
is confirmed by rounds of its own; then each setting is varied until the verdict flips.

How to read the table:
  wall            median over the rounds, for all jobs of a round
  p50, p99        how long a job took once a thread, a task or a worker had taken it
  CPU, memory     of all its processes together; memory at the end of the jobs
  where its time goes: \u{2588} its own work, \u{2593} waiting for the lock, \u{2591} in calls: I/O, another process,
                  or until it is a task's turn
  \u{2020} \u{2021} \u{a7}           a row that breaks an identity of arithmetic; the line below says which

Models: event-loop, loop+processes, threads-py3.10, threads-py2, processes, threads-free,
interpreters; also sequential and threads-py3.2. The choice is among those of a Python with one lock;
what a Python without one, or with one for each interpreter, would change stands below it.
One model named twice is put beside itself.

Exit codes: 0 a model, or one of a family, is to be chosen, 3 no difference (shown, or not enough
rounds to show one), 1 the
work failed or a control came out wrong, 2 usage, 130 interrupted (SIGINT), 143 ended (SIGTERM), 141
the reader of its output has gone.";

/// The words after `choose`.
#[derive(Debug, Args)]
pub struct ChooseArgs {
    /// FILE.steps, FILE.py, `urls URL...` or `command -- PROGRAM ARGS`; none if the options say it
    #[arg(value_name = "WORK")]
    what: Vec<OsString>,
    /// The program of `command`
    #[arg(last = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
    /// How long a job computes with the interpreter lock: 200us, 2ms, 1.5s
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    cpu: Option<String>,
    /// How long a job waits
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    io: Option<String>,
    /// How long a job computes without the lock
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    native: Option<String>,
    /// What a job carries to the process that computes it, and back: 512B, 4KiB, 1MiB
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    payload: Option<String>,
    /// Jobs of a round [default: as many as take a quarter of a second; fewer where they do not fit]
    #[arg(long, value_name = "N", value_parser = from_one_to::<1_000_000>)]
    jobs: Option<usize>,
    /// How many jobs may be under way at once
    #[arg(long, value_name = "N", default_value = "32", value_parser = from_one_to::<100_000>)]
    inflight: usize,
    /// Models to choose from, separated by commas [default: those that --help names first]
    #[arg(long, value_name = "M", value_delimiter = ',')]
    model: Vec<String>,
    /// Processes of a pool, and interpreters [default: the usable cores]
    #[arg(long, value_name = "N", value_parser = from_one_to::<256>)]
    workers: Option<usize>,
    /// Seconds that all of it may take, about
    #[arg(long, value_name = "SECONDS", default_value = "50", value_parser = from_one_to::<86_400>)]
    time: usize,
    /// Real seconds that a second of a .py file takes when it is measured [default: 1]
    #[arg(long, value_name = "S", value_parser = scale)]
    scale: Option<f64>,
    /// Seed of the inputs and of the order of the models
    #[arg(long, value_name = "N", default_value = "7", value_parser = from_to(0, u64::MAX))]
    seed: u64,
    /// Goes on although a control came out wrong, and says so
    #[arg(long)]
    anyway: bool,
    /// Prints one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Prints the verdict alone, in one line
    #[arg(long, conflicts_with = "json")]
    quiet: bool,
    #[command(flatten)]
    pictures: Pictures,
    /// Colours in the table
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    color: ColorChoice,
}

/// What `singletrack choose` is asked for.
#[derive(Debug, Clone)]
pub struct ChooseRequest {
    /// Whose work.
    pub source: Source,
    /// How many jobs, if anybody said so.
    pub jobs: Option<usize>,
    /// How many at once.
    pub inflight: usize,
    /// Which models.
    pub models: Vec<Model>,
    /// The cores.
    pub machine: Machine,
    /// Processes of a pool.
    pub workers: usize,
    /// How long all of it may take.
    pub time: Duration,
    /// Of the inputs and the order.
    pub seed: u64,
    /// Whether to go on although a control came out wrong.
    pub anyway: bool,
    /// Where to draw it.
    pub pictures: Pictures,
    /// Whether to print JSON.
    pub json: bool,
    /// Whether to print the verdict alone.
    pub quiet: bool,
    /// When to use colours.
    pub color: ColorChoice,
    /// The command line.
    pub command: String,
}

/// The models that are raced unless others are named.
const USUAL: [Model; 7] = [
    Model::EventLoop,
    Model::LoopProcesses,
    Model::ThreadsPy310,
    Model::ThreadsPy2,
    Model::Processes,
    Model::ThreadsFree,
    Model::Interpreters,
];

impl ChooseArgs {
    /// What these words ask for.
    ///
    /// # Errors
    /// What cannot be followed.
    pub fn request(self) -> Result<ChooseRequest, Refused> {
        self.pictures.check()?;
        let models = named(&self.model)?;
        let machine = Machine::here();
        let workers = self.workers.unwrap_or(machine.usable);
        let parts = self.parts()?;
        let source = match (&self.what[..], parts.is_empty()) {
            ([], false) if self.program.is_empty() => Source::Given(parts),
            ([], _) => return Err(nothing().into()),
            (_, false) => return Err(twice(&self.what[0]).into()),
            (what, true) => Source::named(what, &self.program, self.scale)?,
        };
        let request = ChooseRequest {
            source,
            jobs: self.jobs,
            inflight: self.inflight,
            models,
            machine,
            workers,
            time: Duration::from_secs(self.time as u64),
            seed: self.seed,
            anyway: self.anyway,
            pictures: self.pictures,
            json: self.json,
            quiet: self.quiet,
            color: self.color,
            command: command_line(std::env::args_os()),
        };
        if let Source::Given(parts) | Source::Steps(_, parts) = &request.source {
            request.possible(&request.shape(&Measured::of(parts.clone())))?;
        }
        Ok(request)
    }

    /// The steps that options name: first the waiting, as most work has it.
    fn parts(&self) -> Result<Vec<Part>, Failure> {
        let mut parts = Vec::new();
        if let Some(text) = &self.payload {
            parts.push(Part::Send(size("--payload", text)?));
        }
        if let Some(text) = &self.io {
            parts.push(Part::Io(time("--io", text)?));
        }
        if let Some(text) = &self.cpu {
            parts.push(Part::Cpu(time("--cpu", text)?));
        }
        if let Some(text) = &self.native {
            parts.push(Part::Native(time("--native", text)?));
        }
        Ok(parts)
    }
}

impl ChooseRequest {
    /// The shape of measured work.
    pub fn shape(&self, measured: &Measured) -> Shape {
        let inflight = measured.inflight.unwrap_or(self.inflight);
        Shape { parts: measured.parts.clone(), jobs: self.jobs, inflight }
    }

    /// How long the contest may take, of all the time.
    pub fn race_time(&self) -> Duration {
        self.time.mul_f64(0.4)
    }

    /// Whether it can be raced here, in this time.
    ///
    /// # Errors
    /// Why not.
    pub fn possible(&self, shape: &Shape) -> Result<(), Failure> {
        if (shape.cpu() + shape.io() + shape.native()).is_zero() {
            let remedy = "give --cpu, --io or --native, or such steps, a time above 0";
            return Err(Failure::new("a job", "it takes no time", remedy));
        }
        let limit = if shape.waits() { descriptors() } else { None };
        let (asked, needed) = (shape.inflight, shape.inflight + OWN);
        if let Some(limit) = limit.filter(|&limit| needed > limit) {
            let why = format!("they take {needed} descriptors, and the limit is {limit}");
            let remedy = "raise `ulimit -n`, or lower --inflight";
            return Err(Failure::new(format!("--inflight {asked}"), why, remedy));
        }
        if shape.is_too_long(&self.models, self.workers, self.race_time()) {
            let why =
                format!("three rounds of them do not fit into --time {}", self.time.as_secs());
            let remedy = "raise --time, or choose for a smaller piece of the work";
            return Err(Failure::new(format!("jobs of {}", shape.words()), why, remedy));
        }
        Ok(())
    }
}

fn named(names: &[String]) -> Result<Vec<Model>, Failure> {
    let find = |name: &String| {
        let unknown = || {
            let thing = format!("--model {name}");
            Failure::new(thing, "there is no such model", or_nearest(name, &Model::names()))
        };
        Model::from_name(name).ok_or_else(unknown)
    };
    let models: Vec<Model> = names.iter().map(find).collect::<Result<_, _>>()?;
    match &models[..] {
        [] => Ok(USUAL.to_vec()),
        [one] => {
            let why = "one model has nothing to be compared with";
            let remedy = format!("name two, or it twice: {one},{one}");
            Err(Failure::new(format!("--model {one}"), why, remedy))
        }
        _ => Ok(models),
    }
}

fn nothing() -> Failure {
    let remedy = "say what a job does: --cpu 2ms --io 20ms; or name a step file, a .py file, \
                  `urls URL...` or `command -- PROGRAM`";
    Failure::new("choose", "the work is missing", remedy)
}

fn twice(what: &OsString) -> Failure {
    let why = "the work is named, and given by --cpu, --io, --native or --payload as well";
    Failure::new(what.to_string_lossy(), why, "leave one of both")
}
