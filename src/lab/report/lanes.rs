//! A recording drawn in characters: a line a thread, a strip for the owner. Pure.
//!
//! *Promises*: a column in which a thread waited shows it, however short the wait; no line is
//! wider than asked for.
//! *Leaves out*: what the drawing means (`lab/scenes`); zooming, for which there is the trace file.
//!
//! ```text
//!              0 ms                                            40 ms
//!   GIL owner  aaaaaaaaaaabaaaaaaaaaaabaaaaaaaaaaabaaaaaaaaaaab
//!   a cpu      ███████████▞███████████▞███████████▞███████████▞  has 98 %, waits  2 %
//!   b echo     ▒▒▒▒▒▒▒▒▒▒▒▞▒▒▒▒▒▒▒▒▒▒▒▞▒▒▒▒▒▒▒▒▒▒▒▞▒▒▒▒▒▒▒▒▒▒▒▞  has  1 %, waits 96 %
//! ```

use crate::gil::rules::decision::Nanos;
use crate::gil::stats::record::{LockState, Recording, Slice, Track};
use std::ops::Range;

/// The longest name that is shown whole.
const LONGEST_NAME: usize = 14;
/// The room for `  has 98 %, waits  2 %`.
const SHARES: usize = 23;
const FEWEST_COLUMNS: usize = 10;

const GREEN: &str = "\x1b[38;2;0;158;115m";
const ORANGE: &str = "\x1b[38;2;213;94;0m";
const GREEN_ON_ORANGE: &str = "\x1b[38;2;0;158;115;48;2;213;94;0m";
const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// What the states of a thread are called in pictures and traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateNames {
    /// The strip that shows the owner, where there is one.
    pub owner: Option<&'static str>,
    /// [`LockState::HasGil`], [`LockState::WaitingForGil`] and [`LockState::NoGil`].
    pub states: [&'static str; 3],
    /// What a thread does in the first two, in a word.
    pub verbs: [&'static str; 2],
}

impl StateNames {
    /// For threads under a lock: the words of CPython 3.15.
    pub const LOCK: StateNames = StateNames {
        owner: Some("GIL owner"),
        states: [
            LockState::HasGil.name(),
            LockState::WaitingForGil.name(),
            LockState::NoGil.name(),
        ],
        verbs: ["has", "waits"],
    };

    /// For threads under a lock each: no column has one owner.
    pub const OWN_LOCK: StateNames = StateNames { owner: None, ..StateNames::LOCK };

    /// For threads without one: those of PEP 703.
    pub const NO_LOCK: StateNames = StateNames {
        owner: None,
        states: ["Attached", "Suspended", "Detached"],
        verbs: ["runs", "waits"],
    };

    /// What this state is called.
    pub fn of(&self, state: LockState) -> &'static str {
        self.states[state as usize]
    }
}

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawOptions {
    /// Characters in a line, at most.
    pub width: usize,
    /// Draw with ASCII characters only.
    pub ascii: bool,
    /// The colours of the trace viewers: green has the lock, orange waits for it.
    pub colour: bool,
}

/// How long a thread was in each state, within one column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Column {
    has: Nanos,
    waits: Nanos,
    none: Nanos,
}

impl Column {
    fn add(&mut self, state: LockState, time: Nanos) {
        match state {
            LockState::HasGil => self.has += time,
            LockState::WaitingForGil => self.waits += time,
            LockState::NoGil => self.none += time,
        }
    }

    /// Which mark to draw: with the lock, without it, waiting, or a mixture. Waiting always shows.
    fn mark(&self) -> Mark {
        match (self.has, self.waits, self.none) {
            (0, 0, 0) => Mark::Absent,
            (0, 0, _) => Mark::NoGil,
            (0, _, _) => Mark::Waits,
            (_, 0, none) => {
                let eighths = (8 * self.has).div_ceil(self.has + none);
                Mark::Has { eighths: eighths as usize }
            }
            _ => Mark::Both,
        }
    }
}

/// What one column of a lane shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Absent,
    NoGil,
    Waits,
    Both,
    Has { eighths: usize },
}

impl Mark {
    fn glyph(self, ascii: bool) -> char {
        match (self, ascii) {
            (Mark::Absent, _) => ' ',
            (Mark::NoGil, true) => '.',
            (Mark::NoGil, false) => '·',
            (Mark::Waits, true) => '/',
            (Mark::Waits, false) => '▒',
            (Mark::Both, true) => 'X',
            (Mark::Both, false) => '▞',
            (Mark::Has { eighths }, true) => ['+', '#'][usize::from(eighths > 4)],
            (Mark::Has { eighths }, false) => {
                ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][eighths.clamp(1, 8) - 1]
            }
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Mark::Absent => "",
            Mark::NoGil => DIM,
            Mark::Waits => ORANGE,
            Mark::Both => GREEN_ON_ORANGE,
            Mark::Has { .. } => GREEN,
        }
    }
}

/// The key to the characters, in two lines.
pub fn legend(words: &StateNames, options: &DrawOptions) -> String {
    let marks = [
        (Mark::Has { eighths: 8 }, words.of(LockState::HasGil)),
        (Mark::Waits, words.of(LockState::WaitingForGil)),
        (Mark::Both, "both in turn"),
        (Mark::NoGil, words.of(LockState::NoGil)),
    ];
    let entry = |(mark, name): (Mark, &str)| format!("{} {name}", paint(&[mark], options));
    let part = paint(&[Mark::Has { eighths: 4 }], options);
    format!(
        "{}\n{part} for a part of its column   blank: no event yet",
        marks.map(entry).join("   ")
    )
}

