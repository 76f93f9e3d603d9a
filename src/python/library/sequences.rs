//! The built-in functions over iterables.
//!
//! *Promises*: over built-in containers of plain values each is one step; where it has to call
//! Python code, it is code of the prelude.
//! *Leaves out*: the other built-in functions (`python/library/builtins.rs`).

use crate::python::front::tree::BinaryOperator;
use crate::python::machine::comparison::range_length;
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::operators::as_float;
use crate::python::machine::terms::{Arguments, Done, Location, Look, R, value};
use crate::python::value::any::Value;
use crate::python::value::frame::Then;
use crate::python::value::object::{Iter, Object};
use std::cmp::Ordering;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::of("all", Look::C, all),
    Row::of("any", Look::C, any),
    Row::of("enumerate.__new__", Look::C, enumerate),
    Row::of("filter.__new__", Look::C, filter),
    Row::of("map.__new__", Look::C, map),
    Row::of("zip.__new__", Look::C, zip),
    Row::of("max", Look::C, max),
    Row::of("min", Look::C, min),
    Row::of("reversed.__new__", Look::C, reversed),
    Row::of("sorted", Look::C, sorted),
    Row::of("sum", Look::C, sum),
];

/// Calls a function of the prelude.
pub(crate) fn python(m: &mut Machine, name: &str, values: Vec<Value>) -> R<Done> {
    let function = m.prelude(name);
    m.call_value(function, Arguments { values, named: Vec::new() }, Then::Push)
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
    if m.needs_steps(items) || has_objects(m, items) {
        return python(m, name, vec![items]);
    }
    for item in m.items(items)? {
        if m.plain_truth(item)? == until {
            return value(Value::Bool(until));
        }
    }
    value(Value::Bool(!until))
}

fn enumerate(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [items, start] = m.sorted(a, "enumerate", 1, ["iterable", "start"])?;
    let start = match start {
        Value::Unset => Value::Int(0),
        Value::Ref(_) => start,
        start => Value::Int(m.int_argument(start)?),
    };
    must_iterate(m, items)?;
    if let Value::Int(start) = start {
        let counter = m.add(Object::Count(start, 1));
        if let Some(zipped) = m.zipped(&[counter, items], true) {
            return value(zipped);
        }
    }
    python(m, "_Enumerate", vec![items, start])
}

fn must_iterate(m: &mut Machine, items: Value) -> R<()> {
    if m.is_iterable(items) {
        return Ok(());
    }
    let name = m.type_name(items);
    m.type_error(format!("'{name}' object is not iterable"))
}

fn filter(m: &mut Machine, a: &Arguments) -> R<Done> {
    no_keywords(m, a, "filter")?;
    let [function, items] = m.sorted(a, "filter", 2, ["function", "iterable"])?;
    must_iterate(m, items)?;
    python(m, "_Filter", vec![function, items])
}

fn no_keywords(m: &mut Machine, a: &Arguments, name: &str) -> R<()> {
    if a.named.is_empty() {
        return Ok(());
    }
    m.type_error(format!("{name}() takes no keyword arguments"))
}

fn map(m: &mut Machine, a: &Arguments) -> R<Done> {
    no_keywords(m, a, "map")?;
    if a.values.len() < 2 {
        return m.type_error("map() must have at least two arguments.");
    }
    if a.values.len() > 2 {
        a.values[1..].iter().try_for_each(|items| must_iterate(m, *items))?;
        let its = m.add(Object::Tuple(a.values[1..].to_vec()));
        return python(m, "_MapMany", vec![a.values[0], its]);
    }
    let [function, items] = m.sorted(a, "map", 2, ["function", "iterable"])?;
    must_iterate(m, items)?;
    match m.mapped(function, items) {
        Some(mapped) => value(mapped),
        None => python(m, "_Map", vec![function, items]),
    }
}

