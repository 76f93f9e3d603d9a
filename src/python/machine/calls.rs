//! Calls: of functions, methods, classes and the library; and what happens with the result.
//!
//! *Promises*: a call of Python code is a frame, never a call of Rust, so a thread can lose the
//! lock anywhere in it; a call that has to wait leaves the stack as it was, to be done again.
//! *Leaves out*: what the functions of the library do (`library`).

use crate::gil::rules::switch_point::SwitchPoint;
use crate::python::code::instruction::{Op, Place};
use crate::python::code::program::CodeKind;
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::terms::{Arguments, Done, Flow, Look, R, Raise};
use crate::python::value::any::{Id, Value};
use crate::python::value::asyncio::Asyncio;
use crate::python::value::frame::Then;
use crate::python::value::object::{Function, Generator, Object};
use crate::python::value::types::Type;
use std::sync::Arc;

const STRAIGHT: R<Flow> = Ok(Flow::Next(Place::Straight));

impl Machine {
    /// The call instructions. `count` arguments are on the stack, below them the function; of a
    /// method call, the receiver between them.
    pub(crate) fn call(&mut self, count: u32, method: bool, named: bool) -> R<Flow> {
        let names = if named { self.peek(0) } else { Value::Unset };
        let (count, above) = (count as usize, usize::from(named));
        let height = self.current.stack.len();
        let Some(first) = height.checked_sub(count + above) else {
            return Err(Raise::Stop("the stack is too short".to_owned()));
        };
        let receiver = if method { self.current.stack[first - 1] } else { Value::Unset };
        let base = first - 1 - usize::from(method);
        let callee = self.current.stack[base];
        if let (Value::Native(number), false) = (callee, named)
            && let Some(row) = self.library.get(number as usize).copied()
            && row.look != Look::Library
            && row.iterates.is_none()
        {
            return self.call_in_c(row, (base, first), receiver);
        }
        let look = self.look(callee);
        if look == Some(Look::Library) && !self.frame().entered && !self.code().kind.is_one_step() {
            let frame = self.frame();
            frame.entered = true;
            frame.at -= 1;
            return Ok(Flow::Next(Place::Enter));
        }
        let mut arguments = Arguments { values: self.spare.take(), named: Vec::new() };
        if !matches!(receiver, Value::Unset) {
            arguments.values.push(receiver);
        }
        arguments.values.extend_from_slice(&self.current.stack[first..first + count]);
        if let Value::Int(number) = names {
            self.name_arguments(&mut arguments, number);
        }
        self.finish_call(callee, arguments, base, look)
    }

    /// A call whose arguments are a list and a dict on the stack.
    pub(crate) fn call_spread(&mut self) -> R<Flow> {
        let callee = self.peek(3);
        let look = self.look(callee);
        if look == Some(Look::Library) && !self.frame().entered && !self.code().kind.is_one_step() {
            let frame = self.frame();
            frame.entered = true;
            frame.at -= 1;
            return Ok(Flow::Next(Place::Enter));
        }
        let arguments = self.spread_arguments()?;
        let base = self.current.stack.len().saturating_sub(4);
        self.finish_call(callee, arguments, base, look.map(|_| Look::C))
    }

    /// Calls, and replaces what is on the stack from `base` by the result.
    fn finish_call(
        &mut self,
        callee: Value,
        arguments: Arguments,
        base: usize,
        look: Option<Look>,
    ) -> R<Flow> {
        let depth = self.current.frames.len();
        // A call that waits is done again, with the stack as it was.
        let mut called = self.spare.take();
        called.extend_from_slice(&self.current.stack[base..]);
        self.current.stack.truncate(base);
        let done = self.call_value(callee, arguments, Then::Push);
        match done {
            Ok(Done::Wait(wait, limit)) => {
                self.current.stack.append(&mut called);
                self.spare.give(called);
                return Ok(Flow::Wait(wait, limit));
            }
            Err(Raise::Key(value)) => {
                self.current.stack.append(&mut called);
                self.spare.give(called);
                return self.find_key(value);
            }
            _ => {}
        }
        self.spare.give(called);
        self.current.frames[depth - 1].entered = false;
        match done? {
            Done::Value(value) => {
                self.push(value);
                Ok(Flow::Next(self.point(look).into()))
            }
            Done::Blocked(value) => {
                self.push(value);
                Ok(Flow::Next(Place::Blocked))
            }
            _ => {
                let back = self.back(callee, look);
                self.returns_to(depth, back);
                Ok(Flow::Next(Place::Straight))
            }
        }
    }

