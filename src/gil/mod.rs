//! Switched threads: real threads of which one runs at a time, as under CPython's GIL.
//!
//! ```text
//!                      real threads, one lock         simulated cores           no lock
//!                      lock/                          simulator/                free_threading/
//!
//!   is called          global_lock · token            simulation · costs        attached
//!                      cell · gil_thread                │ thread                  │
//!                         │                             │                         │
//!   sleeps, wakes      thread_state · state_word        │ activities            scope
//!                      take_gil                         │ timeline · cores        │
//!                         │                             │                         │
//!   decides            machine · wait_queue ◀───────────┘                       stop_the_world
//!   (rules/)           decision · view · pending
//!                         │
//!   by these choices   policy · ticker
//!   (rules/)
//!
//!   writes down        thread_stats: counters · histogram · record         used by all three
//!   (stats/)
//! ```
//! All that decides is pure: `rules/`, and in free threading `stop_the_world`. One and the same
//! [`Machine`](rules::machine::Machine) is driven by real threads, by simulated ones and by the
//! tests. Free threading shares with the lock its fast path, `state_word`, and how a thread finds
//! its own state, `thread_state`.
//!
//! **To read it:** `gil/rules/policy.rs` has the choices and the words; `gil/rules/machine.rs` the
//! rules; `gil/lock/global_lock.rs` the lock's handle, with `attach`; `gil/lock/take_gil.rs` the
//! sleeping and waking; `gil/lock/token.rs` what a thread can do while it has the lock. Then the
//! simulator or free threading, in any order.
//!
//! # How to add a GIL policy
//!
//! *Another combination of choices there are* is a constant and a line:
//!
//! 1. In `gil/rules/presets.rs`, a constant beside `SwitchPolicy::FAIR`, its name in
//!    `SwitchPolicy::PRESETS`, its row in the table at the top. The command line, the fuzz target
//!    `gil_schedule` and every test that goes through the presets know it from there.
//! 2. The names are spelled out in the help of `lab/gil_cli.rs` and `lab/explore/request.rs`, and
//!    in `tests/gil_cli.rs` (`every_scene_runs_under_every_policy`, which also counts them).
//! 3. To show it in a scene: the `policies` of that scene in `lab/scenes`.
//!
//! *A new choice* is a variant of one of the four enums in `gil/rules/policy.rs`, or another set of
//! `SwitchPoints` (`gil/rules/switch_point.rs`). Add it, then follow the compiler. It stops at
//!
//! | enum | in `policy.rs`: `Display`, and | elsewhere |
//! | --- | --- | --- |
//! | `HandOff` | `forces_switch`, `grants`, `prefers_io` | `vm/explorer.rs`: whether a thread can starve (`can_starve`) |
//! | `Check` | `at`, `period`, `validate`, `interval` | `Machine::asked`; how the simulator counts; `lab/fidelity/comparison.rs`, `lab/scenes/scene_report.rs`; `check_at` in `gil/rules/threading.rs` |
//! | `Substrate` | | `LockShared::leave` in `gil/lock/take_gil.rs`; by eye: where the simulator asks for `Substrate::MutexCondvar` |
//! | `DropFlag` | | `LockShared::eval_breaker_of` in `gil/lock/take_gil.rs` |
//!
//! A `HandOff` that those three questions do not describe needs a branch in `Machine::drops`, and
//! in `Machine::wake_next` for a waiter that leaves. Two things to keep: `Machine::undisturbed` may
//! name a thread only if its taking and dropping could not change what the rules decide next; and
//! whenever the lock is free and threads wait, one of them is awake.
//!
//! Then the tests: a `HandOff` or a `Check` joins `policies` in `tests/gil_machine.rs`, whose
//! properties hold for every combination; a set of `SwitchPoints` gets its line in
//! `which_switch_points_are_checkpoints` there. If a hand-off bounds a wait, show that as
//! `a_holder_that_passes_checkpoints_is_made_to_go` does; if not, name it in
//! `where_no_switch_is_forced_nothing_bounds_a_wait`. A preset with the new variant goes through
//! `tests/gil_lock.rs`, `tests/shuttle_gil.rs` and `tests/gil_simulator.rs` without being named
//! there.
//!
//! # What must hold
//!
//! The properties G1 to G18 of the lock, and V1 to V5 of the bytecode machine, stand in
//! `tests/properties.md`, each with the tests that show it. In short: one holder (G1), forced
//! switches (G4), waiters that leave (G5), bounds (G6, G7), CPython 2's count (G8), panics (G13),
//! finalisation (G15), forks (G16), recordings (G17), crowds (G18). The pure machine is checked by
//! properties and by a fuzzer (`tests/common/gil_check.rs`), the real lock by loom
//! (`tests/loom_gil.rs`, two or three threads, every interleaving) and shuttle
//! (`tests/shuttle_gil.rs`, four).

pub mod free_threading;
pub mod lock;
pub mod rules;
pub mod simulator;
pub mod stats;

pub use free_threading::attached::{Attached, Stopped};
pub use free_threading::scope::FreeThreading;
pub use lock::cell::{ChannelError, GilCell, WrongLock, channel};
pub use lock::gil_thread::{GilThread, GilThreadPoolExecutor};
pub use lock::global_lock::GlobalLock;
pub use lock::token::Gil;
pub use rules::decision::{
    AttachError, Decision, DropReason, Next, NotHolder, Refusal, Release, SleepReason, ThreadId,
};
pub use rules::policy::{
    Check, DropFlag, HandOff, PointCheck, PolicyError, Substrate, SwitchPolicy,
};
pub use rules::switch_point::{SwitchPoint, SwitchPoints};
pub use rules::threading::{NoSuchThreading, Threading};
pub use simulator::costs::{Costs, CostsError};
pub use simulator::simulation::{
    MAX_CORES, NoSuchMachine, SimulationEnd, SimulationResult, Simulator, ThreadResult,
};
pub use simulator::thread::{Act, Script};
pub use stats::counters::Counters;
pub use stats::histogram::Histogram;
pub use stats::record::{EventKind, LockEvent, LockState, Recording, Slice, Track};
