//! Where in this crate's source a function stands: `src/gil/machine.rs:229`.
//!
//! *Assumes*: nothing; the files are part of the program, so the lines are those it was built
//! from.
//! *Promises*: a place is named only if the function is there, once.
//! *Leaves out*: files that no explanation names.

/// The files that explanations name.
const FILES: [(&str, &str); 19] = [
    ("gil/policy.rs", include_str!("../gil/policy.rs")),
    ("gil/ticker.rs", include_str!("../gil/ticker.rs")),
    ("gil/waiters.rs", include_str!("../gil/waiters.rs")),
    ("gil/machine.rs", include_str!("../gil/machine.rs")),
    ("gil/door.rs", include_str!("../gil/door.rs")),
    ("gil/lock.rs", include_str!("../gil/lock.rs")),
    ("gil/thread_state.rs", include_str!("../gil/thread_state.rs")),
    ("gil/token.rs", include_str!("../gil/token.rs")),
    ("gil/cell.rs", include_str!("../gil/cell.rs")),
    ("gil/channel.rs", include_str!("../gil/channel.rs")),
    ("gil/pending.rs", include_str!("../gil/pending.rs")),
    ("gil/interrupts.rs", include_str!("../gil/interrupts.rs")),
    ("gil/world.rs", include_str!("../gil/world.rs")),
    ("gil/free_threading.rs", include_str!("../gil/free_threading.rs")),
    ("gil/member.rs", include_str!("../gil/member.rs")),
    ("gil/attached.rs", include_str!("../gil/attached.rs")),
    ("lab/bytecode.rs", include_str!("bytecode.rs")),
    ("lab/scopes.rs", include_str!("scopes.rs")),
    ("lab/stage.rs", include_str!("stage.rs")),
];

/// A function and the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, from the crate's root.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// The function's name.
    pub function: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Where `function` stands in `file`, which is named from `src`.
///
/// ```
/// use singletrack::lab::source::locate;
///
/// assert_eq!(locate("gil/ticker.rs", "tick").unwrap().file, "src/gil/ticker.rs");
/// assert_eq!(locate("gil/ticker.rs", "tock"), None);
/// ```
pub fn locate(file: &str, function: &str) -> Option<Place> {
    let (_, text) = FILES.iter().find(|(name, _)| *name == file)?;
    let mut lines = text.lines().enumerate().filter(|(_, line)| defines(line, function));
    match (lines.next(), lines.next()) {
        (Some((index, _)), None) => Some(Place {
            file: format!("src/{file}"),
            line: index + 1,
            function: function.to_owned(),
        }),
        _ => None,
    }
}

/// This line begins the function.
fn defines(line: &str, function: &str) -> bool {
    let mut parts = line.split("fn ");
    let before = parts.next().unwrap_or_default();
    let is_item = before.split_whitespace().all(|word| word.starts_with("pub") || word == "const");
    let rest = parts.next().and_then(|rest| rest.strip_prefix(function));
    is_item && rest.is_some_and(|rest| rest.starts_with(['(', '<']))
}

/// Replaces every `[file function]` of a text by the place, and collects the places.
///
/// What names no function stays as it is; a test sees to it that there is nothing such.
pub fn resolve(text: &str) -> (String, Vec<Place>) {
    let (mut out, mut places, mut rest) = (String::new(), Vec::new(), text);
    while let Some(open) = rest.find('[') {
        let Some(length) = rest[open..].find(']') else { break };
        let name = &rest[open + 1..open + length];
        let place = name.split_once(' ').and_then(|(file, function)| locate(file, function));
        out += &rest[..open];
        match place {
            Some(place) => {
                out += &place.to_string();
                places.push(place);
            }
            None => out += &rest[open..=open + length],
        }
        rest = &rest[open + length + 1..];
    }
    (out + rest, places)
}
