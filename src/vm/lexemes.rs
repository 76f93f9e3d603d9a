//! The lexemes of a program's text: words and marks, line by line, each with its column.
//!
//! *Promises*: every error names line, column, what stands there and what was expected.
//! *Leaves out*: what a line means (`vm/assembler.rs`, `vm/expect_parser.rs`).
//!
//! ```text
//!   ACQUIRE  door   # shut it       expect a+b==20
//!   ^        ^                      ^      ^^^^ ^
//!   1        10                     1      8…
//! ```

use crate::vm::program::Position;
use std::fmt;

/// Why a text is not a program: the place, what stands there, and what was expected instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssembleError {
    /// The place.
    pub position: Position,
    /// What stands there.
    pub found: String,
    /// What was expected.
    pub expected: String,
}

impl fmt::Display for AssembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: found {}; expected {}", self.position, self.found, self.expected)
    }
}

impl std::error::Error for AssembleError {}

/// A word or a punctuation mark, and its column.
#[derive(Debug, Clone)]
pub(crate) struct Lexeme {
    text: String,
    column: usize,
}

/// A line of text, as far as it is not yet read.
#[derive(Debug, Clone)]
pub(crate) struct SourceLine {
    number: usize,
    lexemes: std::vec::IntoIter<Lexeme>,
    /// The column after the last lexeme.
    end: usize,
}

impl SourceLine {
    pub(crate) fn of(text: &str, number: usize) -> SourceLine {
        let mut lexemes: Vec<Lexeme> = Vec::new();
        let mut end = 1;
        let mut in_word = false;
        for (c, column) in text.chars().zip(1..) {
            if c == '#' {
                break;
            }
            // A minus belongs to a number, except where there are expressions.
            let calculates = lexemes.first().is_some_and(|first| first.text == "expect");
            let mark = matches!(c, '(' | ')' | ',' | ':' | '=')
                || calculates && matches!(c, '+' | '-' | '*' | '<' | '>' | '!');
            let two = |last: &Lexeme| {
                calculates && column == end && matches!(&*last.text, "=" | "!" | "<" | ">")
            };
            match lexemes.last_mut() {
                _ if c.is_whitespace() => {}
                Some(word) if in_word && !mark => word.text.push(c),
                Some(last) if c == '=' && two(last) => last.text.push(c),
                _ => lexemes.push(Lexeme { text: c.to_string(), column }),
            }
            in_word = !mark && !c.is_whitespace();
            end = if c.is_whitespace() { end } else { column + 1 };
        }
        SourceLine { number, lexemes: lexemes.into_iter(), end }
    }

    /// Reads one lexeme, whatever it is.
    pub(crate) fn skip(&mut self) {
        self.lexemes.next();
    }

    /// How many lexemes are not yet read.
    pub(crate) fn left(&self) -> usize {
        self.lexemes.len()
    }

    pub(crate) fn peek(&self, ahead: usize) -> Option<&str> {
        self.lexemes.as_slice().get(ahead).map(|lexeme| lexeme.text.as_str())
    }

    /// Where the next lexeme stands.
    pub(crate) fn position(&self) -> Position {
        let column = self.lexemes.as_slice().first().map_or(self.end, |lexeme| lexeme.column);
        Position { line: self.number, column }
    }

    pub(crate) fn expected(&self, what: impl Into<String>) -> AssembleError {
        let found = self.peek(0).map_or("the end of the line".to_owned(), |t| format!("`{t}`"));
        AssembleError { position: self.position(), found, expected: what.into() }
    }

    pub(crate) fn take_if(&mut self, text: &str) -> bool {
        self.peek(0) == Some(text) && self.lexemes.next().is_some()
    }

    pub(crate) fn mark(&mut self, mark: &str) -> Result<(), AssembleError> {
        if self.take_if(mark) { Ok(()) } else { Err(self.expected(format!("`{mark}`"))) }
    }

    pub(crate) fn name(&mut self, what: &str) -> Result<String, AssembleError> {
        match self.peek(0) {
            Some(word) if is_name(word) => {
                Ok(self.lexemes.next().map(|t| t.text).unwrap_or_default())
            }
            _ => Err(self.expected(what)),
        }
    }

    pub(crate) fn number<N: std::str::FromStr>(&mut self, what: &str) -> Result<N, AssembleError> {
        let number = self.peek(0).and_then(|word| word.parse().ok());
        let number = number.ok_or_else(|| self.expected(what))?;
        self.lexemes.next();
        Ok(number)
    }

    /// A list between parentheses, with commas.
    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut SourceLine) -> Result<T, AssembleError>,
    ) -> Result<Vec<T>, AssembleError> {
        let mut items = Vec::new();
        self.mark("(")?;
        while !self.take_if(")") {
            if !items.is_empty() {
                self.mark(",").map_err(|e| AssembleError { expected: "`,` or `)`".into(), ..e })?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    pub(crate) fn end(&self) -> Result<(), AssembleError> {
        if self.peek(0).is_none() { Ok(()) } else { Err(self.expected("the end of the line")) }
    }
}

fn is_name(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}
