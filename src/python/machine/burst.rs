//! The inner loop: instructions of one thread, up to a place where somebody else may go on.
//!
//! *Assumes*: code of the compiler, a thread that was entered.
//! *Promises*: the explorer's single steps, the virtual and the real run all execute here. What is
//! executed at once is what the instruction does in `python/machine/execute.rs`, for the operands
//! that it mostly has.
//! *Leaves out*: whether another thread goes on.
//!
//! ```text
//!   frame ── code, at, base ──▶ op ──┬─ quick: on the stack, nothing can fail ──▶ place
//!     ▲                              └─ else: perform, which may call, raise, wait
//!     └──────────── the frame has changed ◀──────────┘
//! ```

use crate::python::code::instruction::{Op, Place};
use crate::python::code::program::CodeKind;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::quick::entry;
use crate::python::machine::terms::{Flow, Location, Look, Raise};
use crate::python::machine::world::{Limit, Wait};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// At which kinds of places a burst ends.
#[derive(Debug, Clone, Copy)]
pub struct Points<'a> {
    kinds: u16,
    asked: Option<&'a AtomicBool>,
    stirs: bool,
}

impl<'a> Points<'a> {
    /// At each.
    pub const ALL: Points<'static> = Points { kinds: u16::MAX, asked: None, stirs: false };
    /// At none.
    pub const NONE: Points<'static> = Points { kinds: 0, asked: None, stirs: false };

    /// At those kinds that a policy looks at.
    ///
    /// ```
    /// use singletrack::python::code::instruction::Place;
    /// use singletrack::python::machine::burst::Points;
    ///
    /// let points = Points::of(|place| place == Place::BackEdge);
    /// assert!(points.has(Place::BackEdge) && !points.has(Place::Straight));
    /// ```
    pub fn of(looks: impl Fn(Place) -> bool) -> Points<'static> {
        let kinds = Place::ALL.iter().filter(|place| looks(**place));
        let kinds = kinds.fold(0, |kinds, place| kinds | 1 << *place as u16);
        Points { kinds, asked: None, stirs: false }
    }

    /// The same, but only while this is true: somebody asks for the lock.
    pub fn when(self, asked: &'a AtomicBool) -> Points<'a> {
        Points { asked: Some(asked), ..self }
    }

    /// The same, and wherever others may be helped by what was done: a shell has to look.
    pub fn or_stirred(self) -> Points<'a> {
        Points { stirs: true, ..self }
    }

    /// Whether a burst ends at this kind of place.
    pub fn has(self, place: Place) -> bool {
        self.kinds >> place as u16 & 1 == 1
    }

    fn end_here(self, place: Place) -> bool {
        self.has(place) && self.asked.is_none_or(|asked| asked.load(Ordering::Relaxed))
    }
}

/// Why a burst has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pause {
    /// It has come to a place of this kind.
    Place(Place),
    /// The thread waits; the instruction has to be executed again.
    Wait(Wait, Limit),
    /// The thread has ended.
    Ended,
    /// It has executed as many instructions as it might.
    Fuel,
    /// The run has to stop, for this reason.
    Stop(String),
}

/// Goes over the other instructions that a superinstruction stands for.
#[inline]
fn skip(count: u32, at: &mut u32, left: &mut u64) -> Place {
    *at += count;
    *left = left.saturating_sub(u64::from(count));
    Place::Straight
}

/// Jumps forward or not.
#[inline]
fn jump_if(taken: bool, to: u32, at: &mut u32) -> Place {
    if !taken {
        return Place::Straight;
    }
    *at = to;
    Place::ForwardTaken
}

impl Machine {
    /// Executes the next instruction of the current thread, which has not ended.
    ///
    /// # Errors
    /// The reason if the run has to stop.
    pub fn execute(&mut self) -> Result<Flow, String> {
        match self.run_burst(Points::ALL, &mut 1) {
            Pause::Place(place) => Ok(Flow::Next(place)),
            Pause::Wait(wait, limit) => Ok(Flow::Wait(wait, limit)),
            Pause::Ended | Pause::Fuel => Ok(Flow::Next(Place::Never)),
            Pause::Stop(reason) => Err(reason),
        }
    }

    /// Executes instructions of the current thread until a place at which it ends, or the fuel is
    /// used up: an instruction each.
    pub fn run_burst(&mut self, points: Points<'_>, fuel: &mut u64) -> Pause {
        let mut left = *fuel;
        let pause = self.run(points, &mut left);
        *fuel = left;
        pause
    }

