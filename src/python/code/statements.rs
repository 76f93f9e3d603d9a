//! Statements as instructions.
//!
//! *Promises*: an augmented assignment loads its target once, before its value, and stores it
//! last, as CPython's does: what comes between is where an update is lost.
//! *Leaves out*: `try`, `with` and loops (`python/code/blocks.rs`).

use crate::python::code::compiler::{Block, Compiler, Result, number};
use crate::python::code::instruction::Op;
use crate::python::code::modules;
use crate::python::code::program::CodeKind;
use crate::python::front::refusal::Refusal;
use crate::python::front::tree::{
    BinaryOperator, Constant, Expression, ExpressionKind, FunctionTree, Name, Statement,
    StatementKind,
};

impl<'a> Compiler<'a> {
    /// Statements, one after the other.
    pub(crate) fn block(&mut self, body: &'a [Statement]) -> Result<()> {
        body.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &'a Statement) -> Result<()> {
        use StatementKind as S;
        self.at = statement.at;
        match &statement.kind {
            S::Function(function) => {
                self.function(function, CodeKind::Function)?;
                self.store(&function.bound);
            }
            S::Class { bound, .. } => {
                self.class(&statement.kind)?;
                self.store(bound);
            }
            S::Decorated { decorators, definition } => self.decorated(decorators, definition)?,
            S::Return(value) => self.give_back(value.as_ref())?,
            S::Delete(targets) => {
                targets.iter().try_for_each(|target| self.delete_target(target))?
            }
            S::Assign { targets, value } => {
                self.expression(value)?;
                for (number, target) in targets.iter().enumerate() {
                    if number + 1 < targets.len() {
                        self.emit(Op::Copy(1));
                    }
                    self.assign(target)?;
                }
            }
            S::Augmented { target, operator, value } => self.augmented(target, *operator, value)?,
            S::For { target, iterable, body, orelse, is_async: false } => {
                self.for_loop(target, iterable, body, orelse)?;
            }
            S::For { target, iterable, body, orelse, is_async: true } => {
                self.check_async(statement.at, "'async for' outside async function")?;
                self.async_for(target, iterable, body, orelse)?;
            }
            S::While { test, body, orelse } => self.while_loop(test, body, orelse)?,
            S::If { test, body, orelse } => self.conditional(test, body, orelse)?,
            S::With { items, body, is_async } => {
                if *is_async {
                    self.check_async(statement.at, "'async with' outside async function")?;
                }
                self.with(items, body, *is_async)?;
            }
            S::Try { body, handlers, orelse, finally } => {
                self.attempt(body, handlers, orelse, finally)?;
            }
            S::Raise(value) => self.raise(statement, value.as_ref())?,
            S::RaiseFrom(raised, cause) => {
                self.expression(raised)?;
                self.expression(cause)?;
                self.at = statement.at;
                self.emit(Op::RaiseFrom);
            }
            S::Assert { test, message } => self.assertion(test, message.as_ref())?,
            S::Import(names) => {
                for (at, module, bind) in names {
                    self.at = *at;
                    self.import(module, None, bind);
                }
            }
            S::ImportFrom { module, names } => {
                names.iter().for_each(|(name, bind)| self.import(module, Some(name), bind));
            }
            S::Expression(e) => self.effect(e)?,
            S::Break => self.leave_loop(statement, false)?,
            S::Continue => self.leave_loop(statement, true)?,
            S::Pass | S::Global(_) | S::Nonlocal(_) | S::Declared(_) => {}
        }
        Ok(())
    }

    fn import(&mut self, module: &Name, name: Option<&Name>, bind: &Name) {
        self.note_processes(module, name.map_or("", |name| name));
        self.program.imports.push((module.clone(), name.cloned()));
        let index = number(self.program.imports.len() - 1);
        self.emit(Op::Import(index));
        self.store(bind);
    }

    /// An expression whose value is not used.
    fn effect(&mut self, e: &'a Expression) -> Result<()> {
        if matches!(e.kind, ExpressionKind::Constant(_)) {
            return Ok(());
        }
        self.expression(e)?;
        let call = matches!(e.kind, ExpressionKind::Call { .. });
        self.emit(if call { Op::PopResult } else { Op::Pop });
        Ok(())
    }

