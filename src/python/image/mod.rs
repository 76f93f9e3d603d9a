//! Images: values, and whole worlds, as bytes, for another machine of the same program.
//!
//! ```text
//!   a value    what CPython would pickle: data, and functions and classes by their global name
//!   a world    what fork copies: globals and all that they lead to, without the other threads
//!
//!   heap ── write ──▶ item: numbered objects, texts, roots ── postcard ──▶ bytes
//!                       │
//!   heap ◀── read ──────┘  checked: bytes that are no image are an error; depth: nor is what
//!                          could be followed for ever
//! ```

pub mod depth;
pub mod item;
pub mod read;
pub mod write;
