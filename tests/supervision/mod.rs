//! A process pool without processes: the real rules (`Dispatcher`, `ReaderOwner`, claims) between threads
//! that play workers, callers, the supervisor and the kernel. The flows are those of
//! `process/pool/pool_shared.rs` and `process/pool/supervisor.rs`, in the same order under the same
//! locks, without the bytes. Loom and shuttle run it.
#![allow(dead_code)] // each of them uses its own part

use singletrack::base::id::Key;
use singletrack::base::sync::atomic::{AtomicU64, Ordering};
use singletrack::base::sync::thread::{self, JoinHandle};
use singletrack::base::sync::{Condvar, Mutex};
use singletrack::process::message::claim::{ClaimWord, claim, is_claimed, offer, take_back};
use singletrack::process::pool::dispatcher::{Action, Dispatcher, Settings};
use singletrack::process::pool::job::{JobOutcome, PoolJob, Terms};
use singletrack::process::pool::replies::ReaderOwner;
use singletrack::process::pool::take_back::Claims;
use std::collections::VecDeque;
use std::sync::Arc;

/// What a worker does with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    Answer,
    DieFirst,
    AnswerAndDie,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Answered,
    Lost,
    Other,
}

/// A word that the pool and a worker share.
pub struct Word(AtomicU64);

impl ClaimWord for Word {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }

    fn replace(&self, from: u64, to: u64) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// The words of one worker: fewer than there are, so that they are used again.
#[derive(Clone)]
pub struct Words(Arc<[Word; 4]>);

impl Words {
    pub fn new() -> Words {
        Words(Arc::new(std::array::from_fn(|_| Word(AtomicU64::new(0)))))
    }

    pub fn word(&self, nth: u64) -> &Word {
        &self.0[nth as usize % 4]
    }
}

/// Those of all workers.
struct AllWords<'a>(&'a [(Key, Words)]);

impl AllWords<'_> {
    fn of(&self, worker: Key) -> &Words {
        &self.0.iter().find(|(key, _)| *key == worker).expect("a worker that is there").1
    }
}

impl Claims for AllWords<'_> {
    fn take_back(&mut self, worker: Key, nth: u64) -> bool {
        take_back(self.of(worker).word(nth), nth)
    }

    fn is_claimed(&mut self, worker: Key, nth: u64) -> bool {
        is_claimed(self.of(worker).word(nth), nth)
    }
}

/// A worker as the kernel knows it, and its two pipes.
struct Proc {
    key: Key,
    requests: VecDeque<(u64, u64)>,
    /// No more requests will come.
    closed: bool,
    killed: bool,
    replies: VecDeque<u64>,
    dead: bool,
    /// Its reply pipe is in the supervisor's selector, which has an edge to report.
    watched: bool,
    edge: bool,
    /// Its pidfd has one, too.
    death_edge: bool,
}

#[derive(Default)]
struct Kernel {
    procs: Vec<Proc>,
    /// The jobs that workers have begun.
    begun: Vec<u64>,
    /// The supervisor is to wake up.
    waker: bool,
    threads: Vec<JoinHandle<()>>,
}

impl Kernel {
    fn proc(&mut self, key: Key) -> Option<&mut Proc> {
        self.procs.iter_mut().find(|proc| proc.key == key)
    }

    /// What the supervisor's poll reports next.
    fn event(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.waker) {
            return Some(Event::Wake);
        }
        for proc in &mut self.procs {
            if std::mem::take(&mut proc.edge) {
                return Some(Event::Replies(proc.key));
            }
            if std::mem::take(&mut proc.death_edge) {
                return Some(Event::Death(proc.key));
            }
        }
        None
    }
}

enum Event {
    Wake,
    Replies(Key),
    Death(Key),
}

struct PoolState {
    dispatcher: Dispatcher<()>,
    readers: Vec<(Key, ReaderOwner<()>)>,
    words: Vec<(Key, Words)>,
    cancelled: Vec<u64>,
    spawns: usize,
    dead: Vec<Key>,
    awaited: Option<u64>,
    read_by_caller: Option<Key>,
    ends: Vec<(u64, End)>,
    reaped: u64,
}

impl PoolState {
    fn reader(&mut self, key: Key) -> Option<&mut ReaderOwner<()>> {
        self.readers.iter_mut().find(|(k, _)| *k == key).map(|(_, reader)| reader)
    }

    fn end(&mut self, job: u64, end: End) {
        assert!(self.end_of(job).is_none(), "job {job} ends twice");
        self.ends.push((job, end));
    }

