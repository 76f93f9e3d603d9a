//! Waiting for several futures: for all, for the first, or for each as it comes.
//!
//! *Promises*: `wait` splits its input in two and loses no future; `as_completed` gives every
//! future once; both remove their callbacks from futures that they no longer wait for; a worker
//! that would wait for its own pool in vain gets an error.
//! *Leaves out*: the same for tasks (`aio/tasks/combine.rs`).
//!
//! ```text
//!   future 0 ──done──▶ ┌ Completions ┐
//!   future 1 ──done──▶ │    1, 0     │ ──▶ the one thread that waits
//!   future 2           └─────────────┘
//! ```

use crate::base::origin::Origin;
use crate::base::sync::{Condvar, Mutex, wait_until};
use crate::futures::deadlock::{
    Awaited, BlockedInGraph, GuardId, SharedGuard, Unblock, begin_waiting, is_awaited, own_guard,
};
use crate::futures::error::JobError;
use crate::futures::future::Future;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// When [`wait`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReturnWhen {
    /// As soon as one is done.
    FirstCompleted,
    /// As soon as one has failed (a cancel is no failure), or all are done.
    FirstException,
    /// When all are done.
    #[default]
    AllCompleted,
}

/// Time ran out while some futures were not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// How many are not done.
    pub unfinished: usize,
    /// How many there were.
    pub of: usize,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (of {}) futures unfinished", self.unfinished, self.of)
    }
}

impl std::error::Error for Unfinished {}

/// Blocks until `when` holds or `timeout` has passed (`None`: no limit), and splits the
/// futures into those done and those not, each in the order given.
///
/// A future cannot be given twice, since it has one owner. A cancelled one is done at once;
/// in CPython only after a worker met it. If a job calls this without a time limit, and no worker
/// of its pool is left to run the jobs that it waits for, one of them fails with
/// [`JobError::WouldDeadlock`], as in [`Future::result`].
///
/// ```
/// use singletrack::futures::{ReturnWhen, wait};
/// use singletrack::futures::promise;
/// use std::time::Duration;
///
/// let (first, a) = promise();
/// let (_second, b) = promise();
/// first.set_result(1);
/// let (done, not_done) = wait([a, b], ReturnWhen::FirstCompleted, None);
/// assert_eq!((done.len(), not_done.len()), (1, 1));
/// let (done, _) = wait(not_done, ReturnWhen::AllCompleted, Some(Duration::ZERO));
/// assert!(done.is_empty());
/// ```
#[doc(alias = "concurrent.futures.wait")]
pub fn wait<T>(
    futures: impl IntoIterator<Item = Future<T>>,
    when: ReturnWhen,
    timeout: Option<Duration>,
) -> (Vec<Future<T>>, Vec<Future<T>>) {
    if when == ReturnWhen::AllCompleted {
        return wait_for_all(futures.into_iter().collect(), timeout);
    }
    let mut completed = as_completed(futures, timeout);
    while let Some(Ok(index)) = completed.next_index() {
        if when == ReturnWhen::FirstCompleted || completed.failed(index) {
            break;
        }
    }
    completed.into_rest().into_iter().partition(Future::done)
}

/// Waits for the last future first. Its job was queued last, so when it is done most others are
/// done too; one long sleep disturbs the workers less than many short ones.
fn wait_for_all<T>(
    futures: Vec<Future<T>>,
    timeout: Option<Duration>,
) -> (Vec<Future<T>>, Vec<Future<T>>) {
    let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
    let all = futures
        .iter()
        .rev()
        .all(|future| future.wait(deadline.map(|d| d.saturating_duration_since(Instant::now()))));
    if all { (futures, Vec::new()) } else { futures.into_iter().partition(Future::done) }
}

