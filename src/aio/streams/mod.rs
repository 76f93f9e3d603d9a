//! Buffered streams, and servers.
//!
//! ```text
//!   buffers          What has arrived and is not yet read: answers that do not depend on how it was cut
//!   futures_io       The traits of the `futures-io` crate on every stream (feature `futures-io`)
//!   reader           Buffered streams in asyncio's manner: a reader that answers questions, and its writer
//!   server           A server: accepts connections and runs one task for each
//!   writer           A buffered writer: `write` never waits, `drain` waits when too much is queued
//! ```

pub mod buffers;
pub mod futures_io;
pub mod reader;
pub mod server;
pub mod writer;
