//! One face over threads, switched threads and processes: `concurrent.futures`.

pub mod crew;
pub mod executor;
pub mod future;
mod home;
pub mod processes;
pub mod state;
pub mod threads;
