//! Who chooses in a run: an order that is known, chance, or a search. Pure
//!
//! *Promises*: a guide's choices are a function of what it was made with and of the candidates.
//! *Leaves out*: writing the choices down (`sim/trial.rs`), so that every run can be had again.

use crate::base::random::SplitMix64;
use crate::sim::order::Order;
use crate::sim::sleep_sets::{Actor, Footprint, SleepSets, TIME};
use std::cell::RefCell;
use std::rc::Rc;

/// Chooses.
pub trait Guide {
    /// Which of these goes on, the first in the ready queue standing first; `None` ends the run, for
    /// nothing new can come of it.
    fn step(&mut self, actors: &[Actor]) -> Option<usize>;

    /// Which of so many values, at least two.
    fn value(&mut self, of: usize) -> usize;

    /// What the step that was chosen last has done.
    fn ran(&mut self, _: &Footprint) {}

    /// Why what it followed is no order of this program, now that the run is over or it has ended it.
    fn misfit(&self) -> Option<String> {
        None
    }

    /// Whether it needs to know that; else it is told that each step depends on all others.
    fn wants_footprints(&self) -> bool {
        false
    }
}

/// An order, choice by choice.
pub struct Follow {
    order: Order,
    choices: usize,
    /// The first candidate that was not there: at which choice, and how many were.
    missing: Option<(usize, usize)>,
}

impl Follow {
    /// Follows this order, and beyond its end chooses the first; in place of a candidate that is not
    /// there the last.
    pub fn new(order: Order) -> Follow {
        Follow { order, choices: 0, missing: None }
    }
}

impl Guide for Follow {
    fn step(&mut self, actors: &[Actor]) -> Option<usize> {
        match actors.len() {
            0 => None,
            1 => Some(0),
            of => Some(self.value(of)),
        }
    }

    fn value(&mut self, of: usize) -> usize {
        let chosen = self.order.at(self.choices) as usize;
        if chosen >= of {
            self.missing.get_or_insert((self.choices, of));
        }
        self.choices += 1;
        chosen.min(of - 1)
    }

    fn misfit(&self) -> Option<String> {
        let wanted = |choice| format!("`{choice}:{}`", self.order.at(choice));
        match self.missing {
            Some((choice, of)) => Some(format!("{}: there were {of} candidates", wanted(choice))),
            None if self.order.len() > self.choices => {
                let last = wanted(self.order.len() - 1);
                let choices = if self.choices == 1 { "choice" } else { "choices" };
                Some(format!("{last}: the run ended after {} {choices}", self.choices))
            }
            None => None,
        }
    }
}

/// Chance, by a seed.
pub struct Draw(SplitMix64);

impl Draw {
    /// The draws of this seed.
    pub fn new(seed: u64) -> Draw {
        Draw(SplitMix64::new(seed))
    }
}

/// Where tasks are ready, time passes once in so many steps: else every limit would be over before
/// what it limits has begun.
const TIME_PASSES: usize = 32;

impl Guide for Draw {
    fn step(&mut self, actors: &[Actor]) -> Option<usize> {
        match *actors {
            [] => None,
            [_] => Some(0),
            [.., TIME] if self.value(TIME_PASSES) == 0 => Some(actors.len() - 1),
            [.., TIME] => Some(self.value(actors.len() - 1)),
            _ => Some(self.value(actors.len())),
        }
    }

    fn value(&mut self, of: usize) -> usize {
        (self.0.next_u64() % of as u64) as usize
    }
}

/// A search that goes on from run to run.
pub struct Walk {
    sets: Rc<RefCell<SleepSets>>,
    only_shared: bool,
}

impl Walk {
    /// The next run of this search. `only_shared`: what steps have to do with each other is told by
    /// their footprints; else each may depend on each.
    pub fn new(sets: Rc<RefCell<SleepSets>>, only_shared: bool) -> Walk {
        Walk { sets, only_shared }
    }
}

impl Guide for Walk {
    fn step(&mut self, actors: &[Actor]) -> Option<usize> {
        self.sets.borrow_mut().step(actors)
    }

    fn value(&mut self, of: usize) -> usize {
        self.sets.borrow_mut().value(of)
    }

    fn ran(&mut self, footprint: &Footprint) {
        self.sets.borrow_mut().ran(footprint);
    }

    fn misfit(&self) -> Option<String> {
        self.sets.borrow().misfit()
    }

    fn wants_footprints(&self) -> bool {
        self.only_shared
    }
}
