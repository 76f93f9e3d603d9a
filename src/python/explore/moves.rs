//! A move of a schedule: which thread goes on; and schedules as text.
//!
//! *Promises*: what is written can be read again, and is the same schedule of the same program under
//! the same policy.
//! *Leaves out*: whether a world allows a move (`python/explore/worlds.rs`).
//!
//! ```text
//! schedule = part ("," part)*        0x1,1x2,2!,1=3x1
//! part     = THREAD ["!"] ["=" CHOICE] ["x" TIMES]
//! ```
//! `1x2`: thread 1 takes two steps. `2!`: the time limit of what thread 2 waits for has passed.
//! `1=3`: of the numbers that chance could give thread 1, it is the third behind the first.

use crate::python::machine::world::{Wait, World};

/// Which thread goes on, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Move {
    /// The thread.
    pub thread: usize,
    /// The time limit of its wait has passed.
    pub late: bool,
    /// Which of the numbers that chance could give.
    pub choice: u32,
}

impl Move {
    /// A thread goes on.
    pub fn of(thread: usize) -> Move {
        Move { thread, ..Move::default() }
    }
}

/// What can happen next in a world.
pub fn moves(world: &World) -> Vec<Move> {
    let mut moves = Vec::new();
    for (thread, state) in world.threads.iter().enumerate() {
        let choices = match state.wait {
            Some((Wait::Choice(count), _)) => count,
            _ => 1,
        };
        if world.is_ready(thread) {
            moves.extend((0..choices).map(|choice| Move { choice, ..Move::of(thread) }));
        } else if !state.has_ended() && matches!(state.wait, Some((_, Some(_)))) {
            moves.push(Move { late: true, ..Move::of(thread) });
        }
    }
    moves
}

/// A schedule as text.
///
/// ```
/// use singletrack::python::explore::moves::{Move, read_moves, write_moves};
///
/// let late = Move { late: true, ..Move::of(2) };
/// let moves = [Move::of(0), Move::of(1), Move::of(1), late];
/// assert_eq!(write_moves(&moves), "0,1x2,2!");
/// assert_eq!(read_moves("0,1x2,2!").unwrap(), moves);
/// assert_eq!(read_moves("0,1y2").unwrap_err(), "1y2");
/// ```
pub fn write_moves(moves: &[Move]) -> String {
    let mut parts = Vec::new();
    for run in moves.chunk_by(|a, b| a == b) {
        let mut text = run[0].thread.to_string();
        if run[0].late {
            text.push('!');
        }
        if run[0].choice > 0 {
            text += &format!("={}", run[0].choice);
        }
        if run.len() > 1 {
            text += &format!("x{}", run.len());
        }
        parts.push(text);
    }
    parts.join(",")
}

/// The most steps of a schedule that is read.
const MOST_STEPS: usize = 1_000_000;

/// Reads a schedule.
///
/// # Errors
/// The part that is none.
pub fn read_moves(text: &str) -> Result<Vec<Move>, String> {
    let mut moves = Vec::new();
    for part in text.split(',') {
        let wrong = || part.to_owned();
        let (front, times) = part.split_once('x').unwrap_or((part, "1"));
        let (front, choice) = front.split_once('=').unwrap_or((front, "0"));
        let (thread, late) = match front.strip_suffix('!') {
            Some(thread) => (thread, true),
            None => (front, false),
        };
        let thread = thread.trim().parse().map_err(|_| wrong())?;
        let choice = choice.parse().map_err(|_| wrong())?;
        let times: usize = times.trim().parse().map_err(|_| wrong())?;
        if times == 0 || times > MOST_STEPS - moves.len() {
            return Err(wrong());
        }
        moves.extend(std::iter::repeat_n(Move { thread, late, choice }, times));
    }
    Ok(moves)
}
