//! `bytes`: texts whose characters are bytes.
//!
//! *Promises*: the methods that bytes and strings share do the same; what is decoded is UTF-8, or an
//! error as in Python.
//! *Leaves out*: other encodings than UTF-8, ASCII and Latin-1; `bytearray`.

use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::terms::{Arguments, Done, Look, R, Raise, value};
use crate::python::value::any::Value;
use crate::python::value::frame::Then;
use crate::python::value::object::Object;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::c("bytes.__new__", Some(0), new),
    Row::c("str.encode", None, encode),
    Row::c("bytes.decode", None, decode),
    Row::c("bytes.hex", None, hex),
    Row::c("bytes.join", Some(1), |m, a| as_text(m, a, "join")),
    Row::of("bytes.split", Look::C, |m, a| as_text(m, a, "split")),
    Row::of("bytes.splitlines", Look::C, |m, a| as_text(m, a, "splitlines")),
    Row::of("bytes.strip", Look::C, |m, a| as_text(m, a, "strip")),
    Row::of("bytes.lstrip", Look::C, |m, a| as_text(m, a, "lstrip")),
    Row::of("bytes.rstrip", Look::C, |m, a| as_text(m, a, "rstrip")),
    Row::of("bytes.startswith", Look::C, |m, a| as_text(m, a, "startswith")),
    Row::of("bytes.endswith", Look::C, |m, a| as_text(m, a, "endswith")),
    Row::of("bytes.replace", Look::C, |m, a| as_text(m, a, "replace")),
    Row::of("bytes.find", Look::C, |m, a| as_text(m, a, "find")),
    Row::of("bytes.count", Look::C, |m, a| as_text(m, a, "count")),
    Row::of("bytes.index", Look::C, |m, a| as_text(m, a, "index")),
    Row::of("bytes.isdigit", Look::C, |m, a| as_text(m, a, "isdigit")),
    Row::of("bytes.upper", Look::C, |m, a| ascii(m, a, u8::to_ascii_uppercase)),
    Row::of("bytes.lower", Look::C, |m, a| ascii(m, a, u8::to_ascii_lowercase)),
];

impl Machine {
    /// Keeps bytes.
    pub(crate) fn bytes_value(&mut self, bytes: &[u8]) -> R<Value> {
        self.charge(bytes.len() / 16)?;
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        Ok(Value::Bytes(self.strings.intern(&text)))
    }

    /// The bytes of a value, if it is some.
    pub(crate) fn bytes_of(&self, value: Value) -> Option<Vec<u8>> {
        match value {
            Value::Bytes(text) => {
                let chars = self.strings.text(text).chars();
                Some(chars.map(|c| u8::try_from(c).unwrap_or(b'?')).collect())
            }
            _ => None,
        }
    }

    /// The bytes of a value, or of the ints in it.
    pub(crate) fn bytes_argument(&mut self, value: Value) -> R<Vec<u8>> {
        if let Some(bytes) = self.bytes_of(value) {
            return Ok(bytes);
        }
        if let Value::Str(_) = value {
            return self.type_error("cannot convert 'str' object to bytes");
        }
        let byte = |item: Value| item.as_int().and_then(|int| u8::try_from(int).ok());
        match self.items(value)?.into_iter().map(byte).collect() {
            Some(bytes) => Ok(bytes),
            None => self.value_error("bytes must be in range(0, 256)"),
        }
    }

    /// Bytes as Python shows them.
    pub(crate) fn bytes_repr(text: &str) -> String {
        let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
        let mut out = format!("b{quote}");
        for c in text.chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\\' => out.push_str("\\\\"),
                c if c == quote => out.extend(['\\', c]),
                ' '..='~' => out.push(c),
                c => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            }
        }
        out.push(quote);
        out
    }
}

fn own(m: &mut Machine, a: &Arguments) -> R<Vec<u8>> {
    let given = a.values.first().copied().unwrap_or(Value::None);
    match m.bytes_of(given) {
        Some(bytes) => Ok(bytes),
        None => {
            let name = m.type_name(given);
            m.type_error(format!("a bytes-like object is required, not '{name}'"))
        }
    }
}

fn new(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [given, encoding] = m.sorted(a, "bytes", 0, ["source", "encoding"])?;
    let bytes = match given {
        Value::Unset => Vec::new(),
        Value::Bytes(_) => return value(given),
        Value::Str(_) if encoding == Value::Unset => {
            return m.type_error("string argument without an encoding");
        }
        Value::Str(_) => {
            let arguments = Arguments { values: vec![given, encoding], named: Vec::new() };
            return encode(m, &arguments);
        }
        Value::Int(count) => {
            let Ok(count) = usize::try_from(count) else {
                return m.value_error("negative count");
            };
            m.charge(count / 16)?;
            vec![0; count]
        }
        items => m.bytes_argument(items)?,
    };
    value(m.bytes_value(&bytes)?)
}

