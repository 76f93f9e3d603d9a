//! The exercises: tests that fail until their reader has done something.
//!
//! *Promises*: in the order of the file; what it does not say is empty.
//! *Leaves out*: the exercises, which stand in `tests/exercises/reader.rs`, with their tests in
//! `tests/exercises/main.rs`.
//!
//! ```text
//!   /// Exercise 3 (event_loop): a title.       which number, which floor
//!   ///
//!   /// What to do.
//!   ///
//!   /// Look: src/FILE. Hint: a hint.
//!   pub fn NAME(
//! ```

use crate::lab::examples::header::{capital, joined};

/// What the reader writes into.
const READER: &str = include_str!("../../../tests/exercises/reader.rs");

/// One exercise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exercise {
    /// Its number, from 1.
    pub number: u8,
    /// The folder of `src` that it is about.
    pub floor: String,
    /// What it is about.
    pub title: String,
    /// What to do.
    pub task: String,
    /// Where to look.
    pub look: String,
    /// A hint.
    pub hint: String,
    /// The function or constant to be written, and the test's name.
    pub name: String,
}

impl Exercise {
    /// All of them, in order.
    pub fn all() -> Vec<Exercise> {
        Exercise::of(READER)
    }

    /// How to check it.
    pub fn command(&self) -> String {
        format!("cargo test --test exercises -- --ignored {}", self.name)
    }

    /// Reads a file of exercises.
    ///
    /// ```
    /// use singletrack::lab::examples::exercise::Exercise;
    ///
    /// let text = "/// Exercise 1 (gil): a count.\n///\n/// Count.\n///\n\
    ///             /// Look: src/gil/mod.rs. Hint: two.\npub fn count() {}\n";
    /// let exercise = &Exercise::of(text)[0];
    /// assert_eq!((exercise.number, exercise.floor.as_str()), (1, "gil"));
    /// assert_eq!((exercise.task.as_str(), exercise.hint.as_str()), ("Count.", "two."));
    /// assert_eq!((exercise.name.as_str(), exercise.look.as_str()), ("count", "src/gil/mod.rs"));
    /// ```
    pub fn of(text: &str) -> Vec<Exercise> {
        let mut all = Vec::new();
        for part in text.split("/// Exercise ").skip(1) {
            let is_comment = |line: &&str| line.starts_with("///");
            let lines: Vec<&str> = part.lines().skip(1).take_while(is_comment).collect();
            let comment: String =
                lines.iter().map(|line| format!("{}\n", line[3..].trim())).collect();
            let code = part.lines().skip(1 + lines.len()).find(|line| line.starts_with("pub "));
            let head = part.lines().next().unwrap_or("");
            let (number, rest) = head.split_once(" (").unwrap_or((head, ""));
            let (floor, title) = rest.split_once("): ").unwrap_or((rest, ""));
            let (task, places) = comment.split_once("Look: ").unwrap_or((&comment, ""));
            let (look, hint) = places.split_once(". Hint: ").unwrap_or((places, ""));
            all.push(Exercise {
                number: number.parse().unwrap_or(0),
                floor: floor.to_owned(),
                title: capital(title.trim_end_matches('.')),
                task: joined(task),
                look: joined(look),
                hint: joined(hint),
                name: name(code.unwrap_or("")),
            });
        }
        all
    }
}

/// `count` of `pub fn count() {`, and `ROUND` of `pub const ROUND: u32 = …`.
fn name(code: &str) -> String {
    let word = code
        .split_whitespace()
        .find(|word| !["pub", "async", "const", "fn", "struct"].contains(word));
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    word.unwrap_or("").chars().take_while(|&c| is_part(c)).collect::<String>().to_lowercase()
}
