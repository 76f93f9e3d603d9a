//! A trace file, read: the timeline that it was written from, or what is wrong with it. Pure.
//!
//! *Promises*: of any bytes comes a timeline that [`Timeline::check`] accepts, or one line that names what
//! is wrong; no panic, and no more memory than twelve times the bytes. What `lab/timeline/trace.rs` has
//! written is read back as it was, but for links that viewers could not draw.
//! *Leaves out*: traces of other programs: their lanes and states are not ours.
//!
//! ```text
//!   bytes ── JSON ──▶ events, one by one ──▶ lanes ──▶ arrows: begin and end in slices ──▶ Timeline
//!            cut off   of no lane we know     overlap   without an end
//! ```

use crate::lab::report::failure::shown;
use crate::lab::timeline::timeline::{Group, Lane, LaneKind, Link, Nanos, Point, Span, Timeline};
use crate::lab::timeline::trace::{OWN_KEYS, within_a_slice};
use crate::lab::timeline::trace_event::{Pairs, TraceEvent, TraceFile};
use serde::de::DeserializeSeed;
use std::collections::HashMap;
use std::fmt;

/// Why a file is no trace of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceError {
    /// It ends in the middle.
    CutOff {
        /// How many bytes there are.
        bytes: usize,
    },
    /// It is no JSON, or not of the form of a trace.
    NotJson {
        /// What, and at which line and column.
        why: String,
    },
    /// It is a trace, or something else, of another program.
    NotOurs,
    /// An event says something that cannot be.
    Event {
        /// Which, from 1 on.
        number: usize,
        /// What.
        why: String,
    },
    /// Slices of a lane overlap.
    Overlap {
        /// Which lane.
        lane: String,
        /// Where the second of them begins.
        at: Nanos,
    },
    /// The events are all right one by one, and not together.
    Whole(String),
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceError::CutOff { bytes } => write!(f, "it ends in the middle, after {bytes} bytes"),
            TraceError::NotJson { why } => write!(f, "it is no trace: {}", shown(why)),
            TraceError::NotOurs => f.write_str("another program has written it"),
            TraceError::Event { number, why } => write!(f, "event {number}: {}", shown(why)),
            TraceError::Overlap { lane, at } => {
                let lane = shown(lane);
                write!(f, "slices of {lane} overlap, {}.{:03} us in", at / 1000, at % 1000)
            }
            TraceError::Whole(why) => f.write_str(&shown(why)),
        }
    }
}

impl std::error::Error for TraceError {}

/// Reads a trace.
///
/// ```
/// use singletrack::lab::timeline::timeline::Timeline;
/// use singletrack::lab::timeline::trace::write_trace;
/// use singletrack::lab::timeline::trace_reader::{TraceError, read};
///
/// let about = vec![("cmd".to_owned(), "singletrack run x.py".to_owned())];
/// let timeline = Timeline { about, until: 5, groups: Vec::new() };
/// let mut file = Vec::new();
/// write_trace(&mut file, &timeline)?;
/// assert_eq!(read(&file).unwrap(), timeline);
/// let part = &file[..file.len() - 5];
/// assert_eq!(read(part), Err(TraceError::CutOff { bytes: part.len() }));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// What is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Timeline, TraceError> {
    let (mut reader, mut number, mut fault) = (Reader::default(), 0, None);
    let each = |event| {
        number += 1;
        // What is wrong with it is said at the end: until then it may be of another program.
        if fault.is_none() {
            fault = reader.event(event).err().map(|why| match why {
                Why::Event(why) => TraceError::Event { number, why },
                Why::Overlap(lane, at) => TraceError::Overlap { lane, at },
            });
        }
    };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let other = TraceFile(each).deserialize(&mut json).and_then(|other| json.end().map(|()| other));
    let other = other.map_err(|error| match error {
        error if error.is_eof() => TraceError::CutOff { bytes: bytes.len() },
        error => TraceError::NotJson { why: error.to_string() },
    })?;
    match other.filter(|other| other.get("tool") == Some("singletrack")) {
        None => Err(TraceError::NotOurs),
        Some(other) => fault.map_or_else(|| reader.end(other), Err),
    }
}

/// What is wrong with an event.
enum Why {
    Event(String),
    Overlap(String, Nanos),
}

impl From<String> for Why {
    fn from(why: String) -> Why {
        Why::Event(why)
    }
}

fn wrong<T>(why: impl Into<String>) -> Result<T, Why> {
    Err(Why::Event(why.into()))
}

