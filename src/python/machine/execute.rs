//! Instructions that may call, raise or wait.
//!
//! *Assumes*: code of the compiler.
//! *Promises*: an instruction is atomic, and says what kind of switch point it was.
//! *Leaves out*: instructions that need more than a few lines are methods of other files.

use crate::python::code::instruction::{Op, Place};
use crate::python::front::tree::Conversion;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Done, Flow, Location, R, Raise};
use crate::python::machine::text::escaped;
use crate::python::value::any::Value;
use crate::python::value::frame::Then;
use crate::python::value::object::{DictKind, Object};
use crate::python::value::table::Table;

const STRAIGHT: R<Flow> = Ok(Flow::Next(Place::Straight));

impl Machine {
    /// Executes an instruction that is not done at once (`python/machine/burst.rs`).
    pub(crate) fn perform(&mut self, op: Op) -> R<Flow> {
        match op {
            Op::Nop => {}
            Op::LoadFast(slot) => self.load_fast(slot)?,
            Op::DeleteFast(slot) => {
                self.load_fast(slot)?;
                self.pop();
                *self.local(slot) = Value::Unset;
            }
            Op::LoadGlobal(number) => self.load_global(number)?,
            Op::Copy(below) => {
                let value = self.peek(below as usize - 1);
                self.push(value);
            }
            Op::Swap(with) => {
                let slots = &mut self.current.stack;
                let top = slots.len().saturating_sub(1);
                slots.swap(top, (top + 1).saturating_sub(with as usize));
            }
            Op::Binary(operator) => return self.binary(operator, false),
            Op::Inplace(operator) => return self.binary(operator, true),
            Op::Compare(operator) => return self.compare(operator),
            Op::PopJumpIfFalse(to) => return self.branch(to, false, false),
            Op::PopJumpIfTrue(to) => return self.branch(to, true, false),
            Op::LeaveIfFalse(to) => return self.leave_loop_if(to, false),
            Op::LeaveIfTrue(to) => return self.leave_loop_if(to, true),
            Op::JumpIfFalseOrPop(to) => return self.branch(to, false, true),
            Op::JumpIfTrueOrPop(to) => return self.branch(to, true, true),
            Op::Call(count) => return self.call(count, false, false),
            Op::CallMethod(count) => return self.call(count, true, false),
            Op::CallKeywords(count) => return self.call(count, false, true),
            Op::CallMethodKeywords(count) => return self.call(count, true, true),
            Op::Return => return self.return_value(),
            Op::ForIter(to) => return self.for_iter(to),
            Op::LoadAttr(name) => return self.load_attribute(name),
            Op::LoadMethod(name) => return self.load_method(name),
            _ => return self.perform_rare(op),
        }
        STRAIGHT
    }

    fn perform_rare(&mut self, op: Op) -> R<Flow> {
        match op {
            Op::DeleteGlobal(number) => {
                self.load_global(number)?;
                self.pop();
                self.note(Location::Global(number), true);
                self.world.globals[number as usize] = Value::Unset;
            }
            Op::LoadCell(cell) => self.load_cell(cell)?,
            Op::StoreCell(cell) => {
                let value = self.pop();
                self.store_cell(cell, value);
            }
            Op::DeleteCell(cell) => {
                self.load_cell(cell)?;
                self.pop();
                self.store_cell(cell, Value::Unset);
            }
            Op::LoadClosure(cell) => {
                let cell = self.cell(cell);
                self.push(cell.map_or(Value::Unset, Value::Ref));
            }
            Op::LoadClassName(slot, global) => match *self.local(slot) {
                Value::Unset => self.load_global(global)?,
                value => self.push(value),
            },
            Op::StoreAttr(name) => return self.store_attribute(name),
            Op::DeleteAttr(name) => return self.delete_attribute(name),
            Op::LoadSuper(name) => return self.load_super(name),
            Op::Unary(operator) => return self.unary(operator),
            Op::Subscript => return self.subscript(),
            Op::StoreSubscript => return self.store_subscript(),
            Op::DeleteSubscript => return self.delete_subscript(),
            Op::BuildTuple(count) => self.build(count, Object::Tuple)?,
            Op::BuildList(count) => self.build(count, Object::List)?,
            Op::BuildSet(count) => {
                if let Some(flow) = self.find_keys(0..count as usize)? {
                    return Ok(flow);
                }
                let items = self.pop_many(count as usize);
                let set = self.new_set(&items)?;
                self.push(set);
            }
            Op::BuildDict(count) => {
                if let Some(flow) = self.find_keys(0..2 * count as usize)? {
                    return Ok(flow);
                }
                self.build_dict(count)?;
            }
            Op::BuildSlice => {
                let parts = self.pop_many(3);
                let [a, b, c] = parts[..] else { return STRAIGHT };
                let slice = self.add(Object::Slice([a, b, c]));
                self.push(slice);
            }
            Op::BuildString(count) => self.build_string(count)?,
            Op::Format(conversion) => return self.format_value(conversion),
            Op::ListAppend(depth) => self.add_to_list(depth)?,
            Op::SetAdd(depth) => {
                if let Some(flow) = self.find_keys(0..1)? {
                    return Ok(flow);
                }
                self.add_to_set(depth)?;
            }
            Op::DictAdd(depth) => {
                if let Some(flow) = self.find_keys(1..2)? {
                    return Ok(flow);
                }
                self.add_to_dict(depth)?;
            }
            Op::Unpack(count) => return self.unpack(count),
            _ => return self.perform_rarest(op),
        }
        STRAIGHT
    }

