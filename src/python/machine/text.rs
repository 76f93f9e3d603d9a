//! Values as text: `repr` and `str`.
//!
//! *Promises*: built-in values print as CPython prints them; a container that holds itself prints
//! `...` for itself; an object without a `__repr__` has no address, for an address is chance.
//! *Leaves out*: format specifications (`python/machine/format.rs`).

use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Done, Location, R};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{Attributes, Deque, DictKind, Object, Part, Sync};
use crate::python::value::types::Type;

/// How deep containers may be nested to be printed.
const DEEPEST: usize = 100;

impl Machine {
    /// `repr(value)`; of an object with a `__repr__`, or a container of such, by Python code.
    pub fn repr_of(&mut self, value: Value) -> R<Done> {
        if let Some(done) = self.text_method(value, &["__repr__"])? {
            return Ok(done);
        }
        if self.has_python_repr(value, 0) {
            let name = match value.id().map(|id| self.world.heap.get(id)) {
                Some(Object::List(_)) => "_repr_list",
                Some(Object::Tuple(_)) => "_repr_tuple",
                Some(Object::Dict(..)) => "_repr_dict",
                _ => "_repr_set",
            };
            let function = self.prelude(name);
            let arguments = Arguments { values: vec![value], named: Vec::new() };
            return self.call_value(function, arguments, Then::Push);
        }
        let text = self.plain_repr(value)?;
        Ok(Done::Value(self.text_value(&text)))
    }

    /// `str(value)`.
    pub fn str_of(&mut self, value: Value) -> R<Done> {
        if let Value::Str(_) = value {
            return Ok(Done::Value(value));
        }
        if let Some(done) = self.text_method(value, &["__str__", "__repr__"])? {
            return Ok(done);
        }
        if self.class_of(value).is_some() {
            let text = self.plain_str(value)?;
            return Ok(Done::Value(self.text_value(&text)));
        }
        self.repr_of(value)
    }

    /// `__format__` of a class; `None` if it has none.
    pub(crate) fn format_method(&mut self, value: Value, spec: &str) -> R<Option<Done>> {
        if self.class_of(value).is_none() {
            return Ok(None);
        }
        let name = self.strings.intern("__format__");
        let Some(method) = self.class_attribute(value, name) else { return Ok(None) };
        let spec = self.text_value(spec);
        let arguments = Arguments { values: vec![value, spec], named: Vec::new() };
        self.call_value(method, arguments, Then::Text).map(Some)
    }

    fn text_method(&mut self, value: Value, names: &[&str]) -> R<Option<Done>> {
        if self.class_of(value).is_none() {
            return Ok(None);
        }
        for name in names {
            let name = self.strings.intern(name);
            if let Some(method) = self.class_attribute(value, name) {
                let arguments = Arguments { values: vec![value], named: Vec::new() };
                return self.call_value(method, arguments, Then::Text).map(Some);
            }
        }
        Ok(None)
    }

    /// Whether the text of a value takes Python code.
    pub fn has_python_text(&mut self, value: Value) -> bool {
        let name = self.strings.intern("__str__");
        self.class_attribute(value, name).is_some() || self.has_python_repr(value, 0)
    }

    fn has_python_repr(&mut self, value: Value, depth: usize) -> bool {
        let Value::Ref(id) = value else { return false };
        if depth > DEEPEST {
            return false;
        }
        let items: Vec<Value> = match self.world.heap.get(id) {
            Object::Instance(_) => {
                let name = self.strings.intern("__repr__");
                return self.class_attribute(value, name).is_some();
            }
            Object::Tuple(items) | Object::List(items) => items.clone(),
            Object::Dict(table, _) | Object::Set(table) => {
                table.iter().flat_map(|(name, value)| [name, value]).collect()
            }
            _ => return false,
        };
        let objects = items.into_iter().filter(|item| matches!(item, Value::Ref(_)));
        let objects: Vec<Value> = objects.collect();
        objects.into_iter().any(|item| item != value && self.has_python_repr(item, depth + 1))
    }

