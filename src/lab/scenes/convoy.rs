//! `convoy`: an echo server thread beside a thread that computes.
//!
//! *Promises*: the same requests twice: beside no thread that computes, then beside one.
//!
//! ```text
//!   real         the server of `lab/scenes/echo.rs` in a child, asked by this process
//!   simulated    echo   ── Await the peer ── Compute ── Call: write ── Compute ──  for ever
//!                cpu    ── Compute ───────────────────────────────────────────── …
//! ```

use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::simulator::simulation::SimulationResult;
use crate::gil::simulator::thread::{Act, Script};
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::StateNames;
use crate::lab::report::outside;
use crate::lab::report::stats::percentile;
use crate::lab::scenes::bytecode::{OPCODE, Work};
use crate::lab::scenes::echo::{CoreSplit, serve_and_ask};
use crate::lab::scenes::explanation::explain;
use crate::lab::scenes::scene::{Scene, Simulation};
use crate::lab::scenes::scene_run::{Figures, SceneRun, micros};
use crate::lab::scenes::simulated::SimulatedMachine;
use std::time::Duration;

/// Ticks of bytecode around each call of the echo thread.
const AROUND_A_CALL: u64 = 20;

/// The scene.
pub const SCENE: Scene = Scene {
    name: "convoy",
    title: "an echo server thread beside a thread that computes",
    policies: &[SwitchPolicy::PYTHON_2_LINUX, SwitchPolicy::PYTHON_3_10],
    state_names: StateNames::LOCK,
    caption: ToString::to_string,
    real: |policy, time| run_on(policy, time, &CoreSplit::find()?),
    simulated: Simulation::By(simulate),
    sentence,
    explanation: explain! {
        "The echo thread drops the lock around each call that may block, as CPython does: "
        [gil/lock/token.rs detach] ". The thread that computes never blocks. So each time the
        echo thread comes back from a call, it finds the lock taken.

        Under an interval policy it must then wait a whole interval, 5 ms, before it may even
        ask: " [gil/rules/machine.rs timed_out] ". The holder sees the request at its next
        checkpoint, " [gil/lock/token.rs pass] ", and goes: " [gil/rules/machine.rs drops] ".
        The echo thread holds the lock for some microseconds, reads or writes, and stands at
        the end of the queue again. One interval for each call that lets the other thread in:
        that is the toll. No time is wasted in a convoy: all of it goes to the thread that
        computes, for whose answer nobody waits.

        Under a counting policy the holder drops the lock every 101 ticks, some microseconds, "
        [gil/rules/ticker.rs tick] ", so the echo thread has a chance soon: "
        [gil/lock/token.rs check_after_ticks] ".

        Python 3 got this on the day the new lock came (bpo-7946, 2010), and has it still. The
        remedies: a shorter sys.setswitchinterval, which costs switches; a priority for
        threads that block, `--policy priority`, " [gil/rules/machine.rs goes_before_holder] ";
        or to compute in another process."
    },
};

/// The scene with server and peer on these cores: requests beside no thread, then beside one that
/// computes.
///
/// # Errors
/// As [`serve_and_ask`].
pub(crate) fn run_on(
    policy: SwitchPolicy,
    time: Duration,
    cores: &CoreSplit,
) -> Result<SceneRun, Failure> {
    let work = Work::of(OPCODE);
    let (idle, _, _) = serve_and_ask(policy, 0, work, time / 4, cores)?;
    outside::check()?;
    let (beside, recording, pid) = serve_and_ask(policy, 1, work, time, cores)?;
    let at = |share| percentile(&beside.round_trips, share).unwrap_or(0);
    let figures = Figures::of(&[
        ("idle_us", idle.mean_us()),
        ("idle_requests_per_s", idle.per_second()),
        ("beside_us", beside.mean_us()),
        ("beside_us_p50", at(0.50) as f64 / 1e3),
        ("beside_us_p99", at(0.99) as f64 / 1e3),
        ("beside_requests_per_s", beside.per_second()),
        ("toll_us", beside.mean_us() - idle.mean_us()),
    ]);
    Ok(SceneRun { pid, recording, figures, partial: outside::ended().is_some() })
}

/// The same in virtual time.
///
/// # Errors
/// If there is no such machine.
pub(crate) fn simulate(
    policy: SwitchPolicy,
    time: Duration,
    machine: &SimulatedMachine,
) -> Result<SceneRun, Failure> {
    let echo = [
        Act::Await { time: machine.answer },
        Act::Compute { ticks: AROUND_A_CALL },
        Act::Call { time: machine.call },
        Act::Compute { ticks: AROUND_A_CALL },
    ];
    let echo = Script::new("echo", u64::MAX, &echo);
    let cpu = Script::computes("cpu", u64::MAX);
    let idle = machine.play(policy, time / 4, std::slice::from_ref(&echo))?;
    let beside = machine.play(policy, time, &[cpu, echo])?;
    // A thread that starved has made no round: it is counted as one that took all the time.
    let rounds =
        |run: &SimulationResult| run.threads.last().map_or(0, |echo| echo.rounds).max(1) as f64;
    let micros = |run: &SimulationResult| run.elapsed as f64 / 1e3 / rounds(run);
    let (idle_us, beside_us) = (micros(&idle), micros(&beside));
    let figures = Figures::of(&[
        ("idle_us", idle_us),
        ("idle_requests_per_s", 1e6 / idle_us),
        ("beside_us", beside_us),
        ("beside_requests_per_s", 1e6 / beside_us),
        ("toll_us", beside_us - idle_us),
    ]);
    Ok(SceneRun::simulated(beside, figures))
}

fn sentence(figures: &Figures) -> String {
    format!(
        "A request takes {} beside a thread that computes and {} without it: the toll is {} a \
         request, and {:.0} requests a second instead of {:.0}.",
        figures.time("beside_us"),
        figures.time("idle_us"),
        // On a busy machine the server can be quicker beside a thread.
        micros(figures.get("toll_us").max(0.0)),
        figures.get("beside_requests_per_s"),
        figures.get("idle_requests_per_s"),
    )
}
