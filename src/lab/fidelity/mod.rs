//! `singletrack gil fidelity`: real interpreters beside ours.
//!
//! ```text
//!   comparison       The same experiment on a real CPython and on its preset, side by side
//!   preset           The emulator's side of the fidelity comparison: a preset, doing what the interpreter did
//!   python           Real interpreters: which there are, and one at work
//!   subject          Latency and bandwidth as Antoine Pitrou's ccbench measures them: over UDP, from outside
//! ```

pub mod comparison;
pub mod preset;
pub mod python;
pub mod subject;
