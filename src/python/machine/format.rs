//! Format specifications: of f-strings, of `str.format`, and of `%`.
//!
//! *Promises*: fill, alignment, sign, width, grouping, precision and type as in Python; what is no
//! specification is a `ValueError`.
//! *Leaves out*: a `__format__` of a class, which the subset has not.

use crate::python::machine::fields::{Field, fields};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::operators::as_float;
use crate::python::machine::terms::{R, Raise};
use crate::python::machine::text::float_text;
use crate::python::value::any::Value;
use crate::python::value::object::Object;
use crate::python::value::strings::StrId;

/// The widest field, and the most digits.
const WIDEST: usize = 10_000;

#[derive(Debug, Clone, Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    width: usize,
    group: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

fn parse_spec(text: &str) -> Option<Spec> {
    let chars: Vec<char> = text.chars().collect();
    let (mut spec, mut at) = (Spec::default(), 0);
    let is_align = |c: Option<&char>| c.is_some_and(|c| "<>^=".contains(*c));
    if is_align(chars.get(1)) {
        spec.fill = chars.first().copied();
        spec.align = chars.get(1).copied();
        at = 2;
    } else if is_align(chars.first()) {
        spec.align = chars.first().copied();
        at = 1;
    }
    if let Some(c) = chars.get(at).filter(|c| "+- ".contains(**c)) {
        spec.sign = Some(*c);
        at += 1;
    }
    if chars.get(at) == Some(&'#') {
        spec.alternate = true;
        at += 1;
    }
    if chars.get(at) == Some(&'0') {
        spec.fill = spec.fill.or(Some('0'));
        spec.align = spec.align.or(Some('='));
        at += 1;
    }
    let number = |at: &mut usize| {
        let start = *at;
        while chars.get(*at).is_some_and(char::is_ascii_digit) {
            *at += 1;
        }
        let text: String = chars[start..*at].iter().collect();
        text.parse::<usize>().ok()
    };
    spec.width = number(&mut at).unwrap_or(0);
    if let Some(c) = chars.get(at).filter(|c| ",_".contains(**c)) {
        spec.group = Some(*c);
        at += 1;
    }
    if chars.get(at) == Some(&'.') {
        at += 1;
        spec.precision = Some(number(&mut at)?);
    }
    spec.kind = chars.get(at).copied();
    let fits = spec.width <= WIDEST && spec.precision.is_none_or(|p| p <= WIDEST);
    (fits && at + usize::from(spec.kind.is_some()) == chars.len()).then_some(spec)
}

fn grouped(digits: &str, sign: Option<char>, size: usize) -> String {
    let Some(sign) = sign else { return digits.to_owned() };
    let count = digits.len();
    let mut out = String::new();
    for (at, c) in digits.chars().enumerate() {
        if at > 0 && (count - at).is_multiple_of(size) {
            out.push(sign);
        }
        out.push(c);
    }
    out
}

fn padded(text: &str, spec: &Spec, number: bool) -> String {
    let length = text.chars().count();
    let missing = spec.width.saturating_sub(length);
    let fill = |count: usize| spec.fill.unwrap_or(' ').to_string().repeat(count);
    match spec.align.unwrap_or(if number { '>' } else { '<' }) {
        '<' => format!("{text}{}", fill(missing)),
        '^' => format!("{}{text}{}", fill(missing / 2), fill(missing - missing / 2)),
        '=' => {
            let digits = text.trim_start_matches(['-', '+', ' ']);
            let sign = &text[..text.len() - digits.len()];
            format!("{sign}{}{digits}", fill(missing))
        }
        _ => format!("{}{text}", fill(missing)),
    }
}

fn scientific(float: f64, precision: usize, upper: bool) -> String {
    let text = format!("{float:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    let text = format!("{digits}e{sign}{:02}", exponent.abs());
    if upper { text.to_uppercase() } else { text }
}

fn general(float: f64, precision: usize) -> String {
    let precision = precision.max(1);
    let text = format!("{float:.*e}", precision - 1);
    let exponent: i32 = text.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    let trim = |text: String| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    };
    let digits = i32::try_from(precision).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= digits {
        let text = scientific(float, precision - 1, false);
        let (digits, rest) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{rest}", trim(digits.to_owned()));
    }
    let places = usize::try_from(digits - 1 - exponent).unwrap_or(0);
    trim(format!("{float:.places$}"))
}

