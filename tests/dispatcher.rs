//! The dispatcher against a simple model, under random submissions, answers, deaths, time and
//! shutdowns: every job comes out once, with the outcome that the model expects.

#[path = "common/pool_ops.rs"]
mod pool_ops;
#[path = "dispatcher/replies.rs"]
mod replies;
#[path = "dispatcher/workers.rs"]
mod workers;

use pool_ops::{Op, Out, Twin};
use proptest::prelude::*;
use singletrack::base::id::Key;
use singletrack::futures::encode;
use singletrack::process::message::call::greeting;
use singletrack::process::message::claim::WORDS;
use singletrack::process::message::frame::{FrameKind, frame};
use singletrack::process::pool::dispatcher::*;
use singletrack::process::pool::job::*;
use singletrack::process::pool::replies::ReplyReader;
use singletrack::process::pool::take_back::Claims;
use singletrack::process::pool::worker::*;
use singletrack::process::pool::workers::{BACKOFF_NS, MAX_FAILURES};

fn op() -> impl Strategy<Value = Op> {
    let worker = 0usize..8;
    prop_oneof![
        8 => (prop::option::weighted(0.2, 1..50_000_000u64), 0..3u32, prop::bool::weighted(0.1))
            .prop_map(|(limit, retries, alone)| Op::Submit { limit, retries, alone }),
        1 => (0usize..64).prop_map(|job| Op::Kill { job }),
        1 => (1usize..5).prop_map(|workers| Op::Resize { workers }),
        1 => (0usize..64).prop_map(|job| Op::Cancel { job }),
        8 => Just(Op::Assign),
        12 => worker.clone().prop_map(|worker| Op::Deliver { worker }),
        12 => worker.clone().prop_map(|worker| Op::Answer { worker }),
        1 => worker.clone().prop_map(|worker| Op::AnswerOther { worker }),
        1 => worker.clone().prop_map(|worker| Op::Garbage { worker }),
        3 => worker.clone().prop_map(|worker| Op::Claim { worker }),
        1 => worker.clone().prop_map(|worker| Op::TakeBack { worker }),
        1 => (0usize..64, any::<bool>())
            .prop_map(|(job, all_or_none)| Op::Withdraw { job, all_or_none }),
        2 => worker.clone().prop_map(|worker| Op::End { worker }),
        3 => worker.clone().prop_map(|worker| Op::Die { worker }),
        6 => Just(Op::SpawnSucceeds),
        1 => Just(Op::SpawnFails),
        2 => worker.clone().prop_map(|worker| Op::Hello { worker }),
        6 => worker.prop_map(|worker| Op::Ready { worker }),
        6 => prop_oneof![1..2_000u64, 1..20_000_000u64].prop_map(|ns| Op::Advance { ns }),
        1 => prop_oneof![
            4 => any::<bool>().prop_map(|cancel| Op::Shutdown { cancel }),
            1 => Just(Op::Terminate),
            1 => Just(Op::GiveUp),
        ],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows X1, X2, X14.
    #[test]
    fn every_job_comes_out_exactly_once_with_the_right_verdict(
        workers in 1usize..5,
        max_tasks_per_child in prop::option::weighted(0.3, 1u32..5),
        warm in any::<bool>(),
        ops in prop::collection::vec(op(), 0..200),
    ) {
        let mut twin = Twin::new(Settings { workers, max_tasks_per_child });
        twin.drain();
        if warm {
            twin.warm_up();
        }
        ops.into_iter().for_each(|op| twin.apply(op));
        twin.finish();
    }

    /// Shows X1, X2, X14.
    #[test]
    fn so_does_every_string_of_bytes(input in prop::collection::vec(any::<u8>(), 0..600)) {
        pool_ops::run(&input);
    }

    /// Shows X11.
    #[test]
    fn max_tasks_per_child_uses_just_enough_workers_and_empties_the_backlog(
        jobs in 0usize..40,
        max in 1u32..6,
    ) {
        let mut twin = Twin::new(Settings { workers: 1, max_tasks_per_child: Some(max) });
        (0..jobs).for_each(|_| twin.apply(Op::SUBMIT));
        let out = twin.finish();
        prop_assert!(out.values().all(|out| *out == Out::Answered));
        prop_assert_eq!(out.len(), jobs);
    }
}

/// A pool with `n` workers that have said hello.
fn pool(n: usize) -> (Dispatcher<()>, Vec<Key>) {
    let mut pool = Dispatcher::new(Settings { workers: n, max_tasks_per_child: None });
    let birth = |_| {
        assert!(matches!(pool.next_action(0), Some(Action::Spawn)));
        let key = pool.started(0);
        pool.ready(key);
        key
    };
    let keys = (0..n).map(birth).collect();
    (pool, keys)
}

fn submit(pool: &mut Dispatcher<()>, ids: std::ops::Range<u64>) {
    ids.for_each(|id| pool.submit(PoolJob { id, terms: Terms::default(), body: () }));
}

#[test]
fn a_slow_worker_is_never_sent_ahead() {
    let (mut pool, keys) = pool(2);
    submit(&mut pool, 0..3);
    assert_eq!(pool.assign(0, |_| true), Some(keys[0]));
    assert_eq!(pool.assign(0, |_| true), Some(keys[1]));
    assert_eq!(pool.assign(0, |_| true), None, "job 2 must wait for the worker that is free first");
    pool.delivered(keys[1]);
    assert_eq!(pool.answered(keys[1], 1, 1_000_000_000).unwrap().id, 1);
    assert_eq!(pool.assign(1_000_000_000, |_| true), Some(keys[1]));
}

#[test]
fn quick_answers_let_a_worker_be_sent_ahead_and_one_slow_answer_ends_it() {
    let (mut pool, keys) = pool(1);
    submit(&mut pool, 0..1000);
    let (mut now, mut answered, mut held, mut most) = (0, 0, 0, 0);
    // A gap of 2 µs would make 250 jobs in half a millisecond: more than the most.
    let mut round = |gap: u64, pool: &mut Dispatcher<()>| {
        while pool.assign(now, |_| true).is_some() {
            pool.delivered(keys[0]);
            held += 1;
        }
        most = held;
        now += gap;
        assert_eq!(pool.answered(keys[0], answered, now).unwrap().id, answered);
        answered += 1;
        held -= 1;
        most
    };
    assert_eq!(round(2_000, &mut pool), 1);
    let most = (0..200).map(|_| round(2_000, &mut pool)).max().unwrap();
    assert_eq!(most, MAX_AHEAD);
    round(1_000_000_000, &mut pool);
    let after: Vec<usize> = (0..MAX_AHEAD).map(|_| round(1_000_000, &mut pool)).collect();
    assert!(after[..64].is_sorted_by(|before, then| before > then), "still sent ahead: {after:?}");
    assert_eq!(after.last(), Some(&1), "still sent ahead: {after:?}");
}

/// Feeds the only worker, and gives how many jobs it holds then.
fn feed(pool: &mut Dispatcher<()>, key: Key, held: &mut usize, now: u64) -> usize {
    while pool.assign(now, |_| true).is_some() {
        pool.delivered(key);
        *held += 1;
    }
    *held
}

/// Sends all that can be sent; says how many jobs that were.
fn send(pool: &mut Dispatcher<()>, now: u64) -> usize {
    std::iter::from_fn(|| pool.assign(now, |_| true).map(|key| pool.delivered(key))).count()
}

#[test]
fn how_quick_jobs_were_says_little_of_those_after_a_pause() {
    let (mut pool, keys) = pool(2);
    submit(&mut pool, 0..1000);
    let (mut now, mut most) = (0, 0);
    let answer = |key: Key, now: u64, pool: &mut Dispatcher<()>| {
        let (_, stats) = pool.worker_stats().find(|(worker, _)| *worker == key).unwrap();
        stats.running.map(|id| pool.answered(key, id, now).unwrap()).is_some()
    };
    loop {
        send(&mut pool, now);
        most = most.max(pool.load(keys[0]));
        now += 1_000;
        if keys.iter().filter(|key| answer(**key, now, &mut pool)).count() == 0 {
            break;
        }
    }
    assert_eq!((pool.counts().answered, most), (1000, MAX_AHEAD));
    // Ten long jobs, say, that come in one by one: if they were all sent, a worker might fall
    // idle while another has four more to do.
    let sent = (1000..1010).map(|id| {
        submit(&mut pool, id..id + 1);
        send(&mut pool, now)
    });
    assert_eq!(sent.sum::<usize>(), 4, "each has one to do, and one ahead");
    // But these are short as well, as soon shows.
    assert!(answer(keys[0], now + 1_000, &mut pool));
    assert_eq!(send(&mut pool, now + 1_000), 2, "one to do, two ahead");
}

/// Which of one worker's jobs it has begun: those before this place.
struct Begun(u64);

impl Claims for Begun {
    fn take_back(&mut self, _worker: Key, nth: u64) -> bool {
        nth >= self.0
    }

    fn is_claimed(&mut self, _worker: Key, nth: u64) -> bool {
        nth < self.0
    }
}

/// Three workers that have shown that they are quick, and the number of jobs that they did.
fn quick_workers() -> (Dispatcher<()>, Vec<Key>, u64) {
    let (mut pool, keys) = pool(3);
    for round in 0..100 {
        let (first, now) = (3 * round, round * 5_000);
        submit(&mut pool, first..first + 3);
        assert_eq!(send(&mut pool, now), 3);
        for key in &keys {
            let ids: Vec<u64> = pool.held(*key).map(|job| job.id).collect();
            ids.into_iter().for_each(|id| _ = pool.answered(*key, id, now + 5_000).unwrap());
        }
    }
    (pool, keys, 300)
}

#[test]
fn no_job_waits_behind_another_while_a_worker_is_idle() {
    let (mut pool, keys, first) = quick_workers();
    let now = 20_000_000;
    submit(&mut pool, first..first + 6);
    assert_eq!(send(&mut pool, now), 6, "two each: they were quick until now");
    let begun = pool.ever_delivered(keys[0]) - 1; // it has begun the first of its two
    let late = now + AHEAD_NS;
    for key in &keys[1..] {
        let ids: Vec<u64> = pool.held(*key).map(|job| job.id).collect();
        ids.into_iter().for_each(|id| _ = pool.answered(*key, id, late - 2).unwrap());
    }
    assert!(pool.next_action(late - 1).is_none(), "it may be quick yet");
    assert_eq!(pool.next_deadline(), Some(late));
    assert!(matches!(pool.next_action(late), Some(Action::TakeBack(key)) if key == keys[0]));
    pool.take_back(keys[0], &mut Begun(begun));
    assert_eq!(pool.load(keys[0]), 1);
    let sent = pool.assign(late, |_| true).unwrap();
    assert_ne!(sent, keys[0]);
    assert!(pool.next_action(late).is_none());
    // The first runs for long: nothing is sent behind it, though the others have one each.
    submit(&mut pool, first + 6..first + 20);
    send(&mut pool, late);
    assert_eq!(pool.load(keys[0]), 1);
}

#[test]
fn a_closed_pool_keeps_an_idle_worker_for_jobs_that_wait_behind_another() {
    let (mut pool, keys, first) = quick_workers();
    pool.resize(2);
    while pool.next_action(0).is_some() {}
    let (one, two) = (keys[1], keys[2]);
    submit(&mut pool, first..first + 4);
    assert_eq!(send(&mut pool, 20_000_000), 4);
    pool.shutdown(false);
    let ids: Vec<u64> = pool.held(two).map(|job| job.id).collect();
    ids.into_iter().for_each(|id| _ = pool.answered(two, id, 20_000_001).unwrap());
    assert!(pool.next_action(20_000_001).is_none(), "it is not told to exit");
    let late = 20_000_000 + AHEAD_NS;
    assert!(matches!(pool.next_action(late), Some(Action::TakeBack(key)) if key == one));
    pool.take_back(one, &mut Begun(pool.ever_delivered(one) - 1));
    assert_eq!(pool.assign(late, |_| true), Some(two));
}

#[test]
fn a_job_is_withdrawn_until_it_begins_and_all_of_a_group_or_none() {
    let (mut pool, keys, first) = quick_workers();
    submit(&mut pool, first..first + 6);
    assert_eq!(send(&mut pool, 20_000_000), 6);
    let begun = pool.ever_delivered(keys[0]) - 1;
    let held: Vec<u64> = pool.held(keys[0]).map(|job| job.id).collect();
    let mut claims = Begun(begun); // of the others all are free
    assert!(!pool.withdraw(|job| held.contains(&job.id), true, &mut claims));
    assert_eq!(pool.load(keys[0]), 2, "nothing was taken back");
    assert!(pool.has_begun(|job| job.id == held[0], &mut claims));
    assert!(pool.withdraw(|job| job.id == held[1], true, &mut claims));
    assert!(!pool.withdraw(|job| job.id == held[0], true, &mut claims));
    assert!(!pool.withdraw(|job| job.id == held[0], false, &mut claims));
    assert_eq!(pool.load(keys[0]), 1);
    // It is in the queue again, where a cancelled one is dropped.
    assert_eq!(pool.assign(20_000_000, |job| job.id != held[1]), None);
    let out = pool.next_action(20_000_000);
    assert!(matches!(out, Some(Action::Resolve(job, JobOutcome::Cancelled)) if job.id == held[1]));
}

#[test]
fn to_a_worker_without_claims_nothing_is_sent_ahead() {
    let (mut pool, keys, first) = quick_workers();
    keys.iter().for_each(|key| pool.has_no_claims(*key));
    submit(&mut pool, first..first + 6);
    assert_eq!(send(&mut pool, 20_000_000), 3);
}

#[test]
fn of_the_jobs_that_a_worker_holds_no_two_share_a_word() {
    let (mut pool, keys) = pool(1);
    submit(&mut pool, 0..2000);
    let (mut now, mut answered) = (0, 0);
    for _ in 0..300 {
        send(&mut pool, now);
        now += 2_000;
        pool.answered(keys[0], answered, now).unwrap();
        answered += 1;
    }
    // It is long at the next, and all that were sent ahead are withdrawn again and again.
    let runs = pool.ever_delivered(keys[0]) - pool.load(keys[0]) as u64;
    for _ in 0..20 {
        send(&mut pool, now);
        assert!(pool.ever_delivered(keys[0]) - runs <= WORDS);
        pool.take_back(keys[0], &mut Begun(runs + 1));
        assert_eq!(pool.load(keys[0]), 1);
    }
    assert_eq!(pool.ever_delivered(keys[0]) - runs, WORDS, "all its words were used");
}

#[test]
fn answers_that_come_together_share_the_time_they_took() {
    let (mut pool, keys) = pool(1);
    submit(&mut pool, 0..30_000);
    // Jobs of 5 µs, fifty heard at a time: half a millisecond is a hundred of them.
    let (mut now, mut answered, mut held, mut most) = (0, 0, 0, 0);
    for round in 0..400 {
        let fed = feed(&mut pool, keys[0], &mut held, now);
        // The first rounds are for getting to know the worker.
        most = if round < 300 { 0 } else { most.max(fed) };
        let heard = fed.min(50);
        now += 5_000 * heard as u64;
        for _ in 0..heard {
            pool.answered(keys[0], answered, now).unwrap();
            (answered, held) = (answered + 1, held - 1);
        }
    }
    assert!((90..=110).contains(&most), "it holds {most} jobs of 5 µs");
}

#[test]
fn the_supervisor_naps_only_while_all_busy_workers_have_many_jobs() {
    let (mut pool, keys) = pool(2);
    assert_eq!(pool.backlog(), 0, "no worker has a job");
    submit(&mut pool, 0..1);
    assert_eq!(pool.assign(0, |_| true), Some(keys[0]));
    pool.delivered(keys[0]);
    assert_eq!(pool.backlog(), 0, "a thread may wait for this one");
    pool.answered(keys[0], 0, 1_000).unwrap();
    // The second worker dies at once; the first does what there is, a microsecond each.
    pool.died(keys[1], 1_000);
    submit(&mut pool, 1..1000);
    let (mut now, mut answered, mut held, mut lulls) = (1_000, 1, 0, Vec::new());
    while feed(&mut pool, keys[0], &mut held, now) > 0 {
        lulls.push((held, pool.backlog()));
        now += 1_000;
        pool.answered(keys[0], answered, now).unwrap();
        (answered, held) = (answered + 1, held - 1);
    }
    assert_eq!(answered, 1000);
    let most = lulls.iter().map(|(_, lull)| *lull).max().unwrap();
    assert!(most > 100_000, "{MAX_AHEAD} jobs of a microsecond, and only {most} ns");
    assert!(lulls.iter().all(|(held, lull)| *held >= 16 || *lull == 0), "{lulls:?}");
    assert_eq!(lulls.last(), Some(&(1, 0)));
}

/// Shows X12.
#[test]
fn eight_failures_with_no_worker_alive_break_the_pool_with_growing_pauses() {
    let mut pool: Dispatcher<()> =
        Dispatcher::new(Settings { workers: 1, max_tasks_per_child: None });
    submit(&mut pool, 0..2);
    let (mut now, mut pauses) = (0, Vec::new());
    for _ in 0..MAX_FAILURES {
        assert!(matches!(pool.next_action(now), Some(Action::Spawn)));
        pool.spawn_failed(now);
        if let Some(at) = pool.next_deadline() {
            assert!(pool.next_action(at - 1).is_none(), "no spawn before the pause is over");
            pauses.push((at - now) / BACKOFF_NS);
            now = at;
        }
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64]);
    for id in 0..2 {
        assert!(matches!(
            pool.next_action(now),
            Some(Action::Resolve(PoolJob { id: i, .. }, JobOutcome::Broken)) if i == id
        ));
    }
    assert!(pool.finished());
    submit(&mut pool, 2..3);
    assert!(matches!(pool.next_action(now), Some(Action::Resolve(_, JobOutcome::Broken))));
}

