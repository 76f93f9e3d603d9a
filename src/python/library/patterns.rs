//! Methods of texts that split or translate them, and formats taken apart for the prelude.
//!
//! *Promises*: they do what Python's do, on characters.
//! *Leaves out*: the other methods of texts (`python/library/texts.rs`).

use crate::python::machine::fields::{Fields, Which, fields};
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::percent::{Size, percents};
use crate::python::machine::terms::{Arguments, Done, R, value};
use crate::python::value::any::Value;
use crate::python::value::object::{DictKind, Object};
use crate::python::value::table::{Key, Table};
use std::sync::Arc;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::c("prelude._format_fields", None, format_fields),
    Row::c("prelude._percent_fields", None, percent_fields),
    Row::c("str.rsplit", None, rsplit),
    Row::c("str.partition", None, |m, a| partition(m, a, false)),
    Row::c("str.rpartition", None, |m, a| partition(m, a, true)),
    Row::c("str.maketrans", None, maketrans),
    Row::c("str.translate", None, translate),
    Row::c("str.format_map", None, format_map),
];

/// A list of tuples: a literal text, then a field's number or name, path, conversion and
/// specification, which is such a list itself.
fn format_fields(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text] = m.sorted(a, "format", 1, ["text"])?;
    let text = m.text_argument(text)?;
    match fields(&text) {
        Ok(found) => value(field_rows(m, &found)?),
        Err(why) => m.value_error(why),
    }
}

fn field_rows(m: &mut Machine, found: &Fields<'_>) -> R<Value> {
    m.charge(8 * found.len())?;
    let mut rows = Vec::new();
    for (literal, field) in found {
        let mut row =
            vec![m.text_value(literal), Value::None, Value::None, Value::None, Value::None];
        if let Some(field) = field {
            row[1] = match field.which {
                Which::Number(number) => Value::Int(i64::try_from(number).unwrap_or(i64::MAX)),
                Which::Name(name) => m.text_value(name),
            };
            let mut path = Vec::new();
            for (is_item, part) in &field.path {
                let part = m.text_value(part);
                path.push(m.add(Object::Tuple(vec![Value::Bool(*is_item), part])));
            }
            row[2] = m.add(Object::Tuple(path));
            row[3] = m.text_value(field.conversion);
            row[4] = field_rows(m, &field.spec)?;
        }
        rows.push(m.add(Object::Tuple(row)));
    }
    Ok(m.add(Object::List(rows)))
}

/// The fields of a `%` format, each with its name and its letter, and the format without names, and
/// with an `s` for each letter that asks for a text.
fn percent_fields(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text] = m.sorted(a, "format", 1, ["text"])?;
    let text = m.text_argument(text)?;
    let found = match percents(&text) {
        Ok(found) => found,
        Err(why) => return m.value_error(why),
    };
    m.charge(4 * found.len())?;
    let (mut rows, mut out) = (Vec::new(), String::new());
    for (literal, field) in found {
        out.push_str(&literal.replace('%', "%%"));
        let Some(field) = field else { continue };
        out.push_str(&format!("%{}", field.flags));
        for (size, before) in [(field.width, ""), (field.digits, ".")] {
            match size {
                Size::None => {}
                Size::Given(size) => out.push_str(&format!("{before}{size}")),
                Size::Next => {
                    out.push_str(&format!("{before}*"));
                    let star = m.text_value("*");
                    rows.push(m.add(Object::Tuple(vec![Value::None, star])));
                }
            }
        }
        out.push(if "ra".contains(field.kind) { 's' } else { field.kind });
        if field.kind != '%' {
            let name = field.name.map_or(Value::None, |name| m.text_value(&name));
            let kind = m.text_value(&field.kind.to_string());
            rows.push(m.add(Object::Tuple(vec![name, kind])));
        }
    }
    let pair = vec![m.add(Object::List(rows)), m.text_value(&out)];
    value(m.add(Object::Tuple(pair)))
}