    /// What it is when a call returns that this has entered: a call of Python by Python, or of C
    /// that calls Python, as `next(o)` does, and an object with `__call__`.
    pub(crate) fn back(&mut self, callee: Value, look: Option<Look>) -> SwitchPoint {
        let function = match callee.id().map(|id| self.world.heap.get(id)) {
            Some(Object::Method { function, .. }) => *function,
            _ => callee,
        };
        match function.id().map(|id| self.world.heap.get(id)) {
            Some(Object::Function(_)) => SwitchPoint::PyReturn,
            _ => self.point(look),
        }
    }

    /// If a call was entered, on top of so many, this is what its return is: that of C from what is C
    /// in CPython and Python here.
    pub(crate) fn returns_to(&mut self, depth: usize, back: SwitchPoint) {
        if self.current.frames.len() > depth
            && let Some(entered) = self.current.frames.last_mut()
        {
            let code = self.program.codes.get(entered.code as usize);
            entered.back = match code.map(|code| code.kind) {
                Some(kind @ CodeKind::Unguarded) => kind.returns(),
                Some(kind) if back == SwitchPoint::PyReturn => kind.returns(),
                _ => back,
            };
        }
    }

    /// Calls a function that is C and iterates over nothing, with arguments by position. What is
    /// called is at `base` on the stack, the first argument at `first`.
    fn call_in_c(&mut self, row: Row, (base, first): (usize, usize), receiver: Value) -> R<Flow> {
        let bound = !matches!(receiver, Value::Unset);
        let mut arguments = Arguments { values: self.spare.take(), named: Vec::new() };
        let stack = &mut self.current.stack;
        arguments.values.extend_from_slice(&stack[first - usize::from(bound)..]);
        let callee = stack[base];
        stack.truncate(base);
        let depth = self.current.frames.len();
        let done = (row.call)(self, &arguments);
        let flow = match done {
            Ok(Done::Value(value)) => {
                self.push(value);
                Ok(Flow::Next(self.point(Some(row.look)).into()))
            }
            Ok(Done::Blocked(value)) => {
                self.push(value);
                Ok(Flow::Next(Place::Blocked))
            }
            Ok(Done::Wait(..)) | Err(Raise::Key(_)) => {
                // It is called again, with the stack as it was.
                self.push(callee);
                if first > base + 1 && !bound {
                    self.push(Value::Unset);
                }
                self.current.stack.extend_from_slice(&arguments.values);
                match done {
                    Ok(Done::Wait(wait, limit)) => Ok(Flow::Wait(wait, limit)),
                    Err(Raise::Key(value)) => self.find_key(value),
                    _ => STRAIGHT,
                }
            }
            Ok(Done::Entered) => {
                let back = self.point(Some(row.look));
                self.returns_to(depth, back);
                STRAIGHT
            }
            Err(Raise::Python) => {
                let function = self.prelude(&format!("_{}", row.name.replace('.', "_")));
                let arguments = std::mem::take(&mut arguments);
                self.call_value(function, arguments, Then::Push)?;
                let back = self.point(Some(row.look));
                self.returns_to(depth, back);
                STRAIGHT
            }
            Err(raised) => Err(raised),
        };
        self.spare.give(arguments.values);
        flow
    }

    pub(crate) fn name_arguments(&mut self, arguments: &mut Arguments, number: i64) {
        let program = Arc::clone(&self.program);
        let names = usize::try_from(number).ok().and_then(|at| program.keywords.get(at));
        let Some(names) = names else { return };
        let values = arguments.values.split_off(arguments.values.len().saturating_sub(names.len()));
        for (name, value) in names.iter().zip(values) {
            arguments.named.push((self.strings.intern(name), value));
        }
    }

