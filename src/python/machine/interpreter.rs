//! The machine: a world, and what the program needs to change it.
//!
//! *Promises*: an instruction of a verified program never panics; it may raise an exception of
//! Python, or stop the run with a reason and a line.
//! *Leaves out*: which thread is next.

use crate::python::code::modules::{EXCEPTIONS, is_builtin};
use crate::python::code::program::{Code, CodeKind, Program};
use crate::python::front::position::Position;
use crate::python::front::tree::Constant;
use crate::python::machine::terms::{Arguments, Done, Limits, Location, Look, R, Raise};
use crate::python::machine::world::{Thread, World};
use crate::python::value::any::{Id, Value};
use crate::python::value::object::{Attributes, Class, Frame, Instance, Object, Then};
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
    /// Sleeping takes no time: the explorer tries every order instead.
    pub timeless: bool,
    pub(crate) names: Vec<StrId>,
    pub(crate) constants: Vec<Value>,
    pub(crate) builtins: Vec<Value>,
    methods: HashMap<(String, StrId), u32>,
    prelude: HashMap<String, usize>,
    /// Whether a class of the program has `__slots__`, or abstract methods.
    pub(crate) has_slots: bool,
    pub(crate) has_abstract: bool,
    pub(crate) has_frozen: bool,
    /// Live items after the last collection.
    pub(crate) live: usize,
}

/// The classes of what wraps a function in a class, and that of `object()`, behind that of `Thread`.
pub const WRAPPERS: &[&str] = &["property", "staticmethod", "classmethod", "object"];

impl Machine {
    /// A program at its beginning.
    pub fn new(program: Arc<Program>, library: Vec<Row>) -> Machine {
        let mut strings = Strings::default();
        let names = program.names.iter().map(|name| strings.intern(name)).collect();
        let constants = program.constants.iter().map(|c| constant(&mut strings, c)).collect();
        let mut methods = HashMap::new();
        for (number, row) in (0..).zip(&library) {
            let (owner, name) = row.name.rsplit_once('.').unwrap_or(("", row.name));
            methods.insert((owner.to_owned(), strings.intern(name)), number);
        }
        let mut machine = Machine {
            world: World::default(),
            current: Thread::default(),
            number: 0,
            accesses: Vec::new(),
            noting: false,
            limits: Limits::default(),
            timeless: false,
            names,
            constants,
            builtins: Vec::new(),
            methods,
            prelude: HashMap::new(),
            has_slots: false,
            has_abstract: false,
            has_frozen: false,
            live: 0,
            strings,
            library,
            program,
        };
        machine.begin();
        machine
    }

