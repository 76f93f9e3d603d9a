//! What a value is: its type, its class, and what that is derived from.
//!
//! *Promises*: every look at an attribute of a class is noted.
//! *Leaves out*: the attributes of an object itself (`python/machine/attributes.rs`).

use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::Location;
use crate::python::value::any::{Id, Value};
use crate::python::value::asyncio::{Asyncio, Future, Handle};
use crate::python::value::object::{DictKind, Iter, Object, Sync};
use crate::python::value::strings::StrId;
use crate::python::value::types::Type;

impl Machine {
    /// The built-in type of a value; of an instance, `object`.
    pub fn type_of(&self, value: Value) -> Type {
        let id = match value {
            Value::Unset | Value::None => return Type::None,
            Value::Bool(_) => return Type::Bool,
            Value::Int(_) => return Type::Int,
            Value::Float(_) => return Type::Float,
            Value::Str(_) => return Type::Str,
            Value::Bytes(_) => return Type::Bytes,
            Value::Type(_) => return Type::Type,
            Value::Native(_) => return Type::Builtin,
            Value::Module(_) => return Type::Module,
            Value::Ref(id) => id,
        };
        match self.world.heap.get(id) {
            Object::Free | Object::Instance(_) => Type::Object,
            Object::Tuple(_) => Type::Tuple,
            Object::List(_) => Type::List,
            Object::Dict(_, DictKind::Plain) => Type::Dict,
            Object::Dict(_, DictKind::Default(_)) => Type::DefaultDict,
            Object::Dict(_, DictKind::Counter) => Type::Counter,
            Object::Dict(_, DictKind::Ordered) => Type::OrderedDict,
            Object::Set(_) => Type::Set,
            Object::Deque(..) => Type::Deque,
            Object::Range(..) => Type::Range,
            Object::Slice(_) => Type::Slice,
            Object::View(..) => Type::View,
            Object::Function(_) => Type::Function,
            Object::Class(_) => Type::Type,
            Object::Method { .. } => Type::Method,
            Object::Cell(_) => Type::Cell,
            Object::Generator(_) => Type::Generator,
            Object::Iter(Iter::Zip { counted: true, .. }) => Type::Enumerate,
            Object::Iter(Iter::Zip { .. }) => Type::Zip,
            Object::Iter(Iter::Map { .. }) => Type::Map,
            Object::Iter(_) => Type::Iterator,
            Object::Count(..) => Type::Count,
            Object::Local(_) => Type::Local,
            Object::Asyncio(asyncio) => match &**asyncio {
                Asyncio::Coroutine(..) => Type::Coroutine,
                Asyncio::Generator(_) => Type::AsyncGenerator,
                Asyncio::Future(Future { task: None, .. }) => Type::Future,
                Asyncio::Future(_) => Type::Task,
                Asyncio::Loop(_) => Type::EventLoop,
                Asyncio::Handle(Handle { when: None, .. }) => Type::Handle,
                Asyncio::Handle(_) => Type::TimerHandle,
            },
            Object::Sync(sync) => match sync {
                Sync::Lock { .. } => Type::Lock,
                Sync::RLock { .. } => Type::RLock,
                Sync::Condition { .. } => Type::Condition,
                Sync::Event { .. } => Type::Event,
                Sync::Semaphore { bound: None, .. } => Type::Semaphore,
                Sync::Semaphore { bound: Some(_), .. } => Type::BoundedSemaphore,
                Sync::Barrier { .. } => Type::Barrier,
                Sync::Pool { .. } => Type::Object,
                Sync::Queue { simple: true, .. } => Type::SimpleQueue,
                Sync::Queue { lifo: false, .. } => Type::Queue,
                Sync::Queue { lifo: true, .. } => Type::LifoQueue,
            },
        }
    }

    /// The built-in type that an iterator of the prelude stands for.
    pub fn iterator_type(&self, value: Value) -> Option<Type> {
        let class = self.class_of(value)?;
        let Value::Ref(base) = self.prelude("_Iterator") else { return None };
        let built_in = self.is_subclass(class, base).then(|| self.class_name(class))?;
        Type::ITERATORS.into_iter().find(|t| t.name() == built_in)
    }

    /// The name of a value's type or class.
    pub fn type_name(&self, value: Value) -> String {
        match value.id().map(|id| self.world.heap.get(id)) {
            Some(Object::Instance(instance)) => self.class_name(instance.class),
            _ => self.type_of(value).name().to_owned(),
        }
    }

    /// The name of a class.
    pub fn class_name(&self, class: Id) -> String {
        match self.world.heap.get(class) {
            Object::Class(class) => self.strings.text(class.name).to_owned(),
            _ => "object".to_owned(),
        }
    }

    /// The class of an instance.
    pub fn class_of(&self, value: Value) -> Option<Id> {
        match self.world.heap.get(value.id()?) {
            Object::Instance(instance) => Some(instance.class),
            _ => None,
        }
    }

    /// Whether a class is another, or is derived from it.
    pub fn is_subclass(&self, class: Id, of: Id) -> bool {
        class == of
            || match self.world.heap.get(class) {
                Object::Class(class) => class.rest.contains(&of),
                _ => false,
            }
    }

    /// An attribute of a class, or of those it is derived from.
    pub fn lookup(&mut self, class: Id, name: StrId) -> Option<Value> {
        let (mut id, mut at) = (class, 0);
        loop {
            self.note(Location::Attribute(id, name), false);
            let Object::Class(own) = self.world.heap.get(id) else { return None };
            if let Some(value) = own.attributes.get(name) {
                return Some(value);
            }
            let Object::Class(first) = self.world.heap.get(class) else { return None };
            id = *first.rest.get(at)?;
            at += 1;
        }
    }

    /// An attribute of a class that the library has set, and no program changes.
    pub(crate) fn class_constant(&self, class: Id, name: &str) -> Option<Value> {
        self.linear(class).into_iter().find_map(|id| {
            let Object::Class(class) = self.world.heap.get(id) else { return None };
            let mut own = class.attributes.0.iter();
            own.find(|(n, _)| self.strings.text(*n) == name).map(|(_, value)| *value)
        })
    }

    /// An attribute of an instance's class.
    pub fn class_attribute(&mut self, value: Value, name: StrId) -> Option<Value> {
        let class = self.class_of(value)?;
        self.lookup(class, name)
    }
}
