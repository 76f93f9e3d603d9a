//! Methods of strings.
//!
//! *Promises*: they do what Python's do, on characters.
//! *Leaves out*: those that are about encodings.

use crate::python::machine::fields::fields;
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::terms::{Arguments, Done, R, value};
use crate::python::value::any::Value;
use crate::python::value::object::Object;
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
    Row::c("str.find", None, |m, a| find(m, a, false)),
    Row::c("str.rfind", None, |m, a| find(m, a, true)),
    Row::c("str.count", None, count),
    Row::c("str.index", None, |m, a| index(m, a, false)),
    Row::c("str.rindex", None, |m, a| index(m, a, true)),
    Row::c("str.casefold", None, |m, a| simple(m, a, str::to_lowercase)),
    Row::c("str.swapcase", None, |m, a| simple(m, a, swapped)),
    Row::c("str.expandtabs", None, expandtabs),
    Row::c("str.removeprefix", None, |m, a| without(m, a, |text, part| text.strip_prefix(part))),
    Row::c("str.removesuffix", None, |m, a| without(m, a, |text, part| text.strip_suffix(part))),
    Row::c("str.isidentifier", None, isidentifier),
    Row::c("str.istitle", None, istitle),
    Row::c("str.isascii", None, isascii),
    Row::c("str.isprintable", None, isprintable),
    Row::c("str.isdigit", None, |m, a| all(m, a, |c| c.is_ascii_digit())),
    Row::c("str.isnumeric", None, |m, a| all(m, a, char::is_numeric)),
    Row::c("str.isdecimal", None, |m, a| all(m, a, |c| c.is_ascii_digit())),
    Row::c("str.isalpha", None, |m, a| all(m, a, char::is_alphabetic)),
    Row::c("str.isalnum", None, |m, a| all(m, a, char::is_alphanumeric)),
    Row::c("str.isspace", None, |m, a| all(m, a, char::is_whitespace)),
    Row::c("str.isupper", None, |m, a| cased(m, a, |c| !c.is_lowercase())),
    Row::c("str.islower", None, |m, a| cased(m, a, |c| !c.is_uppercase())),
    Row::c("str.ljust", None, |m, a| justified(m, a, '<')),
    Row::c("str.rjust", None, |m, a| justified(m, a, '>')),
    Row::c("str.center", None, |m, a| justified(m, a, '^')),
    Row::c("str.zfill", None, zfill),
];

/// The text of a method that has no other arguments.
fn alone(m: &mut Machine, a: &Arguments) -> R<Arc<str>> {
    let given = a.values.len() + a.named.len();
    if given != 1 {
        return m.type_error(format!("this method takes no arguments ({} given)", given - 1));
    }
    own(m, a)
}

fn own(m: &mut Machine, a: &Arguments) -> R<Arc<str>> {
    let text = a.values.first().copied().unwrap_or(Value::None);
    m.text_argument(text)
}

