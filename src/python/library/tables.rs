//! Methods of dicts and sets.
//!
//! *Promises*: each is one step, as under a GIL.
//! *Leaves out*: subscripts (`python/machine/objects.rs`).

use crate::python::library::sequences::python;
use crate::python::library::types::{count_items, entries};
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::terms::{Arguments, Done, Location, R, Raise, value};
use crate::python::value::any::{Id, Value};
use crate::python::value::object::{DictKind, Object, Part};
use crate::python::value::table::{Key, Table};

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::c("dict.get", None, get),
    Row::c("dict.pop", None, pop),
    Row::c("dict.popitem", None, popitem),
    Row::c("dict.setdefault", None, setdefault),
    Row::c("dict.update", Some(1), update),
    Row::c("dict.keys", None, |m, a| view(m, a, Part::Keys)),
    Row::c("dict.values", None, |m, a| view(m, a, Part::Values)),
    Row::c("dict.items", None, |m, a| view(m, a, Part::Items)),
    Row::c("dict.fromkeys", Some(1), fromkeys),
    Row::c("OrderedDict.move_to_end", None, move_to_end),
    Row::c("OrderedDict.popitem", None, popitem),
    Row::c("Counter.elements", None, elements),
    Row::c("dict.clear", None, clear),
    Row::c("dict.copy", None, copy),
    Row::c("Counter.most_common", None, most_common),
    Row::c("Counter.update", None, |m, a| recount(m, a, "_update")),
    Row::c("Counter.subtract", None, |m, a| recount(m, a, "_subtract")),
    Row::c("prelude._count_each", Some(1), count_each),
    Row::c("Counter.total", None, counter_total),
    Row::c("set.add", None, add),
    Row::c("set.remove", None, remove),
    Row::c("set.discard", None, discard),
    Row::c("set.pop", None, set_pop),
    Row::c("set.clear", None, clear),
    Row::c("set.copy", None, copy),
    Row::c("set.update", Some(1), set_update),
    Row::c("set.difference_update", Some(1), |m, a| updated(m, a, |x, y| x && !y)),
    Row::c("set.intersection_update", Some(1), |m, a| updated(m, a, |x, y| x && y)),
    Row::c("set.symmetric_difference_update", Some(1), |m, a| updated(m, a, |x, y| x != y)),
    Row::c("set.symmetric_difference", Some(1), |m, a| combined(m, a, |x, y| x != y)),
    Row::c("set.issuperset", Some(1), issuperset),
    Row::c("set.isdisjoint", Some(1), isdisjoint),
    Row::c("dict_view.isdisjoint", Some(1), isdisjoint),
    Row::c("set.union", Some(1), |m, a| combined(m, a, |_, _| true)),
    Row::c("set.intersection", Some(1), |m, a| combined(m, a, |x, y| x && y)),
    Row::c("set.difference", Some(1), |m, a| combined(m, a, |x, y| x && !y)),
    Row::c("set.issubset", Some(1), issubset),
];

impl Machine {
    fn table(&mut self, of: Value, write: bool) -> R<(Id, &mut Table)> {
        let id = self.object_argument(of)?;
        self.note(Location::Object(id), write);
        if !matches!(self.world.heap.get(id), Object::Dict(..) | Object::Set(_)) {
            let name = self.type_name(of);
            return self.type_error(format!("this does not work on '{name}'"));
        }
        match self.world.heap.get_mut(id) {
            Object::Dict(table, _) | Object::Set(table) => Ok((id, table)),
            _ => Err(Raise::Stop("no table".to_owned())),
        }
    }
}

fn get(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [dict, name, default] = m.sorted(a, "get", 2, ["self", "key", "default"])?;
    let default = if default == Value::Unset { Value::None } else { default };
    if let Value::Int(_) | Value::Str(_) = name {
        let (_, table) = m.table(dict, false)?;
        return value(table.get_plain(name).unwrap_or(default));
    }
    let key = m.key(name)?;
    let (_, table) = m.table(dict, false)?;
    value(table.get(&key).unwrap_or(default))
}

fn pop(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [dict, name, default] = m.sorted(a, "pop", 2, ["self", "key", "default"])?;
    let key = m.key(name)?;
    let removed = m.table(dict, true)?.1.remove(&key);
    match removed {
        Some((_, found)) => value(found),
        None if default != Value::Unset => value(default),
        None => Err(m.exception("KeyError", vec![name])),
    }
}

