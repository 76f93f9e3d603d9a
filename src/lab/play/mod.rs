//! `singletrack explore --play`: the reader is the scheduler.
//!
//! ```text
//!   request   a file or a level, with its policy and its goal
//!   level     the twelve levels, and what the first comments of a program say
//!   session   asks for a thread, lets it go, until the goal is met or nobody can go on
//!     ├─ game     a schedule that a person makes; and back again. Pure
//!     └─ board    how it looks: source, threads, values. Pure
//! ```
//! To read: `game`, `board`, `session`. To add a level: a file under examples/levels and its name in
//! `level`; a test proves that it can be won.

pub mod board;
pub mod game;
pub mod level;
pub mod request;
pub mod session;
