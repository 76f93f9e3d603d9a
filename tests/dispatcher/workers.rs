//! What the pool knows of its workers, and does with those that come, go, or are in the way.

use crate::{Begun, pool, pool_ops, quick_workers, send, submit};
use singletrack::process::pool::dispatcher::*;
use singletrack::process::pool::job::*;
use singletrack::process::pool::worker::*;
use singletrack::process::pool::workers::{BACKOFF_NS, MAX_FAILURES, SpawnBackoff};

/// Else the model would never see a job that was sent ahead.
#[test]
fn the_models_warm_workers_are_sent_ahead() {
    let mut twin = pool_ops::Twin::new(Settings { workers: 2, max_tasks_per_child: None });
    twin.drain();
    twin.warm_up();
    (0..4).for_each(|_| twin.apply(pool_ops::Op::SUBMIT));
    twin.apply(pool_ops::Op::Assign);
    assert_eq!(twin.most_held(), 2);
    twin.finish();
}

#[test]
fn a_pool_that_collapses_lets_go_of_every_job_also_of_those_that_run() {
    let (mut pool, keys, first) = quick_workers();
    submit(&mut pool, first..first + 20);
    let sent = send(&mut pool, 20_000_000);
    assert!(sent > 3 && pool.is_backed_up());
    pool.collapse();
    let mut out = Vec::new();
    while let Some(action) = pool.next_action(20_000_000) {
        match action {
            Action::Resolve(job, JobOutcome::Broken) => out.push(job.id),
            other => panic!("{other:?}"),
        }
    }
    out.sort_unstable();
    assert!(out.into_iter().eq(first..first + 20));
    assert!(pool.finished() && keys.iter().all(|key| pool.load(*key) == 0));
    assert_eq!(pool.counts().broken, 20);
}

#[test]
fn it_is_backed_up_while_it_is_open_and_a_job_waits() {
    let (mut pool, _) = pool(1);
    assert!(!pool.is_backed_up());
    submit(&mut pool, 0..2);
    assert_eq!((send(&mut pool, 0), pool.is_backed_up()), (1, true));
    pool.shutdown(false);
    assert!(!pool.is_backed_up(), "what is submitted now does not wait");
}

#[test]
fn it_knows_how_many_workers_it_is_to_have_and_which_were_ever_ready() {
    let (mut pool, keys) = pool(2);
    assert_eq!(pool.workers_wanted(), 2);
    pool.resize(3);
    assert_eq!(pool.workers_wanted(), 3);
    assert!(matches!(pool.next_action(0), Some(Action::Spawn)));
    let new = pool.started(0);
    assert!(keys.iter().all(|key| pool.was_ready(*key)) && !pool.was_ready(new));
    pool.ready(new);
    assert!(pool.was_ready(new));
    pool.died(new, 0);
    assert!(!pool.was_ready(new), "it is forgotten");
    assert_eq!((pool.counts().workers_started, pool.counts().workers_ended), (3, 1));
}

#[test]
fn a_worker_runs_only_a_job_that_it_holds_alone() {
    let (mut pool, keys, first) = quick_workers();
    submit(&mut pool, first..first + 4);
    assert_eq!(send(&mut pool, 20_000_000), 4);
    let runs_only = |pool: &Dispatcher<()>, job| keys.iter().any(|key| pool.runs_only(*key, job));
    let alone = (first..first + 4).map(|job| runs_only(&pool, job)).collect::<Vec<_>>();
    assert_eq!(alone, [false, true, true, false], "one worker holds the first and the last");
    assert!(!runs_only(&pool, first + 4));
}

#[test]
fn what_was_delivered_is_known_with_its_place() {
    let (mut pool, keys) = pool(1);
    let delivered = |pool: &Dispatcher<()>| {
        pool.delivered_to(keys[0]).map(|(job, nth)| (job.id, nth)).collect::<Vec<_>>()
    };
    for id in 0..3 {
        submit(&mut pool, id..id + 1);
        assert!(pool.assign(0, |_| true).is_some() && delivered(&pool).is_empty());
        pool.delivered(keys[0]);
        assert_eq!(delivered(&pool), [(id, id)]);
        assert!(pool.answered(keys[0], id, 1).is_some());
    }
    let (_, stats) = pool.worker_stats().next().unwrap();
    assert_eq!((stats.answered, stats.held, stats.running), (3, 0, None));
}