/// Which encoding is meant, of those that there are.
fn encoding(m: &mut Machine, given: Value) -> R<&'static str> {
    if given == Value::Unset {
        return Ok("utf-8");
    }
    let name = m.plain_str(given)?.to_lowercase().replace('_', "-");
    match name.as_str() {
        "utf-8" | "utf8" => Ok("utf-8"),
        "ascii" => Ok("ascii"),
        "latin-1" | "latin1" | "iso-8859-1" => Ok("latin-1"),
        _ => Err(Raise::Stop(format!("the encoding {name}: there are utf-8, ascii and latin-1"))),
    }
}

fn encode(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [text, name, _] = m.sorted(a, "encode", 1, ["self", "encoding", "errors"])?;
    let (text, name) = (m.text_argument(text)?, encoding(m, name)?);
    let most = if name == "ascii" { 0x7f } else { 0xff };
    if name == "utf-8" {
        return value(m.bytes_value(text.as_bytes())?);
    }
    let bytes = text.chars().map(|c| u8::try_from(c).ok().filter(|byte| *byte <= most));
    match bytes.collect::<Option<Vec<u8>>>() {
        Some(bytes) => value(m.bytes_value(&bytes)?),
        None => m.value_error(format!("'{name}' codec can't encode this text")),
    }
}

fn decode(m: &mut Machine, a: &Arguments) -> R<Done> {
    let names = ["self", "encoding", "errors"];
    let [_, name, errors] = m.sorted(a, "decode", 1, names)?;
    let (bytes, name) = (own(m, a)?, encoding(m, name)?);
    let replaces = errors != Value::Unset && m.plain_str(errors)? != "strict";
    let text = match name {
        "latin-1" => bytes.iter().map(|byte| char::from(*byte)).collect(),
        _ => match String::from_utf8(bytes) {
            Ok(text) if name == "utf-8" || text.is_ascii() => text,
            Err(error) if replaces => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            Ok(_) => return m.value_error("'ascii' codec can't decode these bytes"),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let byte = error.as_bytes().get(at).copied().unwrap_or(0);
                return m.value_error(format!(
                    "'utf-8' codec can't decode byte {byte:#04x} in position {at}: invalid byte"
                ));
            }
        },
    };
    m.charge(text.len() / 16)?;
    value(m.text_value(&text))
}

fn hex(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [bytes, separator] = m.sorted(a, "hex", 1, ["self", "sep"])?;
    let separator = match separator {
        Value::Unset => "".into(),
        given => m.text_argument(given)?,
    };
    let bytes = m.bytes_of(bytes).unwrap_or_default();
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    value(m.text_value(&digits.join(&separator)))
}

fn ascii(m: &mut Machine, a: &Arguments, f: fn(&u8) -> u8) -> R<Done> {
    let bytes: Vec<u8> = own(m, a)?.iter().map(f).collect();
    value(m.bytes_value(&bytes)?)
}

/// A method of strings, on bytes.
fn as_text(m: &mut Machine, a: &Arguments, method: &str) -> R<Done> {
    own(m, a)?;
    let mut values = Vec::new();
    for given in &a.values {
        values.push(match given {
            Value::Bytes(text) => Value::Str(*text),
            Value::Str(_) => return m.type_error("a bytes-like object is required, not 'str'"),
            other => match other.id().map(|id| m.world.heap.get(id)) {
                Some(Object::List(items) | Object::Tuple(items)) => {
                    let items = items.iter().map(|item| match item {
                        Value::Bytes(text) => Value::Str(*text),
                        other => *other,
                    });
                    let items = items.collect();
                    m.add(Object::List(items))
                }
                _ => *other,
            },
        });
    }
    let name = m.strings.intern(method);
    let Some(function) = m.method("str", name) else { return value(Value::None) };
    let arguments = Arguments { values, named: a.named.clone() };
    match m.call_value(function, arguments, Then::Push)? {
        Done::Value(Value::Str(text)) => value(Value::Bytes(text)),
        Done::Value(Value::Ref(id)) => {
            if let Object::List(items) = m.world.heap.get_mut(id) {
                for item in items.iter_mut() {
                    if let Value::Str(text) = item {
                        *item = Value::Bytes(*text);
                    }
                }
            }
            value(Value::Ref(id))
        }
        done => Ok(done),
    }
}
