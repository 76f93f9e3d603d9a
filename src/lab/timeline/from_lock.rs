//! A lock's recording as lanes: a thread each, and one that shows the owner. Pure.
//!
//! *Promises*: whatever the events are, what comes out is a group that [`Timeline::check`] accepts,
//! and each span is a state that the recording has; where events were forgotten no owner is named.
//! *Leaves out*: the recording itself (`gil/stats/record.rs`).
//!
//! ```text
//!   GIL owner   ── cpu ──────────────┤├─ echo ─┤├─ cpu ───
//!   cpu         ── Has GIL ──────────┤╲ ── Waiting for GIL
//!   echo        ── Waiting for GIL ──╌╌▶── Has GIL ───┤      a link: the hand-over
//! ```
//!
//! [`Timeline::check`]: crate::lab::timeline::timeline::Timeline::check

use crate::gil::stats::record::{EventKind, LockEvent, LockState, Recording, Slice, Track};
use crate::lab::report::lanes::StateNames;
use crate::lab::timeline::timeline::{Group, Lane, LaneKind, Link, Nanos, Point, Span, State};

/// The lanes of a lock: the owner, where there is one, then each thread in the order in which they
/// came.
pub fn from_lock(name: &str, pid: u32, recording: &Recording, words: &StateNames) -> Group {
    let until = recording.until;
    let tracks = &recording.tracks;
    let slices: Vec<Vec<Slice>> = tracks.iter().map(|track| track.slices(until)).collect();
    let whole = recording.whole_since().min(until);
    let holds = if words.owner.is_some() { holds(&slices, whole) } else { Vec::new() };
    let begins = slices.iter().filter_map(|slices| slices.first()).map(|slice| slice.from).min();
    let begins = begins.unwrap_or(whole);
    let owner = words.owner.map(|owner| owner_lane(owner, tracks, &holds, (begins, whole)));
    let first = usize::from(owner.is_some());
    let reader = Reader { tracks, words, holds: &holds, whole, until, begins };
    let threads = tracks.iter().zip(&slices).map(|(track, slices)| reader.lane(track, slices));
    let mut group = Group {
        name: name.to_owned(),
        pid,
        lanes: owner.into_iter().chain(threads).collect(),
        links: hand_overs(&holds, &slices, first),
        forgotten: tracks.iter().map(|track| track.dropped).sum(),
    };
    group.tell_apart();
    group
}

/// One thread's hold of the lock.
struct Hold {
    track: usize,
    slice: Slice,
}

/// All holds, in order of time, from that moment on: before it others may have had the lock as well.
/// They do not overlap, for one thread has the lock at a time.
fn holds(slices: &[Vec<Slice>], whole: Nanos) -> Vec<Hold> {
    let has = |slice: &&Slice| slice.state == LockState::HasGil;
    let of = |(track, slices): (usize, &Vec<Slice>)| {
        let holds = slices.iter().filter(has).map(move |&slice| Hold { track, slice });
        holds.collect::<Vec<_>>()
    };
    let mut holds: Vec<Hold> = slices.iter().enumerate().flat_map(of).collect();
    holds.sort_by_key(|hold| hold.slice.from);
    let mut ended = whole;
    for hold in &mut holds {
        // Those of a recording that was made by hand may overlap.
        hold.slice.from = hold.slice.from.max(ended);
        ended = ended.max(hold.slice.to);
    }
    holds.retain(|hold| hold.slice.from < hold.slice.to);
    holds
}

fn owner_lane(
    name: &str,
    tracks: &[Track],
    holds: &[Hold],
    (begins, whole): (Nanos, Nanos),
) -> Lane {
    let gap = forgotten("unknown: events forgotten", (begins, whole), tracks);
    let hold = |hold: &Hold| Span {
        from: hold.slice.from,
        to: hold.slice.to,
        state: State::Runs,
        name: tracks[hold.track].name.clone(),
        details: Vec::new(),
    };
    let spans = gap.into_iter().chain(holds.iter().map(hold)).collect();
    Lane { name: name.to_owned(), kind: LaneKind::Summary, id: 0, spans, points: Vec::new() }
}

