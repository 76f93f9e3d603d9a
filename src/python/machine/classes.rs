//! Classes: made of a body, and linearised as CPython does.
//!
//! *Promises*: the order of bases is C3's, or a `TypeError` says that there is none.
//! *Leaves out*: metaclasses.

use crate::python::code::instruction::Place;
use crate::python::machine::attributes::Found;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Done, Flow, Location, R};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{Attributes, Class, Instance, Object};
use crate::python::value::strings::StrId;
use crate::python::value::types::Type;
use std::sync::Arc;

impl Machine {
    /// Enters the body of a class; its bases and its cells are on the stack.
    pub(crate) fn make_class(&mut self, code: u32) {
        let cells = self.pop();
        let cells: Vec<Id> = match cells.id().map(|id| self.world.heap.get(id)) {
            Some(Object::Tuple(items)) => items.iter().filter_map(|cell| cell.id()).collect(),
            _ => Vec::new(),
        };
        self.push_frame(code, Vec::new(), &cells, Then::Class);
    }

    /// The body of a class has ended with these values; its bases are on the stack.
    pub(crate) fn finish_class(&mut self, body: u32, values: &[Value]) -> R<()> {
        let program = Arc::clone(&self.program);
        let code = &program.codes[body as usize];
        let mut attributes = Attributes::default();
        for (name, value) in code.locals.iter().zip(values) {
            if *value != Value::Unset && !name.starts_with('.') {
                attributes.set(self.strings.intern(name), *value);
            }
        }
        if let Some(doc) = &code.doc {
            let doc = self.text_value(doc);
            attributes.set(self.strings.intern("__doc__"), doc);
        }
        if !code.declared.is_empty() {
            let names = code.declared.iter().map(|name| self.text_value(name)).collect();
            let names = self.add(Object::Tuple(names));
            attributes.set(self.strings.intern("<declared>"), names);
        }
        let mut bases = Vec::new();
        let given = self.pop();
        for base in self.items(given)? {
            match base {
                Value::Type(Type::Object) => {}
                Value::Ref(id) if matches!(self.world.heap.get(id), Object::Class(_)) => {
                    bases.push(id);
                }
                other => {
                    let name = self.type_name(other);
                    return self.type_error(format!("a class cannot be derived from '{name}'"));
                }
            }
        }
        let Some(rest) = self.merged(&bases) else {
            let names: Vec<String> = bases.iter().map(|base| self.class_name(*base)).collect();
            return self.type_error(format!(
                "Cannot create a consistent method resolution\norder (MRO) for bases {}",
                names.join(", ")
            ));
        };
        let name = self.strings.intern(&code.name);
        let class = self.add(Object::Class(Class { name, rest, bases, attributes }));
        // Its only cell of its own is `__class__`, for `super()`.
        let cell = values.get(code.locals.len()).and_then(|cell| cell.id());
        if let (false, Some(cell)) = (code.cells.is_empty(), cell) {
            *self.world.heap.get_mut(cell) = Object::Cell(class);
        }
        self.push(class);
        self.announce(class)
    }

    /// Calls the `__init_subclass__` of a base.
    fn announce(&mut self, class: Value) -> R<()> {
        let name = self.strings.intern("__init_subclass__");
        let rest = match class.id().map(|id| self.world.heap.get(id)) {
            Some(Object::Class(made)) => made.rest.clone(),
            _ => Vec::new(),
        };
        for base in rest {
            let Object::Class(base) = self.world.heap.get(base) else { continue };
            if let Some(found) = base.attributes.get(name) {
                let function = self.wrapped(found, "classmethod").unwrap_or(found);
                let arguments = Arguments { values: vec![class], named: Vec::new() };
                self.call_value(function, arguments, Then::Discard)?;
                return Ok(());
            }
        }
        Ok(())
    }

    /// A class and those it is derived from, in the order of look-ups.
    pub(crate) fn linear(&self, class: Id) -> Vec<Id> {
        match self.world.heap.get(class) {
            Object::Class(own) => std::iter::once(class).chain(own.rest.iter().copied()).collect(),
            _ => vec![class],
        }
    }

    /// What comes behind a class with these bases (C3); `None` if they contradict each other.
    fn merged(&self, bases: &[Id]) -> Option<Vec<Id>> {
        let mut lists: Vec<Vec<Id>> = bases.iter().map(|base| self.linear(*base)).collect();
        lists.push(bases.to_vec());
        let mut out = Vec::new();
        loop {
            lists.retain(|list| !list.is_empty());
            if lists.is_empty() {
                return Some(out);
            }
            let is_free =
                |class: &Id| lists.iter().all(|list| list.iter().skip(1).all(|c| c != class));
            let next = lists.iter().filter_map(|list| list.first().copied()).find(is_free)?;
            out.push(next);
            lists.iter_mut().for_each(|list| list.retain(|class| *class != next));
        }
    }

