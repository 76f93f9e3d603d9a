//! Which orders are still to be tried, those with the fewest deviations first. Pure
//!
//! *Promises*: each order is tried once; all with `k` deviations come before any with `k + 1`, so that
//! the first that fails has as few as any. Of what has run only the choices are kept, and no more
//! orders are kept than will be tried.
//! *Leaves out*: orders that come to the same (`sim/sleep_sets.rs`).
//!
//! ```text
//!   fifo ran:    choices  0   1   2       candidates there  2   1   3
//!   then comes           1        0:1
//!                            –            (one candidate: no choice)
//!                                2        2:1   2:2
//! ```
//! A run's own deviations are a prefix of its choices: its children deviate once more, behind them.

use crate::sim::order::Order;
use std::collections::VecDeque;

/// The orders to come.
///
/// ```
/// use singletrack::sim::frontier::Frontier;
///
/// // A program with two choices between two candidates.
/// let mut frontier = Frontier::new(usize::MAX, 100);
/// let mut tried = Vec::new();
/// while let Some(order) = frontier.pop() {
///     tried.push(order.to_string());
///     frontier.ran(order, &[2, 2]);
/// }
/// assert_eq!(tried, ["fifo", "0:1", "1:1", "0:1 1:1"]);
/// ```
#[derive(Debug)]
pub struct Frontier {
    /// Those that ran and have children to come.
    ran: VecDeque<Ran>,
    /// The number of the first of them.
    first: usize,
    /// What comes next: a child of which, at which choice, which candidate.
    next: VecDeque<(usize, usize, u32)>,
    begun: bool,
    /// With at most so many deviations.
    most: usize,
    /// How many more may come to be tried.
    room: usize,
    left_out: bool,
}

#[derive(Debug)]
struct Ran {
    order: Order,
    children: usize,
}

impl Frontier {
    /// All orders with at most so many deviations, and of those the first `orders`.
    pub fn new(most: usize, orders: usize) -> Frontier {
        Frontier {
            ran: VecDeque::new(),
            first: 0,
            next: VecDeque::new(),
            begun: false,
            most,
            room: orders.saturating_sub(1),
            left_out: false,
        }
    }

    /// The next order to try.
    pub fn pop(&mut self) -> Option<Order> {
        if !std::mem::replace(&mut self.begun, true) {
            return Some(Order::default());
        }
        let (parent, choice, candidate) = self.next.pop_front()?;
        let ran = &mut self.ran[parent - self.first];
        ran.children -= 1;
        let order = ran.order.then(choice, candidate);
        while self.ran.front().is_some_and(|ran| ran.children == 0) {
            self.ran.pop_front();
            self.first += 1;
        }
        Some(order)
    }

    /// This order ran, with so many candidates at each of its choices.
    pub fn ran(&mut self, order: Order, candidates: &[u32]) {
        let behind = candidates.iter().enumerate().skip(order.len());
        let mut children = 0;
        if order.deviations() < self.most {
            let parent = self.first + self.ran.len();
            for (choice, &candidates) in behind {
                let others = (1..candidates).map(|candidate| (parent, choice, candidate));
                self.left_out |= others.len() > self.room;
                let others = others.take(self.room);
                self.room -= others.len();
                children += others.len();
                self.next.extend(others);
            }
        } else {
            self.left_out |= behind.map(|(_, candidates)| *candidates).any(|count| count > 1);
        }
        if children > 0 {
            self.ran.push_back(Ran { order, children });
        }
    }

    /// Whether there are more orders than were asked for.
    pub fn has_left_out(&self) -> bool {
        self.left_out
    }
}
