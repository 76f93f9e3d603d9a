//! The built-in functions.
//!
//! *Promises*: each is one step, as in C, unless it calls Python code.
//! *Leaves out*: constructors of types (`library/types.rs`).

use crate::python::front::tree::{BinaryOperator, Comparison};
use crate::python::machine::machine::{
    Arguments, Done, Location, Look, Machine, R, Raise, Row,
};
use crate::python::machine::operators::as_float;
use crate::python::value::object::{Iter, Object, Then};
use crate::python::value::types::Type;
use crate::python::value::value::{Id, Value};
use std::cmp::Ordering;
use std::rc::Rc;

/// The most that may be printed.
const LONGEST_OUTPUT: usize = 1 << 20;

const fn row(name: &'static str, look: Look, call: fn(&mut Machine, &Arguments) -> R<Done>) -> Row {
    Row { name, look, iterates: None, call }
}

/// The rows of this file.
pub const ROWS: &[Row] = &[
    row("abs", Look::C, abs),
    row("all", Look::C, all),
    row("any", Look::C, any),
    row("callable", Look::C, callable),
    row("chr", Look::C, chr),
    row("divmod", Look::C, divmod),
    row("enumerate", Look::C, enumerate),
    row("filter", Look::C, filter),
    row("format", Look::C, format),
    row("getattr", Look::C, getattr),
    row("hasattr", Look::C, hasattr),
    row("id", Look::C, id),
    row("isinstance", Look::Fast, isinstance),
    row("issubclass", Look::C, issubclass),
    row("iter", Look::C, iter),
    row("len", Look::Fast, len),
    row("map", Look::C, map),
    row("max", Look::C, max),
    row("min", Look::C, min),
    row("next", Look::C, next),
    row("ord", Look::C, ord),
    row("pow", Look::C, pow),
    row("print", Look::C, print),
    row("repr", Look::C, repr),
    row("reversed", Look::C, reversed),
    row("round", Look::C, round),
    row("setattr", Look::C, setattr),
    row("sorted", Look::C, sorted),
    row("sum", Look::C, sum),
    row("zip", Look::C, zip),
];

fn value(value: Value) -> R<Done> {
    Ok(Done::Value(value))
}

fn python(m: &mut Machine, name: &str, values: Vec<Value>) -> R<Done> {
    let function = m.prelude(name);
    m.call_value(function, Arguments { values, named: Vec::new() }, Then::Push)
}

fn abs(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "abs", 1, ["x"])?;
    match x {
        Value::Float(float) => value(Value::Float(float.abs())),
        _ => {
            let int = m.int_argument(x)?;
            match int.checked_abs() {
                Some(int) => value(Value::Int(int)),
                None => Err(m.error("OverflowError", "an int has 64 bits here, and this one needs more")),
            }
        }
    }
}

fn all(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [items] = m.sorted(a, "all", 1, ["iterable"])?;
    truths(m, items, "_all", false)
}

fn any(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [items] = m.sorted(a, "any", 1, ["iterable"])?;
    truths(m, items, "_any", true)
}

fn truths(m: &mut Machine, items: Value, name: &str, until: bool) -> R<Done> {
    if m.needs_python(items) || has_objects(m, items) {
        return python(m, name, vec![items]);
    }
    for item in m.items(items)? {
        if m.plain_truth(item)? == until {
            return value(Value::Bool(until));
        }
    }
    value(Value::Bool(!until))
}

