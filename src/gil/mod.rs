//! Switched threads: real threads of which one runs at a time, as under CPython's GIL.
//!
//! ```text
//!                   real threads, one lock        simulated cores             no lock
//!
//!   is called       token · cell · ensure         simulator                   attached
//!                     worker · channel              │ script · costs            │
//!                         │                         │ actor · cores             │
//!   sleeps, wakes   thread_state · lock             │ timeline · outcome      member
//!                     door · seat                   │                           free_threading
//!                         │                         │                           │
//!   decides         machine: waiters · classes ◀────┘                         world
//!                         │                                         (all that decides is pure)
//!   by these rules  policy · ticker
//!
//!   writes down     diary: one thread's counters, histogram, ring · shelf: all diaries
//!   reads           watch: counters, times, record
//! ```
//!
//! To take the lock is [`GlobalLock::attach`](lock::GlobalLock::attach); who has it next is for
//! [`Machine`](machine::Machine) to say; when it must be dropped, for
//! [`SwitchPolicy`](policy::SwitchPolicy).

mod actor;
pub mod attached;
pub mod cell;
pub mod channel;
pub mod check;
mod classes;
mod cores;
pub mod costs;
pub mod counters;
mod diary;
mod door;
pub mod ensure;
pub mod error;
pub mod free_threading;
pub mod histogram;
mod interrupts;
mod interval;
pub mod lock;
pub mod machine;
mod member;
mod observer;
pub mod outcome;
mod own;
pub mod pending;
pub mod policy;
pub mod record;
mod ring;
pub mod script;
mod seat;
mod shelf;
pub mod simulator;
pub(crate) mod thread_state;
pub mod ticker;
mod timeline;
pub mod token;
pub mod verdict;
mod waiters;
mod watch;
pub mod worker;
pub mod world;
