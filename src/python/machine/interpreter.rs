//! The machine: a world, and what the program needs to change it.
//!
//! *Promises*: an instruction of a verified program never panics; it may raise an exception of
//! Python, or stop the run with a reason and a line.
//! *Leaves out*: which thread is next.

use crate::python::code::modules::{EXCEPTIONS, is_builtin};
use crate::python::code::program::{Code, Program};
use crate::python::front::tree::Constant;
use crate::python::machine::known::Known;
use crate::python::machine::outside::Outside;
use crate::python::machine::spare::Spare;
use crate::python::machine::terms::{Arguments, Done, Limits, Location, Look, R, Raise};
use crate::python::machine::traceback::Tracebacks;
use crate::python::machine::world::{Thread, World};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::hash::Quick;
use crate::python::value::object::{Attributes, Class, Instance, Object};
use crate::python::value::strings::{StrId, Strings};
use crate::python::value::types::Type;
use std::collections::HashMap;
use std::sync::Arc;

/// A function of the library.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its name: `len`, `time.sleep`, or `list.append`.
    pub name: &'static str,
    /// How CPython calls it.
    pub look: Look,
    /// This argument is iterated over: it is a list or the like when the function is called.
    pub iterates: Option<usize>,
    /// What it does.
    pub call: Call,
}

type Call = fn(&mut Machine, &Arguments) -> R<Done>;

impl Row {
    /// A function that iterates over none of its arguments by itself.
    pub const fn of(name: &'static str, look: Look, call: Call) -> Row {
        Row { name, look, iterates: None, call }
    }

    /// A function that is C in CPython, and may iterate over an argument.
    pub const fn c(name: &'static str, iterates: Option<usize>, call: Call) -> Row {
        Row { name, look: Look::C, iterates, call }
    }
}

/// A world, and all that a program needs to change it.
pub struct Machine {
    /// The program.
    pub program: Arc<Program>,
    /// All texts.
    pub strings: Strings,
    /// The functions of the library.
    pub library: Vec<Row>,
    /// What changes.
    pub world: World,
    /// The thread that runs; its place in the world is empty meanwhile.
    pub current: Thread,
    /// Its number.
    pub number: usize,
    /// What this step read, and what it wrote (`true`), if that is noted.
    pub accesses: Vec<(Location, bool)>,
    /// Whether accesses are noted.
    pub noting: bool,
    /// The bounds.
    pub limits: Limits,
    /// Sleeping takes no time: the explorer tries every order instead, and every number of chance.
    pub timeless: bool,
    /// Without a global lock: the codes that stand for what C does item by item, by number.
    pub(crate) item_by_item: Vec<bool>,
    /// The number of chance that the explorer tries.
    pub chosen: Option<u32>,
    /// Chance was asked for more numbers than are tried: one sequence of them was used.
    pub one_sequence: bool,
    /// Notifications that nobody waited for, if accesses are noted: of which condition, by which
    /// thread, in which line.
    pub missed: Vec<(Id, usize, u32)>,
    /// What `os.cpu_count` is. The same everywhere, unless a program runs for real.
    pub cpus: i64,
    /// The clock, and what is asked of whoever runs the threads for real.
    pub outside: Outside,
    /// The calls that exceptions have come through, if they are kept.
    pub tracebacks: Tracebacks,
    /// Whether a class of the program has `__slots__`, abstract methods, frozen instances,
    /// properties, or a `__new__`.
    pub(crate) has_slots: bool,
    pub(crate) has_abstract: bool,
    pub(crate) has_frozen: bool,
    pub(crate) has_properties: bool,
    pub(crate) has_new: bool,
    pub(crate) names: Vec<StrId>,
    pub(crate) constants: Vec<Value>,
    pub(crate) builtins: Vec<Value>,
    /// The numbers of the library's functions, by owner and name.
    methods: HashMap<(StrId, StrId), u32, Quick>,
    /// The methods of built-in types that were looked for.
    pub(crate) type_methods: HashMap<(Type, StrId), Option<Value>, Quick>,
    /// `append` of a list.
    pub(crate) append: Value,
    pub(crate) known: Known,
    /// Lists of arguments that are not used.
    pub(crate) spare: Spare,
    /// The globals of the library's modules that are written in Python.
    library_globals: HashMap<String, usize>,
    /// Live items after the last collection.
    pub(crate) live: usize,
    /// How many items there may be until the next one.
    pub(crate) sweep_at: usize,
}

