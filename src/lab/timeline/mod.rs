//! What any engine did, on one axis of time: threads, tasks, workers
//!
//! ```text
//!   lock ─ Recording ──────┐
//!   loop ─ LoopRecording ──┼─▶ timeline ─┬─▶ lanes in characters, or as a picture of a page
//!   pool ─ its events ─────┘             └─▶ a trace file, and back
//! ```
//! Each engine records in a form of its own, the cheapest for it. Whoever shows them needs to know
//! one form only.

pub mod timeline;
