//! The poster: a packet arrives every 10 ms beside work that computes. Who is allowed to run?
//!
//! ```text
//!   packets    when each came, when it was begun, when it was handled: delays, and time that waited
//!     │
//!     ├─ loops      two bands: our event loop on virtual time; the computing in a worker, or inline
//!     ├─ threads    two bands: the lock's rules on simulated cores, python-3.10 and python-2
//!     ▼
//!   poster     the bands on one axis, a row and a sentence for each
//!     └─ card    a picture in a file of its own
//! ```
//! All four have the same packets and the same computing, in virtual time: the decisions are those of
//! the real loop and of the lock's rules, the costs are given numbers, and it is the same every time.

pub mod card;
pub mod loops;
pub mod packets;
#[expect(clippy::module_inception, reason = "the folder is named after what it makes")]
pub mod poster;
pub mod threads;
