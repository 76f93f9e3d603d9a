//! The global lock: real threads sleep and wake as the pure machine says.
//!
//! *Assumes*: it is used in the process that made it, or in a fork of it that finds it free.
//! *Promises*: the rules are the machine's; no system call unless a thread has to sleep or to be
//! woken; never a hang where an error can be given.
//! *Leaves out*: the token that proves that the lock is held (`gil/token.rs`).
//!
//! ```text
//!     thread ──▶ door ── open for me? ──▶ in, by one atomic operation
//!                 │ no
//!                 ▼
//!               desk: a mutex, held for the length of one decision
//!                 │    machine ── "run"   ──▶ in
//!                 │            ── "sleep" ──▶ on this thread's own condition variable
//!                 ▼            ── "wake x" ─▶ x's condition variable
//!         drop request: one flag, read at every checkpoint, written from the desk
//! ```
//! The lock is *not* that mutex. parking_lot's mutex hands itself over now and then out of
//! fairness, and that would hide the very convoys this lock is here to show.

use crate::base::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::Relaxed};
use crate::base::sync::{Arc, Condvar, Mutex, MutexGuard};
use crate::base::sys::process::thread_id;
use crate::gil::counters::{Counters, Meter};
use crate::gil::door::{Door, Pass};
use crate::gil::machine::Machine;
use crate::gil::pending::Pending;
use crate::gil::policy::{Check, DropFlag, PolicyError, Substrate, SwitchPolicy};
use crate::gil::record::{Recorder, Ring};
use crate::gil::ticker::Ticker;
use crate::gil::verdict::{Nanos, Refusal, ThreadId, nanos};
use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Why a thread did not get the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// This thread holds the lock already.
    Nested,
    /// The lock was finalised, by another thread.
    Finalised,
    /// It was not free within this time.
    TimedOut(Duration),
    /// This process is a fork of the one that made the lock, and a thread that was not copied
    /// has it.
    Forked {
        /// The process that made the lock.
        made_in: u32,
        /// This process.
        here: u32,
    },
    /// The thread is ending and has given up its place already.
    ThreadEnding,
    /// It had the lock, and was [interrupted](GlobalLock::interrupt) at a check.
    Interrupted,
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttachError::Nested => {
                write!(f, "this thread holds the lock already: pass its token on, or detach first")
            }
            AttachError::Finalised => {
                write!(f, "the lock was finalised: no thread but its finaliser can have it")
            }
            AttachError::TimedOut(limit) => write!(f, "the lock was not free within {limit:?}"),
            AttachError::Forked { made_in, here } => write!(
                f,
                "the lock was made in process {made_in}, and one of its threads has it; make a \
                 new lock in this fork, process {here}"
            ),
            AttachError::ThreadEnding => {
                write!(f, "this thread is ending: attach before its thread-locals are dropped")
            }
            AttachError::Interrupted => {
                write!(f, "this thread was interrupted while it had the lock: attach again")
            }
        }
    }
}

impl std::error::Error for AttachError {}

impl From<Refusal> for AttachError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Nested => AttachError::Nested,
            Refusal::Finalised => AttachError::Finalised,
        }
    }
}

/// A lock that only one thread holds at a time, and that changes hands by a [`SwitchPolicy`]: an
/// emulator of CPython's global interpreter lock.
///
/// It is a handle: clones are the same lock. Threads take it with
/// [`attach`](GlobalLock::attach) and prove to a [`GilCell`](crate::gil::cell::GilCell) that
/// they have it with the token they are given.
///
/// One lock a process is CPython's classic; one a subinterpreter is PEP 684's; to have none is
/// PEP 703's.
///
/// # In a forked child
/// The child has one thread, the one that forked. If it held the lock or the lock was free, it
/// can go on using it. If another thread of the parent held it, nobody will ever drop it:
/// [`AttachError::Forked`] says so instead of waiting. (CPython makes a new lock in the child.)
///
/// ```
/// use singletrack::gil::lock::{AttachError, GlobalLock};
/// use singletrack::gil::policy::SwitchPolicy;
///
/// let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
/// let answer = lock.attach(|gil| {
///     gil.checkpoint();
///     assert_eq!(lock.attach(|_| ()), Err(AttachError::Nested));
///     gil.detach(|| lock.attach(|_| 42))
/// });
/// assert_eq!(answer, Ok(Ok(42)));
/// ```
#[derive(Clone)]
#[doc(alias = "GIL")]
pub struct GlobalLock {
    pub(crate) shared: Arc<Shared>,
}

