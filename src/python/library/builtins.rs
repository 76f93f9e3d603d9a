//! The built-in functions.
//!
//! *Promises*: each is one step, as in C, unless it calls Python code.
//! *Leaves out*: constructors of types (`python/library/types.rs`).

use crate::python::front::tree::BinaryOperator;
use crate::python::library::sequences::python;
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::operators::as_float;
use crate::python::machine::terms::{Arguments, Done, Location, Look, R, Raise, value};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::Object;
use crate::python::value::types::Type;
use std::sync::Arc;

/// The most that may be printed.
const LONGEST_OUTPUT: usize = 1 << 20;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::of("abs", Look::C, abs),
    Row::of("callable", Look::C, callable),
    Row::of("chr", Look::C, chr),
    Row::of("divmod", Look::C, divmod),
    Row::of("format", Look::C, format),
    Row::of("getattr", Look::C, getattr),
    Row::of("hasattr", Look::C, hasattr),
    Row::of("id", Look::C, id),
    Row::of("isinstance", Look::Fast, isinstance),
    Row::of("issubclass", Look::C, issubclass),
    Row::of("iter", Look::C, iter),
    Row::of("len", Look::Fast, len),
    Row::of("next", Look::C, next),
    Row::of("ord", Look::C, ord),
    Row::of("pow", Look::C, pow),
    Row::of("print", Look::C, print),
    Row::of("repr", Look::C, repr),
    Row::of("round", Look::C, round),
    Row::of("setattr", Look::C, setattr),
];

fn abs(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "abs", 1, ["x"])?;
    match x {
        Value::Float(float) => value(Value::Float(float.abs())),
        _ if x.as_int().is_none() => {
            if m.class_of(x).is_some() {
                return m.convert(x, &["__abs__"], "bad operand type for abs()");
            }
            let name = m.type_name(x);
            m.type_error(format!("bad operand type for abs(): '{name}'"))
        }
        _ => {
            let int = m.int_argument(x)?;
            value(Value::Int(m.fitting(int.checked_abs())?))
        }
    }
}

fn callable(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "callable", 1, ["obj"])?;
    let name = m.strings.intern("__call__");
    let yes = match x {
        Value::Native(_) | Value::Type(_) => true,
        Value::Ref(id) => match m.world.heap.get(id) {
            Object::Function(_) | Object::Class(_) | Object::Method { .. } => true,
            _ => m.class_attribute(x, name).is_some(),
        },
        _ => false,
    };
    value(Value::Bool(yes))
}

fn chr(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "chr", 1, ["i"])?;
    let int = m.int_argument(x)?;
    match u32::try_from(int).ok().and_then(char::from_u32) {
        Some(c) => value(m.text_value(&c.to_string())),
        None => m.value_error("chr() arg not in range(0x110000)"),
    }
}

fn ord(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "ord", 1, ["c"])?;
    let text = m.text_argument(x)?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => value(Value::Int(i64::from(u32::from(c)))),
        _ => {
            let length = text.chars().count();
            m.type_error(format!("ord() expected a character, but string of length {length} found"))
        }
    }
}

fn divmod(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x, y] = m.sorted(a, "divmod", 2, ["x", "y"])?;
    for (name, object, other) in [("__divmod__", x, y), ("__rdivmod__", y, x)] {
        let name = m.strings.intern(name);
        if let Some(method) = m.class_attribute(object, name) {
            let arguments = Arguments { values: vec![object, other], named: Vec::new() };
            return m.call_value(method, arguments, Then::Push);
        }
    }
    let quotient = m.numbers(BinaryOperator::FloorDivide, x, y)?;
    let rest = m.numbers(BinaryOperator::Modulo, x, y)?;
    match (quotient, rest) {
        (Some(a), Some(b)) => value(m.add(Object::Tuple(vec![a, b]))),
        _ => {
            let (a, b) = (m.type_name(x), m.type_name(y));
            m.type_error(format!("unsupported operand type(s) for divmod(): '{a}' and '{b}'"))
        }
    }
}

fn pow(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x, y, modulo] = m.sorted(a, "pow", 2, ["base", "exp", "mod"])?;
    if let (Some(base), Some(exponent), Some(modulo)) = (x.as_int(), y.as_int(), modulo.as_int()) {
        if modulo == 0 {
            return m.value_error("pow() 3rd argument cannot be 0");
        }
        return match modular_power(base, exponent, modulo) {
            Some(result) => value(Value::Int(result)),
            None => m.value_error("base is not invertible for the given modulus"),
        };
    }
    let operator = BinaryOperator::Power;
    if let Some(done) = m.binary_method(operator, false, x, y, 0)? {
        return Ok(done);
    }
    match m.numbers(operator, x, y)? {
        Some(result) => value(result),
        None => m.unsupported(operator, false, x, y),
    }
}

