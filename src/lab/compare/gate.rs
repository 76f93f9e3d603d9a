//! The gate between a run's threads and its clock: all begin together, and none goes before all end.
//!
//! *Promises*: no thread gets through before it is opened, none goes away before it is opened again,
//! and a thread that fails, panics or was never started keeps nobody waiting.
//! *Leaves out*: loops and pools, which have one thread that knows.
//!
//! ```text
//!   lane threads   ── ready ──▶│            │── jobs ── ended ──▶│              │── end
//!   main thread       all are? │ clock, go! │        all have?   │ clock, weigh │  go!
//! ```

use crate::base::sync::{Condvar, Mutex};
use std::time::Instant;

/// One for all threads of a run.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug)]
struct GateState {
    stage: Stage,
    ready: usize,
    ended: usize,
    last: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Threads start and connect.
    Closed,
    /// Jobs are done.
    Open,
    /// Threads end.
    Leave,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate::new()
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Gate {
        let state = GateState { stage: Stage::Closed, ready: 0, ended: 0, last: Instant::now() };
        Gate { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Does a thread's part: `prepare`, wait for the others, `work`, wait for the others. What
    /// `work` returns is kept until all may go.
    ///
    /// # Errors
    /// Those of `prepare`.
    pub fn pass<C, R, E>(
        &self,
        prepare: impl FnOnce() -> Result<C, E>,
        work: impl FnOnce(C) -> R,
    ) -> Result<R, E> {
        let mut part = Part { gate: self, ready: false };
        let prepared = prepare()?;
        part.ready();
        self.wait_for(Stage::Open);
        let result = work(prepared);
        drop(part);
        self.wait_for(Stage::Leave);
        Ok(result)
    }

    fn wait_for(&self, stage: Stage) {
        let mut state = self.state.lock();
        while state.stage < stage {
            self.changed.wait(&mut state);
        }
    }

    /// Waits until so many threads are ready, or have failed.
    pub fn wait_ready(&self, threads: usize) {
        let mut state = self.state.lock();
        while state.ready < threads {
            self.changed.wait(&mut state);
        }
    }

    /// Lets the threads begin.
    pub fn open(&self) {
        self.enter(Stage::Open);
    }

    /// Waits until so many threads have ended their work; returns when the last did.
    pub fn wait_ended(&self, threads: usize) -> Instant {
        let mut state = self.state.lock();
        while state.ended < threads {
            self.changed.wait(&mut state);
        }
        state.last
    }

    /// Lets the threads go.
    pub fn release(&self) {
        self.enter(Stage::Leave);
    }

    fn enter(&self, stage: Stage) {
        self.state.lock().stage = stage;
        self.changed.notify_all();
    }
}

/// One thread's part, which ends with it, however it ends.
struct Part<'a> {
    gate: &'a Gate,
    ready: bool,
}

impl Part<'_> {
    fn ready(&mut self) {
        self.ready = true;
        self.gate.state.lock().ready += 1;
        self.gate.changed.notify_all();
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        {
            let mut state = self.gate.state.lock();
            state.ready += usize::from(!self.ready);
            state.ended += 1;
            state.last = now;
        }
        self.gate.changed.notify_all();
    }
}