/// The classes of what wraps a function in a class, and that of `object()`, behind that of `Thread`.
pub const WRAPPERS: &[&str] = &["property", "staticmethod", "classmethod", "object"];

/// How many items more than twice those that are needed are not worth a collection.
pub(crate) const SLACK: usize = 100_000;

impl Machine {
    /// A program at its beginning.
    pub fn new(program: Arc<Program>, library: Vec<Row>) -> Machine {
        let mut strings = Strings::default();
        let known = Known::new(&mut strings);
        let names = program.names.iter().map(|name| strings.intern(name)).collect();
        let constants = program.constants.iter().map(|c| constant(&mut strings, c)).collect();
        let mut methods = HashMap::default();
        for (number, row) in (0..).zip(&library) {
            let (owner, name) = row.name.rsplit_once('.').unwrap_or(("", row.name));
            methods.insert((strings.intern(owner), strings.intern(name)), number);
        }
        let mut machine = Machine {
            world: World::default(),
            current: Thread::default(),
            number: 0,
            accesses: Vec::new(),
            noting: false,
            limits: Limits::default(),
            timeless: false,
            item_by_item: Vec::new(),
            chosen: None,
            one_sequence: false,
            missed: Vec::new(),
            cpus: 4,
            outside: Outside::default(),
            tracebacks: Tracebacks::default(),
            has_slots: false,
            has_abstract: false,
            has_frozen: false,
            has_properties: false,
            has_new: false,
            names,
            constants,
            builtins: Vec::new(),
            methods,
            known,
            append: Value::Unset,
            type_methods: HashMap::default(),
            spare: Spare::default(),
            library_globals: HashMap::new(),
            live: 0,
            sweep_at: SLACK,
            strings,
            library,
            program,
        };
        machine.begin();
        machine
    }

    fn begin(&mut self) {
        let append = self.strings.intern("append");
        self.append = self.method("list", append).unwrap_or(Value::Unset);
        for (name, base) in EXCEPTIONS {
            let name = self.strings.intern(name);
            let own = self.world.heap.len();
            let base = (own > 0).then_some(Id(u32::try_from(*base).unwrap_or(0)));
            self.add_class(name, base, &[("BaseException", "__init__")]);
        }
        let thread = self.strings.intern("Thread");
        let methods = [
            "__init__",
            "start",
            "join",
            "is_alive",
            "run",
            "getName",
            "setName",
            "isDaemon",
            "setDaemon",
        ];
        self.add_class(thread, None, &methods.map(|method| ("Thread", method)));
        for name in WRAPPERS {
            let id = self.strings.intern(name);
            let own = ["__init__", "setter", "getter", "deleter"].map(|method| (*name, method));
            self.add_class(id, None, if *name == "object" { &[] } else { &own });
        }
        let program = Arc::clone(&self.program);
        let has = |wanted: &str| program.names.iter().any(|name| **name == *wanted);
        let binds = |wanted: &str| {
            let has = |code: &Code| code.locals.iter().any(|name| **name == *wanted);
            program.codes.iter().any(has)
        };
        (self.has_slots, self.has_new) = (binds("__slots__"), binds("__new__"));
        self.has_properties = program.globals.iter().any(|name| **name == *"property");
        self.has_abstract = has("__isabstractmethod__");
        self.has_frozen = has("__dataclass_fields__") || has("_field_defaults");
        for (at, global) in program.globals.iter().enumerate() {
            if let Some(name) = unmarked(global) {
                self.library_globals.insert(name.to_owned(), at);
            }
        }
        self.builtins = program.globals.iter().map(|name| self.builtin(name)).collect();
        self.world.globals = vec![Value::Unset; program.globals.len()];
        let mut main = Thread::default();
        for code in [0].into_iter().chain(program.preludes.iter().rev().copied()) {
            std::mem::swap(&mut main, &mut self.current);
            self.push_frame(code, Vec::new(), &[], Then::Discard);
            std::mem::swap(&mut main, &mut self.current);
        }
        let name = Value::Str(self.strings.intern("MainThread"));
        let attributes = Attributes(vec![
            (self.strings.intern("name"), name),
            (self.strings.intern("daemon"), Value::Bool(false)),
            (self.strings.intern("<thread>"), Value::Int(0)),
        ]);
        let class = self.thread_class();
        let object = Object::Instance(Instance { class, attributes });
        main.object = Some(self.world.heap.add(object));
        self.world.threads.push(Arc::new(main));
    }

