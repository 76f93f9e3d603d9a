//! The event loop: one thread that runs what is ready and sleeps when nothing is.
//!
//! ```text
//!   EventLoop: made, set, closed     an iteration's eight steps      a task's life on the loop
//!   ┌ lifecycle ─────────────┐       ┌ run_once ─────────────┐       ┌ scheduler ─────────────┐
//!   └────────┬───────────────┘       └────────┬──────────────┘       └────────┬───────────────┘
//!            └────────────────────────────────┼───────────────────────────────┘
//!                                             ▼
//!   ┌ core: the parts of one loop, and which loop this thread is running ─────────────────────┐
//!   │  inbox           timers          reactor          debug           task/: ready_queue,   │
//!   │  what others     deadlines       descriptors,     slow steps      metadata, budget      │
//!   │  ask of it                       and a selector                                         │
//!   └──▲──────────────────────────────────────────────────────────────────────────────────────┘
//!      │ on the loop's thread while it runs: at once; from elsewhere: a message
//!   ┌──┴ handles ─────────────────────────────────────────────────────────────────────────────┐
//!   │  waker: wakes a task, from      join: await or cancel a     calls: callbacks, and the   │
//!   │  any thread                     task                        LoopHandle of other threads │
//!   └─────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//! And `caught`: values of the user's, dropped where no panic may come out; `recording`: what happened
//! to a loop, event by event, if that is switched on; `lints`: what is wrong with a task, by such a
//! recording; `spans`: the same for tokio-console, with the feature `tracing`, and `no_spans` without;
//! `chosen`: a run whose order is up to a caller, `looks`: who looks at tasks, and `await_points`: where
//! in the source a task waits, all three for `sim`.
//!
//! Read `run_once` first: its drawing is the loop. Then `scheduler` (what step 8 does with a task),
//! `waker` and `inbox` (how a task becomes ready), `reactor` (step 4 to 6) and `timers` (step 7);
//! `core` when you want to know why no `RefCell` is ever borrowed twice.
//!
//! The properties T (tasks), M (timers) and R (descriptors) are listed with their tests in
//! `tests/properties.md`, and a test checks that each is there. Most stand in
//! `tests/loop_properties.rs`, `tests/event_loop.rs` and in the models of `tests/model/`, which
//! the fuzz targets `task_ops`, `timer_ops`, `registry_ops` and `backend_diff` drive as well; all
//! interleavings with other threads are in `tests/loom_inbox.rs`, `tests/loom_sleeper.rs` and
//! `tests/loom_loop.rs`.

pub mod await_points;
pub mod calls;
pub mod caught;
pub mod chosen;
pub mod core;
pub mod debug;
pub mod inbox;
pub mod join;
pub mod lifecycle;
pub mod lints;
pub mod looks;
pub mod reactor;
pub mod recording;
pub mod run_once;
pub mod scheduler;
#[cfg_attr(not(feature = "tracing"), path = "no_spans.rs")]
pub mod spans;
pub mod timers;
pub mod waker;

pub use calls::LoopHandle;
pub use join::Task;
pub use run_once::Iteration;
pub use scheduler::create_eager_task;
