//! The token that proves that this thread holds the lock.
//!
//! *Promises*: while a `Gil` can be used, its thread holds its lock; nothing borrowed through it
//! outlives a moment at which the lock may change hands; a thread has one usable token of a lock
//! at a time, also where tokens are lent; a panic drops the lock.
//! *Leaves out*: what the lock protects (`gil/lock/cell.rs`); how a thread comes to a token
//! (`gil/lock/global_lock.rs`).
//!
//! ```text
//!   lock.attach(|gil| {            takes the lock; PyEval_RestoreThread
//!       gil.tick();                a switch point in straight-line code: a checkpoint, or not
//!       gil.checkpoint();          a back edge or a call: a checkpoint under every policy
//!       gil.detach(|| read());     drops the lock around what blocks; Py_BEGIN_ALLOW_THREADS
//!       gil.lend(|| callback());   the lock stays held; `callback` may `lock.ensure` that it is
//!   })                             drops it; PyEval_SaveThread
//! ```
//! The words switch point, checkpoint, tick and check are told apart in `gil/rules/policy.rs`.

use crate::base::sync::atomic::AtomicBool;
use crate::base::sync::atomic::Ordering::Relaxed;
use crate::gil::lock::take_gil::LockShared;
use crate::gil::lock::thread_state::{LocalStates, ThreadState};
use crate::gil::rules::decision::{AttachError, DropReason, Expelled, Source, ThreadId};
use crate::gil::rules::policy::{PointCheck, PolicyError};
use crate::gil::rules::switch_point::SwitchPoint;
use crate::gil::rules::ticker::Ticker;
use crate::gil::stats::counters::Counters;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

/// Proof that this thread holds a [`GlobalLock`].
///
/// Each method that may let another thread run takes `&mut self`. So a reference that was got
/// through the token cannot be kept across the call: the compiler knows that other threads may
/// have changed things. None of these compiles.
///
/// A reference kept across a tick, a checkpoint, a detach:
/// ```compile_fail,E0502
/// # use singletrack::gil::{GilCell, GlobalLock, SwitchPolicy};
/// # let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
/// # let cell = GilCell::new(&lock, 1);
/// lock.attach(|gil| { let x = cell.get(gil); gil.tick(); assert_eq!(*x, 1); });
/// ```
/// ```compile_fail,E0502
/// # use singletrack::gil::{GilCell, GlobalLock, SwitchPolicy};
/// # let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
/// # let cell = GilCell::new(&lock, 1);
/// lock.attach(|gil| { let x = cell.get(gil); gil.checkpoint(); assert_eq!(*x, 1); });
/// ```
/// ```compile_fail,E0502
/// # use singletrack::gil::{GilCell, GlobalLock, SwitchPolicy};
/// # let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
/// # let cell = GilCell::new(&lock, 1);
/// lock.attach(|gil| { let x = cell.get(gil); gil.detach(|| assert_eq!(*x, 1)); });
/// ```
/// The token sent to another thread, or shared with it:
/// ```compile_fail,E0277
/// # use singletrack::gil::{GlobalLock, SwitchPolicy};
/// # let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
/// lock.attach(|gil| std::thread::scope(|s| { s.spawn(move || gil.tick()); }));
/// ```
/// ```compile_fail,E0277
/// # use singletrack::gil::{GilCell, GlobalLock, SwitchPolicy};
/// # let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
/// # let cell = GilCell::new(&lock, 1);
/// lock.attach(|gil| { let gil = &*gil; std::thread::scope(|s| { s.spawn(|| *cell.get(gil)); }) });
/// ```
/// Two tokens exchanged; or one used while its lock is dropped:
/// ```compile_fail
/// # use singletrack::gil::{GlobalLock, SwitchPolicy};
/// # let (a, b) = (GlobalLock::new(SwitchPolicy::FAIR), GlobalLock::new(SwitchPolicy::FAIR));
/// a.attach(|ga| b.attach(|gb| std::mem::swap(ga, gb)));
/// ```
/// ```compile_fail,E0499
/// # use singletrack::gil::{GlobalLock, SwitchPolicy};
/// # let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
/// lock.attach(|gil| gil.detach(|| gil.tick()));
/// ```
/// This is how it is meant:
/// ```
/// use singletrack::gil::{GilCell, GlobalLock, SwitchPolicy};
///
/// let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
/// let cell = GilCell::new(&lock, 1);
/// lock.attach(|gil| {
///     let x = *cell.get(gil);
///     gil.tick(); // another thread may change the cell here ...
///     *cell.get_mut(gil) = x + 1; // ... and this would undo it: the lost update
/// }).unwrap();
/// ```
///
/// [`GlobalLock`]: crate::gil::lock::global_lock::GlobalLock
pub struct Gil<'g> {
    state: &'g ThreadState,
    eval_breaker: &'g AtomicBool,
    ticker: Ticker,
    period: u32,
    at_op: PointCheck,
    at_edge: PointCheck,
    /// 1, or more if tokens further up this thread's stack are lent. Only 1 drops the lock.
    depth: u32,
    /// The lock, or null when it was lost for ever. As a pointer it also makes the token
    /// neither `Send` nor `Sync`.
    lock: *const LockShared,
}

