//! The scenes on simulated cores: the same threads, the same figures, in virtual time.
//!
//! *Promises*: the same numbers give the same take, on every machine.
//! *Leaves out*: scenes with memory, signals or several locks; the simulator has none of them.
//!
//! ```text
//!   convoy     echo   ── Await the peer ── Compute ── Call: write ── Compute ──  for ever
//!              cpu    ── Compute ───────────────────────────────────────────── …
//!   battle, no-force, starvation    cpu 1, cpu 2, …: nothing but Compute
//! ```
//! The peer of the convoy is on a machine of its own: it takes its time, but none of the cores.

use crate::gil::rules::decision::{Nanos, nanos};
use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::simulator::costs::Costs;
use crate::gil::simulator::simulation::SimulationResult;
use crate::gil::simulator::simulation::{NoSuchMachine, Simulator};
use crate::gil::simulator::thread::{Act, Script};
use crate::lab::report::failure::Failure;
use crate::lab::report::recording::{handed_over, longest_wait};
use crate::lab::scenes::echo::ROOM;
use crate::lab::scenes::stage::{Figures, Take, count, named};
use std::time::Duration;

/// Ticks in one pass of `while n > 0: n -= 1`; see `lab/scenes/bytecode.rs`.
const TICKS_OF_A_PASS: f64 = 3.0;
/// Ticks of bytecode around each call of the echo thread.
const AROUND_A_CALL: u64 = 20;

/// A machine to simulate, and a world around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// How many cores it has.
    pub cores: usize,
    /// What it charges.
    pub costs: Costs,
    /// Decides what is left to chance.
    pub seed: u64,
    /// How long a peer takes, from an answer sent to its next request.
    pub answer: Nanos,
    /// How long a call like `write` works without the lock.
    pub call: Nanos,
}

impl Setting {
    /// This machine, with a peer across a loopback interface: round numbers.
    pub fn of(cores: usize, costs: Costs, seed: u64) -> Setting {
        Setting { cores, costs, seed, answer: 60_000, call: 10_000 }
    }

    fn play(
        &self,
        policy: SwitchPolicy,
        time: Duration,
        scripts: &[Script],
    ) -> Result<SimulationResult, Failure> {
        let impossible = |e: NoSuchMachine| Failure::new("--simulate", e.to_string(), "name it so");
        let mut world =
            Simulator::new(policy, self.cores, self.costs, self.seed).map_err(impossible)?;
        world.record(ROOM);
        scripts.iter().for_each(|script| world.spawn(script.clone()));
        Ok(world.run(nanos(time)))
    }

    fn compute(
        &self,
        policy: SwitchPolicy,
        threads: usize,
        time: Duration,
    ) -> Result<SimulationResult, Failure> {
        let script = |number| Script::computes(&format!("cpu {number}"), u64::MAX);
        self.play(policy, time, &(1..=threads).map(script).collect::<Vec<_>>())
    }
}

/// Requests beside nobody, then beside a thread that computes.
///
/// # Errors
/// If there is no such machine.
pub fn convoy(policy: SwitchPolicy, time: Duration, on: &Setting) -> Result<Take, Failure> {
    let echo = [
        Act::Await { time: on.answer },
        Act::Compute { ticks: AROUND_A_CALL },
        Act::Call { time: on.call },
        Act::Compute { ticks: AROUND_A_CALL },
    ];
    let echo = Script::new("echo", u64::MAX, &echo);
    let cpu = Script::computes("cpu", u64::MAX);
    let idle = on.play(policy, time / 4, std::slice::from_ref(&echo))?;
    let beside = on.play(policy, time, &[cpu, echo])?;
    // A thread that starved has made no round: then one is all the time there was.
    let rounds =
        |run: &SimulationResult| run.threads.last().map_or(0, |echo| echo.rounds).max(1) as f64;
    let micros = |run: &SimulationResult| run.elapsed as f64 / 1e3 / rounds(run);
    let (idle_us, beside_us) = (micros(&idle), micros(&beside));
    let figures = [
        ("idle_us", idle_us),
        ("idle_requests_per_s", 1e6 / idle_us),
        ("beside_us", beside_us),
        ("beside_requests_per_s", 1e6 / beside_us),
        ("toll_us", beside_us - idle_us),
    ];
    Ok(take(beside, named(&figures)))
}

/// One thread that computes, then two.
///
/// # Errors
/// As [`convoy`].
pub fn battle(policy: SwitchPolicy, time: Duration, on: &Setting) -> Result<Take, Failure> {
    let alone = passes_per_s(&on.compute(policy, 1, time / 3)?);
    let run = on.compute(policy, 2, time)?;
    let both = passes_per_s(&run);
    let mut figures = count(&run.counters, time);
    figures.insert("passes_per_s_alone".into(), alone);
    figures.insert("passes_per_s_both".into(), both);
    figures.insert("times_as_long".into(), alone / both);
    Ok(take(run, figures))
}

/// Three threads that compute.
///
/// # Errors
/// As [`convoy`].
pub fn starvation(policy: SwitchPolicy, time: Duration, on: &Setting) -> Result<Take, Failure> {
    let run = on.compute(policy, 3, time)?;
    let mut figures = count(&run.counters, time);
    let all = run.threads.iter().map(|fate| fate.ticks).sum::<u64>().max(1) as f64;
    let shares = || run.threads.iter().map(|fate| fate.ticks as f64 / all);
    figures.insert("smallest_share".into(), shares().fold(1.0, f64::min));
    figures.insert("largest_share".into(), shares().fold(0.0, f64::max));
    figures.insert("longest_wait_ms".into(), longest_wait(&run.recording) as f64 / 1e6);
    Ok(take(run, figures))
}

/// Two threads that compute, and how many drops on request led to a switch.
///
/// # Errors
/// As [`convoy`].
pub fn no_force(policy: SwitchPolicy, time: Duration, on: &Setting) -> Result<Take, Failure> {
    let run = on.compute(policy, 2, time)?;
    let mut figures = count(&run.counters, time);
    figures.insert("handed_over".into(), handed_over(&run.recording));
    Ok(take(run, figures))
}

fn passes_per_s(run: &SimulationResult) -> f64 {
    let ticks: u64 = run.threads.iter().map(|fate| fate.ticks).sum();
    ticks as f64 / TICKS_OF_A_PASS / (run.elapsed.max(1) as f64 / 1e9)
}

/// No process ran, so it has a number that no other process of a user has.
fn take(run: SimulationResult, figures: Figures) -> Take {
    Take { pid: 0, recording: run.recording, figures }
}
