//! A contest: one piece of work, ours and others who do it, in turns.
//!
//! *Promises*: everybody runs once in each round, each round in another order, so that a noisy minute
//! hits all alike; the first round does not count. A ratio is the median over the rounds of the ratio
//! within each, not the ratio of two medians.

/// What an entrant is to us.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Ours,
    /// The least that does the work at all: system calls, or a bare data structure.
    Floor,
    /// Somebody who promises about what we do.
    Peer,
}

/// One figure of one run; `None` if it cannot be had here.
pub type Once = Box<dyn Fn() -> Option<f64>>;

pub struct Entrant {
    pub name: &'static str,
    pub role: Role,
    pub once: Once,
}

pub fn ours(once: impl Fn() -> Option<f64> + 'static) -> Entrant {
    Entrant { name: "singletrack", role: Role::Ours, once: Box::new(once) }
}

pub fn floor(name: &'static str, once: impl Fn() -> Option<f64> + 'static) -> Entrant {
    Entrant { name, role: Role::Floor, once: Box::new(once) }
}

pub fn peer(name: &'static str, once: impl Fn() -> Option<f64> + 'static) -> Entrant {
    Entrant { name, role: Role::Peer, once: Box::new(once) }
}

/// Ours first.
pub struct Contest {
    pub name: &'static str,
    pub unit: &'static str,
    pub more_is_better: bool,
    pub entrants: Vec<Entrant>,
}

impl Contest {
    pub fn new(name: &'static str, unit: &'static str, entrants: Vec<Entrant>) -> Contest {
        Contest { name, unit, more_is_better: false, entrants }
    }

    pub fn more_is_better(mut self) -> Contest {
        self.more_is_better = true;
        self
    }

    pub fn measure(&self, rounds: usize) -> Scores {
        let mut samples: Vec<Vec<f64>> = self.entrants.iter().map(|_| Vec::new()).collect();
        for round in 0..=rounds {
            for turn in 0..self.entrants.len() {
                let who = (round + turn) % self.entrants.len();
                if let Some(sample) = (self.entrants[who].once)()
                    && round > 0
                {
                    samples[who].push(sample);
                }
            }
        }
        Scores { samples }
    }
}

/// What came of it: for each entrant one figure a round, or none at all.
pub struct Scores {
    samples: Vec<Vec<f64>>,
}

impl Scores {
    pub fn median(&self, who: usize) -> Option<f64> {
        middle(self.samples[who].clone())
    }

    /// Ours divided by theirs.
    pub fn ratio(&self, who: usize) -> Option<f64> {
        let pairs = self.samples[0].iter().zip(&self.samples[who]);
        middle(pairs.map(|(ours, theirs)| ours / theirs).collect())
    }
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
