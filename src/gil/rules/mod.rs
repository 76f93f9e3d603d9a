//! Who has the lock, and when it goes: every rule, without threads.
//!
//! ```text
//!   decision         The words of the lock's decisions: what a thread is told, and why
//!   machine          Who holds the lock, who has it next, and who sleeps meanwhile: every rule of the lock
//!   pending          Calls that only the main thread may make, such as the handlers of signals
//!   policy           When the lock changes hands, as plain data: five small choices make every GIL there has been
//!   ticker           When the next check is due, for policies that count: every `n + 1` ticks
//!   waiters          Who waits for the lock, in what order, and who of them has asked the holder to go
//! ```

pub mod decision;
pub mod machine;
pub mod pending;
pub mod policy;
pub mod ticker;
pub(crate) mod wait_queue;