/// A task's asynchronous slices, as far as they have come.
struct Task {
    group: usize,
    lane: usize,
    /// Whether its life has ended.
    over: bool,
    /// The state that has begun.
    open: Option<Span>,
}

/// One end of an arrow: the lane it belongs to, the thread on which it is drawn, and when.
struct ArrowEnd {
    group: usize,
    lane: usize,
    thread: usize,
    at: Nanos,
    name: String,
}

#[derive(Default)]
struct Reader {
    groups: Vec<Group>,
    pids: HashMap<u32, usize>,
    threads: HashMap<(u32, u64), (usize, usize)>,
    tasks: HashMap<String, Task>,
    /// Arrows that have begun.
    begun: HashMap<String, ArrowEnd>,
    ends: Vec<(ArrowEnd, ArrowEnd)>,
    until: Nanos,
}

impl Reader {
    fn event(&mut self, event: TraceEvent) -> Result<(), Why> {
        match &*event.ph {
            "M" => self.metadata(event),
            "X" => self.slice(event),
            "i" => self.point(event),
            "b" => self.begin(event),
            "e" => self.finish(event),
            "n" => self.task_point(event),
            "s" | "f" => self.flow(event),
            other => wrong(format!("its kind is {other:?}, which is none of ours")),
        }
    }

    fn metadata(&mut self, event: TraceEvent) -> Result<(), Why> {
        let (pid, args) = (event.pid()?, &event.args);
        let text = |key: &str| args.get(key).unwrap_or_default().to_owned();
        match &*event.name {
            "process_name" => {
                if self.pids.insert(pid, self.groups.len()).is_some() {
                    return wrong(format!("process {pid} has two names"));
                }
                self.groups.push(Group { name: text("name"), pid, ..Group::default() });
            }
            "process_labels" => {
                let count = text("labels").split(' ').next().and_then(|count| count.parse().ok());
                let group = self.group(pid)?;
                self.groups[group].forgotten = count.unwrap_or(0);
            }
            "thread_name" => {
                let (group, tid) = (self.group(pid)?, event.tid()?);
                let lanes = &mut self.groups[group].lanes;
                let kind = match args.get("kind") {
                    Some("summary") => LaneKind::Summary,
                    _ => LaneKind::Thread,
                };
                if self.threads.insert((pid, tid), (group, lanes.len())).is_some() {
                    return wrong(format!("thread {tid} has two names"));
                }
                let (spans, points) = (Vec::new(), Vec::new());
                lanes.push(Lane { name: text("name"), kind, id: tid, spans, points });
            }
            _ => {}
        }
        Ok(())
    }

    fn group(&self, pid: u32) -> Result<usize, Why> {
        let group = self.pids.get(&pid).copied();
        group.ok_or_else(|| Why::Event(format!("process {pid} has no name")))
    }

    fn thread(&self, event: &TraceEvent) -> Result<(usize, usize), Why> {
        let (pid, tid) = (event.pid()?, event.tid()?);
        let lane = self.threads.get(&(pid, tid)).copied();
        lane.ok_or_else(|| Why::Event(format!("thread {tid} of process {pid} has no name")))
    }

    fn slice(&mut self, event: TraceEvent) -> Result<(), Why> {
        let (group, lane) = self.thread(&event)?;
        let from = event.at()?;
        let to = from.saturating_add(event.lasts()?);
        let state = event.state()?;
        self.until = self.until.max(to);
        let TraceEvent { name, args, .. } = event;
        let span = Span { from, to, state, name, details: args.into_details() };
        self.push(group, lane, span)
    }

    fn push(&mut self, group: usize, lane: usize, span: Span) -> Result<(), Why> {
        let lane = &mut self.groups[group].lanes[lane];
        if lane.spans.last().is_some_and(|last| span.from < last.to) {
            return Err(Why::Overlap(lane.name.clone(), span.from));
        }
        lane.spans.push(span);
        Ok(())
    }

    fn point(&mut self, event: TraceEvent) -> Result<(), Why> {
        let ((group, lane), at) = (self.thread(&event)?, event.at()?);
        self.until = self.until.max(at);
        self.groups[group].lanes[lane].points.push(Point { at, name: event.name });
        Ok(())
    }

    fn task(&mut self, id: &str) -> Result<&mut Task, Why> {
        let task = self.tasks.get_mut(id).filter(|task| !task.over);
        task.ok_or_else(|| Why::Event(format!("task {id} has not begun")))
    }

