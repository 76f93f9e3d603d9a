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
//!
//!   from_lock, from_loop, from_pool    a recording becomes a group of lanes
//!   trace                              a timeline becomes a file for Perfetto
//!   trace_reader ─ trace_event         such a file becomes a timeline, or says what is wrong with it
//! ```
//! Each engine records in a form of its own, the cheapest for it. Whoever shows them needs to know
//! one form only.

pub mod columns;
pub mod fold;
pub mod from_lock;
pub mod from_loop;
pub mod from_pool;
pub mod lanes;
#[expect(clippy::module_inception, reason = "the folder is named after what it makes")]
pub mod timeline;
pub mod trace;
pub(crate) mod trace_event;
pub mod trace_reader;
