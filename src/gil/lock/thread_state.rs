//! What a thread keeps of its own for each lock that it has attached to.
//!
//! *Assumes*: it stands in a thread-local.
//! *Promises*: the one used last is found without a search and taken without counting
//! references; those whose lock nobody else knows any more are forgotten in time.
//! *Leaves out*: what is kept (`gil/lock/thread_state.rs`, `gil/free_threading/attached.rs`).
//!
//! # One thread's dealings with one lock: take it, drop it, yield it
//!
//! *Assumes*: a thread joins a lock the first time it attaches to it.
//! *Promises*: one thread has one state per lock, so it cannot wait for itself; a thread that
//! ends has left the lock.
//! *Leaves out*: all rules. `take_gil` and `drop_gil` are in the machine; here they sleep.
//!
//! # What others may ask of a thread at its next check: to make a call, or to unwind
//!
//! *Assumes*: calls come back; a call may use the lock's handle, and must not attach to it.
//! *Promises*: calls are made by the main thread, with the lock held, outside the lock's own
//! mutex; a thread that is interrupted unwinds to its `attach`.
//! *Leaves out*: the rules of pending calls (`gil/rules/pending.rs`); signals themselves.

use crate::base::sync::atomic::AtomicBool;
use crate::base::sync::atomic::Ordering::Relaxed;
use crate::base::sync::{Arc, MutexGuard, thread_local};
use crate::gil::lock::global_lock::{Call, Desk, GlobalLock, Seat, Shared};
use crate::gil::lock::state_word::Pass;
use crate::gil::rules::decision::{AttachError, DropReason, Nanos, Next, Release, ThreadId, nanos};
use crate::gil::rules::pending::{Full, Pending};
use crate::gil::stats::record::EventKind;
use crate::gil::stats::thread_stats::ThreadStats;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// A thread's own part in something that is shared.
pub(crate) trait Part: Sized {
    /// What is shared: a lock.
    type Of;

    /// The lock that this is a part of.
    fn of(&self) -> &Arc<Self::Of>;

    /// This thread becomes one of those that use the lock.
    fn joins(shared: &Arc<Self::Of>) -> Result<Self, AttachError>;

    /// What this thread keeps.
    ///
    /// # Errors
    /// If the thread ends, and has dropped it: [`ending`].
    fn with_own<R>(f: impl FnOnce(&Own<Self>) -> R) -> Result<R, AttachError>;
}

/// A thread's parts in all locks of one kind.
pub(crate) struct Own<P> {
    all: RefCell<Vec<Rc<P>>>,
    /// The one used last, unless it is in use.
    latest: Cell<Option<Rc<P>>>,
}

impl<P> Default for Own<P> {
    fn default() -> Self {
        Own { all: RefCell::default(), latest: Cell::default() }
    }
}

impl<P: Part> Own<P> {
    /// This thread's part in `shared`; it joins if need be. The one used last is taken out: see
    /// [`put_back`](Self::put_back).
    #[inline]
    pub(crate) fn part_in(shared: &Arc<P::Of>) -> Result<Rc<P>, AttachError> {
        match P::with_own(|own| own.latest.take().filter(|part| Arc::ptr_eq(part.of(), shared))) {
            Ok(Some(part)) => Ok(part),
            _ => Own::search(shared),
        }
    }

    /// Keeps one at hand for the next time.
    #[inline]
    pub(crate) fn put_back(part: Rc<P>) {
        // A thread that ends has no use for it.
        let _ = P::with_own(|own| own.latest.set(Some(part)));
    }

    #[cold]
    fn search(shared: &Arc<P::Of>) -> Result<Rc<P>, AttachError> {
        if let Some(known) = P::with_own(|own| own.find(shared))? {
            return Ok(known);
        }
        let part = Rc::new(P::joins(shared)?);
        let forgotten = P::with_own(|own| own.keep(&part))?;
        drop(forgotten); // outside the borrow: that runs code
        Ok(part)
    }

    fn find(&self, shared: &Arc<P::Of>) -> Option<Rc<P>> {
        self.all.borrow().iter().find(|part| Arc::ptr_eq(part.of(), shared)).map(Rc::clone)
    }

    /// Keeps a new one. Gives those that are of no use any more.
    fn keep(&self, part: &Rc<P>) -> Vec<Rc<P>> {
        let mut all = self.all.borrow_mut();
        all.push(Rc::clone(part));
        all.extract_if(.., |part| Arc::strong_count(part.of()) == 1).collect()
    }
}