fn popitem(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [dict, last] = m.sorted(a, "popitem", 1, ["self", "last"])?;
    let last = last == Value::Unset || m.plain_truth(last)?;
    let mut entries = m.table(dict, true)?.1.iter();
    let last = if last { entries.next_back() } else { entries.next() };
    drop(entries);
    let Some((name, found)) = last else {
        return Err(m.error("KeyError", "popitem(): dictionary is empty"));
    };
    let key = m.key(name)?;
    m.table(dict, true)?.1.remove(&key);
    value(m.add(Object::Tuple(vec![name, found])))
}

fn setdefault(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [dict, name, default] = m.sorted(a, "setdefault", 2, ["self", "key", "default"])?;
    let key = m.key(name)?;
    let default = if default == Value::Unset { Value::None } else { default };
    m.charge(2)?;
    let (_, table) = m.table(dict, true)?;
    if let Some(found) = table.get(&key) {
        return value(found);
    }
    table.insert(key, name, default);
    value(default)
}

fn update(m: &mut Machine, a: &Arguments) -> R<Done> {
    let Some((dict, rest)) = a.values.split_first() else {
        return m.type_error("update() needs an argument");
    };
    let mut pairs = match rest.first() {
        Some(items) => entries(m, *items)?,
        None => Vec::new(),
    };
    pairs.extend(a.named.iter().map(|(name, value)| (Value::Str(*name), *value)));
    m.charge(2 * pairs.len())?;
    for (name, value) in pairs {
        let key = m.key(name)?;
        m.table(*dict, true)?.1.insert(key, name, value);
    }
    value(Value::None)
}

fn view(m: &mut Machine, a: &Arguments, part: Part) -> R<Done> {
    let [dict] = m.sorted(a, "keys", 1, ["self"])?;
    let id = m.object_argument(dict)?;
    m.note(Location::Object(id), false);
    value(m.add(Object::View(id, part)))
}

fn fromkeys(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [_, items, default] = m.sorted(a, "fromkeys", 2, ["type", "iterable", "value"])?;
    let default = if default == Value::Unset { Value::None } else { default };
    let items = m.items(items)?;
    m.charge(2 * items.len())?;
    let mut table = Table::default();
    for item in items {
        table.insert(m.key(item)?, item, default);
    }
    value(m.add(Object::Dict(table, DictKind::Plain)))
}

fn move_to_end(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [dict, name, last] = m.sorted(a, "move_to_end", 2, ["self", "key", "last"])?;
    let last = last == Value::Unset || m.plain_truth(last)?;
    let key = m.key(name)?;
    let (_, table) = m.table(dict, true)?;
    let Some((own, found)) = table.remove(&key) else {
        return Err(m.exception("KeyError", vec![name]));
    };
    if last {
        table.insert(key, own, found);
        return value(Value::None);
    }
    let mut moved = Table::default();
    moved.insert(key, own, found);
    for (key, (name, found)) in table.keys().zip(table.iter()) {
        moved.insert(key.clone(), name, found);
    }
    *table = moved;
    value(Value::None)
}

fn elements(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [counter] = m.sorted(a, "elements", 1, ["self"])?;
    let pairs: Vec<(Value, Value)> = m.table(counter, false)?.1.iter().collect();
    let mut out = Vec::new();
    for (name, count) in pairs {
        let count = usize::try_from(count.as_int().unwrap_or(0)).unwrap_or(0);
        m.charge(count)?;
        out.extend(std::iter::repeat_n(name, count));
    }
    let list = m.add(Object::List(out));
    m.iterator(list)
}

fn clear(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [table] = m.sorted(a, "clear", 1, ["self"])?;
    m.table(table, true)?.1.clear();
    value(Value::None)
}

fn copy(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [table] = m.sorted(a, "copy", 1, ["self"])?;
    let (id, _) = m.table(table, false)?;
    let object = m.world.heap.get(id).clone();
    m.charge(4)?;
    value(m.add(object))
}

fn most_common(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [counter, most] = m.sorted(a, "most_common", 1, ["self", "n"])?;
    let mut pairs: Vec<(Value, Value)> = m.table(counter, false)?.1.iter().collect();
    pairs.sort_by_key(|(_, count)| std::cmp::Reverse(count.as_int()));
    if most != Value::Unset && most != Value::None {
        pairs.truncate(usize::try_from(m.int_argument(most)?).unwrap_or(0));
    }
    m.charge(4 * pairs.len())?;
    let pairs = pairs.into_iter().map(|(name, count)| m.add(Object::Tuple(vec![name, count])));
    let pairs = pairs.collect();
    value(m.add(Object::List(pairs)))
}

