//! Who waits for what, in words.
//!
//! *Promises*: one line for each thread that waits, with the line of source.
//! *Leaves out*: whether it will come (`World::is_ready`).

use crate::python::machine::interpreter::Machine;
use crate::python::machine::world::{Wait, World, thread_name};

impl Machine {
    /// Which thread waits for what, in which line. Nothing is told of one that runs.
    pub fn waits(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for number in 0..self.world.threads.len() {
            let thread = &self.world.threads[number];
            let Some((wait, _)) = thread.wait.filter(|_| !thread.has_ended()) else { continue };
            let line = self.line_of_thread(number);
            let what = what(&self.world, number, wait);
            lines.push(format!("{} waits for {what}, in line {line}", thread_name(number)));
        }
        lines
    }

    /// The line that a thread executes next.
    fn line_of_thread(&mut self, number: usize) -> u32 {
        let wait = self.world.threads[number].wait;
        self.enter(number);
        let line = self.next_position().line;
        self.current.wait = wait;
        self.leave();
        line
    }
}

fn what(world: &World, number: usize, wait: Wait) -> String {
    match wait {
        Wait::Lock(lock) => match world.owner(lock) {
            Some(owner) if owner == number => "a lock that it holds itself".to_owned(),
            Some(owner) => format!("a lock that {} holds", thread_name(owner)),
            None => "a lock".to_owned(),
        },
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
        Wait::Sleep(_) => "time".to_owned(),
        Wait::Answer(_) => "an answer from outside".to_owned(),
    }
}
