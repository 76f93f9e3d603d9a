//! The locks and atomics that two threads meet at: parking_lot's and std's, or loom's.
//!
//! *Assumes*: nothing.
//! *Promises*: `Mutex` (no poisoning), `Condvar`, `Arc`, `atomic` and `thread_local` with one
//! shape under both, so that a loom model runs the very code that ships.
//! *Leaves out*: fairness. Who gets a lock next is policy, and policy lives in `gil/`.
//!
//! This is the only file with `cfg(loom)`. Loom's `Condvar` never times out: where time
//! matters, the clock must be a method of its own that a model can call.

#[cfg(not(loom))]
mod imp {
    pub use parking_lot::{Condvar, Mutex, MutexGuard};
    pub use std::sync::{Arc, atomic};
    pub use std::thread_local;

    /// Looks at `ready` for some microseconds before the caller goes to sleep: a sleep and a
    /// wake-up cost more than that. Gives the last answer.
    pub fn spin_until(mut ready: impl FnMut() -> bool) -> bool {
        for round in 0..SPIN_ROUNDS {
            if ready() {
                return true;
            }
            if round < BUSY_ROUNDS {
                (0..1 << round).for_each(|_| std::hint::spin_loop());
            } else {
                std::thread::yield_now();
            }
        }
        ready()
    }

    /// The first rounds keep the core, each twice as long as the one before …
    const BUSY_ROUNDS: u32 = 6;
    /// … the others offer it to whoever else could run.
    const SPIN_ROUNDS: u32 = 16;
}

#[cfg(loom)]
mod imp {
    pub use loom::sync::{Arc, MutexGuard, atomic};
    pub use loom::thread_local;
    use std::time::Duration;

    /// `loom::sync::Mutex` in parking_lot's shape.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A new, unlocked mutex.
        pub fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        /// Blocks until the lock is held.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }

        /// The lock if it is free now.
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    /// `loom::sync::Condvar` in parking_lot's shape.
    #[derive(Debug, Default)]
    pub struct Condvar(loom::sync::Condvar);

    /// Whether a timed wait ended by the clock; under loom it never does.
    #[derive(Debug, Clone, Copy)]
    pub struct WaitTimeoutResult(bool);

    impl WaitTimeoutResult {
        /// True when the time ran out before a notification.
        pub fn timed_out(self) -> bool {
            self.0
        }
    }

    impl Condvar {
        /// A new condition variable.
        pub fn new() -> Self {
            Condvar(loom::sync::Condvar::new())
        }

        /// Waits for a notification, giving the lock up meanwhile.
        pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            replace_guard(guard, |g| self.0.wait(g).unwrap());
        }

        /// Waits like [`wait`](Self::wait): loom has no clock.
        pub fn wait_for<T>(
            &self,
            guard: &mut MutexGuard<'_, T>,
            _timeout: Duration,
        ) -> WaitTimeoutResult {
            self.wait(guard);
            WaitTimeoutResult(false)
        }

        /// Wakes one waiter.
        pub fn notify_one(&self) {
            self.0.notify_one();
        }

        /// Wakes all waiters.
        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    /// Looks once: in a model every interleaving happens anyway.
    pub fn spin_until(mut ready: impl FnMut() -> bool) -> bool {
        ready()
    }

    /// Loom's `wait` takes the guard by value, parking_lot's by reference.
    #[allow(unsafe_code)]
    fn replace_guard<G>(slot: &mut G, f: impl FnOnce(G) -> G) {
        // SAFETY: the guard is read out, handed to `f`, and its successor is written
        // back before anyone can look. If `f` panics the slot would be dropped twice, so
        // that case aborts; a loom model that panics inside `wait` has failed anyway.
        unsafe {
            let old = std::ptr::read(slot);
            let new = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(old)))
                .unwrap_or_else(|_| std::process::abort());
            std::ptr::write(slot, new);
        }
    }
}

pub use imp::*;

/// Waits for a notification until `deadline`; `None` is no limit. False: it has passed.
pub fn wait_until<T>(
    condvar: &Condvar,
    guard: &mut MutexGuard<'_, T>,
    deadline: Option<std::time::Instant>,
) -> bool {
    let Some(deadline) = deadline else {
        condvar.wait(guard);
        return true;
    };
    let left = deadline.saturating_duration_since(std::time::Instant::now());
    if !left.is_zero() {
        condvar.wait_for(guard, left);
    }
    !left.is_zero()
}
