//! What `singletrack gil` is asked for: its arguments, and a request.
//!
//! *Promises*: a request that makes sense, or one line that names what does not.
//! *Leaves out*: handling the request (`lab/gil_command.rs`).
//!
//! ```text
//!   GilArgs ─ request ─▶ GilRequest ─┬─ Scene      a scene, on real threads or simulated cores
//!                                    ├─ Fidelity   real interpreters beside their presets
//!                                    └─ Parity     the simulator beside the real lock
//! ```

use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::simulator::costs::{Costs, CostsError};
use crate::gil::simulator::simulation::MAX_CORES;
use crate::lab::compare::request::from_to;
use crate::lab::page::request::Pictures;
use crate::lab::report::failure::Failure;
use crate::lab::report::nearest::or_nearest;
use crate::lab::report::program::find_program;
use crate::lab::report::terminal::{ColorChoice, WIDEST};
use crate::lab::report::whole_file::WholeFile;
use crate::lab::report::window::Zoom;
use crate::lab::scenes::scene::Scene;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// In place of a scene's name: compare with real interpreters.
const FIDELITY: &str = "fidelity";
/// In place of a scene's name: compare the simulator with the real lock.
const PARITY: &str = "parity";
/// The word after `--costs` that has them measured.
const MEASURED: &str = "measured";
const SEED: u64 = 7;
/// Narrower pictures show nothing.
const NARROWEST: usize = 20;
const LONGEST: f64 = 600.0;

/// Examples for the help text.
pub const EXAMPLES: &str = "\
Examples:
  singletrack gil convoy                               the toll of a request beside a CPU thread
  singletrack gil battle --policy python-2,python-3.2 --trace battle.json
  singletrack gil race --seconds 2 --json
  singletrack gil battle --policy python-2 --window 100us
  singletrack gil battle --simulate 4                  Beazley's four cores, in virtual time
  singletrack gil convoy --simulate 64 --costs wake=50us,quantum=10ms
  singletrack gil parity                               the simulator beside the real lock
  singletrack gil fidelity --python /usr/bin/python3   the same on a real interpreter
  singletrack gil fidelity --idioms                    which updates are lost, on each interpreter";

/// What the picture and the table say, for the end of `singletrack gil --help`.
pub const READING: &str = "\
How to read a picture:
  0 to 40 ms  time since the lock was made, as in a trace; --window counts on the same scale
  has, waits  shares of the picture's time; they add up to 100 % with those that follow
  without     it blocked elsewhere, or had not come to the lock; or it was between a drop at a tick
              and the take that follows at once: where a fight is, that is most of the time
  a closer look  follows where most columns show no more than `both in turn`

How to read the table below it:
  takes       how often the thread took the lock
  asks        how often it asked the holder to drop it, having waited an interval
  fails       how often it was woken for a free lock and found it taken
  hold, wait  how long it had the lock, and waited for it, each time; p50 and p99 are the upper
              ends of buckets that double: not below the true value, and less than twice it

Runs that had ended before a failure or an interruption are shown, and with --json the field
`error` says why there are no more. A trace is written beside and renamed when it is whole; after
an interruption an earlier one stays as it was.

Fidelity goes on where an interpreter hangs or crashes: that is a line in its place. It ends with 1
if none was found, if a row disagrees in kind, if an update is lost that cannot be by the explorer, or
if something could not be measured, and names it. A loss that can be may not be seen.

Exit codes: 0 done, 1 the work failed, 2 usage, 130 interrupted (SIGINT), 143 ended (SIGTERM), 141
the reader of its output has gone.";