    /// How CPython calls this.
    pub(crate) fn look(&self, callee: Value) -> Option<Look> {
        match callee {
            Value::Native(number) => self.library.get(number as usize).map(|row| row.look),
            Value::Type(Type::Type) => Some(Look::Fast),
            Value::Type(t) => {
                let sync = t.is_subtype(Type::Semaphore)
                    || t.is_subtype(Type::Queue)
                    || matches!(t, Type::Condition | Type::Event | Type::Barrier | Type::Counter);
                Some(if sync { Look::Library } else { Look::C })
            }
            Value::Ref(id) => match self.world.heap.get(id) {
                Object::Method { function, .. } => self.look(*function),
                Object::Class(_) => Some(Look::C),
                _ => None,
            },
            _ => None,
        }
    }

    /// The switch point after a call that has returned at once.
    pub(crate) fn point(&self, look: Option<Look>) -> SwitchPoint {
        match look {
            Some(Look::Fast) => SwitchPoint::FastCReturn,
            Some(Look::FastStatement) if self.is_statement() => SwitchPoint::FastCReturn,
            _ => SwitchPoint::CReturn,
        }
    }

    /// Whether the result of the call that is being executed is not used.
    fn is_statement(&self) -> bool {
        let frame = self.current.frames.last();
        let code =
            frame.and_then(|frame| Some((frame, self.program.codes.get(frame.code as usize)?)));
        code.is_some_and(|(frame, code)| code.ops.get(frame.at as usize) == Some(&Op::PopResult))
    }

    /// Calls a value. If that enters Python code, `then` says what happens with its result; of
    /// what returns at once, the caller does it.
    ///
    /// # Errors
    /// What the call raises.
    pub fn call_value(&mut self, callee: Value, arguments: Arguments, then: Then) -> R<Done> {
        let id = match callee {
            Value::Native(number) => return self.call_native(number, arguments, then),
            Value::Type(t) => return self.call_type(t, arguments, then),
            Value::Ref(id) => id,
            _ => return self.not_callable(callee),
        };
        match self.world.heap.get(id) {
            Object::Function(function) => {
                let function = function.clone();
                self.enter_function(&function, arguments, then)
            }
            Object::Method { receiver, function } => {
                let (receiver, function) = (*receiver, *function);
                let mut arguments = arguments;
                arguments.values.insert(0, receiver);
                self.call_value(function, arguments, then)
            }
            Object::Class(_) => self.construct(id, arguments, then),
            Object::Instance(_) => {
                let name = self.strings.intern("__call__");
                match self.class_attribute(callee, name) {
                    Some(function) => {
                        let mut arguments = arguments;
                        arguments.values.insert(0, callee);
                        self.call_value(function, arguments, then)
                    }
                    None => self.not_callable(callee),
                }
            }
            _ => self.not_callable(callee),
        }
    }

    fn not_callable(&mut self, callee: Value) -> R<Done> {
        let name = self.type_name(callee);
        self.type_error(format!("'{name}' object is not callable"))
    }

    /// Calls a function of the library. What it iterates over is collected first, if that takes
    /// Python code.
    pub fn call_native(&mut self, number: u32, arguments: Arguments, then: Then) -> R<Done> {
        let Some(row) = self.library.get(number as usize).copied() else {
            return Err(Raise::Stop("no such function".to_owned()));
        };
        if let Some(at) = row.iterates
            && let Some(argument) = arguments.values.get(at).copied()
            && (self.needs_python(argument) || self.is_view(argument) && self.needs_steps(argument))
        {
            let collect = self.prelude("_collect");
            let named =
                arguments.named.iter().flat_map(|(name, value)| [Value::Str(*name), *value]);
            let at = u32::try_from(at | arguments.named.len() << 16).unwrap_or(0);
            let kept = Object::Tuple(arguments.values.iter().copied().chain(named).collect());
            let kept = self.world.heap.add(kept);
            let only = Arguments { values: vec![argument], named: Vec::new() };
            if then != Then::Push {
                return self.call_indirectly(Value::Native(number), &arguments, then);
            }
            self.call_value(collect, only, Then::Collected(number, kept, at))?;
            return Ok(Done::Entered);
        }
        match (row.call)(self, &arguments) {
            Err(Raise::Python) => {
                let function = self.prelude(&format!("_{}", row.name.replace('.', "_")));
                self.call_value(function, arguments, then)
            }
            done => {
                self.spare.give(arguments.values);
                done
            }
        }
    }

