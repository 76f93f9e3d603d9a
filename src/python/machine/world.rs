//! The world: all that changes while a program runs, as data.
//!
//! *Promises*: a copy shares what neither changes; no clock, no chance, no real thread.
//! *Leaves out*: who runs next (`explore`), and what an instruction does (`python/machine/execute.rs`).

use crate::python::front::position::Position;
use crate::python::machine::outside::Answer;
use crate::python::value::any::{Id, Value};
use crate::python::value::asyncio::{Asyncio, Future, Loop};
use crate::python::value::frame::Frame;
use crate::python::value::heap::Heap;
use crate::python::value::object::{Object, Sync};
use crate::python::value::strings::StrId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// A lock to be free.
    Lock(Id),
    /// A notification of a condition.
    Notified(Id),
    /// An event to be set.
    Event(Id),
    /// A permit of a semaphore.
    Permit(Id),
    /// The other parties of a barrier.
    Barrier(Id),
    /// A thread to end.
    Join(usize),
    /// An item in a queue.
    Item(Id),
    /// Space in a queue.
    Space(Id),
    /// That all items of a queue are done.
    Done(Id),
    /// One of so many numbers of chance, which the explorer chooses.
    Choice(u32),
    /// The result of a future; its event is set then.
    Result(Id),
    /// A free worker of a pool, for a job.
    Worker(Id),
    /// That all jobs of a pool have ended.
    Idle(Id),
    /// Its turn on an event loop: of a task, or of the thread that runs the loop.
    Turn(Id),
    /// A time, in nanoseconds. The explorer lets it come at any moment.
    Sleep(u64),
    /// The answer with this number from outside the world.
    Answer(u64),
}

/// How long a wait may take, in nanoseconds; `None` is for ever. The explorer lets a limit pass at
/// any moment.
pub type Limit = Option<u64>;

/// How a thread has ended that did not return.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Failure {
    /// The exception, as Python prints it.
    pub text: String,
    /// The line that raised it.
    pub at: Position,
}

/// What is between two executions of one call that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stage {
    /// Nothing.
    #[default]
    None,
    /// It has left its lock and waits to be notified; it held the lock so many times.
    Waiting(usize),
    /// It has been notified, or not in time, and needs its lock back.
    Returning(usize, bool),
    /// It was so many-eth at a barrier.
    Arrived(usize),
    /// It has slept.
    Slept,
    /// It waits to enter a `with`.
    Entering,
    /// It waits for its turn on an event loop.
    Turn,
}

/// How often a call has gone round a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    /// Which call: how many are around it.
    pub depth: u32,
    /// Where the loop begins.
    pub at: u32,
    /// How often.
    pub count: u32,
}

/// A thread.
#[derive(Debug, Clone, Default)]
pub struct Thread {
    /// Its calls, the innermost last. A thread that has ended has none.
    pub frames: Vec<Frame>,
    /// The values of all its calls, one behind the other.
    pub stack: Vec<Value>,
    /// What it waits for, and for how long.
    pub wait: Option<(Wait, Limit)>,
    /// When that has passed, by the clock of a run. Whoever drives it forgets it when the call that
    /// waited is over.
    pub deadline: Option<u64>,
    /// The time limit of its wait has passed.
    pub timed_out: bool,
    /// Where it is in a call that waits.
    pub stage: Stage,
    /// The number of the answer that its call from outside is to have.
    pub asked: Option<u64>,
    /// Its object of class `Thread`; the main thread has none.
    pub object: Option<Id>,
    /// Nobody waits for its end.
    pub daemon: bool,
    /// The exception that ended it.
    pub failure: Option<Failure>,
    /// If it is a job of a pool that runs: the first job of the same worker.
    pub worker: Option<usize>,
    /// The line that has started it.
    pub born: Position,
    /// The object of the task that it is, if it is no thread.
    pub task: Option<Id>,
    /// The event loop that it runs.
    pub runs: Option<Id>,
    /// How often its calls have gone round loops, if that is counted.
    pub rounds: Vec<Rounds>,
}

/// All that changes.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The objects.
    pub heap: Heap,
    /// The globals.
    pub globals: Vec<Value>,
    /// The threads; number 0 is the main thread.
    pub threads: Vec<Arc<Thread>>,
    /// What was printed.
    pub output: Arc<String>,
    /// The time of a run, in nanoseconds. The explorer leaves it at 0.
    pub clock: u64,
    /// Where the numbers of `random` are.
    pub random: u64,
    /// What has come from outside and was not taken yet, by number.
    pub answers: BTreeMap<u64, Answer>,
    /// Numbers that names of threads have used.
    pub names_used: usize,
    /// Numbers that names of tasks have used.
    pub tasks_named: usize,
    /// The event loop of the main thread.
    pub event_loop: Option<Id>,
    /// Tasks that are ready go on in any order, and timers at any time; else as in asyncio.
    pub any_order: bool,
    /// What was written to stderr.
    pub errors: Arc<String>,
}

impl Thread {
    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.frames.is_empty()
    }

    /// Each call with its values, the innermost last.
    pub fn calls(&self) -> impl Iterator<Item = (&Frame, &[Value])> {
        let ends = self.frames.iter().skip(1).map(|next| (next.base - next.below) as usize);
        let ends = ends.chain(std::iter::once(self.stack.len()));
        self.frames.iter().zip(ends).map(|(frame, end)| {
            (frame, self.stack.get(frame.base as usize..end).unwrap_or_default())
        })
    }
}

