//! The processes: a fork server, workers forked from it, and a pool that cannot lose a job.
//!
//! ```text
//!   message/         What goes through a pipe: frames, calls, descriptors
//!   forkserver/      The fork server: one thread, forked first, that forks all others
//!   channel/         Values between processes: pipes and queues
//!   pool/            The pool that loses no job
//! ```

pub mod channel;
pub mod forkserver;
pub mod message;
pub mod pool;

pub use channel::pipe::{Connection, PipeError, Receiver, Sender, duplex, pipe};
pub use channel::queue::{Consumer, Producer, queue, queue_of};
pub use forkserver::client::{ForkServer, ForkServerError, ForkServerOptions, MAX_DEPTH};
pub use forkserver::process::{Process, ProcessOptions};
pub use message::descriptor::Descriptor;
pub use pool::multiprocessing::Pool;
pub use pool::options::{JobOptions, MapOptions, PoolError};
pub use pool::process_pool::ProcessPool;
