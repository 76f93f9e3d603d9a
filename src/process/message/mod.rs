//! What goes through a pipe: frames, calls, descriptors.
//!
//! ```text
//!   call             A call that can be shipped: the addresses of two functions, and the bytes of an argument
//!   descriptor       An open descriptor as an argument: it travels to a process at its birth
//!   frame            Frames: a stream of bytes cut into messages with a kind, a number and a body
//! ```

pub mod call;
pub mod descriptor;
pub mod frame;
