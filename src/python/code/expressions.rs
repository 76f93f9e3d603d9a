//! Expressions as instructions.
//!
//! *Promises*: operands come from left to right, as in CPython; a call's function comes before its
//! arguments.
//! *Leaves out*: what a call does.

use crate::python::code::compiler::{Compiler, Result, number};
use crate::python::code::instruction::Op;
use crate::python::code::modules;
use crate::python::code::program::CodeKind;
use crate::python::front::refusal::Refusal;
use crate::python::front::tree::{
    Clause, Comparison, Comprehension, ComprehensionKind, Constant, Expression, ExpressionKind,
    Name, Piece,
};

impl<'a> Compiler<'a> {
    /// Pushes the value of an expression.
    pub(crate) fn expression(&mut self, e: &'a Expression) -> Result<()> {
        use ExpressionKind as E;
        self.at = e.at;
        match &e.kind {
            E::Constant(constant) => self.constant(constant),
            E::Name(name) => self.load(name)?,
            E::List(items) => self.items(items, Op::BuildList, None)?,
            E::Tuple(items) => self.items(items, Op::BuildTuple, Some(Op::ListToTuple))?,
            E::Set(items) => self.items(items, Op::BuildSet, Some(Op::ListToSet))?,
            E::Dict(items) => self.dict(items)?,
            E::Starred(_) => return Err(Refusal::syntax(e.at, "a star is not allowed here")),
            E::Binary { operator, left, right } => {
                self.expression(left)?;
                self.expression(right)?;
                self.at = e.at;
                self.emit(Op::Binary(*operator));
            }
            E::Unary { operator, operand } => {
                self.expression(operand)?;
                self.at = e.at;
                self.emit(Op::Unary(*operator));
            }
            E::And(list) | E::Or(list) => self.either(list, matches!(e.kind, E::Or(_)))?,
            E::Compare { left, rest } => self.comparison(e, left, rest)?,
            E::Conditional { test, then, otherwise } => {
                let to_else = self.jump_if(test, false)?;
                self.expression(then)?;
                let end = self.emit(Op::Jump(0));
                to_else.into_iter().for_each(|jump| self.land(jump));
                self.expression(otherwise)?;
                self.land(end);
            }
            E::Call { function, arguments, keywords } => {
                self.call(e, function, arguments, keywords)?;
            }
            E::Attribute { object, name } => {
                self.check_attribute(e, object, name)?;
                self.expression(object)?;
                self.at = e.at;
                let name = self.name(name);
                self.emit(Op::LoadAttr(name));
            }
            E::Subscript { object, index } => {
                self.expression(object)?;
                self.expression(index)?;
                self.at = e.at;
                self.emit(Op::Subscript);
            }
            E::Slice(parts) => {
                for part in parts.iter() {
                    match part {
                        Some(part) => self.expression(part)?,
                        None => self.constant(&Constant::None),
                    }
                }
                self.emit(Op::BuildSlice);
            }
            E::Lambda(function) => self.function(function, CodeKind::Function)?,
            E::Comprehension(comprehension) => self.comprehension(comprehension)?,
            E::Yield(value) => {
                self.check_yield(e)?;
                match value {
                    Some(value) => self.expression(value)?,
                    None => self.constant(&Constant::None),
                }
                self.at = e.at;
                self.emit(Op::Yield);
                self.emit(Op::Resume);
            }
            E::YieldFrom(value) => {
                self.check_yield(e)?;
                if self.unit().code.coroutine {
                    return Err(Refusal::syntax(e.at, "'yield from' inside async function"));
                }
                self.expression(value)?;
                self.at = e.at;
                self.emit(Op::GetIter);
                self.constant(&Constant::None);
                self.emit(Op::YieldFrom);
            }
            E::Await(value) => {
                self.check_async(e.at, "'await' outside async function")?;
                self.expression(value)?;
                self.at = e.at;
                self.emit(Op::Await);
            }
            E::Joined(pieces) => self.joined(pieces)?,
            E::Named { name, value } => {
                self.expression(value)?;
                self.emit(Op::Copy(1));
                self.store(name);
            }
        }
        Ok(())
    }

