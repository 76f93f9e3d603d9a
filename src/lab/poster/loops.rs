//! The two bands of the event loop: the computing in a worker process, or on the loop itself.
//!
//! *Promises*: our own loop decides who runs when, on a clock that moves only where something takes
//! time; packets come at their times, whatever the loop does.
//! *Leaves out*: a real worker. A job takes its time beside the loop, and its result is an event of a
//! descriptor, as the pool's are.

use crate::aio::net::async_fd::AsyncFd;
use crate::event_loop::lifecycle::EventLoop;
use crate::lab::poster::packets::{HANDLING, JOB, Packet, UNTIL, arrivals, packets, points, spans};
use crate::lab::report::failure::Failure;
use crate::lab::timeline::timeline::{Group, Lane, LaneKind, Nanos, Span, State};
use crate::selector::event::Readiness;
use crate::selector::scripted::ScriptedSelector;
use crate::sys::fd::Direction;
use crate::task::budget::yield_now;
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

/// What it takes to send a job to a worker, or to take its result.
const PIPE: Nanos = 20_000;

/// When something ran, from and to.
type Times = Rc<RefCell<Vec<(Nanos, Nanos)>>>;

/// The clock that the loop and its tasks share.
#[derive(Clone)]
struct Clock(ScriptedSelector);

impl Clock {
    fn now(&self) -> Nanos {
        crate::selector::event::Selector::now(&self.0)
    }

    /// Computes for so long.
    fn compute(&self, time: Nanos) {
        self.0.advance(Duration::from_nanos(time));
    }

    /// A descriptor whose events come at these times.
    fn descriptor(
        &self,
        times: impl Iterator<Item = Nanos>,
    ) -> io::Result<(UnixStream, UnixStream)> {
        let (ours, other) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        times.for_each(|time| self.ready_at(time, &ours));
        Ok((ours, other))
    }

    fn ready_at(&self, time: Nanos, fd: &impl AsRawFd) {
        self.0.ready_at(Duration::from_nanos(time), fd.as_raw_fd(), Readiness::READABLE);
    }
}

/// The loop with a worker process for the computing.
///
/// # Errors
/// If the loop fails.
pub fn beside_a_worker(name: &str) -> Result<(Group, Vec<Packet>), Failure> {
    band(name, ["worker", "loop"], |clock, jobs| async move {
        let (results, _other) = clock.descriptor(std::iter::empty())?;
        let results = AsyncFd::new(results)?;
        loop {
            clock.compute(PIPE);
            let done = clock.now() + JOB;
            clock.ready_at(done, results.io());
            let now = clock.clone();
            let is_done = move |_: &UnixStream| match now.now() >= done {
                true => Ok(()),
                false => Err(io::ErrorKind::WouldBlock.into()),
            };
            jobs.borrow_mut().push((clock.now(), done));
            results.io_call(Direction::Read, is_done).await?;
            clock.compute(PIPE);
        }
    })
}

/// The loop that computes itself, a job at a time.
///
/// # Errors
/// If the loop fails.
pub fn inline(name: &str) -> Result<(Group, Vec<Packet>), Failure> {
    band(name, ["jobs", "net"], |clock, jobs| async move {
        loop {
            let begun = clock.now();
            clock.compute(JOB);
            jobs.borrow_mut().push((begun, clock.now()));
            yield_now().await;
        }
    })
}

/// A loop with two tasks: `computing`, which notes when a job ran, and one that handles packets.
fn band<F: Future<Output = io::Result<()>> + 'static>(
    name: &str,
    lanes: [&str; 2],
    computing: impl FnOnce(Clock, Times) -> F,
) -> Result<(Group, Vec<Packet>), Failure> {
    let (jobs, handled) = (Times::default(), Times::default());
    let clock = Clock(ScriptedSelector::new());
    run(&clock, computing(clock.clone(), Rc::clone(&jobs)), Rc::clone(&handled))
        .map_err(|e| Failure::io(name, &e, "report it"))?;
    let handled = cut(&handled.borrow());
    let packets = packets(&handled);
    let [computes, net] = lanes;
    let lane = |id, name: &str, kind, spans, points| Lane {
        name: name.to_owned(),
        kind,
        id,
        spans,
        points,
    };
    let kind = if computes == "worker" { LaneKind::Thread } else { LaneKind::Task };
    let jobs = job_spans(&cut(&jobs.borrow()));
    let lanes = vec![
        lane(1, computes, kind, jobs, Vec::new()),
        lane(2, net, kind, spans(&packets, &handled), points(&packets)),
    ];
    let group = Group { name: name.to_owned(), pid: 0, lanes, links: Vec::new(), forgotten: 0 };
    Ok((group, packets))
}

fn run(
    clock: &Clock,
    computing: impl Future<Output = io::Result<()>> + 'static,
    handled: Times,
) -> io::Result<()> {
    let event_loop = EventLoop::with_selector(Box::new(clock.0.clone()));
    // As in asyncio: each iteration asks the selector.
    event_loop.set_io_interval(1);
    let (packets, _other) = clock.descriptor(arrivals())?;
    let net = event_loop.create_named_task("net", handle(clock.clone(), packets, handled));
    let jobs = event_loop.create_named_task("jobs", computing);
    while clock.now() < UNTIL && !net.done() && !jobs.done() {
        event_loop.run_once()?;
    }
    Ok(())
}

/// Takes each packet that has come, and handles it.
async fn handle(clock: Clock, packets: UnixStream, handled: Times) -> io::Result<()> {
    let packets = AsyncFd::new(packets)?;
    for came in arrivals() {
        let now = clock.clone();
        let has_come = move |_: &UnixStream| match now.now() >= came {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        };
        packets.io_call(Direction::Read, has_come).await?;
        let begun = clock.now();
        clock.compute(HANDLING);
        handled.borrow_mut().push((begun, clock.now()));
    }
    Ok(())
}

/// What of it is in the picture.
fn cut(times: &[(Nanos, Nanos)]) -> Vec<(Nanos, Nanos)> {
    let within = times.iter().filter(|(from, _)| *from < UNTIL);
    within.map(|&(from, to)| (from, to.min(UNTIL))).collect()
}

fn job_spans(jobs: &[(Nanos, Nanos)]) -> Vec<Span> {
    let span = |(number, &(from, to)): (usize, &(Nanos, Nanos))| Span {
        from,
        to,
        state: State::Runs,
        name: format!("job {number}"),
        details: Vec::new(),
    };
    (1..).zip(jobs).map(span).collect()
}
