//! A schedule: which thread runs for how many instructions, then which.
//!
//! *Assumes*: nothing.
//! *Promises*: what is printed is read back as the same schedule.
//! *Leaves out*: whether a program and a policy allow it (`vm/replay.rs`).
//!
//! ```text
//!   1x1,2x6,1x5      thread 1 for one instruction, thread 2 for six, thread 1 for five
//! ```

use std::fmt;
use std::str::FromStr;

/// A stretch of instructions of one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    /// The thread, counted from 0; it is printed counted from 1.
    pub thread: usize,
    /// How many instructions it executes.
    pub instructions: usize,
}

/// Which thread runs when.
///
/// ```
/// use singletrack::vm::schedule::Schedule;
///
/// let schedule: Schedule = "1x1,2x6,1x5".parse()?;
/// assert_eq!(schedule.switches(), 2);
/// assert_eq!(schedule.to_string(), "1x1,2x6,1x5");
/// assert!("1x1,2".parse::<Schedule>().is_err());
/// # Ok::<(), singletrack::vm::schedule::ScheduleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Schedule {
    runs: Vec<Run>,
}

impl Schedule {
    /// Lets a thread run on, or another one begin.
    pub fn push(&mut self, thread: usize, instructions: usize) {
        match self.runs.last_mut() {
            Some(last) if last.thread == thread => last.instructions += instructions,
            _ => self.runs.push(Run { thread, instructions }),
        }
    }

    /// The stretches, in order; neighbours are of different threads.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// How often another thread runs than before.
    pub fn switches(&self) -> usize {
        self.runs.len().saturating_sub(1)
    }
}

impl FromIterator<Run> for Schedule {
    fn from_iter<I: IntoIterator<Item = Run>>(runs: I) -> Schedule {
        let mut schedule = Schedule::default();
        runs.into_iter().for_each(|run| schedule.push(run.thread, run.instructions));
        schedule
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, run) in self.runs.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{}x{}", run.thread + 1, run.instructions)?;
        }
        Ok(())
    }
}

/// A piece of text that is no stretch of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleError(String);

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no stretch of a schedule; write THREADxINSTRUCTIONS, as in 1x3", self.0)
    }
}

impl std::error::Error for ScheduleError {}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Schedule, ScheduleError> {
        let stretch = |piece: &str| {
            let (thread, instructions) = piece.trim().split_once('x')?;
            let number = |text: &str| text.parse::<u32>().ok().filter(|n| *n > 0);
            let thread = number(thread)? as usize - 1;
            Some(Run { thread, instructions: number(instructions)? as usize })
        };
        let read = |piece: &str| stretch(piece).ok_or_else(|| ScheduleError(piece.to_owned()));
        text.split(',').map(read).collect()
    }
}
