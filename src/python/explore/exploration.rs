//! What is asked of an exploration, and what it finds.
//!
//! *Promises*: what was not tried is said: a limit that was hit, and what was sampled because of it.
//! *Leaves out*: how it is found (`python/explore/search.rs`, `python/explore/sampling.rs`).

use crate::python::explore::conflicts::{Conflicts, Reduction};
use crate::python::explore::moves::Move;
use crate::python::explore::outcome::{Ending, Outcome};

/// When to give up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of memory for worlds.
    pub memory: usize,
    /// Instructions, of all schedules together.
    pub instructions: u64,
    /// Instructions of a thread that is alone, or that does what others cannot notice.
    pub step: u64,
    /// How often each loop of each call goes round.
    pub iterations: Option<u32>,
    /// Switches of a thread that could have gone on.
    pub switches: Option<u32>,
    /// How many schedules are sampled where not all can be tried, and by which chance.
    pub samples: u32,
    /// The seed of that chance.
    pub seed: u64,
    /// Which steps are left out.
    pub reduction: Reduction,
    /// Whether somebody wants it to end at once.
    pub interrupted: fn() -> bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory: 1 << 30,
            instructions: u64::MAX,
            step: 20_000_000,
            iterations: None,
            switches: None,
            samples: 1000,
            seed: 1,
            reduction: Reduction::default(),
            interrupted: || false,
        }
    }
}

/// What the orders of whole threads come to.
#[derive(Debug, Clone, Default)]
pub struct Serial {
    /// Their outcomes.
    pub outcomes: Vec<Outcome>,
    /// Whether there are orders that were not tried.
    pub partial: bool,
}

/// An outcome, and the shortest way to it.
#[derive(Debug, Clone)]
pub struct Found {
    /// The outcome.
    pub outcome: Outcome,
    /// How often the thread changes on the way, without need: it could have gone on.
    pub switches: u32,
    /// The way.
    pub moves: Vec<Move>,
    /// Whether some order of whole threads comes to the same. Where those are too many to try all,
    /// what ended well is believed to be of one.
    pub serial: bool,
}

impl Found {
    /// Whether no order of whole threads comes to it, or it is a failure in any order.
    pub fn is_wrong(&self) -> bool {
        self.outcome.ending != Ending::Cut && !(self.serial && self.outcome.is_fine())
    }
}

/// All outcomes of a program under a policy.
#[derive(Debug, Clone)]
pub struct Exploration {
    /// The outcomes, those of whole threads first, then by switches.
    pub found: Vec<Found>,
    /// How many worlds there were.
    pub worlds: usize,
    /// How many steps were taken.
    pub steps: u64,
    /// How many instructions they were.
    pub instructions: u64,
    /// The limit that was hit.
    pub bound: Option<String>,
    /// What was sampled, because a limit was hit.
    pub sampled: Option<Sampled>,
    /// Chance was asked for more numbers than are tried: one sequence of them was used.
    pub one_sequence: bool,
    /// What threads touch.
    pub contended: Conflicts,
}

/// What was sampled.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// How many schedules.
    pub samples: u32,
    /// How often the priorities change in each.
    pub changes: u32,
    /// The seed.
    pub seed: u64,
    /// The most threads, and the most steps, of a schedule.
    pub threads: usize,
    /// See there.
    pub steps: usize,
}

impl Sampled {
    /// The probability, at least, with which a bug of that depth was found.
    ///
    /// ```
    /// use singletrack::python::explore::exploration::Sampled;
    ///
    /// let sampled = Sampled { samples: 1, changes: 1, seed: 1, threads: 2, steps: 10 };
    /// assert!((sampled.finds(2) - 0.05).abs() < 1e-9);
    /// assert_eq!(sampled.finds(3), 0.0);
    /// ```
    pub fn finds(&self, depth: u32) -> f64 {
        if depth == 0 || depth - 1 > self.changes {
            return 0.0;
        }
        #[allow(clippy::cast_precision_loss, reason = "it is a bound on a probability")]
        let (threads, steps) = (self.threads.max(1) as f64, self.steps.max(1) as f64);
        let power = i32::try_from(self.changes).unwrap_or(i32::MAX);
        let one = 1.0 / (threads * steps.powi(power));
        1.0 - (1.0 - one).powf(f64::from(self.samples))
    }

    /// What it was, and what it is worth.
    pub fn says(&self) -> String {
        let Sampled { samples, changes, seed, threads, steps } = self;
        let depth = changes + 1;
        let percent = 100.0 * self.finds(depth);
        format!(
            "{samples} samples by random priorities with {changes} changes, seed {seed}; of {threads} \
             threads and {steps} steps, a bug of depth {depth} is found with a probability of at \
             least {percent:.2} %"
        )
    }
}
