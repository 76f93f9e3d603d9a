//! Waiting for several futures: for all, for the first, or for each as it comes.
//!
//! *Assumes*: `futures/future.rs`.
//! *Promises*: `wait` splits its input in two and loses none; `as_completed` gives every future
//! once; whoever stops listening leaves nothing behind; a worker that waits for its own pool in
//! vain is told so.
//! *Leaves out*: the same for tasks (`aio/tasks/combine.rs`).
//!
//! ```text
//!   future 0 ──done──▶ ┌─ Arrivals ─┐
//!   future 1 ──done──▶ │   1, 0     │ ──▶ the one thread that waits
//!   future 2           └────────────┘
//! ```

use crate::base::sync::{Condvar, Mutex, wait_until};
use crate::futures::deadlock::{SharedGuard, Unblock, own_guard};
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
    /// Of how many.
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
/// in CPython only after a worker met it. Called without a time limit by a job whose pool is to
/// run the others, and has nobody left to do it, it fails one of them with
/// [`JobError::WouldDeadlock`], as [`Future::result`] does.
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

/// Waits for the last first. It was queued last, so while it is not done most sleeps for the
/// others would be short; one long sleep disturbs the workers less than many short ones.
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
/// [`Unfinished`] and ends; [`AsCompleted::into_rest`] gives the unfinished back. A job that
/// waits for its own pool in vain is told so, as by [`wait()`]: one future a time, the last first.
/// Who waits is the thread that calls `next`, wherever the iterator was made.
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
    let arrivals = Arc::new(Completions::default());
    let (waiting, who) = (futures.len(), subscriber(&arrivals));
    for (index, future) in futures.iter().flatten().enumerate() {
        let arrivals = Arc::clone(&arrivals);
        future.subscribe(who, move || arrivals.push(index));
    }
    AsCompleted {
        futures,
        completions: arrivals,
        deadline,
        waiting,
        expired: false,
        waiting_thread: None,
        blocked: None,
    }
}

/// See [`as_completed`].
pub struct AsCompleted<T> {
    /// `None` where the future has been given out.
    futures: Vec<Option<Future<T>>>,
    completions: Arc<Completions>,
    deadline: Option<Instant>,
    /// How many have not been announced yet.
    waiting: usize,
    expired: bool,
    /// The thread that waited last.
    waiting_thread: Option<ThreadId>,
    /// Its watch, if it works for a pool that runs some of the jobs.
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
                    // The last was submitted last, and is the most likely not to have begun.
                    let open = self.futures.iter().rev().flatten().find(|future| !future.done());
                    open.into_iter().for_each(|future| future.fail(error.clone()));
                }
            }
        }
    }

    /// Ended with an error of its own, which a cancel is not.
    fn failed(&self, index: usize) -> bool {
        self.futures[index].as_ref().is_some_and(|f| !f.cancelled() && f.exception().is_some())
    }

    /// This thread is to wait, which may be another than before, and work for another pool.
    fn set_waiting_thread(&mut self) {
        let here = Some(thread::current().id());
        if self.deadline.is_some() || self.waiting_thread == here {
            return;
        }
        self.waiting_thread = here;
        self.drop_blocked();
        let home = self.futures.iter().flatten().find_map(|future| own_guard(future.home()));
        self.blocked = home.map(|home| BlockedThread::over(home, self.futures.iter().flatten()));
    }

    fn drop_blocked(&mut self) {
        if let Some(watch) = self.blocked.take() {
            let who = subscriber(&watch);
            self.futures.iter().flatten().for_each(|future| future.unsubscribe(who));
        }
    }

    fn unsubscribe(&mut self) {
        self.drop_blocked();
        let who = subscriber(&self.completions);
        self.futures.iter().flatten().for_each(|future| future.unsubscribe(who));
    }
}

impl<T> Iterator for AsCompleted<T> {
    type Item = Result<Future<T>, Unfinished>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_index()?;
        Some(next.map(|index| self.futures[index].take().expect("each future arrives once")))
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

/// Where the callbacks of many futures meet one waiting thread: the numbers of those done.
#[derive(Default)]
struct Completions {
    queue: Mutex<VecDeque<usize>>,
    arrived: Condvar,
}

/// What came of waiting.
enum Popped {
    Index(usize),
    Expired,
    Deadlock(JobError),
}

/// The name under which something subscribes: unique while it lives.
fn subscriber<S>(this: &Arc<S>) -> usize {
    std::ptr::from_ref::<S>(this).addr()
}

impl Completions {
    fn push(&self, index: usize) {
        self.queue.lock().push_back(index);
        self.arrived.notify_one();
    }

    /// The number of the next of so many that did not arrive yet.
    fn pop(
        &self,
        deadline: Option<Instant>,
        waiting: usize,
        watch: Option<&BlockedThread>,
    ) -> Popped {
        let mut queue = self.queue.lock();
        loop {
            if let Some(index) = queue.pop_front() {
                return Popped::Index(index);
            }
            if let Some(Err(deadlock)) = watch.map(|watch| watch.fall_asleep(waiting)) {
                return Popped::Deadlock(deadlock);
            }
            if !wait_until(&self.arrived, &mut queue, deadline) {
                return Popped::Expired;
            }
        }
    }
}

/// A waiting thread, as the pool sees it that the thread works for and that runs some of the jobs.
struct BlockedThread {
    home: SharedGuard,
    state: Mutex<BlockedState>,
}

#[derive(Default)]
struct BlockedState {
    /// How many futures are not done of those that only the thread's own pool can bring about.
    open: usize,
    /// The pool counts the thread as asleep.
    asleep: bool,
}

impl BlockedThread {
    /// Of this thread, which works for `home`.
    fn over<'a, T: 'a>(
        home: SharedGuard,
        futures: impl Iterator<Item = &'a Future<T>>,
    ) -> Arc<BlockedThread> {
        let watch = Arc::new(BlockedThread { home, state: Mutex::default() });
        for future in futures.filter(|future| own_guard(future.home()).is_some()) {
            // Counted first: it may be done before the next line.
            watch.state.lock().open += 1;
            let sleeper = Arc::clone(&watch) as Arc<dyn Unblock>;
            if !future.wake_when_done(subscriber(&watch), sleeper) {
                watch.unblock();
            }
        }
        watch
    }

    /// The thread will sleep until one of so many is done, unless it would be in vain.
    fn fall_asleep(&self, waiting: usize) -> Result<(), JobError> {
        let mut state = self.state.lock();
        // If some are done the news is on its way, and if some are not the pool's own, others
        // will bring it.
        if !state.asleep && state.open == waiting {
            self.home.begin_blocking()?;
            state.asleep = true;
        }
        Ok(())
    }
}

/// One of the futures is done: from this moment on the waiting thread is no longer stuck.
impl Unblock for BlockedThread {
    fn unblock(&self) {
        let mut state = self.state.lock();
        state.open -= 1;
        if std::mem::take(&mut state.asleep) {
            self.home.unblock();
        }
    }
}
