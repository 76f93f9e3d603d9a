//! Which names of Python's library a program may use.
//!
//! *Promises*: a name of Python that is not here is refused with its place, before anything runs.
//! *Leaves out*: what each does (`library`).

use crate::python::code::catalogue::INSTEAD;
pub use crate::python::code::catalogue::MODULES;
pub use crate::python::code::names::{BUILTINS, EXCEPTIONS, REAL_ONLY};
use crate::python::code::names::{
    METHODS, PARTLY_NATIVE, REFUSED, REFUSED_ATTRIBUTES, REFUSED_MODULES,
};
use crate::python::front::position::Position;
use crate::python::front::refusal::Refusal;
use crate::python::front::tree::{Expression, ExpressionKind, Name, Statement, StatementKind};
use std::collections::HashMap;

/// Whether only a part of a module is Python here.
pub(crate) fn is_partly_native(module: &str) -> bool {
    PARTLY_NATIVE.contains(&module)
}

/// The blocks in a statement.
fn blocks(kind: &StatementKind) -> Vec<&[Statement]> {
    match kind {
        StatementKind::Function(function) => vec![&function.body],
        StatementKind::Class { body, .. } | StatementKind::With { body, .. } => vec![body],
        StatementKind::Decorated { definition, .. } => vec![std::slice::from_ref(definition)],
        StatementKind::If { body, orelse, .. }
        | StatementKind::While { body, orelse, .. }
        | StatementKind::For { body, orelse, .. } => vec![body, orelse],
        StatementKind::Try { body, handlers, orelse, finally } => {
            let handlers = handlers.iter().map(|handler| &handler.body[..]);
            [&body[..], orelse, finally].into_iter().chain(handlers).collect()
        }
        _ => Vec::new(),
    }
}

