//! What the command line asks for: its arguments, and a request.
//!
//! *Promises*: a request that makes sense, or one line that names what does not.
//! *Leaves out*: handling the request (`main.rs`).
//!
//! ```text
//!   argv ─ parse ─▶ Request ─┬─ Compare   lab/compare
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
use crate::lab::compare::request::{self as compare, CompareArgs, CompareRequest};
use crate::lab::examples::request::{self as examples, ExamplesArgs, ExamplesRequest};
use crate::lab::explain::request::{self as explain, ExplainArgs, ExplainRequest};
use crate::lab::explore::guarantees::guarantees;
use crate::lab::explore::python::{PythonRequest, Refused};
use crate::lab::explore::request::{self, DisArgs, DisRequest, ExploreArgs, ExploreRequest};
use crate::lab::gil_cli::{self, GilArgs, GilRequest};
use crate::lab::help::{self, CompletionsArgs, manual, shaped};
use crate::lab::play::request::{PlayRequest, list};
use crate::lab::replay::request::{self as replay, ReplayArgs, ReplayRequest};
use crate::lab::report::failure::{Failure, shown};
use crate::lab::report::table::entries;
use crate::lab::report::terminal::{ColorChoice, Page};
use crate::lab::run::request::{self as run, RunArgs, RunRequest};
use crate::lab::seeds::command::{self as seeds, SimArgs, SimRequest};
use crate::lab::turns::request::{self as turns, LoopArgs, StepRequest};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;

/// What to try, for whoever has typed the name of the command and nothing else.
const FIRST: [(&str, &str); 4] = [
    ("singletrack compare", "threads, event loop or processes? in half a minute"),
    ("singletrack explain convoy", "what a global lock does to whoever waits for I/O"),
    ("singletrack explore --play 1", "be the scheduler, and make two threads lose an update"),
    ("singletrack loop step order", "an event loop, one iteration at a time"),
];

#[derive(Parser)]
#[command(
    name = "singletrack",
    version,
    about = "Races an event loop, threads under a global lock and processes on the same work",
    after_help = compare::EXAMPLES
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the same jobs under every model and says which to choose, and how sure that is
    #[command(after_help = compare::EXAMPLES,
              after_long_help = format!("{}\n\n{}", compare::EXAMPLES, compare::READING))]
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
        Command::Compare(words) => Request::Compare(Box::new(words.request()?)),
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

/// The help command for the subcommand that was named, or for all.
fn help_command(arguments: &[OsString]) -> String {
    let (mut help, mut line) = ("singletrack".to_owned(), CommandLine::command());
    for word in arguments.iter().skip(1) {
        let Some(command) = line.find_subcommand(word).cloned() else { break };
        help += &format!(" {}", command.get_name());
        line = command;
    }
    help + " --help"
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
