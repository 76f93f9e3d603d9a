//! `text % values`.
//!
//! *Promises*: conversions, flags, widths and named fields as in Python.
//! *Leaves out*: how a number is laid out (`python/machine/spec.rs`).

use crate::python::machine::interpreter::Machine;
use crate::python::machine::operators::as_float;
use crate::python::machine::spec::Spec;
use crate::python::machine::terms::{R, Raise};
use crate::python::machine::text::escaped;
use crate::python::value::any::{Id, Value};
use crate::python::value::object::Object;
use crate::python::value::table::Key;

/// A width or a number of digits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Size {
    None,
    Given(usize),
    /// `*`: the next value says it.
    Next,
}

/// One field of a format.
#[derive(Debug)]
pub(crate) struct Percent {
    pub(crate) name: Option<String>,
    pub(crate) flags: String,
    pub(crate) width: Size,
    pub(crate) digits: Size,
    pub(crate) kind: char,
}

/// Texts and the fields behind them; or what is wrong.
pub(crate) fn percents(text: &str) -> Result<Vec<(String, Option<Percent>)>, String> {
    let mut chars = text.chars().enumerate().peekable();
    let (mut found, mut literal) = (Vec::new(), String::new());
    while let Some((_, c)) = chars.next() {
        if c != '%' {
            literal.push(c);
            continue;
        }
        let mut name = None;
        if chars.next_if(|(_, c)| *c == '(').is_some() {
            let (mut inner, mut open) = (String::new(), 1);
            while open > 0 {
                let (_, c) = chars.next().ok_or("incomplete format key")?;
                open += i32::from(c == '(') - i32::from(c == ')');
                inner.push(c);
            }
            inner.pop();
            name = Some(inner);
        }
        let mut take = |wanted: &str| {
            let mut taken = String::new();
            while let Some((_, c)) = chars.next_if(|(_, c)| wanted.contains(*c)) {
                taken.push(c);
            }
            taken
        };
        let flags = take("-+ #0");
        let size = |text: String| match text.as_str() {
            "" => Size::None,
            "*" => Size::Next,
            digits => digits.parse().map_or(Size::Given(usize::MAX), Size::Given),
        };
        let width = size(take("*0123456789"));
        let digits = match take(".").is_empty() {
            true => Size::None,
            false => match size(take("*0123456789")) {
                Size::None => Size::Given(0),
                size => size,
            },
        };
        take("hlL");
        let (at, kind) = chars.next().ok_or("incomplete format")?;
        if !"diuxXofFeEgGcrsa%".contains(kind) {
            let code = u32::from(kind);
            return Err(format!("unsupported format character '{kind}' ({code:#x}) at index {at}"));
        }
        let field = Percent { name, flags, width, digits, kind };
        found.push((std::mem::take(&mut literal), Some(field)));
    }
    found.push((literal, None));
    Ok(found)
}

