//! A process pool without processes: the real books (`Dispatcher`) and the real rule for who
//! reads (`ReaderOwner`), between threads that play workers, callers, the supervisor and the kernel.
//! The flows are those of `desk.rs`, `shared.rs` and `supervisor.rs`, in the same order under the
//! same locks; what is left out is bytes. Loom and shuttle run it.
#![allow(dead_code)] // each of them uses its own part

use singletrack::base::id::Key;
use singletrack::base::sync::thread::{self, JoinHandle};
use singletrack::base::sync::{Condvar, Mutex};
use singletrack::process::pool::dispatcher::{Action, Dispatcher, Settings};
use singletrack::process::pool::job::JobOutcome;
use singletrack::process::pool::job::PoolJob;
use singletrack::process::pool::job::Terms;
use singletrack::process::pool::replies::ReaderOwner;
use std::collections::VecDeque;
use std::sync::Arc;

/// What a worker does with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
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

/// A worker as the kernel knows it, and its two pipes.
struct Proc {
    key: Key,
    requests: VecDeque<u64>,
    /// No more requests will come.
    closed: bool,
    killed: bool,
    replies: VecDeque<u64>,
    dead: bool,
    /// Its reply pipe is in the supervisor's selector, which has an edge to report.
    watched: bool,
    edge: bool,
    /// Its pidfd has.
    death_edge: bool,
}

#[derive(Default)]
struct Kernel {
    procs: Vec<Proc>,
    /// Somebody has woken the supervisor.
    bell: bool,
    threads: Vec<JoinHandle<()>>,
}

impl Kernel {
    fn proc(&mut self, key: Key) -> Option<&mut Proc> {
        self.procs.iter_mut().find(|proc| proc.key == key)
    }

