//! What `explore` and `dis` are asked for: a command line, and a program file.
//!
//! *Assumes*: words that clap has sorted.
//! *Promises*: a request that can be carried out: the program can run and the policy allows the
//! schedule. Or one line that says why not: file, line, column, what is wrong, what to do.
//! *Leaves out*: carrying it out (`lab/explore/output.rs`).

use crate::gil::rules::threading::Threading;
use crate::lab::compare::request::from_to;
use crate::lab::explore::python::read as read_source;
use crate::lab::explore::python::{PythonOptions, PythonRequest, Refused, all_policies, is_python};
use crate::lab::report::failure::Failure;
use crate::lab::report::outside::ended;
use crate::lab::report::terminal::{ColorChoice, Page, narrowed, said_width};
use crate::lab::report::whole_file::WholeFile;
use crate::python::code::disassembler::dis;
use crate::python::explore::moves::read_moves;
use crate::python::explore::search::Limits as SearchLimits;
use crate::python::run::single::program as python_program;
use crate::vm::assembler::assemble;
use crate::vm::disassembler::dis_under;
use crate::vm::explorer::Explorer;
use crate::vm::limits::Limits;
use crate::vm::program::Program;
use crate::vm::replay::{Replay, replay};
use crate::vm::schedule::{Schedule, ScheduleError};
use crate::vm::verifier::Verified;
use clap::Args;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// For the end of `explore --help`.
pub const EXAMPLES: &str = "\
Examples:
  singletrack explore examples/race.py --policy all
  singletrack explore examples/race.py --policy all --confirm
  singletrack explore examples/race.py --policy all --confirm --html race.html
  singletrack explore examples/race.py --policy 3.9
  singletrack explore --play
  singletrack explore --play 1
  singletrack explore examples/race.py --policy 3.9 --preemptions 0 --seed 7
  singletrack explore examples/programs/increment.gil --policy python-2
  singletrack explore examples/programs/increment.gil --policy python-3.10
  singletrack explore examples/programs/lock_order.gil --policy fair --json
  singletrack explore examples/programs/increment.gil --policy python-2 --schedule 1x1,2x6,1x5

A schedule is written THREADxINSTRUCTIONS,...: thread 1 for one instruction, thread 2 for six. Of a
Python program it is what --json prints of an outcome: 0,1x2,2!,1=3 is a step of the main thread, two
of thread 1, thread 2 after its time limit, and thread 1 with the fourth number that chance could give.

A program declares `global x = 0`, `lock door`, `event ready`, `condition full(door)`,
`semaphore slots = 2`, `thread NAME(1, 2)`, functions `def NAME(a, b):` and labels `again:`.
Locks and their kin are Python's: any thread may RELEASE a lock; CONDITION_WAIT releases its lock
while it waits; CONDITION_NOTIFY wakes one thread, CONDITION_NOTIFY_ALL all; EVENT_SET, EVENT_CLEAR,
EVENT_IS_SET, EVENT_WAIT; SEMAPHORE_ACQUIRE, SEMAPHORE_RELEASE.
`expect a + b == 20` says what must hold at the end of every schedule. If one breaks it, or never
ends, the exit code is 1, and the shortest schedule that does is drawn.

A Python program that can go wrong under a policy that was asked for is exit code 1. Where exploring
it needs more than 1 GB of memory, that is said, and other schedules are sampled.
Tasks of asyncio are shown as threads, of which only an await lets another one run; they are tried in
every order, not only in asyncio's own.

Policies: python-2, python-2-linux, python-3.2, python-3.10, python-3.11, python-3.13, python-3.14,
python-3.15, no-force, fair, priority, free-threaded; or a version of Python: 2.7, 3.9, 3.12, 3.14t.";

/// A policy, or all that are worth comparing.
#[derive(Debug, Clone, Copy)]
enum PolicyWord {
    All,
    One(Threading),
}

impl FromStr for PolicyWord {
    type Err = <Threading as FromStr>::Err;

