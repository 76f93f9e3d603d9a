//! A recording: the events of each thread in a ring, the states between them.
//!
//! *Assumes*: a ring is written by one thread, the one that it belongs to.
//! *Promises*: an event fits into one word; to write one takes no lock and never waits; a full
//! ring forgets its oldest events and counts them; a reader sees whole events, in order, while the
//! writer goes on; a thread's states follow each other without a gap.
//! *Leaves out*: which events there are when (`gil/stats/thread_stats.rs`); pictures of them
//! (`lab/report/lanes.rs`, `lab/timeline/trace.rs`).
//!
//! ```text
//!   an event is one word:   time, in nanoseconds since the lock was made │ what
//!                                                                 60 bits  4 bits
//!
//!   Takes          Drops…                      Waits           Takes
//!     ├── Has GIL ─────┼── No GIL ───────────────┼─ Waiting for GIL ─┼── Has GIL …
//!                                                   ▲      ▲
//!                                              Requests  FailsToTake   (points in time)
//!
//!   a ring:  written = 9   slot   0   1   2   3      room for three events, and one
//!                               ┌───┬───┬───┬───┐    that the writer may be about to fill
//!                               │ 8 │ 5 │ 6 │ 7 │
//!                               └───┴───┴───┴───┘
//! ```
//! The states have the names that CPython 3.15's sampling profiler gives them. That one samples;
//! here every change is written down. The atomics are std's, under loom too: as with the counters,
//! no thread waits for them.

use crate::gil::rules::decision::{DropReason, Nanos, SleepReason};
use crate::gil::stats::histogram::Times;
use std::fmt;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};

const KIND_BITS: u32 = 4;

/// What a thread has to do with the lock at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LockState {
    /// It holds the lock.
    HasGil,
    /// It wants the lock and sleeps until it can have it.
    WaitingForGil,
    /// It does not want the lock: it blocks elsewhere, or computes without it.
    NoGil,
}

impl LockState {
    /// All of them.
    pub const ALL: [LockState; 3] = [LockState::HasGil, LockState::WaitingForGil, LockState::NoGil];

    /// CPython 3.15's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            LockState::HasGil => "Has GIL",
            LockState::WaitingForGil => "Waiting for GIL",
            LockState::NoGil => "No GIL",
        }
    }
}

impl fmt::Display for LockState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The thread got the lock.
    Takes,
    /// It wants the lock, and must sleep.
    Waits,
    /// It has slept for an interval and asks the holder to go.
    Requests,
    /// It was woken for a free lock, and another thread was quicker.
    FailsToTake,
    /// It stopped waiting without the lock.
    GivesUp,
    /// It dropped the lock because it blocks or is done.
    DropsVoluntarily,
    /// It dropped the lock because a waiter had asked.
    DropsOnRequest,
    /// It dropped the lock because its ticks had run out.
    DropsAtTick,
}

impl EventKind {
    const ALL: [EventKind; 8] = [
        EventKind::Takes,
        EventKind::Waits,
        EventKind::Requests,
        EventKind::FailsToTake,
        EventKind::GivesUp,
        EventKind::DropsVoluntarily,
        EventKind::DropsOnRequest,
        EventKind::DropsAtTick,
    ];

    /// What a drop for this reason is called.
    pub(crate) fn drop_for(reason: DropReason) -> EventKind {
        match reason {
            DropReason::Voluntary => EventKind::DropsVoluntarily,
            DropReason::Request => EventKind::DropsOnRequest,
            DropReason::Tick => EventKind::DropsAtTick,
        }
    }

    /// The event when a waiter sleeps for this reason, if that is worth one.
    pub(crate) fn sleep_for(why: SleepReason) -> Option<EventKind> {
        match why {
            SleepReason::Asked => Some(EventKind::Requests),
            SleepReason::Barged => Some(EventKind::FailsToTake),
            SleepReason::Busy
            | SleepReason::NewHolder
            | SleepReason::Early
            | SleepReason::Switch => None,
        }
    }
}

/// One thing that happened to one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockEvent {
    /// When.
    pub at: Nanos,
    /// What.
    pub what: EventKind,
}

impl LockEvent {
    /// The event as one number.
    pub fn to_word(self) -> u64 {
        self.at << KIND_BITS | self.what as u64
    }

    /// The inverse of [`to_word`](Self::to_word).
    pub fn from_word(word: u64) -> LockEvent {
        let kind = word as usize & ((1 << KIND_BITS) - 1);
        LockEvent { at: word >> KIND_BITS, what: EventKind::ALL[kind % EventKind::ALL.len()] }
    }
}

/// What happened to a lock, thread by thread. See
/// [`GlobalLock::record`](crate::gil::GlobalLock::record).
///
/// ```
/// use singletrack::gil::GlobalLock;
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::gil::EventKind;
///
/// let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
/// lock.record(100);
/// lock.attach(|gil| gil.detach(|| ())).unwrap();
/// let recording = lock.recording();
/// let whats: Vec<EventKind> = recording.tracks[0].events.iter().map(|event| event.what).collect();
/// let hold = [EventKind::Takes, EventKind::DropsVoluntarily];
/// assert_eq!(whats, [hold, hold].concat());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// One for each thread, in the order in which they first used the lock.
    pub tracks: Vec<Track>,
    /// When it was read, in nanoseconds since the lock was made.
    pub until: Nanos,
}

