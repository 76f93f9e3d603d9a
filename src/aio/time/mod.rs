//! Waiting for time: sleeping, and limits.
//!
//! ```text
//!   timeout    polls a body, and beside it a sleep: the first that is ready wins
//!      │
//!      │       interval   one sleep after the other, at times that do not drift
//!      │          │
//!   sleep      one timer of the loop, which a drop cancels
//!      │
//!   Timers     (event_loop/timers.rs) a heap of deadlines
//! ```
//! From when a time counts is one rule for all of them, and stands in [`sleep`].
//!
//! Read `sleep`, then `interval`, then `timeout`: there a drop replaces asyncio's counting of cancels.

pub mod interval;
pub mod sleep;
pub mod timeout;