fn simple(m: &mut Machine, a: &Arguments, f: fn(&str) -> String) -> R<Done> {
    let text = alone(m, a)?;
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
    if !m.is_iterable(items) {
        return m.type_error("can only join an iterable");
    }
    for (number, item) in m.items(items)?.into_iter().enumerate() {
        let Value::Str(part) = item else {
            let name = m.type_name(item);
            return m.type_error(format!(
                "sequence item {number}: expected str instance, {name} found"
            ));
        };
        m.check_room(out.len() + m.strings.text(part).len() + separator.len())?;
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
    let [text, keep] = m.sorted(a, "splitlines", 1, ["self", "keepends"])?;
    let text = m.text_argument(text)?;
    let keep = keep != Value::Unset && m.plain_truth(keep)?;
    let (mut lines, mut rest) = (Vec::new(), &*text);
    let is_end = |c: char| "\n\r\u{b}\u{c}\u{1c}\u{1d}\u{1e}\u{85}\u{2028}\u{2029}".contains(c);
    while !rest.is_empty() {
        let end = rest.find(is_end).unwrap_or(rest.len());
        let tail = &rest[end..];
        let width = match tail.starts_with("\r\n") {
            true => 2,
            false => tail.chars().next().map_or(0, char::len_utf8),
        };
        lines.push(rest[..if keep { end + width } else { end }].to_owned());
        rest = &tail[width..];
    }
    list_of(m, &lines)
}

fn format(m: &mut Machine, a: &Arguments) -> R<Done> {
    let text = own(m, a)?;
    let values = a.values.get(1..).unwrap_or(&[]);
    let fields = match fields(&text) {
        Ok(fields) => fields,
        Err(why) => return m.value_error(why),
    };
    let out = m.format_fields(&fields, values, &a.named)?;
    m.charge(out.len() / 16)?;
    value(m.text_value(&out))
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
    let [text, part, from, to] =
        m.sorted(a, "startswith", 2, ["self", "prefix", "start", "end"])?;
    let text = m.text_argument(text)?;
    let within = part_of(m, &text, from, to)?;
    let parts = match part.id().map(|id| m.world.heap.get(id)) {
        Some(Object::Tuple(items)) => items.clone(),
        _ => vec![part],
    };
    for part in parts {
        let part = m.text_argument(part)?;
        if within.is_some_and(|(start, end, _)| f(&text[start..end], &part)) {
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
        Ok(most) => {
            let count = text.matches(&*old).take(most).count();
            m.charge((text.len() + count.saturating_mul(new.len())) / 16)?;
            text.replacen(&*old, &new, most)
        }
        Err(_) => {
            let count = text.matches(&*old).count();
            m.charge((text.len() + count.saturating_mul(new.len())) / 16)?;
            text.replace(&*old, &new)
        }
    };
    value(m.text_value(&out))
}

/// A part of a text between two places that are given as characters, and how many are before it.
fn part_of(m: &mut Machine, text: &str, from: Value, to: Value) -> R<Option<(usize, usize, i64)>> {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let mut bound = |value: Value, default: i64| match value {
        Value::Unset | Value::None => Ok(default),
        value => {
            let int = m.int_argument(value)?;
            Ok(if int < 0 { int.saturating_add(length).max(0) } else { int })
        }
    };
    let (from, to) = (bound(from, 0)?, bound(to, length)?.min(length));
    if from > to || from > length {
        return Ok(None);
    }
    let place = |chars: i64| {
        let chars = usize::try_from(chars).unwrap_or(0);
        text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at)
    };
    Ok(Some((place(from), place(to), from)))
}

fn place(m: &mut Machine, a: &Arguments, last: bool) -> R<Option<i64>> {
    let [text, part, from, to] = m.sorted(a, "find", 2, ["self", "sub", "start", "end"])?;
    let (text, part) = (m.text_argument(text)?, m.text_argument(part)?);
    let Some((start, end, before)) = part_of(m, &text, from, to)? else { return Ok(None) };
    let within = &text[start..end];
    let found = if last { within.rfind(&*part) } else { within.find(&*part) };
    let chars = found.map(|at| within[..at].chars().count());
    Ok(chars.and_then(|count| i64::try_from(count).ok()).map(|count| count + before))
}

fn find(m: &mut Machine, a: &Arguments, last: bool) -> R<Done> {
    let found = place(m, a, last)?;
    value(Value::Int(found.unwrap_or(-1)))
}

fn index(m: &mut Machine, a: &Arguments, last: bool) -> R<Done> {
    match place(m, a, last)? {
        Some(at) => value(Value::Int(at)),
        None => m.value_error("substring not found"),
    }
}

fn count(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text, part, from, to] = m.sorted(a, "count", 2, ["self", "sub", "start", "end"])?;
    let (text, part) = (m.text_argument(text)?, m.text_argument(part)?);
    let Some((start, end, _)) = part_of(m, &text, from, to)? else {
        return value(Value::Int(0));
    };
    let within = &text[start..end];
    let count = match part.is_empty() {
        true => within.chars().count() + 1,
        false => within.matches(&*part).count(),
    };
    value(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn swapped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c.is_uppercase() {
            true => out.extend(c.to_lowercase()),
            false => out.extend(c.to_uppercase()),
        }
    }
    out
}

