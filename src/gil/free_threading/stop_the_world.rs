//! The rules of PEP 703: threads that run in parallel, and one that stops the world.
//!
//! *Assumes*: the caller reports what happens, in order, and does what each answer says.
//! *Promises*: while the world is stopped, only the thread that stopped it is attached. Threads
//! that want to stop it queue; between two stops every thread that was parked runs again.
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
//! The states are those of CPython's thread state (`_Py_THREAD_ATTACHED`, `_DETACHED`,
//! `_SUSPENDED`), the rules those of `stop_the_world` in `Python/pystate.c`. Two things differ.
//! CPython marks detached threads *suspended* when the world stops, since the mark is all that
//! keeps them out; here a thread is suspended when it tries to attach. And a CPython thread that
//! is released must attach once more; here it is attached already when it wakes up, so a thread
//! that stops the world again and again cannot keep it from running.

use crate::gil::rules::decision::ThreadId;
use std::collections::VecDeque;

/// The state of a thread: CPython's `tstate->state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttachState {
    /// It has left the scope, or has never joined it.
    Gone,
    /// It blocks, or does what needs nothing that threads share.
    Detached,
    /// It runs, and may use what all threads share.
    Attached,
    /// It wants to run, and sleeps until the world starts again.
    Suspended,
}

/// What a thread does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the thread must sleep if this says so"]
pub enum RunOrSleep {
    /// It runs.
    Run,
    /// It sleeps until it is woken, and then asks [`StopTheWorld::after_wake`].
    Sleep,
}

/// A call that a thread must not make in its present state. Nothing was changed.
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

/// The answer to an event: what the thread does next, and a sleeper to wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the sleeper must be woken"]
pub struct Response {
    /// What the thread that reported the event does.
    pub next: RunOrSleep,
    /// The thread that stops the world, if it waited for this thread only.
    pub wake: Option<ThreadId>,
}

/// Which threads are attached, and which one stops the others.
///
/// ```
/// use singletrack::gil::free_threading::stop_the_world::{
///     AttachState, Response, RunOrSleep, StopTheWorld,
/// };
///
/// let mut world = StopTheWorld::default();
/// let (a, b) = (world.add_thread(), world.add_thread());
/// assert_eq!(world.attach(a), Ok(RunOrSleep::Run));
/// assert_eq!(world.attach(b), Ok(RunOrSleep::Run), "there is no lock");
///
/// assert_eq!(world.stop(a).unwrap().next, RunOrSleep::Sleep, "not before `b` is parked");
/// let parked = world.park(b).unwrap();
/// assert_eq!(parked, Response { next: RunOrSleep::Sleep, wake: Some(a) });
/// assert_eq!(world.after_wake(a), RunOrSleep::Run);
/// assert!(world.is_stopped());
///
/// assert_eq!(world.start(a).unwrap(), [b], "and `b` is to be woken");
/// assert_eq!(world.state(b), AttachState::Attached);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[doc(alias = "_PyEval_StopTheWorld")]
pub struct StopTheWorld {
    threads: Vec<AttachState>,
    attached: usize,
    /// The thread that has stopped the world, or waits for the others to park.
    stopper: Option<ThreadId>,
    /// The threads that want to stop it next. They are suspended.
    queue: VecDeque<ThreadId>,
    stops_begun: u64,
}

impl StopTheWorld {
    /// Adds a thread, detached.
    pub fn add_thread(&mut self) -> ThreadId {
        let free = self.threads.iter().position(|&state| state == AttachState::Gone);
        let index = free.unwrap_or(self.threads.len());
        if free.is_none() {
            self.threads.push(AttachState::Gone);
        }
        self.threads[index] = AttachState::Detached;
        ThreadId(index as u32)
    }

    /// Removes a thread. If it had stopped the world, the world starts. Gives the threads to wake.
    #[must_use = "the sleepers must be woken"]
    pub fn remove_thread(&mut self, me: ThreadId) -> Vec<ThreadId> {
        let wakes = self.give_up(me);
        self.set(me, AttachState::Gone);
        wakes
    }

    /// A thread wants to run.
    ///
    /// # Errors
    /// [`Misuse::Nested`] if it runs already.
    pub fn attach(&mut self, me: ThreadId) -> Result<RunOrSleep, Misuse> {
        match self.state(me) {
            AttachState::Attached => return Err(Misuse::Nested),
            AttachState::Suspended => return Ok(RunOrSleep::Sleep),
            AttachState::Gone | AttachState::Detached => {}
        }
        let stopped = self.stopper.is_some();
        self.set(me, if stopped { AttachState::Suspended } else { AttachState::Attached });
        Ok(if stopped { RunOrSleep::Sleep } else { RunOrSleep::Run })
    }

    /// A thread is about to block, or has finished.
    ///
    /// # Errors
    /// [`Misuse::NotAttached`]; [`Misuse::Stopping`] if it has stopped the world.
    pub fn detach(&mut self, me: ThreadId) -> Result<Response, Misuse> {
        self.check_attached(me)?;
        if self.stopper == Some(me) {
            return Err(Misuse::Stopping);
        }
        self.set(me, AttachState::Detached);
        Ok(Response { next: RunOrSleep::Run, wake: self.ready_stopper() })
    }

