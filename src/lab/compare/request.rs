//! `singletrack compare`: its arguments, and what they ask for.
//!
//! *Assumes*: words that clap has sorted.
//! *Promises*: a request that can be raced; a case, a model or a setting that is none is refused in one
//! line that names it, and a file that cannot be written before anything runs.
//! *Leaves out*: racing it (`lab/compare_command.rs`).

use crate::lab::compare::bands::BandArgs;
use crate::lab::compare::cases::{Case, Sizes};
use crate::lab::compare::model::Model;
use crate::lab::compare::race::{Effort, Race};
use crate::lab::compare::sweep::{Knob, Sweep};
use crate::lab::page::request::Pictures;
use crate::lab::report::failure::Failure;
use crate::lab::report::terminal::ColorChoice;
use crate::lab::report::whole_file::WholeFile;
use clap::Args;
use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// For the end of `compare --help`, and of the help of all commands.
pub const EXAMPLES: &str = "\
Examples:
  singletrack compare                                  the three built-in cases, in half a minute
  singletrack compare cpu --model threads-py3.10,threads-free,processes
  singletrack compare slow-io --connections 500 --json > slow.json
  singletrack compare slow-io --sweep connections=10..5000 --model event-loop,threads-py3.10
  singletrack compare slow-io --connections 20 --lanes  what each model did, on one axis
  singletrack compare fast-io --trace compared.json    what each did, for Perfetto and for replay
  singletrack compare files src                        hashed; or compressed: compress src
  singletrack compare urls http://127.0.0.1:8000/";

/// More of it, for `--help`.
pub const READING: &str = "\
How to read the table:
  wall          median over the rounds, from when threads, loop or workers are ready and the
                connections of the I/O cases open, to the end of the last job
  p50, p99      how long a job took once a thread, a task or a worker had taken it
  CPU           time that its threads and processes were on a core meanwhile, added up
  memory        of all its processes together, at the end of the jobs; a page that they share
                counts once, one that others share too counts in part
  threads       of all its processes
  computing, GIL wait, blocked
                what its threads, tasks or workers did with their time, in hundredths of it: their
                own work; waiting for the interpreter lock; calls that wait: I/O, a file, a worker,
                or until it is a task's turn
  no core       time that its threads could have run and had no core, added up
  start         how long it took to get ready
  GIL drops     f: at a checkpoint, asked by a thread or by ticks; v: for a blocking call
  ctx switches  v: a thread had to wait; i: a thread had to make room

How to read the verdict: models are paired round by round; (1.80 to 1.93) is where 95 of 100
medians lie if the rounds are drawn anew. A win is beyond 5 % with all of that interval, a tie is
within 5 % with all of it; else there are not enough rounds to say. Of models that are as fast as
each other, one wins that needs much less CPU or memory.

Before files, compress and urls are raced, each is read or fetched: one that fails, or is not the same
twice, ends the command, which names it, or is left out with --keep-going.

What was measured before a failure or an interruption is shown, and with --json the field `error`
says why there is no more of it.

Exit codes: 0 done, 1 the work failed, 2 usage, 130 interrupted (SIGINT), 143 ended (SIGTERM), 141
the reader of its output has gone.";

const MODELS: &str = "Models to run, separated by commas or spaces; all eight if none is named: \
sequential, event-loop, threads-py2, threads-py3.2, threads-py3.10, threads-free, processes, \
loop+processes; or groups of them: all, threads (all threads-*), gil (those whose threads share a \
lock), loops (event-loop, loop+processes), pools (processes, loop+processes); and interpreters, which \
runs only where it is named";

/// The words after `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// cpu, slow-io, fast-io, `files DIR`, `compress DIR` or `urls URL...`; the first three if none
    /// is named
    #[arg(value_name = "CASE")]
    cases: Vec<OsString>,
    /// Models or groups of them, separated by commas or spaces; all eight if none is named
    #[arg(long, value_name = "M", num_args = 1.., value_delimiter = ',', long_help = MODELS)]
    model: Vec<OsString>,
    /// Jobs a round [default: cpu 48, slow-io one for each connection, fast-io 2000, files and
    /// compress one each, urls 32; for I/O at least one for each connection; fewer where the
    /// machine is slow]
    #[arg(long, value_name = "N", value_parser = from_one_to::<10_000_000>)]
    jobs: Option<usize>,
    /// Rounds: how often each model runs [default: until it is clear, or the time is up]
    #[arg(long, value_name = "N", value_parser = from_one_to::<1000>)]
    rounds: Option<usize>,
    /// Seconds that a case may go on for until it is clear [default: 6, or 2 for each
    /// point of a sweep, or without end if --rounds is given]
    #[arg(long, value_name = "SECONDS", value_parser = from_one_to::<86_400>)]
    time: Option<usize>,
    /// Threads and processes for work that needs a core [default: the usable cores]
    #[arg(long, value_name = "N", value_parser = from_one_to::<256>)]
    workers: Option<usize>,
    /// Connections of the I/O cases [default: slow-io 1000, others 4]
    #[arg(long, value_name = "N", value_parser = from_one_to::<100_000>)]
    connections: Option<usize>,
    /// Seed of the built-in cases' inputs and of the order of the models
    #[arg(long, value_name = "N", default_value = "7", value_parser = from_to(0, u64::MAX))]
    seed: u64,
    /// Seconds that one run of one model may take before it is killed
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = from_one_to::<86_400>)]
    limit: usize,
    /// Seconds that an answer to a request of `urls` may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = from_one_to::<86_400>)]
    request_limit: usize,
    /// Goes on without files and URLs that fail, and says which; without this, they end all
    #[arg(long)]
    keep_going: bool,
    /// Varies one setting, and shows a curve instead of tables: connections=10..5000,
    /// interval=0.1ms..50ms (the switch interval) or workers=1..8
    #[arg(long, value_name = "NAME=FROM..TO")]
    sweep: Option<String>,
    #[command(flatten)]
    bands: BandArgs,
    /// Prints one JSON object instead of tables
    #[arg(long)]
    json: bool,
    /// Writes every round of every model to a CSV file
    #[arg(long, value_name = "FILE")]
    export_csv: Option<PathBuf>,
    /// Writes the tables and verdicts to a Markdown file
    #[arg(long, value_name = "FILE")]
    export_markdown: Option<PathBuf>,
    /// Runs every model once more, not measured, and writes what it did as a trace for Perfetto and
    /// for `singletrack replay`
    #[arg(long, value_name = "FILE", conflicts_with = "sweep")]
    trace: Option<PathBuf>,
    #[command(flatten)]
    pictures: Pictures,
    /// Colours in the tables
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    color: ColorChoice,
}

