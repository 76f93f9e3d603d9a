//! The event loop: one page that says what a turn is.
//!
//! *Assumes*: the parts of a loop (`event_loop/core.rs`), and tasks that can be run step by step
//! (`event_loop/scheduler.rs`).
//! *Promises*: asyncio's order. Callbacks and tasks run FIFO; what they make ready runs in the
//! next turn. A turn that looks for news hears of descriptors before due timers, and of both
//! before it runs anything.
//! *Leaves out*: sockets and sleeps (`aio/`), threads and processes.
//!
//! ```text
//!   ┌────────────────────────────────── turn ─────────────────────────────────┐
//!   │ 1 take the inbox                                                        │
//!   │     │                                                                   │
//!   │     ├── nothing is ready, or 61 polls ──► 2 how long to sleep?          │
//!   │     │   since the last look               3 park the door               │
//!   │     │                                     4 wait for news               │
//!   │     │ else: no look                       5 take the inbox again        │
//!   │     │                                     6 news → ready                │
//!   │     ▼                                     7 due timers → ready          │
//!   │ 8 run what is ready now, and only that ◄────┘                           │
//!   └──▲───────────────────────────────────────────────────────────────────┬──┘
//!      └───────────────────────────────────────────────────────────────────┘
//! ```
//! A look costs a system call, so a loop with work to do takes one only now and then. Between
//! two looks it hears of no descriptor and no timer, only of its inbox, which costs one load.
//! Step 8 is never cut short: a thousand ready tasks are polled between two looks.
//!
//! Counterpart: `BaseEventLoop._run_once` in CPython's Lib/asyncio/base_events.py; tokio's
//! `current_thread` `block_on`.

use crate::base::id::LoopId;
use crate::event_loop::core::EndedEarly;
use crate::event_loop::core::{Core, Due, enter, no_loop, with_current};
use crate::event_loop::inbox::LoopMessage;
use crate::event_loop::join::Task;
use crate::event_loop::waker::{wake, waker};
use crate::selector::event::Selector;
use crate::selector::mio::MioSelector;
use crate::task::ready_queue::{ROOT_CALL, ReadyEntry};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// asyncio never sleeps longer than this, so that no arithmetic on deadlines can overflow.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 3600);

/// After so many polls and callbacks without a look at the selector, the next turn takes one
/// even though there is work. tokio's number; asyncio looks in every turn, and so does this loop
/// after `set_io_interval(1)` (`event_loop/settings.rs`).
const IO_INTERVAL: u32 = 61;

/// What one turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Iteration {
    /// Tasks polled, the root included.
    pub polled: usize,
    /// Callbacks called.
    pub called: usize,
    /// Events of descriptors.
    pub events: usize,
    /// Timers that were due.
    pub timers: usize,
    /// Messages of other threads.
    pub foreign: usize,
}

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
    pub(crate) io_interval: Cell<u32>,
    /// Nanoseconds.
    pub(crate) timer_slack: Cell<u64>,
    /// Polls and callbacks since the last look at the selector; the first turn takes one.
    since_io: Cell<u32>,
    iterations: Cell<u64>,
    /// Buffers that keep their memory from turn to turn.
    messages: RefCell<Vec<LoopMessage>>,
    woken: RefCell<Vec<Waker>>,
}

