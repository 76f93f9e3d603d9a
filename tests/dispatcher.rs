//! The dispatcher against a simple model, under random submissions, answers, deaths, time and
//! shutdowns: every job comes out once, with the verdict the model expects.

use proptest::prelude::*;
use singletrack::base::slab::Key;
use singletrack::process::dispatcher::*;
use singletrack::process::roster::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Debug, Clone, Copy)]
enum Op {
    Submit { limit: Option<u64> },
    Cancel { job: usize },
    Assign,
    Deliver { worker: usize },
    Answer { worker: usize },
    AnswerOther { worker: usize },
    Garbage { worker: usize },
    Die { worker: usize },
    SpawnSucceeds,
    SpawnFails,
    Hello { worker: usize },
    Advance { ns: u64 },
    Shutdown { cancel: bool },
}

fn op() -> impl Strategy<Value = Op> {
    let worker = 0usize..8;
    prop_oneof![
        8 => prop::option::weighted(0.2, 1..50_000_000u64).prop_map(|limit| Op::Submit { limit }),
        1 => (0usize..64).prop_map(|job| Op::Cancel { job }),
        8 => Just(Op::Assign),
        12 => worker.clone().prop_map(|worker| Op::Deliver { worker }),
        12 => worker.clone().prop_map(|worker| Op::Answer { worker }),
        1 => worker.clone().prop_map(|worker| Op::AnswerOther { worker }),
        1 => worker.clone().prop_map(|worker| Op::Garbage { worker }),
        3 => worker.clone().prop_map(|worker| Op::Die { worker }),
        6 => Just(Op::SpawnSucceeds),
        1 => Just(Op::SpawnFails),
        6 => worker.prop_map(|worker| Op::Hello { worker }),
        6 => prop_oneof![1..2_000u64, 1..20_000_000u64].prop_map(|ns| Op::Advance { ns }),
        1 => any::<bool>().prop_map(|cancel| Op::Shutdown { cancel }),
    ]
}

/// What came out for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Out {
    Answered,
    Not(Verdict),
}

#[derive(Debug, Default)]
struct ModelWorker {
    greeted: bool,
    retired: bool,
    killed: bool,
    sent: VecDeque<(u64, Option<u64>)>,
    delivered: usize,
    taken: u32,
}

/// The system, the model beside it, and what must come out next.
struct Twin {
    system: Dispatcher<()>,
    settings: Settings,
    now: u64,
    submitted: u64,
    cancelled: BTreeSet<u64>,
    queue: VecDeque<(u64, Option<u64>)>,
    workers: BTreeMap<u64, ModelWorker>,
    spawning: usize,
    closed: bool,
    broken: bool,
    out: BTreeMap<u64, Out>,
    /// Verdicts the last operation must have brought, by job.
    due: BTreeMap<u64, Verdict>,
}

impl Twin {
    fn new(settings: Settings) -> Twin {
        Twin {
            system: Dispatcher::new(settings),
            settings,
            now: 0,
            submitted: 0,
            cancelled: BTreeSet::new(),
            queue: VecDeque::new(),
            workers: BTreeMap::new(),
            spawning: 0,
            closed: false,
            broken: false,
            out: BTreeMap::new(),
            due: BTreeMap::new(),
        }
    }

    fn key(&self, worker: usize) -> Option<Key> {
        let n = self.workers.len();
        (n > 0).then(|| Key::unpack(*self.workers.keys().nth(worker % n).unwrap()))
    }

