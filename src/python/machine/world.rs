//! The world: all that changes while a program runs, as data.
//!
//! *Promises*: a copy shares what neither changes; no clock, no chance, no real thread.
//! *Leaves out*: who runs next (`explore`), and what an instruction does (`python/machine/execute.rs`).

use crate::python::front::position::Position;
use crate::python::value::any::{Id, Value};
use crate::python::value::heap::Heap;
use crate::python::value::object::{Frame, Object, Sync};
use crate::python::value::strings::StrId;
use std::sync::Arc;

/// What a thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// A lock to be free.
    Lock(Id),
    /// A notification of a condition.
    Notified(Id),
    /// An event to be set.
    Event(Id),
    /// A permit of a semaphore.
    Permit(Id),
    /// The other parties of a barrier.
    Barrier(Id),
    /// A thread to end.
    Join(usize),
    /// An item in a queue.
    Item(Id),
    /// Space in a queue.
    Space(Id),
    /// That all items of a queue are done.
    Done(Id),
    /// A time, in nanoseconds. The explorer lets it come at any moment.
    Sleep(u64),
}

/// How a thread has ended that did not return.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Failure {
    /// The exception, as Python prints it.
    pub text: String,
    /// The line that raised it.
    pub at: Position,
}

/// What is between two executions of one call that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stage {
    /// Nothing.
    #[default]
    None,
    /// It has left its lock and waits to be notified; it held the lock so many times.
    Waiting(usize),
    /// It has been notified, or not in time, and needs its lock back.
    Returning(usize, bool),
    /// It was so many-eth at a barrier.
    Arrived(usize),
    /// It has slept.
    Slept,
}

/// A thread.
#[derive(Debug, Clone, Default)]
pub struct Thread {
    /// Its calls, the innermost last. A thread that has ended has none.
    pub frames: Vec<Frame>,
    /// What it waits for, and whether it waits for a limited time only.
    pub wait: Option<(Wait, bool)>,
    /// The time limit of its wait has passed.
    pub timed_out: bool,
    /// Where it is in a call that waits.
    pub stage: Stage,
    /// Its object of class `Thread`; the main thread has none.
    pub object: Option<Id>,
    /// Nobody waits for its end.
    pub daemon: bool,
    /// The exception that ended it.
    pub failure: Option<Failure>,
}

/// All that changes.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The objects.
    pub heap: Heap,
    /// The globals.
    pub globals: Vec<Value>,
    /// How many of them are the program's. The library's own, behind those, do not change.
    pub own_globals: usize,
    /// The threads; number 0 is the main thread.
    pub threads: Vec<Arc<Thread>>,
    /// What was printed.
    pub output: Arc<String>,
    /// What was printed to stderr, which is no outcome.
    pub errors: Arc<String>,
    /// The time of a run, in nanoseconds. The explorer leaves it at 0.
    pub clock: u64,
    /// Where the numbers of `random` are.
    pub random: u64,
    /// Numbers that names of threads have used.
    pub names_used: usize,
}

impl Thread {
    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.frames.is_empty()
    }
}

impl World {
    /// Whether a thread could go on, without regard to time limits.
    pub fn is_ready(&self, number: usize) -> bool {
        let Some(thread) = self.threads.get(number) else { return false };
        match thread.wait {
            _ if thread.has_ended() => false,
            None => true,
            Some((wait, _)) => self.has_come(number, wait),
        }
    }

    /// Whether what a thread waits for has come.
    fn has_come(&self, number: usize, wait: Wait) -> bool {
        let sync = |id: Id| match self.heap.get(id) {
            Object::Sync(sync) => Some(sync),
            _ => None,
        };
        match wait {
            Wait::Lock(id) => match sync(id) {
                Some(Sync::Lock { owner }) => owner.is_none(),
                Some(Sync::RLock { owner, .. }) => owner.is_none_or(|owner| owner == number),
                _ => true,
            },
            Wait::Notified(id) => match sync(id) {
                Some(Sync::Condition { waiters, .. }) => !waiters.contains(&number),
                _ => true,
            },
            Wait::Event(id) => !matches!(sync(id), Some(Sync::Event { set: false })),
            Wait::Permit(id) => match sync(id) {
                Some(Sync::Semaphore { value, .. }) => *value > 0,
                _ => true,
            },
            Wait::Barrier(id) => match sync(id) {
                Some(Sync::Barrier { arrived, broken, .. }) => {
                    *broken || !arrived.contains(&number)
                }
                _ => true,
            },
            Wait::Join(other) => self.threads.get(other).is_none_or(|other| other.has_ended()),
            Wait::Item(id) => match sync(id) {
                Some(Sync::Queue { items, .. }) => !items.is_empty(),
                _ => true,
            },
            Wait::Space(id) => match sync(id) {
                Some(Sync::Queue { items, most, .. }) => {
                    *most <= 0 || i64::try_from(items.len()).is_ok_and(|len| len < *most)
                }
                _ => true,
            },
            Wait::Done(id) => match sync(id) {
                Some(Sync::Queue { unfinished, .. }) => *unfinished <= 0,
                _ => true,
            },
            Wait::Sleep(until) => self.clock >= until,
        }
    }

    /// Who holds the lock.
    pub fn owner(&self, lock: Id) -> Option<usize> {
        match self.heap.get(lock) {
            Object::Sync(Sync::Lock { owner } | Sync::RLock { owner, .. }) => *owner,
            _ => None,
        }
    }

    /// Whether all threads that are waited for have ended.
    pub fn has_ended(&self) -> bool {
        self.threads.iter().all(|thread| thread.daemon || thread.has_ended())
    }
}

/// A name of a thread, for messages: `main thread`, or `thread 1`.
pub fn thread_name(number: usize) -> String {
    match number {
        0 => "main thread".to_owned(),
        n => format!("thread {n}"),
    }
}

/// A named value at the end of a run.
pub type Named = (StrId, Value);
