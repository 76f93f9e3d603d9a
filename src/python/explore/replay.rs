//! One schedule again, with what each line did.
//!
//! *Assumes*: moves that the search has found, and what it knew to be shared. Others are told of.
//! *Promises*: the same world as the search's.
//! *Leaves out*: how it is drawn (`python/explore/story.rs`).

use crate::python::code::program::Program;
use crate::python::explore::conflicts::Conflicts;
use crate::python::explore::exploration::Limits;
use crate::python::explore::moves::{Move, moves};
use crate::python::explore::outcome::{Ending, Outcome};
use crate::python::explore::policies::Looks;
use crate::python::explore::search::machine;
use crate::python::explore::worlds::{Event, Stepper};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::Location;
use crate::python::machine::world::{Wait, World, thread_name};
use crate::python::value::any::Value;
use crate::python::value::object::Object;
use std::sync::Arc;

/// What kind of thing threads share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// A global, or a variable of an outer function.
    Variable,
    /// An attribute.
    Attribute,
    /// A list, or a deque.
    List,
    /// A dict.
    Dict,
    /// What threads wait with: a lock, a queue.
    Sync,
    /// A set, a generator, a thread that ends.
    Other,
    /// What is printed.
    Output,
}

/// What a schedule did.
pub struct Replay {
    /// Each instruction, in order.
    pub events: Vec<Event>,
    /// The line that the first thread was in that had to go although it could have gone on.
    pub cut: Option<u32>,
    /// How often a thread had to go although it could have gone on.
    pub switches: u32,
    /// What it came to, if it has ended.
    pub outcome: Option<Outcome>,
    /// The first move that the world did not allow.
    pub impossible: Option<usize>,
    /// What happened to a notification that a thread waits for in vain.
    pub lost: Option<String>,
    /// The names of what was shared, as far as it has any.
    names: Vec<(Location, String, Shared)>,
}

/// Carries a schedule out.
pub fn replay(
    program: &Arc<Program>,
    looks: Looks,
    contended: &Conflicts,
    schedule: &[Move],
) -> Replay {
    let mut stepper = Stepper::new(machine(program), looks);
    stepper.conflicts.clone_from(contended);
    stepper.machine.world.heap.fix();
    stepper.trace = Some(Vec::new());
    // What was cut when it was found is cut here, too.
    stepper.most = Limits::default().step;
    let mut cut = None;
    let mut last: Option<Move> = None;
    let (mut switches, mut ending, mut impossible) = (0, None, None);
    for (at, chosen) in schedule.iter().enumerate() {
        let world = &stepper.machine.world;
        if world.has_ended() || !moves(world).contains(chosen) {
            impossible = Some(at);
            break;
        }
        let ran = last.map_or(0, |last| last.thread);
        switches += u32::from(ran != chosen.thread && world.is_ready(ran));
        if let Some(last) = last
            && cut.is_none()
            && last.thread != chosen.thread
            && last.thread != 0
            && stepper.machine.world.is_ready(last.thread)
        {
            stepper.machine.enter(last.thread);
            cut = Some(stepper.machine.position().line);
            stepper.machine.leave();
        }
        stepper.machine.world.heap.begin_change();
        last = Some(*chosen);
        if let Err(why) = stepper.step(*chosen) {
            ending = Some(why);
            break;
        }
    }
    if ending.is_none() && stepper.machine.world.has_ended() {
        ending = Some(Ending::Finished);
    } else if ending.is_none() && moves(&stepper.machine.world).is_empty() {
        ending = Some(Ending::Deadlock(stepper.machine.waits()));
    }
    let names = contended.contended().map(|location| {
        (location, name_of(&stepper.machine, location), kind(&stepper.machine.world, location))
    });
    let names = names.collect::<Vec<_>>();
    let lost = lost_wakeup(&mut stepper);
    let outcome = ending.map(|ending| Outcome::of(&mut stepper.machine, ending));
    Replay {
        events: stepper.trace.take().unwrap_or_default(),
        cut,
        switches,
        outcome,
        impossible,
        lost,
        names,
    }
}

/// The thread that waits for a notification that came before it waited.
fn lost_wakeup(stepper: &mut Stepper) -> Option<String> {
    let threads = stepper.machine.world.threads.iter().enumerate();
    let waiting = threads.filter_map(|(number, thread)| match thread.wait {
        Some((Wait::Notified(condition), None)) => Some((number, condition)),
        _ => None,
    });
    let (waiter, condition) = waiting.collect::<Vec<_>>().into_iter().next()?;
    let missed = stepper.machine.missed.iter().rev().find(|(id, ..)| *id == condition)?;
    let (_, notifier, notified) = *missed;
    stepper.machine.enter(waiter);
    let line = stepper.machine.next_position().line;
    stepper.machine.leave();
    let (me, other) = (thread_name(waiter), thread_name(notifier));
    Some(format!(
        "a lost wake-up: {other} notified on line {notified} when nobody waited yet, and {me} began to \
         wait on line {line} only then"
    ))
}

/// What a shared thing is called.
pub fn name_of(machine: &Machine, location: Location) -> String {
    let global = |id| {
        let at = machine.world.globals.iter().position(|value| *value == Value::Ref(id))?;
        let name = machine.program.globals.get(at)?;
        (!name.starts_with('<')).then(|| name.to_string())
    };
    match location {
        Location::Global(number) => {
            machine.program.globals.get(number as usize).map_or_else(String::new, |n| n.to_string())
        }
        Location::Attribute(id, attribute) => {
            let class = match machine.world.heap.get(id) {
                Object::Class(class) => machine.strings.text(class.name).to_owned(),
                _ => machine.type_name(Value::Ref(id)),
            };
            let owner = global(id).unwrap_or(class);
            format!("{owner}.{}", machine.strings.text(attribute))
        }
        Location::Object(id) => global(id).unwrap_or_else(|| match machine.world.heap.get(id) {
            Object::Cell(_) => "a variable of an outer function".to_owned(),
            _ => format!("a {}", machine.type_name(Value::Ref(id))),
        }),
        Location::Output => "the output".to_owned(),
    }
}

fn kind(world: &World, location: Location) -> Shared {
    match location {
        Location::Global(_) => Shared::Variable,
        Location::Attribute(..) => Shared::Attribute,
        Location::Output => Shared::Output,
        Location::Object(id) => match world.heap.get(id) {
            Object::Cell(_) => Shared::Variable,
            Object::List(_) | Object::Deque(..) => Shared::List,
            Object::Dict(..) => Shared::Dict,
            Object::Sync(_) => Shared::Sync,
            _ => Shared::Other,
        },
    }
}

impl Replay {
    /// What kind of thing it is.
    pub fn kind(&self, location: Location) -> Shared {
        let known = self.names.iter().find(|(other, ..)| *other == location);
        known.map_or(Shared::Other, |(.., kind)| *kind)
    }

    /// What a shared thing is called.
    pub fn name(&self, location: Location) -> &str {
        self.names.iter().find(|(other, ..)| *other == location).map_or("", |(_, name, _)| name)
    }
}
