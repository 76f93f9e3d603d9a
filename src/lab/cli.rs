//! What the command line asks for: its arguments, and a request.
//!
//! *Promises*: a request that makes sense, or one line that names what does not.
//! *Leaves out*: handling the request (`main.rs`).
//!
//! ```text
//!   argv ─ parse ─▶ Request ─┬─ Compare   lab/compare/race.rs
//!                            ├─ Choose    lab/choose
//!                            ├─ Explore   lab/explore
//!                            ├─ Run       lab/run
//!                            ├─ Dis       vm/disassembler.rs, python/code/disassembler.rs
//!                            ├─ Gil       lab/gil_cli.rs, then lab/gil_command.rs
//!                            ├─ Step      lab/turns
//!                            ├─ Replay    lab/replay
//!                            ├─ Sim       lab/seeds
//!                            ├─ Explain   lab/explain
//!                            └─ Examples  lab/examples
//! ```

use crate::lab::choose::request::{self as choose, ChooseArgs, ChooseRequest};
use crate::lab::compare::bands::BandArgs;
use crate::lab::compare::cases::{Case, Sizes};
use crate::lab::compare::model::Model;
use crate::lab::compare::race::{Effort, Race};
use crate::lab::compare::sweep::Sweep;
use crate::lab::examples::request::{self as examples, ExamplesArgs, ExamplesRequest};
use crate::lab::explain::request::{self as explain, ExplainArgs, ExplainRequest};
use crate::lab::explore::guarantees::guarantees;
use crate::lab::explore::python::{PythonRequest, Refused};
use crate::lab::explore::request::{self, DisArgs, DisRequest, ExploreArgs, ExploreRequest};
use crate::lab::gil_cli::{self, GilArgs, GilRequest};
use crate::lab::help::{self, CompletionsArgs, manual, shaped};
use crate::lab::page::request::Pictures;
use crate::lab::play::request::{PlayRequest, list};
use crate::lab::replay::request::{self as replay, ReplayArgs, ReplayRequest};
use crate::lab::report::failure::{Failure, shown};
use crate::lab::report::table::entries;
use crate::lab::report::terminal::{ColorChoice, Page};
use crate::lab::report::whole_file::WholeFile;
use crate::lab::run::request::{self as run, RunArgs, RunRequest};
use crate::lab::seeds::command::{self as seeds, SimArgs, SimRequest};
use crate::lab::turns::request::{self as turns, LoopArgs, StepRequest};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  singletrack compare                                  the three built-in cases, in half a minute
  singletrack compare cpu --model threads-py3.10,threads-free,processes
  singletrack compare slow-io --connections 500 --json > slow.json
  singletrack compare slow-io --sweep connections=10..5000 --model event-loop,threads-py3.10
  singletrack compare slow-io --connections 20 --lanes  what each model did, on one axis
  singletrack compare fast-io --trace compared.json    what each did, for Perfetto and for replay
  singletrack compare files src                        hashed; or compressed: compress src
  singletrack compare urls http://127.0.0.1:8000/";

/// What to try, for whoever has typed the name of the command and nothing else.
const FIRST: [(&str, &str); 4] = [
    ("singletrack compare", "threads, event loop or processes? in half a minute"),
    ("singletrack explain convoy", "what a global lock does to whoever waits for I/O"),
    ("singletrack explore --play 1", "be the scheduler, and make two threads lose an update"),
    ("singletrack loop step order", "an event loop, one iteration at a time"),
];

const READING: &str = "\
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

