//! `--confirm`: which interpreter is asked about which policy's answer, and what they say.
//!
//! *Promises*: each interpreter found stands beside the policies that look where it looks, and beside
//! no other.
//! *Leaves out*: the asking (`lab/explore/confirm.rs`), the comparison (`lab/explore/agreement.rs`).

use crate::gil::rules::policy::Check;
use crate::gil::rules::threading::Threading;
use crate::lab::explore::agreement::{Cell, End, Facts, judge};
use crate::lab::explore::answers::{Answer, telling};
use crate::lab::explore::confirm::{HANG, Question, ask};
use crate::lab::fidelity::python::Interpreter;
use crate::lab::report::failure::Failure;
use crate::python::explore::policies::Looks;
use std::path::Path;

/// For people who wonder what was done.
pub(crate) const HOW: &str = "Seen: each interpreter ran the program thousands of times, with the \
smallest switch interval that lets it go on, its threads side by side with those of other copies of \
it, so that they overlap. Sleeping was cut short. Not seen is not impossible.";

/// What one interpreter did, beside one policy's answer.
pub(crate) struct Confirmed {
    /// The interpreter.
    pub(crate) interpreter: Interpreter,
    /// The answer's place among the answers.
    pub(crate) answer: usize,
    /// What it did.
    pub(crate) facts: Facts,
    /// What that comes to.
    pub(crate) cell: Cell,
}

/// Runs the program under every interpreter that belongs to one of the answers.
pub(crate) fn confirm(path: &Path, cold: bool, answers: &[Answer]) -> Vec<Confirmed> {
    let names = telling(answers);
    let asked: Vec<(Interpreter, usize)> =
        one_of_each(Interpreter::find()).into_iter().filter_map(|i| belongs(i, answers)).collect();
    let interpreters: Vec<Interpreter> = asked.iter().map(|(i, _)| i.clone()).collect();
    let judged = |number: usize, facts: &Facts, readable: Option<&str>| {
        let (interpreter, answer) = &asked[number];
        let exploration = &answers[*answer].exploration;
        judge(facts, exploration, &names, interpreter.version[0], readable, HANG)
    };
    let seen = |number: usize, facts: &Facts| {
        let (_, answer) = asked[number];
        answers[answer].worst().map(|_| judged(number, facts, None).seen)
    };
    let all = ask(&Question { path, cold, names: &names }, &interpreters, seen);
    let reads = interpreters.iter().zip(&all).find(|(_, facts)| facts.end != End::Syntax);
    let readable = reads.map(|(interpreter, _)| {
        let oldest = interpreters.first().is_some_and(|first| first.version[0] < 3);
        let unread = all.iter().filter(|facts| facts.end == End::Syntax).count();
        let [major, minor, _] = interpreter.version;
        if oldest && unread == 1 { format!("{major}") } else { format!("{major}.{minor}") }
    });
    let cells: Vec<Cell> =
        (0..).zip(&all).map(|(number, facts)| judged(number, facts, readable.as_deref())).collect();
    let rows = asked.into_iter().zip(all).zip(cells);
    rows.map(|(((interpreter, answer), facts), cell)| Confirmed {
        interpreter,
        answer,
        facts,
        cell,
    })
    .collect()
}

/// The same version in two places is one.
fn one_of_each(found: Vec<Interpreter>) -> Vec<Interpreter> {
    let mut kept: Vec<Interpreter> = Vec::new();
    for interpreter in found {
        if kept.iter().all(|other| other.version != interpreter.version) {
            kept.push(interpreter);
        }
    }
    kept
}

/// An interpreter with the first answer whose policy looks where it looks.
fn belongs(interpreter: Interpreter, answers: &[Answer]) -> Option<(Interpreter, usize)> {
    let own = Threading::Gil(interpreter.preset());
    let exact = answers.iter().position(|answer| answer.policy == own);
    let counts = |policy| match policy {
        Threading::Gil(policy) => Some(matches!(policy.check(), Check::EveryTicks(_))),
        Threading::Free => None,
    };
    let alike = || {
        answers.iter().position(|answer| {
            let cold = matches!(answer.looks, Looks::Under(_, true));
            counts(answer.policy) == counts(own) && answer.looks.is_like(Looks::Under(own, cold))
        })
    };
    exact.or_else(alike).map(|answer| (interpreter, answer))
}

/// The first disagreement, as the command's failure.
pub(crate) fn disagreement(confirmed: &[Confirmed], answers: &[Answer]) -> Option<Failure> {
    confirmed.iter().find_map(|row| {
        let what = row.cell.disagrees.as_ref()?;
        let policy = answers[row.answer].policy;
        let why = format!("disagrees with {policy}: {what}, which was not predicted");
        let remedy = "please report it, with the program";
        Some(Failure::new(row.interpreter.name(), why, remedy))
    })
}