    /// Whether a value is a view of a dict: what copies one locks nothing. Copies of lists, sets and
    /// dicts lock them.
    fn is_view(&self, value: Value) -> bool {
        value.id().is_some_and(|id| matches!(self.world.heap.get(id), Object::View(..)))
    }

    fn call_type(&mut self, t: Type, arguments: Arguments, then: Then) -> R<Done> {
        let new = self.known.new;
        match self.method(t.name(), new) {
            Some(Value::Native(number)) => self.call_native(number, arguments, then),
            _ => self.type_error(format!("cannot create '{}' instances", t.name())),
        }
    }

    /// Binds the arguments and pushes a frame; a generator function makes a generator.
    pub(crate) fn enter_function(
        &mut self,
        function: &Function,
        arguments: Arguments,
        then: Then,
    ) -> R<Done> {
        let slots = self.bind(function, arguments)?;
        let program = Arc::clone(&self.program);
        let code = &program.codes[function.code as usize];
        if self.current.frames.len() >= self.limits.frames {
            let text = "maximum recursion depth exceeded";
            return Err(self.error("RecursionError", text));
        }
        self.charge(slots.len())?;
        self.push_frame(function.code, slots, &function.cells, then);
        if code.coroutine && !code.generator {
            let coroutine = Asyncio::Coroutine(function.code, self.pop_frame());
            return Ok(Done::Value(self.add(Object::Asyncio(Box::new(coroutine)))));
        }
        if !code.generator {
            return Ok(Done::Entered);
        }
        let id = self.world.heap.add(Object::Free);
        if let Some((mut frame, values)) = self.pop_frame() {
            frame.generator = Some(id);
            let state = Generator::Suspended(frame, values);
            *self.world.heap.get_mut(id) = Object::Generator(state);
        }
        if code.coroutine {
            let generator = Asyncio::Generator(id);
            return Ok(Done::Value(self.add(Object::Asyncio(Box::new(generator)))));
        }
        Ok(Done::Value(Value::Ref(id)))
    }

    /// Makes an instance, and calls its `__init__`.
    pub(crate) fn instantiate(&mut self, class: Id, arguments: Arguments) -> R<Done> {
        let is_exception = self.is_subclass(class, Id(0));
        let instance = self.bare_instance(class, &arguments.values)?;
        let name = self.known.init;
        match self.class_attribute(instance, name) {
            Some(Value::Native(_)) if is_exception => Ok(Done::Value(instance)),
            Some(init) => {
                let mut arguments = arguments;
                arguments.values.insert(0, instance);
                match self.call_value(init, arguments, Then::Init(instance))? {
                    Done::Value(_) => Ok(Done::Value(instance)),
                    other => Ok(other),
                }
            }
            None if arguments.values.is_empty() && arguments.named.is_empty() => {
                Ok(Done::Value(instance))
            }
            None => {
                let name = self.class_name(class);
                self.type_error(format!("{name}() takes no arguments"))
            }
        }
    }

    /// Leaves the innermost call.
    pub(crate) fn return_value(&mut self) -> R<Flow> {
        let value = self.pop();
        let Some((frame, values)) = self.pop_frame() else {
            return Ok(Flow::Next(Place::Straight));
        };
        if let Some(generator) = frame.generator {
            *self.world.heap.get_mut(generator) = Object::Generator(Generator::Done);
            if self.program.codes[frame.code as usize].coroutine {
                return Err(self.exception("StopAsyncIteration", Vec::new()));
            }
            return self.exhausted(frame.then, value, frame.back);
        }
        if !self.current.frames.is_empty() {
            self.deliver(frame.then, value, Some((frame.code, &values)))?;
        }
        Ok(Flow::Next(frame.back.into()))
    }
}
