//! Futures and tasks, and what the Python of asyncio stands on.
//!
//! *Promises*: a future gets done once; its callbacks are called by its loop, never at once.
//! *Leaves out*: `contextvars`, eager tasks, debug mode.

use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::operators::as_float;
use crate::python::machine::terms::{Arguments, Done, Flow, Location, Look, R, Raise, value};
use crate::python::machine::world::Stage;
use crate::python::value::any::{Id, Value};
use crate::python::value::asyncio::{Asyncio, Callback, Ready, State};
use crate::python::value::object::Object;

/// The rows of this file. Only the library's own Python sees those of `prelude`.
pub const ROWS: &[Row] = &[
    Row::of("prelude._asyncio_begin", Look::C, |m, _| m.take_turn().map(|()| NONE)),
    Row::of("prelude._asyncio_resume", Look::C, |m, _| resume(m)),
    Row::of("prelude._asyncio_pause", Look::C, pause),
    Row::of("prelude._asyncio_finish", Look::C, finish),
    Row::of("prelude._asyncio_fail", Look::C, fail),
    Row::of("prelude._asyncio_is_future", Look::C, is_future),
    Row::of("prelude._asyncio_is_coroutine", Look::C, is_coroutine),
    Row::of("prelude._asyncio_current_task", Look::C, |m, _| {
        value(m.current.task.map_or(Value::None, Value::Ref))
    }),
    Row::of("prelude._asyncio_all_tasks", Look::C, all_tasks),
    Row::of("prelude._asyncio_error_of", Look::C, error_of),
    Row::of("prelude._asyncio_message_of", Look::C, message_of),
    Row::of("prelude._asyncio_cancels", Look::C, cancels),
    Row::of("prelude._asyncio_cancel_asked", Look::C, cancel_asked),
    Row::of("prelude._asyncio_complain", Look::C, complain),
    Row::of("prelude._asyncio_skip_names", Look::C, skip_names),
    Row::of("asyncio.iscoroutinefunction", Look::C, is_coroutine_function),
    Row::of("coroutine.close", Look::C, close),
    Row::of("Future.__new__", Look::C, new_future),
    Row::of("Future.done", Look::C, |m, a| asked(m, a, |state| state != State::Pending)),
    Row::of("Future.cancelled", Look::C, |m, a| asked(m, a, |state| state == State::Cancelled)),
    Row::of("Future.result", Look::C, result),
    Row::of("Future.exception", Look::C, exception),
    Row::of("Future.set_result", Look::C, set_result),
    Row::of("Future.set_exception", Look::C, set_exception),
    Row::of("Future.cancel", Look::C, cancel),
    Row::of("Future.add_done_callback", Look::C, add_done_callback),
    Row::of("Future.remove_done_callback", Look::C, remove_done_callback),
    Row::of("Future.get_loop", Look::C, get_loop),
    Row::of("Task.get_name", Look::C, get_name),
    Row::of("Task.set_name", Look::C, set_name),
    Row::of("Task.get_coro", Look::C, get_coro),
    Row::of("Task.cancelling", Look::C, |m, a| counted(m, a, 0)),
    Row::of("Task.uncancel", Look::C, |m, a| counted(m, a, 1)),
];

const NONE: Done = Done::Value(Value::None);

/// The future that is an argument.
fn future(m: &mut Machine, value: Value) -> R<Id> {
    match m.asyncio(value) {
        Some((id, Asyncio::Future(_))) => Ok(id),
        _ => {
            let name = m.type_name(value);
            m.type_error(format!("a future is needed, not {name}"))
        }
    }
}

fn own(m: &mut Machine, a: &Arguments) -> R<Id> {
    let first = a.values.first().copied().unwrap_or(Value::None);
    future(m, first)
}

/// The end of a pause: the task goes on, if it was not cancelled meanwhile.
fn resume(m: &mut Machine) -> R<Done> {
    m.take_turn().map(|()| NONE)
}

