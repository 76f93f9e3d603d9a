//! Medians, percentiles, and how figures are written. Pure.
//!
//! *Assumes*: the values are finite.
//! *Promises*: every figure is one of the measured values, without interpolation, except that the
//! median of an even number of values is halfway between the two in the middle.
//! *Leaves out*: any assumption about how the values are distributed.

/// The middle and the ends of some values.
///
/// ```
/// use singletrack::lab::report::stats::Spread;
///
/// let spread = Spread::of(&[0.3, 0.1, 0.2]).unwrap();
/// assert_eq!((spread.median, spread.min, spread.max), (0.2, 0.1, 0.3));
/// assert!(Spread::of(&[]).is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle value.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The spread of these values; `None` of no values.
    pub fn of(values: &[f64]) -> Option<Spread> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            1 => sorted[middle],
            _ => sorted[middle - 1].midpoint(sorted[middle]),
        };
        Some(Spread { median, min, max })
    }
}

/// The smallest value that is at least as large as this share of all of them ("nearest
/// rank"). `share` counts from 0 to 1; the values must be sorted. `None` of no values.
///
/// ```
/// use singletrack::lab::report::stats::percentile;
///
/// let sorted: Vec<u64> = (1..=100).collect();
/// assert_eq!(percentile(&sorted, 0.50), Some(50));
/// assert_eq!(percentile(&sorted, 0.99), Some(99));
/// ```
pub fn percentile(sorted: &[u64], share: f64) -> Option<u64> {
    let rank = (share.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// A number with three digits, or with more if they stand before the point.
///
/// ```
/// use singletrack::lab::report::stats::three_digits;
///
/// assert_eq!([1.234, 12.34, 1234.5].map(three_digits), ["1.23", "12.3", "1234"]);
/// ```
pub fn three_digits(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

/// Seconds with three digits and the unit that suits them.
///
/// ```
/// use singletrack::lab::report::stats::duration;
///
/// assert_eq!(duration(0.0), "0");
/// assert_eq!(duration(0.000_012_34), "12.3 µs");
/// assert_eq!(duration(1.5), "1.50 s");
/// ```
pub fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        0.0 => return "0".to_owned(),
        s if s < 0.999_5e-3 => (s * 1e6, "µs"),
        s if s < 0.999_5 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    format!("{} {unit}", three_digits(value))
}