    fn end_of(&self, job: u64) -> Option<End> {
        self.ends.iter().find(|(j, _)| *j == job).map(|(_, end)| *end)
    }
}

pub struct Pool {
    state: Mutex<PoolState>,
    resolved: Condvar,
    kernel: Mutex<Kernel>,
    happened: Condvar,
    plan: fn(u64) -> Behaviour,
}

impl Pool {
    /// A pool of so many workers, which do as planned, and its supervisor.
    pub fn start(workers: usize, plan: fn(u64) -> Behaviour) -> (Arc<Pool>, JoinHandle<()>) {
        let state = PoolState {
            dispatcher: Dispatcher::new(Settings { workers, max_tasks_per_child: None }),
            readers: Vec::new(),
            words: Vec::new(),
            cancelled: Vec::new(),
            spawns: 0,
            dead: Vec::new(),
            awaited: None,
            read_by_caller: None,
            ends: Vec::new(),
            reaped: 0,
        };
        let pool = Arc::new(Pool {
            state: Mutex::new(state),
            resolved: Condvar::new(),
            kernel: Mutex::new(Kernel::default()),
            happened: Condvar::new(),
            plan,
        });
        let ours = Arc::clone(&pool);
        (pool, thread::spawn(move || ours.supervise()))
    }

    /// Waits until so many workers are there.
    pub fn wait_for_workers(&self, count: usize) {
        let mut state = self.state.lock();
        while state.readers.len() < count {
            self.resolved.wait(&mut state);
        }
    }

    /// Queues a job.
    pub fn submit(&self, job: u64) {
        let mut state = self.state.lock();
        state.dispatcher.submit(PoolJob { id: job, terms: Terms::default(), body: () });
        self.advance(&mut state);
        self.wake_if_needed(&state);
    }

    /// Queues a job and waits for its end, reading the reply itself if it may.
    pub fn call(&self, job: u64) -> End {
        let mut state = self.state.lock();
        state.dispatcher.submit(PoolJob { id: job, terms: Terms::default(), body: () });
        state.awaited = Some(job);
        self.advance(&mut state);
        state.awaited = None;
        self.wake_if_needed(&state);
        let read_by_caller =
            state.read_by_caller.take().filter(|key| state.reader(*key).unwrap().take().is_some());
        drop(state);
        if let Some(key) = read_by_caller {
            self.read_until_done(job, key);
        }
        self.wait_for(job)
    }

    /// Cancels a job unless it has begun.
    pub fn cancel(&self, job: u64) -> bool {
        let mut state = self.state.lock();
        if state.end_of(job).is_some() {
            return false;
        }
        let PoolState { dispatcher, words, cancelled, .. } = &mut *state;
        let free = dispatcher.withdraw(|j| j.id == job, true, &mut AllWords(words));
        if free {
            cancelled.push(job);
        }
        self.advance(&mut state);
        self.wake_if_needed(&state);
        free
    }

    /// Waits for the end of a job.
    pub fn wait_for(&self, job: u64) -> End {
        let mut state = self.state.lock();
        loop {
            if let Some(end) = state.end_of(job) {
                return end;
            }
            self.resolved.wait(&mut state);
        }
    }

    /// The system kills a worker, if there is one.
    pub fn kill_one(&self) {
        let mut kernel = self.kernel.lock();
        if let Some(proc) = kernel.procs.first_mut() {
            proc.killed = true;
            self.happened.notify_all();
        }
    }

    /// Lets all work be done and all threads end; gives how each job ended.
    pub fn finish(&self, supervisor: JoinHandle<()>) -> Vec<(u64, End)> {
        let mut state = self.state.lock();
        state.dispatcher.shutdown(false);
        self.advance(&mut state);
        self.wake();
        drop(state);
        supervisor.join().unwrap();
        let mut kernel = self.kernel.lock();
        let threads = std::mem::take(&mut kernel.threads);
        let mut begun = std::mem::take(&mut kernel.begun);
        assert!(kernel.procs.is_empty(), "a worker was not reaped");
        drop(kernel);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let mut state = self.state.lock();
        let counts = state.dispatcher.counts();
        assert_eq!((counts.workers_started, counts.workers_ended), (state.reaped, state.reaped));
        assert_eq!(counts.submitted, counts.resolved());
        assert_eq!(counts.submitted, state.ends.len() as u64);
        let mut ends = std::mem::take(&mut state.ends);
        ends.sort_by_key(|(job, _)| *job);
        begun.sort_unstable();
        let ran = ends.iter().filter(|(_, end)| *end != End::Other).map(|(job, _)| *job);
        assert!(ran.eq(begun), "a job that is cancelled has not begun; any other has, once");
        ends
    }