/// A power modulo a number; with a negative exponent, of what is 1 when multiplied by the base.
fn modular_power(base: i64, exponent: i64, modulo: i64) -> Option<i64> {
    let size = i128::from(modulo).abs();
    let mut base = i128::from(base).rem_euclid(size);
    if exponent < 0 {
        let (mut a, mut b, mut inverse, mut next) = (base, size, 1, 0);
        while b != 0 {
            let quotient = a / b;
            (a, b) = (b, a % b);
            (inverse, next) = (next, inverse - quotient * next);
        }
        if a != 1 {
            return None;
        }
        base = inverse.rem_euclid(size);
    }
    let (mut exponent, mut result) = (exponent.unsigned_abs(), 1 % size);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * base % size;
        }
        base = base * base % size;
        exponent >>= 1;
    }
    let result = if modulo < 0 && result > 0 { result + i128::from(modulo) } else { result };
    i64::try_from(result).ok()
}

fn format(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x, spec] = m.sorted(a, "format", 1, ["value", "format_spec"])?;
    let spec = match spec {
        Value::Unset => Arc::from(""),
        spec => m.text_argument(spec)?,
    };
    if let Some(done) = m.format_method(x, &spec)? {
        return Ok(done);
    }
    if spec.is_empty() {
        return m.str_of(x);
    }
    let text = m.formatted(x, &spec)?;
    value(m.text_value(&text))
}

fn getattr(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object, name, default] = m.sorted(a, "getattr", 2, ["object", "name", "default"])?;
    let name = m.text_argument(name)?;
    let id = m.strings.intern(&name);
    if default != Value::Unset && m.attribute_runs_python(object, id)? {
        return python(m, "_getattr", vec![object, Value::Str(id), default]);
    }
    match m.attribute_to(object, id, Then::Push)? {
        Some(done) => Ok(done),
        None if default != Value::Unset => value(default),
        None => m.no_attribute(object, id),
    }
}

fn hasattr(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object, name] = m.sorted(a, "hasattr", 2, ["object", "name"])?;
    let name = m.text_argument(name)?;
    let id = m.strings.intern(&name);
    if m.attribute_runs_python(object, id)? {
        return python(m, "_hasattr", vec![object, Value::Str(id)]);
    }
    let found = m.attribute(object, id)?.is_some();
    value(Value::Bool(found))
}

fn setattr(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object, name, new] = m.sorted(a, "setattr", 3, ["object", "name", "value"])?;
    let name = m.text_argument(name)?;
    let id = m.strings.intern(&name);
    if m.class_of(object).is_some() && !name.starts_with('<') {
        let depth = m.current.frames.len();
        if m.set_by_class(object, id, new, Then::Push)? {
            let entered = m.current.frames.len() > depth;
            return Ok(if entered { Done::Entered } else { Done::Value(Value::None) });
        }
    }
    m.set_attribute(object, id, new)?;
    value(Value::None)
}

/// An int to tens, hundreds and so on; a half goes to the even one.
fn rounded(int: i64, digits: i64) -> i64 {
    let Some(unit) = u32::try_from(-digits).ok().and_then(|by| 10_i128.checked_pow(by)) else {
        return if digits < 0 { 0 } else { int };
    };
    let (quotient, rest) = (i128::from(int).div_euclid(unit), i128::from(int).rem_euclid(unit));
    let up = 2 * rest > unit || (2 * rest == unit && quotient % 2 != 0);
    i64::try_from((quotient + i128::from(up)) * unit).unwrap_or(int)
}

fn id(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "id", 1, ["obj"])?;
    let number = match x {
        Value::Ref(Id(number)) => i64::from(number),
        Value::Int(int) => int,
        _ => 0,
    };
    value(Value::Int(0x1000_0000_i64.wrapping_add(number.wrapping_mul(16))))
}

fn isinstance(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object, class] = m.sorted(a, "isinstance", 2, ["obj", "class_or_tuple"])?;
    let found = is_instance(m, object, class, 0)?;
    value(Value::Bool(found))
}

