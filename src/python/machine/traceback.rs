//! Tracebacks: the calls that an exception has come through, in CPython's words.
//!
//! *Promises*: the innermost call is the one that raised; a handler that raises the same exception
//! again adds nothing. They are no part of a world, so they tell no two worlds apart.
//! *Leaves out*: calls that are C in CPython, and the carets below a line.

use crate::python::front::position::Position;
use crate::python::value::any::Id;
use std::collections::HashMap;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// How many calls it was inside of.
    depth: usize,
    /// The function, or `<module>`.
    pub function: String,
    /// Where it was.
    pub at: Position,
}

/// For each thread the calls that its last exception has come through, the innermost first.
#[derive(Debug, Clone, Default)]
pub struct Tracebacks {
    /// Whether they are kept.
    pub kept: bool,
    of: HashMap<usize, (Id, Vec<Call>)>,
}

impl Tracebacks {
    /// An exception has come to a call of a thread that is inside of `depth` others; `raised` if it
    /// begins there. Of a call that is not shown there is nothing to tell.
    pub(crate) fn note(
        &mut self,
        thread: usize,
        (exception, raised): (Id, bool),
        depth: usize,
        shown: Option<(String, Position)>,
    ) {
        let entry = self.of.entry(thread);
        let (of, calls) = entry.or_insert_with(|| (exception, Vec::new()));
        if raised || *of != exception {
            calls.clear();
            *of = exception;
        }
        if calls.last().is_none_or(|last| depth < last.depth) {
            calls.extend(shown.map(|(function, at)| Call { depth, function, at }));
        }
    }

    /// Takes the calls that a thread's last exception has come through, the outermost first.
    pub(crate) fn take(&mut self, thread: usize) -> Vec<Call> {
        let mut calls = self.of.remove(&thread).map_or_else(Vec::new, |(_, calls)| calls);
        calls.reverse();
        calls
    }
}

/// A traceback in CPython's words, with lines of source.
///
/// ```
/// use singletrack::python::machine::traceback::traceback;
///
/// let text = traceback(&[], "t.py", "", "ValueError: no");
/// assert_eq!(text, "Traceback (most recent call last):\nValueError: no\n");
/// ```
pub fn traceback(calls: &[Call], file: &str, source: &str, last: &str) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let mut text = "Traceback (most recent call last):\n".to_owned();
    let mut repeated = 0;
    for (number, call) in calls.iter().enumerate() {
        let earlier = number.checked_sub(3).and_then(|from| calls.get(from..number));
        // CPython shows the first three of calls that are all alike.
        if earlier.is_some_and(|all| all.iter().all(|one| one.is_like(call))) {
            repeated += 1;
            continue;
        }
        text += &repetition(std::mem::take(&mut repeated));
        let Call { function, at, .. } = call;
        text += &format!("  File \"{file}\", line {}, in {function}\n", at.line);
        if let Some(line) = (at.line as usize).checked_sub(1).and_then(|at| lines.get(at)) {
            text += &format!("    {}\n", line.trim());
        }
    }
    text += &repetition(repeated);
    text + last + "\n"
}

impl Call {
    fn is_like(&self, other: &Call) -> bool {
        self.function == other.function && self.at.line == other.at.line
    }
}

fn repetition(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "  [Previous line repeated 1 more time]\n".to_owned(),
        n => format!("  [Previous line repeated {n} more times]\n"),
    }
}
