//! Branches, `raise`, `with` and imports.
//!
//! *Promises*: a jump forward says whether it was taken; `with` enters before its block and exits
//! after it, by whichever way it is left.
//! *Leaves out*: where an exception goes (`python/machine/unwinding.rs`).

use crate::gil::rules::switch_point::SwitchPoint;
use crate::python::code::catalogue::MODULES;
use crate::python::code::instruction::Place;
use crate::python::code::program::{Handled, Handling};
use crate::python::machine::attributes::Found;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Done, Flow, Look, R, Raise};
use crate::python::machine::world::Stage;
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::{Frame, Then};
use crate::python::value::object::Object;
use std::sync::Arc;

/// The class `BaseException`.
const BASE_EXCEPTION: Id = Id(0);
/// The modules that are packages.
const PACKAGES: [&str; 4] = ["asyncio", "collections", "concurrent.futures", "multiprocessing"];
const STRAIGHT: R<Flow> = Ok(Flow::Next(Place::Straight));

impl Machine {
    pub(crate) fn branch(&mut self, to: u32, wanted: bool, keep: bool) -> R<Flow> {
        let value = self.peek(0);
        let Some(truth) = self.truth(value, Then::Branch { to, wanted, keep })? else {
            // `__bool__` runs; the value below it is what a kept branch keeps.
            return STRAIGHT;
        };
        self.take_branch(truth, to, wanted, keep);
        Ok(Flow::Next(match (truth == wanted, keep) {
            (true, false) => Place::ForwardTaken,
            _ => Place::Straight,
        }))
    }

    /// The end of a loop, where CPython falls through.
    pub(crate) fn leave_loop_if(&mut self, to: u32, wanted: bool) -> R<Flow> {
        self.branch(to, wanted, false)?;
        STRAIGHT
    }

    pub(crate) fn take_branch(&mut self, truth: bool, to: u32, wanted: bool, keep: bool) {
        let taken = truth == wanted;
        if !(taken && keep) {
            self.pop();
        }
        if taken {
            self.frame().at = to;
        }
    }

    pub(crate) fn raise(&mut self) -> R<Flow> {
        let value = self.pop();
        if let Value::Ref(id) = value {
            match self.world.heap.get(id) {
                Object::Instance(i) if self.is_subclass(i.class, BASE_EXCEPTION) => {
                    return Err(Raise::Exception(id));
                }
                Object::Class(_) if self.is_subclass(id, BASE_EXCEPTION) => {
                    // One with an `__init__` in Python is made first, and raised then.
                    self.frame().at -= 1;
                    let done = self.call_value(value, Arguments::default(), Then::Push);
                    if !matches!(done, Ok(Done::Entered)) {
                        self.frame().at += 1;
                    }
                    return match done? {
                        Done::Value(Value::Ref(made)) => Err(Raise::Exception(made)),
                        _ => STRAIGHT,
                    };
                }
                _ => {}
            }
        }
        self.type_error("exceptions must derive from BaseException")
    }

    /// `raise exception from cause`.
    pub(crate) fn raise_from(&mut self) -> R<Flow> {
        let values = self.pop_many(2);
        let function = self.prelude("_raise_from");
        self.call_value(function, Arguments { values, named: Vec::new() }, Then::Discard)?;
        STRAIGHT
    }

    /// The exception that the thread handles: of the innermost `except`, `finally` or `with` that it
    /// is in.
    pub(crate) fn handled(&self) -> Option<Id> {
        let of_frame = |frame: &Frame| {
            let code = self.program.codes.get(frame.code as usize)?;
            let at = frame.at.saturating_sub(1);
            let covers = |handling: &&Handling| handling.from <= at && at < handling.to;
            let innermost =
                code.handling.iter().filter(covers).max_by_key(|handling| handling.from)?;
            let place = match innermost.what {
                Handled::Slot(slot) => slot as usize,
                Handled::Above(depth) => code.fixed() + depth as usize,
            };
            let exception = self.current.stack.get(frame.base as usize + place)?.id()?;
            self.is_a(exception, "BaseException").then_some(exception)
        };
        self.current.frames.iter().rev().find_map(of_frame)
    }

    pub(crate) fn match_exception(&mut self) -> R<()> {
        let wanted = self.pop();
        let raised = self.class_of(self.peek_value());
        let classes = match wanted.id().map(|id| self.world.heap.get(id)) {
            Some(Object::Tuple(items)) => items.clone(),
            _ => vec![wanted],
        };
        let mut matches = false;
        for class in classes {
            let id = class.id().filter(|id| matches!(self.world.heap.get(*id), Object::Class(_)));
            let Some(id) = id.filter(|id| self.is_subclass(*id, BASE_EXCEPTION)) else {
                let text = "catching classes that do not inherit from BaseException is not allowed";
                return self.type_error(text);
            };
            matches |= raised.is_some_and(|raised| self.is_subclass(raised, id));
        }
        self.push(Value::Bool(matches));
        Ok(())
    }

    fn peek_value(&self) -> Value {
        self.peek(0)
    }

    pub(crate) fn assertion_failed(&mut self) -> R<Flow> {
        let message = match self.pop().id().map(|id| self.world.heap.get(id)) {
            Some(Object::Tuple(items)) => items.clone(),
            _ => Vec::new(),
        };
        Err(self.exception("AssertionError", message))
    }

