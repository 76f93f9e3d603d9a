//! Properties, static methods and class methods, and attributes that come with a type.
//!
//! *Promises*: what is a call in Python is a call here: a property's functions are frames.
//! *Leaves out*: descriptors that a program writes itself.

use crate::python::front::tree::private;
use crate::python::machine::interpreter::{Machine, WRAPPERS};
use crate::python::machine::terms::{Arguments, Done, R};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{DictKind, Object, Sync};
use crate::python::value::strings::StrId;
use crate::python::value::types::Type;

impl Machine {
    /// The class of `property`, `staticmethod` or `classmethod`.
    pub(crate) fn wrapper_class(&self, kind: &str) -> Option<Id> {
        let at = WRAPPERS.iter().position(|name| *name == kind)?;
        Some(Id(self.thread_class().0 + 1 + u32::try_from(at).ok()?))
    }

    /// What a property, a static method or a class method was made of.
    pub(crate) fn wrapped(&self, value: Value, kind: &str) -> Option<Value> {
        let Object::Instance(instance) = self.world.heap.get(value.id()?) else { return None };
        let wanted = self.wrapper_class(kind)?;
        let first = || instance.attributes.0.first().map(|(_, value)| *value);
        (instance.class == wanted).then(first).flatten()
    }

    /// An object of a frozen class, or a named tuple, when it is made, is not changed any more.
    fn is_frozen(&mut self, object: Value, name: StrId, what: &str) -> R<bool> {
        let [frozen, made] = ["<frozen>", "<made>"].map(|mark| self.strings.intern(mark));
        let Some(Object::Instance(own)) = object.id().map(|id| self.world.heap.get(id)) else {
            return Ok(false);
        };
        let (class, made) = (own.class, own.attributes.get(made).is_some());
        // A class derived from a frozen one may have attributes more.
        let is_own = match self.world.heap.get(class) {
            Object::Class(class) => class.attributes.get(frozen).is_some(),
            _ => false,
        };
        let is_field = match self.lookup(class, frozen) {
            Some(fields) => is_own || self.items(fields)?.contains(&Value::Str(name)),
            None => false,
        };
        match [is_field, made] {
            [true, _] => {
                let function = self.prelude("dataclasses._refuse_frozen");
                let values = vec![Value::Str(name), self.text_value(what)];
                let arguments = Arguments { values, named: Vec::new() };
                self.call_value(function, arguments, Then::Discard)?;
                Ok(true)
            }
            [_, true] => Err(self.error("AttributeError", "can't set attribute")),
            _ => Ok(false),
        }
    }

    /// Sets an attribute for which the class has a property, or refuses one that it has no slot
    /// for; `false` if it has neither.
    pub(crate) fn set_by_class(
        &mut self,
        object: Value,
        name: StrId,
        value: Value,
        then: Then,
    ) -> R<bool> {
        if self.has_frozen && self.is_frozen(object, name, "assign to")? {
            return Ok(true);
        }
        if let Some(Object::Instance(instance)) = object.id().map(|id| self.world.heap.get(id))
            && instance.attributes.get(name).is_some()
        {
            return Ok(false);
        }
        let Some(class) = self.class_of(object) else { return Ok(false) };
        if let Some(setter) = self.property_part(object, name, (1, "setter"))? {
            let arguments = Arguments { values: vec![object, value], named: Vec::new() };
            self.call_value(setter, arguments, then)?;
            return Ok(true);
        }
        if self.has_slots && !self.has_slot(class, name)? {
            return self.no_attribute(object, name);
        }
        Ok(false)
    }

    /// Deletes an attribute for which the class has a property; `None` if it has none.
    pub(crate) fn delete_by_class(
        &mut self,
        object: Value,
        name: StrId,
        then: Then,
    ) -> R<Option<Done>> {
        if self.has_frozen && self.is_frozen(object, name, "delete")? {
            return Ok(Some(Done::Entered));
        }
        let Some(deleter) = self.property_part(object, name, (2, "deleter"))? else {
            return Ok(None);
        };
        let arguments = Arguments { values: vec![object], named: Vec::new() };
        self.call_value(deleter, arguments, then).map(Some)
    }

    /// A function of the property that the class of an object has for a name, if it has one.
    fn property_part(
        &mut self,
        object: Value,
        name: StrId,
        (at, what): (usize, &str),
    ) -> R<Option<Value>> {
        let found = self.class_of(object).and_then(|class| self.lookup(class, name));
        let Some(property) = found.filter(|p| self.wrapped(*p, "property").is_some()) else {
            return Ok(None);
        };
        let part = match property.id().map(|id| self.world.heap.get(id)) {
            Some(Object::Instance(own)) => own.attributes.0.get(at).map(|(_, value)| *value),
            _ => None,
        };
        if part.is_some_and(|part| part != Value::None) {
            return Ok(part);
        }
        let (name, class) = (self.strings.get(name), self.type_name(object));
        let text = format!("property '{name}' of '{class}' object has no {what}");
        Err(self.error("AttributeError", text))
    }

