//! What a terminal shows: how many columns it has, and which colours.
//!
//! *Promises*: what was asked for comes first, then what the terminal says of itself, then what the
//! environment says; no line that went through [`wrap`] is wider than it should be, and only a word
//! that is wider than a line is cut.
//! *Leaves out*: what is written there. All but [`Page::on_stdout`] is pure.
//!
//! ```text
//!   --width, the terminal, $COLUMNS ─────────────────────▶ width   ┐
//!   --color, NO_COLOR, CLICOLOR_FORCE, TERM, COLORTERM ──▶ Palette ┴▶ Page
//! ```

use crate::sys::fd::terminal_width;
use clap::ValueEnum;
use std::env;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

/// The width where nobody says one: a file's, or a pipe's.
const USUAL_WIDTH: usize = 80;
/// No line is longer, whatever the terminal.
pub const WIDEST: usize = 1000;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// If stdout is a terminal, and neither `NO_COLOR` nor `TERM=dumb` speaks against it.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which colours there are. Each has those of the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Palette {
    /// None are to be used.
    None,
    /// The sixteen that every colour terminal has, in shades of its own.
    Sixteen,
    /// The 256 of xterm.
    Cube,
    /// Any red, green and blue.
    Rgb,
}

impl Palette {
    /// Chooses one. Only `TERM` and `COLORTERM` know what a terminal can do.
    ///
    /// ```
    /// use singletrack::lab::report::terminal::{ColorChoice, Palette};
    ///
    /// let console = |name: &str| (name == "TERM").then(|| "linux".to_owned());
    /// assert_eq!(Palette::of(ColorChoice::Auto, true, console), Palette::Sixteen);
    /// assert_eq!(Palette::of(ColorChoice::Auto, false, console), Palette::None);
    /// ```
    pub fn of(
        when: ColorChoice,
        is_terminal: bool,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Palette {
        let set = |name| variable(name).filter(|value: &String| !value.is_empty());
        let wanted = match when {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if set("NO_COLOR").is_some() => false,
            ColorChoice::Auto if variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") => {
                true
            }
            ColorChoice::Auto => is_terminal && variable("TERM").is_none_or(|term| term != "dumb"),
        };
        let term = set("TERM").unwrap_or_default();
        match set("COLORTERM").as_deref() {
            _ if !wanted => Palette::None,
            Some("truecolor" | "24bit") => Palette::Rgb,
            _ if term.contains("direct") => Palette::Rgb,
            _ if term.contains("256color") => Palette::Cube,
            _ => Palette::Sixteen,
        }
    }
}

/// How many columns to use: as many as were asked for, else the terminal's, else `$COLUMNS`, else 80.
///
/// ```
/// use singletrack::lab::report::terminal::width;
///
/// assert_eq!(width(None, Some(160), Some("100")), 160);
/// assert_eq!(width(None, None, Some("100")), 100);
/// assert_eq!(width(Some(60), Some(160), None), 60);
/// assert_eq!(width(None, None, Some("wide")), 80);
/// ```
pub fn width(asked: Option<usize>, terminal: Option<usize>, columns: Option<&str>) -> usize {
    let columns = || columns.and_then(|text| text.parse().ok()).filter(|&columns| columns > 0);
    asked.or(terminal).or_else(columns).unwrap_or(USUAL_WIDTH).min(WIDEST)
}

/// Where text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Characters in a line, at most.
    pub width: usize,
    /// Which colours it has.
    pub palette: Palette,
}

impl Page {
    /// What stdout is, unless a width was asked for.
    pub fn on_stdout(asked: Option<usize>, when: ColorChoice) -> Page {
        let variable = |name: &str| Some(env::var_os(name)?.to_string_lossy().into_owned());
        let stdout = io::stdout();
        let columns = variable("COLUMNS");
        Page {
            width: width(asked, terminal_width(stdout.as_fd()), columns.as_deref()),
            palette: Palette::of(when, stdout.is_terminal(), variable),
        }
    }
}

