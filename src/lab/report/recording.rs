//! A lock's recording: flat, to cross a pipe; and in figures, by thread. Pure.
//!
//! *Promises*: a recording survives [`FlatRecording`] unchanged. The figures are of all holds and
//! waits, if the lock has measured them; else of those that are in the recording.
//! *Leaves out*: pictures (`lab/report/lanes.rs`, `lab/timeline/trace.rs`) and tables
//! (`lab/scenes`).
//!
//! ```text
//!   child: Recording ─▶ FlatRecording ── pipe ──▶ Recording ─┬─▶ Profile       one thread
//!                                                            ├─▶ handed_over   the whole lock
//!                                                            └─▶ longest_wait
//! ```

use crate::gil::rules::decision::Nanos;
use crate::gil::stats::histogram::{Histogram, Times};
use crate::gil::stats::record::{EventKind, LockEvent, LockState, Recording, Slice, Track};
use crate::lab::report::stats::percentile;
use serde::{Deserialize, Serialize};

/// A histogram, flat: its buckets, and its longest.
type Flat = (Vec<(Nanos, u64)>, Nanos);

/// A [`Track`], flat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FlatTrack {
    name: String,
    tid: u32,
    events: Vec<u64>,
    dropped: u64,
    /// When, and which of [`LockState::ALL`].
    began: Option<(Nanos, usize)>,
    /// Its waits and its holds.
    times: Option<(Flat, Flat)>,
}

/// A [`Recording`] as numbers and names that serde knows; the lock's own types do not know serde.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlatRecording {
    tracks: Vec<FlatTrack>,
    until: Nanos,
}

impl From<&Recording> for FlatRecording {
    fn from(recording: &Recording) -> FlatRecording {
        let flat = |histogram: &Histogram| (histogram.buckets().collect(), histogram.max());
        let track = |track: &Track| FlatTrack {
            name: track.name.clone(),
            tid: track.tid,
            events: track.events.iter().map(|event| event.to_word()).collect(),
            dropped: track.dropped,
            began: track.began.map(|(at, state)| (at, state as usize)),
            times: track.times.map(|times| (flat(&times.wait), flat(&times.hold))),
        };
        FlatRecording {
            tracks: recording.tracks.iter().map(track).collect(),
            until: recording.until,
        }
    }
}

impl From<FlatRecording> for Recording {
    fn from(flat: FlatRecording) -> Recording {
        let whole = |(buckets, max): Flat| Histogram::from_buckets(buckets, max);
        let track = |track: FlatTrack| Track {
            name: track.name,
            tid: track.tid,
            events: track.events.into_iter().map(LockEvent::from_word).collect(),
            dropped: track.dropped,
            began: track.began.and_then(|(at, state)| Some((at, *LockState::ALL.get(state)?))),
            times: track.times.map(|(wait, hold)| Times { wait: whole(wait), hold: whole(hold) }),
        };
        Recording { tracks: flat.tracks.into_iter().map(track).collect(), until: flat.until }
    }
}

/// Typical and extreme lengths of time, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lengths {
    /// How many there were.
    pub count: u64,
    /// Half were no longer than this.
    pub p50: Nanos,
    /// 99 in a hundred were no longer than this.
    pub p99: Nanos,
    /// The longest.
    pub max: Nanos,
}

impl Lengths {
    /// Of all that were measured, as exact as a bucket of the histogram.
    fn of_all(histogram: &Histogram) -> Lengths {
        Lengths {
            count: histogram.count(),
            p50: histogram.percentile(0.50),
            p99: histogram.percentile(0.99),
            max: histogram.max(),
        }
    }

    /// Of those that are in the recording.
    fn of_drawn(slices: &[Slice], state: LockState) -> Lengths {
        let in_state = slices.iter().filter(|slice| slice.state == state);
        let mut lengths: Vec<Nanos> = in_state.map(|slice| slice.to - slice.from).collect();
        lengths.sort_unstable();
        let at = |share| percentile(&lengths, share).unwrap_or(0);
        Lengths { count: lengths.len() as u64, p50: at(0.50), p99: at(0.99), max: at(1.0) }
    }
}

/// One thread in figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// The kernel's number for it.
    pub tid: u32,
    /// How much of its recorded time it had the lock, from 0 to 1.
    pub has: f64,
    /// How much of that time it waited for the lock.
    pub waits: f64,
    /// How often it took the lock.
    pub takes: usize,
    /// How often it asked another thread to drop it.
    pub requests: usize,
    /// How often it woke up for a free lock and found it taken.
    pub failed_takes: usize,
    /// Its holds: all of them, if the lock has measured them, else those that are in the recording.
    pub hold: Lengths,
    /// Its waits, likewise.
    pub wait: Lengths,
    /// Events that the recording had no room for.
    pub dropped: u64,
}

impl Profile {
    /// Sums up one track.
    pub fn of(track: &Track, until: Nanos) -> Profile {
        let slices = track.slices(until);
        let time = |state: LockState| -> Nanos {
            let of = slices.iter().filter(|slice| slice.state == state);
            of.map(|slice| slice.to - slice.from).sum()
        };
        let all = slices.iter().map(|slice| slice.to - slice.from).sum::<Nanos>().max(1) as f64;
        let lengths = |all: fn(Times) -> Histogram, state| match track.times {
            Some(times) => Lengths::of_all(&all(times)),
            None => Lengths::of_drawn(&slices, state),
        };
        let count = |what| track.events.iter().filter(|event| event.what == what).count();
        Profile {
            name: track.name.clone(),
            tid: track.tid,
            has: time(LockState::HasGil) as f64 / all,
            waits: time(LockState::WaitingForGil) as f64 / all,
            takes: count(EventKind::Takes),
            requests: count(EventKind::Requests),
            failed_takes: count(EventKind::FailsToTake),
            hold: lengths(|times| times.hold, LockState::HasGil),
            wait: lengths(|times| times.wait, LockState::WaitingForGil),
            dropped: track.dropped,
        }
    }
}

/// The share of drops on request after which another thread was the next to take the lock.
pub fn handed_over(recording: &Recording) -> f64 {
    let tracks = recording.tracks.iter().enumerate();
    let mut events: Vec<(usize, LockEvent)> =
        tracks.flat_map(|(track, t)| t.events.iter().map(move |&event| (track, event))).collect();
    events.sort_by_key(|(_, event)| event.at);
    let (mut dropper, mut drops, mut switches) = (None, 0, 0);
    for (track, event) in events {
        match (event.what, dropper) {
            (EventKind::DropsOnRequest, _) => dropper = Some(track),
            (EventKind::Takes, Some(last)) => {
                drops += 1;
                switches += u32::from(last != track);
                dropper = None;
            }
            _ => {}
        }
    }
    f64::from(switches) / f64::from(drops.max(1))
}

/// The longest that a thread waited for the lock, in nanoseconds.
pub fn longest_wait(recording: &Recording) -> Nanos {
    let slices = recording.tracks.iter().flat_map(|track| track.slices(recording.until));
    let waits = slices.filter(|slice| slice.state == LockState::WaitingForGil);
    waits.map(|slice| slice.to - slice.from).max().unwrap_or(0)
}
