//! A pool's recording as lanes: the jobs that wait, and each worker. Pure.
//!
//! *Promises*: whatever the events are, what comes out is a group that [`Timeline::check`] accepts. A
//! worker *runs* from when it began a job until it was done, by its own clock; where it has told neither,
//! from when the job was sent until the answer was read, and the span says so.
//! *Leaves out*: the recording itself (`process/pool/recording.rs`).
//!
//! ```text
//!   pool       ── 2 jobs wait ──┤── 1 job waits ──┤── no job waits ─────
//!                    ╲ submit                            ▲ result
//!   worker 31  ─ idle ─╲─▶── job 7 ────────────────────┤╱ pipe ┤── idle ──┤  killed by signal 9
//! ```
//!
//! [`Timeline::check`]: crate::lab::timeline::timeline::Timeline::check

use crate::base::id::Key;
use crate::lab::timeline::timeline::{Group, Lane, LaneKind, Link, Nanos, Point, Span, State};
use crate::process::pool::recording::{PoolEventKind, PoolRecording};
use std::collections::{HashMap, VecDeque};

/// The lanes of a pool: its queue, then the workers in the order in which they were forked.
pub fn from_pool(name: &str, pid: u32, recording: &PoolRecording) -> Group {
    let begins = recording.events.first().map_or(recording.until, |event| event.at);
    let mut reader = Reader {
        group: Group {
            name: name.to_owned(),
            pid,
            lanes: vec![lane("pool", LaneKind::Summary, 0)],
            links: Vec::new(),
            forgotten: recording.dropped,
        },
        workers: HashMap::new(),
        queued: HashMap::new(),
        left: HashMap::new(),
        waiting: 0,
        waiting_since: begins.min(recording.until),
    };
    let mut old: Vec<(&Key, &u32)> = recording.workers.iter().collect();
    old.sort_by_key(|(key, _)| (key.generation, key.index));
    for (key, pid) in old {
        reader.add(*key, *pid);
    }
    let mut now = begins.min(recording.until);
    for event in &recording.events {
        now = event.at.min(recording.until).max(now);
        reader.event(now, event.what);
    }
    reader.end(recording.until.max(now));
    reader.group.tell_apart();
    reader.group
}

fn lane(name: &str, kind: LaneKind, id: u64) -> Lane {
    Lane { name: name.to_owned(), kind, id, spans: Vec::new(), points: Vec::new() }
}

/// A job at a worker.
struct Held {
    job: u64,
    sent: Nanos,
    began: Option<Nanos>,
    ended: bool,
}

struct Worker {
    lane: usize,
    /// Oldest first: it runs them in order.
    held: VecDeque<Held>,
    /// Up to here its lane is written; `None`: nothing is known yet, or it is dead.
    since: Option<Nanos>,
}

struct Reader {
    group: Group,
    workers: HashMap<Key, Worker>,
    /// Jobs that wait to begin, and since when.
    queued: HashMap<u64, Nanos>,
    /// The same of those that have left the queue just now.
    left: HashMap<u64, Nanos>,
    /// How many wait, and since when it is so many.
    waiting: usize,
    waiting_since: Nanos,
}

impl Reader {
    fn add(&mut self, key: Key, pid: u32) {
        let place = self.group.lanes.len();
        if self.workers.contains_key(&key) {
            return;
        }
        self.group.lanes.push(lane(&format!("worker {pid}"), LaneKind::Thread, pid.into()));
        self.workers.insert(key, Worker { lane: place, held: VecDeque::new(), since: None });
    }

