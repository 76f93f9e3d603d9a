//! Where the loop waits for descriptors: epoll through mio or polling, or a script.
//!
//! ```text
//!   event            What a loop needs of the operating system: a bell, a clock, and news of descriptors
//!   mio              The selector for real life: mio's epoll, edge-triggered, with timeouts to the nanosecond
//!   polling          The other selector for real life: the `polling` crate, one shot at a time
//!   scripted         The selector for tests: time is a number that jumps, and news comes from a script
//! ```

pub mod event;
pub mod mio;
pub mod polling;
pub mod scripted;
