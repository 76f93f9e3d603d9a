//! Locks, conditions, events and semaphores: `threading`.
//!
//! *Promises*: each call is one step of a state machine, with its two looks where CPython writes
//! it in Python; a call that has to wait changes nothing that it would change twice; waiters of a
//! condition are notified in the order in which they came, as in CPython.
//! *Leaves out*: time: whether a limit passes is decided by who runs the threads; barriers
//! (`python/library/barriers.rs`).

use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::operators::as_float;
use crate::python::machine::terms::{Arguments, Done, Location, Look, R, value};
use crate::python::machine::world::{Limit, Stage, Wait};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{Object, Sync};
use std::collections::VecDeque;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::of("lock.__new__", Look::C, |m, _| made(m, Sync::Lock { owner: None })),
    Row::of("threading.Lock", Look::C, |m, _| made(m, Sync::Lock { owner: None })),
    Row::of("lock.acquire", Look::C, acquire),
    Row::of("lock.release", Look::C, release),
    Row::of("lock.locked", Look::C, locked),
    Row::of("lock.__enter__", Look::C, acquire),
    Row::of("lock.__exit__", Look::C, release),
    Row::of("RLock.__new__", Look::C, |m, _| made(m, Sync::RLock { owner: None, count: 0 })),
    Row::of("RLock.acquire", Look::C, acquire),
    Row::of("RLock.release", Look::C, release),
    Row::of("RLock.__enter__", Look::C, acquire),
    Row::of("RLock.__exit__", Look::C, release),
    Row::of("Condition.__new__", Look::Library, new_condition),
    Row::of("Condition.acquire", Look::C, acquire),
    Row::of("Condition.release", Look::C, release),
    Row::of("Condition.__enter__", Look::Library, acquire),
    Row::of("Condition.__exit__", Look::Library, release),
    Row::of("Condition.wait", Look::Library, wait),
    Row::of("Condition.wait_for", Look::Library, wait_for),
    Row::of("Condition._now", Look::C, now),
    Row::of("Condition.notify", Look::Library, notify),
    Row::of("Condition.notify_all", Look::Library, notify_all),
    Row::of("Event.__new__", Look::Library, |m, _| made(m, Sync::Event { set: false })),
    Row::of("Event.set", Look::Library, |m, a| set_event(m, a, true)),
    Row::of("Event.clear", Look::Library, |m, a| set_event(m, a, false)),
    Row::of("Event.is_set", Look::Library, is_set),
    Row::of("Event.wait", Look::Library, wait_event),
    Row::of("Semaphore.__new__", Look::Library, |m, a| new_semaphore(m, a, false)),
    Row::of("BoundedSemaphore.__new__", Look::Library, |m, a| new_semaphore(m, a, true)),
    Row::of("Semaphore.acquire", Look::Library, take_permit),
    Row::of("Semaphore.release", Look::Library, give_permit),
    Row::of("Semaphore.__enter__", Look::Library, take_permit),
    Row::of("Semaphore.__exit__", Look::Library, exit_semaphore),
];

pub(crate) fn made(m: &mut Machine, sync: Sync) -> R<Done> {
    m.charge(4)?;
    value(m.add(Object::Sync(sync)))
}

/// The limit of time that was given, if there is one. What is negative has passed already.
pub(crate) fn limit_of(m: &mut Machine, limit: Value) -> R<Limit> {
    match limit {
        Value::Unset | Value::None => Ok(None),
        Value::Int(_) | Value::Float(_) => {
            let seconds = as_float(limit).unwrap_or(0.0);
            Ok(Some(nanoseconds(seconds)))
        }
        _ => {
            let name = m.type_name(limit);
            m.type_error(format!("'{name}' object cannot be interpreted as a number"))
        }
    }
}

/// Seconds in nanoseconds. What is too long is some centuries.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped by `as`")]
pub(crate) fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