/// How many columns stdout has, if it is a terminal or the environment says so. What stands in columns
/// may be as wide as it likes in a file or a pipe of which nobody has said anything.
pub fn said_width() -> Option<usize> {
    let columns = env::var("COLUMNS").ok().filter(|text| text.parse().is_ok_and(|n: usize| n > 0));
    let terminal = terminal_width(io::stdout().as_fd());
    (terminal.is_some() || columns.is_some()).then(|| width(None, terminal, columns.as_deref()))
}

/// A paragraph in lines of at most `width` characters, which all end. A word that is wider than a
/// line is cut after a `/` or a comma, and elsewhere only if there is none.
///
/// ```
/// use singletrack::lab::report::terminal::wrap;
///
/// let paragraph = "in src/gil/rules/machine.rs:12";
/// assert_eq!(wrap(paragraph, 12), "in src/gil/\nrules/\nmachine.rs:1\n2\n");
/// ```
pub fn wrap(paragraph: &str, width: usize) -> String {
    let width = width.max(1);
    let (mut text, mut used) = (String::new(), 0);
    for mut word in paragraph.split(' ') {
        loop {
            let gap = usize::from(used > 0);
            let (letters, room) = (word.chars().count(), width.saturating_sub(used + gap));
            let end = match letters {
                letters if letters <= room => word.len(),
                letters if letters <= width => 0,
                _ if used > 0 => after_a_mark(word, room).unwrap_or(0),
                _ => after_a_mark(word, room).unwrap_or_else(|| bytes(word, room)),
            };
            if end > 0 {
                text += &" ".repeat(gap);
                text += &word[..end];
            }
            word = &word[end..];
            if word.is_empty() {
                used += gap + letters;
                break;
            }
            text.push('\n');
            used = 0;
        }
    }
    text + "\n"
}

/// Lines that stand in columns, for a page of `width`: the gaps that all rows have are made smaller,
/// and a line that is too wide even so is broken. A line with ` | ` in it is of somebody's source, and
/// has its gaps for itself.
///
/// ```
/// use singletrack::lab::report::terminal::narrowed;
///
/// let rows = "1        LOAD        x\n2        STORE       x\n";
/// assert_eq!(narrowed(rows, 30), rows);
/// assert_eq!(narrowed(rows, 12), "1  LOAD   x\n2  STORE  x\n");
/// ```
pub fn narrowed(text: &str, width: usize) -> String {
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let is_row = |line: &str| line.trim_start().contains("  ") && !line.contains(" | ");
    let rows: Vec<bool> = text.lines().map(is_row).collect();
    if lines.iter().all(|line| line.len() <= width) {
        return text.to_owned();
    }
    let of_rows = || lines.iter().zip(&rows).filter(|(_, is_row)| **is_row);
    let longest = of_rows().map(|(line, _)| line.len()).max().unwrap_or(0);
    let blank = |at: usize| of_rows().all(|(line, _)| line.get(at).is_none_or(|c| *c == ' '));
    let mut run = 0;
    let kept = (0..longest).map(|at| {
        run = if blank(at) { run + 1 } else { 0 };
        run <= 2
    });
    let kept: Vec<bool> = kept.collect();
    let mut narrow = String::new();
    for (line, is_row) in lines.iter().zip(&rows) {
        let all = line.iter().enumerate();
        let cells = all.filter(|(at, _)| !is_row || kept[*at]).map(|(_, c)| c);
        let line: String = cells.collect();
        narrow += &hanging(&line, width);
    }
    narrow
}

/// A line as it is, or, if it is too wide, with its gaps as small as can be, broken, what follows
/// further in.
fn hanging(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return format!("{line}\n");
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let lines = wrap(&words.join(" "), width.saturating_sub(2));
    let lines = lines.lines().enumerate();
    lines.map(|(at, line)| format!("{}{line}\n", if at == 0 { "" } else { "  " })).collect()
}

/// Where the last `/` or comma ends that is among the first `count` characters.
fn after_a_mark(word: &str, count: usize) -> Option<usize> {
    word[..bytes(word, count)].rfind(['/', ',']).map(|at| at + 1)
}

/// How many bytes the first `count` characters are.
fn bytes(word: &str, count: usize) -> usize {
    word.char_indices().nth(count).map_or(word.len(), |(at, _)| at)
}
