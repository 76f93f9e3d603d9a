//! `threading.Barrier`.
//!
//! *Promises*: who comes last lets all go; who gives up breaks it for all.
//! *Leaves out*: one with an action or a time limit of its own
//! (`python/library/prelude_threading.py`).

use crate::python::library::sequences::python;
use crate::python::library::sync::{limit_of, made};
use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::terms::{Arguments, Done, Location, Look, R, Raise, value};
use crate::python::machine::world::{Stage, Wait};
use crate::python::value::any::Value;
use crate::python::value::object::{Object, Sync};

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::of("Barrier.__new__", Look::Library, new_barrier),
    Row::of("Barrier.wait", Look::Library, arrive),
    Row::of("Barrier.abort", Look::Library, abort),
    Row::of("Barrier.reset", Look::Library, reset),
];

fn new_barrier(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [parties, action, limit] = m.sorted(a, "Barrier", 1, ["parties", "action", "timeout"])?;
    let [action, limit] = [action, limit].map(|x| if x == Value::Unset { Value::None } else { x });
    if action != Value::None || limit != Value::None {
        return python(m, "threading._Barrier", vec![parties, action, limit]);
    }
    let parties = m.int_argument(parties)?;
    if parties < 1 {
        return m.value_error("parties must be > 0");
    }
    made(m, Sync::Barrier { parties, arrived: Vec::new(), broken: false })
}

fn broken<T>(m: &mut Machine) -> R<T> {
    m.current.stage = Stage::None;
    Err(m.exception("BrokenBarrierError", Vec::new()))
}

fn arrive(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [barrier, limit] = m.sorted(a, "wait", 1, ["self", "timeout"])?;
    let (id, _) = m.sync_argument(barrier)?;
    let (me, limit) = (m.number, limit_of(m, limit)?);
    m.note(Location::Object(id), true);
    let late = m.has_timed_out();
    let stage = m.current.stage;
    let Object::Sync(Sync::Barrier { parties, arrived, broken: is_broken }) =
        m.world.heap.get_mut(id)
    else {
        return Err(Raise::Stop("this is no barrier".to_owned()));
    };
    if let Stage::Arrived(place) = stage {
        if late && arrived.contains(&me) {
            *is_broken = true;
        }
        if *is_broken {
            return broken(m);
        }
        m.current.stage = Stage::None;
        return Ok(Done::Blocked(Value::Int(i64::try_from(place).unwrap_or(0))));
    }
    if *is_broken {
        return broken(m);
    }
    let place = arrived.len();
    if i64::try_from(place + 1).is_ok_and(|count| count >= *parties) {
        arrived.clear();
        return value(Value::Int(i64::try_from(place).unwrap_or(0)));
    }
    arrived.push(me);
    m.current.stage = Stage::Arrived(place);
    Ok(Done::Wait(Wait::Barrier(id), limit))
}

fn reset(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [barrier] = m.sorted(a, "reset", 1, ["self"])?;
    let (id, _) = m.sync_argument(barrier)?;
    m.note(Location::Object(id), true);
    match m.world.heap.get_mut(id) {
        Object::Sync(Sync::Barrier { arrived, broken, .. }) if arrived.is_empty() || *broken => {
            (*arrived, *broken) = (Vec::new(), false);
            value(Value::None)
        }
        _ => {
            let why = "`Barrier.reset` while others wait is not in the subset: call `abort`, \
                       and make a new one";
            Err(Raise::Stop(why.to_owned()))
        }
    }
}

fn abort(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [barrier] = m.sorted(a, "abort", 1, ["self"])?;
    let (id, _) = m.sync_argument(barrier)?;
    m.note(Location::Object(id), true);
    if let Object::Sync(Sync::Barrier { broken, .. }) = m.world.heap.get_mut(id) {
        *broken = true;
    }
    value(Value::None)
}
