//! A table in characters: as many columns as the page has room for, and never half a number.
//!
//! *Promises*: no line is wider than the page, unless one word is. Where there is no room for all
//! columns, some are left out in the order that the table states, or all stand in blocks below each
//! other; where there is none for two, each row becomes a list. No cell is cut. Pure.
//! *Leaves out*: colours: who wants them paints the lines.
//!
//! ```text
//!   40 columns                        30 columns: unit was          12 columns
//!   scene   cores   real  unit        first to go                   battle
//!   battle      1   1.02  times       scene   cores   real            cores 1
//!                                     battle      1   1.02            real 1.02 …
//! ```

use crate::lab::report::terminal::wrap;

/// Between two columns.
const GAP: usize = 2;
/// Before what belongs to the line above it.
const STEP: usize = 2;

/// Heads, rows and notes.
///
/// ```
/// use singletrack::lab::report::table::Table;
///
/// let mut table = Table::new(&["scene", "cores", "unit"]).left(&[2]).dropping(&[2]);
/// table.row(["battle", "1", "times as long"]);
/// assert_eq!(table.text(40), "scene   cores  unit\nbattle      1  times as long\n");
/// assert_eq!(table.text(20), "scene   cores\nbattle      1\n");
/// assert_eq!(table.text(10), "battle\n  cores 1\n  unit\n  times as\n  long\n");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Table {
    heads: Vec<String>,
    left: Vec<usize>,
    drop: Vec<usize>,
    least: Vec<usize>,
    indent: usize,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
enum Row {
    Cells(Vec<String>),
    Note(usize, String),
}

/// What a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The heads.
    Head,
    /// The row of this number, counted without notes.
    Row(usize),
    /// A note.
    Note,
}

impl Table {
    /// A table with these heads. A head of two lines (`hold\np50`) stands in two; the upper one once
    /// for its neighbours.
    pub fn new(heads: &[&str]) -> Table {
        let heads = heads.iter().map(|&head| head.to_owned()).collect();
        Table { heads, left: vec![0], ..Table::default() }
    }

    /// These columns also begin at their left, as the first does; numbers end at their right.
    pub fn left(mut self, columns: &[usize]) -> Table {
        self.left.extend(columns);
        self
    }

    /// Where there is no room, these columns go first, in this order.
    pub fn dropping(mut self, order: &[usize]) -> Table {
        self.drop = order.to_vec();
        self
    }

    /// No column is narrower than this: for rows that are shown before the next is known.
    pub fn at_least(mut self, widths: &[usize]) -> Table {
        self.least = widths.to_vec();
        self
    }

    /// Every line begins with so many spaces.
    pub fn indented(mut self, by: usize) -> Table {
        self.indent = by;
        self
    }

