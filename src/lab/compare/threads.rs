//! One thread a lane: no other thread, many without a lock, or many under one lock.
//!
//! *Assumes*: a process of its own, so that it may start as many threads as it likes.
//! *Promises*: every thread has ended when a model here returns; the futures of [`ThreadCalls`]
//! are ready at their first poll.
//! *Leaves out*: a pool. A lane lasts as long as its model runs, so a pool would add nothing.
//!
//! ```text
//!   sequential     this thread         NoLock        blocks
//!   threads-free   lane-0 … lane-n     NoLock        blocks
//!   threads-py*    lane-0 … lane-n     WithLock      computes with the lock, tick by tick; blocks
//!                                                    without it, and computes so what is native
//! ```

use crate::base::panic::panic_message;
use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use crate::gil::rules::decision::{AttachError, nanos};
use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::compare::compute::{Compute, Tick};
use crate::lab::compare::context::{Calls, JobContext};
use crate::lab::compare::film::Film;
use crate::lab::compare::gate::Gate;
use crate::lab::compare::lane::{LaneStats, LockUse, Phase, PhaseFigures, WorkQueue, run_lane};
use crate::lab::compare::tape::Tape;
use crate::lab::report::failure::Failure;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// One job after another on the calling thread.
///
/// # Errors
/// The first failure of a job.
pub fn sequential(
    queue: &WorkQueue,
    server: Option<SocketAddr>,
    film: &Film,
) -> Result<(LaneStats, PhaseFigures), Failure> {
    let mut context = reach(server)?;
    let phase = Phase::begin(queue);
    let stats = taped(&mut context, queue, film)?;
    Ok((stats, phase.end(Instant::now())))
}

/// `lanes` threads under no lock.
///
/// # Errors
/// The first failure of a job, or of starting a thread.
pub fn free(
    queue: &WorkQueue,
    lanes: usize,
    server: Option<SocketAddr>,
    film: &Film,
) -> Result<(LaneStats, PhaseFigures), Failure> {
    let lane = |_, context: &mut Prepared| taped(context, queue, film);
    side_by_side(queue, lanes, server, lane)
}

/// A lane that writes down what it does, if there is a film.
fn taped(context: &mut Prepared, queue: &WorkQueue, film: &Film) -> Result<LaneStats, Failure> {
    context.calls().tape = film.tape();
    let stats = poll_once(run_lane(context, queue));
    film.keep_tape(context.calls().tape.take());
    stats
}

/// `lanes` threads that share one interpreter lock, or are spread over several interpreters with a
/// lock each: they compute with it, tick by tick, and block without it.
///
/// # Errors
/// The first failure of a job, or of starting a thread.
pub fn under_locks(
    queue: &WorkQueue,
    lanes: usize,
    server: Option<SocketAddr>,
    (policy, locks): (SwitchPolicy, usize),
    film: &Film,
) -> Result<(LaneStats, PhaseFigures, LockUse), Failure> {
    let locks: Vec<_> = (0..locks.max(1)).map(|_| GlobalLock::new(policy)).collect();
    locks.iter().for_each(|lock| film.watch_lock(lock, lanes));
    let lane = |number: usize, context: &mut Prepared| {
        let lock = &locks[number % locks.len()];
        let begun = Instant::now();
        let attached = lock.attach(|gil| {
            let calls = ThreadCalls::new(WithLock(gil));
            let mut under = std::mem::take(context).with_calls(calls);
            let stats = poll_once(run_lane(&mut under, queue));
            // The connection must outlive the lane: it is weighed with it.
            *context = under.with_calls(ThreadCalls::default());
            stats
        });
        let mut stats = attached.unwrap_or_else(|e| Err(no_lock(&e)))?;
        // The wait for the lock before the first job is part of the lane.
        stats.lane_ns = nanos(begun.elapsed());
        Ok(stats)
    };
    let (stats, phase) = side_by_side(queue, lanes, server, lane)?;
    locks.iter().for_each(|lock| film.keep_lock(lock));
    let mut used = LockUse::default();
    for counters in locks.iter().map(|lock| lock.counters()) {
        used.wait_ns += counters.wait_ns;
        used.forced += counters.forced_drops + counters.tick_drops;
        used.voluntary += counters.voluntary_drops;
    }
    Ok((stats, phase, used))
}

/// What a thread has before it has a lock.
type Prepared = JobContext<ThreadCalls<NoLock>>;

fn reach(server: Option<SocketAddr>) -> Result<Prepared, Failure> {
    let mut context = Prepared::default();
    if let Some(server) = server {
        poll_once(context.reach(server))?;
    }
    Ok(context)
}

/// Runs `lane` on `lanes` threads at once, each with its number and a connection to `server`, if there is one, and
/// adds up their figures.
fn side_by_side(
    queue: &WorkQueue,
    lanes: usize,
    server: Option<SocketAddr>,
    lane: impl Fn(usize, &mut Prepared) -> Result<LaneStats, Failure> + Sync,
) -> Result<(LaneStats, PhaseFigures), Failure> {
    let gate = Gate::new();
    let work = |number, mut context: Prepared| {
        let stats = lane(number, &mut context).inspect_err(|_| queue.close());
        (stats, context)
    };
    let through = |number| {
        let passed = gate.pass(|| reach(server), |context| work(number, context));
        passed.and_then(|(stats, _connection)| stats)
    };
    thread::scope(|scope| {
        let start = |number| {
            let named = thread::Builder::new().name(format!("lane-{number}"));
            let through = &through;
            named.spawn_scoped(scope, move || through(number)).map_err(|e| no_thread(number, &e))
        };
        let mut threads = Vec::with_capacity(lanes);
        let refused = (0..lanes).try_for_each(|number| {
            threads.push(start(number)?);
            Ok(())
        });
        gate.wait_ready(threads.len());
        if refused.is_err() {
            queue.close();
        }
        let phase = Phase::begin(queue);
        gate.open();
        let ended = gate.wait_ended(threads.len());
        let figures = phase.end(ended);
        gate.release();
        let mut total = LaneStats::default();
        let mut failure = refused.err();
        for thread in threads {
            let ended = thread.join();
            match ended.unwrap_or_else(|payload| Err(panicked(&panic_message(&*payload)))) {
                Ok(stats) => total.merge(stats),
                Err(why) => failure = failure.or(Some(why)),
            }
        }
        failure.map_or(Ok((total, figures)), Err)
    })
}

