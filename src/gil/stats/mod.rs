//! What is counted, measured and recorded of a lock and its threads.
//!
//! ```text
//!   a thread that takes, drops, sleeps ──▶ thread_stats: one a thread, and the registry of all
//!                                            ├─ counters    how often each thing happened
//!                                            ├─ histogram   how long waits and holds were
//!                                            └─ record      each event with its time, if asked for
//! ```
//! One thread writes, any thread reads, and neither waits for the other. Read `counters` first, for
//! how that is done with a load and a store, then `thread_stats`. The same types serve the lock
//! (`gil/lock/take_gil.rs`), free threading (`gil/free_threading/scope.rs`) and, as far as virtual
//! threads have events, the simulator.

pub mod counters;
pub mod histogram;
pub mod record;
pub(crate) mod thread_stats;
