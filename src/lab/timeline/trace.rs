//! A timeline as a trace file: JSON that Perfetto and `chrome://tracing` open.
//!
//! *Promises*: slices of one lane follow one another, they never overlap; both ends of an arrow lie in
//! slices; times are exact to the nanosecond; the file is written as it goes, whatever its length, and
//! says how many events were forgotten. What `lab/timeline/trace_reader.rs` reads of it is the timeline.
//! *Leaves out*: colours, which viewers choose by a slice's name; links that do not begin and end in a
//! slice, which viewers could not draw.
//!
//! ```text
//!   process       one a group
//!     thread id     a thread or a summary: ph X, a slice each; ph i, its points
//!     task          ph b and e, one inside the other: its life, and its states; ph n, its points
//!     arrow         ph s and f. One of a task is drawn on the thread that runs it: the last before it
//! ```

use crate::lab::report::failure::Failure;
use crate::lab::report::whole_file::WholeFile;
use crate::lab::timeline::timeline::{Group, Lane, LaneKind, Link, Nanos, Span, Timeline};
use std::collections::HashSet;
use std::hash::Hash;
use std::io::{self, Write};
use std::path::Path;

/// The keys of `otherData` that are not of [`Timeline::about`].
pub const OWN_KEYS: [&str; 4] = ["tool", "version", "until_ns", "forgotten"];

/// Writes a trace file, whole or not at all.
///
/// # Errors
/// That it cannot be written; what was there is as it was.
pub fn save_trace(path: &Path, timeline: &Timeline) -> Result<(), Failure> {
    let written = WholeFile::create(path)
        .and_then(|mut file| write_trace(&mut file, timeline).and_then(|()| file.finish()));
    let remedy = "name a file that can be written";
    written.map_err(|e| Failure::io(path.display().to_string(), &e, remedy))
}

/// Writes a trace.
///
/// # Errors
/// What writing reports.
pub fn write_trace(out: &mut impl Write, timeline: &Timeline) -> io::Result<()> {
    let forgotten = timeline.forgotten();
    write!(out, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"tool\":\"singletrack\"")?;
    write!(out, ",\"version\":{}", quoted(env!("CARGO_PKG_VERSION")))?;
    write!(out, ",\"until_ns\":{},\"forgotten\":{forgotten}", timeline.until)?;
    for (key, value) in timeline.about.iter().filter(|(key, _)| !OWN_KEYS.contains(&&**key)) {
        write!(out, ",{}:{}", quoted(key), quoted(value))?;
    }
    write!(out, "}},\"traceEvents\":[")?;
    let mut writer = TraceWriter { out, first: true, tasks: 0, flows: 0 };
    let mut pids = HashSet::new();
    for (index, group) in timeline.groups.iter().enumerate() {
        let pid = unused(&mut pids, group.pid, |pid| pid.wrapping_add(1));
        writer.group(index, pid, group)?;
    }
    write!(out, "\n]}}\n")
}

/// This number, or if it is taken the next that is not.
fn unused<N: Hash + Eq + Copy>(taken: &mut HashSet<N>, wanted: N, next: fn(N) -> N) -> N {
    let mut number = wanted;
    while !taken.insert(number) {
        number = next(number);
    }
    number
}

/// Where a lane's events go.
#[derive(Clone, Copy)]
struct Place {
    pid: u32,
    /// Its own, or of the thread that runs it.
    tid: u64,
    /// The lane with the slices in which an arrow can end.
    slices: usize,
    /// A task's number in this file.
    task: Option<u64>,
}

struct TraceWriter<'a, W> {
    out: &'a mut W,
    first: bool,
    tasks: u64,
    flows: u64,
}