/// Whether a container has instances of classes, whose methods may be Python's.
pub(crate) fn has_objects(m: &mut Machine, container: Value) -> bool {
    let is_object = |m: &Machine, item: Value| m.class_of(item).is_some();
    match container.id().map(|id| m.world.heap.get(id)) {
        Some(Object::List(items) | Object::Tuple(items)) => {
            items.iter().any(|item| is_object(m, *item) || matches!(item, Value::Ref(_)))
        }
        Some(Object::Range(..)) => false,
        Some(_) => true,
        None => false,
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
    let quotient = m.numbers(BinaryOperator::FloorDivide, x, y)?;
    let rest = m.numbers(BinaryOperator::Modulo, x, y)?;
    match (quotient, rest) {
        (Some(a), Some(b)) => value(m.add(Object::Tuple(vec![a, b]))),
        _ => m.type_error("unsupported operand type(s) for divmod()"),
    }
}

fn pow(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x, y, modulo] = m.sorted(a, "pow", 2, ["base", "exp", "mod"])?;
    if let (Some(base), Some(exponent), Some(modulo)) = (x.as_int(), y.as_int(), modulo.as_int()) {
        if modulo == 0 || exponent < 0 {
            return m.value_error("pow() needs a positive exponent and a modulus that is not 0");
        }
        let (mut base, mut exponent, modulo) = (i128::from(base), exponent, i128::from(modulo));
        let mut result = 1 % modulo;
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = (result * base).rem_euclid(modulo.abs());
            }
            base = (base * base).rem_euclid(modulo.abs());
            exponent >>= 1;
        }
        if modulo < 0 && result > 0 {
            result += modulo;
        }
        return value(Value::Int(i64::try_from(result).unwrap_or(0)));
    }
    match m.numbers(BinaryOperator::Power, x, y)? {
        Some(result) => value(result),
        None => m.type_error("unsupported operand type(s) for ** or pow()"),
    }
}

fn enumerate(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [items, start] = m.sorted(a, "enumerate", 1, ["iterable", "start"])?;
    let start = if start == Value::Unset { Value::Int(0) } else { start };
    must_iterate(m, items)?;
    python(m, "_enumerate", vec![items, start])
}

fn must_iterate(m: &mut Machine, items: Value) -> R<()> {
    if m.is_iterable(items) {
        return Ok(());
    }
    let name = m.type_name(items);
    m.type_error(format!("'{name}' object is not iterable"))
}

fn filter(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [function, items] = m.sorted(a, "filter", 2, ["function", "iterable"])?;
    must_iterate(m, items)?;
    python(m, "_filter", vec![function, items])
}

fn map(m: &mut Machine, a: &Arguments) -> R<Done> {
    if a.values.len() > 2 {
        return Err(Raise::Stop("`map` over several iterables is not in the subset".to_owned()));
    }
    let [function, items] = m.sorted(a, "map", 2, ["function", "iterable"])?;
    must_iterate(m, items)?;
    python(m, "_map", vec![function, items])
}

fn zip(m: &mut Machine, a: &Arguments) -> R<Done> {
    for items in &a.values {
        must_iterate(m, *items)?;
    }
    match a.values.len() {
        2 if a.named.is_empty() => python(m, "_zip2", a.values.clone()),
        3 if a.named.is_empty() => python(m, "_zip3", a.values.clone()),
        _ => Err(Raise::Stop("`zip` of other than 2 or 3 iterables is not in the subset".to_owned())),
    }
}

fn format(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x, spec] = m.sorted(a, "format", 1, ["value", "format_spec"])?;
    let spec = match spec {
        Value::Unset => Rc::from(""),
        spec => m.text_argument(spec)?,
    };
    let text = m.formatted(x, &spec)?;
    value(m.text_value(&text))
}

fn getattr(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object, name, default] = m.sorted(a, "getattr", 2, ["object", "name", "default"])?;
    let name = m.text_argument(name)?;
    let id = m.strings.intern(&name);
    match m.attribute(object, id)? {
        Some(found) => value(found),
        None if default != Value::Unset => value(default),
        None => {
            let class = m.type_name(object);
            let text = format!("'{class}' object has no attribute '{name}'");
            Err(m.error("AttributeError", text))
        }
    }
}

fn hasattr(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object, name] = m.sorted(a, "hasattr", 2, ["object", "name"])?;
    let name = m.text_argument(name)?;
    let id = m.strings.intern(&name);
    let found = m.attribute(object, id)?.is_some();
    value(Value::Bool(found))
}

fn setattr(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object, name, new] = m.sorted(a, "setattr", 3, ["object", "name", "value"])?;
    let name = m.text_argument(name)?;
    let id = m.strings.intern(&name);
    m.set_attribute(object, id, new)?;
    value(Value::None)
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
    let found = is_instance(m, object, class)?;
    value(Value::Bool(found))
}