    fn wake(&self) {
        self.kernel.lock().waker = true;
        self.happened.notify_all();
    }

    fn wake_if_needed(&self, state: &PoolState) {
        if state.spawns > 0 || !state.dead.is_empty() || state.dispatcher.finished() {
            self.wake();
        }
    }
}

// ---- the pool state ----

impl Pool {
    fn advance(&self, state: &mut PoolState) {
        self.carry_out(state);
        let mut fed: Vec<Key> = Vec::new();
        let cancelled = state.cancelled.clone();
        while let Some(key) = state.dispatcher.assign(0, |job| !cancelled.contains(&job.id)) {
            if !fed.contains(&key) {
                fed.push(key);
            }
        }
        for key in fed {
            self.write(state, key);
            self.appoint_reader(state, key);
        }
        self.carry_out(state);
    }

    fn carry_out(&self, state: &mut PoolState) {
        while let Some(action) = state.dispatcher.next_action(0) {
            match action {
                Action::Spawn => state.spawns += 1,
                Action::Kill(key) => {
                    self.kernel.lock().proc(key).into_iter().for_each(|proc| proc.killed = true);
                }
                Action::Retire(key) => {
                    self.kernel.lock().proc(key).into_iter().for_each(|proc| proc.closed = true);
                }
                Action::TakeBack(_) => unreachable!("it takes no time"),
                Action::Resolve(job, JobOutcome::Lost(_)) => state.end(job.id, End::Lost),
                Action::Resolve(job, _) => state.end(job.id, End::Other),
            }
        }
        self.happened.notify_all();
        self.resolved.notify_all();
    }

    fn write(&self, state: &mut PoolState, key: Key) {
        let PoolState { dispatcher, words, .. } = state;
        let words = AllWords(words);
        let jobs: Vec<u64> = dispatcher.undelivered(key).map(|job| job.id).collect();
        let jobs: Vec<(u64, u64)> =
            jobs.into_iter().zip(dispatcher.ever_delivered(key)..).collect();
        for (_, nth) in &jobs {
            offer(words.of(key).word(*nth), *nth);
            dispatcher.delivered(key);
        }
        self.kernel.lock().proc(key).into_iter().for_each(|proc| proc.requests.extend(&jobs));
    }

    fn appoint_reader(&self, state: &mut PoolState, key: Key) {
        let alone = state.awaited.is_some_and(|job| state.dispatcher.runs_only(key, job));
        let busy = state.dispatcher.load(key) > 0;
        let Some(reader) = state.reader(key) else { return };
        let caller = if alone { reader.appoint_caller() } else { None };
        if let Some(watched) = caller {
            state.read_by_caller = Some(key);
            if watched {
                self.kernel.lock().proc(key).into_iter().for_each(|proc| {
                    (proc.watched, proc.edge) = (false, false);
                });
            }
        } else if busy && reader.appoint_supervisor() {
            self.kernel.lock().proc(key).into_iter().for_each(|proc| {
                (proc.watched, proc.edge) = (true, proc.dead || !proc.replies.is_empty());
            });
            self.happened.notify_all();
        }
    }
}

// ---- reading replies ----

impl Pool {
    /// Reads all replies that are there; false: no more will come.
    fn read_replies(&self, key: Key) -> bool {
        let mut kernel = self.kernel.lock();
        let Some(proc) = kernel.proc(key) else { return false };
        let (replies, alive) = (std::mem::take(&mut proc.replies), !proc.dead);
        drop(kernel);
        for job in replies {
            let mut state = self.state.lock();
            if state.dispatcher.answered(key, job, 0).is_some() {
                state.end(job, End::Answered);
            }
            self.advance(&mut state);
        }
        alive
    }

    fn read_until_done(&self, job: u64, key: Key) {
        loop {
            let mut kernel = self.kernel.lock();
            while kernel.proc(key).is_some_and(|proc| proc.replies.is_empty() && !proc.dead) {
                self.happened.wait(&mut kernel);
            }
            drop(kernel);
            let alive = self.read_replies(key);
            if !alive || self.state.lock().end_of(job).is_some() {
                break;
            }
        }
        let mut state = self.state.lock();
        let Some(reader) = state.reader(key) else { panic!("reaped while it was read") };
        if reader.give_back(()) {
            state.dead.push(key);
        } else {
            self.appoint_reader(&mut state, key);
        }
        self.wake_if_needed(&state);
    }

