//! States: how they are painted, what they are called, and how long a lane was in them. Pure.
//!
//! *Promises*: a class of `palette.css` for each; shares are computed from the spans that are drawn.
//! *Leaves out*: the colours themselves (`lab/page/shell.html`).

use crate::lab::page::markup::Element;
use crate::lab::timeline::timeline::{Lane, Nanos, Span, State};
use std::ops::Range;

/// A key to the colours of these states, as HTML.
pub fn legend(states: &[State]) -> Element {
    let keys: Vec<(&str, &str)> = states.iter().map(|s| (class(*s), s.name())).collect();
    key(&keys)
}

/// A key to some classes of `palette.css`, as HTML.
pub fn key(keys: &[(&str, &str)]) -> Element {
    let entry = |(class, name): &(&str, &str)| {
        let patch = Element::new("rect").with("class", class);
        let patch = patch.with("width", "100%").with("height", "100%");
        let swatch = Element::new("svg").with("aria-hidden", "true").child(&patch);
        Element::new("span").child(&swatch).text(name)
    };
    Element::new("p").with("class", "legend").children(keys.iter().map(entry))
}

/// The class of `palette.css` that paints a state.
pub const fn class(state: State) -> &'static str {
    match state {
        State::Runs => "st-runs",
        State::WaitsForLock => "st-waits",
        State::Ready => "st-ready",
        State::Blocked => "st-blocked",
        State::Idle => "st-idle",
        State::Native => "st-native",
        State::Pipe => "st-pipe",
        State::Forgotten => "st-forgotten",
    }
}

/// What a state is called where there is little room.
pub const fn word(state: State) -> &'static str {
    match state {
        State::Ready => "ready",
        State::Native => "without the GIL",
        State::Pipe => "pipe",
        state => state.name(),
    }
}

/// Which share of the window a lane was in each state, where it was.
pub fn shares(lane: &Lane, window: &Range<Nanos>) -> Vec<(State, f64)> {
    let whole = window.end.saturating_sub(window.start).max(1) as f64;
    let inside = |span: &Span| span.to.min(window.end).saturating_sub(span.from.max(window.start));
    let of = |state| {
        let time: Nanos = lane.spans.iter().filter(|span| span.state == state).map(inside).sum();
        (time > 0).then_some((state, time as f64 / whole))
    };
    State::ALL.into_iter().filter_map(of).collect()
}

/// A share in hundredths, as every text of the lab has it.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent > 0.0 && percent < 0.5 => "< 1 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}
