//! One face over threads, switched threads and processes: `concurrent.futures`.

pub mod bridge;
pub mod crew;
pub mod executor;
pub mod future;
pub mod gil_threads;
pub(crate) mod hall;
pub(crate) mod home;
pub(crate) mod job;
pub(crate) mod oneshot;
pub mod processes;
pub mod state;
pub mod threads;
pub mod waiting;