    fn from_str(word: &str) -> Result<PolicyWord, Self::Err> {
        match word {
            "all" => Ok(PolicyWord::All),
            _ => word.parse().map(PolicyWord::One),
        }
    }
}

/// The words after `explore`.
#[derive(Args)]
pub struct ExploreArgs {
    /// A file with a program, such as those in examples/programs
    #[arg(required_unless_present_any = ["guarantees", "play"])]
    program: Option<PathBuf>,
    /// When threads may switch: python-3.10, 2.7, 3.12, free-threaded, ...; for a Python program
    /// also several, or all
    #[arg(long, value_name = "P", value_delimiter = ',')]
    #[arg(required_unless_present_any = ["guarantees", "play"])]
    policy: Vec<PolicyWord>,
    /// Of a Python program: also writes a page for a browser, in one file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// You pick the thread at each switch, and try to reach what goes wrong; without a file, lists
    /// the levels
    #[arg(long, conflicts_with_all = ["confirm", "json", "cold", "schedule", "html", "full", "all",
          "iterations", "preemptions", "seed", "max_schedules", "max_steps", "max_instructions"])]
    play: bool,
    /// Says what each kind of answer means, and what it does not
    #[arg(long, exclusive = true)]
    guarantees: bool,
    /// Of a Python program: code is cold, so no call is specialised yet
    #[arg(long)]
    cold: bool,
    /// Of a Python program: also runs it many times under every real Python found (pyenv, PATH), and
    /// says beside each answer what those did; one that does what was not predicted is exit code 1
    #[arg(long)]
    confirm: bool,
    /// Of a Python program: cuts each loop of each call after so many rounds, and says so; otherwise
    /// none is cut
    #[arg(long, value_name = "N", value_parser = from_to(0, u32::MAX))]
    iterations: Option<u32>,
    /// Of a Python program: tries all schedules with at most so many switches of a thread that could
    /// go on; others are sampled, and it is said how many
    #[arg(long, value_name = "K", value_parser = from_to(0, u32::MAX))]
    preemptions: Option<u32>,
    /// The seed of that sampling [default: 1]
    #[arg(long, value_name = "S", value_parser = from_to(0, u64::MAX))]
    seed: Option<u64>,
    /// Runs this one schedule and draws it
    #[arg(long, value_name = "S", conflicts_with_all =
          ["full", "max_schedules", "max_steps", "max_instructions", "html", "confirm", "iterations",
           "preemptions", "seed"])]
    schedule: Option<String>,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
    /// Runs each schedule, also those that must come to the same
    #[arg(long)]
    full: bool,
    /// Lists every outcome, and folds no instruction away
    #[arg(long)]
    all: bool,
    /// Stops after so many schedules, and says so; without it after 100000 schedules or 2000000 steps
    #[arg(long, value_name = "N", value_parser = from_to(1, u64::MAX))]
    max_schedules: Option<u64>,
    /// Stops after so many steps of all schedules together, and says so
    #[arg(long, value_name = "N", value_parser = from_to(1, u64::MAX))]
    max_steps: Option<u64>,
    /// Cuts a schedule after so many instructions, and says so [default: 10000]
    #[arg(long, value_name = "N", value_parser = from_to(1, 10_000_000_u32))]
    max_instructions: Option<u32>,
}

/// For the end of `dis --help`.
pub const DIS_EXAMPLES: &str = "\
Examples:
  singletrack dis examples/race.py
  singletrack dis examples/race.py --policy 2.7,3.9,3.13
  singletrack dis examples/programs/increment.gil --policy python-2";

/// The words after `dis`.
#[derive(Args)]
pub struct DisArgs {
    /// A file with a program: Python, as examples/race.py, or instructions, as in examples/programs
    program: PathBuf,
    /// Marks where these policies look: python-3.10, 2.7, 3.12, free-threaded, ...
    #[arg(long, value_name = "P", value_delimiter = ',')]
    policy: Vec<Threading>,
}

/// What to list.
#[derive(Debug, Clone)]
pub struct DisRequest {
    /// The listing. The program need not be able to run.
    pub text: String,
}

