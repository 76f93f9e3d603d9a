//! A recording drawn in characters: a line a thread, a strip for the owner. Pure.
//!
//! *Promises*: a column in which a thread waited shows it, however short the wait; no line is
//! wider than asked for; the shares of a thread add up to 100 %.
//! *Leaves out*: what the drawing means (`lab/scenes`); which stretch of time to draw
//! (`lab/report/window.rs`); the marks (`lab/report/marks.rs`).
//!
//! ```text
//!              460 ms                        500 ms    has  waits  without
//!   GIL owner  aaaaaaaaaaabaaaaaaaaaaabaaaaaaaaaaab
//!   a cpu      ███████████▞███████████▞███████████▞   98 %    2 %      0 %
//!   b echo     ▒▒▒▒▒▒▒▒▒▒▒▞▒▒▒▒▒▒▒▒▒▒▒▞▒▒▒▒▒▒▒▒▒▒▒▞    1 %   96 %      3 %
//! ```
//! A thread does without the lock while it blocks or computes outside, between a drop and the take
//! that follows at once, and before it has come to the lock.

use crate::gil::rules::decision::Nanos;
use crate::gil::stats::record::{LockState, Recording, Slice, Track};
use crate::lab::report::marks::{Column, Mark, columns, key, paint};
use crate::lab::report::terminal::Palette;
use crate::lab::report::window::unit_of;
use std::ops::Range;

/// The longest name that is shown whole.
const LONGEST_NAME: usize = 14;
const FEWEST_COLUMNS: usize = 10;

