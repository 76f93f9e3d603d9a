//! The answers about a Python program as one page of HTML, with a cursor that moves along the source.
//!
//! *Promises*: the page says what the terminal is told, and needs no script for it; no text of the
//! program is anything but text in it; at most `shell::MOST_BYTES`, with what was left out said.
//! *Leaves out*: head and styles (`lab/page/shell.rs`), writing it.

use crate::lab::explore::answers::{Answer, short};
use crate::lab::explore::confirmation::HOW;
use crate::lab::explore::listing::{About, promised};
use crate::lab::page::shell::{light_enough, render};
use crate::lab::report::failure::Failure;
use crate::python::explore::exploration::Found;
use crate::python::explore::outcome::Ending;
use crate::python::explore::replay::{Replay, Shared};
use crate::python::explore::story::{event_notes, sentence};
use crate::python::machine::world::thread_name;
use serde_json::{Map, Value, json};

const TEMPLATE: &str = include_str!("explore.html");
/// How many steps are shown, at most, and how many lines of source.
const MOST_STEPS: usize = 200;
const MOST_LINES: usize = 400;

/// The page.
///
/// # Errors
/// If the template is none: a fault of this crate.
pub(crate) fn html(about: &About<'_>, answers: &[Answer]) -> Result<String, Failure> {
    light_enough(MOST_LINES.ilog2() + 1, |grade| {
        let data = data(about, answers, MOST_LINES >> grade, MOST_STEPS >> grade);
        let headline = data["headline"].as_str().unwrap_or_default().to_owned();
        render(TEMPLATE, about.name, &headline, &data)
    })
}

fn data(about: &About<'_>, answers: &[Answer], most_lines: usize, most_steps: usize) -> Value {
    let rows = answers.iter().enumerate().map(|(at, answer)| row(about, at, answer));
    let mut data = json!({
        "file": cut(about.name, 200),
        "headline": headline(about, answers),
        "rows": rows.collect::<Vec<Value>>(),
        "confirmed": about.confirmed.is_some(),
        "how": about.confirmed.map(|_| HOW),
        "promise": promised(about),
        "command": command(about, answers),
    });
    let drawn = answers.iter().find_map(|answer| Some((answer, answer.worst()?)));
    if let Some((answer, found)) = drawn {
        let replayed = answer.replay(about.program, found);
        let mut all = steps(&replayed, about.source);
        let left = all.len().saturating_sub(most_steps);
        all.truncate(most_steps);
        let mut waits = match &found.outcome.ending {
            Ending::Deadlock(waits) => waits.clone(),
            _ => Vec::new(),
        };
        if left > 0 {
            waits.push(format!("And {left} more steps"));
        }
        data["threads"] = threads(&all);
        data["steps"] = Value::Array(all);
        data["waits"] = waits.iter().map(|wait| json!(cut(wait, 300))).collect();
        data["sentence"] = sentence(&replayed)
            .filter(|_| found.outcome.ending == Ending::Finished)
            .map_or(Value::Null, |text| json!(first_upper(&text)));
        data["reached"] = json!(reached(about, answer, found));
        data["alt"] = json!(format!("The schedule: {}", reached(about, answer, found)));
        data["left_lines"] = json!(about.source.lines().count().saturating_sub(most_lines));
        let source = about.source.lines().take(most_lines);
        data["source"] = source.map(|line| json!(cut(line, 200))).collect();
    }
    data
}

fn reached(about: &About<'_>, answer: &Answer, found: &Found) -> String {
    let times = if found.switches == 1 { "switch" } else { "switches" };
    let outcome = short(&found.outcome, about.names);
    format!("{outcome}: by {} {times}, under {}", found.switches, answer.policy)
}

fn headline(about: &About<'_>, answers: &[Answer]) -> String {
    let name = about.name.rsplit('/').next().unwrap_or(about.name);
    let name = cut(name, 80);
    let names = |wrong: bool| {
        let own = answers.iter().filter(|answer| answer.worst().is_some() == wrong);
        own.map(|answer| answer.policy.to_string()).collect::<Vec<_>>().join(", ")
    };
    match (names(true), names(false)) {
        (wrong, _) if wrong.is_empty() => {
            format!("{name}: nothing goes wrong under {}", names(false))
        }
        (wrong, right) if right.is_empty() => format!("{name} can go wrong under {wrong}"),
        (wrong, right) => {
            let others = right.split(", ").count();
            let right = if others > 2 { format!("{others} others") } else { right };
            format!("{name} can go wrong under {wrong}; not under {right}")
        }
    }
}