    fn model(&mut self, key: Key) -> &mut ModelWorker {
        self.workers.get_mut(&key.pack()).expect("the system named a worker that is not there")
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Submit { limit } => self.submit(limit),
            Op::Cancel { job } => {
                self.cancelled.insert(job as u64);
            }
            Op::Assign => while self.assign() {},
            Op::SpawnSucceeds if self.spawning > 0 => {
                self.spawning -= 1;
                let key = self.system.started(self.now);
                assert!(self.workers.insert(key.pack(), ModelWorker::default()).is_none());
            }
            Op::SpawnFails if self.spawning > 0 => {
                self.spawning -= 1;
                self.system.spawn_failed(self.now);
            }
            Op::Advance { ns } => self.now += ns,
            Op::Shutdown { cancel } => self.shutdown(cancel),
            Op::Deliver { worker }
            | Op::Answer { worker }
            | Op::AnswerOther { worker }
            | Op::Garbage { worker }
            | Op::Hello { worker }
            | Op::Die { worker } => {
                if let Some(key) = self.key(worker) {
                    self.tell(op, key);
                }
            }
            Op::SpawnSucceeds | Op::SpawnFails => {}
        }
        self.drain();
    }

    /// Something happens to a worker.
    fn tell(&mut self, op: Op, key: Key) {
        let now = self.now;
        match op {
            Op::Hello { .. } => {
                self.system.ready(key);
                self.model(key).greeted = true;
            }
            Op::Deliver { .. } => {
                let next = self.system.undelivered(key).next().map(|job| job.id);
                let worker = self.model(key);
                let expected = worker.sent.get(worker.delivered).map(|job| job.0);
                assert_eq!(next, if worker.killed { None } else { expected });
                if next.is_some() {
                    worker.delivered += 1;
                    self.system.delivered(key);
                }
            }
            Op::Answer { .. } => {
                let worker = self.model(key);
                if worker.delivered == 0 || worker.killed {
                    return;
                }
                let (id, _) = worker.sent.pop_front().unwrap();
                worker.delivered -= 1;
                let job = self.system.answered(key, id, now).expect("a right answer was refused");
                assert_eq!(job.id, id);
                assert_eq!(self.out.insert(id, Out::Answered), None);
            }
            Op::AnswerOther { .. } => {
                self.expect_protocol_error(key, "it answered job 999999, which it was not running");
                assert!(self.system.answered(key, 999_999, now).is_none());
            }
            Op::Garbage { .. } => {
                self.expect_protocol_error(key, "garbage");
                self.system.misbehaved(key, "garbage".to_owned());
            }
            Op::Die { .. } => self.die(key),
            _ => unreachable!("not about one worker"),
        }
    }

    fn submit(&mut self, limit: Option<u64>) {
        let id = self.submitted;
        self.submitted += 1;
        self.system.submit(Job { id, limit, body: () });
        match (self.broken, self.closed) {
            (true, _) => drop(self.due.insert(id, Verdict::Broken)),
            (_, true) => drop(self.due.insert(id, Verdict::ShutDown)),
            _ => self.queue.push_back((id, limit)),
        }
    }

    fn assign(&mut self) -> bool {
        let cancelled = &self.cancelled;
        let mut asked = Vec::new();
        let chosen = self.system.assign(self.now, |job| {
            asked.push(job.id);
            !cancelled.contains(&job.id)
        });
        for id in &asked {
            let job = self.queue.pop_front().expect("a job came from nowhere");
            assert_eq!(job.0, *id, "not the oldest job");
            if self.cancelled.contains(id) {
                self.due.insert(*id, Verdict::Cancelled);
            } else {
                let key = chosen.expect("a job was admitted and went nowhere");
                let max = self.settings.max_tasks_per_child.unwrap_or(u32::MAX);
                let worker = self.model(key);
                assert!(worker.greeted && !worker.killed && !worker.retired);
                worker.sent.push_back(job);
                worker.taken += 1;
                assert!(worker.sent.len() <= MAX_AHEAD);
                assert!(worker.taken <= max, "a worker ran more than max_tasks_per_child");
                let limited = worker.sent.iter().any(|(_, limit)| limit.is_some());
                assert!(!limited || worker.sent.len() == 1, "a limited job has company");
            }
        }
        chosen.is_some()
    }

    fn expect_protocol_error(&mut self, key: Key, why: &str) {
        let worker = self.model(key);
        if !worker.killed {
            worker.delivered = worker.delivered.saturating_sub(1);
            if let Some((id, _)) = worker.sent.pop_front() {
                self.due.insert(id, Verdict::Protocol(key, why.to_owned()));
            }
        }
    }

    fn die(&mut self, key: Key) {
        let mut worker = self.workers.remove(&key.pack()).unwrap();
        self.system.died(key, self.now);
        let begun = if worker.killed { worker.delivered } else { worker.delivered.min(1) };
        for (id, _) in worker.sent.drain(..begun) {
            self.due.insert(id, Verdict::Lost(key));
        }
        for job in worker.sent.into_iter().rev() {
            self.queue.push_front(job);
        }
    }

    fn shutdown(&mut self, cancel: bool) {
        self.system.shutdown(cancel);
        self.closed = true;
        if cancel {
            let queue = std::mem::take(&mut self.queue);
            self.due.extend(queue.into_iter().map(|(id, _)| (id, Verdict::Cancelled)));
        }
    }

    /// Lets every worker show that it is quick, so that it is sent ahead from now on.
    fn warm_up(&mut self) {
        for worker in 0..self.settings.workers {
            self.apply(Op::SpawnSucceeds);
            self.apply(Op::Hello { worker });
        }
        for _ in 0..40 {
            for worker in 0..self.settings.workers {
                self.apply(Op::Submit { limit: None });
                self.apply(Op::Assign);
                self.apply(Op::Deliver { worker });
                self.apply(Op::Answer { worker });
            }
        }
    }

    /// Takes all actions and holds them against what was due.
    fn drain(&mut self) {
        while let Some(action) = self.system.next_action(self.now) {
            match action {
                Action::Spawn => self.spawning += 1,
                Action::Kill(key) => {
                    let worker = self.model(key);
                    assert!(!worker.killed, "killed twice");
                    worker.killed = true;
                }
                Action::Retire(key) => {
                    let worker = self.model(key);
                    assert!(worker.sent.is_empty() && !worker.retired && !worker.killed);
                    worker.retired = true;
                }
                Action::Resolve(job, verdict) => self.resolved(job.id, verdict),
            }
        }
        assert_eq!(self.due, BTreeMap::new(), "verdicts that did not come");
        assert!(self.workers.len() + self.spawning <= self.settings.workers, "too many workers");
        let held: usize = self.workers.values().map(|w| w.sent.len()).sum();
        let accounted = self.out.len() + self.queue.len() + held;
        assert_eq!(accounted as u64, self.submitted, "a job is nowhere, or in two places");
    }

    fn resolved(&mut self, id: u64, verdict: Verdict) {
        match &verdict {
            // Comes by itself when time passes, to the running job of one worker.
            Verdict::TimedOut(limit) => {
                let mut workers = self.workers.values_mut();
                let holder = workers.find(|w| w.sent.front() == Some(&(id, Some(*limit))));
                let holder = holder.expect("timed out, but did not run, or had another limit");
                assert!(holder.killed, "timed out, but its worker lives");
                holder.sent.pop_front();
                holder.delivered = holder.delivered.saturating_sub(1);
            }
            // Comes by itself when the last hope of a worker is gone.
            Verdict::Broken if self.due.remove(&id).is_none() => {
                assert!(self.workers.is_empty(), "broken, but a worker lives");
                self.broken = true;
                self.queue.retain(|job| job.0 != id);
            }
            Verdict::Broken => {}
            _ => assert_eq!(self.due.remove(&id).as_ref(), Some(&verdict), "job {id}"),
        }
        assert_eq!(self.out.insert(id, Out::Not(verdict)), None, "job {id} came out twice");
    }

    /// From here on everything goes well: the pool must come to an end.
    fn finish(mut self) -> BTreeMap<u64, Out> {
        self.apply(Op::Shutdown { cancel: false });
        for _ in 0..10 * self.submitted + 100 {
            if self.system.finished() {
                assert_eq!(self.out.len() as u64, self.submitted);
                return self.out;
            }
            self.apply(Op::Assign);
            while self.spawning > 0 {
                self.apply(Op::SpawnSucceeds);
            }
            let soon = self.system.next_deadline().map_or(1, |at| at.saturating_sub(self.now));
            for i in 0..self.workers.len() {
                self.apply(Op::Hello { worker: i });
                self.apply(Op::Deliver { worker: i });
                self.apply(Op::Answer { worker: i });
            }
            for i in (0..self.workers.len()).rev() {
                let key = self.key(i).unwrap();
                let worker = self.model(key);
                if worker.killed || worker.retired {
                    self.apply(Op::Die { worker: i });
                }
            }
            self.apply(Op::Advance { ns: soon.clamp(1, 1_000_000_000) });
        }
        panic!("the pool does not come to an end: {:?}", self.system);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

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

    #[test]
    fn max_tasks_per_child_uses_just_enough_workers_and_empties_the_backlog(
        jobs in 0usize..40,
        max in 1u32..6,
    ) {
        let mut twin = Twin::new(Settings { workers: 1, max_tasks_per_child: Some(max) });
        (0..jobs).for_each(|_| twin.apply(Op::Submit { limit: None }));
        let out = twin.finish();
        prop_assert!(out.values().all(|out| *out == Out::Answered));
        prop_assert_eq!(out.len(), jobs);
    }
}