    fn event(&mut self, now: Nanos, what: PoolEventKind) {
        match what {
            PoolEventKind::Queued(job) => {
                self.queued.insert(job, now);
                self.count(now);
            }
            PoolEventKind::Sent(job, key) => self.sent(now, job, key),
            PoolEventKind::Began(job, key) => {
                self.waits_no_more(now, job);
                self.began(now, job, key);
            }
            PoolEventKind::Ended(job, key) => self.run_ends(now, job, key, "its own"),
            PoolEventKind::Answered(job, key) => self.answered(now, job, key),
            PoolEventKind::TakenBack(job, key) | PoolEventKind::Retried(job, key) => {
                self.leaves(now, job, key);
                self.queued.insert(job, now);
                self.count(now);
            }
            PoolEventKind::NoAnswer(job, why) => {
                self.queued.remove(&job);
                self.count(now);
                let holds = |worker: &Worker| worker.held.iter().any(|held| held.job == job);
                let key =
                    self.workers.iter().find(|(_, worker)| holds(worker)).map(|(key, _)| *key);
                let Some(key) = key else { return };
                self.leaves(now, job, key);
                self.point(now, key, format!("job {job} {why}"));
            }
            PoolEventKind::Born(key, pid) => {
                self.add(key, pid);
                self.at(key).into_iter().for_each(|worker| worker.since = Some(now));
                self.point(now, key, "born".to_owned());
            }
            PoolEventKind::Died(key, death) => {
                let held = self.at(key).map(|worker| worker.held.iter().map(|held| held.job));
                let held: Vec<u64> = held.into_iter().flatten().collect();
                held.into_iter().for_each(|job| self.leaves(now, job, key));
                self.idles(now, key);
                self.at(key).into_iter().for_each(|worker| worker.since = None);
                self.point(now, key, format!("died: {death}"));
            }
        }
    }

    fn at(&mut self, key: Key) -> Option<&mut Worker> {
        self.workers.get_mut(&key)
    }

    fn point(&mut self, at: Nanos, key: Key, name: String) {
        let Some(worker) = self.workers.get(&key) else { return };
        self.group.lanes[worker.lane].points.push(Point { at, name });
    }

    fn sent(&mut self, now: Nanos, job: u64, key: Key) {
        self.idles(now, key);
        let Some(worker) = self.at(key) else { return };
        worker.since = worker.since.or(Some(now));
        worker.held.push_back(Held { job, sent: now, began: None, ended: false });
    }

    /// It runs what it holds from here on: what came before was the pipe.
    fn began(&mut self, now: Nanos, job: u64, key: Key) {
        let queued = self.left.remove(&job).filter(|queued| *queued <= now);
        let Some(worker) = self.workers.get_mut(&key) else { return };
        let lane = worker.lane;
        if !worker.held.iter().any(|held| held.job == job) {
            // Its sending was forgotten.
            worker.held.push_back(Held { job, sent: now, began: None, ended: false });
        }
        let held = worker.held.iter_mut().filter(|held| held.job == job);
        held.for_each(|held| held.began = Some(now));
        if let Some(from) = worker.since.replace(now) {
            self.write(lane, (from, now), State::Pipe, "pipe", Vec::new());
        }
        if let Some(queued) = queued {
            let name = "submit".to_owned();
            self.group.links.push(Link { from: (0, queued), to: (lane, now), name });
        }
    }

    /// The job has begun: it leaves the queue.
    fn waits_no_more(&mut self, now: Nanos, job: u64) {
        if let Some(since) = self.queued.remove(&job) {
            self.left.insert(job, since);
            self.count(now);
        }
    }

    /// A job that runs is done, by that clock.
    fn run_ends(&mut self, now: Nanos, job: u64, key: Key, clock: &str) {
        let Some(worker) = self.workers.get_mut(&key) else { return };
        let lane = worker.lane;
        let held = worker.held.iter_mut().find(|held| held.job == job);
        let Some(held) = held.filter(|held| held.began.is_some() && !held.ended) else { return };
        held.ended = true;
        let details = vec![("clock".to_owned(), clock.to_owned())];
        if let Some(from) = worker.since.replace(now) {
            self.write(lane, (from, now), State::Runs, &format!("job {job}"), details);
        }
    }

