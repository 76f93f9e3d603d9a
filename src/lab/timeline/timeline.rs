//! A timeline: lanes of states, points in time, and links between lanes. Pure.
//!
//! *Promises*: the spans of a lane are in order and do not overlap ([`Timeline::check`]); all lanes of
//! all groups are on one axis, in nanoseconds.
//! *Leaves out*: who fills it, and who shows it (`lab/timeline/mod.rs`).
//!
//! ```text
//!   Timeline
//!     Group    one model, or one run        a process of a trace, a band of a picture
//!       Lane     a thread, a task, a worker   a row
//!         Span     a state from … to …
//!         Point    something that takes no time: a drop request, an arrival
//!       Link     why a span began: a wake, a job that was sent
//! ```

use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;

/// Nanoseconds from where the axis begins.
pub type Nanos = u64;

/// What a lane does for a while. There are as many as colours; a span's name says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It runs: a thread that has the lock, a task that is polled, a worker with a job.
    Runs,
    /// It waits for the interpreter lock.
    WaitsForLock,
    /// It could run, and it is not its turn: a woken task, a job in a queue.
    Ready,
    /// It waits for I/O, or for another lane.
    Blocked,
    /// It has nothing to do.
    Idle,
    /// It runs without the lock.
    Native,
    /// It encodes, decodes, or moves bytes through a pipe.
    Pipe,
    /// Nobody knows: what was recorded of this time had to make room.
    Forgotten,
}

impl State {
    /// All of them.
    pub const ALL: [State; 8] = [
        State::Runs,
        State::WaitsForLock,
        State::Ready,
        State::Blocked,
        State::Idle,
        State::Native,
        State::Pipe,
        State::Forgotten,
    ];

    /// Its name where a span has none of its own.
    pub const fn name(self) -> &'static str {
        match self {
            State::Runs => "runs",
            State::WaitsForLock => "waits for the GIL",
            State::Ready => "ready, not running",
            State::Blocked => "waits",
            State::Idle => "idle",
            State::Native => "runs without the GIL",
            State::Pipe => "encodes, or uses the pipe",
            State::Forgotten => "events forgotten",
        }
    }

    /// The style variable of `lab/page/shell.html` with its colour.
    pub const fn variable(self) -> &'static str {
        match self {
            State::Runs => "--has",
            State::WaitsForLock => "--waits",
            State::Ready => "--ready",
            State::Blocked => "--io",
            State::Idle => "--idle",
            State::Native => "--native",
            State::Pipe => "--pipe",
            State::Forgotten => "--line",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A state that lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// When it begins.
    pub from: Nanos,
    /// When it ends.
    pub to: Nanos,
    /// What the lane does.
    pub state: State,
    /// What this is called: `Has GIL`, `poll`, `job 7`.
    pub name: String,
    /// What else is known: `woken by` and `fd 9 readable`.
    pub details: Vec<(String, String)>,
}

/// Something that takes no time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// When.
    pub at: Nanos,
    /// What: `drop request`, `killed by SIGKILL`.
    pub name: String,
}

/// What a lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LaneKind {
    /// A thread, or a process of one thread: the kernel knows it.
    Thread,
    /// A task of a loop: many of them share a thread.
    Task,
    /// Drawn from others, such as who has the lock when.
    Summary,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// Its name, the same for no other lane of its group.
    pub name: String,
    /// What it is.
    pub kind: LaneKind,
    /// The kernel's number of the thread; a number of its own otherwise.
    pub id: u64,
    /// In order, without overlap. Between two there is nothing to say.
    pub spans: Vec<Span>,
    /// In order.
    pub points: Vec<Point>,
}

/// Why something began in another lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The lane and the moment at which it was caused.
    pub from: (usize, Nanos),
    /// The lane and the moment at which it began.
    pub to: (usize, Nanos),
    /// What: `wake`, `submit`, `result`.
    pub name: String,
}

/// The lanes of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Group {
    /// What ran: `threads-py3.10`.
    pub name: String,
    /// The kernel's number of the process; a number of its own if nothing ran for real.
    pub pid: u32,
    /// Its lanes, in the order in which they are shown.
    pub lanes: Vec<Lane>,
    /// Between its lanes, by their places.
    pub links: Vec<Link>,
    /// Events that had no room in the recording.
    pub forgotten: u64,
}

impl Group {
    /// Gives lanes of one name, or of one number, names and numbers of their own.
    pub fn tell_apart(&mut self) {
        let (mut names, mut ids) = (HashSet::new(), HashSet::new());
        let mut next = self.lanes.iter().map(|lane| lane.id).max().unwrap_or(0);
        for lane in &mut self.lanes {
            let (name, mut number) = (lane.name.clone(), 1);
            while !names.insert(lane.name.clone()) {
                number += 1;
                lane.name = format!("{name} ({number})");
            }
            while !ids.insert(lane.id) {
                next = next.wrapping_add(1);
                lane.id = next;
            }
        }
    }

    /// All of it, so much later.
    #[must_use]
    pub fn later(mut self, by: Nanos) -> Group {
        for lane in &mut self.lanes {
            let spans = lane.spans.iter_mut().flat_map(|span| [&mut span.from, &mut span.to]);
            let points = lane.points.iter_mut().map(|point| &mut point.at);
            spans.chain(points).for_each(|at| *at = at.saturating_add(by));
        }
        let links = self.links.iter_mut().flat_map(|link| [&mut link.from.1, &mut link.to.1]);
        links.for_each(|at| *at = at.saturating_add(by));
        self
    }

