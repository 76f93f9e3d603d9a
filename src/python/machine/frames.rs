//! Frames: calls of the current thread, and their part of its stack.
//!
//! *Promises*: a frame's values lie behind those of the frame that called it: locals, cells,
//! operands; what is left takes its values with it.
//! *Leaves out*: which arguments go where (`python/machine/binding.rs`).

use crate::gil::rules::switch_point::SwitchPoint;
use crate::python::code::program::Code;
use crate::python::front::position::Position;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::world::Rounds;
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::{Frame, Then};
use crate::python::value::object::Object;
use std::sync::Arc;

impl Machine {
    /// The frame of the innermost call.
    pub fn frame(&mut self) -> &mut Frame {
        if self.current.frames.is_empty() {
            // Only a thread that runs has instructions, so this is never reached.
            self.push_frame(0, Vec::new(), &[], Then::Discard);
        }
        let last = self.current.frames.len() - 1;
        &mut self.current.frames[last]
    }

    /// The code of the innermost call.
    pub fn code(&self) -> &Code {
        let number = self.current.frames.last().map_or(0, |frame| frame.code as usize);
        &self.program.codes[number.min(self.program.codes.len() - 1)]
    }

    /// Whether the innermost call is the library's.
    pub fn is_library(&self) -> bool {
        self.code().kind.is_library()
    }

    /// Pushes a value.
    pub fn push(&mut self, value: Value) {
        self.current.stack.push(value);
    }

    /// Pops a value.
    pub fn pop(&mut self) -> Value {
        self.current.stack.pop().unwrap_or(Value::Unset)
    }

    /// The value so many below the top; 0 is the top.
    pub fn peek(&self, below: usize) -> Value {
        let stack = &self.current.stack;
        let at = stack.len().checked_sub(below + 1);
        at.and_then(|at| stack.get(at)).copied().unwrap_or(Value::Unset)
    }

    /// Pops so many values, the lowest first.
    pub fn pop_many(&mut self, count: usize) -> Vec<Value> {
        let stack = &mut self.current.stack;
        stack.split_off(stack.len().saturating_sub(count))
    }

    /// Begins a call of a code with these parameters.
    pub fn push_frame(&mut self, code: u32, slots: Vec<Value>, outer: &[Id], then: Then) {
        let base = u32::try_from(self.current.stack.len()).unwrap_or(u32::MAX);
        self.current.stack.extend(slots);
        self.begin_call(code, base, 0, outer, then);
    }

    /// Begins a call of a code whose parameters are on the stack, from `base` on.
    pub(crate) fn begin_call(
        &mut self,
        code: u32,
        base: u32,
        below: u32,
        outer: &[Id],
        then: Then,
    ) {
        let program = Arc::clone(&self.program);
        let body = &program.codes[(code as usize).min(program.codes.len() - 1)];
        let first = base as usize;
        self.current.stack.resize(first + body.locals.len(), Value::Unset);
        for from in &body.cells {
            let value = from.and_then(|slot| self.current.stack.get(first + slot)).copied();
            let cell = Object::Cell(value.unwrap_or(Value::Unset));
            let cell = self.add(cell);
            self.push(cell);
        }
        self.current.stack.extend(outer.iter().copied().map(Value::Ref));
        let back = SwitchPoint::Straight;
        let frame = Frame { code, at: 0, base, below, then, generator: None, entered: false, back };
        let depth = self.current.frames.len();
        self.current.frames.push(frame);
        if !self.current.rounds.is_empty() {
            self.current.rounds.retain(|round| (round.depth as usize) < depth);
        }
    }

    /// The innermost call has gone round a loop: how often it has by now.
    pub fn round(&mut self) -> u32 {
        let at = self.frame().at;
        let depth = u32::try_from(self.current.frames.len() - 1).unwrap_or(u32::MAX);
        let rounds = &mut self.current.rounds;
        rounds.retain(|round| round.depth <= depth);
        if let Some(round) = rounds.iter_mut().find(|r| r.depth == depth && r.at == at) {
            round.count += 1;
            return round.count;
        }
        rounds.push(Rounds { depth, at, count: 1 });
        1
    }

    /// Ends the innermost call, and takes its values from the stack.
    pub(crate) fn pop_frame(&mut self) -> Option<(Frame, Vec<Value>)> {
        let frame = self.current.frames.pop()?;
        let mut values = self.spare.take();
        values.extend(self.current.stack.drain(frame.base as usize..));
        self.current.stack.truncate((frame.base - frame.below) as usize);
        Some((frame, values))
    }

    /// Ends the innermost call.
    pub(crate) fn drop_frame(&mut self) -> Option<Frame> {
        let frame = self.current.frames.pop()?;
        self.current.stack.truncate((frame.base - frame.below) as usize);
        Some(frame)
    }

    /// A local of the innermost call.
    pub(crate) fn local(&mut self, slot: u32) -> &mut Value {
        let at = (self.frame().base + slot) as usize;
        &mut self.current.stack[at]
    }

    /// A cell of the innermost call: its own, then those of outer functions.
    pub(crate) fn cell(&mut self, number: u32) -> Option<Id> {
        let at = self.frame().base as usize + self.code().locals.len() + number as usize;
        self.current.stack.get(at).and_then(|cell| cell.id())
    }

    /// Where the innermost call is.
    pub fn position(&self) -> Position {
        let frames = self.current.frames.iter().rev();
        let visible = |frame: &&Frame| {
            let code = self.program.codes.get(frame.code as usize);
            code.is_some_and(|code| !code.kind.is_library())
        };
        let place = frames.clone().find(visible).and_then(|frame| {
            let code = self.program.codes.get(frame.code as usize)?;
            code.positions.get((frame.at as usize).saturating_sub(1)).copied()
        });
        place.unwrap_or(self.current.born)
    }

    /// Where the instruction is that the current thread will execute next.
    pub fn next_position(&self) -> Position {
        let place = self.current.frames.last().and_then(|frame| {
            let code = self.program.codes.get(frame.code as usize)?;
            (!code.kind.is_library()).then_some(())?;
            code.positions.get(frame.at as usize).copied()
        });
        place.unwrap_or_else(|| self.position())
    }
}
