//! CPython's `take_gil` and `drop_gil`: how threads sleep for the lock, and are woken.
//!
//! *Assumes*: a lock is used in the process that made it, or in a fork that finds it free.
//! *Promises*: every decision is the machine's; no system call unless a thread has to sleep or to
//! be woken; an error instead of a hang wherever one can be given.
//! *Leaves out*: the rules (`gil/rules/machine.rs`); the fast path that comes before all this
//! (`gil/lock/state_word.rs`).
//!
//! ```text
//!   attach ──▶ state word ── FREE for this thread ──▶ it has the lock, by one atomic operation
//!                │ anything else
//!                ▼
//!              the mutex, held for the length of one decision
//!                │   machine ── "run"    ──▶ it has the lock
//!                │           ── "sleep"  ──▶ on its own condition variable, then it asks again
//!                ▼           ── "wake x" ──▶ x's condition variable is notified
//!              eval breaker: one flag, written under the mutex, read by the holder at checkpoints
//! ```
//! The lock is *not* that mutex: who has it next, and whether it is handed over, is what this lock is here
//! to show, and a mutex decides that for itself. (parking_lot's handed itself over now and then, out of
//! fairness, up to 0.12.)

use crate::base::origin::Origin;
use crate::base::sync::atomic::Ordering::Relaxed;
use crate::base::sync::atomic::{AtomicBool, AtomicI32, AtomicU32};
use crate::base::sync::{Arc, Condvar, Mutex, MutexGuard};
use crate::gil::lock::state_word::{OwnerBits, StateWord};
use crate::gil::rules::decision::{AttachError, DropReason, Nanos, Next, Release, ThreadId, nanos};
use crate::gil::rules::machine::Machine;
use crate::gil::rules::pending::Pending;
use crate::gil::rules::policy::{Check, DropFlag, PolicyError, Substrate, SwitchPolicy};
use crate::gil::rules::ticker::Ticker;
use crate::gil::stats::record::EventKind;
use crate::gil::stats::thread_stats::{Observer, StatsRegistry, ThreadStats};
use std::time::Duration;

/// What all handles of one lock share.
pub(crate) struct LockShared {
    pub(crate) state_word: StateWord,
    eval_breaker: EvalBreaker,
    /// The ticker while no thread holds the lock; the holder has it in its token.
    ticker: AtomicI32,
    /// As it was made; the interval may have changed since.
    pub(crate) policy: SwitchPolicy,
    /// How many ticks a check sets the ticker to; 0 under a policy that does not count.
    period: AtomicU32,
    /// Calls wait for the main thread. Written under the mutex, read at checks.
    calls_wait: AtomicBool,
    pub(crate) observer: Observer,
    guarded: Mutex<Guarded>,
    origin: Origin,
}

/// What the mutex guards.
pub(crate) struct Guarded {
    pub(crate) machine: Machine,
    /// By thread number.
    pub(crate) threads: Vec<Option<Arc<LockThread>>>,
    pub(crate) registry: StatsRegistry,
    pub(crate) pending: Pending<PendingCall>,
}

/// A call that waits for the main thread.
pub(crate) type PendingCall = Box<dyn FnOnce() + Send>;

/// What a lock keeps of one thread that uses it.
#[derive(Debug)]
pub(crate) struct LockThread {
    eval_breaker: EvalBreaker,
    pub(crate) id: ThreadId,
    /// It sleeps on this one, alone.
    condvar: Condvar,
    /// Another thread wants this one to unwind at its next check.
    pub(crate) interrupted: AtomicBool,
    pub(crate) stats: Arc<ThreadStats>,
}

/// Something is asked of the holder: to drop the lock, to make a call, to unwind. It is read at
/// every checkpoint, so it has a cache line of its own.
#[derive(Debug, Default)]
#[doc(alias = "eval_breaker")]
#[repr(align(64))]
struct EvalBreaker(AtomicBool);

impl LockShared {
    /// A free lock.
    pub(crate) fn new(policy: SwitchPolicy) -> LockShared {
        let guarded = Guarded {
            machine: Machine::new(policy),
            threads: Vec::new(),
            registry: StatsRegistry::default(),
            pending: Pending::default(),
        };
        LockShared {
            state_word: StateWord::closed(),
            eval_breaker: EvalBreaker::default(),
            ticker: AtomicI32::new(Ticker::new().left()),
            policy,
            period: AtomicU32::new(policy.period()),
            calls_wait: AtomicBool::new(false),
            observer: Observer::new(),
            guarded: Mutex::new(guarded),
            origin: Origin::here(),
        }
    }