/// The arguments of `singletrack gil`, as clap splits them.
#[derive(Debug, Args)]
pub struct GilArgs {
    /// convoy, battle, race, starvation, no-force, signal-storm, per-interpreter, free-threaded;
    /// or fidelity, beside every CPython found; or parity, the simulator beside the real lock
    #[arg(value_name = "SCENE")]
    scene: String,
    /// Policies to show it under, separated by commas: python-2, python-2-linux, python-3.2,
    /// python-3.10, python-3.11, python-3.13, python-3.14, python-3.15, no-force, fair, priority; or a
    /// version: 2.7
    #[arg(long, value_name = "P", value_delimiter = ',')]
    policy: Vec<SwitchPolicy>,
    /// Runs convoy, battle, starvation or no-force on so many simulated cores, 1 to 1024, in
    /// virtual time: the same lock, the same picture, the same on every machine
    #[arg(long, value_name = "CORES", value_parser = cores)]
    simulate: Option<usize>,
    /// What simulated machines charge: `measured`, here and now, or such as wake=20us,signal=5us
    /// (tick, uncontended, contended, signal, interrupt, wake, switch, quantum, jitter) [default: round numbers]
    #[arg(long, value_name = "COSTS", requires = "simulate", value_parser = costs)]
    costs: Option<CostSource>,
    /// Seed of what is left to chance in a simulation [default: 7]
    #[arg(long, value_name = "N", requires = "simulate", value_parser = from_to(0, u64::MAX))]
    seed: Option<u64>,
    /// Seconds a run [default: 0.5; fidelity: 1.5 for each interpreter and preset, as much again for
    /// what has a fixed size, and ten times as much for the idioms; in less, rows agree or disagree by
    /// chance, and losses are not seen]
    #[arg(long, value_name = "S", value_parser = seconds)]
    seconds: Option<f64>,
    /// Prints one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Also writes all that was recorded to a file that Perfetto opens
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    #[command(flatten)]
    pictures: Pictures,
    /// Draws another stretch of time: so much of it, where the lock is fought for most (200us), or
    /// from one moment to another on the picture's scale (12ms..14ms)
    #[arg(long, value_name = "TIME", conflicts_with = "json")]
    window: Option<Zoom>,
    /// Characters in a line [default: the terminal's columns, $COLUMNS, or 80]
    #[arg(long, value_name = "N", value_parser = width)]
    width: Option<usize>,
    /// Draws with ASCII characters only
    #[arg(long)]
    ascii: bool,
    /// Colours in the pictures: those that TERM and COLORTERM promise
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    color: ColorChoice,
    /// An interpreter for fidelity, as often as there are some [default: those on PATH and in pyenv]
    #[arg(long, value_name = "PATH")]
    python: Vec<PathBuf>,
    /// Of fidelity only the table of idioms: which updates between a load and a store are lost, by the
    /// explorer and on the interpreters
    #[arg(long)]
    idioms: bool,
}

/// What `singletrack gil` is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum GilRequest {
    /// Show a scene.
    Scene(Box<SceneRequest>),
    /// Compare the presets with real interpreters.
    Fidelity(FidelityRequest),
    /// Compare the simulator with the real lock.
    Parity(ParityRequest),
}

/// Where the costs of a simulated machine come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostSource {
    /// They are measured on this machine.
    Measured,
    /// They were given.
    Given(Costs),
}

/// A machine to simulate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineRequest {
    /// How many cores.
    pub cores: usize,
    /// Where its costs come from.
    pub costs: CostSource,
    /// Decides what is left to chance.
    pub seed: u64,
}

/// A scene to show.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneRequest {
    /// Which scene.
    pub scene: &'static Scene,
    /// Under which policies.
    pub policies: Vec<SwitchPolicy>,
    /// On this simulated machine; on real threads if there is none.
    pub simulate: Option<MachineRequest>,
    /// For how long each runs.
    pub time: Duration,
    /// Whether to print JSON.
    pub json: bool,
    /// Where to write a trace.
    pub trace: Option<PathBuf>,
    /// Where to draw it.
    pub pictures: Pictures,
    /// Which stretch of time to draw; the last of it if none is named.
    pub window: Option<Zoom>,
    /// Characters in a line, if that was asked for.
    pub width: Option<usize>,
    /// Draw with ASCII characters only.
    pub ascii: bool,
    /// When to use colours.
    pub color: ColorChoice,
}

/// A comparison with real interpreters.
#[derive(Debug, Clone, PartialEq)]
pub struct FidelityRequest {
    /// Which interpreters; if none is named, all that are found.
    pub pythons: Vec<PathBuf>,
    /// For how long each runs, and as long its preset.
    pub time: Duration,
    /// Whether to print JSON.
    pub json: bool,
    /// Only the idioms.
    pub idioms: bool,
}

/// A comparison of the simulator with the real lock.
#[derive(Debug, Clone, PartialEq)]
pub struct ParityRequest {
    /// Under which policies.
    pub policies: Vec<SwitchPolicy>,
    /// For how long each run.
    pub time: Duration,
    /// Whether to print JSON.
    pub json: bool,
}

impl GilArgs {
    /// What these arguments ask for.
    ///
    /// # Errors
    /// A scene or a policy that does not exist, or options that do not go together.
    pub fn request(self) -> Result<GilRequest, Failure> {
        match self.scene.as_str() {
            FIDELITY => self.fidelity(),
            PARITY => self.parity(),
            _ => self.show(),
        }
    }

