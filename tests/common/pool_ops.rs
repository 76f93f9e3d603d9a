//! Operations on the dispatcher, beside a simple model of it: shared by the property tests and
//! the fuzz target `pool_ops`.
#![allow(dead_code)] // each of them uses its own part

use singletrack::base::id::Key;
use singletrack::process::pool::dispatcher::*;
use singletrack::process::pool::job::*;
use singletrack::process::pool::take_back::Claims;
use singletrack::process::pool::worker::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Something that can happen to a pool.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    Submit {
        limit: Option<u64>,
        retries: u32,
        alone: bool,
    },
    Cancel {
        job: usize,
    },
    Kill {
        job: usize,
    },
    Withdraw {
        job: usize,
        all_or_none: bool,
    },
    Assign,
    Deliver {
        worker: usize,
    },
    Claim {
        worker: usize,
    },
    Answer {
        worker: usize,
    },
    AnswerOther {
        worker: usize,
    },
    Garbage {
        worker: usize,
    },
    TakeBack {
        worker: usize,
    },
    /// It is dead and read to the end, and not reaped yet.
    End {
        worker: usize,
    },
    Die {
        worker: usize,
    },
    SpawnSucceeds,
    SpawnFails,
    Hello {
        worker: usize,
    },
    Ready {
        worker: usize,
    },
    Advance {
        ns: u64,
    },
    Resize {
        workers: usize,
    },
    Shutdown {
        cancel: bool,
    },
    Terminate,
    GiveUp,
}

impl Op {
    /// A job without terms.
    pub const SUBMIT: Op = Op::Submit { limit: None, retries: 0, alone: false };

    /// The operation that two bytes stand for. Every one of them is some; what happens most in
    /// a pool's life has most of them.
    pub fn from_bytes(what: u8, n: u8) -> Op {
        let (worker, job) = (n as usize % 8, n as usize % 64);
        match what % 64 {
            0..8 => Op::SUBMIT,
            8..10 => Op::Submit { limit: Some(1 << (n % 26)), retries: 0, alone: false },
            10..12 => Op::Submit { limit: None, retries: u32::from(n % 4), alone: n >= 128 },
            12 if n >= 192 => Op::Withdraw { job, all_or_none: n.is_multiple_of(2) },
            12 => Op::Cancel { job },
            13 => Op::Kill { job },
            14..21 => Op::Assign,
            21..28 => Op::Deliver { worker },
            28..30 => Op::Claim { worker },
            30 => Op::TakeBack { worker },
            31..41 => Op::Answer { worker },
            41 => Op::AnswerOther { worker },
            42 => Op::Garbage { worker },
            43 if n >= 128 => Op::End { worker },
            43..46 => Op::Die { worker },
            46..51 => Op::SpawnSucceeds,
            51 => Op::SpawnFails,
            52 => Op::Hello { worker },
            53..57 => Op::Ready { worker },
            57..60 => Op::Advance { ns: 1 << (n % 34) },
            60 | 61 => Op::Resize { workers: 1 + n as usize % 5 },
            // What ends the pool is rare, else nothing else would be seen.
            62 if n < 32 => Op::Shutdown { cancel: n < 16 },
            63 if n < 8 => Op::Terminate,
            63 if n < 16 => Op::GiveUp,
            _ => Op::SUBMIT,
        }
    }
}

/// Runs the operations that `input` stands for, then lets all go well to the end.
pub fn run(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let max_tasks_per_child = (first & 8 != 0).then_some(u32::from(first >> 4) % 4 + 1);
    let mut twin = Twin::new(Settings { workers: *first as usize % 4 + 1, max_tasks_per_child });
    twin.drain();
    if first & 4 != 0 {
        twin.warm_up();
    }
    for pair in rest.chunks_exact(2).take(2000) {
        twin.apply(Op::from_bytes(pair[0], pair[1]));
    }
    twin.finish();
}

/// What came out for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Out {
    Answered,
    Not(JobOutcome),
}

#[derive(Debug, Default)]
struct ModelWorker {
    ready: bool,
    retired: bool,
    killed: bool,
    ended: bool,
    sent: VecDeque<(u64, Terms)>,
    delivered: usize,
    /// Those that were delivered, by their places among all that ever were.
    nths: VecDeque<u64>,
    ever_delivered: u64,
    taken: u32,
}

impl ModelWorker {
    /// How many of its jobs it may have begun.
    fn begun(&self) -> usize {
        match (self.ended, self.killed) {
            (true, _) => self.sent.len(),
            (_, true) => self.delivered,
            _ => self.delivered.min(1),
        }
    }

    fn remove(&mut self, at: usize) -> Option<(u64, Terms)> {
        if at < self.delivered {
            self.delivered -= 1;
            self.nths.remove(at);
        }
        self.sent.remove(at)
    }
}

