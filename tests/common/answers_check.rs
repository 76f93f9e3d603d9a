//! What holds for any lines that a reader types into a game or a walk.
//!
//! *Promises*: the fuzz target `answers` and the replay of its seeds check the same.

use singletrack::lab::play::request::PlayRequest;
use singletrack::lab::play::session::play;
use singletrack::lab::replay::request::ReplayRequest;
use singletrack::lab::replay::walk::replay;
use singletrack::lab::report::failure::Failure;
use singletrack::lab::report::keys::Answers;
use singletrack::lab::timeline::timeline::{Group, Lane, LaneKind, Point, Span, State, Timeline};
use singletrack::lab::turns::request::{Stage, StepRequest};
use singletrack::lab::turns::scene::Scene;
use singletrack::lab::turns::walk::step;
use std::path::Path;

/// Lines, or keys, of a text; and then the end.
struct Typed<'a> {
    rest: std::str::Split<'a, char>,
    keys: bool,
}

impl Answers for Typed<'_> {
    fn next(&mut self) -> Result<Option<String>, Failure> {
        Ok(self.rest.next().map(|line| line.trim().to_owned()))
    }

    fn are_keys(&self) -> bool {
        self.keys
    }
}

/// The first line says where: in a game, in a trace or in a loop, by lines or by keys. It comes to its
/// end, and nothing that was typed steers the terminal.
pub fn check_any_answers(text: &str) {
    let (where_to, typed) = text.split_once('\n').unwrap_or((text, ""));
    let keys = where_to.ends_with('k');
    let mut answers = Typed { rest: typed.split('\n'), keys };
    let print = |page: &str| {
        // What a terminal's screen is cleared with, and what takes a typed letter back, is ours.
        let page = page.replace("\x1b[H\x1b[2J", "").replace("\x08 \x08", "");
        let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\r');
        assert!(!page.chars().any(steers), "{page:?}");
        Ok(())
    };
    let ended = match where_to.bytes().next() {
        Some(b'g') => {
            let level: u8 = where_to[1..].trim_end_matches('k').parse().unwrap_or(1);
            match PlayRequest::new(Path::new(&level.to_string()), None) {
                Ok(request) => play(&request, &mut answers, 60, print),
                Err(_) => return,
            }
        }
        Some(b't') => {
            let request = ReplayRequest { timeline: trace(), at: None, all: false, json: false };
            replay(&request, &mut answers, 60, print)
        }
        _ => {
            let stage = Stage::Scene(Scene::named("queue").unwrap());
            let request = StepRequest { stage, all: false, json: false, html: None, trace: None };
            step(&request, &mut answers, 60, print)
        }
    };
    assert_eq!(ended, Ok(()));
}

fn trace() -> Timeline {
    let span = |from: u64| {
        let (to, state, name) = (from + 500, State::Runs, format!("from {from}"));
        Span { from, to, state, name, details: Vec::new() }
    };
    let lane = |id: u64| Lane {
        name: format!("lane {id}"),
        kind: LaneKind::Thread,
        id,
        spans: (0..20).map(|n| span(id + 1000 * n)).collect(),
        points: vec![Point { at: 77, name: "point".into() }],
    };
    let group = Group { lanes: (1..4).map(lane).collect(), ..Group::default() };
    Timeline { about: Vec::new(), until: 30_000, groups: vec![group] }
}
