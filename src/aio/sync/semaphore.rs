//! Semaphores: a number of permits, handed out in order.
//!
//! *Promises*: strictly first come, first served; a permit is never lost and never doubled,
//! whichever task is cancelled when; `release` hands the permit to the first waiter itself; no
//! count overflows, and a bounded semaphore never has more permits than its bound.
//! *Leaves out*: other threads. These are for the tasks of one loop, shared by `Rc`.
//!
//! [`Permits`] is the pure half, and the one account of what is free, held and promised. A lock is
//! one permit, a queue is two lots of them.
//!
//! ```text
//!         release                try_acquire
//!   ───────────────────► free ────────────────► held ──── retire ───►  (out of circulation)
//!     │                   ▲                     ▲  │
//!     │ somebody waits    │ nobody waits  claim │  │ put_back
//!     │                   ├─────────────────────┼──┤
//!     │                   │                     │  │ somebody waits
//!     └───────────────────┼────────────────► promised ◄──┐
//!                         └────────────────────────┴─────┘ give_back: to the next, if any
//! ```
//! The three together change only by `release` and `retire`.

use crate::aio::sync::waiters::{Acquire, Synchronizer, Waiters, wake};
use crate::base::id::Key;
use std::cell::RefCell;
use std::fmt;
use std::task::Waker;

/// What a waiter for a permit gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// A permit.
    Permit,
    /// There will be none any more.
    Closed,
}

/// A number of permits, and the tasks that wait for one.
///
/// While a task waits, none is free: a permit that comes back is promised to the first waiter at
/// once, before its task has run.
///
/// ```
/// use singletrack::aio::sync::waiters::Synchronizer;
/// use singletrack::aio::sync::semaphore::{Grant, Permits};
/// use std::task::Waker;
///
/// let mut permits = Permits::new(1);
/// assert_eq!(permits.try_acquire(), Some(Grant::Permit));
/// assert_eq!(permits.try_acquire(), None);
/// let waiter = permits.waiters().push(Waker::noop().clone());
/// assert!(permits.put_back().is_some()); // there is a task to wake
/// assert_eq!(permits.try_acquire(), None); // a newcomer cannot take the permit away
/// assert_eq!((permits.free(), permits.promised(), permits.held()), (0, 1, 0));
/// assert_eq!(permits.claim(waiter), Some(Grant::Permit));
/// assert_eq!((permits.free(), permits.promised(), permits.held()), (0, 0, 1));
/// ```
#[derive(Debug)]
pub struct Permits {
    free: usize,
    held: usize,
    /// Granted to waiters that have not taken them.
    promised: usize,
    closed: bool,
    waiters: Waiters<Grant>,
}

impl Permits {
    /// `free` permits and no waiters.
    pub fn new(free: usize) -> Self {
        Permits { free, held: 0, promised: 0, closed: false, waiters: Waiters::new() }
    }

    /// How many are free.
    pub fn free(&self) -> usize {
        self.free
    }

    /// How many are held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// How many belong to waiters that have not run yet.
    pub fn promised(&self) -> usize {
        self.promised
    }

    /// How many there are.
    pub fn total(&self) -> usize {
        self.free + self.held + self.promised // `release` checked that they fit
    }

    /// Brings one more permit. Returns the waker of the waiter that has it now.
    ///
    /// # Panics
    /// If there are `usize::MAX` of them; nothing has changed then.
    #[must_use]
    pub fn release(&mut self) -> Option<Waker> {
        assert!(self.total() < usize::MAX, "there are usize::MAX permits, and cannot be more");
        self.hand_on()
    }

    /// One that was held comes back. Returns the waker of the waiter that has it now.
    ///
    /// # Panics
    /// If none is held.
    #[must_use]
    pub fn put_back(&mut self) -> Option<Waker> {
        self.let_go();
        self.hand_on()
    }

    /// One that was held is gone for good. If it was the last after a [`close`](Self::close), the
    /// wakers of all that waited for it.
    ///
    /// # Panics
    /// If none is held.
    #[must_use]
    pub fn retire(&mut self) -> Vec<Waker> {
        self.let_go();
        if self.closed { self.send_away() } else { Vec::new() } // nearly always: no call
    }

    /// Those that are free are gone for good. Returns how many they were.
    pub fn retire_free(&mut self) -> usize {
        std::mem::take(&mut self.free)
    }

