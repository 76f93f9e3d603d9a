//! `run`: a loop for one main task, from the first poll to the last thread.
//!
//! *Promises*: however `main` ends, no task, thread or descriptor of the loop is left. The first
//! Ctrl-C ends `main` in order, the second one the process by force; SIGTERM does the same where
//! that was asked for.
//! *Leaves out*: several mains on one loop (asyncio's `Runner`); that is an
//! [`EventLoop`] and a line more.
//!
//! ```text
//!   new loop ─► main ends ─► cancel all tasks ─► join the default executor ─► close
//!                 ▲
//!     1st SIGINT ─┘ cancels it        2nd SIGINT: the process ends, wherever it is
//! ```
//! Counterpart: `asyncio.run` (CPython's Lib/asyncio/runners.py). There the second Ctrl-C
//! raises `KeyboardInterrupt` in the middle of whatever runs. Rust code cannot be thrown into;
//! so the signal gets its default action back, in the kernel, when the first one arrives.

use crate::aio::signals::{remove_first_handler, set_first_handler};
use crate::aio::tasks::bridge::shutdown_default_executor;
use crate::aio::time::timeout::wait_for;
use crate::base::id::TaskId;
use crate::base::panic::warn;
use crate::event_loop::core::with_current;
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::run_once::EndedEarly;
use crate::sys::signal::on_main_thread;
use crate::task::budget::yield_now;
use crate::task::state::TaskError;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::Duration;

/// asyncio's `THREAD_JOIN_TIMEOUT`: how long jobs of the default executor may take to end.
const JOIN_LIMIT: Duration = Duration::from_secs(300);

/// Why [`run`] has no value.
#[derive(Debug)]
pub enum RunError {
    /// This thread is running a loop already.
    Nested,
    /// The loop could not be made.
    Start(io::Error),
    /// Ctrl-C came, and `main` was cancelled.
    Interrupted,
    /// SIGTERM came, and `main` was cancelled. Only with [`RunOptions::sigterm`].
    Terminated,
    /// `main` was cancelled from outside.
    Cancelled,
    /// The loop was stopped before `main` was done.
    Stopped,
    /// The selector failed.
    Failed(io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Nested => f.write_str(
                "this thread is running an event loop already; await the future there instead",
            ),
            RunError::Start(error) => write!(f, "no event loop could be made: {error}"),
            RunError::Interrupted => f.write_str("interrupted (SIGINT)"),
            RunError::Terminated => f.write_str("terminated (SIGTERM)"),
            RunError::Cancelled => f.write_str("the main task was cancelled"),
            RunError::Stopped => {
                f.write_str("the event loop was stopped before the main task was done")
            }
            RunError::Failed(error) => write!(f, "the event loop failed: {error}"),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RunError::Start(error) | RunError::Failed(error) => Some(error),
            _ => None,
        }
    }
}

/// Makes a loop, runs `main` on it as a task, and closes everything.
///
/// *SIGINT* (Ctrl-C), on the process's main thread and if it has its default action: the first
/// one cancels `main`, whose drops run, and the result is [`RunError::Interrupted`]; a command
/// then usually exits with 130. A second one, also during the shutdown, ends the process by
/// the signal's default action. A `main` that listens to SIGINT itself (see
/// [`signals`](crate::aio::signals)) is not cancelled while it does; once it has stopped, the first
/// one cancels it again.
///
/// *SIGTERM* (`kill`, `docker stop`, systemd) ends the process at once, as under `asyncio.run`: no
/// drop runs, and no file of a socket is removed. To end in order, [`run_with`] treats it as
/// Ctrl-C, or three lines of `main` wait for it:
///
/// ```
/// # use singletrack::aio::{signal, sleep};
/// # async fn serve() { unsafe { libc::raise(libc::SIGTERM); } std::future::pending().await }
/// singletrack::run(async {
///     let mut terminate = signal(libc::SIGTERM)?;
///     let _serving = singletrack::create_task(serve());
///     terminate.recv().await // then main returns, and the other tasks are cancelled
/// })
/// # .unwrap().unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// *When `main` is done*, in asyncio's order: the other tasks are cancelled, and have one
/// iteration to end in; panics that no task awaited go to the exception handler; the default
/// executor of [`to_thread`](crate::aio::to_thread) is shut down and its threads are joined,
/// while the loop runs on (for 300 seconds; then a line on standard error says so, and the
/// threads are left running); the loop is dropped.
///
/// # Errors
/// [`RunError`]. It is never `main`'s own: that is in the output.
///
/// # Panics
/// With `main`'s own panic, after everything is closed.
///
/// ```
/// let value = singletrack::run(async {
///     let six = singletrack::create_task(async { 6 });
///     six.await.unwrap() * 7
/// });
/// assert_eq!(value.unwrap(), 42);
/// ```
#[doc(alias = "asyncio.run")]
#[track_caller]
pub fn run<F: Future + 'static>(main: F) -> Result<F::Output, RunError> {
    if with_current(|_| ()).is_some() {
        return Err(RunError::Nested);
    }
    run_on(EventLoop::new().map_err(RunError::Start)?, main)
}

