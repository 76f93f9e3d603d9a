//! Loops, `try` and `with` as instructions, and every way out of them.
//!
//! *Promises*: a `finally` runs once on each way out, and a `with` exits once; a loop ends with a
//! jump back, and no other jump goes back.
//! *Leaves out*: what a switch point is.

use crate::python::code::compiler::{Block, Compiler, Result, number};
use crate::python::code::instruction::Op;
use crate::python::code::program::{CodeKind, Handled};
use crate::python::front::refusal::Refusal;
use crate::python::front::tree::{
    Constant, Expression, ExpressionKind, Handler, Name, Statement, UnaryOperator,
};

impl<'a> Compiler<'a> {
    pub(crate) fn nested(
        &mut self,
        block: Block<'a>,
        grows: u32,
        body: &'a [Statement],
    ) -> Result<Block<'a>> {
        let unit = self.unit();
        unit.depth += grows;
        unit.blocks.push(block);
        self.block(body)?;
        let unit = self.unit();
        unit.depth -= grows;
        Ok(unit.blocks.pop().unwrap_or(Block::Unwinding))
    }

    /// `for`: the iterator stays on the stack.
    pub(crate) fn for_loop(
        &mut self,
        target: &'a Expression,
        iterable: &'a Expression,
        body: &'a [Statement],
        orelse: &'a [Statement],
    ) -> Result<()> {
        self.expression(iterable)?;
        self.emit(Op::GetIter);
        let start = self.here();
        let at = self.at;
        let exhausted = self.emit(Op::ForIter(0));
        self.assign(target)?;
        let block = Block::Loop { start, breaks: Vec::new(), iterator: true };
        let block = self.nested(block, 1, body)?;
        self.at = at;
        self.emit(Op::JumpBack(number(start)));
        self.land(exhausted);
        self.block(orelse)?;
        self.land_breaks(block);
        Ok(())
    }

    pub(crate) fn land_breaks(&mut self, block: Block<'a>) {
        if let Block::Loop { breaks, .. } = block {
            breaks.into_iter().for_each(|jump| self.land(jump));
        }
    }

    /// `while`: the test stands twice, as CPython has it since 3.10. So what jumps back comes
    /// between the test and the body, not between the body and the test.
    pub(crate) fn while_loop(
        &mut self,
        test: &'a Expression,
        body: &'a [Statement],
        orelse: &'a [Statement],
    ) -> Result<()> {
        let start = self.here();
        let at = self.at;
        let mut done = self.jump_if(test, false)?;
        let first = self.here();
        let block = Block::Loop { start, breaks: Vec::new(), iterator: false };
        let block = self.nested(block, 0, body)?;
        self.at = at;
        let again = self.jump_if(test, false)?;
        if let Some(last) = again.last() {
            // CPython 3.10 jumps back if the test holds, and does not look if it falls through.
            let op = &mut self.unit().code.ops[*last];
            *op = match *op {
                Op::PopJumpIfFalse(to) => Op::LeaveIfFalse(to),
                Op::PopJumpIfTrue(to) => Op::LeaveIfTrue(to),
                other => other,
            };
        }
        done.extend(again);
        self.emit(Op::JumpBack(number(first)));
        done.into_iter().for_each(|jump| self.land(jump));
        self.block(orelse)?;
        self.land_breaks(block);
        Ok(())
    }

    /// `break` and `continue`.
    pub(crate) fn leave_loop(&mut self, statement: &Statement, again: bool) -> Result<()> {
        let is_loop = |block: &Block<'_>| matches!(block, Block::Loop { .. });
        let Some(at) = self.unit().blocks.iter().rposition(is_loop) else {
            let word = if again { "'continue'" } else { "'break'" };
            return Err(Refusal::syntax(statement.at, format!("{word} outside loop")));
        };
        self.unwind(at + 1, false)?;
        let Block::Loop { start, iterator, .. } = self.unit().blocks[at].clone() else {
            return Ok(());
        };
        if again {
            self.emit(Op::JumpBack(number(start)));
            return Ok(());
        }
        if iterator {
            self.emit(Op::Pop);
        }
        let jump = self.emit(Op::Jump(0));
        if let Block::Loop { breaks, .. } = &mut self.unit().blocks[at] {
            breaks.push(jump);
        }
        Ok(())
    }

    /// `return`.
    pub(crate) fn give_back(&mut self, value: Option<&'a Expression>) -> Result<()> {
        let at = self.at;
        if let CodeKind::Module | CodeKind::Class = self.unit().code.kind {
            return Err(Refusal::syntax(at, "'return' outside function"));
        }
        match value {
            Some(value) => self.expression(value)?,
            None => self.constant(&Constant::None),
        }
        self.at = at;
        self.unwind(0, true)?;
        self.emit(Op::Return);
        Ok(())
    }

    /// Leaves the blocks from the innermost to number `to`; `value` says that a value on the stack
    /// is to be kept.
    fn unwind(&mut self, to: usize, value: bool) -> Result<()> {
        let depth = self.unit().depth;
        // What a `finally` in here notes in a block further out (a `break` that is still to land) stays there.
        let mut left = Vec::new();
        for at in (to..self.unit().blocks.len()).rev() {
            self.unit().blocks.truncate(at + 1);
            let block = self.unit().blocks.pop().expect("there are more than `at`");
            let from = self.here();
            let pops = matches!(&block, Block::With(_) | Block::Unwinding)
                || matches!(&block, Block::Loop { iterator: true, .. });
            if pops && value {
                self.emit(Op::Swap(2));
            }
            match &block {
                Block::With(is_async) => self.exit_with(*is_async),
                _ if pops => drop(self.emit(Op::Pop)),
                Block::Finally(body) => {
                    self.unit().depth += u32::from(value);
                    if value {
                        // It may leave a loop around it, and then nobody wants the value any more.
                        self.unit().blocks.push(Block::Unwinding);
                    }
                    self.block(body)?;
                    self.unit().depth -= u32::from(value);
                }
                _ => {}
            }
            self.unit().depth -= u32::from(pops);
            let hole = (from, self.here(), at);
            self.unit().holes.push(hole);
            left.push(block);
        }
        let unit = self.unit();
        unit.blocks.truncate(to);
        unit.blocks.extend(left.into_iter().rev());
        unit.depth = depth;
        Ok(())
    }

    /// `with`, one manager after the other.
    pub(crate) fn with(
        &mut self,
        items: &'a [(Expression, Option<Expression>)],
        body: &'a [Statement],
        is_async: bool,
    ) -> Result<()> {
        let Some(((manager, target), rest)) = items.split_first() else {
            return self.block(body);
        };
        let at = self.at;
        self.expression(manager)?;
        self.at = at;
        self.enter_with(is_async);
        let from = self.here();
        let depth = self.unit().depth;
        self.unit().depth += 1;
        self.unit().blocks.push(Block::With(is_async));
        match target {
            Some(target) => self.assign(target)?,
            None => drop(self.emit(Op::Pop)),
        }
        self.with(rest, body, is_async)?;
        self.unit().blocks.pop();
        self.unit().depth -= 1;
        let to = self.here();
        self.at = at;
        self.exit_with(is_async);
        let end = self.emit(Op::Jump(0));
        self.handle(from, to, depth + 1, true);
        let from = self.here();
        self.except_with(is_async);
        let to = self.here();
        self.note_handling(from, to, Handled::Above(depth + 1));
        let swallowed = self.emit(Op::PopJumpIfTrue(0));
        self.emit(Op::Reraise);
        self.land(swallowed);
        self.emit(Op::Pop);
        self.emit(Op::Pop);
        self.land(end);
        Ok(())
    }

    /// `try`.
    pub(crate) fn attempt(
        &mut self,
        body: &'a [Statement],
        handlers: &'a [Handler],
        orelse: &'a [Statement],
        finally: &'a [Statement],
    ) -> Result<()> {
        if finally.is_empty() {
            return self.guarded(body, handlers, orelse);
        }
        let depth = self.unit().depth;
        let from = self.here();
        self.unit().blocks.push(Block::Finally(finally));
        self.guarded(body, handlers, orelse)?;
        self.unit().blocks.pop();
        let to = self.here();
        self.block(finally)?;
        let end = self.emit(Op::Jump(0));
        self.handle(from, to, depth, true);
        let from = self.here();
        self.nested(Block::Unwinding, 1, finally)?;
        let to = self.here();
        self.note_handling(from, to, Handled::Above(depth));
        self.emit(Op::Reraise);
        self.land(end);
        Ok(())
    }

    fn guarded(
        &mut self,
        body: &'a [Statement],
        handlers: &'a [Handler],
        orelse: &'a [Statement],
    ) -> Result<()> {
        if handlers.is_empty() {
            self.block(body)?;
            return self.block(orelse);
        }
        let depth = self.unit().depth;
        let from = self.here();
        self.nested(Block::Trying, 0, body)?;
        let to = self.here();
        self.block(orelse)?;
        let mut ends = vec![self.emit(Op::Jump(0))];
        self.handle(from, to, depth, false);
        for handler in handlers {
            self.at = handler.at;
            let from = self.here();
            let mut next = None;
            if let Some(class) = &handler.class {
                self.expression(class)?;
                self.emit(Op::MatchException);
                next = Some(self.emit(Op::PopJumpIfFalse(0)));
            }
            let to = self.here();
            self.note_handling(from, to, Handled::Above(depth));
            self.handler(handler)?;
            ends.push(self.emit(Op::Jump(0)));
            if let Some(next) = next {
                self.land(next);
            }
        }
        self.emit(Op::Reraise);
        ends.into_iter().for_each(|jump| self.land(jump));
        Ok(())
    }

    /// The body of an `except`; the exception is on the stack.
    fn handler(&mut self, handler: &'a Handler) -> Result<()> {
        let slot = self.hidden_slot();
        if let Some(name) = &handler.name {
            self.emit(Op::Copy(1));
            self.store(name);
        }
        self.emit(Op::StoreFast(slot));
        let from = self.here();
        let depth = self.unit().depth;
        self.nested(Block::Handling(slot), 0, &handler.body)?;
        let to = self.here();
        self.note_handling(from, to, Handled::Slot(slot));
        self.forget(slot, handler.name.as_ref());
        let end = self.emit(Op::Jump(0));
        self.handle(from, to, depth, false);
        self.forget(slot, handler.name.as_ref());
        self.emit(Op::Reraise);
        self.land(end);
        Ok(())
    }

    fn forget(&mut self, slot: u32, name: Option<&Name>) {
        self.constant(&Constant::None);
        self.emit(Op::StoreFast(slot));
        if let Some(name) = name {
            self.constant(&Constant::None);
            self.store(name);
            self.delete(name);
        }
    }

    /// Jumps if the test is as `wanted`; gives the jumps. `and`, `or` and `not` jump themselves.
    pub(crate) fn jump_if(&mut self, test: &'a Expression, wanted: bool) -> Result<Vec<usize>> {
        match &test.kind {
            ExpressionKind::Unary { operator, operand } if *operator == UnaryOperator::Not => {
                self.jump_if(operand, !wanted)
            }
            ExpressionKind::And(list) | ExpressionKind::Or(list) => {
                let is_or = matches!(test.kind, ExpressionKind::Or(_));
                let Some((last, first)) = list.split_last() else { return Ok(Vec::new()) };
                let (mut jumps, mut decided) = (Vec::new(), Vec::new());
                for e in first {
                    let found = self.jump_if(e, is_or)?;
                    if is_or == wanted { jumps.extend(found) } else { decided.extend(found) }
                }
                jumps.extend(self.jump_if(last, wanted)?);
                decided.into_iter().for_each(|jump| self.land(jump));
                Ok(jumps)
            }
            ExpressionKind::Constant(Constant::Bool(value)) if *value != wanted => Ok(Vec::new()),
            _ => {
                let at = self.at;
                self.expression(test)?;
                self.at = at;
                let op = if wanted { Op::PopJumpIfTrue(0) } else { Op::PopJumpIfFalse(0) };
                Ok(vec![self.emit(op)])
            }
        }
    }
}