#[test]
fn a_large_pool_that_cannot_fork_for_a_moment_is_not_broken() {
    let mut pool: Dispatcher<()> =
        Dispatcher::new(Settings { workers: 100, max_tasks_per_child: None });
    submit(&mut pool, 0..1);
    assert!(matches!(pool.next_action(0), Some(Action::Spawn)));
    assert!(pool.next_action(0).is_none(), "first see what becomes of this one");
    pool.spawn_failed(0);
    let later = pool.next_deadline().unwrap();
    for _ in 0..100 {
        assert!(matches!(pool.next_action(later), Some(Action::Spawn)));
        pool.started(later);
    }
    assert!(pool.next_action(later).is_none());
}

#[test]
fn a_worker_that_never_says_hello_is_killed_and_counts_as_a_failure() {
    let mut pool: Dispatcher<()> =
        Dispatcher::new(Settings { workers: 1, max_tasks_per_child: None });
    submit(&mut pool, 0..1);
    let mut now = 0;
    for _ in 0..MAX_FAILURES {
        now = now.max(pool.next_deadline().unwrap_or(0));
        assert!(matches!(pool.next_action(now), Some(Action::Spawn)));
        let key = pool.started(now);
        assert_eq!(pool.next_deadline(), Some(now + HELLO_NS));
        now += HELLO_NS;
        assert!(matches!(pool.next_action(now), Some(Action::Kill(k)) if k == key));
        pool.died(key, now);
    }
    assert!(matches!(pool.next_action(now), Some(Action::Resolve(_, JobOutcome::Broken))));
}

