//! What asyncio's users know: sleeping, sockets, and what is built from them.

pub mod net;
pub mod source;
pub mod time;
