//! The ground floor: the words every other floor speaks.
//!
//! ```text
//!   two threads meet      sync: locks and atomics · arrivals: flags and a bell (pure)
//!   numbers for things    id (pure) · slab (pure)
//!   what went wrong       error
//!   a pipe carries        wire
//!   the same every time   random (pure)
//!   memory for tasks      arena ─► sys/memory
//!   the kernel            sys: one file a noun
//! ```
//! They hardly need each other: look a page up when a floor above names it.

pub mod arena;
pub mod arrivals;
pub mod error;
pub mod id;
pub mod random;
pub mod slab;
pub mod sync;
pub mod sys;
pub mod wire;