impl Machine {
    /// A value under a format specification. It has no `__str__` in Python.
    pub fn formatted(&mut self, value: Value, spec: &str) -> R<String> {
        if spec.is_empty() {
            return self.plain_str(value);
        }
        let Some(parsed) = parse_spec(spec) else {
            let name = self.type_name(value);
            let text = format!("Invalid format specifier '{spec}' for object of type '{name}'");
            return self.value_error(text);
        };
        match (value, parsed.kind) {
            (Value::Str(_), None | Some('s')) => {
                let mut text = self.plain_str(value)?;
                if let Some(precision) = parsed.precision {
                    text = text.chars().take(precision).collect();
                }
                Ok(padded(&text, &parsed, false))
            }
            (Value::Bool(_) | Value::Int(_), Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%'))
            | (Value::Float(_), _) => {
                let float = as_float(value).unwrap_or(0.0);
                match float_in(float, &parsed) {
                    Some(text) => Ok(padded(&text, &parsed, true)),
                    None => self.unknown_format(value, parsed.kind),
                }
            }
            (Value::Bool(_), None) => {
                let text = self.plain_str(value)?;
                Ok(padded(&text, &parsed, false))
            }
            (Value::Bool(_) | Value::Int(_), kind) => {
                let int = value.as_int().unwrap_or(0);
                match int_in(int, &parsed) {
                    Some(text) => Ok(padded(&text, &parsed, true)),
                    None => self.unknown_format(value, kind),
                }
            }
            (Value::Str(_), kind) => self.unknown_format(value, kind),
            _ => {
                let name = self.type_name(value);
                let text = format!("unsupported format string passed to {name}.__format__");
                self.type_error(text)
            }
        }
    }

    fn unknown_format<T>(&mut self, value: Value, kind: Option<char>) -> R<T> {
        let (name, kind) = (self.type_name(value), kind.unwrap_or('?'));
        self.value_error(format!("Unknown format code '{kind}' for object of type '{name}'"))
    }

    pub(crate) fn no_python_text(&mut self, value: Value) -> R<()> {
        match self.has_python_text(value) {
            true => Err(Raise::Python),
            false => Ok(()),
        }
    }

    /// What a path of attributes and items leads to.
    fn at_path(&mut self, value: Value, path: &[(bool, &str)]) -> R<Value> {
        let mut value = value;
        for (is_item, part) in path {
            let name = self.strings.intern(part);
            if self.class_of(value).is_some() {
                return Err(Raise::Python);
            }
            if !is_item {
                value = match self.attribute(value, name)? {
                    Some(found) => found,
                    None => return self.no_attribute(value, name),
                };
                continue;
            }
            let index = part.parse().map_or(Value::Str(name), Value::Int);
            let key = self.key(index)?;
            value = match value.id().map(|id| self.world.heap.get(id)) {
                Some(Object::Dict(table, _)) => match table.get(&key) {
                    Some(found) => found,
                    None => return Err(self.exception("KeyError", vec![index])),
                },
                _ => self.item(value, index)?,
            };
        }
        Ok(value)
    }

    /// `text.format(…)`.
    pub(crate) fn format_fields(
        &mut self,
        text: &str,
        values: &[Value],
        named: &[(StrId, Value)],
    ) -> R<String> {
        if text.matches("{:{").count() > 2 && text.contains("{:{:{") {
            return self.value_error("Max string recursion exceeded");
        }
        let found = match fields(text) {
            Ok(found) => found,
            Err(why) => return self.value_error(why),
        };
        let (mut out, mut automatic) = (String::new(), 0);
        for (literal, field) in found {
            out.push_str(&literal);
            if let Some(field) = field {
                let formatted = self.format_field(&field, values, named, &mut automatic)?;
                self.check_room(out.len() + formatted.len())?;
                out.push_str(&formatted);
            }
        }
        Ok(out)
    }

    fn format_field(
        &mut self,
        field: &Field<'_>,
        values: &[Value],
        named: &[(StrId, Value)],
        automatic: &mut usize,
    ) -> R<String> {
        let name = field.name;
        let value = if name.is_empty() {
            *automatic += 1;
            values.get(*automatic - 1).copied()
        } else if let Ok(number) = name.parse::<usize>() {
            values.get(number).copied()
        } else {
            let id = self.strings.intern(name);
            match named.iter().find(|(other, _)| *other == id) {
                Some((_, value)) => Some(*value),
                None => {
                    let key = Value::Str(id);
                    return Err(self.exception("KeyError", vec![key]));
                }
            }
        };
        let Some(value) = value else {
            let at = name.parse().unwrap_or(automatic.saturating_sub(1));
            let text = format!("Replacement index {at} out of range for positional args tuple");
            return Err(self.error("IndexError", text));
        };
        let value = self.at_path(value, &field.path)?;
        let nested;
        let spec = match field.spec.contains('{') {
            true => {
                let rest = values.get(*automatic..).unwrap_or(&[]);
                *automatic += field.spec.matches("{}").count();
                let all = if field.spec.contains("{}") { rest } else { values };
                nested = self.format_fields(field.spec, all, named)?;
                &*nested
            }
            false => field.spec,
        };
        let conversion = field.conversion;
        self.no_python_text(value)?;
        match conversion {
            "r" => {
                let text = self.plain_repr(value)?;
                let text = self.text_value(&text);
                self.formatted(text, spec)
            }
            "s" => {
                let text = self.plain_str(value)?;
                let text = self.text_value(&text);
                self.formatted(text, spec)
            }
            _ => self.formatted(value, spec),
        }
    }
}

fn float_in(float: f64, spec: &Spec) -> Option<String> {
    let precision = spec.precision.unwrap_or(6);
    let size = float.abs();
    let text = match spec.kind {
        _ if float.is_nan() || float.is_infinite() => float_text(size),
        Some('f' | 'F') => format!("{size:.precision$}"),
        Some('e') => scientific(size, precision, false),
        Some('E') => scientific(size, precision, true),
        Some('%') => format!("{:.precision$}%", size * 100.0),
        Some('g' | 'G') => general(size, precision),
        None => match spec.precision {
            Some(precision) => {
                let text = general(size, precision);
                if text.contains(['.', 'e']) { text } else { format!("{text}.0") }
            }
            None => float_text(size),
        },
        Some(_) => return None,
    };
    let (whole, rest) = match text.find(['.', 'e', 'E', '%']) {
        Some(at) => text.split_at(at),
        None => (text.as_str(), ""),
    };
    let text = format!("{}{rest}", grouped(whole, spec.group, 3));
    Some(signed(&text, float.is_sign_negative() && !float.is_nan(), spec))
}

fn int_in(int: i64, spec: &Spec) -> Option<String> {
    let size = int.unsigned_abs();
    let (digits, prefix, group) = match spec.kind {
        None | Some('d') => (size.to_string(), "", 3),
        Some('x') => (format!("{size:x}"), "0x", 4),
        Some('X') => (format!("{size:X}"), "0X", 4),
        Some('b') => (format!("{size:b}"), "0b", 4),
        Some('o') => (format!("{size:o}"), "0o", 4),
        Some('c') => {
            let c = u32::try_from(int).ok().and_then(char::from_u32)?;
            return Some(c.to_string());
        }
        Some(_) => return None,
    };
    if spec.precision.is_some() {
        return None;
    }
    let prefix = if spec.alternate { prefix } else { "" };
    let text = format!("{prefix}{}", grouped(&digits, spec.group, group));
    Some(signed(&text, int < 0, spec))
}

fn signed(text: &str, negative: bool, spec: &Spec) -> String {
    match (negative, spec.sign) {
        (true, _) => format!("-{text}"),
        (false, Some('+')) => format!("+{text}"),
        (false, Some(' ')) => format!(" {text}"),
        (false, _) => text.to_owned(),
    }
}
