//! Bars and dots: how long, where the time goes, and every round that says so. Pure.
//!
//! *Promises*: a bar is as long as its number; every value is a dot, none is left out.
//! *Leaves out*: what is put side by side (`lab/compare/html.rs`).
//!
//! ```text
//!   bars   processes        █████████▌                    dots   threads-py3.10     |   ├─••┼•─┤
//!          threads-py3.10   ███▒▒▒▒▒▒▒▒▒▒▒▒▒▒▌                   threads-free     ├•┼┤•
//!                           0     0.2 s     0.4 s                            0.9   1.0        2.0
//! ```

use crate::lab::page::axis::Scale;
use crate::lab::page::markup::Element;
use crate::lab::page::rows::{BAR, ROW, Room, Rows};

/// A row of parts, one after another.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// The number beside the name, as it is written.
    pub figure: String,
    /// How long it is.
    pub length: f64,
    /// Classes of `palette.css`, and the share of the bar that each has.
    pub parts: Vec<(&'static str, f64)>,
    /// Whether it is one of those to choose.
    pub best: bool,
    /// Whether it would be longer, had it not been stopped.
    pub open: bool,
}

/// Bars on one axis, whose marks are written by `mark`.
///
/// ```
/// use singletrack::lab::page::bars::{Bar, bars};
///
/// let bar = |name: &str, length| Bar {
///     name: name.into(), figure: format!("{length} s"), length,
///     parts: vec![("st-runs", 0.25), ("st-waits", 0.75)], best: false, open: false,
/// };
/// let all = [bar("threads", 2.0), bar("processes", 1.0)];
/// let picture = bars("Walls", &all, |mark| format!("{mark} s")).to_string();
/// assert!(picture.contains("<desc>threads 2 s; processes 1 s</desc>"));
/// ```
pub fn bars(title: &str, bars: &[Bar], mark: impl Fn(f64) -> String) -> Element {
    let scale = Scale::even(bars.iter().map(|bar| bar.length));
    let mut rows = Rows::new(0.0);
    for bar in bars {
        rows.named(if bar.best { "best" } else { "" }, &bar.name, &bar.figure);
        let length = scale.place(bar.length);
        let mut drawn = stacked(&bar.parts, length, BAR);
        if bar.open {
            let arrow = Element::new("svg").share("x", length).with("overflow", "visible");
            let head = Element::new("path").with("class", "tick").with("d", "M3 5l8 6l-8 6z");
            drawn = drawn.child(&arrow.child(&head));
        }
        rows.put(&drawn);
        rows.skip(ROW);
    }
    let words: Vec<String> =
        bars.iter().map(|bar| format!("{} {}", bar.name, bar.figure)).collect();
    rows.axis(&marks(&scale, mark));
    rows.picture(Room::Page, title, &words.join("; "))
}

/// A bar of this length, from 0 to 1, whose parts have these classes and shares.
pub fn stacked(parts: &[(&'static str, f64)], length: f64, height: f64) -> Element {
    let (mut at, mut drawn) = (0.0, Element::new("g").with("class", "bars"));
    for &(class, share) in parts.iter().filter(|(_, share)| *share > 0.0) {
        let part = Element::new("rect").with("class", class).share("x", at);
        drawn = drawn.child(&part.share("width", share * length).px("height", height));
        at += share * length;
    }
    drawn
}

/// A row of dots with an interval.
#[derive(Debug, Clone)]
pub struct Dots {
    /// Its name.
    pub name: String,
    /// The number beside the name, as it is written.
    pub figure: String,
    /// A dot each.
    pub values: Vec<f64>,
    /// The lower end, the middle and the upper end.
    pub interval: Option<[f64; 3]>,
}

/// Dots on an axis of ratios, whose stretch between two values is shaded: too little to count.
pub fn dots(
    title: &str,
    all: &[Dots],
    within: (f64, f64),
    mark: impl Fn(f64) -> String,
) -> Element {
    let values = all.iter().flat_map(|row| row.values.iter().chain(row.interval.iter().flatten()));
    let scale = Scale::ratios(values.copied().chain([within.0, within.1]));
    let mut rows = Rows::new(0.0);
    let shade = Element::new("rect").with("class", "margin").share("x", scale.place(within.0));
    let shade = shade.share("width", scale.place(within.1) - scale.place(within.0));
    rows.through([
        shade.px("height", all.len() as f64 * ROW),
        vertical("through", scale.place(1.0), all.len() as f64 * ROW),
    ]);
    for row in all {
        rows.named("", &row.name, &row.figure);
        rows.put(&drawn(row, &scale));
        rows.skip(ROW);
    }
    let words: Vec<String> = all.iter().map(|row| format!("{} {}", row.name, row.figure)).collect();
    rows.axis(&marks(&scale, mark));
    rows.picture(Room::Page, title, &words.join("; "))
}

fn drawn(row: &Dots, scale: &Scale) -> Element {
    let mut drawn = Element::new("g").with("class", "bars");
    if let Some([low, middle, high]) = row.interval {
        let [low, middle, high] = [low, middle, high].map(|value| scale.place(value));
        let bar = Element::new("rect").with("class", "interval").share("x", low).px("y", 2.0);
        let bar = bar.share("width", (high - low).max(0.002)).px("height", BAR - 4.0);
        drawn = drawn.child(&bar).child(&vertical("middle", middle, BAR));
    }
    for (at, &value) in row.values.iter().enumerate() {
        // Side by side, so that equal ones can be told apart.
        let y = BAR / 2.0 + ((at * 2 % 5) as f64 - 2.0) * 3.0;
        let dot = Element::new("circle").with("class", "dot").share("cx", scale.place(value));
        drawn = drawn.child(&dot.px("cy", y).px("r", 2.5));
    }
    drawn
}

fn vertical(class: &'static str, place: f64, height: f64) -> Element {
    let line = Element::new("line").with("class", class).share("x1", place).share("x2", place);
    line.px("y2", height)
}

fn marks(scale: &Scale, mark: impl Fn(f64) -> String) -> Vec<(f64, String)> {
    scale.marks().into_iter().map(|value| (scale.place(value), mark(value))).collect()
}