    fn add_class(&mut self, name: StrId, base: Option<Id>, methods: &[(&str, &'static str)]) {
        let mut attributes = Attributes::default();
        if base.is_none() {
            for (owner, method) in methods {
                let id = self.strings.intern(method);
                if let Some(native) = self.method(owner, id) {
                    attributes.set(id, native);
                }
            }
        }
        let bases: Vec<Id> = base.into_iter().collect();
        let rest = bases.iter().flat_map(|base| self.linear(*base)).collect();
        self.world.heap.add(Object::Class(Class { name, bases, rest, attributes }));
    }

    /// The class `Thread`.
    pub fn thread_class(&self) -> Id {
        Id(u32::try_from(EXCEPTIONS.len()).unwrap_or(0))
    }

    /// The value of a built-in name.
    pub fn builtin(&mut self, name: &str) -> Value {
        if let Some(name) = unmarked(name) {
            return match name.strip_prefix("builtins.") {
                Some(name) => self.builtin(name),
                None => {
                    let name = self.strings.intern(name);
                    self.method("prelude", name).unwrap_or(Value::Unset)
                }
            };
        }
        if name == "__name__" {
            return Value::Str(self.strings.intern("__main__"));
        }
        if !is_builtin(name) {
            return Value::Unset;
        }
        self.library_value("", name)
    }

    /// A name of a module, or a built-in one if the module is "".
    pub fn library_value(&mut self, module: &str, name: &str) -> Value {
        if let Some(class) = exception_class(name) {
            return Value::Ref(class);
        }
        if name == "Thread" {
            return Value::Ref(self.thread_class());
        }
        if name != "object"
            && let Some(class) = self.wrapper_class(name)
        {
            return Value::Ref(class);
        }
        if let ("", "exit" | "quit") = (module, name) {
            return self.library_value("sys", "exit");
        }
        if module == "asyncio"
            && let Some(named) = asyncio_type(name)
        {
            return named;
        }
        let id = self.strings.intern(name);
        match (self.method(module, id), Type::named(name)) {
            (Some(function), _) => function,
            (None, Some(named)) if module != "random" && module != "time" => Value::Type(named),
            _ => Value::Unset,
        }
    }

    /// The function of the library that is called so, of a type or a module.
    pub fn method(&self, owner: &str, name: StrId) -> Option<Value> {
        let owner = self.strings.find(owner)?;
        self.methods.get(&(owner, name)).map(|number| Value::Native(*number))
    }

    /// What the library's modules that are written in Python bind to a name: `_collect`, or
    /// `concurrent.futures.Future`.
    pub fn prelude(&self, name: &str) -> Value {
        let at = self.library_globals.get(name).copied();
        at.and_then(|at| self.world.globals.get(at)).copied().unwrap_or(Value::Unset)
    }

    /// Makes a thread the current one.
    pub fn enter(&mut self, number: usize) {
        self.number = number;
        self.world.heap.enter(number);
        if let Some(place) = self.world.threads.get_mut(number) {
            // Only a copy of the world shares its threads.
            self.current = match Arc::get_mut(place) {
                Some(thread) => std::mem::take(thread),
                None => Thread::clone(place),
            };
            self.current.wait = None;
        }
    }

    /// The number by which the program knows the current thread: all jobs of a worker have one.
    pub fn identity(&self) -> usize {
        self.current.worker.unwrap_or(self.number)
    }

    /// Puts the current thread back into the world.
    pub fn leave(&mut self) {
        let current = std::mem::take(&mut self.current);
        if let Some(place) = self.world.threads.get_mut(self.number) {
            match Arc::get_mut(place) {
                Some(thread) => *thread = current,
                None => *place = Arc::new(current),
            }
        }
    }

    /// Notes an access to something shared.
    pub fn note(&mut self, location: Location, write: bool) {
        if self.noting {
            self.accesses.push((location, write));
        }
    }

    /// Keeps an object.
    pub fn add(&mut self, object: Object) -> Value {
        Value::Ref(self.world.heap.add(object))
    }

    /// Keeps a text.
    pub fn text_value(&mut self, text: &str) -> Value {
        Value::Str(self.strings.intern(text))
    }

    /// Takes memory for so many items.
    ///
    /// # Errors
    /// [`Raise::Stop`] if it is too much.
    pub fn charge(&mut self, items: usize) -> R<()> {
        self.world.heap.charge(items);
        let texts = self.strings.bytes() / 16;
        if self.world.heap.charged().saturating_add(texts) > self.limits.items {
            // The count is of all that was ever made: perhaps most of it is not needed any more.
            self.collect();
            self.world.heap.charge(items);
            if self.world.heap.charged().saturating_add(texts) > self.limits.items {
                let megabytes = self.limits.items / 65_536;
                return Err(Raise::Stop(format!("it needs more than {megabytes} MB of memory")));
            }
        }
        Ok(())
    }

    /// An exception of a built-in class.
    pub fn error(&mut self, class: &str, text: impl AsRef<str>) -> Raise {
        let argument = self.text_value(text.as_ref());
        self.exception(class, vec![argument])
    }

    /// An exception with these arguments.
    pub fn exception(&mut self, class: &str, arguments: Vec<Value>) -> Raise {
        let class = exception_class(class).unwrap_or(Id(1));
        let tuple = self.add(Object::Tuple(arguments));
        let name = self.known.args;
        let attributes = Attributes(vec![(name, tuple)]);
        Raise::Exception(self.world.heap.add(Object::Instance(Instance { class, attributes })))
    }

    /// A `TypeError`.
    pub fn type_error<T>(&mut self, text: impl AsRef<str>) -> R<T> {
        Err(self.error("TypeError", text))
    }

    /// A `ValueError`.
    pub fn value_error<T>(&mut self, text: impl AsRef<str>) -> R<T> {
        Err(self.error("ValueError", text))
    }
}

/// The name of a global that is the library's.
fn unmarked(global: &str) -> Option<&str> {
    global.strip_prefix('<')?.strip_suffix('>')
}

/// What asyncio has that is C in CPython. A program calls `new_event_loop` and its kin by a row.
fn asyncio_type(name: &str) -> Option<Value> {
    Some(Value::Type(match name {
        "Future" => Type::Future,
        "Task" => Type::Task,
        "AbstractEventLoop" => Type::EventLoop,
        _ => return None,
    }))
}

/// The class of a built-in exception.
pub fn exception_class(name: &str) -> Option<Id> {
    let name = if name == "IOError" { "OSError" } else { name };
    let at = EXCEPTIONS.iter().position(|(other, _)| *other == name)?;
    u32::try_from(at).ok().map(Id)
}

fn constant(strings: &mut Strings, constant: &Constant) -> Value {
    match constant {
        Constant::None => Value::None,
        Constant::Ellipsis => Value::Type(Type::Ellipsis),
        Constant::Bool(bool) => Value::Bool(*bool),
        Constant::Int(int) => Value::Int(*int),
        Constant::Float(float) => Value::Float(*float),
        Constant::Str(text) => Value::Str(strings.intern(text)),
        Constant::Bytes(text) => Value::Bytes(strings.intern(text)),
    }
}

/// A real run has its machine in a cell that threads take in turn.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Machine>();
};
