//! What the reader says: a key of a terminal, or a line.
//!
//! *Promises*: the terminal is left as it was found, whatever ends the game but SIGKILL. Nothing
//! hangs: whoever ends the command (`lab/report/outside.rs`) ends the wait.
//! *Leaves out*: what a key means.

use crate::lab::report::failure::Failure;
use crate::lab::report::outside::{LOOK, check};
use crate::sys::fd::wait_readable;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

/// Clears a terminal's screen.
pub const CLEAR: &str = "\x1b[H\x1b[2J";
/// The longest line that is read.
const LONGEST: usize = 4096;

/// Where answers come from.
pub trait Answers {
    /// The next one; `None` at the end.
    ///
    /// # Errors
    /// If somebody has ended the command, or it cannot be read.
    fn next(&mut self) -> Result<Option<String>, Failure>;

    /// Whether each key is an answer, so that the screen can be drawn anew.
    fn are_keys(&self) -> bool;
}

/// Stdin.
#[derive(Debug)]
pub struct Stdin {
    unread: Vec<u8>,
    /// How the terminal was, if its keys come one by one.
    saved: Option<String>,
}

impl Stdin {
    /// Takes keys one by one if stdin and stdout are a terminal, else lines.
    pub fn new() -> Stdin {
        let interactive = io::stdin().is_terminal() && io::stdout().is_terminal();
        let saved = interactive.then(|| stty(&["-g"])).flatten();
        let saved =
            saved.filter(|_| stty(&["-icanon", "-echo", "min", "1", "time", "0"]).is_some());
        Stdin { unread: Vec::new(), saved }
    }

    fn fill(&mut self) -> Result<bool, Failure> {
        let failed = |e: io::Error| Failure::io("stdin", &e, "give it something to read");
        let stdin = io::stdin();
        loop {
            check()?;
            if wait_readable(stdin.as_fd(), LOOK).map_err(failed)? {
                let mut buffer = [0; 256];
                let count = stdin.lock().read(&mut buffer).map_err(failed)?;
                self.unread.extend_from_slice(&buffer[..count]);
                return Ok(count > 0);
            }
        }
    }
}

impl Default for Stdin {
    fn default() -> Stdin {
        Stdin::new()
    }
}

/// Runs stty on the terminal that stdin is; its output, if it succeeds.
fn stty(words: &[&str]) -> Option<String> {
    let mut command = Command::new("stty");
    command.args(words).stdin(Stdio::inherit()).stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Answers for Stdin {
    fn next(&mut self) -> Result<Option<String>, Failure> {
        loop {
            let end = match self.saved {
                Some(_) => (!self.unread.is_empty()).then_some(0),
                None => self.unread.iter().position(|byte| *byte == b'\n'),
            };
            if let Some(end) = end {
                let answer: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&answer).trim().to_owned()));
            }
            if self.unread.len() > LONGEST {
                return Err(Failure::new("stdin", "a line is too long", "write one word a line"));
            }
            if !self.fill()? {
                let rest = String::from_utf8_lossy(&self.unread).trim().to_owned();
                self.unread.clear();
                return Ok((!rest.is_empty()).then_some(rest));
            }
        }
    }

    fn are_keys(&self) -> bool {
        self.saved.is_some()
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        if let Some(saved) = &self.saved {
            stty(&[saved]);
        }
    }
}
