//! A world as a number: equal for worlds from which the same can happen.
//!
//! *Promises*: objects are numbered in the order in which they are reached, so neither the order of
//! allocation nor what is no longer needed makes a difference.
//! *Leaves out*: certainty: two of a hundred million different worlds have the same number with a
//! probability of one in 10^22.

use crate::python::machine::world::{Thread, World};
use crate::python::value::any::{Id, Value};
use crate::python::value::heap::Heap;
use crate::python::value::object::{
    Attributes, DictKind, Frame, Generator, Iter, Object, Sync, Then,
};

/// Numbers objects as they are reached, and mixes what they hold.
struct Mixer<'a> {
    world: &'a World,
    a: u64,
    b: u64,
    numbers: Vec<u32>,
    offsets: Vec<usize>,
    reached: Vec<Id>,
}

/// The number of a world.
pub fn fingerprint(world: &World) -> u128 {
    let numbers = vec![u32::MAX; world.heap.len()];
    let offsets = world.heap.offsets();
    let (a, b) = (0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344);
    let mut mixer = Mixer { world, a, b, numbers, offsets, reached: Vec::new() };
    let own = world.globals.iter().take(world.own_globals);
    own.for_each(|value| mixer.value(*value));
    world.threads.iter().for_each(|thread| mixer.thread(thread));
    mixer.text(&world.output);
    mixer.mix(world.random);
    mixer.mix(world.names_used as u64);
    let mut at = 0;
    while let Some(id) = mixer.reached.get(at).copied() {
        mixer.object(id);
        at += 1;
    }
    u128::from(mixer.a) << 64 | u128::from(mixer.b)
}

