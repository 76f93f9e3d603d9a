//! Threads without a lock, and the one that stops all others: the rules of PEP 703.
//!
//! *Assumes*: its caller reports what happens, in order, and does what it is told.
//! *Promises*: while the world is stopped, only the one that stopped it is attached; those that
//! want to stop it take turns; between two stops every thread that was parked runs again.
//! *Leaves out*: threads and sleeping (`gil/free_threading/scope.rs`).
//!
//! ```text
//!               attaches                     parks, at a checkpoint,
//!              ┌────────▶ Attached ──────────────────────┐   while another
//!              │          │    ▲                         ▼   stops the world
//!           Detached ◀────┘    └───────────────────── Suspended
//!              │    detaches      the world starts       ▲
//!              └─────────────────────────────────────────┘
//!                attaches, while the world is stopped
//! ```
//! The states are those of CPython's thread state (`_Py_THREAD_ATTACHED` and its fellows), the
//! rules those of `stop_the_world` in `Python/pystate.c`. Two things differ. CPython marks the
//! detached threads *suspended* when the world stops, since the mark is all that keeps them out;
//! here they are suspended when they come and want in. And a CPython thread that is let go must
//! attach once more; here it is attached already when it wakes up, so that one who stops the
//! world again and again cannot keep it from running.

use crate::gil::rules::decision::ThreadId;
use std::collections::VecDeque;

/// Where a thread stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It has left, or has never been there.
    Gone,
    /// It blocks, or does what concerns nobody.
    Detached,
    /// It runs, and may touch what all share.
    Attached,
    /// It wants to run, and sleeps until the world starts again.
    Suspended,
}

/// What a thread does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the thread must do as it is told"]
pub enum Next {
    /// It runs.
    Run,
    /// It sleeps until it is woken, and then asks again.
    Sleep,
}

/// What makes no sense in a thread's present state. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misuse {
    /// It is attached already.
    Nested,
    /// It is not attached.
    NotAttached,
    /// It has stopped the world, and must start it first.
    Stopping,
    /// It has not stopped the world.
    NotStopping,
}

/// What comes of an event: the thread's own turn, and one sleeper to wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the sleeper must be woken"]
pub struct Outcome {
    /// For the thread whose event it was.
    pub next: Next,
    /// The one that stops the world, if it waited for this thread only.
    pub wake: Option<ThreadId>,
}

/// Threads that run in parallel, until one stops the others.
///
/// ```
/// use singletrack::gil::free_threading::world::{Next, Outcome, Standing, World};
///
/// let mut world = World::default();
/// let (a, b) = (world.joins(), world.joins());
/// assert_eq!(world.attaches(a), Ok(Next::Run));
/// assert_eq!(world.attaches(b), Ok(Next::Run), "there is no lock");
///
/// assert_eq!(world.stops(a).unwrap().next, Next::Sleep, "not before `b` is parked");
/// let parked = world.parks(b).unwrap();
/// assert_eq!(parked, Outcome { next: Next::Sleep, wake: Some(a) });
/// assert_eq!(world.woken(a), Next::Run);
/// assert!(world.is_stopped());
///
/// assert_eq!(world.starts(a).unwrap(), [b], "and `b` is to be woken");
/// assert_eq!(world.standing(b), Standing::Attached);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[doc(alias = "_PyEval_StopTheWorld")]
pub struct World {
    threads: Vec<Standing>,
    attached: usize,
    /// The one that has stopped the world, or waits for the others to park.
    stopper: Option<ThreadId>,
    /// Those that want to stop it next. They are suspended.
    queue: VecDeque<ThreadId>,
    stops: u64,
}

impl World {
    /// A new thread, detached.
    pub fn joins(&mut self) -> ThreadId {
        let gone = self.threads.iter().position(|&standing| standing == Standing::Gone);
        let index = gone.unwrap_or(self.threads.len());
        if gone.is_none() {
            self.threads.push(Standing::Gone);
        }
        self.threads[index] = Standing::Detached;
        ThreadId(index as u32)
    }

    /// A thread that will not come back. If it had stopped the world, the world starts. Gives
    /// those to wake.
    #[must_use = "the sleepers must be woken"]
    pub fn dies(&mut self, me: ThreadId) -> Vec<ThreadId> {
        let wakes = self.gives_up(me);
        self.set(me, Standing::Gone);
        wakes
    }

    /// A thread wants to run.
    ///
    /// # Errors
    /// [`Misuse::Nested`] if it does.
    pub fn attaches(&mut self, me: ThreadId) -> Result<Next, Misuse> {
        match self.standing(me) {
            Standing::Attached => return Err(Misuse::Nested),
            Standing::Suspended => return Ok(Next::Sleep),
            Standing::Gone | Standing::Detached => {}
        }
        let stopped = self.stopper.is_some();
        self.set(me, if stopped { Standing::Suspended } else { Standing::Attached });
        Ok(if stopped { Next::Sleep } else { Next::Run })
    }

    /// A thread is about to block, or is done.
    ///
    /// # Errors
    /// [`Misuse::NotAttached`]; [`Misuse::Stopping`] if it has stopped the world.
    pub fn detaches(&mut self, me: ThreadId) -> Result<Outcome, Misuse> {
        self.must_be_attached(me)?;
        if self.stopper == Some(me) {
            return Err(Misuse::Stopping);
        }
        self.set(me, Standing::Detached);
        Ok(Outcome { next: Next::Run, wake: self.alone() })
    }

