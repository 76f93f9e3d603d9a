//! Lanes: a timeline as a picture, a row for each thread, task or worker. Pure.
//!
//! *Promises*: all groups are on one axis; a wait for the lock is seen however short it was; what is
//! said in words, for whoever does not see the picture, is computed from the same spans.
//! *Leaves out*: colours and hatches (`lab/page/palette.css`), what is too short to be seen
//! (`lab/page/density.rs`).
//!
//! ```text
//!   threads-py3.10                                         and 28 more lanes
//!   has the lock  ████░████░████░████░████░████░████░████░████  owner strip: a shade a lane
//!   cpu           ██████▒██████▒██████▒██████▒██████▒██████▒█
//!   echo          ▼▒▒▒▒▒█▼▒▒▒▒▒█▼▒▒▒▒▒█▼▒▒▒▒▒█▼▒▒▒▒▒█▼▒▒▒▒▒█▼
//!                 0                 10 ms                20 ms
//! ```
//! Places along the axis are parts of the whole width, so that the picture of a page is as wide as the
//! page; on a narrow one the style sheet puts names above their lanes.

use crate::lab::page::axis::{Unit, ticks};
use crate::lab::page::density::{PARTS, Piece, pieces};
use crate::lab::page::markup::Element;
use crate::lab::page::states::{class, percent, shares, word};
use crate::lab::timeline::timeline::{Group, Lane, LaneKind, Nanos, State, Timeline};
use std::ops::Range;

/// Heights, in pixels.
const HEAD: f64 = 24.0;
const OWNER: f64 = 16.0;
const ROW: f64 = 30.0;
const BAR: f64 = 22.0;
const GAP: f64 = 10.0;
const AXIS: f64 = 24.0;
/// Room for the heads of arrows that run through all groups.
const ARROWS: f64 = 14.0;
/// Shades of the owner strip.
const SHADES: usize = 4;

/// How a timeline is to be shown.
#[derive(Debug, Clone)]
pub struct Look {
    /// What the picture is called, for whoever does not see it.
    pub title: String,
    /// The stretch that is shown; all of it if none is named.
    pub window: Option<Range<Nanos>>,
    /// How many lanes of a group are shown; of the others it is said how many there are.
    pub most_lanes: usize,
    /// How many cells the width has: what is shorter than one of them becomes a shade.
    pub cells: u64,
    /// Points of this name become arrows through all groups.
    pub through: Option<String>,
    /// The room.
    pub frame: Frame,
}

/// The room that a picture has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Frame {
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

impl Default for Look {
    fn default() -> Look {
        Look {
            title: "What each lane did, and when".to_owned(),
            window: None,
            most_lanes: 4,
            cells: 1000,
            through: None,
            frame: Frame::Page,
        }
    }
}

/// A picture, and what it shows.
#[derive(Debug, Clone)]
pub struct Picture {
    /// An `<svg>`; in a page, two of them side by side.
    pub markup: Element,
    /// How high it is, in pixels.
    pub height: f64,
    /// The states in it, for a legend.
    pub states: Vec<State>,
    /// The same in words.
    pub words: String,
}

/// Draws the groups of a timeline below each other.
///
/// ```
/// use singletrack::lab::page::lanes::{Look, lanes};
/// use singletrack::lab::timeline::timeline::{Group, Lane, LaneKind, Span, State, Timeline};
///
/// let span = |from, to, state: State| Span {
///     from, to, state, name: state.to_string(), details: Vec::new(),
/// };
/// let spans = vec![span(0, 750, State::Runs), span(750, 1000, State::WaitsForLock)];
/// let lane = Lane { name: "cpu".into(), kind: LaneKind::Thread, id: 1, spans, points: Vec::new() };
/// let group = Group {
///     name: "threads".into(), pid: 1, lanes: vec![lane], links: Vec::new(), forgotten: 0,
/// };
/// let timeline = Timeline { about: Vec::new(), until: 1000, groups: vec![group] };
/// let picture = lanes(&timeline, &Look::default());
/// assert_eq!(picture.words, "1000 ns. threads: cpu runs 75 %, waits for the GIL 25 %.");
/// ```
pub fn lanes(timeline: &Timeline, look: &Look) -> Picture {
    let window = look.window.clone().unwrap_or(0..timeline.until);
    let window = window.start..window.end.max(window.start + 1);
    let (names, plot) = (Vec::new(), Vec::new());
    let drawing = Drawing { look, window, states: Vec::new(), names, plot };
    drawing.all(timeline)
}