#[test]
fn a_closed_pool_replaces_a_worker_that_a_queued_job_needs() {
    let (mut pool, keys) = pool(2);
    submit(&mut pool, 0..3);
    for key in keys.iter().copied() {
        assert_eq!(pool.assign(0, |_| true), Some(key));
        pool.delivered(key);
    }
    pool.shutdown(false);
    pool.died(keys[1], 1);
    assert!(matches!(pool.next_action(1), Some(Action::Resolve(_, JobOutcome::Lost(_)))));
    // The other may be busy for ever.
    assert!(matches!(pool.next_action(1), Some(Action::Spawn)));
    let new = pool.started(1);
    assert!(pool.next_action(1).is_none(), "no other worker is needed");
    pool.ready(new);
    assert_eq!(pool.assign(2, |_| true), Some(new));
    pool.died(keys[0], 3);
    assert!(matches!(pool.next_action(3), Some(Action::Resolve(_, JobOutcome::Lost(_)))));
    assert!(pool.next_action(3).is_none(), "no worker is needed any more");
}

#[test]
fn a_job_that_ends_its_workers_is_tried_as_often_as_its_terms_say() {
    let (mut pool, keys) = pool(3);
    let twice = Terms { retries: 2, ..Terms::default() };
    pool.submit(PoolJob { id: 7, terms: twice, body: () });
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(pool.assign(0, |job| job.id == 7), Some(*key), "attempt {at}");
        pool.delivered(*key);
        pool.died(*key, 0);
    }
    let lost = std::iter::from_fn(|| pool.next_action(0)).find_map(|action| match action {
        Action::Resolve(job, JobOutcome::Lost(by)) => Some((job.id, by)),
        _ => None,
    });
    assert_eq!(lost, Some((7, keys[2])), "three attempts");
    assert_eq!((pool.counts().retried, pool.counts().lost), (2, 1));
}

