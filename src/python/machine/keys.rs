//! Keys of dicts and sets.
//!
//! *Promises*: values that are equal in Python are one key. Of objects with a `__hash__` and an
//! `__eq__` in Python, both are called once, before the object is first a key; what they find is
//! kept in the object, and the instruction done again.
//! *Leaves out*: an object whose hash changes after that, which is a mistake in Python as well.

use crate::python::code::instruction::Place;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::numbers::whole;
use crate::python::machine::terms::{Arguments, Done, Flow, R, Raise};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::Object;
use crate::python::value::table::Key;
use crate::python::value::types::Type;

/// The attribute that keeps which key an object is. No program can write it.
pub(crate) const KEY: &str = "<key>";

/// The attribute that keeps the tuple that a named tuple is.
const VALUES: &str = "<values>";
/// What begins the key of a value that is no tuple: no value has this key.
const KIND: Key = Key::Native(u32::MAX);

/// How deep tuples may be nested in a key.
const DEEPEST: usize = 100;

impl Machine {
    /// A key of a dict, for a value.
    ///
    /// # Errors
    /// `TypeError` if it cannot be one; [`Raise::Key`] if Python code has to say which.
    pub fn key(&mut self, value: Value) -> R<Key> {
        self.key_within(value, 0)
    }

    fn key_within(&mut self, value: Value, depth: usize) -> R<Key> {
        if depth > DEEPEST {
            return Err(self.error("RecursionError", "maximum recursion depth exceeded"));
        }
        Ok(match value {
            Value::Unset | Value::None => Key::None,
            Value::Bool(bool) => Key::Int(i64::from(bool)),
            Value::Int(int) => Key::Int(int),
            Value::Float(float) => whole(float).map_or(Key::Float(float.to_bits()), Key::Int),
            Value::Str(text) => Key::Str(text),
            Value::Bytes(text) => Key::Tuple(vec![KIND, Key::Type(Type::Bytes), Key::Str(text)]),
            Value::Type(t) => Key::Type(t),
            Value::Native(number) | Value::Module(number) => Key::Native(number),
            Value::Ref(id) => match self.world.heap.get(id) {
                Object::Tuple(items) => {
                    let items = items.clone();
                    let keys = items.into_iter().map(|item| self.key_within(item, depth + 1));
                    Key::Tuple(keys.collect::<R<Vec<Key>>>()?)
                }
                Object::List(_) | Object::Dict(..) | Object::Set(_) | Object::Deque(..) => {
                    let name = self.type_name(value);
                    return self.type_error(format!("unhashable type: '{name}'"));
                }
                // Of the same object, whether that can be a key or not.
                Object::Method { receiver, function } => {
                    let (receiver, function) = (*receiver, *function);
                    let receiver = match receiver {
                        Value::Ref(id) => Key::Same(id),
                        other => self.key_within(other, depth + 1)?,
                    };
                    Key::Tuple(vec![KIND, receiver, self.key_within(function, depth + 1)?])
                }
                Object::Instance(_) => match self.named_values(value) {
                    Some(values) => self.key_within(values, depth + 1)?,
                    None => self.instance_key(value, id)?,
                },
                _ => Key::Same(id),
            },
        })
    }

    /// The tuple that a named tuple is, if the value is one.
    pub(crate) fn named_values(&mut self, value: Value) -> Option<Value> {
        let name = self.strings.intern(VALUES);
        match self.world.heap.get(value.id()?) {
            Object::Instance(instance) => instance.attributes.get(name),
            _ => None,
        }
    }

    fn instance_key(&mut self, value: Value, id: Id) -> R<Key> {
        match self.hashing(value) {
            (None, _) => return Ok(Key::Same(id)),
            (Some(false), _) => {
                let name = self.type_name(value);
                return self.type_error(format!("unhashable type: '{name}'"));
            }
            (Some(true), false) => return Ok(Key::Same(id)),
            (Some(true), true) => {}
        }
        let name = self.strings.intern(KEY);
        match self.world.heap.get(id) {
            Object::Instance(instance) => match instance.attributes.get(name) {
                Some(Value::Ref(same)) => Ok(Key::Same(same)),
                _ => Err(Raise::Key(value)),
            },
            _ => Ok(Key::Same(id)),
        }
    }

    /// Whether the class says how its instances are hashed, and can be; and whether it has an
    /// `__eq__`.
    pub(crate) fn hashing(&mut self, value: Value) -> (Option<bool>, bool) {
        let Some(class) = self.class_of(value) else { return (None, false) };
        let [eq, hash] = ["__eq__", "__hash__"].map(|name| self.strings.intern(name));
        let has_eq = self.lookup(class, eq).is_some();
        for class in self.linear(class) {
            let Object::Class(class) = self.world.heap.get(class) else { continue };
            match (class.attributes.get(eq), class.attributes.get(hash)) {
                (_, Some(Value::None)) | (Some(_), None) => return (Some(false), has_eq),
                (_, Some(_)) => return (Some(true), has_eq),
                (None, None) => {}
            }
        }
        (None, has_eq)
    }

    /// Lets Python code find out which key a value is; the instruction, whose operands are still
    /// on the stack, is done again then.
    pub(crate) fn find_key(&mut self, value: Value) -> R<Flow> {
        self.frame().at -= 1;
        let find = self.prelude("_find_key");
        let arguments = Arguments { values: vec![value], named: Vec::new() };
        self.call_value(find, arguments, Then::Discard)?;
        Ok(Flow::Next(Place::Straight))
    }

    /// The same, before an instruction that takes its operands off the stack: the values at these
    /// places from the top. `None` if there is nothing to be found out.
    pub(crate) fn find_keys(&mut self, places: std::ops::Range<usize>) -> R<Option<Flow>> {
        for place in places {
            let value = self.peek(place);
            if let Value::Ref(_) = value
                && let Err(Raise::Key(value)) = self.key(value)
            {
                return self.find_key(value).map(Some);
            }
        }
        Ok(None)
    }

    /// Calls a function of the library again when it is known which key a value is.
    pub(crate) fn call_with_key(
        &mut self,
        callee: Value,
        arguments: &Arguments,
        value: Value,
        then: Then,
    ) -> R<Done> {
        let values = self.add(Object::Tuple(arguments.values.clone()));
        let named = arguments.named.iter().map(|(name, value)| (Value::Str(*name), *value));
        let named = self.keyword_rest(named.collect())?;
        let function = self.prelude("_call_with_key");
        let values = vec![value, callee, values, named];
        self.call_value(function, Arguments { values, named: Vec::new() }, then)
    }
}
