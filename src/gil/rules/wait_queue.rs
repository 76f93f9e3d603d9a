//! The queue of waiters: their order, their requests, their two classes.
//!
//! *Assumes*: its caller says what a thread did when it dropped the lock.
//! *Promises*: a request counts for one tenure only, and is withdrawn with its waiter; of a crowd
//! no more than [`TIMEKEEPERS`] time their sleeps; a thread's number is used again only after the
//! thread has left; a new thread is of the I/O class.
//! *Leaves out*: which thread may have the lock (`gil/rules/machine.rs`).
//!
//! ```text
//!             enqueue                 wake_next                      dequeue
//!   machine ───────────▶ ▯ ▯ ▯ asleep ───────────▶ woken, on its way ───────▶ holds the lock,
//!                          ▲                                │                 or gave up
//!                          └──────── enqueue: the lock was taken by a quicker one
//!
//!            drops the lock because it blocks
//!      I/O ◀─────────────────────────────────▶ CPU
//!            drops the lock because it was asked
//! ```
//! The classes are from Beazley's patch of 2010 (bpo-7946): a thread that has to be asked to drop
//! the lock computes, one that drops it by itself waits for something. An I/O thread then need not
//! wait for a CPU thread's interval. Only a priority hand-off makes use of them.

use crate::gil::rules::decision::{Nanos, ThreadId};
use std::collections::VecDeque;

/// So many waiters time their sleeps, each its own, as all of CPython's do. One that comes to a
/// crowd sleeps until it is woken: when a holder has been there for an interval, it need not be
/// told so by thousands. (They would tell it thousands of times an interval, too, and each is a
/// thread that wakes up: four thousand keep two cores from the very thread whose turn it is.)
pub const TIMEKEEPERS: usize = 16;

/// A thread that waits for the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Waiter {
    /// When its present sleep began.
    pub(crate) since: Nanos,
    /// The switch number when that sleep began: it asks only if the number has not changed.
    pub(crate) saved: u64,
    /// A drop has woken it; it is no longer asleep, but on its way.
    pub(crate) woken: bool,
    /// It times its sleep, and so may ask. The others of a crowd sleep until they are woken.
    pub(crate) keeps_time: bool,
    /// The tenure it has asked to end, if any.
    asked: Option<u64>,
}

/// The waiters of one lock.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct WaitQueue {
    /// By thread number.
    waiters: Vec<Option<Waiter>>,
    /// Those that sleep, in the order in which they began to. The others are on their way.
    asleep: VecDeque<ThreadId>,
    count: usize,
    /// How many of them time their sleeps.
    timekeepers: usize,
    /// Counts how often the lock was taken, by the same thread too.
    tenure: u64,
    /// How many have asked for the present tenure to end.
    requests: usize,
}

impl WaitQueue {
    /// How many wait, asleep or on their way.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// How many have asked the present holder to drop the lock.
    pub(crate) fn requests(&self) -> usize {
        self.requests
    }

    /// This thread, if it waits.
    pub(crate) fn get(&self, id: ThreadId) -> Option<Waiter> {
        self.waiters.get(id.index()).copied().flatten()
    }

    /// Begins a sleep. A waiter that still sleeps keeps its place in the queue; one that keeps time
    /// goes on to.
    pub(crate) fn enqueue(&mut self, id: ThreadId, now: Nanos, switch_number: u64) {
        let before = self.get(id);
        self.count += usize::from(before.is_none());
        if before.is_none_or(|waiter| waiter.woken) {
            self.asleep.push_back(id);
        }
        if self.waiters.len() <= id.index() {
            self.waiters.resize(id.index() + 1, None);
        }
        let asked = before.and_then(|waiter| waiter.asked);
        let kept_time = before.is_some_and(|waiter| waiter.keeps_time);
        let keeps_time = kept_time || self.timekeepers < TIMEKEEPERS;
        self.timekeepers += usize::from(keeps_time && !kept_time);
        self.waiters[id.index()] =
            Some(Waiter { since: now, saved: switch_number, woken: false, keeps_time, asked });
    }

    /// Ends a thread's waiting, and withdraws its request.
    pub(crate) fn dequeue(&mut self, id: ThreadId) -> Option<Waiter> {
        let waiter = self.waiters.get_mut(id.index())?.take()?;
        self.count -= 1;
        self.timekeepers -= usize::from(waiter.keeps_time);
        if !waiter.woken {
            self.asleep.retain(|&other| other != id);
        }
        if self.requests > 0 && waiter.asked == Some(self.tenure) {
            self.requests -= 1;
        }
        Some(waiter)
    }

    /// A sleeper that has to time its sleep from now on, since none that did is left. It is the
    /// last in the queue, which has the most of its waiting before it.
    pub(crate) fn appoint(&mut self) -> Option<ThreadId> {
        if self.timekeepers > 0 {
            return None;
        }
        let last = *self.asleep.back()?;
        self.waiters.get_mut(last.index())?.as_mut()?.keeps_time = true;
        self.timekeepers = 1;
        Some(last)
    }

    /// This waiter asks the holder to drop the lock.
    pub(crate) fn request(&mut self, id: ThreadId) {
        if let Some(Some(waiter)) = self.waiters.get_mut(id.index())
            && waiter.asked != Some(self.tenure)
        {
            waiter.asked = Some(self.tenure);
            self.requests += 1;
        }
    }

    /// The lock was taken: all requests were for the tenure before, and a thread that waits on
    /// must wait another interval before it asks again.
    pub(crate) fn new_tenure(&mut self) {
        self.tenure += 1;
        self.requests = 0;
    }

    /// The lock was dropped, so there is no holder to ask until it is taken.
    pub(crate) fn forget_requests(&mut self) {
        self.requests = 0;
    }

    /// Wakes the one that has slept longest, to try to take the lock.
    pub(crate) fn wake_next(&mut self) -> Option<ThreadId> {
        let next = self.asleep.pop_front()?;
        if let Some(Some(waiter)) = self.waiters.get_mut(next.index()) {
            waiter.woken = true;
        }
        Some(next)
    }

    /// The longest sleeper of those that `preferred` prefers, else the longest of all.
    pub(crate) fn first(&self, preferred: impl Fn(ThreadId) -> bool) -> Option<ThreadId> {
        let front = self.asleep.front().copied();
        self.asleep.iter().copied().find(|&id| preferred(id)).or(front)
    }

    /// All that wait, by number.
    pub(crate) fn all(&self) -> Vec<ThreadId> {
        let waits = |&index: &usize| self.waiters[index].is_some();
        (0..self.waiters.len()).filter(waits).map(|index| ThreadId(index as u32)).collect()
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
    /// A number for a new thread.
    pub(crate) fn add(&mut self) -> ThreadId {
        let free = self.0.iter().position(Option::is_none);
        let index = free.unwrap_or(self.0.len());
        if free.is_none() {
            self.0.push(None);
        }
        self.0[index] = Some(Class::Io);
        ThreadId(index as u32)
    }

    /// A thread has left; its number is free for another.
    pub(crate) fn remove(&mut self, id: ThreadId) {
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

    /// It dropped the lock because another thread wanted it.
    pub(crate) fn was_asked(&mut self, id: ThreadId) {
        self.0[id.index()] = Some(Class::Cpu);
    }

    fn get(&self, id: ThreadId) -> Option<Class> {
        self.0.get(id.index()).copied().flatten()
    }
}
