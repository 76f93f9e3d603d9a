//! What a lock keeps of one thread that uses it.
//!
//! *Promises*: the flag that is read at every checkpoint shares its cache line with nothing.
//! *Leaves out*: the same thread's view of the lock (`gil/lock/thread_state.rs`).
//!
//! # The global lock: real threads sleep and wake as the pure machine says
//!
//! *Assumes*: it is used in the process that made it, or in a fork of it that finds it free.
//! *Promises*: the rules are the machine's; no system call unless a thread has to sleep or to be
//! woken; never a hang where an error can be given.
//! *Leaves out*: the token that proves that the lock is held (`gil/lock/token.rs`).
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
//!
//! # How long a thread may run before others can have a turn, changed while the lock is in use
//!
//! *Promises*: what makes no sense, or not for this lock, is refused and changes nothing.
//! *Leaves out*: what the numbers do (`gil/rules/machine.rs`, `gil/rules/ticker.rs`).
//!
//! # What can be seen of a lock from outside: counters, lengths of time, and a recording
//!
//! *Assumes*: any thread may look at any time.
//! *Promises*: looking changes nothing about who has the lock next; what is off costs nothing
//! but the one branch that finds it off.
//! *Leaves out*: pictures and reports.

use crate::base::sync::atomic::Ordering::Relaxed;
use crate::base::sync::atomic::{AtomicBool, AtomicI32, AtomicU32};
use crate::base::sync::{Arc, Condvar, Mutex, MutexGuard};
use crate::gil::lock::state_word::{Pass, StateWord};
use crate::gil::rules::decision::{AttachError, Nanos, ThreadId};
use crate::gil::rules::machine::Machine;
use crate::gil::rules::pending::Pending;
use crate::gil::rules::policy::{Check, DropFlag, PolicyError, Substrate, SwitchPolicy};
use crate::gil::rules::ticker::Ticker;
use crate::gil::stats::counters::Counters;
use crate::gil::stats::histogram::Times;
use crate::gil::stats::record::Recording;
use crate::gil::stats::thread_stats::{HOLD, Observer, RECORD, StatsRegistry, ThreadStats};
use std::fmt;
use std::time::Duration;

/// Where a thread sleeps, where it is asked for something, and what is written down about it.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) flag: Flag,
    pub(crate) bed: Condvar,
    /// Somebody wants this thread to unwind at its next check.
    pub(crate) interrupted: AtomicBool,
    pub(crate) diary: Arc<ThreadStats>,
}

impl Seat {
    /// For the thread that calls this.
    pub(crate) fn of_this_thread(number: usize) -> Seat {
        Seat {
            flag: Flag::default(),
            bed: Condvar::new(),
            interrupted: AtomicBool::new(false),
            diary: Arc::new(ThreadStats::of_this_thread(number)),
        }
    }
}

/// Something is asked of the holder: to drop the lock, to make a call, to unwind. CPython's eval
/// breaker.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Flag(pub(crate) AtomicBool);

/// A lock that only one thread holds at a time, and that changes hands by a [`SwitchPolicy`]: an
/// emulator of CPython's global interpreter lock.
///
/// It is a handle: clones are the same lock. Threads take it with
/// [`attach`](GlobalLock::attach) and prove to a [`GilCell`](crate::gil::lock::cell::GilCell) that
/// they have it with the token they are given.
///
/// One lock a process is CPython's classic; one a subinterpreter is PEP 684's; to have none is
/// PEP 703's: [`FreeThreading`](crate::gil::free_threading::scope::FreeThreading).
///
/// # In a forked child
/// The child has one thread, the one that forked. If it held the lock or the lock was free, it
/// can go on using it. If another thread of the parent held it, nobody will ever drop it:
/// [`AttachError::Forked`] says so instead of waiting. (CPython makes a new lock in the child.)
///
/// ```
/// use singletrack::gil::AttachError;
/// use singletrack::gil::GlobalLock;
/// use singletrack::gil::SwitchPolicy;
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
    pub(crate) door: StateWord,
    flag: Flag,
    /// The ticker while nobody holds the lock; the holder has it in its token.
    ticker: AtomicI32,
    /// As it was made; the interval may have changed since.
    pub(crate) policy: SwitchPolicy,
    /// How many ticks a check sets the ticker to; 0 under a policy that does not count.
    pub(crate) period: AtomicU32,
    /// Calls wait for the main thread. Written from the desk, read at checks.
    pending: AtomicBool,
    pub(crate) observer: Observer,
    desk: Mutex<Desk>,
    made_in: u32,
}

/// What a thread at the desk can see and change.
pub(crate) struct Desk {
    pub(crate) machine: Machine,
    pub(crate) seats: Vec<Option<Arc<Seat>>>,
    pub(crate) shelf: StatsRegistry,
    pub(crate) pending: Pending<Call>,
}

/// A call that waits for the main thread.
pub(crate) type Call = Box<dyn FnOnce() + Send>;

