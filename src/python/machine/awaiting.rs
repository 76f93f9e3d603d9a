//! `await`, `async for` and `async with`: what they do.
//!
//! *Promises*: awaiting a coroutine is a call: its frame is pushed, and nobody else runs; awaiting a
//! future that is done goes on at once; awaiting one that is not lets the other tasks run.
//! *Leaves out*: who runs then (`python/machine/tasks.rs`); `__await__`, which the subset has not.

use crate::python::code::instruction::Place;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Done, Flow, Location, R, Raise};
use crate::python::machine::world::{Stage, Wait};
use crate::python::value::any::{Id, Value};
use crate::python::value::asyncio::{Asyncio, Callback, State};
use crate::python::value::frame::Then;
use crate::python::value::object::Object;

const STRAIGHT: R<Flow> = Ok(Flow::Next(Place::Straight));

impl Machine {
    /// An object of asyncio.
    pub(crate) fn asyncio(&self, value: Value) -> Option<(Id, &Asyncio)> {
        let id = value.id()?;
        match self.world.heap.get(id) {
            Object::Asyncio(asyncio) => Some((id, asyncio)),
            _ => None,
        }
    }

    /// Awaits what is on the stack, and leaves its result there. `next`: it is the next item of an
    /// `async for`.
    pub(crate) fn await_value(&mut self, next: bool) -> R<Flow> {
        let value = self.peek(0);
        let (coroutine, generator) = match self.asyncio(value) {
            Some((id, Asyncio::Coroutine(..))) => (Some(id), None),
            Some((id, Asyncio::Future(_))) => return self.await_future(id),
            Some((_, Asyncio::Generator(id))) if next => (None, Some(*id)),
            _ => {
                let name = self.type_name(value);
                return self
                    .type_error(format!("object {name} can't be used in 'await' expression"));
            }
        };
        self.pop();
        if let Some(id) = generator
            && self.resume(id, Value::None, Then::Push)?.is_none()
        {
            return Err(self.exception("StopAsyncIteration", Vec::new()));
        }
        if let Some(id) = coroutine {
            self.begin_coroutine(id)?;
        }
        STRAIGHT
    }

    /// Pushes the frame of a coroutine.
    pub(crate) fn begin_coroutine(&mut self, id: Id) -> R<()> {
        let frame = match self.world.heap.get_mut(id) {
            Object::Asyncio(asyncio) => match &mut **asyncio {
                Asyncio::Coroutine(_, frame) => frame.take(),
                _ => None,
            },
            _ => None,
        };
        let Some((mut frame, values)) = frame else {
            return Err(self.error("RuntimeError", "cannot reuse already awaited coroutine"));
        };
        if self.current.frames.len() >= self.limits.frames {
            return Err(self.error("RecursionError", "maximum recursion depth exceeded"));
        }
        frame.then = Then::Push;
        frame.base = u32::try_from(self.current.stack.len()).unwrap_or(u32::MAX);
        self.current.stack.extend(values);
        let depth = self.current.frames.len();
        self.current.rounds.retain(|round| (round.depth as usize) < depth);
        self.current.frames.push(frame);
        Ok(())
    }

    fn await_future(&mut self, id: Id) -> R<Flow> {
        self.note(Location::Object(id), false);
        if self.current.stage == Stage::Turn {
            self.take_turn()?;
        }
        let Some(future) = self.world.future(id) else { return STRAIGHT };
        let event_loop = future.event_loop;
        match future.state {
            State::Pending => self.wait_for_future(id, event_loop),
            State::Result(value) => {
                self.pop();
                self.push(value);
                STRAIGHT
            }
            State::Raised(exception) => {
                self.future_mut(id, |future| future.seen = true);
                Err(Raise::Exception(exception))
            }
            State::Cancelled => Err(self.cancelled_error(id)),
        }
    }

