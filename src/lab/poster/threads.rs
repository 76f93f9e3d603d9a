//! The two bands of threads: one computes, one handles packets, under a lock.
//!
//! *Promises*: the lock's own rules decide, on two simulated cores with the costs of
//! [`Costs::TYPICAL`]; the packets come at their times, whatever the threads do.
//! *Leaves out*: other threads, and sockets: a `recv` drops the lock, as in CPython, also where a packet
//! is there.

use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::simulator::costs::Costs;
use crate::gil::simulator::simulation::{NoSuchMachine, Simulator};
use crate::gil::simulator::thread::{Act, Script};
use crate::gil::stats::record::{EventKind, LockState, Recording, Slice, Track};
use crate::lab::poster::packets::{FIRST, HANDLING, PERIOD, Packet, UNTIL, packets, points};
use crate::lab::report::failure::Failure;
use crate::lab::timeline::columns::IN_VAIN;
use crate::lab::timeline::timeline::{Group, Lane, LaneKind, Nanos, Point, Span, State};

const CORES: usize = 2;
const SEED: u64 = 7;
/// Room for all events of a run.
const EVENTS: usize = 1 << 20;
/// What a picture can show of a drop that the same thread takes back at once: nothing.
const AT_ONCE: Nanos = 1_000;

/// Runs both threads under this policy.
///
/// # Errors
/// If there is no such machine: a fault of this crate.
pub fn threads(name: &str, policy: SwitchPolicy) -> Result<(Group, Vec<Packet>), Failure> {
    let failed = |e: NoSuchMachine| Failure::new(name, e.to_string(), "report it");
    let mut machine = Simulator::new(policy, CORES, Costs::TYPICAL, SEED).map_err(failed)?;
    machine.record(EVENTS);
    let handles = [
        Act::Packet { first: FIRST, period: PERIOD },
        Act::Compute { ticks: HANDLING / Costs::TYPICAL.tick },
    ];
    // It has the lock first, and then waits for packets: before one came it is in nobody's way.
    machine.spawn(Script::new("net", u64::MAX, &handles));
    machine.spawn(Script::computes("cpu", u64::MAX));
    let mut recording = machine.run(UNTIL).recording;
    recording.tracks.reverse();
    let packets = recording.tracks.last().map(handled).map(|handled| packets(&handled));
    let packets = packets.unwrap_or_default();
    let lanes = (1..).zip(&recording.tracks).map(|(id, track)| lane(id, track, &recording));
    let lanes: Vec<Lane> = lanes.collect();
    let mut group = Group {
        name: name.to_owned(),
        pid: 0,
        lanes: std::iter::once(owner(&lanes)).chain(lanes).collect(),
        links: Vec::new(),
        forgotten: recording.tracks.iter().map(|track| track.dropped).sum(),
    };
    if let Some(net) = group.lanes.last_mut() {
        net.points.extend(points(&packets));
        net.points.sort_by_key(|point| point.at);
    }
    Ok((group, packets))
}

/// When each packet was begun and handled. The thread drops the lock of its own accord each time it
/// asks for one; the first time is before there was any.
fn handled(track: &Track) -> Vec<(Nanos, Nanos)> {
    let (mut begun, mut all) = (None, Vec::new());
    for event in &track.events {
        match event.what {
            EventKind::Takes => _ = begun.get_or_insert(event.at),
            EventKind::DropsVoluntarily => all.extend(begun.take().map(|begun| (begun, event.at))),
            _ => {}
        }
    }
    all.into_iter().skip(1).collect()
}

fn lane(id: u64, track: &Track, recording: &Recording) -> Lane {
    let span = |slice: Slice| Span {
        from: slice.from,
        to: slice.to,
        state: match slice.state {
            LockState::HasGil => State::Runs,
            LockState::WaitingForGil => State::WaitsForLock,
            LockState::NoGil => State::Blocked,
        },
        name: slice.state.name().to_owned(),
        details: Vec::new(),
    };
    let fails = track.events.iter().filter(|event| event.what == EventKind::FailsToTake);
    Lane {
        name: track.name.clone(),
        kind: LaneKind::Thread,
        id,
        spans: joined(track.slices(recording.until).into_iter().map(span)),
        points: fails.map(|event| Point { at: event.at, name: IN_VAIN.to_owned() }).collect(),
    }
}

/// Who had the lock when.
fn owner(lanes: &[Lane]) -> Lane {
    let held = lanes.iter().flat_map(|lane| {
        let held = lane.spans.iter().filter(|span| span.state == State::Runs);
        held.map(|span| Span { name: lane.name.clone(), ..span.clone() })
    });
    let mut spans: Vec<Span> = held.collect();
    spans.sort_by_key(|span| span.from);
    let (name, kind) = ("GIL owner".to_owned(), LaneKind::Summary);
    Lane { name, kind, id: 0, spans, points: Vec::new() }
}

/// Without the drops that the thread has taken back at once: Python 2 has one every hundred ticks.
fn joined(spans: impl Iterator<Item = Span>) -> Vec<Span> {
    let mut all: Vec<Span> = Vec::new();
    for span in spans {
        let gap = match all.as_slice() {
            [.., held, gap] if held.state == State::Runs && gap.state == State::Blocked => {
                gap.to - gap.from
            }
            _ => Nanos::MAX,
        };
        if span.state == State::Runs && gap < AT_ONCE {
            all.pop();
            if let Some(held) = all.last_mut() {
                held.to = span.to;
            }
        } else {
            all.push(span);
        }
    }
    all
}