    /// A thread is at a checkpoint: it parks if another stops the world.
    ///
    /// # Errors
    /// [`Misuse::NotAttached`].
    pub fn parks(&mut self, me: ThreadId) -> Result<Outcome, Misuse> {
        self.must_be_attached(me)?;
        if self.stopper.is_none_or(|stopper| stopper == me) {
            return Ok(Outcome { next: Next::Run, wake: None });
        }
        self.set(me, Standing::Suspended);
        Ok(Outcome { next: Next::Sleep, wake: self.alone() })
    }

    /// A thread wants all others to stand still. If another does already, it parks, and its
    /// turn comes.
    ///
    /// # Errors
    /// [`Misuse::NotAttached`]; [`Misuse::Stopping`] if it has stopped the world.
    pub fn stops(&mut self, me: ThreadId) -> Result<Outcome, Misuse> {
        self.must_be_attached(me)?;
        match self.stopper {
            Some(stopper) if stopper == me => return Err(Misuse::Stopping),
            Some(_) => {
                self.queue.push_back(me);
                return self.parks(me);
            }
            None => self.begins_to_stop(me),
        }
        Ok(Outcome { next: self.woken(me), wake: None })
    }

    /// The world goes on, until the next in the queue stops it again. Gives those to wake.
    ///
    /// # Errors
    /// [`Misuse::NotStopping`] if another has stopped it, or nobody.
    pub fn starts(&mut self, me: ThreadId) -> Result<Vec<ThreadId>, Misuse> {
        if self.stopper != Some(me) {
            return Err(Misuse::NotStopping);
        }
        self.stopper = None;
        let wakes = self.parked();
        for &id in &wakes {
            self.set(id, Standing::Attached);
        }
        if let Some(next) = self.queue.pop_front() {
            // It sleeps on: this thread, at least, has yet to park.
            self.set(next, Standing::Attached);
            self.begins_to_stop(next);
        }
        Ok(wakes)
    }

    /// A sleeper woke up.
    pub fn woken(&self, me: ThreadId) -> Next {
        let attached = self.standing(me) == Standing::Attached;
        let waits = self.stopper == Some(me) && !self.is_stopped();
        if attached && !waits { Next::Run } else { Next::Sleep }
    }

    /// A thread is detached from now on, whatever it waits for: what it has stopped starts,
    /// what it wanted to stop does not. Gives those to wake.
    #[must_use = "the sleepers must be woken"]
    pub fn gives_up(&mut self, me: ThreadId) -> Vec<ThreadId> {
        let was_attached = self.standing(me) == Standing::Attached;
        let mut wakes = self.starts(me).unwrap_or_default();
        self.queue.retain(|&id| id != me);
        self.set(me, Standing::Detached);
        wakes.extend(self.alone().filter(|_| was_attached));
        wakes
    }

    /// Tells whether a thread is attached that has come and gone without asking, as it may
    /// while nobody stops the world.
    pub fn catches_up(&mut self, id: ThreadId, attached: bool) {
        self.set(id, if attached { Standing::Attached } else { Standing::Detached });
    }
}

/// What can be seen from outside.
impl World {
    /// Where this thread stands.
    pub fn standing(&self, id: ThreadId) -> Standing {
        self.threads.get(id.index()).copied().unwrap_or(Standing::Gone)
    }

    /// The one that has stopped the world, or is about to.
    pub fn stopper(&self) -> Option<ThreadId> {
        self.stopper
    }

    /// Only the one that has stopped it is attached.
    pub fn is_stopped(&self) -> bool {
        self.stopper.is_some() && self.attached == 1
    }

    /// How many threads are attached.
    pub fn attached(&self) -> usize {
        self.attached
    }

    /// How many threads sleep until the world starts.
    pub fn suspended(&self) -> usize {
        self.threads.iter().filter(|&&standing| standing == Standing::Suspended).count()
    }

    /// How often somebody has begun to stop the world.
    pub fn stops_begun(&self) -> u64 {
        self.stops
    }
}

/// The steps the events are made of.
impl World {
    fn set(&mut self, id: ThreadId, to: Standing) {
        let standing = &mut self.threads[id.index()];
        self.attached -= usize::from(*standing == Standing::Attached);
        self.attached += usize::from(to == Standing::Attached);
        *standing = to;
    }

    fn must_be_attached(&self, me: ThreadId) -> Result<(), Misuse> {
        let attached = self.standing(me) == Standing::Attached;
        if attached { Ok(()) } else { Err(Misuse::NotAttached) }
    }

    /// Those that sleep until the world starts, and do not want to stop it.
    fn parked(&self) -> Vec<ThreadId> {
        let all = (0..self.threads.len()).map(|index| ThreadId(index as u32));
        let parked =
            |id: &ThreadId| self.standing(*id) == Standing::Suspended && !self.queue.contains(id);
        all.filter(parked).collect()
    }

    fn begins_to_stop(&mut self, me: ThreadId) {
        self.stopper = Some(me);
        self.stops += 1;
    }

    /// The one that waited for the others to park, if they are.
    fn alone(&self) -> Option<ThreadId> {
        self.stopper.filter(|_| self.is_stopped())
    }
}
