//! The collector: objects that nothing leads to are freed.
//!
//! *Assumes*: it runs between two instructions or at the beginning of one, and values that only
//! Rust code holds are not yet in the heap, or held by the stack.
//! *Promises*: what a global, a frame or a thread leads to stays.
//! *Leaves out*: `__del__`, which the subset has not.

use crate::python::code::modules::EXCEPTIONS;
use crate::python::machine::interpreter::{Machine, SLACK, WRAPPERS};
use crate::python::machine::world::{Thread, Wait};
use crate::python::value::any::{Id, Value};
use crate::python::value::asyncio::Asyncio;
use crate::python::value::frame::{Frame, Then};
use crate::python::value::heap::Heap;
use crate::python::value::object::{Generator, Iter, Object, Sync};

/// Whose turn it is to be looked at.
struct Marks {
    marked: Vec<bool>,
    offsets: Vec<usize>,
    pending: Vec<Id>,
}

impl Marks {
    fn value(&mut self, value: Value) {
        if let Value::Ref(id) = value {
            self.id(id);
        }
    }

    fn id(&mut self, id: Id) {
        if let Some(mark) = self.marked.get_mut(Heap::dense(&self.offsets, id))
            && !*mark
        {
            *mark = true;
            self.pending.push(id);
        }
    }

    fn frame(&mut self, frame: &Frame, values: &[Value]) {
        values.iter().for_each(|value| self.value(*value));
        frame.generator.iter().for_each(|id| self.id(*id));
        match frame.then {
            Then::Init(value) | Then::Next(value) => self.value(value),
            Then::Collected(_, id, _) => self.id(id),
            Then::Operate(_, left, right) => {
                self.value(left);
                self.value(right);
            }
            Then::Missing(id, value) => {
                self.id(id);
                self.value(value);
            }
            _ => {}
        }
    }

    fn thread(&mut self, thread: &Thread) {
        thread.calls().for_each(|(frame, values)| self.frame(frame, values));
        thread.object.iter().chain(&thread.task).chain(&thread.runs).for_each(|id| self.id(*id));
        if let Some((
            Wait::Lock(id)
            | Wait::Notified(id)
            | Wait::Event(id)
            | Wait::Permit(id)
            | Wait::Barrier(id)
            | Wait::Item(id)
            | Wait::Space(id)
            | Wait::Done(id)
            | Wait::Result(id)
            | Wait::Worker(id)
            | Wait::Idle(id)
            | Wait::Turn(id),
            _,
        )) = thread.wait
        {
            self.id(id);
        }
    }

    /// Marks what an object leads to; gives how many items it has.
    fn object(&mut self, object: &Object) -> usize {
        match object {
            Object::Tuple(items) | Object::List(items) => {
                items.iter().for_each(|item| self.value(*item));
                items.len()
            }
            Object::Dict(table, kind) => {
                if let crate::python::value::object::DictKind::Default(factory) = kind {
                    self.value(*factory);
                }
                table.iter().for_each(|(name, value)| {
                    self.value(name);
                    self.value(value);
                });
                4 * table.len()
            }
            Object::Set(table) => {
                table.iter().for_each(|(name, _)| self.value(name));
                3 * table.len()
            }
            Object::Deque(deque) => {
                deque.items.iter().for_each(|item| self.value(*item));
                deque.items.len()
            }
            Object::Slice(parts) => {
                parts.iter().for_each(|part| self.value(*part));
                3
            }
            Object::View(id, _) => {
                self.id(*id);
                1
            }
            Object::Function(function) => {
                function.defaults.iter().for_each(|value| self.value(*value));
                function.keyword_defaults.iter().for_each(|(_, value)| self.value(*value));
                function.cells.iter().for_each(|id| self.id(*id));
                let own = function.attributes.iter().flat_map(|own| &own.0);
                own.for_each(|(_, value)| self.value(*value));
                4
            }
            Object::Class(class) => {
                class.rest.iter().for_each(|id| self.id(*id));
                class.attributes.0.iter().for_each(|(_, value)| self.value(*value));
                class.attributes.0.len()
            }
            Object::Instance(instance) => {
                self.id(instance.class);
                instance.attributes.0.iter().for_each(|(_, value)| self.value(*value));
                instance.attributes.0.len()
            }
            Object::Method { receiver, function } => {
                self.value(*receiver);
                self.value(*function);
                2
            }
            Object::Cell(value) => {
                self.value(*value);
                1
            }
            Object::Generator(Generator::Suspended(frame, values)) => {
                self.frame(frame, values);
                values.len()
            }
            Object::Iter(iter) => {
                match iter {
                    Iter::Sequence { of, .. } => self.value(*of),
                    Iter::Table { of, .. } | Iter::Reversed { of, .. } | Iter::Deque { of, .. } => {
                        self.id(*of);
                    }
                    Iter::Zip { of, .. } => self.id(*of),
                    Iter::Map { call, of } => {
                        self.value(*call);
                        self.id(*of);
                    }
                    Iter::Range { .. } | Iter::Done => {}
                }
                1
            }
            Object::Sync(Sync::Condition { lock, .. }) => {
                self.id(*lock);
                1
            }
            Object::Sync(Sync::Queue { items, .. }) => {
                items.iter().for_each(|item| self.value(*item));
                items.len()
            }
            Object::Sync(Sync::Pool { idle, .. }) => {
                idle.iter().for_each(|worker| self.value(*worker));
                idle.len()
            }
            Object::Local(all) => {
                let values = all.iter().flat_map(|(_, own)| &own.0);
                values.clone().for_each(|(_, value)| self.value(*value));
                values.count()
            }
            Object::Asyncio(asyncio) => {
                let mut items = 4;
                asyncio.each(|value| {
                    items += 1;
                    self.value(value);
                });
                if let Asyncio::Coroutine(_, Some((frame, values))) = &**asyncio {
                    self.frame(frame, values);
                    items += values.len();
                }
                items
            }
            Object::Free
            | Object::Range(..)
            | Object::Count(..)
            | Object::Sync(_)
            | Object::Generator(_) => 1,
        }
    }
}

impl Machine {
    /// Counts what is live, and asks for memory to be freed at the next safe point.
    pub fn collect(&mut self) {
        let (_, items) = self.mark();
        // What was made by the instruction that runs is held by Rust code only, so nothing is
        // freed here; the count alone is brought up to date.
        self.world.heap.recount(items);
        self.live = items;
        self.sweep_at = 2 * items + SLACK;
    }

    /// Frees what nothing leads to. Only between two instructions.
    pub fn sweep(&mut self) {
        let (marked, items) = self.mark();
        self.world.heap.sweep(&marked, items);
        self.live = items;
        self.sweep_at = 2 * items + SLACK;
    }

    fn mark(&self) -> (Vec<bool>, usize) {
        let heap = &self.world.heap;
        let (marked, offsets) = (vec![false; heap.len()], heap.offsets());
        let mut marks = Marks { marked, offsets, pending: Vec::new() };
        let built_in = u32::try_from(EXCEPTIONS.len() + WRAPPERS.len()).unwrap_or(0);
        (0..=built_in).for_each(|number| marks.id(Id(number)));
        let fixed = self.world.globals.iter().chain(&self.constants).chain(&self.builtins);
        fixed.for_each(|value| marks.value(*value));
        self.world.event_loop.iter().for_each(|id| marks.id(*id));
        self.world.threads.iter().for_each(|thread| marks.thread(thread));
        marks.thread(&self.current);
        let mut items = 0;
        while let Some(id) = marks.pending.pop() {
            items += 4 + marks.object(self.world.heap.get(id));
        }
        (marks.marked, items)
    }
}
