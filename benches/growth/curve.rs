//! A curve: what each size cost, how that grows, and what a unit takes at the far end.
//!
//! *Promises*: a size that would not fit into memory, or take minutes, is left out and said.
//! *Leaves out*: how it is shown (`report.rs`, `page.rs`).

use crate::fit::{Fit, Law, fit};
use crate::point::{Side, measure};
use crate::sample::Sample;
use crate::workload::{Peer, Reach, Workload};
use std::path::Path;

/// Growth up to this exponent needs no explanation.
pub const MOST: f64 = 1.05;
/// Of the memory that is available a point may take so much.
const SHARE: f64 = 0.6;
/// The longest that a repetition may be expected to take, in seconds.
const LONGEST: f64 = 60.0;

/// Sizes in ascending order, and what each took, or why that is not known.
pub struct Curve {
    pub name: String,
    pub law: Law,
    pub points: Vec<(u64, Result<Sample, String>)>,
}

impl Curve {
    /// Measures all sizes, from the smallest on.
    pub fn measure(workload: &Workload, side: Side, reach: Reach, peers: Option<&Path>) -> Curve {
        let name = match (&workload.peer, side) {
            (_, Side::Ours) => "singletrack",
            (Peer::Here(name, _), _) => name,
            _ => "tokio",
        };
        let mut curve = Curve { name: name.to_owned(), law: workload.law, points: Vec::new() };
        for size in workload.sizes(reach) {
            let point = match curve.too_much(size) {
                Some(why) => Err(why),
                None => measure(workload, size, side, peers),
            };
            eprint!("\r\x1b[K{} {} {size}", workload.name, curve.name);
            curve.points.push((size, point));
        }
        eprint!("\r\x1b[K");
        curve
    }

    /// What was measured.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &Sample> {
        self.points.iter().filter_map(|(_, sample)| sample.as_ref().ok())
    }

    pub fn last(&self) -> Option<&Sample> {
        self.samples().next_back()
    }

    /// What was left out, and why.
    pub fn left_out(&self) -> impl Iterator<Item = (u64, &str)> {
        self.points.iter().filter_map(|(size, p)| Some((*size, p.as_ref().err()?.as_str())))
    }

    /// Judged from the last: what this size would take.
    fn too_much(&self, size: u64) -> Option<String> {
        if let Some((_, Err(_))) = self.points.last() {
            return Some("the size before was too much".to_owned());
        }
        let (before, Ok(last)) = self.points.last()? else { return None };
        let times = size as f64 / *before as f64;
        let (bytes, seconds) = (last.bytes * times, last.seconds * times * 1.2);
        if bytes > SHARE * available() {
            return Some(format!("it needs about {:.1} GiB of memory", bytes / f64::from(1 << 30)));
        }
        (seconds > LONGEST).then(|| format!("it takes about {seconds:.0} s"))
    }

    /// How costs grow: over all sizes, and over the last hundredfold.
    pub fn fits(&self) -> [Option<Fit>; 2] {
        let all: Vec<(f64, f64)> = self.samples().map(|s| (s.units, s.seconds)).collect();
        let far = all.last().map_or(0.0, |(units, _)| units / 101.0);
        let late: Vec<_> = all.iter().copied().filter(|(units, _)| *units >= far).collect();
        [fit(self.law, &all), fit(self.law, &late)]
    }

    /// Costs grow faster than they should, beyond what the error leaves open.
    pub fn is_steep(&self) -> bool {
        self.fits()[0].is_some_and(|fit| fit.exponent - fit.error > MOST)
    }

    /// Nanoseconds of a unit at the smallest and at the largest size, and its bytes there.
    pub fn per_unit(&self) -> Option<(f64, f64, f64)> {
        let (first, last) = (self.samples().next()?, self.last()?);
        let ns = |sample: &Sample| sample.seconds * 1e9 / sample.units;
        Some((ns(first), ns(last), last.bytes / last.units))
    }
}

/// Bytes of memory that could be had.
fn available() -> f64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or(f64::INFINITY, |kib| kib * 1024.0)
}