/// Whether a call gives up at once: it does not block, or its limit is 0 or less.
pub(crate) fn gives_up(m: &mut Machine, blocking: Value, limit: Value) -> R<bool> {
    if blocking != Value::Unset && !m.plain_truth(blocking)? {
        return Ok(true);
    }
    Ok(as_float(limit).is_some_and(|seconds| seconds <= 0.0))
}

/// The limit of time for a lock, where -1 is none; and whether the call gives up at once.
fn limit_of_lock(m: &mut Machine, blocking: Value, limit: Value) -> R<(Limit, bool)> {
    let blocks = blocking == Value::Unset || m.plain_truth(blocking)?;
    let seconds = if limit == Value::Unset { Some(-1.0) } else { as_float(limit) };
    match seconds {
        None => {
            let name = m.type_name(limit);
            m.type_error(format!("'{name}' object cannot be interpreted as an integer"))
        }
        Some(-1.0) => Ok((None, !blocks)),
        Some(_) if !blocks => m.value_error("can't specify a timeout for a non-blocking call"),
        Some(seconds) if seconds < 0.0 => m.value_error("timeout value must be positive"),
        Some(seconds) => Ok((Some(nanoseconds(seconds)), seconds == 0.0)),
    }
}

impl Machine {
    /// Whether the limit of this wait has passed; it is asked once.
    pub(crate) fn has_timed_out(&mut self) -> bool {
        std::mem::take(&mut self.current.timed_out)
    }

    fn lock_of(&mut self, value: Value) -> R<Id> {
        let (id, sync) = self.sync_argument(value)?;
        match sync {
            Sync::Condition { lock, .. } => Ok(lock),
            _ => Ok(id),
        }
    }

    /// Takes a lock, so many times, if it is free.
    fn take(&mut self, lock: Id, times: usize) -> bool {
        let me = self.number;
        self.note(Location::Object(lock), true);
        match self.world.heap.get_mut(lock) {
            Object::Sync(Sync::Lock { owner }) if owner.is_none() => {
                *owner = Some(me);
                true
            }
            Object::Sync(Sync::RLock { owner, count }) if owner.is_none_or(|o| o == me) => {
                *owner = Some(me);
                *count += times;
                true
            }
            _ => false,
        }
    }

    /// Whether this thread holds the lock; of a plain lock, whether any does.
    fn holds(&self, lock: Id) -> bool {
        match self.world.heap.get(lock) {
            Object::Sync(Sync::Lock { owner }) => owner.is_some(),
            Object::Sync(Sync::RLock { owner, .. }) => *owner == Some(self.number),
            _ => false,
        }
    }

    /// Frees a lock however often it is held; gives how often.
    fn free(&mut self, lock: Id) -> usize {
        self.note(Location::Object(lock), true);
        match self.world.heap.get_mut(lock) {
            Object::Sync(Sync::Lock { owner }) => {
                *owner = None;
                1
            }
            Object::Sync(Sync::RLock { owner, count }) => {
                *owner = None;
                std::mem::take(count)
            }
            _ => 1,
        }
    }
}

fn acquire(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [lock, blocking, limit] = m.sorted(a, "acquire", 1, ["self", "blocking", "timeout"])?;
    let id = m.lock_of(lock)?;
    let late = m.has_timed_out();
    let (limit, now) = limit_of_lock(m, blocking, limit)?;
    if m.take(id, 1) {
        return value(Value::Bool(true));
    }
    match late || now {
        true => value(Value::Bool(false)),
        false => Ok(Done::Wait(Wait::Lock(id), limit)),
    }
}