    /// What the supervisor's poll reports next.
    fn event(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.bell) {
            return Some(Event::Bell);
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
    Bell,
    Replies(Key),
    Death(Key),
}

struct PoolState {
    dispatcher: Dispatcher<()>,
    links: Vec<(Key, ReaderOwner<()>)>,
    spawns: usize,
    dead: Vec<Key>,
    awaited: Option<u64>,
    lent: Option<Key>,
    ends: Vec<(u64, End)>,
    reaped: u64,
}

impl PoolState {
    fn link(&mut self, key: Key) -> Option<&mut ReaderOwner<()>> {
        self.links.iter_mut().find(|(k, _)| *k == key).map(|(_, link)| link)
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
    desk: Mutex<PoolState>,
    resolved: Condvar,
    kernel: Mutex<Kernel>,
    happened: Condvar,
    plan: fn(u64) -> Deed,
}

impl Pool {
    /// A pool of so many workers, which do as planned, and its supervisor.
    pub fn start(workers: usize, plan: fn(u64) -> Deed) -> (Arc<Pool>, JoinHandle<()>) {
        let desk = PoolState {
            dispatcher: Dispatcher::new(Settings { workers, max_tasks_per_child: None }),
            links: Vec::new(),
            spawns: 0,
            dead: Vec::new(),
            awaited: None,
            lent: None,
            ends: Vec::new(),
            reaped: 0,
        };
        let pool = Arc::new(Pool {
            desk: Mutex::new(desk),
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
        let mut desk = self.desk.lock();
        while desk.links.len() < count {
            self.resolved.wait(&mut desk);
        }
    }

    /// Queues a job.
    pub fn submit(&self, job: u64) {
        let mut desk = self.desk.lock();
        desk.dispatcher.submit(Job { id: job, terms: Terms::default(), body: () });
        self.turn(&mut desk);
        self.wake_if_wanted(&desk);
    }

    /// Queues a job and waits for its end, listening himself if he may.
    pub fn call(&self, job: u64) -> End {
        let mut desk = self.desk.lock();
        desk.dispatcher.submit(Job { id: job, terms: Terms::default(), body: () });
        desk.awaited = Some(job);
        self.turn(&mut desk);
        desk.awaited = None;
        self.wake_if_wanted(&desk);
        let lent = desk.lent.take().filter(|key| desk.link(*key).unwrap().take().is_some());
        drop(desk);
        if let Some(key) = lent {
            self.listen_for(job, key);
        }
        self.wait_for(job)
    }

    /// Waits for the end of a job.
    pub fn wait_for(&self, job: u64) -> End {
        let mut desk = self.desk.lock();
        loop {
            if let Some(end) = desk.end_of(job) {
                return end;
            }
            self.resolved.wait(&mut desk);
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

    /// Lets all work be done, and everybody go home; gives all ends.
    pub fn finish(&self, supervisor: JoinHandle<()>) -> Vec<(u64, End)> {
        let mut desk = self.desk.lock();
        desk.dispatcher.shutdown(false);
        self.turn(&mut desk);
        self.wake();
        drop(desk);
        supervisor.join().unwrap();
        let mut kernel = self.kernel.lock();
        let threads = std::mem::take(&mut kernel.threads);
        assert!(kernel.procs.is_empty(), "somebody was not reaped");
        drop(kernel);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let mut desk = self.desk.lock();
        let counts = desk.dispatcher.counts();
        assert_eq!((counts.workers_started, counts.workers_ended), (desk.reaped, desk.reaped));
        assert_eq!(counts.submitted, counts.resolved());
        assert_eq!(counts.submitted, desk.ends.len() as u64);
        let mut ends = std::mem::take(&mut desk.ends);
        ends.sort_by_key(|(job, _)| *job);
        ends
    }

    fn wake(&self) {
        self.kernel.lock().bell = true;
        self.happened.notify_all();
    }

    fn wake_if_wanted(&self, desk: &PoolState) {
        if desk.spawns > 0 || !desk.dead.is_empty() || desk.dispatcher.finished() {
            self.wake();
        }
    }
}

// ---- the desk ----

impl Pool {
    fn turn(&self, desk: &mut PoolState) {
        self.act(desk);
        let mut fed: Vec<Key> = Vec::new();
        while let Some(key) = desk.dispatcher.assign(0, |_| true) {
            if !fed.contains(&key) {
                fed.push(key);
            }
        }
        for key in fed {
            self.write(desk, key);
            self.find_listener(desk, key);
        }
        self.act(desk);
    }

    fn act(&self, desk: &mut PoolState) {
        while let Some(action) = desk.dispatcher.next_action(0) {
            match action {
                Action::Spawn => desk.spawns += 1,
                Action::Kill(key) => {
                    self.kernel.lock().proc(key).into_iter().for_each(|proc| proc.killed = true);
                }
                Action::Retire(key) => {
                    self.kernel.lock().proc(key).into_iter().for_each(|proc| proc.closed = true);
                }
                Action::Resolve(job, JobOutcome::Lost(_)) => desk.end(job.id, End::Lost),
                Action::Resolve(job, _) => desk.end(job.id, End::Other),
            }
        }
        self.happened.notify_all();
        self.resolved.notify_all();
    }

    fn write(&self, desk: &mut PoolState, key: Key) {
        let jobs: Vec<u64> = desk.dispatcher.undelivered(key).map(|job| job.id).collect();
        jobs.iter().for_each(|_| desk.dispatcher.delivered(key));
        self.kernel.lock().proc(key).into_iter().for_each(|proc| proc.requests.extend(&jobs));
    }

    fn find_listener(&self, desk: &mut PoolState, key: Key) {
        let alone = desk.awaited.is_some_and(|job| desk.dispatcher.runs_only(key, job));
        let busy = desk.dispatcher.load(key) > 0;
        let Some(listening) = desk.link(key) else { return };
        let caller = if alone { listening.appoint_caller() } else { None };
        if let Some(watched) = caller {
            desk.lent = Some(key);
            if watched {
                self.kernel.lock().proc(key).into_iter().for_each(|proc| {
                    (proc.watched, proc.edge) = (false, false);
                });
            }
        } else if busy && listening.appoint_supervisor() {
            self.kernel.lock().proc(key).into_iter().for_each(|proc| {
                (proc.watched, proc.edge) = (true, proc.dead || !proc.replies.is_empty());
            });
            self.happened.notify_all();
        }
    }
}

// ---- those who read ----

impl Pool {
    /// Reads all there is; false: there will never be more.
    fn hear(&self, key: Key) -> bool {
        let mut kernel = self.kernel.lock();
        let Some(proc) = kernel.proc(key) else { return false };
        let (replies, alive) = (std::mem::take(&mut proc.replies), !proc.dead);
        drop(kernel);
        for job in replies {
            let mut desk = self.desk.lock();
            if desk.dispatcher.answered(key, job, 0).is_some() {
                desk.end(job, End::Answered);
            }
            self.turn(&mut desk);
        }
        alive
    }

    fn listen_for(&self, job: u64, key: Key) {
        loop {
            let mut kernel = self.kernel.lock();
            while kernel.proc(key).is_some_and(|proc| proc.replies.is_empty() && !proc.dead) {
                self.happened.wait(&mut kernel);
            }
            drop(kernel);
            let alive = self.hear(key);
            if !alive || self.desk.lock().end_of(job).is_some() {
                break;
            }
        }
        let mut desk = self.desk.lock();
        let Some(listening) = desk.link(key) else { panic!("reaped while it was read") };
        if listening.give_back(()) {
            desk.dead.push(key);
        } else {
            self.find_listener(&mut desk, key);
        }
        self.wake_if_wanted(&desk);
    }

    fn supervise(self: Arc<Self>) {
        loop {
            let mut desk = self.desk.lock();
            self.turn(&mut desk);
            let spawns = std::mem::take(&mut desk.spawns);
            let dead = std::mem::take(&mut desk.dead);
            let finished = desk.dispatcher.finished();
            drop(desk);
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
            Event::Bell => {}
            Event::Death(key) => self.reap(key),
            Event::Replies(key) => {
                let reader = self.desk.lock().link(key).and_then(ReaderOwner::take);
                if let Some(reader) = reader {
                    self.hear(key);
                    self.desk.lock().link(key).expect("not reaped").put_back(reader);
                }
            }
        }
    }

    fn reap(&self, key: Key) {
        let reader = self.desk.lock().link(key).and_then(ReaderOwner::take_of_the_dead);
        let Some(reader) = reader else { return };
        self.hear(key);
        let mut desk = self.desk.lock();
        desk.link(key).expect("not reaped").put_back(reader);
        let mut kernel = self.kernel.lock();
        assert!(kernel.proc(key).is_some_and(|proc| proc.dead && proc.replies.is_empty()));
        kernel.procs.retain(|proc| proc.key != key);
        drop(kernel);
        desk.dispatcher.died(key, 0);
        self.turn(&mut desk);
        desk.links.retain(|(k, _)| *k != key);
        desk.reaped += 1;
    }

    fn spawn(self: &Arc<Self>) {
        let mut desk = self.desk.lock();
        let key = desk.dispatcher.started(0);
        desk.dispatcher.ready(key);
        desk.links.push((key, ReaderOwner::new(())));
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
        kernel.threads.push(thread::spawn(move || pool.work(key)));
        self.resolved.notify_all();
    }
}

// ---- a worker ----

impl Pool {
    fn work(&self, key: Key) {
        loop {
            let mut kernel = self.kernel.lock();
            let job = loop {
                let proc = kernel.proc(key).expect("nobody reaps the living");
                if proc.killed {
                    break None;
                }
                match proc.requests.pop_front() {
                    None if !proc.closed => self.happened.wait(&mut kernel),
                    job => break job,
                }
            };
            let proc = kernel.proc(key).expect("nobody reaps the living");
            let deed = job.map_or(Deed::DieFirst, self.plan);
            if let (Some(job), Deed::Answer | Deed::AnswerAndDie) = (job, deed) {
                proc.replies.push_back(job);
                proc.edge |= proc.watched;
            }
            let dead = deed != Deed::Answer;
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
