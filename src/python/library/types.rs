//! Constructors of the built-in types.
//!
//! *Promises*: `int("7")`, `list(x)` and their kin do what Python's do, with its messages.
//! *Leaves out*: what threads wait with (`python/library/sync.rs`).

use crate::python::library::sequences::python;
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::operators::as_float;
use crate::python::machine::terms::{Arguments, Done, Location, R, value};
use crate::python::value::any::Value;
use crate::python::value::frame::Then;
use crate::python::value::object::{Deque, DictKind, Object};
use crate::python::value::table::{Key, Table};
use std::collections::VecDeque;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::c("object.__init__", None, |_, _| value(Value::None)),
    Row::c("bool.__new__", None, boolean),
    Row::c("int.__new__", None, int),
    Row::c("float.__new__", None, float),
    Row::c("str.__new__", None, string),
    Row::c("tuple.__new__", Some(0), tuple),
    Row::c("list.__new__", Some(0), list),
    Row::c("set.__new__", Some(0), set),
    Row::c("dict.__new__", Some(0), dict),
    Row::c("defaultdict.__new__", Some(1), defaultdict),
    Row::c("Counter.__new__", Some(0), counter),
    Row::c("OrderedDict.__new__", Some(0), ordered),
    Row::c("deque.__new__", Some(0), deque),
    Row::c("range.__new__", None, range),
    Row::c("slice.__new__", None, slice),
    Row::c("slice.indices", None, indices),
    Row::c("type.__new__", None, type_of),
    Row::c("count.__new__", None, count),
    Row::c("local.__new__", None, |m, _| value(m.add(Object::Local(Vec::new())))),
    Row::c("BaseException.__init__", None, exception_init),
];

fn exception_init(m: &mut Machine, a: &Arguments) -> R<Done> {
    if let Some((Value::Ref(id), rest)) = a.values.split_first() {
        let tuple = m.add(Object::Tuple(rest.to_vec()));
        let name = m.known.args;
        m.set_attribute(Value::Ref(*id), name, tuple)?;
    }
    value(Value::None)
}

impl Machine {
    /// The entries of a dict.
    fn entries_of(&mut self, value: Value) -> Option<Vec<(Value, Value)>> {
        let id = value.id()?;
        self.note(Location::Object(id), false);
        match self.world.heap.get(id) {
            Object::Dict(table, _) => Some(table.iter().collect()),
            _ => None,
        }
    }

    /// The first of these methods that an object has, called with it.
    pub(crate) fn convert(&mut self, x: Value, names: &[&str], what: &str) -> R<Done> {
        for name in names {
            let name = self.strings.intern(name);
            if let Some(method) = self.class_attribute(x, name) {
                let arguments = Arguments { values: vec![x], named: Vec::new() };
                return self.call_value(method, arguments, Then::Push);
            }
        }
        let name = self.type_name(x);
        self.type_error(format!("{what}, not '{name}'"))
    }
}

fn boolean(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "bool", 0, ["x"])?;
    match m.truth(x, Then::Truth(true))? {
        Some(truth) => value(Value::Bool(truth)),
        None => Ok(Done::Entered),
    }
}

fn int(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x, base] = m.sorted(a, "int", 0, ["x", "base"])?;
    match x {
        Value::Unset => value(Value::Int(0)),
        Value::Float(float) => value(Value::Int(m.as_whole(float.trunc())?)),
        Value::Str(text) => {
            let text = m.strings.get(text);
            let radix = if base == Value::Unset { 10 } else { m.int_argument(base)? };
            parse_int(m, x, &text, radix)
        }
        _ => match x.as_int() {
            Some(int) => value(Value::Int(int)),
            None if m.class_of(x).is_some() => m.convert(
                x,
                &["__int__", "__index__"],
                "int() argument must be a string, a bytes-like object or a real number",
            ),
            None => {
                let name = m.type_name(x);
                m.type_error(format!("int() argument must be a string, a bytes-like object or a real number, not '{name}'"))
            }
        },
    }
}