    fn show(self) -> Result<GilRequest, Failure> {
        self.asks_none()?;
        let scene = Scene::from_name(&self.scene).ok_or_else(|| unknown(&self.scene))?;
        if let (Some(why), Some(_)) = (scene.cannot_be_simulated(), self.simulate) {
            let remedy = format!("leave it out, or name {}", Scene::simulated_names());
            return Err(Failure::new(format!("gil {} --simulate", scene.name), why, remedy));
        }
        let simulate = self.simulate.map(|cores| MachineRequest {
            cores,
            costs: self.costs.unwrap_or(CostSource::Given(Costs::TYPICAL)),
            seed: self.seed.unwrap_or(SEED),
        });
        let policies =
            if self.policy.is_empty() { scene.policies.to_vec() } else { once(self.policy) };
        self.trace.as_deref().map_or(Ok(()), WholeFile::check)?;
        self.pictures.check()?;
        Ok(GilRequest::Scene(Box::new(SceneRequest {
            scene,
            policies,
            simulate,
            time: Duration::from_secs_f64(self.seconds.unwrap_or(0.5)),
            json: self.json,
            trace: self.trace,
            pictures: self.pictures,
            window: self.window,
            width: self.width,
            ascii: self.ascii,
            color: self.color,
        })))
    }

    fn fidelity(self) -> Result<GilRequest, Failure> {
        if !self.policy.is_empty() {
            return Err(misplaced("--policy", "each interpreter has its own preset"));
        }
        self.draws_nothing(FIDELITY)?;
        for python in &self.python {
            find_program(python.as_os_str(), "name another --python")?;
        }
        Ok(GilRequest::Fidelity(FidelityRequest {
            pythons: once(self.python),
            time: Duration::from_secs_f64(self.seconds.unwrap_or(1.5)),
            json: self.json,
            idioms: self.idioms,
        }))
    }

    fn parity(self) -> Result<GilRequest, Failure> {
        self.asks_none()?;
        self.draws_nothing(PARITY)?;
        let usual = [
            SwitchPolicy::PYTHON_2,
            SwitchPolicy::PYTHON_2_LINUX,
            SwitchPolicy::PYTHON_3_2,
            SwitchPolicy::PRIORITY,
        ];
        let policies = if self.policy.is_empty() { usual.to_vec() } else { once(self.policy) };
        let time = Duration::from_secs_f64(self.seconds.unwrap_or(0.5));
        Ok(GilRequest::Parity(ParityRequest { policies, time, json: self.json }))
    }

    /// Refuses the options that only fidelity has.
    fn asks_none(&self) -> Result<(), Failure> {
        let options = [("--python", !self.python.is_empty()), ("--idioms", self.idioms)];
        match options.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(misplaced(option, "only fidelity asks interpreters")),
            None => Ok(()),
        }
    }

    /// Refuses the options that only a scene has.
    fn draws_nothing(&self, what: &str) -> Result<(), Failure> {
        if self.trace.is_some() {
            return Err(misplaced(
                "--trace",
                &format!("{what} draws nothing, and only a scene is traced"),
            ));
        }
        if self.simulate.is_some() {
            return Err(misplaced("--simulate", &format!("{what} is no scene")));
        }
        let drawing = [
            ("--window", self.window.is_some()),
            ("--width", self.width.is_some()),
            ("--ascii", self.ascii),
            ("--html", self.pictures.html.is_some()),
            ("--card", self.pictures.card.is_some()),
        ];
        match drawing.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(misplaced(option, &format!("{what} draws nothing"))),
            None => Ok(()),
        }
    }
}

fn unknown(name: &str) -> Failure {
    let scenes = Scene::ALL.map(|scene| scene.name);
    let names: Vec<&str> = scenes.into_iter().chain([FIDELITY, PARITY]).collect();
    Failure::new(format!("gil {name}"), "there is no such scene", or_nearest(name, &names))
}

fn misplaced(option: &str, why: &str) -> Failure {
    Failure::new(option, why, "leave it out")
}

/// What is named twice is asked for once.
fn once<T: PartialEq>(named: Vec<T>) -> Vec<T> {
    let mut all = Vec::new();
    for one in named {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

fn cores(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(cores) if (1..=MAX_CORES).contains(&cores) => Ok(cores),
        _ => Err(format!("give a number of cores from 1 to {MAX_CORES}")),
    }
}

fn costs(text: &str) -> Result<CostSource, String> {
    match text {
        MEASURED => Ok(CostSource::Measured),
        _ => text.parse().map(CostSource::Given).map_err(|e: CostsError| e.to_string()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.05..=LONGEST).contains(&seconds) => Ok(seconds),
        _ => Err(format!("give a number of seconds from 0.05 to {LONGEST}")),
    }
}

fn width(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(width) if (NARROWEST..=WIDEST).contains(&width) => Ok(width),
        _ => Err(format!("give a number of characters from {NARROWEST} to {WIDEST}")),
    }
}
