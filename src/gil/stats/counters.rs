//! Counters: how often each thing happened to a lock, and the time waited.
//!
//! *Assumes*: each `Meter` is written by one thread only.
//! *Promises*: to count costs a load and a store, never an atomic read-modify-write.
//! *Leaves out*: when each thing happened (`gil/stats/record.rs`); how long each wait was
//! (`gil/stats/histogram.rs`).
//!
//! The atomics are std's, under loom too: a number that is only shown synchronises nothing, so
//! a model need not explore which thread sees it when.

use crate::gil::rules::decision::{DropReason, Nanos, SleepReason};
use std::iter::Sum;
use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What has happened, for one thread or for all that used a lock.
///
/// Every acquisition is counted once, as at-once or after-wait, and every drop once, by its
/// reason. So while no thread holds the lock, `acquisitions() == drops()`.
///
/// ```
/// use singletrack::gil::GlobalLock;
/// use singletrack::gil::SwitchPolicy;
///
/// let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
/// for _ in 0..10 {
///     lock.attach(|_| ()).unwrap();
/// }
/// let counters = lock.counters();
/// assert_eq!((counters.acquired_at_once, counters.voluntary_drops), (10, 10));
/// assert_eq!((counters.switches, counters.sleeps), (1, 0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// The lock was free when the thread asked for it.
    pub acquired_at_once: u64,
    /// The lock was taken then, and the thread had it after a sleep.
    pub acquired_after_wait: u64,
    /// A waiter was woken for a free lock, and another thread was quicker.
    pub retries: u64,
    /// A waiter's interval passed, and it asked the holder to go.
    pub drop_requests: u64,
    /// Drops at a checkpoint, because a waiter had asked.
    pub forced_drops: u64,
    /// Drops because the count of ticks had run out, whether or not a thread waited.
    pub tick_drops: u64,
    /// Drops around a call that blocks, or at the end.
    pub voluntary_drops: u64,
    /// Acquisitions by another thread than the one before.
    pub switches: u64,
    /// How often a thread had to have the mutex to take or drop the lock; all else was one atomic
    /// operation.
    pub slow_paths: u64,
    /// Sleeps on a condition variable, which are system calls. So are the wake-ups.
    pub sleeps: u64,
    /// Sleeping threads that were woken because the lock was dropped or taken.
    pub wakes: u64,
    /// Time from asking for the lock to having it, in nanoseconds; 0 for at-once.
    pub wait_ns: u64,
    /// Time the lock was held, in nanoseconds, while that is
    /// [measured](crate::gil::GlobalLock::measure_hold).
    pub hold_ns: u64,
}

impl Counters {
    /// How often the lock was taken.
    pub fn acquisitions(&self) -> u64 {
        self.acquired_at_once + self.acquired_after_wait
    }

    /// How often the lock was dropped.
    pub fn drops(&self) -> u64 {
        self.forced_drops + self.tick_drops + self.voluntary_drops
    }

    fn with(self, other: Counters, f: fn(u64, u64) -> u64) -> Counters {
        Counters {
            acquired_at_once: f(self.acquired_at_once, other.acquired_at_once),
            acquired_after_wait: f(self.acquired_after_wait, other.acquired_after_wait),
            retries: f(self.retries, other.retries),
            drop_requests: f(self.drop_requests, other.drop_requests),
            forced_drops: f(self.forced_drops, other.forced_drops),
            tick_drops: f(self.tick_drops, other.tick_drops),
            voluntary_drops: f(self.voluntary_drops, other.voluntary_drops),
            switches: f(self.switches, other.switches),
            slow_paths: f(self.slow_paths, other.slow_paths),
            sleeps: f(self.sleeps, other.sleeps),
            wakes: f(self.wakes, other.wakes),
            wait_ns: f(self.wait_ns, other.wait_ns),
            hold_ns: f(self.hold_ns, other.hold_ns),
        }
    }
}

impl Add for Counters {
    type Output = Counters;

    fn add(self, other: Counters) -> Counters {
        self.with(other, u64::wrapping_add)
    }
}

/// What happened between two readings: the later minus the earlier.
impl Sub for Counters {
    type Output = Counters;

    fn sub(self, earlier: Counters) -> Counters {
        self.with(earlier, u64::wrapping_sub)
    }
}

impl Sum for Counters {
    fn sum<I: Iterator<Item = Counters>>(all: I) -> Counters {
        all.fold(Counters::default(), Add::add)
    }
}

/// One number that one thread writes and any thread reads.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    #[inline]
    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The counters of one thread, as it counts: what is frequent as a sum, of which what is seldom is a
/// part. So to take and to drop the lock costs one addition each, and the two sums tell whether the
/// thread holds it.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    acquisitions: Counter,
    drops: Counter,
    acquired_after_wait: Counter,
    retries: Counter,
    drop_requests: Counter,
    forced_drops: Counter,
    tick_drops: Counter,
    switches: Counter,
    pub(crate) slow_paths: Counter,
    pub(crate) sleeps: Counter,
    pub(crate) wakes: Counter,
    wait_ns: Counter,
    pub(crate) hold_ns: Counter,
}

impl Meter {
    /// The thread has the lock, at once, and had it last.
    #[inline]
    pub(crate) fn acquired_at_once(&self) {
        self.acquisitions.add(1);
    }

    /// The thread has the lock, after a wait or at once.
    pub(crate) fn acquired(&self, switched: bool, waited: Option<Nanos>) {
        self.acquisitions.add(1);
        if let Some(time) = waited {
            self.acquired_after_wait.add(1);
            self.wait_ns.add(time);
        }
        self.switches.add(u64::from(switched));
    }

    /// A waiter is about to sleep, for this reason.
    pub(crate) fn count_sleep_reason(&self, why: SleepReason) {
        match why {
            SleepReason::Barged => self.retries.add(1),
            SleepReason::Asked => self.drop_requests.add(1),
            SleepReason::Busy
            | SleepReason::NewHolder
            | SleepReason::Early
            | SleepReason::Switch => {}
        }
    }

    /// The lock was dropped.
    #[inline]
    pub(crate) fn dropped(&self, reason: DropReason) {
        self.drops.add(1);
        match reason {
            DropReason::Voluntary => {}
            DropReason::Tick => self.tick_drops.add(1),
            DropReason::Request => self.forced_drops.add(1),
        }
    }

    /// Whether the thread has the lock. For itself: what another reads may be old.
    #[inline]
    pub(crate) fn holds(&self) -> bool {
        self.acquisitions.get() != self.drops.get()
    }

    /// What was counted so far.
    pub(crate) fn read(&self) -> Counters {
        // Read by another thread, a part may be newer than its sum.
        let acquired_after_wait = self.acquired_after_wait.get();
        let (forced_drops, tick_drops) = (self.forced_drops.get(), self.tick_drops.get());
        Counters {
            acquired_at_once: self.acquisitions.get().saturating_sub(acquired_after_wait),
            acquired_after_wait,
            retries: self.retries.get(),
            drop_requests: self.drop_requests.get(),
            forced_drops,
            tick_drops,
            voluntary_drops: self.drops.get().saturating_sub(forced_drops + tick_drops),
            switches: self.switches.get(),
            slow_paths: self.slow_paths.get(),
            sleeps: self.sleeps.get(),
            wakes: self.wakes.get(),
            wait_ns: self.wait_ns.get(),
            hold_ns: self.hold_ns.get(),
        }
    }
}