/// A pool with `n` workers that have said hello.
fn pool(n: usize) -> (Dispatcher<()>, Vec<Key>) {
    let mut pool = Dispatcher::new(Settings { workers: n, max_tasks_per_child: None });
    while pool.next_action(0).is_some() {}
    let keys: Vec<Key> = (0..n).map(|_| pool.started(0)).collect();
    keys.iter().for_each(|key| pool.ready(*key));
    (pool, keys)
}

fn submit(pool: &mut Dispatcher<()>, ids: std::ops::Range<u64>) {
    ids.for_each(|id| pool.submit(Job { id, limit: None, body: () }));
}

#[test]
fn a_slow_worker_is_never_sent_ahead() {
    let (mut pool, keys) = pool(2);
    submit(&mut pool, 0..3);
    assert_eq!(pool.assign(0, |_| true), Some(keys[0]));
    assert_eq!(pool.assign(0, |_| true), Some(keys[1]));
    assert_eq!(pool.assign(0, |_| true), None, "job 2 must wait for whoever is free first");
    pool.delivered(keys[1]);
    assert_eq!(pool.answered(keys[1], 1, 1_000_000_000).unwrap().id, 1);
    assert_eq!(pool.assign(1_000_000_000, |_| true), Some(keys[1]));
}

#[test]
fn quick_answers_let_a_worker_be_sent_ahead_and_one_slow_answer_ends_it() {
    let (mut pool, keys) = pool(1);
    submit(&mut pool, 0..1000);
    let (mut now, mut answered, mut held, mut most) = (0, 0, 0, 0);
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
    let after: Vec<usize> = (0..MAX_AHEAD).map(|_| round(2_000, &mut pool)).collect();
    assert_eq!(after.last(), Some(&1), "still sent ahead: {after:?}");
}

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
            Some(Action::Resolve(Job { id: i, .. }, Verdict::Broken)) if i == id
        ));
    }
    assert!(pool.finished());
    submit(&mut pool, 2..3);
    assert!(matches!(pool.next_action(now), Some(Action::Resolve(_, Verdict::Broken))));
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
    assert!(matches!(pool.next_action(now), Some(Action::Resolve(_, Verdict::Broken))));
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

#[test]
fn an_answer_to_a_job_that_was_not_delivered_breaks_the_protocol() {
    let (mut pool, keys) = pool(1);
    submit(&mut pool, 0..1);
    pool.assign(0, |_| true);
    assert!(pool.answered(keys[0], 0, 0).is_none());
    assert!(matches!(pool.next_action(0), Some(Action::Kill(_))));
    assert!(matches!(pool.next_action(0), Some(Action::Resolve(_, Verdict::Protocol(..)))));
}