    /// `__enter__`; the manager stays below its result. What is Python in CPython calls C inside.
    pub(crate) fn before_with(&mut self) -> R<Flow> {
        let manager = self.peek(0);
        let exit = self.known.exit;
        if self.find(manager, exit)?.is_none() {
            let name = self.type_name(manager);
            let text = format!("'{name}' object does not support the context manager protocol");
            return self.type_error(text);
        }
        // Who has waited has the lock before it has the global one again.
        let behind = match std::mem::replace(&mut self.current.stage, Stage::None) {
            Stage::Entering => Place::Blocked,
            _ => self.behind_manager(Place::WithEnter),
        };
        let flow = self.call_manager("__enter__", manager, &[], Then::Push)?;
        Ok(match flow {
            Some(Done::Wait(wait, limit)) => {
                self.current.stage = Stage::Entering;
                Flow::Wait(wait, limit)
            }
            Some(Done::Value(value) | Done::Blocked(value)) => {
                self.push(value);
                Flow::Next(behind)
            }
            Some(Done::Entered) => Flow::Next(Place::Straight),
            None => Flow::Next(Place::Enter),
        })
    }

    /// The place behind a manager's method: this, or that of a call inside of the library.
    fn behind_manager(&mut self, place: Place) -> Place {
        if self.frame().entered { Place::CReturn } else { place }
    }

    /// Calls a method of a manager; `None` if it is library code that is only entered now.
    pub(crate) fn call_manager(
        &mut self,
        name: &str,
        manager: Value,
        rest: &[Value],
        then: Then,
    ) -> R<Option<Done>> {
        let name = self.strings.intern(name);
        let method = match self.class_attribute(manager, name) {
            Some(method) => Some(method),
            None => match self.find(manager, name)? {
                Some(Found::Function(function)) => Some(function),
                _ => None,
            },
        };
        let Some(method) = method else {
            let (name, text) = (self.type_name(manager), self.strings.get(name));
            return self.type_error(format!("'{name}' object has no method '{text}'"));
        };
        if let Value::Native(number) = method
            && self.library.get(number as usize).is_some_and(|row| row.look == Look::Library)
            && !self.frame().entered
        {
            let frame = self.frame();
            frame.entered = true;
            frame.at -= 1;
            return Ok(None);
        }
        let depth = self.current.frames.len();
        let mut values = self.spare.take();
        values.push(manager);
        values.extend_from_slice(rest);
        let done = self.call_value(method, Arguments { values, named: Vec::new() }, then);
        if !matches!(done, Ok(Done::Wait(..))) {
            self.current.frames[depth - 1].entered = false;
        }
        Ok(Some(done?))
    }

    /// `__exit__`, with no exception.
    pub(crate) fn with_exit(&mut self) -> R<Flow> {
        let manager = self.pop();
        let nothing = [Value::None; 3];
        let depth = self.current.frames.len();
        let done = self.call_manager("__exit__", manager, &nothing, Then::Discard)?;
        // Called as a bound method, by C, also where it is Python (to 3.13).
        self.returns_to(depth, SwitchPoint::CReturn);
        Ok(Flow::Next(match done {
            None => {
                self.push(manager);
                Place::Enter
            }
            Some(Done::Entered) => Place::Straight,
            Some(Done::Wait(wait, limit)) => {
                self.push(manager);
                return Ok(Flow::Wait(wait, limit));
            }
            Some(_) => Place::CReturn,
        }))
    }

    /// `__exit__`, with the exception that is on the stack; its result is pushed. Its call is no
    /// call instruction (CPython's `WITH_EXCEPT_START`), so none looks behind it.
    pub(crate) fn with_except(&mut self) -> R<Flow> {
        let (exception, manager) = (self.peek(0), self.peek(1));
        let class = self.class_of(exception).map_or(Value::None, Value::Ref);
        let rest = [class, exception, Value::None];
        let behind = self.behind_manager(Place::Straight);
        let done = self.call_manager("__exit__", manager, &rest, Then::Exited)?;
        Ok(Flow::Next(match done {
            None => Place::Enter,
            Some(Done::Entered) => Place::Straight,
            Some(Done::Wait(wait, limit)) => return Ok(Flow::Wait(wait, limit)),
            Some(Done::Value(value) | Done::Blocked(value)) => {
                self.push(value);
                behind
            }
        }))
    }

    /// What was imported is here already, and CPython finds it without Python code; but whether a
    /// package has such a part is asked in Python (`_handle_fromlist`).
    pub(crate) fn import(&mut self, number: u32) -> Place {
        let program = Arc::clone(&self.program);
        let Some((module, name)) = program.imports.get(number as usize) else {
            return Place::Straight;
        };
        let at = MODULES.iter().position(|(other, _)| *other == &**module).unwrap_or(0);
        let module_value = Value::Module(u32::try_from(at).unwrap_or(0));
        let value = match name {
            None => module_value,
            Some(name) => {
                let name = self.strings.intern(name);
                self.attribute(module_value, name).ok().flatten().unwrap_or(Value::Unset)
            }
        };
        self.push(value);
        if name.is_some() && PACKAGES.contains(&&**module) { Place::Enter } else { Place::Straight }
    }
}