/// What `singletrack compare` is asked for.
#[derive(Debug, Clone)]
pub struct CompareRequest {
    /// What to compare.
    pub cases: Vec<Case>,
    /// How to compare.
    pub race: Race,
    /// What to vary.
    pub sweep: Option<Sweep>,
    /// What to draw of one run of each model.
    pub bands: BandArgs,
    /// Whether to print JSON.
    pub json: bool,
    /// Where to write every round.
    pub export_csv: Option<PathBuf>,
    /// Where to write the tables.
    pub export_markdown: Option<PathBuf>,
    /// Where to write what each model did.
    pub trace: Option<PathBuf>,
    /// Where to draw it.
    pub pictures: Pictures,
    /// When to use colours.
    pub color: ColorChoice,
}

impl CompareArgs {
    /// What these words ask for.
    ///
    /// # Errors
    /// What cannot be followed.
    pub fn request(self) -> Result<CompareRequest, Failure> {
        let compare = self;
        let (models, case_words) = split(&compare.model);
        let words: Vec<OsString> = compare.cases.iter().chain(case_words).cloned().collect();
        let usable = std::thread::available_parallelism().map_or(1, usize::from);
        let sizes = Sizes {
            jobs: compare.jobs,
            workers: compare.workers.unwrap_or(usable),
            connections: compare.connections,
            interval: None,
            seed: compare.seed,
            keep_going: compare.keep_going,
            request_limit: Duration::from_secs(compare.request_limit as u64),
        };
        let exports =
            compare.export_csv.iter().chain(&compare.export_markdown).chain(&compare.trace);
        exports.map(PathBuf::as_path).try_for_each(WholeFile::check)?;
        compare.pictures.check()?;
        let models: Vec<String> =
            models.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let models = if models.is_empty() { Model::ALL.to_vec() } else { Model::named(&models)? };
        let race = Race {
            models,
            effort: effort(compare.rounds, compare.time, compare.sweep.is_some()),
            sizes,
            limit: Duration::from_secs(compare.limit as u64),
        };
        let cases = Case::parse(&words)?;
        let sweep = compare.swept()?;
        sweep.iter().try_for_each(|sweep| sweep.check(&cases, &race.models))?;
        Ok(CompareRequest {
            cases,
            race,
            sweep,
            bands: compare.bands,
            json: compare.json,
            export_csv: compare.export_csv,
            export_markdown: compare.export_markdown,
            trace: compare.trace,
            pictures: compare.pictures,
            color: compare.color,
        })
    }
}

impl CompareArgs {
    /// What to vary.
    fn swept(&self) -> Result<Option<Sweep>, Failure> {
        let Some(sweep) = self.sweep.as_deref().map(Sweep::parse).transpose()? else {
            return Ok(None);
        };
        let given = match sweep.knob {
            Knob::Connections => self.connections,
            Knob::Workers => self.workers,
            Knob::Interval => None,
        };
        let thing = || format!("--{}", sweep.knob.name());
        match given {
            Some(_) => Err(Failure::new(thing(), "the sweep varies it", "leave one of both")),
            None => Ok(Some(sweep)),
        }
    }
}

fn effort(rounds: Option<usize>, seconds: Option<usize>, sweeps: bool) -> Effort {
    let time = seconds.map(|seconds| Duration::from_secs(seconds as u64));
    match (rounds, time) {
        // A sweep has many points.
        (None, None) if sweeps => Effort { time: Some(Duration::from_secs(2)), ..Effort::USUAL },
        (None, None) => Effort::USUAL,
        (rounds, time) => Effort { rounds, time },
    }
}

/// Splits the words after `--model` into models and cases: `--model A B cpu` names two models and
/// a case.
fn split(words: &[OsString]) -> (&[OsString], &[OsString]) {
    words.split_at(words.iter().position(|word| Case::is_name(word)).unwrap_or(words.len()))
}

/// What a count on a command line may be.
///
/// # Errors
/// What else it says, in words for clap.
pub fn from_one_to<const MOST: usize>(text: &str) -> Result<usize, String> {
    from_to(1, MOST)(text)
}

/// A whole number on a command line, from the one to the other: what else it says is refused in words
/// for clap.
pub fn from_to<T>(least: T, most: T) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Copy,
{
    move |text| match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("give a whole number from {least} to {most}")),
    }
}
