//! Axes: round numbers where the marks stand, and how they are written. Pure.
//!
//! *Promises*: marks at 1, 2 or 5 times a power of ten, in order, within the range; a place from 0 to
//! 1 for every value.
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

/// An axis of numbers from the one to the other: even steps, or even ratios.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    from: f64,
    to: f64,
    ratios: bool,
}

impl Scale {
    /// From 0 to a little beyond the largest.
    pub fn even(values: impl IntoIterator<Item = f64>) -> Scale {
        let most = values.into_iter().filter(|value| value.is_finite()).fold(0.0, f64::max);
        Scale { from: 0.0, to: if most > 0.0 { most * 1.03 } else { 1.0 }, ratios: false }
    }

    /// Around all of these, which are above 0: others have no place on such an axis.
    pub fn ratios(values: impl IntoIterator<Item = f64>) -> Scale {
        let sound = |value: &f64| value.is_finite() && *value > 0.0;
        let (mut from, mut to) = (f64::INFINITY, 0.0f64);
        for value in values.into_iter().filter(sound) {
            (from, to) = (from.min(value), to.max(value));
        }
        match from <= to {
            true => Scale { from: from / 1.08, to: to * 1.08, ratios: true },
            false => Scale { from: 1.0, to: 10.0, ratios: true },
        }
    }

    /// Where a value is, from 0 to 1.
    ///
    /// ```
    /// use singletrack::lab::page::axis::Scale;
    ///
    /// let scale = Scale::ratios([1.0, 100.0]);
    /// assert!((scale.place(10.0) - 0.5).abs() < 1e-9);
    /// assert_eq!(scale.marks(), [1.0, 10.0, 100.0]);
    /// assert_eq!(Scale::even([9.0]).marks(), [0.0, 2.0, 4.0, 6.0, 8.0]);
    /// ```
    pub fn place(&self, value: f64) -> f64 {
        let place = match self.ratios {
            true => (value.max(f64::MIN_POSITIVE) / self.from).ln() / (self.to / self.from).ln(),
            false => (value - self.from) / (self.to - self.from),
        };
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }

    /// Round numbers within it.
    pub fn marks(&self) -> Vec<f64> {
        if !self.ratios {
            let rough = (self.to - self.from) / 5.0;
            let ten = 10f64.powf(rough.log10().floor());
            let step = [1.0, 2.0, 5.0, 10.0].map(|first| first * ten);
            let step = step.into_iter().find(|step| *step >= rough * 0.75).unwrap_or(rough);
            return (0..12)
                .map(|at| f64::from(at) * step)
                .filter(|mark| *mark <= self.to)
                .collect();
        }
        let wide = self.to / self.from > 60.0;
        let firsts: &[f64] = if wide { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let powers = self.from.log10().floor() as i32..=self.to.log10().ceil() as i32;
        let all = powers.flat_map(|power| firsts.iter().map(move |f| f * 10f64.powi(power)));
        all.filter(|mark| (self.from..=self.to).contains(mark)).collect()
    }
}
