//! The entries of a dict or a set, in the order of insertion.
//!
//! *Promises*: keys that are equal in Python are one key: `1`, `1.0` and `True`; a small table is
//! searched, a large one has an index.
//! *Leaves out*: keys with a Python `__eq__`, which the subset has not.

use crate::python::value::any::{Id, Value};
use crate::python::value::strings::StrId;
use crate::python::value::types::Type;
use std::collections::HashMap;

/// A key: equal keys of Python are equal here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// `None`.
    None,
    /// An int, or a bool or float that is equal to one.
    Int(i64),
    /// Another float.
    Float(u64),
    /// A string.
    Str(StrId),
    /// A tuple.
    Tuple(Vec<Key>),
    /// A built-in type.
    Type(Type),
    /// A built-in function.
    Native(u32),
    /// An object that is equal to itself only.
    Same(Id),
}

impl Key {
    /// The key of a float.
    pub fn float(float: f64) -> Key {
        let whole = float.fract() == 0.0 && float.abs() < 9.0e15;
        #[allow(clippy::cast_possible_truncation, reason = "it is whole and small")]
        match whole {
            true => Key::Int(float as i64),
            false => Key::Float(float.to_bits()),
        }
    }
}

/// How many entries are searched one by one.
const SMALL: usize = 8;

#[derive(Debug, Clone)]
struct Entry {
    key: Key,
    name: Value,
    value: Value,
}

/// Keys and values.
#[derive(Debug, Clone, Default)]
pub struct Table {
    entries: Vec<Option<Entry>>,
    live: usize,
    index: HashMap<Key, usize>,
}

impl Table {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    fn find(&self, key: &Key) -> Option<usize> {
        if self.index.is_empty() {
            let is = |entry: &Option<Entry>| entry.as_ref().is_some_and(|e| e.key == *key);
            return self.entries.iter().position(is);
        }
        self.index.get(key).copied()
    }

    /// The value of a key.
    pub fn get(&self, key: &Key) -> Option<Value> {
        let entry = self.entries.get(self.find(key)?)?.as_ref()?;
        Some(entry.value)
    }

    /// Sets the value of a key; the first name of a key stays.
    pub fn insert(&mut self, key: Key, name: Value, value: Value) -> Option<Value> {
        if let Some(at) = self.find(&key)
            && let Some(entry) = &mut self.entries[at]
        {
            return Some(std::mem::replace(&mut entry.value, value));
        }
        if !self.index.is_empty() {
            self.index.insert(key.clone(), self.entries.len());
        }
        self.entries.push(Some(Entry { key, name, value }));
        self.live += 1;
        if self.entries.len() > SMALL && self.index.is_empty() {
            self.reindex();
        }
        None
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &Key) -> Option<(Value, Value)> {
        let at = self.find(key)?;
        let entry = self.entries[at].take()?;
        self.index.remove(key);
        self.live -= 1;
        let holes = self.entries.len() - self.live;
        if holes > SMALL && holes > self.live {
            self.entries.retain(Option::is_some);
            self.reindex();
        } else if self.live == 0 {
            self.clear();
        }
        Some((entry.name, entry.value))
    }

    fn reindex(&mut self) {
        self.index.clear();
        if self.entries.len() > SMALL {
            let live = self.entries.iter().enumerate();
            let live = live.filter_map(|(at, entry)| Some((entry.as_ref()?.key.clone(), at)));
            self.index.extend(live);
        }
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        *self = Table::default();
    }

    /// The keys and values, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Value, Value)> + '_ {
        self.entries.iter().flatten().map(|entry| (entry.name, entry.value))
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> + '_ {
        self.entries.iter().flatten().map(|entry| &entry.key)
    }

    /// How many entries there are before a place.
    pub fn live_before(&self, at: usize) -> usize {
        self.entries.iter().take(at).flatten().count()
    }

    /// The entry at or behind a place, and the place behind it.
    pub fn next(&self, mut at: usize) -> Option<(usize, Value, Value)> {
        while let Some(entry) = self.entries.get(at) {
            at += 1;
            if let Some(entry) = entry {
                return Some((at, entry.name, entry.value));
            }
        }
        None
    }
}
