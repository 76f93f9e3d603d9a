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
use crate::gil::stats::record::{EventKind, Track};
use crate::lab::poster::packets::{FIRST, HANDLING, PERIOD, Packet, UNTIL, packets, points};
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::StateNames;
use crate::lab::timeline::from_lock::from_lock;
use crate::lab::timeline::timeline::{Group, Nanos, Span, State};

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
    let mut group = from_lock(name, 0, &recording, &StateNames::LOCK);
    for lane in &mut group.lanes {
        lane.spans = joined(std::mem::take(&mut lane.spans));
    }
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

/// Without the drops that the thread has taken back at once: Python 2 has one every hundred ticks.
fn joined(spans: Vec<Span>) -> Vec<Span> {
    let mut all: Vec<Span> = Vec::new();
    for span in spans {
        let held = match all.as_slice() {
            [.., held, gap] if gap.state == State::Blocked => Some((held, 1)),
            [.., held] => Some((held, 0)),
            [] => None,
        };
        let goes_on = |held: &Span| {
            let same = held.state == State::Runs && span.state == State::Runs;
            same && held.name == span.name && span.from - held.to < AT_ONCE
        };
        match held.filter(|(held, _)| goes_on(held)) {
            Some((_, gap)) => {
                all.truncate(all.len() - gap);
                if let Some(held) = all.last_mut() {
                    (held.to, held.details) = (span.to, span.details);
                }
            }
            None => all.push(span),
        }
    }
    all
}
