//! What a Python program's machine says of its tasks: names, what each waits for, on which line.
//!
//! *Assumes*: a machine whose threads take turns, and none is in the middle of an instruction.
//! *Promises*: words for people; nothing is changed.
//! *Leaves out*: who runs when (`lab/turns/program.rs`).

use crate::lab::report::failure::shown;
use crate::lab::turns::turn::Stand;
use crate::python::code::program::Code;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::world::Thread;
use crate::python::value::any::{Id, Value};
use crate::python::value::asyncio::{Asyncio, Handle, Ready, Task};
use crate::python::value::object::Object;
use std::time::Duration;

/// Reads a machine.
pub(crate) struct Standing<'a> {
    pub(crate) machine: &'a Machine,
    /// The lines of the source.
    pub(crate) source: &'a [String],
    /// The loop that is shown.
    pub(crate) event_loop: Option<Id>,
}

impl Standing<'_> {
    /// What stands in the ready queue, by its name.
    pub(crate) fn name(&self, ready: Ready) -> String {
        match ready {
            Ready::Task(number) => self.thread_name(number),
            Ready::Call(id) => self.callback(id),
        }
    }

    /// A thread's name: its task's, if it is one.
    pub(crate) fn thread_name(&self, number: usize) -> String {
        let task = self.thread(number).and_then(|thread| thread.task);
        match task {
            Some(task) => self.task_name(task),
            None => crate::python::machine::world::thread_name(number),
        }
    }

    fn thread(&self, number: usize) -> Option<&Thread> {
        // The place of the one that runs is empty meanwhile.
        let current = &self.machine.current;
        match number == self.machine.number && !current.frames.is_empty() {
            true => Some(current),
            false => self.machine.world.threads.get(number).map(|thread| &**thread),
        }
    }

    fn task_name(&self, id: Id) -> String {
        let task = self.machine.world.future(id).and_then(|future| future.task.as_ref());
        let Some(task) = task else { return "a future".to_owned() };
        let name = shown(self.machine.strings.text(task.name));
        // A number says little: what it runs says more.
        let code = self.coroutine(task).filter(|_| name.starts_with("Task-"));
        code.map_or(name.clone(), |code| format!("{name} {}", code.name))
    }

    /// The code of a task's coroutine.
    fn coroutine(&self, task: &Task) -> Option<&Code> {
        let Object::Asyncio(asyncio) = self.machine.world.heap.get(task.coroutine.id()?) else {
            return None;
        };
        let Asyncio::Coroutine(code, _) = &**asyncio else { return None };
        self.machine.program.codes.get(*code as usize)
    }

    fn handle(&self, id: Id) -> Option<&Handle> {
        match self.machine.world.heap.get(id) {
            Object::Asyncio(asyncio) => match &**asyncio {
                Asyncio::Handle(handle) => Some(handle),
                _ => None,
            },
            _ => None,
        }
    }

    /// A callback by the function that it calls: `gather's callback`, `callback tick`.
    fn callback(&self, id: Id) -> String {
        let unknown = || "a callback".to_owned();
        let Some(handle) = self.handle(id) else { return unknown() };
        let object = |value: Value| value.id().map(|id| self.machine.world.heap.get(id));
        let code = match object(handle.callback) {
            Some(Object::Function(function)) => function.code,
            Some(Object::Method { function, .. }) => match object(*function) {
                Some(Object::Function(function)) => function.code,
                _ => return unknown(),
            },
            _ => return unknown(),
        };
        let Some(code) = self.machine.program.codes.get(code as usize) else { return unknown() };
        if !code.kind.is_library() {
            return format!("callback {}", code.qualified);
        }
        let owner = code.qualified.split('.').next().unwrap_or_default();
        match owner.trim_start_matches('_') {
            "settle" => "sleep's callback".to_owned(),
            "tell" => "to_thread's callback".to_owned(),
            "run_until_complete" => "run's callback".to_owned(),
            name => format!("{name}'s callback"),
        }
    }

    /// The tasks that have not ended, by their threads.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = (usize, &Thread)> {
        let all =
            (0..self.machine.world.threads.len()).filter_map(|at| Some((at, self.thread(at)?)));
        all.filter(|(_, thread)| thread.task.is_some() && !thread.has_ended())
    }

    /// What is left of the timer that a task waits for, if it waits for one.
    pub(crate) fn timer_of(&self, thread: &Thread) -> Option<u64> {
        let world = &self.machine.world;
        let id = world.future(thread.task?)?.task.as_ref()?.awaiting?;
        let of = |timer| {
            self.handle(timer).is_some_and(|handle| handle.arguments.contains(&Value::Ref(id)))
        };
        self.timers().find(|(timer, _)| of(*timer)).map(|(_, left)| left)
    }

    /// What a task waits for, that does not run and is not ready.
    pub(crate) fn waits_for(&self, thread: &Thread) -> String {
        let world = &self.machine.world;
        let task = thread.task.and_then(|id| world.future(id)?.task.as_ref());
        let Some(id) = task.and_then(|task| task.awaiting) else { return "its turn".to_owned() };
        let Some(future) = world.future(id) else { return "a future".to_owned() };
        if future.task.is_some() {
            return self.task_name(id);
        }
        let children = future.children.iter().filter_map(|child| child.id());
        let pending = children.filter(|id| world.future(*id).is_some_and(|child| !child.is_done()));
        let names: Vec<String> = pending.map(|id| self.task_name(id)).collect();
        if !names.is_empty() {
            return names.join(", ");
        }
        match (self.timer_of(thread), self.call(thread)) {
            _ if !future.children.is_empty() => "gather's callback".to_owned(),
            (Some(left), _) => format!("a timer, in {:?}", Duration::from_nanos(left)),
            (None, Some(call)) => format!("a wake, in {call}"),
            (None, None) => "a future".to_owned(),
        }
    }

    /// The call of the library in which a task waits: `Lock.acquire`.
    fn call(&self, thread: &Thread) -> Option<String> {
        let codes = thread.frames.iter().map(|frame| frame.code as usize);
        let codes: Vec<_> = codes.filter_map(|code| self.machine.program.codes.get(code)).collect();
        let own = codes.iter().rposition(|code| !code.kind.is_library())?;
        let call = codes.get(own + 1..)?;
        // Inside of a `with` the name that says more is one further in.
        let call = call.iter().find(|code| !code.name.starts_with("__"))?;
        Some(call.qualified.replace("<locals>.", "").trim_start_matches('_').to_owned())
    }

    /// The timers that are not cancelled, with what they have left.
    fn timers(&self) -> impl Iterator<Item = (Id, u64)> {
        let running = self.event_loop.and_then(|id| self.machine.world.event_loop(id));
        let timers = running.into_iter().flat_map(|running| &running.timers);
        let clock = self.machine.world.clock;
        timers
            .filter(|(_, id)| self.handle(*id).is_some_and(|handle| !handle.cancelled))
            .map(move |(at, id)| (*id, at.saturating_sub(clock)))
    }

    /// The timers by name.
    pub(crate) fn named_timers(&self) -> Vec<(String, u64)> {
        self.timers().map(|(id, left)| (self.callback(id), left)).collect()
    }

    /// The line on which a task stands.
    pub(crate) fn stand(&self, thread: &Thread) -> Option<Stand> {
        let codes = &self.machine.program.codes;
        let count = thread.frames.len();
        let own = thread.frames.iter().enumerate().rev().find_map(|(at, frame)| {
            let code = codes.get(frame.code as usize)?;
            (!code.kind.is_library()).then_some(())?;
            // An outer call stands behind the instruction that called.
            let place = frame.at as usize - usize::from(at + 1 < count && frame.at > 0);
            code.positions.get(place).or(code.positions.last())
        });
        let line = own.map(|position| position.line).or_else(|| self.first_line(thread))?;
        let text = self.source.get((line as usize).saturating_sub(1));
        let text = text.map_or(String::new(), |text| shown(text.trim()));
        Some(Stand { task: self.task_name(thread.task?), line, text })
    }

    /// Of a task that has not begun: where its coroutine begins.
    fn first_line(&self, thread: &Thread) -> Option<u32> {
        let task = self.machine.world.future(thread.task?)?.task.as_ref()?;
        let code = self.coroutine(task)?;
        code.positions.iter().map(|position| position.line).filter(|line| *line > 0).min()
    }
}
