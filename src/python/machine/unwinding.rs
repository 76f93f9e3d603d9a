//! Exceptions on their way to a handler.
//!
//! *Promises*: the innermost handler that covers the instruction gets it; a thread without one ends,
//! and its failure names the line that raised.
//! *Leaves out*: which exceptions an `except` takes (`python/machine/control.rs`).

use crate::python::code::instruction::Op;
use crate::python::code::program::Handler;
use crate::python::front::position::Position;
use crate::python::machine::interpreter::{Machine, exception_class};
use crate::python::machine::outside::Exit;
use crate::python::machine::terms::Raise;
use crate::python::machine::traceback::Came;
use crate::python::machine::world::{Failure, Stage};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{Generator, Object};
use std::sync::Arc;

/// What Python writes between an exception and the one that it led to.
const CAUSED: &str = "The above exception was the direct cause of the following exception:";
const HANDLED: &str = "During handling of the above exception, another exception occurred:";
/// How many contexts behind each other are looked at.
const LONGEST_CHAIN: usize = 10_000;

impl Machine {
    /// Sends an exception to its handler, or ends the thread.
    pub(crate) fn unwind(&mut self, exception: Id) {
        let mut exception = exception;
        let mut came = self.note_line(exception);
        let program = Arc::clone(&self.program);
        loop {
            self.note_call(exception, std::mem::replace(&mut came, Came::Through));
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
                    came = self.note_line(exception);
                    continue;
                }
            }
            if self.current.frames.is_empty() {
                let text = self.exception_text(exception);
                if self.tracebacks.kept {
                    let chain = self.exception_chain(exception);
                    self.tracebacks.end(self.number, chain);
                }
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

    /// Notes that an exception has come to the innermost call.
    fn note_call(&mut self, exception: Id, came: Came) {
        let Some(frame) = self.current.frames.last().filter(|_| self.tracebacks.kept) else {
            return;
        };
        let Some(code) = self.program.codes.get(frame.code as usize) else { return };
        let at = code.positions.get((frame.at as usize).saturating_sub(1)).copied();
        let shown = (!code.kind.is_library()).then(|| (code.name.clone(), at.unwrap_or_default()));
        let depth = self.current.frames.len();
        self.tracebacks.note(self.number, (exception, came), depth, shown);
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

    /// An exception and those that are told before it: its causes, or what was handled when it was
    /// raised; each with its text and what it is to the next.
    fn exception_chain(&mut self, exception: Id) -> Vec<(Id, String, &'static str)> {
        let names = ["__cause__", "__context__", "__suppress_context__"];
        let names = names.map(|name| self.strings.intern(name));
        let mut chain: Vec<(Id, String, &str)> = Vec::new();
        let (mut at, mut link) = (Some(exception), "");
        while let Some(id) = at.filter(|id| !chain.iter().any(|(told, ..)| told == id)) {
            chain.push((id, self.exception_text(id), link));
            let Object::Instance(own) = self.world.heap.get(id) else { break };
            let [cause, context, suppressed] = names.map(|name| own.attributes.get(name));
            let cause = cause.and_then(Value::id);
            let is_shown = suppressed != Some(Value::Bool(true));
            link = match cause {
                Some(_) => CAUSED,
                None => HANDLED,
            };
            at = cause.or(context.filter(|_| is_shown).and_then(Value::id));
        }
        chain.reverse();
        chain
    }

    /// Keeps the place that raised an exception first, and what was handled then.
    fn note_line(&mut self, exception: Id) -> Came {
        let came = if self.goes_on() { Came::Through } else { Came::Again };
        if came == Came::Again {
            self.set_context(exception);
        }
        let name = self.known.line;
        let at = self.position();
        let packed = i64::from(at.line) << 32 | i64::from(at.column);
        let Object::Instance(instance) = self.world.heap.get(exception) else { return came };
        if instance.attributes.get(name).is_some() {
            return came;
        }
        if let Object::Instance(instance) = self.world.heap.get_mut(exception) {
            instance.attributes.set(name, Value::Int(packed));
        }
        Came::New
    }

    /// Whether the instruction goes on with an exception that was raised before.
    fn goes_on(&self) -> bool {
        let frame = self.current.frames.last();
        let op = frame.and_then(|frame| {
            let code = self.program.codes.get(frame.code as usize)?;
            code.ops.get((frame.at as usize).checked_sub(1)?)
        });
        op == Some(&Op::Reraise)
    }

    /// What is handled when an exception is raised is its context. Where that has it as its own
    /// context, it is cut off there, as in CPython.
    fn set_context(&mut self, exception: Id) {
        let Some(handled) = self.handled().filter(|handled| *handled != exception) else { return };
        let name = self.strings.intern("__context__");
        let context_of = |m: &Machine, id: Id| match m.world.heap.get(id) {
            Object::Instance(instance) => instance.attributes.get(name).and_then(Value::id),
            _ => None,
        };
        let mut at = handled;
        // A program can have made a circle of them itself.
        for _ in 0..LONGEST_CHAIN {
            let Some(context) = context_of(self, at) else { break };
            if context == exception
                && let Object::Instance(instance) = self.world.heap.get_mut(at)
            {
                instance.attributes.remove(name);
                break;
            }
            at = context;
        }
        if let Object::Instance(instance) = self.world.heap.get_mut(exception) {
            instance.attributes.set(name, Value::Ref(handled));
        }
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
