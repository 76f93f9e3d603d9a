//! Values and worlds become bytes.
//!
//! *Promises*: a value is refused as CPython's `pickle` refuses it; equal worlds have equal bytes;
//! what is shared or leads back to itself stays so.
//! *Leaves out*: other threads. What they hold is lost to the image, as to a child of `fork`.

use crate::python::code::modules::EXCEPTIONS;
use crate::python::image::item::{Datum, Holder, Image, Item, Named};
use crate::python::machine::interpreter::Machine;
use crate::python::value::any::{Id, Value};
use crate::python::value::object::{
    Attributes, DictKind, Function, Generator, Instance, Iter, Object, Part, Sync,
};
use crate::python::value::strings::StrId;
use crate::python::value::table::Table;
use std::collections::HashMap;

/// Why a value has no image: the exception's class, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The class.
    pub class: &'static str,
    /// What CPython says.
    pub text: String,
}

/// The attribute of a class whose instances go to other processes only with a world.
const ONLY_INHERITED: &str = "_only_inherited";

type Result<T> = std::result::Result<T, Refused>;

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A value, as `pickle` would.
    Value,
    /// All that a world leads to.
    World,
}

struct Writer<'m> {
    machine: &'m Machine,
    mode: Mode,
    image: Image,
    texts: HashMap<StrId, u32>,
    numbers: HashMap<Id, u32>,
    pending: Vec<Id>,
    /// Functions and classes that are globals by their own name.
    globals: HashMap<Id, u32>,
    /// The numbers of the queues between processes that were reached.
    queues: Vec<u64>,
}

impl Machine {
    /// A value as bytes, for [`value_from`](Self::value_from) of a machine of the same program.
    ///
    /// # Errors
    /// [`Refused`] if CPython could not pickle it.
    pub fn value_image(&self, value: Value) -> Result<Vec<u8>> {
        let mut writer = Writer::new(self, Mode::Value);
        let root = writer.datum(value)?;
        writer.image.roots.push(root);
        writer.finish()
    }

    /// The world as bytes, as a child of the current thread would see it, for
    /// [`world_from`](Self::world_from) of a machine of the same program.
    ///
    /// # Errors
    /// [`Refused`] if it is too large.
    pub fn world_image(&self) -> Result<Vec<u8>> {
        self.world_and_queues().map(|(bytes, _)| bytes)
    }

