//! Which lanes of a group are shown, where there are too many: those that wait most, of each kind. Pure.
//!
//! *Promises*: at most [`MOST`] lanes; whatever is not shown is counted, beside a lane that is like it and
//! waits at least as long; lanes keep their order.
//! *Leaves out*: the drawing.

use crate::lab::timeline::timeline::{Group, Lane, LaneKind, Nanos, State};

/// Lanes of a group that are shown.
pub const MOST: usize = 4;

/// Lanes that are shown, and what stands for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Which lane of the group.
    pub lane: usize,
    /// How many that are like it, and are not shown, are counted below it.
    pub others: usize,
}

/// The lanes to show, in their order.
///
/// ```
/// use singletrack::lab::timeline::fold::{Shown, fold};
/// use singletrack::lab::timeline::timeline::{Group, Lane, LaneKind};
///
/// let lane = |id: u64| Lane {
///     name: format!("net {id}"), kind: LaneKind::Thread, id, spans: Vec::new(), points: Vec::new(),
/// };
/// let group = Group {
///     name: "threads".into(), pid: 1, lanes: (0..32).map(lane).collect(), links: Vec::new(),
///     forgotten: 0,
/// };
/// let shown = fold(&group);
/// assert_eq!(shown.len(), 4);
/// assert_eq!(shown[3], Shown { lane: 3, others: 28 });
/// ```
pub fn fold(group: &Group) -> Vec<Shown> {
    let mut kinds: Vec<(&str, Vec<usize>)> = Vec::new();
    let mut idle = Vec::new();
    let lanes = group.lanes.iter().enumerate();
    for (at, lane) in lanes.filter(|(_, lane)| lane.kind != LaneKind::Summary) {
        // Of what did nothing there is nothing to show.
        if lane.spans.is_empty() && lane.points.is_empty() {
            idle.push(at);
            continue;
        }
        match kinds.iter_mut().find(|(kind, _)| *kind == stem(lane)) {
            Some((_, alike)) => alike.push(at),
            None => kinds.push((stem(lane), vec![at])),
        }
    }
    match kinds.last_mut() {
        Some((_, last)) => last.extend(idle),
        None => kinds.extend((!idle.is_empty()).then_some(("", idle))),
    }
    // More kinds than lanes: those beyond are others of the last kind.
    while kinds.len() > MOST {
        let (_, more) = kinds.pop().unwrap_or_default();
        kinds.last_mut().into_iter().for_each(|(_, alike)| alike.extend(more.iter().copied()));
    }
    let mut room: Vec<usize> = vec![1; kinds.len()];
    for at in (0..kinds.len()).cycle().take(MOST * kinds.len()) {
        if room.iter().sum::<usize>() < MOST && room[at] < kinds[at].1.len() {
            room[at] += 1;
        }
    }
    let mut shown = Vec::new();
    for ((_, mut alike), room) in kinds.into_iter().zip(room) {
        let others = alike.len() - room.min(alike.len());
        // Stable: of those that wait as long, the first ones.
        alike.sort_by_key(|at| std::cmp::Reverse(waits(&group.lanes[*at])));
        alike.truncate(room);
        alike.sort_unstable();
        let last = alike.last().copied();
        shown.extend(
            alike
                .into_iter()
                .map(|lane| Shown { lane, others: if Some(lane) == last { others } else { 0 } }),
        );
    }
    shown.sort_by_key(|shown| shown.lane);
    shown
}

/// A name without its number.
fn stem(lane: &Lane) -> &str {
    lane.name.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ' || c == '-' || c == '#')
}

/// How long a lane waits for its turn.
fn waits(lane: &Lane) -> Nanos {
    let waits = lane.spans.iter().filter(|s| matches!(s.state, State::WaitsForLock | State::Ready));
    waits.map(|span| span.to - span.from).sum()
}
