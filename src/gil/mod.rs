//! Switched threads: real threads of which one runs at a time, as under CPython's GIL.
//!
//! ```text
//!   rules/           Who has the lock, and when it goes: every rule, without threads
//!   stats/           What is counted, measured and recorded of a lock and its threads
//!   lock/            The lock: real threads that follow the rules
//!   simulator/       The same rules on simulated cores, in virtual time
//!   free_threading/  Threads without a lock, and one that stops the others
//! ```

pub mod free_threading;
pub mod lock;
pub mod rules;
pub mod simulator;
pub mod stats;

pub use free_threading::attached::{Attached, Stopped};
pub use free_threading::scope::FreeThreading;
pub use lock::cell::{ChannelError, GilCell, WrongLock, channel};
pub use lock::gil_thread::{GilThread, GilThreadPoolExecutor};
pub use lock::global_lock::GlobalLock;
pub use lock::token::Gil;
pub use rules::decision::{
    AttachError, Decision, DropReason, Next, NotHolder, Refusal, Release, SleepReason, ThreadId,
};
pub use rules::policy::{
    Check, Checkpoint, DropFlag, HandOff, PointCheck, PolicyError, Substrate, SwitchPoint,
    SwitchPolicy,
};
pub use simulator::script::{Act, Costs, CostsError, Ending, Run, Script};
pub use simulator::simulation::{MAX_CORES, NoSuchMachine, Simulator};
pub use stats::counters::Counters;
pub use stats::histogram::Histogram;
pub use stats::record::{EventKind, LockEvent, LockState, Recording, Slice, Track};
