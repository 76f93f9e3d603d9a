//! What asyncio's users know: sleeping, sockets, and what is built from them.

pub mod byte_stream;
#[cfg(feature = "futures-io")]
pub mod futures_io;
pub mod net;
pub mod pipe;
pub mod read_buffer;
pub mod server;
pub mod signals;
pub mod source;
pub mod streams;
pub mod subprocess;
pub mod time;
pub mod udp;
pub mod unix;
pub mod write_queue;
pub mod writer;
