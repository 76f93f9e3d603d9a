//! What asyncio's users know: sleeping, sockets, and what is built from them.

pub mod byte_stream;
pub mod net;
pub mod pipe;
pub mod source;
pub mod time;
pub mod udp;
pub mod unix;
