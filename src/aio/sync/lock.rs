//! A lock around a value, and a condition: waiting for a change to that value.
//!
//! *Promises*: at most one guard at a time; waiters are served in order of arrival; a guard
//! may be kept across an `await`, which is what such a lock is for. `notify(n)` wakes the `n`
//! tasks that have waited longest; a notification whose receiver is dropped before it has the
//! lock again goes to the next.
//! *Leaves out*: other threads. Between two awaits nothing else runs, so a `RefCell` often does.
//! And the predicate's truth: between a notification and the lock others may run, so
//! `wait_for` checks again.
//!
//! A lock is one permit of `aio/sync/semaphore.rs`. A condition:
//!
//! ```text
//!   holds the lock ── wait: unlock, queue for a notification ──► notified ──► queues for the lock
//!         ▲                                                         │ dropped here: it goes to
//!         │                                                         │ the next waiter
//!         └─────────────────────────────────────────────────────────┴──────── holds it again
//! ```

use crate::aio::sync::semaphore::{Permit, Permits};
use crate::aio::sync::waiters::{Acquire, Synchronizer, Waiters, wake};
use std::cell::{RefCell, RefMut};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::task::Waker;

/// Gives one task at a time access to a value.
///
/// asyncio's lock protects nothing in particular; use `Lock<()>` for that. Here, as in all of
/// Rust, the lock owns what it protects. Dropping the guard releases it and hands the lock to
/// the first waiter; a newcomer cannot slip in between. A wait that is dropped leaves the
/// queue; if the lock had been handed to it, the lock goes to the next waiter.
///
/// ```
/// use singletrack::aio::Lock;
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

/// The pure half of a condition: every task waits for a notification, and none is kept for later.
#[derive(Debug, Default)]
struct Notifications {
    waiters: Waiters<()>,
}

impl Synchronizer for Notifications {
    type Grant = ();

    fn waiters(&mut self) -> &mut Waiters<()> {
        &mut self.waiters
    }

    fn try_acquire(&mut self) -> Option<()> {
        None
    }

    fn give_back(&mut self, (): ()) -> Option<Waker> {
        self.waiters.grant(()).ok()
    }
}

/// Lets tasks that hold a [`Lock`] wait for each other's changes.
///
/// asyncio's condition owns its lock; here, as with std's `Condvar`, the guard says which lock
/// it is. asyncio's `notify` insists on the lock being held, because a thread could change
/// the state in between; on one thread there is no in between, so ours asks for nothing.
///
/// *Cancellation.* asyncio's `wait`, cancelled, takes the lock again before it raises. A
/// dropped future cannot wait for anything: `wait` was given the guard, and with the future
/// the guard is gone and the lock free. A notification that it had received goes to the next.
///
/// ```
/// use singletrack::aio::{Condition, Lock};
/// use singletrack::{EventLoop, create_task};
/// use std::rc::Rc;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let shared = Rc::new((Lock::new(0), Condition::new()));
///     let other = Rc::clone(&shared);
///     let waiter = create_task(async move {
///         let (lock, changed) = &*other;
///         let guard = changed.wait_for(lock.acquire().await, |n| *n >= 3).await;
///         *guard
///     });
///     let (lock, changed) = &*shared;
///     for _ in 0..3 {
///         *lock.acquire().await += 1;
///         changed.notify(1);
///         singletrack::yield_now().await;
///     }
///     assert_eq!(waiter.await.unwrap(), 3);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Default)]
#[doc(alias = "asyncio.Condition")]
#[doc(alias = "Condvar")]
pub struct Condition {
    notifications: RefCell<Notifications>,
}

impl Condition {
    /// A condition without waiters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the lock up, waits for a notification, and takes the lock again.
    #[doc(alias = "asyncio.Condition.wait")]
    pub async fn wait<'a, T>(&self, guard: LockGuard<'a, T>) -> LockGuard<'a, T> {
        let lock = guard.lock();
        // Until the next line has polled, no other task runs: no notification can be missed.
        drop(guard);
        Acquire::of(&self.notifications).await;
        // Notified, but without the lock yet: if we are dropped now, the next waiter gets it.
        let notice = Notification(self);
        let guard = lock.acquire().await;
        std::mem::forget(notice);
        guard
    }

    /// Waits until `predicate` holds, which is asked with the lock held, the first time at
    /// once.
    #[doc(alias = "asyncio.Condition.wait_for")]
    #[doc(alias = "wait_while")]
    pub async fn wait_for<'a, T>(
        &self,
        mut guard: LockGuard<'a, T>,
        mut predicate: impl FnMut(&mut T) -> bool,
    ) -> LockGuard<'a, T> {
        while !predicate(&mut guard) {
            guard = self.wait(guard).await;
        }
        guard
    }

    /// Wakes the `n` tasks that have waited longest. If fewer wait, the rest is forgotten.
    #[doc(alias = "asyncio.Condition.notify")]
    pub fn notify(&self, n: usize) {
        for _ in 0..n {
            let Ok(waker) = self.notifications.borrow_mut().waiters.grant(()) else { return };
            wake([waker]);
        }
    }

    /// Wakes all tasks that wait now.
    #[doc(alias = "asyncio.Condition.notify_all")]
    pub fn notify_all(&self) {
        let waiters = self.notifications.borrow_mut().waiters.grant_all(|| ());
        wake(waiters);
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.notifications.borrow().waiters.waiting();
        f.debug_struct("Condition").field("waiting", &waiting).finish_non_exhaustive()
    }
}

/// A notification that its task has not acted on; dropped, it goes to the next waiter.
struct Notification<'a>(&'a Condition);

impl Drop for Notification<'_> {
    fn drop(&mut self) {
        self.0.notify(1);
    }
}
