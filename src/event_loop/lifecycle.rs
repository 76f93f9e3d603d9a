//! The `EventLoop` from its making to its end: its parts, its settings, its closing.
//!
//! *Assumes*: the parts of a loop (`event_loop/core.rs`).
//! *Promises*: a setting takes effect in the next iteration at the latest. When a loop is dropped,
//! all that it still has is dropped on its own thread, and what such a drop may use is dropped
//! after it. A drop that panics is reported, and the others follow all the same.
//! *Leaves out*: running (`event_loop/run_once.rs`); letting tasks end by themselves first
//! (`aio/run.rs`).
//!
//! ```text
//!   closing:  1 the inbox: no more messages
//!             2 the tasks, whose drops may use all that follows
//!             3 callbacks, timers, metadata, wakers that wait for a descriptor
//!             4 the extensions of upper floors: the default executor joins its threads
//!             5 sources and selector, with the core
//! ```
//! Counterpart: `close` of CPython's Lib/asyncio/selector_events.py and base_events.py, which
//! drops callbacks and leaves tasks where they are.

use crate::base::id::LoopId;
use crate::event_loop::core::{Core, Unhandled, try_enter};
use crate::event_loop::debug::SlowStep;
use crate::event_loop::inbox;
use crate::event_loop::inbox::LoopMessage;
use crate::event_loop::join::Task;
use crate::event_loop::recording::{Cause, LoopRecording};
use crate::event_loop::spans;
use crate::futures::deadlock::unregister_loop;
use crate::selector::event::Selector;
use crate::selector::mio::MioSelector;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

/// After so many polls of tasks and callbacks at the latest, the next iteration polls the selector
/// even though there is work. tokio's number; asyncio polls it in every iteration, and so does this
/// loop after `set_io_interval(1)`.
const IO_INTERVAL: u32 = 61;

/// A loop that runs tasks and callbacks, watches descriptors and keeps time.
///
/// It belongs to one thread. Tasks need not be `Send`. Other threads reach it through wakers
/// and through [`LoopHandle`](crate::event_loop::calls::LoopHandle).
///
/// Dropping it is asyncio's `close`: it drops every task, callback and timer it still has, on
/// this thread, joins the threads of its default executor, and closes the selector. A loop
/// that is running is borrowed, so it cannot be closed. Handles that outlive it do nothing;
/// [`run`](crate::aio::run::run) lets tasks end in order first.
///
/// ```
/// use singletrack::EventLoop;
///
/// let event_loop = EventLoop::new()?;
/// let answer = event_loop.run_until_complete(async {
///     let six = singletrack::create_task(async { 6 });
///     six.await.unwrap() * 7
/// });
/// assert_eq!(answer, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// What asyncio finds out in debug mode only, a call from the wrong thread, does not compile:
///
/// ```compile_fail,E0277
/// let event_loop = singletrack::EventLoop::new().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(|| event_loop.call_soon(|| ()));
/// });
/// ```
#[doc(alias = "asyncio.EventLoop")]
#[doc(alias = "asyncio.loop.close")]
#[doc(alias = "asyncio.SelectorEventLoop")]
#[doc(alias = "asyncio.new_event_loop")]
pub struct EventLoop {
    pub(crate) core: Rc<Core>,
    pub(super) io_interval: Cell<u32>,
    /// Nanoseconds.
    pub(super) timer_slack: Cell<u64>,
    /// Polls of tasks and callbacks since the selector was last polled; the first iteration
    /// polls it.
    pub(super) since_io: Cell<u32>,
    /// When that was, on the loop's clock.
    pub(super) polled_at: Cell<u64>,
    /// In the last iteration a task or the root woke itself, so as to let others go first.
    pub(super) yielded: Cell<bool>,
    pub(super) iterations: Cell<u64>,
    /// Buffers that keep their memory from iteration to iteration.
    messages: RefCell<Vec<LoopMessage>>,
    pub(super) woken: RefCell<Vec<Waker>>,
}

impl EventLoop {
    /// A loop on mio.
    ///
    /// # Errors
    /// `EMFILE` or `ENFILE` when there are no descriptors left; it needs two.
    pub fn new() -> io::Result<Self> {
        Ok(Self::with_selector(Box::new(MioSelector::new()?)))
    }

    /// A loop on any selector, such as the scripted one for tests.
    pub fn with_selector(selector: Box<dyn Selector>) -> Self {
        EventLoop {
            core: Core::new(selector),
            io_interval: Cell::new(IO_INTERVAL),
            timer_slack: Cell::new(0),
            since_io: Cell::new(IO_INTERVAL),
            polled_at: Cell::new(0),
            yielded: Cell::new(false),
            iterations: Cell::new(0),
            messages: RefCell::default(),
            woken: RefCell::default(),
        }
    }

    /// The loop's number.
    pub fn id(&self) -> LoopId {
        self.core.id
    }