fn expandtabs(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text, size] = m.sorted(a, "expandtabs", 1, ["self", "tabsize"])?;
    let text = m.text_argument(text)?;
    let size = if size == Value::Unset { 8 } else { m.int_argument(size)? };
    let size = usize::try_from(size).unwrap_or(0).min(1000);
    let (mut out, mut column) = (String::new(), 0);
    for c in text.chars() {
        match c {
            '\t' if size > 0 => {
                let width = size - column % size;
                out.extend(std::iter::repeat_n(' ', width));
                column += width;
            }
            '\t' => {}
            _ => {
                out.push(c);
                column = if c == '\n' || c == '\r' { 0 } else { column + 1 };
            }
        }
    }
    m.charge(out.len() / 16)?;
    value(m.text_value(&out))
}

fn without(
    m: &mut Machine,
    a: &Arguments,
    f: for<'t> fn(&'t str, &str) -> Option<&'t str>,
) -> R<Done> {
    let [text, part] = m.sorted(a, "removeprefix", 2, ["self", "prefix"])?;
    let (text, part) = (m.text_argument(text)?, m.text_argument(part)?);
    value(m.text_value(f(&text, &part).unwrap_or(&text)))
}

fn isidentifier(m: &mut Machine, a: &Arguments) -> R<Done> {
    let text = alone(m, a)?;
    let begins = text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    value(Value::Bool(begins && text.chars().all(|c| c.is_alphanumeric() || c == '_')))
}

fn istitle(m: &mut Machine, a: &Arguments) -> R<Done> {
    let text = alone(m, a)?;
    value(Value::Bool(text.chars().any(char::is_alphabetic) && titled(&text) == *text))
}

fn isascii(m: &mut Machine, a: &Arguments) -> R<Done> {
    let text = alone(m, a)?;
    value(Value::Bool(text.is_ascii()))
}

fn isprintable(m: &mut Machine, a: &Arguments) -> R<Done> {
    let text = alone(m, a)?;
    value(Value::Bool(!text.chars().any(char::is_control)))
}

fn all(m: &mut Machine, a: &Arguments, f: fn(char) -> bool) -> R<Done> {
    let text = alone(m, a)?;
    value(Value::Bool(!text.is_empty() && text.chars().all(f)))
}

fn cased(m: &mut Machine, a: &Arguments, f: fn(char) -> bool) -> R<Done> {
    let text = alone(m, a)?;
    let has_case = text.chars().any(|c| c.is_lowercase() || c.is_uppercase());
    value(Value::Bool(has_case && text.chars().all(f)))
}

fn justified(m: &mut Machine, a: &Arguments, align: char) -> R<Done> {
    let [text, width, fill] = m.sorted(a, "ljust", 2, ["self", "width", "fillchar"])?;
    let width = m.int_argument(width)?.max(0);
    let fill = match fill {
        Value::Unset => Arc::from(" "),
        fill => m.text_argument(fill)?,
    };
    if fill.chars().count() != 1 {
        return m.type_error("The fill character must be exactly one character long");
    }
    let text = m.text_argument(text)?;
    let width = usize::try_from(width).unwrap_or(0);
    m.charge(width / 4)?;
    let missing = width.saturating_sub(text.chars().count());
    let left = match align {
        '<' => 0,
        '>' => missing,
        // CPython puts the odd one on the left if the width is odd.
        _ => missing / 2 + (missing & width & 1),
    };
    let out = format!("{}{text}{}", fill.repeat(left), fill.repeat(missing - left));
    value(m.text_value(&out))
}

fn zfill(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text, width] = m.sorted(a, "zfill", 2, ["self", "width"])?;
    let (text, width) = (m.text_argument(text)?, m.int_argument(width)?);
    let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+'])));
    let missing = usize::try_from(width).unwrap_or(0).saturating_sub(text.chars().count());
    m.charge(missing / 4)?;
    let zeros = "0".repeat(missing);
    value(m.text_value(&format!("{sign}{zeros}{digits}")))
}
