//! The locks of a program: who has which, and who waits for ever.
//!
//! *Assumes*: a lock is let go by the thread that took it; the verifier sees to that.
//! *Promises*: a cycle of threads that wait for each other is found.
//! *Leaves out*: sleeping and waking (`vm/run.rs`).
//!
//! ```text
//!   thread 1 ── wants ──▶ b ── held by ──▶ thread 2 ── wants ──▶ a ── held by ──▶ thread 1
//! ```

/// The locks that the threads of one program share.
///
/// ```
/// use singletrack::vm::locks::Locks;
///
/// let mut locks = Locks::new(2, 2);
/// assert!(locks.acquire(0, 0) && locks.acquire(1, 1));
/// assert!(!locks.acquire(0, 1), "taken: thread 0 waits");
/// assert!(!locks.is_stuck(0), "thread 1 may still let go");
/// assert!(!locks.acquire(1, 0));
/// assert!(locks.is_stuck(0) && locks.is_stuck(1), "now it cannot");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Locks {
    /// By lock.
    owners: Vec<Option<usize>>,
    /// By thread.
    states: Vec<State>,
}

/// Where a thread stands with locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    Runs,
    Waits(u16),
    HasStopped,
}

impl Locks {
    /// Free locks, and threads that run.
    pub fn new(locks: usize, threads: usize) -> Locks {
        Locks { owners: vec![None; locks], states: vec![State::Runs; threads] }
    }

    /// Takes the lock if it is free; if not, the thread waits, until it tries again.
    pub fn acquire(&mut self, thread: usize, lock: u16) -> bool {
        let owner = &mut self.owners[usize::from(lock)];
        let free = owner.is_none();
        if free {
            *owner = Some(thread);
        }
        self.states[thread] = if free { State::Runs } else { State::Waits(lock) };
        free
    }

    /// Lets go of the lock.
    pub fn release(&mut self, lock: u16) {
        self.owners[usize::from(lock)] = None;
    }

    /// This thread does not run any more. What it holds it will hold for ever.
    pub fn stops(&mut self, thread: usize) {
        self.states[thread] = State::HasStopped;
    }

    /// The thread that has the lock.
    pub fn owner(&self, lock: u16) -> Option<usize> {
        self.owners[usize::from(lock)]
    }

    /// This thread waits, and nobody is left who could end that.
    pub fn is_stuck(&self, thread: usize) -> bool {
        let mut at = thread;
        // A chain that is longer than there are threads goes in a cycle.
        for _ in 0..self.states.len() {
            let State::Waits(lock) = self.states[at] else {
                return at != thread && self.states[at] == State::HasStopped;
            };
            match self.owner(lock) {
                None => return false,
                Some(owner) => at = owner,
            }
        }
        true
    }
}