/// A thread that ends has dropped what it kept.
pub(crate) fn ending<E>(_: E) -> AttachError {
    AttachError::ThreadEnding
}

thread_local! {
    /// The locks this thread has attached to.
    static STATES: Own<ThreadState> = Own::default();
}

/// What CPython calls `PyThreadState`: this thread, as the lock knows it.
pub(crate) struct ThreadState {
    pub(crate) shared: Arc<Shared>,
    pub(crate) seat: Arc<Seat>,
    pub(crate) diary: Arc<ThreadStats>,
    pub(crate) id: ThreadId,
    pass: Pass,
    /// A token for this lock is out, and the lock is held.
    pub(crate) attached: Cell<bool>,
    /// The depth of the token that is lent; 0 if none is.
    pub(crate) lent_by: Cell<u32>,
    /// It has claimed to be the main thread; another may have since.
    pub(crate) is_main: Cell<bool>,
}

impl Part for ThreadState {
    type Of = Shared;

    fn of(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn joins(shared: &Arc<Shared>) -> Result<ThreadState, AttachError> {
        let (id, seat) = shared.joins()?;
        Ok(ThreadState {
            shared: Arc::clone(shared),
            diary: Arc::clone(&seat.diary),
            seat,
            id,
            pass: Pass::of(id),
            attached: Cell::new(false),
            lent_by: Cell::new(0),
            is_main: Cell::new(false),
        })
    }

    #[inline]
    fn with_own<R>(f: impl FnOnce(&Own<ThreadState>) -> R) -> Result<R, AttachError> {
        STATES.try_with(f).map_err(ending)
    }
}

impl ThreadState {
    /// This thread's state for `lock`; it joins if need be, as CPython's
    /// `PyGILState_Ensure` makes one.
    #[inline]
    pub(crate) fn of(lock: &GlobalLock) -> Result<Rc<ThreadState>, AttachError> {
        Own::part_in(&lock.shared)
    }

    /// The word to read at each checkpoint.
    pub(crate) fn flag(&self) -> &AtomicBool {
        self.shared.flag_of(&self.seat)
    }

    /// Takes the lock, whatever it takes.
    #[inline]
    pub(crate) fn take(&self) -> Result<(), AttachError> {
        if self.shared.door.take(self.pass) {
            self.diary.meter.acquired_at_once.add(1);
        } else {
            self.take_at_desk(None)?;
        }
        self.begin_hold();
        Ok(())
    }

    /// Takes the lock, unless that takes longer than `limit`.
    pub(crate) fn take_within(&self, limit: Duration) -> Result<(), AttachError> {
        self.take_at_desk(Some(limit))?;
        self.begin_hold();
        Ok(())
    }

    #[inline]
    fn begin_hold(&self) {
        self.attached.set(true);
        self.diary.begins_hold(&self.shared.observer);
    }

    #[inline]
    fn end_hold(&self, reason: DropReason) {
        self.attached.set(false);
        self.diary.ends_hold(&self.shared.observer, reason);
    }

    fn note(&self, at: Nanos, what: EventKind) {
        self.diary.note(&self.shared.observer, at, what);
    }

    /// CPython's `take_gil`.
    #[cold]
    #[inline(never)]
    fn take_at_desk(&self, limit: Option<Duration>) -> Result<(), AttachError> {
        self.diary.meter.slow_paths.add(1);
        let began = self.shared.now();
        let end = limit.map_or(Nanos::MAX, |limit| began.saturating_add(nanos(limit)));
        let mut desk = self.shared.desk()?;
        let mut verdict = desk.machine.wants(self.id, began);
        let mut waited = None;
        let error = loop {
            let (until, why) = match verdict.next {
                Next::Run { switched } => {
                    self.diary.acquired(switched, waited);
                    self.leave(desk, verdict.wake);
                    return Ok(());
                }
                Next::Refused(refusal) => break refusal.into(),
                Next::Sleep { until, why } => (until, why),
            };
            match (waited, limit) {
                (None, _) => self.note(began, EventKind::Waits),
                (Some(time), Some(limit)) if began + time >= end => {
                    break AttachError::TimedOut(limit);
                }
                _ => {}
            }
            if let Some(what) = EventKind::sleep_for(why) {
                self.note(self.shared.now(), what);
            }
            self.diary.meter.told_to_sleep(why);
            self.shared.settle(&mut desk, None);
            let timed_out = match self.sleep(&mut desk, until, end) {
                Ok(timed_out) => timed_out,
                Err(error) => break error,
            };
            let now = self.shared.now();
            waited = Some(now - began);
            verdict = if timed_out {
                desk.machine.timed_out(self.id, now)
            } else {
                desk.machine.woken(self.id, now)
            };
        };
        if waited.is_some() {
            self.note(self.shared.now(), EventKind::GivesUp);
        }
        let wake = desk.machine.gives_up(self.id);
        self.leave(desk, wake);
        Err(error)
    }

