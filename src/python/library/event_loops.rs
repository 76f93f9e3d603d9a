//! Event loops and their handles.
//!
//! *Promises*: one loop runs in a thread at a time; a pass runs what was ready when it began; timers
//! with equal deadlines fire in the order in which they were made.
//! *Leaves out*: `add_reader` and its kin, signals, subprocesses.

use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::operators::as_float;
use crate::python::machine::outside::LoopNote;
use crate::python::machine::terms::{Arguments, Done, Location, Look, R, Raise, value};
use crate::python::machine::world::Wait;
use crate::python::value::any::{Id, Value};
use crate::python::value::asyncio::{Asyncio, Handle, Loop};
use crate::python::value::frame::Then;
use crate::python::value::object::Object;

/// The rows of this file. Only the library's own Python sees those of `prelude`.
pub const ROWS: &[Row] = &[
    Row::of("prelude._asyncio_check", Look::C, |m, a| check(m, a).map(|_| NONE)),
    Row::of("prelude._asyncio_enter", Look::C, enter),
    Row::of("prelude._asyncio_next", Look::C, next),
    Row::of("prelude._asyncio_leave", Look::C, leave),
    Row::of("prelude._asyncio_running", Look::C, |m, _| {
        value(m.running_loop().map_or(Value::None, Value::Ref))
    }),
    Row::of("prelude._asyncio_event_loop", Look::C, event_loop),
    Row::of("prelude._asyncio_new_loop", Look::C, |m, _| {
        value(m.add_asyncio(Asyncio::Loop(Loop::default())))
    }),
    Row::of("prelude._asyncio_set_event_loop", Look::C, set_event_loop),
    Row::of("_UnixSelectorEventLoop.run_forever", Look::C, |m, a| python(m, a, "run_forever")),
    Row::of("_UnixSelectorEventLoop.run_until_complete", Look::C, |m, a| {
        python(m, a, "run_until_complete")
    }),
    Row::of("_UnixSelectorEventLoop.run_in_executor", Look::C, |m, a| {
        python(m, a, "run_in_executor")
    }),
    Row::of("_UnixSelectorEventLoop.shutdown_asyncgens", Look::C, |m, _| no_more(m)),
    Row::of("_UnixSelectorEventLoop.shutdown_default_executor", Look::C, |m, _| no_more(m)),
    Row::of("_UnixSelectorEventLoop.time", Look::C, time),
    Row::of("_UnixSelectorEventLoop.call_soon", Look::C, call_soon),
    Row::of("_UnixSelectorEventLoop.call_soon_threadsafe", Look::C, call_soon),
    Row::of("_UnixSelectorEventLoop.call_later", Look::C, |m, a| call_at(m, a, true)),
    Row::of("_UnixSelectorEventLoop.call_at", Look::C, |m, a| call_at(m, a, false)),
    Row::of("_UnixSelectorEventLoop.create_future", Look::C, create_future),
    Row::of("_UnixSelectorEventLoop.create_task", Look::C, create_task),
    Row::of("_UnixSelectorEventLoop.stop", Look::C, stop),
    Row::of("_UnixSelectorEventLoop.close", Look::C, close),
    Row::of("_UnixSelectorEventLoop.is_running", Look::C, |m, a| {
        asked(m, a, |running| running.runner.is_some())
    }),
    Row::of("_UnixSelectorEventLoop.is_closed", Look::C, |m, a| {
        asked(m, a, |running| running.closed)
    }),
    Row::of("_UnixSelectorEventLoop.set_debug", Look::C, |_, _| Ok(NONE)),
    Row::of("_UnixSelectorEventLoop.get_debug", Look::C, |_, _| value(Value::Bool(false))),
    Row::of("Handle.cancel", Look::C, cancel),
    Row::of("Handle.cancelled", Look::C, cancelled),
    Row::of("TimerHandle.when", Look::C, when),
];

const NONE: Done = Done::Value(Value::None);

/// The loop that is the first argument.
fn own(m: &mut Machine, a: &Arguments) -> R<Id> {
    let given = a.values.first().copied().unwrap_or(Value::None);
    match m.asyncio(given) {
        Some((id, Asyncio::Loop(_))) => Ok(id),
        _ => {
            let name = m.type_name(given);
            m.type_error(format!("an event loop is needed, not {name}"))
        }
    }
}

fn open(m: &mut Machine, a: &Arguments) -> R<Id> {
    let id = own(m, a)?;
    match m.world.event_loop(id).is_some_and(|running| running.closed) {
        true => Err(m.error("RuntimeError", "Event loop is closed")),
        false => Ok(id),
    }
}

