//! Curves: one number by another, a line for each model, and where to look. Pure.
//!
//! *Promises*: a line leads through the points that were measured, and through no others; each point
//! is marked where there are few.
//! *Leaves out*: which numbers (`lab/compare/html.rs`).
//!
//! ```text
//!   130 ms │            ╭──  threads-py3.10        rules   dotted, across: the switch interval
//!          │      ╭─────╯                          marks   dotted, upright: where it bends
//!     5 ms ├┄┄┄┄┄┄│┄┄┄┄┄┄┄┄┄┄┄┄┄┄
//!          │──────╯         ──  event-loop
//!          └────────────────────
//!          half   9 of 10   99 of 100
//! ```
//! Lines are drawn on a square that is stretched to the width of the page, texts beside it.

use crate::lab::page::axis::Scale;
use crate::lab::page::markup::{Element, number};
use crate::lab::page::rows::{anchor, cut};

const HEIGHT: f64 = 260.0;
const BELOW: f64 = 40.0;
const ABOVE: f64 = 18.0;
/// Lines have so many looks (`palette.css`).
const LOOKS: usize = 8;
/// Points are marked where there are no more.
const FEW: usize = 24;
const LINE: f64 = 14.0;

/// A line.
#[derive(Debug, Clone)]
pub struct Curve {
    /// Its name.
    pub name: String,
    /// Its points, in order.
    pub points: Vec<(f64, f64)>,
}

/// An axis: its scale, the marks on it, and what it counts.
#[derive(Debug, Clone)]
pub struct Axis {
    /// The places.
    pub scale: Scale,
    /// Where there is a mark, and how it is written.
    pub marks: Vec<(f64, String)>,
    /// What is counted.
    pub name: String,
}

/// Curves over the same axes.
#[derive(Debug, Clone)]
pub struct Chart {
    /// What the picture is called.
    pub title: String,
    /// The same in words, for whoever does not see it.
    pub words: String,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// The lines.
    pub curves: Vec<Curve>,
    /// Dotted lines across, at values of `y`.
    pub rules: Vec<(f64, String)>,
    /// Dotted lines upright, at values of `x`.
    pub bends: Vec<(f64, String)>,
    /// Whether points are joined; else they are places of a map.
    pub joined: bool,
    /// The reader's own place.
    pub star: Option<(f64, f64, String)>,
}

/// The picture: names of `y`, the lines, and names of the lines, side by side.
pub fn chart(chart: &Chart) -> Element {
    let svg = |class: &'static str| {
        let svg = Element::new("svg").with("xmlns", "http://www.w3.org/2000/svg");
        svg.with("class", class).px("height", ABOVE + HEIGHT + BELOW)
    };
    let title = Element::new("title").text(&chart.title);
    let plot = svg("chart-plot").with("role", "img").child(&title);
    let plot = plot.child(&Element::new("desc").text(&chart.words)).children(plotted(chart));
    let scale = svg("chart-scale").with("aria-hidden", "true").children(scale(chart));
    let names = svg("chart-names").with("aria-hidden", "true").children(names(chart));
    Element::new("div").with("class", "chart").child(&scale).child(&plot).child(&names)
}

fn down(chart: &Chart, y: f64) -> f64 {
    ABOVE + HEIGHT * (1.0 - chart.y.scale.place(y))
}

