//! The locks and atomics that two threads meet at: parking_lot's and std's, or a model's.
//!
//! *Promises*: `Mutex` (no poisoning), `Condvar`, `Futex`, `Arc`, `atomic`, `thread` and `thread_local`
//! with one shape under all, so that a model runs the very code that ships.
//! *Leaves out*: fairness. Which thread gets a lock next is policy, and policy is in `gil/`.
//!
//! ```text
//!     what is built                 --cfg loom                    --cfg shuttle
//!     ───────────────               ───────────────────           ────────────────────────
//!     parking_lot, std              loom: every interleaving      shuttle: thousands drawn by
//!                                   and every reordering, of      lot, of four threads and
//!                                   two or three threads          more; memory in order
//! ```
//! But for tests and assertions, this is the only file with these two `cfg`s. No model has a clock: a
//! timed wait never times out. Where time matters, the clock must be a method of its own that a model
//! can call.

#[cfg(not(any(loom, shuttle)))]
mod imp {
    pub use crate::sys::futex::Futex;
    pub use parking_lot::{Condvar, Mutex, MutexGuard};
    pub use std::sync::{Arc, atomic};
    pub use std::{thread, thread_local};

    /// Calls `ready` for some microseconds before the caller goes to sleep, since a sleep and a
    /// wake-up cost more than that. Returns the last result.
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
    /// … the others offer it to other threads that could run.
    const SPIN_ROUNDS: u32 = 16;
}

#[cfg(any(loom, shuttle))]
mod imp {
    #[cfg(loom)]
    use loom as model;
    #[cfg(shuttle)]
    use shuttle as model;

    pub use model::sync::{Arc, atomic};
    pub use model::{thread, thread_local};
    use std::ops::{Deref, DerefMut};
    use std::sync::PoisonError;
    use std::time::{Duration, Instant};

    /// The model's `Mutex` in parking_lot's shape.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(model::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A new, unlocked mutex.
        pub fn new(value: T) -> Self {
            Mutex(model::sync::Mutex::new(value))
        }

        /// Blocks until the lock is held.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)))
        }

        /// Blocks until the lock is held: a model has no clock.
        pub fn try_lock_for(&self, _timeout: Duration) -> Option<MutexGuard<'_, T>> {
            Some(self.lock())
        }

        /// The lock if it is free now.
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard)))
        }
    }

    /// The model's guard. Its `wait` takes the guard by value, and parking_lot's by reference: so
    /// this is `None` while its thread waits, when no code can reach it.
    #[derive(Debug)]
    pub struct MutexGuard<'a, T>(Option<model::sync::MutexGuard<'a, T>>);

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().expect("its thread does not wait")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("its thread does not wait")
        }
    }

    /// The model's futex: a word, and a lock that its sleeper holds from the look at it until it sleeps, and
    /// who wakes it holds too.
    #[derive(Debug)]
    pub struct Futex {
        word: atomic::AtomicU32,
        asleep: Mutex<()>,
        woken: Condvar,
    }

    impl Futex {
        /// A word that holds this number.
        pub fn new(number: u32) -> Futex {
            let word = atomic::AtomicU32::new(number);
            Futex { word, asleep: Mutex::new(()), woken: Condvar::new() }
        }

        /// The word.
        pub fn word(&self) -> &atomic::AtomicU32 {
            &self.word
        }

        /// Sleeps if the word holds `expected`. With a `timeout` the sleep ends at once: a model has no
        /// clock, and every sleep may end early.
        pub fn wait(&self, expected: u32, timeout: Option<Duration>) {
            if timeout.is_some() {
                return thread::yield_now();
            }
            let mut asleep = self.asleep.lock();
            if self.word.load(atomic::Ordering::SeqCst) == expected {
                self.woken.wait(&mut asleep);
            }
        }

        /// Wakes one thread that sleeps on the word.
        pub fn wake(&self) {
            let _asleep = self.asleep.lock();
            self.woken.notify_one();
        }
    }

    /// The model's `Condvar` in parking_lot's shape.
    #[derive(Debug, Default)]
    pub struct Condvar(model::sync::Condvar);

    /// Whether a timed wait ended by the clock; in a model it never does.
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
            Condvar(model::sync::Condvar::new())
        }

        /// Waits for a notification, giving the lock up meanwhile.
        pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            if let Some(held) = guard.0.take() {
                guard.0 = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
            }
        }

        /// Waits like [`wait`](Self::wait): a model has no clock.
        pub fn wait_for<T>(
            &self,
            guard: &mut MutexGuard<'_, T>,
            _timeout: Duration,
        ) -> WaitTimeoutResult {
            self.wait(guard);
            WaitTimeoutResult(false)
        }

        /// Waits like [`wait`](Self::wait), as [`wait_for`](Self::wait_for) does.
        pub fn wait_until<T>(
            &self,
            guard: &mut MutexGuard<'_, T>,
            _deadline: Instant,
        ) -> WaitTimeoutResult {
            self.wait_for(guard, Duration::ZERO)
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

    /// Calls it once: in a model every interleaving happens anyway.
    pub fn spin_until(mut ready: impl FnMut() -> bool) -> bool {
        ready()
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
