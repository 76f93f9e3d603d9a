//! OS threads that carry the program's threads.
//!
//! *Promises*: `Thread.start` returns when the new thread has had the lock, as in CPython; a thread
//! that waits sleeps without the lock; when the run is over all of them end, but for one that reads
//! stdin.
//! *Leaves out*: what a thread does with the lock (`python/run/shell.rs`).
//!
//! Where something other than an OS thread is to carry a thread of the world (a pool's worker, a task
//! of an event loop), `begin` is the place to choose: it is called once for each thread of the world,
//! with the lock held. A worker calls [`carry`]; a task calls [`Shell::turn`] when it is polled, and
//! hands what is not `Waits` or `Ended` to [`attend`]. What a program asks for from outside begins in
//! `answer`, which must not block: it leaves the work to another thread, which calls
//! [`Shell::deliver`].

use crate::gil::lock::token::Gil;
use crate::python::front::position::Position;
use crate::python::machine::outside::{Answer, Request};
use crate::python::run::inside::Ending;
use crate::python::run::loops::Loops;
use crate::python::run::requests;
use crate::python::run::shell::{Shell, Turn};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::{Wake, Waker};
use std::thread::{Builder, Thread, current, park, park_timeout};
use std::time::Instant;

/// Wakes an OS thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Carries a thread of the world on this OS thread until it has ended, or the run has.
pub fn carry(shell: &Arc<Shell>, number: usize) {
    carry_and_tell(shell, number, None);
}

/// The same; drops `begun` when it has had the lock.
fn carry_and_tell(shell: &Arc<Shell>, number: usize, begun: Option<Sender<()>>) {
    let waker = Waker::from(Arc::new(Unpark(current())));
    let mut begun = begun;
    let mut loops = Loops::default();
    loop {
        let event_loop = shell.lock.attach(|gil| {
            drop(begun.take());
            loop {
                match shell.turn(gil, number, &waker) {
                    Turn::Waits(until) => match shell.inside(gil).runs(number) {
                        None => gil.detach(|| sleep(until)),
                        event_loop => return event_loop,
                    },
                    Turn::Ended | Turn::Over => return None,
                    turn => attend(shell, gil, turn),
                }
            }
        });
        match event_loop {
            Ok(Some(event_loop)) => loops.drive(shell, number, event_loop, attend),
            // An error says that the run is over.
            Ok(None) | Err(_) => return,
        }
    }
}

/// Sleeps until this thread is woken, or until a moment. It may wake up earlier.
fn sleep(until: Option<Instant>) {
    match until {
        None => park(),
        Some(until) => {
            let left = until.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                park_timeout(left);
            }
        }
    }
}

/// Does what a turn has left to its carrier.
pub fn attend(shell: &Arc<Shell>, gil: &mut Gil<'_>, turn: Turn) {
    match turn {
        Turn::Started(numbers) => {
            let world = &shell.inside(gil).machine.world;
            // Tasks are begun by their loop.
            let is_thread = |number: &usize| world.threads[*number].task.is_none();
            let numbers: Vec<usize> = numbers.filter(is_thread).collect();
            for number in numbers {
                if let Err(error) = begin(shell, gil, number) {
                    let why = format!("no thread is to be had: {error}");
                    let inside = shell.inside(gil);
                    let at: Position = inside.machine.position();
                    inside.ending.get_or_insert(Ending::Stopped(why, at));
                }
            }
        }
        Turn::Asks(requests) => {
            for (number, request) in requests {
                answer(shell, gil, number, request);
            }
        }
        Turn::Waits(_) | Turn::Ended | Turn::Over => {}
    }
}

/// Sees to it that a new thread of the world is carried, and waits until it has had the lock.
fn begin(shell: &Arc<Shell>, gil: &mut Gil<'_>, number: usize) -> io::Result<()> {
    if let Some(pool) = shell.inside(gil).machine.pool_of_job(number) {
        return begin_job(shell, gil, number, pool);
    }
    let name = shell.inside(gil).machine.name_of_thread(number).replace('\0', " ");
    let (begun, has_begun) = channel();
    let carried = Arc::clone(shell);
    Builder::new().name(name).spawn(move || carry_and_tell(&carried, number, Some(begun)))?;
    // It is dropped, never sent on.
    let _ = gil.detach(|| has_begun.recv());
    Ok(())
}

/// Gives a job to the executor of its pool, whose threads carry one job after another.
fn begin_job(
    shell: &Arc<Shell>,
    gil: &mut Gil<'_>,
    number: usize,
    (pool, name, workers): (u64, String, usize),
) -> io::Result<()> {
    let carried = Arc::clone(shell);
    let begun = gil
        .detach(|| shell.executors.submit(pool, &name, workers, move || carry(&carried, number)));
    begun.map_err(io::Error::other)
}

/// Begins to see to what was asked for.
fn answer(shell: &Arc<Shell>, gil: &mut Gil<'_>, number: u64, request: Request) {
    if let Request::Process(request) = request {
        gil.detach(|| requests::answer(shell, number, request));
        return;
    }
    let asking = Arc::clone(shell);
    let work = move || {
        let answer = match request {
            Request::Process(_) => return,
            Request::Line => match asking.streams.read_line() {
                Ok(Some(line)) => Answer::Text(line),
                Ok(None) => Answer::End,
                Err(error) => Answer::Failed(error.to_string()),
            },
        };
        // If the run is over nobody wants it any more.
        let _ = asking.deliver(number, answer);
    };
    if let Err(error) = Builder::new().name("stdin".to_owned()).spawn(work) {
        let failed = Answer::Failed(error.to_string());
        shell.inside(gil).machine.world.answers.insert(number, failed);
    }
}

/// Starts the main thread.
///
/// # Errors
/// If the operating system has no thread to give.
pub(crate) fn start_main(shell: &Arc<Shell>) -> io::Result<()> {
    let carried = Arc::clone(shell);
    Builder::new().name("MainThread".to_owned()).spawn(move || carry(&carried, 0)).map(drop)
}
