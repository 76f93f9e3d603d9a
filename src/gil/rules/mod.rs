//! Which thread has the lock, and when it drops it: every rule, without threads.
//!
//! ```text
//!   switch_point   nine kinds of place where a thread could let another one run
//!     │
//!   policy      the five choices that make a GIL, as plain data; the words tick, switch point,
//!     │         checkpoint and check
//!     ├──▶ presets      each CPython's choices, by name and by version
//!     ├──▶ ticker       a running thread counts: when is a check due?
//!     └──▶ machine      threads come and go: run, sleep, wake
//!            ├─ wait_queue   the order of waiters, their requests, their classes
//!            ├─ view         what can be seen of its state
//!            └─ decision     its answers, as data, and the errors
//!   threading   a policy, or no lock at all: what explorers ask
//!   pending     calls that wait for the main thread
//! ```
//! All of it is pure: time comes in as a number, and what is decided goes out as a value. So the
//! real lock (`gil/lock/take_gil.rs`), the simulator (`gil/simulator/simulation.rs`), the property
//! tests (`tests/gil_machine.rs`) and the fuzz target `gil_schedule` drive the same code.
//!
//! Read `policy` and `presets`, then `switch_point` and `machine`. The rest is short.

pub mod decision;
pub mod machine;
pub mod pending;
pub mod policy;
pub mod presets;
pub mod switch_point;
pub mod threading;
pub mod ticker;
pub mod view;
pub mod wait_queue;
