//! A recording as a trace file: JSON that Perfetto and `chrome://tracing` open.
//!
//! *Promises*: slices of one lane follow one another, they never overlap; times are exact to
//! the nanosecond; the file is written as it goes, whatever its length. Where a thread's events
//! were forgotten its lane says so, and no owner is named.
//! *Leaves out*: colours. Viewers choose them by a slice's name, so a slice has its state's name.
//!
//! ```text
//!   process   one a policy
//!     lane 0    "GIL owner": slices named after the thread that has the lock; before all rings
//!               have begun, "unknown: events forgotten"
//!     lane tid  "Has GIL" · "Waiting for GIL" · "No GIL"; points: drop request, failed take
//! ```

use crate::gil::rules::decision::Nanos;
use crate::gil::stats::record::{EventKind, LockEvent, LockState, Recording, Slice, Track};
use crate::lab::report::lanes::StateNames;
use std::io::{self, Write};
use std::ops::Range;

/// One run, which becomes one process of the trace.
#[derive(Debug, Clone)]
pub struct TraceProcess {
    /// The kernel's number of the process that ran.
    pub pid: u32,
    /// What ran, and under which policy.
    pub name: String,
    /// What happened.
    pub recording: Recording,
    /// What the states are called.
    pub words: StateNames,
}

/// Writes a trace of several runs. `about` describes the file: the policy, say, and the command
/// line.
///
/// # Errors
/// What writing reports.
pub fn write_trace(
    out: &mut impl Write,
    about: &[(&str, &str)],
    processes: &[TraceProcess],
) -> io::Result<()> {
    write!(out, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"tool\":\"singletrack\"")?;
    write!(out, ",\"version\":{}", quoted(env!("CARGO_PKG_VERSION")))?;
    for (key, value) in about {
        write!(out, ",{}:{}", quoted(key), quoted(value))?;
    }
    write!(out, "}},\"traceEvents\":[")?;
    let mut writer = TraceWriter { out, first: true };
    for (index, process) in processes.iter().enumerate() {
        writer.process(index, process)?;
    }
    write!(out, "\n]}}\n")
}

struct TraceWriter<'a, W> {
    out: &'a mut W,
    first: bool,
}