fn plotted(chart: &Chart) -> Vec<Element> {
    let mut all = Vec::new();
    let across = |class: &'static str, y: f64| {
        Element::new("line").with("class", class).with("x2", "100%").px("y1", y).px("y2", y)
    };
    all.extend(chart.y.marks.iter().map(|(mark, _)| across("grid", down(chart, *mark))));
    all.push(across("base", ABOVE + HEIGHT));
    // Where there is little room, three names are enough.
    let (last, step) = (chart.x.marks.len().saturating_sub(1), chart.x.marks.len().div_ceil(3));
    for (at, (mark, name)) in chart.x.marks.iter().enumerate() {
        let place = chart.x.scale.place(*mark);
        let tick = Element::new("line").with("class", "base").share("x1", place);
        let tick = tick.share("x2", place).px("y1", ABOVE + HEIGHT).px("y2", ABOVE + HEIGHT + 4.0);
        let class = if (last - at).is_multiple_of(step) { "soft" } else { "soft wide" };
        let text = Element::new("text").with("class", class).share("x", place);
        let text = text.px("y", ABOVE + HEIGHT + 17.0).with("text-anchor", anchor(place));
        all.extend([tick, text.text(name)]);
    }
    let below = Element::new("text").with("class", "soft").with("x", "100%");
    let below = below.px("y", ABOVE + HEIGHT + 34.0).with("text-anchor", "end");
    all.push(below.text(&chart.x.name));
    for (value, name) in &chart.rules {
        let y = down(chart, *value);
        let text = Element::new("text").with("class", "soft").px("x", 4.0).px("y", y - 4.0);
        all.extend([across("through", y), text.text(name)]);
    }
    for (value, name) in &chart.bends {
        let place = chart.x.scale.place(*value);
        let line = Element::new("line").with("class", "through").share("x1", place);
        let line = line.share("x2", place).px("y1", ABOVE).px("y2", ABOVE + HEIGHT);
        let text = Element::new("text").with("class", "soft").share("x", place);
        let text = text.px("y", ABOVE - 6.0).with("text-anchor", anchor(place));
        all.extend([line, text.text(name)]);
    }
    if chart.joined {
        all.push(lines(chart));
    }
    let marked = |curve: &Curve| !chart.joined || curve.points.len() <= FEW;
    for (at, curve) in chart.curves.iter().enumerate().filter(|(_, curve)| marked(curve)) {
        let (kind, radius) = if chart.joined { ("dotted", 3.0) } else { ("place", 6.0) };
        let class = format!("look-{} {kind}", at % LOOKS);
        let dot = |&(x, y): &(f64, f64)| {
            let dot = Element::new("circle").with("class", &class).px("r", radius);
            dot.share("cx", chart.x.scale.place(x)).px("cy", down(chart, y))
        };
        all.extend(curve.points.iter().map(dot));
    }
    all.extend(star(chart));
    all
}

/// The reader's own place, with its name beside it.
fn star(chart: &Chart) -> Option<Element> {
    let (x, y, name) = chart.star.as_ref()?;
    let here = Element::new("svg").share("x", chart.x.scale.place(*x)).px("y", down(chart, *y));
    let points = "M0 -12L3.5 -4L12 -3.6L5.4 1.6L7.6 10L0 5.2L-7.6 10L-5.4 1.6L-12 -3.6L-3.5 -4Z";
    let star = Element::new("path").with("class", "star").with("d", points);
    let text = Element::new("text").with("class", "best").px("x", 16.0).px("y", 5.0).text(name);
    Some(here.with("overflow", "visible").child(&star).child(&text))
}

/// All lines, on a square of 1000 that is stretched.
fn lines(chart: &Chart) -> Element {
    let square = Element::new("svg").with("viewBox", "0 0 1000 1000");
    let square = square.with("preserveAspectRatio", "none").with("width", "100%");
    let mut square = square.px("y", ABOVE).px("height", HEIGHT).with("overflow", "visible");
    for (at, curve) in chart.curves.iter().enumerate() {
        let place = |&(x, y): &(f64, f64)| {
            let (x, y) = (chart.x.scale.place(x), 1.0 - chart.y.scale.place(y));
            format!("{},{}", number(x * 1000.0), number(y * 1000.0))
        };
        let points: Vec<String> = curve.points.iter().map(place).collect();
        let line = Element::new("polyline").with("class", format_args!("look-{}", at % LOOKS));
        square = square.child(&line.with("points", points.join(" ")));
    }
    square
}

fn scale(chart: &Chart) -> Vec<Element> {
    let text = |y: f64| {
        let text = Element::new("text").with("class", "soft").with("x", "92%");
        text.px("y", y).with("text-anchor", "end")
    };
    let marks = chart.y.marks.iter().map(|(mark, name)| text(down(chart, *mark) + 4.0).text(name));
    let name = Element::new("text").with("class", "soft").px("y", 10.0).text(&chart.y.name);
    marks.chain([name]).collect()
}

/// The names at the ends of the lines, moved apart where they would be on each other.
fn names(chart: &Chart) -> Vec<Element> {
    let ends = chart.curves.iter().enumerate();
    let mut ends: Vec<(f64, usize)> =
        ends.filter_map(|(at, c)| Some((down(chart, c.points.last()?.1), at))).collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    for at in 1..ends.len() {
        ends[at].0 = ends[at].0.max(ends[at - 1].0 + LINE);
    }
    let mut room = ABOVE + HEIGHT + LINE;
    for end in ends.iter_mut().rev() {
        end.0 = end.0.min(room);
        room = end.0 - LINE;
    }
    let name = |(y, at): (f64, usize)| {
        let line = Element::new("line").with("class", format_args!("look-{}", at % LOOKS));
        let line = line.px("x1", 4.0).px("x2", 20.0).px("y1", y).px("y2", y);
        let text = Element::new("text").px("x", 25.0).px("y", y + 4.0);
        [line, text.text(cut(&chart.curves[at].name, 16))]
    };
    ends.into_iter().flat_map(name).collect()
}
