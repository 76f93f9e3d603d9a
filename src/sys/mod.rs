//! The system calls, each behind a safe function.
//!
//! ```text
//!   fd               How a system call says that it failed: minus one, and a number to be looked up
//!   memory           Memory straight from the kernel
//!   process          Processes: fork, wait, kill by descriptor, and what a child does before anything else
//!   signal           What has arrived and nobody has looked at: a flag for each kind, and one bell for all
//!   socket           A listening TCP socket with the options that std does not offer
//!   usage            What the kernel charged: a child to its end, and a thread so far
//! ```

pub mod fd;
pub mod memory;
pub mod process;
pub mod signal;
pub mod socket;
pub mod usage;
