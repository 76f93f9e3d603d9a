//! The proof that this thread is attached to a scope without a lock, and the proof that no other
//! is.
//!
//! *Assumes*: nothing.
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

use crate::gil::error::{AttachError, Expelled};
use crate::gil::free_threading::FreeThreading;
use crate::gil::member::Member;
use crate::gil::own::Own;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Proof that this thread is attached to a [`FreeThreading`] scope. Unlike a
/// [`Gil`](crate::gil::token::Gil) it says nothing about other threads, so it opens no cell.
///
/// What makes no sense does not compile: to stop the world, or to pass a checkpoint, from within
/// a detach; to detach or to stop it again from within a stop; to give the token away.
/// ```compile_fail,E0499
/// # use singletrack::gil::free_threading::FreeThreading;
/// FreeThreading::new().attach(|me| me.detach(|| me.stop_the_world(|_| ())));
/// ```
/// ```compile_fail,E0499
/// # use singletrack::gil::free_threading::FreeThreading;
/// FreeThreading::new().attach(|me| me.stop_the_world(|_| me.detach(|| ())));
/// ```
/// ```compile_fail,E0277
/// # use singletrack::gil::free_threading::FreeThreading;
/// FreeThreading::new()
///     .attach(|me| std::thread::scope(|s| { s.spawn(move || me.checkpoint()); }));
/// ```
/// And this is how it is meant:
/// ```
/// use singletrack::gil::free_threading::FreeThreading;
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
/// use singletrack::gil::attached::Stopped;
/// use singletrack::gil::free_threading::FreeThreading;
///
/// fn collect_garbage(_all_others_stand_still: &Stopped<'_>) {}
///
/// FreeThreading::new().attach(|me| me.stop_the_world(|all| collect_garbage(all)))??;
/// # Ok::<(), singletrack::gil::error::AttachError>(())
/// ```
/// It does not outlive the stop, and stays on its thread:
/// ```compile_fail
/// # use singletrack::gil::free_threading::FreeThreading;
/// FreeThreading::new().attach(|me| me.stop_the_world(|all| all).unwrap().parked());
/// ```
/// ```compile_fail,E0277
/// # use singletrack::gil::free_threading::FreeThreading;
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
        Own::put_back(member);
        Expelled::caught(outcome)
    }
}

impl Attached<'_> {
    /// A place where this thread can be made to stand still. Costs one read.
    #[doc(alias = "eval_breaker")]
    #[inline]
    pub fn checkpoint(&mut self) {
        if self.member.seat.door.is_shut()
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
