//! A recording as numbers and names, to cross a pipe: the lock's own types know no serde.
//!
//! *Assumes*: nothing.
//! *Promises*: the recording that comes out is the one that went in.
//! *Leaves out*: what it says (`lab/profile.rs`); pictures (`lab/lanes.rs`, `lab/trace.rs`).

use crate::gil::histogram::{Histogram, Times};
use crate::gil::record::{Event, Recording, Track};
use crate::gil::verdict::Nanos;
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
    /// Its waits and its holds.
    times: Option<(Flat, Flat)>,
}

/// A [`Recording`], flat.
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
            events: track.events.into_iter().map(Event::from_word).collect(),
            dropped: track.dropped,
            times: track.times.map(|(wait, hold)| Times { wait: whole(wait), hold: whole(hold) }),
        };
        Recording { tracks: flat.tracks.into_iter().map(track).collect(), until: flat.until }
    }
}
