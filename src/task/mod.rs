//! Tasks: a future, a slot, a number, and a queue of what is ready.
//!
//! ```text
//!   is called       create_task       create_eager_task     a waker, which is a number
//!                       │                   │                 │             │
//!   a task's life   scheduler ◄─────────── eager            waker ─► self_wake: its own task
//!                       │ runs what comes out                 │
//!   what is ready   ready: slots and a queue ◄────────────────┘ another task of this loop
//!                       │
//!   a task          cell: one block, many owners ◄─── join: the handle
//!                       │
//!                     state (pure): queued? running? done?
//!                     stage: the future, which becomes its output
//!
//!   beside them     notes: names, done callbacks · budget: operations in one poll · error
//! ```
//! Read `state`, `stage` and `cell`: what one task is. Then `ready`, `waker` and `scheduler`: how
//! it comes to run. `join` is what the user holds of it.

pub mod budget;
pub mod cell;
pub mod eager;
pub mod error;
pub mod join;
pub mod notes;
pub mod ready;
pub mod scheduler;
pub mod self_wake;
pub mod stage;
pub mod state;
pub mod waker;
