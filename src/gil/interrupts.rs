//! What others may ask of a thread at its next check: to make a call, or to unwind.
//!
//! *Assumes*: calls come back; a call may use the lock's handle, and must not attach to it.
//! *Promises*: calls are made by the main thread, with the lock held, outside the lock's own
//! mutex; a thread that is interrupted unwinds to its `attach`.
//! *Leaves out*: the rules of pending calls (`gil/pending.rs`); signals themselves.

use crate::base::sync::atomic::Ordering::Relaxed;
use crate::gil::lock::{Call, GlobalLock};
use crate::gil::pending::{Full, Pending};
use crate::gil::thread_state::ThreadState;
use crate::gil::verdict::ThreadId;

impl GlobalLock {
    /// Leaves a call for the main thread, which makes it at its next check, with the lock held.
    /// Any thread may do this at any time. Calls are made in order, at most
    /// [`BATCH`](crate::gil::pending::BATCH) a check; while one runs, no other begins.
    ///
    /// The main thread is the one that has [claimed](crate::gil::token::Gil::claim_main) it.
    /// Until one has, calls wait.
    ///
    /// Under a counting policy a thread that is not the main one, and finds a call waiting at a
    /// check, checks again at its very next tick: see `gil/pending.rs`. (In CPython the call
    /// itself sets the ticker to 0. Here the ticker is in the holder's hands, so the first such
    /// check comes when it is due: up to `n + 1` ticks later.)
    ///
    /// # Errors
    /// [`Full`] if too many wait already; also in a fork that cannot reach the lock.
    #[doc(alias = "Py_AddPendingCall")]
    pub fn add_pending_call(&self, call: impl FnOnce() + Send + 'static) -> Result<(), Full> {
        let Ok(mut desk) = self.shared.desk() else { return Err(Full) };
        let added = desk.pending.add(Box::new(call));
        self.shared.note_pending(&desk);
        self.shared.leave(desk, None);
        added
    }

    /// Unwinds a thread at its next check with the lock, up to its `attach`, which gives
    /// [`AttachError::Interrupted`](crate::gil::error::AttachError::Interrupted). A thread that
    /// blocks elsewhere is not woken: it is interrupted when it is back and comes to a check.
    /// False if there is no such thread (any more).
    #[doc(alias = "PyThreadState_SetAsyncExc")]
    pub fn interrupt(&self, thread: ThreadId) -> bool {
        let Ok(desk) = self.shared.desk() else { return false };
        let seat = desk.seats.get(thread.index()).cloned().flatten();
        if let Some(seat) = &seat {
            seat.interrupted.store(true, Relaxed);
        }
        self.shared.leave(desk, None);
        seat.is_some()
    }
}

impl ThreadState {
    /// This thread makes the pending calls from now on.
    pub(crate) fn claim_main(&self) {
        let Ok(mut desk) = self.shared.desk() else { return };
        desk.pending.set_main(self.id);
        self.is_main.set(true);
        self.shared.leave(desk, None);
    }

    /// Makes the calls that wait, if this is the thread to do it; true if some still wait.
    #[cold]
    #[inline(never)]
    pub(crate) fn make_pending_calls(&self) -> bool {
        if self.is_main.get() && self.at_desk(|pending, me| pending.begins(me)) == Some(true) {
            let _ends = Ends(self);
            while let Some(Some(call)) = self.at_desk(|pending, _| pending.next()) {
                call();
            }
        }
        self.shared.has_pending()
    }

    /// Somebody has asked this thread to unwind; the request is taken.
    pub(crate) fn takes_interrupt(&self) -> bool {
        self.seat.interrupted.load(Relaxed) && self.seat.interrupted.swap(false, Relaxed)
    }

    fn at_desk<R>(&self, f: impl FnOnce(&mut Pending<Call>, ThreadId) -> R) -> Option<R> {
        let mut desk = self.shared.desk().ok()?;
        let result = f(&mut desk.pending, self.id);
        self.shared.note_pending(&desk);
        self.shared.leave(desk, None);
        Some(result)
    }
}

/// Ends a round of calls, also when one of them panics.
struct Ends<'a>(&'a ThreadState);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.at_desk(|pending, _| pending.ends());
    }
}
