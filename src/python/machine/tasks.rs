//! Futures, tasks and event loops: how a future gets done, and who runs then.
//!
//! ```text
//!   future done ──▶ its callbacks are ready on its loop, in their order
//!                     │
//!   Loop::ready   [ step of Task-2 │ callback │ step of Task-1 │ … ]
//!                     │                │
//!                     │                └─ by the thread in run_forever
//!                     └─ by the task, which is an entry of World::threads: its own stack
//! ```
//!
//! *Promises*: asyncio's order: what becomes ready is last, a pass is what was ready when it began,
//! a callback is never called at once; at most one task of a loop is in the middle of a step.
//! *Leaves out*: what is Python in CPython (`python/library/asyncio`).

use crate::python::machine::interpreter::Machine;
use crate::python::machine::outside::LoopNote;
use crate::python::machine::terms::{Arguments, Done, Location, R, Raise};
use crate::python::machine::world::{Stage, Thread, Wait};
use crate::python::value::any::{Id, Value};
use crate::python::value::asyncio::{Asyncio, Callback, Future, Handle, Loop, Ready, State, Task};
use crate::python::value::frame::Then;
use crate::python::value::object::Object;
use crate::python::value::strings::StrId;
use std::sync::Arc;

/// The most tasks of one program, at a time; and in the explorer, in all.
const MOST: usize = 100_000;
const MOST_EXPLORED: usize = 62;

