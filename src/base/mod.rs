//! What every floor uses: locks, ids, what a panic leaves, numbers from a seed.
//!
//! ```text
//!   id               Numbers that stand for things: a task's id fits in one machine word, so a waker can be one
//!   panic            What a panic leaves behind, and warnings that have no other place to go
//!   random           Numbers that look random and are the same for the same seed
//!   sync             The locks and atomics that two threads meet at: parking_lot's and std's, or a model's
//! ```

pub mod id;
pub mod panic;
pub mod random;
pub mod sync;