struct Drawing<'a> {
    look: &'a Look,
    window: Range<Nanos>,
    states: Vec<State>,
    /// What stands beside the axis, and what stands on it.
    names: Vec<Element>,
    plot: Vec<Element>,
}

impl Drawing<'_> {
    fn all(mut self, timeline: &Timeline) -> Picture {
        let mut at = if self.look.through.is_some() { ARROWS } else { 0.0 };
        let mut words = vec![format!("{}.", Unit::of(self.length()).exact(self.length()))];
        for group in &timeline.groups {
            at = self.band(group, at) + GAP;
            words.push(self.in_words(group));
        }
        at -= GAP;
        self.axis(at);
        self.through(timeline, at);
        self.states.sort();
        let (height, words) = (at + AXIS, words.join(" "));
        let states = std::mem::take(&mut self.states);
        Picture { markup: self.framed(height, &words), height, states, words }
    }

    /// Names and plot side by side: two pictures in a page, whose style sheet puts one above the
    /// other where there is no room; a picture in a picture elsewhere.
    fn framed(self, height: f64, words: &str) -> Element {
        let svg = || Element::new("svg").with("xmlns", "http://www.w3.org/2000/svg");
        let described = |element: Element| {
            let title = Element::new("title").text(&self.look.title);
            element.with("role", "img").child(&title).child(&Element::new("desc").text(words))
        };
        match self.look.frame {
            Frame::Page => {
                let names = svg().with("class", "lane-names").with("aria-hidden", "true");
                let names = names.px("height", height).children(self.names);
                let plot = described(svg().with("class", "lane-plot").px("height", height));
                let plot = plot.children(self.plot);
                Element::new("div").with("class", "lanes").child(&names).child(&plot)
            }
            Frame::Fixed { width, names } => {
                let plot = Element::new("svg").px("x", names).px("width", width - names);
                let plot =
                    plot.px("height", height).with("overflow", "visible").children(self.plot);
                let all = described(svg().with("class", "lanes").px("width", width));
                all.px("height", height).children(self.names).child(&plot)
            }
        }
    }

    fn length(&self) -> Nanos {
        self.window.end - self.window.start
    }

    /// Where on the axis a moment is, from 0 to 1.
    fn place(&self, at: Nanos) -> f64 {
        at.saturating_sub(self.window.start) as f64 / self.length() as f64
    }

    /// A group from `top` on; returns where it ends.
    fn band(&mut self, group: &Group, top: f64) -> f64 {
        let shown = shown(group, &self.window, self.look.most_lanes);
        let all = group.lanes.iter().filter(|lane| lane.kind != LaneKind::Summary).count();
        self.name("band", top + 16.0, &group.name);
        let mut remarks = Vec::new();
        if all > shown.len() {
            remarks.push(format!("and {} more lanes", all - shown.len()));
        }
        if group.forgotten > 0 {
            remarks.push(format!("{} events had no room", group.forgotten));
        }
        if !remarks.is_empty() {
            let remark = Element::new("text").with("class", "soft").with("x", "100%");
            let remark = remark.px("y", top + 16.0).with("text-anchor", "end");
            self.plot.push(remark.text(remarks.join(", ")));
        }
        let mut at = top + HEAD;
        if self.owner(&shown, at) {
            at += OWNER;
        }
        for (_, lane) in &shown {
            self.lane(lane, at);
            at += ROW;
        }
        at
    }

    fn name(&mut self, class: &'static str, y: f64, name: &str) {
        let text = Element::new("text").with("class", class).px("y", y);
        self.names.push(text.text(cut(name, 40)));
    }

    fn lane(&mut self, lane: &Lane, top: f64) {
        let figure = telling(&shares(lane, &self.window))
            .map_or(String::new(), |(state, share)| format!("{} {}", word(state), percent(share)));
        self.name("", top + 10.0, &cut(&lane.name, 20));
        self.name("soft wide", top + 21.0, &figure);
        let narrow = Element::new("text").with("class", "soft narrow").with("x", "100%");
        let narrow = narrow.with("text-anchor", "end").px("y", top + 10.0);
        self.names.push(narrow.text(&figure));
        let spans = lane.spans.iter().map(|span| (span.from, span.to, span.state));
        let pieces = pieces(spans, &self.window, self.look.cells);
        let mut bars = Element::new("g").with("class", "bars");
        for state in State::ALL {
            let of_state: Vec<Element> =
                parts_of(&pieces, state).map(|part| self.bar(part, BAR)).collect();
            if !of_state.is_empty() {
                self.states.extend((!self.states.contains(&state)).then_some(state));
                let of_state = Element::new("g").with("class", class(state)).children(of_state);
                bars = bars.child(&of_state);
            }
        }
        let bars = bars.children(self.points(lane));
        self.plot.push(moved(top).child(&bars));
    }

    /// Of a piece: from the part `y` on, so many parts of a bar of this height.
    fn bar<K>(&self, (piece, y, parts): (&Piece<K>, u8, u8), height: f64) -> Element {
        let (from, to) = (self.place(piece.from), self.place(piece.to));
        let least = 1.0 / self.look.cells as f64;
        // A hair more, so that rounding leaves no gap between neighbours.
        let width = (to - from).max(least) + 0.0004;
        let bar = Element::new("rect").share("x", from).share("width", width);
        let part = |parts: u8| f64::from(parts) / f64::from(PARTS) * height;
        let bar = if y > 0 { bar.px("y", part(y)) } else { bar };
        bar.px("height", part(parts))
    }

    /// Points, one a cell; those in vain last, and in their own colour.
    fn points(&self, lane: &Lane) -> Vec<Element> {
        let mut ticks = Vec::new();
        for vain in [false, true] {
            let mut last = None;
            let own = lane.points.iter().filter(|point| {
                self.window.contains(&point.at)
                    && is_in_vain(&point.name) == vain
                    && Some(&point.name) != self.look.through.as_ref()
            });
            for point in own {
                let cell = (self.place(point.at) * self.look.cells as f64) as u64;
                if last.replace(cell) != Some(cell) {
                    let class = if vain { "tick-vain" } else { "tick" };
                    let tick = Element::new("rect").with("class", class);
                    let (y, height) = if vain { (BAR - 7.0, 7.0) } else { (0.0, 7.0) };
                    let tick = tick.share("x", self.place(point.at)).px("width", 1.5);
                    ticks.push(tick.px("y", y).px("height", height));
                }
            }
        }
        ticks
    }

    /// Who had the lock when, where there is one: a shade for each lane. Whether there is.
    fn owner(&mut self, shown: &[(usize, &Lane)], top: f64) -> bool {
        let waits = |lane: &Lane| lane.spans.iter().any(|span| span.state == State::WaitsForLock);
        if shown.len() < 2 || !shown.iter().any(|(_, lane)| waits(lane)) {
            return false;
        }
        let mut spans: Vec<(Nanos, Nanos, usize)> = Vec::new();
        for (at, (_, lane)) in shown.iter().enumerate() {
            let own = lane.spans.iter().filter(|span| span.state == State::Runs);
            spans.extend(own.map(|span| (span.from, span.to, at % SHADES)));
        }
        spans.sort_unstable();
        let pieces = pieces(spans, &self.window, self.look.cells);
        let mut strip = moved(top);
        for shade in 0..SHADES {
            let of_shade = Element::new("g").with("class", format_args!("own-{shade}"));
            let parts = parts_of(&pieces, shade).map(|part| self.bar(part, OWNER - 8.0));
            strip = strip.child(&of_shade.children(parts));
        }
        self.plot.push(strip);
        self.name("soft wide", top + 8.0, "who has the lock");
        true
    }

    fn axis(&mut self, top: f64) {
        let unit = Unit::of(self.length());
        let line = Element::new("line").with("x2", "100%").px("y1", 1.0).px("y2", 1.0);
        let mut axis = moved(top).with("class", "axis").child(&line);
        let times = ticks(self.length());
        let last = times.len() - 1;
        for (at, time) in times.into_iter().enumerate() {
            let place = time as f64 / self.length() as f64;
            let line = Element::new("line").share("x1", place).share("x2", place);
            axis = axis.child(&line.px("y1", 1.0).px("y2", 5.0));
            let anchor = match place {
                0.0 => "start",
                place if place > 0.96 => "end",
                _ => "middle",
            };
            // Where there is little room, every other one is enough.
            let class = if (last - at) % 2 == 1 { "soft wide" } else { "soft" };
            let text = Element::new("text").with("class", class).share("x", place).px("y", 17.0);
            let text = text.with("text-anchor", anchor);
            axis = axis.child(&text.text(unit.shown(time, at == last)));
        }
        self.plot.push(axis);
    }

    /// Arrows where points of the chosen name are, through all groups.
    fn through(&mut self, timeline: &Timeline, bottom: f64) {
        let Some(name) = &self.look.through else { return };
        let lanes = timeline.groups.iter().flat_map(|group| &group.lanes);
        let points = lanes.flat_map(|lane| &lane.points).filter(|point| point.name == *name);
        let mut times: Vec<Nanos> =
            points.map(|point| point.at).filter(|at| self.window.contains(at)).collect();
        times.sort_unstable();
        times.dedup_by_key(|at| (self.place(*at) * self.look.cells as f64 / 2.0) as u64);
        for at in times {
            let place = self.place(at);
            let line = Element::new("line").with("class", "through");
            let line = line.share("x1", place).share("x2", place).px("y1", 8.0).px("y2", bottom);
            let head = Element::new("svg").share("x", place).with("overflow", "visible");
            let triangle =
                Element::new("path").with("class", "through-head").with("d", "M-4 2h8l-4 7z");
            self.plot.extend([line, head.child(&triangle)]);
        }
    }

    fn in_words(&self, group: &Group) -> String {
        let shown = shown(group, &self.window, self.look.most_lanes);
        let of_lane = |(_, lane): &(usize, &Lane)| {
            let mut shares = shares(lane, &self.window);
            shares.retain(|(_, share)| *share >= 0.005);
            let states: Vec<String> = shares
                .iter()
                .map(|(state, share)| format!("{state} {}", percent(*share)))
                .collect();
            format!("{} {}", lane.name, states.join(", "))
        };
        let lanes: Vec<String> = shown.iter().map(of_lane).collect();
        format!("{}: {}.", group.name, lanes.join("; "))
    }
}

