//! A thread's own state for each lock that it uses: take the lock, drop it.
//!
//! *Assumes*: a thread joins a lock the first time it attaches to it; a pending call uses no more
//! of the lock than its handle, and does not attach to it.
//! *Promises*: one thread has one state per lock, so it cannot wait for itself; the one used last
//! is found without a search and without counting references; a thread that ends has left its
//! locks; pending calls are made by the main thread, with the lock held, outside the mutex.
//! *Leaves out*: sleeping (`gil/lock/take_gil.rs`); the rules of pending calls
//! (`gil/rules/pending.rs`).
//!
//! ```text
//!   thread-local
//!   LocalStates ─ latest ─▶ ThreadState ─ shared ─▶ LockShared: what all threads share
//!               ─ all ────▶ ▯ ▯ ▯         thread ─▶ LockThread: what the lock keeps of this one
//! ```

use crate::base::sync::atomic::AtomicBool;
use crate::base::sync::atomic::Ordering::Relaxed;
use crate::base::sync::{Arc, thread_local};
use crate::gil::lock::state_word::OwnerBits;
use crate::gil::lock::take_gil::{LockShared, LockThread, PendingCall};
use crate::gil::rules::decision::{AttachError, DropReason, ThreadId};
use crate::gil::rules::pending::Pending;
use crate::gil::stats::thread_stats::ThreadStats;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

thread_local! {
    /// This thread's states, one for each lock that it has attached to.
    static STATES: LocalStates<ThreadState> = LocalStates::default();
}

/// What CPython calls `PyThreadState`: this thread's side of one lock.
#[doc(alias = "PyThreadState")]
pub(crate) struct ThreadState {
    pub(crate) shared: Arc<LockShared>,
    thread: Arc<LockThread>,
    pub(crate) stats: Arc<ThreadStats>,
    pub(crate) id: ThreadId,
    owner_bits: OwnerBits,
    /// The depth of the token that is lent; 0 if none is.
    pub(crate) lent_by: Cell<u32>,
    /// It has claimed to be the main thread; another may have since.
    is_main: Cell<bool>,
}

impl ThreadState {
    /// This thread's state for a lock; it joins if need be, as CPython's `PyGILState_Ensure`
    /// makes a thread state.
    #[inline]
    pub(crate) fn of(lock: &Arc<LockShared>) -> Result<Rc<ThreadState>, AttachError> {
        LocalStates::state_for(lock)
    }

    /// A token for this lock is out, and the lock is held.
    #[inline]
    pub(crate) fn is_attached(&self) -> bool {
        self.stats.meter.holds()
    }

    /// The flag to read at each checkpoint.
    pub(crate) fn eval_breaker(&self) -> &AtomicBool {
        self.shared.eval_breaker_of(&self.thread)
    }

    /// Takes the lock, however long that takes.
    #[inline]
    pub(crate) fn take(&self) -> Result<(), AttachError> {
        // Read here once: what is read after the atomic operation has to wait for it.
        let (shared, stats) = (&*self.shared, &*self.stats);
        if shared.state_word.try_take(self.owner_bits) {
            stats.meter.acquired_at_once();
        } else {
            shared.take_gil(&self.thread, None)?;
        }
        stats.begins_hold(&shared.observer);
        Ok(())
    }

    /// Takes the lock, unless that takes longer than `limit`.
    pub(crate) fn take_within(&self, limit: Duration) -> Result<(), AttachError> {
        self.shared.take_gil(&self.thread, Some(limit))?;
        self.begin_hold();
        Ok(())
    }

    #[inline]
    fn begin_hold(&self) {
        self.stats.begins_hold(&self.shared.observer);
    }

    /// Drops the lock.
    #[inline]
    pub(crate) fn drop_lock(&self, reason: DropReason) {
        let (shared, stats) = (&*self.shared, &*self.stats);
        stats.ends_hold(&shared.observer, reason);
        if shared.state_word.try_drop(self.owner_bits) {
            stats.meter.dropped(reason);
        } else {
            shared.drop_gil(&self.thread, reason);
        }
    }

    /// A checkpoint saw a request: drops the lock and takes it again, unless the thread that
    /// asked for it has left.
    #[cold]
    #[inline(never)]
    pub(crate) fn yield_lock(&self) -> Result<(), AttachError> {
        if self.shared.yield_gil(&self.thread)? {
            self.begin_hold();
        }
        Ok(())
    }

    /// From now on only this thread can have the lock.
    pub(crate) fn finalise(&self) {
        self.shared.finalise(&self.thread);
    }
}

impl Drop for ThreadState {
    fn drop(&mut self) {
        self.shared.remove(self.id);
    }
}

/// What others may ask of this thread at its next check: to make a call, or to unwind.
impl ThreadState {
    /// This thread makes the pending calls from now on.
    pub(crate) fn claim_main(&self) {
        let Ok(mut guarded) = self.shared.enter() else { return };
        guarded.pending.set_main(self.id);
        self.is_main.set(true);
        self.shared.leave(guarded, None);
    }

    /// Makes the calls that wait, if this is the thread to do it; true if some still wait.
    #[cold]
    #[inline(never)]
    #[doc(alias = "Py_MakePendingCalls")]
    pub(crate) fn make_pending_calls(&self) -> bool {
        if self.is_main.get() && self.with_pending(|pending, me| pending.begins(me)) == Some(true) {
            let _end = EndBatch(self);
            while let Some(Some(call)) = self.with_pending(|pending, _| pending.next()) {
                call();
            }
        }
        self.shared.calls_wait()
    }