/// `_pause(delay)`: the others' turn, if there is no delay to wait for. The explorer has no time.
fn pause(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [delay] = m.sorted(a, "sleep", 1, ["delay"])?;
    let Some(delay) = as_float(delay) else {
        let name = m.type_name(delay);
        return m.type_error(format!("'<=' not supported between instances of '{name}' and 'int'"));
    };
    if delay.is_nan() {
        return m.value_error("Invalid delay: NaN (not a number)");
    }
    let Some(event_loop) = m.running_loop().filter(|_| m.current.task.is_some()) else {
        return Err(m.error("RuntimeError", "no running event loop"));
    };
    if m.current.stage == Stage::Turn {
        return m.take_turn().map(|()| Done::Value(Value::Bool(true)));
    }
    if m.timeless {
        m.loop_mut(event_loop, |running| running.current = None);
        return Ok(Done::Blocked(Value::Bool(true)));
    }
    if delay > 0.0 {
        return value(Value::Bool(false));
    }
    let number = m.number;
    m.make_ready(event_loop, Ready::Task(number));
    match m.give_turn(event_loop) {
        Flow::Wait(wait, limit) => Ok(Done::Wait(wait, limit)),
        Flow::Next(_) => Ok(NONE),
    }
}

/// The end of a task: what it has come to.
fn end(m: &mut Machine, state: State) -> R<Done> {
    let Some(task) = m.current.task else { return Ok(NONE) };
    let event_loop = m.running_loop();
    let coroutine = m.task_mut(task, |task| task.coroutine);
    close_coroutine(m, coroutine.unwrap_or(Value::None));
    m.settle(task, state);
    if let Some(event_loop) = event_loop {
        m.loop_mut(event_loop, |running| running.current = None);
    }
    Ok(NONE)
}

fn finish(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [result] = m.sorted(a, "finish", 1, ["result"])?;
    let task = m.current.task.unwrap_or(Id(0));
    // It was cancelled, and has not awaited anything since.
    let cancelled = m.task_mut(task, |task| task.must_cancel) == Some(true);
    end(m, if cancelled { State::Cancelled } else { State::Result(result) })
}

fn fail(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [error] = m.sorted(a, "fail", 1, ["error"])?;
    let Value::Ref(id) = error else { return Ok(NONE) };
    if is_cancelled_error(m, id) {
        m.future_mut(m.current.task.unwrap_or(Id(0)), |task| {
            (task.message, task.cancelled_by) = (Value::None, Some(id));
        });
        return end(m, State::Cancelled);
    }
    if m.is_a(id, "SystemExit") || m.is_a(id, "KeyboardInterrupt") {
        // It leaves the loop as well.
        if let Some(event_loop) = m.running_loop() {
            m.loop_mut(event_loop, |running| running.escaped = Some(id));
        }
    }
    end(m, State::Raised(id))
}

fn is_cancelled_error(m: &Machine, exception: Id) -> bool {
    let class = m.class_of(Value::Ref(exception));
    match (class, m.prelude("asyncio.CancelledError")) {
        (Some(class), Value::Ref(cancelled)) => m.is_subclass(class, cancelled),
        _ => false,
    }
}

fn close_coroutine(m: &mut Machine, coroutine: Value) {
    if let Some((id, Asyncio::Coroutine(code, Some(_)))) = m.asyncio(coroutine) {
        let code = *code;
        let closed = Asyncio::Coroutine(code, None);
        *m.world.heap.get_mut(id) = Object::Asyncio(Box::new(closed));
    }
}

fn close(m: &mut Machine, a: &Arguments) -> R<Done> {
    let coroutine = a.values.first().copied().unwrap_or(Value::None);
    close_coroutine(m, coroutine);
    Ok(NONE)
}

fn is_future(m: &mut Machine, a: &Arguments) -> R<Done> {
    let given = a.values.first().copied().unwrap_or(Value::None);
    let is_future = matches!(m.asyncio(given), Some((_, Asyncio::Future(_))));
    value(Value::Bool(is_future))
}

fn is_coroutine(m: &mut Machine, a: &Arguments) -> R<Done> {
    let given = a.values.first().copied().unwrap_or(Value::None);
    let is_coroutine = matches!(m.asyncio(given), Some((_, Asyncio::Coroutine(..))));
    value(Value::Bool(is_coroutine))
}

fn is_coroutine_function(m: &mut Machine, a: &Arguments) -> R<Done> {
    let mut given = a.values.first().copied().unwrap_or(Value::None);
    if let Some(Object::Method { function, .. }) = given.id().map(|id| m.world.heap.get(id)) {
        given = *function;
    }
    let code = match given.id().map(|id| m.world.heap.get(id)) {
        Some(Object::Function(function)) => m.program.codes.get(function.code as usize),
        _ => None,
    };
    value(Value::Bool(code.is_some_and(|code| code.coroutine && !code.generator)))
}

