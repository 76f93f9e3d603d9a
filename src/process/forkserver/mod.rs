//! The fork server: one thread, forked first, that forks all others.
//!
//! ```text
//!   client           The fork server: a process with one thread, forked first, that forks workers when asked
//!   process          A process for one function: start it, watch it, wait for its end, take its result
//!   server           Spare workers, forked ahead of being asked for. Pure
//!   worker           What is to be done around every fork of a worker
//! ```

pub mod client;
pub mod process;
pub mod server;
pub mod worker;