fn release(m: &mut Machine, a: &Arguments) -> R<Done> {
    let lock = a.values.first().copied().unwrap_or(Value::None);
    let id = m.lock_of(lock)?;
    m.note(Location::Object(id), true);
    if !m.holds(id) {
        let plain = matches!(m.world.heap.get(id), Object::Sync(Sync::Lock { .. }));
        let text = if plain { "release unlocked lock" } else { "cannot release un-acquired lock" };
        return Err(m.error("RuntimeError", text));
    }
    match m.world.heap.get_mut(id) {
        Object::Sync(Sync::RLock { count, .. }) if *count > 1 => *count -= 1,
        _ => drop(m.free(id)),
    }
    value(Value::None)
}

fn locked(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [lock] = m.sorted(a, "locked", 1, ["self"])?;
    let id = m.lock_of(lock)?;
    m.note(Location::Object(id), true);
    value(Value::Bool(m.world.owner(id).is_some()))
}

fn new_condition(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [lock] = m.sorted(a, "Condition", 0, ["lock"])?;
    let lock = match lock {
        Value::Unset | Value::None => {
            m.world.heap.add(Object::Sync(Sync::RLock { owner: None, count: 0 }))
        }
        lock => m.sync_argument(lock)?.0,
    };
    made(m, Sync::Condition { lock, waiters: VecDeque::new() })
}

/// Leaves the lock and joins the waiters; then waits to be notified; then takes the lock again.
fn wait(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [condition, limit] = m.sorted(a, "wait", 1, ["self", "timeout"])?;
    let (id, _) = m.sync_argument(condition)?;
    let lock = m.lock_of(condition)?;
    let (me, limit) = (m.number, limit_of(m, limit)?);
    m.note(Location::Object(id), true);
    match m.current.stage {
        Stage::Waiting(times) => {
            let late = m.has_timed_out();
            if let Object::Sync(Sync::Condition { waiters, .. }) = m.world.heap.get_mut(id) {
                waiters.retain(|waiter| *waiter != me);
            }
            m.current.stage = Stage::Returning(times, !late);
            wait(m, a)
        }
        Stage::Returning(times, notified) => {
            m.current.timed_out = false;
            if !m.take(lock, times) {
                return Ok(Done::Wait(Wait::Lock(lock), None));
            }
            m.current.stage = Stage::None;
            Ok(Done::Blocked(Value::Bool(notified)))
        }
        _ => {
            if !m.holds(lock) {
                return Err(m.error("RuntimeError", "cannot wait on un-acquired lock"));
            }
            let times = m.free(lock);
            if let Object::Sync(Sync::Condition { waiters, .. }) = m.world.heap.get_mut(id) {
                waiters.push_back(me);
            }
            m.current.stage = Stage::Waiting(times);
            Ok(Done::Wait(Wait::Notified(id), limit))
        }
    }
}

fn wait_for(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [condition, predicate, limit] =
        m.sorted(a, "wait_for", 2, ["self", "predicate", "timeout"])?;
    let limit = if limit == Value::Unset { Value::None } else { limit };
    let function = m.prelude("_wait_for");
    let values = vec![condition, predicate, limit];
    m.call_value(function, Arguments { values, named: Vec::new() }, Then::Push)
}

/// The time, for `_wait_for`.
#[allow(clippy::cast_precision_loss, reason = "it is a time")]
fn now(m: &mut Machine, _: &Arguments) -> R<Done> {
    value(Value::Float(m.now() as f64 / 1e9))
}

fn wake(m: &mut Machine, condition: Value, most: usize) -> R<Done> {
    let (id, _) = m.sync_argument(condition)?;
    let lock = m.lock_of(condition)?;
    m.note(Location::Object(id), true);
    if !m.holds(lock) {
        return Err(m.error("RuntimeError", "cannot notify on un-acquired lock"));
    }
    if let Object::Sync(Sync::Condition { waiters, .. }) = m.world.heap.get_mut(id) {
        let count = most.min(waiters.len());
        waiters.drain(..count);
        if count == 0 && m.noting {
            let missed = (id, m.number, m.position().line);
            m.missed.push(missed);
        }
    }
    value(Value::None)
}