    pub(crate) fn now(&self) -> Nanos {
        self.observer.now()
    }

    /// The thread that calls this becomes one of those that use the lock.
    pub(crate) fn join(&self) -> Result<Arc<LockThread>, AttachError> {
        let mut guarded = self.enter()?;
        let id = guarded.machine.joins();
        let thread = Arc::new(LockThread {
            eval_breaker: EvalBreaker::default(),
            id,
            condvar: Condvar::new(),
            interrupted: AtomicBool::new(false),
            stats: Arc::new(ThreadStats::of_this_thread(id.index())),
        });
        guarded.registry.add(id, &thread.stats);
        if guarded.threads.len() <= id.index() {
            guarded.threads.resize_with(id.index() + 1, || None);
        }
        guarded.threads[id.index()] = Some(Arc::clone(&thread));
        self.leave(guarded, None);
        Ok(thread)
    }

    /// Calls with the number of threads that use the lock, under the mutex; not if another has that.
    pub(crate) fn with_members<R>(&self, f: impl FnOnce(usize) -> R) -> Option<R> {
        let guarded = self.guarded.try_lock()?;
        Some(f(guarded.threads.iter().flatten().count()))
    }

    /// A thread ends.
    pub(crate) fn remove(&self, id: ThreadId) {
        // In the child of a fork that cannot have the mutex no other thread needs to know.
        let Ok(mut guarded) = self.enter() else { return };
        let wake = guarded.machine.dies(id);
        guarded.pending.forgets(id);
        guarded.registry.remove(id);
        guarded.threads[id.index()] = None;
        self.leave(guarded, wake);
    }
}

/// `take_gil`: from the miss of the fast path until the lock is held.
impl LockShared {
    /// Sleeps as often as the machine says, until `me` holds the lock or cannot have it.
    #[cold]
    #[inline(never)]
    pub(crate) fn take_gil(
        &self,
        me: &LockThread,
        limit: Option<Duration>,
    ) -> Result<(), AttachError> {
        let guarded = self.enter()?;
        self.take_or_sleep(me, guarded, limit)
    }

    fn take_or_sleep(
        &self,
        me: &LockThread,
        mut guarded: MutexGuard<'_, Guarded>,
        limit: Option<Duration>,
    ) -> Result<(), AttachError> {
        me.stats.meter.slow_paths.add(1);
        let began = self.now();
        let end = limit.map_or(Nanos::MAX, |limit| began.saturating_add(nanos(limit)));
        let mut decision = guarded.machine.wants(me.id, began);
        let mut waited = None;
        let error = loop {
            let (until, why) = match decision.next {
                Next::Run { switched } => {
                    me.stats.acquired(switched, waited);
                    self.wake_and_leave(me, guarded, decision.wake);
                    return Ok(());
                }
                Next::Refused(refusal) => break refusal.into(),
                Next::Sleep { until, why } => (until, why),
            };
            match (waited, limit) {
                (None, _) => self.note(me, began, EventKind::Waits),
                (Some(time), Some(limit)) if began + time >= end => {
                    break AttachError::TimedOut(limit);
                }
                _ => {}
            }
            if let Some(what) = EventKind::sleep_for(why) {
                self.note(me, self.now(), what);
            }
            me.stats.meter.count_sleep_reason(why);
            self.publish(&mut guarded, None);
            let slept = self.sleep(&mut guarded, me, earlier(until, end));
            let now = self.now();
            if slept.is_ok() {
                waited = Some(now - began);
            }
            decision = match slept {
                Ok(true) => guarded.machine.timed_out(me.id, now),
                Ok(false) => guarded.machine.woken(me.id, now),
                Err(_) if guarded.machine.is_handing_over(me.id) => {
                    // A fork, without the thread to hand over to; no other is left to be woken.
                    let _ = guarded.machine.gives_up(me.id);
                    guarded.machine.wants(me.id, now)
                }
                Err(error) => break error,
            };
        };
        if waited.is_some() {
            self.note(me, self.now(), EventKind::GivesUp);
        }
        let wake = guarded.machine.gives_up(me.id);
        self.wake_and_leave(me, guarded, wake);
        Err(error)
    }

