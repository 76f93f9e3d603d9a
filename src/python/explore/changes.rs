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
#[derive(Debug)]
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

/// A step that is being taken.
#[derive(Debug, Default)]
pub struct Recorder {
    globals: Vec<Value>,
    rest: World,
}

impl Recorder {
    /// Begins to write down what changes.
    pub fn begin(&mut self, world: &mut World) {
        world.heap.begin_change();
        self.globals.clone_from(&world.globals);
        self.rest.threads.clone_from(&world.threads);
        self.rest.output = Arc::clone(&world.output);
        self.rest.clock = world.clock;
        self.rest.random = world.random;
        self.rest.answers.clone_from(&world.answers);
        self.rest.names_used = world.names_used;
        self.rest.tasks_named = world.tasks_named;
        self.rest.event_loop = world.event_loop;
        self.rest.errors = Arc::clone(&world.errors);
    }

    /// What was changed since.
    pub fn end(&mut self, world: &mut World) -> Change {
        // Whoever adds a field has to write it down as well.
        let World {
            heap,
            globals,
            threads: _,
            output: _,
            clock: _,
            random: _,
            answers: _,
            names_used: _,
            tasks_named: _,
            event_loop: _,
            any_order: _, // of all worlds of an exploration
            errors: _,
        } = world;
        let changed = |(old, new): &(&Value, &Value)| !old.is(**new);
        let pairs = (0..).zip(self.globals.iter().zip(globals.iter()));
        let globals = pairs.filter(|(_, pair)| changed(pair)).map(|(at, (old, _))| (at, *old));
        Change {
            globals: globals.collect(),
            heap: heap.end_change(),
            threads: std::mem::take(&mut self.rest.threads),
            output: std::mem::take(&mut self.rest.output),
            clock: self.rest.clock,
            random: self.rest.random,
            answers: std::mem::take(&mut self.rest.answers),
            names_used: self.rest.names_used,
            tasks_named: self.rest.tasks_named,
            event_loop: self.rest.event_loop,
            errors: std::mem::take(&mut self.rest.errors),
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
