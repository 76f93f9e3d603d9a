//! `starvation`: three threads that compute, and the longest wait of any of them.
//!
//! *Promises*: the longest wait is that of the recording, one that had not ended included.

use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::StateNames;
use crate::lab::report::recording::{FlatRecording, longest_wait};
use crate::lab::scenes::computing::{compute, in_child};
use crate::lab::scenes::explanation::explain;
use crate::lab::scenes::scene::{Scene, Simulation};
use crate::lab::scenes::scene_run::{Figures, SceneRun};
use crate::lab::scenes::simulated::SimulatedMachine;
use std::time::Duration;

/// How many threads compute.
const THREADS: usize = 3;

/// The scene.
pub const SCENE: Scene = Scene {
    name: "starvation",
    title: "three threads that compute, and never block",
    policies: &[SwitchPolicy::NO_FORCE, SwitchPolicy::PYTHON_3_10, SwitchPolicy::FAIR],
    state_names: StateNames::LOCK,
    caption: ToString::to_string,
    real: run,
    simulated: Simulation::By(simulate),
    sentence,
    explanation: explain! {
        "No thread in this scene blocks, so one runs only when another is made to stop.

        no-force: the thread that is asked drops the lock and takes it back before the sleeper
        has woken up. The request is withdrawn, " [gil/rules/machine.rs drops] ", the sleeper
        starts to wait for a new interval, " [gil/rules/machine.rs woken] ", and may lose again;
        nothing bounds how often.

        python-3.10: the thread that is asked stays away until another has had the lock: "
        [gil/rules/machine.rs awaits_switch] ". But which one? The first to come. And every switch
        makes all that wait start a new interval, for it would be unjust to ask a new holder
        because the old one was slow: " [gil/rules/machine.rs timed_out] ". With many threads
        the wait of one is a matter of luck.

        fair: the lock is granted to the thread that has waited longest, while it sleeps: "
        [gil/rules/machine.rs grants_next] ". The interval counts from when the holder got the
        lock: " [gil/rules/machine.rs until] ". So no thread waits longer than all the others
        may hold the lock: (threads - 1) x (interval + the time to a checkpoint). It is the only
        rule here with a bound. The price is that each switch waits for a sleeper to wake up,
        and the lock lies idle until then."
    },
};

fn run(policy: SwitchPolicy, time: Duration) -> Result<SceneRun, Failure> {
    in_child(time, move || {
        let run = compute(policy, THREADS, time)?;
        let mut figures = Figures::per_second(&run.counters, run.counted);
        set_shares(&mut figures, &run.passes);
        figures.set("longest_wait_ms", longest_wait(&run.recording) as f64 / 1e6);
        Ok((FlatRecording::from(&run.recording), figures))
    })
}

fn simulate(
    policy: SwitchPolicy,
    time: Duration,
    machine: &SimulatedMachine,
) -> Result<SceneRun, Failure> {
    let run = machine.compute(policy, THREADS, time)?;
    let mut figures = Figures::per_second(&run.counters, time);
    set_shares(&mut figures, &run.threads.iter().map(|fate| fate.ticks).collect::<Vec<_>>());
    figures.set("longest_wait_ms", longest_wait(&run.recording) as f64 / 1e6);
    Ok(SceneRun::simulated(run, figures))
}

/// How much of the work was done by the thread that did least, and by the one that did most.
fn set_shares(figures: &mut Figures, work: &[u64]) {
    let all = work.iter().sum::<u64>().max(1) as f64;
    let shares = || work.iter().map(|&work| work as f64 / all);
    figures.set("smallest_share", shares().fold(1.0, f64::min));
    figures.set("largest_share", shares().fold(0.0, f64::max));
}

fn sentence(figures: &Figures) -> String {
    format!(
        "The longest wait was {:.1} ms; the threads had {:.0} % to {:.0} % of the work done, where \
         a third each would be fair.",
        figures.get("longest_wait_ms"),
        100.0 * figures.get("smallest_share"),
        100.0 * figures.get("largest_share"),
    )
}
