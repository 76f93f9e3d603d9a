//! Explanations, which name functions of this crate by file and line.
//!
//! A place is shown as `src/gil/rules/machine.rs:229`.
//!
//! *Promises*: a file that an explanation names is there, or the crate does not compile; a place
//! is given only if the function is there, once. A test goes through all of them.
//! *Leaves out*: the explanations themselves: each scene's file has its own, and `lab/explain` has
//! those of the topics.
//!
//! ```text
//!   explain! { "The holder sees the request: " [gil/lock/token.rs pass] ", and goes." }
//!                 │ text                         │ a function in a file of src
//!                 ▼                              ▼
//!             Piece::Text                    Piece::Function, with `include_str!`
//! ```
//! A function that stands twice in its file is written with its type: `[a/b.rs Type::function]`.
//! The lines of a text are broken anew when it is shown; an empty line ends a paragraph.

use crate::lab::report::terminal::wrap;
use std::fmt;

/// Turns text and places into `&[Piece]`. The program holds the files that are named, so the
/// lines are those that it was built from.
macro_rules! explain {
    ($($piece:tt)*) => { &[$($crate::lab::scenes::explanation::piece!($piece)),*] };
}

/// One literal, or one place in brackets.
macro_rules! piece {
    ($text:literal) => { $crate::lab::scenes::explanation::Piece::Text($text) };
    ([$($folder:ident)/+ . rs $name:ident]) => {
        $crate::lab::scenes::explanation::piece!(@ None, $name, $($folder)+)
    };
    ([$($folder:ident)/+ . rs $owner:ident :: $name:ident]) => {
        $crate::lab::scenes::explanation::piece!(@ Some(stringify!($owner)), $name, $($folder)+)
    };
    (@ $owner:expr, $name:ident, $($folder:ident)+) => {
        $crate::lab::scenes::explanation::Piece::Function(
            $crate::lab::scenes::explanation::SourceFunction {
                file: concat!("src", $("/", stringify!($folder),)+ ".rs"),
                text: include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"), "/src", $("/", stringify!($folder),)+ ".rs"
                )),
                owner: $owner,
                name: stringify!($name),
            }
        )
    };
}

pub(crate) use {explain, piece};

/// A part of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// Words.
    Text(&'static str),
    /// A function, in whose stead its place is shown.
    Function(SourceFunction),
}

/// A function of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceFunction {
    /// The file, from the crate's root.
    pub file: &'static str,
    /// All that stands in the file.
    pub text: &'static str,
    /// The type in whose `impl` block it stands, where the name alone is not enough.
    pub owner: Option<&'static str>,
    /// Its name.
    pub name: &'static str,
}

/// A function and the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePlace {
    /// The file, from the crate's root.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// The function's name.
    pub function: String,
}

impl fmt::Display for SourcePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl SourceFunction {
    /// Where it stands; nowhere, if it is not there, or there more than once.
    ///
    /// ```
    /// use singletrack::lab::scenes::explanation::SourceFunction;
    ///
    /// let text = "fn tick() {}\n\nimpl Ticker {\n    pub fn tick(&self) {}\n}\n";
    /// let tick = SourceFunction { file: "src/a.rs", text, owner: Some("Ticker"), name: "tick" };
    /// assert_eq!(tick.place().unwrap().to_string(), "src/a.rs:4");
    /// assert_eq!(SourceFunction { owner: None, ..tick }.place(), None, "there are two");
    /// assert_eq!(SourceFunction { name: "tock", ..tick }.place(), None);
    /// ```
    pub fn place(&self) -> Option<SourcePlace> {
        let mut block = None;
        let mut found = self.text.lines().enumerate().filter(|(_, line)| {
            match line.strip_prefix("impl") {
                Some(rest) => {
                    let mut words = rest.split([' ', '<', '>', '{']);
                    block = words.find(|&word| self.owner == Some(word));
                }
                None if *line == "}" => block = None,
                None => {}
            }
            defines(line, self.name) && (self.owner.is_none() || block == self.owner)
        });
        match (found.next(), found.next()) {
            (Some((index, _)), None) => Some(SourcePlace {
                file: self.file.to_owned(),
                line: index + 1,
                function: self.name.to_owned(),
            }),
            _ => None,
        }
    }
}

/// This line begins the function.
fn defines(line: &str, function: &str) -> bool {
    let mut parts = line.split("fn ");
    let before = parts.next().unwrap_or_default();
    let is_item = before.split_whitespace().all(|word| {
        word.starts_with("pub")
            || word.ends_with(')')
            || ["const", "async", "unsafe"].contains(&word)
    });
    let rest = parts.next().and_then(|rest| rest.strip_prefix(function));
    is_item && rest.is_some_and(|rest| rest.starts_with(['(', '<']))
}

/// The text with its places filled in, and the places.
///
/// A function that cannot be found is shown in brackets; a test makes sure that there is none.
pub fn resolve(explanation: &[Piece]) -> (String, Vec<SourcePlace>) {
    let (mut text, mut places) = (String::new(), Vec::new());
    for piece in explanation {
        match piece {
            Piece::Text(words) => text += words,
            Piece::Function(function) => match function.place() {
                Some(place) => {
                    text += &place.to_string();
                    places.push(place);
                }
                None => text += &format!("[{} {}]", function.file, function.name),
            },
        }
    }
    (text, places)
}

/// The text with its places filled in, in lines of at most `width`; an empty line between two
/// paragraphs.
pub fn paragraphs(explanation: &[Piece], width: usize) -> String {
    let (text, _) = resolve(explanation);
    let one_line = |lines: &str| lines.split_whitespace().collect::<Vec<_>>().join(" ");
    let paragraphs = text.split("\n\n").map(|lines| wrap(&one_line(lines), width));
    paragraphs.collect::<Vec<_>>().join("\n")
}
