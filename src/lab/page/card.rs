//! A card: one picture of 1200 by 630 pixels that says one thing, in a file of SVG that needs nothing.
//!
//! *Promises*: no style, font or picture from elsewhere; the command that makes it stands in it; the
//! same in words is in its description.
//! *Leaves out*: what is drawn.

use crate::lab::page::markup::{Element, escape};
use crate::lab::page::rows::cut;
use crate::lab::page::states::class;
use crate::lab::timeline::timeline::State;

/// How wide a card is, and how high.
pub const SIZE: (f64, f64) = (1200.0, 630.0);
/// How much of it on each side stays free.
const MARGIN: f64 = 40.0;
/// Where the picture may begin, and where it must end.
const TOP: f64 = 128.0;
const BOTTOM: f64 = 560.0;

/// What stands on a card.
#[derive(Debug, Clone)]
pub struct Card {
    /// The question, or the answer.
    pub title: String,
    /// A line below it.
    pub subtitle: String,
    /// States with a key.
    pub states: Vec<State>,
    /// The picture, as wide as [`Card::width`] says, and how high it is.
    pub picture: (Element, f64),
    /// What is said in the corner.
    pub remark: String,
    /// The command that makes it.
    pub command: String,
    /// All of it in words.
    pub words: String,
}

impl Card {
    /// How wide a picture of this height is drawn, so that it fills the room.
    pub fn width(height: f64) -> f64 {
        (SIZE.0 - 2.0 * MARGIN) / scale(height)
    }
}

/// The file.
pub fn card(card: &Card) -> String {
    let (width, height) = SIZE;
    let text = |class: &'static str, x: f64, y: f64| {
        Element::new("text").with("class", class).px("x", x).px("y", y)
    };
    let background = Element::new("rect").with("class", "paper").px("width", width);
    let (picture, tall) = &card.picture;
    let place = format!("translate({MARGIN} {TOP}) scale({:.4})", scale(*tall));
    let picture = Element::new("g").with("transform", place).child(picture);
    let right = |element: Element| element.with("text-anchor", "end");
    let all = [
        background.px("height", height),
        text("title", MARGIN, 60.0).text(cut(&card.title, 70)),
        text("subtitle", MARGIN, 95.0).text(cut(&card.subtitle, 100)),
        key(&card.states),
        picture,
        text("remark-line", MARGIN, 588.0).text(cut(&card.remark, 110)),
        right(text("command", width - MARGIN, 616.0)).text(cut(&card.command, 96)),
    ];
    let svg = Element::new("svg").with("xmlns", "http://www.w3.org/2000/svg");
    let svg = svg.with("viewBox", format_args!("0 0 {width} {height}")).with("role", "img");
    let svg = svg.px("width", width).px("height", height);
    let svg = svg.child(&Element::new("title").text(&card.title));
    let svg = svg.child(&Element::new("desc").text(&card.words));
    let whole = svg.children(all).to_string();
    // Style and hatches are this crate's own texts, and stand behind the description.
    let style = format!("<style>{}</style>{}", escape(&style()), resolved(HATCHES));
    whole.replacen("</desc>", &format!("</desc>{style}"), 1)
}

/// How much larger a picture of this height is drawn, so that it fills the room; few rows do not.
fn scale(height: f64) -> f64 {
    ((BOTTOM - TOP) / height.max(1.0)).min(2.4)
}

const HATCHES: &str = include_str!("hatches.svg");
const SHELL: &str = include_str!("shell.html");
const PALETTE: &str = include_str!("palette.css");
const OWN: &str = "
text { font-family: system-ui, 'DejaVu Sans', Verdana, sans-serif; }
.paper { fill: var(--paper); }
text.title { font-size: 36px; font-weight: 700; fill: var(--ink); }
text.subtitle { font-size: 21px; fill: var(--soft); }
text.key { font-size: 19px; fill: var(--ink); }
text.remark-line { font-size: 19px; fill: var(--bad); font-weight: 600; }
text.command { font: 19px ui-monospace, 'DejaVu Sans Mono', monospace; fill: var(--soft); }
";

fn style() -> String {
    resolved(&format!("{PALETTE}{OWN}")).replace('\"', "'")
}

/// With the colours of the light page in the place of their names: not every program that shows SVG
/// knows variables.
fn resolved(text: &str) -> String {
    let light = SHELL.split_once(":root {").and_then(|(_, rest)| rest.split_once('}'));
    let declared = light.map_or("", |(block, _)| block).split(';');
    let named = declared.filter_map(|declared| declared.trim().split_once(": "));
    named.fold(text.to_owned(), |text, (name, colour)| {
        text.replace(&format!("var({})", name.trim()), colour.trim())
    })
}

/// A key to the states, in a line at the right.
fn key(states: &[State]) -> Element {
    let mut at = SIZE.0 - MARGIN;
    let mut all = Element::new("g");
    for state in states.iter().rev() {
        // About so wide is a letter.
        at -= state.name().chars().count() as f64 * 10.2;
        let text = Element::new("text").with("class", "key").px("x", at).px("y", 118.0);
        all = all.child(&text.text(state.name()));
        at -= 30.0;
        let patch = Element::new("rect").with("class", class(*state)).px("x", at).px("y", 104.0);
        all = all.child(&patch.px("width", 24.0).px("height", 16.0));
        at -= 18.0;
    }
    all
}
