//! How long waits and holds were: the histogram against a list of all lengths, and the lock's
//! own against its counters.
#![cfg(not(any(loom, shuttle)))]

mod common;

use common::watchdog;
use proptest::prelude::*;
use singletrack::gil::GilThread;
use singletrack::gil::GlobalLock;
use singletrack::gil::Histogram;
use singletrack::gil::SwitchPolicy;
use std::sync::{Arc, Barrier};

/// Lengths of every size, with those at the edges of buckets among them.
fn lengths() -> impl Strategy<Value = Vec<u64>> {
    let edge = (0..64u32, 0..3u64).prop_map(|(bit, off)| (1u64 << bit).wrapping_add(off) - 1);
    proptest::collection::vec(prop_oneof![any::<u64>(), edge, 0..100_000u64], 0..200)
}

fn filled(lengths: &[u64]) -> Histogram {
    let mut histogram = Histogram::default();
    lengths.iter().for_each(|&length| histogram.add(length));
    histogram
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_percentile_is_at_most_twice_what_a_list_would_say(
        mut lengths in lengths(),
        share in 0.0..=1.0f64,
    ) {
        let histogram = filled(&lengths);
        prop_assert_eq!(histogram.count(), lengths.len() as u64);
        lengths.sort_unstable();
        let Some(&max) = lengths.last() else {
            prop_assert_eq!((histogram.max(), histogram.percentile(share)), (0, 0));
            return Ok(());
        };
        prop_assert_eq!(histogram.max(), max);
        let rank = ((share * lengths.len() as f64).ceil() as usize).max(1);
        let (exact, shown) = (lengths[rank - 1], histogram.percentile(share));
        prop_assert!(exact <= shown && shown <= max && shown / 2 <= exact, "{exact} {shown}");
    }

    #[test]
    fn the_buckets_hold_every_length_once(lengths in lengths()) {
        let mut from = None;
        let mut rest = lengths.clone();
        for (end, count) in filled(&lengths).buckets() {
            prop_assert!(count > 0, "an empty bucket is not worth a line");
            let inside = |&length: &u64| from.is_none_or(|from| from < length) && length <= end;
            prop_assert_eq!(rest.iter().copied().filter(inside).count() as u64, count);
            rest.retain(|length| !inside(length));
            from = Some(end);
        }
        prop_assert!(rest.is_empty(), "in no bucket: {:?}", rest);
    }

    /// Numbers that another process has sent need not be possible.
    #[test]
    fn counts_that_cannot_be_stay_at_the_most_that_can(
        buckets in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..20),
        max: u64,
        share in -1.0..=2.0f64,
    ) {
        let histogram = Histogram::from_buckets(buckets, max);
        let both = histogram + histogram;
        for histogram in [histogram, both] {
            prop_assert!(histogram.percentile(share) <= max);
            let kept = histogram.buckets().fold(0u64, |sum, (_, count)| sum.saturating_add(count));
            prop_assert_eq!(histogram.count(), kept);
        }
    }

    #[test]
    fn a_histogram_can_be_made_again_of_its_buckets(lengths in lengths()) {
        let histogram = filled(&lengths);
        prop_assert_eq!(Histogram::from_buckets(histogram.buckets(), histogram.max()), histogram);
    }

    #[test]
    fn a_sum_is_the_histogram_of_both(one in lengths(), other in lengths()) {
        let both: Vec<u64> = one.iter().chain(&other).copied().collect();
        prop_assert_eq!(filled(&one) + filled(&other), filled(&both));
    }
}

/// Shows G7.
#[test]
fn every_wait_is_counted_and_every_hold_that_is_measured() {
    let _watchdog = watchdog("waits and holds", 60);
    for (name, policy) in SwitchPolicy::PRESETS {
        let lock = GlobalLock::new(policy);
        lock.attach(|_| ()).unwrap();
        assert_eq!(lock.times().hold.count(), 0, "{name}: not measured");
        lock.measure_hold(true);
        let gate = Arc::new(Barrier::new(4));
        let spawn = |number: usize| {
            let gate = Arc::clone(&gate);
            GilThread::spawn(&lock, &format!("worker {number}"), move |gil| {
                gil.detach(|| gate.wait());
                for _ in 0..60 {
                    gil.tick();
                    gil.checkpoint();
                    gil.detach(std::thread::yield_now);
                }
                gil.detach(|| gate.wait()); // all have counted
                gil.detach(|| gate.wait()); // and their counters are read
            })
        };
        let threads: Vec<_> = (0..3).map(|number| spawn(number).unwrap()).collect();
        gate.wait();
        gate.wait();
        while lock.waiting() > 0 {
            std::thread::yield_now();
        }
        let mut by_thread: Vec<String> = lock.thread_times().into_iter().map(|t| t.0).collect();
        by_thread.retain(|name| name.starts_with("worker"));
        by_thread.sort();
        assert_eq!(by_thread, ["worker 0", "worker 1", "worker 2"], "{name}");
        gate.wait();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let (times, counters) = (lock.times(), lock.counters());
        assert_eq!(times.wait.count(), counters.acquired_after_wait, "{name}");
        assert_eq!(times.hold.count() + 1, counters.drops(), "{name}: all but the first");
        assert!(times.hold.max() <= counters.hold_ns, "{name}");
        assert!(times.wait.max() <= counters.wait_ns, "{name}");
    }
}

#[test]
fn the_times_of_recorded_threads_are_kept_when_the_threads_are_gone() {
    let lock = GlobalLock::new(SwitchPolicy::FAIR);
    let names = |lock: &GlobalLock| {
        lock.thread_times().into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    let run = |name: &str| GilThread::spawn(&lock, name, |_| ()).unwrap().join().unwrap();
    run("not recorded");
    assert!(names(&lock).is_empty());
    lock.record(10);
    run("recorded");
    assert_eq!(names(&lock), ["recorded"]);
    assert_eq!(lock.thread_times()[0].1.hold.count(), 1);
}
