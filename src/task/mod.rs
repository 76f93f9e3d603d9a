//! Tasks: one block of memory, its states, and the queue of what is ready.
//!
//! ```text
//!                        ┌ ready_queue ──────────────────────────────┐
//!   TaskId ─────────────►│ slots: which tasks there are              │
//!   (a waker's number)   │ queue: which of them run next, in order   │
//!                        └──────┬────────────────────────────────────┘
//!                               │ AnyTask: a share of
//!                               ▼
//!                        ┌ cell ─────────────────────────────────────┐
//!         memory from    │ head: state, kind, owners, joiner         │   rules of `state`:
//!         arena ────────►│ stage: future ► output ► nothing          │   Idle Queued Running RunningWoken Done
//!                        └───────────────────────────────────────────┘
//!   during a poll:   running    the task that runs, and whether it woke itself
//!                    budget     what is left to it, and yielding
//!   for few tasks:   metadata   a name, done callbacks, the place of its making
//! ```
//! Nothing here knows a loop: `event_loop/scheduler.rs` spawns, runs and drops tasks by means of
//! these, and `event_loop/waker.rs` makes wakers of their ids.
//!
//! Read `state` (pure: an enum and four steps), then `cell` (all the `unsafe` of a task, and how its
//! two state machines go together), then `ready_queue`. `arena` stands for itself.
//!
//! The properties of tasks, T1 to T14 (dropped once, no wake lost, …), are listed with their tests in
//! `tests/properties.md`. States alone are tested in `tests/task_state.rs`, memory
//! (under Miri) in `tests/task_soundness.rs` and `tests/arena.rs`, random lives of tasks beside a
//! model in `tests/task_ops.rs` and by the fuzz target of that name.

pub mod arena;
pub mod budget;
pub mod cell;
pub mod metadata;
pub mod ready_queue;
pub mod running;
pub mod state;