fn zip(m: &mut Machine, a: &Arguments) -> R<Done> {
    for items in &a.values {
        must_iterate(m, *items)?;
    }
    let strict = match a.named.as_slice() {
        [] => Value::Bool(false),
        [(name, strict)] if m.strings.text(*name) == "strict" => *strict,
        [(name, _), ..] => {
            let text =
                format!("'{}' is an invalid keyword argument for zip()", m.strings.text(*name));
            return m.type_error(text);
        }
    };
    if a.named.is_empty()
        && let Some(zipped) = m.zipped(&a.values, false)
    {
        return value(zipped);
    }
    if a.values.len() == 2 && a.named.is_empty() {
        return python(m, "_Pairs", a.values.clone());
    }
    let its = m.add(Object::Tuple(a.values.clone()));
    python(m, "_Zip", vec![its, strict])
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
    if key != Value::None || m.needs_steps(items) || has_objects(m, items) {
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

fn reversed(m: &mut Machine, a: &Arguments) -> R<Done> {
    no_keywords(m, a, "reversed")?;
    let [x] = m.sorted(a, "reversed", 1, ["sequence"])?;
    if let Value::Ref(id) = x {
        m.note(Location::Object(id), false);
    }
    match x.id().map(|id| (id, m.world.heap.get(id))) {
        Some((id, Object::List(items) | Object::Tuple(items))) => {
            let left = items.len();
            value(m.add(Object::Iter(Iter::Reversed { of: id, left })))
        }
        Some((_, Object::Range(start, stop, step))) => {
            let (start, step) = (*start, *step);
            let left = i64::try_from(range_length(start, *stop, step)).unwrap_or(i64::MAX);
            let next = start.wrapping_add(step.wrapping_mul(left - 1));
            value(m.add(Object::Iter(Iter::Range { next, left, step: step.wrapping_neg() })))
        }
        Some((_, Object::Instance(_) | Object::Deque(..))) => python(m, "_Reversed", vec![x]),
        _ if matches!(x, Value::Str(_)) => python(m, "_Reversed", vec![x]),
        Some((_, Object::View(..) | Object::Dict(..))) => {
            let items = m.items(x)?;
            let items = m.add(Object::List(items));
            python(m, "_ReversedTable", vec![x, items])
        }
        _ => {
            let name = m.type_name(x);
            m.type_error(format!("'{name}' object is not reversible"))
        }
    }
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
    has_instances_within(m, container, 0)
}

fn has_instances_within(m: &mut Machine, container: Value, depth: usize) -> bool {
    if depth > 100 {
        return false;
    }
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
            || matches!(
                item.id().map(|id| m.world.heap.get(id)),
                Some(Object::Tuple(_) | Object::List(_))
            ) && has_instances_within(m, item, depth + 1)
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
    if m.needs_steps(items) || has_objects(m, items) && !is_view_of_numbers(m, items) {
        return python(m, "_sum", vec![items, start]);
    }
    let (mut total, mut lost) = (start, 0.0);
    for item in m.items(items)? {
        // As CPython since 3.12: what is lost between floats is kept, and added in the end.
        if let (Value::Float(a), Value::Float(b)) = (total, item) {
            let sum: f64 = a + b;
            lost += if a.abs() >= b.abs() { (a - sum) + b } else { (b - sum) + a };
            total = Value::Float(sum);
            continue;
        }
        match m.numbers(BinaryOperator::Add, total, item)? {
            Some(sum) => total = sum,
            None => {
                let (a, b) = (m.type_name(total), m.type_name(item));
                let text = format!("unsupported operand type(s) for +: '{a}' and '{b}'");
                return m.type_error(text);
            }
        }
    }
    match total {
        Value::Float(sum) if lost.is_finite() && lost != 0.0 => value(Value::Float(sum + lost)),
        total => value(total),
    }
}

fn is_view_of_numbers(m: &mut Machine, items: Value) -> bool {
    match m.items(items) {
        Ok(items) => items.iter().all(|item| as_float(*item).is_some()),
        Err(_) => false,
    }
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
