//! A world: what a seed draws, and what must hold at its end.
//!
//! *Promises*: a world ends: whatever its faults, no part of it waits for ever. At its end all tasks are
//! done, and each part has checked itself.
//! *Leaves out*, because it is not the same twice: real processes and threads, the kernel's own
//! listeners, and a signal or an `EINTR` in the middle of the selector's wait. The real ones are for
//! `tests/crash_matrix.rs` and `tests/aio_signals.rs`; memory orders are for loom.

use crate::aio::time::sleep::sleep;
use crate::lab::seeds::log::Log;
use crate::lab::seeds::{clients, pool, signals, threads};
use crate::sim::program::{Sim, all_end};
use std::time::Duration;

/// Lives once through a world, and writes down what happens.
///
/// # Panics
/// If what must hold does not.
pub async fn world(sim: Sim, log: Log) {
    log.clear();
    let parts = [clients::start(&sim, &log), pool::start(&sim, &log), signals::start(&sim, &log)];
    for _ in 0..=sim.choose(2) {
        sleep(Duration::from_millis(sim.choose(20) as u64)).await;
        // The other tasks have not run meanwhile, as beside a thread that computes.
        threads::run(&sim, &log);
    }
    all_end(parts).await;
    log.line(format_args!("the end"));
}
