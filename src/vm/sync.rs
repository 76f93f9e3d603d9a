//! What the threads of a program wait for: locks, events, conditions, semaphores.
//!
//! *Promises*: Python's rules. A lock may be released by any thread, and must be taken to be
//! released; a condition wakes the thread that has waited longest; a notification that nobody
//! waits for is gone; an event that is set and cleared at once wakes all that waited; a permit
//! belongs to no one.
//! *Leaves out*: where a thread stands in its code (`vm/thread.rs`); time limits of waits, and
//! `RLock`.
//!
//! ```text
//!   CONDITION_WAIT full      the lock is released and the thread joins the queue, in one step
//!     queue   2 ◀─ 1 ◀─ 3    CONDITION_NOTIFY lets 2 leave it, CONDITION_NOTIFY_ALL all three
//!     then    2 waits for the lock, as any thread does, and goes on when it has it
//! ```
//! `threading.Condition` is written in Python: its queue is a `deque` of locks, one for each
//! waiter. What is one step here is one step there for all that keep its rules, since the lock is
//! held.

use crate::vm::program::Program;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;

/// What a thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// That a lock is released.
    Lock(u16),
    /// That an event is set.
    Event(u16),
    /// That a condition is notified.
    Condition(u16),
    /// That a semaphore has a permit.
    Semaphore(u16),
}

/// Why a thread of a program ended before its function returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Exception {
    /// It released a lock that was free.
    ReleaseUnlocked,
    /// It waited for a condition whose lock was free.
    WaitUnlocked,
    /// It notified a condition whose lock was free.
    NotifyUnlocked,
}

/// Python's words.
impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Exception::ReleaseUnlocked => "RuntimeError: release unlocked lock",
            Exception::WaitUnlocked => "RuntimeError: cannot wait on un-acquired lock",
            Exception::NotifyUnlocked => "RuntimeError: cannot notify on un-acquired lock",
        })
    }
}

/// An event: a flag, and the threads that wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Event {
    set: bool,
    waiting: BTreeSet<usize>,
}

/// All that the threads of one program wait for.
///
/// ```
/// use singletrack::vm::assembler::assemble;
/// use singletrack::vm::sync::{SyncObjects, Wait};
///
/// let mut sync = SyncObjects::of(&assemble("lock door\ncondition full(door)")?);
/// assert!(sync.acquire(0, 0));
/// sync.wait_for_condition(1, 0, 0).unwrap();
/// assert_eq!(sync.owner(0), None, "released, whoever had it");
/// assert!(sync.holds_up(1, Wait::Condition(0)));
///
/// assert!(sync.notify(0, 0, usize::MAX).is_err(), "its lock is free");
/// assert!(sync.acquire(2, 0));
/// assert_eq!(sync.notify(0, 0, usize::MAX).unwrap(), [1]);
/// assert!(sync.holds_up(1, Wait::Lock(0)), "it is woken, and needs the lock");
/// # Ok::<(), singletrack::vm::lexemes::AssembleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SyncObjects {
    /// The thread that has taken each lock.
    owners: Vec<Option<usize>>,
    events: Vec<Event>,
    /// The threads that wait to be notified, the one that has waited longest first.
    conditions: Vec<VecDeque<usize>>,
    /// The permits of each semaphore.
    permits: Vec<u64>,
}

impl SyncObjects {
    /// As they are at the start: locks free, events not set.
    pub fn of(program: &Program) -> SyncObjects {
        SyncObjects {
            owners: vec![None; program.locks.len()],
            events: vec![Event::default(); program.events.len()],
            conditions: vec![VecDeque::new(); program.conditions.len()],
            permits: program.semaphores.iter().map(|s| u64::from(s.permits)).collect(),
        }
    }

    /// About how much memory they take.
    pub fn bytes(&self) -> usize {
        let lists = size_of_val(&self.events[..]) + size_of_val(&self.conditions[..]);
        size_of_val(&self.owners[..]) + lists + size_of_val(&self.permits[..])
    }

