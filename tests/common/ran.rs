//! What a model came to, for tests of what is said about it: figures that a machine could have given.

use singletrack::lab::compare::judgement::RoundCosts;
use singletrack::lab::compare::model::Model;
use singletrack::lab::compare::result::{ModelResult, Switches, TimeSplit};
use singletrack::lab::report::stats::Spread;

/// A model whose median round took so many seconds, and what its rounds cost.
pub fn ran(model: Model, median: f64, rounds: Vec<RoundCosts>) -> ModelResult {
    ModelResult {
        model,
        jobs: 32,
        cut: false,
        failed: 0,
        wall: Spread { min: median * 0.9, median, max: median * 1.1 },
        start: 0.001,
        p50: median / 32.0,
        p99: median / 16.0,
        curve: vec![(0.0, median / 64.0), (0.9, median / 20.0)],
        cpu: median,
        no_core: Some(0.0),
        time: TimeSplit { computing: median * 0.75, gil_wait: 0.0, blocked: median * 0.25 },
        switches: Switches { forced: 3, voluntary: 0, ctx_voluntary: 14, ctx_involuntary: 5 },
        memory_kib: 2048,
        added_kib: Some(1024),
        processes: 1,
        threads: 1,
        server: None,
        checksum: 0xabcd,
        rounds,
    }
}
