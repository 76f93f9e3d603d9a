//! What a queue keeps its items in: the order in which they come out.
//!
//! *Assumes*: nothing.
//! *Promises*: what was pushed is popped once: the oldest first, the newest, or the smallest.
//! *Leaves out*: waiting (`aio/queue.rs`).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Items in some order.
///
/// ```
/// use singletrack::aio::store::Store;
/// use std::cmp::Reverse;
/// use std::collections::{BinaryHeap, VecDeque};
///
/// fn first_out<S: Store<Item = u8>>() -> Option<u8> {
///     let mut store = S::default();
///     [2, 1, 3].map(|item| store.push(item));
///     store.pop()
/// }
/// assert_eq!(first_out::<VecDeque<u8>>(), Some(2)); // the oldest
/// assert_eq!(first_out::<Vec<u8>>(), Some(3)); // the newest
/// assert_eq!(first_out::<BinaryHeap<Reverse<u8>>>(), Some(1)); // the smallest
/// ```
pub trait Store: Default {
    /// The items.
    type Item;
    /// Puts one in.
    fn push(&mut self, item: Self::Item);
    /// Takes the next one out.
    fn pop(&mut self) -> Option<Self::Item>;
    /// How many there are.
    fn len(&self) -> usize;
    /// True when there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Store for VecDeque<T> {
    type Item = T;
    fn push(&mut self, item: T) {
        self.push_back(item);
    }
    fn pop(&mut self) -> Option<T> {
        self.pop_front()
    }
    fn len(&self) -> usize {
        self.len()
    }
}

impl<T> Store for Vec<T> {
    type Item = T;
    fn push(&mut self, item: T) {
        self.push(item);
    }
    fn pop(&mut self) -> Option<T> {
        self.pop()
    }
    fn len(&self) -> usize {
        self.len()
    }
}

impl<T: Ord> Store for BinaryHeap<Reverse<T>> {
    type Item = T;
    fn push(&mut self, item: T) {
        self.push(Reverse(item));
    }
    fn pop(&mut self) -> Option<T> {
        self.pop().map(|Reverse(item)| item)
    }
    fn len(&self) -> usize {
        self.len()
    }
}