fn notify(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [condition, most] = m.sorted(a, "notify", 1, ["self", "n"])?;
    let most = if most == Value::Unset { 1 } else { m.int_argument(most)? };
    wake(m, condition, usize::try_from(most).unwrap_or(0))
}

fn notify_all(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [condition] = m.sorted(a, "notify_all", 1, ["self"])?;
    wake(m, condition, usize::MAX)
}

fn set_event(m: &mut Machine, a: &Arguments, to: bool) -> R<Done> {
    let [event] = m.sorted(a, "set", 1, ["self"])?;
    let (id, _) = m.sync_argument(event)?;
    m.note(Location::Object(id), true);
    *m.world.heap.get_mut(id) = Object::Sync(Sync::Event { set: to });
    value(Value::None)
}

fn is_set(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [event] = m.sorted(a, "is_set", 1, ["self"])?;
    let (id, sync) = m.sync_argument(event)?;
    m.note(Location::Object(id), false);
    value(Value::Bool(matches!(sync, Sync::Event { set: true })))
}

fn wait_event(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [event, limit] = m.sorted(a, "wait", 1, ["self", "timeout"])?;
    let (id, sync) = m.sync_argument(event)?;
    m.note(Location::Object(id), true);
    let late = m.has_timed_out();
    if let Sync::Event { set: true } = sync {
        return value(Value::Bool(true));
    }
    if late || gives_up(m, Value::Unset, limit)? {
        return value(Value::Bool(false));
    }
    let limit = limit_of(m, limit)?;
    Ok(Done::Wait(Wait::Event(id), limit))
}

fn new_semaphore(m: &mut Machine, a: &Arguments, bounded: bool) -> R<Done> {
    let [count] = m.sorted(a, "Semaphore", 0, ["value"])?;
    let count = if count == Value::Unset { 1 } else { m.int_argument(count)? };
    if count < 0 {
        return m.value_error("semaphore initial value must be >= 0");
    }
    made(m, Sync::Semaphore { value: count, bound: bounded.then_some(count) })
}

fn take_permit(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [semaphore, blocking, limit] =
        m.sorted(a, "acquire", 1, ["self", "blocking", "timeout"])?;
    let (id, _) = m.sync_argument(semaphore)?;
    m.note(Location::Object(id), true);
    let late = m.has_timed_out();
    let blocks = blocking == Value::Unset || m.plain_truth(blocking)?;
    if !blocks && !matches!(limit, Value::Unset | Value::None) {
        return m.value_error("can't specify timeout for non-blocking acquire");
    }
    if let Object::Sync(Sync::Semaphore { value: count, .. }) = m.world.heap.get_mut(id)
        && *count > 0
    {
        *count -= 1;
        return value(Value::Bool(true));
    }
    if late || gives_up(m, blocking, limit)? {
        return value(Value::Bool(false));
    }
    let limit = limit_of(m, limit)?;
    Ok(Done::Wait(Wait::Permit(id), limit))
}

fn give_permit(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [semaphore, count] = m.sorted(a, "release", 1, ["self", "n"])?;
    let given = if count == Value::Unset { 1 } else { m.int_argument(count)? };
    if given < 1 {
        return m.value_error("n must be one or more");
    }
    let (id, sync) = m.sync_argument(semaphore)?;
    m.note(Location::Object(id), true);
    if let Sync::Semaphore { value: count, bound } = sync {
        let count = count.saturating_add(given);
        if bound.is_some_and(|bound| count > bound) {
            return m.value_error("Semaphore released too many times");
        }
        *m.world.heap.get_mut(id) = Object::Sync(Sync::Semaphore { value: count, bound });
    }
    value(Value::None)
}

fn exit_semaphore(m: &mut Machine, a: &Arguments) -> R<Done> {
    let values = a.values.iter().take(1).copied().collect();
    give_permit(m, &Arguments { values, named: Vec::new() })
}
