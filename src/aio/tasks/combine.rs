//! Waiting for several tasks: all of them, the first, or one after the other.
//!
//! *Assumes*: the order in which tasks become done (`aio/tasks/children.rs`).
//! *Promises*: results in the order of the arguments; no task is polled in vain; each function
//! says what becomes of the other tasks when one fails or when it is dropped itself.
//! *Leaves out*: groups that end together (`aio/tasks/task_group.rs`).
//!
//! asyncio's functions take tasks or coroutines, and make tasks of the latter. These take
//! [`Task`]s: a handle cannot be distinguished from other futures by its type, and the call should
//! show which tasks are cancelled or left running. `futures.map(create_task)` makes tasks of
//! futures; and tasks of different futures have one type, so that they fit into one array.
//!
//! | dropped or ended early | asyncio | here |
//! |---|---|---|
//! | `gather` fails | siblings run on | the same |
//! | `gather` is cancelled | children are cancelled | dropped: they are gone, at once |
//! | `wait`, `as_completed` | never cancel | dropped: the tasks are detached |
//! | `shield` is cancelled | the inner task runs on | dropped: the same |

use crate::aio::tasks::children::{ChildError, Children, output};
use crate::aio::time::sleep::{Sleep, sleep};
use crate::event_loop::caught::Caught;
use crate::event_loop::core::run_caught;
use crate::event_loop::join::Task;
use crate::event_loop::scheduler::create_task;
use crate::futures::waiting::ReturnWhen;
use crate::task::state::TaskError;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Awaits all tasks; their values come in the order of the arguments.
///
/// *When one panics or is cancelled*, that error is the result at once. The others run on,
/// detached, as asyncio's do; their own panics go to the exception handler.
///
/// *Dropped*, for example by a time limit, it takes the tasks that are not done with it: their
/// futures are gone before the code after it runs, as they are when asyncio's `gather` has been
/// cancelled and awaited. A child that drops the `gather` of itself is cancelled, and goes in the
/// next iteration. No tasks: `Ok(vec![])`. For tasks that return `Result`, see [`try_gather`].
///
/// ```
/// use singletrack::aio::{gather, sleep};
/// use singletrack::{EventLoop, create_task};
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new()?;
/// let values = event_loop.run_until_complete(async {
///     gather([3, 1, 2].map(|n| {
///         create_task(async move {
///             sleep(Duration::from_millis(n)).await;
///             n
///         })
///     }))
///     .await
/// });
/// assert_eq!(values.unwrap(), [3, 1, 2]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.gather")]
#[doc(alias = "join_all")]
pub fn gather<T>(
    tasks: impl IntoIterator<Item = Task<T>>,
) -> impl Future<Output = Result<Vec<T>, TaskError>> {
    collect(Ending::new(tasks), |output| output)
}

/// Awaits all tasks; the first `Err`, panic or cancel ends it. In all else like [`gather`].
///
/// ```
/// use singletrack::aio::{ChildError, try_gather};
/// use singletrack::{EventLoop, create_task};
///
/// let event_loop = EventLoop::new()?;
/// let sum = event_loop.run_until_complete(async {
///     try_gather(["1", "2", "three"].map(|text| create_task(async { text.parse::<u8>() }))).await
/// });
/// assert!(matches!(sum, Err(ChildError::Failed(_))));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.gather")]
#[doc(alias = "try_join_all")]
pub fn try_gather<T, E>(
    tasks: impl IntoIterator<Item = Task<Result<T, E>>>,
) -> impl Future<Output = Result<Vec<T>, ChildError<E>>> {
    collect(Ending::new(tasks), |output| match output {
        Ok(result) => result.map_err(ChildError::Failed),
        Err(error) => Err(ChildError::Task(error)),
    })
}

