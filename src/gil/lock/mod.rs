//! The lock: real threads that follow the rules.
//!
//! ```text
//!   uses the lock      cell · gil_thread          values under it, and threads that hold it
//!                        │
//!   takes it           global_lock ──▶ token      attach, and the proof that the lock is held
//!                        │               │
//!   this thread        thread_state ◀────┘        its own state for each lock
//!                        │         │
//!   fast path          state_word  │              one atomic operation, if no thread waits
//!   sleeps and wakes             take_gil         the mutex around the rules, condition variables
//! ```
//! Read `global_lock`, `thread_state` (its `take` and `drop_lock`), `state_word`, `take_gil`; then
//! `token`. Imports point down this drawing.

pub mod cell;
pub mod gil_thread;
pub mod global_lock;
pub(crate) mod state_word;
pub(crate) mod take_gil;
pub(crate) mod thread_state;
pub mod token;
