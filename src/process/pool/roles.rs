//! Who of a pool's threads does what: one leads, one may stand by, the others settle and ask. Pure.
//!
//! *Assumes*: a thread asks for its next turn when it has done the last; time comes in, and so does
//! what became of a thread that was to be started.
//! *Promises*: one thread leads at most, and never does what may take long; settlements are handed out
//! in the order in which they came, and requests one at a time; no more than [`MAX_THREADS`] threads.
//! While one is away, another stands by, or waits for a request and looks about, or somebody leads; or
//! no second thread can be had, and the first does everything.
//! *Leaves out*: the waiting, and the threads themselves (`process/pool/crew.rs`).
//!
//! ```text
//!             leave                     turn                     next
//!   LEADS ─────────────▶ has left ─────────────▶ SETTLES ──┐
//!     ▲ ▲                    │ └───────────────▶ ASKS ─────┤
//!     │ └─ nobody took it ───┼─────────────────────────────┤
//!     │                      │ the lead is free            ▼
//!     └──── late, or away ── STANDS BY ◀── nobody does ── has nothing to do ──▶ ends: one does
//!            for long
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The thread that stands by looks no more when nobody has left the lead in so many looks.
const IDLE_LOOKS: u32 = 16;

/// No more threads than this, however many are held up. The last one leads for good and settles
/// nothing.
pub const MAX_THREADS: usize = 64;

/// After a thread could not be started, the next try is so much later.
pub const RETRY: Duration = Duration::from_millis(100);

/// Things to be settled, which threads take from it one by one.
pub trait Work {
    /// None of them is left to be taken.
    fn is_taken(&self) -> bool;
}

/// What a thread does next.
#[derive(Debug)]
pub enum Turn<L, S, R> {
    /// Lead, with what that takes.
    Lead(L),
    /// Settle these, until none is left; another thread may do the same.
    Settle(Arc<S>),
    /// Make this request of the fork server; then call [`Roles::request_done`].
    Request(R),
    /// End.
    Over,
}

/// What the thread does that stands by.
#[derive(Debug)]
pub enum Watch<L, S, R> {
    /// Look again when it is called, or after some patience.
    Wait,
    /// Look again when it is called.
    Sleep,
    /// Stand by no more.
    Take(Turn<L, S, R>),
}

/// What a thread that looks about has seen, at first nothing.
#[derive(Debug, Default)]
pub struct Seen {
    /// The lead was free, and had been left so often.
    free: Option<u64>,
    left: Option<u64>,
    idle_looks: u32,
}

/// Who does what. `L` is what the leader needs, `S` what is settled, `R` a request.
///
/// ```
/// use singletrack::process::pool::roles::{Roles, Seen, Turn, Watch, Work};
/// use std::time::Instant;
///
/// struct Answer;
/// impl Work for Answer {
///     fn is_taken(&self) -> bool {
///         false
///     }
/// }
///
/// let now = Instant::now();
/// let mut roles: Roles<&str, Answer, ()> = Roles::new();
/// roles.begin("the selector");
/// let Some(Turn::Lead(lead)) = roles.next(false) else { panic!("the first thread leads") };
/// roles.settle_later(Answer);
/// assert!(roles.wants_second(now), "somebody else must be able to lead");
/// roles.started_second();
/// assert!(matches!(roles.leave(lead, now), Turn::Settle(_)));
///
/// let mut seen = Seen::default(); // the second thread
/// assert!(roles.next(true).is_none());
/// assert!(matches!(roles.watch(&mut seen, false), Watch::Wait));
/// assert!(matches!(roles.watch(&mut seen, true), Watch::Take(Turn::Lead("the selector"))));
/// ```
#[derive(Debug)]
pub struct Roles<L, S, R> {
    /// `None` while a thread leads.
    lead: Option<L>,
    /// How often the lead was left.
    left: u64,
    /// Whoever left it last is away for long: whoever stands by takes it without patience.
    for_long: bool,
    /// A thread watches the leader, or has been started to do that.
    stands_by: bool,
    /// It sleeps until the lead is left.
    asleep: bool,
    over: bool,
    /// The first may be taken already.
    settlements: VecDeque<Arc<S>>,
    requests: VecDeque<R>,
    /// A thread makes a request.
    requesting: bool,
    /// How many there are.
    threads: usize,
    not_started: Option<Instant>,
}

impl<L, S: Work, R> Default for Roles<L, S, R> {
    fn default() -> Self {
        Roles::new()
    }
}

impl<L, S: Work, R> Roles<L, S, R> {
    /// There is no thread yet.
    pub fn new() -> Self {
        Roles {
            lead: None,
            left: 0,
            for_long: false,
            stands_by: false,
            asleep: false,
            over: false,
            settlements: VecDeque::new(),
            requests: VecDeque::new(),
            requesting: false,
            threads: 0,
            not_started: None,
        }
    }

