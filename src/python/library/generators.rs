//! Methods of generators, and of iterators.
//!
//! *Promises*: `send`, `throw` and `close` do what Python's do; a generator's code is a frame.
//! *Leaves out*: `yield from` (`python/machine/delegation.rs`).

use crate::python::library::sequences::python;
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::terms::{Arguments, Done, Look, R};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{Generator, Object};

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::of("generator.send", Look::C, send),
    Row::of("generator.throw", Look::C, throw),
    Row::of("generator.close", Look::C, close),
    Row::of("generator.__next__", Look::C, next),
    Row::of("iterator.__next__", Look::C, next),
    Row::of("count.__next__", Look::C, next),
];

fn next(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [iterator] = m.sorted(a, "__next__", 1, ["self"])?;
    match m.next_item(iterator, Then::Push)? {
        Some(done) => Ok(done),
        None => Err(m.exception("StopIteration", Vec::new())),
    }
}

fn generator(m: &mut Machine, value: Value) -> R<Id> {
    match value.id().map(|id| (id, m.world.heap.get(id))) {
        Some((id, Object::Generator(_))) => Ok(id),
        _ => m.type_error("this does not work without a generator"),
    }
}

/// Whether a generator has not begun.
fn is_fresh(m: &Machine, id: Id) -> bool {
    matches!(m.world.heap.get(id), Object::Generator(Generator::Suspended(f, _)) if f.at == 0)
}

fn resume(m: &mut Machine, a: &Arguments, sent: Value) -> R<Done> {
    let id = generator(m, a.values.first().copied().unwrap_or(Value::None))?;
    match m.resume(id, sent, Then::Push)? {
        Some(done) => Ok(done),
        None => Err(m.exception("StopIteration", Vec::new())),
    }
}

fn send(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object, sent] = m.sorted(a, "send", 2, ["self", "value"])?;
    let id = generator(m, object)?;
    if sent != Value::None && is_fresh(m, id) {
        return m.type_error("can't send non-None value to a just-started generator");
    }
    resume(m, a, sent)
}

fn throw(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object, kind, given, _] =
        m.sorted(a, "throw", 2, ["self", "type", "value", "traceback"])?;
    let id = generator(m, object)?;
    let wanted = if given == Value::Unset || given == Value::None { kind } else { given };
    let made = match wanted.id().map(|id| m.world.heap.get(id)) {
        Some(Object::Class(_)) => match m.call_value(wanted, Arguments::default(), Then::Push)? {
            Done::Value(made) => made,
            _ => {
                let why = "`throw` of a class with an `__init__`: write its parentheses";
                return Err(crate::python::machine::terms::Raise::Stop(why.to_owned()));
            }
        },
        _ => wanted,
    };
    match made.id().filter(|id| m.is_a(*id, "BaseException")) {
        Some(exception) => m.throw(id, exception),
        None => m.type_error("exceptions must be classes or instances deriving from BaseException"),
    }
}

fn close(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [object] = m.sorted(a, "close", 1, ["self"])?;
    let id = generator(m, object)?;
    match m.world.heap.get(id) {
        Object::Generator(Generator::Running) => m.value_error("generator already executing"),
        Object::Generator(Generator::Suspended(frame, _)) if frame.at > 0 => {
            python(m, "_close", vec![object])
        }
        _ => {
            *m.world.heap.get_mut(id) = Object::Generator(Generator::Done);
            Ok(Done::Value(Value::None))
        }
    }
}
