//! Format specifications: of f-strings, of `str.format`, and of `%`.
//!
//! *Promises*: fill, alignment, sign, width, grouping, precision and type as in Python; what is no
//! specification is a `ValueError`.
//! *Leaves out*: a `__format__` of a class, which the subset has not.

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

    fn no_python_text(&mut self, value: Value) -> R<()> {
        match self.has_python_text(value) {
            true => Err(Raise::Stop(
                "an object with a `__str__` in `%` or `format` is not in the subset: write `str(…)`"
                    .to_owned(),
            )),
            false => Ok(()),
        }
    }

    /// `text % value`.
    pub(crate) fn percent(&mut self, text: Value, value: Value) -> R<Value> {
        let Value::Str(text) = text else { return Ok(text) };
        // A container that is no tuple is one argument, and may also be a mapping for none.
        let (arguments, all) = match value.id().map(|id| self.world.heap.get(id)) {
            Some(Object::Tuple(items)) => (items.clone(), true),
            Some(Object::List(_) | Object::Dict(..) | Object::Range(..)) => (vec![value], false),
            _ => (vec![value], true),
        };
        let text = self.strings.get(text);
        let mut chars = text.chars().peekable();
        let (mut out, mut next) = (String::new(), arguments.iter());
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut spec = String::new();
            let kind = loop {
                match chars.next() {
                    Some(c) if "-+ #0123456789.".contains(c) => spec.push(c),
                    Some(c) => break c,
                    None => return self.value_error("incomplete format"),
                }
            };
            if kind == '%' {
                out.push('%');
                continue;
            }
            let Some(value) = next.next().copied() else {
                return self.type_error("not enough arguments for format string");
            };
            let formatted = self.percent_one(&spec, kind, value)?;
            out.push_str(&formatted);
        }
        if all && next.next().is_some() {
            return self.type_error("not all arguments converted during string formatting");
        }
        self.charge(out.len() / 16)?;
        Ok(self.text_value(&out))
    }

    fn percent_one(&mut self, spec: &str, kind: char, value: Value) -> R<String> {
        self.no_python_text(value)?;
        let left = spec.contains('-');
        let rest = spec.replace('-', "");
        let align = if left { "<" } else { ">" };
        match kind {
            's' | 'r' => {
                let text = match kind {
                    's' => self.plain_str(value)?,
                    _ => self.plain_repr(value)?,
                };
                let text = self.text_value(&text);
                self.formatted(text, &format!("{align}{}s", rest.trim_start_matches('0')))
            }
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' | 'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
                let integral = !"fFeEgG".contains(kind);
                let value = match value {
                    #[allow(clippy::cast_possible_truncation, reason = "as Python's")]
                    Value::Float(float) if integral && "diu".contains(kind) => {
                        Value::Int(float as i64)
                    }
                    Value::Int(_) | Value::Bool(_) | Value::Float(_) => value,
                    _ => {
                        let name = self.type_name(value);
                        let what = if integral { "a real number" } else { "must be real number" };
                        let text = match integral {
                            true => format!("%{kind} format: {what} is required, not {name}"),
                            false => format!("{what}, not {name}"),
                        };
                        return self.type_error(text);
                    }
                };
                let kind = if "iu".contains(kind) { 'd' } else { kind };
                let align = if left { "<" } else { "" };
                let rest = if left { rest.trim_start_matches('0') } else { &rest };
                self.formatted(value, &format!("{align}{rest}{kind}"))
            }
            'c' => self.plain_str(value),
            _ => self.value_error(format!("unsupported format character '{kind}'")),
        }
    }

    /// `text.format(…)`.
    pub(crate) fn format_fields(
        &mut self,
        text: &str,
        values: &[Value],
        named: &[(StrId, Value)],
    ) -> R<String> {
        let mut out = String::new();
        let mut rest = text;
        let mut automatic = 0;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if rest.starts_with(brace) {
                out.push_str(brace);
                rest = &rest[1..];
                continue;
            }
            let end = rest.find('}').filter(|_| brace == "{");
            let Some(end) = end else {
                return self.value_error("Single '}' encountered in format string");
            };
            let field = &rest[..end];
            rest = &rest[end + 1..];
            let formatted = self.format_field(field, values, named, &mut automatic)?;
            out.push_str(&formatted);
        }
        out.push_str(rest);
        Ok(out)
    }

    fn format_field(
        &mut self,
        field: &str,
        values: &[Value],
        named: &[(StrId, Value)],
        automatic: &mut usize,
    ) -> R<String> {
        let (name, spec) = field.split_once(':').unwrap_or((field, ""));
        let (name, conversion) = name.split_once('!').unwrap_or((name, ""));
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
            let text = "Replacement index out of range for positional args tuple";
            return Err(self.error("IndexError", text));
        };
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
