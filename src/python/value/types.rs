//! The built-in types, by name.
//!
//! *Promises*: the names are CPython's.
//! *Leaves out*: the built-in exceptions and `Thread`, which are classes like a program's own.

/// A built-in type.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[allow(missing_docs, reason = "they are Python's")]
pub enum Type {
    Object,
    None,
    Bool,
    Int,
    Float,
    Str,
    Bytes,
    Tuple,
    List,
    Dict,
    DefaultDict,
    Counter,
    OrderedDict,
    Set,
    Deque,
    Range,
    Slice,
    Function,
    Builtin,
    Method,
    Type,
    Module,
    Generator,
    Iterator,
    Enumerate,
    Zip,
    Map,
    Filter,
    Reversed,
    View,
    Cell,
    Count,
    Lock,
    RLock,
    Condition,
    Event,
    Semaphore,
    BoundedSemaphore,
    Barrier,
    Queue,
    LifoQueue,
    SimpleQueue,
    Local,
    NotImplemented,
    Ellipsis,
    Coroutine,
    AsyncGenerator,
    Future,
    Task,
    EventLoop,
    Handle,
    TimerHandle,
}

impl Type {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Type::Object => "object",
            Type::None => "NoneType",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Float => "float",
            Type::Str => "str",
            Type::Bytes => "bytes",
            Type::Tuple => "tuple",
            Type::List => "list",
            Type::Dict => "dict",
            Type::DefaultDict => "defaultdict",
            Type::Counter => "Counter",
            Type::OrderedDict => "OrderedDict",
            Type::Set => "set",
            Type::Deque => "deque",
            Type::Range => "range",
            Type::Slice => "slice",
            Type::Function => "function",
            Type::Builtin => "builtin_function_or_method",
            Type::Method => "method",
            Type::Type => "type",
            Type::Module => "module",
            Type::Generator => "generator",
            Type::Iterator => "iterator",
            Type::Enumerate => "enumerate",
            Type::Zip => "zip",
            Type::Map => "map",
            Type::Filter => "filter",
            Type::Reversed => "reversed",
            Type::View => "dict_view",
            Type::Cell => "cell",
            Type::Count => "count",
            Type::Lock => "lock",
            Type::RLock => "RLock",
            Type::Condition => "Condition",
            Type::Event => "Event",
            Type::Semaphore => "Semaphore",
            Type::BoundedSemaphore => "BoundedSemaphore",
            Type::Barrier => "Barrier",
            Type::Queue => "Queue",
            Type::LifoQueue => "LifoQueue",
            Type::SimpleQueue => "SimpleQueue",
            Type::Local => "local",
            Type::NotImplemented => "NotImplementedType",
            Type::Ellipsis => "ellipsis",
            Type::Coroutine => "coroutine",
            Type::AsyncGenerator => "async_generator",
            Type::Future => "Future",
            Type::Task => "Task",
            Type::EventLoop => "_UnixSelectorEventLoop",
            Type::Handle => "Handle",
            Type::TimerHandle => "TimerHandle",
        }
    }

    /// Those that a program can name.
    pub const NAMED: [Type; 36] = [
        Type::Object,
        Type::Bool,
        Type::Int,
        Type::Float,
        Type::Str,
        Type::Bytes,
        Type::Tuple,
        Type::List,
        Type::Dict,
        Type::DefaultDict,
        Type::Counter,
        Type::OrderedDict,
        Type::Set,
        Type::Deque,
        Type::Range,
        Type::Slice,
        Type::Type,
        Type::Count,
        Type::Enumerate,
        Type::Zip,
        Type::Map,
        Type::Filter,
        Type::Reversed,
        Type::Lock,
        Type::RLock,
        Type::Condition,
        Type::Event,
        Type::Semaphore,
        Type::BoundedSemaphore,
        Type::Barrier,
        Type::Queue,
        Type::LifoQueue,
        Type::SimpleQueue,
        Type::Local,
        Type::NotImplemented,
        Type::Ellipsis,
    ];

    /// Iterators that hold others; those that call Python are objects of the prelude.
    pub const ITERATORS: [Type; 5] =
        [Type::Enumerate, Type::Zip, Type::Map, Type::Filter, Type::Reversed];

    /// The type of that name, if a program can name it.
    pub fn named(name: &str) -> Option<Type> {
        match name {
            "NotImplemented" => Some(Type::NotImplemented),
            "Ellipsis" => Some(Type::Ellipsis),
            _ => Type::NAMED.into_iter().find(|t| t.name() == name),
        }
    }

    /// The type whose methods it has as well.
    pub fn base(self) -> Option<Type> {
        match self {
            Type::Object => None,
            Type::Bool => Some(Type::Int),
            Type::DefaultDict | Type::Counter | Type::OrderedDict => Some(Type::Dict),
            Type::BoundedSemaphore => Some(Type::Semaphore),
            Type::LifoQueue | Type::SimpleQueue => Some(Type::Queue),
            Type::Task => Some(Type::Future),
            Type::TimerHandle => Some(Type::Handle),
            iterator if Type::ITERATORS.contains(&iterator) => Some(Type::Iterator),
            _ => Some(Type::Object),
        }
    }

    /// Whether every value of this type is also one of `other`.
    pub fn is_subtype(self, other: Type) -> bool {
        let mut at = Some(self);
        while let Some(t) = at {
            if t == other {
                return true;
            }
            at = t.base();
        }
        false
    }
}