    /// From now on none is brought. What is free can still be acquired, and what is promised may
    /// still come back: tasks wait for that. After the last there is only [`Grant::Closed`].
    #[must_use]
    pub fn close(&mut self) -> Vec<Waker> {
        self.closed = true;
        self.send_away()
    }

    /// As [`close`](Self::close), but no task waits any more: what was promised and not taken is
    /// free again, and waiters get [`Grant::Closed`], with or without a promise.
    #[must_use]
    pub fn close_at_once(&mut self) -> Vec<Waker> {
        self.closed = true;
        self.waiters.change_grants(|grant| *grant = Grant::Closed);
        self.free += std::mem::take(&mut self.promised);
        self.waiters.grant_all(|| Grant::Closed)
    }

    fn let_go(&mut self) {
        self.held = self.held.checked_sub(1).expect("only a permit that is held is given up");
    }

    /// A permit that is nobody's: to the first waiter, or to the free ones.
    fn hand_on(&mut self) -> Option<Waker> {
        let granted = self.waiters.grant(Grant::Permit).ok();
        match granted {
            Some(_) => self.promised += 1,
            None => self.free += 1,
        }
        granted
    }

    /// Nothing can come any more: whoever waits need not.
    fn send_away(&mut self) -> Vec<Waker> {
        if self.is_exhausted() { self.waiters.grant_all(|| Grant::Closed) } else { Vec::new() }
    }

    fn is_exhausted(&self) -> bool {
        self.closed && self.free == 0 && self.promised == 0
    }
}

impl Synchronizer for Permits {
    type Grant = Grant;

    fn waiters(&mut self) -> &mut Waiters<Grant> {
        &mut self.waiters
    }

    fn try_acquire(&mut self) -> Option<Grant> {
        if self.free > 0 {
            self.free -= 1;
            self.held += 1;
            return Some(Grant::Permit);
        }
        self.is_exhausted().then_some(Grant::Closed)
    }

    fn give_back(&mut self, grant: Grant) -> Option<Waker> {
        match grant {
            Grant::Permit => {
                self.promised -= 1;
                self.hand_on()
            }
            Grant::Closed => None,
        }
    }

    fn promise(&mut self, grant: Grant) -> Key {
        if grant == Grant::Permit {
            self.held -= 1;
            self.promised += 1;
        }
        self.waiters.insert_granted(grant)
    }

    fn claim(&mut self, waiter: Key) -> Option<Grant> {
        let grant = self.waiters.take(waiter)?;
        if grant == Grant::Permit {
            self.promised -= 1;
            self.held += 1;
        }
        Some(grant)
    }
}

/// Lets a fixed number of tasks in at a time.
///
/// Waiters are served in order of arrival. A permit goes back when it is dropped. A wait that
/// is dropped leaves the queue; if it had been granted a permit already, the next waiter gets
/// that. asyncio does the same since gh-90155, with a counter and a loop; see
/// `aio/sync/waiters.rs` for why a hand-off needs neither.
///
/// ```
/// use singletrack::aio::Semaphore;
/// use singletrack::{EventLoop, create_task, yield_now};
/// use std::rc::Rc;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let two_at_a_time = Rc::new(Semaphore::new(2));
///     for _ in 0..3 {
///         let semaphore = Rc::clone(&two_at_a_time);
///         drop(create_task(async move {
///             let _permit = semaphore.acquire().await;
///             yield_now().await; // the work
///         }));
///     }
///     yield_now().await;
///     assert!(two_at_a_time.locked());
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.Semaphore")]
#[doc(alias = "tokio::sync::Semaphore")]
pub struct Semaphore {
    permits: RefCell<Permits>,
}

impl Semaphore {
    /// A semaphore with `value` permits.
    pub fn new(value: usize) -> Self {
        Semaphore { permits: RefCell::new(Permits::new(value)) }
    }

    /// How many permits are free. Zero while a task waits.
    pub fn value(&self) -> usize {
        self.permits.borrow().free()
    }

    /// True if [`acquire`](Self::acquire) would have to wait.
    #[doc(alias = "asyncio.Semaphore.locked")]
    pub fn locked(&self) -> bool {
        self.value() == 0
    }