fn command(about: &About<'_>, answers: &[Answer]) -> String {
    let policies: Vec<String> = answers.iter().map(|answer| answer.policy.to_string()).collect();
    let confirm = if about.confirmed.is_some() { " --confirm" } else { "" };
    let name = cut(about.name, 200);
    format!("singletrack explore {name} --policy {}{confirm} --html FILE", policies.join(","))
}

fn row(about: &About<'_>, at: usize, answer: &Answer) -> Value {
    let worst = answer.worst();
    let own = about.confirmed.into_iter().flatten().filter(|row| row.answer == at);
    let cells = own.map(|row| {
        json!({"python": row.interpreter.name(), "text": row.cell.text,
               "disagrees": row.cell.disagrees.is_some()})
    });
    let line = worst.and_then(|found| answer.line_of(about.program, found));
    json!({
        "policy": answer.policy.to_string(),
        "wrong": worst.is_some(),
        "switches": worst.map_or(json!(""), |found| json!(found.switches)),
        "line": line.map_or(json!(""), |line| json!(line)),
        "outcome": worst.map_or_else(String::new, |found| short(&found.outcome, about.names)),
        "bound": answer.exploration.bound,
        "cells": cells.collect::<Vec<Value>>(),
    })
}

/// Thread, line, what it did, the values after it, whether it has to wait.
type Step = (usize, u32, Vec<String>, Map<String, Value>, bool);

/// Neighbouring instructions of one line are a step, with what it did and the values after it.
fn steps(replay: &Replay, source: &str) -> Vec<Value> {
    let lines: Vec<&str> = source.lines().collect();
    let mut steps: Vec<Step> = Vec::new();
    let mut values = Map::new();
    for event in &replay.events {
        for (location, _, value) in event.accesses.iter().filter(|(.., value)| !value.is_empty()) {
            let name = replay.name(*location);
            let kind = replay.kind(*location);
            if !name.is_empty() && !matches!(kind, Shared::Sync | Shared::Other | Shared::Output) {
                values.insert(cut(name, 60), json!(cut(value, 60)));
            }
        }
        let notes = event_notes(replay, event);
        match steps.last_mut() {
            Some((thread, line, said, known, waits))
                if (*thread, *line) == (event.thread, event.line) =>
            {
                let new = notes.into_iter().filter(|note| !said.contains(note));
                said.extend(new.collect::<Vec<_>>());
                known.clone_from(&values);
                *waits |= event.waits;
            }
            _ => steps.push((event.thread, event.line, notes, values.clone(), event.waits)),
        }
    }
    // The main thread waits in every program, and a line that does nothing to others says nothing.
    steps.retain(|(thread, _, said, _, waits)| !(said.is_empty() || *thread == 0 && *waits));
    // Whoever has to go and goes on later could have gone on; whoever waits or ends could not.
    let made_room: Vec<bool> = (0..steps.len())
        .map(|at| {
            let Some((last, .., waited)) = at.checked_sub(1).map(|last| &steps[last]) else {
                return false;
            };
            steps[at].0 != *last && !waited && steps[at..].iter().any(|step| step.0 == *last)
        })
        .collect();
    let value = |((thread, line, said, values, waits), switched): (Step, bool)| {
        let text = lines.get((line as usize).saturating_sub(1)).map_or("", |line| line.trim());
        json!({"thread": thread_name(thread), "line": line, "text": cut(text, 120),
               "says": cut(&said.join(", "), 200), "values": values, "waits": waits,
               "switched": switched})
    };
    steps.into_iter().zip(made_room).map(value).collect()
}

fn threads(steps: &[Value]) -> Value {
    let mut names: Vec<&Value> = Vec::new();
    for step in steps {
        if !names.contains(&&step["thread"]) {
            names.push(&step["thread"]);
        }
    }
    names.sort_by_key(|name| name.as_str().unwrap_or_default().to_owned());
    names.into_iter().cloned().collect()
}

fn first_upper(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
