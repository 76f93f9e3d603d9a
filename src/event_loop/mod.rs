//! The event loop: one thread that runs what is ready and sleeps when nothing is.
//!
//! ```text
//!                   another thread                  this thread
//!
//!   is called       remote                          settings · calls · yielding
//!                     │ a message                     │
//!   runs            inbox ─► obey ───────┐          run: a turn in eight steps ─► ended · close
//!                                        ▼            ▼
//!   holds together                       core: the parts, and "which loop am I in?"
//!                                                     │
//!   the parts       timers (pure) · reactor ─► selector/ · task/ready.rs · debug · attached
//! ```
//! Read `timers`, `inbox` and `reactor`, each of which stands alone; then the tasks
//! ([`task`](crate::task)); then `core` and `run`, where all of it meets. The rest is short.

pub mod attached;
pub mod calls;
mod close;
pub mod core;
pub mod debug;
pub mod ended;
pub mod inbox;
pub mod obey;
pub mod reactor;
pub mod remote;
pub mod run;
pub mod settings;
pub mod timers;
pub mod yielding;
