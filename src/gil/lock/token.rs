//! The token that proves that this thread holds the lock.
//!
//! *Promises*: while a `Gil` can be used, its thread holds its lock; nothing borrowed through it
//! outlives a moment at which the lock may change hands; a panic drops the lock.
//! *Leaves out*: what the lock protects (`gil/lock/cell.rs`).
//!
//! ```text
//!   lock.attach(|gil| {            takes the lock; PyEval_RestoreThread
//!       gil.tick();                one instruction: the lock may change hands
//!       gil.checkpoint();          a loop's back edge or a call: it may, too
//!       gil.detach(|| read());     drops it around what blocks; Py_BEGIN_ALLOW_THREADS
//!   })                             drops it; PyEval_SaveThread
//! ```

use crate::base::sync::atomic::AtomicBool;
use crate::base::sync::atomic::Ordering::Relaxed;
use crate::gil::lock::global_lock::{GlobalLock, Shared};
use crate::gil::lock::thread_state::Own;
use crate::gil::lock::thread_state::ThreadState;
use crate::gil::rules::decision::{AttachError, Expelled};
use crate::gil::rules::decision::{DropReason, ThreadId};
use crate::gil::rules::policy::{PointCheck, PolicyError, SwitchPoint};
use crate::gil::rules::ticker::Ticker;
use crate::gil::stats::counters::Counters;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

/// Proof that this thread holds a [`GlobalLock`].
///
/// Whatever may let another thread run takes `&mut self`. So a reference that was got through
/// the token cannot be kept across it: that the world may have changed is known to the
/// compiler. None of these compiles.
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
/// Two tokens exchanged, or one used while its lock is dropped:
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
/// And this is how it is meant:
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
pub struct Gil<'g> {
    state: &'g ThreadState,
    flag: &'g AtomicBool,
    ticker: Ticker,
    period: u32,
    at_op: PointCheck,
    at_edge: PointCheck,
    /// 1, or more if tokens further up this thread's stack are lent. Only 1 drops the lock.
    depth: u32,
    /// The lock, or null when it was lost for ever. As a pointer it also makes the token
    /// neither `Send` nor `Sync`.
    lock: *const Shared,
}

impl GlobalLock {
    /// Waits for the lock, runs `f` with the token, drops the lock. Any thread may call this;
    /// it need not be registered first.
    ///
    /// If `f` panics the lock is dropped and the panic goes on.
    ///
    /// # Errors
    /// [`Nested`](AttachError::Nested) if this thread has it already, instead of waiting for
    /// itself; [`Finalised`](AttachError::Finalised), also when the lock was finalised while
    /// `f` had dropped it: then `f` is unwound, as CPython ends such a thread;
    /// [`Forked`](AttachError::Forked).
    #[doc(alias = "PyEval_RestoreThread")]
    #[inline]
    pub fn attach<R>(&self, f: impl FnOnce(&mut Gil<'_>) -> R) -> Result<R, AttachError> {
        let state = ThreadState::of(self)?;
        if state.attached.get() {
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
        let state = ThreadState::of(self)?;
        if state.attached.get() {
            return Err(AttachError::Nested);
        }
        state.take_within(limit)?;
        Gil::run(state, 1, f)
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
            flag: state.flag(),
            ticker: state.shared.ticker(),
            period: state.shared.period(),
            at_op: policy.at(SwitchPoint::Op),
            at_edge: policy.at(SwitchPoint::BackEdgeOrCall),
            depth,
            lock: &raw const *state.shared,
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| f(&mut gil)));
        drop(gil);
        Own::put_back(state);
        Expelled::caught(outcome)
    }

    /// One instruction of straight-line code. The lock may change hands here if the policy
    /// looks at every instruction; under a counting policy this is what it counts.
    #[inline]
    pub fn tick(&mut self) {
        self.look(self.at_op);
    }

    /// A loop's jump back, or a call. The lock may change hands here under every policy; a
    /// counting one counts it like any instruction.
    #[doc(alias = "eval_breaker")]
    #[inline]
    pub fn checkpoint(&mut self) {
        self.look(self.at_edge);
    }

    /// An instruction that must not be interrupted; CPython 2's `SETUP_FINALLY`, which enters a
    /// `try`. It is counted, but a check that falls due waits for the next tick.
    pub fn tick_with_grace(&mut self) {
        if self.at_op == PointCheck::Count {
            self.ticker.tick_with_grace();
        }
    }

    #[inline]
    fn look(&mut self, look: PointCheck) {
        match look {
            PointCheck::Count => {
                if self.ticker.tick(self.period) {
                    self.check();
                }
            }
            PointCheck::AtRequest => {
                if self.flag.load(Relaxed) {
                    self.yields();
                }
            }
            PointCheck::Nothing => {}
        }
    }

