//! All turns as one page of HTML: readable as it stands, and stepped through where scripts run.
//!
//! *Promises*: each turn says what the terminal says, for it is the same text; no text of a program is
//! anything but text; at most `shell::MOST_BYTES`, with what was left out said.
//! *Leaves out*: head and styles (`lab/page/shell.rs`), the picture of the lanes (`lab/page/lanes.rs`).

use crate::lab::page::lanes::{Look, lanes};
use crate::lab::page::markup::Element;
use crate::lab::page::shell::{Content, light_enough, render_with};
use crate::lab::page::states::legend;
use crate::lab::report::failure::Failure;
use crate::lab::turns::document::document;
use crate::lab::turns::turn::{Stepped, Turn, Woken};
use crate::lab::turns::view::{time, view};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const TEMPLATE: &str = include_str!("step.html");
/// Characters in a line of a turn.
const WIDTH: usize = 78;
/// How many lines of source are shown, at most, and how long they are.
const MOST_LINES: usize = 400;
const LONGEST_LINE: usize = 160;
/// How many tasks the table of iterations has, at most.
const MOST_TASKS: usize = 24;
/// How many lanes are drawn.
const MOST_LANES: usize = 12;

/// The page.
///
/// # Errors
/// If the template is none: a fault of this crate.
pub fn html(stepped: &Stepped) -> Result<String, Failure> {
    let all = stepped.turns.len();
    let pictures = pictures(stepped);
    light_enough(all.max(1).ilog2(), |grade| {
        let data = data(stepped, all >> grade);
        let title = data["headline"].as_str().unwrap_or_default().to_owned();
        let content = Content { view: &data, data: &data, pictures: &pictures };
        render_with(TEMPLATE, &stepped.name, &title, &content)
    })
}

/// Who did what, on the clock; none if no time has passed.
fn pictures(stepped: &Stepped) -> Vec<Element> {
    if stepped.timeline.until == 0 || stepped.timeline.check().is_err() {
        return Vec::new();
    }
    let mut timeline = stepped.timeline.clone();
    for group in &mut timeline.groups {
        group.lanes.truncate(MOST_LANES);
        group.links.clear();
    }
    let title = format!("The tasks of {} on the virtual clock", stepped.name);
    let picture = lanes(&timeline, &Look { title, ..Look::default() });
    let legend = legend(&picture.states);
    vec![picture.markup, legend]
}

fn data(stepped: &Stepped, most: usize) -> Value {
    let turns = &stepped.turns[..most.min(stepped.turns.len())];
    let tasks = tasks(turns);
    let shown = &tasks[..tasks.len().min(MOST_TASKS)];
    let texts = turns.iter().map(|turn| {
        let label = format!("iteration {}", turn.number);
        json!({ "label": label, "number": turn.number, "text": view(turn, stepped.turns.len(), WIDTH) })
    });
    let rows = shown.iter().map(|task| {
        let cells: Vec<Value> = turns.iter().map(|turn| cell(turn, task)).collect();
        json!({ "task": task, "cells": cells })
    });
    let lines = stepped.source.iter().take(MOST_LINES);
    let mut data = document(stepped);
    data["turns"] = json!(turns);
    json!({
        "name": stepped.name,
        "headline": headline(stepped),
        "program": stepped.question.is_none(),
        "summary": summary(stepped, tasks.len()),
        "numbers": turns.iter().map(|turn| turn.number).collect::<Vec<_>>(),
        "texts": texts.collect::<Vec<_>>(),
        "rows": rows.collect::<Vec<_>>(),
        "left_tasks": tasks.len() - shown.len(),
        "left_turns": stepped.turns.len() - turns.len(),
        "source": lines.map(|line| cut(line)).collect::<Vec<_>>(),
        "left_lines": stepped.source.len().saturating_sub(MOST_LINES),
        "end": stepped.end,
        "command": format!("singletrack loop step {} --html FILE", stepped.name),
        "document": data,
    })
}

fn headline(stepped: &Stepped) -> String {
    match stepped.question {
        Some(question) => question.to_owned(),
        None => {
            let name = stepped.name.rsplit('/').next().unwrap_or(&stepped.name);
            format!("{}, one iteration of its event loop at a time", cut(name))
        }
    }
}

fn summary(stepped: &Stepped, tasks: usize) -> String {
    let turns = stepped.turns.len();
    let clock = stepped.turns.last().map_or(0, |turn| turn.clock_ns);
    let blocked: u64 = stepped.turns.iter().flat_map(|t| &t.ran).map(|ran| ran.blocks_ns).sum();
    let mut text = format!(
        "{turns} iterations, {tasks} tasks, {} on the clock, which is virtual: a sleep takes no time, \
         and a step none.",
        time(clock)
    );
    if blocked > 0 {
        text += &format!(" For {} of that a call blocked the loop.", time(blocked));
    }
    text
}

/// The names of all tasks, in the order in which they appear. What is no task is a callback.
fn tasks(turns: &[Turn]) -> Vec<String> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut tasks = Vec::new();
    let made = |woken: &'_ Woken| woken.new;
    for turn in turns {
        let new = turn.woken.iter().chain(turn.ran.iter().flat_map(|ran| &ran.wakes));
        let new = new.filter(|woken| made(woken)).map(|woken| woken.task.as_str());
        let stands = turn.stands.iter().map(|stand| stand.task.as_str());
        let waiting = turn.waiting.iter().map(|(task, _)| task.as_str());
        for task in new.chain(stands).chain(waiting) {
            if seen.insert(task) {
                tasks.push(task.to_owned());
            }
        }
    }
    tasks
}

/// What a task did in an iteration: whether it ran, and how it was left.
fn cell(turn: &Turn, task: &str) -> Value {
    let ran = turn.ran.iter().rev().find(|ran| ran.task == task);
    let number = turn.number;
    let (class, mark, says) = match ran {
        Some(ran) if ran.blocks_ns > 0 => {
            let blocked = time(ran.blocks_ns);
            ("blocks", "■", format!("runs, and blocks the loop for {blocked}"))
        }
        Some(ran) => ("ran", "●", format!("runs, woken by {}; {}", ran.woken_by, ran.then)),
        None if turn.ready.iter().any(|ready| ready == task) => ("ready", "○", "ready".to_owned()),
        None => match turn.waiting.iter().find(|(name, _)| name == task) {
            Some((_, what)) => ("waits", "·", format!("waits for {what}")),
            None => ("", "", String::new()),
        },
    };
    match says.is_empty() {
        true => json!({ "class": class, "mark": mark, "says": "" }),
        false => json!({ "class": class, "mark": mark,
                         "says": format!("iteration {number}: {task} {says}") }),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_LINE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