/// What all handles of one lock share.
pub(crate) struct Shared {
    pub(crate) door: Door,
    flag: Flag,
    /// The ticker while nobody holds the lock; the holder has it in its token.
    ticker: AtomicI32,
    /// As it was made; the interval may have changed since.
    pub(crate) policy: SwitchPolicy,
    /// How many ticks a check sets the ticker to; 0 under a policy that does not count.
    period: AtomicU32,
    /// Calls wait for the main thread. Written from the desk, read at checks.
    pending: AtomicBool,
    /// What is watched beside the counters: [`HOLD`], [`RECORD`], or nothing. Std's, under loom
    /// too: no decision hangs on it.
    watched: std::sync::atomic::AtomicU8,
    desk: Mutex<Desk>,
    made_in: u32,
    made_at: Instant,
}

/// Holds are measured.
pub(crate) const HOLD: u8 = 1;
/// Events are recorded.
pub(crate) const RECORD: u8 = 2;

/// What a thread at the desk can see and change.
pub(crate) struct Desk {
    pub(crate) machine: Machine,
    pub(crate) seats: Vec<Option<Arc<Seat>>>,
    pub(crate) of_the_dead: Counters,
    pub(crate) recorder: Recorder,
    pub(crate) pending: Pending<Call>,
}

/// A call that waits for the main thread.
pub(crate) type Call = Box<dyn FnOnce() + Send>;

/// What the lock keeps of one thread.
pub(crate) struct Seat {
    pub(crate) name: String,
    pub(crate) tid: u32,
    pub(crate) bed: Condvar,
    flag: Flag,
    /// Somebody wants this thread to unwind at its next check.
    pub(crate) interrupted: AtomicBool,
    pub(crate) meter: Meter,
    /// Where its events are recorded, once there is a recording.
    pub(crate) ring: OnceLock<Arc<Ring>>,
}

/// Something is asked of the holder: to drop the lock, to make a call, to unwind. CPython's eval
/// breaker. It is on a cache line of its own, for it is read at every checkpoint.
#[derive(Debug)]
#[repr(align(64))]
struct Flag(AtomicBool);

impl GlobalLock {
    /// A free lock.
    pub fn new(policy: SwitchPolicy) -> GlobalLock {
        let desk = Desk {
            machine: Machine::new(policy),
            seats: Vec::new(),
            of_the_dead: Counters::default(),
            recorder: Recorder::default(),
            pending: Pending::default(),
        };
        let shared = Shared {
            door: Door::shut_from_the_start(),
            flag: Flag(AtomicBool::new(false)),
            ticker: AtomicI32::new(Ticker::new().left()),
            policy,
            period: AtomicU32::new(period(policy)),
            pending: AtomicBool::new(false),
            watched: std::sync::atomic::AtomicU8::new(0),
            desk: Mutex::new(desk),
            made_in: std::process::id(),
            made_at: Instant::now(),
        };
        GlobalLock { shared: Arc::new(shared) }
    }

    /// The rules, with the interval that is in force now.
    pub fn policy(&self) -> SwitchPolicy {
        self.look(|machine| machine.policy())
    }

    /// Changes how long a waiter waits before it asks the holder to go. A sleep that has begun
    /// ends when it would have.
    ///
    /// # Errors
    /// [`PolicyError::Interval`] if it is zero or huge, [`PolicyError::NoInterval`] if this
    /// lock counts ticks.
    #[doc(alias = "sys.setswitchinterval")]
    pub fn set_switch_interval(&self, interval: Duration) -> Result<(), PolicyError> {
        let policy = self.shared.policy.with_check(Check::OnRequest { interval })?;
        self.switch_interval().ok_or(PolicyError::NoInterval)?;
        self.look(|machine| machine.set_policy(policy));
        Ok(())
    }

    /// How long a waiter waits before it asks; `None` if this lock counts ticks.
    #[doc(alias = "sys.getswitchinterval")]
    pub fn switch_interval(&self) -> Option<Duration> {
        match self.policy().check() {
            Check::OnRequest { interval } => Some(interval),
            Check::EveryTicks(_) => None,
        }
    }

