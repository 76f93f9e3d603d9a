//! One thread's dealings with one lock: take it, drop it, yield it.
//!
//! *Assumes*: nothing; a thread joins a lock the first time it attaches to it.
//! *Promises*: one thread has one state per lock, so it cannot wait for itself; a thread that
//! ends has left the lock.
//! *Leaves out*: all rules. `take_gil` and `drop_gil` are in the machine; here they sleep.

use crate::base::sync::{Arc, MutexGuard, atomic::AtomicBool, thread_local};
use crate::gil::door::Pass;
use crate::gil::lock::{AttachError, Desk, GlobalLock, HOLD, RECORD, Seat, Shared};
use crate::gil::record::{Event, What};
use crate::gil::verdict::{Nanos, Parting, Reason, ThreadId, Turn, nanos};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

thread_local! {
    /// The locks this thread has attached to. It forgets those that nobody else knows any more
    /// when it attaches to a new one.
    static STATES: RefCell<Vec<Rc<ThreadState>>> = RefCell::default();

    /// The one used last, unless it is in use: found without a search, taken without counting
    /// references.
    static LATEST: Cell<Option<Rc<ThreadState>>> = Cell::default();
}

/// What CPython calls `PyThreadState`: this thread, as the lock knows it.
pub(crate) struct ThreadState {
    pub(crate) shared: Arc<Shared>,
    pub(crate) seat: Arc<Seat>,
    pub(crate) id: ThreadId,
    pass: Pass,
    /// A token for this lock is out, and the lock is held.
    pub(crate) attached: Cell<bool>,
    /// It has claimed to be the main thread; another may have since.
    pub(crate) is_main: Cell<bool>,
    /// When the lock was taken, if holds are watched; else 0.
    taken_at: Cell<Nanos>,
}

impl ThreadState {
    /// This thread's state for `lock`; it joins if need be (CPython's `PyGILState_Ensure`).
    #[inline]
    pub(crate) fn of(lock: &GlobalLock) -> Result<Rc<ThreadState>, AttachError> {
        match LATEST.try_with(Cell::take) {
            Ok(Some(state)) if state.knows(&lock.shared) => Ok(state),
            _ => ThreadState::search(lock),
        }
    }

    /// Keeps a state at hand for the next time.
    #[inline]
    pub(crate) fn put_back(self: Rc<ThreadState>) {
        // A thread that ends has no use for it.
        let _ = LATEST.try_with(|latest| latest.set(Some(self)));
    }

    #[cold]
    fn search(lock: &GlobalLock) -> Result<Rc<ThreadState>, AttachError> {
        let known = STATES.try_with(|states| {
            states.borrow().iter().find(|state| state.knows(&lock.shared)).map(Rc::clone)
        });
        match known {
            Ok(Some(state)) => Ok(state),
            Ok(None) => ThreadState::join(lock),
            Err(_) => Err(AttachError::ThreadEnding),
        }
    }

    #[cold]
    fn join(lock: &GlobalLock) -> Result<Rc<ThreadState>, AttachError> {
        let (id, seat) = lock.shared.joins()?;
        let state = Rc::new(ThreadState {
            shared: Arc::clone(&lock.shared),
            seat,
            id,
            pass: Pass::of(id),
            attached: Cell::new(false),
            is_main: Cell::new(false),
            taken_at: Cell::new(0),
        });
        let forgotten = STATES.try_with(|states| {
            let mut states = states.borrow_mut();
            states.push(Rc::clone(&state));
            let forgotten = |s: &mut Rc<ThreadState>| Arc::strong_count(&s.shared) == 1;
            states.extract_if(.., forgotten).collect::<Vec<_>>()
        });
        match forgotten {
            Ok(states) => drop(states), // outside the borrow
            Err(_) => return Err(AttachError::ThreadEnding),
        }
        Ok(state)
    }

