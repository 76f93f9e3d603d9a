//! For code that does not know whether its thread holds the lock: ensure that it does.
//!
//! *Assumes*: whoever holds the lock and calls such code lends it the lock.
//! *Promises*: one usable token a thread, however deep it goes; each level ends before the one
//! around it; only the outermost takes the lock and drops it.
//! *Leaves out*: knowing. A function that has a token should pass it on.
//!
//! ```text
//!   lock.ensure(|gil| {               1: takes the lock, as attach does
//!       gil.lend(|| callback());         the lock stays held; `gil` is out of use meanwhile
//!           └── lock.ensure(|gil| {   2: the thread has it already: no waiting
//!                   gil.detach(…)        drops it, and takes it again
//!               })                    2: gives it back to who lent it
//!   })                                1: drops the lock
//! ```
//! CPython counts too (`gilstate_counter` in `Python/pystate.c`), and hands the same thread
//! state to all levels. Here that would be two tokens for one lock, and so two `&mut` to the
//! inside of one cell. Therefore the level above must say, by `lend`, that it holds no reference.

use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::thread_state::ThreadState;
use crate::gil::lock::token::Gil;
use crate::gil::rules::decision::AttachError;

impl GlobalLock {
    /// Runs `f` with the lock held, whether or not this thread holds it already. For callbacks,
    /// and for threads that something else has started: it need not be registered first.
    ///
    /// If the thread does not hold it, this is [`attach`](Self::attach). If it does, the token
    /// must have been [lent](Gil::lend); then nothing is waited for, and nothing is dropped at
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
    /// // It is called with the lock and without, and cannot tell.
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
        let state = ThreadState::of(self)?;
        if !state.attached.get() {
            state.take()?;
            return Gil::run(state, 1, f);
        }
        match state.lent_by.replace(0) {
            0 => Err(AttachError::Nested),
            lender => Gil::run(state, lender + 1, f),
        }
    }
}

impl Gil<'_> {
    /// Runs `f` with the lock held, and lets it [`ensure`](GlobalLock::ensure) that it is. For
    /// calling what cannot be given the token. [`attach`](GlobalLock::attach) is still an error
    /// in there: it would have to wait for this very thread.
    ///
    /// If the lock is finalised while `f` has dropped it, this does not return: see `attach`.
    ///
    /// No reference got through the token lives across it, nor can the token be used within:
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
    /// And what the inner level is given, the outer one cannot keep:
    /// ```compile_fail
    /// # use singletrack::gil::{GilCell, GlobalLock, SwitchPolicy};
    /// # let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
    /// # let cell = GilCell::new(&lock, 1);
    /// lock.attach(|gil| { let x = gil.lend(|| lock.ensure(|inner| cell.get(inner))); });
    /// ```
    pub fn lend<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.lends();
        let mut back = Lent { gil: Some(self) };
        let result = f();
        back.ends();
        result
    }
}

/// Takes the token back, also when the one it was lent to panics.
struct Lent<'a, 'g> {
    gil: Option<&'a mut Gil<'g>>,
}

impl Lent<'_, '_> {
    fn ends(&mut self) {
        if let Some(gil) = self.gil.take() {
            gil.is_given_back();
        }
    }
}

impl Drop for Lent<'_, '_> {
    fn drop(&mut self) {
        self.ends();
    }
}