/// What the states of a thread are called in pictures and traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateNames {
    /// The strip that shows the owner, where there is one.
    pub owner: Option<&'static str>,
    /// [`LockState::HasGil`], [`LockState::WaitingForGil`] and [`LockState::NoGil`].
    pub states: [&'static str; 3],
    /// What a thread does in each of them, in a word: the heads of its shares.
    pub verbs: [&'static str; 3],
    /// What [`EventKind::FailsToTake`] is called, where there is such a thing.
    ///
    /// [`EventKind::FailsToTake`]: crate::gil::stats::record::EventKind::FailsToTake
    pub fails: Option<&'static str>,
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
        verbs: ["has", "waits", "without"],
        fails: Some("woken in vain"),
    };

    /// For threads under a lock each: no column has one owner.
    pub const OWN_LOCK: StateNames = StateNames { owner: None, ..StateNames::LOCK };

    /// For threads without one: those of PEP 703.
    pub const NO_LOCK: StateNames = StateNames {
        owner: None,
        states: ["Attached", "Suspended", "Detached"],
        verbs: ["runs", "waits", "detached"],
        fails: None,
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
    /// Which colours there are.
    pub palette: Palette,
}

impl DrawOptions {
    pub(crate) fn paint(&self, marks: &[Mark]) -> String {
        paint(marks, self.ascii, self.palette)
    }
}

/// The key to the characters, in as many lines as it takes.
pub fn legend(words: &StateNames, options: &DrawOptions) -> String {
    let entries = [
        (Some(Mark::Has { eighths: 8 }), words.of(LockState::HasGil)),
        (Some(Mark::Waits), words.of(LockState::WaitingForGil)),
        (Some(Mark::Both), "both in turn"),
        (Some(Mark::NoGil), words.of(LockState::NoGil)),
        (words.fails.map(|_| Mark::InVain), words.fails.unwrap_or_default()),
        (Some(Mark::Has { eighths: 4 }), "for a part of its column"),
        (None, "blank: no event yet"),
    ];
    key(entries, options.width, options.ascii, options.palette)
}

/// What stands where in a line: the threads' names, the lane, the shares.
struct Layout {
    margin: usize,
    columns: usize,
    /// The widths of the three shares, or none for want of room.
    shares: Option<[usize; 3]>,
    /// A thread is named by its letter alone.
    letters: bool,
}

impl Layout {
    /// In a narrow terminal the shares go first, then the names.
    fn of(recording: &Recording, words: &StateNames, width: usize) -> Layout {
        let names = recording.tracks.iter().enumerate().map(label);
        let longest = names.map(|name| name.chars().count()).max().unwrap_or(0);
        let margin = longest.max(words.owner.map_or(0, str::len)) + 2;
        let shares = words.verbs.map(|verb| 2 + verb.len().max("100 %".len()));
        let room = width.saturating_sub(margin);
        match room.checked_sub(shares.iter().sum()) {
            Some(columns) if columns >= FEWEST_COLUMNS => {
                Layout { margin, columns, shares: Some(shares), letters: false }
            }
            _ if room >= FEWEST_COLUMNS => {
                Layout { margin, columns: room, shares: None, letters: false }
            }
            _ => {
                let columns = width.saturating_sub(2).max(1);
                Layout { margin: 2, columns, shares: None, letters: true }
            }
        }
    }
}

/// The threads' states within `window`, a lane each, below a strip that shows the owner.
///
/// ```
/// use singletrack::gil::{EventKind, LockEvent, Recording, Track};
/// use singletrack::lab::report::lanes::{DrawOptions, StateNames, lanes};
/// use singletrack::lab::report::terminal::Palette;
///
/// let track = |name: &str, events: &[(u64, EventKind)]| Track {
///     name: name.into(),
///     tid: 0,
///     events: events.iter().map(|&(at, what)| LockEvent { at, what }).collect(),
///     dropped: 0,
///     began: None,
///     times: None,
/// };
/// let a = track("cpu", &[(0, EventKind::Takes), (6000, EventKind::DropsOnRequest)]);
/// let b = track("io", &[(1000, EventKind::Waits), (6000, EventKind::Takes)]);
/// let recording = Recording { tracks: vec![a, b], until: 10_000 };
/// let options = DrawOptions { width: 44, ascii: true, palette: Palette::None };
/// let text = lanes(&recording, 0..10_000, &StateNames::LOCK, &options);
/// assert_eq!(text, "           0 us 10 us    has  waits  without
/// GIL owner  aaaaaabbbb
/// a cpu      ######....   60 %    0 %     40 %
/// b io        /////####   40 %   50 %     10 %
/// ");
/// ```
pub fn lanes(
    recording: &Recording,
    window: Range<Nanos>,
    words: &StateNames,
    options: &DrawOptions,
) -> String {
    let Layout { margin, columns: count, shares, letters } =
        Layout::of(recording, words, options.width);
    let lanes = all_columns(recording, &window, count);
    let mut text = format!("{:margin$}{}", "", scale(&window, count));
    for (verb, width) in words.verbs.iter().zip(shares.into_iter().flatten()) {
        text += &format!("{verb:>width$}");
    }
    text.push('\n');
    if let Some(owner) = words.owner {
        let owner = if letters { "" } else { owner };
        text += format!("{owner:margin$}{}", owners(&lanes, count)).trim_end();
        text.push('\n');
    }
    for (thread, columns) in recording.tracks.iter().enumerate().zip(&lanes) {
        let name = if letters { letter(thread.0).to_string() } else { label(thread) };
        let marks: Vec<Mark> = columns.iter().map(Column::mark).collect();
        let lane = options.paint(&marks);
        let mut line = format!("{name:margin$}{lane}");
        for (part, width) in percents(columns, &window).iter().zip(shares.into_iter().flatten()) {
            line += &format!("{:>width$}", format!("{part} %"));
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Whether so much happens within a column that most columns show no more than that.
pub fn is_blurred(
    recording: &Recording,
    window: &Range<Nanos>,
    words: &StateNames,
    options: &DrawOptions,
) -> bool {
    let count = Layout::of(recording, words, options.width).columns;
    let lanes = all_columns(recording, window, count);
    let mixed = |column: usize| lanes.iter().any(|lane| matches!(lane[column].mark(), Mark::Both));
    2 * (0..count).filter(|&column| mixed(column)).count() > count
}

fn all_columns(recording: &Recording, window: &Range<Nanos>, count: usize) -> Vec<Vec<Column>> {
    let of = |track: &Track| {
        let slices: Vec<Slice> = track.slices(recording.until);
        columns(&slices, &track.events, window, count)
    };
    recording.tracks.iter().map(of).collect()
}

/// The letter that stands for a thread in the owner's strip, and its name.
fn label((index, track): (usize, &Track)) -> String {
    let name: String = track.name.chars().take(LONGEST_NAME).collect();
    format!("{} {name}", letter(index))
}

pub(crate) fn letter(index: usize) -> char {
    let letters = ('a'..='z').chain('A'..='Z');
    letters.into_iter().nth(index).unwrap_or('*')
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

/// How much of the window a thread had the lock, waited for it, and did without it: whole numbers
/// that add up to 100. What rounding leaves over goes to those that lost most by it.
fn percents(columns: &[Column], window: &Range<Nanos>) -> [u128; 3] {
    let all = u128::from(window.end.saturating_sub(window.start).max(1));
    let sum = |part: fn(&Column) -> Nanos| columns.iter().map(part).map(u128::from).sum::<u128>();
    let (has, waits) = (sum(|c| c.has), sum(|c| c.waits));
    let parts = [has, waits, all.saturating_sub(has + waits)];
    let mut percents = parts.map(|part| 100 * part / all);
    let mut order = [0, 1, 2];
    order.sort_by_key(|&part| std::cmp::Reverse(100 * parts[part] % all));
    let left = 100u128.saturating_sub(percents.iter().sum());
    order.into_iter().take(left as usize).for_each(|part| percents[part] += 1);
    percents
}

/// The line above the lanes: when the window begins, and when it ends, as exactly as its length
/// asks for.
pub(crate) fn scale(window: &Range<Nanos>, count: usize) -> String {
    let (size, unit) = unit_of(window.end);
    let length = window.end.saturating_sub(window.start) as f64 / size;
    let digits = (0..3).find(|&digits| length * 10f64.powi(digits) >= 10.0).unwrap_or(3) as usize;
    let at = |time: Nanos| format!("{:.digits$}", time as f64 / size);
    let (left, right) = (at(window.start), at(window.end));
    let right = format!("{right} {unit}");
    let both = left.len() + 1 + unit.len() + right.len();
    let left = if both < count { format!("{left} {unit}") } else { left };
    match count.checked_sub(left.len() + right.len()) {
        Some(gap) if gap > 0 => format!("{left}{:gap$}{right}", ""),
        // Half a number would be a wrong one.
        _ if right.len() > count => " ".repeat(count),
        _ => format!("{right:>count$}"),
    }
}
