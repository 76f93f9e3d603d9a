//! Methods of lists, tuples and deques.
//!
//! *Promises*: each is one step, as under a GIL; only `sort` with a key runs Python code.
//! *Leaves out*: subscripts (`python/machine/objects.rs`).

use crate::python::library::sequences::{has_instances, sort};
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::terms::{Arguments, Done, Location, Look, R, Raise, value};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{Deque, Object};
use std::collections::VecDeque;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row { name: "list.append", look: Look::FastStatement, iterates: None, call: append },
    Row { name: "list.extend", look: Look::C, iterates: Some(1), call: extend },
    Row::of("list.insert", Look::C, insert),
    Row::of("list.pop", Look::C, pop),
    Row::of("list.remove", Look::C, remove),
    Row::of("list.clear", Look::C, clear),
    Row::of("list.index", Look::C, index),
    Row::of("list.count", Look::C, count),
    Row::of("list.copy", Look::C, copy),
    Row::of("list.reverse", Look::C, reverse),
    Row::of("list.sort", Look::C, sort_list),
    Row::of("tuple.index", Look::C, index),
    Row::of("tuple.count", Look::C, count),
    Row::of("range.index", Look::C, range_index),
    Row::of("range.count", Look::C, range_count),
    Row::of("deque.append", Look::C, deque_append),
    Row::of("deque.appendleft", Look::C, deque_appendleft),
    Row::of("deque.pop", Look::C, deque_pop),
    Row::of("deque.popleft", Look::C, deque_popleft),
    Row { name: "deque.extend", look: Look::C, iterates: Some(1), call: deque_extend },
    Row { name: "deque.extendleft", look: Look::C, iterates: Some(1), call: deque_extendleft },
    Row::of("deque.reverse", Look::C, deque_reverse),
    Row::of("deque.index", Look::C, index),
    Row::of("deque.insert", Look::C, deque_insert),
    Row::of("deque.clear", Look::C, clear),
    Row::of("deque.rotate", Look::C, rotate),
    Row::of("deque.count", Look::C, count),
    Row::of("deque.remove", Look::C, remove),
    Row::of("deque.copy", Look::C, copy),
];

impl Machine {
    /// `list += items`.
    pub(crate) fn extend(&mut self, id: Id, items: Value) -> R<Value> {
        let new = self.items(items)?;
        self.charge(new.len())?;
        self.note(Location::Object(id), true);
        if let Object::List(items) = self.world.heap.get_mut(id) {
            items.extend(new);
        }
        Ok(Value::Ref(id))
    }

    fn list_at(&mut self, value: Value) -> R<(Id, Vec<Value>)> {
        if let Value::Ref(id) = value {
            self.note(Location::Object(id), false);
            let items = match self.world.heap.get(id) {
                Object::List(items) | Object::Tuple(items) => Some(items.clone()),
                Object::Deque(deque) => Some(deque.items.iter().copied().collect()),
                _ => None,
            };
            if let Some(items) = items {
                return Ok((id, items));
            }
        }
        let name = self.type_name(value);
        self.type_error(format!("this does not work on '{name}'"))
    }

    fn change_list(&mut self, value: Value, f: impl FnOnce(&mut Vec<Value>)) -> R<Done> {
        self.charge(1)?;
        if let Value::Ref(id) = value {
            self.note(Location::Object(id), true);
            if let Object::List(items) = self.world.heap.get_mut(id) {
                f(items);
            }
        }
        Ok(Done::Value(Value::None))
    }

    /// Does something to a deque that ends whoever goes through it, if it says that it has.
    fn change_deque(
        &mut self,
        value: Value,
        f: impl FnOnce(&mut VecDeque<Value>) -> bool,
    ) -> R<Done> {
        self.charge(1)?;
        if let Value::Ref(id) = value {
            self.note(Location::Object(id), true);
            if let Object::Deque(deque) = self.world.heap.get_mut(id)
                && f(&mut deque.items)
            {
                deque.changed();
            }
        }
        Ok(Done::Value(Value::None))
    }
}

fn append(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [list, item] = m.sorted(a, "append", 2, ["self", "object"])?;
    m.change_list(list, |items| items.push(item))
}

fn extend(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [list, items] = m.sorted(a, "extend", 2, ["self", "iterable"])?;
    let id = m.object_argument(list)?;
    m.extend(id, items)?;
    value(Value::None)
}

fn insert(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [list, at, item] = m.sorted(a, "insert", 3, ["self", "index", "object"])?;
    let at = m.int_argument(at)?;
    m.change_list(list, |items| {
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let at = if at < 0 { (at + length).max(0) } else { at.min(length) };
        items.insert(usize::try_from(at).unwrap_or(0), item);
    })
}