/// Awaits all tasks, whatever becomes of them; their outcomes come in the order of the
/// arguments: asyncio's `gather(…, return_exceptions=True)`. Dropped, it takes the tasks with it,
/// as [`gather`] does.
///
/// ```
/// use singletrack::aio::gather_outcomes;
/// use singletrack::{EventLoop, create_task};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let (good, bad) = (create_task(async { 1 }), create_task(async { 2 }));
///     bad.cancel();
///     let outcomes = gather_outcomes([good, bad]).await;
///     assert!(matches!(&outcomes[..], [Ok(1), Err(_)]));
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.gather")]
#[doc(alias = "return_exceptions")]
pub fn gather_outcomes<T>(
    tasks: impl IntoIterator<Item = Task<T>>,
) -> impl Future<Output = Vec<Result<T, TaskError>>> {
    let outcomes = collect(Ending::new(tasks), Ok::<_, std::convert::Infallible>);
    async { outcomes.await.unwrap_or_else(|never| match never {}) }
}

/// Puts each value that `check` accepts into its place; the first output that it does not
/// accept ends the wait.
async fn collect<T, R, E>(
    mut children: Ending<T>,
    check: impl Fn(Result<T, TaskError>) -> Result<R, E>,
) -> Result<Vec<R>, E> {
    let mut places = children.places();
    while let Some((number, output)) = children.next().await {
        match check(output) {
            Ok(value) => places.0[number] = Some(value),
            Err(error) => {
                children.detach();
                return Err(error);
            }
        }
    }
    Ok(std::mem::take(&mut places.0).into_iter().flatten().collect())
}

/// The values that have come. If the wait ends early they are dropped one by one: one whose drop
/// panics takes no other along.
struct Places<R>(Vec<Option<R>>);

impl<R> Drop for Places<R> {
    fn drop(&mut self) {
        for value in std::mem::take(&mut self.0).into_iter().flatten() {
            run_caught("the drop of a task's value", || drop(value));
        }
    }
}

/// Children that are ended if this is dropped before it is disarmed.
struct Ending<T>(Option<Children<T>>);

impl<T> Ending<T> {
    fn new(tasks: impl IntoIterator<Item = Task<T>>) -> Self {
        Ending(Some(tasks.into_iter().collect()))
    }

    async fn next(&mut self) -> Option<(usize, Result<T, TaskError>)> {
        let (number, task) = self.0.as_mut()?.next().await?;
        Some((number, output(task)))
    }

    fn places<R>(&self) -> Places<R> {
        let count = self.0.as_ref().map_or(0, Children::left);
        Places((0..count).map(|_| None).collect())
    }

    /// The rest runs on by itself.
    fn detach(&mut self) {
        drop(self.0.take());
    }
}

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        if let Some(children) = &self.0 {
            children.end();
        }
    }
}

/// The tasks that are done, and the others, each in the order of the arguments.
pub type DoneAndPending<T> = (Vec<Task<T>>, Vec<Task<T>>);

/// Waits until `when` holds or `timeout` has passed since this call (`None`: no limit), and returns
/// all handles: those of tasks that are done, whose output can be had at once, and the others.
///
/// It never cancels and never fails: time running out is not an error. Dropped, it detaches
/// the tasks. `FirstException` means a panic here; [`try_wait`] also counts `Err`s. No tasks:
/// returns at once (asyncio raises `ValueError`).
///
/// ```
/// use singletrack::aio::{ReturnWhen, sleep, wait};
/// use singletrack::{EventLoop, create_task};
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let tasks = [0, 3600].map(|s| create_task(sleep(Duration::from_secs(s))));
///     let (done, pending) = wait(tasks, ReturnWhen::FirstCompleted, None).await;
///     assert_eq!((done.len(), pending.len()), (1, 1));
///     pending[0].cancel();
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.wait")]
#[doc(alias = "asyncio.FIRST_COMPLETED")]
#[doc(alias = "asyncio.FIRST_EXCEPTION")]
#[doc(alias = "asyncio.ALL_COMPLETED")]
pub fn wait<T>(
    tasks: impl IntoIterator<Item = Task<T>>,
    when: ReturnWhen,
    timeout: Option<Duration>,
) -> impl Future<Output = DoneAndPending<T>> {
    wait_until(tasks.into_iter().collect(), when, timeout.map(sleep), Task::panicked)
}

