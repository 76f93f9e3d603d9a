//! A Python program whose event loop is shown: run in virtual time, an iteration at a time.
//!
//! *Promises*: the same turns every time, in asyncio's order; an endless program is cut, and says so; a
//! call that blocks the loop is counted for the step that made it.
//! *Leaves out*: what a task waits for, in words (`lab/turns/standing.rs`); sockets and other processes,
//! which only a real run has.
//!
//! ```text
//!   machine ── an instruction ──▶ notes of the loop:  Pass │ Calls │ Steps │ Ready │ Leaves
//!      ▲                              │                │       └──┬──┘      │
//!      │ nobody is ready:             ▼                ▼          ▼         ▼
//!      └─ time jumps             Turn being made:  a new one    a step   who is woken, by the step
//! ```

use crate::lab::report::failure::Failure;
use crate::lab::turns::lanes::lanes;
use crate::lab::turns::standing::Standing;
use crate::lab::turns::turn::{MOST, Ran, Stepped, Turn, Woken};
use crate::python::code::program::Program;
use crate::python::library::rows::rows;
use crate::python::machine::burst::{Pause, Points};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::outside::LoopNote;
use crate::python::machine::world::Wait;
use crate::python::run::single::{TURN, next_ready, wait};
use crate::python::value::any::Id;
use crate::python::value::asyncio::{Ready, State};
use std::collections::HashSet;
use std::sync::Arc;

/// A program is cut after so many instructions.
const FUEL: u64 = 5_000_000;

/// A program to step through.
#[derive(Debug, Clone)]
pub struct SteppedProgram {
    /// The file, as it was named.
    pub name: String,
    /// Its lines.
    pub source: Vec<String>,
    /// What it says.
    pub program: Arc<Program>,
}

/// Runs the program, as far as it is shown: the turns of all loops that it runs.
///
/// # Errors
/// If it runs no event loop.
pub fn stepped(program: &SteppedProgram) -> Result<Stepped, Failure> {
    let mut machine = Machine::new(Arc::clone(&program.program), rows());
    machine.outside.loop_notes = Some(Vec::new());
    let mut watch = Watch {
        machine,
        source: &program.source,
        event_loop: None,
        queue: Vec::new(),
        running: None,
        turn: None,
        turns: Vec::new(),
        early: Vec::new(),
        known: HashSet::new(),
        slept: 0,
        printed: 0,
        fuel: FUEL,
    };
    let stopped = watch.run();
    if let Some(Running { mut ran, .. }) = watch.running.take() {
        ran.then = "goes on";
        watch.turn.iter_mut().for_each(|turn| turn.ran.push(ran.clone()));
    }
    if watch.turns.len() < MOST {
        watch.finish_turn();
    }
    let ended = stopped.is_none();
    let failed = watch.machine.world.threads.first().and_then(|main| main.failure.clone());
    let failed =
        failed.map(|failed| format!("it ends on line {} with {}", failed.at.line, failed.text));
    let (turns, end) = (watch.turns, stopped.or(failed));
    if turns.is_empty() {
        let why = match end {
            Some(end) => format!("no event loop runs before it stops: {end}"),
            None => "it runs no event loop".to_owned(),
        };
        let remedy = "name a program with asyncio.run, or run it with `singletrack run`";
        return Err(Failure::new(&program.name, why, remedy));
    }
    let (name, source) = (program.name.clone(), program.source.clone());
    let timeline = lanes(&name, &turns);
    Ok(Stepped { name, question: None, source, turns, timeline, end, ended })
}

/// What runs now.
struct Running {
    /// A task, by the number of its thread, or a callback.
    what: Ready,
    ran: Ran,
}

/// Runs a machine, and makes turns of what its loop notes.
struct Watch<'a> {
    machine: Machine,
    source: &'a [String],
    event_loop: Option<Id>,
    /// The ready queue: who stands in it, since when, by what.
    queue: Vec<(Ready, u64, String)>,
    running: Option<Running>,
    /// The turn that is being made.
    turn: Option<Turn>,
    turns: Vec<Turn>,
    /// Who was made ready before the turn begins.
    early: Vec<Woken>,
    /// The tasks that were ready before.
    known: HashSet<Id>,
    slept: u64,
    printed: usize,
    fuel: u64,
}

