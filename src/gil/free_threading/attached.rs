//! One thread's dealings with a scope without a lock: attach, detach, park, stop the world.
//!
//! *Assumes*: a thread joins a scope the first time it attaches to it.
//! *Promises*: one thread has one seat in a scope, so it cannot wait for itself; a thread that
//! ends has left.
//! *Leaves out*: all rules. They are the world's; here threads sleep.
//!
//! # The proof that this thread is attached to a scope without a lock, and the proof that no other
//!
//! is.
//!
//! *Promises*: while an `Attached` can be used, its thread may run; while a `Stopped` can be
//! used, no other thread of the scope runs; a panic detaches, and starts the world.
//! *Leaves out*: what threads share. Here every value needs a protection of its own.
//!
//! ```text
//!   scope.attach(|me| {              runs, beside all others; PyThreadState_Attach
//!       me.checkpoint();             parks, if another stops the world
//!       me.detach(|| read());        around what blocks; Py_BEGIN_ALLOW_THREADS
//!       me.stop_the_world(|all| …);  all others are parked, or kept out
//!   })
//! ```

use crate::base::sync::{Arc, MutexGuard, thread_local};
use crate::gil::free_threading::scope::{Desk, FreeThreading, Seat, Shared};
use crate::gil::free_threading::world::Next;
use crate::gil::lock::thread_state::{LocalState, LocalStates, thread_is_ending};
use crate::gil::rules::decision::{AttachError, DropReason, Expelled, SleepReason, ThreadId};
use crate::gil::stats::record::EventKind;
use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

thread_local! {
    /// The scopes this thread has attached to.
    static MEMBERS: LocalStates<Member> = LocalStates::default();
}

/// This thread, as the scope knows it.
pub(crate) struct Member {
    shared: Arc<Shared>,
    pub(crate) seat: Arc<Seat>,
    id: ThreadId,
    /// A token for this scope is out, and the thread is attached.
    pub(crate) attached: Cell<bool>,
}

impl LocalState for Member {
    type Shared = Shared;

    fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn join(shared: &Arc<Shared>) -> Result<Member, AttachError> {
        let (id, seat) = shared.joins()?;
        Ok(Member { shared: Arc::clone(shared), seat, id, attached: Cell::new(false) })
    }

    #[inline]
    fn with_local_states<R>(f: impl FnOnce(&LocalStates<Member>) -> R) -> Result<R, AttachError> {
        MEMBERS.try_with(f).map_err(thread_is_ending)
    }
}

impl Member {
    /// This thread's membership of `scope`; it joins if need be.
    #[inline]
    pub(crate) fn of(scope: &FreeThreading) -> Result<Rc<Member>, AttachError> {
        LocalStates::state_for(&scope.shared)
    }

