//! Exceptions on their way to a handler.
//!
//! *Promises*: the innermost handler that covers the instruction gets it; a thread without one ends,
//! and its failure names the line that raised.
//! *Leaves out*: which exceptions an `except` takes (`python/machine/control.rs`).

use crate::python::code::program::Handler;
use crate::python::front::position::Position;
use crate::python::machine::interpreter::{Machine, exception_class};
use crate::python::machine::outside::Exit;
use crate::python::machine::terms::Raise;
use crate::python::machine::world::{Failure, Stage};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{Generator, Object};
use std::sync::Arc;

impl Machine {
    /// Sends an exception to its handler, or ends the thread.
    pub(crate) fn unwind(&mut self, exception: Id) {
        let mut exception = exception;
        let mut raised = self.note_line(exception);
        let program = Arc::clone(&self.program);
        loop {
            self.note_call(exception, std::mem::take(&mut raised));
            let Some(frame) = self.current.frames.last_mut() else { return };
            let code = &program.codes[frame.code as usize];
            let at = frame.at.saturating_sub(1);
            let covers = |h: &&Handler| h.from <= at && at < h.to;
            if let Some(handler) = code.handlers.iter().find(covers) {
                frame.at = handler.target;
                frame.entered = false;
                let height = frame.base as usize + code.fixed() + handler.depth as usize;
                self.current.stack.truncate(height);
                self.push(Value::Ref(exception));
                return;
            }
            let Some(frame) = self.drop_frame() else { return };
            let stops = self.is_a(exception, "StopIteration");
            if let Some(generator) = frame.generator {
                *self.world.heap.get_mut(generator) = Object::Generator(Generator::Done);
                if stops
                    && let Raise::Exception(other) =
                        self.error("RuntimeError", "generator raised StopIteration")
                {
                    exception = other;
                    raised = self.note_line(exception);
                    continue;
                }
            }
            if self.current.frames.is_empty() {
                let text = self.exception_text(exception);
                let at = self.line_of(exception);
                let quiet = self.is_a(exception, "SystemExit");
                if quiet && self.number == 0 {
                    self.outside.exit = Some(self.exit_of(exception));
                }
                self.current.failure = (!quiet).then_some(Failure { text, at });
                return;
            }
            if stops && self.stopped(frame.then, exception) {
                return;
            }
        }
    }

    /// A `__next__` in Python has said that there is no more.
    fn stopped(&mut self, then: Then, exception: Id) -> bool {
        match then {
            Then::Delegated => {
                let value = self.exception_arguments(exception).first().copied();
                self.pop();
                self.push(value.unwrap_or(Value::None));
                true
            }
            Then::Item(to) => {
                self.pop();
                self.frame().at = to;
                true
            }
            Then::Next(default) if default != Value::Unset => {
                self.push(default);
                true
            }
            _ => false,
        }
    }

    /// Whether an exception is of this built-in class.
    pub fn is_a(&self, exception: Id, class: &str) -> bool {
        let wanted = exception_class(class);
        match (self.class_of(Value::Ref(exception)), wanted) {
            (Some(class), Some(wanted)) => self.is_subclass(class, wanted),
            _ => false,
        }
    }

    /// Notes that an exception has come to the innermost call; `raised` if it begins there.
    fn note_call(&mut self, exception: Id, raised: bool) {
        let Some(frame) = self.current.frames.last().filter(|_| self.tracebacks.kept) else {
            return;
        };
        let Some(code) = self.program.codes.get(frame.code as usize) else { return };
        let at = code.positions.get((frame.at as usize).saturating_sub(1)).copied();
        let shown = (!code.kind.is_library()).then(|| (code.name.clone(), at.unwrap_or_default()));
        let depth = self.current.frames.len();
        self.tracebacks.note(self.number, (exception, raised), depth, shown);
    }

    /// What the process ends with.
    fn exit_of(&mut self, exception: Id) -> Exit {
        let name = self.known.args;
        let args = match self.world.heap.get(exception) {
            Object::Instance(instance) => instance.attributes.get(name),
            _ => None,
        };
        let args = args.map_or_else(Vec::new, |args| self.items(args).unwrap_or_default());
        match args[..] {
            [] | [Value::None] => Exit::default(),
            // As the shell sees it: the lowest byte.
            [Value::Int(code)] => Exit { code: code.to_le_bytes()[0], text: String::new() },
            [Value::Bool(code)] => Exit { code: u8::from(code), text: String::new() },
            _ => Exit { code: 1, text: self.plain_str(Value::Ref(exception)).unwrap_or_default() },
        }
    }

    /// Raises an exception in the current thread, before its next instruction.
    pub fn interrupt(&mut self, class: &str) {
        if let Raise::Exception(exception) = self.exception(class, Vec::new())
            && !self.current.has_ended()
        {
            let frame = self.frame();
            frame.at += 1;
            frame.entered = false;
            self.current.stage = Stage::None;
            self.current.asked = None;
            self.unwind(exception);
        }
    }

    /// Keeps the place that raised an exception first; says whether it was raised just now.
    fn note_line(&mut self, exception: Id) -> bool {
        let name = self.known.line;
        let at = self.position();
        let packed = i64::from(at.line) << 32 | i64::from(at.column);
        let context = self.handled().filter(|handled| *handled != exception);
        let context_name = self.strings.intern("__context__");
        if let Object::Instance(instance) = self.world.heap.get(exception)
            && instance.attributes.get(name).is_none()
            && let Object::Instance(instance) = self.world.heap.get_mut(exception)
        {
            instance.attributes.set(name, Value::Int(packed));
            if let Some(context) = context {
                instance.attributes.set(context_name, Value::Ref(context));
            }
            return true;
        }
        false
    }

    pub(crate) fn line_of(&mut self, exception: Id) -> Position {
        let name = self.known.line;
        match self.world.heap.get(exception) {
            Object::Instance(instance) => match instance.attributes.get(name) {
                Some(Value::Int(packed)) => Position {
                    line: u32::try_from(packed >> 32).unwrap_or(0),
                    column: u32::try_from(packed & 0xffff_ffff).unwrap_or(0),
                },
                _ => Position::default(),
            },
            _ => Position::default(),
        }
    }

    /// An exception as the last line of Python's traceback.
    pub fn exception_text(&mut self, exception: Id) -> String {
        let name = self.type_name(Value::Ref(exception));
        let text = self.plain_str(Value::Ref(exception)).unwrap_or_default();
        if text.is_empty() { name } else { format!("{name}: {text}") }
    }
}
