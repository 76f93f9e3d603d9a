//! Three kinds of concurrency, built from system calls up, to be read, run and raced.
//!
//! * the **event loop**: a hand-written reactor on `mio`, tasks, wakers, timers (*asyncio*);
//! * the **switched threads**: [`GlobalLock`](gil::lock::GlobalLock), an emulator of CPython's
//!   interpreter lock over real OS threads (*threading*);
//! * the **process pool**: forked workers behind `libc` pipes (*multiprocessing*);
//!
//! and over all three one [`Future`](concurrent::future::Future) and one
//! [`Executor`](concurrent::executor::Executor) (*concurrent.futures*).
//!
//! # The floors
//!
//! A file may import only files printed above it. So this list is the layering, the reading
//! order and the table of contents at once; `tests/floors.rs` enforces it.
//!
//! ```text
//! words
//!   base/sync.rs               the locks two threads meet at: parking_lot's, or loom's
//!   base/error.rs              why a job has no value
//!   base/id.rs                 loop, generation and index in one word
//!   base/slab.rs               slots whose stale keys open nothing
//!   base/wire.rs               what may cross a pipe, and how it is encoded
//!   base/sys/poll.rs           unsafe: ppoll
//! roof
//!   main.rs                    the `singletrack` command
//! ```
//!
//! # Unsafe
//!
//! `unsafe` is denied outside these files: `base/sync.rs` (under loom only) and
//! `base/sys/*.rs` (system calls).
#![deny(unsafe_code)]

pub mod base;