    /// Whether a thread that waits for this has to go on waiting.
    pub fn holds_up(&self, thread: usize, wait: Wait) -> bool {
        match wait {
            Wait::Lock(lock) => self.owner(lock).is_some(),
            Wait::Event(event) => self.events[usize::from(event)].waiting.contains(&thread),
            Wait::Condition(condition) => self.conditions[usize::from(condition)].contains(&thread),
            Wait::Semaphore(semaphore) => self.permits(semaphore) == 0,
        }
    }

    /// The thread that has taken the lock, if it is not free.
    pub fn owner(&self, lock: u16) -> Option<usize> {
        self.owners[usize::from(lock)]
    }

    /// Whether the event is set.
    pub fn is_set(&self, event: u16) -> bool {
        self.events[usize::from(event)].set
    }

    /// How many permits the semaphore has.
    pub fn permits(&self, semaphore: u16) -> u64 {
        self.permits[usize::from(semaphore)]
    }

    /// Takes the lock, if it is free.
    pub fn acquire(&mut self, thread: usize, lock: u16) -> bool {
        let free = self.owner(lock).is_none();
        if free {
            self.owners[usize::from(lock)] = Some(thread);
        }
        free
    }

    /// Releases the lock, whoever has taken it.
    ///
    /// # Errors
    /// [`Exception::ReleaseUnlocked`] if it is free.
    pub fn release(&mut self, lock: u16) -> Result<(), Exception> {
        match self.owners[usize::from(lock)].take() {
            Some(_) => Ok(()),
            None => Err(Exception::ReleaseUnlocked),
        }
    }

    /// Sets the event: all that wait for it may go on, also if it is cleared before they do.
    pub fn set(&mut self, event: u16) -> Vec<usize> {
        let event = &mut self.events[usize::from(event)];
        event.set = true;
        std::mem::take(&mut event.waiting).into_iter().collect()
    }

    /// Clears the event.
    pub fn clear(&mut self, event: u16) {
        self.events[usize::from(event)].set = false;
    }

    /// Whether the event is set; if not, the thread waits for it from now on.
    pub fn wait_for_event(&mut self, thread: usize, event: u16) -> bool {
        let event = &mut self.events[usize::from(event)];
        if !event.set {
            event.waiting.insert(thread);
        }
        event.set
    }

    /// Releases the condition's lock; the thread waits to be notified from now on.
    ///
    /// # Errors
    /// [`Exception::WaitUnlocked`] if the lock is free.
    pub fn wait_for_condition(
        &mut self,
        thread: usize,
        condition: u16,
        lock: u16,
    ) -> Result<(), Exception> {
        self.release(lock).map_err(|_| Exception::WaitUnlocked)?;
        self.conditions[usize::from(condition)].push_back(thread);
        Ok(())
    }

    /// Lets so many threads leave the condition's queue, and says which.
    ///
    /// # Errors
    /// [`Exception::NotifyUnlocked`] if the lock is free.
    pub fn notify(
        &mut self,
        condition: u16,
        lock: u16,
        most: usize,
    ) -> Result<Vec<usize>, Exception> {
        self.owner(lock).ok_or(Exception::NotifyUnlocked)?;
        let queue = &mut self.conditions[usize::from(condition)];
        let count = queue.len().min(most);
        Ok(queue.drain(..count).collect())
    }

    /// Takes a permit, if there is one.
    pub fn take_permit(&mut self, semaphore: u16) -> bool {
        let permits = &mut self.permits[usize::from(semaphore)];
        let free = *permits > 0;
        *permits = permits.saturating_sub(1);
        free
    }

    /// Gives a permit.
    pub fn give_permit(&mut self, semaphore: u16) {
        let permits = &mut self.permits[usize::from(semaphore)];
        *permits = permits.saturating_add(1);
    }
}
