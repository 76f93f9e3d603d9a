//! Methods of strings.
//!
//! *Promises*: they do what Python's do, on characters.
//! *Leaves out*: those that are about encodings.

use crate::python::library::sequences::python;
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::terms::{Arguments, Done, R};
use crate::python::value::any::Value;
use crate::python::value::object::{DictKind, Object};
use crate::python::value::table::Table;
use std::sync::Arc;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::c("str.join", Some(1), join),
    Row::c("str.split", None, split),
    Row::c("str.splitlines", None, splitlines),
    Row::c("str.format", None, format),
    Row::c("str.upper", None, |m, a| simple(m, a, str::to_uppercase)),
    Row::c("str.lower", None, |m, a| simple(m, a, str::to_lowercase)),
    Row::c("str.capitalize", None, |m, a| simple(m, a, capitalized)),
    Row::c("str.title", None, |m, a| simple(m, a, titled)),
    Row::c("str.strip", None, |m, a| stripped(m, a, true, true)),
    Row::c("str.lstrip", None, |m, a| stripped(m, a, true, false)),
    Row::c("str.rstrip", None, |m, a| stripped(m, a, false, true)),
    Row::c("str.startswith", None, |m, a| affix(m, a, |text, part| text.starts_with(part))),
    Row::c("str.endswith", None, |m, a| affix(m, a, |text, part| text.ends_with(part))),
    Row::c("str.replace", None, replace),
    Row::c("str.find", None, find),
    Row::c("str.count", None, count),
    Row::c("str.index", None, index),
    Row::c("str.isdigit", None, |m, a| all(m, a, |c| c.is_ascii_digit())),
    Row::c("str.isalpha", None, |m, a| all(m, a, char::is_alphabetic)),
    Row::c("str.isalnum", None, |m, a| all(m, a, char::is_alphanumeric)),
    Row::c("str.isspace", None, |m, a| all(m, a, char::is_whitespace)),
    Row::c("str.isupper", None, |m, a| all(m, a, |c| !c.is_lowercase())),
    Row::c("str.islower", None, |m, a| all(m, a, |c| !c.is_uppercase())),
    Row::c("str.ljust", None, |m, a| justified(m, a, '<')),
    Row::c("str.rjust", None, |m, a| justified(m, a, '>')),
    Row::c("str.center", None, |m, a| justified(m, a, '^')),
    Row::c("str.zfill", None, zfill),
];

fn value(value: Value) -> R<Done> {
    Ok(Done::Value(value))
}

fn own(m: &mut Machine, a: &Arguments) -> R<Arc<str>> {
    let text = a.values.first().copied().unwrap_or(Value::None);
    m.text_argument(text)
}

fn simple(m: &mut Machine, a: &Arguments, f: fn(&str) -> String) -> R<Done> {
    let text = own(m, a)?;
    value(m.text_value(&f(&text)))
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect(),
        None => String::new(),
    }
}

fn titled(text: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for c in text.chars() {
        match inside {
            true => out.extend(c.to_lowercase()),
            false => out.extend(c.to_uppercase()),
        }
        inside = c.is_alphabetic();
    }
    out
}

fn join(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text, items] = m.sorted(a, "join", 2, ["self", "iterable"])?;
    let separator = m.text_argument(text)?;
    let mut out = String::new();
    for (number, item) in m.items(items)?.into_iter().enumerate() {
        let Value::Str(part) = item else {
            let name = m.type_name(item);
            return m.type_error(format!(
                "sequence item {number}: expected str instance, {name} found"
            ));
        };
        if number > 0 {
            out.push_str(&separator);
        }
        out.push_str(m.strings.text(part));
    }
    m.charge(out.len() / 16)?;
    value(m.text_value(&out))
}

fn split(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text, separator, most] = m.sorted(a, "split", 1, ["self", "sep", "maxsplit"])?;
    let text = m.text_argument(text)?;
    let most = if most == Value::Unset { -1 } else { m.int_argument(most)? };
    let most = usize::try_from(most).unwrap_or(usize::MAX - 1);
    let parts: Vec<String> = match separator {
        Value::Unset | Value::None => {
            let (mut parts, mut rest) = (Vec::new(), text.trim_start());
            while !rest.is_empty() {
                if parts.len() == most {
                    parts.push(rest.trim_end().to_owned());
                    break;
                }
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                parts.push(rest[..end].to_owned());
                rest = rest[end..].trim_start();
            }
            parts
        }
        separator => {
            let separator = m.text_argument(separator)?;
            if separator.is_empty() {
                return m.value_error("empty separator");
            }
            text.splitn(most.saturating_add(1), &*separator).map(str::to_owned).collect()
        }
    };
    list_of(m, &parts)
}

fn list_of(m: &mut Machine, parts: &[String]) -> R<Done> {
    m.charge(parts.len())?;
    let parts = parts.iter().map(|part| m.text_value(part)).collect();
    value(m.add(Object::List(parts)))
}

fn splitlines(m: &mut Machine, a: &Arguments) -> R<Done> {
    let text = own(m, a)?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    list_of(m, &lines)
}

fn format(m: &mut Machine, a: &Arguments) -> R<Done> {
    let text = own(m, a)?;
    let values = a.values.get(1..).unwrap_or(&[]);
    let all = values.iter().copied().chain(a.named.iter().map(|(_, value)| *value));
    // With `!r`, or a format, it is another method's text that is wanted.
    let mut fields = text.split('{').skip(1).map(|rest| rest.split('}').next());
    let plain = !fields.any(|field| field.is_some_and(|field| field.contains(['!', ':'])));
    if plain && all.collect::<Vec<_>>().iter().any(|value| m.has_python_text(*value)) {
        return python_format(m, a);
    }
    let out = m.format_fields(&text, values, &a.named)?;
    m.charge(out.len() / 16)?;
    value(m.text_value(&out))
}

