//! The idioms on one interpreter: what the explorer predicts, and what is seen.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: it takes little longer than it is given: each idiom gets its share of the time that is
//! left, and at least one try. An interpreter that hangs or dies is started anew, and after
//! [`PATIENCE`] of that asked no more. A loss that the explorer says cannot be is a disagreement; one
//! that it says can be may not come, and then the number of tries is said.
//! *Leaves out*: the idioms (`lab/fidelity/idioms.rs`), and what the interpreter does with one
//! (`src/lab/fidelity/idioms.py`).
//!
//! ```text
//!   idiom ─┬─ explored under the interpreter's preset ────▶ predicted: lost, or kept ─┬─▶ a row
//!          └─ two threads, passes, tries on the interpreter ▶ seen: in which try ─────┘
//! ```

use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::rules::threading::Threading;
use crate::lab::fidelity::idioms::{Group, IDIOMS, Idiom};
use crate::lab::fidelity::python::{Interpreter, Python};
use crate::lab::report::failure::Failure;
use crate::lab::report::outside;
use crate::lab::report::table::{Table, indented};
use crate::lab::report::terminal::wrap;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// So many failures of one interpreter end what it is asked for.
pub const PATIENCE: usize = 3;
const SCRIPT: &str = include_str!("idioms.py");
/// Tries, and the passes of each thread: first many short ones, then, if there is time left, a few long
/// ones, for on a busy machine two threads may never meet in a short one.
const SHORT: (u32, u32) = (25, 20_000);
const LONG: (u32, u32) = (5, 200_000);
/// How long an answer may take beyond the time that was given.
const ANSWER: Duration = Duration::from_secs(30);

/// What an interpreter did with an idiom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// An update was lost, in this try.
    Lost(u32),
    /// None was, in so many tries.
    Kept(u32),
    /// It cannot run there: its grammar is newer, or a module is missing.
    CannotRun,
    /// There is no answer, and why.
    Unanswered(String),
}

/// An idiom on an interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdiomRow {
    /// The idiom.
    pub idiom: &'static Idiom,
    /// The interpreter's version.
    pub python: String,
    /// The preset that stands for it.
    pub preset: String,
    /// Whether the explorer says that an update can be lost; or why it says nothing.
    pub predicted: Result<bool, String>,
    /// What was seen.
    pub seen: Seen,
}

impl IdiomRow {
    /// An update was lost that cannot be, by the explorer.
    pub fn disagrees(&self) -> bool {
        self.predicted == Ok(false) && matches!(self.seen, Seen::Lost(_))
    }

    /// What there is to say of it beyond a number.
    fn remark(&self) -> Option<String> {
        let name = self.idiom.name;
        match (&self.predicted, &self.seen) {
            (Err(why), _) => Some(format!("not predicted: {name}: {why}")),
            (_, Seen::Unanswered(why)) => Some(format!("no answer: {name}: {why}")),
            (_, Seen::CannotRun) => Some(format!("cannot run there: {name}")),
            (Ok(false), Seen::Lost(at)) => Some(format!("DISAGREES: {name} lost in try {at}")),
            _ => None,
        }
    }
}

/// What the explorer says of every idiom under one policy.
#[derive(Debug, Clone)]
pub struct Predictions(SwitchPolicy, Vec<Result<bool, String>>);

impl Predictions {
    /// Explores every idiom.
    pub fn under(policy: SwitchPolicy) -> Predictions {
        let threading = Threading::Gil(policy);
        Predictions(policy, IDIOMS.iter().map(|idiom| idiom.predicted(threading)).collect())
    }

    /// The policy.
    pub fn policy(&self) -> SwitchPolicy {
        self.0
    }
}