    fn answered(&mut self, now: Nanos, job: u64, key: Key) {
        let ended = self.last_moment(key);
        let begun = |held: &Held| held.job == job && held.began.is_some();
        let told = self.workers.get(&key).is_some_and(|worker| worker.held.iter().any(begun));
        if !told {
            self.waits_no_more(now, job);
            // It has not told when it began: the pool knows when it was sent, no more.
            let sent = self.workers.get(&key).and_then(|worker| {
                worker.held.iter().find(|held| held.job == job).map(|held| held.sent)
            });
            let since = self.workers.get(&key).and_then(|worker| worker.since);
            if let (Some(sent), Some(since)) = (sent, since) {
                self.began(sent.max(since), job, key);
            }
        }
        self.run_ends(now, job, key, "the pool's");
        let end = self.last_moment(key).or(ended);
        self.leaves(now, job, key);
        if let (Some(worker), Some(end)) = (self.workers.get(&key), end) {
            let from = (worker.lane, end);
            self.group.links.push(Link { from, to: (0, now), name: "result".to_owned() });
        }
    }

    /// The last moment of the last job that a worker ran.
    fn last_moment(&self, key: Key) -> Option<Nanos> {
        let worker = self.workers.get(&key)?;
        let spans = self.group.lanes[worker.lane].spans.iter().rev();
        // None without length is written.
        Some(spans.into_iter().find(|span| span.state == State::Runs)?.to - 1)
    }

    /// A worker does not hold a job any more: what it did until now is written down.
    fn leaves(&mut self, now: Nanos, job: u64, key: Key) {
        self.run_ends(now, job, key, "the pool's");
        let Some(worker) = self.workers.get_mut(&key) else { return };
        worker.held.retain(|held| held.job != job);
        // Behind it the next one may run already.
        if worker.held.is_empty()
            && let Some(from) = worker.since.replace(now)
        {
            let lane = worker.lane;
            self.write(lane, (from, now), State::Pipe, "pipe", Vec::new());
        }
    }

    /// A worker without jobs has had nothing to do until now.
    fn idles(&mut self, now: Nanos, key: Key) {
        let Some(worker) = self.workers.get_mut(&key) else { return };
        if worker.held.is_empty()
            && let Some(from) = worker.since.replace(now)
        {
            let lane = worker.lane;
            self.write(lane, (from, now), State::Idle, "idle", Vec::new());
        }
    }

    fn write(
        &mut self,
        lane: usize,
        (from, to): (Nanos, Nanos),
        state: State,
        name: &str,
        details: Vec<(String, String)>,
    ) {
        if from < to {
            let span = Span { from, to, state, name: name.to_owned(), details };
            self.group.lanes[lane].spans.push(span);
        }
    }

    /// How many wait may have changed.
    fn count(&mut self, now: Nanos) {
        let waiting = self.queued.len();
        if waiting != self.waiting {
            self.queue_until(now);
            (self.waiting, self.waiting_since) = (waiting, now);
        }
    }

    fn queue_until(&mut self, now: Nanos) {
        let span = (self.waiting_since, now);
        let jobs = vec![("jobs".to_owned(), self.waiting.to_string())];
        match self.waiting {
            0 => self.write(0, span, State::Idle, "no job waits", Vec::new()),
            _ => self.write(0, span, State::Ready, "jobs wait", jobs),
        }
    }

    /// The recording ends: what lasts still lasts until then.
    fn end(&mut self, until: Nanos) {
        self.queue_until(until);
        let keys: Vec<Key> = self.workers.keys().copied().collect();
        for key in keys {
            let held = self.at(key).map(|worker| worker.held.iter().map(|held| held.job));
            let held: Vec<u64> = held.into_iter().flatten().collect();
            match held.is_empty() {
                true => self.idles(until, key),
                false => held.into_iter().for_each(|job| self.leaves(until, job, key)),
            }
        }
    }
}
