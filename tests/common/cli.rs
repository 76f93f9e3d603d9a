//! The command `singletrack`, as a test runs it.

use crate::command::finish;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Far above any run; says nothing about speed.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs it with these words to its end, without input; what it said.
pub fn run(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap(), words, PATIENCE)
}
