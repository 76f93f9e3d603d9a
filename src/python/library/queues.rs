//! `queue.Queue`, `queue.LifoQueue` and `queue.SimpleQueue`.
//!
//! *Promises*: each call is one step, with its two looks, for CPython writes them in Python under a
//! lock of their own.
//! *Leaves out*: `PriorityQueue` (`python/library/prelude_threading.py`).

use crate::python::library::sync::{gives_up, limit_of};
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::operators::as_float;
use crate::python::machine::terms::{Arguments, Done, Look, R, value};
use crate::python::machine::world::Wait;
use crate::python::value::any::Value;
use crate::python::value::object::{Object, Sync};
use std::collections::VecDeque;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::of("Queue.__new__", Look::Library, |m, a| new(m, a, false, false)),
    Row::of("LifoQueue.__new__", Look::Library, |m, a| new(m, a, true, false)),
    Row::of("SimpleQueue.__new__", Look::C, |m, a| new(m, a, false, true)),
    Row::of("Queue.put", Look::Library, put),
    Row::of("Queue.get", Look::Library, get),
    Row::of("Queue.put_nowait", Look::Library, put_nowait),
    Row::of("Queue.get_nowait", Look::Library, get_nowait),
    Row::of("Queue.empty", Look::Library, |m, a| asked(m, a, |len, _| len == 0)),
    Row::of("Queue.full", Look::Library, |m, a| asked(m, a, |len, most| most > 0 && len >= most)),
    Row::of("Queue.qsize", Look::Library, qsize),
    Row::of("Queue.task_done", Look::Library, task_done),
    Row::of("Queue.join", Look::Library, join),
];

fn new(m: &mut Machine, a: &Arguments, lifo: bool, simple: bool) -> R<Done> {
    let [most] = m.sorted(a, "Queue", 0, ["maxsize"])?;
    let most = if most == Value::Unset { 0 } else { m.int_argument(most)? };
    m.charge(4)?;
    let sync = Sync::Queue { items: VecDeque::new(), most, lifo, simple, unfinished: 0 };
    value(m.add(Object::Sync(sync)))
}

fn add(m: &mut Machine, queue: Value, item: Value, now: bool, limit: Value) -> R<Done> {
    let id = m.queue_argument(queue)?;
    let late = m.has_timed_out();
    m.charge(1)?;
    if let Object::Sync(Sync::Queue { items, most, unfinished, .. }) = m.world.heap.get_mut(id)
        && (*most <= 0 || i64::try_from(items.len()).is_ok_and(|len| len < *most))
    {
        items.push_back(item);
        *unfinished += 1;
        return value(Value::None);
    }
    if now || late {
        return Err(m.exception("Full", Vec::new()));
    }
    let limit = limit_of(m, limit)?;
    Ok(Done::Wait(Wait::Space(id), limit))
}

/// Whether a call gives up at once; a time that has passed is an error if it blocks.
fn refuses_to_wait(m: &mut Machine, block: Value, limit: Value) -> R<bool> {
    let blocks = block == Value::Unset || m.plain_truth(block)?;
    if blocks && as_float(limit).is_some_and(|seconds| seconds < 0.0) {
        return m.value_error("'timeout' must be a non-negative number");
    }
    gives_up(m, block, limit)
}

fn put(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [queue, item, block, limit] =
        m.sorted(a, "put", 2, ["self", "item", "block", "timeout"])?;
    let id = m.queue_argument(queue)?;
    let bounded = match m.world.heap.get(id) {
        Object::Sync(Sync::Queue { most, .. }) => *most > 0,
        _ => false,
    };
    let now = bounded && refuses_to_wait(m, block, limit)?;
    add(m, queue, item, now, limit)
}

fn put_nowait(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [queue, item] = m.sorted(a, "put_nowait", 2, ["self", "item"])?;
    add(m, queue, item, true, Value::None)
}

fn take(m: &mut Machine, queue: Value, now: bool, limit: Value) -> R<Done> {
    let id = m.queue_argument(queue)?;
    let late = m.has_timed_out();
    if let Object::Sync(Sync::Queue { items, lifo, .. }) = m.world.heap.get_mut(id) {
        let item = if *lifo { items.pop_back() } else { items.pop_front() };
        if let Some(item) = item {
            return value(item);
        }
    }
    if now || late {
        return Err(m.exception("Empty", Vec::new()));
    }
    let limit = limit_of(m, limit)?;
    Ok(Done::Wait(Wait::Item(id), limit))
}

fn get(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [queue, block, limit] = m.sorted(a, "get", 1, ["self", "block", "timeout"])?;
    let now = refuses_to_wait(m, block, limit)?;
    take(m, queue, now, limit)
}

fn get_nowait(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [queue] = m.sorted(a, "get_nowait", 1, ["self"])?;
    take(m, queue, true, Value::None)
}

fn asked(m: &mut Machine, a: &Arguments, f: fn(i64, i64) -> bool) -> R<Done> {
    let [queue] = m.sorted(a, "empty", 1, ["self"])?;
    let id = m.queue_argument(queue)?;
    match m.world.heap.get(id) {
        Object::Sync(Sync::Queue { items, most, .. }) => {
            let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
            value(Value::Bool(f(len, *most)))
        }
        _ => value(Value::None),
    }
}

fn qsize(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [queue] = m.sorted(a, "qsize", 1, ["self"])?;
    let id = m.queue_argument(queue)?;
    match m.world.heap.get(id) {
        Object::Sync(Sync::Queue { items, .. }) => {
            value(Value::Int(i64::try_from(items.len()).unwrap_or(i64::MAX)))
        }
        _ => value(Value::None),
    }
}

fn task_done(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [queue] = m.sorted(a, "task_done", 1, ["self"])?;
    let id = m.queue_argument(queue)?;
    if let Object::Sync(Sync::Queue { unfinished, .. }) = m.world.heap.get_mut(id) {
        if *unfinished <= 0 {
            return m.value_error("task_done() called too many times");
        }
        *unfinished -= 1;
    }
    value(Value::None)
}

fn join(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [queue] = m.sorted(a, "join", 1, ["self"])?;
    let id = m.queue_argument(queue)?;
    match m.world.heap.get(id) {
        Object::Sync(Sync::Queue { unfinished, .. }) if *unfinished > 0 => {
            Ok(Done::Wait(Wait::Done(id), None))
        }
        _ => value(Value::None),
    }
}
