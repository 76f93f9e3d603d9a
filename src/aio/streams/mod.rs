//! Buffered streams, and servers.
//!
//! ```text
//!               server: accepts, one task a connection
//!                 │
//!        ┌────────┴────────┐
//!     reader             writer          (foreign traits on all of them: interop/)
//!        │                 │
//!        │             outgoing          the queue's task, and how a stream ends
//!        ├─► buffers ◄─────┤             pure: ReadBuffer, WriteQueue
//!        ▼                 ▼
//!     one ByteStream (aio/net/byte_stream.rs), shared by `Rc`
//! ```
//! Read `buffers` (no I/O at all), then `reader`, `writer` and `outgoing`, which only add the
//! waiting, then `server`.

pub mod buffers;
pub mod outgoing;
pub mod reader;
pub mod server;
pub mod writer;