    fn begin(&mut self) {
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
            "setDaemon",
            "isDaemon",
        ]
        .map(|method| ("Thread", method));
        self.add_class(thread, None, &methods);
        let program = Arc::clone(&self.program);
        let slots = |code: &Code| code.locals.iter().any(|name| **name == *"__slots__");
        self.has_slots = program.codes.iter().any(slots);
        self.has_abstract = program.names.iter().any(|name| **name == *"__isabstractmethod__");
        let frozen = ["<_dataclass>", "<_namedtuple>"];
        self.has_frozen = program.globals.iter().any(|name| frozen.contains(&&**name));
        for name in WRAPPERS {
            let id = self.strings.intern(name);
            let own =
                [(*name, "__init__"), (*name, "setter"), (*name, "getter"), (*name, "deleter")];
            self.add_class(id, None, if *name == "object" { &[] } else { &own });
        }
        for (at, name) in program.globals.iter().enumerate() {
            if let Some(own) = name.strip_prefix('<').and_then(|name| name.strip_suffix('>')) {
                self.prelude.insert(own.to_owned(), at);
            }
        }
        self.world.globals = vec![Value::Unset; program.globals.len()];
        let is_library = |name: &crate::python::front::tree::Name| name.starts_with('<');
        let own = program.globals.iter().position(is_library);
        self.world.own_globals = own.unwrap_or(program.globals.len());
        self.builtins = program.globals.iter().map(|name| self.builtin(name)).collect();
        let mut main = Thread::default();
        let preludes = u32::try_from(program.preludes).unwrap_or(0);
        for code in std::iter::once(0).chain((1..=preludes).rev()) {
            main.frames.push(self.new_frame(code, Vec::new(), Vec::new(), Then::Discard));
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
        if name == "__name__" {
            return Value::Str(self.strings.intern("__main__"));
        }
        if name.starts_with('<') {
            let id = self.strings.intern(name);
            return self.method("", id).unwrap_or(Value::Unset);
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
        if module != "random"
            && module != "time"
            && let Some(named) = Type::named(name)
        {
            return Value::Type(named);
        }
        let id = self.strings.intern(name);
        match self.method(module, id) {
            Some(method) => method,
            None => self.prelude(&format!("_{name}")),
        }
    }

    /// The function of the library that is called so, of a type or a module.
    pub fn method(&self, owner: &str, name: StrId) -> Option<Value> {
        self.methods.get(&(owner.to_owned(), name)).map(|number| Value::Native(*number))
    }

    /// A function of the library that is written in Python.
    pub fn prelude(&self, name: &str) -> Value {
        let at = self.prelude.get(name).copied();
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

    /// The frame of the innermost call.
    pub fn frame(&mut self) -> &mut Frame {
        if self.current.frames.is_empty() {
            // Only a thread that runs has instructions, so this is never reached.
            let frame = self.new_frame(0, Vec::new(), Vec::new(), Then::Discard);
            self.current.frames.push(frame);
        }
        let last = self.current.frames.len() - 1;
        &mut self.current.frames[last]
    }

    /// The code of the innermost call.
    pub fn code(&self) -> &Code {
        let number = self.current.frames.last().map_or(0, |frame| frame.code as usize);
        &self.program.codes[number.min(self.program.codes.len() - 1)]
    }

    /// Whether the innermost call stands for C.
    pub fn is_native(&self) -> bool {
        self.code().kind == CodeKind::Native
    }

    /// Pushes a value.
    pub fn push(&mut self, value: Value) {
        self.frame().slots.push(value);
    }

    /// Pops a value.
    pub fn pop(&mut self) -> Value {
        self.frame().slots.pop().unwrap_or(Value::Unset)
    }

    /// The value so many below the top; 0 is the top.
    pub fn peek(&mut self, below: usize) -> Value {
        let slots = &self.frame().slots;
        slots
            .len()
            .checked_sub(below + 1)
            .and_then(|at| slots.get(at))
            .copied()
            .unwrap_or(Value::Unset)
    }

    /// Pops so many values, the lowest first.
    pub fn pop_many(&mut self, count: usize) -> Vec<Value> {
        let slots = &mut self.frame().slots;
        slots.split_off(slots.len().saturating_sub(count))
    }

    /// A frame at the beginning of a code.
    pub fn new_frame(&mut self, code: u32, slots: Vec<Value>, outer: Vec<Id>, then: Then) -> Frame {
        let program = Arc::clone(&self.program);
        let body = &program.codes[(code as usize).min(program.codes.len() - 1)];
        let mut slots = slots;
        slots.resize(body.locals.len(), Value::Unset);
        let mut cells = Vec::with_capacity(body.cells.len() + outer.len());
        for from in &body.cells {
            let value = from.and_then(|slot| slots.get(slot)).copied().unwrap_or(Value::Unset);
            cells.push(self.world.heap.add(Object::Cell(value)));
        }
        cells.extend(outer);
        Frame { code, at: 0, slots, cells, then, generator: None, entered: false }
    }

    /// Where the innermost call is.
    pub fn position(&self) -> Position {
        let frames = self.current.frames.iter().rev();
        let visible = |frame: &&Frame| {
            let code = self.program.codes.get(frame.code as usize);
            code.is_some_and(|code| !matches!(code.kind, CodeKind::Native | CodeKind::Library))
        };
        let place = frames.clone().find(visible).and_then(|frame| {
            let code = self.program.codes.get(frame.code as usize)?;
            code.positions.get((frame.at as usize).saturating_sub(1)).copied()
        });
        place.unwrap_or_default()
    }

    /// Where the instruction is that the current thread will execute next.
    pub fn next_position(&self) -> Position {
        let place = self.current.frames.last().and_then(|frame| {
            let code = self.program.codes.get(frame.code as usize)?;
            (!matches!(code.kind, CodeKind::Native | CodeKind::Library)).then_some(())?;
            code.positions.get(frame.at as usize).copied()
        });
        place.unwrap_or_else(|| self.position())
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
        let name = self.strings.intern("args");
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
    }
}

/// A real run has its machine in a cell that threads take in turn.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Machine>();
};
