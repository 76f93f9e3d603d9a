//! Steps: from a world to the next one, by one thread.
//!
//! *Promises*: a step ends where the policy lets another thread run, or where the thread waits or
//! ends. Steps that touch nothing that two threads touch are done along with the one before: their
//! order makes no difference.
//! *Leaves out*: which step is taken (`python/explore/search.rs`).
//!
//! ```text
//!   one step   LOAD x │ LOAD y   ADD │ STORE x │        y is touched by this thread only, so the
//!              ───────┼──────────────┼─────────         steps behind LOAD x and before STORE x
//!              visible  not visible    visible          are one
//! ```
//! Which things two threads touch is found by exploring: it begins with none, and is explored
//! again whenever one more was found.

use crate::python::explore::policies::Looks;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Flow, Location};
use crate::python::machine::world::{Wait, World};
use crate::python::value::any::Value;
use crate::python::value::object::Object;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Which thread goes on, and whether the time limit of its wait has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Move {
    /// The thread.
    pub thread: usize,
    /// Its wait is over without what it waited for.
    pub late: bool,
}

/// Who has touched a thing: a bit a thread.
#[derive(Debug, Clone, Copy, Default)]
struct Touched {
    readers: u64,
    writers: u64,
}

/// A machine that takes steps, and notes what threads touch.
pub struct Stepper {
    /// The machine.
    pub machine: Machine,
    /// At which points others may run.
    pub looks: Looks,
    /// Instructions that were executed.
    pub instructions: u64,
    /// How many steps were taken, those that were taken along too.
    pub steps: u64,
    /// How many instructions one step may be, and all that go along with it.
    pub most: u64,
    /// How many there were when this step began.
    began: u64,
    /// What two threads touch, one of them to change it, as far as is known.
    pub contended: HashSet<Location>,
    /// What each instruction did, if that is wanted.
    pub trace: Option<Vec<Event>>,
    touched: HashMap<Location, Touched>,
}

/// An instruction of a schedule, and what it did to something shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The thread.
    pub thread: usize,
    /// The line.
    pub line: u32,
    /// What it read and wrote (`true`), with the value.
    pub accesses: Vec<(Location, bool, String)>,
    /// The thread waits, and the instruction has to be done again.
    pub waits: bool,
}

/// The most instructions of one step: a loop that never comes to a switch point is cut.
const LONGEST_STEP: u64 = 200_000;
/// The most steps that are taken along.
const MOST_ALONG: usize = 10_000;

/// Why a step could not be ended.
pub type Stopped = (String, u32);

impl Stepper {
    /// A stepper at the beginning of the machine's program.
    pub fn new(machine: Machine, looks: Looks) -> Stepper {
        Stepper {
            machine,
            looks,
            instructions: 0,
            steps: 0,
            most: u64::MAX,
            began: 0,
            contended: HashSet::new(),
            trace: None,
            touched: HashMap::new(),
        }
    }

    /// What can happen next.
    pub fn moves(world: &World) -> Vec<Move> {
        let mut moves = Vec::new();
        for (thread, state) in world.threads.iter().enumerate() {
            if world.is_ready(thread) {
                moves.push(Move { thread, late: false });
            } else if !state.has_ended() && matches!(state.wait, Some((_, Some(_)))) {
                moves.push(Move { thread, late: true });
            }
        }
        moves
    }

    /// Things that two threads touch, one of them to change it, and that were not known before.
    /// From now on they are.
    pub fn learn(&mut self) -> usize {
        let before = self.contended.len();
        for (location, touched) in &self.touched {
            let all = touched.readers | touched.writers;
            if touched.writers != 0 && all.count_ones() > 1 {
                self.contended.insert(*location);
            }
        }
        self.contended.len() - before
    }

    /// Whether two threads touch this, as far as is known.
    pub fn is_contended(&self, location: Location) -> bool {
        self.contended.contains(&location)
    }

