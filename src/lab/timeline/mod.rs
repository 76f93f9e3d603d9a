//! What any engine did, on one axis of time: threads, tasks, workers
//!
//! ```text
//!   lock ─ Recording ──────┐
//!   loop ─ LoopRecording ──┼─▶ timeline ─┬─▶ lanes in characters, or as a picture of a page
//!   pool ─ its events ─────┘             └─▶ a trace file, and back
//!
//!   lanes        a timeline in characters
//!     ├─ fold        which lanes of many
//!     └─ columns     what one column of a lane shows
//! ```
//! ```text
//!   from_lock, from_loop, from_pool    a recording becomes a group of lanes
//! ```
//! Each engine records in a form of its own, the cheapest for it. Whoever shows them needs to know
//! one form only.

pub mod columns;
pub mod fold;
pub mod from_lock;
pub mod from_loop;
pub mod from_pool;
pub mod lanes;
pub mod timeline;
