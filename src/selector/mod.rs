//! Where news of descriptors comes from: epoll through mio or through polling, or a
//! script in virtual time.
//!
//! ```text
//!   event: one trait ◄─┬─ mio       epoll, edge-triggered: what `EventLoop::new` takes
//!                      ├─ polling   epoll, one shot at a time: must give the same news
//!                      └─ scripted  no system call: time is a number that jumps
//! ```
//! `event_loop/reactor.rs` is the one caller. `tests/backend_diff.rs` holds mio and polling
//! against each other.

pub mod event;
pub mod mio;
pub mod polling;
pub mod scripted;