impl<'g> Gil<'g> {
    /// The word that each checkpoint reads. A caller that reads it need not pass checkpoints while
    /// it is false; under a policy that counts ticks it says nothing.
    #[cfg(feature = "python")]
    pub(crate) fn asked(&self) -> &'g AtomicBool {
        self.eval_breaker
    }
}

impl Gil<'_> {
    /// Runs `f` with a token for the lock that was just taken, or lent.
    #[inline]
    pub(crate) fn run<R>(
        state: Rc<ThreadState>,
        depth: u32,
        f: impl FnOnce(&mut Gil<'_>) -> R,
    ) -> Result<R, AttachError> {
        let policy = &state.shared.policy;
        let mut gil = Gil {
            state: &state,
            eval_breaker: state.eval_breaker(),
            ticker: state.shared.ticker(),
            period: state.shared.period(),
            at_op: policy.at(SwitchPoint::Straight),
            at_edge: policy.at(SwitchPoint::BackEdge),
            depth,
            lock: &raw const *state.shared,
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| f(&mut gil)));
        drop(gil);
        let source = Source::of(&*state.shared);
        LocalStates::put_back(state);
        Expelled::caught(source, outcome)
    }

    /// One instruction of straight-line code. The lock can change hands here if the policy has
    /// its checkpoints in straight lines, too.
    #[inline]
    pub fn tick(&mut self) {
        self.pass(self.at_op);
    }

    /// A loop's jump back, or a call. The lock can change hands here under every policy.
    #[doc(alias = "eval_breaker")]
    #[inline]
    pub fn checkpoint(&mut self) {
        self.pass(self.at_edge);
    }

    /// An instruction that must not be interrupted; CPython 2's `SETUP_FINALLY`, which enters a
    /// `try`. It is counted as a [`tick`](Self::tick) is, but a check that falls due waits for
    /// the next one. Under a policy that reads requests it does nothing.
    pub fn tick_with_grace(&mut self) {
        match self.at_op {
            PointCheck::Count => self.ticker.tick_with_grace(),
            PointCheck::AtRequest | PointCheck::Nothing => {}
        }
    }

    #[inline]
    fn pass(&mut self, point: PointCheck) {
        match point {
            PointCheck::Count => {
                if self.ticker.tick(self.period) {
                    self.check_after_ticks();
                }
            }
            PointCheck::AtRequest => {
                if self.eval_breaker.load(Relaxed) {
                    self.check_on_request();
                }
            }
            PointCheck::Nothing => {}
        }
    }

    /// CPython 2's check: release, acquire, nothing in between, though perhaps no thread waits.
    #[cold]
    #[inline(never)]
    fn check_after_ticks(&mut self) {
        if self.lock.is_null() {
            return self.lose(AttachError::Finalised);
        }
        if self.state.shared.calls_wait() && self.state.make_pending_calls() {
            // There is another check at the very next tick, for the calls that still wait.
            self.ticker = Ticker::new();
        }
        self.drop_lock(DropReason::Tick);
        self.retake_lock();
        self.unwind_if_interrupted();
    }

    /// CPython 3's check: `eval_frame_handle_pending`.
    #[cold]
    #[inline(never)]
    fn check_on_request(&mut self) {
        if self.lock.is_null() {
            return self.lose(AttachError::Finalised);
        }
        if self.state.shared.calls_wait() {
            self.state.make_pending_calls();
        }
        self.save_ticker();
        match self.state.yield_lock() {
            Ok(()) => self.ticker = self.state.shared.ticker(),
            Err(error) => self.lose(error),
        }
        self.unwind_if_interrupted();
    }

    /// An exception from another thread is raised when this one has the lock back.
    fn unwind_if_interrupted(&mut self) {
        if self.state.take_interrupt() {
            Expelled::unwind(Source::of(&*self.state.shared), AttachError::Interrupted);
        }
    }

    /// Drops the lock, runs `f`, takes the lock again. For calls that block.
    ///
    /// If `f` panics, the lock is taken again before the panic goes on. If the lock is finalised
    /// meanwhile, this does not return: see [`attach`](crate::gil::GlobalLock::attach).
    #[doc(alias = "Py_BEGIN_ALLOW_THREADS")]
    #[inline]
    pub fn detach<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.drop_lock(DropReason::Voluntary);
        let reattach = Reattach { gil: self };
        let result = f();
        reattach.gil.retake_lock();
        result
    }

    /// Sleeps without the lock, as `time.sleep` does. Zero is the classic way to yield.
    #[doc(alias = "time.sleep")]
    pub fn sleep(&mut self, time: Duration) {
        self.detach(|| std::thread::sleep(time));
    }

    /// From now on no other thread can have the lock. Threads that wait for it, and threads that
    /// ask for it later, get [`AttachError::Finalised`]; a thread that has dropped it to block is
    /// unwound when it comes back. This thread goes on, and never waits for the others.
    ///
    /// CPython ends such threads where they stand (until 3.13) or lets them hang (3.14).
    #[doc(alias = "Py_Finalize")]
    pub fn finalise(&mut self) {
        self.state.finalise();
    }

    /// From now on this thread makes the calls that are
    /// [left for the main thread](crate::gil::GlobalLock::add_pending_call).
    pub fn claim_main(&mut self) {
        self.state.claim_main();
    }

    /// The lock's number for this thread, as long as the thread lives.
    pub fn thread_id(&self) -> ThreadId {
        self.state.id
    }

    /// Another check interval from now on, beginning with a whole one. For all threads: there is
    /// one ticker a lock. As in CPython 2, an interval of `ticks` means a check every
    /// `ticks + 1`: see [`Ticker`].
    ///
    /// # Errors
    /// [`PolicyError::Ticks`] if it is zero or huge, [`PolicyError::NoTicks`] if this lock does
    /// not count.
    #[doc(alias = "sys.setcheckinterval")]
    pub fn set_check_interval(&mut self, ticks: u32) -> Result<(), PolicyError> {
        self.state.shared.set_period(ticks)?;
        self.period = ticks;
        self.ticker = Ticker::with_left(ticks as i32);
        Ok(())
    }

    /// What this thread has done with the lock so far.
    pub fn counters(&self) -> Counters {
        self.state.stats.meter.read()
    }

    /// How many tokens for this lock this thread's stack has, with this one: 1, and one more for
    /// each that is [lent](Self::lend).
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// This is the token of that lock.
    #[inline]
    pub(crate) fn is_for(&self, lock: &LockShared) -> bool {
        std::ptr::eq(self.lock, lock)
    }

    fn drop_lock(&mut self, reason: DropReason) {
        if !self.lock.is_null() {
            self.save_ticker();
            self.state.drop_lock(reason);
        }
    }

    /// Leaves the ticker to the next holder, if this lock counts.
    #[inline]
    fn save_ticker(&self) {
        if self.period != 0 {
            self.state.shared.save_ticker(self.ticker);
        }
    }

    #[inline]
    fn retake_lock(&mut self) {
        if self.lock.is_null() {
            return self.lose(AttachError::Finalised);
        }
        match self.state.take() {
            Ok(()) => self.reload(),
            Err(error) => self.lose(error),
        }
    }

    /// Reads what other threads, or an inner token, may have changed.
    #[inline]
    fn reload(&mut self) {
        self.ticker = self.state.shared.ticker();
        self.period = self.state.shared.period();
    }

    /// The lock cannot be had again. The token opens nothing from now on, and the thread is
    /// unwound, unless that is under way.
    #[cold]
    fn lose(&mut self, error: AttachError) {
        self.lock = std::ptr::null();
        Expelled::unwind(Source::of(&*self.state.shared), error);
    }
}

