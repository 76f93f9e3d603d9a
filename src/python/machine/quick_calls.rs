//! Calls of Python functions with what they need and no more, and the way back.
//!
//! *Promises*: the arguments stay where they are on the stack and become the callee's locals;
//! nothing is allocated. What does not fit says `false`, and `python/machine/calls.rs` does it.
//! *Leaves out*: keywords, generators, functions with cells of their own.
//!
//! ```text
//!   caller's operands  … [callee] [receiver?] [a] [b]
//!                              below │ base ▲
//!   callee's frame                   [self?] [a] [b] [other locals] [cells] operands …
//! ```

use crate::gil::rules::switch_point::SwitchPoint;
use crate::python::code::program::{Code, Program};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::world::Thread;
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::{Frame, Then};
use crate::python::value::object::{Attributes, Function, Generator, Instance, Object};

/// Where a call's values are on the stack.
#[derive(Clone, Copy)]
struct Layout {
    /// The callee.
    bottom: usize,
    /// The first argument; the place below it is free for a receiver.
    first: usize,
}

impl Machine {
    /// Calls what is below so many arguments; of a method call, a receiver may be between them.
    pub(crate) fn quick_call(&mut self, program: &Program, count: u32, method: bool) -> bool {
        let stack = &self.current.stack;
        let first = stack.len() - count as usize;
        let layout = Layout { bottom: first - 1 - usize::from(method), first };
        let Value::Ref(callee) = stack[layout.bottom] else { return false };
        let bound = method && !matches!(stack[first - 1], Value::Unset);
        let heap = &self.world.heap;
        let (function, layout, receiver) = match heap.get(callee) {
            Object::Function(function) if bound => {
                (function, Layout { first: first - 1, ..layout }, None)
            }
            Object::Function(function) => (function, layout, None),
            Object::Method { receiver, function: Value::Ref(function) } if !bound => {
                match heap.get(*function) {
                    Object::Function(function) => (function, layout, Some(*receiver)),
                    _ => return false,
                }
            }
            Object::Class(_) if !bound => return self.quick_instance(program, callee, layout),
            _ => return false,
        };
        let given = stack.len() - layout.first + usize::from(receiver.is_some());
        let code = &program.codes[function.code as usize];
        if !fits(function, code, given) || !self.has_room() {
            return false;
        }
        let after = (Then::Push, code.kind.returns());
        enter(&mut self.current, function, code, layout, receiver, after);
        true
    }

    /// Makes an instance, and enters its `__init__`.
    fn quick_instance(&mut self, program: &Program, class: Id, layout: Layout) -> bool {
        let special = self.has_new || self.has_abstract;
        if self.noting || special || !self.has_room() || self.is_subclass(class, Id(0)) {
            return false;
        }
        let given = self.current.stack.len() - layout.first + 1;
        let Some(Value::Ref(init)) = self.function_of(class, self.known.init) else { return false };
        let Object::Function(function) = self.world.heap.get(init) else { return false };
        let code = &program.codes[function.code as usize];
        if !fits(function, code, given) || self.charge(4).is_err() {
            return false;
        }
        let instance = Instance { class, attributes: Attributes::default() };
        let instance = self.add(Object::Instance(instance));
        let Object::Function(function) = self.world.heap.get(init) else { return false };
        let after = (Then::Init(instance), SwitchPoint::CReturn);
        enter(&mut self.current, function, code, layout, Some(instance), after);
        true
    }

    /// Whether there may be one more call, and nobody counts rounds of loops.
    fn has_room(&self) -> bool {
        self.current.frames.len() < self.limits.frames && self.current.rounds.is_empty()
    }

    /// Lets the generator on top make its next item, for a `for` that ends at this place.
    pub(crate) fn quick_resume(&mut self, to: u32) -> bool {
        let Some(Value::Ref(id)) = self.current.stack.last().copied() else { return false };
        if self.noting || !self.has_room() {
            return false;
        }
        let Object::Generator(state @ Generator::Suspended(..)) = self.world.heap.get_mut(id)
        else {
            return false;
        };
        let Generator::Suspended(mut frame, mut values) =
            std::mem::replace(state, Generator::Running)
        else {
            return false;
        };
        let stack = &mut self.current.stack;
        frame.then = Then::Item(to);
        frame.back = SwitchPoint::Straight;
        frame.base = u32::try_from(stack.len()).unwrap_or(u32::MAX);
        stack.append(&mut values);
        if frame.at > 0 {
            stack.push(Value::None);
        }
        self.spare.give(values);
        self.current.frames.push(frame);
        true
    }

    /// A generator gives an item to a `for`.
    pub(crate) fn quick_yield(&mut self) -> Option<SwitchPoint> {
        let frame = self.current.frames.last().copied()?;
        let (Some(id), Then::Item(_), false) = (frame.generator, frame.then, self.noting) else {
            return None;
        };
        let stack = &mut self.current.stack;
        let value = stack.pop()?;
        let mut values = self.spare.take();
        values.extend_from_slice(&stack[frame.base as usize..]);
        stack.truncate((frame.base - frame.below) as usize);
        stack.push(value);
        self.current.frames.pop();
        if let Object::Generator(state) = self.world.heap.get_mut(id) {
            *state = Generator::Suspended(frame, values);
        }
        Some(frame.back)
    }

    /// Leaves the innermost call with the value on top. Says what kind of return that was.
    pub(crate) fn quick_return(&mut self) -> Option<SwitchPoint> {
        let thread = &mut self.current;
        let [.., _, frame] = &thread.frames[..] else { return None };
        if frame.generator.is_some() {
            return None;
        }
        let (back, to) = (frame.back, (frame.base - frame.below) as usize);
        let value = match (frame.then, *thread.stack.last()?) {
            (Then::Push, value) => value,
            (Then::Init(instance), Value::None) => instance,
            _ => return None,
        };
        thread.frames.pop();
        thread.stack.truncate(to);
        thread.stack.push(value);
        Some(back)
    }
}

/// Whether so many arguments are all that a function needs.
#[inline]
fn fits(function: &Function, code: &Code, given: usize) -> bool {
    given <= code.positional
        && code.positional - given <= function.defaults.len()
        && code.is_plain()
}

/// The arguments become the first locals of a new frame.
#[inline]
fn enter(
    thread: &mut Thread,
    function: &Function,
    code: &Code,
    Layout { bottom, first }: Layout,
    receiver: Option<Value>,
    (then, back): (Then, SwitchPoint),
) {
    let base = first - usize::from(receiver.is_some());
    let stack = &mut thread.stack;
    if let Some(receiver) = receiver {
        stack[base] = receiver;
    }
    let given = stack.len() - base;
    if given < code.positional {
        let missing = code.positional - given;
        stack.extend_from_slice(&function.defaults[function.defaults.len() - missing..]);
    }
    for _ in code.positional..code.locals.len() {
        stack.push(Value::Unset);
    }
    for cell in &function.cells {
        stack.push(Value::Ref(*cell));
    }
    #[allow(clippy::cast_possible_truncation, reason = "a stack is bounded by its frames")]
    let (base, below) = (base as u32, (base - bottom) as u32);
    let code = function.code;
    let frame = Frame { code, at: 0, base, below, then, generator: None, entered: false, back };
    thread.frames.push(frame);
}
