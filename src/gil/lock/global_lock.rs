//! The global lock's handle: attach to it, set its interval, read its counters.
//!
//! *Promises*: a thread that has the lock already gets an error, or the lock at once if it has
//! lent its token; it never waits for itself. To look at a lock changes nothing about which
//! thread has it next; counters and recordings that are off cost the one branch that finds so.
//! *Leaves out*: waiting (`gil/lock/take_gil.rs`); the token that proves that the lock is held
//! (`gil/lock/token.rs`).
//!
//! ```text
//!   lock.attach(|gil| {               level 1 takes the lock
//!       gil.lend(|| callback());         it stays held; `gil` is out of use meanwhile
//!           └── lock.ensure(|gil| {   level 2: the thread has it already, so it need not wait
//!                   gil.detach(…)        drops it, and takes it again
//!               })                    level 2 gives it back to the level that lent it
//!   })                                level 1 drops the lock
//! ```
//! CPython counts such levels too (`gilstate_counter` in `Python/pystate.c`), and hands the same
//! thread state to all of them. Here that would be two tokens for one lock, and so two `&mut` to
//! the inside of one cell. Therefore the level above must say, by `lend`, that it holds no
//! reference. A function that has a token should pass it on and needs none of this.

use crate::base::sync::Arc;
use crate::base::sync::atomic::Ordering::Relaxed;
use crate::gil::lock::take_gil::{Guarded, LockShared};
use crate::gil::lock::thread_state::ThreadState;
use crate::gil::lock::token::Gil;
use crate::gil::rules::decision::{AttachError, ThreadId};
use crate::gil::rules::machine::Machine;
use crate::gil::rules::pending::Full;
use crate::gil::rules::policy::{Check, PolicyError, SwitchPolicy};
use crate::gil::stats::counters::Counters;
use crate::gil::stats::histogram::Times;
use crate::gil::stats::record::{LockState, Recording};
use crate::gil::stats::thread_stats::{HOLD, RECORD, StatsRegistry};
use std::fmt;
use std::time::Duration;

/// A lock that only one thread holds at a time, and that changes hands by a [`SwitchPolicy`]: an
/// emulator of CPython's global interpreter lock.
///
/// It is a handle: clones are the same lock. Threads take it with
/// [`attach`](GlobalLock::attach) and prove to a [`GilCell`](crate::gil::lock::cell::GilCell) that
/// they have it with the token they are given.
///
/// CPython's classic is one lock for a process; PEP 684 has one for each interpreter, PEP 703
/// none: [`FreeThreading`](crate::gil::free_threading::scope::FreeThreading).
///
/// # In a forked child
/// The child has one thread, the one that forked. If it held the lock or the lock was free, it
/// can go on using it. If another thread of the parent held it, no thread will ever drop it:
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
    pub(crate) shared: Arc<LockShared>,
}

impl GlobalLock {
    /// A free lock.
    pub fn new(policy: SwitchPolicy) -> GlobalLock {
        GlobalLock { shared: Arc::new(LockShared::new(policy)) }
    }

