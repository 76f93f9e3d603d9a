//! Threads that take the lock as Python's do: they run with it, and block without it.
//!
//! *Assumes*: the lock and its token.
//! *Promises*: the body runs once, under the lock; its end, good or bad, is reported at `join`.
//! *Leaves out*: pools (`concurrent/gil_threads.rs`).

use crate::base::error::{JobError, last_words};
use crate::gil::lock::GlobalLock;
use crate::gil::token::Gil;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

/// A thread whose whole body runs under a [`GlobalLock`]: Python's `threading.Thread`.
///
/// Dropping the handle lets the thread run on.
///
/// ```
/// use singletrack::gil::cell::GilCell;
/// use singletrack::gil::lock::GlobalLock;
/// use singletrack::gil::policy::SwitchPolicy;
/// use singletrack::gil::worker::GilThread;
/// use std::sync::Arc;
///
/// let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
/// let sum = Arc::new(GilCell::new(&lock, 0));
/// let threads: Vec<_> = (1..=3)
///     .map(|i| {
///         let sum = Arc::clone(&sum);
///         GilThread::spawn(&lock, &format!("adder {i}"), move |gil| *sum.get_mut(gil) += i)
///     })
///     .collect::<Result<_, _>>()?;
/// for thread in threads {
///     thread.join()?;
/// }
/// assert_eq!(lock.attach(|gil| *sum.get(gil))?, 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[doc(alias = "threading.Thread")]
pub struct GilThread<R> {
    handle: JoinHandle<Result<R, JobError>>,
}

impl<R: Send + 'static> GilThread<R> {
    /// Starts a thread that takes the lock and runs `body` with the token. What `body` drops
    /// at its end, it drops under the lock.
    ///
    /// # Errors
    /// If the operating system has no thread to give.
    ///
    /// # Panics
    /// If `name` has a zero byte in it.
    pub fn spawn<F>(lock: &GlobalLock, name: &str, body: F) -> io::Result<GilThread<R>>
    where
        F: FnOnce(&mut Gil<'_>) -> R + Send + 'static,
    {
        let lock = lock.clone();
        let run = move || match catch_unwind(AssertUnwindSafe(|| lock.attach(body))) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(JobError::Broken(error.to_string())),
            Err(panic) => Err(JobError::Panicked(last_words(panic))),
        };
        let handle = Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(GilThread { handle })
    }

    /// Waits for the thread's end. A thread that holds the lock must let go of it meanwhile:
    /// `gil.detach(|| thread.join())`. Otherwise the two wait for each other.
    ///
    /// # Errors
    /// [`JobError::Panicked`] if the body did; [`JobError::Broken`] if the lock could not be had,
    /// or not be had back after a detach, because it was finalised.
    pub fn join(self) -> Result<R, JobError> {
        match self.handle.join() {
            Ok(outcome) => outcome,
            Err(panic) => Err(JobError::Panicked(last_words(panic))),
        }
    }

    /// The body has ended; `join` will not wait.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// The name it was given.
    pub fn name(&self) -> &str {
        self.handle.thread().name().unwrap_or("unnamed")
    }
}
