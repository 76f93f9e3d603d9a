//! A schedule for people: in columns, a thread each, with lines of source; and the sentence that
//! says why it came out as it did.
//!
//! *Promises*: each row is a stretch of one line by one thread, with what it read and wrote that
//! others touch; lines that touch nothing of others are folded.
//! *Leaves out*: what happened before the first thread was started.

use crate::base::text::{cut, shown};
use crate::python::explore::replay::{Replay, Shared};
use crate::python::explore::worlds::Event;
use crate::python::machine::terms::Location;
use crate::python::machine::world::thread_name;

/// The widest column, and the narrowest.
const WIDEST: usize = 46;
const NARROWEST: usize = 16;

/// A stretch of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The thread.
    pub thread: usize,
    /// The line.
    pub line: u32,
    /// What it read and wrote.
    pub notes: Vec<String>,
    /// Lines before it that were folded.
    pub folded: usize,
}

/// The schedule in columns, all of them together no wider than this, if there is any way.
pub fn columns(replay: &Replay, source: &str, width: usize) -> String {
    let rows = rows(replay);
    let mut threads: Vec<usize> = rows.iter().map(|row| row.thread).collect();
    threads.sort_unstable();
    threads.dedup();
    let lines: Vec<&str> = source.lines().collect();
    let share = width.saturating_sub(6) / threads.len().max(1);
    let widest = share.saturating_sub(2).clamp(NARROWEST, WIDEST);
    let cells: Vec<(usize, Vec<String>)> =
        rows.iter().map(|row| (row.thread, cell(row, &lines, widest))).collect();
    let width_of = |thread: &usize| {
        let own = cells.iter().filter(|(other, _)| other == thread);
        let widths = own.flat_map(|(_, cell)| cell).map(|line| line.chars().count());
        widths.max().unwrap_or(0).clamp(12, WIDEST)
    };
    let widths: Vec<usize> = threads.iter().map(width_of).collect();
    let mut text = String::from("      ");
    for (thread, width) in threads.iter().zip(&widths) {
        let name = thread_name(*thread);
        text.push_str(&format!("{name:<width$}  "));
    }
    text = text.trim_end().to_owned() + "\n";
    for (row, (thread, cell)) in rows.iter().zip(&cells) {
        for (at, part) in cell.iter().enumerate() {
            let mut line = if at == 0 { format!("{:>4}  ", row.line) } else { " ".repeat(6) };
            for (other, width) in threads.iter().zip(&widths) {
                let content = if other == thread { part.as_str() } else { "" };
                line.push_str(&format!("{content:<width$}  "));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// A row's source and notes: beside each other, or below.
fn cell(row: &Row, lines: &[&str], width: usize) -> Vec<String> {
    let at = (row.line as usize).saturating_sub(1);
    let source = lines.get(at).map_or_else(String::new, |line| shown(line.trim()));
    let folded = if row.folded > 0 { "⋯ " } else { "" };
    let (source, notes) = (format!("{folded}{source}"), row.notes.join(", "));
    let beside = format!("{source}   {notes}");
    if beside.trim_end().chars().count() <= width {
        return vec![beside.trim_end().to_owned()];
    }
    let mut cell = vec![cut(&source, width)];
    let mut line = String::new();
    for note in &row.notes {
        if !line.is_empty() && line.chars().count() + 2 + note.chars().count() > width {
            cell.push(std::mem::take(&mut line) + ",");
        }
        line += if line.is_empty() { "  " } else { ", " };
        line += &cut(note, width.saturating_sub(3));
    }
    if !line.is_empty() {
        cell.push(line);
    }
    cell
}

/// Rows of neighbouring instructions of one line. A line without a note is folded into the next, and
/// so is the main thread's waiting, which every program does.
pub fn rows(replay: &Replay) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for event in replay.events.iter() {
        let notes = event_notes(replay, event);
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
        if row.notes.is_empty() || (row.thread == 0 && row.notes == ["waits"]) {
            folded += usize::from(row.thread != 0);
            continue;
        }
        row.folded = std::mem::take(&mut folded);
        kept.push(row);
    }
    kept
}

/// What an instruction read and wrote that others touch.
pub fn event_notes(replay: &Replay, event: &Event) -> Vec<String> {
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

/// An update that was lost: one thread read, another one wrote, and the first wrote over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// What they share.
    pub location: Location,
    /// Who read it first, on which line, and what it was.
    pub read: (usize, u32, String),
    /// Who wrote it meanwhile, on which line, and what.
    pub written: (usize, u32, String),
    /// On which line the first one wrote over it, and what.
    pub over: (u32, String),
}

/// The first update that was lost.
pub fn lost(replay: &Replay) -> Option<Lost> {
    let accesses: Vec<(&Event, Location, bool, &str)> = replay
        .events
        .iter()
        .flat_map(|event| {
            let all = event.accesses.iter();
            all.map(move |(location, write, value)| (event, *location, *write, value.as_str()))
        })
        .collect();
    for (at, (first, location, write, read)) in accesses.iter().enumerate() {
        if *write || matches!(replay.kind(*location), Shared::Output | Shared::Sync) {
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
        return Some(Lost {
            location: *location,
            read: (first.thread, first.line, (*read).to_owned()),
            written: (second.thread, second.line, (*written).to_owned()),
            over: (third.line, (*over).to_owned()),
        });
    }
    None
}

/// The sentence: who read what before whom, and wrote over it; or what one read before and after
/// another one wrote.
pub fn sentence(replay: &Replay) -> Option<String> {
    if let Some(Lost { location, read, written, over }) = lost(replay) {
        let name = replay.name(location);
        let (me, other) = (thread_name(read.0), thread_name(written.0));
        return Some(format!(
            "{me} read {name} = {} on line {}, {other} wrote {} on line {}, {me} wrote {} over it \
             on line {}",
            read.2, read.1, written.2, written.1, over.1, over.0
        ));
    }
    torn(replay)
}

/// What a thread did before and after another one wrote: it has seen an old thing and a new one.
fn torn(replay: &Replay) -> Option<String> {
    let variable = |location: &Location| {
        !matches!(replay.kind(*location), Shared::Output | Shared::Sync | Shared::Other)
    };
    let shared = |event: &Event, writes: bool| {
        let all = event.accesses.iter();
        let all = all.filter(|(location, write, _)| *write == writes && variable(location));
        all.map(|(location, _, value)| (*location, value.clone())).collect::<Vec<_>>()
    };
    let events = &replay.events;
    for (at, first) in events.iter().enumerate() {
        let Some((old, was)) = shared(first, false).into_iter().next_back() else { continue };
        let others = events[at + 1..].iter().take_while(|event| event.thread != first.thread);
        let between: Vec<&Event> = others.collect();
        let back = &events[at + 1 + between.len()..];
        let wrote = between.iter().flat_map(|event| {
            shared(event, true).into_iter().map(move |(location, value)| (event, location, value))
        });
        for (second, location, value) in wrote {
            let own = back.iter().take_while(|event| event.thread == first.thread);
            let sees = own
                .clone()
                .find(|event| shared(event, false).iter().any(|(other, _)| *other == location));
            let Some(sees) = sees else { continue };
            let (me, other) = (thread_name(first.thread), thread_name(second.thread));
            let (older, newer) = (replay.name(old), replay.name(location));
            return Some(format!(
                "{me} read {older} = {was} on line {}, then {other} wrote {newer} = {value} on line \
                 {}, and {me} read {newer} on line {}",
                first.line, second.line, sees.line
            ));
        }
    }
    None
}
