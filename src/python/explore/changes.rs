//! What a step changed: to go from one world to another without a copy of either.
//!
//! *Assumes*: a heap that keeps a journal, and changes that are taken back last made first.
//! *Promises*: going back and forth costs what was changed, not what there is.
//! *Leaves out*: which world is gone to (`python/explore/graph.rs`).

use crate::python::machine::outside::Answer;
use crate::python::machine::world::{Thread, World};
use crate::python::value::any::{Id, Value};
use crate::python::value::heap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a world had before a step; or after it, if the step is taken back.
#[derive(Debug, Default)]
pub struct Change {
    heap: heap::Change,
    globals: Vec<(u32, Value)>,
    threads: Vec<Arc<Thread>>,
    output: Arc<String>,
    clock: u64,
    random: u64,
    answers: BTreeMap<u64, Answer>,
    names_used: usize,
    tasks_named: usize,
    event_loop: Option<Id>,
    errors: Arc<String>,
}

/// A step that is being taken. Its memory is used again for the next one.
#[derive(Debug, Default)]
pub struct Recorder {
    globals: Vec<Value>,
    change: Change,
}

impl Recorder {
    /// Begins to write down what changes.
    pub fn begin(&mut self, world: &mut World) {
        // Whoever adds a field has to write it down as well.
        let World {
            heap,
            globals,
            threads,
            output,
            clock,
            random,
            answers,
            names_used,
            tasks_named,
            event_loop,
            errors,
            any_order: _, // of all worlds of an exploration
        } = world;
        heap.begin_change();
        self.globals.clone_from(globals);
        let change = &mut self.change;
        change.threads.clone_from(threads);
        change.output = Arc::clone(output);
        change.clock = *clock;
        change.random = *random;
        change.answers.clone_from(answers);
        change.names_used = *names_used;
        change.tasks_named = *tasks_named;
        change.event_loop = *event_loop;
        change.errors = Arc::clone(errors);
    }

    /// Takes the step back.
    pub fn take_back(&mut self, world: &mut World) {
        world.heap.end_change(&mut self.change.heap);
        self.change.globals.clear();
        let pairs = (0..).zip(self.globals.iter().zip(&world.globals));
        let changed = pairs.filter(|(_, (old, new))| !old.is(**new));
        self.change.globals.extend(changed.map(|(at, (old, _))| (at, *old)));
        self.change.swap(world);
    }

    /// The step that was taken back, to be kept.
    pub fn keep(&mut self) -> Change {
        let change = &mut self.change;
        Change {
            heap: change.heap.moved(),
            globals: change.globals.drain(..).collect(),
            threads: change.threads.drain(..).collect(),
            output: Arc::clone(&change.output),
            clock: change.clock,
            random: change.random,
            answers: std::mem::take(&mut change.answers),
            names_used: change.names_used,
            tasks_named: change.tasks_named,
            event_loop: change.event_loop,
            errors: Arc::clone(&change.errors),
        }
    }
}

impl Change {
    /// Takes the step back, or again.
    pub fn swap(&mut self, world: &mut World) {
        world.heap.swap(&mut self.heap);
        for (at, value) in &mut self.globals {
            std::mem::swap(&mut world.globals[*at as usize], value);
        }
        std::mem::swap(&mut world.threads, &mut self.threads);
        std::mem::swap(&mut world.output, &mut self.output);
        std::mem::swap(&mut world.clock, &mut self.clock);
        std::mem::swap(&mut world.random, &mut self.random);
        std::mem::swap(&mut world.answers, &mut self.answers);
        std::mem::swap(&mut world.names_used, &mut self.names_used);
        std::mem::swap(&mut world.tasks_named, &mut self.tasks_named);
        std::mem::swap(&mut world.event_loop, &mut self.event_loop);
        std::mem::swap(&mut world.errors, &mut self.errors);
    }

    /// How many bytes it has, about.
    pub fn bytes(&self) -> usize {
        // One thread is not shared with the world before: two calls, of a few slots each.
        size_of::<Change>()
            + 600
            + 24 * self.globals.len()
            + 8 * self.threads.len()
            + self.heap.bytes()
    }
}
