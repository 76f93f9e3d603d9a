//! What a scene is: one value with everything that `singletrack gil` asks of it.
//!
//! *Assumes*: the calling process has one thread when a scene runs for real.
//! *Promises*: a failure names the scene and the policy.
//! *Leaves out*: the scenes, which have a file each, and their list, [`Scene::ALL`] (`lab/scenes/mod.rs`).
//!
//! ```text
//!   Scene   name, title, policies, state_names, caption        shown before and around a picture
//!           real       (policy, time)          ──▶ SceneRun   real threads, in a child process
//!           simulated  (policy, time, machine) ──▶ SceneRun   in virtual time; or why that cannot be
//!           sentence   (figures)               ──▶ String     what was measured
//!           explanation                        ──▶ text       why, with places in this source
//! ```

use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::StateNames;
use crate::lab::scenes::explanation::Piece;
use crate::lab::scenes::scene_run::{Figures, SceneRun};
use crate::lab::scenes::simulated::{SimulatedMachine, apart};
use std::fmt;
use std::time::Duration;

/// A scene. Two are equal if they have the same name.
pub struct Scene {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens in it.
    pub title: &'static str,
    /// The policies to show it under, if none is named.
    pub policies: &'static [SwitchPolicy],
    /// What the states of its threads are called.
    pub state_names: StateNames,
    /// What is drawn, under this policy: for most scenes the policy's name.
    pub caption: fn(&SwitchPolicy) -> String,
    /// Runs it with real threads, for about this long.
    pub real: fn(SwitchPolicy, Duration) -> Result<SceneRun, Failure>,
    /// Runs it on simulated cores, if the simulator has all that it takes.
    pub simulated: Simulation,
    /// Says in one sentence what was measured, and nothing else.
    pub sentence: fn(&Figures) -> String,
    /// Says in some twenty lines why it goes as it does.
    pub explanation: &'static [Piece],
}

/// Whether a scene can run on simulated cores, and how.
#[derive(Clone, Copy)]
pub enum Simulation {
    /// By this function, for so much virtual time.
    By(fn(SwitchPolicy, Duration, &SimulatedMachine) -> Result<SceneRun, Failure>),
    /// It cannot, for this reason.
    Impossible(&'static str),
}

impl Scene {
    /// The scene of this name.
    ///
    /// ```
    /// use singletrack::lab::scenes::scene::Scene;
    ///
    /// let title = "two threads that compute, against one";
    /// assert_eq!(Scene::from_name("battle").map(|scene| scene.title), Some(title));
    /// assert_eq!(Scene::from_name("peace"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<&'static Scene> {
        Scene::ALL.into_iter().find(|scene| scene.name == name)
    }

    /// The names of those that run on simulated cores: `convoy, battle or no-force`.
    pub fn simulated_names() -> String {
        let all = Scene::ALL.into_iter().filter(|scene| scene.cannot_be_simulated().is_none());
        let names: Vec<&str> = all.map(|scene| scene.name).collect();
        match &names[..] {
            [] => String::new(),
            [only] => (*only).to_owned(),
            [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
        }
    }

    /// Runs it once, for about this long.
    ///
    /// # Errors
    /// If a process, a thread or a socket cannot be had.
    pub fn run(&self, policy: SwitchPolicy, time: Duration) -> Result<SceneRun, Failure> {
        let failed = |failure: Failure| failure.within(&format!("{} under {policy}", self.name));
        (self.real)(policy, time).map_err(failed)
    }

    /// Runs it on simulated cores, for so much virtual time.
    ///
    /// # Errors
    /// If it cannot be simulated, or there is no such machine, or no process for it.
    pub fn simulate(
        &self,
        policy: SwitchPolicy,
        time: Duration,
        machine: &SimulatedMachine,
    ) -> Result<SceneRun, Failure> {
        match self.simulated {
            Simulation::By(simulate) => apart(|| simulate(policy, time, machine)),
            Simulation::Impossible(why) => {
                Err(Failure::new(format!("gil {} --simulate", self.name), why, "leave it out"))
            }
        }
    }

    /// Why it cannot be run on simulated cores, if it cannot.
    pub fn cannot_be_simulated(&self) -> Option<&'static str> {
        match self.simulated {
            Simulation::By(_) => None,
            Simulation::Impossible(why) => Some(why),
        }
    }
}

impl PartialEq for Scene {
    fn eq(&self, other: &Scene) -> bool {
        self.name == other.name
    }
}

impl Eq for Scene {}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scene({})", self.name)
    }
}
