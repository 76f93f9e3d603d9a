//! A schedule that a person makes: one step of the thread they pick, and back again.
//!
//! *Promises*: the steps are the explorer's, so that whoever plays can go wherever it went, by as few
//! switches; going back leads to the same world. Pure: no terminal, no clock.
//! *Leaves out*: how it looks (`lab/play/board.rs`), what is to be reached (`lab/play/level.rs`).

use crate::python::code::program::Program;
use crate::python::explore::conflicts::Conflicts;
use crate::python::explore::moves::{Move, moves};
use crate::python::explore::outcome::{Ending, Outcome};
use crate::python::explore::policies::Looks;
use crate::python::explore::replay::name_of;
use crate::python::explore::search::machine;
use crate::python::explore::worlds::{Event, Stepper};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::Location;
use crate::python::machine::world::thread_name;
use crate::python::value::any::Value;
use crate::python::value::object::Object;
use std::sync::Arc;

/// The most instructions of one pick.
const LONGEST: u64 = 1_000_000;

/// A game.
pub struct Game {
    program: Arc<Program>,
    looks: Looks,
    contended: Conflicts,
    stepper: Stepper,
    moves: Vec<Move>,
    switches: u32,
    stopped: Option<Ending>,
    told: Vec<Event>,
    /// For each thread the line that it was in last, and what it did there.
    done: Vec<(u32, Vec<String>)>,
}

/// A thread, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Player {
    /// Its number.
    pub number: usize,
    /// The line that it executes next; `None` if it has ended.
    pub line: Option<u32>,
    /// It can be picked.
    pub ready: bool,
    /// To pick it is to let the limit of its wait pass.
    pub late: bool,
    /// What it waits for.
    pub waits: Option<String>,
    /// What it has done in this line.
    pub done: Vec<String>,
}

impl Game {
    /// A program at its beginning. `contended` is what the explorer found to be shared.
    pub fn new(program: &Arc<Program>, looks: Looks, contended: &Conflicts) -> Game {
        let mut game = Game {
            program: Arc::clone(program),
            looks,
            contended: contended.clone(),
            stepper: Stepper::new(machine(program), looks),
            moves: Vec::new(),
            switches: 0,
            stopped: None,
            told: Vec::new(),
            done: Vec::new(),
        };
        game.restart();
        game
    }

    fn restart(&mut self) {
        self.stepper = Stepper::new(machine(&self.program), self.looks);
        self.stepper.conflicts.clone_from(&self.contended);
        self.stepper.machine.world.heap.fix();
        self.stepper.trace = Some(Vec::new());
        self.moves.clear();
        self.told.clear();
        self.done.clear();
        (self.switches, self.stopped) = (0, None);
    }

    /// What a pick of this thread would be.
    fn move_of(&self, thread: usize) -> Option<Move> {
        if self.is_over() {
            return None;
        }
        moves(&self.stepper.machine.world).into_iter().find(|m| m.thread == thread)
    }

    /// The threads that can be picked.
    pub fn choices(&self) -> Vec<usize> {
        match self.is_over() {
            true => Vec::new(),
            false => {
                let mut all: Vec<usize> =
                    moves(&self.stepper.machine.world).iter().map(|m| m.thread).collect();
                // Chance may give a thread several ways; the first is taken.
                all.dedup();
                all
            }
        }
    }

    /// Lets a thread take a step. `false` if it cannot.
    pub fn pick(&mut self, thread: usize) -> bool {
        let Some(chosen) = self.move_of(thread) else { return false };
        let last = self.moves.last().map_or(0, |last| last.thread);
        let could_go_on = self.stepper.machine.world.is_ready(last);
        self.switches += u32::from(could_go_on && last != thread);
        self.moves.push(chosen);
        let before = self.stepper.trace.as_ref().map_or(0, Vec::len);
        self.stepper.most = LONGEST;
        self.stepper.machine.world.heap.begin_change();
        self.stopped = self.stepper.step(chosen).err();
        let trace = self.stepper.trace.as_deref().unwrap_or_default();
        self.told = trace.get(before..).unwrap_or_default().to_vec();
        for event in self.told.clone() {
            let notes = self.notes(&event);
            if self.done.len() <= event.thread {
                self.done.resize(event.thread + 1, (0, Vec::new()));
            }
            let (line, done) = &mut self.done[event.thread];
            if std::mem::replace(line, event.line) != event.line {
                done.clear();
            }
            for note in notes {
                if done.last() != Some(&note) {
                    done.push(note);
                }
            }
        }
        true
    }

