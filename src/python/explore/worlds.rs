//! Steps: from a world to the next one, by one thread.
//!
//! *Promises*: a step ends where the policy lets another thread run, or where the thread waits or
//! ends. What follows and is not visible (`python/explore/conflicts.rs`) is done along with it.
//! *Leaves out*: which step is taken (`python/explore/search.rs`).
//!
//! ```text
//!   one step   LOAD x │ LOAD y   ADD │ STORE x │        y is touched by this thread only, so the
//!              ───────┼──────────────┼─────────         steps behind LOAD x and before STORE x
//!              visible  not visible    visible          are one
//! ```
//! What is done along stops before the first visible instruction: where that can be told from the
//! instruction, it is not executed; otherwise it is, and taken back.

use crate::base::text::cut;
use crate::gil::rules::threading::Threading;
use crate::python::code::instruction::Place;
use crate::python::explore::conflicts::{Conflicts, Reduction};
use crate::python::explore::lookahead::{Ahead, ahead};
use crate::python::explore::moves::Move;
use crate::python::explore::outcome::Ending;
use crate::python::explore::policies::Looks;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Flow, Location};
use crate::python::machine::world::{Thread, Wait};
use crate::python::value::any::{Id, Value};
use crate::python::value::heap::Checkpoint;
use crate::python::value::object::{Object, Sync};
use std::sync::Arc;

/// A machine that takes steps, and notes what threads touch.
pub struct Stepper {
    /// The machine.
    pub machine: Machine,
    /// At which points others may run.
    pub looks: Looks,
    /// Instructions that were executed.
    pub instructions: u64,
    /// How many steps were taken.
    pub steps: u64,
    /// How many instructions one step may be, and all that go along with it.
    pub most: u64,
    /// A step was cut since it took more instructions than this.
    pub spent: Option<u64>,
    /// How often each loop of each call may go round.
    pub iterations: Option<u32>,
    /// What threads touch.
    pub conflicts: Conflicts,
    /// What each instruction did, if that is wanted. Then a step stays where others may run.
    pub trace: Option<Vec<Event>>,
    /// How many instructions there were when this step began.
    began: u64,
    /// The locks that there are.
    locks: Vec<Id>,
    kept: Option<Kept>,
    spare: Thread,
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

/// The step that is taken.
struct Run {
    number: usize,
    /// How many threads there were.
    threads: usize,
    /// Whether another thread has begun and has not ended.
    others: bool,
    /// Whether one may run in the middle of its code: of tasks, one that is not of their loop.
    beside: bool,
    /// The last instruction was visible.
    visible: bool,
}

/// A place to go back to.
struct Kept {
    heap: Checkpoint,
    threads: usize,
    output: Arc<String>,
    random: u64,
    names_used: usize,
    tasks_named: usize,
    event_loop: Option<Id>,
    events: usize,
    missed: usize,
    globals: Vec<Value>,
}

/// The most instructions of one step beside others: a thread that never comes to a switch point is cut.
/// One that is alone goes on to the limit of the search.
pub const LONGEST_STEP: u64 = 5_000_000;
/// The most instructions that are done along: a loop that touches nothing of others is a step then.
pub const MOST_ALONG: usize = 50_000;

impl Stepper {
    /// A stepper at the beginning of the machine's program.
    pub fn new(machine: Machine, looks: Looks) -> Stepper {
        let mut machine = machine;
        if matches!(looks, Looks::Under(Threading::Free, _)) {
            machine.without_lock();
        }
        Stepper {
            machine,
            looks,
            instructions: 0,
            steps: 0,
            most: u64::MAX,
            spent: None,
            iterations: None,
            conflicts: Conflicts::default(),
            trace: None,
            began: 0,
            locks: Vec::new(),
            kept: None,
            spare: Thread::default(),
        }
    }

