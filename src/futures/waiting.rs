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
    let all = AsCompleted {
        waiting: futures.len(),
        futures,
        completions: Arc::new(Completions::new()),
        deadline,
        expired: false,
        waiting_thread: None,
        blocked: None,
    };
    all.subscribe();
    all
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
    /// The thread that waited last.
    waiting_thread: Option<ThreadId>,
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
        if self.completions.origin.is_copy() {
            self.start_again();
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

    /// Notes that this thread waits. It may be another thread than before, of another pool; and others
    /// may wait for it that did not before, since a loop has been made on it.
    fn set_waiting_thread(&mut self) {
        if self.deadline.is_some() {
            return;
        }
        let here = Some(thread::current().id());
        if self.waiting_thread != here {
            self.waiting_thread = here;
            self.drop_blocked();
        }
        if self.blocked.is_none() && is_awaited() {
            self.blocked = Some(BlockedThread::on(self.futures.iter().flatten()));
        }
    }

    /// Has each future tell when it is done; a copy of a pool's job is done here.
    fn subscribe(&self) {
        let id = subscriber_id(&self.completions);
        for (index, future) in self.futures.iter().enumerate() {
            let Some(future) = future else { continue };
            let completions = Arc::clone(&self.completions);
            future.subscribe(id, move || completions.push(index));
            future.end_copy();
        }
    }

    /// In a copy: leaves alone what other threads of the original may be about to change.
    fn start_again(&mut self) {
        self.unsubscribe();
        self.completions = Arc::new(Completions::new());
        self.waiting_thread = None;
        self.subscribe();
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
struct Completions {
    /// In a copy nothing is put in: a thread that was not copied may have the lock.
    origin: Origin,
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
    fn new() -> Completions {
        let origin = Origin::here();
        Completions { origin, queue: Mutex::default(), changed: Condvar::default() }
    }

    fn push(&self, index: usize) {
        if self.origin.is_copy() {
            return;
        }
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
    /// A copy is told nothing: a thread that was not copied may have the lock.
    origin: Origin,
    state: Mutex<BlockedState>,
}

#[derive(Default)]
struct BlockedState {
    /// The futures that only a pool or a loop can complete and that are not done.
    open: Vec<Awaited>,
    /// The thread's own pool, if that counts it as blocked.
    counted: Option<SharedGuard>,
    /// The graph of waits has it.
    in_graph: Option<BlockedInGraph>,
}

impl BlockedThread {
    fn on<'a, T: 'a>(futures: impl Iterator<Item = &'a Future<T>>) -> Arc<BlockedThread> {
        let this = Arc::new(BlockedThread { origin: Origin::here(), state: Mutex::default() });
        for future in futures {
            let awaited = future.awaited();
            if awaited.1 == GuardId::default() {
                continue; // anybody may complete it
            }
            let open = Arc::new(OpenFuture { thread: Arc::clone(&this), awaited });
            // Noted first, because the future may be done before the next line.
            this.state.lock().open.push(awaited);
            if !future.unblock_when_done(subscriber_id(&this), Arc::clone(&open) as _) {
                open.unblock();
            }
        }
        this
    }

    /// The thread will block until one of `waiting` futures is done, unless that would be in vain.
    fn begin_blocking(&self, waiting: usize) -> Result<(), JobError> {
        let mut state = self.state.lock();
        // Either one is done and its callback is on its way, or anybody may complete one.
        if state.open.len() < waiting {
            return Ok(());
        }
        if state.counted.is_none() {
            state.counted = begin_blocking_on_own(&state.open)?;
        }
        if state.in_graph.is_none() {
            state.in_graph = begin_waiting(&state.open)?;
        }
        Ok(())
    }
}

/// If all of these are the thread's own pools' and loops', asks their guards. The wait is in vain only
/// if each says so; else one of them now counts the thread as blocked. (A loop always says so, and a
/// thread works for one pool of threads at most.)
fn begin_blocking_on_own(open: &[Awaited]) -> Result<Option<SharedGuard>, JobError> {
    let mut ids: Vec<GuardId> = open.iter().map(|(_, guard)| *guard).collect();
    ids.sort_unstable();
    ids.dedup();
    let own: Option<Vec<SharedGuard>> = ids.into_iter().map(own_guard).collect();
    let mut in_vain = Ok(None);
    for guard in own.into_iter().flatten() {
        match guard.begin_blocking() {
            Ok(()) => return Ok(Some(guard)),
            Err(why) => in_vain = Err(why),
        }
    }
    in_vain
}

/// One of the futures that a [`BlockedThread`] waits for.
struct OpenFuture {
    thread: Arc<BlockedThread>,
    awaited: Awaited,
}

/// It is done: from now on the waiting thread is no longer blocked.
impl Unblock for OpenFuture {
    fn unblock(&self) {
        if self.thread.origin.is_copy() {
            return;
        }
        let mut state = self.thread.state.lock();
        state.open.retain(|awaited| *awaited != self.awaited);
        if let Some(guard) = state.counted.take() {
            guard.unblock();
        }
        if let Some(blocked) = state.in_graph.take() {
            blocked.unblock();
        }
    }
}
