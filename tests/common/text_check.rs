//! What holds for any text that somebody may write on a command line, or in a file of steps.
//!
//! *Promises*: the fuzz targets `step_file` and `quantities`, and the replay of their seeds, check the
//! same.
#![allow(dead_code)] // each test and each fuzz target uses its own part

use singletrack::gil::Threading;
use singletrack::gil::simulator::costs::Costs;
use singletrack::lab::choose::quantity::{shown_size, shown_time, size, time};
use singletrack::lab::choose::steps;
use singletrack::lab::compare::footprint::{parse_stat, pss};
use singletrack::lab::compare::sweep::Sweep;
use singletrack::lab::compare::url::Url;
use singletrack::lab::explain::topic::Topic;
use singletrack::lab::play::level::{Goal, Header};
use singletrack::lab::replay::request::time as moment;
use singletrack::lab::report::failure::{Failure, shown};
use singletrack::lab::report::terminal::{narrowed, wrap};
use singletrack::lab::report::window::Zoom;
use singletrack::lab::run::request::scale;
use singletrack::lab::{choose::machine::cpu_max, examples, page::markup::escape, page::rows::cut};
use singletrack::python::explore::moves::{read_moves, write_moves};
use singletrack::sim::Order;
use singletrack::vm::schedule::Schedule;
use std::fmt::{Debug, Display};
use std::str::FromStr;

/// A text is refused with the number of a line that is no step, or read, and then reads back.
pub fn check_any_steps(text: &str) {
    let refusal = match steps::read("any.steps", text) {
        Ok(parts) => {
            assert_eq!(steps::read("again.steps", &steps::written(&parts)), Ok(parts));
            return;
        }
        Err(failure) => one_line(&failure),
    };
    let place = refusal.strip_prefix("any.steps:").expect(&refusal);
    let Some(number) = place.split(':').next().and_then(|number| number.parse::<usize>().ok())
    else {
        assert!(place.contains("no steps") || place.contains("are more than"), "{refusal}");
        return;
    };
    let lines: Vec<&str> = text.lines().collect();
    let (before, line) = (lines[..number - 1].join("\n"), lines[number - 1]);
    let alone = one_line(&steps::read("alone.steps", line).unwrap_err());
    assert!(alone.starts_with("alone.steps:1:"), "{refusal}, but {alone}");
    if let Err(failure) = steps::read("before.steps", &before) {
        let earlier = one_line(&failure);
        // All in all it may be refused, for being none or too many, and no line of it.
        let numbered = earlier.strip_prefix("before.steps:").is_some_and(|rest| {
            rest.split(':').next().is_some_and(|number| number.parse::<usize>().is_ok())
        });
        assert!(!numbered, "{refusal}, but before that {earlier}");
    }
}

/// Every reader of a short text refuses it in a line that names it, or reads what can be written and
/// read again.
pub fn check_any_quantity(text: &str) {
    quantities(text);
    ranges(text);
    again::<Costs>(text);
    again::<Order>(text);
    again::<Schedule>(text);
    again::<Goal>(text);
    if let Ok(threading) = text.parse::<Threading>() {
        assert_eq!(threading.to_string().parse(), Ok(threading));
    }
    match read_moves(text) {
        Ok(moves) => assert_eq!(read_moves(&write_moves(&moves)), Ok(moves)),
        Err(part) => assert!(text.contains(&part), "{part} is no part of {text}"),
    }
    address(text);
    let _ = (parse_stat(text), pss(text), Header::of(text));
    let _ = (examples::header::Header::of(text), examples::exercise::Exercise::of(text));
    for refused in [Topic::from_words(text).err(), examples::shelf::find(text).err()] {
        refused.iter().for_each(|failure| drop(one_line(failure)));
    }
    shown_anywhere(text);
}

/// A failure on a line, in which nothing steers a terminal.
fn one_line(failure: &Failure) -> String {
    let line = failure.to_string();
    assert!(!line.chars().any(char::is_control), "{line:?}");
    assert!(line.contains(": ") && line.contains("; "), "no thing or no remedy: {line}");
    line
}

fn again<T: FromStr + Display + Debug + PartialEq>(text: &str)
where
    T::Err: Debug + Display,
{
    match text.parse::<T>() {
        Ok(value) => {
            let written = value.to_string();
            let read = written.parse::<T>().unwrap_or_else(|e| panic!("{written:?}: {e}"));
            assert_eq!(read, value, "{text:?} and {written:?}");
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

fn quantities(text: &str) {
    match time("--cpu", text) {
        Ok(read) => assert_eq!(time("--cpu", &shown_time(read)), Ok(read)),
        Err(failure) => names(&failure, text),
    }
    match size("--payload", text) {
        Ok(read) => assert_eq!(size("--payload", &shown_size(read)), Ok(read)),
        Err(failure) => names(&failure, text),
    }
    assert!(
        scale(text).is_ok_and(|scale| (1e-6..=1000.0).contains(&scale)) || scale(text).is_err()
    );
    assert!(moment(text).is_none_or(|at| at <= 1_000_000_000_000_000_000));
    assert!(cpu_max(text).is_none_or(|cores| cores >= 0.0));
}

fn names(failure: &Failure, text: &str) {
    let line = one_line(failure);
    assert!(line.contains(&shown(text)), "{line} does not name {text:?}");
}

fn ranges(text: &str) {
    match text.parse::<Zoom>() {
        Ok(Zoom::Between(from, to)) => assert!(from < to),
        Ok(Zoom::Around(length) | Zoom::Last(length)) => assert!(length > 0),
        Err(refusal) => assert!(!refusal.contains('\n')),
    }
    match Sweep::parse(text) {
        Ok(sweep) => {
            assert!(
                sweep.values.is_sorted_by(|a, b| a < b) && (2..100).contains(&sweep.values.len())
            );
            sweep.values.iter().for_each(|value| drop(sweep.point(*value)));
        }
        Err(failure) => names(&failure, text),
    }
}

/// A URL: nothing in it breaks out of the request's first lines.
fn address(text: &str) {
    let here = Url::parse("http://a:81/b/c?d").unwrap();
    for read in [Url::parse(text), here.join(text)] {
        match read {
            Ok(url) => {
                let request = String::from_utf8(url.request()).unwrap();
                assert_eq!(request.matches("\r\n").count(), 6, "{request:?}");
                assert_eq!(request.matches(['\r', '\n']).count(), 12, "{request:?}");
                assert!(!url.host().is_empty() && url.target().starts_with('/'));
                assert_eq!(Url::parse(url.text()), Ok(url));
            }
            Err(failure) => drop(one_line(&failure)),
        }
    }
}

/// However it is shown, it does not break out of where it is.
fn shown_anywhere(text: &str) {
    assert!(!shown(text).chars().any(char::is_control));
    assert!(!escape(text).contains(['<', '>', '"', '\'']));
    for width in [0, 1, 7, 40] {
        assert!(cut(text, width).chars().count() <= width + 1);
        let line = shown(text);
        let lines = wrap(&line, width);
        assert!(lines.lines().all(|line| line.chars().count() <= width.max(1)), "{lines}");
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        assert_eq!(letters(&lines), letters(&line));
        assert_eq!(letters(&narrowed(&line, width)), letters(&line));
    }
}