    /// Takes a step of a thread from the machine's world, and all that goes along with it.
    ///
    /// # Errors
    /// Why and where the run has ended here.
    pub fn step(&mut self, chosen: Move) -> Result<(), Ending> {
        self.began = self.instructions;
        self.steps += 1;
        let world = &mut self.machine.world;
        if let Some(thread) = world.threads.get_mut(chosen.thread) {
            if chosen.late {
                Arc::make_mut(thread).timed_out = true;
            }
            let chooses = matches!(thread.wait, Some((Wait::Choice(_), _)));
            self.machine.chosen = chooses.then_some(chosen.choice);
        }
        let number = chosen.thread;
        let threads = self.machine.world.threads.iter().enumerate();
        let others =
            threads.filter(|(at, thread)| *at != number && !thread.has_ended()).count() > 0;
        let threads = self.machine.world.threads.len();
        let beside = self.machine.world.is_beside_threads(number);
        let mut run = Run { number, threads, others, beside, visible: false };
        self.machine.enter(number);
        let mut went = self.first(&mut run);
        if let Ok(false) = went {
            run.threads = self.machine.world.threads.len();
            went = self.along(&mut run).map(|()| false);
        }
        self.commit();
        if self.machine.current.has_ended()
            && run.others
            && let Some(object) = self.machine.current.object
        {
            self.conflicts.touch(Location::Object(object), number, true, true, |_| Vec::new());
        }
        self.machine.leave();
        went.map(drop)
    }

    /// Executes up to a place where others may run: `true` if the thread cannot go on.
    fn first(&mut self, run: &mut Run) -> Result<bool, Ending> {
        let mut alone_until = self.instructions;
        loop {
            if self.machine.current.has_ended() {
                return Ok(true);
            }
            self.tidy();
            let Some(place) = self.instruction(run)? else { return Ok(true) };
            let may = run.beside || place == Place::Blocked;
            if run.others && may && self.looks.at(place) {
                // Behind an await the others' turn has come: nothing goes along with it.
                let turns = self.machine.current.task.is_some() && place == Place::Blocked;
                return Ok(self.machine.current.has_ended() || turns || !run.beside);
            }
            if !run.others {
                alone_until = self.instructions;
            } else if self.instructions - alone_until >= LONGEST_STEP {
                return Err(self.cut(LONGEST_STEP));
            }
        }
    }

    fn stopped(&self, why: &str) -> Ending {
        Ending::Stopped(why.to_owned(), self.machine.position().line)
    }

    /// A step takes more instructions than this: the search has a limit, the program no fault.
    fn cut(&mut self, most: u64) -> Ending {
        self.spent = Some(most);
        Ending::Cut
    }

    /// Goes on as long as others cannot notice.
    fn along(&mut self, run: &mut Run) -> Result<(), Ending> {
        if self.conflicts.reduction() == Reduction::Nothing {
            return Ok(());
        }
        let exact = self.trace.is_some();
        if exact {
            self.keep();
        }
        for _ in 0..MOST_ALONG {
            match ahead(&self.machine, &self.conflicts) {
                Ahead::Visible => break,
                Ahead::Quiet => {}
                Ahead::Unknown if exact => {}
                Ahead::Unknown => {
                    self.tidy();
                    self.keep();
                }
            }
            let went = self.instruction(run);
            let current = &self.machine.current;
            let joins = matches!(current.wait, Some((Wait::Join(_), _)));
            let begun = self.machine.world.threads.len() > run.threads;
            if run.visible || current.has_ended() || joins || begun {
                break;
            }
            let Some(place) = went? else {
                self.commit();
                return Ok(());
            };
            if !exact {
                self.commit();
            } else if self.looks.at(place) {
                self.keep();
            }
        }
        self.go_back();
        Ok(())
    }

    /// Frees memory, if it is time, and nothing is to be gone back to.
    fn tidy(&mut self) {
        let most = 2 * self.machine.live + 50_000;
        if self.kept.is_none() && self.machine.world.heap.charged() > most {
            self.machine.sweep();
        }
    }

    /// Executes an instruction: the place behind it, or nothing if the thread waits.
    fn instruction(&mut self, run: &mut Run) -> Result<Option<Place>, Ending> {
        self.instructions += 1;
        if self.instructions - self.began > self.most {
            return Err(self.cut(self.most));
        }
        self.machine.noting = run.others;
        self.machine.accesses.clear();
        let line = self.trace.as_ref().map_or(0, |_| self.machine.next_position().line);
        let inside = self.machine.is_library();
        let flow = self.machine.execute();
        run.visible = run.others && self.touch(run.number);
        self.note_event(run, line, inside, matches!(flow, Ok(Flow::Wait(..))));
        run.others |= self.machine.world.threads.len() > run.threads;
        match flow {
            Ok(Flow::Wait(..)) => Ok(None),
            Ok(Flow::Next(place)) => {
                if place == Place::BackEdge
                    && let Some(most) = self.iterations
                    && self.machine.round() > most
                {
                    return Err(Ending::Cut);
                }
                Ok(Some(place))
            }
            Err(reason) => Err(self.stopped(&reason)),
        }
    }

