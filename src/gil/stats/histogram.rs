//! A histogram of lengths of time: 65 buckets, each twice as wide as the one before.
//!
//! *Promises*: every length has a bucket; a percentile is never too small, never more than twice
//! too large, and never above the longest length.
//! *Leaves out*: when each thing happened (`gil/stats/record.rs`).
//!
//! ```text
//!   bucket     0    1    2     3      4     …    13       …   64
//!   lengths    0    1   2-3   4-7   8-15       4096-8191      from 2⁶³ on
//! ```
//! A bucket is found by counting leading zeros. Nothing is ever moved or allocated.

use crate::gil::rules::decision::Nanos;
use crate::gil::stats::counters::Counter;
use std::ops::Add;

/// One bucket for zero, and one for each number of binary digits.
const BUCKETS: usize = 65;

/// How many things took how long.
///
/// ```
/// use singletrack::gil::Histogram;
///
/// let mut waits = Histogram::default();
/// for nanos in [3, 100, 120, 5_000_000] {
///     waits.add(nanos);
/// }
/// assert_eq!((waits.count(), waits.max()), (4, 5_000_000));
/// assert_eq!(waits.percentile(0.5), 127, "half took less than 2⁷");
/// assert_eq!(waits.percentile(0.99), 5_000_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
    max: Nanos,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { buckets: [0; BUCKETS], max: 0 }
    }
}

fn bucket_of(length: Nanos) -> usize {
    (Nanos::BITS - length.leading_zeros()) as usize
}

/// The longest length that falls into a bucket.
fn end_of(bucket: usize) -> Nanos {
    Nanos::MAX.checked_shr(Nanos::BITS - bucket as u32).unwrap_or(0)
}

impl Histogram {
    /// One more thing took this long.
    pub fn add(&mut self, length: Nanos) {
        self.buckets[bucket_of(length)] += 1;
        self.max = self.max.max(length);
    }

    /// How many things there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, count| count.saturating_add(sum))
    }

    /// The longest of all, exactly; 0 if there was none.
    pub fn max(&self) -> Nanos {
        self.max
    }

    /// At least this share of all, from 0 to 1, took no longer than the answer.
    pub fn percentile(&self, share: f64) -> Nanos {
        let wanted = (share * self.count() as f64).ceil() as u64;
        let mut seen = 0;
        let enough = |&bucket: &usize| {
            seen = self.buckets[bucket].saturating_add(seen);
            seen >= wanted.max(1)
        };
        (0..BUCKETS).find(enough).map_or(0, |bucket| end_of(bucket).min(self.max))
    }

    /// The inverse of [`buckets`](Self::buckets) and [`max`](Self::max).
    pub fn from_buckets(buckets: impl IntoIterator<Item = (Nanos, u64)>, max: Nanos) -> Self {
        let mut histogram = Histogram { max, ..Histogram::default() };
        for (end, count) in buckets {
            let bucket = &mut histogram.buckets[bucket_of(end)];
            *bucket = bucket.saturating_add(count);
        }
        histogram
    }

    /// The buckets that are not empty: the longest length that falls into each, and how many did.
    pub fn buckets(&self) -> impl Iterator<Item = (Nanos, u64)> {
        let filled = self.buckets.into_iter().enumerate().filter(|&(_, count)| count > 0);
        filled.map(|(bucket, count)| (end_of(bucket), count))
    }
}

impl Add for Histogram {
    type Output = Histogram;

    /// Both together.
    fn add(mut self, other: Histogram) -> Histogram {
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *mine = mine.saturating_add(theirs);
        }
        Histogram { buckets: self.buckets, max: self.max.max(other.max) }
    }
}

/// A histogram that one thread fills, and any thread reads.
#[derive(Debug)]
pub(crate) struct LiveHistogram {
    buckets: [Counter; BUCKETS],
    max: Counter,
}

impl Default for LiveHistogram {
    fn default() -> Self {
        LiveHistogram {
            buckets: std::array::from_fn(|_| Counter::default()),
            max: Counter::default(),
        }
    }
}

impl LiveHistogram {
    /// To be called by its own thread only.
    pub(crate) fn add(&self, length: Nanos) {
        self.buckets[bucket_of(length)].add(1);
        self.max.add(length.saturating_sub(self.max.get()));
    }

    pub(crate) fn read(&self) -> Histogram {
        let buckets = std::array::from_fn(|bucket| self.buckets[bucket].get());
        Histogram { buckets, max: self.max.get() }
    }
}

/// How long a thread waited for a lock each time, and how long it held it each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// The times that it had to sleep for the lock.
    pub wait: Histogram,
    /// The times that it held the lock, if that was
    /// [measured](crate::gil::GlobalLock::measure_hold) or recorded.
    pub hold: Histogram,
}

impl Add for Times {
    type Output = Times;

    fn add(self, other: Times) -> Times {
        Times { wait: self.wait + other.wait, hold: self.hold + other.hold }
    }
}
