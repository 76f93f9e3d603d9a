//! A world as a number: equal for worlds from which the same can happen.
//!
//! *Promises*: objects are numbered in the order in which they are reached, so neither the order of
//! allocation nor what is no longer needed makes a difference; what was there when the search began
//! keeps its number, and counts only where it has changed, so that a number costs what is new.
//! *Leaves out*: certainty: two of a hundred million different worlds have the same number with a
//! probability of one in 10^22.

use crate::python::machine::world::{Stage, Thread, World};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::{Frame, Then};
use crate::python::value::heap::Heap;
use crate::python::value::object::{Attributes, Object};

/// What all worlds of a search have in common, and memory to work with.
#[derive(Debug, Default)]
pub struct Fingerprints {
    globals: Vec<Value>,
    /// The numbers of fixed objects that were changed ever, as they were at first.
    originals: Vec<(Id, (u64, u64))>,
    /// By space and place, in which world an object was reached, and as the how many-eth.
    numbers: Vec<Vec<(u32, u32)>>,
    stamp: u32,
    reached: Vec<Id>,
}

/// Numbers objects as they are reached, and mixes what they hold.
pub(crate) struct Mixer<'a> {
    heap: &'a Heap,
    a: u64,
    b: u64,
    scratch: &'a mut Fingerprints,
}

const SEED: (u64, u64) = (0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344);

impl Fingerprints {
    /// Of worlds behind this one, whose heap keeps a journal since.
    pub fn new(beginning: &World) -> Fingerprints {
        Fingerprints { globals: beginning.globals.clone(), ..Fingerprints::default() }
    }

    /// The number of a world.
    pub fn of(&mut self, world: &World) -> u128 {
        self.stamp += 1;
        self.reached.clear();
        let globals = std::mem::take(&mut self.globals);
        let mut originals = std::mem::take(&mut self.originals);
        let mut mixer = Mixer { heap: &world.heap, a: SEED.0, b: SEED.1, scratch: self };
        for (at, (value, first)) in (0..).zip(world.globals.iter().zip(&globals)) {
            if !value.is(*first) {
                mixer.mix(at);
                mixer.value(*value);
            }
        }
        mixer.mix(u64::MAX);
        world.threads.iter().for_each(|thread| mixer.thread(thread));
        mixer.text(&world.output);
        mixer.mix(world.random);
        mixer.mix(world.names_used as u64);
        mixer.mix(world.tasks_named as u64);
        mixer.fixed(&mut originals);
        let mut at = 0;
        while let Some(id) = mixer.scratch.reached.get(at).copied() {
            mixer.object(world.heap.get(id));
            at += 1;
        }
        let (a, b) = (mixer.a, mixer.b);
        self.globals = globals;
        self.originals = originals;
        u128::from(a) << 64 | u128::from(b)
    }
}