fn is_instance(m: &mut Machine, object: Value, class: Value, depth: usize) -> R<bool> {
    if depth > 100 {
        return Err(m.error("RecursionError", "maximum recursion depth exceeded"));
    }
    match class {
        Value::Type(Type::Object) => return Ok(true),
        Value::Type(Type::Tuple) if m.named_values(object).is_some() => return Ok(true),
        Value::Type(t) if m.iterator_type(object) == Some(t) => return Ok(true),
        Value::Type(t) => {
            return Ok(m.class_of(object).is_none() && m.type_of(object).is_subtype(t));
        }
        Value::Ref(id) => match m.world.heap.get(id) {
            Object::Class(_) => {
                return Ok(m.class_of(object).is_some_and(|own| m.is_subclass(own, id)));
            }
            Object::Tuple(items) => {
                for class in items.clone() {
                    if is_instance(m, object, class, depth + 1)? {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
            _ => {}
        },
        _ => {}
    }
    m.type_error("isinstance() arg 2 must be a type, a tuple of types, or a union")
}

fn issubclass(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [class, of] = m.sorted(a, "issubclass", 2, ["cls", "class_or_tuple"])?;
    let wanted = match of.id().map(|id| m.world.heap.get(id)) {
        Some(Object::Tuple(items)) => items.clone(),
        _ => vec![of],
    };
    let derived = |m: &Machine, of: Value| match (class, of) {
        (Value::Type(a), Value::Type(b)) => a.is_subtype(b),
        (Value::Ref(_), Value::Type(t)) => t == Type::Object,
        (Value::Ref(a), Value::Ref(b)) => m.is_subclass(a, b),
        _ => false,
    };
    let yes = wanted.into_iter().any(|of| derived(m, of));
    value(Value::Bool(yes))
}

fn iter(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [items, last] = m.sorted(a, "iter", 1, ["iterable", "sentinel"])?;
    if last != Value::Unset {
        return python(m, "_Until", vec![items, last]);
    }
    m.iterator(items)
}

fn next(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [iterator, default] = m.sorted(a, "next", 1, ["iterator", "default"])?;
    match m.next_item(iterator, Then::Next(default))? {
        Some(done) => Ok(done),
        None if default != Value::Unset => value(default),
        None => Err(m.exception("StopIteration", Vec::new())),
    }
}

fn len(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "len", 1, ["obj"])?;
    if let Value::Ref(id) = x {
        m.note(Location::Object(id), false);
    }
    if let Some(length) = m.length(x) {
        return value(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)));
    }
    let name = m.strings.intern("__len__");
    if let Some(method) = m.class_attribute(x, name) {
        let arguments = Arguments { values: vec![x], named: Vec::new() };
        return m.call_value(method, arguments, Then::Size);
    }
    let name = m.type_name(x);
    m.type_error(format!("object of type '{name}' has no len()"))
}

fn print(m: &mut Machine, a: &Arguments) -> R<Done> {
    let mut file = None;
    let (mut sep, mut end): (Arc<str>, Arc<str>) = (Arc::from(" "), Arc::from("\n"));
    for (keyword, value) in &a.named {
        let name = m.strings.get(*keyword);
        match (&*name, *value) {
            ("sep" | "end" | "file", Value::None) => {}
            ("flush", value) => m.outside.flush |= m.plain_truth(value)?,
            ("file", value) => file = Some(value),
            ("sep", value) => sep = m.text_argument(value)?,
            ("end", value) => end = m.text_argument(value)?,
            _ => {
                let text = format!("'{name}' is an invalid keyword argument for print()");
                return m.type_error(text);
            }
        }
    }
    if let Some(file) = file {
        let values = m.add(Object::Tuple(a.values.clone()));
        let (sep, end) = (m.text_value(&sep), m.text_value(&end));
        return python(m, "_print_to", vec![file, values, sep, end]);
    }
    if a.values.iter().any(|value| m.has_python_text(*value)) {
        let values = m.add(Object::Tuple(a.values.clone()));
        let (sep, end) = (m.text_value(&sep), m.text_value(&end));
        return python(m, "_print", vec![values, sep, end]);
    }
    let mut text = String::new();
    for (number, value) in a.values.iter().enumerate() {
        if number > 0 {
            text.push_str(&sep);
        }
        text.push_str(&m.plain_str(*value)?);
    }
    text.push_str(&end);
    m.print_text(&text, false)?;
    value(Value::None)
}

impl Machine {
    /// Appends to what was printed.
    pub(crate) fn print_text(&mut self, text: &str, error: bool) -> R<()> {
        if !error {
            self.note(Location::Output, true);
        }
        let output = if error { &mut self.world.errors } else { &mut self.world.output };
        if output.len() + text.len() > LONGEST_OUTPUT {
            return Err(Raise::Stop(format!("it prints more than {LONGEST_OUTPUT} bytes")));
        }
        Arc::make_mut(output).push_str(text);
        self.outside.stirred = true;
        Ok(())
    }
}

fn repr(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "repr", 1, ["obj"])?;
    m.repr_of(x)
}

fn round(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x, digits] = m.sorted(a, "round", 1, ["number", "ndigits"])?;
    if let Some(int) = x.as_int() {
        let digits = if digits == Value::None { Value::Unset } else { digits };
        let digits = if digits == Value::Unset { 0 } else { m.int_argument(digits)? };
        return value(Value::Int(rounded(int, digits)));
    }
    let name = m.strings.intern("__round__");
    if let Some(method) = m.class_attribute(x, name) {
        let values = [x, digits].into_iter().filter(|value| *value != Value::Unset).collect();
        return m.call_value(method, Arguments { values, named: Vec::new() }, Then::Push);
    }
    let Some(float) = as_float(x) else {
        let name = m.type_name(x);
        return m.type_error(format!("type {name} doesn't define __round__ method"));
    };
    if digits == Value::Unset || digits == Value::None {
        return value(Value::Int(m.as_whole(float.round_ties_even())?));
    }
    let digits = m.int_argument(digits)?;
    if digits > 300 || !float.is_finite() {
        return value(Value::Float(float));
    }
    if digits < 0 {
        let unit = 10_f64.powi(i32::try_from(-digits).unwrap_or(i32::MAX));
        return value(Value::Float((float / unit).round_ties_even() * unit));
    }
    let places = usize::try_from(digits).unwrap_or(0);
    value(Value::Float(format!("{float:.places$}").parse().unwrap_or(float)))
}