/// Asks an interpreter about every idiom, for about so long. What was asked when somebody ended the
/// command is kept.
pub fn ask(python: &Interpreter, predictions: &Predictions, time: Duration) -> Vec<IdiomRow> {
    let until = Instant::now() + time;
    let mut asked = Asked { python, process: None, failures: 0 };
    let mut rows = Vec::new();
    for (at, idiom) in IDIOMS.iter().enumerate() {
        if outside::check().is_err() {
            break;
        }
        let left = u32::try_from(IDIOMS.len() - at).unwrap_or(1);
        let share = until.saturating_duration_since(Instant::now()) / left;
        let predicted = predictions.1[at].clone();
        let mut seen = asked.ask(idiom, SHORT, share);
        let unseen = matches!((&predicted, &seen), (Ok(true), Seen::Kept(_)));
        if let (true, Seen::Kept(tries)) = (unseen && Instant::now() < until, &seen) {
            seen = match asked.ask(idiom, LONG, share) {
                Seen::Lost(more) => Seen::Lost(tries + more),
                Seen::Kept(more) => Seen::Kept(tries + more),
                other => other,
            };
        }
        let (python, preset) = (python.name(), predictions.0.to_string());
        rows.push(IdiomRow { idiom, python, preset, predicted, seen });
    }
    rows
}

struct Asked<'a> {
    python: &'a Interpreter,
    process: Option<Python>,
    failures: usize,
}

impl Asked<'_> {
    fn ask(&mut self, idiom: &Idiom, (tries, passes): (u32, u32), time: Duration) -> Seen {
        if self.failures >= PATIENCE {
            let why = format!("not asked, for {PATIENCE} had failed before");
            return Seen::Unanswered(why);
        }
        match self.numbers(idiom, tries, passes, time) {
            Ok([-1.0, _]) => Seen::CannotRun,
            Ok([0.0, tries]) => Seen::Kept(tries as u32),
            Ok([at, _]) => Seen::Lost(at as u32),
            Err(why) => {
                // It is where nobody knows: the next one is asked of another.
                self.process = None;
                self.failures += 1;
                Seen::Unanswered(why.what())
            }
        }
    }

    fn numbers(
        &mut self,
        idiom: &Idiom,
        tries: u32,
        passes: u32,
        time: Duration,
    ) -> Result<[f64; 2], Failure> {
        let process = match &mut self.process {
            Some(process) => process,
            none => none.insert(self.python.run(SCRIPT)?),
        };
        let question = json!({
            "module": idiom.module(),
            "read": idiom.read,
            "passes": passes,
            "tries": tries,
            "seconds": time.as_secs_f64(),
        });
        let numbers = process.ask(&question.to_string(), time + ANSWER)?;
        numbers.try_into().map_err(|_| {
            let path = self.python.path.display().to_string();
            Failure::new(path, "it answered something else", "name another --python")
        })
    }
}

/// The rows of one interpreter for people, by group, and what there is to say of single ones.
pub fn table(rows: &[IdiomRow], width: usize) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let title = format!("CPython {} and {}: an update lost", first.python, first.preset);
    let heads = ["between load and store", "idioms", "predicted", "seen"];
    let mut table = Table::new(&heads).dropping(&[1]).indented(2);
    for group in Group::ALL {
        let own: Vec<&IdiomRow> = rows.iter().filter(|row| row.idiom.group == group).collect();
        let count = |f: fn(&IdiomRow) -> bool| own.iter().filter(|row| f(row)).count();
        let predicted = count(|row| row.predicted == Ok(true));
        let seen = count(|row| matches!(row.seen, Seen::Lost(_)));
        let counts = [own.len(), predicted, seen].map(|count| count.to_string());
        table.row([group.name().to_owned()].into_iter().chain(counts));
        for remark in own.iter().filter_map(|row| row.remark()).chain(not_seen(&own)) {
            table.note(4, remark.replace('\n', "; "));
        }
    }
    wrap(&title, width) + &table.text(width)
}

/// The predicted losses that were not seen, in one line, and in how many tries.
fn not_seen(rows: &[&IdiomRow]) -> Option<String> {
    let tries = |row: &&IdiomRow| match (&row.predicted, &row.seen) {
        (Ok(true), Seen::Kept(tries)) => Some((*tries, row.idiom.name)),
        _ => None,
    };
    let found: Vec<(u32, &str)> = rows.iter().filter_map(tries).collect();
    let least = found.iter().map(|(tries, _)| *tries).min()?;
    let most = found.iter().map(|(tries, _)| *tries).max()?;
    let tries = match (least, most) {
        (1, 1) => "1 try".to_owned(),
        _ if least == most => format!("{most} tries"),
        _ => format!("{least} to {most} tries"),
    };
    let names: Vec<&str> = found.iter().map(|(_, name)| *name).collect();
    Some(format!("not seen in {tries}: {}", names.join("; ")))
}

