//! The scenes that `singletrack gil` shows: what runs, under which policies, and what was
//! measured, in a sentence.
//!
//! *Assumes*: nothing.
//! *Promises*: a sentence states what was measured, and nothing else.
//! *Leaves out*: running and drawing; why it goes as it does (`lab/explanation.rs`).

use crate::gil::policy::SwitchPolicy;
use crate::lab::echo::Places;
use crate::lab::explanation;
use crate::lab::failure::Failure;
use crate::lab::lanes::Words;
use crate::lab::scopes;
use crate::lab::simulated::{self, Setting};
use crate::lab::stage::{self, Figures, Take};
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
    pub fn words(self) -> Words {
        match self {
            Scene::FreeThreaded => Words::NO_LOCK,
            Scene::PerInterpreter => Words::OWN_LOCK,
            _ => Words::LOCK,
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
        let get = |name: &str| figures.get(name).copied().unwrap_or(f64::NAN);
        match self {
            Scene::Convoy => format!(
                "A request takes {} beside a thread that computes and {} without it: the toll is \
                 {} a request, and {:.0} requests a second instead of {:.0}.",
                time(get("beside_us")),
                time(get("idle_us")),
                time(get("toll_us").max(0.0)),
                get("beside_requests_per_s"),
                get("idle_requests_per_s"),
            ),
            Scene::Battle => {
                let waited = match figures.get("core_wait_us") {
                    Some(&us) => format!("; a woken thread waited {} for a core", time(us)),
                    None => String::new(),
                };
                format!(
                    "Two threads take {:.2} times as long as one after the other would: {:.0} \
                     switches, {:.0} failed takes and {:.0} sleeps a second{waited}.",
                    get("times_as_long"),
                    get("switches_per_s"),
                    get("failed_takes_per_s"),
                    get("sleeps_per_s"),
                )
            }
            Scene::Race => format!(
                "{:.0} of {:.0} updates were lost, at {:.0} switches a second.",
                get("lost"),
                get("increments"),
                get("switches_per_s"),
            ),
            Scene::Starvation => format!(
                "The longest wait was {:.1} ms; the threads had {:.0} % to {:.0} % of the work \
                 done, where a third each would be fair.",
                get("longest_wait_ms"),
                100.0 * get("smallest_share"),
                100.0 * get("largest_share"),
            ),
            Scene::NoForce => format!(
                "{:.0} % of {:.0} drops on request a second led to a switch; each of the others \
                 cost two threads a visit to the lock and changed nothing.",
                100.0 * get("handed_over"),
                get("forced_drops_per_s"),
            ),
            Scene::SignalStorm => format!(
                "After the signal the threads that compute ran {:.1} times slower, and dropped \
                 the lock {:.0} times a second instead of {:.0}; the signal was handled {}.",
                get("times_slower"),
                get("drops_per_s_after"),
                get("drops_per_s_before"),
                match get("handled_while_main_was_blocked") > 0.0 {
                    true => "at once",
                    false => "when the main thread was back, and no sooner",
                },
            ),
            Scene::PerInterpreter => format!(
                "With a lock each the two threads did {:.2} times the work they did under one, \
                 and {:.0} of {:.0} values crossed from one interpreter to the other.",
                get("speed_up"),
                get("values_received"),
                get("values_sent"),
            ),
            Scene::FreeThreaded => format!(
                "Without a lock the two threads did {:.2} times the work they did under one. {:.0} \
                 times the world was stopped, {} after it was asked for (at worst {}). Of {:.0} \
                 looks at moving accounts {:.0} saw a wrong sum; of those in a stopped world, \
                 {:.0}.",
                get("speed_up"),
                get("stops"),
                time(get("to_stop_us_p50")),
                time(get("to_stop_us_max")),
                get("peeks"),
                get("torn_while_running"),
                get("torn_when_stopped"),
            ),
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

fn time(micros: f64) -> String {
    if micros >= 1000.0 { format!("{:.2} ms", micros / 1e3) } else { format!("{micros:.0} us") }
}
