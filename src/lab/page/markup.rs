//! Markup: elements, whose attributes and texts are escaped once, here. Pure.
//!
//! *Promises*: any text comes out as that text, in a page of HTML as well as in an SVG file of its
//! own; what XML cannot hold (most control characters) comes out as U+FFFD.
//! *Leaves out*: which elements there are.

use std::fmt;

/// Text for an attribute or between tags.
///
/// ```
/// use singletrack::lab::page::markup::escape;
///
/// assert_eq!(escape("<b> & \"'\n\u{7}"), "&lt;b&gt; &amp; &quot;&#39;&#10;\u{fffd}");
/// ```
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            // As they are, a parser would make one kind of space of them.
            '\t' => escaped += "&#9;",
            '\n' => escaped += "&#10;",
            '\r' => escaped += "&#13;",
            '\0'..' ' | '\u{7f}'..'\u{a0}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A number of an attribute: two decimals, and no more digits than it needs.
///
/// ```
/// use singletrack::lab::page::markup::number;
///
/// assert_eq!([12.0, 0.5, 3.14159].map(number), ["12", "0.5", "3.14"]);
/// ```
pub fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// Elements of SVG that have no content as a rule: a page may have thousands of them.
const SHAPES: [&str; 5] = ["rect", "line", "path", "circle", "polyline"];

/// An element with its content.
///
/// ```
/// use singletrack::lab::page::markup::Element;
///
/// let lane = Element::new("text").with("class", "name").px("x", 2.5).text("a < b");
/// assert_eq!(lane.to_string(), r#"<text class="name" x="2.5">a &lt; b</text>"#);
/// assert_eq!(Element::new("g").child(&Element::new("path")).to_string(), "<g><path/></g>");
/// ```
#[derive(Debug, Clone)]
pub struct Element {
    name: &'static str,
    attributes: String,
    content: String,
}

impl Element {
    /// An empty one.
    pub fn new(name: &'static str) -> Element {
        Element { name, attributes: String::new(), content: String::new() }
    }

    /// With an attribute.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Element {
        self.attributes += &format!(" {name}=\"{}\"", escape(&value.to_string()));
        self
    }

    /// With a number as an attribute.
    #[must_use]
    pub fn px(self, name: &'static str, value: f64) -> Element {
        self.with(name, number(value))
    }

    /// With a part of the whole, from 0 to 1, as an attribute: `12.5%`.
    #[must_use]
    pub fn share(self, name: &'static str, value: f64) -> Element {
        self.with(name, format_args!("{}%", number(value * 100.0)))
    }

    /// With this text in it.
    #[must_use]
    pub fn text(mut self, text: impl fmt::Display) -> Element {
        self.content += &escape(&text.to_string());
        self
    }

    /// With another element in it.
    #[must_use]
    pub fn child(mut self, child: &Element) -> Element {
        self.content += &child.to_string();
        self
    }

    /// With others in it.
    #[must_use]
    pub fn children(self, children: impl IntoIterator<Item = Element>) -> Element {
        children.into_iter().fold(self, |parent, child| parent.child(&child))
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Element { name, attributes, content } = self;
        match content.is_empty() && SHAPES.contains(name) {
            true => write!(f, "<{name}{attributes}/>"),
            false => write!(f, "<{name}{attributes}>{content}</{name}>"),
        }
    }
}
