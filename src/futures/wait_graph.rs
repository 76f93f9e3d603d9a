//! Who waits for whom: circles through event loops and pools of threads. Pure.
//!
//! *Assumes*: whoever blocks without a limit says so before, and is taken out when what it waits for
//! is done; a pool's job that none of its blocked threads runs is queued, if they are all it has.
//! *Promises*: a wait that could only end after itself is refused, whichever of a circle's waits
//! comes last; one that can end in any other way is not.
//! *Leaves out*: who blocks, and what becomes of a wait that is refused (`futures/deadlock.rs`);
//! and all waits that nobody says: channels, locks, jobs in other processes.
//!
//! ```text
//!   loop L ── blocks on ──▶ job J ── runs on ──▶ thread T ── blocks on ──▶ task of L
//!                             │ queued                                       │
//!                             ▼                                              ▼
//!                       any of the pool's threads, if each of them blocks:  L again: refused
//! ```
//! Each wait leads to others, or to none, which is the way out: whoever does not block will go on. A
//! queued job leads to all threads of its pool, and a wait for the first of several jobs to each of
//! them; one way out is enough. So a wait is in vain if a walk from it meets blocked threads only.
//!
//! Counterpart: the resource graphs of databases and of `lockdep`. asyncio and tokio hang.

use std::collections::{BTreeMap, BTreeSet};

/// What a thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A task of the loop with this number, which only the loop's thread can run.
    Task(u32),
    /// A job of a pool of threads; both numbers are unique.
    Job {
        /// The job.
        job: usize,
        /// Its pool.
        pool: usize,
    },
}

/// A thread that is about to block, and what nobody else can do meanwhile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlockingThread {
    /// The job that it runs.
    pub job: Option<usize>,
    /// The loops that live on it.
    pub loops: Vec<u32>,
    /// The pools that it works for, each with the number of threads that it can have.
    pub pools: Vec<(usize, usize)>,
}

impl BlockingThread {
    /// True if nothing can wait for this thread.
    pub fn is_nobody(&self) -> bool {
        *self == BlockingThread::default()
    }
}

/// The number of a wait, by which it is taken out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaitId(u64);

/// It would wait for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circle {
    /// Through so many blocked threads, its own included.
    pub threads: usize,
}

/// The threads that block at the moment.
///
/// ```
/// use singletrack::futures::wait_graph::{BlockingThread, Circle, Target, WaitGraph};
///
/// let mut graph = WaitGraph::default();
/// let loops = BlockingThread { loops: vec![1], ..BlockingThread::default() };
/// let works = BlockingThread { job: Some(7), pools: vec![(70, 1)], ..BlockingThread::default() };
/// let waits = graph.begin(loops, vec![Target::Job { job: 7, pool: 70 }]).unwrap();
/// // The job wants something of the loop that waits for it.
/// assert_eq!(graph.begin(works.clone(), vec![Target::Task(1)]), Err(Circle { threads: 2 }));
/// graph.end(waits);
/// assert!(graph.begin(works, vec![Target::Task(1)]).is_ok());
/// ```
#[derive(Debug, Default)]
pub struct WaitGraph {
    waits: BTreeMap<WaitId, (BlockingThread, Vec<Target>)>,
    next: u64,
}

impl WaitGraph {
    /// A thread will block until one of `targets` is done, whichever it is.
    ///
    /// # Errors
    /// It must not: nothing that it waits for could go on. It then does not count as blocked.
    pub fn begin(
        &mut self,
        thread: BlockingThread,
        targets: Vec<Target>,
    ) -> Result<WaitId, Circle> {
        let id = WaitId(self.next);
        self.next += 1;
        self.waits.insert(id, (thread, targets));
        match self.walk(id) {
            None => Ok(id),
            Some(threads) => {
                self.waits.remove(&id);
                Err(Circle { threads })
            }
        }
    }

    /// What it waited for is done.
    pub fn end(&mut self, wait: WaitId) {
        self.waits.remove(&wait);
    }

    /// How many threads block.
    pub fn len(&self) -> usize {
        self.waits.len()
    }

    /// True when none does.
    pub fn is_empty(&self) -> bool {
        self.waits.is_empty()
    }

    /// `None`: there is a way out. Else how many blocked threads stand around.
    fn walk(&self, from: WaitId) -> Option<usize> {
        let mut met = BTreeSet::from([from]);
        let mut ahead = vec![from];
        while let Some(wait) = ahead.pop() {
            for target in &self.waits[&wait].1 {
                let blocked = self.blocked_on_the_way_to(*target)?;
                ahead.extend(blocked.into_iter().filter(|id| met.insert(*id)));
            }
        }
        Some(met.len())
    }

    /// The waits that must end before `target` can be done; of several, any. `None`: none need.
    fn blocked_on_the_way_to(&self, target: Target) -> Option<Vec<WaitId>> {
        let blocked = match target {
            Target::Task(loop_id) => self.those(|thread| thread.loops.contains(&loop_id)),
            Target::Job { job, pool } => {
                let running = self.those(|thread| thread.job == Some(job));
                if running.is_empty() { self.all_threads(pool)? } else { running }
            }
        };
        (!blocked.is_empty()).then_some(blocked)
    }

    /// The threads of this pool; `None` if there are, or can be, others that do not block.
    fn all_threads(&self, pool: usize) -> Option<Vec<WaitId>> {
        let most = |thread: &BlockingThread| {
            thread.pools.iter().find(|(id, _)| *id == pool).map(|(_, most)| *most)
        };
        let all = self.waits.values().find_map(|(thread, _)| most(thread))?;
        let blocked = self.those(|thread| most(thread).is_some());
        (blocked.len() >= all).then_some(blocked)
    }

    fn those(&self, is_one: impl Fn(&BlockingThread) -> bool) -> Vec<WaitId> {
        let those = self.waits.iter().filter(|(_, (thread, _))| is_one(thread));
        those.map(|(id, _)| *id).collect()
    }
}
