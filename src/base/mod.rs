//! The ground floor: the words every other floor speaks.

pub mod arena;
pub mod arrivals;
pub mod error;
pub mod id;
pub mod random;
pub mod slab;
pub mod sync;
pub mod sys;
pub mod wire;
