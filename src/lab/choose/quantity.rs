//! Durations and sizes as people write them: `2ms`, `4KiB`. Pure.
//!
//! *Promises*: no text can make it panic; what is no duration (negative, without a unit, not a
//! number, longer than an hour) is refused in one line that says how to write one; what is written
//! reads back as the same.
//! *Leaves out*: which quantity means what.

use crate::lab::report::failure::Failure;
use std::time::Duration;

const TIMES: [(&str, f64); 6] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9)];
/// The longer names first, for `B` ends them all.
const SIZES: [(&str, f64); 6] =
    [("KiB", 1024.0), ("MiB", 1_048_576.0), ("kB", 1e3), ("KB", 1e3), ("MB", 1e6), ("B", 1.0)];
/// A step takes no longer than this.
const LONGEST: f64 = 3.6e12;
/// A job carries no more than this: the pool's pipes take no larger frames.
const LARGEST: f64 = 32.0 * 1_048_576.0;

/// A duration, with its unit. `name` is what a refusal names: an option, or a line of a file.
///
/// ```
/// use singletrack::lab::choose::quantity::time;
/// use std::time::Duration;
///
/// assert_eq!(time("--cpu", "1.5ms").unwrap(), Duration::from_micros(1500));
/// assert!(time("--cpu", "2").unwrap_err().to_string().starts_with("--cpu 2: "));
/// ```
///
/// # Errors
/// If it is none.
pub fn time(name: &str, text: &str) -> Result<Duration, Failure> {
    let remedy = "write it as 200us, 2ms or 1.5s";
    let refuse = |why: String| Failure::new(format!("{name} {text}"), why, remedy);
    let ns = number(text, &TIMES).map_err(|why| refuse(why.of("a duration")))?;
    match ns <= LONGEST {
        true => Ok(Duration::from_nanos(ns.round() as u64)),
        false => Err(refuse("no step takes longer than an hour".to_owned())),
    }
}

/// A number of bytes, with its unit.
///
/// ```
/// use singletrack::lab::choose::quantity::size;
///
/// assert_eq!(size("--payload", "4KiB").unwrap(), 4096);
/// assert!(size("--payload", "4 GiB").is_err());
/// ```
///
/// # Errors
/// If it is none.
pub fn size(name: &str, text: &str) -> Result<u32, Failure> {
    let remedy = "write it as 512B, 4KiB or 1.5MiB, up to 32MiB";
    let refuse = |why: String| Failure::new(format!("{name} {text}"), why, remedy);
    let bytes = number(text, &SIZES).map_err(|why| refuse(why.of("a size")))?;
    match bytes <= LARGEST {
        true => Ok(bytes.round() as u32),
        false => Err(refuse("no job can carry so much".to_owned())),
    }
}

enum Wrong {
    NoUnit,
    NoNumber,
    Negative,
}

impl Wrong {
    fn of(&self, what: &str) -> String {
        match self {
            Wrong::NoUnit => format!("{what} needs a unit"),
            Wrong::NoNumber => format!("this is not {what}"),
            Wrong::Negative => format!("{what} is not negative"),
        }
    }
}

/// What is before the unit, in the smallest of the units. Zero needs none.
fn number(text: &str, units: &[(&str, f64)]) -> Result<f64, Wrong> {
    let text = text.trim();
    if text == "0" {
        return Ok(0.0);
    }
    let plain = |text: &str| text.parse::<f64>().is_ok_and(|n| n.is_finite());
    let found = units.iter().find_map(|(unit, by)| Some((text.strip_suffix(unit)?, by)));
    let (digits, by) = found.ok_or(if plain(text) { Wrong::NoUnit } else { Wrong::NoNumber })?;
    match digits.trim_end().parse::<f64>() {
        Ok(value) if value < 0.0 => Err(Wrong::Negative),
        Ok(value) if value.is_finite() => Ok(value * by),
        _ => Err(Wrong::NoNumber),
    }
}

/// As [`time`] reads it, in the largest unit in which it is a short number.
///
/// ```
/// use singletrack::lab::choose::quantity::shown_time;
/// use std::time::Duration;
///
/// assert_eq!(shown_time(Duration::from_micros(1500)), "1.5ms");
/// ```
pub fn shown_time(time: Duration) -> String {
    let ns = time.as_nanos() as f64;
    let (by, unit) = match ns {
        0.0 => return "0".to_owned(),
        n if n < 1e3 => (1.0, "ns"),
        n if n < 1e6 => (1e3, "us"),
        n if n < 1e9 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    format!("{}{unit}", ns / by)
}

/// As [`size`] reads it.
pub fn shown_size(bytes: u32) -> String {
    match f64::from(bytes) {
        0.0 => "0".to_owned(),
        n if n < 1024.0 => format!("{n}B"),
        n if n < 1_048_576.0 => format!("{}KiB", n / 1024.0),
        n => format!("{}MiB", n / 1_048_576.0),
    }
}
