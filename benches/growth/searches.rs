//! What is searched or simulated: states of a Python program, cores of a machine.

use crate::sample::{Meter, Sample};
use singletrack::gil::{Act, Costs, Script, SimulationEnd, Simulator, SwitchPolicy};
use singletrack::python::explore::policies::Looks;
use singletrack::python::explore::search::{Limits, Serial, explore_beside};
use singletrack::python::run::single::program;

/// Memory for states: beyond it an exploration ends, and says so.
const MEMORY: usize = 6 << 30;
/// Rounds of each simulated thread.
const ROUNDS: u64 = 50;

/// The states of three threads of `times` read-modify-writes each; the units are the states.
pub fn states(times: u64) -> Sample {
    let body = "    x += 1\n".repeat(times as usize);
    let text = format!(
        "import threading\nx = 0\ndef work():\n    global x\n{body}\
         ts = [threading.Thread(target=work) for _ in range(3)]\n\
         for t in ts: t.start()\nfor t in ts: t.join()\nprint(x)\n"
    );
    let program = program(&text).expect("it is Python");
    let looks = Looks::Under("python-3.2".parse().expect("a policy"), false);
    let limits = Limits { memory: MEMORY, ..Limits::default() };
    let mut meter = Meter::start();
    let all = explore_beside(&program, looks, limits, &Serial::default());
    meter.full();
    assert_eq!(all.bound, None, "{} states", all.worlds);
    meter.stop(all.worlds as u64)
}

/// A machine of so many cores, all of them busy, and twice as many threads that compute under one
/// lock, call without it, and sleep; the units are the events.
pub fn events(cores: u64) -> Sample {
    let policy = SwitchPolicy::PYTHON_3_10;
    let mut simulator =
        Simulator::new(policy, cores as usize, Costs::TYPICAL, 7).expect("a machine");
    let acts = [
        Act::Compute { ticks: 40 },
        Act::Call { time: 30_000 * cores },
        Act::Compute { ticks: 40 },
        Act::Sleep { time: 10_000 * cores },
    ];
    let threads = 2 * cores;
    for number in 0..threads {
        simulator.spawn(Script::new(&format!("thread {number}"), ROUNDS, &acts));
    }
    let mut meter = Meter::start();
    let result = simulator.run(u64::MAX);
    meter.full();
    assert_eq!(result.ending, SimulationEnd::Done);
    meter.stop(result.events)
}