#[derive(Parser)]
#[command(
    name = "singletrack",
    version,
    about = "Races an event loop, threads under a global lock and processes on the same work",
    after_help = EXAMPLES
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the same jobs under every model and says which to choose, and how sure that is
    #[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{READING}"))]
    Compare(CompareArgs),
    /// Measures work of your own, and says whether threads, an event loop or processes suit it
    #[command(after_help = choose::EXAMPLES,
              after_long_help = format!("{}\n\n{}", choose::EXAMPLES, choose::READING))]
    Choose(ChooseArgs),
    /// Tries every interleaving of a program's threads that a policy allows
    #[command(after_help = request::EXAMPLES)]
    Explore(ExploreArgs),
    /// Runs a Python program on threads under a global lock, and shows who had it when
    #[command(after_help = run::EXAMPLES)]
    Run(RunArgs),
    /// Lists a program's instructions in the look of Python's dis
    #[command(after_help = request::DIS_EXAMPLES)]
    Dis(DisArgs),
    /// Shows threads under a global lock: who has it, who waits, and why
    #[command(after_help = gil_cli::EXAMPLES,
              after_long_help = format!("{}\n\n{}", gil_cli::EXAMPLES, gil_cli::READING))]
    Gil(GilArgs),
    /// Shows an event loop, one iteration at a time, forwards and back
    #[command(after_help = turns::EXAMPLES)]
    Loop(LoopArgs),
    /// Steps through a trace file: what every lane does at a moment, and what has caused it
    #[command(after_help = replay::EXAMPLES)]
    Replay(ReplayArgs),
    /// Runs loop, lock and pool in simulated worlds, with faults, a seed at a time
    #[command(after_help = seeds::EXAMPLES)]
    Sim(SimArgs),
    /// Explains a fault of concurrent programs, with a fresh picture and places in the source
    #[command(after_help = explain::EXAMPLES)]
    Explain(ExplainArgs),
    /// Lists the examples and the exercises, in reading order
    #[command(after_help = examples::EXAMPLES)]
    Examples(ExamplesArgs),
    /// Prints what makes a shell complete these commands and their options
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Prints the page for `man`
    #[command(after_help = help::MAN)]
    Man,
}

#[derive(Args)]
struct CompareArgs {
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
    #[arg(long, value_name = "N", value_parser = at_most::<10_000_000>)]
    jobs: Option<usize>,
    /// Rounds: how often each model runs [default: until it is clear, or the time is up]
    #[arg(long, value_name = "N", value_parser = at_most::<1000>)]
    rounds: Option<usize>,
    /// Seconds that a case may go on for until it is clear [default: 6, or 2 for each
    /// point of a sweep, or without end if --rounds is given]
    #[arg(long, value_name = "SECONDS", value_parser = at_most::<86_400>)]
    time: Option<usize>,
    /// Threads and processes for work that needs a core [default: the usable cores]
    #[arg(long, value_name = "N", value_parser = at_most::<256>)]
    workers: Option<usize>,
    /// Connections of the I/O cases [default: slow-io 1000, others 4]
    #[arg(long, value_name = "N", value_parser = at_most::<100_000>)]
    connections: Option<usize>,
    /// Seed of the built-in cases' inputs and of the order of the models
    #[arg(long, value_name = "N", default_value = "7")]
    seed: u64,
    /// Seconds that one run of one model may take before it is killed
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = at_most::<86_400>)]
    limit: usize,
    /// Seconds that an answer to a request of `urls` may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = at_most::<86_400>)]
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

const MODELS: &str = "Models to run, separated by commas or spaces; all eight if none is named: \
sequential, event-loop, threads-py2, threads-py3.2, threads-py3.10, threads-free, processes, \
loop+processes; or groups of them: all, threads (all threads-*), gil (those whose threads share a \
lock), loops (event-loop, loop+processes), pools (processes, loop+processes)";

