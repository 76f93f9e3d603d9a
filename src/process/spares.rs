//! Spare workers, forked ahead of being asked for. Pure.
//!
//! *Assumes*: it is told of every spare that was forked, and of every one that died waiting.
//! *Promises*: the oldest is handed out first; whatever fails is not tried again before somebody
//! asks, so a fork that always fails, or a spare that always dies, costs nothing but itself.
//! *Leaves out*: forking (`process/forkserver.rs`).
//!
//! ```text
//!                add                        take
//!   fork ───▶ │ youngest … oldest │ ───▶ a worker, at once
//!                     │ lost
//!                     ▼
//!                 collected; no more until the next take
//! ```

use std::collections::VecDeque;

/// The stock of spares, and how many there should be.
///
/// ```
/// use singletrack::process::spares::Spares;
///
/// let mut spares = Spares::new(1);
/// assert!(spares.is_short());
/// spares.add("the first");
/// assert!(!spares.is_short());
/// assert_eq!(spares.take(), Some("the first"));
/// assert!(spares.is_short(), "so the next is forked while nobody waits for it");
/// ```
#[derive(Debug)]
pub struct Spares<S> {
    wanted: usize,
    stock: VecDeque<S>,
    /// The last attempt came to nothing, and nobody has asked since.
    discouraged: bool,
}

impl<S> Spares<S> {
    /// None yet, and `wanted` to be had.
    pub fn new(wanted: usize) -> Self {
        Spares { wanted, stock: VecDeque::new(), discouraged: false }
    }

    /// Whether one more should be forked now.
    pub fn is_short(&self) -> bool {
        self.stock.len() < self.wanted && !self.discouraged
    }

    /// One was forked.
    pub fn add(&mut self, spare: S) {
        self.stock.push_back(spare);
    }

    /// One could not be forked.
    pub fn failed(&mut self) {
        self.discouraged = true;
    }

    /// Somebody wants a worker: the oldest spare, if there is one.
    pub fn take(&mut self) -> Option<S> {
        self.discouraged = false;
        self.stock.pop_front()
    }

    /// The spare at this place died waiting.
    ///
    /// # Panics
    /// If there is none at this place.
    pub fn lost(&mut self, place: usize) -> S {
        self.discouraged = true;
        self.stock.remove(place).expect("a spare at this place")
    }

    /// All spares, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &S> {
        self.stock.iter()
    }
}