/// The futures, each once, in the order in which they become done.
///
/// The time limit counts from this call. When it passes, the iterator gives one
/// [`Unfinished`] and ends; [`AsCompleted::into_rest`] returns the unfinished ones. If a job
/// waits for its own pool in vain, futures fail as in [`wait()`]: one at a time, the last first.
/// The thread that waits is the one that calls `next`, wherever the iterator was made.
///
/// ```
/// use singletrack::futures::as_completed;
/// use singletrack::futures::promise;
///
/// let (slow, a) = promise();
/// let (quick, b) = promise();
/// quick.set_result("quick");
/// let mut all = as_completed([a, b], None);
/// assert_eq!(all.next().unwrap().unwrap().result(), Ok("quick"));
/// slow.set_result("slow");
/// assert_eq!(all.next().unwrap().unwrap().result(), Ok("slow"));
/// assert!(all.next().is_none());
/// ```
#[doc(alias = "concurrent.futures.as_completed")]
pub fn as_completed<T>(
    futures: impl IntoIterator<Item = Future<T>>,
    timeout: Option<Duration>,
) -> AsCompleted<T> {
    let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
    let futures: Vec<_> = futures.into_iter().map(Some).collect();
    let completions = Arc::new(Completions::default());
    let (waiting, id) = (futures.len(), subscriber_id(&completions));
    for (index, future) in futures.iter().flatten().enumerate() {
        let completions = Arc::clone(&completions);
        future.subscribe(id, move || completions.push(index));
    }
    AsCompleted {
        futures,
        completions,
        deadline,
        waiting,
        expired: false,
        waiting_thread: None,
        blocked: None,
    }
}

/// See [`as_completed`].
pub struct AsCompleted<T> {
    /// `None` where a future has been given out.
    futures: Vec<Option<Future<T>>>,
    completions: Arc<Completions>,
    deadline: Option<Instant>,
    /// How many have not been taken from `completions` yet.
    waiting: usize,
    expired: bool,
    /// The thread that waited last, and of which process: a copy of it has the same number.
    waiting_thread: Option<(Origin, ThreadId)>,
    /// That thread as the deadlock guard sees it, if others may wait for it.
    blocked: Option<Arc<BlockedThread>>,
}

impl<T> AsCompleted<T> {
    /// The futures not given out yet, in the order in which they were passed in.
    pub fn into_rest(mut self) -> Vec<Future<T>> {
        self.unsubscribe();
        self.futures.drain(..).flatten().collect()
    }

    fn next_index(&mut self) -> Option<Result<usize, Unfinished>> {
        if self.waiting == 0 || self.expired {
            return None;
        }
        self.set_waiting_thread();
        loop {
            match self.completions.pop(self.deadline, self.waiting, self.blocked.as_deref()) {
                Popped::Index(index) => {
                    self.waiting -= 1;
                    return Some(Ok(index));
                }
                Popped::Expired => {
                    self.expired = true;
                    let (unfinished, of) = (self.waiting, self.futures.len());
                    return Some(Err(Unfinished { unfinished, of }));
                }
                Popped::Deadlock(error) => {
                    // The last job was submitted last, so it is the least likely to have begun.
                    let open = self.futures.iter().rev().flatten().find(|future| !future.done());
                    open.into_iter().for_each(|future| future.fail(error.clone()));
                }
            }
        }
    }

    /// Whether it ended with an error of its own, which a cancel is not.
    fn failed(&self, index: usize) -> bool {
        self.futures[index].as_ref().is_some_and(|f| !f.cancelled() && f.exception().is_some())
    }

    /// Notes that this thread waits. It may be another thread than before, of another pool.
    fn set_waiting_thread(&mut self) {
        let here = Some((Origin::here(), thread::current().id()));
        if self.deadline.is_some() || self.waiting_thread == here {
            return;
        }
        self.waiting_thread = here;
        self.futures.iter().flatten().for_each(Future::end_copy);
        self.drop_blocked();
        self.blocked = is_awaited().then(|| BlockedThread::on(self.futures.iter().flatten()));
    }

    fn drop_blocked(&mut self) {
        if let Some(blocked) = self.blocked.take() {
            let id = subscriber_id(&blocked);
            self.futures.iter().flatten().for_each(|future| future.unsubscribe(id));
        }
    }

    fn unsubscribe(&mut self) {
        self.drop_blocked();
        let id = subscriber_id(&self.completions);
        self.futures.iter().flatten().for_each(|future| future.unsubscribe(id));
    }
}

impl<T> Iterator for AsCompleted<T> {
    type Item = Result<Future<T>, Unfinished>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_index()?;
        Some(next.map(|index| self.futures[index].take().expect("each future is completed once")))
    }
}

