//! Spans and events of tasks, as tokio-console reads them; and lints while they run (feature `tracing`).
//!
//! *Assumes*: a subscriber that does not use the loop whose tasks it is told of, but for waking them.
//! *Promises*: without the feature nothing, by `no_spans.rs`, which has the same functions; without a
//! subscriber that asks for traces one comparison a step and a wake. A wake is told before it happens,
//! and no lock is held while a subscriber runs. A task is called lost only if nothing can wake it.
//! *Leaves out*: tasks that were made before anyone listened; names that are given later than the
//! first step, for the console reads a span once; wakers of a root that its run has left behind.
//!
//! ```text
//!   span  runtime.spawn   kind, task.name, task.id, loc.*     from the making of a task to its end;
//!                                                             entered for each step
//!   event runtime::waker  op = waker.clone | wake | …,        for each use of a waker, from any
//!                         task.id = the span's number         thread
//!   event …::lints                                            a fault, as a warning
//! ```
//! A waker of ours is a number, so nothing would know how many there are; here they are counted. A
//! task that waits while nothing is ready, no message is on its way and no waker of it is left has lost
//! it. Whoever uses up a waker is counted as having it until the wake is done, or a wake from another
//! thread could be on its way unseen.

use crate::base::id::{LoopId, TaskId};
use crate::base::sync::{Arc, Mutex};
use crate::event_loop::lints::{Health, Limits, LintKind};
use std::cell::Cell;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing::{Span, trace, trace_span, warn};

/// A task with a span.
struct Traced {
    span: Arc<Span>,
    name: Arc<str>,
    wakers: i64,
    /// Stands in `suspects`.
    suspect: bool,
    lost: bool,
    health: Health,
}

#[derive(Default)]
struct Table {
    tasks: HashMap<TaskId, Traced>,
    /// Those without a waker when they were last looked at.
    suspects: Vec<TaskId>,
}

static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);
/// How many tasks are in the table. Relaxed: a waker of a task comes after the task.
static TRACED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static TELLS: Cell<bool> = const { Cell::new(false) };
}

/// Whether somebody listens for traces.
#[inline]
pub fn on() -> bool {
    LevelFilter::current() == LevelFilter::TRACE
}

#[inline]
fn any() -> bool {
    TRACED.load(Ordering::Relaxed) > 0
}

/// Runs a subscriber's code. What that does with wakers is not told: there would be no end.
fn tell<R>(say: impl FnOnce() -> R) -> Option<R> {
    if TELLS.replace(true) {
        return None;
    }
    let said = say();
    TELLS.set(false);
    Some(said)
}

/// A task has been made. `kind` is the console's word: `task`, or `block_on` for the root.
pub fn made(id: TaskId, name: &str, kind: &str, place: Option<&'static Location<'static>>) {
    let span = tell(|| {
        trace_span!(
            parent: None,
            "runtime.spawn",
            kind,
            task.name = name,
            task.id = id.raw(),
            loc.file = place.map(|place| place.file()),
            loc.line = place.map(|place| place.line()),
            loc.col = place.map(|place| place.column()),
        )
    });
    let Some(span) = span.filter(|span| !span.is_disabled()) else { return };
    let traced = Traced {
        span: Arc::new(span),
        name: name.into(),
        wakers: 0,
        suspect: false,
        lost: false,
        health: Health::default(),
    };
    let before = TABLE.lock().tasks.insert(id, traced);
    TRACED.fetch_add(usize::from(before.is_none()), Ordering::Relaxed);
    tell(|| drop(before));
}

/// A task has ended: its wakers no longer count.
pub fn ended(id: TaskId) {
    if !any() {
        return;
    }
    let traced = TABLE.lock().tasks.remove(&id);
    TRACED.fetch_sub(usize::from(traced.is_some()), Ordering::Relaxed);
    tell(|| drop(traced));
}