impl Drop for Gil<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.depth == 1 {
            self.drop_lock(DropReason::Voluntary);
        } else if !self.lock.is_null() {
            self.save_ticker();
            self.state.lent_by.set(self.depth - 1);
        }
    }
}

/// Takes the lock again, also when the detached code panics: code inside `attach` may catch that
/// panic, and has the token still.
struct Reattach<'a, 'g> {
    gil: &'a mut Gil<'g>,
}

impl Drop for Reattach<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        if !self.gil.state.is_attached() && !self.gil.lock.is_null() {
            self.gil.retake_lock();
        }
    }
}

/// The token, lent to code further down this thread's stack.
impl Gil<'_> {
    /// Runs `f` with the lock held, and lets it [`ensure`](crate::gil::GlobalLock::ensure) that it
    /// is. For code that cannot be given the token. [`attach`](crate::gil::GlobalLock::attach) is
    /// still an error in there: it would have to wait for this very thread.
    ///
    /// If the lock is finalised while `f` has dropped it, this does not return: see `attach`.
    ///
    /// No reference that was got through the token lives across the call, and the token cannot be
    /// used within:
    /// ```compile_fail,E0502
    /// # use singletrack::gil::{GilCell, GlobalLock, SwitchPolicy};
    /// # let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
    /// # let cell = GilCell::new(&lock, 1);
    /// lock.attach(|gil| { let x = cell.get(gil); gil.lend(|| ()); assert_eq!(*x, 1); });
    /// ```
    /// ```compile_fail,E0499
    /// # use singletrack::gil::{GlobalLock, SwitchPolicy};
    /// # let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
    /// lock.ensure(|gil| gil.lend(|| gil.tick()));
    /// ```
    /// Nor can the outer level keep a reference that the inner one was given:
    /// ```compile_fail
    /// # use singletrack::gil::{GilCell, GlobalLock, SwitchPolicy};
    /// # let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
    /// # let cell = GilCell::new(&lock, 1);
    /// lock.attach(|gil| { let x = gil.lend(|| lock.ensure(|inner| cell.get(inner))); });
    /// ```
    pub fn lend<R>(&mut self, f: impl FnOnce() -> R) -> R {
        if !self.lock.is_null() {
            self.save_ticker();
            self.state.lent_by.set(self.depth);
        }
        let mut loan = Loan { gil: Some(self) };
        let result = f();
        loan.end();
        result
    }

    /// The code that it was lent to has ended, and may have lost the lock.
    fn end_loan(&mut self) {
        self.state.lent_by.set(0);
        if !self.state.is_attached() {
            return self.lose(AttachError::Finalised);
        }
        self.reload();
    }
}

/// Ends a loan of the token, also when the code that it was lent to panics.
struct Loan<'a, 'g> {
    gil: Option<&'a mut Gil<'g>>,
}

impl Loan<'_, '_> {
    fn end(&mut self) {
        if let Some(gil) = self.gil.take() {
            gil.end_loan();
        }
    }
}

impl Drop for Loan<'_, '_> {
    fn drop(&mut self) {
        self.end();
    }
}
