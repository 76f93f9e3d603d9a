//! Tasks that end together: if one fails, the rest is cancelled; none outlives the block.
//!
//! *Promises*: when `run` has ended, however it ended (it returned, or it was dropped: by a time
//! limit, a cancel, a panic), every task of the group is gone, its future dropped; all errors are
//! in the result, in the order in which they came.
//! *Leaves out*: the values; each task's handle has its own.
//!
//! ```text
//!          ┌─ child ─── Ok ─────────────────────┐
//!   body ──┼─ child ─── Err ──► abort ──┐       ├─► all gone ──► run returns
//!          └─ child ◄── cancel ─────────┤       │
//!   body ◄─── dropped ──────────────────┘───────┘
//! ```
//! *What asyncio does*: a failing child cancels its siblings and, once, the parent, if that is
//! still in the block; on the way out the group waits for all children, however often it is
//! cancelled meanwhile, and takes its own cancel back (`uncancel`).
//!
//! *What we do*: the body is a future in our hands, so it is dropped rather than cancelled,
//! and there is nothing to take back. As there, what was ready in the iteration of the first
//! error still runs, and may fail as well: hence a *group* of errors. A drop cannot wait, and need
//! not: if `run` itself is dropped, that drop drops the children's futures before it returns. One
//! exception: a child that drops the `run` of its own group cannot be dropped while it is being
//! polled; it is cancelled, and gone in the next iteration.

use crate::aio::sync::waiters::wake;
use crate::aio::tasks::children::ChildError;
use crate::aio::tasks::task_tree::{Awaits, add_to_awaited_by};
use crate::base::id::{GenerationSlab, Key, TaskId};
use crate::event_loop::caught::drop_wakers;
use crate::event_loop::core::{Core, current, run_caught, run_or_send};
use crate::event_loop::inbox::LoopMessage;
use crate::event_loop::join::Task;
use crate::event_loop::looks::{self, Look};
use crate::event_loop::waker::task_of;
use crate::task::state::TaskError;
use std::cell::RefCell;
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

/// A group of tasks whose errors are of type `E`. Clones are the same group.
///
/// ```
/// use singletrack::aio::{TaskGroup, sleep};
/// use singletrack::EventLoop;
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new()?;
/// let end = event_loop.run_until_complete(TaskGroup::run(async |group| {
///     let _endless = group.create_task(async { Ok(sleep(Duration::MAX).await) }).unwrap();
///     let _fails = group.create_task(async { "x".parse::<i32>() }).unwrap();
///     Ok(()) // the block is done, but the group waits for its tasks
/// }));
/// let errors = end.unwrap_err();
/// assert_eq!(errors.to_string(), "1 task of the group failed: invalid digit found in string");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.TaskGroup")]
#[doc(alias = "JoinSet")]
#[doc(alias = "nursery")]
pub struct TaskGroup<E> {
    state: Rc<RefCell<GroupState<E>>>,
}

struct GroupState<E> {
    /// The tasks to cancel. A task is removed when its future is gone.
    members: GenerationSlab<Option<TaskId>>,
    errors: Vec<ChildError<E>>,
    stage: GroupStage,
    /// The task in `run`.
    parent: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GroupStage {
    Open,
    /// A task has failed; `run` is about to cancel the others.
    Failing,
    /// All are cancelled or gone.
    Closed,
}

/// The group takes no more tasks, because one of them has failed or because it is over. The
/// future has been dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupClosed;

impl fmt::Display for GroupClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the task group takes no more tasks: one has failed, or its block is over")
    }
}

impl std::error::Error for GroupClosed {}

/// All errors of a group, in the order in which they came; at least one.
#[derive(Debug)]
#[doc(alias = "ExceptionGroup")]
pub struct GroupErrors<E>(pub Vec<ChildError<E>>);

impl<E: fmt::Display> fmt::Display for GroupErrors<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks = if self.0.len() == 1 { "task" } else { "tasks" };
        write!(f, "{} {tasks} of the group failed: ", self.0.len())?;
        for (i, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for GroupErrors<E> {}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        TaskGroup { state: Rc::clone(&self.state) }
    }
}