fn rsplit(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text, separator, most] = m.sorted(a, "rsplit", 1, ["self", "sep", "maxsplit"])?;
    let text = m.text_argument(text)?;
    let most = if most == Value::Unset { -1 } else { m.int_argument(most)? };
    let most = usize::try_from(most).unwrap_or(usize::MAX - 1);
    let mut parts: Vec<String> = match separator {
        Value::Unset | Value::None => {
            let (mut parts, mut rest) = (Vec::new(), text.trim_end());
            while !rest.is_empty() {
                if parts.len() == most {
                    parts.push(rest.trim_start().to_owned());
                    break;
                }
                let space = rest.char_indices().rev().find(|(_, c)| c.is_whitespace());
                let start = space.map_or(0, |(at, c)| at + c.len_utf8());
                parts.push(rest[start..].to_owned());
                rest = rest[..start].trim_end();
            }
            parts
        }
        separator => {
            let separator = m.text_argument(separator)?;
            if separator.is_empty() {
                return m.value_error("empty separator");
            }
            text.rsplitn(most.saturating_add(1), &*separator).map(str::to_owned).collect()
        }
    };
    parts.reverse();
    m.charge(parts.len())?;
    let parts = parts.iter().map(|part| m.text_value(part)).collect();
    value(m.add(Object::List(parts)))
}

fn partition(m: &mut Machine, a: &Arguments, last: bool) -> R<Done> {
    let [text, separator] = m.sorted(a, "partition", 2, ["self", "sep"])?;
    let (text, separator) = (m.text_argument(text)?, m.text_argument(separator)?);
    if separator.is_empty() {
        return m.value_error("empty separator");
    }
    let split = match last {
        true => text.rsplit_once(&*separator),
        false => text.split_once(&*separator),
    };
    let parts = match split {
        Some((before, after)) => [before, &separator, after],
        None if last => ["", "", &text],
        None => [&text, "", ""],
    };
    let parts = parts.map(|part| m.text_value(part)).to_vec();
    value(m.add(Object::Tuple(parts)))
}

fn maketrans(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [_, from, to, drop] = m.sorted(a, "maketrans", 2, ["type", "x", "y", "z"])?;
    let mut table = Table::default();
    if let Some(Object::Dict(given, _)) = from.id().map(|id| m.world.heap.get(id)) {
        for (name, to) in given.clone().iter() {
            let code = match name {
                Value::Str(text) => m.strings.text(text).chars().next().map_or(0, u32::from),
                _ => name.as_int().and_then(|int| u32::try_from(int).ok()).unwrap_or(0),
            };
            table.insert(Key::Int(i64::from(code)), Value::Int(i64::from(code)), to);
        }
        return value(m.add(Object::Dict(table, DictKind::Plain)));
    }
    let from = m.text_argument(from)?;
    let to = if to == Value::Unset { Arc::from("") } else { m.text_argument(to)? };
    if from.chars().count() != to.chars().count() {
        return m.value_error("the first two maketrans arguments must have equal length");
    }
    for (from, to) in from.chars().zip(to.chars()) {
        let (from, to) = (i64::from(u32::from(from)), i64::from(u32::from(to)));
        table.insert(Key::Int(from), Value::Int(from), Value::Int(to));
    }
    if drop != Value::Unset {
        for c in m.text_argument(drop)?.chars() {
            let code = i64::from(u32::from(c));
            table.insert(Key::Int(code), Value::Int(code), Value::None);
        }
    }
    m.charge(4 * table.len())?;
    value(m.add(Object::Dict(table, DictKind::Plain)))
}

fn translate(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text, table] = m.sorted(a, "translate", 2, ["self", "table"])?;
    let text = m.text_argument(text)?;
    let table = match table.id().map(|id| m.world.heap.get(id)) {
        Some(Object::Dict(table, _)) => table.clone(),
        _ => return m.type_error("translate() needs a dict of `str.maketrans`"),
    };
    let mut out = String::new();
    for c in text.chars() {
        match table.get(&Key::Int(i64::from(u32::from(c)))) {
            None => out.push(c),
            Some(Value::Str(to)) => out.push_str(m.strings.text(to)),
            Some(to) => {
                let code = to.as_int().and_then(|int| u32::try_from(int).ok());
                out.extend(code.and_then(char::from_u32));
            }
        }
    }
    m.charge(out.len() / 16)?;
    value(m.text_value(&out))
}

fn format_map(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text, mapping] = m.sorted(a, "format_map", 2, ["self", "mapping"])?;
    let named: Vec<_> = match mapping.id().map(|id| m.world.heap.get(id)) {
        Some(Object::Dict(table, _)) => table
            .iter()
            .filter_map(|(name, value)| match name {
                Value::Str(name) => Some((name, value)),
                _ => None,
            })
            .collect(),
        _ => return m.type_error("format_map() needs a dict"),
    };
    let name = m.strings.intern("format");
    let Some(format) = m.method("str", name) else { return value(text) };
    let arguments = Arguments { values: vec![text], named };
    m.call_value(format, arguments, crate::python::value::frame::Then::Push)
}