#[test]
fn a_job_is_run_again_as_often_as_its_terms_say_and_is_then_lost() {
    for retries in [0, 1, 3] {
        let (mut pool, keys) = pool(1);
        let mut key = keys[0];
        pool.submit(PoolJob { id: 0, terms: Terms { retries, ..Terms::default() }, body: () });
        for run in 0..=retries {
            assert_eq!(send(&mut pool, 0), 1, "run {run} of {retries}");
            pool.died(key, 0);
            if run == retries {
                break;
            }
            assert_eq!(pool.counts().retried, u64::from(run) + 1);
            assert!(matches!(pool.next_action(0), Some(Action::Spawn)));
            key = pool.started(0);
            pool.ready(key);
        }
        let lost = pool.next_action(0);
        assert!(matches!(lost, Some(Action::Resolve(_, JobOutcome::Lost(_)))), "{lost:?}");
        assert_eq!((pool.counts().retried, pool.counts().lost), (u64::from(retries), 1));
    }
}

#[test]
fn what_a_worker_had_may_have_begun_and_nothing_else() {
    let key = pool(1).1[0];
    for (outcome, may) in [
        (JobOutcome::Cancelled, false),
        (JobOutcome::TimedOut(1), true),
        (JobOutcome::Lost(key), true),
        (JobOutcome::Protocol(key, String::new()), true),
        (JobOutcome::ShutDown, false),
        (JobOutcome::Broken, false),
    ] {
        assert_eq!(outcome.may_have_begun(), may, "{outcome:?}");
    }
}

#[test]
fn a_pool_with_an_answer_still_to_be_given_is_not_finished() {
    let mut pool = Dispatcher::new(Settings { workers: 0, max_tasks_per_child: None });
    pool.shutdown(false);
    assert!(pool.finished());
    submit(&mut pool, 0..1);
    assert!(!pool.finished());
    assert!(matches!(pool.next_action(0), Some(Action::Resolve(_, JobOutcome::ShutDown))));
    assert!(pool.finished());
}

#[test]
fn sixteen_jobs_are_a_backlog_and_who_has_none_does_not_count() {
    let (mut pool, keys, first) = quick_workers();
    submit(&mut pool, first..first + 600);
    let (mut now, mut backlogs) = (600_000, Vec::new());
    while send(&mut pool, now) > 0 || keys.iter().any(|key| pool.load(*key) > 0) {
        backlogs.push((keys.iter().map(|key| pool.load(*key)).collect(), pool.backlog()));
        now += 5_000;
        // The third does nothing more when the queue is empty, until the others are done.
        let last = usize::from(pool.load(keys[0]) + pool.load(keys[1]) > 0 && !pool.is_backed_up());
        for key in &keys[..3 - last] {
            let id = pool.held(*key).next().map(|job| job.id);
            id.into_iter().for_each(|id| _ = pool.answered(*key, id, now).unwrap());
        }
    }
    let expected = |loads: &Vec<usize>| loads.iter().all(|load| *load == 0 || *load >= 16);
    for (loads, backlog) in &backlogs {
        assert_eq!(*backlog > 0, expected(loads), "{loads:?}");
    }
    let alone = |(loads, _): &&(Vec<usize>, u64)| loads[..2] == [0, 0] && loads[2] >= 16;
    assert!(backlogs.iter().any(|one| alone(&one)), "the third was never alone with many");
    assert!(backlogs.iter().any(|(loads, _)| loads.contains(&16)));
}

#[test]
fn jobs_are_not_taken_back_when_no_worker_is_idle() {
    let (mut pool, keys, first) = quick_workers();
    submit(&mut pool, first..first + 6);
    assert_eq!(send(&mut pool, 20_000_000), 6, "two each");
    let late = 20_000_000 + AHEAD_NS;
    assert_eq!(pool.next_deadline(), None);
    assert!(pool.next_action(late).is_none());
    // Nor because one has nothing to do that gets no more jobs, or is not ready for one.
    pool.died(keys[2], late);
    assert!(matches!(pool.next_action(late), Some(Action::Resolve(_, JobOutcome::Lost(_)))));
    assert!(matches!(pool.next_action(late), Some(Action::Spawn)));
    let new = pool.started(late);
    assert!(pool.next_action(late).is_none());
    assert_eq!(pool.next_deadline(), Some(late + HELLO_NS));
    pool.ready(new);
    assert!(matches!(pool.next_action(late), Some(Action::TakeBack(_))));
}