    /// Without the lanes in which nothing is.
    #[must_use]
    pub fn without_empty_lanes(mut self) -> Group {
        let is_full = |lane: &Lane| !lane.spans.is_empty() || !lane.points.is_empty();
        let mut places = Vec::with_capacity(self.lanes.len());
        let mut kept = 0;
        for lane in &self.lanes {
            places.push(is_full(lane).then_some(kept));
            kept += usize::from(is_full(lane));
        }
        self.lanes.retain(is_full);
        let links = std::mem::take(&mut self.links).into_iter();
        let moved = |(lane, at): (usize, Nanos)| Some((*places.get(lane)?.as_ref()?, at));
        let links =
            links.filter_map(|l| Some(Link { from: moved(l.from)?, to: moved(l.to)?, ..l }));
        self.links = links.collect();
        self
    }

    /// Another one's lanes come behind these.
    pub fn append(&mut self, other: Group) {
        let first = self.lanes.len();
        let moved = |(lane, at): (usize, Nanos)| (first + lane, at);
        let links = other.links.into_iter();
        self.links.extend(links.map(|l| Link { from: moved(l.from), to: moved(l.to), ..l }));
        self.lanes.extend(other.lanes);
        self.forgotten = self.forgotten.saturating_add(other.forgotten);
    }

    /// The part of it from `from` to `until`, on an axis that begins at `from`.
    pub fn part(&self, from: Nanos, until: Nanos) -> Group {
        let until = until.max(from);
        let on_axis = |at: Nanos| at.clamp(from, until) - from;
        let within = |at: Nanos| from <= at && at <= until;
        let lane = |lane: &Lane| {
            let kept = |span: &&Span| {
                let empty = span.from == span.to;
                if empty { within(span.from) } else { span.to > from && span.from < until }
            };
            let spans = lane.spans.iter().filter(kept).cloned();
            let points = lane.points.iter().filter(|point| within(point.at)).cloned();
            Lane {
                spans: spans
                    .map(|s| Span { from: on_axis(s.from), to: on_axis(s.to), ..s })
                    .collect(),
                points: points.map(|p| Point { at: on_axis(p.at), ..p }).collect(),
                ..lane.clone()
            }
        };
        let links = self.links.iter().filter(|link| within(link.from.1) && within(link.to.1));
        let moved = |(lane, at): (usize, Nanos)| (lane, on_axis(at));
        let links = links.cloned();
        Group {
            lanes: self.lanes.iter().map(lane).collect(),
            links: links
                .map(|l| Link { from: moved(l.from), to: moved(l.to), name: l.name })
                .collect(),
            ..self.clone()
        }
    }
}

/// What several runs did.
///
/// ```
/// use singletrack::lab::timeline::timeline::{Group, Lane, LaneKind, Span, State, Timeline};
///
/// let span = |from, to, state: State| Span {
///     from, to, state, name: state.to_string(), details: Vec::new(),
/// };
/// let lane = |spans| Lane {
///     name: "cpu".into(), kind: LaneKind::Thread, id: 1, spans, points: Vec::new(),
/// };
/// let group = |spans| Group {
///     name: "threads".into(), pid: 1, lanes: vec![lane(spans)], links: Vec::new(), forgotten: 0,
/// };
/// let of = |spans| Timeline { about: Vec::new(), until: 9, groups: vec![group(spans)] };
/// let runs = span(0, 5, State::Runs);
/// assert!(of(vec![runs.clone(), span(5, 9, State::Blocked)]).check().is_ok());
/// let fault = of(vec![runs, span(4, 9, State::Blocked)]).check().unwrap_err();
/// assert_eq!(fault, "threads, cpu: a span begins at 4, before the one before it ends");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timeline {
    /// What it is of: the command that made it, the policy, the seed.
    pub about: Vec<(String, String)>,
    /// Where the axis ends.
    pub until: Nanos,
    /// The runs, in the order in which they are shown.
    pub groups: Vec<Group>,
}

impl Timeline {
    /// Whether all of it is on the axis, in order, and links lead from a lane to a lane.
    ///
    /// # Errors
    /// The first fault, with its group and lane.
    pub fn check(&self) -> Result<(), String> {
        for group in &self.groups {
            for lane in &group.lanes {
                self.check_lane(lane)
                    .map_err(|fault| format!("{}, {}: {fault}", group.name, lane.name))?;
            }
            for link in &group.links {
                let lanes = group.lanes.len();
                if link.from.0 >= lanes || link.to.0 >= lanes {
                    return Err(format!("{}: a link to a lane that is not there", group.name));
                }
                if link.from.1 > link.to.1 || link.to.1 > self.until {
                    return Err(format!("{}: a link against time, or past its end", group.name));
                }
            }
        }
        Ok(())
    }

    /// Events of all runs that had no room in their recordings.
    pub fn forgotten(&self) -> u64 {
        self.groups.iter().fold(0, |sum, group| group.forgotten.saturating_add(sum))
    }

    fn check_lane(&self, lane: &Lane) -> Result<(), String> {
        let mut ended = 0;
        for span in &lane.spans {
            if span.from < ended {
                let from = span.from;
                return Err(format!("a span begins at {from}, before the one before it ends"));
            }
            if span.to < span.from || span.to > self.until {
                return Err(format!(
                    "a span ends at {}, before it begins or past the end",
                    span.to
                ));
            }
            ended = span.to;
        }
        match lane.points.iter().find(|point| point.at > self.until) {
            Some(point) => Err(format!("a point at {}, past the end", point.at)),
            None => Ok(()),
        }
    }
}
