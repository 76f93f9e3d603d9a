//! What every floor uses: locks, ids, what a panic leaves, numbers from a seed.
//!
//! ```text
//!   id       loops, tasks and slots as numbers that notice when they are stale
//!   sync     Mutex, Condvar, Arc, atomics: parking_lot's and std's, or those of loom or shuttle
//!   panic    the message of a payload, and dropping one safely
//!   random   SplitMix64
//!   text     what strangers wrote, such that a terminal survives it
//!   origin   the process that made a thing: copies that came with a fork are left alone
//! ```
//! The six know nothing of each other. Read `id` before `task/` (a waker is a task's id), and
//! `sync` before any file that a model checks: which locks and atomics it uses is decided there.

pub mod id;
pub mod origin;
pub mod panic;
pub mod random;
pub mod sync;
pub mod text;
