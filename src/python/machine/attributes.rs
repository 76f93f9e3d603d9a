//! Attributes: where a name of an object is found, and what is bound to it.
//!
//! *Promises*: an instance's own attributes come before its class's, as for all but data
//! descriptors in Python; every look at a shared attribute is noted.
//! *Leaves out*: `__getattr__` and properties, which the subset has not.

use crate::python::code::catalogue::MODULES;
use crate::python::code::instruction::Place;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Done, Flow, Location, R};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{Attributes, Object};
use crate::python::value::strings::StrId;
use crate::python::value::types::Type;

const STRAIGHT: R<Flow> = Ok(Flow::Next(Place::Straight));

/// An attribute that was found.
pub(crate) enum Found {
    /// As it is.
    Value(Value),
    /// A function, to be called with the object.
    Function(Value),
    /// A function of a class method, to be called with this class.
    OfClass(Value, Value),
    /// A function of a property, to be called with the object for the value.
    Getter(Value),
    /// A `__getattr__`, to be called with the object and the name.
    Missing(Value),
}

impl Machine {
    pub(crate) fn is_function(&self, value: Value) -> bool {
        match value {
            Value::Native(_) => true,
            Value::Ref(id) => matches!(self.world.heap.get(id), Object::Function(_)),
            _ => false,
        }
    }

    pub(crate) fn find(&mut self, value: Value, name: StrId) -> R<Option<Found>> {
        let found = self.find_plain(value, name)?;
        if found.is_some() || self.class_of(value).is_none() {
            return Ok(found);
        }
        let name = self.strings.intern("__getattr__");
        Ok(self.class_attribute(value, name).map(Found::Missing))
    }

    fn find_plain(&mut self, value: Value, name: StrId) -> R<Option<Found>> {
        let text = self.strings.get(name);
        if let Value::Module(number) = value {
            let module = MODULES.get(number as usize).map_or("", |(module, _)| module);
            let text = self.strings.get(name);
            let found = self.module_value(module, &text);
            return Ok((found != Value::Unset).then_some(Found::Value(found)));
        }
        if let Value::Type(t) = value {
            if name == self.known.name {
                return Ok(Some(Found::Value(self.text_value(t.name()))));
            }
            if let Some(method) = self.type_method(t, name) {
                let of_type = matches!(&*text, "fromkeys" | "maketrans" | "from_bytes" | "fromhex");
                return Ok(Some(match of_type {
                    true => Found::OfClass(method, value),
                    false => Found::Value(method),
                }));
            }
            return Ok(None);
        }
        if let Value::Ref(id) = value {
            match self.world.heap.get(id) {
                Object::Instance(_) => return Ok(self.find_in_instance(value, id, name)),
                Object::Class(class) => {
                    let own = class.name;
                    if name == self.known.name {
                        return Ok(Some(Found::Value(Value::Str(own))));
                    }
                    let found = self.lookup(id, name);
                    return Ok(match found {
                        Some(found) => Some(self.unwrapped(found, None, id)),
                        None => self.class_fact(id, &text).map(Found::Value),
                    });
                }
                Object::Local(all) => {
                    let number = self.identity();
                    let own = all.iter().find(|(thread, _)| *thread == number);
                    return Ok(own.and_then(|(_, own)| own.get(name)).map(Found::Value));
                }
                Object::Function(function) => {
                    let own = function.attributes.as_ref().and_then(|own| own.get(name));
                    let (code, defaults) = (function.code, function.defaults.clone());
                    let found = own.or_else(|| self.function_fact(code, defaults, &text));
                    return Ok(found.map(Found::Value));
                }
                _ => {}
            }
        }
        if &*text == "__class__" {
            return Ok(Some(Found::Value(Value::Type(self.type_of(value)))));
        }
        let found = self.type_method(self.type_of(value), name);
        match found {
            Some(function) => Ok(Some(Found::Function(function))),
            None => Ok(self.value_fact(value, &text).map(Found::Value)),
        }
    }

    fn find_in_instance(&mut self, value: Value, id: Id, name: StrId) -> Option<Found> {
        self.note(Location::Attribute(id, name), false);
        let Object::Instance(instance) = self.world.heap.get(id) else { return None };
        let class = instance.class;
        if let Some(own) = instance.attributes.get(name) {
            return Some(Found::Value(own));
        }
        if let Some(found) = self.lookup(class, name) {
            return Some(self.unwrapped(found, Some(value), class));
        }
        let text = self.strings.get(name);
        match &*text {
            "__class__" => Some(Found::Value(Value::Ref(class))),
            "exceptions" | "message" if self.is_a(id, "ExceptionGroup") => {
                self.group_part(id, name).map(Found::Value)
            }
            "ident" | "native_id" if self.thread_ident(value).is_some() => {
                self.thread_ident(value).map(Found::Value)
            }
            "exitcode" => self.exit_code(value).map(Found::Value),
            _ => self.exception_fact(value, id, name).map(Found::Value),
        }
    }

