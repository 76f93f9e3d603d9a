//! Bytes become values and worlds again.
//!
//! *Promises*: bytes that are no image of this program are an error, never a panic, an endless loop or
//! a memory bomb; what was read can be used as if this machine had made it.
//! *Leaves out*: whether a function does what its name says: both machines have the same program.

use crate::python::code::catalogue::MODULES;
use crate::python::code::modules::EXCEPTIONS;
use crate::python::image::depth;
use crate::python::image::item::{Datum, Holder, Image, Item, Named};
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::world::Thread;
use crate::python::value::any::{Id, Value};
use crate::python::value::object::{
    Attributes, Class, Deque, DictKind, Function, Generator, Instance, Iter, Object, Sync,
};
use crate::python::value::strings::StrId;
use crate::python::value::table::Table;
use std::collections::VecDeque;
use std::sync::Arc;

type Result<T> = std::result::Result<T, String>;

/// A thread that is in no image.
const NOBODY: usize = u32::MAX as usize;

struct Reader<'m> {
    machine: &'m mut Machine,
    image: Image,
    texts: Vec<StrId>,
    ids: Vec<Id>,
}

impl Machine {
    /// The value of an image.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn value_from(&mut self, bytes: &[u8]) -> Result<Value> {
        let mut reader = Reader::new(self, bytes)?;
        let [root] = reader.image.roots[..] else { return Err("it is no value".to_owned()) };
        reader.objects()?;
        reader.value(root)
    }

    /// A machine with the world of an image, whose main thread has nothing to do yet.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn world_from(
        program: &Arc<crate::python::code::program::Program>,
        library: Vec<Row>,
        bytes: &[u8],
    ) -> Result<Machine> {
        let mut machine = Machine::new(Arc::clone(program), library);
        let mut reader = Reader::new(&mut machine, bytes)?;
        let roots = std::mem::take(&mut reader.image.roots);
        let Some([random, names, clock, asked]) = reader.image.state else {
            return Err("it is no world".to_owned());
        };
        if roots.len() != program.globals.len() + 1 {
            return Err("it is of another program".to_owned());
        }
        reader.objects()?;
        let mut values =
            roots.iter().map(|root| reader.value(*root)).collect::<Result<Vec<_>>>()?;
        let object = values.pop().and_then(Value::id);
        let world = &mut machine.world;
        world.globals = values;
        (world.random, world.clock) = (random, clock);
        world.names_used = usize::try_from(names).unwrap_or(0);
        machine.outside.asked = asked;
        world.threads = vec![Arc::new(Thread { object, ..Thread::default() })];
        Ok(machine)
    }
}

