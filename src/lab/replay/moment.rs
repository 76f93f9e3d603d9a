//! Moments: all that happens in a timeline at one time, in order. Pure.
//!
//! *Promises*: each begin of a span, each end after which its lane says nothing, and each point is in one
//! moment, and moments are in order of time; what a lane does at a moment is what its span says.
//! *Leaves out*: how a moment looks (`lab/replay/view.rs`).
//!
//! ```text
//!   cpu    ── Has GIL ────┤── Waiting for GIL ───────┤
//!   echo   ── Waiting ────┤── Has GIL ───┤   ▼ point
//!          ▲              ▲              ▲   ▲       ▲     five moments
//! ```

use crate::lab::timeline::timeline::{Lane, Link, Nanos, Span, Timeline};
use std::collections::HashMap;
use std::ops::Range;

/// What happens in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A span ends, and its lane says nothing for a while.
    Ends(usize),
    /// A point.
    Point(usize),
    /// A span begins, by its place in the lane; what was before it ends.
    Begins(usize),
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Happening {
    /// When.
    pub at: Nanos,
    /// What.
    pub what: What,
    /// In which group, by its place.
    pub group: usize,
    /// In which of its lanes.
    pub lane: usize,
}

/// A timeline, moment by moment.
///
/// ```
/// use singletrack::lab::replay::moment::{Moments, What};
/// use singletrack::lab::timeline::timeline::{Group, Lane, LaneKind, Span, State, Timeline};
///
/// let span = |from, to, state: State| Span {
///     from, to, state, name: state.to_string(), details: Vec::new(),
/// };
/// let spans = vec![span(0, 5, State::Runs), span(5, 9, State::Blocked)];
/// let (name, kind) = ("cpu".to_owned(), LaneKind::Thread);
/// let lane = Lane { name, kind, id: 1, spans, points: Vec::new() };
/// let groups = vec![Group { lanes: vec![lane], ..Group::default() }];
/// let moments = Moments::of(Timeline { about: Vec::new(), until: 20, groups });
/// let all: Vec<_> = (0..moments.count()).map(|at| moments.happenings(at)[0].what).collect();
/// assert_eq!(all, [What::Begins(0), What::Begins(1), What::Ends(1)]);
/// assert_eq!(moments.at_or_before(7), 1);
/// let lane = &moments.timeline.groups[0].lanes[0];
/// assert_eq!(Moments::doing(lane, 7).unwrap().state, State::Blocked);
/// ```
#[derive(Debug)]
pub struct Moments {
    /// What it is of.
    pub timeline: Timeline,
    all: Vec<Happening>,
    /// Which of these are a moment.
    ranges: Vec<Range<usize>>,
    /// The links that lead to a group's lane at a time.
    links: HashMap<(usize, usize, Nanos), Vec<usize>>,
}

impl Moments {
    /// Its moments.
    pub fn of(timeline: Timeline) -> Moments {
        let mut all = Vec::new();
        let mut links: HashMap<_, Vec<usize>> = HashMap::new();
        for (group, of) in timeline.groups.iter().enumerate() {
            for (lane, of) in of.lanes.iter().enumerate() {
                let happening = |at, what| Happening { at, what, group, lane };
                for (place, span) in of.spans.iter().enumerate() {
                    all.push(happening(span.from, What::Begins(place)));
                    if of.spans.get(place + 1).is_none_or(|next| next.from > span.to) {
                        all.push(happening(span.to, What::Ends(place)));
                    }
                }
                let points = of.points.iter().enumerate();
                all.extend(points.map(|(place, point)| happening(point.at, What::Point(place))));
            }
            for (place, link) in of.links.iter().enumerate() {
                links.entry((group, link.to.0, link.to.1)).or_default().push(place);
            }
        }
        all.sort_unstable();
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for (place, happening) in all.iter().enumerate() {
            match ranges.last_mut() {
                Some(range) if all[range.start].at == happening.at => range.end = place + 1,
                _ => ranges.push(place..place + 1),
            }
        }
        Moments { timeline, all, ranges, links }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.ranges.len()
    }

    /// What happens at a moment, from 0 on; nothing past the last.
    pub fn happenings(&self, moment: usize) -> &[Happening] {
        self.ranges.get(moment).map_or(&[], |range| &self.all[range.clone()])
    }

    /// When a moment is.
    pub fn time(&self, moment: usize) -> Nanos {
        self.happenings(moment).first().map_or(self.timeline.until, |happening| happening.at)
    }

    /// The last moment at this time or before; the first if there is none.
    pub fn at_or_before(&self, time: Nanos) -> usize {
        let after = self.ranges.partition_point(|range| self.all[range.start].at <= time);
        after.saturating_sub(1)
    }

    /// The lane in which it happens.
    pub fn lane(&self, happening: &Happening) -> &Lane {
        &self.timeline.groups[happening.group].lanes[happening.lane]
    }

    /// What has caused it, if it is a begin.
    pub fn causes(&self, happening: &Happening) -> impl Iterator<Item = &Link> {
        let Happening { at, group, lane, what } = *happening;
        let begins = matches!(what, What::Begins(_));
        let links = self.links.get(&(group, lane, at)).filter(|_| begins);
        links.into_iter().flatten().map(move |link| &self.timeline.groups[group].links[*link])
    }

    /// What a lane does at that time; of spans without length the last.
    pub fn doing(lane: &Lane, at: Nanos) -> Option<&Span> {
        let after = lane.spans.partition_point(|span| span.from <= at);
        let last = lane.spans[..after].last()?;
        (at < last.to || last.from == at).then_some(last)
    }
}
