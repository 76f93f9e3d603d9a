//! Coroutines, futures, tasks and event loops, as objects of the heap.
//!
//! *Promises*: plain data; a loop is its queue of what is ready and its timers, and no thread.
//! *Leaves out*: what they do (`python/machine/tasks.rs`).

use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Frame;
use crate::python::value::strings::StrId;
use std::collections::VecDeque;

/// An object that only asyncio has.
#[derive(Debug, Clone)]
pub enum Asyncio {
    /// The number of its code; and its frame and the values in it, until it is awaited.
    Coroutine(u32, Option<(Frame, Vec<Value>)>),
    /// An asynchronous generator, which is this generator.
    Generator(Id),
    /// A future or a task.
    Future(Future),
    /// An event loop.
    Loop(Loop),
    /// A callback that was given to a loop.
    Handle(Handle),
}

/// What a future has come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum State {
    /// Nothing yet.
    Pending,
    /// A value.
    Result(Value),
    /// An exception.
    Raised(Id),
    /// It was cancelled.
    Cancelled,
}

/// What happens when a future is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Callback {
    /// The task with this number of a thread goes on.
    Wake(usize),
    /// This is called with the future.
    Call(Value),
}

/// A future.
#[derive(Debug, Clone)]
pub struct Future {
    /// The loop that calls its callbacks.
    pub event_loop: Id,
    /// What it has come to.
    pub state: State,
    /// What happens when it is done.
    pub callbacks: Vec<Callback>,
    /// The futures that are cancelled instead of it: those of a `gather`.
    pub children: Vec<Value>,
    /// It was asked to cancel its children.
    pub cancel_asked: bool,
    /// What `cancel` was given, for the exception.
    pub message: Value,
    /// The CancelledError that a task has ended with, until the first who asks is given it.
    pub cancelled_by: Option<Id>,
    /// Somebody has asked for its exception.
    pub seen: bool,
    /// What it has besides if it is a task.
    pub task: Option<Task>,
}

/// What a task has that a future has not.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its number among the threads.
    pub number: usize,
    /// Its name.
    pub name: StrId,
    /// Its coroutine.
    pub coroutine: Value,
    /// The future that it awaits.
    pub awaiting: Option<Id>,
    /// A CancelledError is raised in it when it goes on.
    pub must_cancel: bool,
    /// How often it was cancelled, less how often that was taken back.
    pub cancelling: i64,
}

/// What a loop runs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// A step of the task with this number of a thread.
    Task(usize),
    /// A callback.
    Call(Id),
}

/// An event loop.
#[derive(Debug, Clone, Default)]
pub struct Loop {
    /// What is ready, in the order in which it became so.
    pub ready: VecDeque<Ready>,
    /// How many of these belong to this pass. What becomes ready meanwhile is for the next one.
    pub left: usize,
    /// Callbacks for later, with the time of each in nanoseconds; the earliest first.
    pub timers: Vec<(u64, Id)>,
    /// The thread that runs it.
    pub runner: Option<usize>,
    /// Which task, or the runner itself, is in the middle of a step.
    pub current: Option<usize>,
    /// A pass has begun since it was run.
    pub begun: bool,
    /// Its thread has looked at the timers since it has run anything.
    pub polled: bool,
    /// It ends after this pass.
    pub stopping: bool,
    /// It has been closed.
    pub closed: bool,
    /// An exception that no task keeps: it leaves the loop.
    pub escaped: Option<Id>,
}

/// A callback that was given to a loop.
#[derive(Debug, Clone)]
pub struct Handle {
    /// The loop.
    pub event_loop: Id,
    /// What is called.
    pub callback: Value,
    /// With these arguments.
    pub arguments: Vec<Value>,
    /// When, in nanoseconds, if it is for later.
    pub when: Option<u64>,
    /// It is not called any more.
    pub cancelled: bool,
}

impl Asyncio {
    /// All values and objects that it leads to; those of a coroutine's frame are the frame's.
    pub fn each(&self, mut f: impl FnMut(Value)) {
        match self {
            Asyncio::Coroutine(..) => {}
            Asyncio::Generator(id) => f(Value::Ref(*id)),
            Asyncio::Future(future) => future.each(&mut f),
            Asyncio::Loop(running) => {
                for ready in &running.ready {
                    if let Ready::Call(id) = ready {
                        f(Value::Ref(*id));
                    }
                }
                running.timers.iter().for_each(|(_, id)| f(Value::Ref(*id)));
                running.escaped.iter().for_each(|id| f(Value::Ref(*id)));
            }
            Asyncio::Handle(handle) => {
                f(Value::Ref(handle.event_loop));
                f(handle.callback);
                handle.arguments.iter().for_each(|value| f(*value));
            }
        }
    }
}

