//! Expressions as instructions.
//!
//! *Promises*: operands come from left to right, as in CPython; a call's function comes before its
//! arguments.
//! *Leaves out*: what a call does.

use crate::python::code::compiler::{Block, Compiler, Result, number};
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
            E::List(items) => self.items(items, Op::BuildList)?,
            E::Tuple(items) => self.items(items, Op::BuildTuple)?,
            E::Set(items) => self.items(items, Op::BuildSet)?,
            E::Dict(items) => {
                for (key, value) in items {
                    self.expression(key)?;
                    self.expression(value)?;
                }
                self.emit(Op::BuildDict(number(items.len())));
            }
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
                if self.unit().code.kind == CodeKind::Module {
                    return Err(Refusal::syntax(e.at, "'yield' outside function"));
                }
                let leaves = |block: &Block<'_>| {
                    matches!(block, Block::With(_) | Block::Finally(_) | Block::Unwinding)
                };
                if self.unit().blocks.iter().any(leaves) {
                    // CPython runs what is to be done at the end when nobody needs the generator.
                    let what = "a `yield` in `with` or `try … finally`";
                    return Err(Refusal::subset(e.at, what, "yield outside of it"));
                }
                match value {
                    Some(value) => self.expression(value)?,
                    None => self.constant(&Constant::None),
                }
                self.at = e.at;
                self.emit(Op::Yield);
                self.emit(Op::Resume);
            }
            E::Await(value) => {
                self.check_async(e.at, "'await' outside async function")?;
                self.expression(value)?;
                self.at = e.at;
                self.emit(Op::Await);
            }
            E::Spread(_) => return Err(Refusal::syntax(e.at, "a star outside of a call")),
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
    fn check_attribute(&mut self, e: &Expression, object: &Expression, name: &Name) -> Result<()> {
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
            _ => Ok(()),
        }
    }

    fn items(&mut self, items: &'a [Expression], build: fn(u32) -> Op) -> Result<()> {
        let at = self.at;
        items.iter().try_for_each(|item| self.expression(item))?;
        self.at = at;
        self.emit(build(number(items.len())));
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

    fn call(
        &mut self,
        e: &Expression,
        function: &'a Expression,
        arguments: &'a [Expression],
        keywords: &'a [(Name, Expression)],
    ) -> Result<()> {
        let method = match &function.kind {
            ExpressionKind::Attribute { object, name } => {
                self.check_attribute(function, object, name)?;
                self.method(object, name)?;
                true
            }
            ExpressionKind::Name(name) if &**name == "super" => {
                let instead = "write `super().method(…)`";
                return Err(Refusal::subset(e.at, "this `super`", instead));
            }
            _ => {
                self.expression(function)?;
                false
            }
        };
        let is_spread = |e: &Expression| matches!(e.kind, ExpressionKind::Spread(_));
        let spread = arguments.iter().any(is_spread);
        match spread {
            true => self.spread(arguments)?,
            false => arguments.iter().try_for_each(|argument| self.expression(argument))?,
        }
        keywords.iter().try_for_each(|(_, argument)| self.expression(argument))?;
        self.at = e.at;
        let by_position = if spread { 0 } else { arguments.len() };
        let count = number(by_position + keywords.len());
        if !keywords.is_empty() {
            let names = keywords.iter().map(|(name, _)| name.clone()).collect();
            self.program.keywords.push(names);
            let names = self.program.keywords.len() - 1;
            self.constant(&Constant::Int(i64::from(number(names))));
        }
        self.emit(match (method, keywords.is_empty()) {
            _ if spread => Op::CallSpread(count, method),
            (true, true) => Op::CallMethod(count),
            (true, false) => Op::CallMethodKeywords(count),
            (false, true) => Op::Call(count),
            (false, false) => Op::CallKeywords(count),
        });
        Ok(())
    }

    /// Pushes a function and its receiver, for a call of `object.name`.
    fn method(&mut self, object: &'a Expression, name: &Name) -> Result<()> {
        let number = self.name(name);
        if let ExpressionKind::Call { function, arguments, .. } = &object.kind
            && let ExpressionKind::Name(callee) = &function.kind
            && &**callee == "super"
            && arguments.is_empty()
        {
            let first = self.unit().code.locals.first().cloned();
            let Some(first) = first.filter(|_| self.unit().code.positional > 0) else {
                return Err(Refusal::subset(object.at, "`super()` here", "call it in a method"));
            };
            self.load(&Name::from("__class__"))?;
            self.load(&first)?;
            self.emit(Op::LoadSuper(number));
            return Ok(());
        }
        self.expression(object)?;
        self.emit(Op::LoadMethod(number));
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