/// One worker that has been quick and holds many jobs, all delivered; what they are, and the time.
fn sent_far_ahead() -> (Dispatcher<()>, Key, Vec<u64>, u64) {
    let (mut pool, keys) = pool(1);
    submit(&mut pool, 0..500);
    let mut now = 0;
    for answered in 0..100 {
        send(&mut pool, now);
        now += 2_000;
        pool.answered(keys[0], answered, now).unwrap();
    }
    let sent: Vec<u64> = pool.held(keys[0]).map(|job| job.id).collect();
    assert!(sent.len() > 3, "it is sent ahead: {sent:?}");
    (pool, keys[0], sent, now)
}

#[test]
fn jobs_that_come_back_stand_before_the_queue_in_their_old_order() {
    let (mut pool, key, sent, now) = sent_far_ahead();
    let runs = pool.ever_delivered(key) - sent.len() as u64;
    pool.take_back(key, &mut Begun(runs + 1));
    assert_eq!(pool.load(key), 1);
    pool.shutdown(true); // what is in the queue comes out, from its front on
    let out = std::iter::from_fn(|| pool.next_action(now)).filter_map(|action| match action {
        Action::Resolve(job, JobOutcome::Cancelled) => Some(job.id),
        _ => None,
    });
    assert!(out.eq(sent[1]..500), "all but the one that has begun");
}

