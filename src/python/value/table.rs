//! The entries of a dict or a set, in the order of insertion.
//!
//! *Promises*: keys that are equal in Python are one key: `1`, `1.0` and `True`; a small table is
//! searched, a large one has an index.
//! *Leaves out*: keys with a Python `__eq__`, which the subset has not.

use crate::python::value::any::{Id, Value};
use crate::python::value::hash::Mix;
use crate::python::value::strings::StrId;
use crate::python::value::types::Type;
use std::hash::{Hash, Hasher};

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

/// How many entries are searched one by one.
const SMALL: usize = 8;
/// A place of the index that no entry has.
const NOWHERE: u32 = u32::MAX;

#[derive(Debug, Clone)]
struct Entry {
    hash: u32,
    key: Key,
    name: Value,
    value: Value,
}

/// Keys and values.
///
/// ```text
///   index    · 2 · 0 · · 1 ·      a hash's lower bits, or the next place that is free
///   entries  [a] [b] [c]          in the order of insertion; one that was taken out is a hole
/// ```
#[derive(Debug, Clone, Default)]
pub struct Table {
    entries: Vec<Option<Entry>>,
    live: usize,
    /// Numbers of entries. None if there are few; else a power of two of them, half of them free.
    index: Vec<u32>,
}

#[allow(clippy::cast_possible_truncation, reason = "a part of a hash is a hash")]
fn finish(mix: &Mix) -> u32 {
    mix.finish() as u32
}

#[inline]
fn hash_of_int(int: i64) -> u32 {
    let mut mix = Mix::default();
    mix.write_i64(int);
    finish(&mix)
}

#[inline]
fn hash_of_text(text: StrId) -> u32 {
    let mut mix = Mix::default();
    mix.write_u32(text.0);
    finish(&mix)
}

fn hash_of(key: &Key) -> u32 {
    match key {
        Key::Int(int) => hash_of_int(*int),
        Key::Str(text) => hash_of_text(*text),
        other => {
            let mut mix = Mix::default();
            other.hash(&mut mix);
            finish(&mix)
        }
    }
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

    #[inline]
    fn find(&self, hash: u32, is_key: impl Fn(&Key) -> bool) -> Option<usize> {
        let is = |entry: &Entry| entry.hash == hash && is_key(&entry.key);
        if self.index.is_empty() {
            return self.entries.iter().position(|entry| entry.as_ref().is_some_and(is));
        }
        let mask = self.index.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let number = self.index[place];
            if number == NOWHERE {
                return None;
            }
            if self.entries[number as usize].as_ref().is_some_and(is) {
                return Some(number as usize);
            }
            place = (place + 1) & mask;
        }
    }

    /// The value of a key that is an int or a string; of another one, none.
    #[inline]
    pub fn get_plain(&self, name: Value) -> Option<Value> {
        let number = match name {
            Value::Int(int) => {
                self.find(hash_of_int(int), |key| matches!(key, Key::Int(own) if *own == int))
            }
            Value::Str(text) => {
                self.find(hash_of_text(text), |key| matches!(key, Key::Str(own) if *own == text))
            }
            _ => None,
        };
        Some(self.entries.get(number?)?.as_ref()?.value)
    }

    /// The value of a key.
    pub fn get(&self, key: &Key) -> Option<Value> {
        let entry = self.entries.get(self.find(hash_of(key), |own| own == key)?)?.as_ref()?;
        Some(entry.value)
    }

    /// Sets the value of a key; the first name of a key stays.
    pub fn insert(&mut self, key: Key, name: Value, value: Value) -> Option<Value> {
        let hash = hash_of(&key);
        if let Some(at) = self.find(hash, |own| *own == key)
            && let Some(entry) = &mut self.entries[at]
        {
            return Some(std::mem::replace(&mut entry.value, value));
        }
        self.entries.push(Some(Entry { hash, key, name, value }));
        self.live += 1;
        if self.entries.len() > SMALL {
            match self.entries.len() * 2 > self.index.len() {
                true => self.reindex(),
                false => self.point(hash, self.entries.len() - 1),
            }
        }
        None
    }

    /// Lets the index lead to an entry.
    fn point(&mut self, hash: u32, number: usize) {
        let mask = self.index.len() - 1;
        let mut place = hash as usize & mask;
        while self.index[place] != NOWHERE {
            place = (place + 1) & mask;
        }
        self.index[place] = u32::try_from(number).unwrap_or(NOWHERE);
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &Key) -> Option<(Value, Value)> {
        let at = self.find(hash_of(key), |own| own == key)?;
        let entry = self.entries[at].take()?;
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
            self.index.resize((self.entries.len() * 2 + 1).next_power_of_two(), NOWHERE);
            for number in 0..self.entries.len() {
                if let Some(Entry { hash, .. }) = self.entries[number] {
                    self.point(hash, number);
                }
            }
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
