//! The poster's data: four bands on one axis, and what each comes to.
//!
//! *Promises*: the same packets and the same computing in each band, in virtual time; the same every
//! time; every number in a sentence is of the rows.
//! *Leaves out*: the picture.

use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::poster::loops::{beside_a_worker, inline};
use crate::lab::poster::packets::{Delays, JOB, PERIOD, Packet, UNTIL, delays, waited};
use crate::lab::poster::threads::threads;
use crate::lab::report::failure::Failure;
use crate::lab::report::stats::three_digits;
use crate::lab::timeline::columns::IN_VAIN;
use crate::lab::timeline::timeline::{Group, Nanos, Timeline};

/// The question that the poster asks.
pub const QUESTION: &str = "A packet arrives every 10 ms. Who is allowed to run?";

/// What its times are.
pub const CLOCK: &str = "Virtual time: the costs are given, the decisions are those of the loop and the \
                         lock.";

/// What a band comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The band's name.
    pub name: String,
    /// How long there was a packet that nobody had begun: time of the picture.
    pub waited: Nanos,
    /// From when a packet came until it was handled.
    pub handled_after: Delays,
    /// That in words.
    pub sentence: String,
}

/// The poster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poster {
    /// Its bands; packets are points of the lane that handles them.
    pub timeline: Timeline,
    /// A row for each band.
    pub rows: Vec<Row>,
    /// What makes this picture.
    pub command: String,
}

/// Runs all four bands.
///
/// ```
/// use singletrack::lab::poster::poster::poster;
///
/// let poster = poster("singletrack poster")?;
/// assert_eq!(poster.timeline.check(), Ok(()));
/// let names: Vec<&str> = poster.rows.iter().map(|row| row.name.as_str()).collect();
/// assert_eq!(names, ["loop + worker", "loop alone", "threads-py3.10", "threads-py2"]);
/// assert_eq!(poster.rows[0].waited, 0);
/// # Ok::<(), singletrack::lab::report::failure::Failure>(())
/// ```
///
/// # Errors
/// If a band cannot be run: a fault of this crate.
pub fn poster(command: &str) -> Result<Poster, Failure> {
    let bands: [(Group, Vec<Packet>); 4] = [
        beside_a_worker("loop + worker")?,
        inline("loop alone")?,
        threads("threads-py3.10", SwitchPolicy::PYTHON_3_10)?,
        threads("threads-py2", SwitchPolicy::PYTHON_2)?,
    ];
    let rows = bands.iter().map(|(group, packets)| row(group, packets)).collect();
    let about = [
        ("question", QUESTION.to_owned()),
        ("command", command.to_owned()),
        ("clock", CLOCK.to_owned()),
        ("packets", format!("one every {}", time(PERIOD))),
    ];
    let timeline = Timeline {
        about: about.map(|(name, value)| (name.to_owned(), value)).into(),
        until: UNTIL,
        groups: bands.into_iter().map(|(group, _)| group).collect(),
    };
    Ok(Poster { timeline, rows, command: command.to_owned() })
}

fn row(group: &Group, packets: &[Packet]) -> Row {
    let handled_after = delays(packets);
    let points = group.lanes.iter().flat_map(|lane| &lane.points);
    let in_vain = points.filter(|point| point.name == IN_VAIN).count();
    let sentence = sentence(&group.name, &handled_after, in_vain);
    Row { name: group.name.clone(), waited: waited(packets), handled_after, sentence }
}

fn sentence(name: &str, delays: &Delays, in_vain: usize) -> String {
    let Delays { median, longest, handled, came } = *delays;
    // Beyond three digits there is nothing to say.
    let after = match time(median) == time(longest) {
        true => format!("Handled {} after it came, every time", time(median)),
        false => format!("Handled {} after it came, at worst {}", time(median), time(longest)),
    };
    let left = if handled < came { format!(" ({handled} of {came})") } else { String::new() };
    let why = match name {
        "loop + worker" => "the computing is in another process".to_owned(),
        "loop alone" => {
            format!("a job of {} holds the loop, and the next one is in the queue", time(JOB))
        }
        "threads-py3.10" => "each call that blocks costs a switch interval: the convoy".to_owned(),
        _ => format!("woken in vain {} times a packet: the battle", in_vain / came.max(1)),
    };
    format!("{after}{left}: {why}.")
}

/// A time in three digits.
pub fn time(nanos: Nanos) -> String {
    match nanos {
        0..1_000_000 => format!("{} µs", three_digits(nanos as f64 / 1e3)),
        _ => format!("{} ms", three_digits(nanos as f64 / 1e6)),
    }
}
