//! Threads that wait for something of the world, and which of them to wake. Pure.
//!
//! *Promises*: who has waited longest is woken first; of several that wait for the same lock, permit,
//! item or space one is woken at a time, and the next one when that one has looked. So no wake-up is
//! lost, and no herd runs for one lock.
//! *Leaves out*: whether what a thread waits for has come (`World::is_ready`); limits of time, which
//! each thread watches itself.

use crate::python::machine::world::Wait;
use crate::python::value::any::Id;
use std::collections::{HashMap, VecDeque};
use std::task::Waker;

/// The threads that wait.
#[derive(Debug, Default)]
pub struct Waiters {
    asleep: VecDeque<(usize, Wait, Waker)>,
    /// Those that were woken and have not looked yet.
    woken: Vec<(usize, Wait)>,
    /// Those that wait for their turn on an event loop. The loop knows who is next, so that the others
    /// need not be asked.
    turns: HashMap<usize, Waker>,
    loops: Vec<Id>,
}

impl Waiters {
    /// A thread begins to wait.
    pub fn add(&mut self, thread: usize, wait: Wait, waker: Waker) {
        self.forget(thread);
        let Wait::Turn(event_loop) = wait else {
            self.asleep.push_back((thread, wait, waker));
            return;
        };
        self.turns.insert(thread, waker);
        if !self.loops.contains(&event_loop) {
            self.loops.push(event_loop);
        }
    }

    /// A thread does not wait any more.
    pub fn forget(&mut self, thread: usize) {
        self.turns.remove(&thread);
        self.asleep.retain(|(other, ..)| *other != thread);
        self.woken.retain(|(other, _)| *other != thread);
    }

    /// Wakes those for whom it has come.
    ///
    /// ```
    /// use singletrack::python::machine::world::Wait;
    /// use singletrack::python::run::waiters::Waiters;
    /// use singletrack::python::value::any::Id;
    /// use std::task::Waker;
    ///
    /// let mut waiters = Waiters::default();
    /// for thread in 1..=3 {
    ///     waiters.add(thread, Wait::Lock(Id(7)), Waker::noop().clone());
    /// }
    /// assert_eq!(waiters.wake(|_| true), [1], "one lock, one thread");
    /// assert_eq!(waiters.wake(|_| true), []);
    /// waiters.forget(1);
    /// assert_eq!(waiters.wake(|_| true), [2]);
    /// ```
    pub fn wake(&mut self, is_ready: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut woken = Vec::new();
        let mut at = 0;
        while let Some((thread, wait, _)) = self.asleep.get(at) {
            let (thread, wait) = (*thread, *wait);
            let taken = is_for_one(wait) && self.woken.iter().any(|(_, other)| *other == wait);
            if taken || !is_ready(thread) {
                at += 1;
                continue;
            }
            if let Some((.., waker)) = self.asleep.remove(at) {
                waker.wake();
            }
            self.woken.push((thread, wait));
            woken.push(thread);
        }
        woken
    }

    /// Wakes those whose turn on an event loop has come; `next` says of a loop who that is.
    pub fn wake_turns(&mut self, next: impl Fn(Id) -> [Option<usize>; 2]) {
        for event_loop in &self.loops {
            for thread in next(*event_loop).into_iter().flatten() {
                if let Some(waker) = self.turns.remove(&thread) {
                    waker.wake();
                }
            }
        }
    }

    /// Wakes all, for there is nothing to wait for any more.
    pub fn wake_all(&mut self) {
        let turns = self.turns.drain().map(|(_, waker)| waker);
        let asleep = self.asleep.drain(..).map(|(.., waker)| waker);
        asleep.chain(turns).for_each(Waker::wake);
    }

    /// Whether none sleeps.
    pub fn is_empty(&self) -> bool {
        self.asleep.is_empty() && self.turns.is_empty()
    }
}

/// Whether only one thread can have what is waited for.
fn is_for_one(wait: Wait) -> bool {
    matches!(wait, Wait::Lock(_) | Wait::Permit(_) | Wait::Item(_) | Wait::Space(_))
}
