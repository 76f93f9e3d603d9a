//! Tasks from inside: the current one, all others, names, callbacks, context variables.
//!
//! *Promises*: a task that uses none of this pays nothing for it when it is polled. Two tasks
//! never see each other's value of a context variable; after a poll, however it ends, the value
//! from before is back.
//! *Leaves out*: the states of tasks, and which task awaits which (`aio/tasks/task_tree.rs`).
//! Handing context down to new tasks: asyncio copies all of it at each `create_task`; here a
//! task that wants a value says `scope(&VAR, value, future)`, and no other task pays for it.
//!
//! # Cancelling, compared
//!
//! There is one bit and no count, because a future that is dropped can neither refuse nor take
//! it back:
//!
//! | asyncio | here |
//! |---|---|
//! | `cancel()` throws an error at the next await | the future is dropped in the next iteration |
//! | the body may catch that and go on | never; what must go on is [`shield`]ed |
//! | `finally:` may await | destructors run, and cannot |
//! | a second `cancel()` throws again, into the clean-up | it changes nothing |
//! | `cancelling()` counts the requests | [`Task::cancel`] says whether there was still time |
//! | `uncancel()` takes one back, before the next step wholly | there is no way back |
//! | a task queued for its last step when it is cancelled ends cancelled | the same |
//!
//! asyncio's `timeout` and `TaskGroup` cancel the task they run in, and must tell their own
//! cancel from one that comes from outside: that is what the count is for (compared on entry,
//! lowered on exit). Ours drop their *body*, a future in their hands. A cancel from outside
//! drops them together with it, so the two cannot be mistaken for each other.
//!
//! [`shield`]: crate::aio::shield

use crate::base::id::TaskId;
use crate::event_loop::core::{Core, current, spend_budget};
use crate::event_loop::join::Task;
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::waker::task_of;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread::LocalKey;

/// The task that awaits this; the root future counts as one. `None` if it is polled through a
/// foreign waker, as inside a foreign `join_all`.
///
/// It is a future, always ready, because the waker it is polled with knows the task: so no task
/// pays for it that does not ask. asyncio keeps the current task in a global instead.
///
/// ```
/// use singletrack::aio::current_task;
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
/// use singletrack::aio::{all_tasks, create_named_task, task_name};
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
    core.spawn_at(Location::caller(), Some(name), future)
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
            core.metadata.borrow_mut().of(self.id()).name = Some(name.into());
        }
    }

    /// Calls `callback` in the iteration after the task's end, however it ends; in the next
    /// iteration if it has ended. Callbacks run in the order in which they were added, never
    /// inside this call. They are dropped uncalled with the loop.
    ///
    /// The output belongs to the awaiter; a callback learns only *that* the task is done. It may
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
    ///     let (task, called) = (create_task(async {}), Rc::new(Cell::new(false)));
    ///     let inner = Rc::clone(&called);
    ///     task.add_done_callback(move || inner.set(true));
    ///     task.await.unwrap();
    ///     yield_now().await;
    ///     assert!(called.get());
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "asyncio.Task.add_done_callback")]
    pub fn add_done_callback(&self, callback: impl FnOnce() + 'static) {
        let core = self.running_loop("Task::add_done_callback");
        if self.done() {
            core.call_soon(Box::new(callback));
        } else {
            core.metadata.borrow_mut().of(self.id()).callbacks.push(Box::new(callback));
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

/// A variable with a value for each task that was given one by [`scope`], which all code that
/// the task calls can read: a request's id, a user's name.
///
/// ```
/// use singletrack::aio::{ContextVar, scope};
/// use singletrack::{EventLoop, create_task, yield_now};
///
/// thread_local! {
///     static USER: ContextVar<&'static str> = const { ContextVar::new() };
/// }
///
/// async fn greeting() -> String {
///     yield_now().await; // others run, with other users
///     format!("hello {}", USER.with(|user| user.get()).unwrap())
/// }
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let tasks = ["ada", "kurt"].map(|name| create_task(scope(&USER, name, greeting())));
///     let [ada, kurt] = tasks;
///     assert_eq!(kurt.await.unwrap(), "hello kurt");
///     assert_eq!(ada.await.unwrap(), "hello ada");
///     assert_eq!(USER.with(|user| user.get()), None);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "contextvars.ContextVar")]
#[doc(alias = "tokio::task_local")]
pub struct ContextVar<T> {
    value: RefCell<Option<Rc<T>>>,
}

impl<T> Default for ContextVar<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> ContextVar<T> {
    /// A variable without a value.
    pub const fn new() -> Self {
        ContextVar { value: RefCell::new(None) }
    }

    /// The value for the task that is being polled.
    pub fn get(&self) -> Option<T>
    where
        T: Clone,
    {
        let value = self.value.borrow().clone(); // a count; the user's clone comes after
        value.as_deref().cloned()
    }

    /// Sets another value, until the end of the innermost [`scope`].
    pub fn set(&self, value: T) {
        let old = self.value.replace(Some(Rc::new(value)));
        drop(old);
    }

    /// Exchanges the value: so a scope begins and ends.
    fn swap(&self, other: &mut Option<Rc<T>>) {
        std::mem::swap(&mut *self.value.borrow_mut(), other);
    }
}

/// Spends one operation of the task's [budget](crate::task::budget), and lets the others run if it is
/// spent.
///
/// This crate's sockets, streams, locks and queues do so by themselves. Leaves of other crates do not
/// know of it: a task that only awaits a channel of tokio's which is never empty, or futures that are
/// always ready, is never `Pending`, and nothing else of the loop runs. One of these in its loop is
/// enough, and costs a few nanoseconds.
///
/// ```
/// use singletrack::aio::consume_budget;
/// use singletrack::{EventLoop, create_task};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let other = create_task(async {});
///     while !other.done() {
///         std::future::ready(()).await; // somebody else's leaf
///         consume_budget().await;
///     }
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "tokio::task::coop::consume_budget")]
pub async fn consume_budget() {
    poll_fn(spend_budget).await;
}

/// Runs `future` with a value of its own in `var`. When the future is dropped unfinished, its
/// destructors see the outer value.
#[doc(alias = "contextvars.Context.run")]
pub async fn scope<T, F: Future>(
    var: &'static LocalKey<ContextVar<T>>,
    value: T,
    future: F,
) -> F::Output {
    let mut own = Some(Rc::new(value));
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _inside = Inside::new(var, &mut own);
        future.as_mut().poll(cx)
    })
    .await
}

/// While this lives, the variable has the scope's value; a panic ends that as well.
struct Inside<'a, T: 'static> {
    var: &'static LocalKey<ContextVar<T>>,
    other: &'a mut Option<Rc<T>>,
}

impl<'a, T> Inside<'a, T> {
    fn new(var: &'static LocalKey<ContextVar<T>>, other: &'a mut Option<Rc<T>>) -> Self {
        var.with(|var| var.swap(other));
        Inside { var, other }
    }
}

impl<T> Drop for Inside<'_, T> {
    fn drop(&mut self) {
        self.var.with(|var| var.swap(self.other));
    }
}