/// Some of the values are texts by a `__str__` of theirs, so that is called first.
fn python_format(m: &mut Machine, a: &Arguments) -> R<Done> {
    let values = a.values.get(1..).unwrap_or(&[]).to_vec();
    let values = m.add(Object::Tuple(values));
    let mut named = Table::default();
    for (name, value) in &a.named {
        named.insert(m.key(Value::Str(*name))?, Value::Str(*name), *value);
    }
    let named = m.add(Object::Dict(named, DictKind::Plain));
    python(m, "_format", vec![a.values[0], values, named])
}

fn stripped(m: &mut Machine, a: &Arguments, left: bool, right: bool) -> R<Done> {
    let [text, chars] = m.sorted(a, "strip", 1, ["self", "chars"])?;
    let text = m.text_argument(text)?;
    let chars = match chars {
        Value::Unset | Value::None => None,
        chars => Some(m.text_argument(chars)?),
    };
    let strip = |c: char| chars.as_ref().map_or(c.is_whitespace(), |chars| chars.contains(c));
    let mut out: &str = &text;
    if left {
        out = out.trim_start_matches(strip);
    }
    if right {
        out = out.trim_end_matches(strip);
    }
    value(m.text_value(out))
}

fn affix(m: &mut Machine, a: &Arguments, f: fn(&str, &str) -> bool) -> R<Done> {
    let [text, part] = m.sorted(a, "startswith", 2, ["self", "prefix"])?;
    let text = m.text_argument(text)?;
    let parts = match part.id().map(|id| m.world.heap.get(id)) {
        Some(Object::Tuple(items)) => items.clone(),
        _ => vec![part],
    };
    for part in parts {
        let part = m.text_argument(part)?;
        if f(&text, &part) {
            return value(Value::Bool(true));
        }
    }
    value(Value::Bool(false))
}

fn replace(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text, old, new, most] = m.sorted(a, "replace", 3, ["self", "old", "new", "count"])?;
    let (text, old, new) = (m.text_argument(text)?, m.text_argument(old)?, m.text_argument(new)?);
    let most = if most == Value::Unset { -1 } else { m.int_argument(most)? };
    let out = match usize::try_from(most) {
        Ok(most) => text.replacen(&*old, &new, most),
        Err(_) => {
            let count = text.matches(&*old).count();
            m.charge((text.len() + count.saturating_mul(new.len())) / 16)?;
            text.replace(&*old, &new)
        }
    };
    value(m.text_value(&out))
}

fn place(m: &mut Machine, a: &Arguments) -> R<Option<i64>> {
    let [text, part, from] = m.sorted(a, "find", 2, ["self", "sub", "start"])?;
    let (text, part) = (m.text_argument(text)?, m.text_argument(part)?);
    let from = if from == Value::Unset { 0 } else { m.int_argument(from)? };
    let from = usize::try_from(from).unwrap_or(0);
    let start = text.char_indices().nth(from).map_or(text.len(), |(at, _)| at);
    let found = text[start..].find(&*part);
    let chars = found.map(|at| text[..start + at].chars().count());
    Ok(chars.and_then(|count| i64::try_from(count).ok()))
}

fn find(m: &mut Machine, a: &Arguments) -> R<Done> {
    let found = place(m, a)?;
    value(Value::Int(found.unwrap_or(-1)))
}

fn index(m: &mut Machine, a: &Arguments) -> R<Done> {
    match place(m, a)? {
        Some(at) => value(Value::Int(at)),
        None => m.value_error("substring not found"),
    }
}

fn count(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text, part] = m.sorted(a, "count", 2, ["self", "sub"])?;
    let (text, part) = (m.text_argument(text)?, m.text_argument(part)?);
    let count = match part.is_empty() {
        true => text.chars().count() + 1,
        false => text.matches(&*part).count(),
    };
    value(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn all(m: &mut Machine, a: &Arguments, f: fn(char) -> bool) -> R<Done> {
    let text = own(m, a)?;
    let cased = text.chars().any(char::is_alphanumeric) || text.chars().all(char::is_whitespace);
    value(Value::Bool(!text.is_empty() && cased && text.chars().all(f)))
}

fn justified(m: &mut Machine, a: &Arguments, align: char) -> R<Done> {
    let [text, width, fill] = m.sorted(a, "ljust", 2, ["self", "width", "fillchar"])?;
    let width = m.int_argument(width)?.max(0);
    let fill = match fill {
        Value::Unset => Arc::from(" "),
        fill => m.text_argument(fill)?,
    };
    let out = m.formatted(text, &format!("{fill}{align}{width}"))?;
    value(m.text_value(&out))
}

fn zfill(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text, width] = m.sorted(a, "zfill", 2, ["self", "width"])?;
    let (text, width) = (m.text_argument(text)?, m.int_argument(width)?);
    let digits = text.trim_start_matches(['-', '+']);
    let sign = &text[..text.len() - digits.len()];
    let width = usize::try_from(width).unwrap_or(0).min(10_000);
    let zeros = "0".repeat(width.saturating_sub(text.chars().count()));
    value(m.text_value(&format!("{sign}{zeros}{digits}")))
}