    /// An attribute of a module must be there. A local name is none.
    pub(crate) fn check_attribute(
        &mut self,
        e: &Expression,
        object: &Expression,
        name: &Name,
    ) -> Result<()> {
        let mut first = object;
        while let ExpressionKind::Attribute { object, .. } = &first.kind {
            first = object;
        }
        match &first.kind {
            ExpressionKind::Name(module) if self.is_global(module) => {
                if self.library.is_some() {
                    return Ok(());
                }
                if let Some(module) = modules::module_of(object, &self.modules) {
                    self.note_processes(&module, name);
                }
                modules::check_attribute(e.at, object, name, &self.modules)
            }
            _ => modules::check_attribute(e.at, e, name, &self.modules),
        }
    }

    fn check_yield(&mut self, e: &Expression) -> Result<()> {
        match self.unit().code.kind {
            CodeKind::Module | CodeKind::Class => {
                Err(Refusal::syntax(e.at, "'yield' outside function"))
            }
            _ => Ok(()),
        }
    }

    /// Items by their number; with a star among them, as a list that grows.
    fn items(
        &mut self,
        items: &'a [Expression],
        build: fn(u32) -> Op,
        convert: Option<Op>,
    ) -> Result<()> {
        let at = self.at;
        if items.iter().any(|item| matches!(item.kind, ExpressionKind::Starred(_))) {
            self.spread(items)?;
            self.at = at;
            convert.map(|op| self.emit(op));
            return Ok(());
        }
        items.iter().try_for_each(|item| self.expression(item))?;
        self.at = at;
        self.emit(build(number(items.len())));
        Ok(())
    }

    fn dict(&mut self, items: &'a [(Option<Expression>, Expression)]) -> Result<()> {
        let at = self.at;
        let plain = items.iter().all(|(key, _)| key.is_some());
        if !plain {
            self.emit(Op::BuildDict(0));
        }
        for (key, value) in items {
            key.iter().try_for_each(|key| self.expression(key))?;
            self.expression(value)?;
            self.at = at;
            match key {
                _ if plain => {}
                Some(_) => drop(self.emit(Op::DictAdd(0))),
                None => drop(self.emit(Op::DictUpdate { call: false })),
            }
        }
        if plain {
            self.emit(Op::BuildDict(number(items.len())));
        }
        Ok(())
    }

    fn either(&mut self, list: &'a [Expression], is_or: bool) -> Result<()> {
        let Some((last, first)) = list.split_last() else { return Ok(()) };
        let mut decided = Vec::new();
        for e in first {
            let operand = match &e.kind {
                // What decides this operand only goes on with the next one, as a jump that pops.
                ExpressionKind::And(inner) if is_or => inner,
                ExpressionKind::Or(inner) if !is_or => inner,
                _ => std::slice::from_ref(e),
            };
            let Some((e, before)) = operand.split_last() else { continue };
            let mut next = Vec::new();
            for e in before {
                next.extend(self.jump_if(e, !is_or)?);
            }
            self.expression(e)?;
            let op = if is_or { Op::JumpIfTrueOrPop(0) } else { Op::JumpIfFalseOrPop(0) };
            decided.push(self.emit(op));
            next.into_iter().for_each(|jump| self.land(jump));
        }
        self.expression(last)?;
        decided.into_iter().for_each(|jump| self.land(jump));
        Ok(())
    }

    fn comparison(
        &mut self,
        e: &Expression,
        left: &'a Expression,
        rest: &'a [(Comparison, Expression)],
    ) -> Result<()> {
        self.expression(left)?;
        let Some(((operator, right), first)) = rest.split_last() else { return Ok(()) };
        let mut decided = Vec::new();
        for (operator, middle) in first {
            self.expression(middle)?;
            self.at = e.at;
            self.emit(Op::Copy(1));
            self.emit(Op::Swap(3));
            self.emit(Op::Swap(2));
            self.emit(Op::Compare(*operator));
            decided.push(self.emit(Op::JumpIfFalseOrPop(0)));
        }
        self.expression(right)?;
        self.at = e.at;
        self.emit(Op::Compare(*operator));
        if !decided.is_empty() {
            let end = self.emit(Op::Jump(0));
            decided.into_iter().for_each(|jump| self.land(jump));
            self.emit(Op::Swap(2));
            self.emit(Op::Pop);
            self.land(end);
        }
        Ok(())
    }