    /// How often the lock went from one thread to another; the first taking counts, too.
    pub fn switch_number(&self) -> u64 {
        self.look(|machine| machine.switch_number())
    }

    /// How many threads wait for the lock now.
    pub fn waiting(&self) -> usize {
        self.look(|machine| machine.waiting())
    }

    /// A waiter has asked the present holder to go.
    pub fn drop_requested(&self) -> bool {
        self.look(|machine| machine.drop_requested())
    }

    /// Asks the holder to drop the lock at its next checkpoint, as if the interval of every
    /// waiter had just run out. Without a waiter nothing happens. True if a request is pending.
    ///
    /// For models and tests, which have no time to wait for an interval.
    #[doc(alias = "SET_GIL_DROP_REQUEST")]
    pub fn request_drop(&self) -> bool {
        let Ok(mut desk) = self.shared.desk() else { return false };
        desk.machine.all_ask();
        let requested = desk.machine.drop_requested();
        self.shared.leave(desk, None);
        requested
    }

    /// One look at the machine.
    fn look<R>(&self, f: impl FnOnce(&mut Machine) -> R) -> R {
        // Only a fork that was cut off in the middle of a decision can fail here; what it sees
        // then is a lock that nobody has used.
        let Ok(mut desk) = self.shared.desk() else {
            return f(&mut Machine::new(self.shared.policy));
        };
        let result = f(&mut desk.machine);
        self.shared.leave(desk, None);
        result
    }
}

fn period(policy: SwitchPolicy) -> u32 {
    match policy.check() {
        Check::EveryTicks(ticks) => ticks,
        Check::OnRequest { .. } => 0,
    }
}

