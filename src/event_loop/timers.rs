//! Deadlines in order: a heap from which any entry can be taken back.
//!
//! *Assumes*: time is a number of nanoseconds that the caller brings.
//! *Promises*: entries come out by deadline, and in order of insertion among equals; never
//! before their deadline; [`NEVER`] is no deadline, and an entry that has it only waits to be
//! cancelled; `cancel` frees the entry at once; O(log n) for each entry that comes and goes.
//! *Leaves out*: clocks and waiting (`selector/`), and what an entry means (`T`).
//!
//! ```text
//!   slab, by key                  heap, by deadline and then age: `at` is a place in it
//!   ┌───┬───────────────┐                            at 0: 3 ns
//!   │ 0 │ heap at 1, T  │              ┌─────────────┬────┴──────┬─────────────┐
//!   │ 1 │ heap at 0, T  │          at 1: 5 ns   at 2: 9 ns   at 3: 9 ns   at 4: 7 ns
//!   │ … │               │           four children a node: flat, so cache-friendly
//!   │ 5 │ fresh at 0, T │
//!   └───┴───────────────┘         fresh, in no order: 4 ns
//! ```
//! Each side knows where the other half of an entry is (the heap's nodes hold keys), so that
//! `cancel` need not search. asyncio marks cancelled timers and sweeps them up later; here a
//! cancelled one is gone at once.
//!
//! Most timers are timeouts that are cancelled soon. So a new one first stands in a plain
//! list, and moves into the heap when the loop next asks for a deadline: one that is cancelled
//! before that never costs a sift.

use crate::base::id::{GenerationSlab, Key};
use crate::selector::event::END_OF_TIME;
use std::time::Duration;

/// The deadline of what is never due. No clock comes so far: [`END_OF_TIME`] is its last instant.
pub const NEVER: u64 = END_OF_TIME + 1;

/// The deadline of what is due `delay` after `now`. A delay that no clock can count is never over;
/// a shorter one is over at the end of time at the latest.
///
/// ```
/// use singletrack::event_loop::timers::{NEVER, deadline_after};
/// use singletrack::selector::event::END_OF_TIME;
/// use std::time::Duration;
///
/// assert_eq!(deadline_after(5, Duration::from_nanos(3)), 8);
/// assert_eq!(deadline_after(5, Duration::MAX), NEVER);
/// assert_eq!(deadline_after(END_OF_TIME - 5, Duration::from_secs(1)), END_OF_TIME);
/// ```
pub fn deadline_after(now: u64, delay: Duration) -> u64 {
    match u64::try_from(delay.as_nanos()) {
        Ok(delay) if delay < NEVER => now.saturating_add(delay).min(END_OF_TIME),
        _ => NEVER,
    }
}

/// Children of one heap node. Four keeps a sift within two cache lines a level.
const ARITY: usize = 4;

/// Deadlines in nanoseconds, each with a `T` to hand out when it is due.
///
/// ```
/// use singletrack::event_loop::timers::Timers;
///
/// let mut timers = Timers::new();
/// let tea = timers.insert(180, "tea");
/// timers.insert(60, "eggs");
/// assert_eq!(timers.next_deadline(), Some(60));
/// assert_eq!(timers.cancel(tea), Some("tea"));
/// assert_eq!(timers.pop_due(59), None);
/// assert_eq!(timers.pop_due(60), Some("eggs"));
/// assert!(timers.is_empty());
/// ```
#[derive(Debug)]
pub struct Timers<T> {
    heap: Vec<HeapNode>,
    /// Inserted since the last question, in no order.
    fresh: Vec<HeapNode>,
    entries: GenerationSlab<Timer<T>>,
    /// Breaks ties between equal deadlines. Wraps after 584 years at one a nanosecond.
    next_age: u64,
}

#[derive(Debug, Clone, Copy)]
struct HeapNode {
    deadline: u64,
    age: u64,
    key: Key,
}

impl HeapNode {
    fn is_before(&self, other: &HeapNode) -> bool {
        (self.deadline, self.age) < (other.deadline, other.age)
    }
}

#[derive(Debug)]
struct Timer<T> {
    place: Position,
    value: T,
}