impl Recording {
    /// The time since which the recording has all events of all threads.
    pub fn whole_since(&self) -> Nanos {
        let torn = self.tracks.iter().filter(|track| track.dropped > 0);
        torn.map(|track| track.events.first().map_or(self.until, |e| e.at)).max().unwrap_or(0)
    }
}

/// What happened to one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// The thread's name.
    pub name: String,
    /// The kernel's number for it, as `ps -L` and `perf` show it.
    pub tid: u32,
    /// The last events, oldest first.
    pub events: Vec<LockEvent>,
    /// How many events before those were lost, because the ring was full.
    pub dropped: u64,
    /// When its recording began, and its state then, where that is known: a thread that does
    /// nothing has no event to be seen by.
    pub began: Option<(Nanos, LockState)>,
    /// How long its waits and its holds were: all of them, those of lost events too. `None` if
    /// the events are not from a real lock.
    pub times: Option<Times>,
}

/// A thread that dropped the lock at a checkpoint wants it back. If it has it after so little
/// time, without a sleep, no other thread was in its way: that is not called waiting.
const AT_ONCE: Nanos = 10_000;

/// A stretch of time in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// The state.
    pub state: LockState,
    /// Its first nanosecond.
    pub from: Nanos,
    /// The first nanosecond after it.
    pub to: Nanos,
}

impl Track {
    /// The states of this thread one after the other, from its first event, or from the beginning
    /// of its recording, to the moment `until`. A state that is entered again goes on; one without
    /// length is left out.
    pub fn slices(&self, until: Nanos) -> Vec<Slice> {
        let (mut slices, mut at): (Vec<Slice>, Nanos) = (Vec::new(), 0);
        if let Some((began, state)) = self.began.filter(|_| self.dropped == 0) {
            at = began.min(until);
            slices.push(Slice { state, from: at, to: at });
        }
        for (index, event) in self.events.iter().enumerate() {
            // The events of a ring are in order; those of a track made by hand need not be.
            at = event.at.clamp(at, until.max(at));
            let Some(state) = self.state_after(index, until) else { continue };
            if let Some(last) = slices.last_mut() {
                if last.state == state {
                    continue;
                }
                last.to = at;
            }
            slices.push(Slice { state, from: at, to: at });
        }
        if let Some(last) = slices.last_mut() {
            last.to = until.max(last.from);
        }
        slices.retain(|slice| slice.from < slice.to);
        slices
    }

    /// The state that this event begins, if it begins one.
    fn state_after(&self, index: usize, until: Nanos) -> Option<LockState> {
        let LockEvent { at, what } = self.events[index];
        let next = self.events.get(index + 1).map_or(until, |next| next.at);
        match what {
            EventKind::Takes => Some(LockState::HasGil),
            EventKind::Waits => Some(LockState::WaitingForGil),
            EventKind::Requests | EventKind::FailsToTake => None,
            EventKind::GivesUp | EventKind::DropsVoluntarily => Some(LockState::NoGil),
            EventKind::DropsOnRequest | EventKind::DropsAtTick
                if next.saturating_sub(at) <= AT_ONCE =>
            {
                Some(LockState::NoGil)
            }
            EventKind::DropsOnRequest | EventKind::DropsAtTick => Some(LockState::WaitingForGil),
        }
    }
}

/// The last events of one thread. That thread writes, any thread reads.
#[derive(Debug)]
pub(crate) struct Ring {
    slots: Box<[AtomicU64]>,
    /// When it was made, and what its thread had to do with the lock then.
    began: Option<(Nanos, LockState)>,
    /// How many events were ever written.
    written: AtomicU64,
}

impl Ring {
    pub(crate) fn new(capacity: usize, began: Option<(Nanos, LockState)>) -> Ring {
        // One slot more than asked for, since the writer may be about to fill it.
        let slots = (0..=capacity).map(|_| AtomicU64::new(0)).collect();
        Ring { slots, began, written: AtomicU64::new(0) }
    }

    pub(crate) fn began(&self) -> Option<(Nanos, LockState)> {
        self.began
    }

    /// To be called by its own thread only.
    #[inline]
    pub(crate) fn write(&self, event: LockEvent) {
        let written = self.written.load(Relaxed);
        let slot = (written % self.slots.len() as u64) as usize;
        // Release: a thread that reads this word also sees that all before it were written.
        self.slots[slot].store(event.to_word(), Release);
        self.written.store(written + 1, Release);
    }

    /// The events, oldest first, and how many were before them.
    pub(crate) fn read(&self) -> (Vec<LockEvent>, u64) {
        let (size, until) = (self.slots.len() as u64, self.written.load(Acquire));
        let slot = |i: u64| self.slots[(i % size) as usize].load(Relaxed);
        let from = (until + 1).saturating_sub(size);
        let words: Vec<u64> = (from..until).map(slot).collect();
        // Events that the writer has overwritten meanwhile, or is about to, do not count.
        fence(Acquire);
        let lost = (self.written.load(Relaxed) + 1).saturating_sub(size).min(until);
        let whole = &words[(lost - from) as usize..];
        (whole.iter().map(|&word| LockEvent::from_word(word)).collect(), lost)
    }
}
