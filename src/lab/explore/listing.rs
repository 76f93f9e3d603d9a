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
use crate::lab::report::table::{Table, indented};
use crate::lab::report::terminal::{narrowed, wrap};
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
            text += &indented(&format!("{}: {says}.", answer.policy), 2, about.width);
        });
    }
    text += &indented(&promised(about), 2, about.width);
    if about.confirmed.is_some() {
        text += &indented(HOW, 2, about.width);
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

fn listing(about: &About<'_>, answer: &Answer) -> String {
    let Exploration { found, worlds, bound, .. } = &answer.exploration;
    let all = match bound {
        Some(bound) => format!("and that is not all: {bound}"),
        None => "all that there are".to_owned(),
    };
    let title = format!("{} under {}: {worlds} worlds, {all}", about.name, answer.policy);
    let mut text = wrap(&title, about.width);
    text += &indented(&also(&answer.exploration), 2, about.width);
    let listed = &found[..found.len().min(MOST_LISTED)];
    let mut table = Table::new(&["outcome", "fewest switches", ""]).left(&[2]).indented(2);
    for found in listed {
        let switches = found.switches.to_string();
        table.row([short(&found.outcome, about.names), switches, remark(found).to_string()]);
    }
    if found.len() > listed.len() {
        table.note(0, format!("and {} more; --json lists all", found.len() - listed.len()));
    }
    text += &table.text(about.width);
    if answer.worst().is_none() {
        let says = match bound {
            None => "→ every schedule comes to what some order of whole threads comes to",
            Some(_) => "→ none of these schedules is known to go wrong",
        };
        text += &wrap(says, about.width);
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

/// A policy's row before what stands beside it: wrong, switches, line, outcome.
fn row(about: &About<'_>, answer: &Answer) -> [String; 4] {
    let (wrong, mut outcome) = (answer.worst(), String::new());
    if let Some(found) = wrong {
        outcome = short(&found.outcome, about.names);
    }
    if let Some(bound) = &answer.exploration.bound {
        outcome += &format!(" (not all was tried: {bound})");
    }
    let Some(found) = wrong else { return ["no".into(), String::new(), String::new(), outcome] };
    let line = answer.line_of(about.program, found).map_or_else(String::new, |l| l.to_string());
    ["yes".to_owned(), found.switches.to_string(), line, outcome]
}

/// Where there is no room, lines go first, then switches.
fn table(about: &About<'_>, answers: &[Answer]) -> String {
    let heads = ["policy", "wrong", "switches", "line", "outcome", "on this machine"];
    let heads = &heads[..if about.confirmed.is_some() { 6 } else { 5 }];
    let mut table = Table::new(heads).left(&[1, 4, 5]).dropping(&[3, 2]).indented(2);
    for (at, answer) in answers.iter().enumerate() {
        let [wrong, switches, line, outcome] = row(about, answer);
        let mut cells = cells(about, at).into_iter();
        // Too wide for anything to stand beside it.
        let below = about.confirmed.is_some() && outcome.chars().count() > WIDEST_OUTCOME;
        let beside = if below { String::new() } else { outcome.clone() };
        let first = [answer.policy.to_string(), wrong, switches, line, beside];
        table.row(first.into_iter().chain(cells.next()));
        for cell in cells {
            table.row(["", "", "", "", "", &cell]);
        }
        if below {
            table.note(2, outcome);
        }
    }
    wrap(&format!("{}: can it go wrong?", about.name), about.width) + &table.text(about.width)
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
    let (outcome, policy) = (short(&found.outcome, about.names), answer.policy);
    let title =
        format!("{outcome}, under {policy} by as few switches as can be ({}):", found.switches);
    let drawn = columns(&replayed, about.source, about.width);
    let (title, drawn) = (wrap(&title, about.width), narrowed(&drawn, about.width));
    // A program without threads has no columns.
    let mut text = match drawn.trim() {
        "" => String::new(),
        _ => format!("\n{title}\n{drawn}"),
    };
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
