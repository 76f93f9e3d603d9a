//! `singletrack loop step`: an event loop, one iteration at a time
//!
//! ```text
//!   scene    a small program: which tasks, and what they wait for
//!     │
//!   turn     runs it in virtual time, an iteration at a time; after each: what the loop has
//!     │      recorded, and what every task waits for now
//!   view     one of those as text
//!     │
//!   walk     forwards and back, by keys, by lines, or all of them at once
//! ```
//! A loop that runs for real cannot go back. This one has run to its end before anything is shown:
//! its time is virtual, so that costs nothing, and the same scene is the same every time.

pub mod scene;
pub mod turn;
pub mod view;
pub mod walk;