    /// The same, and the numbers of the queues between processes that the world leads to.
    pub(crate) fn world_and_queues(&self) -> Result<(Vec<u8>, Vec<u64>)> {
        let mut writer = Writer::new(self, Mode::World);
        // All texts in their order: so they have the same numbers there.
        for number in 0..self.strings.len() {
            writer.text(StrId(u32::try_from(number).unwrap_or(u32::MAX)));
        }
        let object = self.current.object.map_or(Value::None, Value::Ref);
        let roots = self.world.globals.iter().copied().chain([object]);
        for value in roots {
            let root = writer.datum(value)?;
            writer.image.roots.push(root);
        }
        let names = self.world.names_used as u64;
        let (random, clock) = (self.world.random, self.world.clock);
        writer.image.state = Some([random, names, clock, self.outside.asked]);
        writer.all_items()?;
        let queues = std::mem::take(&mut writer.queues);
        Ok((writer.finish()?, queues))
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn cannot<T>(what: &str) -> Result<T> {
    Err(Refused { class: "TypeError", text: format!("cannot pickle '{what}' object") })
}

impl<'m> Writer<'m> {
    fn new(machine: &'m Machine, mode: Mode) -> Writer<'m> {
        let (image, globals) = (Image::default(), HashMap::new());
        let (texts, numbers) = (HashMap::new(), HashMap::new());
        let mut writer = Writer {
            machine,
            mode,
            image,
            texts,
            numbers,
            pending: Vec::new(),
            globals,
            queues: Vec::new(),
        };
        if mode == Mode::Value {
            writer.find_globals();
        }
        writer
    }

    fn find_globals(&mut self) {
        let machine = self.machine;
        for (at, name) in machine.program.globals.iter().enumerate() {
            let value = machine.world.globals.get(at).copied().unwrap_or(Value::Unset);
            let Some(id) = value.id() else { continue };
            let own = match machine.world.heap.get(id) {
                Object::Function(function) => &machine.program.codes[function.code as usize].name,
                Object::Class(class) => machine.strings.text(class.name),
                _ => continue,
            };
            // A name of the library is marked: `<module.name>`.
            let plain = name.trim_end_matches('>').rsplit(['.', '<']).next();
            if plain == Some(own) {
                self.globals.insert(id, number(at));
            }
        }
    }

    fn all_items(&mut self) -> Result<()> {
        while let Some(id) = self.pending.get(self.image.items.len()).copied() {
            let item = self.item(id)?;
            self.image.items.push(item);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>> {
        self.all_items()?;
        let large = |_| Refused { class: "MemoryError", text: "an image too large".to_owned() };
        postcard::to_allocvec(&self.image).map_err(large)
    }

    fn text(&mut self, id: StrId) -> u32 {
        if let Some(place) = self.texts.get(&id) {
            return *place;
        }
        let place = number(self.image.texts.len());
        self.image.texts.push(self.machine.strings.text(id).to_owned());
        self.texts.insert(id, place);
        place
    }

    fn place(&mut self, id: Id) -> u32 {
        let next = number(self.pending.len());
        let pending = &mut self.pending;
        *self.numbers.entry(id).or_insert_with(|| {
            pending.push(id);
            next
        })
    }

    fn datum(&mut self, value: Value) -> Result<Datum> {
        Ok(match value {
            Value::Unset => Datum::Unset,
            Value::None => Datum::None,
            Value::Bool(bool) => Datum::Bool(bool),
            Value::Int(int) => Datum::Int(int),
            Value::Float(float) => Datum::Float(float),
            Value::Str(text) => Datum::Str(self.text(text)),
            Value::Bytes(text) => Datum::Bytes(self.text(text)),
            Value::Type(t) => Datum::Type(t),
            Value::Native(number) => Datum::Native(number),
            Value::Module(_) if self.mode == Mode::Value => return cannot("module"),
            Value::Module(number) => Datum::Module(number),
            Value::Ref(Id(number)) if number as usize <= EXCEPTIONS.len() => Datum::Class(number),
            Value::Ref(id) => match self.mode {
                Mode::World => Datum::Item(self.place(id)),
                Mode::Value => self.named_or_item(id)?,
            },
        })
    }

    /// A function or a class goes by its name.
    fn named_or_item(&mut self, id: Id) -> Result<Datum> {
        let machine = self.machine;
        let name = match machine.world.heap.get(id) {
            Object::Function(function) => &machine.program.codes[function.code as usize].qualified,
            Object::Class(class) => machine.strings.text(class.name),
            _ => return Ok(Datum::Item(self.place(id))),
        };
        match self.globals.get(&id) {
            Some(global) => Ok(Datum::Global(*global)),
            None if name == "<lambda>" => Err(Refused {
                class: "PicklingError",
                text: format!(
                    "Can't pickle <function {name}>: attribute lookup {name} on __main__ failed"
                ),
            }),
            None => Err(Refused {
                class: "AttributeError",
                text: format!("Can't pickle local object '{name}'"),
            }),
        }
    }

    fn data<'v>(&mut self, values: impl IntoIterator<Item = &'v Value>) -> Result<Vec<Datum>> {
        values.into_iter().map(|value| self.datum(*value)).collect()
    }

    fn named(&mut self, names: &[(StrId, Value)]) -> Result<Named> {
        names.iter().map(|(name, value)| Ok((self.text(*name), self.datum(*value)?))).collect()
    }

    fn pairs(&mut self, table: &Table) -> Result<Vec<(Datum, Datum)>> {
        let pairs = table.iter();
        pairs.map(|(name, value)| Ok((self.datum(name)?, self.datum(value)?))).collect()
    }

    fn item(&mut self, id: Id) -> Result<Item> {
        let machine = self.machine;
        let object = machine.world.heap.get(id);
        if self.mode == Mode::Value {
            self.check(object)?;
        }
        Ok(match object {
            Object::Free => Item::Tuple(Vec::new()),
            Object::Tuple(items) => Item::Tuple(self.data(items)?),
            Object::List(items) => Item::List(self.data(items)?),
            Object::Dict(table, DictKind::Plain) => Item::Dict(self.pairs(table)?),
            Object::Dict(table, DictKind::Ordered) => Item::Ordered(self.pairs(table)?),
            Object::Dict(table, DictKind::Counter) => Item::Counter(self.pairs(table)?),
            Object::Dict(table, DictKind::Default(factory)) => {
                Item::DefaultDict(self.datum(*factory)?, self.pairs(table)?)
            }
            Object::Set(table) => {
                let names: Vec<Value> = table.iter().map(|(name, _)| name).collect();
                Item::Set(self.data(&names)?)
            }
            Object::Deque(deque) => {
                Item::Deque(self.data(&deque.items)?, deque.most.map(|m| m as u64))
            }
            Object::Range(start, stop, step) => Item::Range(*start, *stop, *step),
            Object::Slice([a, b, c]) => {
                Item::Slice([self.datum(*a)?, self.datum(*b)?, self.datum(*c)?])
            }
            Object::View(of, part) => Item::View(self.place(*of), *part),
            Object::Function(function) => self.function(function)?,
            Object::Class(class) => Item::Class {
                name: self.text(class.name),
                bases: self.data(&refs(&class.bases))?,
                rest: self.data(&refs(&class.rest))?,
                attributes: self.named(&class.attributes.0)?,
            },
            Object::Instance(instance) => self.instance(instance)?,
            Object::Method { receiver, function } => self.method(*receiver, *function)?,
            Object::Cell(value) => Item::Cell(self.datum(*value)?),
            // A coroutine, a task or a loop does not go on in another process.
            // It goes on in the process that made it only.
            Object::Asyncio(_) => Item::Generator { done: false },
            Object::Generator(state) => Item::Generator { done: matches!(state, Generator::Done) },
            Object::Iter(iter) => self.iter(iter)?,
            Object::Count(next, step) => Item::Count(*next, *step),
            Object::Sync(sync) => self.sync(sync)?,
            Object::Local(all) => {
                let me = machine.identity();
                let own = all.iter().find(|(thread, _)| *thread == me);
                let none = Attributes::default();
                Item::Local(self.named(&own.map_or(&none, |(_, own)| own).0)?)
            }
        })
    }

    fn instance(&mut self, instance: &Instance) -> Result<Item> {
        let machine = self.machine;
        // Only the library's classes say so.
        if machine.class_constant(instance.class, ONLY_INHERITED).is_some()
            && let Some(name) = machine.strings.find("_queue")
            && let Some(Value::Int(number)) = instance.attributes.get(name)
        {
            self.queues.push(number.cast_unsigned());
        }
        Ok(Item::Instance {
            class: self.datum(Value::Ref(instance.class))?,
            attributes: self.named(&instance.attributes.0)?,
        })
    }

    /// What `pickle` refuses.
    fn check(&self, object: &Object) -> Result<()> {
        let machine = self.machine;
        match object {
            Object::Sync(Sync::RLock { .. } | Sync::Condition { .. }) => cannot("_thread.RLock"),
            Object::Sync(_) => cannot("_thread.lock"),
            Object::Local(_) => cannot("_thread._local"),
            Object::Generator(_) => cannot("generator"),
            Object::Asyncio(_) => cannot("coroutine"),
            Object::Cell(_) => cannot("cell"),
            Object::Slice(_) => Ok(()),
            Object::View(_, Part::Keys) => cannot("dict_keys"),
            Object::View(_, Part::Values) => cannot("dict_values"),
            Object::View(_, Part::Items) => cannot("dict_items"),
            Object::Instance(instance) => {
                let thread = machine.thread_class();
                if machine.is_subclass(instance.class, thread) {
                    return cannot("_thread.lock");
                }
                match machine.class_constant(instance.class, ONLY_INHERITED) {
                    Some(Value::Str(text)) => {
                        let text = machine.strings.text(text).to_owned();
                        Err(Refused { class: "RuntimeError", text })
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn function(&mut self, function: &Function) -> Result<Item> {
        Ok(Item::Function {
            code: function.code,
            defaults: self.data(&function.defaults)?,
            keyword_defaults: self.named(&function.keyword_defaults)?,
            cells: function.cells.iter().map(|cell| self.place(*cell)).collect(),
            attributes: match &function.attributes {
                Some(own) => self.named(&own.0)?,
                None => Vec::new(),
            },
        })
    }

    /// A method goes by its name as well, in the class of its receiver.
    fn method(&mut self, receiver: Value, function: Value) -> Result<Item> {
        let machine = self.machine;
        let object = function.id().map(|id| machine.world.heap.get(id));
        if let (Mode::Value, Some(Object::Function(body))) = (self.mode, object) {
            let name = &machine.program.codes[body.code as usize].name;
            let class = machine.class_of(receiver);
            let found = class.and_then(|class| machine.class_constant(class, name));
            if let (Some(name), true) = (machine.strings.find(name), found == Some(function)) {
                return Ok(Item::Bound { receiver: self.datum(receiver)?, name: self.text(name) });
            }
        }
        Ok(Item::Method { receiver: self.datum(receiver)?, function: self.datum(function)? })
    }

    fn iter(&mut self, iter: &Iter) -> Result<Item> {
        Ok(match iter {
            Iter::Sequence { of, at } => Item::Sequence(self.datum(*of)?, *at as u64),
            Iter::Deque { of, at, .. } => Item::Sequence(self.datum(Value::Ref(*of))?, *at as u64),
            Iter::Range { next, left, step } => Item::Rest(*next, *left, *step),
            Iter::Table { of, at, size, part } => {
                // Holes are not written, so the place is counted without them.
                let before = match self.machine.world.heap.get(*of) {
                    Object::Dict(table, _) | Object::Set(table) => table.live_before(*at),
                    _ => 0,
                };
                let (at, size, part) = (before as u64, *size as u64, *part);
                Item::Entries { of: self.place(*of), at, size, part }
            }
            Iter::Reversed { of, left } => Item::Reversed(self.place(*of), *left as u64),
            Iter::Zip { of, steps, counted } => {
                Item::Zip { of: self.place(*of), steps: *steps, counted: *counted }
            }
            Iter::Map { call, of } => Item::Map { call: self.datum(*call)?, of: self.place(*of) },
            Iter::Done => Item::Exhausted,
        })
    }

    fn holder(&self, owner: Option<usize>, count: usize) -> Holder {
        match owner {
            None => Holder::None,
            Some(owner) if owner == self.machine.number => Holder::Maker(count as u64),
            Some(_) => Holder::Lost,
        }
    }

    fn sync(&mut self, sync: &Sync) -> Result<Item> {
        Ok(match sync {
            Sync::Lock { owner } => Item::Lock(self.holder(*owner, 1)),
            Sync::RLock { owner, count } => Item::RLock(self.holder(*owner, *count)),
            Sync::Condition { lock, .. } => Item::Condition(self.place(*lock)),
            Sync::Event { set } => Item::Event(*set),
            Sync::Semaphore { value, bound } => Item::Semaphore(*value, *bound),
            Sync::Barrier { parties, broken, .. } => Item::Barrier(*parties, *broken),
            Sync::Queue { items, most, lifo, simple, unfinished } => Item::Queue {
                simple: *simple,
                items: self.data(items)?,
                most: *most,
                lifo: *lifo,
                unfinished: *unfinished,
            },
            Sync::Pool { number, name, most, .. } => Item::Pool(*number, self.text(*name), *most),
        })
    }
}

fn refs(ids: &[Id]) -> Vec<Value> {
    ids.iter().copied().map(Value::Ref).collect()
}
