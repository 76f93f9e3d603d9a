//! Values of the user's, dropped where no panic may come out.
//!
//! *Assumes*: `run_caught` (`event_loop/core.rs`), which tells the exception handler.
//! *Promises*: a drop that panics is reported once, harms no other value, and does not end a process
//! in which another panic unwinds already.
//! *Leaves out*: values below the loop, which have no handler to be told to (`base/panic.rs`).
//!
//! Rust's rule for drops is simple and hard: a panic in a drop unwinds like any other, but the second
//! one at a time aborts the process, and a collection that is dropped stops, or goes on unwinding, at
//! the first. So a thing that holds several values of the user's, or is itself dropped while a task
//! unwinds, must not drop them as they are. What holds one for long keeps it [`Caught`].

use crate::event_loop::core::run_caught;
use crate::event_loop::waker::task_of;
use std::ops::{Deref, DerefMut};
use std::task::Waker;

/// A value whose drop is caught.
///
/// ```
/// use singletrack::event_loop::caught::Caught;
///
/// struct Bomb(u8);
/// impl Drop for Bomb {
///     fn drop(&mut self) {
///         panic!("a bomb");
///     }
/// }
/// let bombs = vec![Caught::new("a bomb", Bomb(1)), Caught::new("a bomb", Bomb(2))];
/// assert_eq!(bombs[1].0, 2);
/// drop(bombs); // two lines on standard error
/// ```
pub struct Caught<T> {
    /// For the report.
    what: &'static str,
    /// `None` only inside `drop` and `into_inner`.
    value: Option<T>,
}

impl<T> Caught<T> {
    /// Keeps `value`; `what` names it where its drop is reported.
    pub fn new(what: &'static str, value: T) -> Self {
        Caught { what, value: Some(value) }
    }

    /// The value as it is.
    pub fn into_inner(mut self) -> T {
        self.value.take().expect("it is here until the drop")
    }
}

impl<T> Deref for Caught<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("it is here until the drop")
    }
}

impl<T> DerefMut for Caught<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("it is here until the drop")
    }
}

impl<T> Drop for Caught<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            run_caught(self.what, || drop(value));
        }
    }
}

/// Drops wakers that are not needed any more. To drop another executor's is user code, and often
/// done inside a drop, where no panic may come out.
pub fn drop_wakers(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        if task_of(&waker).is_none() {
            run_caught("a waker", || drop(waker));
        }
    }
}
