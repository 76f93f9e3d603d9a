//! Pools of workers, and the results of their jobs: what `concurrent.futures` stands on.
//!
//! *Promises*: a job is a thread of the world that waits until a worker of its pool is free; jobs
//! begin in the order in which they were submitted; a worker keeps its name and what is local to it.
//! *Leaves out*: futures and executors themselves, which are Python (`futures.py`).

use crate::python::library::sync::{gives_up, limit_of};
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::terms::{Arguments, Done, Location, Look, R, Raise, value};
use crate::python::machine::world::{Thread, Wait};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{Attributes, Instance, Object, Sync};
use crate::python::value::strings::StrId;
use std::collections::VecDeque;
use std::sync::Arc;

/// The rows of this file. Only the library's own Python sees those of `prelude`.
pub const ROWS: &[Row] = &[
    Row::of("prelude._new_pool", Look::C, new_pool),
    Row::of("prelude._submit", Look::C, submit),
    Row::of("prelude._start_job", Look::C, start_job),
    Row::of("prelude._begin_job", Look::C, begin_job),
    Row::of("prelude._end_job", Look::C, end_job),
    Row::of("prelude._join_pool", Look::C, join_pool),
    Row::of("prelude._wait_result", Look::C, wait_result),
    Row::of("prelude._call", Look::C, call),
    Row::of("prelude._log_exception", Look::C, log_exception),
];

/// The most jobs that one program may submit.
const MOST: usize = 20_000;

/// An instance's pool, by its number.
fn pool(m: &mut Machine, value: Value) -> R<Id> {
    let (id, sync) = m.sync_argument(value)?;
    m.note(Location::Object(id), true);
    match sync {
        Sync::Pool { .. } => Ok(id),
        _ => Err(Raise::Stop("this is no pool".to_owned())),
    }
}

/// `_new_pool(workers, prefix)`
fn new_pool(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [most, prefix] = m.sorted(a, "_new_pool", 2, ["workers", "prefix"])?;
    let (most, prefix) = (m.int_argument(most)?, m.text_argument(prefix)?);
    m.charge(4)?;
    let name = m.strings.intern(&prefix);
    let pool = m.fresh_pool(name, most);
    value(m.add(Object::Sync(pool)))
}

impl Machine {
    /// A pool that has done nothing yet.
    pub(crate) fn fresh_pool(&mut self, name: StrId, most: i64) -> Sync {
        self.outside.asked = self.outside.asked.wrapping_add(1);
        let (number, queued, idle) = (self.outside.asked, VecDeque::new(), Vec::new());
        Sync::Pool { number, name, most, queued, running: 0, idle, made: 0 }
    }

    /// The pool that a thread of the world waits for, if it is a job that has not begun: its number,
    /// its name, and how many workers it has at most.
    pub fn pool_of_job(&self, number: usize) -> Option<(u64, String, usize)> {
        let Some((Wait::Worker(id), _)) = self.world.threads.get(number)?.wait else { return None };
        match self.world.heap.get(id) {
            Object::Sync(Sync::Pool { number, name, most, .. }) => {
                let most = usize::try_from(*most).unwrap_or(usize::MAX);
                Some((*number, self.strings.text(*name).to_owned(), most))
            }
            _ => None,
        }
    }
}

/// A method of a class of the library that takes any arguments: `self._submit(f, args, kwargs)`.
fn submit(m: &mut Machine, a: &Arguments) -> R<Done> {
    let mut values = a.values.clone();
    let (Some(object), Some(function)) = (values.first().copied(), values.get(1).copied()) else {
        let text = "submit() missing 1 required positional argument: 'fn'";
        return m.type_error(text);
    };
    let rest = values.split_off(2);
    m.charge(rest.len() + 2 * a.named.len())?;
    let rest = m.add(Object::Tuple(rest));
    let mut named = crate::python::value::table::Table::default();
    for (name, value) in &a.named {
        let key = m.key(Value::Str(*name))?;
        named.insert(key, Value::Str(*name), *value);
    }
    let kind = crate::python::value::object::DictKind::Plain;
    let named = m.add(Object::Dict(named, kind));
    let name = m.strings.intern("_submit");
    let Some(method) = m.class_attribute(object, name) else {
        return m.type_error("submit() needs an executor");
    };
    let values = vec![object, function, rest, named];
    m.call_value(method, Arguments { values, named: Vec::new() }, Then::Push)
}

/// `_call(function, args, kwargs)`
fn call(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [function, args, kwargs] = m.sorted(a, "_call", 3, ["function", "args", "kwargs"])?;
    let values = m.items(args)?;
    let mut named = Vec::new();
    if let Some(Object::Dict(table, _)) = kwargs.id().map(|id| m.world.heap.get(id)) {
        let pairs = table.iter().filter_map(|(name, value)| match name {
            Value::Str(name) => Some((name, value)),
            _ => None,
        });
        named.extend(pairs);
    }
    m.call_value(function, Arguments { values, named }, Then::Push)
}