    /// What an attribute of a class is, of an instance or of the class itself.
    pub(crate) fn unwrapped(&self, found: Value, instance: Option<Value>, class: Id) -> Found {
        match instance {
            Some(_) if self.is_function(found) => return Found::Function(found),
            Some(_) => {
                if let Some(getter) = self.wrapped(found, "property") {
                    return Found::Getter(getter);
                }
            }
            None => {}
        }
        if let Some(function) = self.wrapped(found, "staticmethod") {
            return Found::Value(function);
        }
        match self.wrapped(found, "classmethod") {
            Some(function) => Found::OfClass(function, Value::Ref(class)),
            None => Found::Value(found),
        }
    }

    /// What an ExceptionGroup was made with.
    fn group_part(&mut self, id: Id, name: StrId) -> Option<Value> {
        if !self.is_a(id, "ExceptionGroup") {
            return None;
        }
        let arguments = self.exception_arguments(id);
        match self.strings.text(name) {
            "message" => arguments.first().copied(),
            _ => {
                let errors = self.items(*arguments.get(1)?).ok()?;
                Some(self.add(Object::Tuple(errors)))
            }
        }
    }

    /// The function of the library that a type's method is.
    pub(crate) fn type_method(&self, t: Type, name: StrId) -> Option<Value> {
        let mut at = Some(t);
        while let Some(t) = at {
            if let Some(method) = self.method(t.name(), name) {
                return Some(method);
            }
            at = t.base();
        }
        None
    }

    fn module_value(&mut self, module: &str, name: &str) -> Value {
        match self.module_constant(module, name) {
            Some(value) => value,
            None => self.module_member(module, name),
        }
    }

    fn module_member(&mut self, module: &str, name: &str) -> Value {
        if self.program.preludes.len() > 1 {
            let inner = format!("{module}.{name}");
            // What a module of a package binds is its package's as well.
            let outer = module.rsplit_once('.').map_or("", |(outer, _)| outer);
            for known in [&inner, &format!("{outer}.{name}")] {
                let found = self.prelude(known);
                if found != Value::Unset {
                    return found;
                }
            }
            if let Some(at) = MODULES.iter().position(|(other, _)| *other == inner) {
                return Value::Module(u32::try_from(at).unwrap_or(0));
            }
        }
        self.library_value(module, name)
    }

    /// The value of an attribute, if there is one. What a property gives, goes to `then`.
    pub fn attribute_to(&mut self, value: Value, name: StrId, then: Then) -> R<Option<Done>> {
        let mut values = vec![value];
        let function = match self.find(value, name)? {
            None => return Ok(None),
            Some(Found::Value(found)) => return Ok(Some(Done::Value(found))),
            Some(Found::Function(function)) => {
                let method = Object::Method { receiver: value, function };
                return Ok(Some(Done::Value(self.add(method))));
            }
            Some(Found::OfClass(function, receiver)) => {
                let method = Object::Method { receiver, function };
                return Ok(Some(Done::Value(self.add(method))));
            }
            Some(Found::Getter(function)) => function,
            Some(Found::Missing(function)) => {
                values.push(Value::Str(name));
                function
            }
        };
        self.call_value(function, Arguments { values, named: Vec::new() }, then).map(Some)
    }

    /// Whether a look at an attribute calls Python code.
    pub(crate) fn attribute_runs_python(&mut self, value: Value, name: StrId) -> R<bool> {
        let found = self.find(value, name)?;
        Ok(matches!(found, Some(Found::Getter(_) | Found::Missing(_))))
    }

    /// The value of an attribute, if there is one without a call of Python code.
    pub fn attribute(&mut self, value: Value, name: StrId) -> R<Option<Value>> {
        Ok(match self.find(value, name)? {
            None | Some(Found::Getter(_) | Found::Missing(_)) => None,
            Some(Found::Value(found)) => Some(found),
            Some(Found::Function(function)) => {
                Some(self.add(Object::Method { receiver: value, function }))
            }
            Some(Found::OfClass(function, receiver)) => {
                Some(self.add(Object::Method { receiver, function }))
            }
        })
    }