impl Future {
    fn each(&self, f: &mut impl FnMut(Value)) {
        f(Value::Ref(self.event_loop));
        f(self.message);
        self.cancelled_by.iter().for_each(|id| f(Value::Ref(*id)));
        match self.state {
            State::Result(value) => f(value),
            State::Raised(id) => f(Value::Ref(id)),
            State::Pending | State::Cancelled => {}
        }
        for callback in &self.callbacks {
            if let Callback::Call(value) = callback {
                f(*value);
            }
        }
        self.children.iter().for_each(|child| f(*child));
        if let Some(task) = &self.task {
            f(task.coroutine);
            task.awaiting.iter().for_each(|id| f(Value::Ref(*id)));
        }
    }

    /// Whether it has come to something.
    pub fn is_done(&self) -> bool {
        self.state != State::Pending
    }
}

impl Loop {
    /// Whether a task may begin its step: in their order, or in any.
    pub fn is_turn(&self, number: usize, any_order: bool) -> bool {
        let mine = Ready::Task(number);
        self.current.is_none_or(|current| current == number)
            && match any_order {
                true => self.ready.contains(&mine),
                false => self.left > 0 && self.ready.front() == Some(&mine),
            }
    }

    /// Whether the thread that runs it has something to do besides the tasks.
    pub fn has_calls(&self, number: usize, any_order: bool) -> bool {
        let is_call = |ready: &Ready| matches!(ready, Ready::Call(_));
        if self.current.is_some_and(|current| current != number) {
            return false;
        }
        let over = self.stopping || self.escaped.is_some();
        if any_order {
            let unseen = !self.polled && !self.timers.is_empty();
            return over || unseen || self.ready.iter().any(is_call);
        }
        match self.left {
            0 => over || !self.ready.is_empty() || !self.polled,
            _ => self.ready.front().is_some_and(is_call),
        }
    }

    /// Who may have its turn: the task that is ready first, and the thread that runs the loop.
    pub fn next(&self) -> [Option<usize>; 2] {
        let task = self.ready.front().and_then(|ready| match ready {
            Ready::Task(task) => Some(*task),
            Ready::Call(_) => None,
        });
        [task, self.runner]
    }

    /// Whether something is ready, and nobody is in the middle of a step.
    pub fn goes_on(&self) -> bool {
        self.current.is_none() && self.runner.is_some() && !self.ready.is_empty()
    }

    /// Whether it ends now.
    pub fn is_over(&self, any_order: bool) -> bool {
        let pass_is_over = any_order || (self.left == 0 && self.begun);
        self.stopping && pass_is_over
    }

    /// Takes a task's step out of what is ready.
    pub fn take(&mut self, number: usize, any_order: bool) {
        if let Some(at) = self.ready.iter().position(|ready| *ready == Ready::Task(number)) {
            self.ready.remove(at);
            self.left = self.left.saturating_sub(1);
        }
        self.current = Some(number);
        self.polled &= any_order;
    }

    /// A callback was cancelled. One that is ready stays, for it is a part of its pass.
    pub fn forget(&mut self, handle: Id, any_order: bool) {
        self.timers.retain(|(_, other)| *other != handle);
        if any_order {
            self.ready.retain(|ready| *ready != Ready::Call(handle));
        }
    }

    /// The next callback for the thread that runs it; a pass begins if the last one is over.
    /// Without a clock the first timer is due if the thread is `late`.
    pub fn next_call(&mut self, clock: u64, any_order: bool, late: bool) -> Option<Id> {
        if any_order && late && !self.timers.is_empty() {
            return Some(self.timers.remove(0).1);
        }
        if any_order {
            let is_call = |ready: &Ready| matches!(ready, Ready::Call(_));
            let at = self.ready.iter().position(is_call)?;
            return match self.ready.remove(at) {
                Some(Ready::Call(id)) => Some(id),
                _ => None,
            };
        }
        if self.left == 0 {
            let due = self.timers.partition_point(|(at, _)| *at <= clock);
            self.ready.extend(self.timers.drain(..due).map(|(_, id)| Ready::Call(id)));
            self.left = self.ready.len();
            self.begun = true;
        }
        match self.ready.front() {
            Some(Ready::Call(id)) => {
                let id = *id;
                self.ready.pop_front();
                self.left -= 1;
                Some(id)
            }
            _ => None,
        }
    }
}