/// A stretch of time of which these tracks do not know everything.
fn forgotten(what: &str, (from, to): (Nanos, Nanos), tracks: &[Track]) -> Option<Span> {
    let torn = tracks.iter().filter(|track| track.dropped > 0);
    let counts = torn.map(|track| (track.name.clone(), track.dropped.to_string()));
    (from < to).then(|| Span {
        from,
        to,
        state: State::Forgotten,
        name: what.to_owned(),
        details: counts.collect(),
    })
}

/// What the lanes of all threads have in common.
struct Reader<'a> {
    tracks: &'a [Track],
    words: &'a StateNames,
    holds: &'a [Hold],
    whole: Nanos,
    until: Nanos,
    begins: Nanos,
}

impl Reader<'_> {
    fn lane(&self, track: &Track, slices: &[Slice]) -> Lane {
        let first = slices.first().map_or(self.until, |slice| slice.from);
        let gap = match track.dropped {
            0 => None,
            _ => forgotten(
                "events forgotten",
                (self.begins, first.max(self.begins)),
                std::slice::from_ref(track),
            ),
        };
        let span = |slice: &Slice| Span {
            from: slice.from,
            to: slice.to,
            state: state(slice.state),
            name: self.words.of(slice.state).to_owned(),
            details: self.details(track, slice),
        };
        let spans = gap.into_iter().chain(slices.iter().map(span)).collect();
        Lane {
            name: track.name.clone(),
            kind: LaneKind::Thread,
            id: track.tid.into(),
            spans,
            points: points(track, self.until),
        }
    }

    fn details(&self, track: &Track, slice: &Slice) -> Vec<(String, String)> {
        let detail = |key: &str, value: String| (key.to_owned(), value);
        match slice.state {
            LockState::WaitingForGil => {
                let within = |e: &&LockEvent| slice.from <= e.at && e.at < slice.to;
                let asked = |e: &&LockEvent| e.what == EventKind::Requests;
                // One search a slice, not one a slice and event: the events are in order.
                let first = track.events.partition_point(|e| e.at < slice.from);
                let requests =
                    track.events[first..].iter().take_while(within).filter(asked).count();
                let holder =
                    self.holder_at(slice.from).map(|tid| detail("holder", tid.to_string()));
                holder.into_iter().chain([detail("requests", requests.to_string())]).collect()
            }
            LockState::HasGil => vec![detail("ended", ended(track, slice.to).to_owned())],
            LockState::NoGil => Vec::new(),
        }
    }

    /// The thread that has the lock at that time, or else the next that has it.
    fn holder_at(&self, at: Nanos) -> Option<u32> {
        let over = self.holds.partition_point(|hold| hold.slice.to <= at);
        let hold = self.holds.get(over).filter(|_| at >= self.whole)?;
        Some(self.tracks[hold.track].tid)
    }
}

/// Without the lock a thread blocks, or computes: the lock does not know which.
fn state(state: LockState) -> State {
    match state {
        LockState::HasGil => State::Runs,
        LockState::WaitingForGil => State::WaitsForLock,
        LockState::NoGil => State::Blocked,
    }
}

fn points(track: &Track, until: Nanos) -> Vec<Point> {
    let point = |event: &LockEvent| {
        let name = match event.what {
            EventKind::Requests => "drop request",
            EventKind::FailsToTake => "failed take",
            _ => return None,
        };
        Some(Point { at: event.at.min(until), name: name.to_owned() })
    };
    let mut points: Vec<Point> = track.events.iter().filter_map(point).collect();
    points.sort_by_key(|point| point.at);
    points
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

/// From the last moment of a hold to the next, where the thread of the next waited for it.
fn hand_overs(holds: &[Hold], slices: &[Vec<Slice>], first: usize) -> Vec<Link> {
    let waited = |hold: &Hold, dropped: Nanos| {
        let own = &slices[hold.track];
        let at = own.partition_point(|slice| slice.from < hold.slice.from);
        let before = at.checked_sub(1).map(|before| own[before]);
        before.is_some_and(|s| s.state == LockState::WaitingForGil && s.from < dropped)
    };
    let pairs = holds.iter().zip(holds.iter().skip(1));
    // A thread that waits has dropped it before: whoever hands it over is another.
    let handed = pairs.filter(|(from, to)| waited(to, from.slice.to));
    let link = |(from, to): (&Hold, &Hold)| Link {
        from: (first + from.track, from.slice.to - 1),
        to: (first + to.track, to.slice.from),
        name: "hand-over".to_owned(),
    };
    handed.map(link).collect()
}
