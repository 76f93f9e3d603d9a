//! A schedule for people: in columns, a thread each, with lines of source; and the sentence that
//! says why it came out as it did.
//!
//! *Promises*: each row is a stretch of one line by one thread, with what it read and wrote that
//! others touch; lines that touch nothing of others are folded.
//! *Leaves out*: what happened before the first thread was started.

use crate::python::explore::replay::Replay;
use crate::python::explore::worlds::Event;
use crate::python::machine::terms::Location;
use crate::python::machine::world::thread_name;

/// The widest column.
const WIDEST: usize = 46;

/// A stretch of one line.
struct Row {
    thread: usize,
    line: u32,
    notes: Vec<String>,
    /// Lines before it that were folded.
    folded: usize,
}

/// The schedule in columns.
pub fn columns(replay: &Replay, source: &str) -> String {
    let rows = rows(replay);
    let mut threads: Vec<usize> = rows.iter().map(|row| row.thread).collect();
    threads.sort_unstable();
    threads.dedup();
    let lines: Vec<&str> = source.lines().collect();
    let cells: Vec<(usize, String)> =
        rows.iter().map(|row| (row.thread, cell(row, &lines))).collect();
    let width_of = |thread: &usize| {
        let own = cells.iter().filter(|(other, _)| other == thread);
        own.map(|(_, text)| text.chars().count()).max().unwrap_or(0).clamp(12, WIDEST)
    };
    let widths: Vec<usize> = threads.iter().map(width_of).collect();
    let mut text = String::from("      ");
    for (thread, width) in threads.iter().zip(&widths) {
        let name = thread_name(*thread);
        text.push_str(&format!("{name:<width$}  "));
    }
    text = text.trim_end().to_owned() + "\n";
    for (row, (thread, cell)) in rows.iter().zip(&cells) {
        let mut line = format!("{:>4}  ", row.line);
        for (other, width) in threads.iter().zip(&widths) {
            let content = if other == thread { cell.as_str() } else { "" };
            line.push_str(&format!("{content:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn cell(row: &Row, lines: &[&str]) -> String {
    let at = (row.line as usize).saturating_sub(1);
    let source = lines.get(at).map_or("", |line| line.trim());
    let mut text: String = source.chars().take(28).collect();
    if source.chars().count() > 28 {
        text.push('…');
    }
    if row.folded > 0 {
        text = format!("⋯ {text}");
    }
    if !row.notes.is_empty() {
        text = format!("{text}   {}", row.notes.join(", "));
    }
    text
}

/// Rows of neighbouring instructions of one line. A line without a note is folded into the next.
fn rows(replay: &Replay) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for event in replay.events.iter() {
        let notes = notes(replay, event);
        match rows.last_mut() {
            Some(row) if row.thread == event.thread && row.line == event.line => {
                for note in notes {
                    if row.notes.last() != Some(&note) {
                        row.notes.push(note);
                    }
                }
            }
            _ => rows.push(Row { thread: event.thread, line: event.line, notes, folded: 0 }),
        }
    }
    let mut kept: Vec<Row> = Vec::new();
    let mut folded = 0;
    for mut row in rows {
        if row.notes.is_empty() {
            folded += 1;
            continue;
        }
        row.folded = std::mem::take(&mut folded);
        kept.push(row);
    }
    kept
}

fn notes(replay: &Replay, event: &Event) -> Vec<String> {
    let mut notes = Vec::new();
    if event.waits {
        notes.push("waits".to_owned());
        return notes;
    }
    for (location, write, value) in &event.accesses {
        let name = replay.name(*location);
        match (location, value.as_str()) {
            (Location::Output, _) | (Location::Object(_), "") => {}
            (_, value) if *write => notes.push(format!("{name} := {value}")),
            (_, value) => notes.push(format!("{name} is {value}")),
        }
    }
    notes
}

/// The sentence: who read what before whom, and wrote over it.
pub fn sentence(replay: &Replay) -> Option<String> {
    let accesses: Vec<(&Event, Location, bool, &str)> = replay
        .events
        .iter()
        .flat_map(|event| {
            let all = event.accesses.iter();
            all.map(move |(location, write, value)| (event, *location, *write, value.as_str()))
        })
        .collect();
    for (at, (first, location, write, read)) in accesses.iter().enumerate() {
        if *write || *location == Location::Output {
            continue;
        }
        let later = || accesses[at + 1..].iter().filter(|(_, other, ..)| other == location);
        let Some((second, .., written)) =
            later().find(|(event, _, write, _)| *write && event.thread != first.thread)
        else {
            continue;
        };
        let mut after = later().skip_while(|(event, ..)| !std::ptr::eq(*event, *second)).skip(1);
        // A thread that reads again before it writes has seen what the other wrote.
        let next = after.find(|(event, ..)| event.thread == first.thread);
        let Some((third, _, true, over)) = next else { continue };
        let name = replay.name(*location);
        let (me, other) = (thread_name(first.thread), thread_name(second.thread));
        let (line, its_line, my_line) = (first.line, second.line, third.line);
        return Some(format!(
            "{me} read {name} = {read} on line {line}, {other} wrote {written} on line {its_line}, \
             {me} wrote {over} over it on line {my_line}"
        ));
    }
    None
}
