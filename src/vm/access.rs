//! What an instruction touches that threads share.
//!
//! *Promises*: two instructions whose accesses do not conflict come to the same in either order,
//! and neither decides whether the other can run.
//! *Leaves out*: what a step of several instructions touches (`vm/world.rs`).
//!
//! ```text
//!   LOAD_GLOBAL x      Read x      ─┐ conflict
//!   STORE_GLOBAL x     Write x     ─┘
//!   ACQUIRE door       Lock door   ─┐ conflict: a condition counts as its lock
//!   CONDITION_NOTIFY   Lock door   ─┘
//! ```

use crate::vm::op::Op;
use crate::vm::program::Program;

/// An access to something that threads share.
///
/// ```
/// use singletrack::vm::access::Access;
///
/// assert!(Access::Read(0).conflicts(Access::Write(0)));
/// assert!(!Access::Read(0).conflicts(Access::Read(0)), "in either order they see the same");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// A global was read.
    Read(u16),
    /// A global was written.
    Write(u16),
    /// A lock was taken, released, or found taken; or something was done to a condition of it.
    Lock(u16),
    /// An event was set, cleared, read or waited for.
    Event(u16),
    /// A permit of a semaphore was taken, given, or waited for.
    Semaphore(u16),
}

impl Access {
    /// What the instruction touches; `None` if that is the thread's own.
    pub fn of(program: &Program, op: Op) -> Option<Access> {
        Some(match op {
            Op::LoadGlobal(global) => Access::Read(global),
            Op::StoreGlobal(global) => Access::Write(global),
            Op::Acquire(lock) | Op::Release(lock) => Access::Lock(lock),
            Op::EventSet(event)
            | Op::EventClear(event)
            | Op::EventIsSet(event)
            | Op::EventWait(event) => Access::Event(event),
            Op::ConditionWait(condition)
            | Op::ConditionNotify(condition)
            | Op::ConditionNotifyAll(condition) => {
                Access::Lock(program.conditions[usize::from(condition)].lock)
            }
            Op::SemaphoreAcquire(semaphore) | Op::SemaphoreRelease(semaphore) => {
                Access::Semaphore(semaphore)
            }
            Op::LoadConst(_)
            | Op::LoadFast(_)
            | Op::StoreFast(_)
            | Op::Add
            | Op::Subtract
            | Op::LessThan
            | Op::PopTop
            | Op::PopJumpIfFalse(_)
            | Op::JumpForward(_)
            | Op::JumpBackward(_)
            | Op::Call(_)
            | Op::CallBlocking
            | Op::Sleep(_)
            | Op::ReturnValue
            | Op::CallC
            | Op::CallCFast
            | Op::BeforeWith => return None,
        })
    }

    /// Whether the order of two such accesses, by different threads, makes a difference.
    pub fn conflicts(self, other: Access) -> bool {
        match (self, other) {
            (Access::Read(a) | Access::Write(a), Access::Write(b))
            | (Access::Write(a), Access::Read(b))
            | (Access::Lock(a), Access::Lock(b))
            | (Access::Event(a), Access::Event(b))
            | (Access::Semaphore(a), Access::Semaphore(b)) => a == b,
            _ => false,
        }
    }
}
