//! Packets: when each came, and when it was handled. Pure.
//!
//! *Promises*: a packet that is not handled when the picture ends has waited until then, and its delay
//! counts as at least that: none is left out.
//! *Leaves out*: who handles them (`lab/poster/loops.rs`, `lab/poster/threads.rs`).

use crate::lab::report::stats::percentile;
use crate::lab::timeline::timeline::{Nanos, Point, Span, State};

const MS: Nanos = 1_000_000;
/// When the first packet comes.
pub const FIRST: Nanos = 4 * MS;
/// How long after each the next one comes.
pub const PERIOD: Nanos = 10 * MS;
/// How much of a core it takes to handle one.
pub const HANDLING: Nanos = 50_000;
/// Where the picture ends.
pub const UNTIL: Nanos = 120 * MS;
/// A job of the computing that goes on beside.
pub const JOB: Nanos = 30 * MS;

/// A packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// When it came.
    pub came: Nanos,
    /// When it was begun, and when it was handled, as far as the picture goes.
    pub begun: Option<Nanos>,
    /// See [`begun`](Self::begun).
    pub handled: Option<Nanos>,
}

/// When packets come, in order.
pub fn arrivals() -> impl Iterator<Item = Nanos> {
    (0..).map(|number| FIRST + number * PERIOD).take_while(|came| *came < UNTIL)
}

/// The packets, of which so many were begun and handled at these times.
///
/// ```
/// use singletrack::lab::poster::packets::{FIRST, PERIOD, packets};
///
/// let packets = packets(&[(FIRST, FIRST + 7)]);
/// assert_eq!(packets[0].handled, Some(FIRST + 7));
/// assert_eq!((packets[1].came, packets[1].handled), (FIRST + PERIOD, None));
/// ```
pub fn packets(handled: &[(Nanos, Nanos)]) -> Vec<Packet> {
    let times = handled.iter().copied().map(Some).chain(std::iter::repeat(None));
    let within = |time: Nanos| Some(time).filter(|time| *time <= UNTIL);
    let packet = |(came, times): (Nanos, Option<(Nanos, Nanos)>)| Packet {
        came,
        begun: times.and_then(|(begun, _)| within(begun)),
        handled: times.and_then(|(_, handled)| within(handled)),
    };
    arrivals().zip(times).map(packet).collect()
}

/// How long the packets took, from when they came until they were handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// Half took no longer.
    pub median: Nanos,
    /// None took longer, as far as the picture goes.
    pub longest: Nanos,
    /// How many were handled, of so many.
    pub handled: usize,
    /// How many came.
    pub came: usize,
}

/// The delays of all packets.
pub fn delays(packets: &[Packet]) -> Delays {
    let delay = |packet: &Packet| packet.handled.unwrap_or(UNTIL).saturating_sub(packet.came);
    let mut all: Vec<Nanos> = packets.iter().map(delay).collect();
    all.sort_unstable();
    Delays {
        median: percentile(&all, 0.5).unwrap_or(0),
        longest: all.last().copied().unwrap_or(0),
        handled: packets.iter().filter(|packet| packet.handled.is_some()).count(),
        came: packets.len(),
    }
}

/// How long there was a packet that had come and that nobody had begun: time of the picture, so that
/// two packets that wait at once count once.
pub fn waited(packets: &[Packet]) -> Nanos {
    waits(packets).iter().map(|(from, to)| to - from).sum()
}

/// The stretches of [`waited`], in order.
fn waits(packets: &[Packet]) -> Vec<(Nanos, Nanos)> {
    let mut waits: Vec<(Nanos, Nanos)> = Vec::new();
    for packet in packets {
        let (from, to) = (packet.came, packet.begun.unwrap_or(UNTIL));
        match waits.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ if to > from => waits.push((from, to)),
            _ => {}
        }
    }
    waits
}

/// The packets as points.
pub fn points(packets: &[Packet]) -> Vec<Point> {
    packets.iter().map(|packet| Point { at: packet.came, name: "packet".to_owned() }).collect()
}

/// What who handles them does: waits for packets, leaves them waiting, handles them. `handling` is
/// what the recording says of the last.
pub fn spans(packets: &[Packet], handling: &[(Nanos, Nanos)]) -> Vec<Span> {
    let span = |from, to, state, name: &str| Span {
        from,
        to,
        state,
        name: name.to_owned(),
        details: Vec::new(),
    };
    let handled = handling.iter().map(|&(from, to)| span(from, to, State::Runs, "handles"));
    let mut spans: Vec<Span> = handled.collect();
    for (came, to) in waits(packets) {
        // While it handles one packet, the others' time is not its own.
        let mut from = came;
        for &(begun, ended) in handling.iter().filter(|h| h.0 < to && h.1 > came) {
            if begun > from {
                spans.push(span(from, begun, State::Ready, "packet waits"));
            }
            from = from.max(ended);
        }
        if from < to {
            spans.push(span(from, to, State::Ready, "packet waits"));
        }
    }
    spans.sort_by_key(|span| span.from);
    let mut all = Vec::new();
    let mut ended = 0;
    for next in spans {
        if next.from > ended {
            all.push(span(ended, next.from, State::Blocked, "no packet"));
        }
        ended = next.to;
        all.push(next);
    }
    if ended < UNTIL {
        all.push(span(ended, UNTIL, State::Blocked, "no packet"));
    }
    all
}