/// What to explore.
#[derive(Debug, Clone)]
pub struct ExploreRequest {
    /// The program's file, as it was named.
    pub name: String,
    /// The program.
    pub program: Verified,
    /// When threads may switch.
    pub policy: Threading,
    /// All schedules, or one.
    pub schedules: Schedules,
    /// Whether to print JSON.
    pub json: bool,
    /// Whether to list every outcome, and to fold nothing away.
    pub all: bool,
    /// How wide a line may be.
    pub width: usize,
}

/// One schedule, or all.
#[derive(Debug, Clone)]
pub enum Schedules {
    /// All of them, or of those that must come to the same only one.
    All {
        /// The explorer, with the limits that were asked for.
        explorer: Explorer,
        /// Whether each is to run, also those that must come to the same.
        full: bool,
    },
    /// This one, and its replay.
    One(Schedule, Box<Replay>),
}

impl ExploreArgs {
    /// Whether they ask for the page that says what an answer means.
    pub fn asks_for_guarantees(&self) -> bool {
        self.guarantees
    }

    /// Whether they ask for a game.
    pub fn asks_to_play(&self) -> bool {
        self.play
    }

    /// What is to be played, if anything, and under which policies.
    pub fn game(&self) -> (Option<&Path>, Vec<Threading>) {
        let policies = self.policy.iter().flat_map(|word| match word {
            PolicyWord::All => all_policies(),
            PolicyWord::One(policy) => vec![*policy],
        });
        (self.program.as_deref(), policies.collect())
    }

    /// Whether the program is Python.
    pub fn is_python(&self) -> bool {
        self.program.as_deref().is_some_and(is_python)
    }

    fn path(&self) -> PathBuf {
        self.program.clone().unwrap_or_default()
    }

    /// The request these words make, of a Python program.
    ///
    /// # Errors
    /// [`Refused`] if there is no such file, or it is outside the subset.
    pub fn python_request(self) -> Result<PythonRequest, Refused> {
        let misplaced = [
            ("--full", self.full),
            ("--all", self.all),
            ("--max-schedules", self.max_schedules.is_some()),
            ("--max-instructions", self.max_instructions.is_some()),
        ];
        none_of(&misplaced, "it is of programs of instructions", "leave it out")?;
        let schedule = self.schedule.as_deref().map(|text| {
            let remedy = "take a schedule that --json has printed";
            read_moves(text).map_err(|part| {
                Failure::new("--schedule", format!("invalid value '{part}'"), remedy)
            })
        });
        let schedule = schedule.transpose()?;
        if schedule.is_some() && !matches!(self.policy[..], [PolicyWord::One(_)]) {
            let why = "a schedule is one policy's";
            return Err(Failure::new("--policy", why, "name one").into());
        }
        let mut policies = Vec::new();
        for word in &self.policy {
            match word {
                PolicyWord::All => policies.extend(all_policies()),
                PolicyWord::One(policy) => policies.push(*policy),
            }
        }
        let default = SearchLimits::default();
        let limits = SearchLimits {
            instructions: self.max_steps.unwrap_or(default.instructions),
            iterations: self.iterations,
            switches: self.preemptions,
            seed: self.seed.unwrap_or(default.seed),
            interrupted: || ended().is_some(),
            ..default
        };
        self.html.as_deref().map_or(Ok(()), WholeFile::check)?;
        let path = self.path();
        let ExploreArgs { cold, json, confirm, html, .. } = self;
        let width = Page::on_stdout(None, ColorChoice::Never).width;
        let options =
            PythonOptions { policies, cold, limits, json, confirm, html, width, schedule };
        PythonRequest::new(&path, options)
    }