impl Machine {
    /// Checks that a text of so many bytes, which is being made, is not too much by itself.
    ///
    /// # Errors
    /// [`Raise::Stop`] if it is.
    pub(crate) fn check_room(&self, bytes: usize) -> R<()> {
        if bytes / 16 <= self.limits.items {
            return Ok(());
        }
        let megabytes = self.limits.items / 65_536;
        Err(Raise::Stop(format!("it needs more than {megabytes} MB of memory")))
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
        let mapping = value.id().filter(|id| matches!(self.world.heap.get(*id), Object::Dict(..)));
        let fields = match percents(&self.strings.get(text)) {
            Ok(fields) => fields,
            Err(why) => return self.value_error(why),
        };
        let (mut out, mut next) = (String::new(), arguments.iter().copied());
        for (literal, field) in fields {
            out.push_str(&literal);
            let Some(field) = field else { continue };
            let mut flags = field.flags;
            let width = self.percent_size(field.width, &mut next)?.unwrap_or(0);
            if width < 0 {
                flags.push('-');
            }
            let digits = self.percent_size(field.digits, &mut next)?;
            if field.kind == '%' {
                out.push('%');
                continue;
            }
            let value = match field.name {
                Some(name) => self.percent_named(mapping, &name)?,
                None => self.percent_next(&mut next)?,
            };
            let spec = Spec {
                width: usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX),
                precision: digits.map(|digits| usize::try_from(digits).unwrap_or(0)),
                ..percent_flags(&flags)
            };
            let formatted = self.percent_one(spec, field.kind, value)?;
            self.check_room(out.len() + formatted.len())?;
            out.push_str(&formatted);
        }
        if all && next.next().is_some() {
            return self.type_error("not all arguments converted during string formatting");
        }
        self.charge(out.len() / 16)?;
        Ok(self.text_value(&out))
    }

    fn percent_next(&mut self, next: &mut impl Iterator<Item = Value>) -> R<Value> {
        match next.next() {
            Some(value) => Ok(value),
            None => self.type_error("not enough arguments for format string"),
        }
    }

    fn percent_size(
        &mut self,
        size: Size,
        next: &mut impl Iterator<Item = Value>,
    ) -> R<Option<i64>> {
        match size {
            Size::None => Ok(None),
            Size::Given(size) => Ok(Some(i64::try_from(size).unwrap_or(i64::MAX))),
            Size::Next => match self.percent_next(next)? {
                Value::Int(size) => Ok(Some(size)),
                _ => self.type_error("* wants int"),
            },
        }
    }

    fn percent_named(&mut self, mapping: Option<Id>, name: &str) -> R<Value> {
        let id = self.strings.intern(name);
        match mapping.map(|id| self.world.heap.get(id)) {
            Some(Object::Dict(table, _)) => match table.get(&Key::Str(id)) {
                Some(value) => Ok(value),
                None => Err(self.exception("KeyError", vec![Value::Str(id)])),
            },
            _ => self.type_error("format requires a mapping"),
        }
    }

    fn percent_one(&mut self, mut spec: Spec, kind: char, value: Value) -> R<String> {
        self.no_python_text(value)?;
        for name in ["__int__", "__index__", "__float__"] {
            let name = self.strings.intern(name);
            if !"sra".contains(kind) && self.class_attribute(value, name).is_some() {
                return Err(Raise::Python);
            }
        }
        self.charge(spec.width.saturating_add(spec.precision.unwrap_or(0)) / 4)?;
        let laid = match kind {
            's' | 'r' | 'a' | 'c' => {
                let text = match kind {
                    's' => self.plain_str(value)?,
                    'r' => self.plain_repr(value)?,
                    'a' => escaped(&self.plain_repr(value)?),
                    _ => self.percent_char(value)?,
                };
                let align = spec.align.or(Some('>'));
                let precision = spec.precision.filter(|_| kind != 'c');
                Some(Spec { align, precision, width: spec.width, ..Spec::default() }.text(&text))
            }
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
                let int = self.percent_int(value, kind)?;
                spec.kind = Some(if "iu".contains(kind) { 'd' } else { kind });
                let least = spec.precision.take().unwrap_or(0);
                spec.int(int, least)
            }
            _ => {
                let Some(float) = as_float(value) else {
                    let name = self.type_name(value);
                    return self.type_error(format!("must be real number, not {name}"));
                };
                spec.kind = Some(kind);
                spec.float(float)
            }
        };
        match laid {
            Some(Ok(text)) => Ok(text),
            Some(Err(why)) => self.value_error(why),
            None => self.value_error("precision too large"),
        }
    }

    fn percent_int(&mut self, value: Value, kind: char) -> R<i64> {
        let what = match (value, "diu".contains(kind)) {
            (Value::Int(_) | Value::Bool(_), _) => return self.int_argument(value),
            (Value::Float(float), true) => return self.as_whole(float.trunc()),
            (_, true) => "a real number",
            (_, false) => "an integer",
        };
        let name = self.type_name(value);
        self.type_error(format!("%{kind} format: {what} is required, not {name}"))
    }

    fn percent_char(&mut self, value: Value) -> R<String> {
        let text = match value {
            Value::Str(text) => self.strings.text(text).to_owned(),
            _ => match value.as_int() {
                Some(int) => match u32::try_from(int).ok().and_then(char::from_u32) {
                    Some(c) => c.to_string(),
                    None => {
                        return Err(self.error("OverflowError", "%c arg not in range(0x110000)"));
                    }
                },
                None => String::new(),
            },
        };
        match text.chars().count() {
            1 => Ok(text),
            _ => self.type_error("%c requires int or char"),
        }
    }
}

/// The flags of a field, as a specification has them.
fn percent_flags(flags: &str) -> Spec {
    let left = flags.contains('-');
    let zeros = flags.contains('0') && !left;
    Spec {
        align: left.then_some('<'),
        sign: ['+', ' '].into_iter().find(|sign| flags.contains(*sign)),
        alternate: flags.contains('#'),
        zeros,
        fill: zeros.then_some('0'),
        ..Spec::default()
    }
}
