//! What happened in a world, as one number.
//!
//! *Promises*: equal numbers, equal logs, but for one pair in 2⁶⁴; lines are kept only if asked for.
//! *Leaves out*: secrecy: whoever wants to can find two logs with one number.

use crate::base::random::mix;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

/// A log. A clone is the same log.
///
/// ```
/// use singletrack::lab::seeds::log::Log;
///
/// let (one, other) = (Log::new(false), Log::new(true));
/// for log in [&one, &other] {
///     log.line(format_args!("a is sent"));
///     log.line(format_args!("b is sent"));
/// }
/// assert_eq!(one.hash(), other.hash());
/// assert_eq!(other.lines(), ["a is sent", "b is sent"]);
/// other.line(format_args!("c is sent"));
/// assert_ne!(one.hash(), other.hash());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Log(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    hash: Cell<u64>,
    count: Cell<u64>,
    lines: Option<RefCell<Vec<String>>>,
}

impl Log {
    /// An empty log.
    pub fn new(keeps_lines: bool) -> Log {
        Log(Rc::new(Inner { lines: keeps_lines.then(RefCell::default), ..Inner::default() }))
    }

    /// Writes a line.
    pub fn line(&self, line: fmt::Arguments<'_>) {
        let text = line.to_string();
        let pieces = text.as_bytes().chunks(8);
        let hash = pieces.fold(mix(self.0.hash.get() ^ text.len() as u64), |hash, piece| {
            let mut word = [0; 8];
            word[..piece.len()].copy_from_slice(piece);
            mix(hash ^ u64::from_le_bytes(word))
        });
        self.0.hash.set(hash);
        self.0.count.update(|count| count + 1);
        if let Some(lines) = &self.0.lines {
            lines.borrow_mut().push(text);
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.0.hash.set(0);
        self.0.count.set(0);
        if let Some(lines) = &self.0.lines {
            lines.borrow_mut().clear();
        }
    }

    /// All lines in one number.
    pub fn hash(&self) -> u64 {
        self.0.hash.get()
    }

    /// How many lines there are.
    pub fn count(&self) -> u64 {
        self.0.count.get()
    }

    /// The lines, if they are kept.
    pub fn lines(&self) -> Vec<String> {
        self.0.lines.as_ref().map_or_else(Vec::new, |lines| lines.borrow().clone())
    }
}