    /// A thread is at a checkpoint: it parks if another stops the world.
    ///
    /// # Errors
    /// [`Misuse::NotAttached`].
    pub fn park(&mut self, me: ThreadId) -> Result<Response, Misuse> {
        self.check_attached(me)?;
        if self.stopper.is_none_or(|stopper| stopper == me) {
            return Ok(Response { next: RunOrSleep::Run, wake: None });
        }
        self.set(me, AttachState::Suspended);
        Ok(Response { next: RunOrSleep::Sleep, wake: self.ready_stopper() })
    }

    /// A thread wants to stop all others. If another stops the world already, this one parks and
    /// queues for the next stop.
    ///
    /// # Errors
    /// [`Misuse::NotAttached`]; [`Misuse::Stopping`] if it has stopped the world.
    pub fn stop(&mut self, me: ThreadId) -> Result<Response, Misuse> {
        self.check_attached(me)?;
        match self.stopper {
            Some(stopper) if stopper == me => return Err(Misuse::Stopping),
            Some(_) => {
                self.queue.push_back(me);
                return self.park(me);
            }
            None => self.begin_stop(me),
        }
        Ok(Response { next: self.after_wake(me), wake: None })
    }

    /// Starts the world; the next thread in the queue begins to stop it again. Gives the threads to
    /// wake.
    ///
    /// # Errors
    /// [`Misuse::NotStopping`] if this thread has not stopped it.
    pub fn start(&mut self, me: ThreadId) -> Result<Vec<ThreadId>, Misuse> {
        if self.stopper != Some(me) {
            return Err(Misuse::NotStopping);
        }
        self.stopper = None;
        let wakes = self.parked();
        for &id in &wakes {
            self.set(id, AttachState::Attached);
        }
        if let Some(next) = self.queue.pop_front() {
            // It stays asleep: at least the thread that starts the world has yet to park.
            self.set(next, AttachState::Attached);
            self.begin_stop(next);
        }
        Ok(wakes)
    }

    /// A sleeper woke up: may it run?
    pub fn after_wake(&self, me: ThreadId) -> RunOrSleep {
        let attached = self.state(me) == AttachState::Attached;
        let waits = self.stopper == Some(me) && !self.is_stopped();
        if attached && !waits { RunOrSleep::Run } else { RunOrSleep::Sleep }
    }

    /// Detaches a thread, whatever it waits for. If it has stopped the world, the world starts; if
    /// it wanted to stop it, it does not. Gives the threads to wake.
    #[must_use = "the sleepers must be woken"]
    pub fn give_up(&mut self, me: ThreadId) -> Vec<ThreadId> {
        let was_attached = self.state(me) == AttachState::Attached;
        let mut wakes = self.start(me).unwrap_or_default();
        self.queue.retain(|&id| id != me);
        self.set(me, AttachState::Detached);
        wakes.extend(self.ready_stopper().filter(|_| was_attached));
        wakes
    }

    /// Records whether a thread is attached that has attached and detached by its own state word,
    /// without an event here. It may do so while no thread stops the world.
    pub fn record_fast_path(&mut self, id: ThreadId, attached: bool) {
        self.set(id, if attached { AttachState::Attached } else { AttachState::Detached });
    }
}

/// Queries.
impl StopTheWorld {
    /// The state of this thread.
    pub fn state(&self, id: ThreadId) -> AttachState {
        self.threads.get(id.index()).copied().unwrap_or(AttachState::Gone)
    }

    /// The thread that has stopped the world, or is about to.
    pub fn stopper(&self) -> Option<ThreadId> {
        self.stopper
    }

    /// Whether only the thread that stops the world is attached.
    pub fn is_stopped(&self) -> bool {
        self.stopper.is_some() && self.attached == 1
    }

    /// How many threads are attached.
    pub fn attached(&self) -> usize {
        self.attached
    }

    /// How many threads sleep until the world starts.
    pub fn suspended(&self) -> usize {
        self.threads.iter().filter(|&&standing| standing == AttachState::Suspended).count()
    }

    /// How often a thread has begun to stop the world.
    pub fn stops_begun(&self) -> u64 {
        self.stops_begun
    }
}

/// The parts that events are made of.
impl StopTheWorld {
    fn set(&mut self, id: ThreadId, to: AttachState) {
        let state = &mut self.threads[id.index()];
        self.attached -= usize::from(*state == AttachState::Attached);
        self.attached += usize::from(to == AttachState::Attached);
        *state = to;
    }

    fn check_attached(&self, me: ThreadId) -> Result<(), Misuse> {
        let attached = self.state(me) == AttachState::Attached;
        if attached { Ok(()) } else { Err(Misuse::NotAttached) }
    }

    /// The threads that sleep until the world starts, and do not want to stop it.
    fn parked(&self) -> Vec<ThreadId> {
        let all = (0..self.threads.len()).map(|index| ThreadId(index as u32));
        let parked =
            |id: &ThreadId| self.state(*id) == AttachState::Suspended && !self.queue.contains(id);
        all.filter(parked).collect()
    }

    fn begin_stop(&mut self, me: ThreadId) {
        self.stopper = Some(me);
        self.stops_begun += 1;
    }

    /// The thread that stops the world, if all others are parked or detached by now.
    fn ready_stopper(&self) -> Option<ThreadId> {
        self.stopper.filter(|_| self.is_stopped())
    }
}
