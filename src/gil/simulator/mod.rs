//! The same rules on simulated cores, in virtual time.
//!
//! ```text
//!   actor            A simulated thread: where it stands in its script, what it is at, and what happened to it
//!   cores            Simulated cores, and the scheduler that gives them to threads
//!   script           What a simulated thread does: acts, one after the other, so many rounds
//!   simulation       The lock's rules on so many cores, in virtual time: a battle of 2009 on a laptop of today
//!   timeline         Threads on cores as virtual time goes by: who is at which step, until when
//! ```

pub(crate) mod actor;
pub(crate) mod cores;
pub mod script;
pub mod simulation;
pub(crate) mod timeline;
