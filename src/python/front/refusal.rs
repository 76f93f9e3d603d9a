//! Why a file cannot be run: one line with its place, and the line of source below a caret.
//!
//! *Promises*: the first line is whole without the others: place, what is wrong, what to write
//! instead.
//! *Leaves out*: exit codes and the name of the file, which the command adds.

use crate::python::front::position::Position;
use std::fmt;

/// What is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where.
    pub at: Position,
    /// What, with the remedy.
    pub text: String,
    /// Whether it is no Python at all, rather than Python outside the subset.
    pub syntax: bool,
}

impl Refusal {
    /// Python that is outside the subset. `what` names the construct, `instead` the remedy.
    pub fn subset(at: Position, what: impl fmt::Display, instead: impl fmt::Display) -> Refusal {
        Refusal { at, text: format!("{what} is not in the subset ({instead})"), syntax: false }
    }

    /// Python that is in the subset, and cannot be explored.
    pub fn real_only(at: Position, what: impl fmt::Display, instead: impl fmt::Display) -> Refusal {
        let text = format!("{what} is for `singletrack run` only ({instead})");
        Refusal { at, text, syntax: false }
    }

    /// No Python.
    pub fn syntax(at: Position, why: impl fmt::Display) -> Refusal {
        Refusal { at, text: format!("syntax error: {why}"), syntax: true }
    }

    /// The message with the file's name, the line of source, and a caret below its column.
    pub fn shown(&self, file: &str, source: &str) -> String {
        let first = format!("{file}:{}: {}", self.at, self.text);
        let ends = |c: char| c == '\n' || c == '\r';
        let unified = source.replace("\r\n", "\n");
        let Some(line) = unified.split(ends).nth((self.at.line as usize).saturating_sub(1)) else {
            return first;
        };
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let caret =
            " ".repeat((self.at.column as usize).saturating_sub(1).min(line.chars().count()));
        format!("{first}\n    {line}\n    {caret}^")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.text)
    }
}

impl std::error::Error for Refusal {}