    /// Another thread has asked this one to unwind; the request is taken.
    pub(crate) fn take_interrupt(&self) -> bool {
        let interrupted = &self.thread.interrupted;
        interrupted.load(Relaxed) && interrupted.swap(false, Relaxed)
    }

    fn with_pending<R>(
        &self,
        f: impl FnOnce(&mut Pending<PendingCall>, ThreadId) -> R,
    ) -> Option<R> {
        let mut guarded = self.shared.enter().ok()?;
        let result = f(&mut guarded.pending, self.id);
        self.shared.publish_calls(&guarded);
        self.shared.leave(guarded, None);
        Some(result)
    }
}

/// Ends a batch of calls, also when one of them panics.
struct EndBatch<'a>(&'a ThreadState);

impl Drop for EndBatch<'_> {
    fn drop(&mut self) {
        self.0.with_pending(|pending, _| pending.ends());
    }
}

/// A thread's own state for something that threads share: here a lock, in free threading a scope.
pub(crate) trait LocalState: Sized {
    /// What is shared.
    type Shared;

    /// What this is the thread's state for.
    fn shared(&self) -> &Arc<Self::Shared>;

    /// This thread becomes one of those that use it.
    fn join(shared: &Arc<Self::Shared>) -> Result<Self, AttachError>;

    /// Whether only threads that have joined know it: no handle is left, so none can come. If that
    /// cannot be told at once, it is not so.
    fn is_left(shared: &Arc<Self::Shared>) -> bool;

    /// All states of this kind that this thread has.
    ///
    /// # Errors
    /// If the thread ends, and has dropped them: [`thread_is_ending`].
    fn with_local_states<R>(f: impl FnOnce(&LocalStates<Self>) -> R) -> Result<R, AttachError>;
}

impl LocalState for ThreadState {
    type Shared = LockShared;

    fn shared(&self) -> &Arc<LockShared> {
        &self.shared
    }

    fn join(shared: &Arc<LockShared>) -> Result<ThreadState, AttachError> {
        let own = Arc::clone(shared);
        let thread = shared.join()?;
        Ok(ThreadState {
            shared: own,
            stats: Arc::clone(&thread.stats),
            id: thread.id,
            owner_bits: OwnerBits::of(thread.id),
            thread,
            lent_by: Cell::new(0),
            is_main: Cell::new(false),
        })
    }

    fn is_left(shared: &Arc<LockShared>) -> bool {
        // Read under the mutex: who joins has cloned it before, and who leaves drops it afterwards.
        shared.with_members(|members| Arc::strong_count(shared) <= members).unwrap_or(false)
    }

    #[inline]
    fn with_local_states<R>(
        f: impl FnOnce(&LocalStates<ThreadState>) -> R,
    ) -> Result<R, AttachError> {
        STATES.try_with(f).map_err(thread_is_ending)
    }
}

/// A thread's states of one kind. Those whose lock has no handle any more are forgotten when the next
/// one is added.
pub(crate) struct LocalStates<S> {
    all: RefCell<Vec<Rc<S>>>,
    /// The one used last, unless it is in use.
    latest: Cell<Option<Rc<S>>>,
}

impl<S> Default for LocalStates<S> {
    fn default() -> Self {
        LocalStates { all: RefCell::default(), latest: Cell::default() }
    }
}

impl<S: LocalState> LocalStates<S> {
    /// This thread's state for `shared`; it joins if need be. The one used last is taken out: see
    /// [`put_back`](Self::put_back).
    #[inline]
    pub(crate) fn state_for(shared: &Arc<S::Shared>) -> Result<Rc<S>, AttachError> {
        let is_wanted = |state: &Rc<S>| Arc::ptr_eq(state.shared(), shared);
        match S::with_local_states(|states| states.latest.take().filter(is_wanted)) {
            Ok(Some(state)) => Ok(state),
            _ => LocalStates::search(shared),
        }
    }

    /// Keeps one at hand for the next time.
    #[inline]
    pub(crate) fn put_back(state: Rc<S>) {
        // A thread that ends has no use for it.
        let _ = S::with_local_states(|states| states.latest.set(Some(state)));
    }

    #[cold]
    fn search(shared: &Arc<S::Shared>) -> Result<Rc<S>, AttachError> {
        if let Some(known) = S::with_local_states(|states| states.find(shared))? {
            return Ok(known);
        }
        let state = Rc::new(S::join(shared)?);
        let forgotten = S::with_local_states(|states| states.add(&state))?;
        drop(forgotten); // outside the borrow, since it runs other code
        Ok(state)
    }

    fn find(&self, shared: &Arc<S::Shared>) -> Option<Rc<S>> {
        self.all.borrow().iter().find(|state| Arc::ptr_eq(state.shared(), shared)).map(Rc::clone)
    }

    /// Adds a new one. Gives those that are of no use any more.
    fn add(&self, state: &Rc<S>) -> Vec<Rc<S>> {
        let mut all = self.all.borrow_mut();
        all.push(Rc::clone(state));
        all.extract_if(.., |state| S::is_left(state.shared())).collect()
    }
}

/// The error of a thread-local whose thread has dropped it already.
pub(crate) fn thread_is_ending<E>(_: E) -> AttachError {
    AttachError::ThreadEnding
}
