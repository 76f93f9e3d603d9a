//! What would flip the verdict: the search for it. Pure.
//!
//! *Assumes*: between where a verdict stands and where it has flipped, it flips once.
//! *Promises*: a flip is named by two values that were measured, one on each side; where none was
//! found, by the values between which it was looked for; what there was no time for is said to be
//! unknown. Nothing is extrapolated.
//! *Leaves out*: the measuring (`lab/choose/probes.rs`).
//!
//! ```text
//!   cpu    8 µs ◀──────────── your 2 ms
//!          ✗ flipped           ✓ stands
//!                 ✗     ✓               halved, in proportion, until the two are close
//!                  └ 0.5 ms · 0.63 ms
//! ```

use crate::lab::compare::model::Model;
use crate::lab::report::stats::{duration, three_digits};

/// What is varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knob {
    /// Computing with the lock in a job, in nanoseconds.
    Cpu,
    /// What a job carries, in bytes.
    Payload,
    /// How many at once.
    Inflight,
    /// Cores that the models have.
    Cores,
}

impl Knob {
    /// Its name in every output.
    pub fn name(self) -> &'static str {
        match self {
            Knob::Cpu => "cpu",
            Knob::Payload => "payload",
            Knob::Inflight => "in flight",
            Knob::Cores => "cores",
        }
    }

    /// A value as it is written.
    pub fn shown(self, value: u64) -> String {
        match self {
            // Three digits say where a flip is.
            Knob::Cpu => duration(value as f64 / 1e9),
            Knob::Payload => bytes(value),
            Knob::Inflight | Knob::Cores => value.to_string(),
        }
    }

    /// Below this, there is as good as none of it.
    fn least(self) -> u64 {
        match self {
            Knob::Cpu => 1_000,
            Knob::Payload => 256,
            Knob::Inflight | Knob::Cores => 1,
        }
    }
}

/// Halfway in proportion.
fn between(low: u64, high: u64) -> u64 {
    (low as f64 * high as f64).sqrt().round() as u64
}

fn bytes(count: u64) -> String {
    match count as f64 {
        n if n < 1024.0 => format!("{n} B"),
        n if n < 1_048_576.0 => format!("{} KiB", three_digits(n / 1024.0)),
        n => format!("{} MiB", three_digits(n / 1_048_576.0)),
    }
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// At which value.
    pub value: u64,
    /// Whether the verdict stands there.
    pub stands: bool,
    /// Who was the fastest there.
    pub ahead: Model,
}

/// What came of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The verdict stands at one value, and another model is ahead at the other.
    Flips {
        /// The last value at which it stands.
        stands_at: u64,
        /// The first at which it does not.
        flips_at: u64,
        /// Who is ahead there.
        to: Model,
    },
    /// It stands at the end of the range too.
    NotFound,
    /// There was no time.
    Untested,
}

/// A search and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    /// What was varied.
    pub knob: Knob,
    /// The value of the work itself.
    pub from: u64,
    /// The end of the range.
    pub until: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// All that was measured, in that order.
    pub probes: Vec<Probe>,
}

/// The values on both sides of a flip are no further apart than this.
const CLOSE: f64 = 1.3;
/// Nor are there more probes than this.
const MOST_PROBES: usize = 6;

/// Looks for a flip between `from`, where the verdict stands, and `until`. `probe` measures at a
/// value; `None` if there is no time left for it.
///
/// # Errors
/// Those of `probe`.
pub fn search<E>(
    knob: Knob,
    (from, until): (u64, u64),
    mut probe: impl FnMut(u64) -> Result<Option<Probe>, E>,
) -> Result<Flip, E> {
    let mut flip = Flip { knob, from, until, outcome: Outcome::Untested, probes: Vec::new() };
    let Some(end) = probe(until)? else { return Ok(flip) };
    let (stands, to) = (end.stands, end.ahead);
    flip.probes.push(end);
    if stands {
        flip.outcome = Outcome::NotFound;
        return Ok(flip);
    }
    let (mut stands_at, mut flips_at, mut to) = (from, until, to);
    while flip.probes.len() < MOST_PROBES {
        let (low, high) = (stands_at.min(flips_at).max(knob.least()), stands_at.max(flips_at));
        let middle = between(low, high);
        if high as f64 <= low as f64 * CLOSE || middle <= low {
            break;
        }
        let Some(found) = probe(middle)? else { break };
        match found.stands {
            true => stands_at = middle,
            false => (flips_at, to) = (middle, found.ahead),
        }
        flip.probes.push(found);
    }
    flip.outcome = Outcome::Flips { stands_at, flips_at, to };
    Ok(flip)
}

impl Flip {
    /// In a few words: `flips to event-loop where cpu is 500 µs or less (at 630 µs it stands)`.
    pub fn words(&self) -> String {
        let shown = |value| self.knob.shown(value);
        let name = self.knob.name();
        match self.outcome {
            Outcome::Flips { stands_at, flips_at, to } => {
                let side = if flips_at < stands_at { "less" } else { "more" };
                format!(
                    "flips to {to} where {name} is {} or {side} (at {} it stands)",
                    shown(flips_at),
                    shown(stands_at)
                )
            }
            Outcome::NotFound => {
                let (low, high) = (self.from.min(self.until), self.from.max(self.until));
                format!("no flip found where {name} is between {} and {}", shown(low), shown(high))
            }
            Outcome::Untested => {
                format!("not measured where {name} is {}: the time was up", shown(self.until))
            }
        }
    }
}
