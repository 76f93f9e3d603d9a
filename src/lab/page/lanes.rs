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

use crate::lab::page::axis::{Unit, ticks};
use crate::lab::page::density::{PARTS, Piece, pieces};
use crate::lab::page::markup::Element;
use crate::lab::page::rows::{BAR, ROW, Room, Rows};
use crate::lab::page::states::{class, percent, shares, word};
use crate::lab::timeline::fold::{Shown, fold};
use crate::lab::timeline::timeline::{Group, Lane, Nanos, State, Timeline};
use std::ops::Range;

/// Heights, in pixels.
#[derive(Debug, Clone, Copy)]
struct Heights {
    head: f64,
    owner: f64,
    row: f64,
    bar: f64,
    gap: f64,
}

/// Where there is room for a figure below each name.
const ROOMY: Heights = Heights { head: 24.0, owner: 16.0, row: ROW, bar: BAR, gap: 10.0 };
/// Where there is none.
const DENSE: Heights = Heights { head: 21.0, owner: 9.0, row: 19.0, bar: 15.0, gap: 6.0 };
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
    /// What is said beside the name of each group, in their order.
    pub remarks: Vec<String>,
    /// Whether there is little room: then figures stand in the words alone.
    pub dense: bool,
    /// How many cells the width has: what is shorter than one of them becomes a shade.
    pub cells: u64,
    /// Points of this name become arrows through all groups.
    pub through: Option<String>,
    /// The room.
    pub room: Room,
}

/// The cells of a page of this grade (`shell::light_enough`): a third fewer with each, and 100 at least,
/// which grade 6 has.
pub fn cells(grade: u32) -> u64 {
    (0..grade).fold(1000, |cells, _| (cells * 2 / 3).max(100))
}

impl Default for Look {
    fn default() -> Look {
        Look {
            title: "What each lane did, and when".to_owned(),
            window: None,
            remarks: Vec::new(),
            dense: false,
            cells: cells(0),
            through: None,
            room: Room::Page,
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
    let rows = Rows::new(if look.through.is_some() { ARROWS } else { 0.0 });
    let heights = if look.dense { DENSE } else { ROOMY };
    let drawing = Drawing { look, window, heights, states: Vec::new(), rows };
    drawing.all(timeline)
}

struct Drawing<'a> {
    look: &'a Look,
    window: Range<Nanos>,
    heights: Heights,
    states: Vec<State>,
    rows: Rows,
}

impl Drawing<'_> {
    fn all(mut self, timeline: &Timeline) -> Picture {
        let mut words = vec![format!("{}.", Unit::of(self.length()).shown(self.length(), true))];
        for (at, group) in timeline.groups.iter().enumerate() {
            self.band(group, self.look.remarks.get(at));
            words.push(self.in_words(group));
            self.rows.skip(self.heights.gap);
        }
        self.rows.skip(-self.heights.gap);
        self.through(timeline);
        let unit = Unit::of(self.length());
        let times = ticks(self.length());
        let last = times.len() - 1;
        let place = |time: Nanos| time as f64 / self.length() as f64;
        let marks = times.into_iter().enumerate();
        let marks: Vec<(f64, String)> =
            marks.map(|(at, time)| (place(time), unit.shown(time, at == last))).collect();
        self.rows.axis(&marks);
        self.states.sort();
        let (height, words) = (self.rows.at(), words.join(" "));
        let markup = self.rows.picture(self.look.room, &self.look.title, &words);
        Picture { markup, height, states: self.states, words }
    }

    fn length(&self) -> Nanos {
        self.window.end - self.window.start
    }

    /// Where on the axis a moment is, from 0 to 1.
    fn place(&self, at: Nanos) -> f64 {
        at.saturating_sub(self.window.start) as f64 / self.length() as f64
    }

    fn band(&mut self, group: &Group, remark: Option<&String>) {
        self.rows.name("band", 16.0, &group.name);
        if let Some(remark) = remark {
            let text = Element::new("text").with("class", "remark").px("x", 6.0).px("y", 16.0);
            self.rows.put_above(&text.text(remark));
        }
        if group.forgotten > 0 {
            let text = Element::new("text").with("class", "soft").with("x", "100%").px("y", 16.0);
            let text = text.with("text-anchor", "end");
            self.rows.put(&text.text(format!("{} events had no room", group.forgotten)));
        }
        self.rows.skip(self.heights.head);
        let shown = fold(group);
        let lanes: Vec<&Lane> = shown.iter().map(|shown| &group.lanes[shown.lane]).collect();
        self.owner(&lanes);
        for (shown, lane) in shown.iter().zip(lanes) {
            self.lane(lane, shown.others);
        }
    }