    /// Takes a step of a thread from the machine's world, and all those that go along with it.
    ///
    /// # Errors
    /// Why and where the run was stopped.
    pub fn step(&mut self, chosen: Move) -> Result<(), Stopped> {
        self.machine.noting = true;
        self.began = self.instructions;
        if chosen.late
            && let Some(thread) = self.machine.world.threads.get_mut(chosen.thread)
        {
            Arc::make_mut(thread).timed_out = true;
        }
        let mut first = true;
        for _ in 0..MOST_ALONG {
            let others = self.others(chosen.thread);
            let before = if first || !others { None } else { Some(self.machine.world.clone()) };
            let traced = self.trace.as_ref().map_or(0, Vec::len);
            let (over, visible) = self.one(chosen.thread, others)?;
            if let (Some(before), true) = (before, visible) {
                self.machine.world = before;
                self.trace.iter_mut().for_each(|trace| trace.truncate(traced));
                return Ok(());
            }
            first = false;
            if over {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether another thread has begun and has not ended.
    fn others(&self, number: usize) -> bool {
        let threads = self.machine.world.threads.iter().enumerate();
        threads.filter(|(at, thread)| *at != number && !thread.has_ended()).count() > 0
    }

    /// One step: whether the thread cannot go on, and whether another thread could notice it.
    fn one(&mut self, number: usize, others: bool) -> Result<(bool, bool), Stopped> {
        self.steps += 1;
        self.machine.accesses.clear();
        let started = self.machine.world.threads.len();
        self.machine.enter(number);
        let mut over = false;
        for left in (0..LONGEST_STEP).rev() {
            if self.machine.current.has_ended() {
                over = true;
                break;
            }
            self.instructions += 1;
            if (left == 0 && others) || self.instructions - self.began > self.most {
                let why = if left == 0 {
                    "it never comes to a switch point"
                } else {
                    "it takes too many instructions"
                };
                let line = self.machine.position().line;
                self.machine.leave();
                return Err((why.to_owned(), line));
            }
            let noted = self.machine.accesses.len();
            let line = self.machine.next_position().line;
            let inside = self.machine.is_library();
            let flow = self.machine.execute();
            let noted = if inside { self.machine.accesses.len() } else { noted };
            self.note_event(number, line, noted, others, matches!(flow, Ok(Flow::Wait(..))));
            match flow {
                Ok(Flow::Wait(..)) => {
                    over = true;
                    break;
                }
                Ok(Flow::Next(point)) => {
                    let new = self.machine.world.threads.len() > started;
                    if (others || new) && self.looks.at(point) {
                        break;
                    }
                }
                Err(reason) => {
                    let line = self.machine.position().line;
                    self.machine.leave();
                    return Err((reason, line));
                }
            }
            if self.machine.world.heap.charged() > 2 * self.machine.live + 50_000 {
                self.machine.sweep();
            }
        }
        self.end_step(number, started, others, over)
    }

    /// Notes what an instruction did, if that is wanted: of the library's, only that it waits.
    fn note_event(&mut self, thread: usize, line: u32, noted: usize, others: bool, waits: bool) {
        // Nothing is told of a thread that is alone.
        if self.trace.is_none() || !others {
            return;
        }
        let accesses = self.machine.accesses[noted..].to_vec();
        let shared = accesses.into_iter().filter(|(location, _)| self.contended.contains(location));
        let shared: Vec<(Location, bool)> = shared.collect();
        let with_value = |(location, write)| (location, write, self.value_at(location));
        let accesses = shared.into_iter().map(with_value).collect();
        let event = Event { thread, line, accesses, waits };
        self.trace.iter_mut().for_each(|trace| trace.push(event.clone()));
    }

    fn value_at(&mut self, location: Location) -> String {
        let value = match location {
            Location::Global(number) => self.machine.world.globals.get(number as usize).copied(),
            Location::Attribute(id, name) => match self.machine.world.heap.get(id) {
                Object::Instance(instance) => instance.attributes.get(name),
                Object::Class(class) => class.attributes.get(name),
                _ => None,
            },
            Location::Object(id) => match self.machine.world.heap.get(id) {
                Object::Cell(value) => Some(*value),
                Object::Sync(_) => None,
                _ => Some(Value::Ref(id)),
            },
            Location::Output => None,
        };
        let noting = std::mem::replace(&mut self.machine.noting, false);
        let text = match value {
            None | Some(Value::Unset) => Ok(String::new()),
            Some(value) => self.machine.plain_repr(value),
        };
        self.machine.noting = noting;
        let text = text.unwrap_or_default();
        if text.chars().count() > 40 {
            format!("{}…", text.chars().take(39).collect::<String>())
        } else {
            text
        }
    }

    fn end_step(
        &mut self,
        number: usize,
        started: usize,
        others: bool,
        over: bool,
    ) -> Result<(bool, bool), Stopped> {
        let ended = self.machine.current.has_ended();
        if let (true, Some(object)) = (ended, self.machine.current.object) {
            self.machine.note(Location::Object(object), true);
        }
        let joins = matches!(self.machine.current.wait, Some((Wait::Join(_), _)));
        self.machine.leave();
        let mut visible = ended || joins || self.machine.world.threads.len() > started;
        if others {
            let bit = 1_u64 << (number % 64);
            for (location, write) in &self.machine.accesses {
                let touched = self.touched.entry(*location).or_default();
                if *write {
                    touched.writers |= bit;
                } else {
                    touched.readers |= bit;
                }
                visible |= self.contended.contains(location);
            }
        }
        Ok((over, visible))
    }
}