impl fmt::Debug for GlobalLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlobalLock").field("policy", &self.shared.policy).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn now(&self) -> Nanos {
        nanos(self.made_at.elapsed())
    }

    /// What is watched.
    #[inline]
    pub(crate) fn watched(&self) -> u8 {
        self.watched.load(Relaxed)
    }

    /// Watches something, or does not any more.
    pub(crate) fn watch(&self, what: u8, on: bool) {
        if on {
            self.watched.fetch_or(what, Relaxed);
        } else {
            self.watched.fetch_and(!what, Relaxed);
        }
    }

    /// Calls wait for the main thread.
    #[inline]
    pub(crate) fn has_pending(&self) -> bool {
        self.pending.load(Relaxed)
    }

    /// Shows at the checks what is known at the desk.
    pub(crate) fn note_pending(&self, desk: &Desk) {
        self.pending.store(desk.pending.flagged(), Relaxed);
    }

    /// How many ticks a check sets the ticker to.
    #[inline]
    pub(crate) fn period(&self) -> u32 {
        self.period.load(Relaxed)
    }

    /// A check every so many ticks from now on; only for a lock that counts, by its holder.
    pub(crate) fn set_period(&self, ticks: u32) -> Result<(), PolicyError> {
        if self.period() == 0 {
            return Err(PolicyError::NoTicks);
        }
        let policy = self.policy.with_check(Check::EveryTicks(ticks))?;
        if let Ok(mut desk) = self.desk() {
            desk.machine.set_policy(policy);
            self.leave(desk, None);
        }
        self.period.store(ticks, Relaxed);
        Ok(())
    }

    pub(crate) fn ticker(&self) -> Ticker {
        Ticker::with_left(self.ticker.load(Relaxed))
    }

    pub(crate) fn save_ticker(&self, ticker: Ticker) {
        self.ticker.store(ticker.left(), Relaxed);
    }

    /// A new thread's place.
    pub(crate) fn joins(&self) -> Result<(ThreadId, Arc<Seat>), AttachError> {
        let mut desk = self.desk()?;
        let id = desk.machine.joins();
        let name = match std::thread::current().name() {
            Some(name) => name.to_owned(),
            None => format!("thread {}", id.index()),
        };
        let flag = Flag(AtomicBool::new(false));
        let (bed, meter, ring) = (Condvar::new(), Meter::default(), OnceLock::new());
        let seat = Arc::new(Seat {
            name,
            tid: thread_id(),
            bed,
            flag,
            interrupted: AtomicBool::new(false),
            meter,
            ring,
        });
        desk.recorder.equips(&seat.ring, &seat.name, seat.tid);
        if desk.seats.len() <= id.index() {
            desk.seats.resize_with(id.index() + 1, || None);
        }
        desk.seats[id.index()] = Some(Arc::clone(&seat));
        self.leave(desk, None);
        Ok((id, seat))
    }

    /// A thread ends.
    pub(crate) fn dies(&self, id: ThreadId) {
        // The child of a fork that cannot come to the desk has nobody to tell.
        let Ok(mut desk) = self.desk() else { return };
        let wake = desk.machine.dies(id);
        desk.pending.forgets(id);
        if let Some(seat) = desk.seats[id.index()].take() {
            desk.of_the_dead = desk.of_the_dead + seat.meter.read();
        }
        self.leave(desk, wake);
    }

    /// Comes to the desk: the door is shut, and the machine knows what happened at it.
    pub(crate) fn desk(&self) -> Result<MutexGuard<'_, Desk>, AttachError> {
        let mut desk = match self.desk.try_lock() {
            Some(desk) => desk,
            None => {
                self.same_process()?;
                self.desk.lock()
            }
        };
        self.catch_up(&mut desk);
        Ok(desk)
    }

    /// To be called whenever the mutex was taken, after a sleep too.
    fn catch_up(&self, desk: &mut Desk) {
        if let Some(held) = self.door.shut() {
            desk.machine.catches_up(held);
        }
    }

    /// Leaves the desk and wakes one sleeper, with the mutex in hand or not: that is all the
    /// difference between the substrates.
    pub(crate) fn leave(&self, mut desk: MutexGuard<'_, Desk>, wake: Option<ThreadId>) {
        let posted = match self.policy.substrate() {
            Substrate::MutexCondvar => {
                self.settle(&mut desk, wake);
                None
            }
            Substrate::Semaphore => {
                self.settle(&mut desk, None);
                wake.and_then(|id| desk.seats[id.index()].clone())
            }
        };
        if let Some(last) = desk.machine.undisturbed() {
            self.door.open(Pass::of(last), desk.machine.holder().is_some());
        }
        drop(desk);
        if let Some(seat) = posted {
            seat.bed.notify_one();
        }
    }

    /// Shows what is asked of the holder to its thread, and wakes a sleeper.
    pub(crate) fn settle(&self, desk: &mut Desk, wake: Option<ThreadId>) {
        if let Some(id) = desk.machine.last_holder()
            && let Some(seat) = &desk.seats[id.index()]
        {
            let flag = self.flag_of(seat);
            let called = desk.pending.flagged() && desk.pending.main() == Some(id);
            let requested =
                desk.machine.drop_requested() || called || seat.interrupted.load(Relaxed);
            if flag.load(Relaxed) != requested {
                flag.store(requested, Relaxed);
            }
        }
        if let Some(seat) = wake.and_then(|id| desk.seats[id.index()].as_ref()) {
            seat.bed.notify_one();
        }
    }

    /// The word this thread reads at its checkpoints.
    pub(crate) fn flag_of<'a>(&'a self, seat: &'a Seat) -> &'a AtomicBool {
        match self.policy.flag() {
            DropFlag::Shared => &self.flag.0,
            DropFlag::Holder => &seat.flag.0,
        }
    }

    /// Sleeps until woken or until a moment; true if the moment came first.
    pub(crate) fn sleep(
        &self,
        desk: &mut MutexGuard<'_, Desk>,
        seat: &Seat,
        until: Option<Nanos>,
    ) -> Result<bool, AttachError> {
        self.same_process()?;
        seat.meter.sleeps.add(1);
        let timed_out = match until {
            None => {
                seat.bed.wait(desk);
                false
            }
            Some(until) => {
                let time = Duration::from_nanos(until.saturating_sub(self.now()));
                seat.bed.wait_for(desk, time).timed_out()
            }
        };
        self.catch_up(desk);
        Ok(timed_out)
    }

    /// A thread of a fork must not wait for threads that were not copied.
    fn same_process(&self) -> Result<(), AttachError> {
        let (made_in, here) = (self.made_in, std::process::id());
        if made_in == here { Ok(()) } else { Err(AttachError::Forked { made_in, here }) }
    }
}
