//! A timeline drawn in characters: a band for each run, all on one axis. Pure.
//!
//! *Promises*: no line is wider than asked for; a column in which a lane waited shows it, however short
//! the wait; the shares of a lane are of the whole window.
//! *Leaves out*: the marks (`lab/report/marks.rs`); which lanes of many (`lab/timeline/fold.rs`).
//!
//! ```text
//!                   0 ms                           120 ms   runs  waits
//!   loop + worker
//!     worker        ██████████████████████████████████████  100 %    0 %
//!     packet           ▼           ▼           ▼
//!     loop          ···▁···········▁···········▁··········    0 %    0 %
//!   threads-py3.10
//!     GIL owner     aaaaabaaaaaaaaabaaaaaaaaaaaabaaaaaaaaa
//!     a cpu         █████▞█████████▞████████████▞█████████   98 %    1 %
//!     b net         ···▒▒▞······▒▒▒▞·········▒▒▒▞·········  < 1 %   50 %
//! ```

use crate::lab::report::failure::shown;
use crate::lab::report::lanes::{DrawOptions, letter, scale};
use crate::lab::report::marks::{Mark, key};
use crate::lab::report::terminal::wrap;
use crate::lab::timeline::columns::{Column, Grid, IN_VAIN};
use crate::lab::timeline::fold::fold;
use crate::lab::timeline::timeline::{Group, Lane, LaneKind, Nanos, State, Timeline};
use std::collections::HashMap;
use std::ops::Range;

/// The longest name that is shown whole.
const LONGEST_NAME: usize = 16;
const FEWEST_COLUMNS: usize = 10;
const SHARES: [(&str, &[State]); 2] =
    [("runs", &[State::Runs]), ("waits", &[State::WaitsForLock, State::Ready])];
const SHARE: usize = 7;

/// What stands where in a line: the lanes' names, the columns, the shares.
struct Layout {
    margin: usize,
    columns: usize,
    shares: bool,
}

impl Layout {
    /// In a narrow terminal the shares go first, then most of the names.
    fn of(timeline: &Timeline, width: usize) -> Layout {
        let lanes = timeline.groups.iter().flat_map(|group| {
            let shown = fold(group).into_iter().map(|shown| &group.lanes[shown.lane]);
            let strip = group.lanes.iter().filter(|lane| lane.kind == LaneKind::Summary);
            shown.chain(strip).map(|lane| name_of(lane).chars().count())
        });
        // An indent of two, a letter with its gap, a gap of two.
        let margin = lanes.max().unwrap_or(0) + 6;
        let room = width.saturating_sub(margin);
        match room.checked_sub(SHARE * SHARES.len()) {
            Some(columns) if columns >= FEWEST_COLUMNS => Layout { margin, columns, shares: true },
            _ if room >= FEWEST_COLUMNS => Layout { margin, columns: room, shares: false },
            _ => {
                let margin = if width > 4 { 2 } else { 0 };
                Layout { margin, columns: (width - margin.min(width)).max(1), shares: false }
            }
        }
    }

    /// A line: its name, as far as there is room; its lane; its shares.
    fn line(&self, name: &str, lane: &str, shares: &str) -> String {
        let margin = self.margin;
        let room = margin.saturating_sub(1);
        let name: String = name.chars().take(room).collect();
        let shares = if self.shares { shares } else { "" };
        format!("{name:margin$}{lane}{shares}").trim_end().to_owned() + "\n"
    }
}

