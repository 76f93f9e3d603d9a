//! Sockets and other descriptors.
//!
//! ```text
//!   byte_stream      A stream of bytes: what TCP, Unix streams and pipes have in common
//!   fds              Waiting for a descriptor that somebody else reads and writes
//!   source           A descriptor that the loop watches: the step between a system call and a future
//!   tcp              TCP: a listener that accepts, and a stream
//!   udp              UDP: messages that may be lost, doubled or reordered, but never cut by the network
//!   unix             Unix sockets: streams, their listener, and datagrams
//! ```

pub mod async_fd;
pub mod byte_stream;
pub mod fds;
pub mod tcp;
pub mod udp;
pub mod unix;