/// What a command line asks for.
#[derive(Debug, Clone)]
pub enum Request {
    /// Compare the models.
    Compare(Box<CompareRequest>),
    /// Choose a model for somebody's work.
    Choose(Box<ChooseRequest>),
    /// Try the interleavings of a program.
    Explore(Box<ExploreRequest>),
    /// Try the interleavings of a Python program.
    ExplorePython(Box<PythonRequest>),
    /// Run a Python program.
    Run(Box<RunRequest>),
    /// Let the reader pick the threads.
    Play(Box<PlayRequest>),
    /// List a program.
    Dis(DisRequest),
    /// Show the lock.
    Gil(GilRequest),
    /// Step through a scene of an event loop.
    Step(StepRequest),
    /// Step through a trace file.
    Replay(Box<ReplayRequest>),
    /// Live through simulated worlds.
    Sim(SimRequest),
    /// Explain a fault.
    Explain(ExplainRequest),
    /// List examples.
    Examples(ExamplesRequest),
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

/// Why a command line is no request.
#[derive(Debug)]
pub enum CliError {
    /// It asked for this text.
    Help(String),
    /// It cannot be followed; this line says why.
    Usage(String),
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> CliError {
        CliError::Usage(failure.to_string())
    }
}

impl From<Refused> for CliError {
    fn from(refused: Refused) -> CliError {
        match refused {
            Refused::File(failure) => failure.into(),
            Refused::Source(text) => CliError::Usage(text),
        }
    }
}

/// Reads a command line, the program's name first.
///
/// # Errors
/// [`CliError::Help`] if it asks for help, [`CliError::Usage`] if it cannot be followed.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, CliError> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.len() < 2 {
        let width = page().width;
        let help = shaped(CommandLine::command(), width).render_help();
        let first = entries(&FIRST, width);
        return Err(CliError::Help(format!("{help}\n\nTo see something first:\n{first}")));
    }
    let refused = |e: clap::Error| refuse(&e, &help_command(&arguments));
    let line = shaped(CommandLine::command(), page().width);
    let words = line.try_get_matches_from(&arguments).map_err(refused)?;
    let CommandLine { command } = CommandLine::from_arg_matches(&words).map_err(refused)?;
    Ok(match command {
        Command::Compare(compare) => Request::Compare(Box::new(compare.request()?)),
        Command::Choose(words) => Request::Choose(Box::new(words.request()?)),
        Command::Explore(words) if words.asks_for_guarantees() => {
            return Err(CliError::Help(guarantees(page().width)));
        }
        Command::Explore(words) if words.asks_to_play() => match play_request(&words)? {
            Some(request) => Request::Play(Box::new(request)),
            None => return Err(CliError::Help(list(page().width))),
        },
        Command::Explore(words) if words.is_python() => {
            Request::ExplorePython(Box::new(words.python_request()?))
        }
        Command::Explore(words) => Request::Explore(Box::new(words.request()?)),
        Command::Run(words) => Request::Run(Box::new(words.request()?)),
        Command::Dis(words) => Request::Dis(words.request()?),
        Command::Gil(words) => Request::Gil(words.request()?),
        Command::Loop(words) => Request::Step(words.request()?),
        Command::Replay(words) => Request::Replay(Box::new(words.request()?)),
        Command::Sim(words) => Request::Sim(words.request()?),
        Command::Explain(words) => Request::Explain(words.request()?),
        Command::Examples(words) => Request::Examples(words.request()?),
        Command::Completions(words) => {
            return Err(CliError::Help(words.text(CommandLine::command())));
        }
        Command::Man => return Err(CliError::Help(manual(&CommandLine::command())?)),
    })
}

fn page() -> Page {
    Page::on_stdout(None, ColorChoice::Never)
}

/// A program to play, or none: then the levels are listed.
fn play_request(words: &ExploreArgs) -> Result<Option<PlayRequest>, Refused> {
    let (program, policies) = words.game();
    let Some(program) = program else { return Ok(None) };
    if policies.len() > 1 {
        let why = "a game is played under one policy";
        return Err(Failure::new("--policy", why, "name one").into());
    }
    PlayRequest::new(program, policies.first().copied()).map(Some)
}

impl CompareArgs {
    fn request(self) -> Result<CompareRequest, Failure> {
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
        let exports = compare.export_csv.iter().chain(&compare.export_markdown);
        exports.map(PathBuf::as_path).try_for_each(WholeFile::check)?;
        let models: Vec<String> =
            models.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let models = if models.is_empty() { Model::ALL.to_vec() } else { Model::named(&models)? };
        let race = Race {
            models,
            effort: effort(compare.rounds, compare.time, compare.sweep.is_some()),
            sizes,
            limit: Duration::from_secs(compare.limit as u64),
        };
        Ok(CompareRequest {
            cases: Case::parse(&words)?,
            race,
            sweep: compare.sweep.as_deref().map(Sweep::parse).transpose()?,
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

fn at_most<const MOST: usize>(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=MOST).contains(&number) => Ok(number),
        _ => Err(format!("give a whole number from 1 to {MOST}")),
    }
}

/// The help command for the subcommand that was named, or for all.
fn help_command(arguments: &[OsString]) -> String {
    let line = CommandLine::command();
    match arguments.get(1).and_then(|word| line.find_subcommand(word)) {
        Some(command) => format!("singletrack {} --help", command.get_name()),
        None => "singletrack --help".to_owned(),
    }
}

/// Makes one line of clap's paragraphs: the first one says what is wrong.
fn refuse(error: &clap::Error, help: &str) -> CliError {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => CliError::Help(text),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            CliError::Usage(format!("no command was given; try `{help}`"))
        }
        _ => {
            let first: Vec<&str> =
                text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
            let what = first.join(" ");
            let what = what.strip_prefix("error: ").unwrap_or(&what);
            let tip = text.lines().filter_map(|line| line.trim().strip_prefix("tip: "));
            let tip = tip.filter(|tip| tip.contains("similar")).map(|tip| format!("; {tip}"));
            let tip: String = tip.collect();
            CliError::Usage(shown(&format!("{what}{tip}; see `{help}`")))
        }
    }
}
