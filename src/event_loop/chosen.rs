//! A run in which the caller chooses what runs next: any ready task, or time that passes
//!
//! *Assumes*: a selector whose time is a number (`selector/simulated.rs`).
//! *Promises*: what is chosen is all that happens in a step; what the selector knows by then is taken in
//! before each choice, so that nothing that could run is missing in it. A caller that always chooses
//! the first runs in the order of a loop's ready queue.
//! *Leaves out*: which choices to try (`sim/`).
//!
//! ```text
//!   iterate (run_once.rs)    inbox ─▶ selector, now and then ─▶ all that is ready, FIFO
//!   here                     inbox ─▶ selector, without waiting ─▶ one of: │ ready 0 │ ready 1 │ … │ time │
//! ```
//! No order that this allows is foreign to a real loop: a task becomes ready when a packet comes, a
//! timer is due or another thread is done, and those keep no order among each other.

use crate::base::id::TaskId;
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::run_once::{EndedEarly, Iteration};
use std::future::Future;
use std::io;
use std::time::Duration;

/// What may happen next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// What is ready, oldest first: a task, the root under its own id, or a callback (`None`).
    pub ready: Vec<Option<TaskId>>,
    /// Whether a timer is armed, so that time may pass until it is due.
    pub timer: bool,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// What stands at this place of [`Candidates::ready`] runs.
    Run(usize),
    /// Time passes until the next timer is due.
    Wait,
    /// Nothing: the run is stopped.
    Stop,
}

impl EventLoop {
    /// Runs until `future` is done; what happens when is up to `choose`, which is asked where
    /// there is anything that could. Where there is nothing, the selector is waited for without
    /// a limit, and says if that is for ever. After a stop one more step is taken.
    ///
    /// # Errors
    /// What ended it early.
    pub(crate) fn drive_chosen<F: Future>(
        &self,
        future: F,
        mut choose: impl FnMut(&Candidates) -> Choice,
    ) -> Result<F::Output, EndedEarly> {
        self.drive_by(future, |root| self.iterate_chosen(root, &mut choose))
    }

    /// The tasks that are to be dropped at their next step.
    pub(crate) fn cancelled_tasks(&self) -> Vec<TaskId> {
        self.core.ready.borrow().cancelled().collect()
    }

    fn iterate_chosen(
        &self,
        mut root: &mut dyn FnMut() -> bool,
        choose: &mut impl FnMut(&Candidates) -> Choice,
    ) -> Result<(), EndedEarly> {
        let iteration = &mut Iteration::default();
        self.iterations.update(|number| number + 1);
        self.core.recorder.set_iteration(self.iterations.get());
        self.take_inbox();
        self.look(Some(Duration::ZERO), iteration)?;
        let deadline = self.core.timers.borrow_mut().next_deadline();
        let ready = self.core.ready.borrow().ready();
        if ready.is_empty() && deadline.is_none() {
            // One that was stopped does not wait, as elsewhere.
            let limit = self.core.stopping.get().then_some(Duration::ZERO);
            return self.look(limit, iteration);
        }
        match choose(&Candidates { ready, timer: deadline.is_some() }) {
            Choice::Run(place) => {
                let entry = self.core.ready.borrow_mut().pop_at(place);
                if let Some(entry) = entry {
                    self.run_entry(entry, &mut Some(&mut root), iteration);
                }
                Ok(())
            }
            Choice::Wait => {
                let left = deadline.map(|deadline| deadline.saturating_sub(self.core.now()));
                self.look(left.map(Duration::from_nanos), iteration)
            }
            Choice::Stop => {
                self.stop();
                Ok(())
            }
        }
    }

    fn look(&self, limit: Option<Duration>, iteration: &mut Iteration) -> Result<(), EndedEarly> {
        let looked: io::Result<()> = self.take_in(limit, iteration);
        looked.map_err(EndedEarly::Failed)
    }
}