    /// A lane, and how many that are like it are not shown.
    fn lane(&mut self, lane: &Lane, others: usize) {
        let figure = telling(&shares(lane, &self.window))
            .map_or(String::new(), |(state, share)| format!("{} {}", word(state), percent(share)));
        let like = if others > 0 { format!(" (and {others} like it)") } else { String::new() };
        match self.look.dense {
            true => self.rows.name("", 12.0, &(lane.name.clone() + &like)),
            false => self.rows.named("", &lane.name, &(figure + &like)),
        }
        let spans = lane.spans.iter().map(|span| (span.from, span.to, span.state));
        let pieces = pieces(spans, &self.window, self.look.cells);
        let mut bars = Element::new("g").with("class", "bars");
        for state in State::ALL {
            let of_state: Vec<Element> =
                parts_of(&pieces, state).map(|part| self.bar(part, self.heights.bar)).collect();
            if !of_state.is_empty() {
                self.states.extend((!self.states.contains(&state)).then_some(state));
                let of_state = Element::new("g").with("class", class(state)).children(of_state);
                bars = bars.child(&of_state);
            }
        }
        let bars = bars.children(self.points(lane));
        self.rows.put(&bars);
        self.rows.skip(self.heights.row);
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
                    let (y, height) = if vain { (self.heights.bar - 7.0, 7.0) } else { (0.0, 7.0) };
                    let tick = tick.share("x", self.place(point.at)).px("width", 1.5);
                    ticks.push(tick.px("y", y).px("height", height));
                }
            }
        }
        ticks
    }

    /// Who had the lock when, where there is one: a shade for each lane.
    fn owner(&mut self, shown: &[&Lane]) {
        let waits = |lane: &Lane| lane.spans.iter().any(|span| span.state == State::WaitsForLock);
        if shown.len() < 2 || !shown.iter().any(|lane| waits(lane)) {
            return;
        }
        let mut spans: Vec<(Nanos, Nanos, usize)> = Vec::new();
        for (at, lane) in shown.iter().enumerate() {
            let own = lane.spans.iter().filter(|span| span.state == State::Runs);
            spans.extend(own.map(|span| (span.from, span.to, at % SHADES)));
        }
        spans.sort_unstable();
        let pieces = pieces(spans, &self.window, self.look.cells);
        let mut strip = Element::new("g");
        for shade in 0..SHADES {
            let of_shade = Element::new("g").with("class", format_args!("own-{shade}"));
            let parts = parts_of(&pieces, shade).map(|part| {
                self.bar(part, self.heights.owner - if self.look.dense { 3.0 } else { 8.0 })
            });
            strip = strip.child(&of_shade.children(parts));
        }
        self.rows.put(&strip);
        if !self.look.dense {
            self.rows.name("soft wide", 8.0, "who has the lock");
        }
        self.rows.skip(self.heights.owner);
    }

    /// Arrows where points of the chosen name are, through all groups.
    fn through(&mut self, timeline: &Timeline) {
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
            let line =
                line.share("x1", place).share("x2", place).px("y1", 8.0).px("y2", self.rows.at());
            let head = Element::new("svg").share("x", place).with("overflow", "visible");
            let triangle =
                Element::new("path").with("class", "through-head").with("d", "M-4 2h8l-4 7z");
            self.rows.through([line, head.child(&triangle)]);
        }
    }

    fn in_words(&self, group: &Group) -> String {
        let of_lane = |shown: &Shown| {
            let lane = &group.lanes[shown.lane];
            let mut shares = shares(lane, &self.window);
            shares.retain(|(_, share)| *share >= 0.005);
            let states: Vec<String> = shares
                .iter()
                .map(|(state, share)| format!("{state} {}", percent(*share)))
                .collect();
            format!("{} {}", lane.name, states.join(", "))
        };
        let shown = fold(group);
        let lanes: Vec<String> = shown.iter().map(of_lane).collect();
        let others: usize = shown.iter().map(|shown| shown.others).sum();
        let more = if others > 0 { format!("; and {others} more lanes") } else { String::new() };
        format!("{}: {}{more}.", group.name, lanes.join("; "))
    }
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

fn is_in_vain(name: &str) -> bool {
    name.contains("in vain") || name == "failed take" || name.contains("killed")
}