/// `_start_job(pool, function, *args)`: a thread that calls the function, a function of the library.
fn start_job(m: &mut Machine, a: &Arguments) -> R<Done> {
    let (Some(pool), Some(function)) = (a.values.first().copied(), a.values.get(1).copied()) else {
        return m.type_error("_start_job() needs a pool and a function");
    };
    let id = self::pool(m, pool)?;
    let number = m.world.threads.len();
    if number > MOST {
        return Err(Raise::Stop(format!("it submits more than {MOST} jobs")));
    }
    let born = m.position();
    let wait = Some((Wait::Worker(id), None));
    let fresh = Thread { born, ..Thread::default() };
    let starter = std::mem::replace(&mut m.current, fresh);
    let arguments = Arguments { values: a.values[2..].to_vec(), named: Vec::new() };
    let begun = m.call_value(function, arguments, Then::Discard);
    let mut fresh = std::mem::replace(&mut m.current, starter);
    begun?;
    fresh.wait = wait;
    m.world.threads.push(Arc::new(fresh));
    let mut starts = false;
    if let Object::Sync(Sync::Pool { most, queued, made, idle, .. }) = m.world.heap.get_mut(id) {
        queued.push_back(number);
        // CPython starts a thread for it, and waits until that has begun.
        starts = idle.is_empty() && i64::try_from(*made).is_ok_and(|made| made < *most);
    }
    if starts { Ok(Done::Blocked(Value::None)) } else { value(Value::None) }
}

/// `_begin_job(pool)`: waits for a free worker; whether it is a new one.
fn begin_job(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [pool] = m.sorted(a, "_begin_job", 1, ["pool"])?;
    let id = self::pool(m, pool)?;
    let me = m.number;
    let Object::Sync(Sync::Pool { name, most, queued, running, idle, made, .. }) =
        m.world.heap.get_mut(id)
    else {
        return value(Value::None);
    };
    if running >= most || queued.front() != Some(&me) {
        return Ok(Done::Wait(Wait::Worker(id), None));
    }
    queued.pop_front();
    *running += 1;
    let worker = (!idle.is_empty()).then(|| idle.remove(0));
    let new = *made;
    *made += usize::from(worker.is_none());
    let (fresh, name) = (worker.is_none(), *name);
    let worker = match worker {
        Some(worker) => worker,
        None => {
            let name = format!("{}_{new}", m.strings.text(name));
            new_worker(m, &name)
        }
    };
    m.current.worker = m.thread_number(worker);
    m.current.object = worker.id();
    value(Value::Bool(fresh))
}

/// An object of class `Thread` for a worker.
fn new_worker(m: &mut Machine, name: &str) -> Value {
    let number = Value::Int(i64::try_from(m.number).unwrap_or(0));
    let name = m.text_value(name);
    let attributes = [("name", name), ("daemon", Value::Bool(false)), ("<thread>", number)];
    let attributes = attributes.map(|(name, value)| (m.strings.intern(name), value)).to_vec();
    let class = m.thread_class();
    m.add(Object::Instance(Instance { class, attributes: Attributes(attributes) }))
}

/// `_end_job(pool)`: its worker is free.
fn end_job(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [pool] = m.sorted(a, "_end_job", 1, ["pool"])?;
    let id = self::pool(m, pool)?;
    let worker = m.current.object;
    if let Object::Sync(Sync::Pool { running, idle, .. }) = m.world.heap.get_mut(id) {
        *running -= 1;
        idle.extend(worker.map(Value::Ref));
    }
    value(Value::None)
}

/// `_join_pool(pool)`: waits until all jobs have ended.
fn join_pool(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [pool] = m.sorted(a, "_join_pool", 1, ["pool"])?;
    let id = self::pool(m, pool)?;
    match m.world.heap.get(id) {
        Object::Sync(Sync::Pool { queued, running, .. }) if *running > 0 || !queued.is_empty() => {
            Ok(Done::Wait(Wait::Idle(id), None))
        }
        _ => value(Value::None),
    }
}

/// `_wait_result(event, timeout)`: whether the event is set in time.
fn wait_result(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [event, limit] = m.sorted(a, "_wait_result", 2, ["event", "timeout"])?;
    let (id, sync) = m.sync_argument(event)?;
    m.note(Location::Object(id), true);
    let late = m.has_timed_out();
    if let Sync::Event { set: true } = sync {
        return value(Value::Bool(true));
    }
    if late || gives_up(m, Value::Unset, limit)? {
        return value(Value::Bool(false));
    }
    let limited = limit_of(m, limit)?;
    Ok(Done::Wait(Wait::Result(id), limited))
}

/// `_log_exception(exception, what)`: what CPython writes to stderr, and goes on.
fn log_exception(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [exception, what] = m.sorted(a, "_log_exception", 2, ["exception", "what"])?;
    if let Some(id) = exception.id() {
        let what = m.text_argument(what)?;
        let (text, at) = (m.exception_text(id), m.line_of(id));
        m.complain(&format!("{what}: {text}, line {}", at.line));
    }
    value(Value::None)
}
