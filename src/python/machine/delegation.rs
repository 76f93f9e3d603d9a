//! `yield from`, and `throw` into a generator.
//!
//! *Promises*: what is sent or thrown goes to the innermost generator; a generator that delegates is
//! left at its `yield from`, and comes back to it.
//! *Leaves out*: `send` and `throw` to iterators that are no generators.

use crate::python::code::instruction::{Op, Place};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Done, Flow, R, Raise};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::{Frame, Then};
use crate::python::value::object::{Generator, Object};

const STRAIGHT: R<Flow> = Ok(Flow::Next(Place::Straight));

impl Machine {
    /// One step of `yield from`: the iterator is below what was sent.
    pub(crate) fn yield_from(&mut self) -> R<Flow> {
        let sent = self.pop();
        let iterator = self.peek(0);
        let next = match iterator.id().map(|id| (id, self.world.heap.get(id))) {
            Some((id, Object::Generator(_))) => self.resume(id, sent, Then::Delegated)?,
            _ if sent == Value::None => self.next_item(iterator, Then::Delegated)?,
            _ => {
                let name = self.type_name(iterator);
                let text = format!("'{name}' object has no attribute 'send'");
                return Err(self.error("AttributeError", text));
            }
        };
        match next {
            Some(Done::Value(value)) => self.delegate(value),
            Some(_) => STRAIGHT,
            None => {
                self.pop();
                self.push(Value::None);
                STRAIGHT
            }
        }
    }

    /// Yields what an inner generator has yielded; the instruction will be done again.
    pub(crate) fn delegate(&mut self, value: Value) -> R<Flow> {
        self.frame().at -= 1;
        self.push(value);
        self.yield_value()
    }

    /// Raises an exception where a generator has yielded.
    pub(crate) fn throw(&mut self, generator: Id, exception: Id) -> R<Done> {
        let state = match self.world.heap.get_mut(generator) {
            Object::Generator(state) => std::mem::replace(state, Generator::Running),
            _ => Generator::Done,
        };
        match state {
            Generator::Running => return self.value_error("generator already executing"),
            Generator::Suspended(frame, values) if frame.at > 0 => {
                self.push_suspended(frame, values, Then::Push);
            }
            _ => {
                *self.world.heap.get_mut(generator) = Object::Generator(Generator::Done);
                return Err(Raise::Exception(exception));
            }
        }
        while let Some(inner) = self.inner_generator() {
            let state = match self.world.heap.get_mut(inner) {
                Object::Generator(state) => std::mem::replace(state, Generator::Running),
                _ => break,
            };
            match state {
                Generator::Suspended(frame, values) if frame.at > 0 => {
                    self.frame().at += 1;
                    self.push_suspended(frame, values, Then::Delegated);
                }
                other => {
                    *self.world.heap.get_mut(inner) = Object::Generator(other);
                    break;
                }
            }
        }
        let raise = self.prelude("_raise");
        let values = vec![Value::Ref(exception)];
        self.call_value(raise, Arguments { values, named: Vec::new() }, Then::Discard)
    }

    /// A frame that was suspended is the innermost again.
    fn push_suspended(&mut self, mut frame: Frame, mut values: Vec<Value>, then: Then) {
        frame.then = then;
        frame.base = u32::try_from(self.current.stack.len()).unwrap_or(u32::MAX);
        self.current.stack.append(&mut values);
        self.current.frames.push(frame);
    }

    /// The generator that the innermost frame delegates to, if it is at a `yield from`.
    fn inner_generator(&mut self) -> Option<Id> {
        let at = self.frame().at as usize;
        if self.code().ops.get(at) != Some(&Op::YieldFrom) {
            return None;
        }
        let id = self.peek(0).id()?;
        matches!(self.world.heap.get(id), Object::Generator(_)).then_some(id)
    }

    /// Where a generator was left in a `with` or a `try` with a `finally`, which CPython would
    /// leave when nobody needs the generator any more.
    pub fn left_in_cleanup(&self) -> Option<crate::python::front::position::Position> {
        self.world.heap.iter().find_map(|object| match object {
            Object::Generator(Generator::Suspended(frame, _)) if frame.at > 0 => {
                let code = self.program.codes.get(frame.code as usize)?;
                let at = frame.at - 1;
                let inside = |h: &&crate::python::code::program::Handler| {
                    h.cleanup && h.from <= at && at < h.to
                };
                code.handlers.iter().find(inside)?;
                code.positions.get(at as usize).copied()
            }
            _ => None,
        })
    }
}
