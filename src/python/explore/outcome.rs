//! Outcomes: what was printed, which exceptions ended threads, what the globals are.
//!
//! *Promises*: two runs that a person could not tell apart have the same outcome.
//! *Leaves out*: globals that are functions, classes, modules, or what threads wait with.

use crate::python::machine::interpreter::Machine;
use crate::python::machine::world::{Failure, thread_name};
use crate::python::value::any::Value;
use crate::python::value::object::Object;
use std::sync::Arc;

/// How a program ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ending {
    /// All threads have ended.
    Finished,
    /// No thread can go on; each line says which waits for what.
    Deadlock(Vec<String>),
    /// It goes round for ever, whatever the schedule from there.
    Endless,
    /// A thread waits for ever while others go round, although it need not; the line says for what.
    Starvation(String),
    /// A limit of the search cut it short.
    Cut,
    /// It was stopped: why, and in which line.
    Stopped(String, u32),
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// What it printed.
    pub output: Arc<String>,
    /// The exceptions that ended threads.
    pub failures: Vec<(usize, Failure)>,
    /// The globals that hold values.
    pub globals: Vec<(Arc<str>, String)>,
}

impl Outcome {
    /// The outcome of a machine's world.
    pub fn of(machine: &mut Machine, ending: Ending) -> Outcome {
        let program = Arc::clone(&machine.program);
        let mut globals = Vec::new();
        for (at, name) in program.globals.iter().enumerate() {
            let value = machine.world.globals.get(at).copied().unwrap_or(Value::Unset);
            if !name.starts_with('<') && is_plain(machine, value) {
                let text = machine.plain_repr(value).unwrap_or_default();
                globals.push((Arc::clone(name), text));
            }
        }
        let threads = machine.world.threads.iter().enumerate();
        let failures = threads.filter_map(|(at, t)| Some((at, t.failure.clone()?))).collect();
        Outcome { ending, output: Arc::clone(&machine.world.output), failures, globals }
    }

    /// The outcome in a line: what was printed, else the globals of those names.
    pub fn line(&self, names: &[Arc<str>]) -> String {
        let mut parts = Vec::new();
        match &self.ending {
            Ending::Finished => {}
            Ending::Deadlock(_) => parts.push("deadlock".to_owned()),
            Ending::Endless => parts.push("endless".to_owned()),
            Ending::Starvation(_) => parts.push("starvation".to_owned()),
            Ending::Cut => parts.push("cut".to_owned()),
            Ending::Stopped(why, line) => parts.push(format!("stopped on line {line}: {why}")),
        }
        for (thread, failure) in &self.failures {
            let (line, name) = (failure.at.line, thread_name(*thread));
            parts.push(format!("{} in {name}, line {line}", failure.text));
        }
        let printed: Vec<&str> = self.output.lines().collect();
        if !printed.is_empty() {
            parts.push(format!("prints {}", printed.join(" | ")));
        }
        let shown = self.globals.iter().filter(|(name, _)| names.contains(name));
        parts.extend(shown.map(|(name, text)| format!("{name} = {text}")));
        if parts.is_empty() {
            parts.push("finished".to_owned());
        }
        parts.join(", ")
    }

    /// Whether it ended as a program should: finished, without an exception.
    pub fn is_fine(&self) -> bool {
        self.ending == Ending::Finished && self.failures.is_empty()
    }
}

/// Whether a global is a value, rather than code or what threads wait with.
fn is_plain(machine: &Machine, value: Value) -> bool {
    is_plain_within(machine, value, 0)
}

fn is_plain_within(machine: &Machine, value: Value, depth: usize) -> bool {
    if depth > 100 {
        return false;
    }
    let is_plain = |machine: &Machine, value: Value| is_plain_within(machine, value, depth + 1);
    match value {
        Value::Unset | Value::Type(_) | Value::Native(_) | Value::Module(_) => false,
        Value::Ref(id) => match machine.world.heap.get(id) {
            Object::List(items) | Object::Tuple(items) => {
                items.iter().all(|item| is_plain(machine, *item))
            }
            Object::Dict(table, _) | Object::Set(table) => table
                .iter()
                .all(|(name, value)| is_plain(machine, name) && is_plain(machine, value)),
            Object::Deque(deque) => deque.items.iter().all(|item| is_plain(machine, *item)),
            _ => false,
        },
        _ => true,
    }
}