    #[inline]
    fn knows(&self, shared: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.shared, shared)
    }

    /// The word to read at each checkpoint.
    pub(crate) fn flag(&self) -> &AtomicBool {
        self.shared.flag_of(&self.seat)
    }

    /// Takes the lock, whatever it takes.
    #[inline]
    pub(crate) fn take(&self) -> Result<(), AttachError> {
        if self.shared.door.take(self.pass) {
            self.seat.meter.acquired_at_once.add(1);
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
        if self.shared.watched() != 0 {
            self.watch_begin();
        }
    }

    /// To be called before the lock is dropped, so that no two holds overlap in a recording.
    #[inline]
    fn end_hold(&self, reason: Reason) {
        self.attached.set(false);
        if self.taken_at.get() != 0 {
            self.watch_end(reason);
        }
    }

    #[cold]
    #[inline(never)]
    fn watch_begin(&self) {
        let now = self.shared.now();
        self.taken_at.set(now.max(1));
        self.note(now, What::Takes);
    }

    #[cold]
    #[inline(never)]
    fn watch_end(&self, reason: Reason) {
        let now = self.shared.now();
        let held = now - self.taken_at.take().min(now);
        if self.shared.watched() & HOLD != 0 {
            self.seat.meter.hold_ns.add(held);
        }
        self.note(now, What::drop_for(reason));
    }

    /// Writes down what happened, if there is a recording.
    #[inline]
    fn note(&self, at: Nanos, what: What) {
        if self.shared.watched() & RECORD != 0
            && let Some(ring) = self.seat.ring.get()
        {
            ring.write(Event { at, what });
        }
    }

    /// CPython's `take_gil`.
    #[cold]
    #[inline(never)]
    fn take_at_desk(&self, limit: Option<Duration>) -> Result<(), AttachError> {
        self.seat.meter.slow_paths.add(1);
        let began = self.shared.now();
        let end = limit.map_or(Nanos::MAX, |limit| began.saturating_add(nanos(limit)));
        let mut desk = self.shared.desk()?;
        let mut verdict = desk.machine.wants(self.id, began);
        let mut waited = None;
        loop {
            let (until, why) = match verdict.turn {
                Turn::Run { switched } => {
                    self.seat.meter.acquired(switched, waited);
                    self.leave(desk, verdict.wake);
                    return Ok(());
                }
                Turn::Refused(refusal) => {
                    if waited.is_some() {
                        self.note(self.shared.now(), What::GivesUp);
                    }
                    self.leave(desk, verdict.wake);
                    return Err(refusal.into());
                }
                Turn::Sleep { until, why } => (until, why),
            };
            if waited.is_none() {
                self.note(began, What::Waits);
            }
            if let Some(what) = What::sleep_for(why) {
                self.note(self.shared.now(), what);
            }
            self.seat.meter.told_to_sleep(why);
            self.shared.settle(&mut desk, None);
            let timed_out = match self.sleep(&mut desk, until, end) {
                Ok(timed_out) => timed_out,
                Err(error) => {
                    let wake = desk.machine.gives_up(self.id);
                    self.leave(desk, wake);
                    return Err(error);
                }
            };
            let now = self.shared.now();
            waited = Some(now - began);
            verdict = if timed_out {
                desk.machine.timed_out(self.id, now)
            } else {
                desk.machine.woken(self.id, now)
            };
            if limit.is_some() && now >= end && matches!(verdict.turn, Turn::Sleep { .. }) {
                self.note(now, What::GivesUp);
                let wake = desk.machine.gives_up(self.id);
                self.leave(desk, wake);
                return Err(AttachError::TimedOut(limit.unwrap_or_default()));
            }
        }
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
    pub(crate) fn drop_lock(&self, reason: Reason) {
        self.end_hold(reason);
        if self.shared.door.leave(self.pass) {
            self.seat.meter.dropped(reason);
        } else {
            self.drop_at_desk(reason);
        }
    }

    /// CPython's `drop_gil`.
    #[cold]
    #[inline(never)]
    fn drop_at_desk(&self, reason: Reason) {
        self.seat.meter.slow_paths.add(1);
        // In a fork that cannot come to the desk nobody waits.
        let Ok(mut desk) = self.shared.desk() else { return };
        if let Ok(parting) = desk.machine.drops(self.id, reason, self.shared.now()) {
            self.seat.meter.dropped(reason);
            self.part(desk, parting);
        }
    }

    /// A checkpoint saw the drop request: drops the lock and takes it again, unless whoever
    /// asked has left.
    #[cold]
    #[inline(never)]
    pub(crate) fn yield_lock(&self) -> Result<(), AttachError> {
        self.seat.meter.slow_paths.add(1);
        let mut desk = self.shared.desk()?;
        let Ok(Some(parting)) = desk.machine.yields(self.id, self.shared.now()) else {
            self.leave(desk, None);
            return Ok(());
        };
        self.end_hold(Reason::Request);
        self.seat.meter.dropped(Reason::Request);
        if parting.await_switch {
            self.note(self.shared.now(), What::Waits);
        }
        self.part(desk, parting);
        self.take()
    }

    /// Wakes the next thread and, if the switch is forced, sleeps until it came.
    fn part(&self, mut desk: MutexGuard<'_, Desk>, parting: Parting) {
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
        self.seat.meter.wakes.add(u64::from(wake.is_some()));
    }
}

impl Drop for ThreadState {
    fn drop(&mut self) {
        self.shared.dies(self.id);
    }
}
