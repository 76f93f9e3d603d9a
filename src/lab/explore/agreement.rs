//! What a real interpreter did beside what the explorer says that it can do.
//!
//! *Promises*: an outcome that was seen and not predicted is a disagreement, unless not all was
//! tried; a predicted one that was not seen is "not seen", and never more. Pure.
//! *Leaves out*: asking the interpreter (`lab/explore/confirm.rs`).
//!
//! ```text
//!   Found, explored ──┐
//!                     ├─▶ judge ──▶ Cell: `seen in 3 of 4000`, `not seen in 4000 tries`, …
//!   Facts, observed ──┘
//! ```
//! Compared are what was printed, the classes of the exceptions that ended threads, the globals
//! that tell outcomes apart, and whether it hung.

use crate::base::text::{cut, shown};
use crate::python::explore::outcome::Ending;
use crate::python::explore::search::{Exploration, Found};
use crate::sys::death::Death;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How many bytes of what was printed are compared.
const LONGEST: usize = 4000;

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// What it printed.
    pub output: String,
    /// The classes of the exceptions that ended threads, sorted.
    pub raised: Vec<String>,
    /// The globals that tell outcomes apart.
    pub globals: BTreeMap<String, String>,
    /// It made no progress any more; its threads were in these lines.
    pub hung: Option<Vec<u32>>,
}

/// How an interpreter's tries ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All tries were made.
    Done,
    /// It cannot read the program.
    Syntax,
    /// It died.
    Died(Death),
    /// It did not answer for so long, and was killed.
    Silent(Duration),
    /// It could not be asked: why.
    Failed(String),
}

/// What an interpreter did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// How many tries there were.
    pub tries: u64,
    /// What came of them, with how often.
    pub outcomes: Vec<(Observed, u64)>,
    /// What came of a run whose threads were left alone.
    pub calm: Option<Observed>,
    /// How they ended.
    pub end: End,
}

impl Facts {
    /// Nothing yet.
    pub fn none(end: End) -> Facts {
        Facts { tries: 0, outcomes: Vec::new(), calm: None, end }
    }
}

/// What to write beside a policy's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// A few words.
    pub text: String,
    /// How often an outcome was seen that is wrong, and was predicted.
    pub seen: u64,
    /// An outcome that was seen and not predicted.
    pub disagrees: Option<String>,
}

impl Observed {
    fn of(found: &Found, names: &[Arc<str>]) -> Observed {
        let outcome = &found.outcome;
        let class = |text: &str| {
            let class = text.split(':').next().unwrap_or(text);
            class.rsplit('.').next().unwrap_or(class).to_owned()
        };
        let raised = outcome.failures.iter().map(|(_, failure)| class(&failure.text));
        let mut raised: Vec<String> = raised.collect();
        raised.sort_unstable();
        let told = outcome.globals.iter().filter(|(name, _)| names.contains(name));
        Observed {
            output: outcome.output.chars().take(LONGEST).collect(),
            raised,
            globals: told.map(|(name, text)| (name.to_string(), text.clone())).collect(),
            hung: match outcome.ending {
                Ending::Deadlock(_) | Ending::Endless | Ending::Starvation(_) => Some(Vec::new()),
                Ending::Finished | Ending::Cut | Ending::Stopped(..) => None,
            },
        }
    }

    /// Whether a person who compares them could not tell them apart. Where a program hangs, it may
    /// have come to anything before.
    fn is_like(&self, predicted: &Observed) -> bool {
        match (&self.hung, &predicted.hung) {
            (Some(_), Some(_)) => true,
            (None, None) => {
                (&self.output, &self.raised, &self.globals)
                    == (&predicted.output, &predicted.raised, &predicted.globals)
            }
            _ => false,
        }
    }

