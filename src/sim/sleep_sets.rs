//! Every order once, but of orders that only swap independent steps one. Pure
//!
//! *Assumes*: what a step has done is told truly ([`Footprint`]).
//! *Promises*: every end that some order can reach is reached. With steps that all depend on each other
//! it is the plain search, depth first. If the same choices lead to other candidates than before, that is
//! told ([`SleepSets::misfit`]).
//! *Leaves out*: running anything (`sim/trial.rs`).
//!
//! ```text
//!   a and b are independent:          at the root, after all of a's side is done:
//!
//!         ○                           b's side begins with a in its *sleep set*: a need not be
//!      a ╱ ╲ b                        tried, until a step comes that depends on a.
//!       ○   ○
//!     b │   │ a   ← the same end: this one is cut
//! ```
//! Godefroid's sleep sets ("Partial-Order Methods for the Verification of Concurrent Systems", 1996).

use std::collections::BTreeSet;

/// Who takes a step: a task's number in its loop, time, or a callback.
pub type Actor = u64;

/// Time, which passes until the next deadline. It stands last among the candidates.
pub const TIME: Actor = u64::MAX;

/// What a step may have to do with the steps of others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Footprint {
    /// It depends on every other step.
    pub all: bool,
    /// Who became ready by it.
    pub woke: BTreeSet<Actor>,
    /// The shared things that the actor has touched so far: it may hold a part of them still.
    pub touched: BTreeSet<u64>,
}

impl Footprint {
    /// A step that depends on all others.
    pub fn all() -> Footprint {
        Footprint { all: true, ..Footprint::default() }
    }

    fn merge(&mut self, other: &Footprint) {
        self.all |= other.all;
        self.woke.extend(&other.woke);
        self.touched.extend(&other.touched);
    }
}

fn dependent(a: (Actor, &Footprint), b: (Actor, &Footprint)) -> bool {
    let (left, right) = (a.1, b.1);
    a.0 == b.0
        || left.all
        || right.all
        || left.woke.contains(&b.0)
        || right.woke.contains(&a.0)
        || !left.touched.is_disjoint(&right.touched)
}

/// One choice on the way to where the search is.
#[derive(Debug)]
enum Node {
    /// Which actor goes on.
    Step {
        actors: Vec<Actor>,
        /// Those that need not be tried here.
        asleep: Vec<(Actor, Footprint)>,
        /// Those that were.
        tried: Vec<(Actor, Footprint)>,
        /// Which runs now, and what it does.
        now: (usize, Footprint),
    },
    /// What the program wanted chosen in the middle of a step.
    Value { of: usize, now: usize },
}

/// The search, between and within runs.
#[derive(Debug, Default)]
pub struct SleepSets {
    path: Vec<Node>,
    /// How much of the path this run has walked.
    depth: usize,
    /// What the last step leaves asleep for the next choice.
    asleep: Vec<(Actor, Footprint)>,
    /// After the same choices this run wanted something else chosen than the one before.
    differs: bool,
}

impl SleepSets {
    /// Nothing has been tried.
    pub fn new() -> SleepSets {
        SleepSets::default()
    }

    /// Which of these actors goes on; `None` if each would only repeat another run, or if the run does
    /// not do what the one before did ([`misfit`](Self::misfit)).
    pub fn step(&mut self, actors: &[Actor]) -> Option<usize> {
        if self.differs {
            return None;
        }
        if self.depth == self.path.len() {
            let asleep = std::mem::take(&mut self.asleep);
            let is_awake = |actor: &Actor| asleep.iter().all(|(other, _)| other != actor);
            let first = actors.iter().position(is_awake)?;
            let (actors, tried) = (actors.to_vec(), Vec::new());
            self.path.push(Node::Step {
                actors,
                asleep,
                tried,
                now: (first, Footprint::default()),
            });
        }
        self.depth += 1;
        match &self.path[self.depth - 1] {
            Node::Step { actors: known, now, .. } if known == actors => Some(now.0),
            _ => {
                self.differs = true;
                None
            }
        }
    }

    /// Which of so many values; 0 if the run does not do what the one before did.
    pub fn value(&mut self, of: usize) -> usize {
        if self.depth == self.path.len() {
            self.path.push(Node::Value { of, now: 0 });
        }
        self.depth += 1;
        match &self.path[self.depth - 1] {
            Node::Value { of: known, now } if *known == of => *now,
            _ => {
                self.differs = true;
                0
            }
        }
    }

    /// The step that was chosen last has done this.
    pub fn ran(&mut self, footprint: &Footprint) {
        let walked = self.path[..self.depth].iter_mut().rev();
        for node in walked {
            let Node::Step { actors, asleep, tried, now } = node else { continue };
            now.1.merge(footprint);
            let actor = actors[now.0];
            let stays =
                |(other, its): &&(Actor, Footprint)| !dependent((*other, its), (actor, footprint));
            self.asleep = asleep.iter().chain(tried.iter()).filter(stays).cloned().collect();
            return;
        }
    }

    /// Why this run is none of the program that was searched so far, if it is not.
    pub fn misfit(&self) -> Option<String> {
        let why = match () {
            () if self.differs => "something else was to be chosen",
            () if self.depth < self.path.len() => "nothing more was to be chosen",
            () => return None,
        };
        Some(format!("after the same choices as in the run before {why}"))
    }

    /// The run is over: on to the next. False if there is none.
    pub fn next_run(&mut self) -> bool {
        (self.depth, self.asleep) = (0, Vec::new());
        while let Some(node) = self.path.last_mut() {
            if node.advance() {
                return true;
            }
            self.path.pop();
        }
        false
    }
}

impl Node {
    fn advance(&mut self) -> bool {
        match self {
            Node::Value { of, now } => {
                *now += 1;
                now < of
            }
            Node::Step { actors, asleep, tried, now } => {
                tried.push((actors[now.0], std::mem::take(&mut now.1)));
                let is_new = |actor: &Actor| {
                    asleep.iter().chain(tried.iter()).all(|(other, _)| other != actor)
                };
                match actors.iter().position(is_new) {
                    Some(next) => {
                        now.0 = next;
                        true
                    }
                    None => false,
                }
            }
        }
    }
}