    /// Pushes a function: its cells, its defaults, then the function itself.
    pub(crate) fn function(&mut self, tree: &'a FunctionTree, kind: CodeKind) -> Result<()> {
        let parameters = &tree.parameters;
        let defaults = || parameters.positional.iter().filter_map(|(_, default)| default.as_ref());
        defaults().try_for_each(|e| self.expression(e))?;
        self.emit(Op::BuildTuple(number(defaults().count())));
        let mut count = 0;
        for (name, default) in &parameters.keyword_only {
            if let Some(default) = default {
                self.constant(&Constant::Str(name.clone()));
                self.expression(default)?;
                count += 1;
            }
        }
        self.emit(Op::BuildDict(count));
        self.closures(tree.scope);
        let at = self.at;
        self.enter(tree.scope, &tree.name, kind);
        self.parameters(parameters);
        self.unit().code.doc = docstring(&tree.body);
        self.block(&tree.body)?;
        self.at = at;
        self.constant(&Constant::None);
        self.emit(Op::Return);
        let code = self.finish();
        self.emit(Op::MakeFunction(code));
        Ok(())
    }

    /// Pushes a tuple of the cells that inner code needs.
    pub(crate) fn closures(&mut self, scope: usize) {
        let free = self.scopes[scope].free.clone();
        free.iter().for_each(|name| self.closure(name));
        self.emit(Op::BuildTuple(number(free.len())));
    }

    fn class(&mut self, kind: &'a StatementKind) -> Result<()> {
        let StatementKind::Class { scope, name, bases, declared, body, .. } = kind else {
            return Ok(());
        };
        let scope = *scope;
        modules::check_class_body(body)?;
        for base in bases {
            modules::check_base(base, &self.modules)?;
            self.expression(base)?;
        }
        self.emit(Op::BuildTuple(number(bases.len())));
        self.closures(scope);
        let at = self.at;
        self.enter(scope, name, CodeKind::Class);
        self.unit().code.declared.clone_from(declared);
        self.unit().code.doc = docstring(body);
        self.block(body)?;
        self.at = at;
        self.constant(&Constant::None);
        self.emit(Op::Return);
        let code = self.finish();
        self.emit(Op::MakeClass(code));
        Ok(())
    }

    /// Decorators are evaluated first, and called last, the innermost first.
    fn decorated(&mut self, decorators: &'a [Expression], definition: &'a Statement) -> Result<()> {
        decorators.iter().try_for_each(|decorator| self.expression(decorator))?;
        self.at = definition.at;
        let name = match &definition.kind {
            StatementKind::Function(function) => {
                self.function(function, CodeKind::Function)?;
                &function.bound
            }
            StatementKind::Class { bound, .. } => {
                self.class(&definition.kind)?;
                bound
            }
            _ => return Ok(()),
        };
        for decorator in decorators.iter().rev() {
            self.at = decorator.at;
            self.emit(Op::Call(1));
        }
        self.store(name);
        Ok(())
    }

    fn conditional(
        &mut self,
        test: &'a Expression,
        body: &'a [Statement],
        orelse: &'a [Statement],
    ) -> Result<()> {
        let to_else = self.jump_if(test, false)?;
        self.block(body)?;
        if orelse.is_empty() {
            to_else.into_iter().for_each(|jump| self.land(jump));
            return Ok(());
        }
        let end = self.emit(Op::Jump(0));
        to_else.into_iter().for_each(|jump| self.land(jump));
        self.block(orelse)?;
        self.land(end);
        Ok(())
    }

    fn assertion(&mut self, test: &'a Expression, message: Option<&'a Expression>) -> Result<()> {
        let fine = self.jump_if(test, true)?;
        if let Some(message) = message {
            self.expression(message)?;
        }
        self.emit(Op::BuildTuple(u32::from(message.is_some())));
        self.emit(Op::AssertionFailed);
        fine.into_iter().for_each(|jump| self.land(jump));
        Ok(())
    }