    /// CPython's `_PyThreadState_Attach`.
    #[inline]
    pub(crate) fn attach(&self) -> Result<(), AttachError> {
        if self.seat.door.try_take(self.seat.pass) {
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
        self.rests(DropReason::Voluntary);
        if !self.seat.door.try_drop(self.seat.pass) {
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
        self.rests(DropReason::Request);
        self.rest(desk, |_| outcome.next)?;
        self.runs();
        Ok(())
    }

    /// CPython's `stop_the_world`.
    pub(crate) fn stop(&self) -> Result<(), AttachError> {
        let mut desk = self.come()?;
        desk.shuts_all();
        self.seat.diary.meter.count_sleep_reason(SleepReason::Asked);
        let Ok(outcome) = desk.world.stops(self.id) else { return Ok(()) };
        self.wake(&desk, outcome.wake);
        if outcome.next == Next::Run {
            return Ok(());
        }
        self.rests(DropReason::Request);
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
            self.seat.diary.note(&self.shared.observer, began, EventKind::Waits);
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
    fn rests(&self, reason: DropReason) {
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

/// Proof that this thread is attached to a [`FreeThreading`] scope. Unlike a
/// [`Gil`](crate::gil::lock::token::Gil) it says nothing about other threads, so it opens no cell.
///
/// What makes no sense does not compile: to stop the world, or to pass a checkpoint, from within
/// a detach; to detach or to stop it again from within a stop; to give the token away.
/// ```compile_fail,E0499
/// # use singletrack::gil::FreeThreading;
/// FreeThreading::new().attach(|me| me.detach(|| me.stop_the_world(|_| ())));
/// ```
/// ```compile_fail,E0499
/// # use singletrack::gil::FreeThreading;
/// FreeThreading::new().attach(|me| me.stop_the_world(|_| me.detach(|| ())));
/// ```
/// ```compile_fail,E0277
/// # use singletrack::gil::FreeThreading;
/// FreeThreading::new()
///     .attach(|me| std::thread::scope(|s| { s.spawn(move || me.checkpoint()); }));
/// ```
/// And this is how it is meant:
/// ```
/// use singletrack::gil::FreeThreading;
///
/// let scope = FreeThreading::new();
/// let parked = scope.attach(|me| {
///     me.checkpoint();
///     me.detach(|| std::thread::yield_now());
///     me.stop_the_world(|all| all.parked())
/// });
/// assert_eq!(parked, Ok(Ok(0)), "this thread is the only one");
/// ```
#[doc(alias = "PyThreadState")]
pub struct Attached<'s> {
    /// A thread's own, so the token is neither `Send` nor `Sync`.
    member: &'s Member,
}

/// Proof that all other threads of a scope are parked, or kept out. What CPython asserts with
/// `_Py_ASSERT_WORLD_STOPPED`, a function can ask for by type:
///
/// ```
/// use singletrack::gil::Stopped;
/// use singletrack::gil::FreeThreading;
///
/// fn collect_garbage(_all_others_stand_still: &Stopped<'_>) {}
///
/// FreeThreading::new().attach(|me| me.stop_the_world(|all| collect_garbage(all)))??;
/// # Ok::<(), singletrack::gil::AttachError>(())
/// ```
/// It does not outlive the stop, and stays on its thread:
/// ```compile_fail
/// # use singletrack::gil::FreeThreading;
/// FreeThreading::new().attach(|me| me.stop_the_world(|all| all).unwrap().parked());
/// ```
/// ```compile_fail,E0277
/// # use singletrack::gil::FreeThreading;
/// FreeThreading::new().attach(|me| {
///     me.stop_the_world(|all| std::thread::scope(|s| { s.spawn(move || all.parked()); }))
/// });
/// ```
#[derive(Debug)]
pub struct Stopped<'s> {
    parked: usize,
    here: PhantomData<&'s Member>,
}

impl FreeThreading {
    /// Runs `f`, beside all other threads that are attached. Any thread may call this; it need
    /// not be registered first. If the world is stopped, waits until it starts.
    ///
    /// If `f` panics the thread is detached and the panic goes on.
    ///
    /// # Errors
    /// [`Nested`](AttachError::Nested) if this thread is attached already;
    /// [`Forked`](AttachError::Forked) in the child of a fork, if a thread that was not copied
    /// has stopped the world, or was about to.
    #[inline]
    pub fn attach<R>(&self, f: impl FnOnce(&mut Attached<'_>) -> R) -> Result<R, AttachError> {
        let member = Member::of(self)?;
        if member.attached.get() {
            return Err(AttachError::Nested);
        }
        member.attach()?;
        let mut attached = Attached { member: &member };
        let outcome = catch_unwind(AssertUnwindSafe(|| f(&mut attached)));
        drop(attached);
        LocalStates::put_back(member);
        Expelled::caught(outcome)
    }
}

impl Attached<'_> {
    /// A place where this thread can be made to stand still. Costs one read.
    #[doc(alias = "eval_breaker")]
    #[inline]
    pub fn checkpoint(&mut self) {
        if self.member.seat.door.is_closed()
            && let Err(error) = self.member.park()
        {
            Expelled::unwind(error);
        }
    }

    /// Runs `f` detached: the world can be stopped without waiting for it. For whatever blocks.
    ///
    /// Comes back when the world is not stopped; also if `f` panics.
    #[doc(alias = "Py_BEGIN_ALLOW_THREADS")]
    #[inline]
    pub fn detach<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.member.detach();
        let back = Back(self.member);
        let result = f();
        drop(back);
        result
    }

    /// Waits until every other thread is detached or at a checkpoint, runs `f`, and lets them go
    /// on. If another thread stops the world, this one parks until it is its turn.
    ///
    /// If `f` panics the world starts, and the panic goes on.
    ///
    /// # Errors
    /// [`Forked`](AttachError::Forked) in the child of a fork, if a thread that was not copied
    /// is attached: it would never park. `f` was not run.
    #[doc(alias = "_PyEval_StopTheWorld")]
    pub fn stop_the_world<R>(
        &mut self,
        f: impl FnOnce(&Stopped<'_>) -> R,
    ) -> Result<R, AttachError> {
        self.member.stop()?;
        let _start = Start(self.member);
        let parked = self.member.parked();
        Ok(f(&Stopped { parked, here: PhantomData }))
    }
}

impl Stopped<'_> {
    /// How many threads had to stand still. Others may be detached, and not care.
    pub fn parked(&self) -> usize {
        self.parked
    }
}

impl Drop for Attached<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.member.attached.get() {
            self.member.detach();
        }
    }
}

struct Back<'a>(&'a Member);

impl Drop for Back<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Err(error) = self.0.attach() {
            Expelled::unwind(error);
        }
    }
}

struct Start<'a>(&'a Member);

impl Drop for Start<'_> {
    fn drop(&mut self) {
        self.0.start();
    }
}