/// The whole of it, or a window.
///
/// ```
/// use singletrack::lab::report::lanes::DrawOptions;
/// use singletrack::lab::report::terminal::Palette;
/// use singletrack::lab::timeline::lanes::draw;
/// use singletrack::lab::timeline::timeline::{Group, Lane, LaneKind, Span, State, Timeline};
///
/// let span = |from, to, state: State| Span {
///     from, to, state, name: state.to_string(), details: Vec::new(),
/// };
/// let lane = |name: &str, spans| Lane {
///     name: name.into(), kind: LaneKind::Thread, id: 1, spans, points: Vec::new(),
/// };
/// let cpu = lane("cpu", vec![span(0, 6000, State::Runs), span(6000, 10_000, State::Blocked)]);
/// let io = lane("io", vec![span(1000, 6000, State::WaitsForLock), span(6000, 10_000, State::Runs)]);
/// let group = Group {
///     name: "threads".into(), pid: 1, lanes: vec![cpu, io], links: Vec::new(), forgotten: 0,
/// };
/// let timeline = Timeline { about: Vec::new(), until: 10_000, groups: vec![group] };
/// let options = DrawOptions { width: 33, ascii: true, palette: Palette::None };
/// assert_eq!(draw(&timeline, 0..10_000, &options), "         0 us 10 us   runs  waits
/// threads
///   cpu    ######....   60 %    0 %
///   io      /////####   40 %   50 %
/// ");
/// ```
pub fn draw(timeline: &Timeline, window: Range<Nanos>, options: &DrawOptions) -> String {
    let layout = Layout::of(timeline, options.width);
    let heads: String = SHARES.iter().map(|(head, _)| format!("{head:>SHARE$}")).collect();
    let mut text = layout.line("", &scale(&window, layout.columns), &heads);
    let grid = Grid { window, count: layout.columns };
    for group in &timeline.groups {
        text += &band(group, &grid, &layout, options);
    }
    text
}

fn band(group: &Group, grid: &Grid, layout: &Layout, options: &DrawOptions) -> String {
    let mut name = shown(&group.name);
    if group.forgotten > 0 {
        name += &format!(" ({} events had no room)", group.forgotten);
    }
    let mut text = wrap(&name, options.width);
    let indent = if layout.margin > 2 { "  " } else { "" };
    let room = options.width.saturating_sub(indent.len());
    let owner = owners(group, grid);
    for summary in group.lanes.iter().filter(|lane| lane.kind == LaneKind::Summary) {
        text += &match &owner {
            Some(owner) => layout.line(&format!("  {}", name_of(summary)), owner, ""),
            None => row(&format!("  {}", name_of(summary)), summary, grid, layout, options),
        };
    }
    for folded in fold(group) {
        let lane = &group.lanes[folded.lane];
        let letter = if owner.is_some() {
            format!("{} ", letter_of(group, folded.lane))
        } else {
            String::new()
        };
        for name in point_names(lane) {
            let marks = options.paint(&grid.marks(lane, name));
            text += &layout.line(&format!("  {}", shown(name)), &marks, "");
        }
        let name = name_of(lane);
        let label = match layout.margin {
            0..=2 => letter.clone(),
            _ => format!("  {letter}{name}"),
        };
        text += &row(&label, lane, grid, layout, options);
        if folded.others > 0 {
            let others = wrap(&format!("+{} like {letter}{name}", folded.others), room);
            others.lines().for_each(|line| text += &format!("{indent}{line}\n"));
        }
    }
    text
}

/// A lane's name, as much of it as is shown. A file may say anything.
fn name_of(lane: &Lane) -> String {
    shown(&lane.name).chars().take(LONGEST_NAME).collect()
}

fn row(label: &str, lane: &Lane, grid: &Grid, layout: &Layout, options: &DrawOptions) -> String {
    let columns = grid.columns(lane);
    let marks: Vec<Mark> = columns.iter().map(Column::mark).collect();
    layout.line(label, &options.paint(&marks), &shares(&columns, grid))
}

/// Points that have a line of their own: what comes from outside. What the lane does is in its marks.
fn point_names(lane: &Lane) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for point in &lane.points {
        let inner = [IN_VAIN, "drop request"].contains(&point.name.as_str());
        if !inner && !names.contains(&point.name.as_str()) {
            names.push(&point.name);
        }
    }
    // A lane with many sorts of points is for a viewer that can zoom.
    names.truncate(1);
    names
}

