//! A condition: waiting, without the lock, for a change to what the lock protects.
//!
//! *Assumes*: the future that waits (`aio/gate.rs`), and the lock (`aio/lock.rs`).
//! *Promises*: `notify(n)` wakes the `n` who have waited longest; a notification whose
//! receiver is dropped before it has the lock again goes to the next.
//! *Leaves out*: the predicate's truth. Between a notification and the lock others may run;
//! `wait_for` checks again.
//!
//! ```text
//!   holds the lock ── wait: unlock, stand in the line ──► notified ──► in line for the lock
//!         ▲                                                   │ dropped here: the next hears
//!         └───────────────────────────────────────────────────┴──────────── holds it again
//! ```

use crate::aio::gate::{Gate, Wait, wake};
use crate::aio::lock::LockGuard;
use crate::aio::waiters::Waiters;
use std::cell::RefCell;
use std::fmt;
use std::task::Waker;

/// The pure half: nobody passes without a notification, and none is kept for later.
#[derive(Debug, Default)]
struct Notices {
    line: Waiters<()>,
}

impl Gate for Notices {
    type Pass = ();

    fn line(&mut self) -> &mut Waiters<()> {
        &mut self.line
    }

    fn enter(&mut self) -> Option<()> {
        None
    }

    fn pass_on(&mut self, (): ()) -> Option<Waker> {
        self.line.grant(()).ok()
    }
}

/// Lets tasks that hold a [`Lock`](crate::aio::lock::Lock) wait for each other's changes.
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
/// use singletrack::aio::{condition::Condition, lock::Lock};
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
    notices: RefCell<Notices>,
}

impl Condition {
    /// A condition that nobody waits for.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the lock up, waits for a notification, and takes the lock again.
    #[doc(alias = "asyncio.Condition.wait")]
    pub async fn wait<'a, T>(&self, guard: LockGuard<'a, T>) -> LockGuard<'a, T> {
        let lock = guard.lock();
        // Until the next line has polled, no other task runs: no notification can be missed.
        drop(guard);
        Wait::at(&self.notices).await;
        // Notified but not back yet: if we are dropped now, the next must hear of it.
        let notice = Notice(self);
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

    /// Wakes the `n` who have waited longest. If fewer wait, the rest is forgotten.
    #[doc(alias = "asyncio.Condition.notify")]
    pub fn notify(&self, n: usize) {
        for _ in 0..n {
            let Ok(waker) = self.notices.borrow_mut().line.grant(()) else { return };
            wake([waker]);
        }
    }

    /// Wakes all who wait now.
    #[doc(alias = "asyncio.Condition.notify_all")]
    pub fn notify_all(&self) {
        let waiters = self.notices.borrow_mut().line.grant_all(|| ());
        wake(waiters);
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.notices.borrow().line.waiting();
        f.debug_struct("Condition").field("waiting", &waiting).finish_non_exhaustive()
    }
}

/// A notification that nobody has acted on; dropped, it goes to the next waiter.
struct Notice<'a>(&'a Condition);

impl Drop for Notice<'_> {
    fn drop(&mut self) {
        self.0.notify(1);
    }
}
