//! What arithmetic says of a row, and whether the row keeps to it. Pure.
//!
//! *Promises*: a row that breaks an identity is marked, and the mark says which and by how much; none
//! is marked for what a busy machine does, for that makes a row slower, not impossible.
//! *Leaves out*: repairing anything: a marked row is shown as it was measured.
//!
//! ```text
//!   † faster than its steps     wall < what jobs × cpu, on the cores or behind the lock, come to
//!   ‡ Little's law              lanes' time ≠ jobs' time: p50 far from at once ÷ jobs a second
//!   § not the CPU asked for     CPU time of a job < the computing of its steps
//! ```
//! Little's law: however jobs come, the number of those under way is their rate times how long each
//! takes (J. D. C. Little, *A Proof for the Queuing Formula L = λW*, 1961).

use crate::lab::choose::shape::Shape;
use crate::lab::compare::model::Model;
use crate::lab::report::stats::duration;

/// A row of the table, as far as arithmetic asks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The model.
    pub model: Model,
    /// Jobs of a round.
    pub jobs: usize,
    /// Seconds of a round.
    pub wall: f64,
    /// CPU seconds of a round.
    pub cpu: f64,
    /// Half of the jobs took no longer, in seconds.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// How many can be under way at once.
    pub at_once: usize,
}

/// An identity that a row breaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The row.
    pub model: Model,
    /// What stands in the table.
    pub sign: char,
    /// Which identity, and by how much.
    pub sentence: String,
}

/// So much below a bound is the clock's resolution, or a core that runs a little faster than it did.
const SLACK: f64 = 0.95;
/// So far from Little's law half of the jobs may be before it is worth a word.
const UNEVEN: f64 = 2.0;

/// The identities that this row breaks.
pub fn marks(shape: &Shape, workers: usize, row: &Row) -> Vec<Mark> {
    let Row { model, jobs, wall, cpu, p50, p99, at_once } = *row;
    let mut marks = Vec::new();
    let mut mark = |sign, sentence| marks.push(Mark { model, sign, sentence });
    let least = shape.least_wall(jobs, model, workers);
    if wall < least * SLACK {
        mark(
            '†',
            format!(
                "{model} took {}, and its steps come to {} at least: this row was measured wrong, or \
             the cores run faster than when they were calibrated",
                duration(wall),
                duration(least)
            ),
        );
    }
    let under_way = at_once.min(jobs) as f64;
    let even = under_way * wall / jobs.max(1) as f64;
    if even > 0.0 && (p50 > even * UNEVEN || p50 * UNEVEN < even) {
        let (half, most) = (duration(p50), duration(p99));
        let but = match p50 > even {
            true => format!("half of its jobs took {half} or more: the others took far less"),
            false if p99 > even => {
                format!("half of its jobs took {half} or less: others took far longer (p99 {most})")
            }
            false => format!("99 of 100 jobs took {most} or less: not so many were under way"),
        };
        mark(
            '‡',
            format!(
                "{model}: {under_way} under way and {:.0} a second make {} for each (Little's law), but \
                 {but}",
                jobs as f64 / wall,
                duration(even)
            ),
        );
    }
    let asked = (shape.cpu() + shape.native()).as_secs_f64() * jobs as f64;
    if cpu < asked * SLACK {
        mark(
            '§',
            format!(
                "{model} had {} of CPU time for steps of {}: what is not there was not computed, or not \
             counted",
                duration(cpu),
                duration(asked)
            ),
        );
    }
    marks
}
