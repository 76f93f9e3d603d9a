//! Columns: a lane cut into stretches of equal length, and what each of them shows. Pure.
//!
//! *Promises*: a column in which a lane waited, or ran, shows it, however short that was.
//! *Leaves out*: characters and colours (`lab/report/marks.rs`).

use crate::lab::report::marks::Mark;
use crate::lab::timeline::timeline::{Lane, Nanos, Point, State};
use std::ops::Range;

/// What a lock's failed take is called.
pub const IN_VAIN: &str = "failed take";

/// How long a lane was in each state, within one column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Column {
    times: [Nanos; State::ALL.len()],
    /// How often it woke up for a free lock and found it taken.
    fails: u32,
}

impl Column {
    pub(crate) fn time(&self, state: State) -> Nanos {
        self.times[state as usize]
    }

    /// Which mark to draw. Waiting always shows.
    pub(crate) fn mark(&self) -> Mark {
        let time = |state| self.time(state);
        let (runs, native, pipe) = (time(State::Runs), time(State::Native), time(State::Pipe));
        let works = runs + native + pipe;
        let waits = time(State::WaitsForLock);
        let rests = time(State::Blocked) + time(State::Idle);
        match (works, waits, time(State::Ready)) {
            (0, 0, 0) if time(State::Blocked) > 0 => Mark::NoGil,
            (0, 0, 0) if time(State::Forgotten) > 0 => Mark::Forgotten,
            (0, 0, 0) => Mark::Absent,
            (0, 0, _) => Mark::Ready,
            (0, ..) if self.fails > 0 => Mark::InVain,
            (0, ..) => Mark::Waits,
            (_, 0, 0) if runs >= native.max(pipe) => {
                Mark::Has { eighths: (8 * works).div_ceil(works + rests) as usize }
            }
            (_, 0, 0) if native >= pipe => Mark::Native,
            (_, 0, 0) => Mark::Pipe,
            _ => Mark::Both,
        }
    }
}

/// Places of a window in so many columns.
pub(crate) struct Grid {
    pub(crate) window: Range<Nanos>,
    pub(crate) count: usize,
}

impl Grid {
    fn length(&self) -> u128 {
        u128::from(self.window.end.saturating_sub(self.window.start).max(1))
    }

    /// Where a column begins.
    fn edge(&self, column: usize) -> Nanos {
        let part = self.length() * column as u128 / self.count as u128;
        self.window.start.saturating_add(part as Nanos)
    }

    /// The column of a moment within the window; of its end the one behind the last.
    fn column_of(&self, at: Nanos) -> usize {
        (u128::from(at - self.window.start) * self.count as u128 / self.length()) as usize
    }

    /// The lane within the window.
    pub(crate) fn columns(&self, lane: &Lane) -> Vec<Column> {
        let mut columns = vec![Column::default(); self.count];
        for span in &lane.spans {
            let (from, to) = (span.from.max(self.window.start), span.to.min(self.window.end));
            if from >= to {
                continue;
            }
            let (first, last) = (self.column_of(from), self.column_of(to));
            for (at, column) in columns.iter_mut().enumerate().take(last + 1).skip(first) {
                let (begin, end) = (self.edge(at).max(from), self.edge(at + 1).min(to));
                column.times[span.state as usize] += end.saturating_sub(begin);
            }
        }
        for point in self.points(lane).filter(|point| point.name == IN_VAIN) {
            columns[self.column_of(point.at)].fails += 1;
        }
        columns
    }

    /// The points of this name, a mark for each column that has one.
    pub(crate) fn marks(&self, lane: &Lane, name: &str) -> Vec<Mark> {
        let mut marks = vec![Mark::Absent; self.count];
        for point in self.points(lane).filter(|point| point.name == name) {
            marks[self.column_of(point.at)] = Mark::Point;
        }
        marks
    }

    fn points<'a>(&'a self, lane: &'a Lane) -> impl Iterator<Item = &'a Point> {
        lane.points.iter().filter(|point| self.window.contains(&point.at))
    }
}