/// Where an entry's node stands.
#[derive(Debug, Clone, Copy)]
enum Position {
    Heap(u32),
    Fresh(u32),
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Timers { heap: Vec::new(), fresh: Vec::new(), entries: GenerationSlab::new(), next_age: 0 }
    }
}

impl<T> Timers<T> {
    /// No timers.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries are waiting.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when none is waiting.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The earliest deadline; `None` if nothing will ever be due.
    pub fn next_deadline(&mut self) -> Option<u64> {
        self.push_fresh();
        self.heap.first().map(|node| node.deadline).filter(|&deadline| deadline < NEVER)
    }

    /// Adds an entry that is due at `deadline`.
    pub fn insert(&mut self, deadline: u64, value: T) -> Key {
        let place = Position::Fresh(self.fresh.len() as u32);
        let key = self.entries.insert(Timer { place, value });
        let age = self.next_age;
        self.next_age = age.wrapping_add(1);
        self.fresh.push(HeapNode { deadline, age, key });
        key
    }

    /// The value of an entry that is still waiting.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    /// All entries with their deadlines, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        let nodes = self.heap.iter().chain(&self.fresh);
        nodes
            .filter_map(|node| Some((node.deadline, self.entries.get(node.key).map(|e| &e.value)?)))
    }

    /// Takes an entry back; `None` if it has come out or was cancelled already.
    pub fn cancel(&mut self, key: Key) -> Option<T> {
        let entry = self.entries.remove(key)?;
        match entry.place {
            Position::Heap(at) => self.take_node(at as usize),
            Position::Fresh(at) => self.take_fresh(at as usize),
        }
        Some(entry.value)
    }

    /// Hands out all values, in no order, and forgets them.
    pub fn take_values(&mut self) -> Vec<T> {
        self.heap.clear();
        self.fresh.clear();
        self.entries.take_values().into_iter().map(|timer| timer.value).collect()
    }

    /// The next entry whose deadline is `now` or earlier.
    pub fn pop_due(&mut self, now: u64) -> Option<T> {
        self.push_fresh();
        let now = now.min(END_OF_TIME);
        let head = self.heap.first().filter(|node| node.deadline <= now)?.key;
        self.cancel(head)
    }

    /// Moves what is new into the heap.
    fn push_fresh(&mut self) {
        for i in 0..self.fresh.len() {
            self.heap.push(self.fresh[i]);
            self.sift_up(self.heap.len() - 1);
        }
        self.fresh.clear(); // and keep its memory
    }

    /// Takes a node out of the list of new ones; the last one fills the gap.
    fn take_fresh(&mut self, at: usize) {
        self.fresh.swap_remove(at);
        if let Some(moved) = self.fresh.get(at)
            && let Some(entry) = self.entries.get_mut(moved.key)
        {
            entry.place = Position::Fresh(at as u32);
        }
    }

    /// Takes the node at `at` out of the heap and mends the order around the gap.
    fn take_node(&mut self, at: usize) {
        self.heap.swap_remove(at);
        if at < self.heap.len() {
            // The node that filled the gap came from the bottom of some other branch, so
            // it may belong either way.
            self.sift_down(at);
            self.sift_up(at);
        }
    }

    fn sift_up(&mut self, mut at: usize) {
        let node = self.heap[at];
        while at > 0 {
            let parent = (at - 1) / ARITY;
            if !node.is_before(&self.heap[parent]) {
                break;
            }
            self.place(at, self.heap[parent]);
            at = parent;
        }
        self.place(at, node);
    }

    fn sift_down(&mut self, mut at: usize) {
        let node = self.heap[at];
        loop {
            let first = at * ARITY + 1;
            let children = first..(first + ARITY).min(self.heap.len());
            let Some(least) =
                children.reduce(|a, b| if self.heap[b].is_before(&self.heap[a]) { b } else { a })
            else {
                break;
            };
            if !self.heap[least].is_before(&node) {
                break;
            }
            self.place(at, self.heap[least]);
            at = least;
        }
        self.place(at, node);
    }

    /// Writes a node and tells its entry where it now stands.
    fn place(&mut self, at: usize, node: HeapNode) {
        self.heap[at] = node;
        if let Some(entry) = self.entries.get_mut(node.key) {
            entry.place = Position::Heap(at as u32);
        }
    }
}