/// The tasks of a loop that are not done.
fn all_tasks(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [event_loop] = m.sorted(a, "all_tasks", 1, ["loop"])?;
    m.note(Location::Output, true);
    let me = m.current.task;
    // The current one's place among the threads may be empty meanwhile.
    let tasks = m.world.threads.iter().filter_map(|thread| thread.task);
    let tasks = tasks.filter(|task| Some(*task) != me).chain(me);
    let of_loop = |id: &Id| {
        m.world.future(*id).is_some_and(|task| {
            Value::Ref(task.event_loop) == event_loop && task.state == State::Pending
        })
    };
    let tasks = tasks.filter(of_loop).map(Value::Ref).collect();
    value(m.add(Object::List(tasks)))
}

/// The exception that a future's result would raise; `None` if it has one.
fn error_of(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = own(m, a)?;
    m.future_mut(id, |future| future.seen = true);
    match m.world.future(id).map(|future| future.state) {
        Some(State::Raised(error)) => value(Value::Ref(error)),
        Some(State::Cancelled) => match m.cancelled_error(id) {
            Raise::Exception(error) => value(Value::Ref(error)),
            stop => Err(stop),
        },
        _ => Ok(NONE),
    }
}

/// What `cancel` was given.
fn message_of(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = own(m, a)?;
    m.note(Location::Object(id), false);
    value(m.world.future(id).map_or(Value::None, |future| future.message))
}

/// From now on, cancelling the future cancels these instead.
fn cancels(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [outer, children] = m.sorted(a, "cancels", 2, ["outer", "children"])?;
    let (id, children) = (future(m, outer)?, m.items(children)?);
    m.future_mut(id, |future| future.children = children);
    Ok(NONE)
}

fn cancel_asked(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = own(m, a)?;
    value(Value::Bool(m.world.future(id).is_some_and(|future| future.cancel_asked)))
}

/// `_complain(what, error)`: what CPython writes to stderr, and goes on.
fn complain(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [what, error] = m.sorted(a, "complain", 2, ["what", "error"])?;
    let what = m.plain_str(what)?;
    let text = error.id().map(|id| m.exception_text(id)).unwrap_or_default();
    m.complain(&format!("{what}\n{text}"));
    Ok(NONE)
}

/// CPython's tasks that end a run have names, too.
fn skip_names(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [count] = m.sorted(a, "skip_names", 1, ["count"])?;
    m.world.tasks_named += usize::try_from(m.int_argument(count)?).unwrap_or(0);
    Ok(NONE)
}

fn new_future(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [given] = m.sorted(a, "Future", 0, ["loop"])?;
    let event_loop = match m.asyncio(given) {
        Some((id, Asyncio::Loop(_))) => Some(id),
        _ => m.running_loop().or(m.world.event_loop),
    };
    match event_loop {
        Some(event_loop) => value(m.new_future(event_loop, None)),
        None => Err(m.error("RuntimeError", "no running event loop")),
    }
}

fn asked(m: &mut Machine, a: &Arguments, f: fn(State) -> bool) -> R<Done> {
    let id = own(m, a)?;
    m.note(Location::Object(id), false);
    value(Value::Bool(m.world.future(id).is_some_and(|future| f(future.state))))
}

fn state_of(m: &mut Machine, id: Id) -> State {
    m.note(Location::Object(id), false);
    m.future_mut(id, |future| future.seen |= future.is_done());
    m.world.future(id).map_or(State::Pending, |future| future.state)
}

fn result(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = own(m, a)?;
    match state_of(m, id) {
        State::Result(result) => value(result),
        State::Raised(error) => Err(Raise::Exception(error)),
        State::Cancelled => Err(m.cancelled_error(id)),
        State::Pending => invalid(m, "Result is not set."),
    }
}

fn exception(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = own(m, a)?;
    match state_of(m, id) {
        State::Result(_) => Ok(NONE),
        State::Raised(error) => value(Value::Ref(error)),
        State::Cancelled => Err(m.cancelled_error(id)),
        State::Pending => invalid(m, "Exception is not set."),
    }
}

fn invalid<T>(m: &mut Machine, text: &str) -> R<T> {
    let text = m.text_value(text);
    Err(m.asyncio_error("InvalidStateError", vec![text]))
}