/// Which delivered jobs were begun, and which taken back, by worker and place.
#[derive(Debug, Default)]
struct Words {
    claimed: BTreeSet<(u64, u64)>,
    taken: BTreeSet<(u64, u64)>,
}

impl Claims for Words {
    fn take_back(&mut self, worker: Key, nth: u64) -> bool {
        let word = (worker.pack(), nth);
        let free = !self.claimed.contains(&word);
        assert!(!free || self.taken.insert(word), "taken back twice");
        free
    }

    fn is_claimed(&mut self, worker: Key, nth: u64) -> bool {
        self.claimed.contains(&(worker.pack(), nth))
    }
}

/// The system, the model beside it, and what must come out next.
pub struct Twin {
    system: Dispatcher<()>,
    settings: Settings,
    now: u64,
    submitted: u64,
    cancelled: BTreeSet<u64>,
    words: Words,
    queue: VecDeque<(u64, Terms)>,
    workers: BTreeMap<u64, ModelWorker>,
    spawning: usize,
    closed: bool,
    terminated: bool,
    broken: bool,
    out: BTreeMap<u64, Out>,
    /// Verdicts the last operation must have brought, by job.
    due: BTreeMap<u64, JobOutcome>,
}

impl Twin {
    pub fn new(settings: Settings) -> Twin {
        Twin {
            system: Dispatcher::new(settings),
            settings,
            now: 0,
            submitted: 0,
            cancelled: BTreeSet::new(),
            words: Words::default(),
            queue: VecDeque::new(),
            workers: BTreeMap::new(),
            spawning: 0,
            closed: false,
            terminated: false,
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

    pub fn apply(&mut self, op: Op) {
        match op {
            Op::Submit { limit, retries, alone } => {
                self.submit(Terms { limit, retries, alone, items: 0 });
            }
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
            Op::Terminate => self.terminate(),
            Op::GiveUp => self.give_up(),
            Op::Resize { workers } => {
                self.settings.workers = workers;
                self.system.resize(workers);
            }
            Op::Kill { job } => self.kill(job as u64),
            Op::Withdraw { job, all_or_none } => self.withdraw(job as u64, all_or_none),
            Op::Deliver { worker }
            | Op::Claim { worker }
            | Op::TakeBack { worker }
            | Op::Answer { worker }
            | Op::AnswerOther { worker }
            | Op::Garbage { worker }
            | Op::Hello { worker }
            | Op::Ready { worker }
            | Op::End { worker }
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
        if self.model(key).ended && !matches!(op, Op::End { .. } | Op::Die { .. }) {
            return; // the dead do nothing
        }
        match op {
            // Some workers have an initializer to run between the two.
            Op::Hello { .. } => self.system.hello(key),
            Op::Ready { .. } => {
                self.system.ready(key);
                self.model(key).ready = true;
            }
            Op::Deliver { .. } => {
                let next = self.system.undelivered(key).next().map(|job| job.id);
                let worker = self.model(key);
                let expected = worker.sent.get(worker.delivered).map(|job| job.0);
                assert_eq!(next, if worker.killed { None } else { expected });
                if next.is_some() {
                    worker.nths.push_back(worker.ever_delivered);
                    worker.ever_delivered += 1;
                    worker.delivered += 1;
                    self.system.delivered(key);
                }
            }
            Op::Claim { .. } => self.claim(key),
            Op::TakeBack { .. } => self.take_back_from(key),
            Op::Answer { .. } => {
                self.claim(key);
                let worker = self.model(key);
                if worker.delivered == 0 {
                    return;
                }
                if worker.killed {
                    let (id, _) = worker.sent[0];
                    assert!(self.system.answered(key, id, now).is_none(), "it was killed");
                    return;
                }
                let (id, _) = worker.remove(0).unwrap();
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
            Op::End { .. } => self.end(key),
            Op::Die { .. } => self.die(key),
            _ => unreachable!("not about one worker"),
        }
    }

    fn submit(&mut self, terms: Terms) {
        let id = self.submitted;
        self.submitted += 1;
        self.system.submit(PoolJob { id, terms, body: () });
        match (self.broken, self.closed) {
            (true, _) => drop(self.due.insert(id, JobOutcome::Broken)),
            (_, true) => drop(self.due.insert(id, JobOutcome::ShutDown)),
            _ => self.queue.push_back((id, terms)),
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
                self.due.insert(*id, JobOutcome::Cancelled);
            } else {
                let key = chosen.expect("a job was admitted and went nowhere");
                let max = self.settings.max_tasks_per_child.unwrap_or(u32::MAX);
                let worker = self.model(key);
                assert!(worker.ready && !worker.killed && !worker.retired && !worker.ended);
                worker.sent.push_back(job);
                worker.taken += 1;
                assert!(worker.sent.len() <= MAX_AHEAD);
                assert!(worker.taken <= max, "a worker ran more than max_tasks_per_child");
                let alone = worker.sent.iter().any(|(_, t)| t.alone || t.limit.is_some());
                assert!(!alone || worker.sent.len() == 1, "a job that travels alone has company");
            }
        }
        chosen.is_some()
    }

    fn expect_protocol_error(&mut self, key: Key, why: &str) {
        let worker = self.model(key);
        if !worker.killed
            && let Some((id, _)) = worker.remove(0)
        {
            self.due.insert(id, JobOutcome::Protocol(key, why.to_owned()));
        }
    }

    /// The worker begins its next job. One that is being killed may go on to another, for its answers
    /// are not heard.
    fn claim(&mut self, key: Key) {
        let worker = &self.workers[&key.pack()];
        let free = |nth: &&u64| !self.words.claimed.contains(&(key.pack(), **nth));
        if let Some(nth) = worker.nths.iter().find(free)
            && (worker.killed || Some(nth) == worker.nths.front())
        {
            self.words.claimed.insert((key.pack(), *nth));
        }
    }

    /// All that it has not begun.
    fn take_back_from(&mut self, key: Key) {
        self.system.take_back(key, &mut self.words);
        let words = &self.words.claimed;
        let worker = self.workers.get_mut(&key.pack()).unwrap();
        let begun = worker.nths.iter().filter(|nth| words.contains(&(key.pack(), **nth))).count();
        let mut taken = Vec::new();
        while worker.sent.len() > begun {
            taken.push(worker.remove(begun).unwrap());
        }
        worker.taken -= taken.len() as u32;
        self.take_back(taken);
    }

    /// One job, wherever it is.
    fn withdraw(&mut self, id: u64, all_or_none: bool) {
        let mut none_begun = true;
        for (key, worker) in &mut self.workers {
            let Some(at) = worker.sent.iter().position(|job| job.0 == id) else { continue };
            let nth = worker.nths.get(at);
            none_begun = nth.is_none_or(|nth| !self.words.claimed.contains(&(*key, *nth)));
            if none_begun {
                let job = worker.remove(at).unwrap();
                worker.taken -= 1;
                self.take_back(vec![job]);
                break;
            }
        }
        let is_it = |job: &PoolJob<()>| job.id == id;
        assert_eq!(self.system.has_begun(is_it, &mut self.words), !none_begun);
        assert_eq!(self.system.withdraw(is_it, all_or_none, &mut self.words), none_begun);
    }

    fn end(&mut self, key: Key) {
        self.take_back_from(key);
        self.system.ended(key);
        let worker = self.model(key);
        let begun = worker.begun();
        worker.ended = true;
        let rest: Vec<_> = worker.sent.drain(begun..).collect();
        self.take_back(rest);
    }

    fn die(&mut self, key: Key) {
        self.take_back_from(key);
        let mut worker = self.workers.remove(&key.pack()).unwrap();
        self.system.died(key, self.now);
        let begun = worker.begun();
        let mut back = Vec::new();
        for (id, mut terms) in worker.sent.drain(..begun) {
            if terms.retries > 0 && !self.terminated {
                terms.retries -= 1;
                back.push((id, terms));
            } else {
                self.due.insert(id, JobOutcome::Lost(key));
            }
        }
        back.extend(worker.sent);
        self.take_back(back);
    }

    fn take_back(&mut self, jobs: Vec<(u64, Terms)>) {
        for job in jobs.into_iter().rev() {
            match (self.terminated, self.broken) {
                (true, _) => drop(self.due.insert(job.0, JobOutcome::Cancelled)),
                (_, true) => drop(self.due.insert(job.0, JobOutcome::Broken)),
                _ => self.queue.push_front(job),
            }
        }
    }

    fn kill(&mut self, id: u64) {
        let is_it =
            |(job, terms): &(u64, Terms)| *job == id && (terms.alone || terms.limit.is_some());
        let queued = self.queue.iter().position(is_it);
        let runs = |w: &ModelWorker| w.sent.front().is_some_and(is_it) && !w.killed;
        let running = self.workers.iter().find(|(_, w)| runs(w)).map(|(key, _)| Key::unpack(*key));
        if let Some(at) = queued {
            self.queue.remove(at);
            self.due.insert(id, JobOutcome::Cancelled);
        } else if let Some(key) = running {
            let worker = self.model(key);
            worker.sent.clear();
            worker.nths.clear();
            worker.delivered = 0;
            self.due.insert(id, JobOutcome::Lost(key));
        }
        assert_eq!(self.system.kill(id), queued.is_some() || running.is_some());
    }

    fn terminate(&mut self) {
        self.shutdown(true);
        self.system.terminate();
        self.terminated |= !self.broken;
    }

    fn give_up(&mut self) {
        self.system.give_up();
        let queue = std::mem::take(&mut self.queue);
        self.due.extend(queue.into_iter().map(|(id, _)| (id, JobOutcome::Broken)));
        self.broken = true;
        self.terminated = false;
    }

    fn shutdown(&mut self, cancel: bool) {
        self.system.shutdown(cancel);
        self.closed = true;
        if cancel {
            let queue = std::mem::take(&mut self.queue);
            self.due.extend(queue.into_iter().map(|(id, _)| (id, JobOutcome::Cancelled)));
        }
    }

    /// Lets every worker show that it is quick, so that it is sent ahead from now on.
    pub fn warm_up(&mut self) {
        for worker in 0..self.settings.workers {
            self.apply(Op::SpawnSucceeds);
            self.apply(Op::Ready { worker });
        }
        for _ in 0..40 {
            // Answers that come at the same moment are one burst, and say little of how quick they were.
            self.apply(Op::Advance { ns: 2_000 });
            for worker in 0..self.settings.workers {
                self.apply(Op::SUBMIT);
                self.apply(Op::Assign);
                self.apply(Op::Deliver { worker });
                self.apply(Op::Answer { worker });
            }
        }
    }

    /// The jobs of the worker that holds most.
    pub fn most_held(&self) -> usize {
        self.workers.values().map(|worker| worker.sent.len()).max().unwrap_or(0)
    }

    /// Takes all actions and holds them against what was due.
    pub fn drain(&mut self) {
        while let Some(action) = self.system.next_action(self.now) {
            match action {
                Action::Spawn => {
                    self.spawning += 1;
                    let workers = self.workers.len() + self.spawning;
                    assert!(workers <= self.settings.workers, "a worker too many");
                }
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
                Action::TakeBack(key) => {
                    let idle =
                        self.workers.values().any(|worker| worker.ready && worker.sent.is_empty());
                    assert!(idle, "nobody could begin its jobs");
                    assert!(self.model(key).sent.len() > 1, "it has none to give back");
                    self.take_back_from(key);
                }
                Action::Resolve(job, verdict) => self.resolved(job.id, verdict),
            }
        }
        assert_eq!(self.due, BTreeMap::new(), "verdicts that did not come");
        let held: usize = self.workers.values().map(|w| w.sent.len()).sum();
        let accounted = self.out.len() + self.queue.len() + held;
        assert_eq!(accounted as u64, self.submitted, "a job is nowhere, or in two places");
        let counts = self.system.counts();
        assert_eq!((counts.submitted, counts.resolved()), (self.submitted, self.out.len() as u64));
    }

    fn resolved(&mut self, id: u64, verdict: JobOutcome) {
        match &verdict {
            // Comes by itself when time passes, to the running job of one worker.
            JobOutcome::TimedOut(limit) => {
                let mut workers = self.workers.values_mut();
                let runs = |w: &ModelWorker| {
                    w.sent.front().is_some_and(|(i, t)| *i == id && t.limit == Some(*limit))
                };
                let holder = workers.find(|w| runs(w));
                let holder = holder.expect("timed out, but did not run, or had another limit");
                assert!(holder.killed || holder.ended, "timed out, but its worker lives");
                holder.remove(0);
            }
            // Comes by itself when the last hope of a worker is gone.
            JobOutcome::Broken if self.due.remove(&id).is_none() => {
                assert!(self.broken || self.workers.is_empty(), "broken, but a worker lives");
                self.broken = true;
                self.terminated = false;
                self.queue.retain(|job| job.0 != id);
            }
            JobOutcome::Broken => {}
            _ => assert_eq!(self.due.remove(&id).as_ref(), Some(&verdict), "job {id}"),
        }
        assert_eq!(self.out.insert(id, Out::Not(verdict)), None, "job {id} came out twice");
    }

    /// From here on everything goes well: the pool must come to an end.
    pub fn finish(mut self) -> BTreeMap<u64, Out> {
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
                self.apply(Op::Ready { worker: i });
                self.apply(Op::Deliver { worker: i });
                self.apply(Op::Answer { worker: i });
            }
            for i in (0..self.workers.len()).rev() {
                let key = self.key(i).unwrap();
                let worker = self.model(key);
                if worker.killed || worker.retired || worker.ended {
                    self.apply(Op::Die { worker: i });
                }
            }
            self.apply(Op::Advance { ns: soon.clamp(1, 1_000_000_000) });
        }
        panic!("the pool does not come to an end: {:?}", self.system);
    }
}
