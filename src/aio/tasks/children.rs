//! Several tasks awaited at once: which of them is done next?
//!
//! *Assumes*: task handles (`event_loop/join.rs`), which remember one waker each.
//! *Promises*: each task is given out once, in the order in which they become done; a task is
//! polled once at first and once when it is done, however many there are.
//! *Leaves out*: what to do with them (`aio/tasks/combine.rs`).
//!
//! ```text
//!   task 0 ── waker ─┐
//!   task 1 ── waker ─┼─► woken: [1, 0] ──► parent's waker ──► next() = 1, then 0
//!   task 2 ── waker ─┘
//! ```
//! Polling all of `n` handles at every wake would cost n² polls. So each is given a waker that
//! queues its number before it wakes the parent: the idea of futures' `FuturesUnordered`, with
//! a vector where that has an intrusive list. asyncio adds a done-callback to each task.

use crate::aio::tasks::task_tree::{Awaits, add_to_awaited_by};
use crate::base::id::TaskId;
use crate::base::sync::Mutex;
use crate::event_loop::caught::drop_wakers;
use crate::event_loop::core::{Core, run_caught};
use crate::event_loop::join::Task;
use crate::event_loop::waker::task_of;
use crate::task::state::TaskError;
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// How a task failed whose output is a `Result`.
#[derive(Debug)]
pub enum ChildError<E> {
    /// It returned this error.
    Failed(E),
    /// It panicked, or was cancelled from outside.
    Task(TaskError),
}

impl<E: fmt::Display> fmt::Display for ChildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildError::Failed(error) => error.fmt(f),
            ChildError::Task(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for ChildError<E> {}

/// Task handles, each to be given out when its task is done.
pub struct Children<T> {
    tasks: Vec<Option<Task<T>>>,
    left: usize,
    woken: Arc<WokenQueue>,
    /// Made when a task must be waited for; shows the wait in the tree of tasks.
    waiting: Option<Rc<AwaitingChildren>>,
}

/// The numbers of the tasks to poll, and the waker of the task that polls them. Behind a lock
/// because a waker may be used on any thread; these never are, so the lock never waits.
struct WokenQueue(Mutex<Woken>);

#[derive(Default)]
struct Woken {
    numbers: VecDeque<usize>,
    parent: Option<Waker>,
}

/// The waker of one child.
struct ChildWaker {
    number: usize,
    woken: Arc<WokenQueue>,
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        let mut woken = self.woken.0.lock();
        woken.numbers.push_back(self.number);
        let parent = woken.parent.take();
        drop(woken);
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

impl WokenQueue {
    fn pop(&self) -> Option<usize> {
        self.0.lock().numbers.pop_front()
    }

    /// Cloned and dropped outside the lock: a foreign waker runs foreign code.
    fn set_parent(&self, waker: &Waker) {
        let waker = waker.clone();
        let old = self.0.lock().parent.replace(waker);
        drop_wakers(old);
    }
}

/// However a wait ends, its waker goes with it.
struct ForgetParent(Arc<WokenQueue>);

impl Drop for ForgetParent {
    fn drop(&mut self) {
        let parent = self.0.0.lock().parent.take();
        drop_wakers(parent);
    }
}

/// A wait for all of these tasks.
struct AwaitingChildren {
    tasks: Vec<TaskId>,
    woken: Arc<WokenQueue>,
}

impl Awaits for AwaitingChildren {
    fn awaiter(&self) -> Option<TaskId> {
        self.woken.0.lock().parent.as_ref().and_then(task_of)
    }

    fn awaited(&self) -> Vec<TaskId> {
        self.tasks.clone()
    }
}

impl<T> FromIterator<Task<T>> for Children<T> {
    fn from_iter<I: IntoIterator<Item = Task<T>>>(tasks: I) -> Self {
        let tasks: Vec<_> = tasks.into_iter().map(Some).collect();
        let woken = Woken { numbers: (0..tasks.len()).collect(), parent: None };
        let woken = Arc::new(WokenQueue(Mutex::new(woken)));
        Children { left: tasks.len(), tasks, woken, waiting: None }
    }
}

impl<T> Children<T> {
    /// How many have not been given out.
    pub fn left(&self) -> usize {
        self.left
    }

    /// The next task that is done, and its number; `None` when all have been given out.
    pub async fn next(&mut self) -> Option<(usize, Task<T>)> {
        let _forget = ForgetParent(Arc::clone(&self.woken));
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`next`](Self::next) for hand-written futures.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, Task<T>)>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.woken.set_parent(cx.waker());
        while let Some(number) = self.woken.pop() {
            if let Some(task) = self.take_if_done(number) {
                self.left -= 1;
                return Poll::Ready(Some((number, task)));
            }
        }
        if self.waiting.is_none() {
            self.register();
        }
        Poll::Pending
    }

    fn register(&mut self) {
        let tasks = self.tasks.iter().flatten().map(Task::id).collect();
        let waiting = Rc::new(AwaitingChildren { tasks, woken: Arc::clone(&self.woken) });
        add_to_awaited_by(Rc::downgrade(&waiting) as Weak<dyn Awaits>);
        self.waiting = Some(waiting);
    }

    /// Gives a task out if it is done; else leaves it a waker.
    fn take_if_done(&mut self, number: usize) -> Option<Task<T>> {
        let task = self.tasks[number].as_mut()?;
        if !task.done() {
            let child = ChildWaker { number, woken: Arc::clone(&self.woken) };
            let waker = Waker::from(Arc::new(child));
            // Ready can only mean that the task awaits itself; `output` tells it so.
            if Pin::new(task).poll(&mut Context::from_waker(&waker)).is_pending() {
                return None;
            }
        }
        self.tasks[number].take()
    }

    /// Ends those that have not been given out: their futures are gone when this returns.
    pub fn end(&self) {
        // The number of one that is done may be another's by now.
        let left = self.tasks.iter().flatten().filter(|task| !task.done());
        left.for_each(|task| Core::end_now(task.id()));
    }

    /// The tasks that have not been given out, with their numbers, in order.
    pub fn into_rest(mut self) -> impl Iterator<Item = (usize, Task<T>)> {
        std::mem::take(&mut self.tasks)
            .into_iter()
            .enumerate()
            .filter_map(|(number, task)| Some((number, task?)))
    }
}

impl<T> Drop for Children<T> {
    /// The values of those that are done are user values: one whose drop panics takes no other
    /// along.
    fn drop(&mut self) {
        for task in std::mem::take(&mut self.tasks).into_iter().flatten() {
            run_caught("the drop of a task's value", || drop(task));
        }
    }
}

/// The output of a task that [`Children`] gave out.
pub fn output<T>(mut task: Task<T>) -> Result<T, TaskError> {
    match Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("the task is done"),
    }
}
