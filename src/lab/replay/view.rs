//! A moment as text, as a line for each thing that happens, and as JSON.
//!
//! *Promises*: no line of a moment is wider than the page; of many lanes those come first in which
//! something happens, and the rest is counted by state, as are groups in which nothing does. Pure.
//! *Leaves out*: which moment (`lab/replay/walk.rs`).
//!
//! ```text
//! moment 12 of 340, at 5.003ms, 2.1ms after the one before
//! happens   cpu         Waiting for GIL, after Has GIL for 5ms   (holder 12)
//!           echo        Has GIL, after Waiting for GIL for 4ms
//!                       ◀ hand-over from cpu, 1ns before
//! now       GIL owner   echo               since 0ns
//!           cpu         Waiting for GIL    since 0ns
//! ```

use crate::lab::replay::moment::{Happening, Moments, What};
use crate::lab::report::failure::shown;
use crate::lab::report::terminal::wrap;
use crate::lab::timeline::timeline::{Lane, Link, Nanos, State};
use serde_json::{Value, json};
use std::time::Duration;

/// Where the text of a line begins.
const MARGIN: usize = 10;
/// The longest name that has its column to itself.
const LONGEST_NAME: usize = 22;
/// Lanes that are shown one by one.
const MOST_LANES: usize = 16;
/// Things that are told one by one.
const MOST_HAPPENINGS: usize = 24;

/// The moment, for a page of this width.
pub fn view(moments: &Moments, number: usize, width: usize) -> String {
    let at = moments.time(number);
    let before = number.checked_sub(1).map(|before| at - moments.time(before));
    let after = before.map(|gap| format!(", {} after the one before", time(gap)));
    let head = format!("moment {} of {}, at {}", number + 1, moments.count(), time(at));
    let mut text = wrap(&format!("{head}{}", after.unwrap_or_default()), width);
    let happenings = moments.happenings(number);
    let column = column(moments, happenings);
    let told = happenings.iter().take(MOST_HAPPENINGS);
    let told = told.flat_map(|happening| told_of(moments, happening, column));
    let mut rows: Vec<String> = told.collect();
    if happenings.len() > MOST_HAPPENINGS {
        rows.push(format!("and {} more", happenings.len() - MOST_HAPPENINGS));
    }
    lines(&mut text, width, "happens", &rows);
    lines(&mut text, width, "now", &standing(moments, happenings, at, column));
    text
}

/// Every moment from this one on, a line for each thing that happens.
pub fn log(moments: &Moments, from: usize) -> impl Iterator<Item = String> {
    let several = moments.timeline.groups.len() > 1;
    (from..moments.count()).map(move |number| {
        let of = |happening: &Happening| {
            let group = &moments.timeline.groups[happening.group].name;
            let group = if several { format!("{}  ", shown(group)) } else { String::new() };
            let (at, lane) = (time(happening.at), name(moments.lane(happening)));
            let text = what(moments, happening);
            let cause = causes(moments, happening).join("  ");
            let cause = if cause.is_empty() { cause } else { format!("  {cause}") };
            format!("{at:>12}  {group}{lane}  {text}{cause}\n")
        };
        moments.happenings(number).iter().map(of).collect::<String>()
    })
}

/// A moment, with what every lane does then.
pub fn with_lanes(moments: &Moments, number: usize) -> Value {
    let at = moments.time(number);
    let lane = |lane: &Lane| {
        let doing = Moments::doing(lane, at);
        json!({ "lane": lane.name, "state": doing.map(|span| span.state),
                "name": doing.map(|span| &span.name),
                "since_ns": doing.map(|span| span.from) })
    };
    let groups = moments.timeline.groups.iter().map(|group| {
        json!({ "group": group.name, "lanes": group.lanes.iter().map(lane).collect::<Vec<_>>() })
    });
    let mut value = bare(moments, number);
    value["now"] = groups.collect();
    value
}

/// A moment: what happens.
pub fn bare(moments: &Moments, number: usize) -> Value {
    let happening = |happening: &Happening| {
        let lane = moments.lane(happening);
        let (kind, place) = match happening.what {
            What::Begins(place) => ("begins", Some(place)),
            What::Ends(place) => ("ends", Some(place)),
            What::Point(_) => ("point", None),
        };
        let span = place.map(|place| &lane.spans[place]);
        let name = match happening.what {
            What::Point(place) => &lane.points[place].name,
            _ => span.map_or(&lane.name, |span| &span.name),
        };
        let details: serde_json::Map<String, Value> = span
            .into_iter()
            .flat_map(|span| span.details.iter().cloned())
            .map(|(key, value)| (key, value.into()))
            .collect();
        let group = &moments.timeline.groups[happening.group];
        let cause = |link: &Link| {
            json!({ "link": link.name, "lane": group.lanes[link.from.0].name,
                    "at_ns": link.from.1 })
        };
        let causes: Vec<Value> = moments.causes(happening).map(cause).collect();
        json!({ "group": group.name, "lane": lane.name, "what": kind, "name": name,
                "state": span.map(|span| span.state), "details": details, "caused_by": causes })
    };
    let all: Vec<Value> = moments.happenings(number).iter().map(happening).collect();
    json!({ "number": number + 1, "at_ns": moments.time(number), "happens": all })
}

fn time(nanos: Nanos) -> String {
    format!("{:?}", Duration::from_nanos(nanos))
}

/// A file may come from anybody: nothing in it steers the terminal.
fn name(lane: &Lane) -> String {
    shown(&lane.name)
}