impl GlobalLock {
    /// A free lock.
    pub fn new(policy: SwitchPolicy) -> GlobalLock {
        let desk = Desk {
            machine: Machine::new(policy),
            seats: Vec::new(),
            shelf: StatsRegistry::default(),
            pending: Pending::default(),
        };
        let shared = Shared {
            door: StateWord::shut_from_the_start(),
            flag: Flag::default(),
            ticker: AtomicI32::new(Ticker::new().left()),
            policy,
            period: AtomicU32::new(policy.period()),
            pending: AtomicBool::new(false),
            observer: Observer::new(),
            desk: Mutex::new(desk),
            made_in: std::process::id(),
        };
        GlobalLock { shared: Arc::new(shared) }
    }

    /// The rules, with the interval that is in force now.
    pub fn policy(&self) -> SwitchPolicy {
        self.look(|machine| machine.policy())
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
    pub(crate) fn look<R>(&self, f: impl FnOnce(&mut Machine) -> R) -> R {
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

impl fmt::Debug for GlobalLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlobalLock").field("policy", &self.shared.policy).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn now(&self) -> Nanos {
        self.observer.now()
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
        let seat = Arc::new(Seat::of_this_thread(id.index()));
        desk.shelf.adds(id, &seat.diary);
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
        desk.shelf.removes(id);
        desk.seats[id.index()] = None;
        self.leave(desk, wake);
    }

    /// Comes to the desk: the door is shut, and the machine knows what happened at it.
    pub(crate) fn desk(&self) -> Result<MutexGuard<'_, Desk>, AttachError> {
        let mut desk = match self.desk.try_lock() {
            Some(desk) => desk,
            None => {
                AttachError::unless_made_here(self.made_in)?;
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
        AttachError::unless_made_here(self.made_in)?;
        seat.diary.meter.sleeps.add(1);
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
}

impl GlobalLock {
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
}

impl Shared {
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
}

impl GlobalLock {
    /// What has happened so far, summed over all threads, dead ones included.
    pub fn counters(&self) -> Counters {
        self.read(StatsRegistry::counters).unwrap_or_default()
    }

    /// The name and the counters of every living thread that has used the lock.
    pub fn thread_counters(&self) -> Vec<(String, Counters)> {
        self.read(StatsRegistry::thread_counters).unwrap_or_default()
    }

    /// How long the waits for the lock were so far, and the holds; of all threads, dead ones
    /// included.
    ///
    /// Every wait is in it. Holds are, while they are [measured](Self::measure_hold) or
    /// [recorded](Self::record).
    ///
    /// ```
    /// use singletrack::gil::GlobalLock;
    /// use singletrack::gil::SwitchPolicy;
    ///
    /// let lock = GlobalLock::new(SwitchPolicy::FAIR);
    /// lock.measure_hold(true);
    /// lock.attach(|gil| gil.detach(|| ()))?;
    /// let times = lock.times();
    /// assert_eq!((times.hold.count(), times.wait.count()), (2, 0), "nobody was in its way");
    /// # Ok::<(), singletrack::gil::AttachError>(())
    /// ```
    pub fn times(&self) -> Times {
        self.read(StatsRegistry::times).unwrap_or_default()
    }

    /// The name of every living thread that has used the lock, and of every one that was
    /// recorded; how long its waits and its holds were.
    pub fn thread_times(&self) -> Vec<(String, Times)> {
        self.read(StatsRegistry::thread_times).unwrap_or_default()
    }

    /// Measures how long the lock is held (`hold_ns`), from each thread's next attaching on.
    /// It reads the clock twice a hold, which costs more than the lock itself.
    pub fn measure_hold(&self, on: bool) {
        self.shared.observer.watch(HOLD, on);
    }

    /// From now on writes down every taking, waiting and dropping, and when it was.
    ///
    /// Each thread has a ring of `events_per_thread` words of its own, which lasts as long as
    /// the lock. A ring that is full forgets its oldest events, and counts them. A thread that
    /// holds the lock now appears with its next taking. To begin again after
    /// [`stop_recording`](Self::stop_recording) goes on with the rings there are.
    pub fn record(&self, events_per_thread: usize) {
        let Ok(mut desk) = self.shared.desk() else { return };
        desk.shelf.records(events_per_thread);
        self.shared.leave(desk, None);
        self.shared.observer.watch(RECORD, true);
    }

    /// Writes down nothing any more. What was written stays.
    pub fn stop_recording(&self) {
        self.shared.observer.watch(RECORD, false);
    }

    /// What was written down so far; the threads need not stop for it.
    pub fn recording(&self) -> Recording {
        let tracks = self.read(StatsRegistry::tracks).unwrap_or_default();
        // Read last, so that no event is later.
        Recording { tracks, until: self.shared.now() }
    }

    /// One look at the shelf; `None` in a fork that cannot come to the desk.
    fn read<R>(&self, f: impl FnOnce(&StatsRegistry) -> R) -> Option<R> {
        let desk = self.shared.desk().ok()?;
        let result = f(&desk.shelf);
        self.shared.leave(desk, None);
        Some(result)
    }
}
