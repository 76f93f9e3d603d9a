//! One iteration of the event loop, in eight steps, and the four ways to run it.
//!
//! *Assumes*: the parts of a loop (`event_loop/core.rs`), and tasks that can be run step by step
//! (`event_loop/scheduler.rs`).
//! *Promises*: asyncio's order. Callbacks and tasks run FIFO; what they make ready runs in the
//! next iteration. An iteration that polls the selector takes in its events before due timers, and
//! both before it runs anything. However busy the loop is, it polls when about a millisecond has
//! passed since it did, so no step keeps others waiting but the one in progress and its iteration.
//! *Leaves out*: sockets and sleeps (`aio/`), threads and processes.
//!
//! ```text
//!   ┌─────────────────────────────── iteration ───────────────────────────────┐
//!   │ 1 take the inbox                                                        │
//!   │     │                                                                   │
//!   │     ├── nothing is ready; or since the ─► 2 how long to sleep?          │
//!   │     │   selector was last polled 61       3 park the inbox              │
//!   │     │   tasks and callbacks ran, or       4 poll the selector           │
//!   │     │   some time has passed              5 take the inbox again        │
//!   │     │                                     6 events → ready              │
//!   │     ▼ else: not polled                    7 due timers → ready          │
//!   │ 8 run what is ready now, and only that ◄────┘                           │
//!   └──▲───────────────────────────────────────────────────────────────────┬──┘
//!      └───────────────────────────────────────────────────────────────────┘
//! ```
//! To poll the selector costs a system call where anything is watched, so a loop with work to do does it only
//! now and then.
//! In between it learns of no descriptor and no timer, only of its inbox, which costs one load.
//! Step 8 is never cut short: a thousand ready tasks all run before the selector is polled.
//!
//! Sixty-one polls may take microseconds, or, where each computes for 5 ms, a third of a second. So
//! time counts too. After an iteration in which a task woke itself (a yield, a sleep of zero, a
//! spent budget) 10 µs are enough: it wants others to go first, and those may be behind the
//! selector. After any other it takes one of the kernel's ticks, 1 to 4 ms on most systems, since to
//! read the exact clock there would cost a hand-over between two tasks half as much again.
//!
//! So a task that computes for 5 ms and yields does not go on before the selector has been polled.
//! What that finds ready stands behind whatever is ready already, as in asyncio: it waits for the
//! rest of the iteration in progress and for one more, two slices of each busy task and not 61.
//!
//! Counterpart: `BaseEventLoop._run_once` in CPython's Lib/asyncio/base_events.py, which polls in
//! every iteration; tokio's `current_thread` `block_on`, which counts to 61 and polls as well when
//! all tasks that are ready have yielded.

use crate::base::id::TaskId;
use crate::event_loop::await_points;
use crate::event_loop::core::{Core, Due, enter};
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::recording::{Cause, LoopEventKind};
use crate::event_loop::spans;
use crate::event_loop::waker::{noting_waker, task_of, wake, waker};
use crate::task::ready_queue::{ROOT_CALL, ReadyEntry};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{fmt, io};

/// asyncio never sleeps longer than this, so that no arithmetic on deadlines can overflow.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 3600);

/// Nanoseconds after which a yield is a reason to poll the selector. A poll that finds nothing costs
/// some hundred, so a task that does nothing but yield loses a hundredth.
const YIELD_INTERVAL: u64 = 10_000;

/// What one iteration did.
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

/// Why a run ended without the output of its future, which was dropped.
#[derive(Debug)]
pub(crate) enum EndedEarly {
    /// `stop` was called.
    Stopped,
    /// The selector failed.
    Failed(io::Error),
}

impl fmt::Display for EndedEarly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndedEarly::Stopped => {
                f.write_str("the event loop was stopped before the future was done")
            }
            EndedEarly::Failed(error) => write!(f, "the event loop failed: {error}"),
        }
    }
}

