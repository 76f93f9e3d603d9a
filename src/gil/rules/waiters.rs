//! Who waits for the lock, in what order, and who of them has asked the holder to go.
//!
//! *Promises*: a request counts for one tenure only, and goes with the waiter that made it.
//! *Leaves out*: who may have the lock (`gil/rules/machine.rs`).
//!
//! # The threads of a lock by number, each in one of Beazley's two classes
//!
//! *Assumes*: its caller says what a thread did when it dropped the lock.
//! *Promises*: a number is used again only after its thread has left; a newcomer is of the
//! I/O class.
//! *Leaves out*: what a class is good for (`gil/rules/machine.rs`, under a priority hand-off only).
//!
//! ```text
//!            drops the lock because it blocks
//!      I/O ◀─────────────────────────────────▶ CPU
//!            drops the lock because it was asked
//! ```
//! From Beazley's patch of 2010 (bpo-7946): whoever had to be told to go computes, whoever went
//! by itself waits for something. An I/O thread then need not wait for a CPU thread's interval.

use crate::gil::rules::decision::{Nanos, ThreadId};
use std::collections::VecDeque;

/// One sleep of a waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Wait {
    pub(crate) since: Nanos,
    /// The switch number when the sleep began: a request is made only if it has not moved.
    pub(crate) saved: u64,
    /// A drop has woken it; it is out of the queue and on its way.
    pub(crate) woken: bool,
    /// The tenure it has asked to end, if any.
    asked: Option<u64>,
}

/// The waiters of one lock.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Waiters {
    /// By thread number.
    waits: Vec<Option<Wait>>,
    /// Those that sleep, in the order they lay down. The others are on their way.
    asleep: VecDeque<ThreadId>,
    count: usize,
    /// Counts takings of the lock, those by the same thread too.
    tenure: u64,
    /// How many have asked for the present tenure to end.
    requests: usize,
}

impl Waiters {
    /// How many wait, asleep or on their way.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// How many have asked the present holder to go.
    pub(crate) fn requests(&self) -> usize {
        self.requests
    }

    /// This thread's sleep.
    pub(crate) fn get(&self, id: ThreadId) -> Option<Wait> {
        self.waits.get(id.index()).copied().flatten()
    }

    /// Begins a sleep. A waiter whose sleep only goes on keeps its place in the queue.
    pub(crate) fn lies_down(&mut self, id: ThreadId, now: Nanos, switch_number: u64) {
        let before = self.get(id);
        self.count += usize::from(before.is_none());
        if before.is_none_or(|wait| wait.woken) {
            self.asleep.push_back(id);
        }
        if self.waits.len() <= id.index() {
            self.waits.resize(id.index() + 1, None);
        }
        let asked = before.and_then(|wait| wait.asked);
        self.waits[id.index()] =
            Some(Wait { since: now, saved: switch_number, woken: false, asked });
    }

    /// Ends a thread's waiting, and withdraws its request.
    pub(crate) fn gets_up(&mut self, id: ThreadId) -> Option<Wait> {
        let wait = self.waits.get_mut(id.index())?.take()?;
        self.count -= 1;
        if !wait.woken {
            self.asleep.retain(|&other| other != id);
        }
        if self.requests > 0 && wait.asked == Some(self.tenure) {
            self.requests -= 1;
        }
        Some(wait)
    }

    /// This waiter asks the holder to go.
    pub(crate) fn asks(&mut self, id: ThreadId) {
        if let Some(Some(wait)) = self.waits.get_mut(id.index())
            && wait.asked != Some(self.tenure)
        {
            wait.asked = Some(self.tenure);
            self.requests += 1;
        }
    }

    /// The lock was taken: all requests were for the tenure before, and who waits on must wait
    /// an interval anew before it asks again.
    pub(crate) fn new_tenure(&mut self) {
        self.tenure += 1;
        self.requests = 0;
    }

    /// The lock was dropped, so there is nobody to ask until it is taken.
    pub(crate) fn forget_requests(&mut self) {
        self.requests = 0;
    }

    /// Wakes the longest sleeper, to try its luck.
    pub(crate) fn wakes_next(&mut self) -> Option<ThreadId> {
        let next = self.asleep.pop_front()?;
        if let Some(Some(wait)) = self.waits.get_mut(next.index()) {
            wait.woken = true;
        }
        Some(next)
    }

    /// Who waits: the longest sleeper that `preferred` prefers, else the longest of all.
    pub(crate) fn first(&self, preferred: impl Fn(ThreadId) -> bool) -> Option<ThreadId> {
        let front = self.asleep.front().copied();
        self.asleep.iter().copied().find(|&id| preferred(id)).or(front)
    }

    /// All who wait, by number.
    pub(crate) fn all(&self) -> Vec<ThreadId> {
        let waits = |&index: &usize| self.waits[index].is_some();
        (0..self.waits.len()).filter(waits).map(|index| ThreadId(index as u32)).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Class {
    Io,
    Cpu,
}

/// The class of each thread; `None` where a thread has left.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Classes(Vec<Option<Class>>);

impl Classes {
    /// A number for a newcomer.
    pub(crate) fn joins(&mut self) -> ThreadId {
        let free = self.0.iter().position(Option::is_none);
        let index = free.unwrap_or(self.0.len());
        if free.is_none() {
            self.0.push(None);
        }
        self.0[index] = Some(Class::Io);
        ThreadId(index as u32)
    }

    /// The number is free for another.
    pub(crate) fn leaves(&mut self, id: ThreadId) {
        self.0[id.index()] = None;
    }

    /// A thread has this number.
    pub(crate) fn contains(&self, id: ThreadId) -> bool {
        self.get(id).is_some()
    }

    /// This thread is of the I/O class.
    pub(crate) fn is_io(&self, id: ThreadId) -> bool {
        self.get(id) == Some(Class::Io)
    }

    /// It dropped the lock to block.
    pub(crate) fn blocks(&mut self, id: ThreadId) {
        self.0[id.index()] = Some(Class::Io);
    }

    /// It dropped the lock because others asked for it.
    pub(crate) fn is_made_to_go(&mut self, id: ThreadId) {
        self.0[id.index()] = Some(Class::Cpu);
    }

    fn get(&self, id: ThreadId) -> Option<Class> {
        self.0.get(id.index()).copied().flatten()
    }
}