/// The letter of a lane, the summaries not counted.
fn letter_of(group: &Group, lane: usize) -> char {
    let before = group.lanes[..lane].iter().filter(|lane| lane.kind != LaneKind::Summary);
    letter(before.count())
}

/// For each column, the letter of the lane that had the lock for most of it; none if the group has no
/// lane that says so.
fn owners(group: &Group, grid: &Grid) -> Option<String> {
    let summary = group.lanes.iter().find(|lane| lane.kind == LaneKind::Summary)?;
    let lanes = group.lanes.iter().enumerate();
    let lanes = lanes.filter(|(_, lane)| lane.kind != LaneKind::Summary);
    let places: HashMap<&str, usize> = lanes.map(|(at, lane)| (lane.name.as_str(), at)).collect();
    // The owner's lane has a span for each hold, with the name of who held.
    let mut held: HashMap<usize, Lane> = HashMap::new();
    for span in summary.spans.iter().filter(|span| span.state != State::Forgotten) {
        let owner = *places.get(span.name.as_str())?;
        let empty = || Lane { spans: Vec::new(), points: Vec::new(), ..summary.clone() };
        held.entry(owner).or_insert_with(empty).spans.push(span.clone());
    }
    let mut held: Vec<(usize, Vec<Column>)> =
        held.iter().map(|(at, lane)| (*at, grid.columns(lane))).collect();
    held.sort_by_key(|(at, _)| *at);
    let owner = |column: usize| {
        let time = |columns: &[Column]| columns[column].time(State::Runs);
        let mut most = (0, ' ');
        for (at, columns) in held.iter().filter(|(_, columns)| time(columns) > 0) {
            if time(columns) > most.0 {
                most = (time(columns), letter_of(group, *at));
            }
        }
        most.1
    };
    Some((0..grid.count).map(owner).collect())
}

fn shares(columns: &[Column], grid: &Grid) -> String {
    let all = u128::from(grid.window.end.saturating_sub(grid.window.start).max(1));
    let share = |(_, states): &(&str, &[State])| {
        let times = states.iter().flat_map(|state| columns.iter().map(|c| c.time(*state)));
        let sum: u128 = times.map(u128::from).sum();
        // What was there is not shown as nothing.
        let percent = match (100 * sum + all / 2) / all {
            0 if sum > 0 => "< 1 %".to_owned(),
            percent => format!("{percent} %"),
        };
        format!("{percent:>SHARE$}")
    };
    SHARES.iter().map(share).collect()
}

/// The key to the characters that the drawing has.
pub fn legend(timeline: &Timeline, options: &DrawOptions) -> String {
    let lanes = || timeline.groups.iter().flat_map(|group| &group.lanes);
    let has = |state| lanes().any(|lane| lane.spans.iter().any(|span| span.state == state));
    let in_vain = lanes().any(|lane| lane.points.iter().any(|point| point.name == IN_VAIN));
    let (lock, ready) = (has(State::WaitsForLock), has(State::Ready));
    let entries = [
        (has(State::Runs), Some(Mark::Has { eighths: 8 }), State::Runs.name()),
        (lock, Some(Mark::Waits), State::WaitsForLock.name()),
        (ready, Some(Mark::Ready), State::Ready.name()),
        (lock || ready, Some(Mark::Both), "both in turn"),
        (in_vain, Some(Mark::InVain), "woken in vain"),
        (has(State::Blocked), Some(Mark::NoGil), State::Blocked.name()),
        (has(State::Native), Some(Mark::Native), State::Native.name()),
        (has(State::Pipe), Some(Mark::Pipe), State::Pipe.name()),
        (has(State::Forgotten), Some(Mark::Forgotten), State::Forgotten.name()),
        (true, Some(Mark::Has { eighths: 4 }), "for a part of its column"),
        (true, None, "blank: idle, or nothing recorded"),
    ];
    let entries = entries.into_iter().filter(|(shown, ..)| *shown);
    let entries = entries.map(|(_, mark, name)| (mark, name));
    key(entries, options.width, options.ascii, options.palette) + "\n"
}