    fn raise(&mut self, statement: &Statement, value: Option<&'a Expression>) -> Result<()> {
        let Some(value) = value else {
            let handling = self.unit().blocks.iter().rev().find_map(|block| match block {
                Block::Handling(slot) => Some(Some(*slot)),
                Block::Unwinding => Some(None),
                _ => None,
            });
            match handling.flatten() {
                Some(slot) => self.emit(Op::LoadFast(slot)),
                // It may be called by an `except`.
                None => self.emit(Op::LoadHandled),
            };
            self.emit(Op::Reraise);
            return Ok(());
        };
        self.expression(value)?;
        self.at = statement.at;
        self.emit(Op::Raise);
        Ok(())
    }

    fn augmented(
        &mut self,
        target: &'a Expression,
        operator: BinaryOperator,
        value: &'a Expression,
    ) -> Result<()> {
        let at = self.at;
        match &target.kind {
            ExpressionKind::Name(name) => {
                self.load(name)?;
                self.expression(value)?;
                self.at = at;
                self.emit(Op::Inplace(operator));
                self.store(name);
            }
            ExpressionKind::Attribute { object, name } => {
                self.expression(object)?;
                self.emit(Op::Copy(1));
                let name = self.name(name);
                self.emit(Op::LoadAttr(name));
                self.expression(value)?;
                self.at = at;
                self.emit(Op::Inplace(operator));
                self.emit(Op::Swap(2));
                self.emit(Op::StoreAttr(name));
            }
            ExpressionKind::Subscript { object, index } => {
                self.expression(object)?;
                self.expression(index)?;
                self.emit(Op::Copy(2));
                self.emit(Op::Copy(2));
                self.emit(Op::Subscript);
                self.expression(value)?;
                self.at = at;
                self.emit(Op::Inplace(operator));
                self.emit(Op::Swap(3));
                self.emit(Op::Swap(2));
                self.emit(Op::StoreSubscript);
            }
            _ => return Err(Refusal::syntax(target.at, "this cannot be assigned to")),
        }
        Ok(())
    }

    /// Pops a value into a target.
    pub(crate) fn assign(&mut self, target: &'a Expression) -> Result<()> {
        match &target.kind {
            ExpressionKind::Name(name) => self.store(name),
            ExpressionKind::Attribute { object, name } => {
                self.expression(object)?;
                let name = self.name(name);
                self.emit(Op::StoreAttr(name));
            }
            ExpressionKind::Subscript { object, index } => {
                self.expression(object)?;
                self.expression(index)?;
                self.emit(Op::StoreSubscript);
            }
            ExpressionKind::Starred(item) => self.assign(item)?,
            ExpressionKind::Tuple(items) | ExpressionKind::List(items) => {
                let starred = |e: &Expression| matches!(e.kind, ExpressionKind::Starred(_));
                if let Some(second) = items.iter().filter(|e| starred(e)).nth(1) {
                    let why = "multiple starred expressions in assignment";
                    return Err(Refusal::syntax(second.at, why));
                }
                match items.iter().position(starred) {
                    Some(at) => self.emit(Op::UnpackRest(number(at), number(items.len() - at - 1))),
                    None => self.emit(Op::Unpack(number(items.len()))),
                };
                items.iter().try_for_each(|item| self.assign(item))?;
            }
            _ => return Err(Refusal::syntax(target.at, "this cannot be assigned to")),
        }
        Ok(())
    }

    fn delete_target(&mut self, target: &'a Expression) -> Result<()> {
        match &target.kind {
            ExpressionKind::Name(name) => self.delete(name),
            ExpressionKind::Attribute { object, name } => {
                self.expression(object)?;
                let name = self.name(name);
                self.emit(Op::DeleteAttr(name));
            }
            ExpressionKind::Subscript { object, index } => {
                self.expression(object)?;
                self.expression(index)?;
                self.emit(Op::DeleteSubscript);
            }
            ExpressionKind::Tuple(items) | ExpressionKind::List(items) => {
                items.iter().try_for_each(|item| self.delete_target(item))?;
            }
            _ => return Err(Refusal::syntax(target.at, "this cannot be deleted")),
        }
        Ok(())
    }
}

/// The text that a body begins with.
fn docstring(body: &[Statement]) -> Option<Name> {
    match &body.first()?.kind {
        StatementKind::Expression(Expression {
            kind: ExpressionKind::Constant(Constant::Str(text)),
            ..
        }) => Some(text.clone()),
        _ => None,
    }
}