/// The lanes that are shown, with their places: the first that do something in the window.
fn shown<'a>(group: &'a Group, window: &Range<Nanos>, most: usize) -> Vec<(usize, &'a Lane)> {
    let lanes = group.lanes.iter().enumerate();
    let mut lanes: Vec<(usize, &Lane)> =
        lanes.filter(|(_, lane)| lane.kind != LaneKind::Summary).collect();
    if lanes.len() > most {
        let active = |lane: &Lane| shares(lane, window).iter().any(|(s, _)| *s != State::Idle);
        lanes.sort_by_key(|(at, lane)| (!active(lane), *at));
        lanes.truncate(most);
        lanes.sort_by_key(|(at, _)| *at);
    }
    lanes
}

/// The state that is worth a figure beside the name: waiting for the lock, else what it did most.
fn telling(shares: &[(State, f64)]) -> Option<(State, f64)> {
    let waits = shares.iter().find(|(state, share)| *state == State::WaitsForLock && *share >= 0.2);
    waits.or_else(|| shares.iter().max_by(|a, b| a.1.total_cmp(&b.1))).copied()
}

/// The pieces with a part of this kind: from which part on, and how many.
fn parts_of<K: Copy + PartialEq>(
    pieces: &[Piece<K>],
    what: K,
) -> impl Iterator<Item = (&Piece<K>, u8, u8)> {
    pieces.iter().filter_map(move |piece| {
        let at = piece.parts.iter().position(|(kind, _)| *kind == what)?;
        let before: u8 = piece.parts[..at].iter().map(|(_, parts)| parts).sum();
        Some((piece, before, piece.parts[at].1))
    })
}

/// A group that begins so far below the top.
fn moved(top: f64) -> Element {
    Element::new("g").with("transform", format_args!("translate(0 {top})"))
}

fn is_in_vain(name: &str) -> bool {
    name.contains("in vain") || name == "failed take" || name.contains("killed")
}

fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
