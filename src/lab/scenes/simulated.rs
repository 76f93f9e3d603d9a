//! Simulated machines that scenes run on, in virtual time.
//!
//! *Promises*: the same numbers give the same run, everywhere.
//! *Leaves out*: memory, signals and several locks; the simulator has none of them. The peer of
//! the convoy is on a machine of its own: it takes its time, but none of the cores.

use crate::gil::rules::decision::{Nanos, nanos};
use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::simulator::costs::Costs;
use crate::gil::simulator::simulation::SimulationResult;
use crate::gil::simulator::simulation::{NoSuchMachine, Simulator};
use crate::gil::simulator::thread::Script;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::measure;
use crate::lab::report::recording::FlatRecording;
use crate::lab::scenes::scene_run::{MOST_EVENTS, SceneRun};
use std::time::Duration;

/// Longer than anybody waits.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);
/// Ticks in one pass of `while n > 0: n -= 1`; see `lab/scenes/bytecode.rs`.
const TICKS_OF_A_PASS: f64 = 3.0;

/// A machine to simulate, and a peer across the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulatedMachine {
    /// How many cores it has.
    pub cores: usize,
    /// What it charges.
    pub costs: Costs,
    /// The seed of what is left to chance.
    pub seed: u64,
    /// How long a peer takes, from an answer sent to its next request.
    pub answer: Nanos,
    /// How long a call like `write` works without the lock.
    pub call: Nanos,
}

impl SimulatedMachine {
    /// A machine with a peer across a loopback interface, whose times are round numbers.
    pub fn of(cores: usize, costs: Costs, seed: u64) -> SimulatedMachine {
        SimulatedMachine { cores, costs, seed, answer: 60_000, call: 10_000 }
    }

    /// Runs these threads under this policy, for so much virtual time.
    ///
    /// # Errors
    /// If there is no such machine.
    pub(crate) fn play(
        &self,
        policy: SwitchPolicy,
        time: Duration,
        scripts: &[Script],
    ) -> Result<SimulationResult, Failure> {
        let impossible = |e: NoSuchMachine| Failure::new("--simulate", e.to_string(), "name it so");
        let mut world =
            Simulator::new(policy, self.cores, self.costs, self.seed).map_err(impossible)?;
        world.record(MOST_EVENTS);
        scripts.iter().for_each(|script| world.spawn(script.clone()));
        Ok(world.run(nanos(time)))
    }

    /// Runs so many threads that do nothing but compute: `cpu 1`, `cpu 2`, …
    ///
    /// # Errors
    /// As [`play`](Self::play).
    pub(crate) fn compute(
        &self,
        policy: SwitchPolicy,
        threads: usize,
        time: Duration,
    ) -> Result<SimulationResult, Failure> {
        let script = |number| Script::computes(&format!("cpu {number}"), u64::MAX);
        self.play(policy, time, &(1..=threads).map(script).collect::<Vec<_>>())
    }
}

/// Simulates in a child process, so that whoever ends the command need not wait for it: virtual
/// time may take long.
///
/// # Errors
/// If the child cannot be had; else what `simulate` says.
pub(crate) fn apart(
    simulate: impl FnOnce() -> Result<SceneRun, Failure>,
) -> Result<SceneRun, Failure> {
    let flat = || simulate().map(|run| (FlatRecording::from(&run.recording), run.figures));
    let ((recording, figures), _) = measure(FOREVER, flat)?;
    Ok(SceneRun { pid: 0, recording: recording.into(), figures, partial: false })
}

/// How many passes of the countdown all threads of a run did together in a second.
pub(crate) fn passes_per_s(run: &SimulationResult) -> f64 {
    let ticks: u64 = run.threads.iter().map(|fate| fate.ticks).sum();
    ticks as f64 / TICKS_OF_A_PASS / (run.elapsed.max(1) as f64 / 1e9)
}
