//! What asyncio's users know: sleeping, sockets, and what is built from them.

pub mod barrier;
pub mod byte_stream;
pub mod condition;
pub mod event;
pub mod futures_io;
pub mod gate;
pub mod lock;
pub mod net;
pub mod pipe;
pub mod queue;
pub mod read_buffer;
pub mod semaphore;
pub mod server;
pub mod signals;
pub mod source;
pub mod streams;
pub mod subprocess;
pub mod time;
pub mod udp;
pub mod unix;
pub mod waiters;
pub mod write_queue;
pub mod writer;