    /// The request these words make.
    ///
    /// # Errors
    /// [`Failure`] if there is no such program, or it does not allow the schedule.
    pub fn request(self) -> Result<ExploreRequest, Failure> {
        let misplaced = [
            ("--html", self.html.is_some()),
            ("--confirm", self.confirm),
            ("--cold", self.cold),
            ("--iterations", self.iterations.is_some()),
            ("--preemptions", self.preemptions.is_some()),
            ("--seed", self.seed.is_some()),
        ];
        none_of(&misplaced, "it is of Python programs", "name a file that ends in .py")?;
        let [PolicyWord::One(policy)] = self.policy[..] else {
            let why = "instructions are explored under one policy";
            return Err(Failure::new("--policy", why, "name one, or a Python program"));
        };
        let program = read_verified(&self.path())?;
        let name = self.path().display().to_string();
        let schedules = match self.schedule {
            Some(text) => {
                let schedule: Schedule = text.parse().map_err(|error: ScheduleError| {
                    let line = error.to_string();
                    let (why, remedy) = line.rsplit_once("; ").unwrap_or((&line, "change it"));
                    Failure::new(format!("invalid value '{text}' for --schedule"), why, remedy)
                })?;
                let replayed = replay(&program, policy, &schedule).map_err(|error| {
                    let line = error.to_string();
                    let (why, remedy) = line.rsplit_once("; ").unwrap_or((&line, "change it"));
                    Failure::new(format!("--schedule {schedule}"), why, remedy)
                })?;
                Schedules::One(schedule, Box::new(replayed))
            }
            None => {
                let explorer = Explorer::new(policy).with_limits(self.limits());
                let full = self.full;
                let explorer = if full { explorer.in_full() } else { explorer };
                Schedules::All { explorer, full }
            }
        };
        let ExploreArgs { json, all, .. } = self;
        let width = said_width().unwrap_or(usize::MAX);
        Ok(ExploreRequest { name, program, policy, schedules, json, all, width })
    }
}

impl ExploreArgs {
    /// A limit that was asked for is the only one of its kind: what bounds schedules and what bounds
    /// steps are two ways to say how long it may take.
    fn limits(&self) -> Limits {
        let default = Limits::default();
        let asked = self.max_schedules.is_some() || self.max_steps.is_some();
        let otherwise = |limit| if asked { u64::MAX } else { limit };
        Limits {
            schedules: self.max_schedules.unwrap_or(otherwise(default.schedules)),
            steps: self.max_steps.unwrap_or(otherwise(default.steps)),
            fuel: self.max_instructions.map_or(default.fuel, |n| n as usize),
            ..default
        }
    }
}

impl DisArgs {
    /// The request these words make.
    ///
    /// # Errors
    /// [`Refused`] if there is no such program, or it is outside of Python's subset.
    pub fn request(self) -> Result<DisRequest, Refused> {
        let width = said_width().unwrap_or(usize::MAX);
        if !is_python(&self.program) {
            let text = dis_under(&read(&self.program)?, &self.policy);
            return Ok(DisRequest { text: narrowed(&text, width) });
        }
        let name = self.program.display().to_string();
        let source = read_source(&self.program, &name)?;
        let compiled = python_program(&source);
        let program = compiled.map_err(|no| Refused::Source(no.shown(&name, &source)))?;
        Ok(DisRequest { text: narrowed(&dis(&program, &source, &self.policy), width) })
    }
}

/// Refuses the first of these options that was given.
fn none_of(options: &[(&str, bool)], why: &str, remedy: &str) -> Result<(), Failure> {
    match options.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::new(*option, why, remedy)),
        None => Ok(()),
    }
}

/// Reads a program.
///
/// # Errors
/// [`Failure`] if there is no such file, or no program in it.
pub fn read(path: &Path) -> Result<Program, Failure> {
    let name = path.display().to_string();
    let text = read_source(path, &name)?;
    assemble(&text).map_err(|error| {
        let place = format!("{name}:{}", error.position);
        let expected = format!("expected {}", error.expected);
        Failure::new(place, format!("found {}", error.found), expected)
    })
}

/// Reads a program and checks that it can run.
///
/// # Errors
/// As [`read`], and if it cannot.
pub fn read_verified(path: &Path) -> Result<Verified, Failure> {
    Verified::new(read(path)?).map_err(|error| {
        let place = format!("{}:{}", path.display(), error.position);
        Failure::new(place, error.what(), error.remedy())
    })
}
