//! A stream of results: many items submitted a window at a time, given out one by one.
//!
//! *Assumes*: `process/pool.rs`, `process/chunk.rs`.
//! *Promises*: the input is read no further ahead than the window, so it may be endless; in order
//! if asked for, and then what comes too early is kept; dropped, it cancels what has not begun.
//! *Leaves out*: its faces, `Pool::imap` and `Pool::imap_unordered` (`process/multiprocessing.rs`).
//!
//! ```text
//!   items ─ chunk ─▶ ░░░▓▓▓▓▓▓ ─▶ arrivals ─▶ early: 5, 7 ─▶ ready ─▶ next
//!                    └ window ┘     any order   (in order only)
//! ```

use crate::base::error::JobError;
use crate::base::wire::Wire;
use crate::concurrent::home::own_home;
use crate::concurrent::waiting::Unfinished;
use crate::process::chunk::{Arrivals, Outcomes, send_chunk};
use crate::process::options::{JobOptions, MapOptions};
use crate::process::pool::ProcessPool;
use crate::process::roster::MAX_AHEAD;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::iter::Fuse;
use std::sync::Arc;
use std::time::Instant;

/// The results of an `imap`, one after the other. Dropping it cancels what has
/// not begun.
///
/// In a callback on the pool's own thread it cannot wait: it gives one
/// [`JobError::WouldDeadlock`] and ends. [`next_before`](Self::next_before) can, with a limit.
#[must_use = "nothing is submitted before the first `next`"]
pub struct Imap<'pool, A, R, I> {
    pool: &'pool ProcessPool,
    f: fn(A) -> R,
    items: Fuse<I>,
    options: JobOptions,
    chunksize: usize,
    /// How many chunks may be submitted and not handed out.
    window: usize,
    submitted: usize,
    handed_out: usize,
    arrivals: Arc<Arrivals<R>>,
    /// What has arrived before its turn; `None` if there are no turns.
    early: Option<BTreeMap<usize, Outcomes<R>>>,
    /// What is to be given next.
    ready: VecDeque<Result<R, JobError>>,
}

impl<'pool, A: Wire, R: Wire, I: Iterator<Item = A>> Imap<'pool, A, R, I> {
    pub(crate) fn new(
        pool: &'pool ProcessPool,
        options: MapOptions,
        f: fn(A) -> R,
        items: I,
        early: Option<BTreeMap<usize, Outcomes<R>>>,
    ) -> Self {
        let most = pool.workers().saturating_mul(MAX_AHEAD);
        Imap {
            pool,
            f,
            items: items.fuse(),
            options: options.job,
            chunksize: options.chunksize.map_or(1, usize::from),
            window: options.buffersize.map_or(most, usize::from),
            submitted: 0,
            handed_out: 0,
            arrivals: Arc::new(Arrivals::new()),
            early,
            ready: VecDeque::new(),
        }
    }

    /// The next result, waiting for it no longer than until `deadline`. `None` at the end.
    ///
    /// # Errors
    /// [`Unfinished`] when the deadline passes first; nothing is lost by that.
    pub fn next_before(
        &mut self,
        deadline: Instant,
    ) -> Result<Option<Result<R, JobError>>, Unfinished> {
        self.advance(Some(deadline))
    }

    fn advance(
        &mut self,
        deadline: Option<Instant>,
    ) -> Result<Option<Result<R, JobError>>, Unfinished> {
        loop {
            if let Some(result) = self.ready.pop_front() {
                return Ok(Some(result));
            }
            self.fill_window();
            let missing = self.submitted - self.handed_out;
            if missing == 0 {
                return Ok(None);
            }
            if let (Some(home), None) = (own_home(self.pool.home()), deadline) {
                // Waiting here would last for ever. That is told once, and is the end.
                self.arrivals.close();
                (self.window, self.handed_out) = (0, self.submitted);
                return Ok(home.fall_asleep().err().map(Err));
            }
            let (index, outcomes) = self
                .arrivals
                .take(deadline)
                .ok_or(Unfinished { unfinished: missing, of: self.submitted })?;
            self.sort_in(index, outcomes);
        }
    }

    /// Submits as much as may be under way.
    fn fill_window(&mut self) {
        while self.submitted - self.handed_out < self.window {
            let chunk: Vec<A> = self.items.by_ref().take(self.chunksize).collect();
            if chunk.is_empty() {
                return;
            }
            let (pool, index) = (self.pool, self.submitted);
            send_chunk(pool, self.options, self.f, &chunk, index, &self.arrivals);
            self.submitted += 1;
        }
    }

    fn sort_in(&mut self, index: usize, outcomes: Outcomes<R>) {
        let Some(early) = &mut self.early else {
            self.handed_out += 1;
            return self.ready.extend(outcomes.into_results());
        };
        early.insert(index, outcomes);
        while let Some(outcomes) = early.remove(&self.handed_out) {
            self.handed_out += 1;
            self.ready.extend(outcomes.into_results());
        }
    }
}

impl<A: Wire, R: Wire, I: Iterator<Item = A>> Iterator for Imap<'_, A, R, I> {
    type Item = Result<R, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance(None).expect("without a deadline none passes")
    }
}

impl<A, R, I> Drop for Imap<'_, A, R, I> {
    fn drop(&mut self) {
        self.arrivals.close();
    }
}

impl<A, R, I> fmt::Debug for Imap<'_, A, R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (submitted, handed_out) = (self.submitted, self.handed_out);
        write!(f, "Imap({handed_out} of {submitted} chunks handed out)")
    }
}