    fn begin(&mut self, event: TraceEvent) -> Result<(), Why> {
        let (id, from) = (event.id()?.to_owned(), event.at()?);
        self.until = self.until.max(from);
        if !self.tasks.contains_key(&id) {
            let group = self.group(event.pid()?)?;
            let lanes = &mut self.groups[group].lanes;
            let name = event.args.get("name").unwrap_or(&event.name).to_owned();
            let number = event.args.get("task").and_then(|number| number.parse().ok());
            let (spans, points) = (Vec::new(), Vec::new());
            let task = Task { group, lane: lanes.len(), over: false, open: None };
            let kind = LaneKind::Task;
            lanes.push(Lane { name, kind, id: number.unwrap_or(0), spans, points });
            self.tasks.insert(id, task);
            return Ok(());
        }
        let state = event.state()?;
        let task = self.task(&id)?;
        if task.open.is_some() {
            return wrong(format!("two states of task {id} at a time"));
        }
        let TraceEvent { name, args, .. } = event;
        task.open = Some(Span { from, to: from, state, name, details: args.into_details() });
        Ok(())
    }

    fn finish(&mut self, event: TraceEvent) -> Result<(), Why> {
        let (id, to) = (event.id()?.to_owned(), event.at()?);
        self.until = self.until.max(to);
        let task = self.task(&id)?;
        let (group, lane) = (task.group, task.lane);
        match task.open.take() {
            Some(span) if to < span.from => wrong(format!("a state of task {id} ends too early")),
            Some(span) => self.push(group, lane, Span { to, ..span }),
            None => {
                task.over = true;
                Ok(())
            }
        }
    }

    fn task_point(&mut self, event: TraceEvent) -> Result<(), Why> {
        let (id, at) = (event.id()?.to_owned(), event.at()?);
        self.until = self.until.max(at);
        let task = self.task(&id)?;
        let (group, lane) = (task.group, task.lane);
        self.groups[group].lanes[lane].points.push(Point { at, name: event.name });
        Ok(())
    }

    fn flow(&mut self, event: TraceEvent) -> Result<(), Why> {
        let (id, at) = (event.id()?.to_owned(), event.at()?);
        self.until = self.until.max(at);
        let (group, thread) = self.thread(&event)?;
        let lane = match event.args.get("task") {
            None => thread,
            Some(task) => match self.tasks.get(task) {
                Some(task) if task.group == group => task.lane,
                _ => return wrong(format!("arrow {id} leads to task {task}, which has not begun")),
            },
        };
        let end = ArrowEnd { group, lane, thread, at, name: event.name };
        if event.ph == "s" {
            return match self.begun.insert(id.clone(), end) {
                None => Ok(()),
                Some(_) => wrong(format!("arrow {id} begins twice")),
            };
        }
        match self.begun.remove(&id) {
            Some(from) if from.group == group && from.at <= at => {
                self.ends.push((from, end));
                Ok(())
            }
            Some(_) => wrong(format!("arrow {id} leads back in time, or to another process")),
            None => wrong(format!("arrow {id} ends and has not begun")),
        }
    }

    /// What can be said when all has been read.
    fn end(mut self, other: Pairs) -> Result<Timeline, TraceError> {
        if let Some(id) = self.begun.keys().min() {
            return Err(TraceError::Whole(format!("arrow {id} begins and does not end")));
        }
        let open = self.tasks.iter().filter(|(_, task)| !task.over).map(|(id, _)| id);
        if let Some(id) = open.min() {
            return Err(TraceError::Whole(format!("task {id} begins and does not end")));
        }
        for (from, to) in self.ends {
            for end in [&from, &to] {
                let lane = &self.groups[end.group].lanes[end.thread];
                if !within_a_slice(lane, end.at) {
                    let (lane, name) = (&lane.name, &end.name);
                    let why =
                        format!("an arrow ({name}) on {lane} does not begin or end in a slice");
                    return Err(TraceError::Whole(why));
                }
            }
            let (from_end, to_end) = ((from.lane, from.at), (to.lane, to.at));
            let link = Link { from: from_end, to: to_end, name: from.name };
            self.groups[from.group].links.push(link);
        }
        let until = other.get("until_ns").and_then(|until| until.parse().ok());
        let mut about = other.into_details();
        about.retain(|(key, _)| !OWN_KEYS.contains(&&**key));
        let timeline = Timeline { about, until: until.unwrap_or(self.until), groups: self.groups };
        timeline.check().map_err(TraceError::Whole)?;
        Ok(timeline)
    }
}