fn parse_int(m: &mut Machine, x: Value, text: &str, radix: i64) -> R<Done> {
    if radix != 0 && !(2..=36).contains(&radix) {
        return m.value_error("int() base must be >= 2 and <= 36, or 0");
    }
    let trimmed = text.trim();
    let (negative, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let prefixes = [(16, "0x"), (2, "0b"), (8, "0o")];
    let lower = digits.to_lowercase();
    let prefix = prefixes
        .iter()
        .find(|(of, prefix)| lower.starts_with(prefix) && (radix == 0 || radix == *of));
    let (digits, real) = match prefix {
        Some((of, _)) => (digits.get(2..).unwrap_or(""), *of),
        None => (digits, if radix == 0 { 10 } else { radix }),
    };
    let real = u32::try_from(real).unwrap_or(10);
    let plain = digits.replace('_', "");
    let valid = !plain.is_empty()
        && plain.chars().all(|c| c.is_digit(real))
        && !digits.starts_with('_')
        && !digits.ends_with('_')
        && !digits.contains("__");
    let shown = m.plain_repr(x)?;
    if !valid {
        return m.value_error(format!("invalid literal for int() with base {radix}: {shown}"));
    }
    let parsed = i128::from_str_radix(&plain, real).ok();
    let signed = parsed.map(|int| if negative { -int } else { int });
    let int = signed.and_then(|int| i64::try_from(int).ok());
    value(Value::Int(m.fitting(int)?))
}

fn float(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "float", 0, ["x"])?;
    match x {
        Value::Unset => value(Value::Float(0.0)),
        Value::Str(text) => {
            let text = m.strings.get(text);
            let trimmed = text.trim().replace('_', "");
            match trimmed.parse::<f64>() {
                Ok(float) => value(Value::Float(float)),
                Err(_) => {
                    let shown = m.plain_repr(x)?;
                    m.value_error(format!("could not convert string to float: {shown}"))
                }
            }
        }
        _ => match as_float(x) {
            Some(float) => value(Value::Float(float)),
            None if m.class_of(x).is_some() => {
                m.convert(x, &["__float__"], "float() argument must be a string or a real number")
            }
            None => {
                let name = m.type_name(x);
                m.type_error(format!(
                    "float() argument must be a string or a real number, not '{name}'"
                ))
            }
        },
    }
}

fn string(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "str", 0, ["object"])?;
    match x {
        Value::Unset => value(m.text_value("")),
        x => m.str_of(x),
    }
}

fn given(m: &mut Machine, a: &Arguments, name: &str) -> R<Vec<Value>> {
    let [items] = m.sorted(a, name, 0, ["iterable"])?;
    match items {
        Value::Unset => Ok(Vec::new()),
        items => m.items(items),
    }
}

fn tuple(m: &mut Machine, a: &Arguments) -> R<Done> {
    let items = given(m, a, "tuple")?;
    value(m.add(Object::Tuple(items)))
}

fn list(m: &mut Machine, a: &Arguments) -> R<Done> {
    let items = given(m, a, "list")?;
    value(m.add(Object::List(items)))
}

fn set(m: &mut Machine, a: &Arguments) -> R<Done> {
    let items = given(m, a, "set")?;
    value(m.new_set(&items)?)
}

/// Entries for a dict: of another dict, or of pairs.
pub(crate) fn entries(m: &mut Machine, items: Value) -> R<Vec<(Value, Value)>> {
    if let Some(entries) = m.entries_of(items) {
        return Ok(entries);
    }
    let mut pairs = Vec::new();
    for (number, pair) in m.items(items)?.into_iter().enumerate() {
        if !m.is_iterable(pair) {
            return m.type_error(format!(
                "cannot convert dictionary update sequence element #{number} to a sequence"
            ));
        }
        let pair = m.items(pair)?;
        match pair.as_slice() {
            [name, value] => pairs.push((*name, *value)),
            other => {
                let length = other.len();
                let text = format!(
                    "dictionary update sequence element #{number} has length {length}; 2 is required"
                );
                return m.value_error(text);
            }
        }
    }
    Ok(pairs)
}

fn filled(m: &mut Machine, items: Option<Value>, a: &Arguments) -> R<Table> {
    let mut table = Table::default();
    let mut pairs = match items {
        Some(items) => entries(m, items)?,
        None => Vec::new(),
    };
    pairs.extend(a.named.iter().map(|(name, value)| (Value::Str(*name), *value)));
    m.charge(2 * pairs.len())?;
    for (name, value) in pairs {
        table.insert(m.key(name)?, name, value);
    }
    Ok(table)
}

fn dict(m: &mut Machine, a: &Arguments) -> R<Done> {
    let table = filled(m, a.values.first().copied(), a)?;
    value(m.add(Object::Dict(table, DictKind::Plain)))
}