impl Mixer<'_> {
    pub(crate) fn mix(&mut self, word: u64) {
        self.a = (self.a.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.b = (self.b ^ word).wrapping_mul(0xc2b2_ae3d_27d4_eb4f).rotate_left(31);
        self.b ^= self.a >> 29;
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.mix(text.len() as u64);
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    /// What fixed objects hold now, where that is not what they held at first.
    fn fixed(&mut self, originals: &mut Vec<(Id, (u64, u64))>) {
        let heap = self.heap;
        for (at, (id, first)) in heap.originals().iter().enumerate() {
            if originals.get(at).is_none_or(|(other, _)| other != id) {
                let number = self.alone(first);
                originals.insert(at, (*id, number));
            }
            let (a, b) = self.alone(heap.get(*id));
            if (a, b) != originals[at].1 {
                self.mix(u64::from(id.0));
                self.mix(a);
                self.mix(b);
            }
        }
    }

    /// The number of an object alone.
    fn alone(&mut self, object: &Object) -> (u64, u64) {
        let (a, b) = (self.a, self.b);
        (self.a, self.b) = SEED;
        self.object(object);
        let number = (self.a, self.b);
        (self.a, self.b) = (a, b);
        number
    }

    pub(crate) fn id(&mut self, id: Id) {
        if self.heap.is_fixed(id) {
            self.mix(u64::from(id.0) | 1 << 40);
            return;
        }
        let (space, place) = Heap::place(id);
        let scratch = &mut *self.scratch;
        if scratch.numbers.len() <= space {
            scratch.numbers.resize_with(space + 1, Vec::new);
        }
        let numbers = &mut scratch.numbers[space];
        if numbers.len() <= place {
            numbers.resize(place + 1, (0, 0));
        }
        let (stamp, mut number) = numbers[place];
        if stamp != scratch.stamp {
            number = u32::try_from(scratch.reached.len()).unwrap_or(u32::MAX);
            numbers[place] = (scratch.stamp, number);
            scratch.reached.push(id);
        }
        self.mix(u64::from(number));
    }

    pub(crate) fn value(&mut self, value: Value) {
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
            Value::Bytes(text) => self.mix(12 | u64::from(text.0) << 8),
            Value::Type(t) => self.mix(8 | (t as u64) << 8),
            Value::Native(number) => self.mix(9 | u64::from(number) << 8),
            Value::Module(number) => self.mix(10 | u64::from(number) << 8),
            Value::Ref(id) => {
                self.mix(11);
                self.id(id);
            }
        }
    }

    pub(crate) fn values<'v>(&mut self, values: impl ExactSizeIterator<Item = &'v Value>) {
        self.mix(values.len() as u64);
        values.for_each(|value| self.value(*value));
    }

    pub(crate) fn attributes(&mut self, attributes: &Attributes) {
        self.mix(attributes.0.len() as u64);
        for (name, value) in &attributes.0 {
            self.mix(u64::from(name.0));
            self.value(*value);
        }
    }

    pub(crate) fn frame(&mut self, frame: &Frame, values: &[Value]) {
        self.mix(u64::from(frame.code) << 32 | u64::from(frame.at));
        self.mix(u64::from(frame.entered) | (frame.back as u64) << 1);
        self.values(values.iter());
        frame.generator.iter().for_each(|id| self.id(*id));
        match frame.then {
            Then::Push => self.mix(20),
            Then::Discard => self.mix(21),
            Then::Class => self.mix(22),
            Then::Text => self.mix(23),
            Then::Size => self.mix(24),
            Then::Hash => self.mix(27),
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
            Then::Method | Then::Delegated => self.mix(33),
            Then::Operate(operation, left, right) => {
                self.mix(35 | operation.number() << 8);
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
        self.mix(thread.frames.len() as u64);
        thread.calls().for_each(|(frame, values)| self.frame(frame, values));
        self.mix(thread.rounds.len() as u64);
        for round in &thread.rounds {
            self.mix(u64::from(round.depth) << 32 | u64::from(round.at));
            self.mix(u64::from(round.count));
        }
        let (waits, late) = (u64::from(thread.wait.is_some()), u64::from(thread.timed_out));
        self.mix(waits | late << 1);
        match thread.stage {
            Stage::None => self.mix(0),
            Stage::Waiting(times) => self.mix(1 | (times as u64) << 8),
            Stage::Returning(times, notified) => {
                self.mix(2 | u64::from(notified) << 4 | (times as u64) << 8);
            }
            Stage::Arrived(place) => self.mix(3 | (place as u64) << 8),
            Stage::Slept => self.mix(4),
            Stage::Turn => self.mix(5),
            Stage::Entering => self.mix(6),
        }
        if let Some(failure) = &thread.failure {
            self.text(&failure.text);
            self.mix(u64::from(failure.at.line) << 32 | u64::from(failure.at.column));
        }
        thread.object.iter().chain(&thread.task).chain(&thread.runs).for_each(|id| self.id(*id));
    }
}
