//! What the command line asks for: its arguments, and a request.
//!
//! *Promises*: a request that makes sense, or one line that names what does not.
//! *Leaves out*: handling the request (`main.rs`).
//!
//! ```text
//!   argv ─ parse ─▶ Request ─┬─ Compare   lab/compare/race.rs
//!                            ├─ Explore   lab/explore
//!                            ├─ Dis       vm/disassembler.rs
//!                            ├─ Gil       lab/gil_cli.rs, then lab/gil_command.rs
//!                            └─ Explain   lab/explain
//! ```

use crate::lab::compare::cases::{Case, Sizes};
use crate::lab::compare::model::Model;
use crate::lab::compare::race::Race;
use crate::lab::explain::request::{self as explain, ExplainArgs, ExplainRequest};
use crate::lab::explore::request::{self, DisArgs, DisRequest, ExploreArgs, ExploreRequest};
use crate::lab::gil_cli::{self, GilArgs, GilRequest};
use crate::lab::report::failure::{Failure, shown};
use crate::lab::report::terminal::ColorChoice;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  singletrack compare                                  the three built-in cases, in half a minute
  singletrack compare cpu --model threads-py3.10,threads-free,processes
  singletrack compare slow-io --connections 500 --json > slow.json
  singletrack compare files src
  singletrack compare urls http://127.0.0.1:8000/";

const READING: &str = "\
How to read the table:
  wall          median over the rounds, from before a model starts its threads, loop or workers
  p50, p99      how long a job took once a thread, a task or a worker had taken it
  on CPU        all CPU time the kernel charged to the model's processes
  GIL wait      time its threads waited for the interpreter lock, added up
  blocked       time of its threads, tasks or workers that was neither: I/O, or no free core
  GIL drops     f: at a checkpoint, asked by a thread or by ticks; v: for a blocking call
  ctx switches  v: a thread had to wait; i: a thread had to make room
  peak          most memory the largest process of the model had resident

Before files and urls are raced, each is read or fetched: one that fails, or is not the same
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
    /// Runs the same jobs under every model and says which was fastest
    #[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{READING}"))]
    Compare(CompareArgs),
    /// Tries every interleaving of a program's threads that a policy allows
    #[command(after_help = request::EXAMPLES)]
    Explore(ExploreArgs),
    /// Lists a program's instructions in the look of Python's dis
    Dis(DisArgs),
    /// Shows threads under a global lock: who has it, who waits, and why
    #[command(after_help = gil_cli::EXAMPLES,
              after_long_help = format!("{}\n\n{}", gil_cli::EXAMPLES, gil_cli::READING))]
    Gil(GilArgs),
    /// Explains a fault of concurrent programs, with a fresh picture and places in the source
    #[command(after_help = explain::EXAMPLES)]
    Explain(ExplainArgs),
}

#[derive(Args)]
struct CompareArgs {
    /// cpu, slow-io, fast-io, `files DIR` or `urls URL...`; the first three if none is named
    #[arg(value_name = "CASE")]
    cases: Vec<OsString>,
    /// Models to run, separated by commas or spaces; all eight if none is named
    #[arg(long, value_name = "M", num_args = 1.., value_delimiter = ',', long_help = MODELS)]
    model: Vec<OsString>,
    /// Jobs a round [default: cpu 128, slow-io 150, fast-io 2000, files one each, urls 32; for
    /// I/O at least one for each connection]
    #[arg(long, value_name = "N", value_parser = at_most::<10_000_000>)]
    jobs: Option<usize>,
    /// Rounds: how often each model runs
    #[arg(long, value_name = "N", default_value = "3", value_parser = at_most::<1000>)]
    rounds: usize,
    /// Threads and processes for work that needs a core [default: the usable cores]
    #[arg(long, value_name = "N", value_parser = at_most::<256>)]
    workers: Option<usize>,
    /// Connections of the I/O cases [default: slow-io 150, others 4]
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
    /// Prints one JSON object instead of tables
    #[arg(long)]
    json: bool,
    /// Colours in the tables
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    color: ColorChoice,
}

const MODELS: &str = "Models to run, separated by commas or spaces; all eight if none is named: \
sequential, event-loop, threads-py2, threads-py3.2, threads-py3.10, threads-free, processes, \
loop+processes";

/// What a command line asks for.
#[derive(Debug, Clone)]
pub enum Request {
    /// Compare the models.
    Compare(CompareRequest),
    /// Try the interleavings of a program.
    Explore(Box<ExploreRequest>),
    /// List a program.
    Dis(DisRequest),
    /// Show the lock.
    Gil(GilRequest),
    /// Explain a fault.
    Explain(ExplainRequest),
}

/// What `singletrack compare` is asked for.
#[derive(Debug, Clone)]
pub struct CompareRequest {
    /// What to compare.
    pub cases: Vec<Case>,
    /// How to compare.
    pub race: Race,
    /// Whether to print JSON.
    pub json: bool,
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

/// Reads a command line, the program's name first.
///
/// # Errors
/// [`CliError::Help`] if it asks for help, [`CliError::Usage`] if it cannot be followed.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, CliError> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let refused = |e: clap::Error| refuse(&e, &help_command(&arguments));
    let CommandLine { command } = CommandLine::try_parse_from(&arguments).map_err(refused)?;
    Ok(match command {
        Command::Compare(compare) => Request::Compare(compare.request()?),
        Command::Explore(words) => Request::Explore(Box::new(words.request()?)),
        Command::Dis(words) => Request::Dis(words.request()?),
        Command::Gil(words) => Request::Gil(words.request()?),
        Command::Explain(words) => Request::Explain(words.request()?),
    })
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
            seed: compare.seed,
            keep_going: compare.keep_going,
            request_limit: Duration::from_secs(compare.request_limit as u64),
        };
        let race = Race {
            models: named(models)?,
            rounds: compare.rounds,
            sizes,
            limit: Duration::from_secs(compare.limit as u64),
        };
        Ok(CompareRequest {
            cases: Case::parse(&words)?,
            race,
            json: compare.json,
            color: compare.color,
        })
    }
}

/// Splits the words after `--model` into models and cases: `--model A B cpu` names two models and
/// a case.
fn split(words: &[OsString]) -> (&[OsString], &[OsString]) {
    words.split_at(words.iter().position(|word| Case::is_name(word)).unwrap_or(words.len()))
}

fn named(names: &[OsString]) -> Result<Vec<Model>, Failure> {
    let mut models = Vec::new();
    for name in names {
        let name = name.to_string_lossy();
        let model = Model::from_name(&name).ok_or_else(|| unknown(&name))?;
        if !models.contains(&model) {
            models.push(model);
        }
    }
    Ok(if models.is_empty() { Model::ALL.to_vec() } else { models })
}

fn unknown(name: &str) -> Failure {
    let known = Model::ALL.map(Model::name).join(", ");
    Failure::new(format!("--model {name}"), "there is no such model", format!("name {known}"))
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
            let remedy = "try `singletrack compare`, or `singletrack --help`";
            CliError::Usage(format!("no command was given; {remedy}"))
        }
        _ => {
            let first: Vec<&str> =
                text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
            let what = first.join(" ");
            let what = what.strip_prefix("error: ").unwrap_or(&what);
            CliError::Usage(shown(&format!("{what}; see `{help}`")))
        }
    }
}
