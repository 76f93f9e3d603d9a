//! Calls as instructions, with or without stars.
//!
//! *Promises*: a call's function comes before its arguments, and those from left to right.
//! *Leaves out*: what a call does.

use crate::python::code::compiler::{Compiler, Result, number};
use crate::python::code::instruction::Op;
use crate::python::front::refusal::Refusal;
use crate::python::front::tree::{Constant, Expression, ExpressionKind, Name};

impl<'a> Compiler<'a> {
    pub(crate) fn call(
        &mut self,
        e: &Expression,
        function: &'a Expression,
        arguments: &'a [Expression],
        keywords: &'a [(Option<Name>, Expression)],
    ) -> Result<()> {
        let method = match &function.kind {
            ExpressionKind::Attribute { object, name } => {
                self.check_attribute(function, object, name)?;
                self.method(object, name)?;
                true
            }
            ExpressionKind::Name(name) if &**name == "super" && self.is_global(name) => {
                let instead = "write `super().method(…)`";
                return Err(Refusal::subset(e.at, "this `super`", instead));
            }
            _ => {
                self.expression(function)?;
                false
            }
        };
        let starred = |e: &Expression| matches!(e.kind, ExpressionKind::Starred(_));
        if arguments.iter().any(starred) || keywords.iter().any(|(name, _)| name.is_none()) {
            return self.call_spread(e, method, arguments, keywords);
        }
        arguments.iter().try_for_each(|argument| self.expression(argument))?;
        keywords.iter().try_for_each(|(_, argument)| self.expression(argument))?;
        self.at = e.at;
        let count = number(arguments.len() + keywords.len());
        if !keywords.is_empty() {
            let names = keywords.iter().filter_map(|(name, _)| name.clone()).collect();
            self.program.keywords.push(names);
            let names = self.program.keywords.len() - 1;
            self.constant(&Constant::Int(i64::from(number(names))));
        }
        self.emit(match (method, keywords.is_empty()) {
            (true, true) => Op::CallMethod(count),
            (true, false) => Op::CallMethodKeywords(count),
            (false, true) => Op::Call(count),
            (false, false) => Op::CallKeywords(count),
        });
        Ok(())
    }

    /// The arguments of a call with a star: a list and a dict.
    fn call_spread(
        &mut self,
        e: &Expression,
        method: bool,
        arguments: &'a [Expression],
        keywords: &'a [(Option<Name>, Expression)],
    ) -> Result<()> {
        if !method {
            self.emit(Op::PushNull);
        }
        self.spread(arguments)?;
        self.emit(Op::BuildDict(0));
        for (name, value) in keywords {
            if let Some(name) = name {
                self.constant(&Constant::Str(name.clone()));
                self.expression(value)?;
                self.emit(Op::BuildDict(1));
            } else {
                self.expression(value)?;
            }
            self.at = e.at;
            self.emit(Op::DictUpdate { call: true });
        }
        self.at = e.at;
        self.emit(Op::CallSpread);
        Ok(())
    }

    /// Pushes a function and its receiver, for a call of `object.name`.
    fn method(&mut self, object: &'a Expression, name: &Name) -> Result<()> {
        let number = self.name(name);
        if let ExpressionKind::Call { function, arguments, .. } = &object.kind
            && let ExpressionKind::Name(callee) = &function.kind
            && &**callee == "super"
        {
            if let [class, object] = &arguments[..] {
                self.expression(class)?;
                self.expression(object)?;
                self.emit(Op::LoadSuper(number));
                return Ok(());
            }
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

    /// Pushes a list of items, of which some have a star.
    pub(crate) fn spread(&mut self, items: &'a [Expression]) -> Result<()> {
        self.emit(Op::BuildList(0));
        for item in items {
            match &item.kind {
                ExpressionKind::Starred(value) => {
                    self.expression(value)?;
                    self.at = item.at;
                    self.emit(Op::ListExtend);
                }
                _ => {
                    self.expression(item)?;
                    self.emit(Op::ListAppend(0));
                }
            }
        }
        Ok(())
    }
}