    fn supervise(self: Arc<Self>) {
        loop {
            let mut state = self.state.lock();
            self.advance(&mut state);
            let spawns = std::mem::take(&mut state.spawns);
            let dead = std::mem::take(&mut state.dead);
            let finished = state.dispatcher.finished();
            drop(state);
            if finished {
                return;
            }
            let busy = spawns > 0 || !dead.is_empty();
            dead.into_iter().for_each(|key| self.reap(key));
            (0..spawns).for_each(|_| self.spawn());
            if !busy {
                self.poll();
            }
        }
    }

    fn poll(&self) {
        let mut kernel = self.kernel.lock();
        let event = loop {
            match kernel.event() {
                Some(event) => break event,
                None => self.happened.wait(&mut kernel),
            }
        };
        drop(kernel);
        match event {
            Event::Wake => {}
            Event::Death(key) => self.reap(key),
            Event::Replies(key) => {
                let reader = self.state.lock().reader(key).and_then(ReaderOwner::take);
                if let Some(reader) = reader {
                    self.read_replies(key);
                    self.state.lock().reader(key).expect("not reaped").put_back(reader);
                }
            }
        }
    }

    fn reap(&self, key: Key) {
        let reader = self.state.lock().reader(key).and_then(ReaderOwner::take_of_dead);
        let Some(reader) = reader else { return };
        self.read_replies(key);
        let mut state = self.state.lock();
        state.reader(key).expect("not reaped").put_back(reader);
        let mut kernel = self.kernel.lock();
        assert!(kernel.proc(key).is_some_and(|proc| proc.dead && proc.replies.is_empty()));
        kernel.procs.retain(|proc| proc.key != key);
        drop(kernel);
        let PoolState { dispatcher, words, .. } = &mut *state;
        dispatcher.take_back(key, &mut AllWords(words));
        state.dispatcher.ended(key);
        self.advance(&mut state);
        drop(state);
        // Here the fork server is asked, which may take long.
        let mut state = self.state.lock();
        state.dispatcher.died(key, 0);
        self.advance(&mut state);
        state.readers.retain(|(k, _)| *k != key);
        state.reaped += 1;
    }

    fn spawn(self: &Arc<Self>) {
        let mut state = self.state.lock();
        let key = state.dispatcher.started(0);
        state.dispatcher.ready(key);
        state.readers.push((key, ReaderOwner::new(())));
        let words = Words::new();
        state.words.push((key, words.clone()));
        let mut kernel = self.kernel.lock();
        kernel.procs.push(Proc {
            key,
            requests: VecDeque::new(),
            closed: false,
            killed: false,
            replies: VecDeque::new(),
            dead: false,
            watched: true,
            edge: false,
            death_edge: false,
        });
        let pool = Arc::clone(self);
        kernel.threads.push(thread::spawn(move || pool.work(key, &words)));
        self.resolved.notify_all();
    }
}

// ---- a worker ----

impl Pool {
    fn work(&self, key: Key, words: &Words) {
        loop {
            let mut kernel = self.kernel.lock();
            let job = loop {
                let proc = kernel.proc(key).expect("only dead workers are reaped");
                if proc.killed {
                    break None;
                }
                match proc.requests.pop_front() {
                    None if !proc.closed => self.happened.wait(&mut kernel),
                    job => break job,
                }
            };
            drop(kernel);
            if job.is_some_and(|(_, nth)| !claim(words.word(nth), nth)) {
                continue;
            }
            let mut kernel = self.kernel.lock();
            let job = job.map(|(job, _)| job);
            kernel.begun.extend(job);
            let proc = kernel.proc(key).expect("only dead workers are reaped");
            let behaviour = match job {
                Some(job) if !proc.killed => (self.plan)(job),
                _ => Behaviour::DieFirst,
            };
            if let (Some(job), Behaviour::Answer | Behaviour::AnswerAndDie) = (job, behaviour) {
                proc.replies.push_back(job);
                proc.edge |= proc.watched;
            }
            let dead = behaviour != Behaviour::Answer;
            if dead {
                (proc.dead, proc.death_edge) = (true, true);
                proc.edge |= proc.watched;
            }
            drop(kernel);
            self.happened.notify_all();
            if dead {
                return;
            }
        }
    }
}
