//! What asyncio users know: sleeping, sockets, locks, queues, tasks, and `run`.
//!
//! ```text
//!                waits for time   for a descriptor             for each other      for tasks
//!                time/            net/, streams/               sync/               tasks/
//!
//!   is called    run: a loop, start to close
//!                timeout          server · subprocess          lock · semaphore    task_group
//!                    │            reader · writer              event · barrier     combine
//!                    │            │  └ buffers (pure)          queue                  │
//!                    │            tcp · unix · udp · pipes         │               children
//!                    │            │  └ byte_stream                 │                  │
//!   waits        sleep            async_fd · fds · signals     waiters: Acquire    Task
//!                    │                │                            │             (join)
//!                    │                │                            │                  │
//!   wakes        timers           reactor                      waiters: Waiters    scheduler
//!                (event_loop/)    (event_loop/)                (pure)              (event_loop/)
//! ```
//! At the root: `run`, `signals` (with `signal_dispatcher`) and `subprocess`, which use several groups. Every name that
//! a user needs is re-exported here: `use singletrack::aio::{sleep, timeout};`.
//!
//! Read a column upwards: `time/sleep`; or `net/async_fd`, `net/byte_stream`, `net/tcp`,
//! `streams/reader`; or `sync/waiters`, `sync/semaphore`, `sync/lock`. Each group's own page has a
//! drawing of it.
//!
//! # How to add a primitive or a stream type
//!
//! *A primitive* is a pure `Synchronizer` that waits through `Acquire` (`aio/sync/waiters.rs`);
//! its wakes and drops are checked by `tests/model/sync.rs`. The steps are in [`sync`].
//!
//! *A stream type* is an implementation of `Bytes` under `ByteStream` (`aio/net/byte_stream.rs`);
//! readiness is checked by `tests/model/registry.rs` and `tests/model/backends.rs`. The steps are
//! in [`net`].
//!
//! *Anything else that waits* needs one of four wakers: a timer (`sleep`), a descriptor
//! (`AsyncFd::io_call`), a grant (`Acquire`) or a task's end (`Task`). Build it from these, and a
//! drop cleans up by itself. A future that stores a waker elsewhere removes it in its own `drop`, as
//! `IoWait` does, and clones, calls and drops wakers outside every borrow.
//!
//! The properties that these pages promise again and again (T of tasks, M of timers, R of the
//! reactor, Z of signals and processes) stand in `tests/properties.md`, each with the tests that show it;
//! `tests/aio_scenarios.rs` says of asyncio's scenarios 20 to 64 which test shows each.
#![doc = include_str!("asyncio.md")]

pub mod net;
pub mod run;
pub(crate) mod signal_dispatcher;
pub mod signals;
pub mod streams;
pub mod subprocess;
pub mod sync;
pub mod tasks;
pub mod time;

pub use crate::event_loop::calls::CallHandle;
pub use crate::event_loop::join::TaskCanceller;
pub use crate::event_loop::lifecycle::EventLoop;
pub use crate::event_loop::scheduler::create_task;
pub use crate::event_loop::{LoopHandle, Task, create_eager_task};
pub use crate::futures::{ReturnWhen, promise};
pub use crate::sys::fd::Direction;
pub use crate::sys::socket::ListenOptions;
pub use crate::task::budget::yield_now;
pub use crate::task::state::TaskError;
pub use net::byte_stream::{ByteStream, Bytes, PipeReader, PipeWriter, pipe};
pub use net::fds::{add_reader, add_writer, readable, remove_reader, remove_writer, writable};
pub use net::lookup::lookup_host;
pub use net::owned_halves::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub use net::tcp::{TcpListener, TcpStream};
pub use net::udp::UdpSocket;
pub use net::unix::{UnixDatagram, UnixListener, UnixStream};
pub use run::{RunError, RunOptions, block_on, run, run_on, run_with};
pub use signals::{Signal, add_signal_handler, remove_signal_handler, signal};
pub use streams::buffers::StreamError;
pub use streams::reader::{
    DEFAULT_LIMIT, StreamReader, TcpStreams, UnixStreams, open_connection, open_unix_connection,
    split,
};
pub use streams::server::{
    Listener, Server, ServerOptions, ServerStats, start_server, start_server_with,
};
pub use streams::writer::StreamWriter;
pub use subprocess::{Child, spawn};
pub use sync::barrier::{Barrier, BrokenBarrier};
pub use sync::event::Event;
pub use sync::lock::{Condition, Lock, LockGuard};
pub use sync::notify::Notify;
pub use sync::queue::{
    DoneTooOften, GetError, LifoQueue, PriorityQueue, PutError, Queue, QueueOf, ShutDown, Store,
};
pub use sync::semaphore::{BoundedSemaphore, Permit, ReleasedTooOften, Semaphore};
pub use tasks::bridge::{
    ExecutorJob, run_in_executor, set_default_executor, shutdown_default_executor, to_thread,
};
pub use tasks::children::ChildError;
pub use tasks::combine::{
    AsCompleted, DoneAndPending, as_completed, gather, gather_outcomes, shield, try_gather,
    try_wait, wait,
};
pub use tasks::current::{
    ContextVar, all_tasks, consume_budget, create_named_task, current_task, scope, task_name,
};
pub use tasks::either::{Either, race};
pub use tasks::on_loop::on_loop;
pub use tasks::task_group::{GroupClosed, GroupErrors, TaskGroup};
pub use tasks::task_tree::{Doing, TaskNode, TaskTree, task_tree};
pub use time::interval::{Interval, MissedTicks, interval, interval_at};
pub use time::sleep::{Sleep, sleep, sleep_until};
pub use time::timeout::{RescheduleError, TimedOut, Timeout, timeout, timeout_at, wait_for};
