//! What goes through a pipe: frames, calls, descriptors; and which process has a call.
//!
//! ```text
//!   call             a call and its reply: the addresses of two functions, and bytes
//!    │  └ descriptor   an open descriptor in an argument: a number in the bytes, the rest by the socket
//!   frame            a stream of bytes cut into messages with a kind, an id and a body
//!    │  └ header       the twenty bytes before each body, and what kinds there are
//!    └ segment       beside the pipe: memory in which long bodies lie
//!
//!   claim            beside the pipe: a word for each call, by which it can be taken back
//! ```
//! To read: `header`, `frame`, `call`, `claim`, `segment`, `descriptor`.
//!
//! # How to add a kind of frame
//!
//! 1. Add it to `FrameKind` and to the list in `FrameKind::from_number` (`header`), with a line that
//!    says which process sends it, and what id and body mean. Add it to `KINDS` in `tests/frames.rs`.
//! 2. If frames of old kinds change their shape, raise `PROTOCOL` (`call`): workers of another
//!    version are then refused at their hello.
//! 3. Send it: `frame` for a body of bytes; `open` and `seal` (or `seal_value`) to encode in place.
//! 4. Receive it where its reader decides what may come: `serve_frames` (`process/forkserver/worker.rs`)
//!    for a worker, `ReplyReader` (`process/pool/replies.rs`) and `Process::decode_replies`
//!    (`process/forkserver/process.rs`) for replies, `ForkServerProcess::serve`
//!    (`process/forkserver/server.rs`) for requests. Every other reader refuses it already.

pub mod call;
pub mod claim;
pub mod descriptor;
pub mod frame;
pub mod header;
pub mod segment;
