//! Axes: round numbers where the marks stand, and how they are written. Pure.
//!
//! *Promises*: marks at 1, 2 or 5 times a power of ten, in order, within the range.
//! *Leaves out*: drawing them.

use crate::lab::timeline::timeline::Nanos;

/// About so many marks an axis of time has.
const MARKS: u64 = 6;

/// The unit in which the times of an axis are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    size: f64,
    name: &'static str,
}

impl Unit {
    /// The one that suits times up to this.
    pub fn of(longest: Nanos) -> Unit {
        let (size, name) = match longest {
            0..=2_000 => (1.0, "ns"),
            2_001..=2_000_000 => (1e3, "µs"),
            2_000_001..=5_000_000_000 => (1e6, "ms"),
            _ => (1e9, "s"),
        };
        Unit { size, name }
    }

    /// A time, with the unit where it is wanted.
    pub fn shown(self, time: Nanos, with_unit: bool) -> String {
        let number = format!("{:.3}", time as f64 / self.size);
        let number = number.trim_end_matches('0').trim_end_matches('.').to_owned();
        if with_unit { format!("{number} {}", self.name) } else { number }
    }

    /// A time with its unit and three digits at least.
    pub fn exact(self, time: Nanos) -> String {
        self.shown(time, true)
    }
}

/// Where the marks of an axis of this length stand, from 0 on.
///
/// ```
/// use singletrack::lab::page::axis::ticks;
///
/// assert_eq!(ticks(120), [0, 20, 40, 60, 80, 100, 120]);
/// assert_eq!(ticks(1), [0, 1]);
/// ```
pub fn ticks(length: Nanos) -> Vec<Nanos> {
    let steps = (0..19).flat_map(|power| [1, 2, 5].map(|first| first * 10u64.pow(power)));
    let step = steps.into_iter().find(|step| length / step <= MARKS).unwrap_or(length.max(1));
    (0..=length / step).map(|at| at * step).collect()
}
