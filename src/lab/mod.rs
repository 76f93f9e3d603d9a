//! The lab behind the `singletrack` command.
//!
//! ```text
//!   cli              What the command line asks for
//!   gil_cli          What `singletrack gil` is asked for
//!   gil_command      `singletrack gil`: runs a scene under each policy, or asks real interpreters, and shows it
//!   report/          What all reports are made of: figures, measurements, pictures
//!   compare/         `singletrack compare`: the same jobs under eight models
//!   scenes/          `singletrack gil`: scenes of the lock
//!   fidelity/        `singletrack gil fidelity`: real interpreters beside ours
//!   explore/         `singletrack explore` and `dis`
//! ```

pub mod cli;
pub mod compare;
pub mod explore;
pub mod fidelity;
pub mod gil_cli;
pub mod gil_command;
pub mod report;
pub mod scenes;
