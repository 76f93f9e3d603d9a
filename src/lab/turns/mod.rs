//! `singletrack loop step`: an event loop, one iteration at a time
//!
//! ```text
//!   request  which scene, or which program, and how to show it
//!
//!   scene    a small program of ours: which tasks, and what they wait for
//!     ├─ turn      runs it in virtual time, an iteration at a time; after each: what the loop has
//!     │            recorded, and what every task waits for now
//!   program  a Python program: the same of the loop that it runs
//!     ├─ standing  what its machine says of its tasks: names, waits, lines
//!     ├─ lanes     its tasks on the virtual clock
//!     ▼
//!   view     one turn as text
//!     │
//!     ├─ html      all of them on a page, which a browser steps through
//!     ├─ document  all of them for machines
//!     │
//!   walk     forwards and back, by keys, by lines, or all of them at once
//! ```
//! A loop that runs for real cannot go back. This one has run to its end before anything is shown:
//! its time is virtual, so that costs nothing, and the same scene is the same every time.

pub mod document;
pub mod html;
pub mod lanes;
pub mod program;
pub mod request;
pub mod scene;
pub mod standing;
pub mod turn;
pub mod view;
pub mod walk;