    fn wait_for_future(&mut self, id: Id, event_loop: Id) -> R<Flow> {
        let Some(me) = self.current.task else {
            return Err(self.error("RuntimeError", "await wasn't used with future"));
        };
        let own = self.world.future(me).map(|task| task.event_loop);
        if me == id || own != Some(event_loop) {
            let (task, future) = (self.future_repr(me)?, self.future_repr(id)?);
            return Err(self.error(
                "RuntimeError",
                match me == id {
                    true => format!("Task cannot await on itself: {task}"),
                    false => {
                        format!("Task {task} got Future {future} attached to a different loop")
                    }
                },
            ));
        }
        let number = self.number;
        self.note(Location::Object(id), true);
        self.future_mut(id, |future| future.callbacks.push(Callback::Wake(number)));
        let cancel = self.task_mut(me, |task| {
            task.awaiting = Some(id);
            task.must_cancel
        });
        if cancel == Some(true) && self.cancel_future(id, Value::None) {
            self.task_mut(me, |task| task.must_cancel = false);
        }
        Ok(self.give_turn(event_loop))
    }

    /// The end of a step: the task waits for its next one.
    pub(crate) fn give_turn(&mut self, event_loop: Id) -> Flow {
        self.current.stage = Stage::Turn;
        self.loop_mut(event_loop, |running| running.current = None);
        Flow::Wait(Wait::Turn(event_loop), None)
    }

    pub(crate) fn async_iterator(&mut self) -> R<Flow> {
        let value = self.pop();
        if let Some((_, Asyncio::Generator(_))) = self.asyncio(value) {
            self.push(value);
            return STRAIGHT;
        }
        let text = "'async for' requires an object with __aiter__ method, got";
        self.call_async(value, "__aiter__", Vec::new(), text)
    }

    /// The next item, to be awaited; the iterator stays below.
    pub(crate) fn async_next(&mut self) -> R<Flow> {
        let value = self.peek(0);
        if let Some((_, Asyncio::Generator(_))) = self.asyncio(value) {
            self.push(value);
            return STRAIGHT;
        }
        let text = "'async for' requires an iterator with __anext__ method, got";
        self.call_async(value, "__anext__", Vec::new(), text)
    }

    pub(crate) fn end_async_for(&mut self) -> R<Flow> {
        let exception = self.pop();
        self.pop();
        match exception {
            Value::Ref(id) if !self.is_a(id, "StopAsyncIteration") => Err(Raise::Exception(id)),
            _ => STRAIGHT,
        }
    }

    /// `__aenter__`, to be awaited; the manager stays below.
    pub(crate) fn before_async_with(&mut self) -> R<Flow> {
        let manager = self.peek(0);
        let name = self.strings.intern("__aexit__");
        let name_of_type = self.type_name(manager);
        let text = format!(
            "'{name_of_type}' object does not support the asynchronous context manager protocol"
        );
        if self.attribute(manager, name)?.is_none() {
            return self.type_error(text);
        }
        self.call_async(manager, "__aenter__", Vec::new(), &text)
    }

    /// `__aexit__`, to be awaited: with the exception that is on the stack, and stays there, or
    /// without one.
    pub(crate) fn async_exit(&mut self, raised: bool) -> R<Flow> {
        let (manager, rest) = match raised {
            false => (self.pop(), vec![Value::None; 3]),
            true => {
                let exception = self.peek(0);
                let class = self.class_of(exception).map_or(Value::None, Value::Ref);
                (self.peek(1), vec![class, exception, Value::None])
            }
        };
        self.call_async(manager, "__aexit__", rest, "no __aexit__ in")
    }

    fn call_async(&mut self, value: Value, name: &str, rest: Vec<Value>, text: &str) -> R<Flow> {
        let id = self.strings.intern(name);
        if self.attribute(value, id)?.is_none() {
            let name = self.type_name(value);
            let text = if text.contains('\'') && text.ends_with("protocol") {
                text.to_owned()
            } else {
                format!("{text} {name}")
            };
            return self.type_error(text);
        }
        if let Some(Done::Value(value) | Done::Blocked(value)) =
            self.call_manager(name, value, &rest, Then::Push)?
        {
            self.push(value);
        }
        STRAIGHT
    }
}
