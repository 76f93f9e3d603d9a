//! Two models, round by round: how much one costs more than the other, and how sure that is. Pure.
//!
//! *Assumes*: two costs of the same round met the same conditions, for they ran side by side in it;
//! what slows the machine down for some seconds slows both, and falls out of their ratio.
//! *Promises*: three answers, from six rounds on, or from three where they are far apart. *Less* or *more* only where the whole interval is beyond [`MARGIN`];
//! *same* only where all of it is within: a tie is shown, not assumed; anything else is *unclear*,
//! which more rounds can change. The same rounds and the same seed give the same interval.
//! *Leaves out*: any assumption about how costs are distributed. One round that was spoilt moves the
//! median of many very little.
//!
//! ```text
//!                 1/1.05        1        1.05
//!   ──────────────────┼─────────┼─────────┼──────────────────▶  cost of the other / of this
//!     more  ├───┤     │                   │
//!                     │ same  ├────┤      │
//!                     │                   │   ├────┤  less
//!                     │        unclear  ├────────┤
//! ```
//! The interval is a percentile bootstrap of the median ratio (Efron and Tibshirani, *An
//! Introduction to the Bootstrap*, 1993): the rounds are drawn again and again, with replacement, and
//! 95 of 100 medians lie in it.

use crate::base::random::SplitMix64;

/// What counts as a difference: five in a hundred. Less is no reason to choose.
pub const MARGIN: f64 = 1.05;
/// Rounds that an answer needs: of fewer, chance alone puts all on one side too often.
pub const FEWEST_ROUNDS: usize = 6;
/// Fewer do for models that are so far apart in all of them.
const FAR: f64 = 1.5;
/// But not fewer than this.
pub const FEWEST_FAR_ROUNDS: usize = 3;
/// How often the rounds are drawn.
const DRAWS: usize = 1000;
/// Which of the medians, in order, bound the interval: 25 and 975 of 1000.
const TAIL: usize = DRAWS / 40;

/// What the rounds say of two models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// This one costs less, by more than the margin.
    Less,
    /// This one costs more, by more than the margin.
    More,
    /// They differ by less than the margin.
    Same,
    /// There are not enough rounds to say.
    Unclear,
}

/// The cost of another model over the cost of this one: above 1, this one is the better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// The lower end of the interval.
    pub low: f64,
    /// The median of the rounds' ratios.
    pub median: f64,
    /// The upper end.
    pub high: f64,
    /// How many rounds both were in.
    pub rounds: usize,
}

impl Evidence {
    /// Of pairs of costs, this model's and the other's, a pair a round. `None` of no pairs, or of
    /// costs that are not above zero.
    pub fn of(pairs: &[(f64, f64)], seed: u64) -> Option<Evidence> {
        let sound = |&(this, other): &(f64, f64)| this > 0.0 && other > 0.0;
        if pairs.is_empty() || !pairs.iter().all(sound) {
            return None;
        }
        let ratios: Vec<f64> = pairs.iter().map(|(this, other)| other / this).collect();
        let mut random = SplitMix64::new(seed);
        let mut drawn = vec![0.0; ratios.len()];
        let mut medians: Vec<f64> = (0..DRAWS)
            .map(|_| {
                let any = |_: &f64| ratios[(random.next_u64() % ratios.len() as u64) as usize];
                drawn = drawn.iter().map(any).collect();
                median(&mut drawn)
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        let (low, high) = (medians[TAIL], medians[DRAWS - 1 - TAIL]);
        let rounds = ratios.len();
        Some(Evidence { low, median: median(&mut ratios.clone()), high, rounds })
    }

    /// What that comes to.
    pub fn answer(&self) -> Answer {
        let apart = self.low >= FAR || self.high <= 1.0 / FAR;
        let far = self.rounds >= FEWEST_FAR_ROUNDS && apart;
        if self.rounds < FEWEST_ROUNDS && !far {
            Answer::Unclear
        } else if self.low >= MARGIN {
            Answer::Less
        } else if self.high <= 1.0 / MARGIN {
            Answer::More
        } else if self.low > 1.0 / MARGIN && self.high < MARGIN {
            Answer::Same
        } else {
            Answer::Unclear
        }
    }

    /// The same, seen from the other model.
    pub fn turned(&self) -> Evidence {
        let Evidence { low, median, high, rounds } = *self;
        Evidence { low: 1.0 / high, median: 1.0 / median, high: 1.0 / low, rounds }
    }
}

/// The middle value, or halfway between the two in the middle.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        1 => values[middle],
        _ => values[middle - 1].midpoint(values[middle]),
    }
}
