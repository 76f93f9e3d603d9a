//! Waiting for tasks and for jobs on threads, and looking at the tasks of a loop.
//!
//! ```text
//!    combine: gather, wait, …              task_group: end together    bridge: to_thread,
//!       │                                     │                        run_in_executor, …
//!    children: which task is done next?       │                           │
//!       │                                     │                           │
//!       ├── registers its waits ► task_tree ◄─┤                           │
//!       ▼                                     ▼                           ▼
//!    join (event_loop/): a task's handle, which remembers one waker    futures/
//!
//!    current: the task that runs, its name, its callbacks, its context variables
//!
//!    either: the first of two futures, of which neither need be a task
//! ```
//! Read `current`, then `children` and `combine`; `task_group` next to `aio/time/timeout.rs`,
//! which drops its body in the same way; `bridge` for the way to threads and back, and `on_loop`, the
//! way back for futures that cannot travel, with a table of those that can.

pub mod bridge;
pub mod children;
pub mod combine;
#[doc(alias = "asyncio.Task.cancelling")]
#[doc(alias = "asyncio.Task.uncancel")]
pub mod current;
pub mod either;
pub mod on_loop;
pub mod task_group;
pub mod task_tree;
