//! The lab behind the `singletrack` command.
//!
//! ```text
//!   singletrack compare        cli ──────▶ compare_command ─▶ compare/   the same jobs under eight models
//!   singletrack choose         cli ──────▶ choose/     which model for work of one's own
//!   singletrack explore, dis   cli ──────▶ explore/    every interleaving of a small program
//!   singletrack run            cli ──────▶ run/        a Python program for real
//!   singletrack loop step      cli ──────▶ turns/      an event loop, one iteration at a time
//!   singletrack replay         cli ──────▶ replay/     a trace file, a moment at a time
//!   singletrack sim            cli ──────▶ seeds/      the whole in simulated worlds, by seeds
//!   singletrack explain        cli ──────▶ explain/    a fault by its name, and where it is met
//!   singletrack examples       cli ──────▶ examples/   what to read and run, in which order
//!   singletrack gil SCENE      gil_cli ─▶ gil_command ─▶ scenes/     the lock at work, drawn
//!   singletrack gil fidelity   gil_cli ─▶ gil_command ─▶ fidelity/   real interpreters beside ours
//!   singletrack gil parity     gil_cli ─▶ gil_command ─▶ scenes/     the simulator beside the lock
//!
//!   the poster                 poster/    a packet every 10 ms beside work that computes, four ways
//!   completions, man, --help   cli ──────▶ help       the same order for every command
//!
//!   all of them                report/    children, figures, drawings, trace files, failures
//! ```
//! `cli` reads every command line and knows nothing of what happens next; `main.rs` calls the
//! function that handles the request. What is measured runs in a forked child of its own
//! ([`report::measure`]), so that a run leaves neither threads nor memory to the next, and the
//! kernel's figures are its own. That is why the command itself never starts a thread.
//!
//! To read: [`report::measure`], then the folder that you came for; each has its own map. To add a
//! command: a variant of the clap enum in `lab/cli.rs` and one of [`cli::Request`], and an arm of
//! `handle` in `main.rs`, for which the compiler asks.

pub mod choose;
pub mod cli;
pub mod compare;
pub mod compare_command;
pub mod examples;
pub mod explain;
pub mod explore;
pub mod fidelity;
pub mod gil_cli;
pub mod gil_command;
pub mod help;
pub mod page;
pub mod play;
pub mod poster;
pub mod replay;
pub mod report;
pub mod run;
pub mod scenes;
pub mod seeds;
pub mod timeline;
pub mod turns;
