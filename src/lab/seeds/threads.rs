//! Threads under a policy, on simulated cores.
//!
//! *Promises*: every thread comes to the end of its script, with as many ticks as stand in it; at no
//! moment have two of them the lock; as often as it is taken it is dropped.
//! *Leaves out*: threads that die or are expelled (`tests/gil_machine.rs`).

use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::simulator::costs::Costs;
use crate::gil::simulator::simulation::{SimulationEnd, SimulationResult, Simulator};
use crate::gil::simulator::thread::{Act, Script};
use crate::gil::stats::record::LockState;
use crate::lab::seeds::log::Log;
use crate::sim::program::Sim;
use std::time::Duration;

const MOST_THREADS: usize = 5;
const MOST_CORES: usize = 4;
const LIMIT: u64 = 60_000_000_000;
const ROOM: usize = 4096;

/// Runs some threads to their ends. The world's clock moves on by as much as it took.
///
/// # Panics
/// If what must hold does not.
pub fn run(sim: &Sim, log: &Log) {
    let presets = SwitchPolicy::PRESETS;
    let (name, policy) = presets[sim.choose(presets.len())];
    let cores = 1 + sim.choose(MOST_CORES);
    let costs = if sim.choose(2) == 0 { Costs::NONE } else { Costs::TYPICAL };
    let seed = sim.choose(1 << 16) as u64;
    let Ok(mut simulator) = Simulator::new(policy, cores, costs, seed) else { return };
    simulator.record(ROOM);
    let scripts: Vec<Script> = (0..=sim.choose(MOST_THREADS)).map(|at| script(sim, at)).collect();
    scripts.iter().for_each(|script| simulator.spawn(script.clone()));
    let result = simulator.run(LIMIT);
    check(&scripts, &result, name);
    let ends: Vec<Option<u64>> = result.threads.iter().map(|thread| thread.ended).collect();
    log.line(format_args!("{name} on {cores} cores: {ends:?}, {} drops", result.counters.drops()));
    sim.compute(Duration::from_nanos(result.elapsed));
}

fn script(sim: &Sim, at: usize) -> Script {
    let acts: Vec<Act> = (0..=sim.choose(3)).map(|_| act(sim)).collect();
    Script::new(&format!("thread {at}"), 1 + sim.choose(4) as u64, &acts)
}

fn act(sim: &Sim) -> Act {
    let time = 1 << (4 + sim.choose(18));
    match sim.choose(4) {
        0 => Act::Compute { ticks: 1 + sim.choose(2000) as u64 },
        1 => Act::Sleep { time },
        2 => Act::Await { time },
        _ => Act::Call { time },
    }
}

fn check(scripts: &[Script], result: &SimulationResult, policy: &str) {
    assert_eq!(result.ending, SimulationEnd::Done, "under {policy} the threads do not end");
    for (script, thread) in scripts.iter().zip(&result.threads) {
        assert_eq!(thread.ticks, script.work(), "{} under {policy}", thread.name);
        assert_eq!(thread.rounds, script.rounds(), "{} under {policy}", thread.name);
    }
    let counters = &result.counters;
    assert_eq!(counters.acquisitions(), counters.drops(), "under {policy}");
    let recording = &result.recording;
    let whole = recording.tracks.iter().all(|track| track.dropped == 0);
    let mut holds: Vec<(u64, u64)> = Vec::new();
    for track in recording.tracks.iter().filter(|_| whole) {
        let slices = track.slices(recording.until);
        let has = slices.iter().filter(|slice| slice.state == LockState::HasGil);
        holds.extend(has.map(|slice| (slice.from, slice.to)));
    }
    holds.sort_unstable();
    for pair in holds.windows(2) {
        assert!(
            pair[0].1 <= pair[1].0,
            "under {policy} two threads have the lock at {}",
            pair[1].0
        );
    }
}