    /// The first thread was started, which will lead.
    pub fn begin(&mut self, lead: L) {
        self.lead = Some(lead);
        self.threads = 1;
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Whether the thread that stands by sleeps until it is called.
    pub fn is_asleep(&self) -> bool {
        self.asleep
    }

    /// More to be settled.
    pub fn settle_later(&mut self, more: S) {
        self.settlements.push_back(Arc::new(more));
    }

    /// One more request to be made.
    pub fn request_later(&mut self, request: R) {
        self.requests.push_back(request);
    }

    /// A request was made.
    pub fn request_done(&mut self) {
        self.requesting = false;
    }

    /// Whether a thread is to be started before the lead is left: it will stand by. (Whoever makes a
    /// request looks about while it waits, and has one started if it must.)
    pub fn wants_second(&mut self, now: Instant) -> bool {
        self.has_work() && !self.requesting && self.may_start_second(now)
    }

    /// Whether a thread is to be started that stands by, before there is work.
    pub fn may_start_second(&self, now: Instant) -> bool {
        !self.stands_by && self.may_start(now)
    }

    /// Such a thread was started; [`next`](Self::next) is told that it is fresh.
    pub fn started_second(&mut self) {
        self.threads += 1;
        (self.stands_by, self.not_started) = (true, None);
    }

    /// It could not be started.
    pub fn refused_second(&mut self, now: Instant) {
        self.not_started = Some(now);
    }

    /// The leader leaves the lead if there is something else for it to do, and is given that. It gets
    /// the lead back if not, or if nobody could take it: then others are at that work, and will go on
    /// with it.
    pub fn leave(&mut self, lead: L, now: Instant) -> Turn<L, S, R> {
        let looked_after = self.stands_by || (self.requesting && self.may_start(now));
        if !self.has_work() || !(looked_after || self.threads == 1) {
            return Turn::Lead(lead);
        }
        self.lead = Some(lead);
        (self.left, self.for_long) = (self.left + 1, false);
        self.turn().expect("there is work")
    }

    /// A thread that does not lead is sure to do something long. True: whoever stands by is to be called.
    pub fn away_for_long(&mut self) -> bool {
        self.for_long = true;
        self.stands_by && self.lead.is_some()
    }

    /// A thread that waits for its request looks about; true: whoever left the lead is still away since
    /// its last look, and a thread is to be started that leads at once.
    pub fn look(&mut self, seen: &mut Seen, now: Instant) -> bool {
        let free = self.lead.as_ref().map(|_| self.left);
        let late = free.is_some() && free == seen.free && !self.stands_by;
        self.for_long |= late;
        seen.free = free;
        late && self.may_start(now)
    }

    /// What a thread that does not lead does next; `None`: it stands by, and [`watch`](Self::watch)es.
    /// `fresh` is one that was started to stand by.
    pub fn next(&mut self, fresh: bool) -> Option<Turn<L, S, R>> {
        if fresh {
            return None;
        }
        // Whoever left the lead may have relied on this thread, which made a request and looked about.
        let relied_on = !self.stands_by && !self.requesting && self.threads > 1;
        if relied_on && let Some(lead) = self.lead.take() {
            return Some(Turn::Lead(lead));
        }
        if let Some(turn) = self.turn() {
            return Some(turn);
        }
        if self.stands_by {
            self.threads -= 1;
            return Some(Turn::Over);
        }
        self.stands_by = true;
        None
    }

    /// The thread that stands by looks: whether somebody who left the lead is late to take it again
    /// (`patience_over`: it was not called since its last look), or away for long.
    pub fn watch(&mut self, seen: &mut Seen, patience_over: bool) -> Watch<L, S, R> {
        let late = patience_over && seen.left == Some(self.left);
        if self.over || (self.lead.is_some() && (late || self.for_long)) {
            (self.stands_by, self.asleep) = (false, false);
            let lead = self.lead.take().map(Turn::Lead);
            return Watch::Take(lead.or_else(|| self.turn()).unwrap_or(Turn::Over));
        }
        seen.idle_looks = if late { seen.idle_looks + 1 } else { 0 };
        seen.left = Some(self.left);
        self.asleep = seen.idle_looks >= IDLE_LOOKS && self.lead.is_none();
        if self.asleep { Watch::Sleep } else { Watch::Wait }
    }

    /// All is over: there is nobody to lead any more. What is to be settled still is.
    pub fn end(&mut self) {
        (self.over, self.lead) = (true, None);
        self.requests.clear();
    }

    /// Whether nobody leads any more.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whether one more thread might be had.
    fn may_start(&self, now: Instant) -> bool {
        let tried = self.not_started.is_none_or(|since| now.duration_since(since) >= RETRY);
        self.threads < MAX_THREADS && tried
    }

    /// Whether there is something to do besides leading.
    fn has_work(&mut self) -> bool {
        self.next_settlements().is_some() || (!self.requests.is_empty() && !self.requesting)
    }

    /// The oldest that are not all taken.
    fn next_settlements(&mut self) -> Option<&Arc<S>> {
        while self.settlements.pop_front_if(|front| front.is_taken()).is_some() {}
        self.settlements.front()
    }

    /// What can be done at once.
    fn turn(&mut self) -> Option<Turn<L, S, R>> {
        // At first nobody stands by: that is seen to when the lead is left.
        if self.left == 0
            && let Some(lead) = self.lead.take()
        {
            return Some(Turn::Lead(lead));
        }
        if let Some(settlements) = self.next_settlements() {
            return Some(Turn::Settle(Arc::clone(settlements)));
        }
        if !self.requesting
            && let Some(request) = self.requests.pop_front()
        {
            self.requesting = true;
            return Some(Turn::Request(request));
        }
        if self.over {
            return Some(Turn::Over);
        }
        self.lead.take().map(Turn::Lead)
    }
}
