//! Why a file cannot be run: one line with its place, and the line of source below a caret.
//!
//! *Promises*: the first line is whole without the others: place, what is wrong, what to write
//! instead.
//! *Leaves out*: exit codes and the name of the file, which the command adds.

use crate::base::text::{cut, shown};
use crate::python::front::position::Position;
use std::fmt;

/// How much of a line is shown.
const LONGEST_LINE: usize = 76;

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

    /// The message with the file's name, the line of source, and a caret below its column. Of a long
    /// line only what stands around that.
    pub fn shown(&self, file: &str, source: &str) -> String {
        let first = shown(&format!("{file}:{}: {}", self.at, self.text));
        let ends = |c: char| c == '\n' || c == '\r';
        let unified = source.replace("\r\n", "\n");
        let Some(line) = unified.split(ends).nth((self.at.line as usize).saturating_sub(1)) else {
            return first;
        };
        let column = (self.at.column as usize).saturating_sub(1).min(line.chars().count());
        let skipped = if column < LONGEST_LINE - 10 { 0 } else { column - LONGEST_LINE / 2 };
        let gap = if skipped > 0 { "…" } else { "" };
        let part = |from: usize, count: usize| {
            let chars = line.chars().skip(from).take(count);
            shown(&chars.map(|c| if c == '\t' { ' ' } else { c }).collect::<String>())
        };
        let before = format!("{gap}{}", part(skipped, column - skipped));
        let written = cut(&format!("{before}{}", part(column, LONGEST_LINE)), LONGEST_LINE);
        let caret = " ".repeat(before.chars().count());
        format!("{first}\n    {written}\n    {caret}^")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.text)
    }
}

impl std::error::Error for Refusal {}