/// One poll of the root future of the run in progress, if there is one; true as for a step of a task.
pub(super) type Root<'a> = Option<&'a mut dyn FnMut() -> bool>;

impl EventLoop {
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

    /// The same, for a caller that knows what to do if it ends early.
    pub(crate) fn drive<F: Future>(&self, future: F) -> Result<F::Output, EndedEarly> {
        let iterate = |root: &mut dyn FnMut() -> bool| {
            self.iterate(Some(root), true).map(drop).map_err(EndedEarly::Failed)
        };
        self.drive_by(future, iterate)
    }

    /// The same, in iterations of the caller's.
    pub(super) fn drive_by<F: Future>(
        &self,
        future: F,
        mut iterate: impl FnMut(&mut dyn FnMut() -> bool) -> Result<(), EndedEarly>,
    ) -> Result<F::Output, EndedEarly> {
        let _entered = enter(&self.core);
        let _forget = ForgetRoot(&self.core);
        let mut future = pin!(future);
        let mut output = None;
        let id = self.core.ready.borrow().root_id();
        let noting = self.core.is_watched() && await_points::is_on();
        let waker = ManuallyDrop::new(if noting { noting_waker(id) } else { waker(id) });
        if spans::on() {
            spans::made(id, "main", "block_on", None);
        }
        wake(id);
        while output.is_none() {
            let mut poll = || {
                match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(value) => output = Some(value),
                    Poll::Pending => return false,
                }
                true
            };
            let mut root = || self.step_root(id, &mut poll);
            iterate(&mut root)?;
            if self.core.stopping.take() {
                break;
            }
        }
        output.ok_or(EndedEarly::Stopped)
    }

    /// One step of the root, which `poll` polls and says whether it is done. True as for a task's.
    fn step_root(&self, id: TaskId, poll: &mut dyn FnMut() -> bool) -> bool {
        let core = &*self.core;
        core.ready.borrow_mut().start_root();
        core.budget.refill();
        if !core.is_watched() {
            return !poll() && core.ready.borrow_mut().pause_root();
        }
        let start = core.now();
        core.note(LoopEventKind::Polled(id));
        let done = core.because(Cause::Task(id), || spans::within(id, poll));
        let again = !done && core.ready.borrow_mut().pause_root();
        let took = Duration::from_nanos(core.now() - start);
        spans::stepped(id, took, again, core.debug.limit());
        core.note(match (done, again) {
            (true, _) => LoopEventKind::Ended(id),
            (false, true) => LoopEventKind::Yielded(id),
            (false, false) => LoopEventKind::Paused(id),
        });
        again
    }

    /// Runs until [`stop`](Self::stop) is called. If it was called before, makes one iteration
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
            self.iterate(None, true)?;
            if self.core.stopping.take() {
                return Ok(());
            }
        }
    }

    /// Makes one iteration and returns what it did. It sleeps if there is nothing to do.
    ///
    /// # Errors
    /// What the selector reports.
    ///
    /// # Panics
    /// If this thread is running a loop already.
    pub fn run_once(&self) -> io::Result<Iteration> {
        let _entered = enter(&self.core);
        self.iterate(None, true)
    }

    /// Makes one iteration that never sleeps: what is ready runs, and what the selector has to say by
    /// now is taken in. For a program that has a loop of its own, a game or a window, and calls this
    /// once a frame.
    ///
    /// # Errors
    /// What the selector reports.
    ///
    /// # Panics
    /// If this thread is running a loop already.
    ///
    /// ```
    /// let event_loop = singletrack::EventLoop::new()?;
    /// assert_eq!(event_loop.run_ready()?.polled, 0); // there is nothing to do, and it returns
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "try_tick")]
    pub fn run_ready(&self) -> io::Result<Iteration> {
        let _entered = enter(&self.core);
        self.since_io.set(u32::MAX);
        self.iterate(None, false)
    }

    /// Ends [`run_forever`](Self::run_forever) after the iteration in progress.
    #[doc(alias = "asyncio.loop.stop")]
    pub fn stop(&self) {
        self.core.stopping.set(true);
    }

    /// One iteration, in the eight steps of the drawing above.
    fn iterate(&self, mut root: Root<'_>, may_sleep: bool) -> io::Result<Iteration> {
        let core = &*self.core;
        let mut iteration = Iteration::default();
        self.iterations.set(self.iterations.get() + 1);
        core.recorder.set_iteration(self.iterations.get());

        // 1. Take in what other threads have asked for.
        iteration.foreign = self.take_inbox();

        // While there is work, the selector, which may cost a system call, can wait a little.
        if self.must_poll_selector() {
            self.since_io.set(0);
            if core.is_watched() {
                iteration.foreign += self.tell_lost();
            }
            // 2. How long may the loop sleep?
            let mut timeout = if may_sleep { self.timeout() } else { Some(Duration::ZERO) };
            // 3. Park the inbox: from here on a message uses the selector's waker. If one came
            // after step 1, the inbox refuses to park, and there is no sleep.
            if timeout != Some(Duration::ZERO) && !core.inbox.park() {
                timeout = Some(Duration::ZERO);
            }
            self.take_in(timeout, &mut iteration)?;
        }

        // 8. Run what is ready now. What it makes ready waits for the next iteration.
        let batch = core.ready.borrow_mut().batch();
        let mut yielded = false;
        for _ in 0..batch {
            yielded |= self.run_next(&mut root, &mut iteration);
        }
        self.yielded.set(yielded);
        let ran = (iteration.polled + iteration.called) as u32;
        self.since_io.update(|polls| polls.saturating_add(ran));
        Ok(iteration)
    }

    /// Steps 4 to 7: what the selector, other threads and the clock have to say.
    #[inline]
    pub(super) fn take_in(
        &self,
        timeout: Option<Duration>,
        iteration: &mut Iteration,
    ) -> io::Result<()> {
        let core = &*self.core;
        // 4. Poll the selector. The wakers that its events concern come out.
        let mut woken = self.woken.take();
        let waits = core.is_watched().then(|| self.note_sleep(timeout));
        let events = core.reactor.borrow_mut().wait(timeout, &mut woken);
        // 5. The inbox again: a message may be what ended the sleep.
        iteration.foreign += self.take_inbox();
        iteration.events = events?;
        // 6. The tasks that wait for these events are ready …
        match waits {
            None => woken.drain(..).for_each(|waker| core.wake_or_report(waker)),
            Some(waits) => self.wake_recorded(&waits, iteration.events, &mut woken),
        }
        // 7. … and then those whose timers are due.
        let now = core.now();
        self.polled_at.set(now);
        iteration.timers = self.fire_timers(now);
        self.woken.replace(woken);
        Ok(())
    }

    /// True if nothing is ready, or if the selector has not been polled for long, in polls of tasks
    /// and callbacks or in time. One clock is read at most: the exact one only where a task has
    /// yielded, which says that it has time.
    fn must_poll_selector(&self) -> bool {
        let yielded = self.yielded.get();
        if self.core.ready.borrow().is_empty() || self.since_io.get() >= self.io_interval.get() {
            return true;
        }
        let (reactor, polled_at) = (self.core.reactor.borrow(), self.polled_at.get());
        match yielded {
            true => reactor.now().saturating_sub(polled_at) >= YIELD_INTERVAL,
            false => reactor.has_ticked(polled_at),
        }
    }

    /// Names the tasks that nothing can wake: without a waker, now that nothing is ready, and no
    /// message is on its way.
    #[inline(never)]
    fn tell_lost(&self) -> usize {
        let is_idle = self.core.ready.borrow().is_empty();
        let suspects = if is_idle { spans::suspects(self.core.id) } else { Vec::new() };
        if suspects.is_empty() {
            return 0;
        }
        let foreign = self.take_inbox();
        if self.core.ready.borrow().is_empty() {
            spans::tell_lost(&suspects);
        }
        foreign
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

    /// Moves what is due into the ready queue; a timer that a waker adds meanwhile is for later.
    fn fire_timers(&self, now: u64) -> usize {
        let core = &*self.core;
        let armed = core.timers.borrow().len();
        for fired in 0..armed {
            let due = core.timers.borrow_mut().pop_due(now);
            match due {
                Some(Due::Wake(waker)) => core.because(Cause::Timer, || core.wake_or_report(waker)),
                Some(Due::Call(key)) => core.ready.borrow_mut().push_call(key),
                None => return fired,
            }
        }
        armed
    }

    /// Records that the selector is asked, and gives what tasks wait for: what it says may end that.
    #[inline(never)]
    fn note_sleep(&self, timeout: Option<Duration>) -> Vec<(TaskId, Cause)> {
        let limit = timeout.map(|limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
        self.core.note(LoopEventKind::Sleeps(limit));
        let reactor = self.core.reactor.borrow();
        let wait =
            |(fd, direction, waker)| Some((task_of(waker)?, Cause::Descriptor(fd, direction)));
        reactor.waiters().filter_map(wait).collect()
    }

    /// Wakes those that events concern, each because of its own.
    #[inline(never)]
    fn wake_recorded(&self, waits: &[(TaskId, Cause)], events: usize, woken: &mut Vec<Waker>) {
        self.core.note(LoopEventKind::Wakes(events as u32));
        for waker in woken.drain(..) {
            let task = task_of(&waker);
            let wait = waits.iter().find(|(waiting, _)| Some(*waiting) == task);
            let cause = wait.map_or(Cause::Outside, |(_, cause)| *cause);
            self.core.because(cause, || self.core.wake_or_report(waker));
        }
    }

    /// True: it was a task, or the root, that woke itself, so as to let others go first.
    fn run_next(&self, root: &mut Root<'_>, iteration: &mut Iteration) -> bool {
        let Some(entry) = self.core.ready.borrow_mut().pop() else { return false };
        self.run_entry(entry, root, iteration)
    }

    /// Runs what came out of the ready queue. True as for [`run_next`](Self::run_next).
    #[inline]
    pub(super) fn run_entry(
        &self,
        entry: ReadyEntry,
        root: &mut Root<'_>,
        iteration: &mut Iteration,
    ) -> bool {
        let core = &*self.core;
        match entry {
            ReadyEntry::Task(task) => {
                iteration.polled += 1;
                core.step(task)
            }
            ReadyEntry::Call(ROOT_CALL) => {
                let Some(root) = root else {
                    // Woken by what an earlier run has left. The next root begins anew.
                    core.ready.borrow_mut().forget_root();
                    return false;
                };
                iteration.polled += 1;
                root()
            }
            ReadyEntry::Call(key) => {
                let callback = core.calls.borrow_mut().remove(key);
                if let Some(callback) = callback {
                    iteration.called += 1;
                    self.call(callback);
                }
                false
            }
        }
    }

    /// A callback's panic goes to the exception handler; the loop goes on.
    fn call(&self, callback: impl FnOnce()) {
        let start = self.core.is_watched().then(|| self.core.now());
        if start.is_some() {
            self.core.note(LoopEventKind::Called);
        }
        let user_code = || self.core.run_user_code("a callback", callback);
        self.core.because(Cause::Callback, user_code);
        if let Some(start) = start {
            self.core.note(LoopEventKind::Returned);
            let took = Duration::from_nanos(self.core.now() - start);
            self.core.check_slow(took, || "a callback".to_owned());
        }
    }
}

/// However a run ends, its root leaves the ready queue.
struct ForgetRoot<'a>(&'a Core);

impl Drop for ForgetRoot<'_> {
    fn drop(&mut self) {
        spans::ended(self.0.ready.borrow().root_id());
        self.0.ready.borrow_mut().forget_root();
    }
}