    /// Goes back by one pick. `false` at the beginning.
    pub fn undo(&mut self) -> bool {
        let mut kept = std::mem::take(&mut self.moves);
        if kept.pop().is_none() {
            return false;
        }
        self.restart();
        for chosen in kept {
            self.pick(chosen.thread);
        }
        true
    }

    /// The threads picked so far.
    pub fn picks(&self) -> Vec<usize> {
        self.moves.iter().map(|chosen| chosen.thread).collect()
    }

    /// How often a thread had to make room that could have gone on.
    pub fn switches(&self) -> u32 {
        self.switches
    }

    /// What the last step did.
    pub fn told(&self) -> &[Event] {
        &self.told
    }

    /// Whether nobody can go on.
    pub fn is_over(&self) -> bool {
        let world = &self.stepper.machine.world;
        self.stopped.is_some() || world.has_ended() || moves(world).is_empty()
    }

    /// What it came to, if it is over.
    pub fn outcome(&mut self) -> Option<Outcome> {
        if !self.is_over() {
            return None;
        }
        let machine = &mut self.stepper.machine;
        let ending = match &self.stopped {
            Some(stopped) => stopped.clone(),
            None if machine.world.has_ended() => Ending::Finished,
            None => Ending::Deadlock(machine.waits()),
        };
        Some(Outcome::of(machine, ending))
    }

    /// What was printed.
    pub fn output(&self) -> &str {
        &self.stepper.machine.world.output
    }

    /// Every thread.
    pub fn players(&mut self) -> Vec<Player> {
        let choices = match self.is_over() {
            true => Vec::new(),
            false => moves(&self.stepper.machine.world),
        };
        let waits = self.stepper.machine.waits();
        let count = self.stepper.machine.world.threads.len();
        let player = |number: usize| {
            let own = choices.iter().find(|chosen| chosen.thread == number);
            let name = format!("{} ", thread_name(number));
            let ended = self.stepper.machine.world.threads[number].has_ended();
            let line = (!ended).then(|| self.stepper.machine.line_of_thread(number));
            let done = self.done.get(number).filter(|(own, _)| Some(*own) == line);
            Player {
                number,
                line,
                done: done.map_or_else(Vec::new, |(_, done)| done.clone()),
                ready: own.is_some(),
                late: own.is_some_and(|chosen| chosen.late),
                waits: waits.iter().find_map(|line| line.strip_prefix(&name)).map(str::to_owned),
            }
        };
        (0..count).map(player).collect()
    }

    /// What an instruction read and wrote, in words.
    pub fn notes(&self, event: &Event) -> Vec<String> {
        if event.waits {
            return vec!["has to wait".to_owned()];
        }
        let shared = event.accesses.iter().filter(|(location, _, value)| {
            !matches!(location, Location::Output) && !value.is_empty()
        });
        let note = |(location, write, value): &(Location, bool, String)| {
            let does = if *write { "wrote" } else { "read" };
            format!("{does} {} = {value}", name_of(&self.stepper.machine, *location))
        };
        shared.map(note).collect()
    }

    /// What threads share, by name, with its value.
    pub fn values(&mut self) -> Vec<(String, String)> {
        let mut shared: Vec<Location> = self.contended.contended().collect();
        shared.sort_unstable();
        let machine = &mut self.stepper.machine;
        let mut values: Vec<(String, String)> = Vec::new();
        for location in shared {
            let Some(value) = value_of(machine, location) else { continue };
            let name = name_of(machine, location);
            if !name.is_empty() && values.iter().all(|(other, _)| *other != name) {
                values.push((name, value));
            }
        }
        values
    }
}

fn value_of(machine: &mut Machine, location: Location) -> Option<String> {
    let value = match location {
        Location::Global(number) => machine.world.globals.get(number as usize).copied()?,
        Location::Attribute(id, name) => match machine.world.heap.get(id) {
            Object::Instance(instance) => instance.attributes.get(name)?,
            Object::Class(class) => class.attributes.get(name)?,
            _ => return None,
        },
        Location::Object(id) => match machine.world.heap.get(id) {
            Object::List(_) | Object::Dict(..) | Object::Set(_) | Object::Deque(..) => {
                Value::Ref(id)
            }
            Object::Cell(value) => *value,
            _ => return None,
        },
        Location::Output => return None,
    };
    let noting = std::mem::replace(&mut machine.noting, false);
    let text = machine.plain_repr(value).ok();
    machine.noting = noting;
    text.filter(|_| value != Value::Unset)
}
