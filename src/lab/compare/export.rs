//! The comparison as files for other programs: CSV, a line a round; Markdown, a table a case. Pure.
//!
//! *Promises*: the numbers of the JSON object; what could be taken for a separator is quoted.
//! *Leaves out*: writing the files (`main.rs`).

use crate::lab::compare::judgement::{Cost, RoundCosts};
use crate::lab::compare::output::{HEAD, row, sentences};
use crate::lab::compare::result::CaseResult;

/// Every round of every model, a line each, below a line of names.
pub fn csv(cases: &[CaseResult]) -> String {
    let mut text = String::from(
        "case,point,model,round,jobs,at_once,workers,stopped,wall_s,p99_s,cpu_s,memory_kib\n",
    );
    for case in cases {
        for model in &case.models {
            for round in &model.rounds {
                let cells = [
                    case.case.clone(),
                    case.point.clone().unwrap_or_default(),
                    model.model.to_string(),
                    round.round.to_string(),
                    case.jobs.to_string(),
                    case.lanes.to_string(),
                    case.workers.to_string(),
                    model.cut.to_string(),
                    of(round, Cost::Wall),
                    of(round, Cost::P99),
                    of(round, Cost::Cpu),
                    of(round, Cost::Memory),
                ];
                text += &cells.map(|cell| quoted(&cell)).join(",");
                text.push('\n');
            }
        }
    }
    text
}

/// A cost, or nothing where it was not measured.
fn of(round: &RoundCosts, cost: Cost) -> String {
    round.costs[cost as usize].map_or(String::new(), |value| value.to_string())
}

/// A cell of a CSV file (RFC 4180).
///
/// ```
/// use singletrack::lab::compare::export::quoted;
///
/// assert_eq!(quoted("plain"), "plain");
/// assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
/// ```
pub fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

/// A table for each case, with its verdict.
pub fn markdown(cases: &[CaseResult]) -> String {
    let mut text = String::new();
    for case in cases {
        let point = case.point.as_ref().map_or(String::new(), |point| format!(", {point}"));
        text += &format!("## {}{point}\n\n", case.case);
        text += &format!("| {} |\n", HEAD.join(" | "));
        text += &format!("| --- |{}\n", " ---: |".repeat(HEAD.len() - 1));
        for model in &case.models {
            text += &format!("| {} |\n", row(model).map(|cell| escaped(&cell)).join(" | "));
        }
        text.push('\n');
        for line in case.notes.iter().chain(&sentences(case)) {
            text += &format!("* {}\n", escaped(line));
        }
        text.push('\n');
    }
    text
}

/// Text that ends no cell and begins no markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push(' '),
            '|' | '<' | '>' | '*' | '_' | '`' | '[' | ']' | '\\' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}