    /// Waits for the lock, runs `f` with the token, drops the lock. Any thread may call this; it
    /// need not be registered first.
    ///
    /// If `f` panics, the lock is dropped and the panic goes on.
    ///
    /// # Errors
    /// [`Nested`](AttachError::Nested) if this thread has it already, instead of waiting for
    /// itself; [`Finalised`](AttachError::Finalised), also when the lock was finalised while
    /// `f` had dropped it: then `f` is unwound, as CPython ends such a thread;
    /// [`Forked`](AttachError::Forked).
    #[doc(alias = "PyEval_RestoreThread")]
    #[inline]
    pub fn attach<R>(&self, f: impl FnOnce(&mut Gil<'_>) -> R) -> Result<R, AttachError> {
        let state = ThreadState::of(&self.shared)?;
        if state.is_attached() {
            return Err(AttachError::Nested);
        }
        state.take()?;
        Gil::run(state, 1, f)
    }

    /// Like [`attach`](Self::attach), but gives up after `limit`. Zero means: only if it is
    /// free.
    ///
    /// # Errors
    /// [`TimedOut`](AttachError::TimedOut), and those of `attach`.
    pub fn attach_timeout<R>(
        &self,
        limit: Duration,
        f: impl FnOnce(&mut Gil<'_>) -> R,
    ) -> Result<R, AttachError> {
        let state = ThreadState::of(&self.shared)?;
        if state.is_attached() {
            return Err(AttachError::Nested);
        }
        state.take_within(limit)?;
        Gil::run(state, 1, f)
    }

    /// Runs `f` with the lock held, whether or not this thread holds it already. For callbacks,
    /// and for threads that something else has started: it need not be registered first.
    ///
    /// If the thread does not hold it, this is [`attach`](Self::attach). If it does, the token
    /// must have been [lent](Gil::lend); then this does not wait, and does not drop the lock at
    /// the end.
    ///
    /// (CPython forgets a foreign thread when the outermost level ends; here its counters are
    /// kept until the thread ends.)
    ///
    /// # Errors
    /// [`Nested`](AttachError::Nested) if this thread holds the lock and has not lent it; those
    /// of `attach`, also if the lock is lost within `f` while it is detached.
    ///
    /// ```
    /// use singletrack::gil::GilCell;
    /// use singletrack::gil::AttachError;
    /// use singletrack::gil::GlobalLock;
    /// use singletrack::gil::SwitchPolicy;
    ///
    /// let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    /// let calls = GilCell::new(&lock, 0);
    /// // It is called with the lock and without it, and cannot tell which.
    /// let callback = || lock.ensure(|gil| *calls.get_mut(gil) += 1);
    ///
    /// callback()?;
    /// lock.attach(|gil| {
    ///     assert_eq!(callback(), Err(AttachError::Nested), "the token is in use");
    ///     gil.lend(|| callback())
    /// })??;
    /// std::thread::scope(|s| s.spawn(callback).join().unwrap())?;
    /// assert_eq!(calls.into_inner(), 3);
    /// # Ok::<(), AttachError>(())
    /// ```
    #[doc(alias = "PyGILState_Ensure")]
    #[doc(alias = "PyGILState_Release")]
    pub fn ensure<R>(&self, f: impl FnOnce(&mut Gil<'_>) -> R) -> Result<R, AttachError> {
        let state = ThreadState::of(&self.shared)?;
        if !state.is_attached() {
            state.take()?;
            return Gil::run(state, 1, f);
        }
        match state.lent_by.replace(0) {
            0 => Err(AttachError::Nested),
            lender => Gil::run(state, lender + 1, f),
        }
    }
}

/// What may be asked of the thread that holds the lock.
impl GlobalLock {
    /// Asks the holder to drop the lock at its next checkpoint, as if the interval of every
    /// waiter had just run out. Without a waiter nothing happens. True if a request is pending.
    ///
    /// For models and tests, which have no time to wait for an interval.
    #[doc(alias = "SET_GIL_DROP_REQUEST")]
    pub fn request_drop(&self) -> bool {
        let Ok(mut guarded) = self.shared.enter() else { return false };
        guarded.machine.all_ask();
        let requested = guarded.machine.drop_requested();
        self.shared.leave(guarded, None);
        requested
    }

    /// Leaves a call for the main thread, which makes it at its next check, with the lock held.
    /// Any thread may do this at any time. Calls are made in order, at most
    /// [`BATCH`](crate::gil::rules::pending::BATCH) a check; while one runs, no other begins.
    ///
    /// The main thread is the one that has [claimed](crate::gil::lock::token::Gil::claim_main) it.
    /// Until one has, calls wait.
    ///
    /// Under a counting policy a thread that is not the main one, and finds a call waiting at a
    /// check, has another check at its very next tick: see `gil/rules/pending.rs`. (In CPython
    /// `Py_AddPendingCall` itself sets the ticker to 0. Here the holder has the ticker in its
    /// token, so the first such check comes when it is due: up to `n + 1` ticks later.)
    ///
    /// # Errors
    /// [`Full`] if too many wait already; also in a fork that cannot reach the lock.
    #[doc(alias = "Py_AddPendingCall")]
    pub fn add_pending_call(&self, call: impl FnOnce() + Send + 'static) -> Result<(), Full> {
        let Ok(mut guarded) = self.shared.enter() else { return Err(Full) };
        let refused = guarded.pending.add(Box::new(call)).err();
        self.shared.publish_calls(&guarded);
        self.shared.leave(guarded, None);
        refused.map_or(Ok(()), |_| Err(Full))
    }

    /// Unwinds a thread at its next check with the lock, up to its `attach`, which gives
    /// [`AttachError::Interrupted`]. A thread that blocks elsewhere is not woken: it is
    /// interrupted when it is back and comes to a check. False if there is no such thread (any
    /// more).
    #[doc(alias = "PyThreadState_SetAsyncExc")]
    pub fn interrupt(&self, thread: ThreadId) -> bool {
        let Ok(guarded) = self.shared.enter() else { return false };
        let found = guarded.threads.get(thread.index()).cloned().flatten();
        if let Some(thread) = &found {
            thread.interrupted.store(true, Relaxed);
        }
        self.shared.leave(guarded, None);
        found.is_some()
    }
}

/// The policy, and what can be seen of the lock from outside.
impl GlobalLock {
    /// The rules, with the interval that is in force now.
    pub fn policy(&self) -> SwitchPolicy {
        self.with_machine(|machine| machine.policy())
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
        self.with_machine(|machine| machine.set_policy(policy));
        Ok(())
    }

    /// How long a waiter waits before it asks; `None` if this lock counts ticks.
    #[doc(alias = "sys.getswitchinterval")]
    pub fn switch_interval(&self) -> Option<Duration> {
        self.policy().check().interval()
    }

    /// How often the lock went from one thread to another; the first taking counts, too.
    pub fn switch_number(&self) -> u64 {
        self.with_machine(|machine| machine.switch_number())
    }

    /// How many threads wait for the lock now.
    pub fn waiting(&self) -> usize {
        self.with_machine(|machine| machine.waiting())
    }

    /// A waiter has asked the present holder to drop the lock.
    pub fn drop_requested(&self) -> bool {
        self.with_machine(|machine| machine.drop_requested())
    }

    /// Calls `f` with the machine, under the mutex.
    fn with_machine<R>(&self, f: impl FnOnce(&mut Machine) -> R) -> R {
        // Only a fork that was cut off in the middle of a decision can fail here; what it sees
        // then is a lock that no thread has used.
        let Ok(mut guarded) = self.shared.enter() else {
            return f(&mut Machine::new(self.shared.policy));
        };
        let result = f(&mut guarded.machine);
        self.shared.leave(guarded, None);
        result
    }
}

/// Counters, lengths of time, recordings.
impl GlobalLock {
    /// What has happened so far, summed over all threads, dead ones included.
    pub fn counters(&self) -> Counters {
        self.with_registry(StatsRegistry::counters).unwrap_or_default()
    }

    /// The name and the counters of every living thread that has used the lock.
    pub fn thread_counters(&self) -> Vec<(String, Counters)> {
        self.with_registry(StatsRegistry::thread_counters).unwrap_or_default()
    }

    /// How long all waits for the lock were so far, and all holds; dead threads included.
    ///
    /// Every wait is counted. A hold is counted while holds are [measured](Self::measure_hold) or
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
    /// assert_eq!((times.hold.count(), times.wait.count()), (2, 0), "no other thread wanted it");
    /// # Ok::<(), singletrack::gil::AttachError>(())
    /// ```
    pub fn times(&self) -> Times {
        self.with_registry(StatsRegistry::times).unwrap_or_default()
    }

    /// The name of every living thread that has used the lock, and of every one that was
    /// recorded; how long its waits and its holds were.
    pub fn thread_times(&self) -> Vec<(String, Times)> {
        self.with_registry(StatsRegistry::thread_times).unwrap_or_default()
    }

    /// Measures how long the lock is held (`hold_ns`), from each thread's next attaching on.
    /// It reads the clock twice a hold, which costs more than the lock itself.
    pub fn measure_hold(&self, on: bool) {
        self.shared.observer.watch(HOLD, on);
    }

    /// Writes down from now on each time that a thread takes the lock, waits for it or drops it.
    ///
    /// Each thread has a ring of `events_per_thread` words of its own, which lasts as long as
    /// the lock. A ring that is full forgets its oldest events, and counts them. A thread that
    /// waits for the lock now, or does without it, is recorded as that; one that holds it appears
    /// when it next takes it. A recording that begins again after
    /// [`stop_recording`](Self::stop_recording) goes on with the rings that there are.
    pub fn record(&self, events_per_thread: usize) {
        let Ok(mut guarded) = self.shared.enter() else { return };
        // Under the mutex, so that whoever takes the lock after this moment writes that down.
        self.shared.observer.watch(RECORD, true);
        let (now, Guarded { registry, machine, .. }) = (self.shared.now(), &mut *guarded);
        registry.start_recording(events_per_thread, |id| match id {
            id if machine.holder() == Some(id) => None,
            id if machine.is_waiting(id) || machine.is_handing_over(id) => {
                Some((now, LockState::WaitingForGil))
            }
            _ => Some((now, LockState::NoGil)),
        });
        self.shared.leave(guarded, None);
    }

    /// Stops writing. What was written stays.
    pub fn stop_recording(&self) {
        self.shared.observer.watch(RECORD, false);
    }

    /// What was written down so far. The threads need not stop for it.
    pub fn recording(&self) -> Recording {
        let tracks = self.with_registry(StatsRegistry::tracks).unwrap_or_default();
        // Read last, so that no event is later.
        Recording { tracks, until: self.shared.now() }
    }

    /// Calls `f` with the registry, under the mutex; `None` in a fork that cannot have it.
    fn with_registry<R>(&self, f: impl FnOnce(&StatsRegistry) -> R) -> Option<R> {
        let guarded = self.shared.enter().ok()?;
        let result = f(&guarded.registry);
        self.shared.leave(guarded, None);
        Some(result)
    }
}

impl fmt::Debug for GlobalLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlobalLock").field("policy", &self.shared.policy).finish_non_exhaustive()
    }
}
