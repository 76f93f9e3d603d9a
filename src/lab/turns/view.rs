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
//! A program's turn has more below: its timers, the line on which each task stands, what it prints.

use crate::lab::report::failure::shown;
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
        let mut first = format!("{}{woken:<28}  ─▶ {}", cell(&step.task, column), step.then);
        if step.blocks_ns > 0 {
            first += &format!("; it blocks the loop for {}", time(step.blocks_ns));
        }
        let wakes = step.wakes.iter().map(move |woken| {
            let how = if woken.new { "is made by it" } else { "is woken by it" };
            format!("  {}{how}", cell(&woken.task, column))
        });
        std::iter::once(first).chain(wakes).collect::<Vec<_>>()
    });
    rows(&mut text, width, "runs", steps);
    rows(&mut text, width, "ready next", std::iter::once(or_nobody(turn.ready.join(", "))));
    let waiting = turn.waiting.iter().map(|(task, what)| format!("{}{what}", cell(task, column)));
    rows(&mut text, width, "waiting", waiting);
    let timers = turn.timers.iter();
    let timers = timers.map(|(name, left)| format!("{}in {}", cell(name, column), time(*left)));
    rows(&mut text, width, "timers", timers);
    let stands = turn.stands.iter();
    let stands = stands.map(|s| {
        let line = format!("{}{:>4}  {}", cell(&s.task, column), s.line, s.text);
        cut(&line, width.saturating_sub(MARGIN))
    });
    rows(&mut text, width, "at line", stands);
    rows(&mut text, width, "prints", turn.prints.lines().map(shown));
    text
}

pub(crate) fn time(nanos: u64) -> String {
    format!("{:?}", Duration::from_nanos(nanos))
}

fn names(turn: &Turn) -> impl Iterator<Item = &String> {
    let woken = turn.woken.iter().chain(turn.ran.iter().flat_map(|step| &step.wakes));
    let woken = woken.map(|woken| &woken.task);
    let ran = turn.ran.iter().map(|step| &step.task);
    let others = turn.waiting.iter().map(|(task, _)| task);
    let timers = turn.timers.iter().map(|(timer, _)| timer);
    let stands = turn.stands.iter().map(|stand| &stand.task);
    woken.chain(ran).chain(others).chain(timers).chain(stands)
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
    format!("{}{how} {}", cell(&woken.task, column), woken.by)
}

/// A name in its column; a gap behind it, however long it is.
fn cell(name: &str, column: usize) -> String {
    let room = column.saturating_sub(2);
    format!("{name:room$}  ")
}

/// A line of source: its beginning says enough.
fn cut(line: &str, room: usize) -> String {
    match line.char_indices().nth(room.saturating_sub(1)) {
        Some((at, c)) if at + c.len_utf8() < line.len() && room > 0 => format!("{}…", &line[..at]),
        _ => line.to_owned(),
    }
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