    /// Sleeps until woken or until a moment; true if the moment came first.
    fn sleep(
        &self,
        guarded: &mut MutexGuard<'_, Guarded>,
        me: &LockThread,
        until: Option<Nanos>,
    ) -> Result<bool, AttachError> {
        AttachError::unless_made_here(self.origin)?;
        me.stats.meter.sleeps.add(1);
        let timed_out = match until {
            None => {
                me.condvar.wait(guarded);
                false
            }
            Some(until) => me.condvar.wait_until(guarded, self.observer.instant(until)).timed_out(),
        };
        self.catch_up(guarded);
        Ok(timed_out)
    }
}

/// The end of a sleep: the machine's, or that of the caller's time limit. [`Nanos::MAX`] is none.
fn earlier(until: Option<Nanos>, end: Nanos) -> Option<Nanos> {
    match until {
        None if end == Nanos::MAX => None,
        until => Some(until.unwrap_or(Nanos::MAX).min(end)),
    }
}

/// `drop_gil`, and the forced switch after it.
impl LockShared {
    /// Drops the lock, after another thread has closed the state word.
    #[cold]
    #[inline(never)]
    pub(crate) fn drop_gil(&self, me: &LockThread, reason: DropReason) {
        me.stats.meter.slow_paths.add(1);
        me.stats.meter.dropped(reason);
        // In a fork that cannot have the mutex no thread waits.
        let Ok(mut guarded) = self.enter() else { return };
        self.forget_those_not_copied(me, &mut guarded);
        if let Ok(release) = guarded.machine.drops(me.id, reason, self.now()) {
            self.hand_over(me, guarded, release);
        }
    }

    /// A checkpoint saw a request: drops the lock and takes it again, unless the thread that asked
    /// for it has left. True if it did. An error means that the lock is lost.
    #[cold]
    #[inline(never)]
    pub(crate) fn yield_gil(&self, me: &LockThread) -> Result<bool, AttachError> {
        me.stats.meter.slow_paths.add(1);
        // In a fork that cannot have the mutex the lock is lost.
        let lost = |_: &AttachError| me.stats.meter.dropped(DropReason::Request);
        let mut guarded = self.enter().inspect_err(lost)?;
        self.forget_those_not_copied(me, &mut guarded);
        let Ok(Some(release)) = guarded.machine.yields(me.id, self.now()) else {
            self.leave(guarded, None);
            return Ok(false);
        };
        me.stats.ends_hold(&self.observer, DropReason::Request);
        me.stats.meter.dropped(DropReason::Request);
        if guarded.machine.is_handing_over(me.id) {
            // It keeps the mutex until it sleeps, for the switch and for the lock: one sleep.
            count_wake(me, release.wake);
            self.publish(&mut guarded, release.wake);
        } else {
            self.wake_and_leave(me, guarded, release.wake);
            guarded = self.enter()?;
        }
        self.take_or_sleep(me, guarded, None)?;
        Ok(true)
    }

    /// The lock goes to nobody who is not in this process.
    fn forget_those_not_copied(&self, me: &LockThread, guarded: &mut Guarded) {
        if self.origin.is_copy() {
            guarded.machine.keeps_only(me.id);
        }
    }

    /// Wakes the next thread and, if the switch is forced, sleeps until it has come.
    #[doc(alias = "FORCE_SWITCHING")]
    fn hand_over(&self, me: &LockThread, mut guarded: MutexGuard<'_, Guarded>, release: Release) {
        if !release.await_switch {
            return self.wake_and_leave(me, guarded, release.wake);
        }
        count_wake(me, release.wake);
        self.publish(&mut guarded, release.wake);
        while guarded.machine.is_handing_over(me.id) {
            if self.sleep(&mut guarded, me, None).is_err() {
                // A fork, without the thread to wait for; a dropper that gives up wakes no other.
                let _ = guarded.machine.gives_up(me.id);
            }
        }
        self.leave(guarded, None);
    }

    /// From now on only `me`, which holds the lock, can have it. Those that wait are woken.
    pub(crate) fn finalise(&self, me: &LockThread) {
        let Ok(mut guarded) = self.enter() else { return };
        if let Ok(refused) = guarded.machine.finalises(me.id) {
            for id in refused {
                self.publish(&mut guarded, Some(id));
            }
        }
        self.leave(guarded, None);
    }

    fn wake_and_leave(
        &self,
        me: &LockThread,
        guarded: MutexGuard<'_, Guarded>,
        wake: Option<ThreadId>,
    ) {
        count_wake(me, wake);
        self.leave(guarded, wake);
    }

    fn note(&self, me: &LockThread, at: Nanos, what: EventKind) {
        me.stats.note(&self.observer, at, what);
    }
}

