//! An order: what was chosen in a run, from its first choice to its last. Pure
//!
//! *Promises*: an order is written as its deviations, the choices that were not the first: `3:1 7:2` is
//! "at the fourth choice the second candidate, at the eighth the third". That text is read back.
//! *Leaves out*: what the candidates are (`sim/trial.rs`).
//!
//! Where there is one candidate there is no choice. The first candidate is what stands first in the
//! ready queue, so the order without a deviation is the event loop's own, FIFO.

use std::fmt;
use std::str::FromStr;

/// What to choose, at each choice; beyond its end the first.
///
/// ```
/// use singletrack::sim::Order;
///
/// let order: Order = "3:1 7:2".parse().unwrap();
/// assert_eq!(order.at(3), 1);
/// assert_eq!(order.at(4), 0);
/// assert_eq!(order.deviations(), 2);
/// assert_eq!(order.to_string(), "3:1 7:2");
/// assert_eq!(Order::default().to_string(), "fifo");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Order(Vec<u32>);

impl Order {
    /// The order of these choices.
    pub fn new(mut choices: Vec<u32>) -> Order {
        let end = choices.iter().rposition(|choice| *choice != 0).map_or(0, |last| last + 1);
        choices.truncate(end);
        Order(choices)
    }

    /// What to choose at this choice, counted from 0.
    pub fn at(&self, choice: usize) -> u32 {
        self.0.get(choice).copied().unwrap_or(0)
    }

    /// How many choices are not the first.
    pub fn deviations(&self) -> usize {
        self.0.iter().filter(|choice| **choice != 0).count()
    }

    /// As many choices as it takes to reach the last deviation.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is the event loop's own order.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The order that agrees with this one before `choice`, and then chooses `candidate`.
    #[must_use]
    pub fn then(&self, choice: usize, candidate: u32) -> Order {
        let before = (0..choice).map(|before| self.at(before));
        Order::new(before.chain([candidate]).collect())
    }

    /// The same with `candidate` at this choice, and all others as they are.
    #[must_use]
    pub fn with(&self, choice: usize, candidate: u32) -> Order {
        let mut choices = self.0.clone();
        choices.resize(choices.len().max(choice + 1), 0);
        choices[choice] = candidate;
        Order::new(choices)
    }

    /// The same, with the first candidate at these choices.
    fn first(&self, begin: usize, end: usize) -> Order {
        let choices = (0..).zip(&self.0);
        Order::new(choices.map(|(at, c)| if (begin..end).contains(&at) { 0 } else { *c }).collect())
    }

    /// The same without these choices: what comes behind moves up.
    fn cut(&self, begin: usize, end: usize) -> Order {
        let end = end.min(self.0.len());
        Order::new([&self.0[..begin.min(end)], &self.0[end..]].concat())
    }

    /// The same, with nothing beyond the second candidate at these choices.
    fn lower(&self, begin: usize, end: usize) -> Order {
        let choices = (0..).zip(&self.0);
        let lower =
            |(at, c): (usize, &u32)| if (begin..end).contains(&at) { (*c).min(1) } else { *c };
        Order::new(choices.map(lower).collect())
    }

    /// Fewer deviations, or as many in fewer choices, or those of lower candidates.
    fn is_less_than(&self, other: &Order) -> bool {
        let weight = |order: &Order| {
            let sum: u64 = order.0.iter().map(|choice| u64::from(*choice)).sum();
            (order.deviations(), order.len(), sum)
        };
        weight(self) < weight(other)
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deviations: Vec<String> = (0..)
            .zip(&self.0)
            .filter(|(_, candidate)| **candidate != 0)
            .map(|(choice, candidate): (usize, _)| format!("{choice}:{candidate}"))
            .collect();
        f.pad(&if deviations.is_empty() { "fifo".to_owned() } else { deviations.join(" ") })
    }
}

/// The longest order that is read: what is beyond is a typing mistake.
const LONGEST: usize = 1 << 20;

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Order, String> {
        if text.trim() == "fifo" {
            return Ok(Order::default());
        }
        let mut choices = Vec::new();
        for word in text.split_whitespace() {
            let wrong = || format!("`{word}` is no CHOICE:CANDIDATE, such as 3:1");
            let (choice, candidate) = word.split_once(':').ok_or_else(wrong)?;
            let choice: usize = choice.parse().map_err(|_| wrong())?;
            if choice < choices.len() || choice >= LONGEST {
                return Err(format!(
                    "`{word}`: choices come in order, and are less than {LONGEST}"
                ));
            }
            choices.resize(choice, 0);
            choices.push(candidate.parse().map_err(|_| wrong())?);
        }
        Ok(Order::new(choices))
    }
}

/// The runs that shrinking may take.
const MOST_TRIES: usize = 2_000;

/// The same failure by fewer deviations: leaves out whatever `fails` does not need, many at a time as
/// long as that goes (Zeller's delta debugging), and at last one by one.
pub fn shrink(order: Order, mut fails: impl FnMut(&Order) -> bool) -> Order {
    let mut best = order;
    let mut tries = MOST_TRIES;
    loop {
        let before = best.clone();
        let mut size = best.len().max(1);
        while size > 0 {
            // From the end, so that what comes before keeps its place.
            let mut end = best.len();
            while end > 0 && tries > 0 {
                let begin = end.saturating_sub(size);
                // One after the other: as the first candidate, as no choice at all, as the second.
                let smaller =
                    [best.first(begin, end), best.cut(begin, end), best.lower(begin, end)];
                let smaller = smaller.into_iter().filter(|order| order.is_less_than(&best));
                let found = smaller.take(tries).find(|order| {
                    tries -= 1;
                    fails(order)
                });
                best = found.unwrap_or(best);
                end = begin;
            }
            size /= 2;
        }
        if tries == 0 || best == before {
            return best;
        }
    }
}
