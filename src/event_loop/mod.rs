//! The event loop: one thread that runs what is ready and sleeps when nothing is.
//!
//! ```text
//!   calls            Callbacks: plain functions in the ready queue, now or at a time
//!   core             All the state of one loop, and the answer to "which loop am I in?"
//!   debug            Debug mode: which step held the loop for too long, and where was its task made?
//!   inbox            What other threads ask of a loop, and the door that decides whether to ring its bell
//!   join             The handle of a task: await it, cancel it, or let it go
//!   reactor          The sources of one loop: what is ready on each, and who waits for it
//!   run_once         The event loop: one page that says what a turn is
//!   scheduler        A task's life on its loop: spawned, run, dropped
//!   lifecycle
//!   timers           Deadlines in order: a heap from which any entry can be taken back
//!   waker            A waker that is a number
//! ```

pub mod calls;
pub mod core;
pub mod debug;
pub mod inbox;
pub mod join;
pub mod lifecycle;
pub mod reactor;
pub mod run_once;
pub mod scheduler;
pub mod timers;
pub mod waker;

pub use calls::LoopHandle;
pub use join::Task;
pub use run_once::Iteration;
pub use scheduler::create_eager_task;
