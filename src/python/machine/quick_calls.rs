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

use crate::python::code::program::Program;
use crate::python::machine::interpreter::Machine;
use crate::python::value::any::{Id, Value};
use crate::python::value::object::{Attributes, Frame, Instance, Object, Then};

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
        match *self.world.heap.get(callee) {
            Object::Function(_) if bound => {
                let layout = Layout { first: first - 1, ..layout };
                self.enter_plain(program, callee, layout, None, Then::Push)
            }
            Object::Function(_) => self.enter_plain(program, callee, layout, None, Then::Push),
            Object::Method { receiver, function: Value::Ref(function) } if !bound => {
                self.enter_plain(program, function, layout, Some(receiver), Then::Push)
            }
            Object::Class(_) if !bound => self.quick_instance(program, callee, layout),
            _ => false,
        }
    }

    /// Makes an instance, and enters its `__init__`.
    fn quick_instance(&mut self, program: &Program, class: Id, layout: Layout) -> bool {
        if self.noting || self.has_new || self.has_abstract || self.is_subclass(class, Id(0)) {
            return false;
        }
        let Some(Value::Ref(init)) = self.lookup(class, self.known.init) else { return false };
        let given = self.current.stack.len() - layout.first + 1;
        if !self.fits(program, init, given) || self.charge(4).is_err() {
            return false;
        }
        let instance = Instance { class, attributes: Attributes::default() };
        let instance = self.add(Object::Instance(instance));
        self.enter_plain(program, init, layout, Some(instance), Then::Init(instance))
    }

    /// Whether so many arguments are all that a function needs.
    fn fits(&self, program: &Program, function: Id, given: usize) -> bool {
        let Object::Function(function) = self.world.heap.get(function) else { return false };
        let code = &program.codes[function.code as usize];
        code.is_plain()
            && given <= code.positional
            && code.positional - given <= function.defaults.len()
            && self.current.frames.len() < self.limits.frames
            && self.current.rounds.is_empty()
    }

    fn enter_plain(
        &mut self,
        program: &Program,
        function: Id,
        Layout { bottom, first }: Layout,
        receiver: Option<Value>,
        then: Then,
    ) -> bool {
        let base = first - usize::from(receiver.is_some());
        let given = self.current.stack.len() - base;
        if !self.fits(program, function, given) {
            return false;
        }
        let Object::Function(function) = self.world.heap.get(function) else { return false };
        let code = &program.codes[function.code as usize];
        let stack = &mut self.current.stack;
        if let Some(receiver) = receiver {
            stack[base] = receiver;
        }
        if given < code.positional {
            let defaults = &function.defaults;
            let missing = code.positional - given;
            stack.extend_from_slice(&defaults[defaults.len() - missing..]);
        }
        for _ in code.positional..code.locals.len() {
            stack.push(Value::Unset);
        }
        for cell in &function.cells {
            stack.push(Value::Ref(*cell));
        }
        #[allow(clippy::cast_possible_truncation, reason = "a stack is bounded by its frames")]
        let (base, below) = (base as u32, (base - bottom) as u32);
        let frame = Frame {
            code: function.code,
            at: 0,
            base,
            below,
            then,
            generator: None,
            entered: false,
        };
        self.current.frames.push(frame);
        true
    }

    /// Leaves the innermost call with the value on top.
    pub(crate) fn quick_return(&mut self) -> bool {
        let thread = &mut self.current;
        let [.., _, frame] = &thread.frames[..] else { return false };
        let Some(value) = thread.stack.last().copied() else { return false };
        let value = match (frame.then, value) {
            _ if frame.generator.is_some() => return false,
            (Then::Push, value) => value,
            (Then::Init(instance), Value::None) => instance,
            _ => return false,
        };
        thread.stack.truncate((frame.base - frame.below) as usize);
        thread.stack.push(value);
        thread.frames.pop();
        true
    }
}
