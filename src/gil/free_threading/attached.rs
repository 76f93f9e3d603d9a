//! A thread in a scope of free threading: attach, detach, park, stop the world.
//!
//! *Assumes*: a thread joins a scope the first time it attaches to it.
//! *Promises*: while an [`Attached`] can be used, its thread may run; while a [`Stopped`] can be
//! used, no other thread of the scope runs; a panic detaches, and starts the world. One thread
//! has one state in a scope, so it cannot wait for itself; a thread that ends has left.
//! *Leaves out*: the rules (`gil/free_threading/stop_the_world.rs`), and what threads share: here
//! every value needs a protection of its own.
//!
//! ```text
//!   scope.attach(|me| {              runs, beside all others; PyThreadState_Attach
//!       me.checkpoint();             parks, if another stops the world
//!       me.detach(|| read());        around what blocks; Py_BEGIN_ALLOW_THREADS
//!       me.stop_the_world(|all| …);  all others are parked, or kept out
//!   })
//! ```

use crate::base::sync::{Arc, MutexGuard, thread_local};
use crate::gil::free_threading::scope::{FreeThreading, ScopeGuarded, ScopeShared, ScopeThread};
use crate::gil::free_threading::stop_the_world::RunOrSleep;
use crate::gil::lock::thread_state::{LocalState, LocalStates, thread_is_ending};
use crate::gil::rules::decision::{
    AttachError, DropReason, Expelled, SleepReason, Source, ThreadId,
};
use crate::gil::stats::record::EventKind;
use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// Proof that this thread is attached to a [`FreeThreading`] scope. Unlike a
/// [`Gil`](crate::gil::lock::token::Gil) it says nothing about other threads, so it opens no cell.
///
/// Misuse does not compile: to stop the world, or to pass a checkpoint, from within a detach; to
/// detach or to stop it again from within a stop; to give the token away.
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
/// This is how it is meant:
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
    /// It belongs to one thread, so the token is neither `Send` nor `Sync`.
    state: &'s ScopeThreadState,
}

/// Proof that all other threads of a scope are parked, or kept out. CPython asserts it with
/// `_Py_ASSERT_WORLD_STOPPED`; here a function can require it by type:
///
/// ```
/// use singletrack::gil::Stopped;
/// use singletrack::gil::FreeThreading;
///
/// fn collect_garbage(_all_others_are_parked: &Stopped<'_>) {}
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
    here: PhantomData<&'s ScopeThreadState>,
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
        let state = ScopeThreadState::of(self)?;
        if state.attached.get() {
            return Err(AttachError::Nested);
        }
        state.attach()?;
        let mut attached = Attached { state: &state };
        let outcome = catch_unwind(AssertUnwindSafe(|| f(&mut attached)));
        drop(attached);
        let source = Source::of(&*state.shared);
        LocalStates::put_back(state);
        Expelled::caught(source, outcome)
    }
}

impl Attached<'_> {
    /// A place where this thread parks if another stops the world. Costs one read.
    #[doc(alias = "eval_breaker")]
    #[inline]
    pub fn checkpoint(&mut self) {
        if self.state.thread.state_word.is_closed()
            && let Err(error) = self.state.park()
        {
            Expelled::unwind(Source::of(&*self.state.shared), error);
        }
    }

    /// Runs `f` detached: the world can be stopped without waiting for it. For all that blocks.
    ///
    /// Returns when the world is not stopped; also if `f` panics.
    #[doc(alias = "Py_BEGIN_ALLOW_THREADS")]
    #[inline]
    pub fn detach<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.state.detach();
        let reattach = Reattach(self.state);
        let result = f();
        drop(reattach);
        result
    }

    /// Waits until every other thread is detached or parked at a checkpoint, runs `f`, and lets
    /// them go on. If another thread stops the world, this one parks and queues.
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
        self.state.stop()?;
        let _restart = StartTheWorld(self.state);
        let parked = self.state.parked();
        Ok(f(&Stopped { parked, here: PhantomData }))
    }
}

impl Stopped<'_> {
    /// How many threads are parked. Others may be detached.
    pub fn parked(&self) -> usize {
        self.parked
    }
}

impl Drop for Attached<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.state.attached.get() {
            self.state.detach();
        }
    }
}

/// Attaches again, also if the detached code panics.
struct Reattach<'a>(&'a ScopeThreadState);

impl Drop for Reattach<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Err(error) = self.0.attach() {
            Expelled::unwind(Source::of(&*self.0.shared), error);
        }
    }
}

/// Starts the world, also if the code that stopped it panics.
struct StartTheWorld<'a>(&'a ScopeThreadState);

impl Drop for StartTheWorld<'_> {
    fn drop(&mut self) {
        self.0.start();
    }
}

thread_local! {
    /// The scopes this thread has attached to.
    static STATES: LocalStates<ScopeThreadState> = LocalStates::default();
}

/// This thread's own state in a scope, as CPython's `PyThreadState`.
struct ScopeThreadState {
    shared: Arc<ScopeShared>,
    thread: Arc<ScopeThread>,
    id: ThreadId,
    /// A token for this scope exists, and the thread is attached.
    attached: Cell<bool>,
}

impl LocalState for ScopeThreadState {
    type Shared = ScopeShared;

    fn shared(&self) -> &Arc<ScopeShared> {
        &self.shared
    }

    fn join(shared: &Arc<ScopeShared>) -> Result<ScopeThreadState, AttachError> {
        let own = Arc::clone(shared);
        let (id, thread) = shared.join()?;
        Ok(ScopeThreadState { shared: own, thread, id, attached: Cell::new(false) })
    }

    fn is_left(shared: &Arc<ScopeShared>) -> bool {
        // Read under the mutex: who joins has cloned it before, and who leaves drops it afterwards.
        shared.with_members(|members| Arc::strong_count(shared) <= members).unwrap_or(false)
    }

