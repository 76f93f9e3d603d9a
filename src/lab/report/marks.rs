//! The marks that a lane is made of: what one column shows, in characters and colours. Pure.
//!
//! *Promises*: a column in which a thread waited shows it, however short the wait; the same
//! characters with and without colour.
//! *Leaves out*: which stretch of time a column is, and what a state is called
//! (`lab/report/lanes.rs`).
//!
//! ```text
//!   within a column, the thread …       █ had the lock      ▄ had it, and did without
//!   ▒ waited   ╵ waited, and woke up    ▞ had it and waited   · did without   blank: no event yet
//!              for a lock that was taken
//!   and in a timeline besides:  ░ was ready, not running   ═ ran without the lock   ┄ used a pipe
//! ```

use crate::gil::rules::decision::Nanos;
use crate::gil::stats::record::{EventKind, LockEvent, LockState, Slice};
use crate::lab::report::terminal::Palette;
use std::ops::Range;

const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// How long a thread was in each state, within one column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) has: Nanos,
    pub(crate) waits: Nanos,
    pub(crate) none: Nanos,
    /// How often it woke up for a free lock and found it taken.
    fails: u32,
}

impl Column {
    fn add(&mut self, state: LockState, time: Nanos) {
        match state {
            LockState::HasGil => self.has += time,
            LockState::WaitingForGil => self.waits += time,
            LockState::NoGil => self.none += time,
        }
    }

    /// Which mark to draw. Waiting always shows.
    pub(crate) fn mark(&self) -> Mark {
        match (self.has, self.waits, self.none) {
            (0, 0, 0) => Mark::Absent,
            (0, 0, _) => Mark::NoGil,
            (0, _, _) if self.fails > 0 => Mark::InVain,
            (0, _, _) => Mark::Waits,
            (_, 0, none) => {
                let eighths = (8 * self.has).div_ceil(self.has + none);
                Mark::Has { eighths: eighths as usize }
            }
            _ => Mark::Both,
        }
    }
}

/// Cuts a thread's time within `window` into so many columns of equal length.
pub(crate) fn columns(
    slices: &[Slice],
    events: &[LockEvent],
    window: &Range<Nanos>,
    count: usize,
) -> Vec<Column> {
    let mut columns = vec![Column::default(); count];
    let length = window.end.saturating_sub(window.start).max(1);
    let edge = |column: usize| {
        let part = u128::from(length) * column as u128 / count as u128;
        window.start + part as Nanos
    };
    let column_of = |at: Nanos| {
        let part = u128::from(at - window.start) * count as u128 / u128::from(length);
        (part as usize).min(count - 1)
    };
    for slice in slices {
        let (from, to) = (slice.from.max(window.start), slice.to.min(window.end));
        if from >= to {
            continue;
        }
        let (first, last) = (column_of(from), column_of(to - 1));
        for (column, cell) in columns.iter_mut().enumerate().take(last + 1).skip(first) {
            let (begin, end) = (edge(column).max(from), edge(column + 1).min(to));
            cell.add(slice.state, end.saturating_sub(begin));
        }
    }
    for event in events.iter().filter(|event| window.contains(&event.at)) {
        columns[column_of(event.at)].fails += u32::from(event.what == EventKind::FailsToTake);
    }
    columns
}

/// What one column of a lane shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Absent,
    NoGil,
    Waits,
    InVain,
    Both,
    Has { eighths: usize },
    Ready,
    Native,
    Pipe,
    Point,
    Forgotten,
}