    /// Waits for a permit.
    #[doc(alias = "asyncio.Semaphore.acquire")]
    pub async fn acquire(&self) -> Permit<'_> {
        Permit::wait(&self.permits).await
    }

    /// A permit, if one is free now.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        Permit::try_take(&self.permits)
    }

    /// Brings one permit, whether or not it was ever acquired: the counterpart of
    /// [`Permit::forget`]. Nothing limits how many there become; [`BoundedSemaphore`] does. A
    /// permit that is held comes back all the same when it is dropped.
    ///
    /// # Panics
    /// On overflow, after `usize::MAX` of them, those that are held included; nothing has
    /// changed then.
    #[doc(alias = "asyncio.Semaphore.release")]
    pub fn release(&self) {
        let next = self.permits.borrow_mut().release();
        wake(next);
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("value", &self.value()).finish_non_exhaustive()
    }
}

/// One permit; dropped, it goes to the next waiter.
#[derive(Debug)]
#[must_use = "a permit that is not kept is given back at once"]
pub struct Permit<'a> {
    permits: &'a RefCell<Permits>,
}

impl<'a> Permit<'a> {
    /// Waits for a permit of these, which are never closed.
    pub(crate) async fn wait(permits: &'a RefCell<Permits>) -> Permit<'a> {
        Acquire::of(permits).await;
        Permit { permits }
    }

    /// A permit of these, if one is free.
    pub(crate) fn try_take(permits: &'a RefCell<Permits>) -> Option<Permit<'a>> {
        permits.borrow_mut().try_acquire().map(|_| Permit { permits })
    }

    /// Keeps the permit out of circulation until a call of [`Semaphore::release`]: for permits
    /// that outlive a scope.
    pub fn forget(self) {
        let nobody = self.permits.borrow_mut().retire(); // these are never closed
        std::mem::forget(self);
        wake(nobody);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let next = self.permits.borrow_mut().put_back();
        wake(next);
    }
}

/// A semaphore that refuses to have more permits than it began with, and so finds a task that
/// releases more often than it acquired.
///
/// All permits count, the free, the held and the promised. A guard brings its own permit back, so
/// `release` is for those that were [forgotten](Permit::forget), and refuses while there are none:
/// asyncio's `ValueError` comes only when all permits are free, since a permit there is a number
/// and nobody's.
///
/// ```
/// use singletrack::aio::BoundedSemaphore;
///
/// let semaphore = BoundedSemaphore::new(2);
/// semaphore.try_acquire().unwrap().forget();
/// assert!(semaphore.release().is_ok());
/// let error = semaphore.release().unwrap_err();
/// assert_eq!(error.to_string(), "released more often than forgotten: all 2 permits are here");
/// ```
#[derive(Debug)]
#[doc(alias = "asyncio.BoundedSemaphore")]
pub struct BoundedSemaphore {
    semaphore: Semaphore,
    bound: usize,
}

/// [`BoundedSemaphore::release`] of a permit that nobody has forgotten; asyncio's `ValueError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleasedTooOften {
    /// How many permits there are.
    pub bound: usize,
}

impl fmt::Display for ReleasedTooOften {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "released more often than forgotten: all {} permits are here", self.bound)
    }
}

impl std::error::Error for ReleasedTooOften {}

impl BoundedSemaphore {
    /// A semaphore with `value` permits, now and at most.
    pub fn new(value: usize) -> Self {
        BoundedSemaphore { semaphore: Semaphore::new(value), bound: value }
    }

    /// As [`Semaphore::value`].
    pub fn value(&self) -> usize {
        self.semaphore.value()
    }

    /// As [`Semaphore::locked`].
    pub fn locked(&self) -> bool {
        self.semaphore.locked()
    }

    /// As [`Semaphore::acquire`].
    pub async fn acquire(&self) -> Permit<'_> {
        self.semaphore.acquire().await
    }

    /// As [`Semaphore::try_acquire`].
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.semaphore.try_acquire()
    }

    /// Brings back a permit that was [forgotten](Permit::forget).
    ///
    /// # Errors
    /// If all permits are here: free, promised to a waiter, or held by a guard that will bring
    /// its permit back itself.
    pub fn release(&self) -> Result<(), ReleasedTooOften> {
        if self.semaphore.permits.borrow().total() >= self.bound {
            return Err(ReleasedTooOften { bound: self.bound });
        }
        self.semaphore.release();
        Ok(())
    }
}
