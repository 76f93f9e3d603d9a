//! The pictures of pages: what a lane did is in them, however short it was, and text stays text.
#![cfg(feature = "cli")]

#[path = "common/cases.rs"]
mod cases;
#[path = "common/markup.rs"]
mod markup;

use cases::cases;
use markup::{kept, parse};
use proptest::prelude::*;
use singletrack::lab::page::density::{PARTS, pieces};
use singletrack::lab::page::lanes::{Look, lanes};
use singletrack::lab::page::markup::Element;
use singletrack::lab::page::rows::Room;
use singletrack::lab::timeline::timeline::{Group, Lane, LaneKind, Point, Span, State, Timeline};

fn lane(name: &str, lengths: &[(u64, usize)]) -> Lane {
    let mut at = 0;
    let spans = lengths.iter().map(|&(length, state)| {
        let from = at;
        at += length;
        Span { from, to: at, state: State::ALL[state], name: String::new(), details: Vec::new() }
    });
    let spans = spans.collect();
    Lane { name: name.to_owned(), kind: LaneKind::Thread, id: 1, spans, points: Vec::new() }
}

fn timeline(names: &[&str], lanes: Vec<Lane>) -> Timeline {
    let ends = lanes.iter().filter_map(|lane| lane.spans.last()).map(|span| span.to);
    let until = ends.max().unwrap_or(0);
    let group = |name: &&str| Group {
        name: (*name).to_owned(),
        pid: 1,
        lanes: lanes.clone(),
        links: Vec::new(),
        forgotten: 0,
    };
    Timeline { about: Vec::new(), until, groups: names.iter().map(group).collect() }
}

#[test]
fn lanes_beyond_the_limit_are_counted() {
    let many = (0..9).map(|at| lane(&format!("t{at}"), &[(100, if at == 7 { 1 } else { 0 })]));
    let picture = lanes(&timeline(&["pool"], many.collect()), &Look::default());
    let text = parse(&picture.markup.to_string()).unwrap().all_text();
    assert!(text.contains("(and 5 like it)"), "{text}");
    assert!(text.contains("t7"), "the one that waits is shown: {text}");
    assert!(picture.words.ends_with("; and 5 more lanes."), "{}", picture.words);
}

#[test]
fn who_has_the_lock_is_a_strip_only_where_there_is_a_lock() {
    let with = lanes(
        &timeline(&["a"], vec![lane("x", &[(9, 0), (9, 1)]), lane("y", &[(9, 1), (9, 0)])]),
        &Look::default(),
    );
    let without = lanes(
        &timeline(&["a"], vec![lane("x", &[(9, 0), (9, 3)]), lane("y", &[(9, 3), (9, 0)])]),
        &Look::default(),
    );
    assert!(with.markup.to_string().contains("who has the lock"));
    assert!(!without.markup.to_string().contains("who has the lock"));
    assert!(with.height > without.height);
}

#[test]
fn arrivals_run_through_all_groups_as_one_arrow_each() {
    let mut net = lane("net", &[(1_000, 3)]);
    net.points = [100, 500, 900].map(|at| Point { at, name: "arrives".into() }).to_vec();
    let look = Look { through: Some("arrives".into()), ..Look::default() };
    let picture = lanes(&timeline(&["a", "b"], vec![net]), &look).markup.to_string();
    assert_eq!(picture.matches("class=\"through\"").count(), 3);
    assert_eq!(picture.matches("class=\"tick\"").count(), 0, "they are not drawn twice");
}

#[test]
fn a_million_spans_are_a_picture_of_bounded_size() {
    let spans: Vec<(u64, usize)> = (0..1_000_000).map(|at| (1 + at % 3, at as usize % 7)).collect();
    let look = Look { cells: 500, ..Look::default() };
    let picture = lanes(&timeline(&["a"], vec![lane("x", &spans)]), &look).markup.to_string();
    assert!(picture.len() < 300_000, "{}", picture.len());
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_span_is_lost_in_a_shade(
        lengths in proptest::collection::vec((0u64..2_000, 0usize..7), 1..300),
        cells in 1u64..200,
        cut in (0u64..1_000, 1u64..100_000),
    ) {
        let lane = lane("x", &lengths);
        let spans: Vec<_> = lane.spans.iter().map(|s| (s.from, s.to, s.state)).collect();
        let window = cut.0..cut.0 + cut.1;
        let found = pieces(spans.iter().copied(), &window, cells);
        prop_assert!(found.len() as u64 <= 4 * cells + 4, "{} of {cells}", found.len());
        for pair in found.windows(2) {
            prop_assert!(pair[0].to <= pair[1].from, "in order, without overlap");
        }
        for piece in &found {
            prop_assert!(window.start <= piece.from && piece.to <= window.end);
            prop_assert!(piece.parts.iter().all(|(_, part)| *part >= 1));
            prop_assert!(piece.parts.iter().map(|(_, part)| part).sum::<u8>() <= PARTS);
        }
        for (from, to, state) in spans {
            let inside = from.max(window.start)..to.min(window.end);
            if inside.start < inside.end {
                let shown = found.iter().any(|piece| {
                    piece.from <= inside.start
                        && inside.end <= piece.to
                        && piece.parts.iter().any(|(kind, _)| *kind == state)
                });
                prop_assert!(shown, "{state:?} from {from} to {to}");
            }
        }
    }

    #[test]
    fn any_text_is_text_in_a_picture(text in "\\PC*|[<>&\"'\\]/{}%a-z\\u{0}-\\u{1f}\\u{fffe}]*") {
        let timeline = timeline(&[&text], vec![lane(&text, &[(5, 0), (5, 1)]), lane("b", &[(5, 1)])]);
        let look = Look {
            title: text.clone(),
            room: Room::Fixed { width: 900.0, names: 100.0 },
            ..Look::default()
        };
        let svg = lanes(&timeline, &look).markup.with("data-x", &text).to_string();
        let root = parse(&svg).unwrap();
        let kept = kept(&text);
        prop_assert_eq!(root.attribute("data-x"), Some(kept.as_str()));
        prop_assert_eq!(root.children[0].name.as_str(), "title");
        prop_assert_eq!(root.children[0].text.as_str(), kept.as_str());
        prop_assert_eq!(root.attribute("class"), Some("lanes"));
    }

    #[test]
    fn an_element_is_what_it_was_made_of(text in any::<String>(), other in any::<String>()) {
        let element = Element::new("g").with("id", &text).text(&other).child(&Element::new("path"));
        let root = parse(&element.to_string()).unwrap();
        let (text, other) = (kept(&text), kept(&other));
        prop_assert_eq!(root.attribute("id"), Some(text.as_str()));
        prop_assert_eq!(root.text.as_str(), other.as_str());
        prop_assert_eq!(root.children.len(), 1);
    }
}
