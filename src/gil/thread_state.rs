//! One thread's dealings with one lock: take it, drop it, yield it.
//!
//! *Assumes*: nothing; a thread joins a lock the first time it attaches to it.
//! *Promises*: one thread has one state per lock, so it cannot wait for itself; a thread that
//! ends has left the lock.
//! *Leaves out*: all rules. `take_gil` and `drop_gil` are in the machine; here they sleep.

use crate::base::sync::{Arc, MutexGuard, atomic::AtomicBool, thread_local};
use crate::gil::diary::Diary;
use crate::gil::door::Pass;
use crate::gil::error::AttachError;
use crate::gil::lock::{Desk, GlobalLock, Shared};
use crate::gil::own::{Own, Part, ending};
use crate::gil::record::What;
use crate::gil::seat::Seat;
use crate::gil::verdict::{Nanos, Parting, Reason, ThreadId, Turn, nanos};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

thread_local! {
    /// The locks this thread has attached to.
    static STATES: Own<ThreadState> = Own::default();
}

/// What CPython calls `PyThreadState`: this thread, as the lock knows it.
pub(crate) struct ThreadState {
    pub(crate) shared: Arc<Shared>,
    pub(crate) seat: Arc<Seat>,
    pub(crate) diary: Arc<Diary>,
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
    fn end_hold(&self, reason: Reason) {
        self.attached.set(false);
        self.diary.ends_hold(&self.shared.observer, reason);
    }

    fn note(&self, at: Nanos, what: What) {
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
            let (until, why) = match verdict.turn {
                Turn::Run { switched } => {
                    self.diary.acquired(switched, waited);
                    self.leave(desk, verdict.wake);
                    return Ok(());
                }
                Turn::Refused(refusal) => break refusal.into(),
                Turn::Sleep { until, why } => (until, why),
            };
            match (waited, limit) {
                (None, _) => self.note(began, What::Waits),
                (Some(time), Some(limit)) if began + time >= end => {
                    break AttachError::TimedOut(limit);
                }
                _ => {}
            }
            if let Some(what) = What::sleep_for(why) {
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
            self.note(self.shared.now(), What::GivesUp);
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
    pub(crate) fn drop_lock(&self, reason: Reason) {
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
    fn drop_at_desk(&self, reason: Reason) {
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
        self.end_hold(Reason::Request);
        self.diary.meter.dropped(Reason::Request);
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
        self.diary.meter.wakes.add(u64::from(wake.is_some()));
    }
}

impl Drop for ThreadState {
    fn drop(&mut self) {
        self.shared.dies(self.id);
    }
}
