//! `battle`: two threads that compute, against one.
//!
//! *Promises*: one thread and two take turns, so that what else runs on the machine disturbs both.

use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::stats::counters::Counters;
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::StateNames;
use crate::lab::report::outside;
use crate::lab::report::recording::FlatRecording;
use crate::lab::report::stats::Spread;
use crate::lab::scenes::computing::{Computed, compute, in_child};
use crate::lab::scenes::explanation::explain;
use crate::lab::scenes::scene::{Scene, Simulation};
use crate::lab::scenes::scene_run::{Figures, SceneRun, micros};
use crate::lab::scenes::simulated::{SimulatedMachine, passes_per_s};
use std::time::Duration;

/// How often one thread and two take turns.
const ROUNDS: u32 = 5;

/// The scene.
pub const SCENE: Scene = Scene {
    name: "battle",
    title: "two threads that compute, against one",
    policies: &[SwitchPolicy::PYTHON_2, SwitchPolicy::PYTHON_2_LINUX, SwitchPolicy::PYTHON_3_2],
    state_names: StateNames::LOCK,
    caption: ToString::to_string,
    real: run,
    simulated: Simulation::By(simulate),
    sentence,
    explanation: explain! {
        "Both threads only compute, `while n > 0: n -= 1`, " [lab/scenes/bytecode.rs countdown]
        ", so one lock can at best let them take turns: 1.00 times. What that costs depends on
        which thread wakes which, and when.

        python-2: every 101 ticks the holder drops the lock and takes it again at once, with
        nothing in between: " [gil/rules/ticker.rs tick] ", " [gil/lock/token.rs check_after_ticks] ". The
        drop wakes the sleeper, " [gil/rules/machine.rs drops] "; on a second core it takes
        microseconds to wake up, finds the lock taken again, and goes back to sleep: a failed
        take, " [gil/rules/machine.rs woken] ". Two system calls for nothing, tens of thousands
        of times a second. Beazley showed it in 2009: two threads on two cores took twice as
        long as one. CPython 2.7 on Linux still does it.

        It takes an idle core. Where other programs have the cores, the woken thread queues
        behind them and the holder goes on undisturbed: the sentence on a real run says how long
        a woken thread waited for its core. On a busy machine give the scene precedence, as root:
        `chrt -r 1 singletrack gil battle`; or leave the machine out: `--simulate 4`. On one core
        there is no fight: `taskset -c 0`, `--simulate 1`.

        python-2-linux: the same rule over a semaphore. The dropper wakes the sleeper after it
        has released the mutex, and not before: " [gil/lock/take_gil.rs leave] ". That
        matters where a wake-up is quicker than the signal that starts it; with the usual
        simulated costs it is not, and the two pictures are the same.

        python-3.2: no ticks. The sleeper asks after 5 ms, " [gil/rules/machine.rs timed_out] ",
        and the holder, having dropped the lock, sleeps until another thread has had it: "
        [gil/lock/take_gil.rs take_or_sleep] ". So there is a switch every 5 ms and no fight."
    },
};

/// One thread that computes, and two: how many times as long the two take.
///
/// # Errors
/// If the child or its threads cannot be had.
pub(crate) fn run(policy: SwitchPolicy, time: Duration) -> Result<SceneRun, Failure> {
    in_child(time, move || {
        let mut rounds: Vec<(Computed, Computed)> = Vec::new();
        while rounds.len() < ROUNDS as usize && outside::ended().is_none() {
            let alone = compute(policy, 1, time / (3 * ROUNDS))?;
            // A thread alone that had no time, and two that had, cannot be compared.
            match outside::check() {
                Err(ended) if rounds.is_empty() => return Err(ended),
                Err(_) => break,
                Ok(()) => rounds.push((alone, compute(policy, 2, time / ROUNDS)?)),
            }
        }
        let counters: Counters = rounds.iter().map(|(_, both)| both.counters).sum();
        let counted = rounds.iter().map(|(_, both)| both.counted).sum();
        let mut figures = Figures::per_second(&counters, counted);
        let mut median = |name: &str, of: &dyn Fn(&Computed, &Computed) -> f64| {
            let values: Vec<f64> = rounds.iter().map(|(alone, both)| of(alone, both)).collect();
            figures.set(name, Spread::of(&values).map_or(f64::NAN, |spread| spread.median));
        };
        median("passes_per_s_alone", &|alone, _| alone.rate());
        median("passes_per_s_both", &|_, both| both.rate());
        median("times_as_long", &|alone, both| alone.rate() / both.rate());
        let delays = rounds.iter().map(|(_, both)| both.core_wait);
        if let Some(delay) = delays.sum::<Option<Duration>>() {
            let each = delay.as_secs_f64() / counters.sleeps.max(1) as f64;
            figures.set("core_wait_us", 1e6 * each);
        }
        let last = rounds.last().map(|(_, both)| FlatRecording::from(&both.recording));
        let missing = || Failure::new("the battle", "no round was fought", "report it");
        Ok((last.ok_or_else(missing)?, figures))
    })
}

/// The same in virtual time, where one round is enough.
///
/// # Errors
/// If there is no such machine.
pub(crate) fn simulate(
    policy: SwitchPolicy,
    time: Duration,
    machine: &SimulatedMachine,
) -> Result<SceneRun, Failure> {
    let alone = passes_per_s(&machine.compute(policy, 1, time / 3)?);
    let run = machine.compute(policy, 2, time)?;
    let both = passes_per_s(&run);
    let mut figures = Figures::per_second(&run.counters, time);
    figures.set("passes_per_s_alone", alone);
    figures.set("passes_per_s_both", both);
    figures.set("times_as_long", alone / both);
    Ok(SceneRun::simulated(run, figures))
}

fn sentence(figures: &Figures) -> String {
    let waited = match figures.find("core_wait_us") {
        Some(us) => format!("; a woken thread waited {} for a core", micros(us)),
        None => String::new(),
    };
    format!(
        "Two threads take {:.2} times as long as one after the other would: {:.0} switches, {:.0} \
         failed takes and {:.0} sleeps a second{waited}.",
        figures.get("times_as_long"),
        figures.get("switches_per_s"),
        figures.get("failed_takes_per_s"),
        figures.get("sleeps_per_s"),
    )
}