impl Mark {
    pub(crate) fn glyph(self, ascii: bool) -> char {
        match (self, ascii) {
            (Mark::Absent, _) => ' ',
            (Mark::NoGil, true) => '.',
            (Mark::NoGil, false) => '·',
            (Mark::Waits, true) => '/',
            (Mark::Waits, false) => '▒',
            (Mark::InVain, true) => '!',
            (Mark::InVain, false) => '╵',
            (Mark::Both, true) => 'X',
            (Mark::Both, false) => '▞',
            (Mark::Ready, true) => '~',
            (Mark::Ready, false) => '░',
            (Mark::Native, true) => '=',
            (Mark::Native, false) => '═',
            (Mark::Pipe, true) => '-',
            (Mark::Pipe, false) => '┄',
            (Mark::Forgotten, _) => '?',
            (Mark::Point, true) => 'v',
            (Mark::Point, false) => '▼',
            (Mark::Has { eighths }, true) => ['+', '#'][usize::from(eighths > 4)],
            (Mark::Has { eighths }, false) => {
                ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][eighths.clamp(1, 8) - 1]
            }
        }
    }

    /// Green has the lock, orange waits for it, as in the trace viewers. Of sixteen colours yellow
    /// is the nearest to orange; on many terminals it is brown.
    fn colour(self, palette: Palette) -> &'static str {
        match (self, palette) {
            (Mark::Absent | Mark::Point, _) | (_, Palette::None) => "",
            (Mark::Ready, Palette::Rgb) => "\x1b[38;2;240;228;66m",
            (Mark::Ready, Palette::Cube) => "\x1b[38;5;227m",
            (Mark::Ready, Palette::Sixteen) => "\x1b[93m",
            (Mark::Native, Palette::Rgb) => "\x1b[38;2;0;114;178m",
            (Mark::Native, Palette::Cube) => "\x1b[38;5;32m",
            (Mark::Native, Palette::Sixteen) => "\x1b[34m",
            (Mark::Pipe, Palette::Rgb) => "\x1b[38;2;204;121;167m",
            (Mark::Pipe, Palette::Cube) => "\x1b[38;5;175m",
            (Mark::Pipe, Palette::Sixteen) => "\x1b[35m",
            (Mark::NoGil | Mark::Forgotten, _) => DIM,
            (Mark::Has { .. }, Palette::Rgb) => "\x1b[38;2;0;158;115m",
            (Mark::Has { .. }, Palette::Cube) => "\x1b[38;5;36m",
            (Mark::Has { .. }, Palette::Sixteen) => "\x1b[32m",
            (Mark::Waits, Palette::Rgb) => "\x1b[38;2;213;94;0m",
            (Mark::Waits, Palette::Cube) => "\x1b[38;5;166m",
            (Mark::Waits, Palette::Sixteen) => "\x1b[33m",
            (Mark::InVain, Palette::Rgb) => "\x1b[38;2;220;40;40m",
            (Mark::InVain, Palette::Cube) => "\x1b[38;5;160m",
            (Mark::InVain, Palette::Sixteen) => "\x1b[31m",
            (Mark::Both, Palette::Rgb) => "\x1b[38;2;0;158;115;48;2;213;94;0m",
            (Mark::Both, Palette::Cube) => "\x1b[38;5;36;48;5;166m",
            (Mark::Both, Palette::Sixteen) => "\x1b[32;43m",
        }
    }
}

/// A key to marks, in as many lines as it takes: a mark, or none, and its meaning.
pub(crate) fn key(
    entries: impl IntoIterator<Item = (Option<Mark>, &'static str)>,
    width: usize,
    ascii: bool,
    palette: Palette,
) -> String {
    let (mut text, mut used) = (String::new(), 0);
    for (mark, name) in entries.into_iter().filter(|(_, name)| !name.is_empty()) {
        let mark = mark.map(|mark| paint(&[mark], ascii, palette));
        let all = name.chars().count() + if mark.is_some() { 2 } else { 0 };
        let whole = used == 0 || used + 3 + all <= width;
        let words = mark.into_iter().chain(name.split(' ').map(str::to_owned));
        for (at, word) in words.enumerate() {
            // A mark is one character, whatever colours it.
            let letters = if word.starts_with('\x1b') { 1 } else { word.chars().count() };
            let gap = if at == 0 { 3 } else { 1 };
            let breaks = (at == 0 && !whole) || used + gap + letters > width;
            if used > 0 && breaks {
                text.push('\n');
                used = 0;
            } else if used > 0 {
                text += &" ".repeat(gap);
                used += gap;
            }
            text += &word;
            used += letters;
        }
    }
    text
}

/// Marks as text, with as few changes of colour as possible.
pub(crate) fn paint(marks: &[Mark], ascii: bool, palette: Palette) -> String {
    let (mut text, mut colour) = (String::new(), "");
    for mark in marks {
        if mark.colour(palette) != colour {
            text += if colour.is_empty() { "" } else { RESET };
            colour = mark.colour(palette);
            text += colour;
        }
        text.push(mark.glyph(ascii));
    }
    text + if colour.is_empty() { "" } else { RESET }
}