impl<'m> Reader<'m> {
    fn new(machine: &'m mut Machine, bytes: &[u8]) -> Result<Reader<'m>> {
        let image: Image =
            postcard::from_bytes(bytes).map_err(|e| format!("it is no image: {e}"))?;
        let mut reader = Reader { machine, image, texts: Vec::new(), ids: Vec::new() };
        // The memory that the image needs is taken before anything is made.
        let items = 8 * reader.image.items.len() + bytes.len();
        if reader.machine.charge(items).is_err() {
            return Err("it needs too much memory".to_owned());
        }
        depth::check(&reader.image.items)?;
        let texts = std::mem::take(&mut reader.image.texts);
        reader.texts = texts.iter().map(|text| reader.machine.strings.intern(text)).collect();
        Ok(reader)
    }

    fn text(&self, place: u32) -> Result<StrId> {
        self.texts.get(place as usize).copied().ok_or_else(|| "a text is missing".to_owned())
    }

    fn id(&self, place: u32) -> Result<Id> {
        self.ids.get(place as usize).copied().ok_or_else(|| "an object is missing".to_owned())
    }

    fn value(&self, datum: Datum) -> Result<Value> {
        let machine = &self.machine;
        let (known, value) = match datum {
            Datum::Unset => (true, Value::Unset),
            Datum::None => (true, Value::None),
            Datum::Bool(bool) => (true, Value::Bool(bool)),
            Datum::Int(int) => (true, Value::Int(int)),
            Datum::Float(float) => (true, Value::Float(float)),
            Datum::Str(place) => (true, Value::Str(self.text(place)?)),
            Datum::Bytes(place) => (true, Value::Bytes(self.text(place)?)),
            Datum::Type(t) => (true, Value::Type(t)),
            Datum::Native(n) => ((n as usize) < machine.library.len(), Value::Native(n)),
            Datum::Module(n) => ((n as usize) < MODULES.len(), Value::Module(n)),
            Datum::Class(n) => (n as usize <= EXCEPTIONS.len(), Value::Ref(Id(n))),
            Datum::Item(place) => (true, Value::Ref(self.id(place)?)),
            Datum::Global(n) => {
                let value = machine.world.globals.get(n as usize).copied();
                (value.is_some(), value.unwrap_or(Value::Unset))
            }
        };
        if known { Ok(value) } else { Err("it is of another program".to_owned()) }
    }

    fn values(&self, data: &[Datum]) -> Result<Vec<Value>> {
        data.iter().map(|datum| self.value(*datum)).collect()
    }

    fn named(&self, names: &Named) -> Result<Vec<(StrId, Value)>> {
        names.iter().map(|(name, datum)| Ok((self.text(*name)?, self.value(*datum)?))).collect()
    }

    /// A class, or a cell, or a lock, where only that can be.
    fn of_kind(&self, place: u32, is: fn(&Item) -> bool) -> Result<Id> {
        match self.image.items.get(place as usize) {
            Some(item) if is(item) => self.id(place),
            _ => Err("an object is of the wrong kind".to_owned()),
        }
    }

    fn class(&self, datum: Datum) -> Result<Id> {
        match (datum, self.value(datum)?) {
            (Datum::Item(place), _) => self.of_kind(place, |i| matches!(i, Item::Class { .. })),
            (_, Value::Ref(id)) if matches!(self.machine.world.heap.get(id), Object::Class(_)) => {
                Ok(id)
            }
            _ => Err("a class is missing".to_owned()),
        }
    }

    /// Makes all objects, then fills the tables: a key may be any of them.
    fn objects(&mut self) -> Result<()> {
        let items = std::mem::take(&mut self.image.items);
        self.ids = items.iter().map(|_| self.machine.world.heap.add(Object::Free)).collect();
        self.image.items = items;
        for at in 0..self.image.items.len() {
            let object = self.object(&self.image.items[at])?;
            *self.machine.world.heap.get_mut(self.ids[at]) = object;
        }
        let items = std::mem::take(&mut self.image.items);
        for (at, item) in items.iter().enumerate() {
            match item {
                Item::Dict(pairs)
                | Item::DefaultDict(_, pairs)
                | Item::Ordered(pairs)
                | Item::Counter(pairs) => {
                    self.fill(at, pairs.iter().copied())?;
                }
                Item::Set(data) => self.fill(at, data.iter().map(|datum| (*datum, Datum::None)))?,
                Item::Bound { receiver, name } => self.bind(at, *receiver, *name)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn bind(&mut self, at: usize, receiver: Datum, name: u32) -> Result<()> {
        let (receiver, name) = (self.value(receiver)?, self.text(name)?);
        let Some(function) = self.machine.class_attribute(receiver, name) else {
            return Err("a method is missing".to_owned());
        };
        let is_function = match function.id().map(|id| self.machine.world.heap.get(id)) {
            Some(object) => matches!(object, Object::Function(_)),
            None => matches!(function, Value::Native(_)),
        };
        if !is_function {
            return Err("a method that is no function".to_owned());
        }
        let method = Object::Method { receiver, function };
        *self.machine.world.heap.get_mut(self.ids[at]) = method;
        Ok(())
    }

    fn fill(&mut self, at: usize, pairs: impl Iterator<Item = (Datum, Datum)>) -> Result<()> {
        let mut filled = Table::default();
        for (name, value) in pairs {
            let (name, value) = (self.value(name)?, self.value(value)?);
            let key = self.machine.key(name).map_err(|_| "a key that is none".to_owned())?;
            filled.insert(key, name, value);
        }
        match self.machine.world.heap.get_mut(self.ids[at]) {
            Object::Dict(table, _) | Object::Set(table) => *table = filled,
            _ => {}
        }
        Ok(())
    }

    fn object(&self, item: &Item) -> Result<Object> {
        Ok(match item {
            Item::Tuple(data) => Object::Tuple(self.values(data)?),
            Item::List(data) => Object::List(self.values(data)?),
            Item::Dict(_) => Object::Dict(Table::default(), DictKind::Plain),
            Item::Ordered(_) => Object::Dict(Table::default(), DictKind::Ordered),
            Item::Counter(_) => Object::Dict(Table::default(), DictKind::Counter),
            Item::DefaultDict(factory, _) => {
                Object::Dict(Table::default(), DictKind::Default(self.value(*factory)?))
            }
            Item::Set(_) => Object::Set(Table::default()),
            Item::Deque(data, most) => {
                Object::Deque(Deque::new(VecDeque::from(self.values(data)?), most.map(size)))
            }
            Item::Range(_, _, 0) => return Err("a range with step 0".to_owned()),
            Item::Range(start, stop, step) => Object::Range(*start, *stop, *step),
            Item::Slice([a, b, c]) => {
                Object::Slice([self.value(*a)?, self.value(*b)?, self.value(*c)?])
            }
            Item::View(of, part) => Object::View(self.of_kind(*of, is_table)?, *part),
            Item::Function { code, defaults, keyword_defaults, cells, attributes } => {
                self.function(*code, defaults, keyword_defaults, cells, attributes)?
            }
            Item::Class { name, bases, rest, attributes } => Object::Class(Class {
                name: self.text(*name)?,
                bases: bases.iter().map(|base| self.class(*base)).collect::<Result<_>>()?,
                rest: rest.iter().map(|base| self.class(*base)).collect::<Result<_>>()?,
                attributes: Attributes(self.named(attributes)?),
            }),
            Item::Instance { class, attributes } => Object::Instance(Instance {
                class: self.class(*class)?,
                attributes: Attributes(self.named(attributes)?),
            }),
            Item::Method { receiver, function } => {
                let function = match (*function, self.value(*function)?) {
                    (Datum::Item(place), _) => {
                        let is = |item: &Item| matches!(item, Item::Function { .. });
                        Value::Ref(self.of_kind(place, is)?)
                    }
                    (Datum::Native(_), value) => value,
                    (Datum::Global(_), Value::Ref(id))
                        if matches!(self.machine.world.heap.get(id), Object::Function(_)) =>
                    {
                        Value::Ref(id)
                    }
                    _ => return Err("a method of nothing".to_owned()),
                };
                Object::Method { receiver: self.value(*receiver)?, function }
            }
            Item::Bound { .. } => Object::Free,
            Item::Cell(datum) => Object::Cell(self.value(*datum)?),
            Item::Generator { done: true } => Object::Generator(Generator::Done),
            // It runs elsewhere, as far as this world can know.
            Item::Generator { done: false } => Object::Generator(Generator::Running),
            Item::Count(next, step) => Object::Count(*next, *step),
            Item::Local(own) => Object::Local(vec![(0, Attributes(self.named(own)?))]),
            other => match self.iter(other)? {
                Some(iter) => Object::Iter(iter),
                None => Object::Sync(self.sync(other)?),
            },
        })
    }

    fn function(
        &self,
        code: u32,
        defaults: &[Datum],
        keyword_defaults: &Named,
        cells: &[u32],
        attributes: &Named,
    ) -> Result<Object> {
        let program = &self.machine.program;
        let Some(body) = program.codes.get(code as usize) else {
            return Err("it is of another program".to_owned());
        };
        let outer = body.cell_names.len().saturating_sub(body.cells.len());
        if cells.len() != outer || defaults.len() > body.positional {
            return Err("a function that does not fit its code".to_owned());
        }
        let is = |item: &Item| matches!(item, Item::Cell(_));
        let cells = cells.iter().map(|place| self.of_kind(*place, is)).collect::<Result<_>>()?;
        let (defaults, keyword_defaults) = (self.values(defaults)?, self.named(keyword_defaults)?);
        let own = Attributes(self.named(attributes)?);
        let attributes = (!own.0.is_empty()).then(|| Box::new(own));
        Ok(Object::Function(Function { code, defaults, keyword_defaults, cells, attributes }))
    }

    fn iter(&self, item: &Item) -> Result<Option<Iter>> {
        Ok(Some(match item {
            Item::Sequence(of, at) => Iter::Sequence { of: self.value(*of)?, at: size(*at) },
            Item::Rest(next, left, step) => Iter::Range { next: *next, left: *left, step: *step },
            Item::Entries { of, at, size: of_size, part } => {
                let of = self.of_kind(*of, is_table)?;
                Iter::Table { of, at: size(*at), size: size(*of_size), part: *part }
            }
            Item::Reversed(of, left) => {
                let is = |item: &Item| matches!(item, Item::Tuple(_) | Item::List(_));
                Iter::Reversed { of: self.of_kind(*of, is)?, left: size(*left) }
            }
            Item::Zip { of, steps, counted } => {
                depth::check_zip(&self.image.items, *of, *steps)?;
                Iter::Zip { of: self.id(*of)?, steps: *steps, counted: *counted }
            }
            Item::Map { call, of } => {
                depth::check_map(&self.image.items, *of)?;
                Iter::Map { call: self.value(*call)?, of: self.id(*of)? }
            }
            Item::Exhausted => Iter::Done,
            _ => return Ok(None),
        }))
    }

    fn sync(&self, item: &Item) -> Result<Sync> {
        let owner = |holder: &Holder| match holder {
            Holder::None => None,
            Holder::Maker(_) => Some(0),
            Holder::Lost => Some(NOBODY),
        };
        Ok(match item {
            Item::Lock(holder) => Sync::Lock { owner: owner(holder) },
            Item::RLock(holder) => {
                let count = match holder {
                    Holder::Maker(count) => size(*count),
                    _ => 0,
                };
                Sync::RLock { owner: owner(holder), count }
            }
            Item::Condition(lock) => {
                let is = |item: &Item| matches!(item, Item::Lock(_) | Item::RLock(_));
                Sync::Condition { lock: self.of_kind(*lock, is)?, waiters: VecDeque::new() }
            }
            Item::Event(set) => Sync::Event { set: *set },
            Item::Semaphore(value, bound) => Sync::Semaphore { value: *value, bound: *bound },
            Item::Barrier(parties, broken) => {
                Sync::Barrier { parties: *parties, arrived: Vec::new(), broken: *broken }
            }
            Item::Queue { items, most, lifo, simple, unfinished } => Sync::Queue {
                simple: *simple,
                items: self.values(items)?.into(),
                most: *most,
                lifo: *lifo,
                unfinished: (*unfinished).clamp(0, i64::from(u32::MAX)),
            },
            Item::Pool(number, name, most) => {
                let (number, name) = (*number, self.text(*name)?);
                let (queued, idle) = (VecDeque::new(), Vec::new());
                let (running, made, most) = (0, 0, *most);
                Sync::Pool { number, name, most, queued, running, idle, made }
            }
            _ => return Err("an object is of no kind".to_owned()),
        })
    }
}

/// A place or a count. What is beyond any heap stays so, and can be counted up from.
fn size(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX).min(u32::MAX as usize)
}

fn is_table(item: &Item) -> bool {
    matches!(
        item,
        Item::Dict(_) | Item::DefaultDict(..) | Item::Ordered(_) | Item::Counter(_) | Item::Set(_)
    )
}