impl<W: Write> TraceWriter<'_, W> {
    fn process(&mut self, index: usize, process: &TraceProcess) -> io::Result<()> {
        let (pid, tracks) = (process.pid, &process.recording.tracks);
        self.metadata("process_name", pid, None, &named(&process.name))?;
        self.metadata("process_sort_index", pid, None, &sorted(index))?;
        let until = process.recording.until;
        let slices: Vec<Vec<Slice>> = tracks.iter().map(|track| track.slices(until)).collect();
        let whole = process.recording.whole_since();
        let first = slices.iter().filter_map(|slices| slices.first()).map(|slice| slice.from).min();
        let begins = first.unwrap_or(whole);
        let mut holds = if process.words.owner.is_some() { holds(&slices) } else { Vec::new() };
        clip(&mut holds, whole);
        if let Some(owner) = process.words.owner {
            self.metadata("thread_name", pid, Some(0), &named(owner))?;
            self.metadata("thread_sort_index", pid, Some(0), &sorted(0))?;
            self.forgotten("unknown: events forgotten", pid, 0, begins..whole, tracks)?;
        }
        for hold in &holds {
            let name = quoted(&tracks[hold.track].name);
            self.slice(&name, pid, 0, &hold.slice, "")?;
        }
        for (index, track) in tracks.iter().enumerate() {
            self.metadata("thread_name", pid, Some(track.tid), &named(&track.name))?;
            self.metadata("thread_sort_index", pid, Some(track.tid), &sorted(index + 1))?;
            if let (1.., Some(event)) = (track.dropped, track.events.first()) {
                let (gap, track) = (begins..event.at, std::slice::from_ref(track));
                self.forgotten("events forgotten", pid, track[0].tid, gap, track)?;
            }
            self.track(process, track, &slices[index], &|at| {
                holder_at(&holds, at).filter(|_| at >= whole).map(|index| tracks[index].tid)
            })?;
        }
        Ok(())
    }

    fn track(
        &mut self,
        process: &TraceProcess,
        track: &Track,
        slices: &[Slice],
        holder_at: &dyn Fn(Nanos) -> Option<u32>,
    ) -> io::Result<()> {
        let pid = process.pid;
        for slice in slices {
            let args = match slice.state {
                LockState::WaitingForGil => {
                    let within = |e: &&LockEvent| slice.from <= e.at && e.at < slice.to;
                    let asked = |e: &&LockEvent| e.what == EventKind::Requests;
                    // One search a slice, not one a slice and event: the events are in order.
                    let first = track.events.partition_point(|e| e.at < slice.from);
                    let requests =
                        track.events[first..].iter().take_while(within).filter(asked).count();
                    let holder = holder_at(slice.from).map_or("null".into(), |t| t.to_string());
                    format!("\"holder\":{holder},\"requests\":{requests}")
                }
                LockState::HasGil => format!("\"ended\":{}", quoted(ended(track, slice.to))),
                LockState::NoGil => String::new(),
            };
            self.slice(&quoted(process.words.of(slice.state)), pid, track.tid, slice, &args)?;
        }
        for event in &track.events {
            let name = match event.what {
                EventKind::Requests => "drop request",
                EventKind::FailsToTake => "failed take",
                _ => continue,
            };
            let at = micros(event.at);
            let tid = track.tid;
            self.event(&format!(
                "\"ph\":\"i\",\"s\":\"t\",\"cat\":\"gil\",\"name\":\"{name}\",\
                 \"pid\":{pid},\"tid\":{tid},\"ts\":{at}"
            ))?;
        }
        Ok(())
    }

    /// A stretch of time of which these tracks do not know everything.
    fn forgotten(
        &mut self,
        what: &str,
        pid: u32,
        tid: u32,
        gap: Range<Nanos>,
        tracks: &[Track],
    ) -> io::Result<()> {
        if gap.is_empty() {
            return Ok(());
        }
        let torn = tracks.iter().filter(|track| track.dropped > 0);
        let counts: Vec<String> =
            torn.map(|track| format!("{}:{}", quoted(&track.name), track.dropped)).collect();
        let slice = Slice { state: LockState::NoGil, from: gap.start, to: gap.end };
        self.slice(&quoted(what), pid, tid, &slice, &counts.join(","))
    }

    fn metadata(&mut self, name: &str, pid: u32, tid: Option<u32>, args: &str) -> io::Result<()> {
        let tid = tid.map_or(String::new(), |tid| format!(",\"tid\":{tid}"));
        let fields =
            format!("\"ph\":\"M\",\"name\":\"{name}\",\"pid\":{pid}{tid},\"args\":{{{args}}}");
        self.event(&fields)
    }

    fn slice(
        &mut self,
        name: &str,
        pid: u32,
        tid: u32,
        slice: &Slice,
        args: &str,
    ) -> io::Result<()> {
        let (ts, dur) = (micros(slice.from), micros(slice.to - slice.from));
        let fields = format!(
            "\"ph\":\"X\",\"cat\":\"gil\",\"name\":{name},\"pid\":{pid},\"tid\":{tid},\
             \"ts\":{ts},\"dur\":{dur},\"args\":{{{args}}}"
        );
        self.event(&fields)
    }

    fn event(&mut self, fields: &str) -> io::Result<()> {
        let comma = if std::mem::take(&mut self.first) { "" } else { "," };
        write!(self.out, "{comma}\n{{{fields}}}")
    }
}

/// One thread's hold of the lock.
struct Hold {
    track: usize,
    slice: Slice,
}

/// All holds, in order of time. They do not overlap, for one thread has the lock at a time.
fn holds(slices: &[Vec<Slice>]) -> Vec<Hold> {
    let has = |slice: &&Slice| slice.state == LockState::HasGil;
    let of = |(track, slices): (usize, &Vec<Slice>)| {
        let holds = slices.iter().filter(has).map(move |&slice| Hold { track, slice });
        holds.collect::<Vec<_>>()
    };
    let mut holds: Vec<Hold> = slices.iter().enumerate().flat_map(of).collect();
    holds.sort_by_key(|hold| hold.slice.from);
    holds
}

/// Leaves out who had the lock before this moment: others may have had it meanwhile.
fn clip(holds: &mut Vec<Hold>, whole: Nanos) {
    holds.iter_mut().for_each(|hold| hold.slice.from = hold.slice.from.max(whole));
    holds.retain(|hold| hold.slice.from < hold.slice.to);
}

/// The track that has the lock at that time, or else the next that has it.
fn holder_at(holds: &[Hold], at: Nanos) -> Option<usize> {
    let over = holds.partition_point(|hold| hold.slice.to <= at);
    holds.get(over).map(|hold| hold.track)
}

/// Why the hold that lasted until `at` ended.
fn ended(track: &Track, at: Nanos) -> &'static str {
    let first = track.events.partition_point(|event| event.at < at);
    let drop = track.events[first..].iter().take_while(|event| event.at == at);
    let why = |event: &LockEvent| match event.what {
        EventKind::DropsVoluntarily => Some("released by itself"),
        EventKind::DropsOnRequest => Some("asked to"),
        EventKind::DropsAtTick => Some("out of ticks"),
        _ => None,
    };
    drop.filter_map(why).next().unwrap_or("not ended")
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
