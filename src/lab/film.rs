//! A recording that can cross a pipe, and what it says about each thread in figures.
//!
//! *Assumes*: nothing.
//! *Promises*: the recording that comes out is the one that went in.
//! *Leaves out*: pictures.

use crate::gil::record::{Event, Recording, Slice, State, Track, What};
use crate::gil::verdict::Nanos;
use crate::lab::stats::percentile;
use serde::{Deserialize, Serialize};

/// One thread's events: its name, the kernel's number for it, how many were dropped, the rest.
type Reel = (String, u32, u64, Vec<u64>);

/// A [`Recording`], flat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Film {
    reels: Vec<Reel>,
    until: Nanos,
}

impl From<&Recording> for Film {
    fn from(recording: &Recording) -> Film {
        let reel = |track: &Track| {
            let words = track.events.iter().map(|event| event.to_word()).collect();
            (track.name.clone(), track.tid, track.dropped, words)
        };
        Film { reels: recording.tracks.iter().map(reel).collect(), until: recording.until }
    }
}

impl From<Film> for Recording {
    fn from(film: Film) -> Recording {
        let track = |(name, tid, dropped, words): Reel| {
            let events = words.into_iter().map(Event::from_word).collect();
            Track { name, tid, events, dropped }
        };
        Recording { tracks: film.reels.into_iter().map(track).collect(), until: film.until }
    }
}

/// Typical and extreme lengths of time, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lengths {
    /// Half were no longer than this.
    pub p50: Nanos,
    /// 99 in a hundred were no longer than this.
    pub p99: Nanos,
    /// The longest.
    pub max: Nanos,
}

impl Lengths {
    fn of(slices: &[Slice], state: State) -> Lengths {
        let in_state = slices.iter().filter(|slice| slice.state == state);
        let mut lengths: Vec<Nanos> = in_state.map(|slice| slice.to - slice.from).collect();
        lengths.sort_unstable();
        let at = |share| percentile(&lengths, share).unwrap_or(0);
        Lengths { p50: at(0.50), p99: at(0.99), max: at(1.0) }
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
    /// How much of it it waited for the lock.
    pub waits: f64,
    /// How often it took the lock.
    pub takes: usize,
    /// How often it asked another thread to drop it.
    pub requests: usize,
    /// How often it woke up for a free lock and came too late.
    pub failed_takes: usize,
    /// Its holds.
    pub hold: Lengths,
    /// Its waits.
    pub wait: Lengths,
    /// Events that the recording had no room for.
    pub dropped: u64,
}

impl Profile {
    /// What a track says.
    pub fn of(track: &Track, until: Nanos) -> Profile {
        let slices = track.slices(until);
        let time = |state: State| -> Nanos {
            let of = slices.iter().filter(|slice| slice.state == state);
            of.map(|slice| slice.to - slice.from).sum()
        };
        let all = slices.iter().map(|slice| slice.to - slice.from).sum::<Nanos>().max(1) as f64;
        let count = |what| track.events.iter().filter(|event| event.what == what).count();
        Profile {
            name: track.name.clone(),
            tid: track.tid,
            has: time(State::HasGil) as f64 / all,
            waits: time(State::WaitingForGil) as f64 / all,
            takes: count(What::Takes),
            requests: count(What::Requests),
            failed_takes: count(What::FailsToTake),
            hold: Lengths::of(&slices, State::HasGil),
            wait: Lengths::of(&slices, State::WaitingForGil),
            dropped: track.dropped,
        }
    }
}

/// The share of drops on request after which another thread was the next to take the lock.
pub fn handed_over(recording: &Recording) -> f64 {
    let tracks = recording.tracks.iter().enumerate();
    let mut events: Vec<(usize, Event)> =
        tracks.flat_map(|(track, t)| t.events.iter().map(move |&event| (track, event))).collect();
    events.sort_by_key(|(_, event)| event.at);
    let (mut dropper, mut drops, mut switches) = (None, 0, 0);
    for (track, event) in events {
        match (event.what, dropper) {
            (What::DropsOnRequest, _) => dropper = Some(track),
            (What::Takes, Some(last)) => {
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
    let waits = slices.filter(|slice| slice.state == State::WaitingForGil);
    waits.map(|slice| slice.to - slice.from).max().unwrap_or(0)
}
