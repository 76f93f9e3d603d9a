//! A recording of a loop: which task was polled when, who woke it, how long the loop slept.
//!
//! *Assumes*: one thread writes and reads it, the loop's own.
//! *Promises*: while it is off, a step costs the one branch that debug mode costs anyhow, and a wake
//! one more; a full recording forgets its oldest events and counts them. Each event is written at
//! the moment at which it happens, so the order of events is the order of things, also where two
//! have the same time.
//! *Leaves out*: what a task waits for (`aio/tasks/task_tree.rs`); pictures (`lab/timeline`).
//!
//! ```text
//!            Made           Polled      Paused               Woken by …           Polled     Ended
//!   task ─────┬────────────────┬───────────┬─────────────────────┬──────────────────┬──────────┬──
//!             │    queued      │  running  │       waiting       │      queued      │ running  │
//!
//!   loop ─────────────────┬ Sleeps ──────────────┬ Wakes ─────────────────────────────────────────
//!                         │  at most until a     │  so many events,
//!                         │  deadline            │  so many timers
//! ```
//! The time between *woken* and *polled* is what a busy loop costs a task: tokio-console calls it
//! *scheduled* time. asyncio has no such record; its debug mode only reports slow callbacks.

use crate::base::id::{MAX_INDEX, TaskId};
use crate::sys::fd::Direction;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::os::fd::RawFd;

/// What made a task ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Code outside of the loop, before it ran.
    Outside,
    /// A task of this loop, or the future that the loop was given to run.
    Task(TaskId),
    /// A descriptor is ready.
    Descriptor(RawFd, Direction),
    /// A deadline has come.
    Timer,
    /// A callback of this loop.
    Callback,
    /// Another thread.
    Thread,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoopEventKind {
    /// A task was made, and stands in the ready queue.
    Made(TaskId, Cause),
    /// A task that waited was woken, and stands in the ready queue.
    Woken(TaskId, Cause),
    /// A step of a task begins. Steps nest where a task runs another one eagerly.
    Polled(TaskId),
    /// The step has ended, and the task waits.
    Paused(TaskId),
    /// The step has ended; the task had been woken in it, and stands in the ready queue again.
    Yielded(TaskId),
    /// The step has ended, and with it the task.
    Ended(TaskId),
    /// The selector is asked, and waits at most so many nanoseconds; `None` is without end.
    Sleeps(Option<u64>),
    /// The selector has answered with so many events.
    Wakes(u32),
    /// A callback begins.
    Called,
    /// The callback has returned.
    Returned,
}

/// One thing that happened to a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopEvent {
    /// When, in nanoseconds of the loop's clock.
    pub at: u64,
    /// In which iteration, the first being 1. What is done before a loop runs is of the one before.
    pub iteration: u64,
    /// What.
    pub what: LoopEventKind,
}

/// What happened to a loop. See [`EventLoop::record`](crate::EventLoop::record).
///
/// ```
/// use singletrack::event_loop::recording::{Cause, LoopEventKind};
/// use singletrack::{EventLoop, create_task};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.record(100);
/// event_loop.run_until_complete(async { create_task(async {}).await.unwrap() });
/// let recording = event_loop.recording();
/// let made = recording.events.iter().find_map(|event| match event.what {
///     LoopEventKind::Made(task, Cause::Task(parent)) => Some((task, parent)),
///     _ => None,
/// });
/// let (task, parent) = made.expect("the root has made a task");
/// assert_eq!(recording.name(parent), "main");
/// // The end of the task has woken who awaits it.
/// let woken = LoopEventKind::Woken(parent, Cause::Task(task));
/// assert!(recording.events.iter().any(|event| event.what == woken));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoopRecording {
    /// The last events, oldest first.
    pub events: Vec<LoopEvent>,
    /// How many events before those were forgotten.
    pub dropped: u64,
    /// When it was read, in nanoseconds of the loop's clock.
    pub until: u64,
    /// The names of the tasks that had one.
    pub names: BTreeMap<TaskId, String>,
    /// The tasks that wait though no waker of theirs is left. Known only with the feature `tracing`,
    /// and of tasks that were made while somebody listened.
    pub lost: Vec<TaskId>,
}

impl LoopRecording {
    /// The name of a task, or its number; the future that the loop was given to run is `main`.
    pub fn name(&self, task: TaskId) -> String {
        match self.names.get(&task) {
            Some(name) => name.clone(),
            None if task.index() == MAX_INDEX => "main".to_owned(),
            None => format!("{task:?}"),
        }
    }

    /// A cause in words: `fetch`, `fd 9 readable`, `a timer`.
    pub fn cause(&self, cause: Cause) -> String {
        match cause {
            Cause::Task(task) => self.name(task),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Outside => f.pad("the caller"),
            Cause::Task(task) => write!(f, "{task:?}"),
            Cause::Descriptor(fd, Direction::Read) => write!(f, "fd {fd} readable"),
            Cause::Descriptor(fd, Direction::Write) => write!(f, "fd {fd} writable"),
            Cause::Timer => f.pad("a timer"),
            Cause::Callback => f.pad("a callback"),
            Cause::Thread => f.pad("another thread"),
        }
    }
}

/// Writes a recording, if it is switched on.
#[derive(Default)]
pub struct Recorder {
    capacity: Cell<usize>,
    cause: Cell<Option<Cause>>,
    iteration: Cell<u64>,
    recording: RefCell<Recorded>,
}

#[derive(Default)]
struct Recorded {
    events: VecDeque<LoopEvent>,
    dropped: u64,
    names: BTreeMap<TaskId, String>,
}

impl Recorder {
    /// Begins anew, with room for so many events. 0 switches it off.
    pub fn start(&self, capacity: usize) {
        self.capacity.set(capacity);
        self.recording.take();
    }

    /// Whether it is switched on.
    pub fn is_on(&self) -> bool {
        self.capacity.get() > 0
    }

    /// From now on this is what wakes tasks. Gives what was before.
    pub fn set_cause(&self, cause: Option<Cause>) -> Option<Cause> {
        self.cause.replace(cause)
    }

    /// What wakes tasks now.
    pub fn cause(&self) -> Cause {
        self.cause.get().unwrap_or(Cause::Outside)
    }

    /// The number of the iteration that begins.
    pub fn set_iteration(&self, iteration: u64) {
        self.iteration.set(iteration);
    }

    /// Writes an event.
    pub fn write(&self, at: u64, what: LoopEventKind) {
        let capacity = self.capacity.get();
        if capacity == 0 {
            return;
        }
        let mut recording = self.recording.borrow_mut();
        if recording.events.len() == capacity {
            recording.events.pop_front();
            recording.dropped += 1;
        }
        recording.events.push_back(LoopEvent { at, iteration: self.iteration.get(), what });
    }

    /// Notes a task's name: the table of names forgets those of tasks that are done.
    pub fn note_name(&self, task: TaskId, name: &str) {
        let mut recording = self.recording.borrow_mut();
        if recording.names.get(&task).is_none_or(|before| before != name) {
            recording.names.insert(task, name.to_owned());
        }
    }

    /// What was written.
    pub fn read(&self, now: u64) -> LoopRecording {
        let Recorded { events, dropped, names } = &*self.recording.borrow();
        LoopRecording {
            events: events.iter().copied().collect(),
            dropped: *dropped,
            until: now,
            names: names.clone(),
            lost: Vec::new(),
        }
    }
}
