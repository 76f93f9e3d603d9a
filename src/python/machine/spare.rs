//! Lists of values that are used again, so that a call of the library allocates nothing.
//!
//! *Promises*: a list that is taken is empty; few are kept, and no large one.
//! *Leaves out*: lists that become a part of an object.

use crate::python::value::any::Value;

/// How many lists are kept, and how large they may be.
const MOST: usize = 8;
const LARGEST: usize = 64;

/// The lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spare(Vec<Vec<Value>>);

impl Spare {
    #[inline]
    pub(crate) fn take(&mut self) -> Vec<Value> {
        self.0.pop().unwrap_or_default()
    }

    #[inline]
    pub(crate) fn give(&mut self, mut list: Vec<Value>) {
        if self.0.len() < MOST && list.capacity() <= LARGEST {
            list.clear();
            self.0.push(list);
        }
    }
}
