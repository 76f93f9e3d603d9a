//! Which pool this thread works for, so that a pool hears when its workers wait for each other.
//!
//! *Assumes*: a worker thread says once whose it is.
//! *Promises*: a worker about to sleep on a job of its own pool can be told not to.
//! *Leaves out*: when that is a deadlock (`concurrent/crew.rs`).
//!
//! A job may submit another to its own pool and wait for it. When every worker does so, none
//! is left to run what they wait for: CPython's documentation shows it ("Deadlocks can occur
//! when the callable associated with a Future waits on the results of another Future") and
//! hangs. Here the future asks the pool first.

use crate::base::error::JobError;
use std::cell::RefCell;
use std::sync::Arc;

/// What a pool learns of its workers' sleep. Called under a future's lock: must be short,
/// must not touch a future.
pub(crate) trait Household: Send + Sync {
    /// One more worker will sleep until a job of this pool is done.
    ///
    /// # Errors
    /// It must not, because no worker would be awake. It then does not count as asleep.
    fn fall_asleep(&self) -> Result<(), JobError>;

    /// What one of them slept for is done.
    fn wake_up(&self);
}

/// A pool, seen from its futures. (std's `Arc` also under loom, whose own cannot hold `dyn`.)
pub(crate) type Home = Arc<dyn Household>;

/// The number of a pool, unique while it lives; 0 is no pool.
pub(crate) type HomeId = usize;

thread_local! {
    static HOME: RefCell<Option<Home>> = const { RefCell::new(None) };
}

/// The number of a pool.
pub(crate) fn home_id<H: Household>(home: &Arc<H>) -> HomeId {
    Arc::as_ptr(home).addr()
}

/// From now on this thread works for `home`.
pub(crate) fn work_for(home: Home) {
    HOME.with(|slot| *slot.borrow_mut() = Some(home));
}

/// This thread works for `home` as long as `act` takes, which must not panic.
pub(crate) fn working_for<R>(home: Home, act: impl FnOnce() -> R) -> R {
    let before = HOME.with(|slot| slot.replace(Some(home)));
    let result = act();
    HOME.with(|slot| *slot.borrow_mut() = before);
    result
}

/// The pool with this number, if this thread works for it.
pub(crate) fn own_home(id: HomeId) -> Option<Home> {
    if id == HomeId::default() {
        return None;
    }
    let own = HOME.with(|slot| slot.borrow().clone());
    own.filter(|home| Arc::as_ptr(home).addr() == id)
}