    fn sleep(
        &self,
        desk: &mut MutexGuard<'_, Desk>,
        until: Option<Nanos>,
        end: Nanos,
    ) -> Result<bool, AttachError> {
        let until = match until {
            None if end == Nanos::MAX => None,
            until => Some(until.unwrap_or(Nanos::MAX).min(end)),
        };
        self.shared.sleep(desk, &self.seat, until)
    }

    /// Drops the lock.
    #[inline]
    pub(crate) fn drop_lock(&self, reason: DropReason) {
        self.end_hold(reason);
        if self.shared.door.leave(self.pass) {
            self.diary.meter.dropped(reason);
        } else {
            self.drop_at_desk(reason);
        }
    }

    /// CPython's `drop_gil`.
    #[cold]
    #[inline(never)]
    fn drop_at_desk(&self, reason: DropReason) {
        self.diary.meter.slow_paths.add(1);
        // In a fork that cannot come to the desk nobody waits.
        let Ok(mut desk) = self.shared.desk() else { return };
        if let Ok(parting) = desk.machine.drops(self.id, reason, self.shared.now()) {
            self.diary.meter.dropped(reason);
            self.part(desk, parting);
        }
    }

    /// A checkpoint saw the drop request: drops the lock and takes it again, unless whoever
    /// asked has left.
    #[cold]
    #[inline(never)]
    pub(crate) fn yield_lock(&self) -> Result<(), AttachError> {
        self.diary.meter.slow_paths.add(1);
        let mut desk = self.shared.desk()?;
        let Ok(Some(parting)) = desk.machine.yields(self.id, self.shared.now()) else {
            self.leave(desk, None);
            return Ok(());
        };
        self.end_hold(DropReason::Request);
        self.diary.meter.dropped(DropReason::Request);
        if parting.await_switch {
            self.note(self.shared.now(), EventKind::Waits);
        }
        self.part(desk, parting);
        self.take()
    }

    /// Wakes the next thread and, if the switch is forced, sleeps until it came.
    fn part(&self, mut desk: MutexGuard<'_, Desk>, parting: Release) {
        if !parting.await_switch {
            return self.leave(desk, parting.wake);
        }
        self.count_wake(parting.wake);
        self.shared.settle(&mut desk, parting.wake);
        while desk.machine.is_handing_over(self.id) {
            if self.shared.sleep(&mut desk, &self.seat, None).is_err() {
                // A fork, without the thread to wait for; a dropper that gives up wakes nobody.
                let _ = desk.machine.gives_up(self.id);
            }
        }
        self.leave(desk, None);
    }

    /// From now on only this thread can have the lock.
    pub(crate) fn finalise(&self) {
        let Ok(mut desk) = self.shared.desk() else { return };
        if let Ok(refused) = desk.machine.finalises(self.id) {
            for id in refused {
                self.shared.settle(&mut desk, Some(id));
            }
        }
        self.leave(desk, None);
    }

    fn leave(&self, desk: MutexGuard<'_, Desk>, wake: Option<ThreadId>) {
        self.count_wake(wake);
        self.shared.leave(desk, wake);
    }

    fn count_wake(&self, wake: Option<ThreadId>) {
        self.diary.meter.wakes.add(u64::from(wake.is_some()));
    }
}

impl Drop for ThreadState {
    fn drop(&mut self) {
        self.shared.dies(self.id);
    }
}

impl GlobalLock {
    /// Leaves a call for the main thread, which makes it at its next check, with the lock held.
    /// Any thread may do this at any time. Calls are made in order, at most
    /// [`BATCH`](crate::gil::rules::pending::BATCH) a check; while one runs, no other begins.
    ///
    /// The main thread is the one that has [claimed](crate::gil::lock::token::Gil::claim_main) it.
    /// Until one has, calls wait.
    ///
    /// Under a counting policy a thread that is not the main one, and finds a call waiting at a
    /// check, checks again at its very next tick: see `gil/rules/pending.rs`. (In CPython the call
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
    /// [`AttachError::Interrupted`]. A thread that
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