    fn joined(&mut self, pieces: &'a [Piece]) -> Result<()> {
        let at = self.at;
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.constant(&Constant::Str(text.clone())),
                Piece::Value { value, conversion, format } => {
                    self.expression(value)?;
                    self.joined(format)?;
                    self.at = at;
                    self.emit(Op::Format(*conversion));
                }
            }
        }
        self.emit(Op::BuildString(number(pieces.len())));
        Ok(())
    }

    fn comprehension(&mut self, made: &'a Comprehension) -> Result<()> {
        let at = self.at;
        let Some(first) = made.clauses.first() else { return Ok(()) };
        self.emit(Op::BuildTuple(0));
        self.emit(Op::BuildDict(0));
        self.closures(made.scope);
        let name = match made.kind {
            ComprehensionKind::List => "<listcomp>",
            ComprehensionKind::Set => "<setcomp>",
            ComprehensionKind::Dict => "<dictcomp>",
            ComprehensionKind::Generator => "<genexpr>",
        };
        let kind = match made.kind {
            ComprehensionKind::Generator => CodeKind::Function,
            _ => CodeKind::Comprehension,
        };
        self.enter(made.scope, name, kind);
        self.unit().code.positional = 1;
        match made.kind {
            ComprehensionKind::List => drop(self.emit(Op::BuildList(0))),
            ComprehensionKind::Set => drop(self.emit(Op::BuildSet(0))),
            ComprehensionKind::Dict => drop(self.emit(Op::BuildDict(0))),
            ComprehensionKind::Generator => {}
        }
        self.emit(Op::LoadFast(0));
        self.clauses(made, &made.clauses, 1)?;
        if made.kind == ComprehensionKind::Generator {
            self.constant(&Constant::None);
        }
        self.at = at;
        self.emit(Op::Return);
        let code = self.finish();
        self.at = at;
        self.emit(Op::MakeFunction(code));
        self.expression(&first.iterable)?;
        self.at = at;
        self.emit(if first.is_async { Op::GetAsyncIter } else { Op::GetIter });
        self.emit(Op::Call(1));
        self.await_comprehension(made, at)
    }

    /// The loops; the iterable of the first is on the stack. `depth` counts the iterators from 1.
    fn clauses(
        &mut self,
        made: &'a Comprehension,
        clauses: &'a [Clause],
        depth: u32,
    ) -> Result<()> {
        let Some((clause, rest)) = clauses.split_first() else { return self.element(made, depth) };
        self.at = clause.target.at;
        if depth > 1 {
            self.expression(&clause.iterable)?;
            self.emit(if clause.is_async { Op::GetAsyncIter } else { Op::GetIter });
        }
        let start = self.here();
        let exhausted = match clause.is_async {
            true => self.async_next(),
            false => self.emit(Op::ForIter(0)),
        };
        self.assign(&clause.target)?;
        let mut skips = Vec::new();
        for condition in &clause.conditions {
            skips.extend(self.jump_if(condition, false)?);
        }
        self.clauses(made, rest, depth + 1)?;
        skips.into_iter().for_each(|jump| self.land(jump));
        self.emit(Op::JumpBack(number(start)));
        match clause.is_async {
            true => self.end_async_for(start, exhausted, depth + 1),
            false => self.land(exhausted),
        }
        Ok(())
    }

    fn element(&mut self, made: &'a Comprehension, depth: u32) -> Result<()> {
        let depth = depth - 1;
        self.expression(&made.element)?;
        if let Some(value) = &made.value {
            self.expression(value)?;
        }
        match made.kind {
            ComprehensionKind::List => drop(self.emit(Op::ListAppend(depth))),
            ComprehensionKind::Set => drop(self.emit(Op::SetAdd(depth))),
            ComprehensionKind::Dict => drop(self.emit(Op::DictAdd(depth))),
            ComprehensionKind::Generator => {
                self.emit(Op::Yield);
                self.emit(Op::Resume);
                self.emit(Op::Pop);
            }
        }
        Ok(())
    }
}
