//! A world: what a seed draws, and what must hold at its end.
//!
//! *Promises*: a world ends: whatever its faults, no part of it waits for ever. At its end all tasks are
//! done, and each part has checked itself.
//! *Leaves out*: memory orders (loom), the kernel's own faults (`tests/crash_matrix.rs`), signals and
//! real processes, which are not the same twice.

use crate::aio::time::sleep::sleep;
use crate::lab::seeds::log::Log;
use crate::lab::seeds::{clients, pool, threads};
use crate::sim::program::Sim;
use crate::task::state::TaskError;
use std::time::Duration;

/// Lives once through a world, and writes down what happens.
///
/// # Panics
/// If what must hold does not.
pub async fn world(sim: Sim, log: Log) {
    log.clear();
    let mut tasks = clients::start(&sim, &log);
    tasks.push(pool::start(&sim, &log));
    for _ in 0..=sim.choose(2) {
        sleep(Duration::from_millis(sim.choose(20) as u64)).await;
        // The other tasks have not run meanwhile, as beside a thread that computes.
        threads::run(&sim, &log);
    }
    for task in tasks {
        if let Err(TaskError::Panicked(panic)) = task.await {
            std::panic::resume_unwind(panic);
        }
    }
    log.line(format_args!("the end"));
}
