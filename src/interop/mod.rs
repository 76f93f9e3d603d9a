//! Other people's traits on the loop's own types: hyper's, tokio's, those of futures
//!
//! ```text
//!   their trait                          ours                            feature
//!
//!   futures_io   AsyncRead, AsyncWrite   ┐                               futures-io
//!   tokio_io     AsyncRead, AsyncWrite   ├ byte streams, readers,        tokio-io
//!   hyper        Read, Write             ┘ writers: by `halves`          hyper
//!                Executor, Timer           create_task, sleep
//!   stream       Stream                    listeners, signals, tasks     futures-core
//! ```
//! The streams are listeners, signals, tasks in the order in which they are done, and the ticks of
//! an `Interval`.
//!
//! A file here has no logic of its own: what a read or a write is stands once, in `halves`, and each
//! trait is spelled out over it. None of the features brings a runtime: `tokio-io` uses tokio's
//! traits alone, with all of its features off.
//!
//! # tokio-console, and other subscribers
//!
//! With the feature `tracing` each task is a span `runtime.spawn`, entered for each of its steps, and
//! each use of a waker an event `runtime::waker`: what tokio-console looks for. So it lists the tasks of
//! this loop with their names, where they were made, and how long each was busy, scheduled and idle. A
//! program that shows itself so needs the crate `console-subscriber`, built with
//! `--cfg console_without_tokio_unstable`; `examples/real/console` is one.
//!
//! Faults are told as warnings with the target `singletrack::event_loop::lints`, to any subscriber: a
//! step that holds the loop, a task that mostly wakes itself, and one that waits though no waker of it is
//! left (which one that awaits [`pending`](std::future::pending) does on purpose).
//! [`lints`](crate::event_loop::lints::lints) finds them in a recording as well, the last only with
//! this feature. A subscriber may wake tasks, but must not use the loop otherwise: it is called in the
//! middle of its work. The code is `event_loop/spans.rs`, since wakers are made there.
#![doc = include_str!("what_runs.md")]
#![doc = include_str!("from_tokio.md")]

#[cfg(feature = "futures-io")]
mod futures_io;
#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
mod halves;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "futures-core")]
mod stream;
#[cfg(feature = "tokio-io")]
mod tokio_io;

#[cfg(feature = "hyper")]
pub use hyper::{LoopExecutor, LoopTimer};
#[cfg(feature = "futures-core")]
pub use stream::Incoming;