impl<T> Drop for AsCompleted<T> {
    fn drop(&mut self) {
        self.unsubscribe();
    }
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

/// The numbers of the futures that are done: their callbacks put them in, and one thread takes them
/// out.
#[derive(Default)]
struct Completions {
    queue: Mutex<VecDeque<usize>>,
    changed: Condvar,
}

/// What ended a wait.
enum Popped {
    Index(usize),
    Expired,
    Deadlock(JobError),
}

/// The number under which something subscribes: unique while it lives.
fn subscriber_id<S>(this: &Arc<S>) -> usize {
    std::ptr::from_ref::<S>(this).addr()
}

impl Completions {
    fn push(&self, index: usize) {
        self.queue.lock().push_back(index);
        self.changed.notify_one();
    }

    /// Waits for the next number; `waiting` have not been taken yet.
    fn pop(
        &self,
        deadline: Option<Instant>,
        waiting: usize,
        blocked: Option<&BlockedThread>,
    ) -> Popped {
        let mut queue = self.queue.lock();
        loop {
            if let Some(index) = queue.pop_front() {
                return Popped::Index(index);
            }
            if let Some(Err(deadlock)) = blocked.map(|thread| thread.begin_blocking(waiting)) {
                return Popped::Deadlock(deadlock);
            }
            if !wait_until(&self.changed, &mut queue, deadline) {
                return Popped::Expired;
            }
        }
    }
}

/// The waiting thread, as the deadlock guard sees it: it may work for the pool that runs some of the
/// jobs, and others may wait for it.
struct BlockedThread {
    /// Of its own pool.
    guard: Option<SharedGuard>,
    state: Mutex<BlockedState>,
}

#[derive(Default)]
struct BlockedState {
    /// The futures that only a pool or a loop can complete and that are not done.
    open: Vec<Awaited>,
    /// How many of them are the thread's own pool's.
    own: usize,
    /// The pool counts the thread as blocked.
    counted: bool,
    /// The graph of waits has it.
    in_graph: Option<BlockedInGraph>,
}

impl BlockedThread {
    fn on<'a, T: 'a>(futures: impl Iterator<Item = &'a Future<T>> + Clone) -> Arc<BlockedThread> {
        let guard = futures.clone().find_map(|future| own_guard(future.awaited().1));
        let this = Arc::new(BlockedThread { guard, state: Mutex::default() });
        for future in futures {
            let awaited = future.awaited();
            if awaited.1 == GuardId::default() {
                continue; // anybody may complete it
            }
            let own = own_guard(awaited.1).is_some();
            let open = Arc::new(OpenFuture { thread: Arc::clone(&this), awaited, own });
            // Counted first, because the future may be done before the next line.
            let mut state = this.state.lock();
            state.open.push(awaited);
            state.own += usize::from(own);
            drop(state);
            if !future.unblock_when_done(subscriber_id(&this), Arc::clone(&open) as _) {
                open.unblock();
            }
        }
        this
    }

    /// The thread will block until one of `waiting` futures is done, unless that would be in vain.
    fn begin_blocking(&self, waiting: usize) -> Result<(), JobError> {
        let mut state = self.state.lock();
        // If fewer are open, either one is done and its callback is on its way, or one is not the
        // pool's own and will be completed by something else.
        if let Some(guard) = &self.guard
            && !state.counted
            && state.own == waiting
        {
            guard.begin_blocking()?;
            state.counted = true;
        }
        if state.in_graph.is_none() && state.open.len() == waiting {
            state.in_graph = begin_waiting(&state.open)?;
        }
        Ok(())
    }
}

/// One of the futures that a [`BlockedThread`] waits for.
struct OpenFuture {
    thread: Arc<BlockedThread>,
    awaited: Awaited,
    own: bool,
}

/// It is done: from now on the waiting thread is no longer blocked.
impl Unblock for OpenFuture {
    fn unblock(&self) {
        let mut state = self.thread.state.lock();
        state.open.retain(|awaited| *awaited != self.awaited);
        state.own -= usize::from(self.own);
        if std::mem::take(&mut state.counted)
            && let Some(guard) = &self.thread.guard
        {
            guard.unblock();
        }
        if let Some(blocked) = state.in_graph.take() {
            blocked.unblock();
        }
    }
}
