//! A lock between the tasks of one loop, around the value it protects.
//!
//! *Assumes*: permits (`aio/semaphore.rs`); a lock is one of them.
//! *Promises*: at most one guard at a time; waiters are served in order of arrival; a guard
//! may be kept across an `await`, which is what such a lock is for.
//! *Leaves out*: other threads. Between two awaits nothing else runs, so a `RefCell` often
//! does.

use crate::aio::semaphore::{Permit, Permits};
use std::cell::{RefCell, RefMut};
use std::fmt;
use std::ops::{Deref, DerefMut};

/// Lets one task at a time at a value.
///
/// asyncio's lock protects nothing in particular; use `Lock<()>` for that. Here, as in all of
/// Rust, the lock owns what it protects. Dropping the guard releases it and hands the lock to
/// the first waiter; a newcomer cannot slip in between. A wait that is dropped leaves the
/// line, and passes the lock on if it had been handed it.
///
/// ```
/// use singletrack::aio::lock::Lock;
/// use singletrack::{EventLoop, create_task, yield_now};
/// use std::rc::Rc;
///
/// let event_loop = EventLoop::new()?;
/// let sum = event_loop.run_until_complete(async {
///     let sum = Rc::new(Lock::new(0));
///     let tasks = [1, 2, 3].map(|n| {
///         let sum = Rc::clone(&sum);
///         create_task(async move {
///             let mut sum = sum.acquire().await;
///             let before = *sum;
///             yield_now().await; // others run, but none of them gets the lock
///             *sum = before + n;
///         })
///     });
///     for task in tasks {
///         task.await.unwrap();
///     }
///     *sum.acquire().await
/// });
/// assert_eq!(sum, 6);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.Lock")]
#[doc(alias = "tokio::sync::Mutex")]
pub struct Lock<T = ()> {
    permits: RefCell<Permits>,
    value: RefCell<T>,
}

impl<T> Lock<T> {
    /// An open lock.
    pub fn new(value: T) -> Self {
        Lock { permits: RefCell::new(Permits::new(1)), value: RefCell::new(value) }
    }

    /// True while a guard is alive or on its way to a waiter.
    #[doc(alias = "asyncio.Lock.locked")]
    pub fn locked(&self) -> bool {
        self.permits.borrow().free() == 0
    }

    /// Waits for the lock. A task that holds it already waits for ever: it is not reentrant,
    /// as asyncio's is not.
    #[doc(alias = "asyncio.Lock.acquire")]
    pub async fn acquire(&self) -> LockGuard<'_, T> {
        let permit = Permit::wait(&self.permits).await;
        LockGuard { value: self.value.borrow_mut(), _permit: permit, lock: self }
    }

    /// The lock, if it is free now.
    pub fn try_acquire(&self) -> Option<LockGuard<'_, T>> {
        let permit = Permit::try_take(&self.permits)?;
        Some(LockGuard { value: self.value.borrow_mut(), _permit: permit, lock: self })
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Lock::new(T::default())
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("locked", &self.locked()).finish_non_exhaustive()
    }
}

/// The lock is held; dropped, it goes to the first waiter.
#[must_use = "a guard that is not kept releases the lock at once"]
pub struct LockGuard<'a, T> {
    // Fields drop in order: the value is free again before the next holder is woken.
    value: RefMut<'a, T>,
    _permit: Permit<'a>,
    lock: &'a Lock<T>,
}

impl<'a, T> LockGuard<'a, T> {
    /// The lock that this guard holds.
    pub fn lock(&self) -> &'a Lock<T> {
        self.lock
    }
}

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
