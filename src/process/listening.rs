//! Whose turn it is to read a worker's replies. Pure.
//!
//! *Assumes*: it is asked under one lock; `E`, the ear, is what one needs to read.
//! *Promises*: at most one reads at a time; the supervisor is told to watch whenever a worker has
//! jobs and no caller listens; a dead worker is buried once, and not before the last who read from
//! it has given the ear back.
//! *Leaves out*: reading (`process/shared.rs`), pipes and selectors (`process/desk.rs`).
//!
//! ```text
//!              appoint_caller                        give_back, no jobs
//!   SUPERVISOR ──────────────▶ CALLER ─────────────────────────────────▶ NOBODY
//!       ▲  (stop watching)       │ ▲          appoint_caller               │ │
//!       │                        │ └───────────────────────────────────────┘ │
//!       └─── give_back, jobs ────┘◀──────── jobs: watch again ───────────────┘
//! ```
//! Whoever listens takes the ear, reads without the lock, and puts it back. A death is seen by the
//! supervisor alone; if a caller has the ear at that moment, the burial waits for him.

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
/// let mut replies = Listening::new("ear"); // the supervisor watches
/// assert_eq!(replies.appoint_caller(), Some(true)); // stop watching!
/// let ear = replies.take().unwrap();
/// assert_eq!(replies.take_of_the_dead(), None); // it died, but somebody is still reading
/// assert!(replies.give_back(ear)); // now it is to be buried
/// ```
#[derive(Debug)]
pub struct Listening<E> {
    /// `None` while somebody reads.
    ear: Option<E>,
    listener: Listener,
    /// It died while a caller was reading.
    dead: bool,
}

impl<E> Listening<E> {
    /// Of a worker just forked, which the supervisor watches.
    pub fn new(ear: E) -> Self {
        Listening { ear: Some(ear), listener: Listener::Supervisor, dead: false }
    }

    /// A caller wants to listen until he has his answer. `None`: he cannot, for somebody is
    /// reading. Otherwise he is the listener; true: the supervisor is to stop watching.
    pub fn appoint_caller(&mut self) -> Option<bool> {
        if self.ear.is_none() || self.listener == Listener::Caller {
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

    /// The ear, to read; `None` if somebody has it.
    pub fn take(&mut self) -> Option<E> {
        self.ear.take()
    }

    /// The same, of a worker that is dead. `None`: bury it when the ear is given back.
    pub fn take_of_the_dead(&mut self) -> Option<E> {
        let ear = self.ear.take();
        self.dead |= ear.is_none();
        ear
    }

    /// The supervisor has read what there was.
    pub fn put_back(&mut self, ear: E) {
        self.ear = Some(ear);
    }

    /// A caller listens no longer. True: the worker is dead and can be buried now.
    pub fn give_back(&mut self, ear: E) -> bool {
        self.ear = Some(ear);
        self.listener = Listener::Nobody;
        self.dead
    }

    /// The ear, to look at.
    pub fn ear(&self) -> Option<&E> {
        self.ear.as_ref()
    }
}
