//! Where in this crate's source a function stands: `src/gil/rules/machine.rs:229`.
//!
//! *Assumes*: the files are part of the program, so the lines are those it was built
//! from.
//! *Promises*: a place is named only if the function is there, once.
//! *Leaves out*: files that no explanation names.

/// The files that explanations name.
const FILES: [(&str, &str); 16] = [
    ("gil/rules/policy.rs", include_str!("../../gil/rules/policy.rs")),
    ("gil/rules/ticker.rs", include_str!("../../gil/rules/ticker.rs")),
    ("gil/rules/wait_queue.rs", include_str!("../../gil/rules/wait_queue.rs")),
    ("gil/rules/machine.rs", include_str!("../../gil/rules/machine.rs")),
    ("gil/lock/state_word.rs", include_str!("../../gil/lock/state_word.rs")),
    ("gil/lock/take_gil.rs", include_str!("../../gil/lock/take_gil.rs")),
    ("gil/lock/thread_state.rs", include_str!("../../gil/lock/thread_state.rs")),
    ("gil/lock/token.rs", include_str!("../../gil/lock/token.rs")),
    ("gil/lock/cell.rs", include_str!("../../gil/lock/cell.rs")),
    ("gil/rules/pending.rs", include_str!("../../gil/rules/pending.rs")),
    ("gil/free_threading/world.rs", include_str!("../../gil/free_threading/world.rs")),
    ("gil/free_threading/scope.rs", include_str!("../../gil/free_threading/scope.rs")),
    ("gil/free_threading/attached.rs", include_str!("../../gil/free_threading/attached.rs")),
    ("lab/scenes/bytecode.rs", include_str!("../../lab/scenes/bytecode.rs")),
    ("lab/scenes/scopes.rs", include_str!("../../lab/scenes/scopes.rs")),
    ("lab/scenes/stage.rs", include_str!("../../lab/scenes/stage.rs")),
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

/// Where `function`, or `Type::function`, stands in `file`, which is named from `src`.
///
/// ```
/// use singletrack::lab::scenes::source::locate;
///
/// assert_eq!(locate("gil/rules/ticker.rs", "tick").unwrap().file, "src/gil/rules/ticker.rs");
/// assert!(locate("gil/rules/ticker.rs", "Ticker::tick").is_some());
/// assert_eq!(locate("gil/rules/ticker.rs", "tock"), None);
/// ```
pub fn locate(file: &str, function: &str) -> Option<Place> {
    let (_, text) = FILES.iter().find(|(name, _)| *name == file)?;
    let (of, name) = match function.split_once("::") {
        Some((of, name)) => (Some(of), name),
        None => (None, function),
    };
    let mut block = None;
    let mut found = text.lines().enumerate().filter(|(_, line)| {
        match line.strip_prefix("impl") {
            Some(rest) => block = rest.split([' ', '<', '>', '{']).find(|word| of == Some(word)),
            None if *line == "}" => block = None,
            None => {}
        }
        block == of && defines(line, name) || of.is_none() && defines(line, name)
    });
    match (found.next(), found.next()) {
        (Some((index, _)), None) => {
            Some(Place { file: format!("src/{file}"), line: index + 1, function: name.to_owned() })
        }
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
