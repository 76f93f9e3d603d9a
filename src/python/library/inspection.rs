//! Functions about objects: what they are, which attributes they have, their hash.
//!
//! *Promises*: what may run Python code does it as a call; an object without a hash in Python is
//! hashed by its number, which like an address says nothing.
//! *Leaves out*: `dir`, `vars` and their kin.

use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::numbers::{hash_of_float, hash_of_int};
use crate::python::machine::terms::{Arguments, Done, R, Raise, value};
use crate::python::machine::text::escaped;
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{Attributes, Instance, Object};
use std::hash::{Hash, Hasher};

/// The rows of this file. What is named `prelude` is for Python code of the library only.
pub const ROWS: &[Row] = &[
    Row::c("ascii", None, ascii),
    Row::c("bin", None, |m, a| radix(m, a, "#b")),
    Row::c("hex", None, |m, a| radix(m, a, "#x")),
    Row::c("oct", None, |m, a| radix(m, a, "#o")),
    Row::c("delattr", None, delattr),
    Row::c("hash", None, hash),
    Row::c("property.__init__", None, |m, a| wrap(m, a, &["fget", "fset", "fdel", "doc"])),
    Row::c("staticmethod.__init__", None, |m, a| wrap(m, a, &["function"])),
    Row::c("classmethod.__init__", None, |m, a| wrap(m, a, &["function"])),
    Row::c("property.setter", None, |m, a| with_part(m, a, 1)),
    Row::c("property.getter", None, |m, a| with_part(m, a, 0)),
    Row::c("property.deleter", None, |m, a| with_part(m, a, 2)),
    Row::c("object.__new__", None, bare),
    Row::c("object.__init_subclass__", None, |_, _| value(Value::None)),
    Row::c("object.__repr__", None, plain_repr),
    Row::c("object.__str__", None, plain_repr),
    Row::c("object.__setattr__", None, set_plainly),
    Row::c("object.__eq__", None, identical),
    Row::c("object.__hash__", None, number_of),
    Row::c("BaseException.__str__", None, plain_str),
    Row::c("BaseException.__repr__", None, plain_repr),
    Row::c("BaseException.with_traceback", None, |_, a| {
        value(a.values.first().copied().unwrap_or(Value::None))
    }),
    Row::c("prelude._copied", None, copied),
    Row::c("prelude._names_of", None, names_of),
    Row::c("prelude._own_names", None, own_names),
    Row::c("prelude._declared", None, declared),
    Row::c("prelude._write", None, write),
];

fn ascii(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "ascii", 1, ["obj"])?;
    let text = m.plain_repr(x)?;
    value(m.text_value(&escaped(&text)))
}

fn radix(m: &mut Machine, a: &Arguments, spec: &str) -> R<Done> {
    let [x] = m.sorted(a, "bin", 1, ["number"])?;
    let int = m.int_argument(x)?;
    let text = m.formatted(Value::Int(int), spec)?;
    value(m.text_value(&text))
}

fn delattr(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object, name] = m.sorted(a, "delattr", 2, ["obj", "name"])?;
    let name = m.text_argument(name)?;
    let id = m.strings.intern(&name);
    if let Some(done) = m.delete_by_class(object, id, Then::Push)? {
        return Ok(done);
    }
    m.delete_from(object, id)?;
    value(Value::None)
}

fn wrap(m: &mut Machine, a: &Arguments, names: &[&'static str]) -> R<Done> {
    let Some((object, given)) = a.values.split_first() else { return value(Value::None) };
    for (at, name) in names.iter().enumerate() {
        let id = m.strings.intern(name);
        let named = a.named.iter().find(|(other, _)| *other == id).map(|(_, value)| *value);
        let part = given.get(at).copied().or(named).unwrap_or(Value::None);
        m.set_attribute(*object, id, part)?;
    }
    value(Value::None)
}

/// `@name.setter` and its kin: a copy of a property with another function.
fn with_part(m: &mut Machine, a: &Arguments, part: usize) -> R<Done> {
    let [property, function] = m.sorted(a, "setter", 2, ["self", "function"])?;
    let Some(Object::Instance(own)) = property.id().map(|id| m.world.heap.get(id)) else {
        return value(property);
    };
    let Instance { class, attributes } = own.clone();
    let Attributes(mut parts) = attributes;
    if let Some((_, old)) = parts.get_mut(part) {
        *old = function;
    }
    let copy = Instance { class, attributes: Attributes(parts) };
    value(m.add(Object::Instance(copy)))
}

fn bare(m: &mut Machine, a: &Arguments) -> R<Done> {
    match a.values.first().copied() {
        Some(Value::Ref(id)) if matches!(m.world.heap.get(id), Object::Class(_)) => {
            value(m.bare_instance(id, &a.values[1..])?)
        }
        // `object()`.
        _ => {
            let class = m.wrapper_class("object").unwrap_or(Id(0));
            let instance = Instance { class, attributes: Attributes::default() };
            value(m.add(Object::Instance(instance)))
        }
    }
}

fn plain_repr(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "__repr__", 1, ["self"])?;
    let text = m.plain_repr(x)?;
    value(m.text_value(&text))
}