    /// Calls a class: its `__new__`, if it has one in Python, then its `__init__`.
    pub(crate) fn construct(&mut self, class: Id, arguments: Arguments, then: Then) -> R<Done> {
        if self.has_abstract {
            self.check_abstract(class)?;
        }
        let name = self.strings.intern("__new__");
        let new = self.lookup(class, name).and_then(|new| self.static_function(new));
        let init = self.strings.intern("__init__");
        let python_init =
            self.lookup(class, init).is_some_and(|init| !matches!(init, Value::Native(_)));
        if then != Then::Push && (new.is_some() || python_init) {
            return self.call_indirectly(Value::Ref(class), &arguments, then);
        }
        let Some(new) = new else { return self.instantiate(class, arguments) };
        let kept = self.add(Object::Tuple(arguments.values.clone()));
        let named = arguments.named.iter().map(|(name, value)| (Value::Str(*name), *value));
        let named = self.keyword_rest(named.collect())?;
        let function = self.prelude("_construct");
        let values = vec![Value::Ref(class), new, kept, named];
        self.call_value(function, Arguments { values, named: Vec::new() }, then)
    }

    /// A class with abstract methods that are not implemented has no instances.
    fn check_abstract(&mut self, class: Id) -> R<()> {
        let mark = self.strings.intern("__isabstractmethod__");
        let (mut seen, mut missing): (Vec<StrId>, Vec<String>) = (Vec::new(), Vec::new());
        for class in self.linear(class) {
            let Object::Class(own) = self.world.heap.get(class) else { continue };
            for (name, value) in own.attributes.0.clone() {
                if seen.contains(&name) {
                    continue;
                }
                seen.push(name);
                let inner = ["property", "staticmethod", "classmethod"];
                let inner = inner.iter().find_map(|kind| self.wrapped(value, kind));
                let function = inner.unwrap_or(value).id().map(|id| self.world.heap.get(id));
                if let Some(Object::Function(function)) = function
                    && function.attributes.as_ref().is_some_and(|own| own.get(mark).is_some())
                {
                    missing.push(format!("'{}'", self.strings.text(name)));
                }
            }
        }
        missing.sort();
        let s = match missing.len() {
            0 => return Ok(()),
            1 => "",
            _ => "s",
        };
        let (name, missing) = (self.class_name(class), missing.join(", "));
        self.type_error(format!(
            "Can't instantiate abstract class {name} without an implementation for abstract method{s} {missing}"
        ))
    }

    fn static_function(&self, value: Value) -> Option<Value> {
        match value {
            Value::Native(_) => None,
            _ => Some(self.wrapped(value, "staticmethod").unwrap_or(value)),
        }
    }

    /// Calls a value from Python code, so that its result can go anywhere.
    pub(crate) fn call_indirectly(
        &mut self,
        callee: Value,
        arguments: &Arguments,
        then: Then,
    ) -> R<Done> {
        let values = self.add(Object::Tuple(arguments.values.clone()));
        let named = arguments.named.iter().map(|(name, value)| (Value::Str(*name), *value));
        let named = self.keyword_rest(named.collect())?;
        let function = self.prelude("_call");
        let values = vec![callee, values, named];
        self.call_value(function, Arguments { values, named: Vec::new() }, then)
    }

    /// An instance of a class, before its `__init__`.
    pub(crate) fn bare_instance(&mut self, class: Id, arguments: &[Value]) -> R<Value> {
        let mut attributes = Attributes::default();
        if self.is_subclass(class, Id(0)) {
            let tuple = self.add(Object::Tuple(arguments.to_vec()));
            attributes.set(self.strings.intern("args"), tuple);
        }
        self.charge(4)?;
        Ok(self.add(Object::Instance(Instance { class, attributes })))
    }

    /// `super().name`: pushes what comes behind a class in the order of look-ups, and a receiver.
    pub(crate) fn load_super(&mut self, number: u32) -> R<Flow> {
        let name = self.names[number as usize];
        let (object, class) = (self.pop(), self.pop());
        // In a class method, the object is the class itself.
        let own = match object.id().map(|id| (id, self.world.heap.get(id))) {
            Some((id, Object::Class(_))) => id,
            _ => self.class_of(object).unwrap_or(Id(0)),
        };
        let line = self.linear(own).into_iter();
        let mut found = None;
        for behind in line.skip_while(|c| Some(*c) != class.id()).skip(1) {
            self.note(Location::Attribute(behind, name), false);
            if let Object::Class(behind) = self.world.heap.get(behind) {
                found = found.or_else(|| behind.attributes.get(name));
            }
        }
        let found = found.or_else(|| {
            let own = self.is_subclass(own, Id(0)).then(|| self.method("BaseException", name));
            own.flatten().or_else(|| self.method("object", name))
        });
        let Some(found) = found else {
            let name = self.strings.get(name);
            let text = format!("'super' object has no attribute '{name}'");
            return Err(self.error("AttributeError", text));
        };
        // `__new__` is called with the class, which is an argument.
        let is_new = self.strings.text(name) == "__new__";
        let (function, receiver) = match self.unwrapped(found, Some(object), own) {
            Found::OfClass(function, class) => (function, class),
            Found::Function(function) if !is_new => (function, object),
            Found::Function(value) | Found::Value(value) => (value, Value::Unset),
            Found::Getter(getter) => {
                let arguments = Arguments { values: vec![object], named: Vec::new() };
                self.call_value(getter, arguments, Then::Method)?;
                return Ok(Flow::Next(Place::Straight));
            }
            Found::Missing(_) => return self.no_attribute(object, name),
        };
        self.push(function);
        self.push(receiver);
        Ok(Flow::Next(Place::Straight))
    }
}
