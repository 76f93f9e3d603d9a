//! A pool of workers: the real dispatcher, with tasks for processes and faulty connections for pipes.
//!
//! *Promises*: every job comes out exactly once; none is begun more often than its terms allow; after the
//! shutdown no worker is left.
//! *Leaves out*: claims (`process/message/claim.rs`): a worker is sent one job at a time.
//!
//! ```text
//!   supervisor ─ Call ─▶ worker      a task each; a worker may die at any byte of what it reads
//!        ▲                 │         or writes, hang, or talk nonsense
//!        └─ Hello, Value ──┘
//! ```
use crate::aio::net::byte_stream::ByteStream;
use crate::aio::net::owned_halves::{OwnedReadHalf, OwnedWriteHalf};
use crate::aio::sync::notify::Notify;
use crate::aio::time::sleep::sleep;
use crate::aio::time::timeout::timeout;
use crate::base::id::Key;
use crate::event_loop::join::Task;
use crate::lab::seeds::faulty::Faulty;
use crate::lab::seeds::log::Log;
use crate::process::message::frame::{Decoder, FrameKind, frame};
use crate::process::pool::dispatcher::{Action, Dispatcher, Settings};
use crate::process::pool::job::{JobOutcome, PoolJob, Terms};
use crate::process::pool::take_back::Claims;
use crate::sim::program::{Sim, all_end};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

const MOST_JOBS: usize = 16;
const MOST_WORKERS: usize = 3;
/// One fork in so many fails; one worker in so many dies of what it writes.
const DIES: usize = 8;
/// One worker in so many dies of what it reads.
const DIES_READING: usize = 24;

/// Starts a pool, and whoever submits to it; ends when the pool is shut down and empty.
pub fn start(sim: &Sim, log: &Log) -> Task<()> {
    let max_tasks_per_child = (sim.choose(3) == 1).then(|| 1 + sim.choose(3) as u32);
    let settings = Settings { workers: 1 + sim.choose(MOST_WORKERS), max_tasks_per_child };
    let pool = Rc::new(Pool {
        sim: sim.clone(),
        log: log.clone(),
        dispatcher: RefCell::new(Dispatcher::new(settings)),
        changed: Notify::default(),
        news: Cell::new(true),
        workers: RefCell::default(),
        begun: RefCell::default(),
        out: RefCell::default(),
    });
    let jobs = sim.choose(MOST_JOBS) as u64;
    drop(sim.spawn("submitter", submit(Rc::clone(&pool), jobs)));
    sim.spawn("pool", supervise(pool, jobs))
}

struct Pool {
    sim: Sim,
    log: Log,
    dispatcher: RefCell<Dispatcher<()>>,
    changed: Notify,
    news: Cell<bool>,
    workers: RefCell<BTreeMap<u64, Worker>>,
    /// How often each job was begun, and may be.
    begun: RefCell<BTreeMap<u64, (u32, u32)>>,
    out: RefCell<BTreeMap<u64, String>>,
}

/// What the supervisor has of a worker.
struct Worker {
    process: Task<()>,
    requests: Option<Rc<OwnedWriteHalf<Faulty>>>,
}

/// No worker claims its jobs.
struct NoClaims;

impl Claims for NoClaims {
    fn take_back(&mut self, _: Key, _: u64) -> bool {
        false
    }

    fn is_claimed(&mut self, _: Key, _: u64) -> bool {
        true
    }
}

async fn submit(pool: Rc<Pool>, jobs: u64) {
    for id in 0..jobs {
        sleep(Duration::from_millis(pool.sim.choose(6) as u64)).await;
        let limit = (pool.sim.choose(5) == 1).then_some(5_000_000);
        let retries = pool.sim.choose(3) as u32;
        let terms = Terms { limit, retries, alone: false, items: 0 };
        pool.begun.borrow_mut().insert(id, (0, 1 + retries));
        pool.dispatcher.borrow_mut().submit(PoolJob { id, terms, body: () });
        pool.tell();
    }
    match pool.sim.choose(8) {
        1 => pool.dispatcher.borrow_mut().shutdown(true),
        2 => pool.dispatcher.borrow_mut().terminate(),
        _ => pool.dispatcher.borrow_mut().shutdown(false),
    }
    pool.tell();
}