    /// Time since the loop was made, on its own clock; never goes back.
    #[doc(alias = "asyncio.loop.time")]
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.core.now())
    }

    /// How many iterations the loop has made.
    pub fn iterations(&self) -> u64 {
        self.iterations.get()
    }

    /// How many tasks are alive, not counting the root future.
    pub fn tasks(&self) -> usize {
        self.core.ready.borrow().tasks()
    }

    /// Starts a task; its first poll comes in the next iteration.
    #[doc(alias = "asyncio.loop.create_task")]
    #[doc(alias = "spawn_local")]
    #[track_caller]
    pub fn create_task<F: Future + 'static>(&self, future: F) -> Task<F::Output> {
        self.core.spawn(future)
    }

    /// Takes in and carries out what other threads have asked for; returns how much that was.
    pub(super) fn take_inbox(&self) -> usize {
        if self.core.inbox.has_messages() { self.take_messages() } else { 0 }
    }

    #[inline(never)]
    fn take_messages(&self) -> usize {
        let mut messages = self.messages.take();
        self.core.inbox.take(&mut messages);
        let count = messages.len();
        self.core.because(Cause::Thread, || {
            messages.drain(..).for_each(|message| self.core.handle(message));
        });
        self.messages.replace(messages);
        count
    }
}

/// The settings.
impl EventLoop {
    /// After so many polls of tasks and callbacks, at the latest, the next iteration polls the
    /// selector and the timers, even when there is work. 1 means in every iteration, as asyncio
    /// does; the default, 61, is tokio's. Whatever the number, the loop also polls when 10 µs have
    /// passed and a task has yielded, and when the kernel's clock has ticked (1 to 4 ms on most
    /// systems). An iteration is never cut short: a thousand ready tasks all run before that.
    ///
    /// # Panics
    /// If `polls` is 0.
    pub fn set_io_interval(&self, polls: u32) {
        assert!(polls > 0, "the loop must poll its selector now and then: polls must be > 0");
        self.io_interval.set(polls);
    }

    /// How long a sleeping loop may put off a deadline, to meet others on the way and wake once
    /// for all of them. The default is none: each sleep ends as soon as the kernel can wake
    /// the loop; loops that count in whole milliseconds, as tokio does, have one of 1 ms. With
    /// 10,000 sleeps spread over 2 s, a slack of 1 ms makes 1,500 wakes of 6,800 and saves more
    /// than half the CPU time; but the median sleep ends 670 µs late instead of 80.
    ///
    /// No sleep ends early, and one that is due while the loop is awake anyhow ends at once.
    #[doc(alias = "PR_SET_TIMERSLACK")]
    pub fn set_timer_slack(&self, slack: Duration) {
        let nanos = u64::try_from(slack.as_nanos()).unwrap_or(u64::MAX);
        self.timer_slack.set(nanos);
    }

    /// How many operations on sockets, streams, locks and queues one poll of a task may do
    /// before the other tasks run; at least 1, and 128 by default. `u32::MAX` is as good
    /// as no limit, and lets a task whose socket is always ready starve the rest.
    pub fn set_budget(&self, operations: u32) {
        self.core.budget.set(operations.max(1));
    }

    /// Debug mode: notes where tasks are made, and reports steps that hold the loop for 100 ms
    /// or longer. Off by default, and then it costs one branch a step.
    #[doc(alias = "asyncio.loop.set_debug")]
    pub fn set_debug(&self, on: bool) {
        self.core.debug.set(on);
        self.core.watch();
    }

    /// Records what happens to this loop from now on: the last `capacity` events, of 48 bytes each.
    /// 0 ends that. Off by default, and then it costs a branch a wake; on, it reads the clock for
    /// each event, which makes a step that does nothing else take about four times as long.
    pub fn record(&self, capacity: usize) {
        self.core.recorder.start(capacity);
        self.core.watch();
    }

    /// What was recorded.
    pub fn recording(&self) -> LoopRecording {
        LoopRecording {
            lost: spans::lost(self.core.id),
            ..self.core.recorder.read(self.core.now())
        }
    }

    /// In debug mode, reports steps that take at least this long.
    #[doc(alias = "asyncio.loop.slow_callback_duration")]
    pub fn set_slow_callback_duration(&self, limit: Duration) {
        self.core.debug.set_limit(limit);
    }

    /// In debug mode, what is called with each report. The default prints one line on standard
    /// error.
    pub fn set_slow_callback_handler(&self, handler: impl Fn(&SlowStep) + 'static) {
        self.core.debug.set_handler(handler);
    }

    /// What is called with a panic in a callback, in a task that is not awaited, or in a drop that
    /// the loop does: of a future, of a callback that was cancelled or goes with the loop. The
    /// default prints one line on standard error.
    #[doc(alias = "asyncio.loop.set_exception_handler")]
    pub fn set_exception_handler(&self, handler: impl Fn(&Unhandled) + 'static) {
        let old = self.core.handler.replace(Some(Rc::new(handler)));
        drop(old);
    }
}

impl Drop for EventLoop {
    /// A copy that came with a fork is left as it is: its threads are not here, and its epoll is
    /// the parent's.
    fn drop(&mut self) {
        if self.core.is_copy() {
            std::mem::forget(Rc::clone(&self.core));
            return;
        }
        let last = inbox::close(self.core.id);
        // User code that is dropped here finds its loop running, unless this thread is running
        // another one: then it finds that its own is gone.
        let entered = try_enter(&self.core);
        self.core.because(Cause::Thread, || {
            last.into_iter().for_each(|message| self.core.handle(message));
        });
        self.core.drop_tasks();
        self.core.drop_leftovers();
        self.core.drop_handlers();
        drop(entered);
        unregister_loop(self.core.id);
    }
}