/// Runs a step of a task inside its span.
pub fn within<R>(id: TaskId, step: impl FnOnce() -> R) -> R {
    let span = match any() {
        true => TABLE.lock().tasks.get(&id).map(|traced| Arc::clone(&traced.span)),
        false => None,
    };
    match span {
        None => step(),
        Some(span) => span.in_scope(step),
    }
}

/// A step has taken so long; `held` is from when on that is too long.
pub fn stepped(id: TaskId, took: Duration, yielded: bool, held: Duration) {
    if !any() {
        return;
    }
    let limits = Limits { held, ..Limits::default() };
    let mut table = TABLE.lock();
    let Some(traced) = table.tasks.get_mut(&id) else { return };
    let name = Arc::clone(&traced.name);
    let faults = traced.health.step(took, yielded, &limits);
    table.count(id, 0);
    drop(table);
    faults.for_each(|fault| tell_fault(&name, &fault));
}

fn tell_fault(name: &str, fault: &LintKind) {
    tell(
        || warn!(target: "singletrack::event_loop::lints", { task.name = name }, "{name} {fault}"),
    );
}

impl Table {
    /// So many more wakers of a task; the number of its span.
    fn count(&mut self, id: TaskId, more: i64) -> Option<u64> {
        let traced = self.tasks.get_mut(&id)?;
        traced.wakers += more;
        if traced.wakers <= 0 && !traced.suspect && !traced.lost {
            traced.suspect = true;
            self.suspects.push(id);
        }
        traced.span.id().map(|span| span.into_u64())
    }
}

// ---- wakers ----

#[inline]
fn count(id: TaskId, more: i64) -> Option<u64> {
    if any() { TABLE.lock().count(id, more) } else { None }
}

fn tell_use(span: Option<u64>, op: &str) {
    if let Some(span) = span {
        tell(|| trace!(target: "runtime::waker", op, task.id = span));
    }
}

/// There is one more waker of the task.
#[inline]
pub fn cloned(id: TaskId) {
    tell_use(count(id, 1), "waker.clone");
}

/// A waker of the task is dropped.
#[inline]
pub fn dropped(id: TaskId) {
    tell_use(count(id, -1), "waker.drop");
}

/// A waker of the task is used, and stays.
#[inline]
pub fn woken(id: TaskId) {
    tell_use(count(id, 0), "waker.wake_by_ref");
}

/// A waker of the task is used up by `wake`.
#[inline]
pub fn used_up(id: TaskId, wake: impl FnOnce()) {
    tell_use(count(id, 0), "waker.wake");
    wake();
    count(id, -1);
}

// ---- lost wakers ----

/// The tasks of a loop that have no waker now, to be called lost if nothing is ready or on its way.
pub fn suspects(id: LoopId) -> Vec<TaskId> {
    if !any() {
        return Vec::new();
    }
    let table = &mut *TABLE.lock();
    let (mut found, tasks) = (Vec::new(), &mut table.tasks);
    table.suspects.retain(|&suspect| {
        if suspect.loop_id() != id {
            return true;
        }
        let Some(traced) = tasks.get_mut(&suspect) else { return false };
        traced.suspect = traced.wakers <= 0 && !traced.lost;
        found.extend(traced.suspect.then_some(suspect));
        traced.suspect
    });
    found
}

/// These tasks have lost their wakers.
pub fn tell_lost(suspects: &[TaskId]) {
    for id in suspects {
        let mut table = TABLE.lock();
        let Some(traced) = table.tasks.get_mut(id) else { continue };
        traced.lost = true;
        let name = Arc::clone(&traced.name);
        drop(table);
        tell_fault(&name, &LintKind::LostWaker);
    }
}

/// The tasks of a loop that have lost their wakers.
pub fn lost(id: LoopId) -> Vec<TaskId> {
    if !any() {
        return Vec::new();
    }
    let table = TABLE.lock();
    let lost = |(task, traced): (&TaskId, &Traced)| traced.lost.then_some(*task);
    let mut found: Vec<TaskId> = table.tasks.iter().filter_map(lost).collect();
    found.retain(|task| task.loop_id() == id);
    found.sort_by_key(|task| task.raw());
    found
}