impl Machine {
    /// Changes an event loop.
    pub(crate) fn loop_mut<T>(&mut self, id: Id, f: impl FnOnce(&mut Loop) -> T) -> Option<T> {
        match self.world.heap.get_mut(id) {
            Object::Asyncio(asyncio) => match &mut **asyncio {
                Asyncio::Loop(running) => Some(f(running)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Changes a future.
    pub(crate) fn future_mut<T>(&mut self, id: Id, f: impl FnOnce(&mut Future) -> T) -> Option<T> {
        match self.world.heap.get_mut(id) {
            Object::Asyncio(asyncio) => match &mut **asyncio {
                Asyncio::Future(future) => Some(f(future)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Changes what a task has besides.
    pub(crate) fn task_mut<T>(&mut self, id: Id, f: impl FnOnce(&mut Task) -> T) -> Option<T> {
        self.future_mut(id, |future| future.task.as_mut().map(f)).flatten()
    }

    /// Keeps an object of asyncio.
    pub(crate) fn add_asyncio(&mut self, asyncio: Asyncio) -> Value {
        self.add(Object::Asyncio(Box::new(asyncio)))
    }

    /// The loop that runs in this thread.
    pub(crate) fn running_loop(&self) -> Option<Id> {
        match self.current.task {
            Some(task) => self.world.future(task).map(|task| task.event_loop),
            None => self.current.runs,
        }
    }

    /// A new future.
    pub(crate) fn new_future(&mut self, event_loop: Id, task: Option<Task>) -> Value {
        self.add_asyncio(Asyncio::Future(Future {
            event_loop,
            state: State::Pending,
            callbacks: Vec::new(),
            children: Vec::new(),
            cancel_asked: false,
            cancelled_by: None,
            message: Value::None,
            seen: false,
            task,
        }))
    }

    /// Makes a task, whose first step is ready.
    pub(crate) fn spawn(&mut self, event_loop: Id, coroutine: Value, name: StrId) -> R<Value> {
        let number = self.task_slot()?;
        let task =
            Task { number, name, coroutine, awaiting: None, must_cancel: false, cancelling: 0 };
        let future = self.new_future(event_loop, Some(task));
        let fresh = Thread {
            task: future.id(),
            daemon: true,
            object: self.current.object,
            ..Thread::default()
        };
        let spawner = std::mem::replace(&mut self.current, fresh);
        let step = self.prelude("asyncio._step");
        let arguments = Arguments { values: vec![coroutine], named: Vec::new() };
        let begun = match self.call_value(step, arguments, Then::Discard) {
            Ok(Done::Value(Value::Ref(step))) => self.begin_coroutine(step),
            other => other.map(drop),
        };
        let mut fresh = std::mem::replace(&mut self.current, spawner);
        begun?;
        fresh.stage = Stage::Turn;
        fresh.wait = Some((Wait::Turn(event_loop), None));
        match number < self.world.threads.len() {
            true => self.world.threads[number] = Arc::new(fresh),
            false => self.world.threads.push(Arc::new(fresh)),
        }
        if self.outside.clock.is_some() {
            self.outside.born.push((event_loop, number));
            self.outside.stirred = true;
        }
        self.make_ready(event_loop, Ready::Task(number));
        Ok(future)
    }

    /// A number for a task: in a run, that of one that has ended.
    fn task_slot(&mut self) -> R<usize> {
        let (count, explored) = (self.world.threads.len(), self.world.any_order);
        let most = if explored { MOST_EXPLORED } else { MOST };
        let number = match count >= MOST_EXPLORED && !explored {
            true => self.world.threads.iter().enumerate().position(|(at, thread)| {
                at != self.number && thread.task.is_some() && thread.has_ended()
            }),
            false => None,
        };
        match number {
            Some(number) => {
                self.report_task(number);
                Ok(number)
            }
            None if count > most => {
                Err(Raise::Stop(format!("it makes more than {most} tasks and threads")))
            }
            None => Ok(count),
        }
    }

    /// Whether two functions are one; a method of an object is the same each time it is looked up.
    pub(crate) fn same_function(&self, a: Value, b: Value) -> bool {
        let method = |value: Value| match value.id().map(|id| self.world.heap.get(id)) {
            Some(Object::Method { receiver, function }) => Some((*receiver, *function)),
            _ => None,
        };
        a.is(b) || method(a).is_some_and(|a| Some(a) == method(b))
    }

    /// Appends to what is ready.
    pub(crate) fn make_ready(&mut self, event_loop: Id, ready: Ready) {
        self.outside.stirred = true;
        self.outside.note_loop(|| LoopNote::Ready(ready));
        self.loop_mut(event_loop, |running| running.ready.push_back(ready));
    }

    /// A callback, ready now or at a time, in nanoseconds. In the explorer that comes at any moment.
    pub(crate) fn call_soon(
        &mut self,
        event_loop: Id,
        callback: Value,
        arguments: Vec<Value>,
        when: Option<u64>,
    ) -> Value {
        self.note(Location::Object(event_loop), true);
        let handle = Handle { event_loop, callback, arguments, when, cancelled: false };
        let handle = self.add_asyncio(Asyncio::Handle(handle));
        let Some(id) = handle.id() else { return handle };
        match when {
            None => self.make_ready(event_loop, Ready::Call(id)),
            Some(when) => {
                self.loop_mut(event_loop, |running| {
                    let at = running.timers.partition_point(|(other, _)| *other <= when);
                    running.timers.insert(at, (when, id));
                    running.polled = false;
                });
            }
        }
        handle
    }

    /// A task begins a step.
    ///
    /// # Errors
    /// A CancelledError, if it was cancelled meanwhile.
    pub(crate) fn take_turn(&mut self) -> R<()> {
        self.current.stage = Stage::None;
        let Some(task) = self.current.task else { return Ok(()) };
        let Some(event_loop) = self.running_loop() else { return Ok(()) };
        let (number, any_order) = (self.number, self.world.any_order);
        self.loop_mut(event_loop, |running| running.take(number, any_order));
        self.outside.note_loop(|| LoopNote::Steps(number));
        let cancel = self.task_mut(task, |task| {
            task.awaiting = None;
            std::mem::take(&mut task.must_cancel)
        });
        match cancel {
            Some(true) => Err(self.cancelled_error(task)),
            _ => Ok(()),
        }
    }

    /// The exception of a future that was cancelled.
    pub(crate) fn cancelled_error(&mut self, id: Id) -> Raise {
        if let Some(Some(error)) = self.future_mut(id, |future| future.cancelled_by.take()) {
            self.note(Location::Object(id), true);
            return Raise::Exception(error);
        }
        let message = self.world.future(id).map_or(Value::None, |future| future.message);
        let arguments = if message == Value::None { Vec::new() } else { vec![message] };
        self.asyncio_error("CancelledError", arguments)
    }

    /// An exception of a class that asyncio defines.
    pub(crate) fn asyncio_error(&mut self, class: &str, arguments: Vec<Value>) -> Raise {
        let class = self.prelude(&format!("asyncio.{class}"));
        let arguments = Arguments { values: arguments, named: Vec::new() };
        match self.call_value(class, arguments, Then::Push) {
            Ok(Done::Value(Value::Ref(id))) => Raise::Exception(id),
            Ok(_) => Raise::Stop("asyncio is not there".to_owned()),
            Err(raised) => raised,
        }
    }

    /// A future comes to something, and its callbacks are ready.
    pub(crate) fn settle(&mut self, id: Id, state: State) {
        self.note(Location::Object(id), true);
        let callbacks = self.future_mut(id, |future| {
            future.state = state;
            (future.event_loop, std::mem::take(&mut future.callbacks))
        });
        let Some((event_loop, callbacks)) = callbacks else { return };
        for callback in callbacks {
            match callback {
                Callback::Wake(task) => self.make_ready(event_loop, Ready::Task(task)),
                Callback::Call(function) => {
                    self.call_soon(event_loop, function, vec![Value::Ref(id)], None);
                }
            }
        }
    }

    /// Cancels a future, or what a task awaits; gives whether anything will be cancelled.
    pub(crate) fn cancel_future(&mut self, id: Id, message: Value) -> bool {
        let (mut at, mut outer) = (id, None);
        // A chain of tasks, each of which awaits the next one. A circle is left after a while.
        for _ in 0..self.world.threads.len() + 2 {
            self.note(Location::Object(at), true);
            let Some(future) = self.world.future(at) else { return false };
            if future.is_done() {
                return outer.is_some_and(|outer| self.must_cancel(outer, message));
            }
            let awaiting = future.task.as_ref().map(|task| task.awaiting);
            self.task_mut(at, |task| task.cancelling += 1);
            match awaiting {
                Some(Some(next)) => (at, outer) = (next, Some(at)),
                Some(None) => return self.must_cancel(at, message),
                None => {
                    let cancelled = self.cancel_plain(at, message);
                    return cancelled || outer.is_some_and(|o| self.must_cancel(o, message));
                }
            }
        }
        self.must_cancel(id, message)
    }

    /// Cancels a future that is no task and is not done.
    fn cancel_plain(&mut self, id: Id, message: Value) -> bool {
        let children = self.world.future(id).map(|future| future.children.clone());
        let children = children.unwrap_or_default();
        if children.is_empty() {
            self.future_mut(id, |future| future.message = message);
            self.settle(id, State::Cancelled);
            return true;
        }
        let mut any = false;
        for child in children {
            any |= child.id().is_some_and(|child| self.cancel_future(child, message));
        }
        self.future_mut(id, |future| future.cancel_asked |= any);
        any
    }

    fn must_cancel(&mut self, id: Id, message: Value) -> bool {
        self.future_mut(id, |future| future.message = message);
        self.task_mut(id, |task| task.must_cancel = true).is_some()
    }

    /// A future as Python shows it.
    pub(crate) fn future_repr(&mut self, id: Id) -> R<String> {
        let Some(future) = self.world.future(id).cloned() else { return Ok(String::new()) };
        let state = match future.state {
            State::Pending => "pending".to_owned(),
            State::Cancelled => "cancelled".to_owned(),
            State::Result(value) => format!("finished result={}", self.plain_repr(value)?),
            State::Raised(exception) => {
                format!("finished exception={}", self.plain_repr(Value::Ref(exception))?)
            }
        };
        Ok(match future.task {
            None => format!("<Future {state}>"),
            Some(task) => format!("<Task {state} name='{}'>", self.strings.text(task.name)),
        })
    }

    /// An object of asyncio as Python shows it.
    pub(crate) fn asyncio_repr(&mut self, id: Id, asyncio: &Asyncio) -> R<String> {
        Ok(match asyncio {
            Asyncio::Future(_) => self.future_repr(id)?,
            Asyncio::Coroutine(code, _) => {
                format!("<coroutine object {}>", self.program.codes[*code as usize].name)
            }
            Asyncio::Generator(_) => "<async_generator object>".to_owned(),
            Asyncio::Loop(Loop { runner, closed, .. }) => {
                let flag = |flag: bool| if flag { "True" } else { "False" };
                let (running, closed) = (flag(runner.is_some()), flag(*closed));
                format!("<_UnixSelectorEventLoop running={running} closed={closed} debug=False>")
            }
            Asyncio::Handle(_) => "<Handle>".to_owned(),
        })
    }

    /// Writes a line to stderr.
    pub(crate) fn complain(&mut self, text: &str) {
        let errors = Arc::make_mut(&mut self.world.errors);
        errors.push_str(text);
        errors.push('\n');
    }

    /// Says that nobody has asked for the exception of a task.
    fn report_task(&mut self, number: usize) {
        let Some(id) = self.world.threads.get(number).and_then(|thread| thread.task) else {
            return;
        };
        let Some(future) = self.world.future(id) else { return };
        if let (State::Raised(exception), false) = (future.state, future.seen) {
            let text = self.exception_text(exception);
            let shown = self.future_repr(id).unwrap_or_default();
            self.complain(&format!("Task exception was never retrieved\nfuture: {shown}\n{text}"));
            self.future_mut(id, |future| future.seen = true);
        }
    }

    /// What Python says on stderr when a program ends: exceptions of tasks that nobody has asked
    /// for, and coroutines that nobody has awaited.
    pub fn complain_at_end(&mut self) {
        for number in 0..self.world.threads.len() {
            self.report_task(number);
        }
        let never = self.world.heap.iter().filter_map(|object| match object {
            Object::Asyncio(asyncio) => match &**asyncio {
                Asyncio::Coroutine(code, Some(_)) => Some(*code),
                _ => None,
            },
            _ => None,
        });
        let never: Vec<u32> = never.collect();
        for code in never {
            let name = self.program.codes[code as usize].name.clone();
            self.complain(&format!("RuntimeWarning: coroutine '{name}' was never awaited"));
        }
    }
}
