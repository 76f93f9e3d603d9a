//! What of Python's library there is: the built-in names, the modules, and what is in each.
//!
//! *Promises*: a name of Python that is not here is refused with its place, before anything runs.
//! *Leaves out*: what each does (`library`).

use crate::python::code::catalogue::{INSTEAD, MODULES};
use crate::python::front::position::Position;
use crate::python::front::refusal::Refusal;
use crate::python::front::tree::{Expression, ExpressionKind, Name, Statement, StatementKind};
use std::collections::HashMap;

/// The built-in functions and types.
pub const BUILTINS: &[&str] = &[
    "abs",
    "all",
    "any",
    "bool",
    "bytes",
    "callable",
    "chr",
    "dict",
    "divmod",
    "enumerate",
    "filter",
    "float",
    "format",
    "getattr",
    "hasattr",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "map",
    "max",
    "min",
    "next",
    "object",
    "ord",
    "pow",
    "print",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "sorted",
    "str",
    "sum",
    "tuple",
    "type",
    "zip",
];

/// The built-in exceptions: each with the index of its base.
pub const EXCEPTIONS: &[(&str, usize)] = &[
    ("BaseException", 0),
    ("Exception", 0),
    ("ArithmeticError", 1),
    ("ZeroDivisionError", 2),
    ("OverflowError", 2),
    ("AssertionError", 1),
    ("AttributeError", 1),
    ("LookupError", 1),
    ("IndexError", 7),
    ("KeyError", 7),
    ("MemoryError", 1),
    ("NameError", 1),
    ("UnboundLocalError", 11),
    ("RuntimeError", 1),
    ("NotImplementedError", 13),
    ("RecursionError", 13),
    ("StopIteration", 1),
    ("TypeError", 1),
    ("ValueError", 1),
    ("OSError", 1),
    ("TimeoutError", 19),
    ("KeyboardInterrupt", 0),
    ("SystemExit", 0),
    ("GeneratorExit", 0),
    ("Empty", 1),
    ("Full", 1),
    ("BrokenBarrierError", 13),
    ("IOError", 19),
    ("EOFError", 1),
    ("StopAsyncIteration", 1),
    ("ExceptionGroup", 1),
    ("ConnectionError", 19),
    ("ConnectionResetError", 31),
    ("ConnectionRefusedError", 31),
    ("BrokenPipeError", 31),
    ("PicklingError", 1),
];

/// Names that Python has as built-ins and the subset has not, with what to write instead.
const REFUSED: &[(&str, &str)] = &[
    ("__import__", "write `import`"),
    ("__name__", "leave it out"),
    ("aiter", "write `async for`"),
    ("anext", "write `async for`"),
    ("ascii", "call `repr`"),
    ("bin", "write an f-string: {n:b}"),
    ("breakpoint", "leave it out"),
    ("bytearray", "use bytes"),
    ("classmethod", "write a function"),
    ("compile", "write the code itself"),
    ("complex", "use two floats"),
    ("delattr", "write `del`"),
    ("dir", "leave it out"),
    ("eval", "write the expression itself"),
    ("exec", "write the statements themselves"),
    ("exit", "return from the function"),
    ("frozenset", "use a set or a tuple"),
    ("globals", "use a dict"),
    ("hash", "leave it out"),
    ("help", "leave it out"),
    ("hex", "write an f-string: {n:x}"),
    ("locals", "use a dict"),
    ("memoryview", "use a list"),
    ("oct", "write an f-string: {n:o}"),
    ("open", "write the data itself; a program has no files"),
    ("property", "write a method"),
    ("quit", "return from the function"),
    ("slice", "write `a[i:j]`"),
    ("staticmethod", "write a function"),
    ("vars", "use a dict"),
    ("NotImplemented", "raise TypeError"),
    ("Ellipsis", "write None"),
];

/// Names that only a real run has, with what to write in a program that is to be explored.
pub const REAL_ONLY: &[(&str, &str)] = &[("input", "write the value itself")];

/// The methods with a meaning of their own that a class can have.
const METHODS: &[&str] = &[
    "__init__",
    "__repr__",
    "__str__",
    "__eq__",
    "__ne__",
    "__lt__",
    "__le__",
    "__gt__",
    "__ge__",
    "__add__",
    "__sub__",
    "__mul__",
    "__truediv__",
    "__floordiv__",
    "__mod__",
    "__pow__",
    "__lshift__",
    "__rshift__",
    "__and__",
    "__or__",
    "__xor__",
    "__radd__",
    "__rsub__",
    "__rmul__",
    "__rtruediv__",
    "__rfloordiv__",
    "__rmod__",
    "__rpow__",
    "__rlshift__",
    "__rrshift__",
    "__rand__",
    "__ror__",
    "__rxor__",
    "__iadd__",
    "__isub__",
    "__imul__",
    "__itruediv__",
    "__ifloordiv__",
    "__imod__",
    "__ipow__",
    "__iand__",
    "__ior__",
    "__ixor__",
    "__neg__",
    "__pos__",
    "__invert__",
    "__len__",
    "__bool__",
    "__getitem__",
    "__setitem__",
    "__delitem__",
    "__contains__",
    "__iter__",
    "__next__",
    "__call__",
    "__enter__",
    "__exit__",
    "__aenter__",
    "__aexit__",
    "__aiter__",
    "__anext__",
];

/// A name that the body of a class binds.
///
/// # Errors
/// [`Refusal`] if Python gives it a meaning that it has not here.
pub(crate) fn check_class_body(body: &[Statement]) -> Result<(), Refusal> {
    for statement in body {
        let names: Vec<&Name> = match &statement.kind {
            StatementKind::Function(function) => vec![&function.name],
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
            StatementKind::Function(function) => check_imports(&function.body, modules)?,
            StatementKind::Class { body, .. } | StatementKind::With { body, .. } => {
                check_imports(body, modules)?;
            }
            StatementKind::If { body, orelse, .. }
            | StatementKind::While { body, orelse, .. }
            | StatementKind::For { body, orelse, .. } => {
                check_imports(body, modules)?;
                check_imports(orelse, modules)?;
            }
            StatementKind::Try { body, handlers, orelse, finally } => {
                for block in [body, orelse, finally] {
                    check_imports(block, modules)?;
                }
                handlers.iter().try_for_each(|h| check_imports(&h.body, modules))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_module(at: Position, module: &str) -> Result<(), Refusal> {
    if members(module).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = MODULES.iter().map(|(name, _)| *name).collect();
    let instead = format!("there are {}", names.join(", "));
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
