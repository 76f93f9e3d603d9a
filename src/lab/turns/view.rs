//! One turn as text.
//!
//! *Promises*: no line is wider than the page; a task's line says who woke it and how its step ended.
//! Pure.
//! *Leaves out*: which turn (`lab/turns/walk.rs`).
//!
//! ```text
//! iteration 4 of 6, clock 10ms
//! selector    asked; the loop slept 10ms; timers due: 1
//! made ready  short       by a timer
//! runs        short       woken by a timer               ─▶ ends
//!               main        is woken by it
//! ready next  main
//! waiting     long        a timer, in 20ms
//! ```

use crate::lab::report::terminal::wrap;
use crate::lab::turns::turn::{Turn, Woken};
use std::time::Duration;

/// Where the text of a line begins.
const MARGIN: usize = 12;
/// The longest name that has its column to itself.
const LONGEST_NAME: usize = 20;

/// The turn, of so many, for a page of this width.
pub fn view(turn: &Turn, of: usize, width: usize) -> String {
    let mut text = String::new();
    let clock = format!("clock {}", time(turn.clock_ns));
    let head = format!("iteration {} of {of}", turn.number);
    text += &wrap(&format!("{head}, {clock}"), width);
    line(&mut text, width, "selector", &selector(turn));
    let longest = names(turn).map(|name| name.chars().count()).max().unwrap_or(0);
    let column = longest.min(LONGEST_NAME) + 2;
    rows(&mut text, width, "made ready", turn.woken.iter().map(|woken| made_ready(woken, column)));
    let steps = turn.ran.iter().flat_map(|step| {
        let queued = match step.queued_ns {
            0 => String::new(),
            ns => format!(", queued for {}", time(ns)),
        };
        let woken = format!("woken by {}{queued}", step.woken_by);
        let first = format!("{:column$}{woken:<28}  ─▶ {}", step.task, step.then);
        let wakes = step.wakes.iter().map(move |woken| {
            let how = if woken.new { "is made by it" } else { "is woken by it" };
            format!("  {:column$}{how}", woken.task)
        });
        std::iter::once(first).chain(wakes).collect::<Vec<_>>()
    });
    rows(&mut text, width, "runs", steps);
    rows(&mut text, width, "ready next", std::iter::once(or_nobody(turn.ready.join(", "))));
    let waiting = turn.waiting.iter().map(|(task, what)| format!("{task:column$}{what}"));
    rows(&mut text, width, "waiting", waiting);
    text
}

fn time(nanos: u64) -> String {
    format!("{:?}", Duration::from_nanos(nanos))
}

fn names(turn: &Turn) -> impl Iterator<Item = &String> {
    let woken = turn.woken.iter().chain(turn.ran.iter().flat_map(|step| &step.wakes));
    let woken = woken.map(|woken| &woken.task);
    let ran = turn.ran.iter().map(|step| &step.task);
    woken.chain(ran).chain(turn.waiting.iter().map(|(task, _)| task))
}

fn selector(turn: &Turn) -> String {
    let Some(slept) = turn.slept_ns else { return "not asked: there is work".to_owned() };
    let mut text = match slept {
        0 => "asked, without sleeping".to_owned(),
        slept => format!("asked; the loop slept {}", time(slept)),
    };
    if turn.events > 0 {
        text += &format!("; events: {}", turn.events);
    }
    let timers = turn.woken.iter().filter(|woken| woken.by == "a timer").count();
    if timers > 0 {
        text += &format!("; timers due: {timers}");
    }
    text
}

fn made_ready(woken: &Woken, column: usize) -> String {
    let how = if woken.new { "made by" } else { "by" };
    format!("{:column$}{how} {}", woken.task, woken.by)
}

fn or_nobody(text: String) -> String {
    if text.is_empty() { "nobody".to_owned() } else { text }
}

fn rows(text: &mut String, width: usize, label: &str, rows: impl Iterator<Item = String>) {
    for (at, row) in rows.enumerate() {
        line(text, width, if at == 0 { label } else { "" }, &row);
    }
}

/// A line with its label; what does not fit goes on in the next one, below its beginning.
fn line(text: &mut String, width: usize, label: &str, row: &str) {
    let margin = if width >= 3 * MARGIN { MARGIN } else { 0 };
    if margin == 0 && !label.is_empty() {
        *text += &wrap(label, width);
    }
    let room = width.saturating_sub(margin).max(1);
    let label = if margin == 0 { "" } else { label };
    for (at, part) in fold(row, room).into_iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        *text += format!("{label:margin$}{part}").trim_end();
        text.push('\n');
    }
}

/// A row in pieces of at most `room` characters. Unlike `wrap`, it keeps the gaps of a table.
fn fold(row: &str, room: usize) -> Vec<String> {
    let letters: Vec<char> = row.chars().collect();
    if letters.len() <= room {
        return vec![row.to_owned()];
    }
    let words: Vec<&str> = row.split_whitespace().collect();
    wrap(&words.join(" "), room).lines().map(str::to_owned).collect()
}
