//! `singletrack gil`: scenes of the lock.
//!
//! ```text
//!   bytecode         Loops with the checkpoints that CPython's bytecode has for the same source line
//!   calibration      What this machine charges for ticks, wake-ups and switches, measured in half a second
//!   echo             An echo server thread beside threads that compute, and the peer that waits for its answers
//!   explanation      Why each scene goes as it does, in some twenty lines
//!   parity           The simulator beside the real lock: one table
//!   scene            The scenes that `singletrack gil` shows: what runs, and under which policies
//!   scene_report     A scene for people, drawn and explained; and for machines, one JSON object
//!   scopes           What happens in the two scenes in which threads run at the same time: an interpreter each,
//!   sentence         What was measured in each scene, in a sentence
//!   simulated        The scenes on simulated cores: the same threads, the same figures, in virtual time
//!   source           Where in this crate's source a function stands: `src/gil/rules/machine.rs:229`
//!   stage            What happens in each scene: threads under a policy, recorded, in a process of their own
//! ```

pub mod bytecode;
pub mod calibration;
pub mod echo;
pub(crate) mod explanation;
pub mod parity;
pub mod scene;
pub mod scene_report;
pub mod scopes;
pub(crate) mod sentence;
pub mod simulated;
pub mod source;
pub mod stage;