impl Watch<'_> {
    /// Runs to the end, or says why not.
    fn run(&mut self) -> Option<String> {
        let mut number = 0;
        while !self.machine.world.has_ended() {
            if self.turns.len() >= MOST {
                return Some(format!("it goes on; it is cut after {MOST} iterations"));
            }
            if let Some(ready) = next_ready(&self.machine, number) {
                if let Some(stopped) = self.thread(ready) {
                    return Some(stopped);
                }
                number = (ready + 1) % self.machine.world.threads.len();
                continue;
            }
            let before = self.machine.world.clock;
            if let Some((why, at)) = wait(&mut self.machine) {
                return Some(match self.event_loop {
                    Some(_) => {
                        "it waits for ever: nothing is ready, and no timer is set".to_owned()
                    }
                    None => format!("line {}: {why}", at.line),
                });
            }
            let jump = self.machine.world.clock - before;
            match &mut self.running {
                Some(running) => running.ran.blocks_ns += jump,
                None => self.slept += jump,
            }
        }
        None
    }

    /// Lets a thread run until it waits, ends, or its turn is over.
    fn thread(&mut self, number: usize) -> Option<String> {
        self.machine.enter(number);
        let is_task = self.machine.current.task.is_some();
        let mut stopped = None;
        for _ in 0..TURN {
            if self.fuel == 0 || self.turns.len() >= MOST {
                break;
            }
            let pause = self.machine.run_burst(Points::NONE, &mut 1);
            self.fuel -= 1;
            self.read(number);
            match pause {
                Pause::Fuel | Pause::Place(_) => continue,
                Pause::Stop(why) => stopped = Some(why),
                Pause::Wait(..) | Pause::Ended => {}
            }
            break;
        }
        if self.fuel == 0 && stopped.is_none() {
            stopped = Some(format!("it goes on; it is cut after {FUEL} instructions"));
        }
        let at = self.machine.next_position();
        let turn_over = match self.machine.current.wait {
            Some((Wait::Turn(_), _)) => true,
            _ => is_task && self.machine.current.has_ended(),
        };
        self.machine.leave();
        if turn_over {
            self.finish_step();
            self.finish_pass();
        }
        stopped.map(|why| format!("line {}: {why}", at.line))
    }

    /// Reads what the loop has noted.
    fn read(&mut self, number: usize) {
        let notes = self.machine.outside.loop_notes.as_mut().map(std::mem::take);
        for note in notes.unwrap_or_default() {
            match note {
                LoopNote::Ready(ready) => self.is_ready(ready, number),
                LoopNote::Pass(due) => self.begin_turn(number, &due),
                LoopNote::Steps(task) => self.begin_step(Ready::Task(task)),
                LoopNote::Calls(id) => self.begin_step(Ready::Call(id)),
                LoopNote::Skips(id) => {
                    self.queue.retain(|(ready, ..)| *ready != Ready::Call(id));
                }
                LoopNote::Leaves => {
                    self.finish_step();
                    self.finish_turn();
                    self.queue.clear();
                }
            }
        }
    }

    fn standing(&self) -> Standing<'_> {
        let (machine, source, event_loop) = (&self.machine, self.source, self.event_loop);
        Standing { machine, source, event_loop }
    }

    /// A task or a callback is ready, because of what runs now or of the thread with this number.
    fn is_ready(&mut self, ready: Ready, number: usize) {
        let by = match &self.running {
            Some(running) => running.ran.task.clone(),
            None if number == 0 => "the caller".to_owned(),
            None => self.standing().thread_name(number),
        };
        let task = match ready {
            Ready::Task(task) => self.machine.world.threads.get(task).and_then(|task| task.task),
            Ready::Call(_) => None,
        };
        let new = task.is_some_and(|task| self.known.insert(task));
        let itself = self.running.as_ref().is_some_and(|running| running.what == ready);
        let woken = Woken { task: self.standing().name(ready), by: by.clone(), new };
        let by = if itself { "itself".to_owned() } else { by };
        self.queue.push((ready, self.machine.world.clock, by));
        match (&mut self.running, &mut self.turn) {
            // A task that goes on at its next turn has yielded: its step says so.
            (Some(_), _) if itself => {}
            (Some(running), _) => running.ran.wakes.push(woken),
            (None, Some(turn)) => turn.woken.push(woken),
            (None, None) => self.early.push(woken),
        }
    }

    fn begin_turn(&mut self, runner: usize, due: &[Id]) {
        self.finish_step();
        self.finish_turn();
        self.event_loop = match runner == self.machine.number {
            true => self.machine.current.runs,
            false => self.machine.world.threads.get(runner).and_then(|thread| thread.runs),
        };
        let mut woken = std::mem::take(&mut self.early);
        for id in due {
            let (ready, by) = (Ready::Call(*id), "a timer".to_owned());
            woken.push(Woken { task: self.standing().name(ready), by: by.clone(), new: false });
            self.queue.push((ready, self.machine.world.clock, by));
        }
        self.turn = Some(Turn {
            number: self.turns.len() as u64 + 1,
            slept_ns: Some(std::mem::take(&mut self.slept)),
            woken,
            ..Turn::default()
        });
    }

    fn begin_step(&mut self, what: Ready) {
        // A sleep of zero takes its turn twice.
        if self.running.as_ref().is_some_and(|running| running.what == what) {
            return;
        }
        self.finish_step();
        let clock = self.machine.world.clock;
        let place = self.queue.iter().position(|(ready, ..)| *ready == what);
        let (_, since, woken_by) = place.map_or_else(
            || (what, clock, "its maker".to_owned()),
            |place| self.queue.remove(place),
        );
        let ran = Ran {
            task: self.standing().name(what),
            woken_by,
            queued_ns: clock.saturating_sub(since),
            ..Ran::default()
        };
        self.running = Some(Running { what, ran });
    }

    fn finish_step(&mut self) {
        let Some(Running { what, mut ran }) = self.running.take() else { return };
        ran.then = match what {
            Ready::Call(_) => "ends",
            Ready::Task(_) if self.queue.iter().any(|(ready, ..)| *ready == what) => "yields",
            Ready::Task(number) => {
                let world = &self.machine.world;
                let thread = world.threads.get(number);
                let future = thread.and_then(|thread| world.future(thread.task?));
                match future.map(|future| future.state) {
                    Some(State::Result(_)) => "ends",
                    Some(State::Raised(_)) => "raises",
                    Some(State::Cancelled) => "is cancelled",
                    Some(State::Pending) | None => "waits",
                }
            }
        };
        if let Some(turn) = &mut self.turn {
            turn.ran.push(ran);
        }
    }

    /// The turn is over if all that belonged to its pass has run.
    fn finish_pass(&mut self) {
        let running = self.event_loop.and_then(|id| self.machine.world.event_loop(id));
        if running.is_some_and(|running| running.left == 0 && running.current.is_none()) {
            self.finish_turn();
        }
    }

    fn finish_turn(&mut self) {
        let Some(mut turn) = self.turn.take() else { return };
        let standing = self.standing();
        turn.clock_ns = self.machine.world.clock;
        turn.ready = self.queue.iter().map(|(ready, ..)| standing.name(*ready)).collect();
        turn.timers = standing.named_timers();
        for (number, thread) in standing.tasks() {
            turn.stands.extend(standing.stand(thread));
            let is_ready = self.queue.iter().any(|(ready, ..)| *ready == Ready::Task(number));
            if !is_ready && matches!(thread.wait, Some((Wait::Turn(_), _))) {
                let name = standing.thread_name(number);
                let due = standing.timer_of(thread).map(|left| turn.clock_ns + left);
                turn.due.extend(due.map(|due| (name.clone(), due)));
                turn.waiting.push((name, standing.waits_for(thread)));
            }
        }
        let output = &self.machine.world.output;
        turn.prints = output.get(self.printed..).unwrap_or_default().to_owned();
        self.printed = output.len();
        self.turns.push(turn);
    }
}
