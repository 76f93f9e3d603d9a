//! The scenes that `singletrack gil` shows: what runs, and under which policies.
//!
//! *Promises*: one name, one scene; each has all that is asked of a scene here.
//! *Leaves out*: running (`lab/scenes/stage.rs`, `lab/scenes/scopes.rs`) and drawing (`lab/report/lanes.rs`); what is
//! said of it (`lab/scenes/sentence.rs`, `lab/scenes/explanation.rs`).

use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::StateNames;
use crate::lab::scenes::echo::Places;
use crate::lab::scenes::explanation;
use crate::lab::scenes::scopes;
use crate::lab::scenes::sentence;
use crate::lab::scenes::simulated;
use crate::lab::scenes::simulated::Setting;
use crate::lab::scenes::stage;
use crate::lab::scenes::stage::{Figures, Take};
use std::time::Duration;

/// What can be had instead of a simulation that cannot.
pub const SIMULATED: &str = "leave it out, or name convoy, battle, starvation or no-force";

/// A scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// An echo server thread beside a thread that computes.
    Convoy,
    /// Two threads that compute, against one.
    Battle,
    /// Four threads that do `x += 1`.
    Race,
    /// Three threads that compute, and the longest wait of any.
    Starvation,
    /// Drops on request with and without a forced switch.
    NoForce,
    /// Threads that compute after a signal that only the main thread may handle.
    SignalStorm,
    /// Two threads under one lock, and each under its own.
    PerInterpreter,
    /// Two threads without a lock, and one that stops the world.
    FreeThreaded,
}

