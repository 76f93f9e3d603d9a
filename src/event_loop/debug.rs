//! Debug mode: which step held the loop for too long, and where its task was made.
//!
//! *Assumes*: times are numbers of nanoseconds.
//! *Promises*: while it is off, it costs one branch a step.
//! *Leaves out*: the steps (`event_loop/scheduler.rs`, `event_loop/run_once.rs`) and the places
//! where tasks were made (`task/metadata.rs`).
//!
//! A loop is one thread. A step that computes for a while, or blocks in a system call, holds
//! up every timer and socket, and nothing else would say which step it was.

use crate::base::panic::warn;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// asyncio's `slow_callback_duration`.
const SLOW: Duration = Duration::from_millis(100);

/// One step that took long.
#[derive(Debug, Clone)]
pub struct SlowStep {
    /// What it was, such as `task 1:0.3, made at src/main.rs:7:5` or `a callback`.
    pub place: String,
    /// How long it held the loop.
    pub took: Duration,
}

/// What is called with each slow step.
pub type SlowCallbackHandler = Rc<dyn Fn(&SlowStep)>;

/// Whether the loop times its steps, from when on one is slow, and what is called then.
#[derive(Default)]
pub struct DebugMode {
    on: Cell<bool>,
    limit: Cell<Option<Duration>>,
    handler: RefCell<Option<SlowCallbackHandler>>,
}

impl DebugMode {
    /// True in debug mode.
    pub fn is_on(&self) -> bool {
        self.on.get()
    }

    /// Turns debug mode on or off.
    pub fn set(&self, on: bool) {
        self.on.set(on);
    }

    /// Steps that take at least this long are reported.
    pub fn set_limit(&self, limit: Duration) {
        self.limit.set(Some(limit));
    }

    /// From when on a step is slow.
    pub fn limit(&self) -> Duration {
        self.limit.get().unwrap_or(SLOW)
    }

    /// Takes the handler out again.
    pub fn take_handler(&self) -> Option<SlowCallbackHandler> {
        self.handler.take()
    }

    /// What is called with each slow step. Without this, a line on standard error.
    pub fn set_handler(&self, handler: impl Fn(&SlowStep) + 'static) {
        let old = self.handler.replace(Some(Rc::new(handler)));
        drop(old);
    }

    /// A step took so long; `place` is called only if that is too long.
    pub fn check(&self, took: Duration, place: impl FnOnce() -> String) {
        if took < self.limit() {
            return;
        }
        let slow = SlowStep { place: place(), took };
        let handler = self.handler.borrow().clone();
        match handler {
            Some(handler) => handler(&slow),
            None => warn(format_args!("{} held the loop for {:?}", slow.place, slow.took)),
        }
    }
}