#[test]
fn a_worker_that_is_being_killed_is_not_heard() {
    let (mut pool, key, sent, now) = sent_far_ahead();
    pool.misbehaved(key, "garbage".to_owned());
    for id in &sent[1..] {
        assert!(pool.answered(key, *id, now).is_none(), "job {id}");
    }
    pool.died(key, now);
    let lost = std::iter::from_fn(|| pool.next_action(now)).filter_map(|action| match action {
        Action::Resolve(job, JobOutcome::Lost(_)) => Some(job.id),
        _ => None,
    });
    assert!(lost.eq(sent[1..].iter().copied()), "they may have begun");
}

#[test]
fn what_a_dead_worker_had_not_begun_does_not_wait_for_its_reaping() {
    let (mut pool, keys) = pool(2);
    let limited = Terms { limit: Some(100), retries: 3, ..Terms::default() };
    pool.submit(PoolJob { id: 0, terms: limited, body: () });
    submit(&mut pool, 1..2);
    (0..2).for_each(|i| assert_eq!(pool.assign(0, |_| true), Some(keys[i])));
    pool.delivered(keys[0]); // the other is still in the pipe
    keys.iter().for_each(|key| pool.ended(*key));
    assert_eq!((pool.load(keys[0]), pool.load(keys[1])), (1, 0), "job 1 is in the queue again");
    assert_eq!(pool.assign(0, |_| true), None, "neither gets a job");
    assert_eq!(pool.next_deadline(), Some(100));
    let late = pool.next_action(100);
    assert!(matches!(late, Some(Action::Resolve(_, JobOutcome::TimedOut(100)))), "{late:?}");
    assert!(pool.next_action(100).is_none(), "the dead are not killed");
    keys.iter().for_each(|key| pool.died(*key, 101));
    assert!(matches!(pool.next_action(101), Some(Action::Spawn)));
}

