//! The threads of a lock by number, each in one of Beazley's two classes.
//!
//! *Assumes*: its caller says what a thread did when it dropped the lock.
//! *Promises*: a number is used again only after its thread has left; a newcomer is of the
//! I/O class.
//! *Leaves out*: what a class is good for (`gil/machine.rs`, under a priority hand-off only).
//!
//! ```text
//!            drops the lock because it blocks
//!      I/O ◀─────────────────────────────────▶ CPU
//!            drops the lock because it was asked
//! ```
//! From Beazley's patch of 2010 (bpo-7946): whoever had to be told to go computes, whoever went
//! by itself waits for something. An I/O thread then need not wait for a CPU thread's interval.

use crate::gil::verdict::ThreadId;

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
