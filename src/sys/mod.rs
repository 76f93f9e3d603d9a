//! The system calls, each behind a safe function.
//!
//! ```text
//!                  ┌────────────────────────────────────────────────────────────────┐
//!                  │ fd       checked, retry: how a call says that it failed        │
//!                  │          pipes, `ppoll` of one descriptor                      │
//!                  └────▲──────────────▲──────────────▲──────────────▲──────────────┘
//!   memory         socket         signal         process ◄────── usage
//!   mmap, huge     listeners,     a handler      fork            rusage, clocks,
//!   pages          packets,       that writes      │             cores
//!                  SCM_RIGHTS     an eventfd       ├ child: what it does before anything else
//!                                                  ├ pidfd: watched, killed, collected
//!                                                  ├ generation: which process of a family
//!                                                  ├ death: a code, or a signal
//!                                                  ▲
//!   futex: a word on                             process_tree
//!   which threads sleep                          what a process has started
//! ```
//! A call fails in one way throughout: [`fd::checked`] turns its -1 into the [`std::io::Error`] of
//! `errno`, and [`fd::retry`] repeats it after `EINTR`. (`mmap` and `fork` have results of their
//! own and do the same by hand.) Nothing here knows a loop, a pool or a lock, and nothing
//! keeps state between calls but the handler of `signal` and the page of `generation`.
//!
//! Read `fd` first, then the file of the noun you look for: `process` and `socket` are what the
//! fork server is made of (`process/forkserver/`), `signal` what `aio/signals.rs` listens to,
//! `memory` what the tasks' arena cuts up (`task/arena.rs`) and what processes share, `usage` what the lab measures.

pub(crate) mod child;
pub mod death;
pub mod fd;
pub mod futex;
pub(crate) mod generation;
pub mod memory;
pub(crate) mod pidfd;
pub mod process;
pub mod process_tree;
pub mod signal;
pub mod socket;
pub mod usage;