/// Does what the dispatcher says, until it has nothing left.
async fn supervise(pool: Rc<Pool>, jobs: u64) {
    loop {
        pool.act();
        if pool.dispatcher.borrow().finished() {
            break;
        }
        let deadline = pool.dispatcher.borrow().next_deadline();
        let left = deadline.map(|at| Duration::from_nanos(at.saturating_sub(pool.now())));
        let news = pool.changed.until(|| match pool.news.take() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        });
        match left {
            Some(left) => _ = timeout(left).run(news).await,
            // If nothing ever came, that would be a deadlock, which ends the world.
            None => news.await,
        }
    }
    assert!(pool.workers.borrow().is_empty(), "the pool is over, and a worker is left");
    let counts = pool.dispatcher.borrow().counts();
    assert_eq!((counts.submitted, counts.resolved()), (jobs, jobs));
    assert_eq!(pool.out.borrow().len() as u64, jobs);
    assert_eq!(counts.workers_started, counts.workers_ended);
    pool.log.line(format_args!("the pool is over: {counts:?}"));
}

impl Pool {
    fn tell(&self) {
        self.news.set(true);
        self.changed.notify_all();
    }

    fn now(&self) -> u64 {
        u64::try_from(self.sim.now().as_nanos()).unwrap_or(u64::MAX)
    }

    /// All that is to be done now.
    fn act(self: &Rc<Self>) {
        loop {
            let action = self.dispatcher.borrow_mut().next_action(self.now());
            match action {
                Some(Action::Spawn) => self.fork(),
                Some(Action::Kill(key)) => self.kill(key),
                Some(Action::Retire(key)) => {
                    if let Some(worker) = self.workers.borrow_mut().get_mut(&key.pack()) {
                        worker.requests = None;
                    }
                }
                Some(Action::TakeBack(key)) => {
                    self.dispatcher.borrow_mut().take_back(key, &mut NoClaims);
                }
                Some(Action::Resolve(job, outcome)) => self.resolve(job.id, &outcome),
                None => {
                    let to = self.dispatcher.borrow_mut().assign(self.now(), |_| true);
                    let Some(key) = to else { return };
                    self.send(key);
                }
            }
        }
    }

    fn fork(self: &Rc<Self>) {
        let (stream, theirs) = match self.new_pipes() {
            Ok(pipes) => pipes,
            Err(why) => {
                self.log.line(format_args!("a fork fails: {why}"));
                return self.dispatcher.borrow_mut().spawn_failed(self.now());
            }
        };
        let key = self.dispatcher.borrow_mut().started(self.now());
        self.dispatcher.borrow_mut().has_no_claims(key);
        let (replies, requests) = stream.into_split();
        let name = format!("worker {}", self.dispatcher.borrow().counts().workers_started);
        let process = self.sim.spawn(&name, work(Rc::clone(self), theirs));
        let worker = Worker { process, requests: Some(Rc::new(requests)) };
        self.workers.borrow_mut().insert(key.pack(), worker);
        drop(self.sim.spawn(&format!("{name}'s replies"), read(Rc::clone(self), key, replies)));
    }

    /// The two ends of a new worker's pipes, if the system lets it be.
    fn new_pipes(&self) -> io::Result<(ByteStream<Faulty>, Faulty)> {
        if self.sim.choose(DIES) == 1 {
            let errors = [libc::EAGAIN, libc::ENOMEM, libc::EMFILE];
            return Err(io::Error::from_raw_os_error(errors[self.sim.choose(errors.len())]));
        }
        let (ours, theirs) = Faulty::pair(&self.sim, false)?;
        Ok((ByteStream::new(ours)?, theirs))
    }

    fn kill(&self, key: Key) {
        if let Some(worker) = self.workers.borrow().get(&key.pack()) {
            worker.process.cancel(); // its connection closes, and that is read as its death
        }
    }

    /// Sends what was assigned to a worker.
    fn send(self: &Rc<Self>, key: Key) {
        let ids: Vec<u64> = self.dispatcher.borrow().undelivered(key).map(|job| job.id).collect();
        let requests = self.workers.borrow().get(&key.pack()).and_then(|w| w.requests.clone());
        for id in ids {
            self.dispatcher.borrow_mut().delivered(key);
            let (Some(requests), Ok(frame)) =
                (requests.clone(), frame(FrameKind::Call, id, &[7; 40]))
            else {
                continue;
            };
            drop(self.sim.spawn("sends", async move {
                let _ = requests.write_all(&frame).await; // a worker that is gone is seen elsewhere
            }));
        }
    }

