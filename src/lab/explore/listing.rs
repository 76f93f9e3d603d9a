//! The answers about a Python program, for people: a table or a list, and the schedule that goes wrong.
//!
//! *Promises*: an answer says what it holds for: all schedules, or those up to a limit.
//! *Leaves out*: writing it anywhere; JSON (`lab/explore/python_document.rs`).
//!
//! ```text
//!   policy       wrong  switches  line  outcome   on this machine
//!   python-2     yes           1     6  prints 1  2.7.18   seen in 71 of 9065
//!   python-3.10  no                               3.10.13  not seen in 4000 tries
//! ```

use crate::lab::explore::answers::{Answer, remark, short};
use crate::lab::explore::confirmation::{Confirmed, HOW};
use crate::lab::explore::promise::Promise;
use crate::lab::report::terminal::wrap;
use crate::python::code::program::Program;
use crate::python::explore::exploration::Sampled;
use crate::python::explore::outcome::Ending;
use crate::python::explore::search::{Exploration, Found};
use crate::python::explore::story::{columns, sentence};
use std::sync::Arc;

/// How many outcomes are listed, at most.
const MOST_LISTED: usize = 12;
/// How wide a column of outcomes is that has another one beside it.
const WIDEST_OUTCOME: usize = 30;

/// What the answers are about.
pub(crate) struct About<'a> {
    /// The program's file.
    pub(crate) name: &'a str,
    /// Its text.
    pub(crate) source: &'a str,
    /// The program.
    pub(crate) program: &'a Arc<Program>,
    /// Globals that tell outcomes apart.
    pub(crate) names: &'a [Arc<str>],
    /// What real interpreters did, if they were asked.
    pub(crate) confirmed: Option<&'a [Confirmed]>,
    /// What the documentation says.
    pub(crate) promise: &'a Promise,
    /// How wide a line may be.
    pub(crate) width: usize,
}

/// All of it.
pub(crate) fn page(about: &About<'_>, answers: &[Answer]) -> String {
    let mut text = match (answers, about.confirmed) {
        ([one], None) => listing(about, one),
        ([one], Some(_)) => listing(about, one) + "\n" + &table(about, answers),
        _ => table(about, answers),
    };
    if let [_, _, ..] = answers {
        let says: Vec<String> = answers.iter().map(|answer| also(&answer.exploration)).collect();
        let said = answers.iter().zip(says).filter(|(_, says)| !says.is_empty());
        said.for_each(|(answer, says)| {
            text += &indented(&format!("{}: {says}.", answer.policy), about.width);
        });
    }
    text += &indented(&promised(about), about.width);
    if about.confirmed.is_some() {
        text += &indented(HOW, about.width);
    }
    let drawn = answers.iter().find_map(|answer| Some((answer, answer.worst()?)));
    if let Some((answer, found)) = drawn {
        text += &drawing(about, answer, found);
    }
    text
}

/// What the documentation promises.
pub(crate) fn promised(about: &About<'_>) -> String {
    let Promise { kind, text } = about.promise;
    let luck = "A version that says `no` is not safe, only lucky; a lock is.";
    match *kind {
        "never atomic" => format!("What Python promises: {text}. {luck}"),
        _ => format!("What Python promises: {text}."),
    }
}

fn indented(paragraph: &str, width: usize) -> String {
    let wrapped = wrap(paragraph, width.saturating_sub(2));
    wrapped.lines().map(|line| format!("  {line}\n")).collect()
}

fn listing(about: &About<'_>, answer: &Answer) -> String {
    let Exploration { found, worlds, bound, .. } = &answer.exploration;
    let mut text = format!("{} under {}: {worlds} worlds, ", about.name, answer.policy);
    text += &match bound {
        Some(bound) => format!("and that is not all: {bound}\n"),
        None => "all that there are\n".to_owned(),
    };
    text += &indented(&also(&answer.exploration), about.width);
    let listed = &found[..found.len().min(MOST_LISTED)];
    let lines: Vec<String> = listed.iter().map(|found| short(found, about.names)).collect();
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0).clamp(7, 60);
    text += &format!("  {:<width$}  fewest switches\n", "outcome");
    for (line, found) in lines.iter().zip(listed) {
        let row = format!("  {line:<width$}  {:>15}  {}", found.switches, remark(found));
        text += row.trim_end();
        text.push('\n');
    }
    if found.len() > listed.len() {
        text += &format!("  and {} more; --json lists all\n", found.len() - listed.len());
    }
    if answer.worst().is_none() {
        let which = if bound.is_none() { "every schedule" } else { "each of these schedules" };
        text += &format!("→ {which} comes to what some order of whole threads comes to\n");
    }
    text
}