fn ordered(m: &mut Machine, a: &Arguments) -> R<Done> {
    let table = filled(m, a.values.first().copied(), a)?;
    value(m.add(Object::Dict(table, DictKind::Ordered)))
}

fn defaultdict(m: &mut Machine, a: &Arguments) -> R<Done> {
    let factory = a.values.first().copied().unwrap_or(Value::None);
    let table = filled(m, a.values.get(1).copied(), a)?;
    let kind = match factory {
        Value::None => DictKind::Plain,
        factory => DictKind::Default(factory),
    };
    value(m.add(Object::Dict(table, kind)))
}

/// Adds counts to a table: of another dict, or one for each item.
pub(crate) fn count_items(m: &mut Machine, table: &mut Table, items: Value) -> R<()> {
    let counted = match m.entries_of(items) {
        Some(entries) => entries,
        None => m.items(items)?.into_iter().map(|item| (item, Value::Int(1))).collect::<Vec<_>>(),
    };
    for (name, count) in counted {
        let key: Key = m.key(name)?;
        let old = table.get(&key).and_then(Value::as_int).unwrap_or(0);
        let count = old.saturating_add(count.as_int().unwrap_or(0));
        table.insert(key, name, Value::Int(count));
    }
    Ok(())
}

fn counter(m: &mut Machine, a: &Arguments) -> R<Done> {
    let mut table = Table::default();
    if let Some(items) = a.values.first() {
        count_items(m, &mut table, *items)?;
    }
    for (name, count) in &a.named {
        table.insert(Key::Str(*name), Value::Str(*name), *count);
    }
    value(m.add(Object::Dict(table, DictKind::Counter)))
}

fn deque(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [items, most] = m.sorted(a, "deque", 0, ["iterable", "maxlen"])?;
    let most = match most {
        Value::Unset | Value::None => None,
        most => Some(usize::try_from(m.int_argument(most)?).unwrap_or(0)),
    };
    let items = if items == Value::Unset { Vec::new() } else { m.items(items)? };
    let mut deque: VecDeque<Value> = items.into();
    if let Some(most) = most {
        while deque.len() > most {
            deque.pop_front();
        }
    }
    value(m.add(Object::Deque(Deque::new(deque, most))))
}

fn range(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [a, b, step] = m.sorted(a, "range", 1, ["start", "stop", "step"])?;
    let first = m.int_argument(a)?;
    let (start, stop) = match b {
        Value::Unset => (0, first),
        b => (first, m.int_argument(b)?),
    };
    let step = if step == Value::Unset { 1 } else { m.int_argument(step)? };
    if step == 0 {
        return m.value_error("range() arg 3 must not be zero");
    }
    value(m.add(Object::Range(start, stop, step)))
}

fn slice(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [first, second, step] = m.sorted(a, "slice", 1, ["start", "stop", "step"])?;
    let (start, stop) = match second {
        Value::Unset => (Value::None, first),
        second => (first, second),
    };
    let step = if step == Value::Unset { Value::None } else { step };
    value(m.add(Object::Slice([start, stop, step])))
}

fn indices(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [slice, length] = m.sorted(a, "indices", 2, ["self", "length"])?;
    let length = usize::try_from(m.int_argument(length)?).unwrap_or(0);
    let (start, stop, step) = m.slice_bounds(slice, length)?.unwrap_or((0, 0, 1));
    let parts = [start, stop, step].map(Value::Int).to_vec();
    value(m.add(Object::Tuple(parts)))
}

fn type_of(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "type", 1, ["object"])?;
    value(match (m.class_of(x), m.iterator_type(x)) {
        (_, Some(built_in)) => Value::Type(built_in),
        (Some(class), None) => Value::Ref(class),
        (None, None) => Value::Type(m.type_of(x)),
    })
}

fn count(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [start, step] = m.sorted(a, "count", 0, ["start", "step"])?;
    let start = if start == Value::Unset { Value::Int(0) } else { start };
    let step = if step == Value::Unset { Value::Int(1) } else { step };
    if [start, step].iter().any(|x| matches!(x, Value::Float(_))) {
        return python(m, "_Count", vec![start, step]);
    }
    let (start, step) = (m.int_argument(start)?, m.int_argument(step)?);
    value(m.add(Object::Count(start, step)))
}
