//! Text of strangers (a file's name, a server's answer, a program's line) as it may be shown.
//!
//! *Promises*: it stays on one line, and steers no terminal.
//! *Leaves out*: where lines break, and how wide a character is.

/// The text on one line, with all that could move a cursor, change a colour or turn the direction of
/// writing spelled out.
///
/// ```
/// use singletrack::base::text::shown;
///
/// assert_eq!(shown("plain, grün"), "plain, grün");
/// assert_eq!(shown("\x1b[2J\n\u{9b}m\u{202e}"), r"\u{1b}[2J\n\u{9b}m\u{202e}");
/// ```
pub fn shown(text: &str) -> String {
    let steers = |c: char| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}');
        c.is_control() || turns || matches!(c, '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match steers(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// So many characters of it at most; the last stands for those that are left out.
///
/// ```
/// use singletrack::base::text::cut;
///
/// assert_eq!((&*cut("grün", 4), &*cut("grüner", 4)), ("grün", "grü…"));
/// ```
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most.saturating_sub(1)).collect::<String>() + "…",
        None => text.to_owned(),
    }
}