#[test]
fn a_closed_pool_forks_no_worker_for_a_job_that_one_on_its_way_can_do() {
    let (mut pool, keys) = pool(3);
    submit(&mut pool, 0..4);
    assert_eq!(send(&mut pool, 0), 3);
    keys[1..].iter().for_each(|key| pool.died(*key, 1));
    pool.shutdown(false);
    let mut spawned = None;
    while let Some(action) = pool.next_action(1) {
        match action {
            Action::Spawn if spawned.is_none() => spawned = Some(pool.started(1)),
            Action::Resolve(_, JobOutcome::Lost(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    pool.ready(spawned.expect("the other may be busy for ever"));
    assert_eq!(pool.assign(1, |_| true), spawned);
}

#[test]
fn a_pool_made_as_small_again_while_one_leaves_lets_no_other_go() {
    let (mut pool, keys) = pool(3);
    submit(&mut pool, 0..1);
    assert_eq!(pool.assign(0, |_| true), Some(keys[0]));
    pool.delivered(keys[0]);
    pool.resize(2);
    assert!(matches!(pool.next_action(0), Some(Action::Retire(key)) if key == keys[1]));
    assert!(pool.answered(keys[0], 0, 1).is_some());
    pool.resize(2);
    let more = pool.next_action(1);
    assert!(more.is_none(), "{more:?}");
}

/// Shows X12.
#[test]
fn a_worker_that_is_ready_begins_the_count_of_failures_anew() {
    let mut backoff = SpawnBackoff::default();
    (1..MAX_FAILURES).for_each(|_| backoff.failed(0));
    assert!(!backoff.is_hopeless());
    backoff.succeeded();
    backoff.failed(7);
    assert_eq!((backoff.is_hopeless(), backoff.due()), (false, Some(7 + BACKOFF_NS)));
    (1..MAX_FAILURES).for_each(|_| backoff.failed(0));
    assert!(backoff.is_hopeless());
}

#[test]
fn a_part_counts_of_the_job_that_runs_and_of_no_other() {
    let chunk = Terms { items: 3, ..Terms::default() };
    for (is_delivered, id) in [(false, 0), (true, 1), (true, 0)] {
        let (mut pool, keys) = pool(1);
        pool.submit(PoolJob { id: 0, terms: chunk, body: () });
        assert_eq!(pool.assign(0, |_| true), Some(keys[0]));
        if is_delivered {
            pool.delivered(keys[0]);
        }
        let counts = is_delivered && id == 0;
        assert_eq!(pool.answered_in_part(keys[0], id), counts);
        assert_eq!(pool.next_action(0).is_none(), counts);
    }
}

#[test]
fn a_worker_that_was_being_killed_may_have_begun_all_that_it_was_given() {
    for ended in [false, true] {
        let (mut pool, keys) = pool(1);
        submit(&mut pool, 0..1000);
        for id in 0..300 {
            send(&mut pool, id * 2_000);
            assert!(pool.answered(keys[0], id, (id + 1) * 2_000).is_some());
        }
        let held = pool.load(keys[0]) as u64;
        assert!(held > 2);
        pool.misbehaved(keys[0], "garbage".to_owned());
        if ended {
            pool.ended(keys[0]);
        }
        pool.died(keys[0], 700_000);
        assert_eq!((pool.counts().protocol, pool.counts().lost), (1, held - 1));
    }
}

#[test]
fn a_job_that_travels_alone_is_sent_ahead_of_none_and_behind_none() {
    let limited = Terms { limit: Some(1 << 40), ..Terms::default() };
    for (first, second) in [(limited, Terms::default()), (Terms::default(), limited)] {
        let (mut pool, _, id) = quick_workers();
        pool.resize(1);
        while pool.next_action(600_000).is_some() {}
        pool.submit(PoolJob { id, terms: first, body: () });
        pool.submit(PoolJob { id: id + 1, terms: second, body: () });
        assert_eq!(send(&mut pool, 600_000), 1, "{first:?} before {second:?}");
    }
}

/// Then one system call sends many of them.
#[test]
fn a_worker_with_enough_to_do_gets_more_when_half_of_it_is_done() {
    let (mut pool, keys) = pool(1);
    submit(&mut pool, 0..2000);
    let (mut now, mut answered, mut sent) = (0, 0, Vec::new());
    let mut withdrawn = 0;
    for round in 0..600 {
        // By then the worker is known to be quick, and is sent as many as one may hold.
        let count = send(&mut pool, now);
        if round > 300 && count > 0 {
            sent.push((count, pool.load(keys[0])));
            let last = pool.held(keys[0]).last().unwrap().id;
            assert!(pool.withdraw(
                |job| job.id == last,
                true,
                &mut Begun(pool.ever_delivered(keys[0]) - 1)
            ));
            assert_eq!(send(&mut pool, now), 0, "one fewer is enough as well");
            withdrawn += 1;
        }
        now += 2_000;
        let id = pool.held(keys[0]).next().unwrap().id;
        assert!(pool.answered(keys[0], id, now).is_some());
        answered += 1;
    }
    assert!(withdrawn > 2 && answered == 600);
    assert!(sent.iter().all(|one| *one == (MAX_AHEAD / 2, MAX_AHEAD)), "{sent:?}");
}
