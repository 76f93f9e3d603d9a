//! What a lane writes down of itself: when it had which job, and when it was in a call. Pure.
//!
//! *Promises*: a lane that is watched runs from the beginning of a job to its end, but for its calls, in
//! which it waits; what a lane does between two jobs is not written down, and not drawn.
//! *Leaves out*: lanes that an engine watches: a lock, a loop and a pool have recordings of their own
//! (`lab/timeline`); who keeps the tapes (`lab/compare/film.rs`).
//!
//! ```text
//!   jobs    ├──── job 7 ───────────┤├── job 9 ──┤
//!   calls       ├─────┤
//!   lane    ▐███▌░░░░░▐████████████▌▐███████████▌
//! ```

use crate::lab::timeline::timeline::{Nanos, Span, State};
use crate::sys::usage::monotonic_time;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The jobs and calls of one thread, on the system's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tape {
    /// The jobs: number, begin, end.
    pub jobs: Vec<(usize, Nanos, Nanos)>,
    /// The calls in which it waited: begin, end.
    pub calls: Vec<(Nanos, Nanos)>,
}

impl Tape {
    /// Job `number` has ended after so long.
    pub fn job(&mut self, number: usize, took: Duration) {
        let (from, to) = stretch(took);
        self.jobs.push((number, from, to));
    }

    /// A call has ended after so long.
    pub fn call(&mut self, took: Duration) {
        self.calls.push(stretch(took));
    }

    /// As the spans of a lane.
    ///
    /// ```
    /// use singletrack::lab::compare::tape::Tape;
    ///
    /// let tape = Tape { jobs: vec![(7, 10, 20), (9, 20, 25)], calls: vec![(12, 15)] };
    /// let spans = tape.spans();
    /// let drawn: Vec<_> = spans.iter().map(|span| (span.from, span.to, &*span.name)).collect();
    /// assert_eq!(drawn, [(10, 12, "job 7"), (12, 15, "call"), (15, 20, "job 7"), (20, 25, "job 9")]);
    /// ```
    pub fn spans(&self) -> Vec<Span> {
        let job = |&(number, from, to): &(usize, Nanos, Nanos)| Span {
            from,
            to,
            state: State::Runs,
            name: format!("job {number}"),
            details: Vec::new(),
        };
        cut(self.jobs.iter().map(job).collect(), &self.calls)
    }
}

fn stretch(took: Duration) -> (Nanos, Nanos) {
    let now = monotonic_time();
    (now.saturating_sub(u64::try_from(took.as_nanos()).unwrap_or(0)), now)
}

/// The same spans, but those that run are cut where a call was made. Both are in order.
pub fn cut(spans: Vec<Span>, calls: &[(Nanos, Nanos)]) -> Vec<Span> {
    let (mut all, mut ended) = (Vec::with_capacity(spans.len()), 0);
    let mut calls = calls.iter().copied().peekable();
    for span in spans {
        let (mut at, to) = (span.from.max(ended), span.to.max(ended));
        ended = to;
        if span.state != State::Runs {
            all.push(Span { from: at, to, ..span });
            continue;
        }
        while let Some((from, until)) = calls.next_if(|call| call.0 < to) {
            let (from, until) = (from.max(at), until.min(to));
            if from >= until {
                continue;
            }
            if at < from {
                all.push(Span { from: at, to: from, ..span.clone() });
            }
            let (state, name, details) = (State::Blocked, "call".to_owned(), Vec::new());
            all.push(Span { from, to: until, state, name, details });
            at = until;
        }
        if at < to {
            all.push(Span { from: at, to, ..span });
        }
    }
    all
}
