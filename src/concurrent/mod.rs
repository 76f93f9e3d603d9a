//! One face over threads, switched threads and processes: `concurrent.futures`.

pub mod executor;
pub mod future;
pub mod state;
