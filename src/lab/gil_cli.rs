//! What `singletrack gil` is asked for.
//!
//! *Assumes*: arguments that clap has split.
//! *Promises*: a request that makes sense, or one line that names what does not.
//! *Leaves out*: doing it (`lab/gil_command.rs`).

use crate::gil::policy::SwitchPolicy;
use crate::lab::failure::Failure;
use crate::lab::scene::Scene;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// The word in a scene's place that asks for the comparison with real interpreters.
const FIDELITY: &str = "fidelity";
const NARROWEST: usize = 40;
const WIDEST: usize = 1000;
const USUAL_WIDTH: usize = 80;
const LONGEST: f64 = 600.0;

/// Examples for the help text.
pub const EXAMPLES: &str = "\
Examples:
  singletrack gil convoy                               the toll of a request beside a CPU thread
  singletrack gil battle --policy python-2,python-3.2 --trace battle.json
  singletrack gil race --seconds 2 --json
  singletrack gil fidelity --python /usr/bin/python3   the same on a real interpreter";

/// The words of `singletrack gil`.
#[derive(Debug, Args)]
pub struct GilArgs {
    /// convoy, battle, race, starvation, no-force, signal-storm, per-interpreter; or fidelity,
    /// beside every CPython found
    #[arg(value_name = "SCENE")]
    scene: String,
    /// Policies to show it under, separated by commas or spaces: python-2, python-2-linux,
    /// python-3.2, python-3.10, python-3.13, no-force, fair, priority
    #[arg(long, value_name = "P", num_args = 1.., value_delimiter = ',')]
    policy: Vec<String>,
    /// Seconds a run [default: 0.5; fidelity: 1.5 for each interpreter and preset, and as much
    /// again for what has a fixed size]
    #[arg(long, value_name = "S", value_parser = seconds)]
    seconds: Option<f64>,
    /// Prints one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Also writes all that was recorded to a file that Perfetto opens
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Characters in a line [default: $COLUMNS, or 80]
    #[arg(long, value_name = "N", value_parser = width)]
    width: Option<usize>,
    /// Draws with ASCII characters only
    #[arg(long)]
    ascii: bool,
    /// Interpreters for fidelity [default: those on PATH and in pyenv]
    #[arg(long, value_name = "PATH", num_args = 1..)]
    python: Vec<PathBuf>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum GilRequest {
    /// Show a scene.
    Scene(SceneRequest),
    /// Compare the presets with real interpreters.
    Fidelity(FidelityRequest),
}

/// A scene to show.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneRequest {
    /// Which.
    pub scene: Scene,
    /// Under what.
    pub policies: Vec<SwitchPolicy>,
    /// For how long each.
    pub time: Duration,
    /// Whether to print JSON.
    pub json: bool,
    /// Where to write a trace.
    pub trace: Option<PathBuf>,
    /// Characters in a line.
    pub width: usize,
    /// Nothing but ASCII.
    pub ascii: bool,
}

/// A comparison with real interpreters.
#[derive(Debug, Clone, PartialEq)]
pub struct FidelityRequest {
    /// Which; if none is named, all that are found.
    pub pythons: Vec<PathBuf>,
    /// For how long each, and its preset.
    pub time: Duration,
    /// Whether to print JSON.
    pub json: bool,
}

impl GilArgs {
    /// What these words ask for.
    ///
    /// # Errors
    /// A scene or a policy that does not exist, or options that do not go together.
    pub fn request(self) -> Result<GilRequest, Failure> {
        if self.scene == FIDELITY { self.fidelity() } else { self.show() }
    }

    fn show(self) -> Result<GilRequest, Failure> {
        if !self.python.is_empty() {
            return Err(misplaced("--python", "only fidelity asks interpreters"));
        }
        let scene = Scene::from_name(&self.scene)?;
        let policies = match self.policy.is_empty() {
            true => scene.policies(),
            false => named(&self.policy)?,
        };
        Ok(GilRequest::Scene(SceneRequest {
            scene,
            policies,
            time: Duration::from_secs_f64(self.seconds.unwrap_or(0.5)),
            json: self.json,
            trace: self.trace,
            width: self.width.unwrap_or_else(usual_width),
            ascii: self.ascii,
        }))
    }

    fn fidelity(self) -> Result<GilRequest, Failure> {
        if !self.policy.is_empty() {
            return Err(misplaced("--policy", "each interpreter has its own preset"));
        }
        if self.trace.is_some() {
            return Err(misplaced("--trace", "fidelity draws nothing; trace a scene"));
        }
        Ok(GilRequest::Fidelity(FidelityRequest {
            pythons: self.python,
            time: Duration::from_secs_f64(self.seconds.unwrap_or(1.5)),
            json: self.json,
        }))
    }
}

fn misplaced(option: &str, why: &str) -> Failure {
    Failure::new(option, why, "leave it out")
}

fn named(names: &[String]) -> Result<Vec<SwitchPolicy>, Failure> {
    let policy = |name: &String| {
        let wrong = |e: crate::gil::policy::PolicyError| {
            let known: Vec<&str> = SwitchPolicy::PRESETS.iter().map(|(name, _)| *name).collect();
            let remedy = format!("name {}", known.join(", "));
            match e {
                crate::gil::policy::PolicyError::Unknown(_) => {
                    Failure::new(format!("--policy {name}"), "there is no such policy", remedy)
                }
                e => Failure::new(format!("--policy {name}"), e.to_string(), remedy),
            }
        };
        name.parse::<SwitchPolicy>().map_err(wrong)
    };
    names.iter().map(policy).collect()
}

fn usual_width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    columns.unwrap_or(USUAL_WIDTH).clamp(NARROWEST, WIDEST)
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
