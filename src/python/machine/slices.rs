//! Slices: which items `a[i:j:k]` means, and what an assignment to them does.
//!
//! *Promises*: bounds are clamped as CPython clamps them; a list never grows by a slice beyond the
//! bound on memory.
//! *Leaves out*: items by one index (`python/machine/objects.rs`).

use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::R;
use crate::python::value::any::{Id, Value};
use crate::python::value::object::Object;

impl Machine {
    /// The places that a slice names; `None` if the index is no slice.
    pub(crate) fn slice_places(&mut self, index: Value, length: usize) -> R<Option<Vec<usize>>> {
        let Some((start, stop, step)) = self.slice_bounds(index, length)? else { return Ok(None) };
        let mut places = Vec::new();
        let mut at = start;
        while (step > 0 && at < stop) || (step < 0 && at > stop) {
            places.push(usize::try_from(at).unwrap_or(0));
            at = at.saturating_add(step);
        }
        Ok(Some(places))
    }

    /// Where a slice begins, where it ends, and its step; `None` if the index is no slice.
    pub(crate) fn slice_bounds(
        &mut self,
        index: Value,
        length: usize,
    ) -> R<Option<(i64, i64, i64)>> {
        let Value::Ref(id) = index else { return Ok(None) };
        let Object::Slice(parts) = *self.world.heap.get(id) else { return Ok(None) };
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let mut ints = [None; 3];
        for (int, part) in ints.iter_mut().zip(parts) {
            match (part, part.as_int()) {
                (Value::None, _) => {}
                (_, Some(given)) => *int = Some(given),
                _ => {
                    let text = "slice indices must be integers or None or have an __index__ method";
                    return self.type_error(text);
                }
            }
        }
        let step = ints[2].unwrap_or(1);
        if step == 0 {
            return self.value_error("slice step cannot be zero");
        }
        let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let clamp = |int: i64| {
            let int = if int < 0 { int.saturating_add(length) } else { int };
            int.clamp(low, high)
        };
        let start = ints[0].map_or(if step > 0 { low } else { high }, clamp);
        let stop = ints[1].map_or(if step > 0 { high } else { low }, clamp);
        Ok(Some((start, stop, step)))
    }

    pub(crate) fn set_slice(
        &mut self,
        id: Id,
        places: &[usize],
        slice: Value,
        value: Value,
    ) -> R<()> {
        let new = match self.is_iterable(value) && !self.needs_python(value) {
            true => self.items(value)?,
            false => return self.type_error("can only assign an iterable"),
        };
        self.charge(new.len())?;
        let (start, step) = self.slice_start(slice);
        let simple = step == 1;
        if !simple && new.len() != places.len() {
            let text = format!(
                "attempt to assign sequence of size {} to extended slice of size {}",
                new.len(),
                places.len()
            );
            return self.value_error(text);
        }
        if let Object::List(items) = self.world.heap.get_mut(id) {
            if simple {
                let length = items.len();
                let from = places.first().copied().unwrap_or_else(|| clamp_start(start, length));
                items.splice(from..from + places.len(), new);
            } else {
                places.iter().zip(new).for_each(|(at, item)| items[*at] = item);
            }
        }
        Ok(())
    }

    pub(crate) fn slice_start(&self, slice: Value) -> (i64, i64) {
        match slice.id().map(|id| self.world.heap.get(id)) {
            Some(Object::Slice([start, _, step])) => {
                (start.as_int().unwrap_or(0), step.as_int().unwrap_or(1))
            }
            _ => (0, 1),
        }
    }
}

fn clamp_start(start: i64, length: usize) -> usize {
    let length_int = i64::try_from(length).unwrap_or(i64::MAX);
    let at = if start < 0 { start.saturating_add(length_int) } else { start };
    usize::try_from(at.clamp(0, length_int)).unwrap_or(0)
}