    /// Adds a row.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(Row::Cells(cells.into_iter().map(Into::into).collect()));
    }

    /// Adds a sentence below the last row, that much further to the right than the table.
    pub fn note(&mut self, by: usize, text: impl Into<String>) {
        self.rows.push(Row::Note(by, text.into()));
    }

    /// Lines for a page of this width; columns without room are left out.
    pub fn text(&self, width: usize) -> String {
        let lines = self.lines(width).into_iter();
        lines.map(|(_, line)| line + "\n").collect()
    }

    /// As [`Table::text`], by lines, and what each belongs to.
    pub fn lines(&self, width: usize) -> Vec<(Of, String)> {
        let widths = self.widths();
        let mut kept: Vec<usize> = (0..self.heads.len()).collect();
        for column in &self.drop {
            if self.whole(&kept, &widths) <= width || kept.len() <= 2 {
                break;
            }
            kept.retain(|one| one != column);
        }
        match self.whole(&kept, &widths) <= width {
            true => self.block(&kept, &widths, width),
            false => self.lists(width),
        }
    }

    /// As [`Table::lines`], but columns without room stand below the others, each time beside the
    /// first column.
    pub fn folded(&self, width: usize) -> Vec<(Of, String)> {
        let widths = self.widths();
        let mut blocks: Vec<Vec<usize>> = Vec::new();
        for column in 1..self.heads.len() {
            let fits = |block: &&mut Vec<usize>| {
                let with: Vec<usize> = block.iter().copied().chain([column]).collect();
                self.whole(&with, &widths) <= width
            };
            match blocks.last_mut().filter(fits) {
                Some(block) => block.push(column),
                None => blocks.push(vec![0, column]),
            }
        }
        if blocks.iter().any(|block| self.whole(block, &widths) > width) {
            return self.lists(width);
        }
        blocks.iter().flat_map(|block| self.block(block, &widths, width)).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let of = |column: usize| {
            let heads = self.heads[column].lines().map(|line| line.chars().count());
            let cells = self.rows.iter().filter_map(|row| match row {
                Row::Cells(cells) => cells.get(column).map(|cell| cell.chars().count()),
                Row::Note(..) => None,
            });
            let least = self.least.get(column).copied().unwrap_or(0);
            heads.chain(cells).max().unwrap_or(0).max(least)
        };
        (0..self.heads.len()).map(of).collect()
    }

    /// How wide a line of these columns is.
    fn whole(&self, columns: &[usize], widths: &[usize]) -> usize {
        let cells: usize = columns.iter().map(|&column| widths[column]).sum();
        self.indent + cells + GAP * columns.len().saturating_sub(1)
    }

    fn block(&self, columns: &[usize], widths: &[usize], width: usize) -> Vec<(Of, String)> {
        let mut lines: Vec<(Of, String)> = self
            .head_lines()
            .into_iter()
            .map(|head| (Of::Head, self.line(&head, columns, widths)))
            .collect();
        let mut number = 0;
        for row in &self.rows {
            match row {
                Row::Cells(cells) => {
                    lines.push((Of::Row(number), self.line(cells, columns, widths)));
                    number += 1;
                }
                Row::Note(by, text) => lines.extend(self.note_lines(*by, text, width)),
            }
        }
        lines
    }

    /// One line of heads, or two.
    fn head_lines(&self) -> Vec<Vec<String>> {
        let part = |at: usize| -> Vec<String> {
            let heads = self.heads.iter().map(|head| match head.split_once('\n') {
                Some((upper, lower)) => if at == 0 { upper } else { lower }.to_owned(),
                None => if at == 0 { "" } else { head }.to_owned(),
            });
            heads.collect()
        };
        let (mut upper, lower) = (part(0), part(1));
        for at in (1..upper.len()).rev() {
            if upper[at] == upper[at - 1] {
                upper[at].clear();
            }
        }
        match upper.iter().all(String::is_empty) {
            true => vec![lower],
            false => vec![upper, lower],
        }
    }

    fn line(&self, cells: &[String], columns: &[usize], widths: &[usize]) -> String {
        let cell = |&column: &usize| {
            let (cell, width) = (cells.get(column).map_or("", String::as_str), widths[column]);
            match self.left.contains(&column) {
                true => format!("{cell:<width$}"),
                false => format!("{cell:>width$}"),
            }
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        let line = " ".repeat(self.indent) + &cells.join(&" ".repeat(GAP));
        line.trim_end().to_owned()
    }

    fn note_lines(&self, by: usize, text: &str, width: usize) -> Vec<(Of, String)> {
        let by = if 2 * (self.indent + by) > width { STEP } else { self.indent + by };
        indented(text, by, width).lines().map(|line| (Of::Note, line.to_owned())).collect()
    }

    /// A list for each row: its first cell, then head and cell, a line each.
    fn lists(&self, width: usize) -> Vec<(Of, String)> {
        let (mut lines, mut number) = (Vec::new(), 0);
        for row in &self.rows {
            let cells = match row {
                Row::Cells(cells) => cells,
                Row::Note(by, text) => {
                    lines.extend(self.note_lines(*by, text, width));
                    continue;
                }
            };
            let mut text = String::new();
            for (head, cell) in self.heads.iter().zip(cells) {
                text += &match text.is_empty() {
                    true => wrap(cell, width),
                    false if cell.is_empty() => continue,
                    false => item(&head.replace('\n', " "), cell, width),
                };
            }
            lines.extend(text.lines().map(|line| (Of::Row(number), line.to_owned())));
            number += 1;
        }
        lines
    }
}

/// Head and cell; the cell in lines of its own if there is no room beside the head.
fn item(head: &str, cell: &str, width: usize) -> String {
    let both = format!("{head} {cell}");
    match STEP + both.chars().count() <= width {
        true => indented(&both, STEP, width),
        false => indented(head, STEP, width) + &indented(cell, STEP, width),
    }
}

/// A paragraph in lines of at most `width`, each of which begins with `by` spaces; nothing of nothing.
pub fn indented(paragraph: &str, by: usize, width: usize) -> String {
    if paragraph.is_empty() {
        return String::new();
    }
    let lines = wrap(paragraph, width.saturating_sub(by));
    lines.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect()
}

/// A list of names and what there is to say of each, in two columns; or one below the other, if the
/// second would be too narrow to be read.
///
/// ```
/// use singletrack::lab::report::table::entries;
///
/// let list = [("convoy", "a request waits"), ("race", "updates are lost")];
/// assert_eq!(entries(&list, 30), "convoy  a request waits\nrace    updates are lost\n");
/// assert_eq!(entries(&list, 16), "convoy\n  a request\n  waits\nrace\n  updates are\n  lost\n");
/// ```
pub fn entries<A: AsRef<str>, B: AsRef<str>>(list: &[(A, B)], width: usize) -> String {
    let names = list.iter().map(|(name, _)| name.as_ref().chars().count());
    let column = names.max().unwrap_or(0) + GAP;
    let mut text = String::new();
    for (name, what) in list {
        let (name, what) = (name.as_ref(), what.as_ref());
        if column + column.max(12) > width {
            text += &(wrap(name, width) + &indented(what, STEP, width));
            continue;
        }
        for (at, line) in wrap(what, width - column).lines().enumerate() {
            let name = if at == 0 { name } else { "" };
            text += format!("{name:column$}{line}").trim_end();
            text.push('\n');
        }
    }
    text
}
