//! One schedule again, with what each line did.
//!
//! *Assumes*: moves that the search has found, and what it knew to be shared.
//! *Promises*: the same world as the search's.
//! *Leaves out*: how it is drawn (`python/explore/story.rs`).

use crate::python::code::program::Program;
use crate::python::explore::policies::Looks;
use crate::python::explore::search::machine;
use crate::python::explore::worlds::{Event, Move, Stepper};
use crate::python::machine::terms::Location;
use crate::python::value::any::Value;
use crate::python::value::object::Object;
use std::collections::HashSet;
use std::sync::Arc;

/// The most instructions of a replay: what was stopped when it was found is stopped here, too.
const LONGEST: u64 = 1_000_000;

/// What a schedule did.
pub struct Replay {
    /// Each instruction, in order.
    pub events: Vec<Event>,
    /// The line that the first thread was in that had to go although it could have gone on.
    pub cut: Option<u32>,
    /// The names of what was shared, as far as it has any.
    names: Vec<(Location, String)>,
}

/// Carries a schedule out.
pub fn replay(
    program: &Arc<Program>,
    looks: Looks,
    contended: &HashSet<Location>,
    moves: &[Move],
) -> Replay {
    let mut stepper = Stepper::new(machine(program), looks);
    stepper.contended.clone_from(contended);
    stepper.trace = Some(Vec::new());
    stepper.most = LONGEST;
    let mut cut = None;
    let mut last: Option<Move> = None;
    for chosen in moves {
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
        if stepper.step(*chosen).is_err() {
            break;
        }
        last = Some(*chosen);
    }
    let names = contended.iter().map(|location| (*location, name(&mut stepper, *location)));
    let names = names.collect::<Vec<_>>();
    Replay { events: stepper.trace.take().unwrap_or_default(), cut, names }
}

fn name(stepper: &mut Stepper, location: Location) -> String {
    let machine = &mut stepper.machine;
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

impl Replay {
    /// What a shared thing is called.
    pub fn name(&self, location: Location) -> &str {
        self.names.iter().find(|(other, _)| *other == location).map_or("", |(_, name)| name)
    }
}