/// What happens, in words.
fn what(moments: &Moments, happening: &Happening) -> String {
    let lane = moments.lane(happening);
    let after = |place: usize, joint: &str| {
        let before = place.checked_sub(1).map(|before| &lane.spans[before]);
        let before = before.filter(|span| span.to == happening.at && span.from < span.to);
        before.map_or(String::new(), |span| {
            format!("{joint}{} for {}", shown(&span.name), time(span.to - span.from))
        })
    };
    match happening.what {
        What::Point(place) => format!("! {}", shown(&lane.points[place].name)),
        What::Ends(place) => {
            let span = &lane.spans[place];
            format!("ends {}, after {}", shown(&span.name), time(span.to - span.from))
        }
        What::Begins(place) => {
            let span = &lane.spans[place];
            let details = span.details.iter().map(|(key, value)| format!("{key} {value}"));
            let details = shown(&details.collect::<Vec<_>>().join(", "));
            let details = if details.is_empty() { details } else { format!("  ({details})") };
            format!("{}{}{details}", shown(&span.name), after(place, ", after "))
        }
    }
}

fn causes(moments: &Moments, happening: &Happening) -> Vec<String> {
    let lanes = &moments.timeline.groups[happening.group].lanes;
    let cause = |link: &Link| {
        let ago = time(happening.at - link.from.1);
        format!("◀ {} from {}, {ago} before", shown(&link.name), name(&lanes[link.from.0]))
    };
    moments.causes(happening).map(cause).collect()
}

fn told_of(moments: &Moments, happening: &Happening, column: usize) -> Vec<String> {
    let (lane, what) = (name(moments.lane(happening)), what(moments, happening));
    let first = format!("{lane:column$}{what}");
    let causes =
        causes(moments, happening).into_iter().map(|cause| format!("{:column$}{cause}", ""));
    std::iter::once(first).chain(causes).collect()
}

fn column(moments: &Moments, happenings: &[Happening]) -> usize {
    let own = happenings.iter().map(|happening| moments.lane(happening));
    let first =
        moments.timeline.groups.iter().flat_map(|group| group.lanes.iter().take(MOST_LANES));
    let longest = own.chain(first).map(|lane| name(lane).chars().count()).max().unwrap_or(0);
    longest.min(LONGEST_NAME) + 2
}

/// What the lanes of each group do now.
fn standing(moments: &Moments, happenings: &[Happening], at: Nanos, column: usize) -> Vec<String> {
    let mut rows = Vec::new();
    let groups = &moments.timeline.groups;
    for (place, group) in groups.iter().enumerate() {
        let several = groups.len() > 1;
        let here = !several || happenings.iter().any(|happening| happening.group == place);
        if several && here {
            rows.push(format!("[{}]", shown(&group.name)));
        } else if several {
            let states = group.lanes.iter().map(|lane| state(lane, at));
            rows.push(format!("[{}] {}", shown(&group.name), counted(states)));
            continue;
        }
        let room = MOST_LANES;
        let involved = |lane: usize| happenings.iter().any(|h| h.group == place && h.lane == lane);
        let mut order: Vec<usize> = (0..group.lanes.len()).collect();
        if order.len() > room {
            order.sort_by_key(|lane| !involved(*lane));
        }
        let (mut first, rest) = (order[..order.len().min(room)].to_vec(), order.get(room..));
        first.sort_unstable();
        rows.extend(first.into_iter().map(|lane| one(&group.lanes[lane], at, column)));
        let rest = rest.unwrap_or_default();
        if !rest.is_empty() {
            let states = rest.iter().map(|lane| state(&group.lanes[*lane], at));
            rows.push(format!("and {} more: {}", rest.len(), counted(states)));
        }
    }
    rows
}

fn one(lane: &Lane, at: Nanos, column: usize) -> String {
    let doing = Moments::doing(lane, at).map_or("-".to_owned(), |span| {
        let since = time(at - span.from);
        format!("{:<20} since {since}", shown(&span.name))
    });
    format!("{:column$}{doing}", name(lane))
}

fn state(lane: &Lane, at: Nanos) -> Option<State> {
    Moments::doing(lane, at).map(|span| span.state)
}

/// `900 waits, 84 idle`.
fn counted(states: impl Iterator<Item = Option<State>>) -> String {
    let states: Vec<Option<State>> = states.collect();
    let of = |state: Option<State>, word: &str| {
        let count = states.iter().filter(|own| **own == state).count();
        (count > 0).then(|| format!("{count} {word}"))
    };
    let known = State::ALL.into_iter().filter_map(|state| of(Some(state), state.name()));
    let all: Vec<String> = known.chain(of(None, "nothing known")).collect();
    all.join(", ")
}

fn lines(text: &mut String, width: usize, label: &str, rows: &[String]) {
    let margin = if width >= 3 * MARGIN { MARGIN } else { 0 };
    if margin == 0 && !rows.is_empty() {
        *text += &wrap(label, width);
    }
    let room = width.saturating_sub(margin).max(1);
    for (at, row) in rows.iter().enumerate() {
        let label = if at == 0 && margin > 0 { label } else { "" };
        let parts = match row.chars().count() <= room {
            true => vec![row.clone()],
            false => wrap(row, room).lines().map(str::to_owned).collect(),
        };
        for (at, part) in parts.into_iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            *text += format!("{label:margin$}{part}").trim_end();
            text.push('\n');
        }
    }
}
