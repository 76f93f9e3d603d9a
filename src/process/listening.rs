//! Whose turn it is to read a worker's replies. Pure.
//!
//! *Assumes*: it is asked under one lock; `R`, the reader, is what one needs to read.
//! *Promises*: at most one reads at a time; the supervisor is told to watch whenever a worker has
//! jobs and no caller listens; a dead worker is reaped once, and not before the last who read from
//! it has given the reader back.
//! *Leaves out*: reading (`process/shared.rs`), pipes and selectors (`process/desk.rs`).
//!
//! ```text
//!              appoint_caller                        give_back, no jobs
//!   SUPERVISOR ──────────────▶ CALLER ─────────────────────────────────▶ NOBODY
//!       ▲  (stop watching)       │ ▲          appoint_caller               │ │
//!       │                        │ └───────────────────────────────────────┘ │
//!       └─── give_back, jobs ────┘◀──────── jobs: watch again ───────────────┘
//! ```
//! Whoever listens takes the reader, reads without the lock, and puts it back. A death is seen by
//! the supervisor alone; if a caller has the reader at that moment, the reaping waits for him.

/// Who reads the replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listener {
    /// The worker has no job.
    Nobody,
    /// The reply pipe is in the supervisor's selector.
    Supervisor,
    /// The thread that waits for the one job the worker has.
    Caller,
}

/// Who may read one worker's replies: the supervisor, a caller, or nobody for now.
///
/// ```
/// use singletrack::process::listening::Listening;
///
/// let mut replies = Listening::new("reader"); // the supervisor watches
/// assert_eq!(replies.appoint_caller(), Some(true)); // stop watching!
/// let reader = replies.take().unwrap();
/// assert_eq!(replies.take_of_the_dead(), None); // it died, but somebody is still reading
/// assert!(replies.give_back(reader)); // now it is to be reaped
/// ```
#[derive(Debug)]
pub struct Listening<R> {
    /// `None` while somebody reads.
    reader: Option<R>,
    listener: Listener,
    /// It died while a caller was reading.
    dead: bool,
}

impl<R> Listening<R> {
    /// Of a worker just forked, which the supervisor watches.
    pub fn new(reader: R) -> Self {
        Listening { reader: Some(reader), listener: Listener::Supervisor, dead: false }
    }

    /// A caller wants to listen until he has his answer. `None`: he cannot, for somebody is
    /// reading. Otherwise he is the listener; true: the supervisor is to stop watching.
    pub fn appoint_caller(&mut self) -> Option<bool> {
        if self.reader.is_none() || self.listener == Listener::Caller {
            return None;
        }
        let watched = self.listener == Listener::Supervisor;
        self.listener = Listener::Caller;
        Some(watched)
    }

    /// Whether the supervisor must watch, now that there are jobs; if so, it does.
    pub fn appoint_supervisor(&mut self) -> bool {
        let needed = self.listener == Listener::Nobody;
        if needed {
            self.listener = Listener::Supervisor;
        }
        needed
    }

    /// The reader, to read; `None` if somebody has it.
    pub fn take(&mut self) -> Option<R> {
        self.reader.take()
    }

    /// The same, of a worker that is dead. `None`: reap it when the reader is given back.
    pub fn take_of_the_dead(&mut self) -> Option<R> {
        let reader = self.reader.take();
        self.dead |= reader.is_none();
        reader
    }

    /// The supervisor has read what there was.
    pub fn put_back(&mut self, reader: R) {
        self.reader = Some(reader);
    }

    /// A caller listens no longer. True: the worker is dead and can be reaped now.
    pub fn give_back(&mut self, reader: R) -> bool {
        self.reader = Some(reader);
        self.listener = Listener::Nobody;
        self.dead
    }

    /// The reader, to look at.
    pub fn reader(&self) -> Option<&R> {
        self.reader.as_ref()
    }
}