    pub(crate) fn no_attribute<T>(&mut self, value: Value, name: StrId) -> R<T> {
        let name = self.strings.get(name);
        let text = match value {
            Value::Module(_) => format!("module has no attribute '{name}'"),
            _ => match value.id().map(|id| self.world.heap.get(id)) {
                Some(Object::Class(class)) => {
                    let class = self.strings.text(class.name);
                    format!("type object '{class}' has no attribute '{name}'")
                }
                _ => format!("'{}' object has no attribute '{name}'", self.type_name(value)),
            },
        };
        Err(self.error("AttributeError", text))
    }

    pub(crate) fn load_attribute(&mut self, number: u32) -> R<Flow> {
        let name = self.names[number as usize];
        let object = self.pop();
        match self.attribute_to(object, name, Then::Push)? {
            Some(Done::Value(value)) => self.push(value),
            Some(_) => {}
            None => return self.no_attribute(object, name),
        }
        STRAIGHT
    }

    /// Pushes a function and its receiver, without making a method of them.
    pub(crate) fn load_method(&mut self, number: u32) -> R<Flow> {
        let name = self.names[number as usize];
        let object = self.pop();
        let (function, receiver) = match self.find(object, name)? {
            Some(Found::Function(function)) => (function, object),
            Some(Found::OfClass(function, class)) => (function, class),
            Some(Found::Value(value)) => (value, Value::Unset),
            Some(Found::Getter(_) | Found::Missing(_)) => {
                if let Some(Done::Value(value)) = self.attribute_to(object, name, Then::Method)? {
                    self.deliver(Then::Method, value, None)?;
                }
                return STRAIGHT;
            }
            None => return self.no_attribute(object, name),
        };
        self.push(function);
        self.push(receiver);
        STRAIGHT
    }

    /// Sets an attribute.
    pub fn set_attribute(&mut self, object: Value, name: StrId, value: Value) -> R<()> {
        let number = self.identity();
        let own_name = self.strings.text(name) == "__name__";
        if let Value::Ref(id) = object {
            let kind = self.world.heap.get(id);
            if matches!(
                kind,
                Object::Instance(_) | Object::Class(_) | Object::Local(_) | Object::Function(_)
            ) {
                self.note(Location::Attribute(id, name), true);
                self.charge(1)?;
                match self.world.heap.get_mut(id) {
                    Object::Instance(instance) => instance.attributes.set(name, value),
                    Object::Function(function) => {
                        function.attributes.get_or_insert_default().set(name, value);
                    }
                    Object::Class(class) => match (own_name, value) {
                        (true, Value::Str(name)) => class.name = name,
                        _ => class.attributes.set(name, value),
                    },
                    Object::Local(all) => own_attributes(all, number).set(name, value),
                    _ => {}
                }
                return Ok(());
            }
        }
        self.no_attribute(object, name)
    }

    pub(crate) fn store_attribute(&mut self, number: u32) -> R<Flow> {
        let name = self.names[number as usize];
        let (object, value) = (self.pop(), self.pop());
        if self.class_of(object).is_some()
            && self.set_by_class(object, name, value, Then::Discard)?
        {
            return STRAIGHT;
        }
        self.set_attribute(object, name, value)?;
        STRAIGHT
    }

    pub(crate) fn delete_attribute(&mut self, number: u32) -> R<Flow> {
        let name = self.names[number as usize];
        let object = self.pop();
        if self.delete_by_class(object, name, Then::Discard)?.is_none() {
            self.delete_from(object, name)?;
        }
        STRAIGHT
    }

    /// Takes an attribute out of an object.
    pub(crate) fn delete_from(&mut self, object: Value, name: StrId) -> R<()> {
        let thread = self.identity();
        if let Value::Ref(id) = object {
            let kind = self.world.heap.get(id);
            if matches!(kind, Object::Instance(_) | Object::Class(_) | Object::Local(_)) {
                self.note(Location::Attribute(id, name), true);
                let removed = match self.world.heap.get_mut(id) {
                    Object::Instance(instance) => instance.attributes.remove(name),
                    Object::Class(class) => class.attributes.remove(name),
                    Object::Local(all) => own_attributes(all, thread).remove(name),
                    _ => None,
                };
                if removed.is_some() {
                    return Ok(());
                }
            }
        }
        self.no_attribute(object, name)
    }
}

/// What a thread has in a `threading.local`.
fn own_attributes(all: &mut Vec<(usize, Attributes)>, thread: usize) -> &mut Attributes {
    let at = all.iter().position(|(other, _)| *other == thread).unwrap_or_else(|| {
        all.push((thread, Attributes::default()));
        all.len() - 1
    });
    &mut all[at].1
}