    fn resolve(&self, id: u64, outcome: &JobOutcome) {
        let what = match outcome {
            JobOutcome::Lost(_) => "lost".to_owned(),
            JobOutcome::Protocol(_, why) => format!("protocol: {why}"),
            other => format!("{other:?}"),
        };
        self.comes_out(id, what);
    }

    fn comes_out(&self, id: u64, what: String) {
        self.log.line(format_args!("job {id}: {what}"));
        let before = self.out.borrow_mut().insert(id, what);
        assert_eq!(before, None, "job {id} comes out twice");
    }

    /// A frame of a worker.
    fn hears(&self, key: Key, kind: FrameKind, id: u64) {
        let now = self.now();
        let mut dispatcher = self.dispatcher.borrow_mut();
        match kind {
            FrameKind::Hello => dispatcher.ready(key),
            FrameKind::Value => {
                let answered = dispatcher.answered(key, id, now);
                drop(dispatcher);
                if let Some(job) = answered {
                    self.comes_out(job.id, "answered".to_owned());
                }
            }
            kind => dispatcher.misbehaved(key, format!("{kind:?} from a worker")),
        }
    }
}

/// Reads a worker's replies to their end, which is its death.
async fn read(pool: Rc<Pool>, key: Key, replies: OwnedReadHalf<Faulty>) {
    let mut decoder = Decoder::new();
    let mut buffer = [0; 128];
    while let Ok(got @ 1..) = replies.read(&mut buffer).await {
        decoder.feed(&buffer[..got]);
        loop {
            let next = decoder.next_frame().map(|frame| frame.map(|frame| (frame.kind, frame.id)));
            match next {
                Ok(Some((kind, id))) => pool.hears(key, kind, id),
                Ok(None) => break,
                Err(error) => {
                    pool.dispatcher.borrow_mut().misbehaved(key, error.to_string());
                    break;
                }
            }
        }
        pool.tell();
    }
    let worker = pool.workers.borrow_mut().remove(&key.pack());
    if let Some(worker) = worker {
        worker.process.cancel();
        // Reaped: killed or not is all the same, but a worker of ours has no faults of its own.
        all_end([worker.process]).await;
    }
    let now = pool.now();
    pool.dispatcher.borrow_mut().died(key, now);
    pool.tell();
}

/// A worker's life.
async fn work(pool: Rc<Pool>, connection: Faulty) {
    let Ok(stream) = ByteStream::new(connection) else { return };
    let sim = &pool.sim;
    if !say(sim, &stream, FrameKind::Hello, 0).await {
        return;
    }
    let mut decoder = Decoder::new();
    let mut buffer = [0; 64];
    loop {
        while let Ok(Some(frame)) = decoder.next_frame() {
            let id = frame.id;
            let (times, most) = pool.begin(id);
            assert!(times <= most, "job {id} was begun {times} times, of at most {most}");
            sleep(Duration::from_millis(sim.choose(10) as u64)).await;
            if !say(sim, &stream, FrameKind::Value, id).await {
                return;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(got @ 1..) if sim.choose(DIES_READING) != 1 => decoder.feed(&buffer[..got]),
            _ => return,
        }
    }
}

impl Pool {
    fn begin(&self, id: u64) -> (u32, u32) {
        let mut begun = self.begun.borrow_mut();
        let job = begun.entry(id).or_default();
        job.0 += 1;
        *job
    }
}

/// Writes a frame, or a part of one, or another. False: the worker dies of it.
async fn say(sim: &Sim, stream: &ByteStream<Faulty>, kind: FrameKind, id: u64) -> bool {
    let Ok(mut bytes) = frame(kind, id, b"value") else { return false };
    let dies = match sim.choose(DIES) {
        1 => Some(sim.choose(bytes.len())),
        2 if sim.choose(4) == 1 => {
            let at = sim.choose(bytes.len());
            bytes[at] ^= 0x40; // nonsense
            None
        }
        _ => None,
    };
    let sent = stream.write_all(&bytes[..dies.unwrap_or(bytes.len())]).await;
    sent.is_ok() && dies.is_none()
}