fn is_instance(m: &mut Machine, object: Value, class: Value) -> R<bool> {
    match class {
        Value::Type(Type::Object) => return Ok(true),
        Value::Type(t) => return Ok(m.class_of(object).is_none() && m.type_of(object).is_subtype(t)),
        Value::Ref(id) => match m.world.heap.get(id) {
            Object::Class(_) => {
                return Ok(m.class_of(object).is_some_and(|own| m.is_subclass(own, id)));
            }
            Object::Tuple(items) => {
                for class in items.clone() {
                    if is_instance(m, object, class)? {
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
    let yes = match (class, of) {
        (Value::Type(a), Value::Type(b)) => a.is_subtype(b),
        (Value::Ref(_), Value::Type(t)) => t == Type::Object,
        (Value::Ref(a), Value::Ref(b)) => m.is_subclass(a, b),
        _ => false,
    };
    value(Value::Bool(yes))
}

fn iter(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [items] = m.sorted(a, "iter", 1, ["iterable"])?;
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

fn max(m: &mut Machine, a: &Arguments) -> R<Done> {
    extreme(m, a, "max", Ordering::Greater)
}

fn min(m: &mut Machine, a: &Arguments) -> R<Done> {
    extreme(m, a, "min", Ordering::Less)
}

fn extreme(m: &mut Machine, a: &Arguments, name: &str, wanted: Ordering) -> R<Done> {
    let (mut key, mut default) = (Value::None, Value::Unset);
    for (keyword, value) in &a.named {
        match m.strings.text(*keyword) {
            "key" => key = *value,
            "default" => default = *value,
            other => {
                let text = format!("{name}() got an unexpected keyword argument '{other}'");
                return m.type_error(text);
            }
        }
    }
    let items = match a.values.as_slice() {
        [] => return m.type_error(format!("{name} expected at least 1 argument, got 0")),
        [one] => *one,
        _ => m.add(Object::List(a.values.clone())),
    };
    must_iterate(m, items)?;
    if key != Value::None || m.needs_python(items) || has_objects(m, items) {
        let has_default = Value::Bool(default != Value::Unset);
        let default = if default == Value::Unset { Value::None } else { default };
        return python(m, &format!("_{name}"), vec![items, key, default, has_default]);
    }
    let mut best = Value::Unset;
    for item in m.items(items)? {
        if best == Value::Unset || m.order(item, best, 0)? == Some(wanted) {
            best = item;
        }
    }
    match best {
        Value::Unset if default != Value::Unset => value(default),
        Value::Unset => m.value_error(format!("{name}() iterable argument is empty")),
        best => value(best),
    }
}

fn print(m: &mut Machine, a: &Arguments) -> R<Done> {
    let (mut sep, mut end): (Rc<str>, Rc<str>) = (Rc::from(" "), Rc::from("\n"));
    for (keyword, value) in &a.named {
        let name = m.strings.get(*keyword);
        match (&*name, *value) {
            ("sep" | "end", Value::None) | ("flush", _) => {}
            ("sep", value) => sep = m.text_argument(value)?,
            ("end", value) => end = m.text_argument(value)?,
            _ => {
                let text = format!("print() got an unexpected keyword argument '{name}'");
                return m.type_error(text);
            }
        }
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
    m.note(Location::Output, true);
    if m.world.output.len() + text.len() > LONGEST_OUTPUT {
        return Err(Raise::Stop(format!("it prints more than {LONGEST_OUTPUT} bytes")));
    }
    Rc::make_mut(&mut m.world.output).push_str(&text);
    value(Value::None)
}

fn repr(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "repr", 1, ["obj"])?;
    m.repr_of(x)
}

fn reversed(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "reversed", 1, ["sequence"])?;
    match x.id().map(|id| (id, m.world.heap.get(id))) {
        Some((id, Object::List(items) | Object::Tuple(items))) => {
            let left = items.len();
            value(m.add(Object::Iter(Iter::Reversed { of: id, left })))
        }
        Some((_, Object::Range(..) | Object::Instance(_) | Object::Deque(..))) => {
            python(m, "_reversed", vec![x])
        }
        _ if matches!(x, Value::Str(_)) => python(m, "_reversed", vec![x]),
        Some((_, Object::Dict(table, _))) => {
            let keys: Vec<Value> = table.iter().rev().map(|(name, _)| name).collect();
            let keys = m.add(Object::List(keys));
            m.iterator(keys)
        }
        _ => {
            let name = m.type_name(x);
            m.type_error(format!("'{name}' object is not reversible"))
        }
    }
}

fn round(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x, digits] = m.sorted(a, "round", 1, ["number", "ndigits"])?;
    if x.as_int().is_some() {
        return value(Value::Int(x.as_int().unwrap_or(0)));
    }
    let Some(float) = as_float(x) else {
        let name = m.type_name(x);
        return m.type_error(format!("type {name} doesn't define __round__ method"));
    };
    if digits == Value::Unset || digits == Value::None {
        let whole = float.round_ties_even();
        if !whole.is_finite() || whole.abs() >= 9.2e18 {
            return Err(m.error("OverflowError", "an int has 64 bits here, and this one needs more"));
        }
        #[allow(clippy::cast_possible_truncation, reason = "it is whole and in range")]
        return value(Value::Int(whole as i64));
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

fn sorted(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [items, key, reverse] = m.sorted(a, "sorted", 1, ["iterable", "key", "reverse"])?;
    must_iterate(m, items)?;
    let reverse = reverse != Value::Unset && m.plain_truth(reverse)?;
    let key = if key == Value::Unset { Value::None } else { key };
    if key != Value::None || m.needs_python(items) || has_instances(m, items) {
        return python(m, "_sorted", vec![items, key, Value::Bool(reverse)]);
    }
    let mut items = m.items(items)?;
    sort(m, &mut items, reverse)?;
    value(m.add(Object::List(items)))
}

/// Whether a container has instances of classes among its items, or in those.
pub(crate) fn has_instances(m: &mut Machine, container: Value) -> bool {
    let items = match container.id().map(|id| m.world.heap.get(id)) {
        Some(Object::List(items) | Object::Tuple(items)) => items.clone(),
        Some(Object::Dict(table, _) | Object::Set(table)) => {
            table.iter().map(|(name, _)| name).collect()
        }
        Some(Object::View(of, _)) => {
            let of = Value::Ref(*of);
            let values = match of.id().map(|id| m.world.heap.get(id)) {
                Some(Object::Dict(table, _)) => {
                    table.iter().flat_map(|(name, value)| [name, value]).collect::<Vec<Value>>()
                }
                _ => Vec::new(),
            };
            return values.into_iter().any(|item| m.class_of(item).is_some());
        }
        _ => return false,
    };
    items.into_iter().any(|item| {
        m.class_of(item).is_some()
            || matches!(item.id().map(|id| m.world.heap.get(id)), Some(Object::Tuple(_) | Object::List(_)))
                && has_instances(m, item)
    })
}

/// Sorts values without methods of their own; equal ones stay in order.
pub(crate) fn sort(m: &mut Machine, items: &mut [Value], reverse: bool) -> R<()> {
    let mut raised = None;
    let mut order = |a: &Value, b: &Value| match m.order(*a, *b, 0) {
        Ok(order) => order.unwrap_or(Ordering::Equal),
        Err(error) => {
            raised.get_or_insert(error);
            Ordering::Equal
        }
    };
    if reverse {
        items.reverse();
    }
    items.sort_by(&mut order);
    if reverse {
        items.reverse();
    }
    raised.map_or(Ok(()), Err)
}

fn sum(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [items, start] = m.sorted(a, "sum", 1, ["iterable", "start"])?;
    let start = if start == Value::Unset { Value::Int(0) } else { start };
    must_iterate(m, items)?;
    if m.needs_python(items) || has_objects(m, items) && !is_view_of_numbers(m, items) {
        return python(m, "_sum", vec![items, start]);
    }
    let mut total = start;
    for item in m.items(items)? {
        match m.numbers(BinaryOperator::Add, total, item)? {
            Some(sum) => total = sum,
            None => {
                let (a, b) = (m.type_name(total), m.type_name(item));
                let text = format!("unsupported operand type(s) for +: '{a}' and '{b}'");
                return m.type_error(text);
            }
        }
    }
    value(total)
}

fn is_view_of_numbers(m: &mut Machine, items: Value) -> bool {
    match m.items(items) {
        Ok(items) => items.iter().all(|item| as_float(*item).is_some()),
        Err(_) => false,
    }
}

/// Whether one value is less than another, for those without methods of their own.
pub fn less(m: &mut Machine, a: Value, b: Value) -> R<bool> {
    m.compare_plain(Comparison::Less, a, b)
}
