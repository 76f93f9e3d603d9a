//! Tasks seen from inside: who am I, who else is there, what are they called, who is done?
//!
//! *Assumes*: the loop's tasks (`task/ready.rs`), and the notes beside them (`task/notes.rs`).
//! *Promises*: none of this costs a task that does not use it anything when it is polled.
//! *Leaves out*: states and who awaits whom.
//!
//! *Cancelling*, compared. There is one bit and no count, because a future that is dropped can
//! neither refuse nor take it back:
//!
//! | asyncio | here |
//! |---|---|
//! | `cancel()` throws an error at the next await | the future is dropped at its next turn |
//! | the body may catch that and go on | never; what must go on is [`shield`]ed |
//! | `finally:` may await | destructors run, and cannot |
//! | a second `cancel()` throws again, into the clean-up | it changes nothing |
//! | `cancelling()` counts the requests | [`Task::cancel`] says if there was still time |
//! | `uncancel()` takes one back, before the next step wholly | there is no way back |
//! | a task queued for its last step when it is cancelled ends cancelled | the same |
//!
//! asyncio's `timeout` and `TaskGroup` cancel the task they run in, and must tell their own
//! cancel from one that comes from outside: that is what the count is for (compared on entry,
//! lowered on exit). Ours drop their *body*, a future in their hands. A cancel from outside
//! drops them together with it, so the two cannot be mistaken for each other.
//!
//! [`shield`]: crate::aio::combine::shield

use crate::base::id::TaskId;
use crate::event_loop::core::{Core, current};
use crate::event_loop::run::EventLoop;
use crate::task::join::Task;
use crate::task::waker::task_of;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;

/// The task that awaits this; the root future counts as one. `None` if it is polled through a
/// waker of somebody else's, as inside a foreign `join_all`.
///
/// It is a future, always ready, because the waker it is polled with knows: asking costs the
/// others nothing. asyncio keeps the current task in a global instead.
///
/// ```
/// use singletrack::aio::tasks::current_task;
/// use singletrack::{EventLoop, create_task};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let task = create_task(current_task());
///     let id = task.id();
///     assert_eq!(task.await.unwrap(), Some(id));
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.current_task")]
pub async fn current_task() -> Option<TaskId> {
    poll_fn(|cx| Poll::Ready(task_of(cx.waker()))).await
}

/// The tasks of the running loop that are not done, without the root, in the order of their
/// slots. asyncio's are weakly held and may vanish; these are the loop's own.
///
/// # Panics
/// When called outside a running loop.
#[doc(alias = "asyncio.all_tasks")]
pub fn all_tasks() -> Vec<TaskId> {
    current("all_tasks").ready.borrow().ids()
}

/// Starts a task with a name, which reports and listings show.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::tasks::{all_tasks, create_named_task, task_name};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let task = create_named_task("fetch", std::future::pending::<()>());
///     assert_eq!(all_tasks(), [task.id()]);
///     assert_eq!(task_name(task.id()), "fetch");
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
/// When called outside a running loop; [`EventLoop::create_named_task`] can do without.
#[doc(alias = "asyncio.create_task")]
#[track_caller]
pub fn create_named_task<F: Future + 'static>(name: &str, future: F) -> Task<F::Output> {
    spawn_named(&current("create_named_task"), name, future)
}

/// The name of a task of the running loop. One without a name, or that is done, goes by its
/// id, such as `task 1:0.3`.
///
/// # Panics
/// When called outside a running loop.
#[doc(alias = "asyncio.Task.get_name")]
pub fn task_name(id: TaskId) -> String {
    current("task_name").name_of(id)
}

#[track_caller]
fn spawn_named<F: Future + 'static>(core: &Core, name: &str, future: F) -> Task<F::Output> {
    let task = core.spawn(future);
    if !task.done() {
        core.notes.borrow_mut().of(task.id()).name = Some(name.into());
    }
    task
}

impl EventLoop {
    /// Starts a task with a name.
    #[track_caller]
    pub fn create_named_task<F: Future + 'static>(&self, name: &str, future: F) -> Task<F::Output> {
        spawn_named(&self.core, name, future)
    }

    /// As [`all_tasks`], whether or not the loop is running.
    pub fn all_tasks(&self) -> Vec<TaskId> {
        self.core.ready.borrow().ids()
    }

    /// As [`task_name`], whether or not the loop is running.
    pub fn task_name(&self, id: TaskId) -> String {
        self.core.name_of(id)
    }
}

impl<T> Task<T> {
    /// Gives the task a name, or another one. Without effect if it is done.
    ///
    /// # Panics
    /// When called while the task's loop is not running on this thread.
    #[doc(alias = "asyncio.Task.set_name")]
    pub fn set_name(&self, name: &str) {
        let core = self.running_loop("Task::set_name");
        if !self.done() {
            core.notes.borrow_mut().of(self.id()).name = Some(name.into());
        }
    }

    /// Calls `callback` in the turn after the task's end, however it ends; in the next turn
    /// if it has ended. Callbacks run in the order in which they were added, never inside
    /// this call. They are dropped uncalled with the loop.
    ///
    /// The output is the awaiter's; a callback hears only *that* the task is done. It may
    /// hold the handle and [`peek`](Task::peek).
    ///
    /// # Panics
    /// When called while the task's loop is not running on this thread.
    ///
    /// ```
    /// use singletrack::{EventLoop, create_task, yield_now};
    /// use std::{cell::Cell, rc::Rc};
    ///
    /// let event_loop = EventLoop::new()?;
    /// event_loop.run_until_complete(async {
    ///     let (task, told) = (create_task(async {}), Rc::new(Cell::new(false)));
    ///     let inner = Rc::clone(&told);
    ///     task.add_done_callback(move || inner.set(true));
    ///     task.await.unwrap();
    ///     yield_now().await;
    ///     assert!(told.get());
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "asyncio.Task.add_done_callback")]
    pub fn add_done_callback(&self, callback: impl FnOnce() + 'static) {
        let core = self.running_loop("Task::add_done_callback");
        if self.done() {
            core.call_soon(Box::new(callback));
        } else {
            core.notes.borrow_mut().of(self.id()).callbacks.push(Box::new(callback));
        }
    }

    fn running_loop(&self, who: &str) -> Rc<Core> {
        let core = current(who);
        assert!(
            core.id == self.id().loop_id(),
            "{who}: {:?} belongs to event loop {}, but event loop {} is running",
            self.id(),
            self.id().loop_id().get(),
            core.id.get()
        );
        core
    }
}