impl Mixer<'_> {
    fn mix(&mut self, word: u64) {
        self.a = (self.a.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.b = (self.b ^ word).wrapping_mul(0xc2b2_ae3d_27d4_eb4f).rotate_left(31);
        self.b ^= self.a >> 29;
    }

    fn text(&mut self, text: &str) {
        self.mix(text.len() as u64);
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn id(&mut self, id: Id) {
        let next = self.reached.len();
        let Some(number) = self.numbers.get_mut(Heap::dense(&self.offsets, id)) else { return };
        if *number == u32::MAX {
            *number = u32::try_from(next).unwrap_or(u32::MAX - 1);
            self.reached.push(id);
        }
        let number = u64::from(*number);
        self.mix(number);
    }

    fn value(&mut self, value: Value) {
        match value {
            Value::Unset => self.mix(1),
            Value::None => self.mix(2),
            Value::Bool(bool) => self.mix(3 + u64::from(bool)),
            Value::Int(int) => {
                self.mix(5);
                self.mix(int.cast_unsigned());
            }
            Value::Float(float) => {
                self.mix(6);
                self.mix(float.to_bits());
            }
            Value::Str(text) => self.mix(7 | u64::from(text.0) << 8),
            Value::Type(t) => self.mix(8 | (t as u64) << 8),
            Value::Native(number) => self.mix(9 | u64::from(number) << 8),
            Value::Module(number) => self.mix(10 | u64::from(number) << 8),
            Value::Ref(id) => {
                self.mix(11);
                self.id(id);
            }
        }
    }

    fn values<'v>(&mut self, values: impl ExactSizeIterator<Item = &'v Value>) {
        self.mix(values.len() as u64);
        values.for_each(|value| self.value(*value));
    }

    fn attributes(&mut self, attributes: &Attributes) {
        self.mix(attributes.0.len() as u64);
        for (name, value) in &attributes.0 {
            self.mix(u64::from(name.0));
            self.value(*value);
        }
    }

    fn frame(&mut self, frame: &Frame) {
        self.mix(u64::from(frame.code) << 32 | u64::from(frame.at));
        self.mix(u64::from(frame.entered));
        self.values(frame.slots.iter());
        frame.cells.iter().for_each(|id| self.id(*id));
        frame.generator.iter().for_each(|id| self.id(*id));
        match frame.then {
            Then::Push => self.mix(20),
            Then::Discard => self.mix(21),
            Then::Class => self.mix(22),
            Then::Text => self.mix(23),
            Then::Size => self.mix(24),
            Then::Exited => self.mix(25),
            Then::Truth(wanted) => self.mix(26 | u64::from(wanted) << 8),
            Then::Item(to) => self.mix(28 | u64::from(to) << 8),
            Then::Init(value) | Then::Next(value) => {
                self.mix(29);
                self.value(value);
            }
            Then::Branch { to, wanted, keep } => {
                self.mix(30 | u64::from(wanted) << 8 | u64::from(keep) << 9 | u64::from(to) << 10);
            }
            Then::Collected(number, id, at) => {
                self.mix(31 | u64::from(number) << 8);
                self.mix(u64::from(at));
                self.id(id);
            }
            Then::Method => self.mix(33),
            Then::Delegated => self.mix(34),
            Then::Operate(operation, left, right) => {
                use std::hash::{Hash, Hasher};
                let mut hasher = std::hash::DefaultHasher::new();
                operation.hash(&mut hasher);
                self.mix(35);
                self.mix(hasher.finish());
                self.value(left);
                self.value(right);
            }
            Then::Missing(id, value) => {
                self.mix(32);
                self.id(id);
                self.value(value);
            }
        }
    }

    fn thread(&mut self, thread: &Thread) {
        use std::hash::{Hash, Hasher};
        self.mix(thread.frames.len() as u64);
        thread.frames.iter().for_each(|frame| self.frame(frame));
        let mut hasher = std::hash::DefaultHasher::new();
        let waits = thread.wait.is_some();
        (waits, thread.timed_out, thread.stage, &thread.failure).hash(&mut hasher);
        let hash = hasher.finish();
        self.mix(hash);
        thread.object.iter().for_each(|id| self.id(*id));
    }

    fn object(&mut self, id: Id) {
        match self.world.heap.get(id) {
            Object::Free => self.mix(40),
            Object::Tuple(items) => {
                self.mix(41);
                self.values(items.iter());
            }
            Object::List(items) => {
                self.mix(42);
                self.values(items.iter());
            }
            Object::Dict(table, kind) => {
                self.mix(43 | (table.len() as u64) << 8);
                match kind {
                    DictKind::Plain => self.mix(1),
                    DictKind::Counter => self.mix(2),
                    DictKind::Ordered => self.mix(3),
                    DictKind::Default(factory) => self.value(*factory),
                }
                for (name, value) in table.iter() {
                    self.value(name);
                    self.value(value);
                }
            }
            Object::Set(table) => {
                self.mix(44 | (table.len() as u64) << 8);
                table.iter().for_each(|(name, _)| self.value(name));
            }
            Object::Deque(items, most) => {
                self.mix(45);
                self.mix(most.map_or(u64::MAX, |most| most as u64));
                self.values(items.iter());
            }
            Object::Range(start, stop, step) => {
                self.mix(46);
                [start, stop, step].into_iter().for_each(|int| self.mix(int.cast_unsigned()));
            }
            Object::Slice(parts) => self.values(parts.iter()),
            Object::View(of, part) => {
                self.mix(47 | (*part as u64) << 8);
                self.id(*of);
            }
            Object::Function(function) => {
                self.mix(48 | u64::from(function.code) << 8);
                self.values(function.defaults.iter());
                for (name, value) in &function.keyword_defaults {
                    self.mix(u64::from(name.0));
                    self.value(*value);
                }
                function.cells.iter().for_each(|id| self.id(*id));
                function.attributes.iter().for_each(|own| self.attributes(own));
            }
            Object::Class(class) => {
                self.mix(49 | u64::from(class.name.0) << 8);
                class.rest.iter().for_each(|id| self.id(*id));
                self.attributes(&class.attributes);
            }
            Object::Instance(instance) => {
                self.mix(50);
                self.id(instance.class);
                self.attributes(&instance.attributes);
            }
            Object::Method { receiver, function } => {
                self.mix(51);
                self.value(*receiver);
                self.value(*function);
            }
            Object::Cell(value) => {
                self.mix(52);
                self.value(*value);
            }
            Object::Generator(state) => match state {
                Generator::Suspended(frame) => self.frame(frame),
                Generator::Running => self.mix(53),
                Generator::Done => self.mix(54),
            },
            Object::Iter(iter) => self.iter(iter),
            Object::Count(next, step) => {
                self.mix(55);
                self.mix(next.cast_unsigned());
                self.mix(step.cast_unsigned());
            }
            Object::Sync(sync) => self.sync(sync),
            Object::Local(all) => {
                self.mix(56 | (all.len() as u64) << 8);
                let mut all: Vec<_> = all.iter().collect();
                all.sort_by_key(|(thread, _)| *thread);
                for (thread, own) in all {
                    self.mix(*thread as u64);
                    self.attributes(own);
                }
            }
        }
    }

    fn iter(&mut self, iter: &Iter) {
        match iter {
            Iter::Done => self.mix(60),
            Iter::Sequence { of, at } => {
                self.mix(61 | (*at as u64) << 8);
                self.value(*of);
            }
            Iter::Range { next, left, step } => {
                self.mix(62);
                [next, left, step].into_iter().for_each(|int| self.mix(int.cast_unsigned()));
            }
            Iter::Table { of, at, size, part } => {
                self.mix(63 | (*part as u64) << 8);
                self.mix(*at as u64);
                self.mix(*size as u64);
                self.id(*of);
            }
            Iter::Reversed { of, left } => {
                self.mix(64 | (*left as u64) << 8);
                self.id(*of);
            }
        }
    }

    fn sync(&mut self, sync: &Sync) {
        let number = |owner: &Option<usize>| owner.map_or(0, |owner| owner as u64 + 1);
        match sync {
            Sync::Lock { owner } => self.mix(70 | number(owner) << 8),
            Sync::RLock { owner, count } => {
                self.mix(71 | number(owner) << 8);
                self.mix(*count as u64);
            }
            Sync::Condition { lock, waiters } => {
                self.mix(72);
                self.id(*lock);
                waiters.iter().for_each(|waiter| self.mix(*waiter as u64));
            }
            Sync::Event { set } => self.mix(73 | u64::from(*set) << 8),
            Sync::Semaphore { value, .. } => {
                self.mix(74);
                self.mix(value.cast_unsigned());
            }
            Sync::Barrier { arrived, broken, .. } => {
                self.mix(75 | u64::from(*broken) << 8);
                self.mix(arrived.len() as u64);
                arrived.iter().for_each(|thread| self.mix(*thread as u64));
            }
            Sync::Queue { items, unfinished, .. } => {
                self.mix(76);
                self.mix(unfinished.cast_unsigned());
                self.values(items.iter());
            }
        }
    }
}
