//! `singletrack loop step`: its arguments, and what they ask for.
//!
//! *Promises*: a scene that is not there is refused with the names of those that are; a program outside
//! the subset, with its place.
//! A program has run before it is shown, in virtual time: so one without an event loop is refused, too.
//! *Leaves out*: carrying it out (`lab/turns/walk.rs`).

use crate::lab::explore::python::{Refused, is_python, read};
use crate::lab::report::failure::Failure;
use crate::lab::report::whole_file::WholeFile;
use crate::lab::turns::program::{SteppedProgram, stepped};
use crate::lab::turns::scene::Scene;
use crate::lab::turns::turn::Stepped;
use crate::python::run::single::program;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// For the end of `loop --help`.
pub const EXAMPLES: &str = "\
Examples:
  singletrack loop step                    the scenes, a line each
  singletrack loop step queue              forwards and back by keys, an iteration at a time
  singletrack loop step lock --all         all of it
  singletrack loop step timeout --json
  singletrack loop step tasks.py           a program with asyncio.run, in virtual time, with the
                                           line on which each task stands
  singletrack loop step tasks.py --html tasks.html
  singletrack loop step queue --trace queue.json

Keys: n or space = next, p = previous, g = first, G = last, a = all that is left, q = quit.";

/// The words after `loop`.
#[derive(Debug, Args)]
pub struct LoopArgs {
    #[command(subcommand)]
    what: LoopCommand,
}

#[derive(Debug, Subcommand)]
enum LoopCommand {
    /// Steps through a scene: the ready queue, timers and selector, who runs, and what woke it
    #[command(after_help = EXAMPLES)]
    Step(StepArgs),
}

#[derive(Debug, Args)]
struct StepArgs {
    /// A scene (order, sleep, queue, lock, herd, timeout, busy) or a Python program with
    /// asyncio; the list of the scenes if none is named
    #[arg(value_name = "SCENE|FILE.py")]
    what: Option<PathBuf>,
    /// Shows every iteration at once
    #[arg(long)]
    all: bool,
    /// Prints one JSON object
    #[arg(long, conflicts_with = "all")]
    json: bool,
    /// Writes a page with all of it, which a browser steps through
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "json"], requires = "what")]
    html: Option<PathBuf>,
    /// Writes what each task did as a trace for Perfetto and for `singletrack replay`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "json", "html"], requires = "what")]
    trace: Option<PathBuf>,
}

/// What to step through.
#[derive(Clone)]
pub enum Stage {
    /// The scenes, a line each.
    List,
    /// A scene.
    Scene(&'static Scene),
    /// A program, which has run.
    Program(Box<Stepped>),
}

/// How to step through it.
#[derive(Clone)]
pub struct StepRequest {
    /// What.
    pub stage: Stage,
    /// Everything at once: nothing is asked.
    pub all: bool,
    /// As JSON.
    pub json: bool,
    /// As a page.
    pub html: Option<PathBuf>,
    /// As a trace.
    pub trace: Option<PathBuf>,
}

impl std::fmt::Debug for StepRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match &self.stage {
            Stage::List => "",
            Stage::Scene(scene) => scene.name,
            Stage::Program(program) => &program.name,
        };
        f.debug_tuple("StepRequest").field(&name).finish()
    }
}

impl LoopArgs {
    /// What these arguments ask for.
    ///
    /// # Errors
    /// A scene that does not exist, a file that cannot be read, a program outside the subset, or one
    /// that runs no event loop.
    pub fn request(self) -> Result<StepRequest, Refused> {
        let LoopCommand::Step(StepArgs { what, all, json, html, trace }) = self.what;
        html.iter().chain(&trace).try_for_each(|path| WholeFile::check(path))?;
        let stage = match &what {
            None => Stage::List,
            Some(path) if is_python(path) => Stage::Program(Box::new(stepped(&compile(path)?)?)),
            Some(path) => Stage::Scene(Scene::named(&path.to_string_lossy())?),
        };
        Ok(StepRequest { stage, all, json, html, trace })
    }
}

fn compile(path: &Path) -> Result<SteppedProgram, Refused> {
    let name = path.display().to_string();
    let source = read(path, &name)?;
    let refused = |refusal: crate::python::front::refusal::Refusal| {
        // One line: the file and the place say the rest.
        let shown = refusal.shown(&name, &source);
        Refused::Source(shown.lines().next().unwrap_or_default().to_owned())
    };
    let program = program(&source).map_err(refused)?;
    if program.processes {
        let why = "it may start other processes";
        let remedy = "run it with `singletrack run`: only an event loop can be stepped through";
        return Err(Failure::new(name, why, remedy).into());
    }
    let lines = source.lines().map(str::to_owned).collect();
    Ok(SteppedProgram { name, source: lines, program })
}