    /// Whether the `__slots__` of a class leave room for an attribute.
    fn has_slot(&mut self, class: Id, name: StrId) -> R<bool> {
        let slots = self.strings.intern("__slots__");
        for class in self.linear(class) {
            let Object::Class(own) = self.world.heap.get(class) else { return Ok(true) };
            let (class, found) = (own.name, own.attributes.get(slots));
            let names = match found {
                None => return Ok(true),
                Some(one @ Value::Str(_)) => vec![one],
                Some(names) => self.items(names)?,
            };
            let wanted = self.strings.text(name);
            let is_slot = |slot: &Value| match slot {
                Value::Str(slot) => {
                    let (class, slot) = (self.strings.text(class), self.strings.text(*slot));
                    slot == wanted || private(class, slot).as_deref() == Some(wanted)
                }
                _ => false,
            };
            if names.iter().any(is_slot) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a class has by being one.
    pub(crate) fn class_fact(&mut self, class: Id, name: &str) -> Option<Value> {
        match name {
            "__mro__" => {
                let object = Value::Type(Type::Object);
                let line = self.linear(class).into_iter().map(Value::Ref);
                let line = line.chain(std::iter::once(object)).collect();
                Some(self.add(Object::Tuple(line)))
            }
            "__bases__" => {
                let bases = match self.world.heap.get(class) {
                    Object::Class(class) => class.bases.clone(),
                    _ => Vec::new(),
                };
                let bases = bases.into_iter().map(Value::Ref).collect();
                Some(self.add(Object::Tuple(bases)))
            }
            "__qualname__" => {
                let name = self.class_name(class);
                Some(self.text_value(&name))
            }
            "__module__" => Some(self.text_value("__main__")),
            "__doc__" => Some(Value::None),
            _ => None,
        }
    }

    /// What a function has by being one.
    pub(crate) fn function_fact(
        &mut self,
        code: u32,
        defaults: Vec<Value>,
        name: &str,
    ) -> Option<Value> {
        let code = &self.program.codes[code as usize];
        match name {
            "__name__" | "__qualname__" => {
                let name = code.name.clone();
                Some(self.text_value(&name))
            }
            "__doc__" => Some(match code.doc.clone() {
                Some(doc) => self.text_value(&doc),
                None => Value::None,
            }),
            "__module__" => Some(self.text_value("__main__")),
            "__defaults__" if defaults.is_empty() => Some(Value::None),
            "__defaults__" => Some(self.add(Object::Tuple(defaults))),
            _ => None,
        }
    }

    /// What an exception has by being one.
    pub(crate) fn exception_fact(&mut self, value: Value, id: Id, name: StrId) -> Option<Value> {
        if !self.is_a(id, "BaseException") {
            return None;
        }
        let text = self.strings.get(name);
        match &*text {
            "__cause__" | "__context__" | "__traceback__" => Some(Value::None),
            "__suppress_context__" => Some(Value::Bool(false)),
            "errno" | "strerror" if self.is_a(id, "OSError") => {
                let arguments = self.exception_arguments(id);
                let own = if arguments.len() == 2 { arguments } else { vec![Value::None; 2] };
                Some(own[usize::from(&*text == "strerror")])
            }
            "value" | "code" => {
                let wanted = if &*text == "value" { "StopIteration" } else { "SystemExit" };
                let first = self.exception_arguments(id).first().copied();
                self.is_a(id, wanted).then(|| first.unwrap_or(Value::None))
            }
            _ => {
                let function = self.method("BaseException", name)?;
                Some(self.add(Object::Method { receiver: value, function }))
            }
        }
    }

    /// What other values have by what they are.
    pub(crate) fn value_fact(&mut self, value: Value, name: &str) -> Option<Value> {
        match (value, name) {
            (Value::Native(number), "__name__" | "__qualname__") => {
                let name = self.library.get(number as usize)?.name;
                Some(self.text_value(name.rsplit_once('.').map_or(name, |(_, name)| name)))
            }
            (Value::Int(_) | Value::Bool(_), "real" | "numerator") => {
                value.as_int().map(Value::Int)
            }
            (Value::Int(_) | Value::Bool(_), "imag") => Some(Value::Int(0)),
            (Value::Int(_) | Value::Bool(_), "denominator") => Some(Value::Int(1)),
            (Value::Float(_), "real") => Some(value),
            (Value::Float(_), "imag") => Some(Value::Float(0.0)),
            (Value::Ref(id), _) => self.object_fact(id, name),
            _ => None,
        }
    }

    fn object_fact(&mut self, id: Id, name: &str) -> Option<Value> {
        let size = |length: usize| Value::Int(i64::try_from(length).unwrap_or(i64::MAX));
        match (self.world.heap.get(id), name) {
            // `sys.version_info`.
            (Object::Tuple(items), "major" | "minor" | "micro")
                if items.len() == 5 && matches!(items[3], Value::Str(_)) =>
            {
                Some(items[["major", "minor", "micro"].iter().position(|n| *n == name)?])
            }
            (Object::Deque(deque), "maxlen") => Some(deque.most.map_or(Value::None, size)),
            (Object::Dict(_, DictKind::Default(factory)), "default_factory") => Some(*factory),
            (Object::Range(start, ..), "start") => Some(Value::Int(*start)),
            (Object::Range(_, stop, _), "stop") => Some(Value::Int(*stop)),
            (Object::Range(_, _, step), "step") => Some(Value::Int(*step)),
            (Object::Slice(parts), "start") => Some(parts[0]),
            (Object::Slice(parts), "stop") => Some(parts[1]),
            (Object::Slice(parts), "step") => Some(parts[2]),
            (Object::Method { receiver, .. }, "__self__") => Some(*receiver),
            (Object::Method { function, .. }, "__func__") => Some(*function),
            (Object::Method { function, .. }, _) => {
                let (function, name) = (*function, self.strings.intern(name));
                self.attribute(function, name).ok().flatten()
            }
            (Object::Sync(Sync::Barrier { parties, .. }), "parties") => Some(Value::Int(*parties)),
            (Object::Sync(Sync::Barrier { arrived, .. }), "n_waiting") => Some(size(arrived.len())),
            (Object::Sync(Sync::Barrier { broken, .. }), "broken") => Some(Value::Bool(*broken)),
            (Object::Sync(Sync::Queue { most, .. }), "maxsize") => Some(Value::Int(*most)),
            _ => None,
        }
    }
}