    /// `str(value)`, without code of the program.
    pub fn plain_str(&mut self, value: Value) -> R<String> {
        if let Value::Str(text) = value {
            return Ok(self.strings.text(text).to_owned());
        }
        if let Value::Ref(id) = value
            && self.is_a(id, "BaseException")
        {
            let arguments = self.exception_arguments(id);
            return match arguments.as_slice() {
                [] => Ok(String::new()),
                [one] if self.is_a(id, "KeyError") => self.plain_repr(*one),
                [one] => self.plain_str(*one),
                [code, text] if self.is_a(id, "OSError") => {
                    let (code, text) = (self.plain_str(*code)?, self.plain_str(*text)?);
                    Ok(format!("[Errno {code}] {text}"))
                }
                [message, errors] if self.is_a(id, "ExceptionGroup") => {
                    let (message, count) = (self.plain_str(*message)?, self.items(*errors)?.len());
                    let s = if count == 1 { "" } else { "s" };
                    Ok(format!("{message} ({count} sub-exception{s})"))
                }
                _ => {
                    let parts = self.joined(&arguments, &mut Vec::new())?;
                    Ok(format!("({parts})"))
                }
            };
        }
        self.plain_repr(value)
    }

    /// What an exception was made with.
    pub fn exception_arguments(&mut self, id: Id) -> Vec<Value> {
        let name = self.known.args;
        let Object::Instance(instance) = self.world.heap.get(id) else { return Vec::new() };
        let tuple = instance.attributes.get(name).and_then(Value::id);
        match tuple.map(|id| self.world.heap.get(id)) {
            Some(Object::Tuple(items)) => items.clone(),
            _ => Vec::new(),
        }
    }

    /// `repr(value)`, without code of the program.
    pub fn plain_repr(&mut self, value: Value) -> R<String> {
        self.repr_within(value, &mut Vec::new())
    }

    fn repr_within(&mut self, value: Value, outer: &mut Vec<Id>) -> R<String> {
        let id = match value {
            Value::Unset | Value::None => return Ok("None".to_owned()),
            Value::Bool(true) => return Ok("True".to_owned()),
            Value::Bool(false) => return Ok("False".to_owned()),
            Value::Int(int) => return Ok(int.to_string()),
            Value::Float(float) => return Ok(float_text(float)),
            Value::Bytes(text) => return Ok(Machine::bytes_repr(self.strings.text(text))),
            Value::Str(text) => return Ok(quoted(self.strings.text(text))),
            Value::Type(Type::NotImplemented) => return Ok("NotImplemented".to_owned()),
            Value::Type(Type::Ellipsis) => return Ok("Ellipsis".to_owned()),
            Value::Type(t) => return Ok(format!("<class '{}'>", t.name())),
            Value::Native(number) => {
                let name = self.library.get(number as usize).map_or("", |row| row.name);
                let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
                return Ok(format!("<built-in function {name}>"));
            }
            Value::Module(_) => return Ok("<module>".to_owned()),
            Value::Ref(id) => id,
        };
        if outer.len() > DEEPEST {
            let text = "maximum recursion depth exceeded while getting the repr of an object";
            return Err(self.error("RecursionError", text));
        }
        self.note(Location::Object(id), false);
        let cycle = outer.contains(&id);
        outer.push(id);
        let text = self.object_repr(id, cycle, outer);
        outer.pop();
        text
    }