/// The lock, or none, around a thread's work. A blocking call is made without it.
pub trait InterpreterLock: Tick {
    /// Makes a blocking call. CPython: between `Py_BEGIN_ALLOW_THREADS` and
    /// `Py_END_ALLOW_THREADS`.
    fn detach<R>(&mut self, call: impl FnOnce() -> R) -> R;
}

/// No lock.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLock;

impl Tick for NoLock {
    fn tick(&mut self) {}

    fn native(&mut self, work: &mut dyn FnMut()) {
        work();
    }
}

impl InterpreterLock for NoLock {
    fn detach<R>(&mut self, call: impl FnOnce() -> R) -> R {
        call()
    }
}

/// The lock, which this thread holds.
struct WithLock<'a, 'g>(&'a mut Gil<'g>);

impl Tick for WithLock<'_, '_> {
    /// A slice of work is one pass of a loop, and a loop's jump back is where every Python
    /// checks whether another thread wants to run; 3.10 checks nowhere else but at calls.
    fn tick(&mut self) {
        self.0.checkpoint();
    }

    fn native(&mut self, work: &mut dyn FnMut()) {
        self.0.detach(work);
    }
}

impl InterpreterLock for WithLock<'_, '_> {
    fn detach<R>(&mut self, call: impl FnOnce() -> R) -> R {
        self.0.detach(call)
    }
}

/// The calls of a thread that blocks.
#[derive(Debug, Default)]
pub struct ThreadCalls<L> {
    lock: L,
    blocked: Duration,
    /// What is written down, if anybody wants to know.
    pub tape: Option<Tape>,
}

impl<L: InterpreterLock> ThreadCalls<L> {
    /// Calls of a thread with this lock.
    pub fn new(lock: L) -> ThreadCalls<L> {
        ThreadCalls { lock, blocked: Duration::ZERO, tape: None }
    }

    /// Makes a call that blocks, without the lock; only the call counts, not the wait for the lock
    /// after it.
    fn detach<R>(&mut self, call: impl FnOnce() -> R) -> R {
        let (result, took) = self.lock.detach(|| {
            let start = Instant::now();
            (call(), start.elapsed())
        });
        self.blocked += took;
        self.tape.iter_mut().for_each(|tape| tape.call(took));
        result
    }
}

impl<L: InterpreterLock> Calls for ThreadCalls<L> {
    type Stream = TcpStream;

    async fn compute<C: Compute>(&mut self, work: C) -> Result<C::Output, Failure> {
        Ok(work.compute(&mut self.lock))
    }

    async fn connect(
        &mut self,
        to: SocketAddr,
        deadline: Option<Instant>,
    ) -> io::Result<TcpStream> {
        self.detach(|| {
            let stream = match left(deadline)? {
                None => TcpStream::connect(to)?,
                Some(left) => TcpStream::connect_timeout(&to, left)?,
            };
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }

    async fn write_all(
        &mut self,
        stream: &mut TcpStream,
        bytes: &[u8],
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        self.detach(|| {
            if let Some(left) = left(deadline)? {
                stream.set_write_timeout(Some(left))?;
            }
            stream.write_all(bytes).map_err(in_time)
        })
    }

    async fn read(
        &mut self,
        stream: &mut TcpStream,
        buffer: &mut [u8],
        deadline: Option<Instant>,
    ) -> io::Result<usize> {
        self.detach(|| {
            loop {
                if let Some(left) = left(deadline)? {
                    stream.set_read_timeout(Some(left))?;
                }
                match stream.read(buffer) {
                    // With a time limit, a process that was stopped and goes on gets this.
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    got => return got.map_err(in_time),
                }
            }
        })
    }

    fn block<R>(&mut self, call: impl FnOnce() -> R) -> R {
        self.detach(call)
    }

    fn blocked(&self) -> Duration {
        self.blocked
    }

    fn note_job(&mut self, number: usize, took: Duration) {
        self.tape.iter_mut().for_each(|tape| tape.job(number, took));
    }
}

/// The time until the deadline, if there is one.
fn left(deadline: Option<Instant>) -> io::Result<Option<Duration>> {
    match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
        Some(Duration::ZERO) => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

/// A socket whose time limit has passed says `WouldBlock`.
fn in_time(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

/// Runs a future of [`ThreadCalls`]: it has nothing to wait for, so one poll is enough.
pub fn poll_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a call that blocks its thread is never pending"),
    }
}

fn no_thread(number: usize, why: &io::Error) -> Failure {
    Failure::io(format!("thread {}", number + 1), why, "lower --connections or --workers")
}

fn no_lock(why: &AttachError) -> Failure {
    Failure::new("a lane", why.to_string(), "this is a bug; please report it")
}

fn panicked(message: &str) -> Failure {
    Failure::new("a lane", format!("panicked: {message}"), "this is a bug; please report it")
}
