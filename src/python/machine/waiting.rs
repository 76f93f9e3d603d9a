//! Who waits for what, in words.
//!
//! *Promises*: one line for each thread that waits, with the line of source.
//! *Leaves out*: whether it will come (`World::is_ready`).

use crate::python::machine::interpreter::Machine;
use crate::python::machine::world::{Wait, thread_name};
use crate::python::value::any::{Id, Value};
use crate::python::value::object::Object;

impl Machine {
    /// Which thread waits for what, in which line. Nothing is told of one that runs.
    pub fn waits(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for number in 0..self.world.threads.len() {
            let thread = &self.world.threads[number];
            let Some((wait, _)) = thread.wait.filter(|_| !thread.has_ended()) else { continue };
            let line = self.line_of_thread(number);
            let what = self.what(number, wait);
            let holds = match self.held_by(number).as_slice() {
                [] => String::new(),
                held => format!("holds {} and ", held.join(", ")),
            };
            let me = thread_name(number);
            lines.push(format!("{me} {holds}waits for {what}, in line {line}"));
        }
        lines
    }

    /// The line that a thread executes next.
    pub fn line_of_thread(&mut self, number: usize) -> u32 {
        let wait = self.world.threads[number].wait;
        self.enter(number);
        let line = self.next_position().line;
        self.current.wait = wait;
        self.leave();
        line
    }

    /// The objects that globals and attributes of globals hold, by name.
    fn named(&self) -> Vec<(Id, String)> {
        let globals = self.program.globals.iter().zip(&self.world.globals);
        let (mut named, mut inside) = (Vec::new(), Vec::new());
        for (name, value) in globals.filter(|(name, _)| !name.starts_with('<')) {
            let Value::Ref(id) = value else { continue };
            named.push((*id, name.to_string()));
            if let Object::Instance(instance) = self.world.heap.get(*id) {
                for (attribute, value) in &instance.attributes.0 {
                    let Value::Ref(id) = value else { continue };
                    inside.push((*id, format!("{name}.{}", self.strings.text(*attribute))));
                }
            }
        }
        named.extend(inside);
        named
    }

    fn name_of(&self, lock: Id) -> Option<String> {
        self.named().into_iter().find(|(id, _)| *id == lock).map(|(_, name)| name)
    }

    /// The names of the locks that a thread holds, of those that have one.
    fn held_by(&self, number: usize) -> Vec<String> {
        let mut held: Vec<(Id, String)> = Vec::new();
        for (id, name) in self.named() {
            let own = self.world.owner(id) == Some(number);
            if own && held.iter().all(|(other, _)| *other != id) {
                held.push((id, name));
            }
        }
        held.into_iter().map(|(_, name)| name).collect()
    }

    fn what(&self, number: usize, wait: Wait) -> String {
        match wait {
            Wait::Lock(lock) => {
                let name = self.name_of(lock);
                match (self.world.owner(lock), name) {
                    (Some(owner), Some(name)) if owner == number => {
                        format!("{name}, which it holds itself")
                    }
                    (Some(owner), Some(name)) => {
                        format!("{name}, which {} holds", thread_name(owner))
                    }
                    (Some(owner), None) if owner == number => {
                        "a lock that it holds itself".to_owned()
                    }
                    (Some(owner), None) => format!("a lock that {} holds", thread_name(owner)),
                    (None, name) => name.unwrap_or_else(|| "a lock".to_owned()),
                }
            }
            Wait::Notified(_) => "a notification that does not come".to_owned(),
            Wait::Event(_) => "an event that nobody sets".to_owned(),
            Wait::Permit(_) => "a permit of a semaphore".to_owned(),
            Wait::Barrier(_) => "others at a barrier".to_owned(),
            Wait::Join(other) => format!("the end of {}", thread_name(other)),
            Wait::Result(_) => "the result of a future".to_owned(),
            Wait::Worker(_) => "a free worker of its pool, for a job".to_owned(),
            Wait::Idle(_) => "the jobs of a pool to end".to_owned(),
            Wait::Item(_) => "an item in a queue".to_owned(),
            Wait::Space(_) => "space in a queue".to_owned(),
            Wait::Done(_) => "a queue's items to be done".to_owned(),
            Wait::Turn(_) => "what it awaits".to_owned(),
            Wait::Choice(_) => "chance".to_owned(),
            Wait::Sleep(_) => "time".to_owned(),
            Wait::Answer(_) => "an answer from outside".to_owned(),
        }
    }
}
