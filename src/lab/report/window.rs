//! Which stretch of a recording is drawn: the last of it, one that was asked for, or a fight. Pure.
//!
//! *Promises*: nothing is drawn of a time of which events were forgotten; a stretch that was asked
//! for and is not there is refused, with what is.
//! *Leaves out*: the drawing (`lab/report/lanes.rs`).
//!
//! ```text
//!   events forgotten │ whole since …                                            until
//!   ─────────────────┼───────────────────────────────────────────────────────────┤
//!                                       ├─ Around: most switches and failed takes ┤
//!                              ├───────────── Last: so many intervals ────────────┤
//! ```
//! Times count from the making of the lock, as in a trace file.

use crate::gil::rules::decision::Nanos;
use crate::gil::stats::record::{EventKind, LockEvent, Recording};
use crate::lab::report::failure::Failure;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// How many gaps between two points of a fight a closer look shows.
const GAPS: Nanos = 10;
/// A closer look shows this part of what it looks at, at most.
const LARGEST_PART: Nanos = 4;

/// A stretch of time, as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zoom {
    /// The end of the recording: so much of it.
    Last(Nanos),
    /// So much, where most happens.
    Around(Nanos),
    /// From the one moment to the other.
    Between(Nanos, Nanos),
}

impl Zoom {
    /// Where that is in this recording.
    ///
    /// # Errors
    /// If nothing of it was recorded.
    pub fn window(self, recording: &Recording) -> Result<Range<Nanos>, Failure> {
        let all = recorded(recording);
        match self {
            Zoom::Last(length) => Ok(last(&all, length)),
            Zoom::Around(length) => {
                Ok(liveliest(recording, &all, length).unwrap_or(last(&all, length)))
            }
            Zoom::Between(from, to) => {
                let window = from.max(all.start)..to.min(all.end);
                if window.is_empty() {
                    let why = format!("recorded is {} to {}", Time(all.start), Time(all.end));
                    let remedy = "name a time within that, or a length";
                    return Err(Failure::new(format!("--window {self}"), why, remedy));
                }
                Ok(window)
            }
        }
    }
}

impl FromStr for Zoom {
    type Err = String;

    /// `200us`, or `12ms..14ms`.
    ///
    /// ```
    /// use singletrack::lab::report::window::Zoom;
    ///
    /// assert_eq!("200us".parse(), Ok(Zoom::Around(200_000)));
    /// assert_eq!("1.5ms..0.01s".parse(), Ok(Zoom::Between(1_500_000, 10_000_000)));
    /// assert!("2ms..1ms".parse::<Zoom>().is_err() && "0us".parse::<Zoom>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Zoom, String> {
        let refusal = "give a length such as 200us, or two times such as 12ms..14ms";
        let zoom = match text.split_once("..") {
            Some((from, to)) => time(from).zip(time(to)).map(|(from, to)| Zoom::Between(from, to)),
            None => time(text).map(Zoom::Around),
        };
        match zoom {
            Some(Zoom::Between(from, to)) if from >= to => Err(refusal.to_owned()),
            Some(Zoom::Around(0)) | None => Err(refusal.to_owned()),
            Some(zoom) => Ok(zoom),
        }
    }
}

impl fmt::Display for Zoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Zoom::Last(length) | Zoom::Around(length) => Time(length).fmt(f),
            Zoom::Between(from, to) => write!(f, "{}..{}", Time(from), Time(to)),
        }
    }
}

fn time(text: &str) -> Option<Nanos> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    // `as` saturates: a time of some centuries is as good as any that is not there.
    number.parse::<f64>().ok().map(|number| (number * unit) as Nanos)
}

/// A time in the unit that suits it: `312 us`, `461.2 ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Nanos);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, unit) = unit_of(self.0);
        let number = format!("{:.3}", self.0 as f64 / size);
        write!(f, "{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// The unit in which to write times up to this one: its size in nanoseconds, and its name.
pub(crate) fn unit_of(longest: Nanos) -> (f64, &'static str) {
    match longest {
        0..10_000 => (1.0, "ns"),
        10_000..10_000_000 => (1e3, "us"),
        _ => (1e6, "ms"),
    }
}

/// The time of which all events of all threads are there, from the first of them on.
pub fn recorded(recording: &Recording) -> Range<Nanos> {
    let until = recording.until;
    let events = || recording.tracks.iter().flat_map(|track| &track.events);
    let first = events().map(|event| event.at).min().unwrap_or(until);
    recording.whole_since().max(first).min(until)..until
}

fn last(within: &Range<Nanos>, length: Nanos) -> Range<Nanos> {
    within.end.saturating_sub(length).max(within.start)..within.end
}

/// The moments at which the lock was fought for: a thread took it that had not had it last, or
/// woke up for it in vain. In order.
fn struggle(recording: &Recording, within: &Range<Nanos>) -> Vec<Nanos> {
    let tracks = recording.tracks.iter().enumerate();
    let mut events: Vec<(usize, LockEvent)> =
        tracks.flat_map(|(track, t)| t.events.iter().map(move |&event| (track, event))).collect();
    events.retain(|(_, event)| within.contains(&event.at));
    events.sort_by_key(|(_, event)| event.at);
    let (mut points, mut owner) = (Vec::new(), None);
    for (track, event) in events {
        match event.what {
            EventKind::FailsToTake => points.push(event.at),
            EventKind::Takes => {
                if owner.is_some_and(|owner| owner != track) {
                    points.push(event.at);
                }
                owner = Some(track);
            }
            _ => {}
        }
    }
    points
}

/// The stretch of this length in which the lock was fought for most; of equals, the last one. None,
/// if nobody fought.
fn liveliest(recording: &Recording, within: &Range<Nanos>, length: Nanos) -> Option<Range<Nanos>> {
    let points = struggle(recording, within);
    let (mut first, mut best, mut most) = (0, None, 0);
    for (last, &at) in points.iter().enumerate() {
        while at - points[first] > length {
            first += 1;
        }
        let count = last + 1 - first;
        if count >= most {
            (best, most) = (Some((points[first], at)), count);
        }
    }
    let (from, to) = best?;
    // What led to the first point is to be seen as well as what came of the last.
    let room = length.saturating_sub(to - from) / 2;
    let start = from.saturating_sub(room).min(within.end.saturating_sub(length)).max(within.start);
    Some(start..(start + length).min(within.end))
}

/// A part of `window` in which single switches and failed takes can be seen, if there are any.
pub fn closer(recording: &Recording, window: &Range<Nanos>) -> Option<Range<Nanos>> {
    let points = struggle(recording, window);
    let mut gaps: Vec<Nanos> = points.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    let typical = *gaps.get(gaps.len() / 2)?;
    let longest = (window.end - window.start) / LARGEST_PART;
    liveliest(recording, window, (GAPS * typical).clamp(1, longest.max(1)))
}