    fn object_repr(&mut self, id: Id, cycle: bool, outer: &mut Vec<Id>) -> R<String> {
        Ok(match self.world.heap.get(id).clone() {
            Object::List(_) if cycle => "[...]".to_owned(),
            Object::Tuple(_) if cycle => "(...)".to_owned(),
            Object::Deque(..) if cycle => "[...]".to_owned(),
            Object::Dict(..) | Object::Set(_) if cycle => "{...}".to_owned(),
            Object::List(items) => format!("[{}]", self.joined(&items, outer)?),
            Object::Tuple(items) => match items.as_slice() {
                [one] => format!("({},)", self.repr_within(*one, outer)?),
                _ => format!("({})", self.joined(&items, outer)?),
            },
            Object::Dict(table, kind) => {
                let mut pairs = Vec::new();
                for (name, value) in table.iter() {
                    let name = self.repr_within(name, outer)?;
                    pairs.push(format!("{name}: {}", self.repr_within(value, outer)?));
                }
                let text = format!("{{{}}}", pairs.join(", "));
                match kind {
                    DictKind::Plain => text,
                    DictKind::Default(factory) => {
                        let factory = self.repr_within(factory, outer)?;
                        format!("defaultdict({factory}, {text})")
                    }
                    DictKind::Ordered if table.is_empty() => "OrderedDict()".to_owned(),
                    DictKind::Ordered => format!("OrderedDict({text})"),
                    DictKind::Counter if table.is_empty() => "Counter()".to_owned(),
                    DictKind::Counter => self.counter_repr(&table, outer)?,
                }
            }
            Object::Set(table) if table.is_empty() => "set()".to_owned(),
            Object::Set(table) => {
                let items = set_order(table.iter().map(|(name, _)| name).collect());
                format!("{{{}}}", self.joined(&items, outer)?)
            }
            Object::Deque(Deque { items, most, .. }) => {
                let items: Vec<Value> = items.into_iter().collect();
                let text = self.joined(&items, outer)?;
                match most {
                    Some(most) => format!("deque([{text}], maxlen={most})"),
                    None => format!("deque([{text}])"),
                }
            }
            Object::Range(start, stop, 1) => format!("range({start}, {stop})"),
            Object::Range(start, stop, step) => format!("range({start}, {stop}, {step})"),
            Object::Slice(parts) => format!("slice({})", self.joined(&parts, outer)?),
            Object::View(_, part) => {
                let name = match part {
                    Part::Keys => "dict_keys",
                    Part::Values => "dict_values",
                    Part::Items => "dict_items",
                };
                let items = self.items(Value::Ref(id))?;
                format!("{name}([{}])", self.joined(&items, outer)?)
            }
            Object::Function(function) => {
                format!("<function {}>", self.program.codes[function.code as usize].name)
            }
            Object::Class(class) => {
                match (id.0 as usize) < crate::python::code::modules::EXCEPTIONS.len() {
                    true => format!("<class '{}'>", self.strings.text(class.name)),
                    false => format!("<class '__main__.{}'>", self.strings.text(class.name)),
                }
            }
            Object::Instance(instance) => self.instance_repr(id, &instance.attributes, outer)?,
            Object::Method { .. } => "<bound method>".to_owned(),
            Object::Generator(_) => "<generator object>".to_owned(),
            Object::Iter(_) => "<iterator object>".to_owned(),
            Object::Count(next, 1) => format!("count({next})"),
            Object::Count(next, step) => format!("count({next}, {step})"),
            Object::Sync(sync) => sync_repr(&sync),
            Object::Local(_) => "<local object>".to_owned(),
            Object::Asyncio(asyncio) => self.asyncio_repr(id, &asyncio)?,
            Object::Cell(_) | Object::Free => "<cell>".to_owned(),
        })
    }

    fn counter_repr(
        &mut self,
        table: &crate::python::value::table::Table,
        outer: &mut Vec<Id>,
    ) -> R<String> {
        let mut pairs: Vec<(Value, Value)> = table.iter().collect();
        pairs.sort_by_key(|(_, count)| std::cmp::Reverse(count.as_int()));
        let mut texts = Vec::new();
        for (name, count) in pairs {
            let name = self.repr_within(name, outer)?;
            texts.push(format!("{name}: {}", self.repr_within(count, outer)?));
        }
        Ok(format!("Counter({{{}}})", texts.join(", ")))
    }