fn count_wake(me: &LockThread, wake: Option<ThreadId>) {
    me.stats.meter.wakes.add(u64::from(wake.is_some()));
}

/// In and out of the mutex.
impl LockShared {
    /// Takes the mutex: the state word is closed, and the machine knows what happened there.
    ///
    /// # Errors
    /// [`AttachError::Forked`] if a thread has the mutex that was not copied into this fork.
    pub(crate) fn enter(&self) -> Result<MutexGuard<'_, Guarded>, AttachError> {
        let mut guarded = match self.guarded.try_lock() {
            Some(guarded) => guarded,
            None => {
                AttachError::unless_made_here(self.origin)?;
                self.guarded.lock()
            }
        };
        self.catch_up(&mut guarded);
        Ok(guarded)
    }

    /// To be called whenever the mutex was taken, after a sleep too.
    fn catch_up(&self, guarded: &mut Guarded) {
        if let Some(held) = self.state_word.close() {
            guarded.machine.catches_up(held);
        }
    }

    /// Gives the mutex back and wakes one sleeper, with the mutex in hand or not: that is all
    /// the difference between the substrates.
    pub(crate) fn leave(&self, mut guarded: MutexGuard<'_, Guarded>, wake: Option<ThreadId>) {
        let posted = match self.policy.substrate() {
            Substrate::MutexCondvar => {
                self.publish(&mut guarded, wake);
                None
            }
            Substrate::Semaphore => {
                self.publish(&mut guarded, None);
                wake.and_then(|id| guarded.threads[id.index()].clone())
            }
        };
        if let Some(last) = guarded.machine.undisturbed() {
            self.state_word.open(OwnerBits::of(last), guarded.machine.holder().is_some());
        }
        drop(guarded);
        if let Some(thread) = posted {
            thread.condvar.notify_one();
        }
    }

    /// Sets or clears the holder's eval breaker, and wakes a sleeper; another, too, if it has to
    /// time its sleep from now on.
    fn publish(&self, guarded: &mut Guarded, wake: Option<ThreadId>) {
        if let Some(id) = guarded.machine.last_holder()
            && let Some(thread) = &guarded.threads[id.index()]
        {
            let eval_breaker = self.eval_breaker_of(thread);
            let called = guarded.pending.flagged() && guarded.pending.main() == Some(id);
            let asked =
                guarded.machine.drop_requested() || called || thread.interrupted.load(Relaxed);
            if eval_breaker.load(Relaxed) != asked {
                eval_breaker.store(asked, Relaxed);
            }
        }
        for id in [wake, guarded.machine.appoints()].into_iter().flatten() {
            if let Some(thread) = &guarded.threads[id.index()] {
                thread.condvar.notify_one();
            }
        }
    }

    /// The flag that this thread reads at its checkpoints.
    pub(crate) fn eval_breaker_of<'a>(&'a self, thread: &'a LockThread) -> &'a AtomicBool {
        match self.policy.flag() {
            DropFlag::Shared => &self.eval_breaker.0,
            DropFlag::Holder => &thread.eval_breaker.0,
        }
    }
}

/// What the holder reads and writes without the mutex.
impl LockShared {
    /// Calls wait for the main thread.
    #[inline]
    pub(crate) fn calls_wait(&self) -> bool {
        self.calls_wait.load(Relaxed)
    }

    /// Shows at the checks what is known under the mutex.
    pub(crate) fn publish_calls(&self, guarded: &Guarded) {
        self.calls_wait.store(guarded.pending.flagged(), Relaxed);
    }

    pub(crate) fn ticker(&self) -> Ticker {
        Ticker::with_left(self.ticker.load(Relaxed))
    }

    pub(crate) fn save_ticker(&self, ticker: Ticker) {
        self.ticker.store(ticker.left(), Relaxed);
    }

    /// How many ticks a check sets the ticker to.
    #[inline]
    pub(crate) fn period(&self) -> u32 {
        self.period.load(Relaxed)
    }

    /// Another [`period`](Self::period) from now on; only for a lock that counts, by its holder.
    pub(crate) fn set_period(&self, ticks: u32) -> Result<(), PolicyError> {
        if self.period() == 0 {
            return Err(PolicyError::NoTicks);
        }
        let policy = self.policy.with_check(Check::EveryTicks(ticks))?;
        if let Ok(mut guarded) = self.enter() {
            guarded.machine.set_policy(policy);
            self.leave(guarded, None);
        }
        self.period.store(ticks, Relaxed);
        Ok(())
    }
}
