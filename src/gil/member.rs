//! One thread's dealings with a scope without a lock: attach, detach, park, stop the world.
//!
//! *Assumes*: nothing; a thread joins a scope the first time it attaches to it.
//! *Promises*: one thread has one seat in a scope, so it cannot wait for itself; a thread that
//! ends has left.
//! *Leaves out*: all rules. They are the world's; here threads sleep.

use crate::base::sync::{Arc, MutexGuard, thread_local};
use crate::gil::error::AttachError;
use crate::gil::free_threading::{Desk, FreeThreading, Seat, Shared};
use crate::gil::own::{Own, Part, ending};
use crate::gil::record::What;
use crate::gil::verdict::{Reason, ThreadId, Why};
use crate::gil::world::Next;
use std::cell::Cell;
use std::rc::Rc;

thread_local! {
    /// The scopes this thread has attached to.
    static MEMBERS: Own<Member> = Own::default();
}

/// This thread, as the scope knows it.
pub(crate) struct Member {
    shared: Arc<Shared>,
    pub(crate) seat: Arc<Seat>,
    id: ThreadId,
    /// A token for this scope is out, and the thread is attached.
    pub(crate) attached: Cell<bool>,
}

impl Part for Member {
    type Of = Shared;

    fn of(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn joins(shared: &Arc<Shared>) -> Result<Member, AttachError> {
        let (id, seat) = shared.joins()?;
        Ok(Member { shared: Arc::clone(shared), seat, id, attached: Cell::new(false) })
    }

    #[inline]
    fn with_own<R>(f: impl FnOnce(&Own<Member>) -> R) -> Result<R, AttachError> {
        MEMBERS.try_with(f).map_err(ending)
    }
}

impl Member {
    /// This thread's membership of `scope`; it joins if need be.
    #[inline]
    pub(crate) fn of(scope: &FreeThreading) -> Result<Rc<Member>, AttachError> {
        Own::part_in(&scope.shared)
    }

    /// CPython's `_PyThreadState_Attach`.
    #[inline]
    pub(crate) fn attach(&self) -> Result<(), AttachError> {
        if self.seat.door.take(self.seat.pass) {
            self.seat.diary.meter.acquired_at_once.add(1);
        } else {
            self.attach_at_desk()?;
        }
        self.runs();
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn attach_at_desk(&self) -> Result<(), AttachError> {
        let desk = self.come()?;
        self.rest(desk, |desk| desk.world.attaches(self.id).unwrap_or(Next::Run))
    }

    /// CPython's `_PyThreadState_Detach`.
    #[inline]
    pub(crate) fn detach(&self) {
        self.rests(Reason::Voluntary);
        if !self.seat.door.leave(self.seat.pass) {
            self.detach_at_desk();
        }
    }

    #[cold]
    #[inline(never)]
    fn detach_at_desk(&self) {
        // In a fork that cannot come to the desk nobody waits.
        let Ok(mut desk) = self.come() else { return };
        if let Ok(outcome) = desk.world.detaches(self.id) {
            self.wake(&desk, outcome.wake);
        }
        self.shared.leave(desk, self.id);
    }

    /// A checkpoint found the door shut: parks, if the world is to stop (CPython's
    /// `_PyThreadState_Suspend`).
    #[cold]
    #[inline(never)]
    pub(crate) fn park(&self) -> Result<(), AttachError> {
        let mut desk = self.come()?;
        let Ok(outcome) = desk.world.parks(self.id) else { return Ok(()) };
        self.wake(&desk, outcome.wake);
        if outcome.next == Next::Run {
            self.shared.leave(desk, self.id);
            return Ok(());
        }
        self.rests(Reason::Request);
        self.rest(desk, |_| outcome.next)?;
        self.runs();
        Ok(())
    }

    /// CPython's `stop_the_world`.
    pub(crate) fn stop(&self) -> Result<(), AttachError> {
        let mut desk = self.come()?;
        desk.shuts_all();
        self.seat.diary.meter.told_to_sleep(Why::Asked);
        let Ok(outcome) = desk.world.stops(self.id) else { return Ok(()) };
        self.wake(&desk, outcome.wake);
        if outcome.next == Next::Run {
            return Ok(());
        }
        self.rests(Reason::Request);
        if let Err(error) = self.rest(desk, |_| outcome.next) {
            self.attach()?;
            return Err(error);
        }
        self.runs();
        Ok(())
    }

    /// CPython's `start_the_world`.
    pub(crate) fn start(&self) {
        let Ok(mut desk) = self.come() else { return };
        let wakes = desk.world.starts(self.id).unwrap_or_default();
        self.seat.diary.meter.wakes.add(wakes.len() as u64);
        desk.wake(wakes);
        if desk.world.stopper().is_none() {
            desk.opens_all();
        }
    }

    /// How many threads wait for the world to start.
    pub(crate) fn parked(&self) -> usize {
        self.shared.read(|desk| desk.world.suspended()).unwrap_or(0)
    }

    fn come(&self) -> Result<MutexGuard<'_, Desk>, AttachError> {
        self.seat.diary.meter.slow_paths.add(1);
        self.shared.come(self.id)
    }

    fn wake(&self, desk: &Desk, id: Option<ThreadId>) {
        self.seat.diary.meter.wakes.add(u64::from(id.is_some()));
        desk.wake(id);
    }

    /// Sleeps as long as it is told to.
    fn rest(
        &self,
        mut desk: MutexGuard<'_, Desk>,
        ask: impl FnOnce(&mut Desk) -> Next,
    ) -> Result<(), AttachError> {
        let began = self.shared.observer.now();
        let (mut next, mut waited) = (ask(&mut desk), None);
        if next == Next::Sleep {
            self.seat.diary.note(&self.shared.observer, began, What::Waits);
        }
        while next == Next::Sleep {
            if let Err(error) = self.shared.sleep(&mut desk, &self.seat) {
                // A fork, without the thread to wait for.
                let wakes = desk.world.gives_up(self.id);
                desk.wake(wakes);
                return Err(error);
            }
            next = desk.world.woken(self.id);
            waited = Some(self.shared.observer.now() - began);
        }
        self.seat.diary.acquired(false, waited);
        self.shared.leave(desk, self.id);
        Ok(())
    }

    #[inline]
    fn runs(&self) {
        self.attached.set(true);
        self.seat.diary.begins_hold(&self.shared.observer);
    }

    #[inline]
    fn rests(&self, reason: Reason) {
        self.attached.set(false);
        self.seat.diary.ends_hold(&self.shared.observer, reason);
        self.seat.diary.meter.dropped(reason);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.shared.dies(self.id);
    }
}