    fn instance_repr(&mut self, id: Id, own: &Attributes, outer: &mut Vec<Id>) -> R<String> {
        let name = self.type_name(Value::Ref(id));
        if self.is_a(id, "BaseException") {
            let arguments = self.exception_arguments(id);
            return Ok(format!("{name}({})", self.joined(&arguments, outer)?));
        }
        let class = self.class_of(Value::Ref(id));
        if class.is_some_and(|class| self.is_subclass(class, self.thread_class())) {
            let key = self.strings.intern("name");
            let thread = match own.get(key) {
                Some(Value::Str(text)) => self.strings.text(text).to_owned(),
                _ => String::new(),
            };
            return Ok(format!("<{name}({thread})>"));
        }
        Ok(format!("<__main__.{name} object>"))
    }

    fn joined(&mut self, items: &[Value], outer: &mut Vec<Id>) -> R<String> {
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            texts.push(self.repr_within(*item, outer)?);
        }
        Ok(texts.join(", "))
    }
}

/// CPython's order of small ints in a set is mostly that of their values; of all else it is chance,
/// and here that of insertion.
fn set_order(items: Vec<Value>) -> Vec<Value> {
    let mut items = items;
    if items.iter().all(|item| item.as_int().is_some_and(|int| int >= 0)) {
        items.sort_by_key(|item| item.as_int());
    }
    items
}

fn sync_repr(sync: &Sync) -> String {
    match sync {
        Sync::Lock { owner: None } => "<unlocked _thread.lock object>".to_owned(),
        Sync::Lock { .. } => "<locked _thread.lock object>".to_owned(),
        Sync::RLock { .. } => "<_thread.RLock object>".to_owned(),
        Sync::Condition { .. } => "<Condition object>".to_owned(),
        Sync::Event { .. } => "<threading.Event object>".to_owned(),
        Sync::Semaphore { .. } => "<threading.Semaphore object>".to_owned(),
        Sync::Barrier { .. } => "<threading.Barrier object>".to_owned(),
        Sync::Queue { .. } => "<queue.Queue object>".to_owned(),
        Sync::Pool { .. } => "<pool of workers>".to_owned(),
    }
}

/// Every decimal of so many digits is another float.
const MOST_SURE: usize = 15;

/// A float as Python's `repr` writes it.
///
/// ```
/// use singletrack::python::machine::text::float_text;
///
/// assert_eq!(float_text(1.0), "1.0");
/// assert_eq!(float_text(1e16), "1e+16");
/// assert_eq!(float_text(0.0001), "0.0001");
/// assert_eq!(float_text(0.00001), "1e-05");
/// ```
pub fn float_text(float: f64) -> String {
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let mut text = format!("{float:e}");
    let count = text.bytes().take_while(|c| *c != b'e').filter(u8::is_ascii_digit).count();
    // Two decimals of this length can be as near as each other: Python's is the even one.
    let even = format!("{float:.*e}", count - 1);
    if count > MOST_SURE && even.parse() == Ok(float) {
        text = even;
    }
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if float != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let places = usize::try_from(i32::try_from(count).unwrap_or(1) - 1 - exponent).unwrap_or(0);
    format!("{float:.*}", places.max(1))
}

/// A text with its characters beyond ASCII as escapes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c) {
            0..=0x7f => out.push(c),
            code @ 0x80..=0xff => out.push_str(&format!("\\x{code:02x}")),
            code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    out
}

/// A text as Python's `repr` writes it.
///
/// ```
/// use singletrack::python::machine::text::quoted;
///
/// assert_eq!(quoted("it's"), "\"it's\"");
/// assert_eq!(quoted("a\nb"), "'a\\nb'");
/// ```
pub fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if (c as u32) < 0x20 || (0x7f..0xa0).contains(&(c as u32)) => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}
