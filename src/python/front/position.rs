//! A place in a Python file.
//!
//! *Promises*: lines and columns count from 1; a column is a character, not a byte.
//! *Leaves out*: which file it is.

use std::fmt;

/// A line and a column.
///
/// ```
/// use singletrack::python::front::position::Position;
///
/// assert_eq!(Position::of("a = 1\nbé = 2", 9).to_string(), "2:3", "é has two bytes");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Position {
    /// Where the byte `offset` of a text stands. An offset beyond its end is its end.
    pub fn of(text: &str, offset: usize) -> Position {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        let column = 1 + before[line_start..].chars().count();
        Position { line: number(line), column: number(column) }
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
