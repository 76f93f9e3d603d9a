//! Waiting for descriptors: sockets, pipes, and descriptors of other code.
//!
//! ```text
//!      tcp          unix           (pipes)       udp            fds
//!    listener ┐   listener ┐          │           │         readable, add_reader: the
//!    stream   │   stream   │          │           │         caller's own descriptor
//!     (race)  │   datagram │          │           │              │
//!       ▼     │      │     │          ▼           │              │
//!    byte_stream ◄───┘     │   byte_stream        │              │
//!       │     └────────────┴──────────┼───────────┘              │
//!       ▼                             ▼                          ▼
//!    async_fd: try the system call; on WouldBlock wait for the reactor (event_loop/reactor.rs)
//! ```
//! Read `async_fd`, then `byte_stream`, then `tcp`; `unix` and `udp` are more of the same, `fds` is
//! asyncio's level-triggered world on top of an edge-triggered reactor. `lookup` finds the addresses
//! of a name, and `race` is the order in which `tcp` tries them; `owned_halves` are the directions of a
//! stream with an owner each; `nonblocking` is what `async_fd` changes in a descriptor that others share,
//! and how it comes back.
//!
//! # How to add a stream type
//!
//! 1. Find or write a type with `AsFd`, `Into<OwnedFd>`, and `Read` and `Write` on a shared
//!    reference (`&T`), in non-blocking mode.
//! 2. Implement `Bytes` for it (`aio/net/byte_stream.rs`). `SHORT_READ_DRAINS` may be true only if
//!    a short read proves that the kernel has no more bytes; if in doubt, false costs one system
//!    call a read. `HALF_CLOSES` is false if the object ends only as a whole, as a pipe does.
//!    What comes from elsewhere goes through `ByteStream::take_over`, which sets the mode.
//! 3. Give `ByteStream<YourType>` its constructors, and calls of its own through
//!    `ByteStream::async_fd` (`TcpStream::connect` shows both). Reading, writing, `split`, the
//!    buffered reader and writer and the traits of `futures-io` come by themselves.
//! 4. For a listener wrap an `AsyncFd` and implement `Listener` (`aio/streams/server.rs`): then
//!    `start_server` serves it.
//! 5. Test it in `tests/aio_io.rs` on the real selectors: half close, end of stream, a peer that
//!    goes away, a wait that is dropped. The reactor's own properties (R, in `tests/properties.md`)
//!    hold for descriptors of any kind and need no new test.

pub mod async_fd;
pub mod byte_stream;
pub mod fds;
pub mod lookup;
pub mod nonblocking;
pub mod owned_halves;
pub mod race;
pub mod tcp;
pub mod udp;
pub mod unix;