/// A name that the body of a class binds.
///
/// # Errors
/// [`Refusal`] if Python gives it a meaning that it has not here.
pub(crate) fn check_class_body(body: &[Statement]) -> Result<(), Refusal> {
    for statement in body {
        let names: Vec<&Name> = match &statement.kind {
            StatementKind::Function(function) => vec![&function.name],
            StatementKind::Decorated { definition, .. } => {
                check_class_body(std::slice::from_ref(definition))?;
                Vec::new()
            }
            StatementKind::Assign { targets, .. } => targets
                .iter()
                .filter_map(|target| match &target.kind {
                    ExpressionKind::Name(name) => Some(name),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        for name in names {
            let special = name.starts_with("__") && name.ends_with("__") && name.len() > 4;
            if special && !METHODS.contains(&&**name) && &**name != "__doc__" {
                let instead = "write a method with a name of its own";
                return Err(Refusal::subset(statement.at, format!("`{name}`"), instead));
            }
        }
    }
    Ok(())
}

fn members(module: &str) -> Option<&'static [&'static str]> {
    MODULES.iter().find(|(name, _)| *name == module).map(|(_, members)| *members)
}

/// Whether a name is a built-in.
pub fn is_builtin(name: &str) -> bool {
    BUILTINS.contains(&name) || EXCEPTIONS.iter().any(|(other, _)| *other == name)
}

/// A name that the program does not bind.
///
/// # Errors
/// [`Refusal`] if Python has it and the subset has not.
pub(crate) fn check_builtin(at: Position, name: &str) -> Result<(), Refusal> {
    match REFUSED.iter().find(|(other, _)| *other == name) {
        Some((_, _)) if name == "__name__" => Ok(()),
        Some((name, instead)) => Err(Refusal::subset(at, format!("`{name}`"), instead)),
        None => Ok(()),
    }
}

/// Notes which names are modules, and checks all imports.
///
/// # Errors
/// [`Refusal`] if there is no such module, or no such name in it.
pub(crate) fn check_imports(
    body: &[Statement],
    modules: &mut HashMap<Name, Name>,
) -> Result<(), Refusal> {
    for statement in body {
        match &statement.kind {
            StatementKind::Import(names) => {
                for (at, module, bind) in names {
                    check_module(*at, module)?;
                    modules.insert(bind.clone(), module.clone());
                }
            }
            StatementKind::ImportFrom { module, names } => {
                check_module(statement.at, module)?;
                for (name, bind) in names {
                    check_member(statement.at, module, name)?;
                    let inner = format!("{module}.{name}");
                    if members(&inner).is_some() {
                        modules.insert(bind.clone(), Name::from(inner));
                    }
                }
            }
            // A name that is bound anew is no module any more.
            StatementKind::Assign { targets, .. } => {
                for target in targets {
                    if let ExpressionKind::Name(name) = &target.kind {
                        modules.insert(name.clone(), Name::from(""));
                    }
                }
            }
            other => {
                for block in blocks(other) {
                    check_imports(block, modules)?;
                }
            }
        }
    }
    Ok(())
}

fn check_module(at: Position, module: &str) -> Result<(), Refusal> {
    if members(module).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = MODULES.iter().map(|(name, _)| *name).collect();
    let instead = match REFUSED_MODULES.iter().find(|(name, _)| *name == module) {
        Some((_, instead)) => (*instead).to_owned(),
        None => format!("there are {}", names.join(", ")),
    };
    Err(Refusal::subset(at, format!("the module `{module}`"), instead))
}

fn check_member(at: Position, module: &str, name: &str) -> Result<(), Refusal> {
    match members(module) {
        Some(members) if !members.contains(&name) => {
            let known =
                INSTEAD.iter().find(|(of, names, _)| *of == module && names.contains(&name));
            let instead = match known {
                Some((.., instead)) => (*instead).to_owned(),
                None => format!("there are {}", members.join(", ")),
            };
            Err(Refusal::subset(at, format!("`{module}.{name}`"), instead))
        }
        _ => Ok(()),
    }
}

/// `object.name`, where the object is a module by its name.
///
/// # Errors
/// [`Refusal`] if the module has no such name.
pub(crate) fn check_attribute(
    at: Position,
    object: &Expression,
    name: &str,
    modules: &HashMap<Name, Name>,
) -> Result<(), Refusal> {
    if let Some((name, instead)) = REFUSED_ATTRIBUTES.iter().find(|(other, _)| *other == name) {
        return Err(Refusal::subset(at, format!("`{name}`"), instead));
    }
    match module_of(object, modules) {
        Some(module) => check_member(at, &module, name),
        None => Ok(()),
    }
}

/// The module that an expression is by its name: `queue`, or `concurrent.futures`.
pub(crate) fn module_of(object: &Expression, modules: &HashMap<Name, Name>) -> Option<Name> {
    match &object.kind {
        ExpressionKind::Name(name) => modules.get(name).cloned(),
        ExpressionKind::Attribute { object, name } => {
            let inner = format!("{}.{name}", module_of(object, modules)?);
            members(&inner).map(|_| Name::from(inner))
        }
        _ => None,
    }
}

/// A base class. Of those that are built in, only `object`, `Thread` and exceptions can be one.
///
/// # Errors
/// [`Refusal`] if it is another.
pub(crate) fn check_base(base: &Expression, modules: &HashMap<Name, Name>) -> Result<(), Refusal> {
    let name = match &base.kind {
        ExpressionKind::Name(name) => name,
        ExpressionKind::Attribute { object, name } => {
            return match &object.kind {
                ExpressionKind::Name(object) if modules.contains_key(object) && !is_base(name) => {
                    refuse_base(base.at, name)
                }
                _ => Ok(()),
            };
        }
        _ => return Ok(()),
    };
    match BUILTINS.contains(&&**name) && !is_base(name) {
        true => refuse_base(base.at, name),
        false => Ok(()),
    }
}

fn is_base(name: &str) -> bool {
    ["object", "Thread", "Executor", "Future", "Process"].contains(&name)
        || EXCEPTIONS.iter().any(|(other, _)| *other == name)
}

fn refuse_base(at: Position, name: &str) -> Result<(), Refusal> {
    let instead = "keep the value in an attribute";
    Err(Refusal::subset(at, format!("a class derived from `{name}`"), instead))
}