impl World {
    /// Whether a thread could go on, without regard to time limits.
    pub fn is_ready(&self, number: usize) -> bool {
        let Some(thread) = self.threads.get(number) else { return false };
        match thread.wait {
            _ if thread.has_ended() => false,
            None => self.may_go_on(number),
            Some((wait, _)) => self.has_come(number, wait),
        }
    }

    /// Whether what a thread waits for has come.
    fn has_come(&self, number: usize, wait: Wait) -> bool {
        let sync = |id: Id| match self.heap.get(id) {
            Object::Sync(sync) => Some(sync),
            _ => None,
        };
        match wait {
            Wait::Lock(id) => match sync(id) {
                Some(Sync::Lock { owner }) => owner.is_none(),
                Some(Sync::RLock { owner, .. }) => owner.is_none_or(|owner| owner == number),
                _ => true,
            },
            Wait::Notified(id) => match sync(id) {
                Some(Sync::Condition { waiters, .. }) => !waiters.contains(&number),
                _ => true,
            },
            Wait::Event(id) | Wait::Result(id) => {
                !matches!(sync(id), Some(Sync::Event { set: false }))
            }
            Wait::Permit(id) => match sync(id) {
                Some(Sync::Semaphore { value, .. }) => *value > 0,
                _ => true,
            },
            Wait::Barrier(id) => match sync(id) {
                Some(Sync::Barrier { arrived, broken, .. }) => {
                    *broken || !arrived.contains(&number)
                }
                _ => true,
            },
            Wait::Join(other) => self.threads.get(other).is_none_or(|other| other.has_ended()),
            Wait::Item(id) => match sync(id) {
                Some(Sync::Queue { items, .. }) => !items.is_empty(),
                _ => true,
            },
            Wait::Space(id) => match sync(id) {
                Some(Sync::Queue { items, most, .. }) => {
                    *most <= 0 || i64::try_from(items.len()).is_ok_and(|len| len < *most)
                }
                _ => true,
            },
            Wait::Done(id) => match sync(id) {
                Some(Sync::Queue { unfinished, .. }) => *unfinished <= 0,
                _ => true,
            },
            Wait::Choice(_) => true,
            Wait::Worker(id) => match sync(id) {
                Some(Sync::Pool { most, queued, running, .. }) => {
                    running < most && queued.front() == Some(&number)
                }
                _ => true,
            },
            Wait::Idle(id) => match sync(id) {
                Some(Sync::Pool { queued, running, .. }) => *running == 0 && queued.is_empty(),
                _ => true,
            },
            Wait::Turn(id) => self.has_turn(number, id),
            Wait::Sleep(until) => self.clock >= until,
            Wait::Answer(number) => self.answers.contains_key(&number),
        }
    }

    /// Whether a task may go on that waits for nothing: no other one is in the middle of a step.
    fn may_go_on(&self, number: usize) -> bool {
        let task = self.threads.get(number).and_then(|thread| thread.task);
        let running = task.and_then(|id| self.future(id)).map(|future| future.event_loop);
        let running = running.and_then(|id| self.event_loop(id));
        running.is_none_or(|running| running.current.is_none_or(|current| current == number))
    }

    /// Whether another thread may run in the middle of this one's code: all but the tasks of the
    /// same loop, and the thread that runs it.
    pub fn is_beside_threads(&self, number: usize) -> bool {
        let loop_of = |thread: &Thread| match thread.task {
            Some(task) => self.future(task).map(|task| task.event_loop),
            None => thread.runs,
        };
        let own = self.threads.get(number).and_then(|thread| loop_of(thread));
        let others = self.threads.iter().enumerate().filter(|(at, _)| *at != number);
        let alive = others.filter(|(_, thread)| !thread.has_ended());
        own.is_none() || alive.into_iter().any(|(_, thread)| loop_of(thread) != own)
    }

    /// A future.
    pub fn future(&self, id: Id) -> Option<&Future> {
        match self.heap.get(id) {
            Object::Asyncio(asyncio) => match &**asyncio {
                Asyncio::Future(future) => Some(future),
                _ => None,
            },
            _ => None,
        }
    }

    fn has_turn(&self, number: usize, event_loop: Id) -> bool {
        let is_task = self.threads.get(number).is_some_and(|thread| thread.task.is_some());
        match self.event_loop(event_loop) {
            Some(running) if is_task => running.is_turn(number, self.any_order),
            Some(running) => running.has_calls(number, self.any_order),
            None => true,
        }
    }

    /// An event loop.
    pub fn event_loop(&self, id: Id) -> Option<&Loop> {
        match self.heap.get(id) {
            Object::Asyncio(asyncio) => match &**asyncio {
                Asyncio::Loop(running) => Some(running),
                _ => None,
            },
            _ => None,
        }
    }

    /// Who holds the lock.
    pub fn owner(&self, lock: Id) -> Option<usize> {
        match self.heap.get(lock) {
            Object::Sync(Sync::Lock { owner } | Sync::RLock { owner, .. }) => *owner,
            _ => None,
        }
    }

    /// Whether all threads that are waited for have ended.
    pub fn has_ended(&self) -> bool {
        self.threads.iter().all(|thread| thread.daemon || thread.has_ended())
    }
}

/// A name of a thread, for messages: `main thread`, or `thread 1`.
pub fn thread_name(number: usize) -> String {
    match number {
        0 => "main thread".to_owned(),
        n => format!("thread {n}"),
    }
}

/// A named value at the end of a run.
pub type Named = (StrId, Value);
