//! What an object holds, mixed into the number of a world.
//!
//! *Promises*: all that a program can find out about an object, and nothing else, is mixed in.
//! *Leaves out*: frames and values (`python/explore/fingerprint.rs`).

use crate::python::explore::fingerprint::Mixer;
use crate::python::value::asyncio::{Asyncio, Callback, Future, Ready, State};
use crate::python::value::object::{DictKind, Generator, Iter, Object, Sync};

impl Mixer<'_> {
    pub(crate) fn object(&mut self, object: &Object) {
        match object {
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
                    DictKind::Counter | DictKind::Ordered => self.mix(2),
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
            Object::Deque(deque) => {
                self.mix(45 | u64::from(deque.changes.unwrap_or(0)) << 8);
                self.mix(deque.most.map_or(u64::MAX, |most| most as u64));
                self.values(deque.items.iter());
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
                Generator::Suspended(frame, values) => self.frame(frame, values),
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
            Object::Asyncio(asyncio) => self.asyncio(asyncio),
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
            Iter::Deque { of, at, changes } => {
                self.mix(66 | u64::from(*changes) << 8);
                self.mix(*at as u64);
                self.id(*of);
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
            Iter::Zip { of, steps, counted } => {
                self.mix(67 | u64::from(*steps) << 8 | u64::from(*counted) << 16);
                self.id(*of);
            }
            Iter::Map { call, of } => {
                self.mix(68);
                self.value(*call);
                self.id(*of);
            }
        }
    }

    fn asyncio(&mut self, asyncio: &Asyncio) {
        asyncio.each(|value| self.value(value));
        match asyncio {
            Asyncio::Coroutine(code, frame) => {
                self.mix(80 | u64::from(*code) << 8);
                frame.iter().for_each(|(frame, values)| self.frame(frame, values));
            }
            Asyncio::Generator(_) => self.mix(81),
            Asyncio::Future(future) => self.future(future),
            Asyncio::Loop(running) => {
                let flags = u64::from(running.closed) << 9 | u64::from(running.polled) << 10;
                self.mix(82 | u64::from(running.stopping) << 8 | flags);
                let number = |thread: Option<usize>| thread.map_or(0, |at| at as u64 + 1);
                self.mix(number(running.runner) << 32 | number(running.current));
                // Tasks go on in any order, so the order in which they became ready is nothing.
                let mut tasks = running.ready.iter().filter_map(|ready| match ready {
                    Ready::Task(task) => Some(*task),
                    Ready::Call(_) => None,
                });
                let mut tasks: Vec<usize> = tasks.by_ref().collect();
                tasks.sort_unstable();
                tasks.into_iter().for_each(|task| self.mix(task as u64));
            }
            Asyncio::Handle(handle) => self.mix(83 | u64::from(handle.cancelled) << 8),
        }
    }

    fn future(&mut self, future: &Future) {
        let state = match future.state {
            State::Pending => 0,
            State::Result(_) => 1,
            State::Raised(_) => 2,
            State::Cancelled => 3,
        };
        let flags = u64::from(future.cancel_asked) << 10 | u64::from(future.seen) << 11;
        let kept = u64::from(future.cancelled_by.is_some()) << 12;
        self.mix(84 | state << 8 | flags | kept);
        for callback in &future.callbacks {
            self.mix(match callback {
                Callback::Wake(task) => *task as u64,
                Callback::Call(_) => u64::MAX,
            });
        }
        if let Some(task) = &future.task {
            self.mix(task.number as u64 | u64::from(task.must_cancel) << 32);
            self.mix(task.cancelling.cast_unsigned());
            self.mix(u64::from(task.name.0) | u64::from(task.awaiting.is_some()) << 32);
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
            Sync::Pool { queued, running, idle, made, .. } => {
                self.mix(77 | (*made as u64) << 8);
                self.mix(running.cast_unsigned());
                self.mix(queued.len() as u64);
                queued.iter().for_each(|thread| self.mix(*thread as u64));
                self.values(idle.iter());
            }
            Sync::Queue { items, unfinished, .. } => {
                self.mix(76);
                self.mix(unfinished.cast_unsigned());
                self.values(items.iter());
            }
        }
    }
}
