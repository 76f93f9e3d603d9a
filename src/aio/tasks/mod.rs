//! Tasks: which there are, several at once, and jobs on threads.
//!
//! ```text
//!   bridge           Between the loop and the executors: jobs that tasks await, futures that threads wait for
//!   children         Several tasks awaited at once: which of them is done next?
//!   combine          Waiting for several tasks: all of them, the first, or one after the other
//!   current          Tasks seen from inside: who am I, who else is there, what are they called, who is done?
//!   task_group       Tasks that end together: if one fails, the rest is cancelled, and none outlives the block
//!   task_tree        Who awaits several tasks at once, where no waker tells
//! ```

pub mod bridge;
pub mod children;
pub mod combine;
#[doc(alias = "asyncio.Task.cancelling")]
#[doc(alias = "asyncio.Task.uncancel")]
pub mod current;
pub mod task_group;
pub mod task_tree;