/// Runs `future` on a loop of its own, and nothing more: no signal, no executor, no order at the end.
/// Tasks that are not done by then are dropped with the loop. For a line or a test; a program says
/// [`run`], and whoever needs the loop again [`EventLoop::run_until_complete`].
///
/// # Panics
/// If this thread is running a loop already, if no loop can be made, and with the future's own panic.
///
/// ```
/// use singletrack::aio::{block_on, sleep};
/// use std::time::Duration;
///
/// let here = 6; // it need not be `'static`
/// assert_eq!(block_on(async { sleep(Duration::from_millis(1)).await; here * 7 }), 42);
/// ```
#[doc(alias = "pollster")]
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    assert!(with_current(|_| ()).is_none(), "{}", RunError::Nested);
    let event_loop = EventLoop::new().unwrap_or_else(|e| panic!("{}", RunError::Start(e)));
    event_loop.run_until_complete(future)
}

/// As [`run`], on a loop that was made and set up before: in debug mode, say, or over another
/// selector.
///
/// # Errors
/// As `run`.
///
/// # Panics
/// As `run`.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{run_on, sleep};
/// use singletrack::selector::scripted::ScriptedSelector;
/// use std::time::Duration;
///
/// let event_loop = EventLoop::with_selector(Box::new(ScriptedSelector::new()));
/// run_on(event_loop, sleep(Duration::from_secs(3600)))?; // an hour of virtual time
/// # Ok::<(), singletrack::aio::RunError>(())
/// ```
#[doc(alias = "asyncio.Runner")]
#[doc(alias = "loop_factory")]
#[track_caller]
pub fn run_on<F: Future + 'static>(event_loop: EventLoop, main: F) -> Result<F::Output, RunError> {
    if with_current(|_| ()).is_some() {
        return Err(RunError::Nested);
    }
    run_with(event_loop, RunOptions::default(), main)
}

/// What can be chosen for [`run_with`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunOptions {
    /// Treat SIGTERM as Ctrl-C: the first one cancels `main`, and the result is
    /// [`RunError::Terminated`], with which a command usually exits with 143; a second one ends the
    /// process. On the process's main thread, and if SIGTERM has its default action. By default
    /// SIGTERM ends the process at once, as under `asyncio.run`.
    pub sigterm: bool,
}

/// As [`run_on`], with options.
///
/// # Errors
/// As `run`.
///
/// # Panics
/// As `run`.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{RunError, RunOptions, run_with};
///
/// # async fn serve() { unsafe { libc::raise(libc::SIGTERM); } std::future::pending().await }
/// let options = RunOptions { sigterm: true };
/// let ended = run_with(EventLoop::new()?, options, serve()); // and somebody says `kill`
/// # let on_main_thread = singletrack::sys::signal::on_main_thread();
/// # assert!(on_main_thread);
/// assert!(matches!(ended, Err(RunError::Terminated)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn run_with<F: Future + 'static>(
    event_loop: EventLoop,
    options: RunOptions,
    main: F,
) -> Result<F::Output, RunError> {
    if with_current(|_| ()).is_some() {
        return Err(RunError::Nested);
    }
    let cancelled_by = Rc::new(Cell::new(None));
    let by_signal = Rc::clone(&cancelled_by);
    let ended = event_loop.drive(async {
        let main = event_loop.create_named_task("main", main);
        // Before the first poll of `main`.
        let _interrupt = InterruptHandler::cancel(libc::SIGINT, main.id(), &by_signal);
        let terminate = || InterruptHandler::cancel(libc::SIGTERM, main.id(), &by_signal);
        let _terminate = options.sigterm.then(terminate);
        main.await
    });
    shut_down(&event_loop);
    drop(event_loop);
    match ended {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(TaskError::Panicked(panic))) => resume_unwind(panic),
        Ok(Err(_)) => Err(match cancelled_by.get() {
            Some(libc::SIGTERM) => RunError::Terminated,
            Some(_) => RunError::Interrupted,
            None => RunError::Cancelled,
        }),
        Err(EndedEarly::Stopped) => Err(RunError::Stopped),
        Err(EndedEarly::Failed(error)) => Err(RunError::Failed(error)),
    }
}

/// As long as this lives, the first arrival of a signal cancels the main task.
struct InterruptHandler(i32);

impl InterruptHandler {
    /// `None` where the signal is not `run`'s to handle: on other threads, beside another loop that
    /// listens to signals, or if it is ignored or handled already. Of several signals the first one
    /// is noted in `cancelled_by`.
    fn cancel(
        signal: i32,
        main: TaskId,
        cancelled_by: &Rc<Cell<Option<i32>>>,
    ) -> Option<InterruptHandler> {
        let cancelled_by = Rc::clone(cancelled_by);
        let cancel = move || {
            cancelled_by.set(cancelled_by.get().or(Some(signal)));
            with_current(|core| core.cancel_here(main));
        };
        (on_main_thread() && set_first_handler(signal, cancel).ok()?)
            .then_some(InterruptHandler(signal))
    }
}

impl Drop for InterruptHandler {
    fn drop(&mut self) {
        remove_first_handler(self.0);
    }
}

/// What asyncio does between the end of `main` and `close`.
fn shut_down(event_loop: &EventLoop) {
    for id in event_loop.all_tasks() {
        event_loop.core.cancel_here(id);
    }
    // A cancelled task is dropped in the next iteration. An error here is a selector's, which has
    // been reported before.
    let _ = event_loop.drive(yield_now());
    let joined = || wait_for(shutdown_default_executor(), Some(JOIN_LIMIT));
    let mut ended = event_loop.drive(joined());
    while let Err(EndedEarly::Stopped) = ended {
        ended = event_loop.drive(joined());
    }
    if let Ok(Err(_)) = ended {
        warn(format_args!(
            "jobs of the default executor still run after {JOIN_LIMIT:?}; they are left to \
             themselves"
        ));
    }
}