/// Like [`wait`], for tasks that return `Result`: `FirstException` means a panic or an `Err`.
/// A task that was cancelled is no exception, as in asyncio.
#[doc(alias = "asyncio.wait")]
pub fn try_wait<T, E>(
    tasks: impl IntoIterator<Item = Task<Result<T, E>>>,
    when: ReturnWhen,
    timeout: Option<Duration>,
) -> impl Future<Output = DoneAndPending<Result<T, E>>> {
    wait_until(tasks.into_iter().collect(), when, timeout.map(sleep), Task::failed)
}

async fn wait_until<T>(
    mut children: Children<T>,
    when: ReturnWhen,
    alarm: Option<Sleep>,
    failed: impl Fn(&Task<T>) -> bool,
) -> DoneAndPending<T> {
    let mut seen = Vec::new();
    let all = async {
        while let Some((number, task)) = children.next().await {
            let enough = match when {
                ReturnWhen::FirstCompleted => true,
                ReturnWhen::FirstException => failed(&task),
                ReturnWhen::AllCompleted => false,
            };
            seen.push((number, Caught::new("the drop of a task's value", task)));
            if enough {
                break;
            }
        }
    };
    match alarm {
        None => all.await,
        Some(alarm) => either(all, alarm).await,
    }
    let rest = children.into_rest().map(|(number, task)| (number, Caught::new("a task", task)));
    seen.extend(rest);
    seen.sort_by_key(|(number, _)| *number);
    seen.into_iter().map(|(_, task)| task.into_inner()).partition(Task::done)
}

/// Ends with the first of the two; `first` wins if both are ready.
async fn either(first: impl Future<Output = ()>, second: impl Future<Output = ()>) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|cx| match first.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => second.as_mut().poll(cx),
    })
    .await;
}

/// The tasks, each once, in the order in which they become done.
///
/// [`next`](AsCompleted::next) gives the handle itself, whose output can be had at once, as
/// asyncio's `async for` does since 3.13. There is no `timeout` parameter: a time limit around
/// the loop over it does the same, and the tasks are not cancelled either way.
///
/// ```
/// use singletrack::aio::{as_completed, sleep};
/// use singletrack::{EventLoop, create_task};
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let naps = [30, 1].map(|ms| create_task(async move {
///         sleep(Duration::from_millis(ms)).await;
///         ms
///     }));
///     let mut completed = as_completed(naps);
///     let mut order = Vec::new();
///     while let Some(task) = completed.next().await {
///         order.push(task.await.unwrap());
///     }
///     assert_eq!(order, [1, 30]);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.as_completed")]
#[doc(alias = "FuturesUnordered")]
#[doc(alias = "JoinSet")]
pub fn as_completed<T>(tasks: impl IntoIterator<Item = Task<T>>) -> AsCompleted<T> {
    AsCompleted(tasks.into_iter().collect())
}

/// See [`as_completed`].
pub struct AsCompleted<T>(Children<T>);

impl<T> AsCompleted<T> {
    /// The next task that is done; `None` when there are no more. Dropping this future loses
    /// nothing.
    pub async fn next(&mut self) -> Option<Task<T>> {
        self.0.next().await.map(|(_, task)| task)
    }

    /// [`next`](Self::next) for hand-written futures.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Task<T>>> {
        self.0.poll_next(cx).map(|next| next.map(|(_, task)| task))
    }

    /// The tasks that have not been given out, in the order of the arguments.
    pub fn into_rest(self) -> Vec<Task<T>> {
        self.0.into_rest().map(|(_, task)| task).collect()
    }
}

/// Lets `future` run to its end, even if the task that awaits it is cancelled.
///
/// Here this is no more than a task: dropping its handle detaches it. asyncio needs a special
/// future, because there cancelling goes down the chain of awaits. The inner task can still be
/// cancelled by its handle, and then the awaiter reads `Cancelled`; a panic after the awaiter
/// has gone goes to the exception handler.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::shield;
///
/// let event_loop = EventLoop::new()?;
/// assert_eq!(event_loop.run_until_complete(async { shield(async { 7 }).await }).unwrap(), 7);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
/// When called outside a running loop.
#[doc(alias = "asyncio.shield")]
pub fn shield<F: Future + 'static>(future: F) -> Task<F::Output> {
    create_task(future)
}
