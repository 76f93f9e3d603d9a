//! The levels: programs with a question, and an outcome to be reached.
//!
//! *Promises*: all are part of the command, so that it needs no files; their order is that of their
//! numbers. A file of the reader's own may say the same in its first comments.
//! *Leaves out*: playing (`lab/play/session.rs`).
//!
//! ```text
//! # Question: Can two threads that each add one leave x at 1?
//! # Policy: python-3.2
//! # Win: prints 1
//! # Teaches: `x += 1` reads, adds and writes.
//! ```
//! What can be won is `prints TEXT` (lines are joined by ` | `), `raises NAME`, or `deadlock`.

use crate::python::explore::outcome::{Ending, Outcome};
use std::fmt;
use std::str::FromStr;

macro_rules! levels {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../examples/levels/", $name, ".py")))),*]
    };
}

/// Name and text of each.
pub const LEVELS: [(&str, &str); 12] = levels![
    "01_lost_update",
    "02_the_call_in_between",
    "03_one_ticket_two_buyers",
    "04_two_fields",
    "05_made_twice",
    "06_two_locks",
    "07_lost_wakeup",
    "08_overdrawn",
    "09_three_adders",
    "10_down_to_two",
    "11_philosophers",
    "12_without_a_lock",
];

/// An outcome to be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// It prints these lines.
    Prints(Vec<String>),
    /// An exception of this class ends a thread.
    Raises(String),
    /// Nobody can go on.
    Deadlock,
    /// It comes to this, which in words is that.
    Outcome(Box<Outcome>, String),
}

impl Goal {
    /// Whether this is it.
    ///
    /// ```
    /// use singletrack::lab::play::level::Goal;
    ///
    /// let goal: Goal = "prints 1 | 2".parse().unwrap();
    /// assert_eq!(goal, Goal::Prints(vec!["1".into(), "2".into()]));
    /// assert!("wins".parse::<Goal>().is_err());
    /// ```
    pub fn is_met(&self, outcome: &Outcome) -> bool {
        match self {
            Goal::Prints(lines) => {
                outcome.ending == Ending::Finished && outcome.output.lines().eq(lines.iter())
            }
            Goal::Raises(class) => outcome.failures.iter().any(|(_, failure)| {
                let name = failure.text.split(':').next().unwrap_or_default();
                name.rsplit('.').next() == Some(class)
            }),
            Goal::Deadlock => matches!(outcome.ending, Ending::Deadlock(_)),
            Goal::Outcome(wanted, _) => **wanted == *outcome,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::Prints(lines) => write!(f, "prints {}", lines.join(" | ")),
            Goal::Raises(class) => write!(f, "raises {class}"),
            Goal::Deadlock => f.write_str("deadlock"),
            Goal::Outcome(_, words) => f.write_str(words),
        }
    }
}

impl FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Goal, String> {
        let text = text.trim();
        match text.split_once(' ') {
            Some(("prints", lines)) => {
                Ok(Goal::Prints(lines.split(" | ").map(|line| line.trim().to_owned()).collect()))
            }
            Some(("raises", class)) => Ok(Goal::Raises(class.trim().to_owned())),
            None if text == "deadlock" => Ok(Goal::Deadlock),
            _ => Err(format!(
                "`{text}` is no goal: write `prints TEXT`, `raises NAME` or `deadlock`"
            )),
        }
    }
}

/// What the first comments of a program say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// What is asked.
    pub question: Option<String>,
    /// Under which policy.
    pub policy: Option<String>,
    /// What is to be reached.
    pub win: Option<String>,
    /// What it teaches.
    pub teaches: Option<String>,
}

impl Header {
    /// Reads the comments at the beginning.
    pub fn of(source: &str) -> Header {
        let mut header = Header::default();
        for line in source.lines().take_while(|line| line.starts_with('#')) {
            let line = line.trim_start_matches('#').trim();
            let Some((word, rest)) = line.split_once(": ") else { continue };
            let field = match word {
                "Question" => &mut header.question,
                "Policy" => &mut header.policy,
                "Win" => &mut header.win,
                "Teaches" => &mut header.teaches,
                _ => continue,
            };
            *field = Some(rest.trim().to_owned());
        }
        header
    }
}

/// The level that this word means: its number, its name, or its file.
pub fn find(word: &str) -> Option<(&'static str, &'static str)> {
    let name = word.rsplit('/').next().unwrap_or(word).trim_end_matches(".py");
    let number = name.parse::<usize>().ok();
    let found =
        LEVELS.iter().enumerate().find(|(at, (own, _))| *own == name || number == Some(at + 1));
    found.map(|(_, level)| *level)
}