/// A method that is written in Python.
fn python(m: &mut Machine, a: &Arguments, name: &str) -> R<Done> {
    let function = m.prelude(&format!("asyncio.{name}"));
    m.call_value(function, a.clone(), Then::Push)
}

/// A future that is done: there is nothing to shut down.
fn no_more(m: &mut Machine) -> R<Done> {
    let Some(event_loop) = m.running_loop().or(m.world.event_loop) else { return Ok(NONE) };
    let future = m.new_future(event_loop, None);
    if let Some(id) = future.id() {
        m.settle(id, crate::python::value::asyncio::State::Result(Value::None));
    }
    value(future)
}

/// Whether the thread may run a loop.
fn check(m: &mut Machine, a: &Arguments) -> R<Id> {
    let id = open(m, a)?;
    if m.world.event_loop(id).is_some_and(|running| running.runner.is_some()) {
        return Err(m.error("RuntimeError", "This event loop is already running"));
    }
    if m.running_loop().is_some() {
        let text = "Cannot run the event loop while another loop is running";
        return Err(m.error("RuntimeError", text));
    }
    Ok(id)
}

/// The thread begins to run a loop.
fn enter(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = check(m, a)?;
    let number = m.number;
    m.current.runs = Some(id);
    m.loop_mut(id, |running| {
        running.runner = Some(number);
        running.current = Some(number);
        (running.left, running.begun) = (0, false);
    });
    Ok(NONE)
}

fn leave(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = own(m, a)?;
    m.outside.note_loop(|| LoopNote::Leaves);
    m.current.runs = None;
    m.loop_mut(id, |running| {
        (running.runner, running.current) = (None, None);
        (running.left, running.stopping) = (0, false);
    });
    Ok(NONE)
}

/// A pass begins if the last one is over, and there is something to do.
fn note_pass(m: &mut Machine, id: Id, clock: u64) {
    let Some(running) = m.world.event_loop(id) else { return };
    let due = running.timers.iter().take_while(|(at, _)| *at <= clock);
    let due: Vec<Id> = due.map(|(_, timer)| *timer).collect();
    if running.left == 0 && !(running.ready.is_empty() && due.is_empty()) {
        m.outside.note_loop(|| LoopNote::Pass(due));
    }
}

/// Waits for the next callback: a tuple of it and of its arguments, or `None` if the loop stops.
fn next(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = own(m, a)?;
    let (me, any_order) = (m.number, m.world.any_order);
    let clock = m.now();
    // Each time it waits until the next timer, whichever that is by then.
    let mut late = m.has_timed_out();
    m.current.deadline = None;
    if m.world.event_loop(id).is_some_and(|r| r.current.is_some_and(|current| current != me)) {
        m.loop_mut(id, |running| running.polled = false);
        return Ok(Done::Wait(Wait::Turn(id), None));
    }
    loop {
        m.loop_mut(id, |running| running.current = None);
        let Some(running) = m.world.event_loop(id) else { return Ok(NONE) };
        let (escaped, over) = (running.escaped, running.is_over(any_order));
        if let Some(escaped) = escaped {
            m.loop_mut(id, |running| {
                running.escaped = None;
                running.current = Some(me);
            });
            return Err(Raise::Exception(escaped));
        }
        if over {
            m.loop_mut(id, |running| running.current = Some(me));
            return Ok(NONE);
        }
        note_pass(m, id, clock);
        let found = m.loop_mut(id, |running| running.next_call(clock, any_order, late));
        let found = found.flatten();
        late = false;
        let Some(found) = found else {
            // An empty pass may have begun, and be over.
            match m.world.event_loop(id).is_some_and(|running| running.is_over(any_order)) {
                true => continue,
                false => {
                    // In the middle of a pass it is not the timers' turn.
                    let until = m.loop_mut(id, |running| {
                        running.polled = running.left == 0;
                        let first = running.timers.first().filter(|_| running.polled);
                        first.map(|(at, _)| at.saturating_sub(clock))
                    });
                    return Ok(Done::Wait(Wait::Turn(id), until.flatten()));
                }
            }
        };
        let Some((_, Asyncio::Handle(handle))) = m.asyncio(Value::Ref(found)) else { continue };
        if handle.cancelled {
            m.outside.note_loop(|| LoopNote::Skips(found));
            continue;
        }
        let (callback, arguments) = (handle.callback, handle.arguments.clone());
        m.loop_mut(id, |running| running.current = Some(me));
        m.outside.note_loop(|| LoopNote::Calls(found));
        m.note(Location::Object(id), true);
        let arguments = m.add(Object::Tuple(arguments));
        return value(m.add(Object::Tuple(vec![callback, arguments])));
    }
}