    /// It in a few words, such as that a terminal survives them.
    pub fn line(&self) -> String {
        let mut parts = Vec::new();
        if let Some(lines) = &self.hung {
            let lines: Vec<String> = lines.iter().map(u32::to_string).collect();
            parts.push(match lines.as_slice() {
                [] => "hangs".to_owned(),
                [line] => format!("hangs on line {line}"),
                lines => format!("hangs on lines {}", lines.join(", ")),
            });
        }
        parts.extend(self.raised.iter().cloned());
        let printed: Vec<&str> = self.output.lines().collect();
        if !printed.is_empty() {
            parts.push(format!("prints {}", printed.join(" | ")));
        }
        parts.extend(self.globals.iter().map(|(name, text)| format!("{name} = {text}")));
        let line = if parts.is_empty() { "prints nothing".to_owned() } else { parts.join(", ") };
        cut(&shown(&line), 81)
    }
}

/// Compares. `major` is the interpreter's, `readable` the oldest version found that can read the
/// program, `hang` how long a try may be without progress.
pub fn judge(
    facts: &Facts,
    exploration: &Exploration,
    names: &[Arc<str>],
    major: u32,
    readable: Option<&str>,
    hang: Duration,
) -> Cell {
    let plain = |text: String| Cell { text, seen: 0, disagrees: None };
    match &facts.end {
        End::Syntax => {
            return plain(match readable {
                Some(version) => format!("needs {version} (syntax)"),
                None => "cannot read it (syntax)".to_owned(),
            });
        }
        End::Failed(why) => return plain(why.clone()),
        End::Done | End::Died(_) | End::Silent(_) => {}
    }
    let predicted: Vec<(Observed, bool)> =
        exploration.found.iter().map(|f| (Observed::of(f, names), f.is_wrong())).collect();
    let complete = exploration.bound.is_none()
        && !exploration.found.iter().any(|f| matches!(f.outcome.ending, Ending::Stopped(..)));
    let like = |observed: &Observed| {
        let mut like = predicted.iter().filter(|(other, _)| observed.is_like(other)).peekable();
        like.peek().is_some().then(|| like.all(|(_, wrong)| *wrong))
    };
    // Python 2 is another language: what it does when nobody interrupts it may be another thing.
    if let Some(calm) = facts.calm.as_ref().filter(|calm| major < 3 && like(calm).is_none()) {
        return plain(format!("another program there: {}", calm.line()));
    }
    let seen = facts.outcomes.iter().filter(|(observed, _)| like(observed) == Some(true));
    let seen: u64 = seen.map(|(_, count)| count).sum();
    let calm = facts.calm.iter().map(|calm| (calm, 1));
    let all = facts.outcomes.iter().map(|(observed, count)| (observed, *count)).chain(calm);
    let odd = all.filter(|(observed, _)| like(observed).is_none()).max_by_key(|(_, count)| *count);
    if let Some((odd, count)) = odd {
        let (what, tries) = (odd.line(), facts.tries.max(1));
        if complete {
            let text = format!("DISAGREES: {what} ({count} of {tries})");
            return Cell { text, seen, disagrees: Some(what) };
        }
        return Cell { text: format!("{what} ({count} of {tries})"), seen, disagrees: None };
    }
    Cell { text: words(facts, seen, hang), seen, disagrees: None }
}

fn words(facts: &Facts, seen: u64, hang: Duration) -> String {
    let tries = facts.tries;
    let counted = match seen {
        0 => format!("not seen in {tries} tries"),
        _ => format!("seen in {seen} of {tries}"),
    };
    let hung = facts.outcomes.iter().find(|(observed, _)| observed.hung.is_some());
    match &facts.end {
        End::Died(death) if tries == 0 => format!("crashed: {death}"),
        End::Died(death) => format!("crashed: {death}; {counted}"),
        End::Silent(limit) if tries == 0 => {
            format!("no answer in {} s, killed", limit.as_secs_f64())
        }
        End::Silent(limit) => format!("{counted}; killed after {} s", limit.as_secs_f64()),
        _ => match hung {
            Some((observed, _)) => {
                format!("{}: {counted}, after {} s", observed.line(), hang.as_secs_f64())
            }
            None => counted,
        },
    }
}
