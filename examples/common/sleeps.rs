//! What `threads_sleep` and `processes_sleep` have in common: who sleeps how long.

use singletrack::base::random::SplitMix64;

/// Different numbers from 1 to 9, the same for the same seed. Different, because two that wake
/// together may announce themselves in any order.
pub fn sleeps(seed: u64, count: usize) -> Vec<u64> {
    let mut all: Vec<u64> = (1..=9).collect();
    SplitMix64::new(seed).shuffle(&mut all);
    all.truncate(count);
    all
}

/// With a scale below the first, the system's own delays, not the sleeps, would decide who wakes
/// first.
pub const SCALES: std::ops::RangeInclusive<f64> = 0.01..=1000.0;
