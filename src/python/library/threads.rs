//! `threading.Thread`, and which thread runs.
//!
//! *Promises*: `start` returns when the new thread could have begun; `join` returns when it has
//! ended; an exception ends its thread only.
//! *Leaves out*: which of them runs.

use crate::python::library::sync::{gives_up, limit_of};
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::terms::{Arguments, Done, Location, Look, R, Raise, value};
use crate::python::machine::world::{Failure, Thread, Wait};
use crate::python::value::any::Value;
use crate::python::value::frame::Then;
use crate::python::value::object::Object;
use std::sync::Arc;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::of("Thread.__init__", Look::Library, init),
    Row::of("Thread.start", Look::Library, start),
    Row::of("Thread.join", Look::Library, join),
    Row::of("Thread.is_alive", Look::Library, is_alive),
    Row::of("Thread.run", Look::Library, run),
    Row::of("threading.current_thread", Look::Library, current_thread),
    Row::of("threading.main_thread", Look::Library, main_thread),
    Row::of("threading.active_count", Look::Library, active_count),
    Row::of("threading.get_ident", Look::C, get_ident),
    Row::of("threading.get_native_id", Look::C, get_ident),
    Row::of("threading.currentThread", Look::Library, current_thread),
    Row::of("threading.enumerate", Look::Library, enumerate),
    Row::of("Thread.getName", Look::Library, |m, a| named(m, a, "name")),
    Row::of("Thread.setName", Look::Library, |m, a| renamed(m, a, "name")),
    Row::of("Thread.isDaemon", Look::Library, |m, a| named(m, a, "daemon")),
    Row::of("Thread.setDaemon", Look::Library, |m, a| renamed(m, a, "daemon")),
];

impl Machine {
    /// The number of a thread's object; `None` if it was not started.
    pub fn thread_number(&mut self, object: Value) -> Option<usize> {
        let name = self.strings.intern("<thread>");
        match self.world.heap.get(object.id()?) {
            Object::Instance(instance) => {
                let number = instance.attributes.get(name)?.as_int()?;
                usize::try_from(number).ok()
            }
            _ => None,
        }
    }

    /// What `ident` is.
    pub(crate) fn thread_ident(&mut self, object: Value) -> Option<Value> {
        let class = self.class_of(object)?;
        if !self.is_subclass(class, self.thread_class()) {
            return None;
        }
        Some(match self.thread_number(object) {
            Some(number) => Value::Int(i64::try_from(number).unwrap_or(0) + 1),
            None => Value::None,
        })
    }

    /// What a thread is called.
    pub fn name_of_thread(&mut self, number: usize) -> String {
        let object = match number == self.number {
            true => self.current.object,
            false => None,
        };
        let object = object.or_else(|| self.world.threads.get(number)?.object);
        let name = object.map_or(Value::None, |object| self.own(Value::Ref(object), "name"));
        self.plain_str(name).unwrap_or_default()
    }

    fn own(&mut self, object: Value, name: &str) -> Value {
        let name = self.strings.intern(name);
        match object.id().map(|id| self.world.heap.get(id)) {
            Some(Object::Instance(instance)) => {
                instance.attributes.get(name).unwrap_or(Value::None)
            }
            _ => Value::None,
        }
    }

    fn set_own(&mut self, object: Value, name: &str, value: Value) {
        let name = self.strings.intern(name);
        if let Some(id) = object.id()
            && let Object::Instance(instance) = self.world.heap.get_mut(id)
        {
            instance.attributes.set(name, value);
        }
    }
}

fn init(m: &mut Machine, a: &Arguments) -> R<Done> {
    let names = ["self", "group", "target", "name", "args", "kwargs", "daemon"];
    let [object, _, target, name, args, kwargs, daemon] = m.sorted(a, "Thread", 1, names)?;
    let or_none = |value: Value| if value == Value::Unset { Value::None } else { value };
    let name = match or_none(name) {
        Value::None => {
            m.world.names_used += 1;
            let number = m.world.names_used;
            let target_name = match target.id().map(|id| m.world.heap.get(id)) {
                Some(Object::Function(f)) => Some(m.program.codes[f.code as usize].name.clone()),
                _ => None,
            };
            let text = match target_name {
                Some(target) => format!("Thread-{number} ({target})"),
                None => format!("Thread-{number}"),
            };
            m.text_value(&text)
        }
        name => {
            let text = m.plain_str(name)?;
            m.text_value(&text)
        }
    };
    let args = match or_none(args) {
        Value::None => Vec::new(),
        args => m.items(args)?,
    };
    let args = m.add(Object::Tuple(args));
    let daemon = match or_none(daemon) {
        Value::None => Value::Bool(m.current.daemon),
        daemon => Value::Bool(m.plain_truth(daemon)?),
    };
    m.set_own(object, "_target", or_none(target));
    m.set_own(object, "_args", args);
    m.set_own(object, "_kwargs", or_none(kwargs));
    m.set_own(object, "name", name);
    m.set_own(object, "daemon", daemon);
    value(Value::None)
}