#[test]
fn an_answer_comes_in_no_more_parts_than_the_job_has_items() {
    for items in [0, 1, 3] {
        let (mut pool, keys) = pool(1);
        let terms = Terms { items, ..Terms::default() };
        pool.submit(PoolJob { id: 0, terms, body: () });
        assert_eq!(pool.assign(0, |_| true), Some(keys[0]));
        pool.delivered(keys[0]);
        assert!((0..items).all(|_| pool.answered_in_part(keys[0], 0)));
        assert!(!pool.answered_in_part(keys[0], 0), "of {items} items");
        assert!(matches!(pool.next_action(0), Some(Action::Kill(_))));
        let lost = pool.next_action(0);
        assert!(matches!(lost, Some(Action::Resolve(_, JobOutcome::Protocol(..)))), "{lost:?}");
        assert!(pool.answered(keys[0], 0, 1).is_none());
    }
}

#[test]
fn only_a_job_that_travels_alone_can_be_killed() {
    let plain = Terms::default();
    let alone = Terms { alone: true, ..plain };
    let limited = Terms { limit: Some(1 << 40), ..plain };
    for (terms, may) in [(plain, false), (alone, true), (limited, true)] {
        let (mut pool, keys) = pool(1);
        (0..2).for_each(|id| pool.submit(PoolJob { id, terms, body: () }));
        assert_eq!(pool.assign(0, |_| true), Some(keys[0]));
        pool.delivered(keys[0]);
        assert_eq!([pool.kill(0), pool.kill(1)], [may; 2], "{terms:?}");
        assert_eq!(pool.next_action(0).is_some(), may, "{terms:?}");
    }
}

