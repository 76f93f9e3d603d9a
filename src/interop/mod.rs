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