fn start(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object] = m.sorted(a, "start", 1, ["self"])?;
    if m.own(object, "_args") == Value::None {
        return Err(m.error("RuntimeError", "thread.__init__() not called"));
    }
    if m.thread_number(object).is_some() {
        return Err(m.error("RuntimeError", "threads can only be started once"));
    }
    let number = m.world.threads.len();
    let most = m.limits.threads;
    if number > most {
        return Err(Raise::Stop(format!("it starts more than {most} threads")));
    }
    let daemon = matches!(m.own(object, "daemon"), Value::Bool(true));
    m.set_own(object, "<thread>", Value::Int(i64::try_from(number).unwrap_or(0)));
    let run = m.strings.intern("run");
    let run = m.class_attribute(object, run).unwrap_or(Value::None);
    let born = m.position();
    let fresh = Thread { object: object.id(), daemon, born, ..Thread::default() };
    let starter = std::mem::replace(&mut m.current, fresh);
    let begun = begin(m, object, run);
    let mut fresh = std::mem::replace(&mut m.current, starter);
    match begun {
        Ok(()) => {}
        Err(Raise::Exception(exception)) => {
            fresh.frames.clear();
            let text = m.exception_text(exception);
            fresh.failure = Some(Failure { text, at: m.position() });
        }
        Err(stop) => return Err(stop),
    }
    m.world.threads.push(Arc::new(fresh));
    m.outside.stirred = true;
    Ok(Done::Blocked(Value::None))
}

/// Pushes the first frame of a thread.
fn begin(m: &mut Machine, object: Value, run: Value) -> R<()> {
    if matches!(run, Value::Native(_)) {
        return call_target(m, object);
    }
    let arguments = Arguments { values: vec![object], named: Vec::new() };
    m.call_value(run, arguments, Then::Discard).map(drop)
}

fn call_target(m: &mut Machine, object: Value) -> R<()> {
    let target = m.own(object, "_target");
    if target == Value::None {
        return Ok(());
    }
    let args = m.own(object, "_args");
    let values = m.items(args)?;
    let mut named = Vec::new();
    if let Some(Object::Dict(table, _)) =
        m.own(object, "_kwargs").id().map(|id| m.world.heap.get(id))
    {
        named = table
            .iter()
            .filter_map(|(name, value)| match name {
                Value::Str(name) => Some((name, value)),
                _ => None,
            })
            .collect();
    }
    if is_python(m, target) {
        return m.call_value(target, Arguments { values, named }, Then::Discard).map(drop);
    }
    let arguments = Arguments { values, named };
    m.call_indirectly(target, &arguments, Then::Discard).map(drop)
}

fn is_python(m: &Machine, callee: Value) -> bool {
    match callee.id().map(|id| m.world.heap.get(id)) {
        Some(Object::Function(_)) => true,
        Some(Object::Method { function, .. }) => is_python(m, *function),
        _ => false,
    }
}

/// `Thread.run`, called by a `run` of a derived class.
fn run(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object] = m.sorted(a, "run", 1, ["self"])?;
    let target = m.own(object, "_target");
    if target == Value::None {
        return value(Value::None);
    }
    let args = m.own(object, "_args");
    let values = m.items(args)?;
    m.call_value(target, Arguments { values, named: Vec::new() }, Then::Push)
}

fn join(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object, limit] = m.sorted(a, "join", 1, ["self", "timeout"])?;
    let Some(number) = m.thread_number(object) else {
        return Err(m.error("RuntimeError", "cannot join thread before it is started"));
    };
    if number == m.number {
        return Err(m.error("RuntimeError", "cannot join current thread"));
    }
    let late = m.has_timed_out();
    if let Some(id) = object.id() {
        m.note(Location::Object(id), true);
    }
    let ended = m.world.threads.get(number).is_none_or(|thread| thread.has_ended());
    if ended || late || gives_up(m, Value::Unset, limit)? {
        return value(Value::None);
    }
    let limit = limit_of(m, limit)?;
    Ok(Done::Wait(Wait::Join(number), limit))
}

fn is_alive(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object] = m.sorted(a, "is_alive", 1, ["self"])?;
    if let Some(id) = object.id() {
        m.note(Location::Object(id), true);
    }
    let alive = match m.thread_number(object) {
        None => false,
        Some(number) if number == m.number => true,
        Some(number) => m.world.threads.get(number).is_some_and(|thread| !thread.has_ended()),
    };
    value(Value::Bool(alive))
}

fn current_thread(m: &mut Machine, _: &Arguments) -> R<Done> {
    value(m.current.object.map_or(Value::None, Value::Ref))
}

fn main_thread(m: &mut Machine, _: &Arguments) -> R<Done> {
    let object = match m.number {
        0 => m.current.object,
        _ => m.world.threads.first().and_then(|main| main.object),
    };
    value(object.map_or(Value::None, Value::Ref))
}

fn active_count(m: &mut Machine, _: &Arguments) -> R<Done> {
    m.note(Location::Output, true);
    let alive = m.world.threads.iter().enumerate();
    let alive = alive.filter(|(at, thread)| *at == m.number || !thread.has_ended()).count();
    value(Value::Int(i64::try_from(alive).unwrap_or(0)))
}

fn get_ident(m: &mut Machine, _: &Arguments) -> R<Done> {
    value(Value::Int(i64::try_from(m.identity()).unwrap_or(0) + 1))
}

fn enumerate(m: &mut Machine, _: &Arguments) -> R<Done> {
    m.note(Location::Output, true);
    let (me, own) = (m.number, m.current.object);
    let threads = m.world.threads.iter().enumerate();
    let alive = threads.filter_map(|(at, thread)| match at == me {
        true => own,
        false => thread.object.filter(|_| !thread.has_ended()),
    });
    let alive = alive.map(Value::Ref).collect();
    value(m.add(Object::List(alive)))
}

fn named(m: &mut Machine, a: &Arguments, name: &str) -> R<Done> {
    let [object] = m.sorted(a, "getName", 1, ["self"])?;
    value(m.own(object, name))
}

fn renamed(m: &mut Machine, a: &Arguments, name: &str) -> R<Done> {
    let [object, new] = m.sorted(a, "setName", 2, ["self", "name"])?;
    m.set_own(object, name, new);
    value(Value::None)
}
