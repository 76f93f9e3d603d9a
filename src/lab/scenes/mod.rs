//! `singletrack gil`: scenes of the lock, run for real or simulated, and explained.
//!
//! A scene is one value: a `const SCENE: Scene` with what runs, the sentence about what was
//! measured, and the explanation of why. Each has a file of its own.
//!
//! ```text
//!   Scene::ALL        which scenes there are, at the foot of this page
//!     │
//!     ├─ convoy            an echo server thread beside a thread that computes   ─┐
//!     ├─ battle            two threads that compute, against one                  │ on real
//!     ├─ starvation        three that compute, and the longest wait               │ threads, or
//!     ├─ no_force          with and without a forced switch                      ─┘ simulated
//!     ├─ race              four that do `x += 1`                                 ─┐
//!     ├─ signal_storm      two that compute after Ctrl-C                          │ on real
//!     ├─ per_interpreter   a lock each                                            │ threads
//!     └─ free_threaded     no lock, and a thread that stops the world            ─┘ only
//!          │ all are made of
//!          ▼
//!   scene           what a scene is                scene_run   a run: recording and figures
//!   explanation     texts that name places in this crate's source, `explain!`
//!   computing       real threads that compute, in a child process
//!   echo            the echo server in a child, its peer, and the cores of both
//!   bytecode        loops with the checkpoints of CPython's bytecode
//!   simulated       machines in virtual time, and threads that compute on them
//!
//!   scene_report    draws a scene for people, and prints it as JSON
//!   scene_html      a page of HTML, and a card
//!   calibration     what this machine charges for ticks, wake-ups and switches
//!   parity          `singletrack gil parity`: the simulator beside the real lock
//! ```
//!
//! Reading order: `bytecode`, `computing`, then one scene from its title to its explanation
//! (`battle` has all parts; `convoy` adds `echo`), then `scene` and `scene_report`. Last
//! `calibration` and `parity`. `lab/gil_command.rs` runs a scene under each policy.
//!
//! # How to add a scene
//!
//! 1. Copy `no_force.rs`, the shortest scene that also runs simulated, to a file of the scene's
//!    name.
//! 2. Fill in its `SCENE`. `real` builds its threads inside `computing::in_child`, from
//!    `computing::compute` or with `computing::spawn`, and returns the recording and `Figures`.
//!    `simulated` is `Simulation::By` a function that uses `SimulatedMachine::compute` or `play`,
//!    or `Simulation::Impossible` with the reason.
//! 3. Write the explanation with `explain!`. It has 15 to 30 lines of 80 characters and names at
//!    least four places, one of them in `gil`.
//! 4. Declare it below and add a line to `Scene::ALL`, and map the file above;
//!    `BLESS=1 cargo test --test floors` lists it in `lib.rs`.
//! 5. Name it in the help of `GilArgs` in `lab/gil_cli.rs`; if it can be simulated, also in that of
//!    `--simulate` there, and in the list `SIMULATED` of `tests/gil_cli.rs`.
//!
//! `tests/gil_cli.rs` then runs it under every policy, checks its JSON, and looks up every place
//! that its explanation names. What it measures deserves a test of its own there.

pub mod battle;
pub mod bytecode;
pub mod calibration;
pub(crate) mod computing;
pub mod convoy;
pub mod echo;
pub mod explanation;
pub mod free_threaded;
pub mod no_force;
pub mod parity;
pub mod per_interpreter;
pub mod race;
pub mod scene;
pub mod scene_html;
pub mod scene_report;
pub mod scene_run;
pub mod signal_storm;
pub mod simulated;
pub mod starvation;

use scene::Scene;

impl Scene {
    /// All scenes, in the order in which messages name them.
    pub const ALL: [&Scene; 8] = [
        &convoy::SCENE,
        &battle::SCENE,
        &race::SCENE,
        &starvation::SCENE,
        &no_force::SCENE,
        &signal_storm::SCENE,
        &per_interpreter::SCENE,
        &free_threaded::SCENE,
    ];
}