    #[inline]
    fn run(&mut self, points: Points<'_>, left: &mut u64) -> Pause {
        let program = Arc::clone(&self.program);
        // Who wants each instruction for itself gets it.
        let single = self.noting || (points.has(Place::Straight) && points.asked.is_none());
        'frame: loop {
            if self.world.heap.charged() > self.sweep_at {
                self.sweep();
            }
            let Some(frame) = self.current.frames.last() else { return Pause::Ended };
            let code = &program.codes[frame.code as usize];
            let (mut at, base) = (frame.at, frame.base as usize);
            let one_step = code.kind.is_one_step();
            // What is one step in C has no places but at its edges.
            let here = if one_step { Points::ALL } else { points };
            let ops = if single { &code.ops } else { &code.fused };
            loop {
                if *left == 0 {
                    self.frame().at = at;
                    return Pause::Fuel;
                }
                *left -= 1;
                let Some(mut op) = ops.get(at as usize).copied() else {
                    return Pause::Stop("the code has no end".to_owned());
                };
                at += 1;
                let place = loop {
                    break match op {
                        Op::LoadFast(slot) if self.quick_load(base + slot as usize) => {
                            Place::Straight
                        }
                        Op::StoreFast(slot) => {
                            self.quick_store(base + slot as usize);
                            Place::Straight
                        }
                        Op::LoadConst(number) => {
                            self.push(self.constants[number as usize]);
                            Place::Straight
                        }
                        Op::LoadGlobal(number) if self.quick_global(number) => Place::Straight,
                        Op::StoreGlobal(number) => {
                            self.note(Location::Global(number), true);
                            self.world.globals[number as usize] = self.pop();
                            Place::Straight
                        }
                        Op::Binary(operator) | Op::Inplace(operator)
                            if self.quick_binary(operator) =>
                        {
                            Place::Straight
                        }
                        Op::Compare(operator) if self.quick_compare(operator) => Place::Straight,
                        Op::PopJumpIfFalse(to) if let Some(truth) = self.quick_truth() => {
                            jump_if(!truth, to, &mut at)
                        }
                        Op::PopJumpIfTrue(to) if let Some(truth) = self.quick_truth() => {
                            jump_if(truth, to, &mut at)
                        }
                        Op::LeaveIfFalse(to) if let Some(truth) = self.quick_truth() => {
                            jump_if(!truth, to, &mut at);
                            Place::Straight
                        }
                        Op::LeaveIfTrue(to) if let Some(truth) = self.quick_truth() => {
                            jump_if(truth, to, &mut at);
                            Place::Straight
                        }
                        Op::LoadAttr(name) if self.quick_attribute(name) => Place::Straight,
                        Op::StoreAttr(name) if self.quick_set_attribute(name) => Place::Straight,
                        Op::LoadMethod(name) if self.quick_method(name) => Place::Straight,
                        Op::Subscript if self.quick_item() => Place::Straight,
                        Op::StoreSubscript if self.quick_set_item() => Place::Straight,
                        Op::Unpack(count) if self.quick_unpack(count) => Place::Straight,
                        Op::LoadCell(cell)
                            if self.quick_cell(base + code.locals.len() + cell as usize) =>
                        {
                            Place::Straight
                        }
                        Op::ForIter(to) if let Some(more) = self.quick_next() => {
                            if !more {
                                at = to;
                            }
                            Place::Straight
                        }
                        Op::Jump(to) => {
                            at = to;
                            Place::Straight
                        }
                        Op::JumpBack(to) => {
                            at = to;
                            Place::BackEdge
                        }
                        Op::Pop | Op::PopResult => {
                            self.pop();
                            Place::Straight
                        }
                        Op::Resume => entry(code.kind),
                        Op::LoadFastLoadFast(a, b) if self.quick_load_two(base, a, b) => {
                            skip(1, &mut at, left)
                        }
                        Op::LoadFastAttr(slot, name) if self.quick_own(base, slot, name) => {
                            skip(1, &mut at, left)
                        }
                        Op::LoadFastMethod(slot, name) if self.quick_bound(base, slot, name) => {
                            skip(1, &mut at, left)
                        }
                        Op::BinaryConst(operator, number)
                            if self.quick_binary_const(operator, number) =>
                        {
                            skip(1, &mut at, left)
                        }
                        Op::BinaryFast(operator, slot, right)
                            if self.quick_operation(operator, base, (slot, right), usize::MAX) =>
                        {
                            skip(2, &mut at, left)
                        }
                        Op::Update(operator, slot, right)
                            if self.quick_operation(
                                operator,
                                base,
                                (slot, right),
                                base + usize::from(slot),
                            ) =>
                        {
                            skip(3, &mut at, left)
                        }
                        Op::CompareJump(operator, slot, right, to)
                            if let Some(truth) = self.quick_order(operator, base, slot, right) =>
                        {
                            skip(3, &mut at, left);
                            jump_if(!truth, to, &mut at)
                        }
                        Op::CompareLeave(operator, slot, right, to)
                            if let Some(truth) = self.quick_order(operator, base, slot, right) =>
                        {
                            skip(3, &mut at, left);
                            jump_if(!truth, to, &mut at);
                            Place::Straight
                        }
                        Op::OrderConst(operator, number, leave, to)
                            if let Some(truth) = self.quick_order_const(operator, number) =>
                        {
                            skip(2, &mut at, left);
                            let place = jump_if(!truth, to, &mut at);
                            if leave { Place::Straight } else { place }
                        }
                        Op::Turn(count) => {
                            let stack = &mut self.current.stack;
                            let from = stack.len() - count as usize;
                            stack[from..].reverse();
                            skip(1, &mut at, left)
                        }
                        Op::ForIterStore(slot, to) if let Some(more) = self.quick_next() => {
                            match more {
                                false => at = to,
                                true => {
                                    self.current.stack[base + usize::from(slot)] = self.pop();
                                    skip(1, &mut at, left);
                                }
                            }
                            Place::Straight
                        }
                        _ => {
                            if op.count() > 1 {
                                // Its operands are not what they mostly are: one by one.
                                op = code.ops[at as usize - 1];
                                continue;
                            }
                            self.frame().at = at;
                            let place = match op {
                                Op::Call(count) if self.quick_call(&program, count, false) => {
                                    Place::Straight
                                }
                                Op::CallMethod(count) if self.quick_call(&program, count, true) => {
                                    Place::Straight
                                }
                                Op::CallMethod(1) if self.quick_append() => {
                                    self.point(Some(Look::FastStatement)).into()
                                }
                                Op::Return if let Some(back) = self.quick_return() => back.into(),
                                Op::ForIter(to) if self.quick_resume(to) => Place::Straight,
                                Op::Yield if let Some(back) = self.quick_yield() => back.into(),
                                _ => match self.perform_or_unwind(op, at) {
                                    Ok(place) => place,
                                    Err(pause) => return pause,
                                },
                            };
                            let place =
                                if one_step { self.behind(op, code.kind, place) } else { place };
                            if points.end_here(place) || (points.stirs && self.outside.stirred) {
                                return Pause::Place(place);
                            }
                            continue 'frame;
                        }
                    };
                };
                if here.end_here(place) {
                    self.frame().at = at;
                    let place = if one_step { self.behind(op, code.kind, place) } else { place };
                    if points.end_here(place) {
                        return Pause::Place(place);
                    }
                }
            }
        }
    }

    /// The place behind an instruction of the library: a module of CPython that is Python holds a
    /// lock of its own inside, so others run before it or behind it; what is C there returns as C.
    fn behind(&self, op: Op, kind: CodeKind, place: Place) -> Place {
        if place == Place::Blocked || self.is_item_by_item() {
            return place;
        }
        let frames = &self.current.frames;
        // The call that has entered it, or to which it has returned.
        let outside = match op {
            Op::Resume => frames.len().checked_sub(2),
            Op::Return => frames.len().checked_sub(1),
            _ => None,
        };
        let code = outside.and_then(|at| self.program.codes.get(frames[at].code as usize));
        match code {
            Some(code) if !code.kind.is_one_step() => match (op, kind) {
                (Op::Resume, CodeKind::Library) => Place::Enter,
                (Op::Return, CodeKind::Library) => Place::CReturn,
                (Op::Return, _) => place,
                _ => Place::Never,
            },
            _ => Place::Never,
        }
    }

    /// An instruction that may call, raise or wait.
    fn perform_or_unwind(&mut self, op: Op, at: u32) -> Result<Place, Pause> {
        match self.perform(op) {
            Ok(Flow::Next(place)) => {
                self.current.deadline = None;
                Ok(place)
            }
            Ok(Flow::Wait(wait, limit)) => {
                self.frame().at = at - 1;
                self.current.wait = Some((wait, limit));
                self.current.deadline = match wait {
                    Wait::Sleep(until) => Some(until),
                    _ => limit.map(|limit| {
                        let kept = self.current.deadline;
                        kept.unwrap_or_else(|| self.now().saturating_add(limit))
                    }),
                };
                Err(Pause::Wait(wait, limit))
            }
            Err(Raise::Exception(exception)) => {
                self.unwind(exception);
                // CPython 3.10 looks at the beginning of an `except`; 3.11 does not any more.
                Ok(Place::ForwardTaken)
            }
            Err(Raise::Stop(reason)) => Err(Pause::Stop(reason)),
            Err(Raise::Key(_) | Raise::Python) => {
                let why = "an object with methods of its own is not in the subset in this place";
                Err(Pause::Stop(why.to_owned()))
            }
        }
    }
}
