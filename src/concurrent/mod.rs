//! One face over threads, switched threads and processes: `concurrent.futures`.
//!
//! ```text
//!   the face       executor: submit, map, shutdown            waiting: wait, as_completed
//!                     │
//!   who runs it    threads ◀── gil_threads    processes       bridge: an event loop's tasks
//!                     │                          └▶ process/pool        and futures
//!                  hall: where jobs and threads meet
//!                     │  └ job: a closure and its future
//!   decides        crew (pure)
//!
//!   the result     future: Promise, Future ──▶ oneshot: the cell they share
//!                                                └▶ state (pure): which step may follow
//!   who waits      home: for whom this thread works, so that it does not wait for itself
//! ```
//! To read: [`state`], [`future`], [`executor`]; then [`crew`] and [`threads`], the pool that is
//! all in this folder; [`waiting`] and [`bridge`] last.

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
