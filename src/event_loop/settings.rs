//! A loop's settings: how often it looks at its selector, what a task may do in one poll, who
//! is told of panics and of slow steps.
//!
//! *Assumes*: the loop (`event_loop/run_once.rs`) and its parts (`event_loop/core.rs`).
//! *Promises*: each takes effect in the next turn at the latest; the defaults are good.
//! *Leaves out*: acting on them: the turn (`event_loop/run_once.rs`), the budget (`task/budget.rs`),
//! debug mode (`event_loop/debug.rs`), and the exception handler (`event_loop/core.rs`).
//!
//! # Closing a loop: what goes, and in which order
//!
//! *Assumes*: the parts of a loop (`event_loop/core.rs`); nobody runs it, for then it is borrowed.
//! *Promises*: all that the loop still has is dropped on its own thread, and everything that such
//! a drop may use goes after it; who asks for something too late is told so.
//! *Leaves out*: letting tasks end by themselves first (`aio/run.rs`).
//!
//! ```text
//!   1 the inbox: no more messages
//!   2 the tasks, whose drops may use all that follows
//!   3 callbacks, timers, names
//!   4 what upper floors attached: the default executor joins its threads
//!   5 sources and selector, with the core
//! ```
//! Counterpart: `close` of CPython's Lib/asyncio/selector_events.py and base_events.py, which
//! drops callbacks and leaves tasks where they are.

use crate::event_loop::core::{Unhandled, try_enter};
use crate::event_loop::debug::SlowStep;
use crate::event_loop::inbox;
use crate::event_loop::run_once::EventLoop;
use crate::futures::deadlock::unregister_loop;
use std::rc::Rc;
use std::time::Duration;

impl EventLoop {
    /// Once there have been so many polls and callbacks since the last look at the selector and
    /// the timers, the next turn looks again, even when there is work. (A turn is never cut
    /// short: a thousand ready tasks are polled between two looks.) 1 means in every turn, as
    /// asyncio does; the default, 61, is tokio's.
    ///
    /// # Panics
    /// If `polls` is 0.
    pub fn set_io_interval(&self, polls: u32) {
        assert!(polls > 0, "the loop must look at its selector now and then: polls must be > 0");
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
    /// before it gives the others a turn; at least 1, and 128 by default. `u32::MAX` is as good
    /// as no limit, and lets a task whose socket is always ready starve the rest.
    pub fn set_budget(&self, operations: u32) {
        self.core.budget.set(operations.max(1));
    }

    /// Debug mode: notes where tasks are made, and tells of steps that hold the loop for 100 ms
    /// or longer. Off by default, and then free.
    #[doc(alias = "asyncio.loop.set_debug")]
    pub fn set_debug(&self, on: bool) {
        self.core.debug.set(on);
    }

    /// In debug mode, tells of steps that take at least this long.
    #[doc(alias = "asyncio.loop.slow_callback_duration")]
    pub fn set_slow_callback_duration(&self, limit: Duration) {
        self.core.debug.set_limit(limit);
    }

    /// In debug mode, who is told. The default prints one line on standard error.
    pub fn set_slow_callback_handler(&self, handler: impl Fn(&SlowStep) + 'static) {
        self.core.debug.set_handler(handler);
    }

    /// Who is told of a panic in a callback, or in a task that nobody awaits. The default
    /// prints one line on standard error.
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
        inbox::close(self.core.id);
        // What is dropped finds its loop running here, unless this thread is running another
        // one: then it finds that its own is gone.
        let entered = try_enter(&self.core);
        self.take_inbox();
        self.core.drop_tasks();
        let calls = self.core.calls.take();
        let timers = self.core.timers.take();
        let notes = self.core.notes.take();
        drop((calls, timers, notes));
        drop((self.core.attached.take(), entered));
        unregister_loop(self.core.id);
    }
}
