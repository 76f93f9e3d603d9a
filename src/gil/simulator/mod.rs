//! The lock on simulated cores: the same rules, in virtual time.
//!
//! ```text
//!   Simulator::run ─▶ timeline ──────▶ the next activity that ends, in order of time
//!                     │    ▲           (threads run on cores: a scheduler with time slices)
//!                     ▼    │
//!                  activities ───────▶ its effect: asks the rules (`gil/rules/machine.rs`), and
//!                     │                starts the thread's next activity
//!                     ▼
//!                  thread ───────────▶ what the thread does next: the acts of its script
//! ```
//!
//! | file | |
//! | --- | --- |
//! | `simulation` | the simulator, what goes in and what comes out: start here |
//! | `thread` | a script, and a thread that runs it: its activity, its counters |
//! | `costs` | what the machine charges, as data |
//! | `activities` | what comes of each activity that ends: the lock |
//! | `timeline` | the clock, and what is due when: a discrete-event simulation |
//! | `cores` | the scheduler: which thread has which core |
//!
//! `lab/scenes/simulated.rs` runs the scenes of `singletrack gil` here, and
//! `lab/scenes/parity.rs` compares them with the real lock. `tests/gil_simulator.rs` proves what
//! must hold under any policy, costs and scripts.

pub(crate) mod activities;
pub(crate) mod cores;
pub mod costs;
pub mod simulation;
pub mod thread;
pub(crate) mod timeline;
