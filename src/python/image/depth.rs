//! How deep the objects of an image are in each other, asked before any of them is made.
//!
//! *Promises*: what cannot lead back to itself does not: a tuple, a class, a method, or an iterator that
//! takes from others. Who follows them comes to an end, and not to the end of its stack.
//! *Leaves out*: what may lead back to itself, as a list does.

use crate::python::image::item::{Datum, Item};
use crate::python::machine::zipping;
use std::mem::discriminant;

type Result = std::result::Result<(), String>;

/// How deep tuples may be in tuples.
const DEEPEST: usize = 1000;
/// It is not known yet.
const UNKNOWN: usize = 0;
/// It is being asked.
const ASKED: usize = usize::MAX;

/// What leads back to itself, where that cannot be, is an error.
///
/// # Errors
/// What is wrong.
pub fn check(items: &[Item]) -> Result {
    let mut depth = vec![UNKNOWN; items.len()];
    for start in 0..items.len() {
        let mut stack = vec![start];
        while let Some(at) = stack.last().copied() {
            if depth[at] == UNKNOWN {
                depth[at] = ASKED;
                let inner = inner(items, at);
                if inner.iter().any(|other| depth[*other] == ASKED) {
                    return Err("an object is a part of itself".to_owned());
                }
                stack.extend(inner.into_iter().filter(|other| depth[*other] == UNKNOWN));
                continue;
            }
            stack.pop();
            if depth[at] == ASKED {
                let most = inner(items, at).into_iter().map(|other| depth[other]).max();
                depth[at] = most.unwrap_or(0) + 1;
                if depth[at] > DEEPEST {
                    return Err(format!("tuples more than {DEEPEST} deep"));
                }
            }
        }
    }
    Ok(())
}

/// The objects of its own kind that one is made of.
fn inner(items: &[Item], at: usize) -> Vec<usize> {
    let data: Vec<Datum> = match &items[at] {
        Item::Tuple(data) => data.clone(),
        Item::Class { bases, rest, .. } => bases.iter().chain(rest).copied().collect(),
        Item::Method { receiver, .. } => vec![*receiver],
        _ => Vec::new(),
    };
    let same = |other: &usize| {
        items.get(*other).is_some_and(|there| discriminant(there) == discriminant(&items[at]))
    };
    let place = |datum| match datum {
        Datum::Item(place) => Some(place as usize),
        _ => None,
    };
    data.into_iter().filter_map(place).filter(same).collect()
}

/// Each part of a `zip` is an iterator that calls no Python, and `steps` counts the steps of all.
///
/// # Errors
/// What is wrong.
pub fn check_zip(items: &[Item], of: u32, steps: u8) -> Result {
    let Some(Item::Tuple(parts)) = items.get(of as usize) else {
        return Err("a zip of what is no tuple".to_owned());
    };
    let steps_of = |part: &Datum| match part {
        Datum::Item(place) => of_iterator(items, *place).map(usize::from),
        _ => None,
    };
    let counted = parts.iter().map(steps_of).sum::<Option<usize>>();
    if steps > zipping::MOST_STEPS || counted.map(|sum| sum + 1) != Some(usize::from(steps)) {
        return Err("a zip of what cannot be a part of it".to_owned());
    }
    Ok(())
}

/// What a `map` takes from is an iterator that calls no Python.
///
/// # Errors
/// What is wrong.
pub fn check_map(items: &[Item], of: u32) -> Result {
    match of_iterator(items, of) {
        Some(_) => Ok(()),
        None => Err("a map of what is no iterator".to_owned()),
    }
}

/// How many iterators take a step in a step of one that calls no Python.
fn of_iterator(items: &[Item], place: u32) -> Option<u8> {
    match items.get(place as usize)? {
        Item::Zip { steps, .. } => Some(*steps),
        Item::Sequence(..)
        | Item::Rest(..)
        | Item::Entries { .. }
        | Item::Reversed(..)
        | Item::Exhausted
        | Item::Count(..) => Some(1),
        _ => None,
    }
}