/// What CPython does in Python: with the counts by name as a dict.
fn recount(m: &mut Machine, a: &Arguments, name: &str) -> R<Done> {
    let (counter, items) = match a.values[..] {
        [counter] => (counter, Value::None),
        [counter, items] => (counter, items),
        _ => {
            let given = a.values.len();
            return m.type_error(format!(
                "Counter.{}() takes from 1 to 2 positional arguments but {given} were given",
                &name[1..]
            ));
        }
    };
    let mut counts = Table::default();
    for (name, count) in &a.named {
        counts.insert(Key::Str(*name), Value::Str(*name), *count);
    }
    let counts = m.add(Object::Dict(counts, DictKind::Plain));
    python(m, name, vec![counter, items, counts])
}

/// What CPython does in C: one more of each item.
fn count_each(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [counter, items] = m.sorted(a, "_count_elements", 2, ["mapping", "iterable"])?;
    let mut table = m.table(counter, true)?.1.clone();
    count_items(m, &mut table, items)?;
    m.charge(4)?;
    *m.table(counter, true)?.1 = table;
    value(Value::None)
}

fn counter_total(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [counter] = m.sorted(a, "total", 1, ["self"])?;
    let counts = m.table(counter, false)?.1.iter().filter_map(|(_, count)| count.as_int());
    let total = counts.fold(0_i64, i64::saturating_add);
    value(Value::Int(total))
}

fn add(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [set, item] = m.sorted(a, "add", 2, ["self", "elem"])?;
    let key = m.key(item)?;
    m.charge(1)?;
    m.table(set, true)?.1.insert(key, item, Value::None);
    value(Value::None)
}

fn remove(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [set, item] = m.sorted(a, "remove", 2, ["self", "elem"])?;
    let key = m.key(item)?;
    match m.table(set, true)?.1.remove(&key) {
        Some(_) => value(Value::None),
        None => Err(m.exception("KeyError", vec![item])),
    }
}

fn discard(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [set, item] = m.sorted(a, "discard", 2, ["self", "elem"])?;
    let key = m.key(item)?;
    m.table(set, true)?.1.remove(&key);
    value(Value::None)
}

fn set_pop(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [set] = m.sorted(a, "pop", 1, ["self"])?;
    let first = m.table(set, true)?.1.iter().next();
    let Some((item, _)) = first else {
        return Err(m.error("KeyError", "pop from an empty set"));
    };
    let key = m.key(item)?;
    m.table(set, true)?.1.remove(&key);
    value(item)
}

fn set_update(m: &mut Machine, a: &Arguments) -> R<Done> {
    updated(m, a, |_, _| true)
}

/// The items of a set and of others for which `take` holds, each compared with what was taken
/// before.
fn combination(m: &mut Machine, a: &Arguments, take: fn(bool, bool) -> bool) -> R<Vec<Value>> {
    let Some((set, others)) = a.values.split_first() else { return Ok(Vec::new()) };
    let mut own: Vec<Value> = m.table(*set, false)?.1.iter().map(|(name, _)| name).collect();
    for other in others {
        let others = m.items(*other)?;
        let (own_set, other_set) = (m.new_set(&own)?, m.new_set(&others)?);
        let mut taken = Vec::new();
        for item in own.into_iter().chain(others) {
            if take(m.contains(own_set, item)?, m.contains(other_set, item)?) {
                taken.push(item);
            }
        }
        own = taken;
    }
    Ok(own)
}

fn combined(m: &mut Machine, a: &Arguments, take: fn(bool, bool) -> bool) -> R<Done> {
    let taken = combination(m, a, take)?;
    value(m.new_set(&taken)?)
}

fn updated(m: &mut Machine, a: &Arguments, take: fn(bool, bool) -> bool) -> R<Done> {
    let taken = combination(m, a, take)?;
    let mut table = Table::default();
    for item in taken {
        table.insert(m.key(item)?, item, Value::None);
    }
    let set = a.values.first().copied().unwrap_or(Value::None);
    *m.table(set, true)?.1 = table;
    value(Value::None)
}

fn issuperset(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [set, other] = m.sorted(a, "issuperset", 2, ["self", "other"])?;
    for item in m.items(other)? {
        if !m.contains(set, item)? {
            return value(Value::Bool(false));
        }
    }
    value(Value::Bool(true))
}

fn isdisjoint(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [set, other] = m.sorted(a, "isdisjoint", 2, ["self", "other"])?;
    for item in m.items(other)? {
        if m.contains(set, item)? {
            return value(Value::Bool(false));
        }
    }
    value(Value::Bool(true))
}

fn issubset(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [set, other] = m.sorted(a, "issubset", 2, ["self", "other"])?;
    let own: Vec<Value> = m.table(set, false)?.1.iter().map(|(name, _)| name).collect();
    let others = m.items(other)?;
    let others = m.new_set(&others)?;
    for item in own {
        if !m.contains(others, item)? {
            return value(Value::Bool(false));
        }
    }
    value(Value::Bool(true))
}
