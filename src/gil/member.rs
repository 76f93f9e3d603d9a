//! One thread's dealings with a scope without a lock: attach, detach, park, stop the world.
//!
//! *Assumes*: nothing; a thread joins a scope the first time it attaches to it.
//! *Promises*: one thread has one place in a scope, so it cannot wait for itself; a thread that
//! ends has left.
//! *Leaves out*: all rules. They are the world's; here threads sleep.

use crate::base::sync::{Arc, MutexGuard, thread_local};
use crate::gil::error::AttachError;
use crate::gil::free_threading::{Common, FreeThreading, Place, Table};
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
    shared: Arc<Common>,
    pub(crate) place: Arc<Place>,
    id: ThreadId,
    /// A token for this scope is out, and the thread is attached.
    pub(crate) attached: Cell<bool>,
}

impl Part for Member {
    type Of = Common;

    fn of(&self) -> &Arc<Common> {
        &self.shared
    }
}

impl Member {
    /// This thread's place in `scope`; it joins if need be.
    #[inline]
    pub(crate) fn of(scope: &FreeThreading) -> Result<Rc<Member>, AttachError> {
        match MEMBERS.try_with(|members| members.take_latest(&scope.shared)) {
            Ok(Some(member)) => Ok(member),
            _ => Member::search(scope),
        }
    }

    /// Keeps it at hand for the next time.
    #[inline]
    pub(crate) fn put_back(self: Rc<Member>) {
        // A thread that ends has no use for it.
        let _ = MEMBERS.try_with(|members| members.put_back(self));
    }

    #[cold]
    fn search(scope: &FreeThreading) -> Result<Rc<Member>, AttachError> {
        let known = MEMBERS.try_with(|members| members.find(&scope.shared)).map_err(ending)?;
        if let Some(member) = known {
            return Ok(member);
        }
        let (id, place) = scope.shared.joins()?;
        let shared = Arc::clone(&scope.shared);
        let member = Rc::new(Member { shared, place, id, attached: Cell::new(false) });
        let forgotten = MEMBERS.try_with(|members| members.keep(&member)).map_err(ending)?;
        drop(forgotten); // outside the borrow
        Ok(member)
    }

    /// CPython's `_PyThreadState_Attach`.
    #[inline]
    pub(crate) fn attach(&self) -> Result<(), AttachError> {
        if self.place.door.take(self.place.pass) {
            self.place.diary.meter.acquired_at_once.add(1);
        } else {
            self.attach_at_table()?;
        }
        self.runs();
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn attach_at_table(&self) -> Result<(), AttachError> {
        let table = self.come()?;
        self.rest(table, |table| table.world.attaches(self.id).unwrap_or(Next::Run))
    }

    /// CPython's `_PyThreadState_Detach`.
    #[inline]
    pub(crate) fn detach(&self) {
        self.rests(Reason::Voluntary);
        if !self.place.door.leave(self.place.pass) {
            self.detach_at_table();
        }
    }

    #[cold]
    #[inline(never)]
    fn detach_at_table(&self) {
        // In a fork that cannot come to the table nobody waits.
        let Ok(mut table) = self.come() else { return };
        if let Ok(outcome) = table.world.detaches(self.id) {
            self.wake(&table, outcome.wake);
        }
        self.shared.leave(table, self.id);
    }

    /// A checkpoint found the door shut: parks, if the world is to stop (CPython's
    /// `_PyThreadState_Suspend`).
    #[cold]
    #[inline(never)]
    pub(crate) fn park(&self) -> Result<(), AttachError> {
        let mut table = self.come()?;
        let Ok(outcome) = table.world.parks(self.id) else { return Ok(()) };
        self.wake(&table, outcome.wake);
        if outcome.next == Next::Run {
            self.shared.leave(table, self.id);
            return Ok(());
        }
        self.rests(Reason::Request);
        self.rest(table, |_| outcome.next)?;
        self.runs();
        Ok(())
    }

    /// CPython's `stop_the_world`.
    pub(crate) fn stop(&self) -> Result<(), AttachError> {
        let mut table = self.come()?;
        table.shuts_all();
        self.place.diary.meter.told_to_sleep(Why::Asked);
        let Ok(outcome) = table.world.stops(self.id) else { return Ok(()) };
        self.wake(&table, outcome.wake);
        if outcome.next == Next::Run {
            return Ok(());
        }
        self.rests(Reason::Request);
        if let Err(error) = self.rest(table, |_| outcome.next) {
            self.attach()?;
            return Err(error);
        }
        self.runs();
        Ok(())
    }

    /// CPython's `start_the_world`.
    pub(crate) fn start(&self) {
        let Ok(mut table) = self.come() else { return };
        let wakes = table.world.starts(self.id).unwrap_or_default();
        self.place.diary.meter.wakes.add(wakes.len() as u64);
        table.wake(wakes);
        if table.world.stopper().is_none() {
            table.opens_all();
        }
    }

    /// How many threads wait for the world to start.
    pub(crate) fn parked(&self) -> usize {
        self.shared.read(|table| table.world.suspended()).unwrap_or(0)
    }

    fn come(&self) -> Result<MutexGuard<'_, Table>, AttachError> {
        self.place.diary.meter.slow_paths.add(1);
        self.shared.come(self.id)
    }

    fn wake(&self, table: &Table, id: Option<ThreadId>) {
        self.place.diary.meter.wakes.add(u64::from(id.is_some()));
        table.wake(id);
    }

    /// Sleeps as long as it is told to.
    fn rest(
        &self,
        mut table: MutexGuard<'_, Table>,
        ask: impl FnOnce(&mut Table) -> Next,
    ) -> Result<(), AttachError> {
        let began = self.shared.observer.now();
        let (mut next, mut waited) = (ask(&mut table), None);
        if next == Next::Sleep {
            self.place.diary.note(&self.shared.observer, began, What::Waits);
        }
        while next == Next::Sleep {
            if let Err(error) = self.shared.sleep(&mut table, &self.place) {
                // A fork, without the thread to wait for.
                let wakes = table.world.gives_up(self.id);
                table.wake(wakes);
                return Err(error);
            }
            next = table.world.woken(self.id);
            waited = Some(self.shared.observer.now() - began);
        }
        self.place.diary.acquired(false, waited);
        self.shared.leave(table, self.id);
        Ok(())
    }

    #[inline]
    fn runs(&self) {
        self.attached.set(true);
        self.place.diary.begins_hold(&self.shared.observer);
    }

    #[inline]
    fn rests(&self, reason: Reason) {
        self.attached.set(false);
        self.place.diary.ends_hold(&self.shared.observer, reason);
        self.place.diary.meter.dropped(reason);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.shared.dies(self.id);
    }
}
