//! A task whose first step runs inside the call that makes it.
//!
//! *Assumes*: tasks (`task/scheduler.rs`), whose step may run inside another's.
//! *Promises*: a future that is ready at once never stands in the ready queue and costs no
//! turn; one that waits is a task like any other from then on.
//! *Leaves out*: making every task so; the call says which one is.
//!
//! ```text
//!   create_task        parent ───────────────────► waits      queue ─► child, step 1 …
//!   create_eager_task  parent ─► child, step 1 ─► parent … waits        child, step 2 …
//! ```
//! *The order changes*: the child's code up to its first wait runs before the rest of its
//! parent's step, and before all that is ready. That is the point where a result is often
//! there (a cache, a buffer that is not empty), and a trap where the parent still has
//! something to prepare. Deep chains of eager tasks take stack, as calls do.
//!
//! Counterpart: `asyncio.eager_task_factory` and `create_task(…, eager_start=True)` of
//! Python 3.12 and 3.14. There a factory can make all tasks of a loop eager; here no switch
//! turns the meaning of `create_task` around far from where it is read.

use crate::event_loop::core::{Core, current};
use crate::task::join::Task;
use crate::task::self_wake;
use std::future::Future;
use std::panic::Location;

/// Starts a task on the running loop and runs its first step here and now.
///
/// Inside, [`current_task`](crate::aio::tasks::current_task) is the new task, and outside
/// again the old one. A panic stays in the task. The step spends what is left of its maker's
/// [budget](crate::task::budget), so that a row of eager tasks cannot hold the loop for
/// longer than one task could. It also sees the maker's [context](crate::aio::context), but
/// later steps do not: give the future a scope of its own if it looks there.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::task::eager::create_eager_task;
///
/// let event_loop = EventLoop::new()?;
/// let turns = event_loop.run_until_complete(async {
///     let before = event_loop.turns();
///     let task = create_eager_task(async { 6 * 7 });
///     assert!(task.done());
///     assert_eq!(task.await.unwrap(), 42);
///     event_loop.turns() - before
/// });
/// assert_eq!(turns, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
/// When called outside a running loop.
#[doc(alias = "asyncio.eager_task_factory")]
#[doc(alias = "eager_start")]
#[track_caller]
#[doc(alias = "asyncio.create_eager_task_factory")]
pub fn create_eager_task<F: Future + 'static>(future: F) -> Task<F::Output> {
    current("create_eager_task").spawn_eager(Location::caller(), future)
}

impl Core {
    fn spawn_eager<F: Future + 'static>(
        &self,
        place: &'static Location<'static>,
        future: F,
    ) -> Task<F::Output> {
        let task = self.spawn_at(place, future);
        // It went to the end of the queue; nobody has had the time to queue up behind it.
        let queued_last = self.ready.borrow_mut().unqueue_last(task.id());
        if let Some(cell) = queued_last {
            let _maker = self_wake::set_aside();
            self.advance(cell);
        }
        task
    }
}