    /// Drops the lock, runs `f`, takes the lock again. For whatever blocks.
    ///
    /// If `f` panics, the lock is taken again before the panic goes on. If the lock is
    /// finalised meanwhile, this does not return: see [`attach`](GlobalLock::attach).
    #[doc(alias = "Py_BEGIN_ALLOW_THREADS")]
    #[inline]
    pub fn detach<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.leave(DropReason::Voluntary);
        let back = Back { gil: self };
        let result = f();
        back.gil.come_back();
        result
    }

    /// Sleeps without the lock, as `time.sleep` does. Zero is the classic way to yield.
    #[doc(alias = "time.sleep")]
    pub fn sleep(&mut self, time: Duration) {
        self.detach(|| std::thread::sleep(time));
    }

    /// From now on no other thread can have the lock. Who waits for it, and who asks later,
    /// gets [`AttachError::Finalised`]; who has dropped it to block is unwound when it comes
    /// back. This thread goes on, and never waits for the others.
    ///
    /// CPython ends such threads where they stand (until 3.13) or lets them hang (3.14).
    #[doc(alias = "Py_Finalize")]
    pub fn finalise(&mut self) {
        self.state.finalise();
    }

    /// From now on this thread makes the calls that are
    /// [left for the main thread](GlobalLock::add_pending_call).
    pub fn claim_main(&mut self) {
        self.state.claim_main();
    }

    /// The lock's number for this thread, as long as the thread lives.
    pub fn thread_id(&self) -> ThreadId {
        self.state.id
    }

    /// From now on a check comes every `ticks` ticks, plus one, and the first of them after as
    /// many. For all threads: there is one ticker a lock.
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
        self.state.diary.meter.read()
    }

    /// This is the token of that lock.
    #[inline]
    pub(crate) fn is_for(&self, lock: &GlobalLock) -> bool {
        std::ptr::eq(self.lock, &raw const *lock.shared)
    }

    /// CPython 2's check: release, acquire, nothing in between, though nobody may wait.
    #[cold]
    #[inline(never)]
    fn check(&mut self) {
        if self.state.shared.has_pending() && self.state.make_pending_calls() {
            // What still waits is looked for again at the very next tick.
            self.ticker = Ticker::new();
        }
        self.leave(DropReason::Tick);
        self.come_back();
        self.unwinds_if_asked();
    }

    #[cold]
    #[inline(never)]
    fn yields(&mut self) {
        if self.lock.is_null() {
            return self.lose(AttachError::Finalised);
        }
        if self.state.shared.has_pending() {
            self.state.make_pending_calls();
        }
        self.state.shared.save_ticker(self.ticker);
        match self.state.yield_lock() {
            Ok(()) => self.ticker = self.state.shared.ticker(),
            Err(error) => self.lose(error),
        }
        self.unwinds_if_asked();
    }

    /// An exception from another thread is raised when the lock has been had back.
    fn unwinds_if_asked(&mut self) {
        if self.state.takes_interrupt() {
            Expelled::unwind(AttachError::Interrupted);
        }
    }

    fn leave(&mut self, reason: DropReason) {
        if !self.lock.is_null() {
            self.state.shared.save_ticker(self.ticker);
            self.state.drop_lock(reason);
        }
    }

    #[inline]
    fn come_back(&mut self) {
        if self.lock.is_null() {
            return self.lose(AttachError::Finalised);
        }
        match self.state.take() {
            Ok(()) => {
                self.ticker = self.state.shared.ticker();
                self.period = self.state.shared.period();
            }
            Err(error) => self.lose(error),
        }
    }

    /// How many tokens for this lock this thread's stack has, with this one: 1, and one more for
    /// each that is [lent](Self::lend).
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// This thread can [`ensure`](GlobalLock::ensure) the lock from now on.
    pub(crate) fn lends(&mut self) {
        if !self.lock.is_null() {
            self.state.shared.save_ticker(self.ticker);
            self.state.lent_by.set(self.depth);
        }
    }

    /// The one it was lent to is done, and may have lost it.
    pub(crate) fn is_given_back(&mut self) {
        self.state.lent_by.set(0);
        if !self.state.attached.get() {
            return self.lose(AttachError::Finalised);
        }
        self.ticker = self.state.shared.ticker();
        self.period = self.state.shared.period();
    }

    /// The lock cannot be had again. The token opens nothing from now on, and the thread is
    /// unwound, unless that is under way.
    #[cold]
    fn lose(&mut self, error: AttachError) {
        self.lock = std::ptr::null();
        Expelled::unwind(error);
    }
}

impl Drop for Gil<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.depth == 1 {
            self.leave(DropReason::Voluntary);
        } else if !self.lock.is_null() {
            self.state.shared.save_ticker(self.ticker);
            self.state.lent_by.set(self.depth - 1);
        }
    }
}

/// Takes the lock again, also when the detached code panics: whoever catches that panic inside
/// `attach` has the token still.
struct Back<'a, 'g> {
    gil: &'a mut Gil<'g>,
}

impl Drop for Back<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        if !self.gil.state.attached.get() && !self.gil.lock.is_null() {
            self.gil.come_back();
        }
    }
}
