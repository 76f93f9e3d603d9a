//! Calls with a star: `f(*items)`.
//!
//! *Promises*: the items are arguments by position, in their order.
//! *Leaves out*: two stars, which the subset has not.

use crate::python::code::instruction::Place;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Done, Flow, R};
use crate::python::value::any::Value;
use crate::python::value::object::{Object, Then};

impl Machine {
    /// A list or a tuple is on the stack; its items go into the list below.
    pub(crate) fn extend_list(&mut self, depth: u32) -> R<()> {
        let more = self.pop();
        let more = self.items(more)?;
        self.charge(more.len())?;
        if let Value::Ref(id) = self.peek(depth as usize)
            && let Object::List(items) = self.world.heap.get_mut(id)
        {
            items.extend(more);
        }
        Ok(())
    }

    /// The arguments by position are a list, those by keyword are above it.
    pub(crate) fn call_spread(&mut self, count: u32, method: bool) -> R<Flow> {
        let count = count as usize;
        let above = count + usize::from(count > 0);
        let height = self.current.stack.len();
        let base = height.saturating_sub(above + 2 + usize::from(method));
        let list = self.peek(above);
        let list = self.items(list)?;
        let called = self.current.stack.split_off(base);
        let receiver = called.get(1).copied().filter(|value| method && *value != Value::Unset);
        let mut arguments = Arguments::default();
        arguments.values.extend(receiver);
        arguments.values.extend(list);
        let named = called.get(called.len() - above..called.len() - above + count);
        arguments.values.extend_from_slice(named.unwrap_or(&[]));
        if let (true, Some(Value::Int(number))) = (count > 0, called.last()) {
            self.name_arguments(&mut arguments, *number);
        }
        let callee = called.first().copied().unwrap_or(Value::None);
        let look = self.look(callee);
        let depth = self.current.frames.len();
        match self.call_value(callee, arguments, Then::Push)? {
            Done::Wait(wait, limit) => {
                self.current.stack.extend(called);
                Ok(Flow::Wait(wait, limit))
            }
            Done::Value(value) => {
                self.push(value);
                Ok(Flow::Next(self.point(look).into()))
            }
            Done::Blocked(value) => {
                self.push(value);
                Ok(Flow::Next(Place::Blocked))
            }
            Done::Entered => {
                let back = self.back(callee, look);
                self.returns_to(depth, back);
                Ok(Flow::Next(Place::Straight))
            }
        }
    }
}