impl<W: Write> TraceWriter<'_, W> {
    fn group(&mut self, index: usize, pid: u32, group: &Group) -> io::Result<()> {
        self.metadata("process_name", pid, None, &named(&group.name))?;
        self.metadata("process_sort_index", pid, None, &sorted(index))?;
        if group.forgotten > 0 {
            let labels = quoted(&format!("{} events forgotten", group.forgotten));
            self.metadata("process_labels", pid, None, &format!("\"labels\":{labels}"))?;
        }
        let mut tids = HashSet::new();
        let mut places: Vec<Place> = Vec::with_capacity(group.lanes.len());
        for (index, lane) in group.lanes.iter().enumerate() {
            let place = match lane.kind {
                LaneKind::Task => {
                    self.tasks += 1;
                    let thread = places.iter().rev().find(|place| place.task.is_none());
                    let (tid, slices) =
                        thread.map_or((0, index), |place| (place.tid, place.slices));
                    Place { pid, tid, slices, task: Some(self.tasks) }
                }
                LaneKind::Thread | LaneKind::Summary => {
                    let tid = unused(&mut tids, lane.id, |tid| tid.wrapping_add(1));
                    Place { pid, tid, slices: index, task: None }
                }
            };
            match place.task {
                Some(task) => self.task(&place, task, lane)?,
                None => self.thread(&place, index, lane)?,
            }
            places.push(place);
        }
        group.links.iter().try_for_each(|link| self.link(group, &places, link))
    }

    fn thread(&mut self, place: &Place, index: usize, lane: &Lane) -> io::Result<()> {
        let Place { pid, tid, .. } = *place;
        let kind = if lane.kind == LaneKind::Summary { ",\"kind\":\"summary\"" } else { "" };
        self.metadata("thread_name", pid, Some(tid), &format!("{}{kind}", named(&lane.name)))?;
        self.metadata("thread_sort_index", pid, Some(tid), &sorted(index))?;
        for span in &lane.spans {
            let (ts, dur) = (micros(span.from), micros(span.to.saturating_sub(span.from)));
            let (state, name, args) = (state(span), quoted(&span.name), details(&span.details));
            self.event(&format!(
                "\"ph\":\"X\",\"cat\":{state},\"name\":{name},\"pid\":{pid},\"tid\":{tid},\
                 \"ts\":{ts},\"dur\":{dur},\"args\":{{{args}}}"
            ))?;
        }
        for point in &lane.points {
            let (at, name) = (micros(point.at), quoted(&point.name));
            self.event(&format!(
                "\"ph\":\"i\",\"s\":\"t\",\"cat\":\"point\",\"name\":{name},\
                 \"pid\":{pid},\"tid\":{tid},\"ts\":{at}"
            ))?;
        }
        Ok(())
    }

    /// A task is not alone on its thread: its life is an asynchronous slice, with the states in it.
    fn task(&mut self, place: &Place, task: u64, lane: &Lane) -> io::Result<()> {
        let Place { pid, tid, .. } = *place;
        let life = quoted(&format!("{}#{}", lane.name, lane.id));
        let begins = lane.spans.first().map(|span| span.from);
        let begins = begins.into_iter().chain(lane.points.first().map(|point| point.at)).min();
        let ends = lane.spans.last().map(|span| span.to);
        let ends = ends.into_iter().chain(lane.points.last().map(|point| point.at)).max();
        let mut event = |ph: &str, name: &str, at: Nanos, more: &str| {
            let at = micros(at);
            self.event(&format!(
                "\"ph\":\"{ph}\",\"cat\":\"task\",\"name\":{name},\"id\":\"0x{task:x}\",\
                 \"pid\":{pid},\"tid\":{tid},\"ts\":{at}{more}"
            ))
        };
        let is = format!(",\"args\":{{{},\"task\":{}}}", named(&lane.name), lane.id);
        event("b", &life, begins.unwrap_or(0), &is)?;
        for span in &lane.spans {
            let (name, args) = (quoted(&span.name), details(&span.details));
            let more = format!(",\"state\":{},\"args\":{{{args}}}", state(span));
            event("b", &name, span.from, &more)?;
            event("e", &name, span.to, "")?;
        }
        for point in &lane.points {
            event("n", &quoted(&point.name), point.at, "")?;
        }
        event("e", &life, ends.unwrap_or(0), "")
    }

    fn link(&mut self, group: &Group, places: &[Place], link: &Link) -> io::Result<()> {
        let end = |(lane, at): (usize, Nanos)| {
            let place = *places.get(lane)?;
            within_a_slice(&group.lanes[place.slices], at).then_some((place, at))
        };
        let (Some(from), Some(to)) = (end(link.from), end(link.to)) else { return Ok(()) };
        self.flows += 1;
        let (id, name) = (self.flows, quoted(&link.name));
        for (ph, (place, at)) in [("\"s\"", from), ("\"f\",\"bp\":\"e\"", to)] {
            let Place { pid, tid, task, .. } = place;
            let at = micros(at);
            let task = task.map_or(String::new(), |task| format!("\"task\":\"0x{task:x}\""));
            self.event(&format!(
                "\"ph\":{ph},\"cat\":\"link\",\"name\":{name},\"id\":{id},\
                 \"pid\":{pid},\"tid\":{tid},\"ts\":{at},\"args\":{{{task}}}"
            ))?;
        }
        Ok(())
    }

    fn metadata(&mut self, name: &str, pid: u32, tid: Option<u64>, args: &str) -> io::Result<()> {
        let tid = tid.map_or(String::new(), |tid| format!(",\"tid\":{tid}"));
        self.event(&format!(
            "\"ph\":\"M\",\"name\":\"{name}\",\"pid\":{pid}{tid},\"args\":{{{args}}}"
        ))
    }

    fn event(&mut self, fields: &str) -> io::Result<()> {
        let comma = if std::mem::take(&mut self.first) { "" } else { "," };
        write!(self.out, "{comma}\n{{{fields}}}")
    }
}

/// Whether an arrow can end there: a slice lasts from its first nanosecond to the one before its end.
pub(crate) fn within_a_slice(lane: &Lane, at: Nanos) -> bool {
    let after = lane.spans.partition_point(|span| span.from <= at);
    let before = lane.spans[..after].iter().rev().take_while(|span| span.to >= at);
    let mut before = before.take(2); // one without length may stand behind
    before.any(|span| at < span.to || span.from == span.to)
}

fn state(span: &Span) -> String {
    serde_json::to_string(&span.state).expect("a state has a name")
}

/// Values that are numbers are written as such.
fn details(details: &[(String, String)]) -> String {
    let value = |value: &String| match value.parse::<u64>() {
        Ok(number) if number.to_string() == *value => value.clone(),
        _ => quoted(value),
    };
    let all: Vec<String> =
        details.iter().map(|(key, text)| format!("{}:{}", quoted(key), value(text))).collect();
    all.join(",")
}

fn named(name: &str) -> String {
    format!("\"name\":{}", quoted(name))
}

fn sorted(index: usize) -> String {
    format!("\"sort_index\":{index}")
}

/// Microseconds with three decimals: exact to the nanosecond.
fn micros(nanos: Nanos) -> String {
    format!("{}.{:03}", nanos / 1000, nanos % 1000)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