fn plain_str(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "__str__", 1, ["self"])?;
    let text = m.plain_str(x)?;
    value(m.text_value(&text))
}

fn identical(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x, y] = m.sorted(a, "__eq__", 2, ["self", "other"])?;
    value(if x.is(y) {
        Value::Bool(true)
    } else {
        crate::python::machine::overloads::NOT_IMPLEMENTED
    })
}

fn number_of(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "__hash__", 1, ["self"])?;
    let number = x.id().map_or(0, |Id(number)| i64::from(number));
    value(Value::Int(number.wrapping_mul(0x9e37) & 0x7fff_ffff))
}

fn hash(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "hash", 1, ["obj"])?;
    if m.class_of(x).is_some() {
        let (hashable, _) = m.hashing(x);
        match hashable {
            Some(true) => {
                let name = m.strings.intern("__hash__");
                if let Some(method) = m.class_attribute(x, name) {
                    let arguments = Arguments { values: vec![x], named: Vec::new() };
                    return m.call_value(method, arguments, Then::Hash);
                }
            }
            Some(false) => {
                let name = m.type_name(x);
                return m.type_error(format!("unhashable type: '{name}'"));
            }
            None => return number_of(m, a),
        }
    }
    match x {
        Value::Int(_) | Value::Bool(_) => value(Value::Int(hash_of_int(x.as_int().unwrap_or(0)))),
        Value::Float(float) if !float.is_nan() => value(Value::Int(hash_of_float(float))),
        _ => {
            let key = m.key(x).map_err(|raised| match raised {
                Raise::Key(_) => Raise::Python,
                other => other,
            })?;
            let mut hasher = std::hash::DefaultHasher::new();
            key.hash(&mut hasher);
            value(Value::Int((hasher.finish() >> 2).cast_signed()))
        }
    }
}

/// Sets an attribute, whatever the class says to that.
fn set_plainly(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object, name, new] = m.sorted(a, "__setattr__", 3, ["self", "name", "value"])?;
    let name = m.text_argument(name)?;
    let name = m.strings.intern(&name);
    m.set_attribute(object, name, new)?;
    value(Value::None)
}

/// A copy of an object with the same attributes; other values are their own copies.
fn copied(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "copy", 1, ["x"])?;
    match x.id().map(|id| m.world.heap.get(id)) {
        Some(Object::Instance(own)) => {
            let copy = own.clone();
            m.charge(4 + copy.attributes.0.len())?;
            value(m.add(Object::Instance(copy)))
        }
        _ => value(x),
    }
}

fn attribute_names(m: &mut Machine, of: Value) -> R<Done> {
    let names: Vec<Value> = match of.id().map(|id| m.world.heap.get(id)) {
        Some(Object::Instance(own)) => {
            own.attributes.0.iter().map(|(n, _)| Value::Str(*n)).collect()
        }
        Some(Object::Class(own)) => own.attributes.0.iter().map(|(n, _)| Value::Str(*n)).collect(),
        _ => Vec::new(),
    };
    let is_plain = |m: &Machine, name: &Value| match name {
        Value::Str(id) => !m.strings.text(*id).starts_with('<'),
        _ => false,
    };
    let names = names.into_iter().filter(|name| is_plain(m, name)).collect();
    value(m.add(Object::List(names)))
}

fn names_of(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "vars", 1, ["x"])?;
    attribute_names(m, x)
}

fn own_names(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "vars", 1, ["x"])?;
    attribute_names(m, x)
}

fn declared(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "declared", 1, ["class"])?;
    let name = m.strings.intern("<declared>");
    let names = match x.id().map(|id| m.world.heap.get(id)) {
        Some(Object::Class(own)) => own.attributes.get(name),
        _ => None,
    };
    match names {
        Some(names) => value(names),
        None => value(m.add(Object::Tuple(Vec::new()))),
    }
}

/// Writes to stdout, or to stderr.
fn write(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [name, text] = m.sorted(a, "write", 2, ["name", "text"])?;
    let (name, text) = (m.text_argument(name)?, m.text_argument(text)?);
    m.print_text(&text, &*name == "<stderr>")?;
    let count = text.chars().count();
    value(Value::Int(i64::try_from(count).unwrap_or(0)))
}