/// One character for each group and interpreter; interpreters without room stand below the others.
pub fn summary(rows: &[IdiomRow], width: usize) -> String {
    let mut pythons: Vec<&str> = rows.iter().map(|row| &*row.python).collect();
    pythons.dedup();
    let short = |python: &&str| python.rsplit_once('.').map_or(*python, |(v, _)| v).to_owned();
    let names: Vec<String> = pythons.iter().map(short).collect();
    let heads: Vec<&str> =
        ["an update lost"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let mut table = Table::new(&heads).indented(2);
    for group in Group::ALL {
        let cell = |python: &&str| {
            let mut own =
                rows.iter().filter(|row| row.python == **python && row.idiom.group == group);
            let any = |f: fn(&IdiomRow) -> bool| own.clone().any(f);
            match () {
                () if any(IdiomRow::disagrees) => "!",
                () if any(|row| matches!(row.seen, Seen::Lost(_))) => "✗",
                () if any(|row| matches!(row.seen, Seen::Unanswered(_))) => "–",
                () if own.all(|row| row.predicted == Ok(false)) => "·",
                () => "?",
            }
        };
        table.row([group.name()].into_iter().chain(pythons.iter().map(cell)));
    }
    let lines = table.folded(width).into_iter().map(|(_, line)| line + "\n");
    let legend = "✗ seen; · kept, as predicted; ? predicted, not seen; – no answer; ! DISAGREES";
    lines.collect::<String>() + &indented(legend, 2, width)
}

/// The rows for machines: `{idiom, group, python, preset, predicted, seen, in_try, tries, agrees}`.
pub fn values(rows: &[IdiomRow]) -> Vec<Value> {
    let value = |row: &IdiomRow| {
        let (seen, in_try, tries, why) = match &row.seen {
            Seen::Lost(at) => ("lost", Some(*at), Some(*at), None),
            Seen::Kept(tries) => ("kept", None, Some(*tries), None),
            Seen::CannotRun => ("cannot run", None, None, None),
            Seen::Unanswered(why) => ("no answer", None, None, Some(why.as_str())),
        };
        let predicted = match &row.predicted {
            Ok(true) => "lost",
            Ok(false) => "kept",
            Err(why) => why,
        };
        json!({
            "idiom": row.idiom.name,
            "group": row.idiom.group.name(),
            "python": row.python,
            "preset": row.preset,
            "predicted": predicted,
            "seen": seen,
            "in_try": in_try,
            "tries": tries,
            "why": why,
            "agrees": !row.disagrees(),
        })
    };
    rows.iter().map(value).collect()
}

/// Why not all is well, if it is not.
pub fn verdict(rows: &[IdiomRow]) -> Option<String> {
    let names = |wanted: &dyn Fn(&IdiomRow) -> bool| {
        let found = rows.iter().filter(|row| wanted(row));
        let mut names: Vec<String> =
            found.map(|row| format!("{} {}", row.python, row.idiom.name)).collect();
        let count = names.len();
        if count > 5 {
            names.truncate(5);
            names.push("…".to_owned());
        }
        (count, names.join(", "))
    };
    let mut why = Vec::new();
    let (count, which) = names(&IdiomRow::disagrees);
    if count > 0 {
        why.push(format!("{count} of {} idioms disagree ({which})", rows.len()));
    }
    let missing =
        |row: &IdiomRow| row.predicted.is_err() || matches!(row.seen, Seen::Unanswered(_));
    let (count, which) = names(&missing);
    if count > 0 {
        why.push(format!("{count} idioms have no answer ({which})"));
    }
    (!why.is_empty()).then(|| why.join(", and "))
}