/// The root future of the run in progress, if there is one.
type Root<'a> = Option<&'a mut dyn FnMut()>;

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

    /// How many turns the loop has made: asyncio's "passes".
    pub fn iterations(&self) -> u64 {
        self.iterations.get()
    }

    /// How many tasks are alive, not counting the root future.
    pub fn tasks(&self) -> usize {
        self.core.ready.borrow().tasks()
    }

    /// Starts a task; its first poll comes in the next turn.
    #[doc(alias = "asyncio.loop.create_task")]
    #[doc(alias = "spawn_local")]
    #[track_caller]
    pub fn create_task<F: Future + 'static>(&self, future: F) -> Task<F::Output> {
        self.core.spawn(future)
    }

    /// Runs until `future` is done and returns its output. Tasks that are not done by then
    /// stay, and go on in the next run.
    ///
    /// # Panics
    /// If this thread is running a loop already; if [`stop`](Self::stop) ends the run first;
    /// if the selector fails; and with `future`'s own panic.
    #[doc(alias = "asyncio.loop.run_until_complete")]
    #[doc(alias = "block_on")]
    pub fn run_until_complete<F: Future>(&self, future: F) -> F::Output {
        self.drive(future).unwrap_or_else(|ended| panic!("{ended}"))
    }

    /// The same, for a caller who knows what to do if it ends early.
    pub(crate) fn drive<F: Future>(&self, future: F) -> Result<F::Output, EndedEarly> {
        let _entered = enter(&self.core);
        let _forget = ForgetRoot(&self.core);
        let mut future = pin!(future);
        let mut output = None;
        let id = self.core.ready.borrow().root_id();
        wake(id);
        while output.is_none() {
            let mut root = || {
                self.core.ready.borrow_mut().start_root();
                self.core.budget.refill();
                match future.as_mut().poll(&mut Context::from_waker(&waker(id))) {
                    Poll::Ready(value) => output = Some(value),
                    Poll::Pending => self.core.ready.borrow_mut().pause_root(),
                }
            };
            self.iterate(Some(&mut root)).map_err(EndedEarly::Failed)?;
            if self.core.stopping.take() {
                break;
            }
        }
        output.ok_or(EndedEarly::Stopped)
    }

    /// Runs until [`stop`](Self::stop) is called. If it was called before, makes one turn
    /// without sleeping.
    ///
    /// # Errors
    /// What the selector reports.
    ///
    /// # Panics
    /// If this thread is running a loop already.
    #[doc(alias = "asyncio.loop.run_forever")]
    pub fn run_forever(&self) -> io::Result<()> {
        let _entered = enter(&self.core);
        loop {
            self.iterate(None)?;
            if self.core.stopping.take() {
                return Ok(());
            }
        }
    }

    /// Makes one turn and says what it did. It sleeps if there is nothing to do.
    ///
    /// # Errors
    /// What the selector reports.
    ///
    /// # Panics
    /// If this thread is running a loop already.
    pub fn run_once(&self) -> io::Result<Iteration> {
        let _entered = enter(&self.core);
        self.iterate(None)
    }

    /// Ends [`run_forever`](Self::run_forever) after the turn in progress.
    #[doc(alias = "asyncio.loop.stop")]
    pub fn stop(&self) {
        self.core.stopping.set(true);
    }

    /// One turn, in the eight steps of the drawing above.
    fn iterate(&self, mut root: Root<'_>) -> io::Result<Iteration> {
        let core = &*self.core;
        let mut turn = Iteration::default();
        self.iterations.set(self.iterations.get() + 1);

        // 1. Take in what other threads have asked for.
        turn.foreign = self.take_inbox();

        // While there is work, the selector, which costs a system call, can wait a little.
        if core.ready.borrow().is_empty() || self.since_io.get() >= self.io_interval.get() {
            self.since_io.set(0);
            // 2. How long may we sleep?
            let mut timeout = self.timeout();
            // 3. Park the door: from here on a message rings the bell. If one came after step
            // 1, the door stays open, and there is no sleep.
            if timeout != Some(Duration::ZERO) && !core.inbox.park() {
                timeout = Some(Duration::ZERO);
            }
            // 4. Wait for news. The wakers it concerns come out.
            let mut woken = self.woken.take();
            let events = core.reactor.borrow_mut().wait(timeout, &mut woken);
            // 5. The inbox again: a message may be what ended the sleep.
            turn.foreign += self.take_inbox();
            turn.events = events?;
            // 6. Whom the news concerns is ready …
            for waker in woken.drain(..) {
                core.wake_or_report(waker);
            }
            // 7. … and then whoever has slept long enough.
            turn.timers = self.fire_timers();
            self.woken.replace(woken);
        }

        // 8. Run what is ready now. What it makes ready waits for the next turn.
        let batch = core.ready.borrow_mut().batch();
        for _ in 0..batch {
            self.run_next(&mut root, &mut turn);
        }
        self.since_io.update(|polls| polls.saturating_add((turn.polled + turn.called) as u32));
        Ok(turn)
    }

    /// Zero if there is work, else until the first deadline, else for ever.
    fn timeout(&self) -> Option<Duration> {
        let core = &*self.core;
        if !core.ready.borrow().is_empty() || core.stopping.get() {
            return Some(Duration::ZERO);
        }
        let deadline = core.timers.borrow_mut().next_deadline()?;
        let deadline = deadline.saturating_add(self.timer_slack.get());
        Some(Duration::from_nanos(deadline.saturating_sub(core.now())).min(LONGEST_SLEEP))
    }

    /// Moves what is due into the ready queue; what a waker arms meanwhile is for later.
    fn fire_timers(&self) -> usize {
        let core = &*self.core;
        let armed = core.timers.borrow().len();
        if armed == 0 {
            return 0;
        }
        let now = core.now();
        for fired in 0..armed {
            let due = core.timers.borrow_mut().pop_due(now);
            match due {
                Some(Due::Wake(waker)) => core.wake_or_report(waker),
                Some(Due::Call(key)) => core.ready.borrow_mut().push_call(key),
                None => return fired,
            }
        }
        armed
    }

    fn run_next(&self, root: &mut Root<'_>, turn: &mut Iteration) {
        let core = &*self.core;
        let Some(entry) = core.ready.borrow_mut().pop() else { return };
        match entry {
            ReadyEntry::Task(task) => {
                turn.polled += 1;
                core.step(task);
            }
            ReadyEntry::Call(ROOT_CALL) => {
                if let Some(root) = root {
                    turn.polled += 1;
                    root();
                }
            }
            ReadyEntry::Call(key) => {
                let call = core.calls.borrow_mut().remove(key);
                if let Some(call) = call {
                    turn.called += 1;
                    self.call(call);
                }
            }
        }
    }

    /// A callback's panic goes to the handler; the loop goes on.
    fn call(&self, call: impl FnOnce()) {
        let start = self.core.debug.is_on().then(|| self.core.now());
        self.core.run_user_code("a callback", call);
        if let Some(start) = start {
            let took = Duration::from_nanos(self.core.now() - start);
            self.core.check_slow(took, || "a callback".to_owned());
        }
    }

    /// Takes in and carries out what other threads have asked for; says how much that was.
    pub(crate) fn take_inbox(&self) -> usize {
        if self.core.inbox.has_messages() { self.take_messages() } else { 0 }
    }

    #[inline(never)]
    fn take_messages(&self) -> usize {
        let mut messages = self.messages.take();
        self.core.inbox.take(&mut messages);
        let count = messages.len();
        for message in messages.drain(..) {
            self.core.handle(message);
        }
        self.messages.replace(messages);
        count
    }
}

/// However a run ends, its root is nobody's business any more.
struct ForgetRoot<'a>(&'a Core);

impl Drop for ForgetRoot<'_> {
    fn drop(&mut self) {
        self.0.ready.borrow_mut().forget_root();
    }
}

/// Starts a task on the loop that this thread is running.
///
/// # Panics
/// If it runs none.
#[doc(alias = "asyncio.create_task")]
#[track_caller]
#[doc(alias = "asyncio.ensure_future")]
pub fn create_task<F: Future + 'static>(future: F) -> Task<F::Output> {
    let place = Location::caller();
    with_current(|core| core.spawn_at(place, future)).unwrap_or_else(|| no_loop("create_task"))
}
