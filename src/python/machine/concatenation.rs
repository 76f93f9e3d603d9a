//! Operators on containers: `+`, `*`, and those of sets, dicts and counters.
//!
//! *Promises*: each is one step; in place, a list or a set stays the same object.
//! *Leaves out*: numbers (`python/machine/operators.rs`).

use crate::python::front::tree::BinaryOperator;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Location, R};
use crate::python::value::any::{Id, Value};
use crate::python::value::object::{DictKind, Object, Part};
use crate::python::value::table::Table;

impl Machine {
    /// An operator between two of which one is a container; `None` if it is none of theirs.
    pub(crate) fn containers(
        &mut self,
        operator: BinaryOperator,
        inplace: bool,
        left: Value,
        right: Value,
    ) -> R<Option<Value>> {
        use BinaryOperator as B;
        if let (B::Modulo, Value::Str(_)) = (operator, left) {
            return self.percent(left, right).map(Some);
        }
        if operator == B::Multiply {
            let (sequence, count) = match (left, right) {
                (sequence, count) if count.as_int().is_some() => (sequence, count),
                (count, sequence) => (sequence, count),
            };
            let Some(count) = count.as_int() else { return Ok(None) };
            return self.repeat(sequence, count, inplace);
        }
        if let (B::Add, Value::Str(a), Value::Str(b)) = (operator, left, right) {
            let text = format!("{}{}", self.strings.text(a), self.strings.text(b));
            self.charge(text.len() / 16)?;
            return Ok(Some(self.text_value(&text)));
        }
        if let (B::Add, Value::Bytes(a), Value::Bytes(b)) = (operator, left, right) {
            let text = format!("{}{}", self.strings.text(a), self.strings.text(b));
            self.charge(text.len() / 16)?;
            return Ok(Some(Value::Bytes(self.strings.intern(&text))));
        }
        if let (B::Add, true, Value::Ref(id)) = (operator, inplace, left)
            && let Object::List(_) = self.world.heap.get(id)
        {
            return self.extend(id, right).map(Some);
        }
        let of_sets = matches!(operator, B::And | B::Or | B::Subtract | B::Xor);
        if of_sets && (self.is_set_view(left) || self.is_set_view(right)) {
            let (left, right) = (self.set_of(left)?, self.set_of(right)?);
            return self.containers(operator, false, left, right);
        }
        let (Value::Ref(a), Value::Ref(b)) = (left, right) else { return Ok(None) };
        self.note(Location::Object(a), inplace);
        self.note(Location::Object(b), false);
        match (operator, self.world.heap.get(a), self.world.heap.get(b)) {
            (B::Add, Object::List(x), Object::List(y)) => {
                let items = x.iter().chain(y).copied().collect::<Vec<Value>>();
                self.charge(items.len())?;
                Ok(Some(self.add(Object::List(items))))
            }
            (B::Add, Object::Tuple(x), Object::Tuple(y)) => {
                let items = x.iter().chain(y).copied().collect::<Vec<Value>>();
                self.charge(items.len())?;
                Ok(Some(self.add(Object::Tuple(items))))
            }
            (B::Add, Object::Deque(x), Object::Deque(y)) => {
                let mut both = x.clone();
                both.changed();
                both.items.extend(&y.items);
                while both.items.len() > both.most.unwrap_or(usize::MAX) {
                    both.items.pop_front();
                }
                self.charge(both.items.len())?;
                self.keep(inplace, a, Object::Deque(both)).map(Some)
            }
            (
                B::And | B::Or,
                Object::Dict(x, DictKind::Counter),
                Object::Dict(y, DictKind::Counter),
            ) => {
                let table = merged_counts(x, y, operator == B::Or);
                self.keep(inplace, a, Object::Dict(table, DictKind::Counter)).map(Some)
            }
            (B::Or, Object::Dict(x, kind), Object::Dict(y, _)) => {
                let (mut table, kind, y) = (x.clone(), *kind, y.clone());
                for (key, (name, value)) in y.keys().zip(y.iter()) {
                    table.insert(key.clone(), name, value);
                }
                self.keep(inplace, a, Object::Dict(table, kind)).map(Some)
            }
            (_, Object::Set(x), Object::Set(y)) => {
                let (x, y) = (x.clone(), y.clone());
                let mut table = Table::default();
                let both = x.keys().zip(x.iter()).map(|entry| (entry, true));
                let both = both.chain(y.keys().zip(y.iter()).map(|entry| (entry, false)));
                for ((key, (name, value)), first) in both {
                    let (in_x, in_y) = (x.get(key).is_some(), y.get(key).is_some());
                    let take = match operator {
                        B::Or => true,
                        B::And => first && in_y,
                        B::Subtract => first && !in_y,
                        B::Xor => in_x != in_y,
                        _ => return Ok(None),
                    };
                    if take {
                        table.insert(key.clone(), name, value);
                    }
                }
                self.keep(inplace, a, Object::Set(table)).map(Some)
            }
            (B::Add | B::Subtract, Object::Dict(x, DictKind::Counter), Object::Dict(y, _)) => {
                let (mut table, y) = (x.clone(), y.clone());
                for (key, (name, count)) in y.keys().zip(y.iter()) {
                    let old = table.get(key).and_then(Value::as_int).unwrap_or(0);
                    let count = count.as_int().unwrap_or(0);
                    let sum = if operator == B::Add {
                        old.saturating_add(count)
                    } else {
                        old.saturating_sub(count)
                    };
                    table.insert(key.clone(), name, Value::Int(sum));
                }
                let keys: Vec<_> = table.keys().cloned().collect();
                for key in keys {
                    if table.get(&key).and_then(Value::as_int).unwrap_or(0) <= 0 {
                        table.remove(&key);
                    }
                }
                self.keep(inplace, a, Object::Dict(table, DictKind::Counter)).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Whether a value is a view of a dict that is a set as well.
    pub(crate) fn is_set_view(&self, value: Value) -> bool {
        let object = value.id().map(|id| self.world.heap.get(id));
        matches!(object, Some(Object::View(_, Part::Keys | Part::Items)))
    }

    /// The items of a view, or of what it is combined with, as a set.
    pub(crate) fn set_of(&mut self, value: Value) -> R<Value> {
        if let Some(Object::Set(_)) = value.id().map(|id| self.world.heap.get(id)) {
            return Ok(value);
        }
        let mut table = Table::default();
        for item in self.items(value)? {
            table.insert(self.key(item)?, item, Value::None);
        }
        self.charge(4 * table.len())?;
        Ok(self.add(Object::Set(table)))
    }

    fn keep(&mut self, inplace: bool, id: Id, object: Object) -> R<Value> {
        self.charge(8)?;
        if inplace {
            *self.world.heap.get_mut(id) = object;
            return Ok(Value::Ref(id));
        }
        Ok(self.add(object))
    }

    fn repeat(&mut self, sequence: Value, count: i64, inplace: bool) -> R<Option<Value>> {
        let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
        if let Value::Str(text) = sequence {
            let text = self.strings.get(text);
            self.charge(text.len().saturating_mul(count) / 16)?;
            return Ok(Some(self.text_value(&text.repeat(count))));
        }
        if let Value::Bytes(text) = sequence {
            let text = self.strings.get(text);
            self.charge(text.len().saturating_mul(count) / 16)?;
            return Ok(Some(Value::Bytes(self.strings.intern(&text.repeat(count)))));
        }
        let Value::Ref(id) = sequence else { return Ok(None) };
        let (items, list) = match self.world.heap.get(id) {
            Object::List(items) => (items.clone(), true),
            Object::Tuple(items) => (items.clone(), false),
            _ => return Ok(None),
        };
        self.note(Location::Object(id), inplace && list);
        self.charge(items.len().saturating_mul(count))?;
        let repeated = items.repeat(count);
        if inplace && list {
            *self.world.heap.get_mut(id) = Object::List(repeated);
            return Ok(Some(sequence));
        }
        let object = if list { Object::List(repeated) } else { Object::Tuple(repeated) };
        Ok(Some(self.add(object)))
    }
}

/// The larger or the smaller count of each key, if it is more than 0.
fn merged_counts(x: &Table, y: &Table, larger: bool) -> Table {
    let mut table = Table::default();
    let own = x.keys().zip(x.iter()).chain(y.keys().zip(y.iter()));
    for (key, (name, _)) in own {
        let count = |table: &Table| table.get(key).and_then(Value::as_int).unwrap_or(0);
        let (a, b) = (count(x), count(y));
        let count = if larger { a.max(b) } else { a.min(b) };
        if count > 0 {
            table.insert(key.clone(), name, Value::Int(count));
        }
    }
    table
}