fn pop(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [list, at] = m.sorted(a, "pop", 1, ["self", "index"])?;
    let id = m.object_argument(list)?;
    m.note(Location::Object(id), false);
    let length = m.length(list).unwrap_or(0);
    if length == 0 {
        return Err(m.error("IndexError", "pop from empty list"));
    }
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let at = if at == Value::Unset { -1 } else { m.int_argument(at)? };
    let at = usize::try_from(if at < 0 { at + length } else { at }).ok();
    let mut taken = None;
    m.change_list(Value::Ref(id), |items| {
        taken = at.filter(|at| *at < items.len()).map(|at| items.remove(at));
    })?;
    match taken {
        Some(item) => value(item),
        None => Err(m.error("IndexError", "pop index out of range")),
    }
}

/// Objects with an `__eq__` are compared by Python code.
fn has_equality(m: &mut Machine, items: &[Value], item: Value) -> R<()> {
    let name = m.strings.intern("__eq__");
    for value in items.iter().copied().chain([item]) {
        if m.class_of(value).is_some() && m.class_attribute(value, name).is_some() {
            return Err(Raise::Python);
        }
    }
    Ok(())
}

fn place(m: &mut Machine, items: &[Value], item: Value) -> R<Option<usize>> {
    has_equality(m, items, item)?;
    for (at, other) in items.iter().enumerate() {
        if other.is(item) || m.equal(*other, item, 0)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn remove(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [list, item] = m.sorted(a, "remove", 2, ["self", "value"])?;
    let (id, items) = m.list_at(list)?;
    match place(m, &items, item)? {
        None => {
            let name = m.type_name(list);
            m.value_error(format!("{name}.remove(x): x not in {name}"))
        }
        Some(at) => {
            m.change_deque(Value::Ref(id), |items| items.remove(at).is_some())?;
            m.change_list(Value::Ref(id), |items| {
                items.remove(at);
            })
        }
    }
}

fn clear(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [list] = m.sorted(a, "clear", 1, ["self"])?;
    m.change_deque(list, |items| {
        let had_some = !items.is_empty();
        items.clear();
        had_some
    })?;
    m.change_list(list, Vec::clear)
}

fn index(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [list, item, from, to] = m.sorted(a, "index", 2, ["self", "value", "start", "stop"])?;
    let (_, items) = m.list_at(list)?;
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let mut bound = |value: Value, default: i64| match value {
        Value::Unset => Ok(default),
        value => {
            let int = m.int_argument(value)?;
            Ok(if int < 0 { int.saturating_add(length).max(0) } else { int.min(length) })
        }
    };
    let (from, to) = (bound(from, 0)?, bound(to, length)?);
    let (from, to) = (usize::try_from(from).unwrap_or(0), usize::try_from(to).unwrap_or(0));
    match place(m, items.get(from..to).unwrap_or(&[]), item)? {
        Some(at) => value(Value::Int(i64::try_from(from + at).unwrap_or(0))),
        None => {
            let shown = m.plain_repr(item)?;
            match m.type_name(list).as_str() {
                "tuple" => m.value_error("tuple.index(x): x not in tuple"),
                name => m.value_error(format!("{shown} is not in {name}")),
            }
        }
    }
}

fn count(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [list, item] = m.sorted(a, "count", 2, ["self", "value"])?;
    let (_, items) = m.list_at(list)?;
    has_equality(m, &items, item)?;
    let mut count = 0;
    for other in items {
        count += i64::from(other.is(item) || m.equal(other, item, 0)?);
    }
    value(Value::Int(count))
}

/// Where a value stands in a range.
fn place_in_range(m: &Machine, range: Value, item: Value) -> Option<i64> {
    let Object::Range(start, _, step) = *m.world.heap.get(range.id()?) else { return None };
    let item = match item {
        Value::Float(float) if float.fract() == 0.0 && float.abs() < 2_f64.powi(53) => float as i64,
        item => item.as_int()?,
    };
    let steps = i128::from(item) - i128::from(start);
    let at = (steps % i128::from(step) == 0).then_some(steps / i128::from(step))?;
    let length = i128::try_from(m.length(range)?).ok()?;
    i64::try_from(at).ok().filter(|at| (0..length).contains(&i128::from(*at)))
}

fn range_index(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [range, item] = m.sorted(a, "index", 2, ["self", "value"])?;
    match place_in_range(m, range, item) {
        Some(at) => value(Value::Int(at)),
        None if item.as_int().is_some() => {
            let shown = m.plain_repr(item)?;
            m.value_error(format!("{shown} is not in range"))
        }
        None => m.value_error("sequence.index(x): x not in sequence"),
    }
}

fn range_count(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [range, item] = m.sorted(a, "count", 2, ["self", "value"])?;
    value(Value::Int(i64::from(place_in_range(m, range, item).is_some())))
}

fn copy(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [list] = m.sorted(a, "copy", 1, ["self"])?;
    let (id, items) = m.list_at(list)?;
    m.charge(items.len())?;
    let object = match m.world.heap.get(id) {
        Object::Deque(deque) => Object::Deque(Deque::new(deque.items.clone(), deque.most)),
        _ => Object::List(items),
    };
    value(m.add(object))
}

fn reverse(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [list] = m.sorted(a, "reverse", 1, ["self"])?;
    m.change_list(list, |items| items.reverse())
}

fn sort_list(m: &mut Machine, a: &Arguments) -> R<Done> {
    if a.values.len() > 1 {
        return m.type_error("sort() takes no positional arguments");
    }
    let [list, key, reverse] = m.sorted(a, "sort", 1, ["self", "key", "reverse"])?;
    let reverse = reverse != Value::Unset && m.plain_truth(reverse)?;
    let key = if key == Value::Unset { Value::None } else { key };
    if key != Value::None || has_instances(m, list) {
        let function = m.prelude("_sort");
        let values = vec![list, key, Value::Bool(reverse)];
        return m.call_value(function, Arguments { values, named: Vec::new() }, Then::Push);
    }
    let (_, mut items) = m.list_at(list)?;
    sort(m, &mut items, reverse)?;
    m.change_list(list, |old| *old = items)
}

fn deque_add(m: &mut Machine, a: &Arguments, left: bool) -> R<Done> {
    let [deque, item] = m.sorted(a, "append", 2, ["self", "x"])?;
    let most = match deque.id().map(|id| m.world.heap.get(id)) {
        Some(Object::Deque(deque)) => deque.most.unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    m.change_deque(deque, |items| {
        if left {
            items.push_front(item);
            items.truncate(most);
        } else {
            items.push_back(item);
            if items.len() > most {
                items.pop_front();
            }
        }
        true
    })
}

fn deque_append(m: &mut Machine, a: &Arguments) -> R<Done> {
    deque_add(m, a, false)
}

fn deque_appendleft(m: &mut Machine, a: &Arguments) -> R<Done> {
    deque_add(m, a, true)
}

fn deque_take(m: &mut Machine, a: &Arguments, left: bool) -> R<Done> {
    let [deque] = m.sorted(a, "pop", 1, ["self"])?;
    let mut taken = None;
    m.change_deque(deque, |items| {
        taken = if left { items.pop_front() } else { items.pop_back() };
        taken.is_some()
    })?;
    match taken {
        Some(item) => value(item),
        None => Err(m.error("IndexError", "pop from an empty deque")),
    }
}

fn deque_pop(m: &mut Machine, a: &Arguments) -> R<Done> {
    deque_take(m, a, false)
}

fn deque_popleft(m: &mut Machine, a: &Arguments) -> R<Done> {
    deque_take(m, a, true)
}

fn deque_extend(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [deque, items] = m.sorted(a, "extend", 2, ["self", "iterable"])?;
    for item in m.items(items)? {
        let values = vec![deque, item];
        deque_add(m, &Arguments { values, named: Vec::new() }, false)?;
    }
    value(Value::None)
}

fn deque_extendleft(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [deque, items] = m.sorted(a, "extendleft", 2, ["self", "iterable"])?;
    for item in m.items(items)? {
        let values = vec![deque, item];
        deque_add(m, &Arguments { values, named: Vec::new() }, true)?;
    }
    value(Value::None)
}

fn deque_reverse(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [deque] = m.sorted(a, "reverse", 1, ["self"])?;
    m.change_deque(deque, |items| {
        items.make_contiguous().reverse();
        false
    })
}

fn deque_insert(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [deque, at, item] = m.sorted(a, "insert", 3, ["self", "i", "x"])?;
    let at = m.int_argument(at)?;
    m.change_deque(deque, |items| {
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let at = if at < 0 { (at + length).max(0) } else { at.min(length) };
        items.insert(usize::try_from(at).unwrap_or(0), item);
        true
    })
}

fn rotate(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [deque, by] = m.sorted(a, "rotate", 1, ["self", "n"])?;
    let by = if by == Value::Unset { 1 } else { m.int_argument(by)? };
    m.change_deque(deque, |items| {
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        if length > 1 {
            items.rotate_right(usize::try_from(by.rem_euclid(length)).unwrap_or(0));
        }
        length > 1
    })
}