fn set(m: &mut Machine, id: Id, state: State) -> R<Done> {
    m.note(Location::Object(id), true);
    let Some(future) = m.world.future(id) else { return Ok(NONE) };
    if future.task.is_some() {
        let what = if matches!(state, State::Result(_)) { "set_result" } else { "set_exception" };
        let text = format!("Task does not support {what} operation");
        return Err(m.error("RuntimeError", text));
    }
    if future.is_done() {
        let shown = m.future_repr(id)?;
        return invalid(m, &format!("invalid state: {shown}"));
    }
    m.settle(id, state);
    Ok(NONE)
}

fn set_result(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [given, result] = m.sorted(a, "set_result", 2, ["self", "result"])?;
    let id = future(m, given)?;
    set(m, id, State::Result(result))
}

fn set_exception(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [given, error] = m.sorted(a, "set_exception", 2, ["self", "exception"])?;
    let id = future(m, given)?;
    let error = match error.id().map(|id| m.world.heap.get(id)) {
        Some(Object::Class(_)) => {
            match m.call_value(
                error,
                Arguments::default(),
                crate::python::value::frame::Then::Push,
            )? {
                Done::Value(made) => made,
                _ => return m.type_error("an exception with an `__init__` needs its parentheses"),
            }
        }
        _ => error,
    };
    match error {
        Value::Ref(error) if m.is_a(error, "BaseException") => set(m, id, State::Raised(error)),
        _ => m.type_error("exception must be an exception"),
    }
}

fn cancel(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [given, message] = m.sorted(a, "cancel", 1, ["self", "msg"])?;
    let id = future(m, given)?;
    let message = if message == Value::Unset { Value::None } else { message };
    let cancelled = m.cancel_future(id, message);
    value(Value::Bool(cancelled))
}

fn add_done_callback(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [given, function, _] = m.sorted(a, "add_done_callback", 2, ["self", "fn", "context"])?;
    let id = future(m, given)?;
    m.note(Location::Object(id), true);
    let done = m.future_mut(id, |future| {
        if !future.is_done() {
            future.callbacks.push(Callback::Call(function));
        }
        future.is_done().then_some(future.event_loop)
    });
    if let Some(Some(event_loop)) = done {
        m.call_soon(event_loop, function, vec![given], None);
    }
    Ok(NONE)
}

fn remove_done_callback(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [given, function] = m.sorted(a, "remove_done_callback", 2, ["self", "fn"])?;
    let id = future(m, given)?;
    m.note(Location::Object(id), true);
    let Some(callbacks) = m.world.future(id).map(|future| future.callbacks.clone()) else {
        return Ok(NONE);
    };
    let before = callbacks.len();
    let mut kept = Vec::new();
    for callback in callbacks {
        let same = match callback {
            Callback::Call(other) => m.same_function(other, function),
            Callback::Wake(_) => false,
        };
        if !same {
            kept.push(callback);
        }
    }
    let removed = i64::try_from(before - kept.len()).unwrap_or(0);
    m.future_mut(id, |future| future.callbacks = kept);
    value(Value::Int(removed))
}

fn get_loop(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = own(m, a)?;
    value(m.world.future(id).map_or(Value::None, |future| Value::Ref(future.event_loop)))
}

fn get_name(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = own(m, a)?;
    value(m.task_mut(id, |task| task.name).map_or(Value::None, Value::Str))
}

fn set_name(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [given, name] = m.sorted(a, "set_name", 2, ["self", "value"])?;
    let id = future(m, given)?;
    let name = m.plain_str(name)?;
    let name = m.strings.intern(&name);
    m.task_mut(id, |task| task.name = name);
    Ok(NONE)
}

fn get_coro(m: &mut Machine, a: &Arguments) -> R<Done> {
    let id = own(m, a)?;
    value(m.task_mut(id, |task| task.coroutine).unwrap_or(Value::None))
}

/// How often it was cancelled, after so much of that is taken back.
fn counted(m: &mut Machine, a: &Arguments, less: i64) -> R<Done> {
    let id = own(m, a)?;
    let count = m.task_mut(id, |task| {
        task.cancelling = (task.cancelling - less).max(0);
        task.cancelling
    });
    value(Value::Int(count.unwrap_or(0)))
}