/// The main thread's loop, which is made when it is asked for first.
fn event_loop(m: &mut Machine, _: &Arguments) -> R<Done> {
    if m.world.event_loop.is_none() {
        let made = m.add_asyncio(Asyncio::Loop(Loop::default()));
        m.world.event_loop = made.id();
    }
    value(m.world.event_loop.map_or(Value::None, Value::Ref))
}

fn set_event_loop(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [given] = m.sorted(a, "set_event_loop", 1, ["loop"])?;
    m.world.event_loop = given.id();
    Ok(NONE)
}

fn time(m: &mut Machine, _: &Arguments) -> R<Done> {
    #[allow(clippy::cast_precision_loss, reason = "it is a time")]
    value(Value::Float(m.now() as f64 / 1e9))
}

fn call_soon(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = open(m, a)?;
    let Some((callback, arguments)) = a.values[1..].split_first() else {
        return m.type_error("call_soon() missing 1 required positional argument: 'callback'");
    };
    value(m.call_soon(id, *callback, arguments.to_vec(), None))
}

fn call_at(m: &mut Machine, a: &Arguments, later: bool) -> R<Done> {
    let id = open(m, a)?;
    let [seconds, callback, arguments @ ..] = &a.values[1..] else {
        return m.type_error("a time and a callback are needed");
    };
    let Some(seconds) = as_float(*seconds) else {
        let name = m.type_name(*seconds);
        return m.type_error(format!("a time is a number, not {name}"));
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped by `as`")]
    let nanoseconds = (seconds * 1e9).round() as u64;
    let when = if later { m.now().saturating_add(nanoseconds) } else { nanoseconds };
    value(m.call_soon(id, *callback, arguments.to_vec(), Some(when)))
}

fn create_future(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = own(m, a)?;
    value(m.new_future(id, None))
}

fn create_task(m: &mut Machine, a: &Arguments) -> R<Done> {
    let names = ["self", "coro", "name", "context"];
    let [_, coroutine, name, _] = m.sorted(a, "create_task", 2, names)?;
    let id = open(m, a)?;
    if !matches!(m.asyncio(coroutine), Some((_, Asyncio::Coroutine(..)))) {
        let shown = m.plain_repr(coroutine)?;
        return m.type_error(format!("a coroutine was expected, got {shown}"));
    }
    let name = match name {
        Value::Unset | Value::None => {
            m.world.tasks_named += 1;
            format!("Task-{}", m.world.tasks_named)
        }
        name => m.plain_str(name)?,
    };
    let name = m.strings.intern(&name);
    value(m.spawn(id, coroutine, name)?)
}

fn stop(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = own(m, a)?;
    m.loop_mut(id, |running| running.stopping = true);
    Ok(NONE)
}

fn close(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = own(m, a)?;
    if m.world.event_loop(id).is_some_and(|running| running.runner.is_some()) {
        return Err(m.error("RuntimeError", "Cannot close a running event loop"));
    }
    m.loop_mut(id, |running| {
        running.closed = true;
        running.ready.clear();
        running.timers.clear();
    });
    Ok(NONE)
}

fn asked(m: &mut Machine, a: &Arguments, f: fn(&Loop) -> bool) -> R<Done> {
    let id = own(m, a)?;
    value(Value::Bool(m.world.event_loop(id).is_some_and(f)))
}

fn handle(m: &mut Machine, a: &Arguments) -> R<(Id, Handle)> {
    let given = a.values.first().copied().unwrap_or(Value::None);
    match m.asyncio(given) {
        Some((id, Asyncio::Handle(handle))) => Ok((id, handle.clone())),
        _ => m.type_error("a handle is needed"),
    }
}

fn cancel(m: &mut Machine, a: &Arguments) -> R<Done> {
    let (id, mut handle) = handle(m, a)?;
    handle.cancelled = true;
    let (event_loop, any_order) = (handle.event_loop, m.world.any_order);
    *m.world.heap.get_mut(id) = Object::Asyncio(Box::new(Asyncio::Handle(handle)));
    m.loop_mut(event_loop, |running| running.forget(id, any_order));
    Ok(NONE)
}

fn cancelled(m: &mut Machine, a: &Arguments) -> R<Done> {
    let (_, handle) = handle(m, a)?;
    value(Value::Bool(handle.cancelled))
}

fn when(m: &mut Machine, a: &Arguments) -> R<Done> {
    let (_, handle) = handle(m, a)?;
    #[allow(clippy::cast_precision_loss, reason = "it is a time")]
    value(handle.when.map_or(Value::None, |when| Value::Float(when as f64 / 1e9)))
}