    #[inline]
    fn with_local_states<R>(
        f: impl FnOnce(&LocalStates<ScopeThreadState>) -> R,
    ) -> Result<R, AttachError> {
        STATES.try_with(f).map_err(thread_is_ending)
    }
}

impl ScopeThreadState {
    /// This thread's state in `scope`; it joins if it has none.
    #[inline]
    fn of(scope: &FreeThreading) -> Result<Rc<ScopeThreadState>, AttachError> {
        LocalStates::state_for(&scope.shared)
    }

    /// CPython's `_PyThreadState_Attach`.
    #[inline]
    fn attach(&self) -> Result<(), AttachError> {
        if self.thread.state_word.try_take(self.thread.owner_bits) {
            self.thread.stats.meter.acquired_at_once();
        } else {
            self.attach_slow()?;
        }
        self.begin_attached();
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn attach_slow(&self) -> Result<(), AttachError> {
        let guarded = self.lock()?;
        self.wait(guarded, |guarded| guarded.world.attach(self.id).unwrap_or(RunOrSleep::Run))
    }

    /// CPython's `_PyThreadState_Detach`.
    #[inline]
    fn detach(&self) {
        self.end_attached(DropReason::Voluntary);
        if !self.thread.state_word.try_drop(self.thread.owner_bits) {
            self.detach_slow();
        }
    }

    #[cold]
    #[inline(never)]
    fn detach_slow(&self) {
        // In a fork that cannot take the mutex no thread waits.
        let Ok(mut guarded) = self.lock() else { return };
        if let Ok(response) = guarded.world.detach(self.id) {
            self.wake(&guarded, response.wake);
        }
        self.shared.unlock(guarded, self.id);
    }

    /// A checkpoint found the word closed: parks, if the world is to stop (CPython's
    /// `_PyThreadState_Suspend`).
    #[cold]
    #[inline(never)]
    fn park(&self) -> Result<(), AttachError> {
        let mut guarded = self.lock()?;
        let Ok(response) = guarded.world.park(self.id) else { return Ok(()) };
        self.wake(&guarded, response.wake);
        if response.next == RunOrSleep::Run {
            self.shared.unlock(guarded, self.id);
            return Ok(());
        }
        self.end_attached(DropReason::Request);
        self.wait(guarded, |_| response.next)?;
        self.begin_attached();
        Ok(())
    }

    /// CPython's `stop_the_world`.
    fn stop(&self) -> Result<(), AttachError> {
        let mut guarded = self.lock()?;
        guarded.close_all();
        self.thread.stats.meter.count_sleep_reason(SleepReason::Asked);
        let Ok(response) = guarded.world.stop(self.id) else { return Ok(()) };
        self.wake(&guarded, response.wake);
        if response.next == RunOrSleep::Run {
            return Ok(());
        }
        self.end_attached(DropReason::Request);
        if let Err(error) = self.wait(guarded, |_| response.next) {
            self.attach()?;
            return Err(error);
        }
        self.begin_attached();
        Ok(())
    }

    /// CPython's `start_the_world`.
    fn start(&self) {
        let Ok(mut guarded) = self.lock() else { return };
        let wakes = guarded.world.start(self.id).unwrap_or_default();
        self.thread.stats.meter.wakes.add(wakes.len() as u64);
        guarded.wake(wakes);
        if guarded.world.stopper().is_none() {
            guarded.open_all();
        }
    }

    /// How many threads are parked.
    fn parked(&self) -> usize {
        self.shared.with_guarded(|guarded| guarded.world.suspended()).unwrap_or(0)
    }

    /// Takes the mutex around the rules.
    fn lock(&self) -> Result<MutexGuard<'_, ScopeGuarded>, AttachError> {
        self.thread.stats.meter.slow_paths.add(1);
        self.shared.lock_as(self.id)
    }

    fn wake(&self, guarded: &ScopeGuarded, id: Option<ThreadId>) {
        self.thread.stats.meter.wakes.add(u64::from(id.is_some()));
        guarded.wake(id);
    }

    /// Sleeps until the rules let the thread run.
    fn wait(
        &self,
        mut guarded: MutexGuard<'_, ScopeGuarded>,
        decide: impl FnOnce(&mut ScopeGuarded) -> RunOrSleep,
    ) -> Result<(), AttachError> {
        let began = self.shared.observer.now();
        let (mut next, mut waited) = (decide(&mut guarded), None);
        if next == RunOrSleep::Sleep {
            self.thread.stats.note(&self.shared.observer, began, EventKind::Waits);
        }
        while next == RunOrSleep::Sleep {
            if let Err(error) = self.shared.sleep(&mut guarded, &self.thread) {
                // A fork: the thread to wait for was not copied.
                let wakes = guarded.world.give_up(self.id);
                guarded.wake(wakes);
                return Err(error);
            }
            next = guarded.world.after_wake(self.id);
            waited = Some(self.shared.observer.now() - began);
        }
        self.thread.stats.acquired(false, waited);
        self.shared.unlock(guarded, self.id);
        Ok(())
    }

    /// Notes that the thread is attached from now on.
    #[inline]
    fn begin_attached(&self) {
        self.attached.set(true);
        self.thread.stats.begins_hold(&self.shared.observer);
    }

    /// Notes that the thread is attached no more.
    #[inline]
    fn end_attached(&self, reason: DropReason) {
        self.attached.set(false);
        self.thread.stats.ends_hold(&self.shared.observer, reason);
        self.thread.stats.meter.dropped(reason);
    }
}

impl Drop for ScopeThreadState {
    fn drop(&mut self) {
        self.shared.remove(self.id);
    }
}