/// What else there is to say about how it was explored.
fn also(exploration: &Exploration) -> String {
    let mut says: Vec<String> = exploration.sampled.iter().map(Sampled::says).collect();
    if exploration.one_sequence {
        let most = "of random numbers with more than 8 values, one sequence was tried";
        says.push(most.to_owned());
    }
    says.join("; ")
}

/// A policy's row before what stands beside it: the answer, and the outcome.
fn row(about: &About<'_>, answer: &Answer) -> (String, String) {
    let (answered, outcome) = match answer.worst() {
        Some(found) => {
            let line = answer.line_of(about.program, found);
            let line = line.map_or_else(String::new, |line| line.to_string());
            (format!("yes    {:>8}  {line:>4}", found.switches), short(found, about.names))
        }
        None => (format!("{:<21}", "no"), String::new()),
    };
    match &answer.exploration.bound {
        Some(bound) => (answered, format!("{outcome} (not all was tried: {bound})")),
        None => (answered, outcome),
    }
}

fn table(about: &About<'_>, answers: &[Answer]) -> String {
    let mut text = format!("{}: can it go wrong?\n", about.name);
    let names = answers.iter().map(|a| a.policy.to_string().len());
    let policies = names.max().unwrap_or(0).max("policy".len());
    let rows: Vec<(String, String)> = answers.iter().map(|answer| row(about, answer)).collect();
    let longest = rows.iter().map(|(_, outcome)| outcome.chars().count()).max().unwrap_or(0);
    let outcomes = longest.clamp("outcome".len(), WIDEST_OUTCOME);
    let head = format!("  {:<policies$}  wrong  switches  line  ", "policy");
    text += &match about.confirmed {
        Some(_) => format!("{head}{:<outcomes$}  on this machine\n", "outcome"),
        None => format!("{head}outcome\n"),
    };
    for (at, (answer, (answered, outcome))) in answers.iter().zip(rows).enumerate() {
        let policy = answer.policy.to_string();
        let start = format!("  {policy:<policies$}  {answered}  ");
        let mut cells = cells(about, at).into_iter();
        let mut beside = |outcome: &str, start: &str| match cells.next() {
            Some(cell) => format!("{start}{outcome:<outcomes$}  {cell}"),
            None => format!("{start}{outcome}"),
        };
        let mut lines = vec![match outcome.chars().count() <= outcomes {
            true => beside(&outcome, &start),
            // Too wide for anything to stand beside it.
            false => format!("{start}{outcome}"),
        }];
        let rest = " ".repeat(start.chars().count() + outcomes + 2);
        lines.extend(cells.map(|cell| format!("{rest}{cell}")));
        for line in lines {
            text += line.trim_end();
            text.push('\n');
        }
    }
    text
}

/// What stands beside an answer: each interpreter that looks where its policy looks.
fn cells(about: &About<'_>, answer: usize) -> Vec<String> {
    let Some(confirmed) = about.confirmed else { return Vec::new() };
    let own = confirmed.iter().filter(|row| row.answer == answer);
    let cells: Vec<String> =
        own.map(|row| format!("{:<7}  {}", row.interpreter.name(), row.cell.text)).collect();
    if cells.is_empty() { vec!["none here".to_owned()] } else { cells }
}

fn drawing(about: &About<'_>, answer: &Answer, found: &Found) -> String {
    let replayed = answer.replay(about.program, found);
    let mut text = format!(
        "\n{}, under {} by as few switches as can be ({}):\n\n{}",
        short(found, about.names),
        answer.policy,
        found.switches,
        columns(&replayed, about.source, about.width)
    );
    if let Ending::Deadlock(waits) = &found.outcome.ending {
        waits.iter().for_each(|line| text += &arrow(line, about.width));
    }
    if let Ending::Starvation(waits) = &found.outcome.ending {
        text += &arrow(&format!("{waits}, and others can go on for ever"), about.width);
    }
    if let Some(lost) = &replayed.lost {
        text += &arrow(lost, about.width);
    }
    match sentence(&replayed) {
        Some(sentence) if found.outcome.ending == Ending::Finished => {
            text += &arrow(&sentence, about.width);
        }
        _ => {}
    }
    text
}

fn arrow(sentence: &str, width: usize) -> String {
    let wrapped = wrap(sentence, width.saturating_sub(2));
    let lines = wrapped.lines().enumerate();
    lines.map(|(at, line)| format!("{}{line}\n", if at == 0 { "→ " } else { "  " })).collect()
}
