//! Rows: names beside an axis, from top to bottom. Pure.
//!
//! *Promises*: places along the axis are parts of its width, so that a picture of a page is as wide as
//! the page; on a narrow one the style sheet puts names above their rows.
//! *Leaves out*: what stands in a row (`lab/page/lanes.rs`, `lab/page/bars.rs`).
//!
//! ```text
//!   names        │ plot
//!   cpu          │ ██████▒██████▒██████▒██████▒██████▒██████▒█
//!   echo         │ ▒▒▒▒▒▒█▒▒▒▒▒▒█▒▒▒▒▒▒█▒▒▒▒▒▒█▒▒▒▒▒▒█▒▒▒▒▒▒█
//!                │ 0                 10 ms                20 ms
//! ```

use crate::lab::page::markup::Element;

/// Height of a row.
pub const ROW: f64 = 30.0;
/// Height of the bar in it.
pub const BAR: f64 = 22.0;
const AXIS: f64 = 24.0;

/// The room that a picture has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Room {
    /// The width of the page, whatever that is.
    Page,
    /// So many pixels, of which so many are for names.
    Fixed {
        /// All of it.
        width: f64,
        /// The names' part.
        names: f64,
    },
}

/// Rows, as they come.
#[derive(Debug)]
pub struct Rows {
    names: Vec<Element>,
    plot: Vec<Element>,
    /// What nothing else may cover.
    above: Vec<Element>,
    at: f64,
}

impl Rows {
    /// None yet; the first begins so far below the top.
    pub fn new(at: f64) -> Rows {
        Rows { names: Vec::new(), plot: Vec::new(), above: Vec::new(), at }
    }

    /// Where the next row begins.
    pub fn at(&self) -> f64 {
        self.at
    }

    /// Goes down, or up.
    pub fn skip(&mut self, height: f64) {
        self.at += height;
    }

    /// Something beside the axis, so far below where the row begins.
    pub fn name(&mut self, class: &'static str, below: f64, name: &str) {
        let text = Element::new("text").with("class", class).px("y", self.at + below);
        self.names.push(text.text(cut(name, 40)));
    }

    /// A row's name, and a figure with it.
    pub fn named(&mut self, class: &'static str, name: &str, figure: &str) {
        self.name(class, 10.0, &cut(name, 20));
        self.name("soft wide", 21.0, figure);
        let narrow = Element::new("text").with("class", "soft narrow").with("x", "100%");
        let narrow = narrow.with("text-anchor", "end").px("y", self.at + 10.0);
        self.names.push(narrow.text(figure));
    }

    /// Something on the axis, from where the row begins.
    pub fn put(&mut self, element: &Element) {
        self.plot.push(self.here(element));
    }

    /// The same, above all that runs through rows.
    pub fn put_above(&mut self, element: &Element) {
        self.above.push(self.here(element));
    }

    fn here(&self, element: &Element) -> Element {
        Element::new("g").with("transform", format_args!("translate(0 {})", self.at)).child(element)
    }

    /// Something that runs through rows.
    pub fn through(&mut self, elements: impl IntoIterator<Item = Element>) {
        self.plot.extend(elements);
    }

    /// The axis: where marks are, from 0 to 1, and what they are called.
    pub fn axis(&mut self, marks: &[(f64, String)]) {
        let line = Element::new("line").with("x2", "100%").px("y1", 1.0).px("y2", 1.0);
        let mut axis = Element::new("g").with("class", "axis").child(&line);
        let last = marks.len().saturating_sub(1);
        for (at, (place, name)) in marks.iter().enumerate() {
            let line = Element::new("line").share("x1", *place).share("x2", *place);
            axis = axis.child(&line.px("y1", 1.0).px("y2", 5.0));
            // Where there is little room, every other one is enough.
            let class = if (last - at) % 2 == 1 { "soft wide" } else { "soft" };
            let text = Element::new("text").with("class", class).share("x", *place).px("y", 17.0);
            axis = axis.child(&text.with("text-anchor", anchor(*place)).text(name));
        }
        self.put(&axis);
        self.skip(AXIS);
    }

    /// Names and plot side by side: two pictures in a page, whose style sheet puts one above the
    /// other where there is no room; a picture in a picture elsewhere.
    pub fn picture(mut self, room: Room, title: &str, words: &str) -> Element {
        let height = self.at;
        self.plot.append(&mut self.above);
        let svg = || Element::new("svg").with("xmlns", "http://www.w3.org/2000/svg");
        let described = |element: Element| {
            let title = Element::new("title").text(title);
            element.with("role", "img").child(&title).child(&Element::new("desc").text(words))
        };
        match room {
            Room::Page => {
                let names = svg().with("class", "lane-names").with("aria-hidden", "true");
                let names = names.px("height", height).children(self.names);
                let plot = described(svg().with("class", "lane-plot").px("height", height));
                let plot = plot.children(self.plot);
                Element::new("div").with("class", "lanes").child(&names).child(&plot)
            }
            Room::Fixed { width, names } => {
                let plot = Element::new("svg").px("x", names).px("width", width - names);
                let plot =
                    plot.px("height", height).with("overflow", "visible").children(self.plot);
                let all = described(svg().with("class", "lanes").px("width", width));
                all.px("height", height).children(self.names).child(&plot)
            }
        }
    }
}

/// On which side of a mark its text stands, so that it does not leave the picture.
pub fn anchor(place: f64) -> &'static str {
    match place {
        place if place < 0.02 => "start",
        place if place > 0.95 => "end",
        _ => "middle",
    }
}

/// A text of so many characters at most.
pub fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
