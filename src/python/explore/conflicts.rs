//! Which steps nobody else can notice, so that their order makes no difference.
//!
//! *Promises*: as long as nothing new is learnt, leaving out the other orders of steps that are not
//! visible leaves out no outcome, and no schedule with fewer switches.
//! *Leaves out*: finding out who touches what: that is explored, and explored again while anything
//! new is learnt (`python/explore/search.rs`).
//!
//! A step is *visible* if it touches a thing that is contended: two threads touch it, one of them to
//! change it, and no lock is held by whoever touches it.
//!
//! # Why the others can be left out
//!
//! Let `a` be a visible step of a thread, `i` its next one, which is not visible, and others' steps
//! between the two.
//!
//! * Nobody touches what `i` touches, or nobody changes it: `i` comes to the same directly behind `a`,
//!   and the others see no difference. So does every step of theirs that follows.
//! * All who touch it hold the same lock meanwhile: between `a` and `i` this thread holds it, so no
//!   step of another can touch it there, and `i` moves to `a` again. (It is what Lipton, 1975, calls a
//!   step that moves both ways, and Savage et al., 1997, a consistent lockset.) What threads wait
//!   with is never left out like that: it decides who can run.
//!
//! Moving `i` back to `a` takes one stretch of this thread away or makes two to one, and changes no
//! thread's being able to go on, so there are as few switches as before. A step that ends a thread,
//! starts one, or joins one is always visible.

use crate::python::machine::terms::Location;
use crate::python::value::any::Id;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A hash of few instructions, for keys that nobody chooses to do harm.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u128(&mut self, word: u128) {
        let words = [word, word >> 64].map(|word| u64::try_from(word & u128::from(u64::MAX)));
        words.into_iter().flatten().for_each(|word| self.write_u64(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
}

/// Whether steps are left out, or each is tried: for tests of this file's promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reduction {
    /// Every step is visible.
    Nothing,
    /// What nobody else touches is not visible.
    Touched,
    /// And what is always touched under the same lock.
    #[default]
    Locks,
}

/// What is known of a thing.
#[derive(Debug, Clone, Default)]
struct Known {
    /// A bit a thread.
    readers: u128,
    writers: u128,
    /// The locks that were held at each access.
    locks: Vec<Id>,
    /// It is what threads wait with.
    waits: bool,
    /// As far as the steps of now know it.
    contended: bool,
    visible: bool,
}

/// What threads touch.
///
/// ```
/// use singletrack::python::explore::conflicts::{Conflicts, Reduction};
/// use singletrack::python::machine::terms::Location;
///
/// let mut conflicts = Conflicts::new(Reduction::Locks);
/// let x = Location::Global(0);
/// conflicts.touch(x, 1, true, false, |_| Vec::new());
/// conflicts.touch(x, 2, false, false, |_| Vec::new());
/// assert!(!conflicts.is_visible(x));
/// assert_eq!(conflicts.learn(), 1);
/// assert!(conflicts.is_visible(x));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Conflicts {
    known: HashMap<Location, Known, BuildHasherDefault<Mix>>,
    reduction: Reduction,
    news: bool,
}

impl Conflicts {
    /// Nothing is known.
    pub fn new(reduction: Reduction) -> Conflicts {
        Conflicts { known: HashMap::default(), reduction, news: false }
    }

    /// Which steps are left out.
    pub fn reduction(&self) -> Reduction {
        self.reduction
    }

    /// Whether others could notice an access to this.
    pub fn is_visible(&self, location: Location) -> bool {
        self.reduction == Reduction::Nothing
            || self.known.get(&location).is_some_and(|known| known.visible)
    }

    /// Whether two threads touch this, one of them to change it, as far as is known.
    pub fn is_contended(&self, location: Location) -> bool {
        self.known.get(&location).is_some_and(|known| known.contended)
    }

    /// All that is contended.
    pub fn contended(&self) -> impl Iterator<Item = Location> + '_ {
        self.known.iter().filter(|(_, known)| known.contended).map(|(location, _)| *location)
    }

    /// A thread touches a thing, and holds some of these locks: of none, it is asked for all that it
    /// holds. Gives whether others could notice.
    pub fn touch(
        &mut self,
        location: Location,
        thread: usize,
        write: bool,
        waits: bool,
        held: impl FnOnce(Option<&[Id]>) -> Vec<Id>,
    ) -> bool {
        let known = self.known.entry(location).or_default();
        let first = known.readers | known.writers == 0;
        let bit = 1_u128 << (thread % 128);
        let (readers, writers) = (known.readers, known.writers);
        match write {
            true => known.writers |= bit,
            false => known.readers |= bit,
        }
        known.waits |= waits;
        if waits {
            known.locks.clear();
        } else if first {
            known.locks = held(None);
        } else if !known.locks.is_empty() {
            let kept = held(Some(&known.locks));
            if kept.len() < known.locks.len() {
                known.locks = kept;
                self.news |= known.is_conflict();
            }
        }
        self.news |= (readers, writers) != (known.readers, known.writers) && known.is_conflict();
        self.reduction == Reduction::Nothing || known.visible
    }

    /// Whether there may be something to [`learn`](Self::learn).
    pub fn has_news(&self) -> bool {
        self.news
    }

    /// How many things turn out to be visible that were not. From now on they are.
    pub fn learn(&mut self) -> usize {
        self.news = false;
        let mut new = 0;
        for known in self.known.values_mut().filter(|known| known.is_conflict()) {
            let locked = self.reduction == Reduction::Locks && !known.locks.is_empty();
            // What is contended under a lock is told of, but changes no step.
            known.contended = true;
            if !locked && !std::mem::replace(&mut known.visible, true) {
                new += 1;
            }
        }
        new
    }
}

impl Known {
    fn is_conflict(&self) -> bool {
        self.writers != 0 && (self.readers | self.writers).count_ones() > 1
    }
}