    fn perform_rarest(&mut self, op: Op) -> R<Flow> {
        match op {
            Op::UnpackRest(before, behind) => return self.unpack_rest(before, behind),
            Op::ListExtend => return self.list_extend(),
            Op::ListToTuple => self.list_to(false)?,
            Op::ListToSet => self.list_to(true)?,
            Op::DictUpdate { call } => self.dict_update(call)?,
            Op::CallSpread => return self.call_spread(),
            Op::PushNull => self.push(Value::Unset),
            Op::GetIter => return self.get_iter(),
            Op::Await | Op::AwaitNext => return self.await_value(op == Op::AwaitNext),
            Op::GetAsyncIter => return self.async_iterator(),
            Op::GetAsyncNext => return self.async_next(),
            Op::EndAsyncFor => return self.end_async_for(),
            Op::BeforeAsyncWith => return self.before_async_with(),
            Op::AsyncExit => return self.async_exit(false),
            Op::AsyncExcept => return self.async_exit(true),
            Op::MakeFunction(code) => self.make_function(code),
            Op::MakeClass(code) => self.make_class(code),
            Op::Yield => return self.yield_value(),
            Op::YieldFrom => return self.yield_from(),
            Op::Raise => return self.raise(),
            Op::RaiseFrom => return self.raise_from(),
            Op::LoadHandled => {
                let handled = self.handled();
                self.push(handled.map_or(Value::None, Value::Ref));
            }
            Op::Reraise => {
                return Err(match self.pop() {
                    Value::Ref(id) => Raise::Exception(id),
                    _ => self.error("RuntimeError", "No active exception to reraise"),
                });
            }
            Op::MatchException => self.match_exception()?,
            Op::AssertionFailed => return self.assertion_failed(),
            Op::BeforeWith => return self.before_with(),
            Op::WithExit => return self.with_exit(),
            Op::WithExcept => return self.with_except(),
            Op::Import(number) => return Ok(Flow::Next(self.import(number))),
            _ => {}
        }
        STRAIGHT
    }

    fn load_fast(&mut self, slot: u32) -> R<()> {
        match *self.local(slot) {
            Value::Unset => {
                let name = self.code().locals.get(slot as usize).cloned().unwrap_or_default();
                let text = format!(
                    "cannot access local variable '{name}' where it is not associated with a value"
                );
                Err(self.error("UnboundLocalError", text))
            }
            value => {
                self.push(value);
                Ok(())
            }
        }
    }

    fn load_global(&mut self, number: u32) -> R<()> {
        self.note(Location::Global(number), false);
        let at = number as usize;
        let value = match self.world.globals.get(at).copied().unwrap_or(Value::Unset) {
            Value::Unset => self.builtins.get(at).copied().unwrap_or(Value::Unset),
            value => value,
        };
        if value == Value::Unset {
            let name = self.program.globals.get(at).cloned().unwrap_or_default();
            if let "exit" | "quit" = &*name {
                let function = self.prelude(&format!("_{name}"));
                self.push(function);
                return Ok(());
            }
            return Err(self.error("NameError", format!("name '{name}' is not defined")));
        }
        self.push(value);
        Ok(())
    }