impl<E: 'static> TaskGroup<E> {
    /// Runs `body`, which may create tasks in the group, and waits until all of them are
    /// gone. The first `Err` or panic, of the body or of a task, cancels all the others; a task
    /// that is cancelled from outside is no failure.
    ///
    /// # Errors
    /// [`GroupErrors`], if there was one.
    pub async fn run<R>(
        body: impl AsyncFnOnce(TaskGroup<E>) -> Result<R, E>,
    ) -> Result<R, GroupErrors<E>> {
        let state = GroupState {
            members: GenerationSlab::new(),
            errors: Vec::new(),
            stage: GroupStage::Open,
            parent: None,
        };
        let group = TaskGroup { state: Rc::new(RefCell::new(state)) };
        add_to_awaited_by(Rc::downgrade(&group.state) as Weak<dyn Awaits>);
        let _end = EndOnDrop(&group);
        let value = group.run_body(body(group.clone())).await;
        poll_fn(|cx| group.poll_empty(cx.waker())).await;
        let errors = std::mem::take(&mut group.state.borrow_mut().errors);
        match value {
            Some(value) if errors.is_empty() => Ok(value),
            _ => Err(GroupErrors(errors)),
        }
    }

    /// Runs the body until it ends or the group fails; then drops it.
    async fn run_body<R>(&self, body: impl Future<Output = Result<R, E>>) -> Option<R> {
        let mut body = pin!(caught(body));
        let end = poll_fn(|cx| {
            if self.stage() != GroupStage::Open {
                return Poll::Ready(None);
            }
            self.set_parent(cx.waker());
            body.as_mut().poll(cx).map(Some)
        });
        match end.await {
            Some(Ok(value)) => Some(value),
            Some(Err(error)) => {
                self.add_error(error);
                None
            }
            None => None,
        }
    }

    /// Starts a task in the group. Awaiting its handle gives its value; if it fails, the
    /// handle reads `Cancelled`, since the error is in the group's.
    ///
    /// # Errors
    /// [`GroupClosed`] once the group is failing or over; the future is dropped.
    ///
    /// # Panics
    /// When called outside a running loop.
    #[doc(alias = "asyncio.TaskGroup.create_task")]
    #[doc(alias = "spawn")]
    pub fn create_task<T: 'static>(
        &self,
        future: impl Future<Output = Result<T, E>> + 'static,
    ) -> Result<Task<T>, GroupClosed> {
        if self.stage() != GroupStage::Open {
            return Err(GroupClosed);
        }
        let place = self.state.borrow_mut().members.insert(None);
        let member = Membership { group: self.clone(), key: place };
        let task = current("create_task").spawn(async move {
            let member = member; // dropped after the future: then it is really gone
            let end = caught(future).await;
            match end {
                Ok(value) => value,
                Err(error) => {
                    member.fail(error);
                    pending().await
                }
            }
        });
        if let Some(id) = self.state.borrow_mut().members.get_mut(place) {
            *id = Some(task.id());
        }
        Ok(task)
    }
}

impl<E> TaskGroup<E> {
    /// How many tasks of the group are not gone.
    pub fn tasks(&self) -> usize {
        looks::at(|| Look::Group);
        self.state.borrow().members.len()
    }

    fn stage(&self) -> GroupStage {
        looks::at(|| Look::Group);
        self.state.borrow().stage
    }

    /// Keeps an error. `run` does the rest when it is next polled, so that what is ready in
    /// this iteration still runs.
    fn add_error(&self, error: ChildError<E>) {
        looks::at(|| Look::Group);
        let mut state = self.state.borrow_mut();
        state.errors.push(error);
        if state.stage == GroupStage::Open {
            state.stage = GroupStage::Failing;
        }
    }

    /// Takes no more tasks; returns those that there are.
    fn close(&self) -> Vec<TaskId> {
        let mut state = self.state.borrow_mut();
        state.stage = GroupStage::Closed;
        state.members.iter().filter_map(|(_, id)| *id).collect()
    }

    /// Ready when all tasks are gone; from then on there are no new ones.
    fn poll_empty(&self, waker: &Waker) -> Poll<()> {
        if self.stage() == GroupStage::Failing {
            self.close().into_iter().for_each(cancel);
        }
        if self.tasks() == 0 {
            self.state.borrow_mut().stage = GroupStage::Closed;
            return Poll::Ready(());
        }
        self.set_parent(waker);
        Poll::Pending
    }

    fn set_parent(&self, waker: &Waker) {
        let waker = waker.clone();
        let old = self.state.borrow_mut().parent.replace(waker);
        drop_wakers(old);
    }
}

impl<E> Awaits for RefCell<GroupState<E>> {
    fn awaiter(&self) -> Option<TaskId> {
        self.borrow().parent.as_ref().and_then(task_of)
    }

    fn awaited(&self) -> Vec<TaskId> {
        self.borrow().members.iter().filter_map(|(_, id)| *id).collect()
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskGroup({} tasks, {:?})", self.tasks(), self.stage())
    }
}

/// The future, with its panic as an error of the group.
async fn caught<T, E>(future: impl Future<Output = Result<T, E>>) -> Result<T, ChildError<E>> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(output.map_err(ChildError::Failed)),
        Err(payload) => Poll::Ready(Err(ChildError::Task(TaskError::Panicked(payload)))),
    })
    .await
}

fn cancel(id: TaskId) {
    let here = |core: &Core| core.cancel_here(id);
    // False if the task is gone together with its loop.
    let _ = run_or_send(id.loop_id(), here, || LoopMessage::Cancel(id));
}

/// A task's membership; it ends when the task's future is dropped, for whatever reason.
struct Membership<E> {
    group: TaskGroup<E>,
    key: Key,
}

impl<E> Membership<E> {
    /// The task has failed. It has no value to end with, so it ends by a cancel of its own.
    fn fail(&self, error: ChildError<E>) {
        self.group.add_error(error);
        let mut state = self.group.state.borrow_mut();
        let id = state.members.get(self.key).copied().flatten();
        let parent = state.parent.take();
        drop(state);
        id.into_iter().for_each(cancel);
        wake(parent);
    }
}

impl<E> Drop for Membership<E> {
    fn drop(&mut self) {
        looks::at(|| Look::Group);
        let mut state = self.group.state.borrow_mut();
        state.members.remove(self.key);
        let parent = if state.members.is_empty() { state.parent.take() } else { None };
        drop(state);
        wake(parent);
    }
}

/// Dropped when `run` is: no caller waits for the tasks any more, and none outlives this.
struct EndOnDrop<'a, E>(&'a TaskGroup<E>);

impl<E> Drop for EndOnDrop<'_, E> {
    fn drop(&mut self) {
        let parent = self.0.state.borrow_mut().parent.take();
        drop_wakers(parent); // it is not to be woken when the last of them is gone
        self.0.close().into_iter().for_each(Core::end_now);
        let errors = std::mem::take(&mut self.0.state.borrow_mut().errors);
        for error in errors {
            run_caught("the drop of a group's error", || drop(error));
        }
    }
}
