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

/// How an exception has come to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// It was raised there, for the first time.
    New,
    /// It was raised there once more.
    Again,
    /// From further in.
    Through,
}

/// An exception that ended a thread, or one that was handled when it was raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The calls that it has come through, the outermost first.
    pub calls: Vec<Call>,
    /// Its class and what it says.
    pub text: String,
    /// What it is to the next one.
    pub link: &'static str,
}

/// For each thread the calls that its last exceptions have come through, the innermost first.
#[derive(Debug, Clone, Default)]
pub struct Tracebacks {
    /// Whether they are kept.
    pub kept: bool,
    of: HashMap<usize, Vec<(Id, Vec<Call>)>>,
    told: HashMap<usize, Vec<Told>>,
}

/// Of how many exceptions a thread's calls are kept.
const MOST: usize = 64;

impl Tracebacks {
    /// An exception has come to a call of a thread that is inside of `depth` others. Of a call that
    /// is not shown there is nothing to tell.
    pub(crate) fn note(
        &mut self,
        thread: usize,
        (exception, came): (Id, Came),
        depth: usize,
        shown: Option<(String, Position)>,
    ) {
        let all = self.of.entry(thread).or_default();
        let known = all.iter().position(|(of, _)| *of == exception);
        let calls = match known.filter(|_| came != Came::New) {
            Some(at) => &mut all[at].1,
            None => {
                known.map(|at| all.remove(at));
                if all.len() == MOST {
                    all.remove(0);
                }
                all.push((exception, Vec::new()));
                &mut all.last_mut().expect("it was pushed").1
            }
        };
        if came == Came::Again || calls.last().is_none_or(|last| depth < last.depth) {
            calls.extend(shown.map(|(function, at)| Call { depth, function, at }));
        }
    }

    /// A thread has ended by the last of these exceptions.
    pub(crate) fn end(&mut self, thread: usize, chain: Vec<(Id, String, &'static str)>) {
        let all = self.of.remove(&thread).unwrap_or_default();
        let tell = |(exception, text, link)| {
            let calls = all.iter().find(|(of, _)| *of == exception);
            let calls = calls.map_or_else(Vec::new, |(_, calls)| calls.clone());
            Told { calls: calls.into_iter().rev().collect(), text, link }
        };
        self.told.insert(thread, chain.into_iter().map(tell).collect());
    }

    /// Takes what is to be told of the end of a thread, the first exception first.
    pub(crate) fn take(&mut self, thread: usize) -> Vec<Told> {
        self.of.remove(&thread);
        self.told.remove(&thread).unwrap_or_default()
    }
}

/// The tracebacks of exceptions that followed each other.
pub(crate) fn tracebacks(told: &[Told], file: &str, source: &str) -> String {
    let mut out = String::new();
    for told in told {
        out += &traceback(&told.calls, file, source, &told.text);
        if !told.link.is_empty() {
            out += &format!("\n{}\n\n", told.link);
        }
    }
    out
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