/// The threads' states within `window`, a lane each, below a strip that shows the owner.
///
/// ```
/// use singletrack::gil::{EventKind, LockEvent, Recording, Track};
/// use singletrack::lab::report::lanes::{DrawOptions, StateNames, lanes};
///
/// let track = |name: &str, events: &[(u64, EventKind)]| Track {
///     name: name.into(),
///     tid: 0,
///     events: events.iter().map(|&(at, what)| LockEvent { at, what }).collect(),
///     dropped: 0,
///     times: None,
/// };
/// let a = track("cpu", &[(0, EventKind::Takes), (6000, EventKind::DropsOnRequest)]);
/// let b = track("io", &[(1000, EventKind::Waits), (6000, EventKind::Takes)]);
/// let recording = Recording { tracks: vec![a, b], until: 10_000 };
/// let options = DrawOptions { width: 44, ascii: true, colour: false };
/// assert_eq!(lanes(&recording, 0..10_000, &StateNames::LOCK, &options), "           0 us  10 us
/// GIL owner  aaaaaabbbb
/// a cpu      ######....  has 60 %, waits  0 %
/// b io        /////####  has 40 %, waits 50 %
/// ");
/// ```
pub fn lanes(
    recording: &Recording,
    window: Range<Nanos>,
    words: &StateNames,
    options: &DrawOptions,
) -> String {
    let names: Vec<String> = recording.tracks.iter().enumerate().map(label).collect();
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let margin = longest.max(words.owner.map_or(0, str::len)) + 2;
    let with_shares = options.width >= margin + FEWEST_COLUMNS + SHARES;
    let room = options.width.saturating_sub(margin + if with_shares { SHARES } else { 0 });
    let count = room.max(FEWEST_COLUMNS);
    let slices: Vec<Vec<Slice>> =
        recording.tracks.iter().map(|track| track.slices(recording.until)).collect();
    let columns: Vec<Vec<Column>> =
        slices.iter().map(|slices| columns(slices, &window, count)).collect();
    let mut text = format!("{:margin$}{}\n", "", scale(&window, count));
    if let Some(owner) = words.owner {
        text += format!("{owner:margin$}{}", owners(&columns, count)).trim_end();
        text.push('\n');
    }
    for (name, columns) in names.iter().zip(&columns) {
        let marks: Vec<Mark> = columns.iter().map(Column::mark).collect();
        let lane = paint(&marks, options);
        let shares = if with_shares { shares(columns, &window, words) } else { String::new() };
        text += format!("{name:margin$}{lane}{shares}").trim_end();
        text.push('\n');
    }
    text
}

/// The letter that stands for a thread in the owner's strip, and its name.
fn label((index, track): (usize, &Track)) -> String {
    let name: String = track.name.chars().take(LONGEST_NAME).collect();
    format!("{} {name}", letter(index))
}

fn letter(index: usize) -> char {
    let letters = ('a'..='z').chain('A'..='Z');
    letters.into_iter().nth(index).unwrap_or('*')
}

/// Cuts slices into columns of equal length.
fn columns(slices: &[Slice], window: &Range<Nanos>, count: usize) -> Vec<Column> {
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
    columns
}

/// For each column, the letter of the thread that had the lock for most of it.
fn owners(lanes: &[Vec<Column>], count: usize) -> String {
    let owner = |column: usize| {
        let most = lanes.iter().enumerate().max_by_key(|(i, lane)| {
            let first_of_equals = usize::MAX - i;
            (lane[column].has, first_of_equals)
        });
        most.filter(|(_, lane)| lane[column].has > 0).map_or(' ', |(i, _)| letter(i))
    };
    (0..count).map(owner).collect()
}

fn shares(columns: &[Column], window: &Range<Nanos>, words: &StateNames) -> String {
    let length = window.end.saturating_sub(window.start).max(1) as f64;
    let percent = |part: fn(&Column) -> Nanos| {
        100.0 * columns.iter().map(part).sum::<Nanos>() as f64 / length
    };
    let [has, waits] = words.verbs;
    format!("  {has} {:2.0} %, {waits} {:2.0} %", percent(|c| c.has), percent(|c| c.waits))
}

/// The line above the lanes: `0 ms`, and the window's length at the right end.
fn scale(window: &Range<Nanos>, count: usize) -> String {
    let length = window.end.saturating_sub(window.start);
    let (unit, size) = match length {
        0..10_000 => ("ns", 1.0),
        10_000..10_000_000 => ("us", 1e3),
        _ => ("ms", 1e6),
    };
    let (left, right) = (format!("0 {unit}"), format!("{:.0} {unit}", length as f64 / size));
    let gap = count.saturating_sub(left.len() + right.len()).max(2);
    format!("{left}{:gap$}{right}", "")
}

/// Glyphs with as few changes of colour as possible.
fn paint(marks: &[Mark], options: &DrawOptions) -> String {
    let mut text = String::new();
    let mut colour = "";
    for mark in marks {
        if options.colour && mark.colour() != colour {
            text += if colour.is_empty() { "" } else { RESET };
            colour = mark.colour();
            text += colour;
        }
        text.push(mark.glyph(options.ascii));
    }
    text + if colour.is_empty() { "" } else { RESET }
}