impl Scene {
    /// All of them.
    pub const ALL: [Scene; 8] = [
        Scene::Convoy,
        Scene::Battle,
        Scene::Race,
        Scene::Starvation,
        Scene::NoForce,
        Scene::SignalStorm,
        Scene::PerInterpreter,
        Scene::FreeThreaded,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Scene::Convoy => "convoy",
            Scene::Battle => "battle",
            Scene::Race => "race",
            Scene::Starvation => "starvation",
            Scene::NoForce => "no-force",
            Scene::SignalStorm => "signal-storm",
            Scene::PerInterpreter => "per-interpreter",
            Scene::FreeThreaded => "free-threaded",
        }
    }

    /// The scene of this name.
    pub fn from_name(name: &str) -> Option<Scene> {
        Scene::ALL.into_iter().find(|scene| scene.name() == name)
    }

    /// What happens in it.
    pub fn title(self) -> &'static str {
        match self {
            Scene::Convoy => "an echo server thread beside a thread that computes",
            Scene::Battle => "two threads that compute, against one",
            Scene::Race => "four threads that do `x += 1` on one variable",
            Scene::Starvation => "three threads that compute, and never block",
            Scene::NoForce => "two threads that compute, with and without a forced switch",
            Scene::SignalStorm => "two threads that compute, after Ctrl-C, main blocked in join()",
            Scene::PerInterpreter => "two threads that compute, in one interpreter and in two",
            Scene::FreeThreaded => "two threads without a lock, and one that stops the world",
        }
    }

    /// What the states of its threads are called.
    pub fn words(self) -> StateNames {
        match self {
            Scene::FreeThreaded => StateNames::NO_LOCK,
            Scene::PerInterpreter => StateNames::OWN_LOCK,
            _ => StateNames::LOCK,
        }
    }

    /// What is drawn, under this policy.
    pub fn caption(self, policy: SwitchPolicy) -> String {
        match self {
            Scene::FreeThreaded => format!("no lock, beside {policy}"),
            _ => policy.to_string(),
        }
    }

    /// The policies to show it under, if none is named.
    pub fn policies(self) -> Vec<SwitchPolicy> {
        match self {
            Scene::Convoy => vec![SwitchPolicy::PYTHON_2_LINUX, SwitchPolicy::PYTHON_3_10],
            Scene::Battle => {
                vec![SwitchPolicy::PYTHON_2, SwitchPolicy::PYTHON_2_LINUX, SwitchPolicy::PYTHON_3_2]
            }
            Scene::Race => {
                vec![SwitchPolicy::PYTHON_2, SwitchPolicy::PYTHON_3_2, SwitchPolicy::PYTHON_3_10]
            }
            Scene::Starvation => {
                vec![SwitchPolicy::NO_FORCE, SwitchPolicy::PYTHON_3_10, SwitchPolicy::FAIR]
            }
            Scene::NoForce => vec![SwitchPolicy::NO_FORCE, SwitchPolicy::PYTHON_3_2],
            Scene::SignalStorm => vec![SwitchPolicy::PYTHON_2_LINUX, SwitchPolicy::PYTHON_3_2],
            Scene::PerInterpreter | Scene::FreeThreaded => vec![SwitchPolicy::PYTHON_3_13],
        }
    }

    /// Runs it once, for about this long.
    ///
    /// # Errors
    /// If a process, a thread or a socket cannot be had.
    pub fn run(self, policy: SwitchPolicy, time: Duration) -> Result<Take, Failure> {
        let take = match self {
            Scene::Convoy => Places::find().and_then(|places| stage::convoy(policy, time, &places)),
            Scene::Battle => stage::battle(policy, time),
            Scene::Race => stage::race(policy, time),
            Scene::Starvation => stage::starvation(policy, time),
            Scene::NoForce => stage::no_force(policy, time),
            Scene::SignalStorm => stage::signal_storm(policy, time),
            Scene::PerInterpreter => scopes::per_interpreter(policy, time),
            Scene::FreeThreaded => scopes::free_threaded(policy, time),
        };
        take.map_err(|failure| failure.within(&format!("{} under {policy}", self.name())))
    }

    /// Why it cannot be run on simulated cores, if it cannot.
    pub fn cannot_be_simulated(self) -> Option<&'static str> {
        match self {
            Scene::Convoy | Scene::Battle | Scene::Starvation | Scene::NoForce => None,
            Scene::Race => Some("simulated threads share no variable"),
            Scene::SignalStorm => Some("simulated threads get no signals"),
            Scene::PerInterpreter | Scene::FreeThreaded => Some("the simulator has one lock"),
        }
    }

    /// Runs it on simulated cores, for so much virtual time.
    ///
    /// # Errors
    /// If it cannot be simulated, or there is no such machine.
    pub fn simulate(
        self,
        policy: SwitchPolicy,
        time: Duration,
        on: &Setting,
    ) -> Result<Take, Failure> {
        match self {
            Scene::Convoy => simulated::convoy(policy, time, on),
            Scene::Battle => simulated::battle(policy, time, on),
            Scene::Starvation => simulated::starvation(policy, time, on),
            Scene::NoForce => simulated::no_force(policy, time, on),
            Scene::Race | Scene::SignalStorm | Scene::PerInterpreter | Scene::FreeThreaded => {
                let why = self.cannot_be_simulated().unwrap_or_default();
                Err(Failure::new(format!("gil {} --simulate", self.name()), why, SIMULATED))
            }
        }
    }

    /// What was measured, in one sentence.
    pub fn sentence(self, figures: &Figures) -> String {
        match self {
            Scene::Convoy => sentence::convoy(figures),
            Scene::Battle => sentence::battle(figures),
            Scene::Race => sentence::race(figures),
            Scene::Starvation => sentence::starvation(figures),
            Scene::NoForce => sentence::no_force(figures),
            Scene::SignalStorm => sentence::signal_storm(figures),
            Scene::PerInterpreter => sentence::per_interpreter(figures),
            Scene::FreeThreaded => sentence::free_threaded(figures),
        }
    }

    /// Why it goes as it does, in some twenty lines.
    pub fn explanation(self) -> &'static str {
        match self {
            Scene::Convoy => explanation::CONVOY,
            Scene::Battle => explanation::BATTLE,
            Scene::Race => explanation::RACE,
            Scene::Starvation => explanation::STARVATION,
            Scene::NoForce => explanation::NO_FORCE,
            Scene::SignalStorm => explanation::SIGNAL_STORM,
            Scene::PerInterpreter => explanation::PER_INTERPRETER,
            Scene::FreeThreaded => explanation::FREE_THREADED,
        }
    }
}