    /// Notes what an instruction touched: whether others could notice.
    fn touch(&mut self, thread: usize) -> bool {
        let mut visible = false;
        let world = &self.machine.world;
        for (location, write) in &self.machine.accesses {
            let mut waits = false;
            if let Location::Object(id) = *location
                && let Object::Sync(sync) = world.heap.get(id)
            {
                waits = true;
                let lock = matches!(sync, Sync::Lock { .. } | Sync::RLock { .. });
                // The number of another lock may be another's in another world.
                if lock && world.heap.is_fixed(id) && !self.locks.contains(&id) {
                    self.locks.push(id);
                }
            }
            let locks = &self.locks;
            visible |= self.conflicts.touch(*location, thread, *write, waits, |of| {
                let held = of.unwrap_or(locks).iter().copied();
                held.filter(|id| world.owner(*id) == Some(thread)).collect()
            });
        }
        visible
    }

    /// A place to go back to.
    fn keep(&mut self) {
        let exact = self.trace.is_some();
        let world = &mut self.machine.world;
        self.kept = Some(Kept {
            heap: world.heap.checkpoint(),
            threads: world.threads.len(),
            output: Arc::clone(&world.output),
            random: world.random,
            names_used: world.names_used,
            tasks_named: world.tasks_named,
            event_loop: world.event_loop,
            events: self.trace.as_ref().map_or(0, Vec::len),
            missed: self.machine.missed.len(),
            // What may change a global is told before it is executed.
            globals: if exact { world.globals.clone() } else { Vec::new() },
        });
        copy_thread(&self.machine.current, &mut self.spare);
    }

    /// What was kept is not needed any more.
    fn commit(&mut self) {
        if self.kept.take().is_some() {
            self.machine.world.heap.commit();
        }
    }

    /// Goes back to the place that was kept, if one was.
    fn go_back(&mut self) {
        let Some(kept) = self.kept.take() else { return };
        let world = &mut self.machine.world;
        world.heap.go_back(kept.heap);
        world.threads.truncate(kept.threads);
        world.output = kept.output;
        world.random = kept.random;
        world.names_used = kept.names_used;
        world.tasks_named = kept.tasks_named;
        world.event_loop = kept.event_loop;
        if !kept.globals.is_empty() {
            world.globals = kept.globals;
        }
        self.machine.missed.truncate(kept.missed);
        self.trace.iter_mut().for_each(|trace| trace.truncate(kept.events));
        std::mem::swap(&mut self.machine.current, &mut self.spare);
    }

    /// Notes what an instruction did, if that is wanted: of the library's, only that it waits.
    fn note_event(&mut self, run: &Run, line: u32, inside: bool, waits: bool) {
        // Nothing is told of a thread that is alone, nor of one that has only the library's code.
        if self.trace.is_none() || !run.others || line == 0 {
            return;
        }
        let accesses = if inside { Vec::new() } else { self.machine.accesses.clone() };
        let shared =
            accesses.into_iter().filter(|(location, _)| self.conflicts.is_contended(*location));
        let shared: Vec<(Location, bool)> = shared.collect();
        let with_value = |(location, write)| (location, write, self.value_at(location));
        let accesses = shared.into_iter().map(with_value).collect();
        let event = Event { thread: run.number, line, accesses, waits };
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
        cut(&text.unwrap_or_default(), 40)
    }
}

/// Copies a thread, into memory that is there.
fn copy_thread(from: &Thread, to: &mut Thread) {
    let (mut frames, mut stack) = (std::mem::take(&mut to.frames), std::mem::take(&mut to.stack));
    frames.clone_from(&from.frames);
    stack.clone_from(&from.stack);
    *to = Thread {
        frames,
        stack,
        rounds: from.rounds.clone(),
        failure: from.failure.clone(),
        ..*from
    };
}
