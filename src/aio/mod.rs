//! What asyncio users know: sleeping, sockets, locks, queues, and what is built from them.
//!
//! ```text
//!   run              `run`: a loop for one main task, from the first poll to the last thread
//!   signals          Who listens to which signal, on the one loop of the process that does
//!   subprocess       Child processes: std's `Command`, with the pipes and the end of the child on the loop
//!   time/            Time: sleeping, and limits
//!   sync/            Waiting for each other: locks, events, queues
//!   tasks/           Tasks: which there are, several at once, and jobs on threads
//!   net/             Sockets and other descriptors
//!   streams/         Buffered streams, and servers
//! ```
#![doc = include_str!("asyncio.md")]

pub mod net;
pub mod run;
pub mod signals;
pub mod streams;
pub mod subprocess;
pub mod sync;
pub mod tasks;
pub mod time;

pub use net::byte_stream::{ByteStream, Bytes, PipeReader, PipeWriter, pipe};
pub use net::fds::{add_reader, add_writer, readable, remove_reader, remove_writer};
pub use net::tcp::{TcpListener, TcpStream, lookup_host};
pub use net::udp::UdpSocket;
pub use net::unix::{UnixDatagram, UnixListener, UnixStream};
pub use run::{RunError, run_on};
pub use signals::{Signal, add_signal_handler, remove_signal_handler, signal};
pub use streams::reader::{
    DEFAULT_LIMIT, StreamReader, open_connection, open_unix_connection, split,
};
pub use streams::server::{
    Listener, Server, ServerOptions, ServerStats, start_server, start_server_with,
};
pub use streams::writer::StreamWriter;
pub use subprocess::{Child, spawn};
pub use sync::barrier::{Barrier, BrokenBarrier};
pub use sync::event::Event;
pub use sync::lock::{Condition, Lock};
pub use sync::notify::Notify;
pub use sync::queue::{
    DoneTooOften, GetError, LifoQueue, PriorityQueue, PutError, Queue, ShutDown, Store,
};
pub use sync::semaphore::{BoundedSemaphore, Grant, Permits, Semaphore};
pub use tasks::bridge::{
    ExecutorJob, run_in_executor, set_default_executor, shutdown_default_executor, to_thread,
};
pub use tasks::combine::{
    as_completed, gather, gather_outcomes, shield, try_gather, try_wait, wait,
};
pub use tasks::current::{
    ContextVar, all_tasks, create_named_task, current_task, scope, task_name,
};
pub use tasks::task_group::{GroupClosed, GroupErrors, TaskGroup};
pub use tasks::task_tree::{Doing, TaskTree, task_tree};
pub use time::sleep::sleep;
pub use time::timeout::{RescheduleError, TimedOut, Timeout, timeout, timeout_at, wait_for};
