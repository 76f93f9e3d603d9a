//! `no-force`: two threads that compute, with and without a forced switch.
//!
//! *Promises*: a drop on request counts as handed over only if another thread took the lock next.

use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::StateNames;
use crate::lab::report::recording::{FlatRecording, handed_over};
use crate::lab::scenes::computing::{compute, in_child};
use crate::lab::scenes::explanation::explain;
use crate::lab::scenes::scene::{Scene, Simulation};
use crate::lab::scenes::scene_run::{Figures, SceneRun};
use crate::lab::scenes::simulated::SimulatedMachine;
use std::time::Duration;

/// The scene.
pub const SCENE: Scene = Scene {
    name: "no-force",
    title: "two threads that compute, with and without a forced switch",
    policies: &[SwitchPolicy::NO_FORCE, SwitchPolicy::PYTHON_3_2],
    state_names: StateNames::LOCK,
    caption: ToString::to_string,
    real: run,
    simulated: Simulation::By(simulate),
    sentence,
    explanation: explain! {
        "Both policies let a waiter ask after 5 ms: " [gil/rules/machine.rs timed_out] ". They
        differ in what the thread does that is asked.

        no-force: it drops the lock, which wakes the sleeper, and wants it back at once: "
        [gil/lock/take_gil.rs yield_gil] ". A wake-up takes some 10 to 50 microseconds,
        taking a free lock some nanoseconds. So where each thread has a core the dropper often
        wins; the sleeper wakes up to a taken lock, " [gil/rules/machine.rs woken] ", and begins
        to wait for another interval. The switch was asked for, granted, and did not happen.
        Where they share a core the kernel says which goes first: a scheduler that prefers the
        woken thread hides the fault. Run it twice, once with a busy machine.

        python-3.2: having dropped the lock, it may not have it back before another thread has
        had it: " [gil/rules/machine.rs awaits_switch] ". One sleep serves for that and for its
        next turn, " [gil/lock/take_gil.rs take_or_sleep] "; the thread that takes the lock makes
        it a waiter, " [gil/rules/machine.rs ends_hand_over] ", and wakes nobody. In CPython it is
        a #define, FORCE_SWITCHING, and a second condition variable, switch_cond. No Python was
        ever released without it.

        One trap is in it. If the waiter that asked gives up, the dropper would wait for a
        switch that no thread is left to make (gh-96387): so a waiter that leaves withdraws its
        request, " [gil/rules/machine.rs gives_up] "."
    },
};

fn run(policy: SwitchPolicy, time: Duration) -> Result<SceneRun, Failure> {
    in_child(time, move || {
        let run = compute(policy, 2, time)?;
        let mut figures = Figures::per_second(&run.counters, run.counted);
        figures.set("handed_over", handed_over(&run.recording));
        Ok((FlatRecording::from(&run.recording), figures))
    })
}

fn simulate(
    policy: SwitchPolicy,
    time: Duration,
    machine: &SimulatedMachine,
) -> Result<SceneRun, Failure> {
    let run = machine.compute(policy, 2, time)?;
    let mut figures = Figures::per_second(&run.counters, time);
    figures.set("handed_over", handed_over(&run.recording));
    Ok(SceneRun::simulated(run, figures))
}

fn sentence(figures: &Figures) -> String {
    format!(
        "{:.0} % of {:.0} drops on request a second led to a switch; each of the others cost two \
         threads a visit to the lock and changed nothing.",
        100.0 * figures.get("handed_over"),
        figures.get("forced_drops_per_s"),
    )
}