    fn load_cell(&mut self, number: u32) -> R<()> {
        let cell = self.cell(number);
        if let Some(id) = cell {
            self.note(Location::Object(id), false);
            if let Object::Cell(value) = *self.world.heap.get(id)
                && value != Value::Unset
            {
                self.push(value);
                return Ok(());
            }
        }
        let name = self.code().cell_names.get(number as usize).cloned().unwrap_or_default();
        let text = format!(
            "cannot access free variable '{name}' where it is not associated with a value in enclosing scope"
        );
        Err(self.error("NameError", text))
    }

    fn store_cell(&mut self, number: u32, value: Value) {
        if let Some(id) = self.cell(number) {
            self.note(Location::Object(id), true);
            *self.world.heap.get_mut(id) = Object::Cell(value);
        }
    }

    fn build(&mut self, count: u32, make: fn(Vec<Value>) -> Object) -> R<()> {
        self.charge(count as usize)?;
        let items = self.pop_many(count as usize);
        let object = self.add(make(items));
        self.push(object);
        Ok(())
    }

    fn build_dict(&mut self, count: u32) -> R<()> {
        self.charge(2 * count as usize)?;
        let items = self.pop_many(2 * count as usize);
        let mut table = Table::default();
        for pair in items.chunks_exact(2) {
            table.insert(self.key(pair[0])?, pair[0], pair[1]);
        }
        let dict = self.add(Object::Dict(table, DictKind::Plain));
        self.push(dict);
        Ok(())
    }

    fn build_string(&mut self, count: u32) -> R<()> {
        let parts = self.pop_many(count as usize);
        let length = |part: &Value| match part {
            Value::Str(id) => self.strings.text(*id).len(),
            _ => 0,
        };
        let total: usize = parts.iter().map(length).sum();
        self.charge(total / 16)?;
        let mut text = String::new();
        for part in parts {
            if let Value::Str(id) = part {
                text.push_str(self.strings.text(id));
            }
        }
        let text = self.text_value(&text);
        self.push(text);
        Ok(())
    }

    fn format_value(&mut self, conversion: Conversion) -> R<Flow> {
        let (spec, value) = (self.pop(), self.pop());
        let spec = match spec {
            Value::Str(id) => self.strings.get(id),
            _ => "".into(),
        };
        let done = match conversion {
            Conversion::Repr => self.repr_of(value)?,
            Conversion::Ascii => {
                let text = self.plain_repr(value)?;
                Done::Value(self.text_value(&escaped(&text)))
            }
            Conversion::Str => self.str_of(value)?,
            Conversion::Format => match self.format_method(value, &spec)? {
                Some(done) => return self.format_entered(done),
                None if spec.is_empty() => self.str_of(value)?,
                None => Done::Value(value),
            },
        };
        match done {
            Done::Value(value) => {
                let text = self.formatted(value, &spec)?;
                let text = self.text_value(&text);
                self.push(text);
                STRAIGHT
            }
            // A `__str__` in Python: its text is formatted when it has returned.
            _ if spec.is_empty() => self.format_entered(done),
            _ => {
                self.pop_frame();
                let how = if conversion == Conversion::Repr { "repr" } else { "str" };
                let (how, spec) = (self.text_value(how), self.text_value(&spec));
                let function = self.prelude("_format_text");
                let values = vec![value, how, spec];
                let arguments = Arguments { values, named: Vec::new() };
                let done = self.call_value(function, arguments, Then::Text)?;
                self.format_entered(done)
            }
        }
    }

    /// The text comes from Python code, and replaces the value and its specification.
    fn format_entered(&mut self, done: Done) -> R<Flow> {
        match done {
            Done::Value(value) => self.push(value),
            _ => {
                let last = self.current.frames.len() - 1;
                self.current.frames[last].then = Then::Text;
            }
        }
        STRAIGHT
    }
}