#[test]
fn a_worker_that_does_not_leave_is_killed() {
    let (mut pool, keys) = pool(1);
    pool.shutdown(false);
    assert!(matches!(pool.next_action(7), Some(Action::Retire(k)) if k == keys[0]));
    assert_eq!(pool.next_deadline(), Some(7 + GRACE_NS));
    assert!(pool.next_action(6 + GRACE_NS).is_none());
    assert!(matches!(pool.next_action(7 + GRACE_NS), Some(Action::Kill(k)) if k == keys[0]));
    pool.died(keys[0], 7 + GRACE_NS);
    assert!(pool.finished());
}

/// Shows W7.
#[test]
fn an_answer_to_a_job_that_was_not_delivered_breaks_the_protocol() {
    let (mut pool, keys) = pool(1);
    submit(&mut pool, 0..1);
    pool.assign(0, |_| true);
    assert!(pool.answered(keys[0], 0, 0).is_none());
    assert!(matches!(pool.next_action(0), Some(Action::Kill(_))));
    assert!(matches!(pool.next_action(0), Some(Action::Resolve(_, JobOutcome::Protocol(..)))));
}

#[test]
fn a_pool_made_smaller_lets_the_idle_go_first_and_never_interrupts() {
    let (mut pool, keys) = pool(3);
    submit(&mut pool, 0..1);
    assert_eq!(pool.assign(0, |_| true), Some(keys[0]));
    pool.delivered(keys[0]);
    pool.resize(1);
    let mut retired = Vec::new();
    while let Some(action) = pool.next_action(0) {
        match action {
            Action::Retire(key) => retired.push(key),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(retired, keys[1..]);
    assert!(pool.answered(keys[0], 0, 1).is_some());
    assert!(pool.next_action(1).is_none(), "the busy one stays");
}

#[test]
fn a_pool_made_larger_again_keeps_those_that_had_not_gone() {
    let (mut pool, keys) = pool(2);
    submit(&mut pool, 0..2);
    keys.iter().for_each(|key| {
        pool.assign(0, |_| true);
        pool.delivered(*key);
    });
    pool.resize(1);
    pool.resize(2);
    keys.iter().zip(0..).for_each(|(key, id)| assert!(pool.answered(*key, id, 1).is_some()));
    assert!(pool.next_action(1).is_none(), "no worker ends, none is forked");
}

/// Shows W8.
#[test]
fn a_worker_of_another_program_is_refused() {
    let other_protocol = encode(&(999u32, 0usize)).unwrap();
    let elsewhere = {
        let mut same = greeting();
        *same.last_mut().unwrap() ^= 1;
        same
    };
    for body in [other_protocol, elsewhere, Vec::new(), vec![0xff; 20]] {
        let mut pool = Dispatcher::new(Settings { workers: 1, max_tasks_per_child: None });
        assert!(matches!(pool.next_action(0), Some(Action::Spawn)));
        let key = pool.started(0);
        submit(&mut pool, 0..1);
        let mut hearing = ReplyReader::new(false);
        let hello = frame(FrameKind::Hello, 0, &body).unwrap();
        hearing.room()[..hello.len()].copy_from_slice(&hello);
        hearing.filled(hello.len());
        assert!(hearing.handle_frames(key, &mut pool, 0).is_empty());
        assert!(matches!(pool.next_action(0), Some(Action::Kill(k)) if k == key), "{body:?}");
        assert_eq!(pool.assign(0, |_| true), None, "it gets no job");
    }
}
