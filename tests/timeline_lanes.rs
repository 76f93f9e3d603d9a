//! Timelines in characters: nothing is wider than asked for, and no wait is too short to be seen.
#![cfg(feature = "cli")]

use proptest::prelude::*;
use singletrack::lab::poster::poster::poster;
use singletrack::lab::report::lanes::DrawOptions;
use singletrack::lab::report::terminal::Palette;
use singletrack::lab::timeline::fold::{MOST, fold};
use singletrack::lab::timeline::lanes::{draw, legend};
use singletrack::lab::timeline::timeline::{Group, Lane, LaneKind, Point, Span, State, Timeline};

const UNTIL: u64 = 1_000_000;

fn span(from: u64, to: u64, state: State) -> Span {
    Span { from, to, state, name: state.to_string(), details: Vec::new() }
}

fn lane(name: &str, spans: Vec<Span>) -> Lane {
    Lane { name: name.to_owned(), kind: LaneKind::Thread, id: 1, spans, points: Vec::new() }
}

fn group(name: &str, lanes: Vec<Lane>) -> Group {
    Group { name: name.to_owned(), pid: 1, lanes, links: Vec::new(), forgotten: 0 }
}

fn timeline(groups: Vec<Group>) -> Timeline {
    let timeline = Timeline { about: Vec::new(), until: UNTIL, groups };
    assert_eq!(timeline.check(), Ok(()));
    timeline
}

fn options(width: usize, ascii: bool) -> DrawOptions {
    DrawOptions { width, ascii, palette: Palette::None }
}

/// Lanes of spans that follow each other, some of them of no length.
fn any_lane() -> impl Strategy<Value = Lane> {
    let part = (0u64..200_000, 0usize..State::ALL.len());
    let parts = prop::collection::vec(part, 0..9);
    (".{0,30}", parts, prop::collection::vec(0..=UNTIL, 0..4)).prop_map(|(name, parts, points)| {
        let (mut at, mut spans) = (0, Vec::new());
        for (length, state) in parts {
            let to = (at + length).min(UNTIL);
            spans.push(span(at, to, State::ALL[state]));
            at = to;
        }
        let mut lane = lane(&name, spans);
        lane.points = points.into_iter().map(|at| Point { at, name: "arrival".into() }).collect();
        lane.points.sort_by_key(|point| point.at);
        lane
    })
}

fn any_timeline() -> impl Strategy<Value = Timeline> {
    let group_of = |(name, lanes, strip): (String, Vec<Lane>, bool)| {
        let mut lanes = lanes;
        if strip {
            let owner = Lane { kind: LaneKind::Summary, ..lane("GIL owner", Vec::new()) };
            lanes.insert(0, owner);
        }
        group(&name, lanes)
    };
    let one = (".{0,40}", prop::collection::vec(any_lane(), 0..8), any::<bool>());
    prop::collection::vec(one.prop_map(group_of), 0..4).prop_map(timeline)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_line_is_wider_than_asked(
        timeline in any_timeline(),
        width in 1usize..140,
        ascii: bool,
        from in 0..UNTIL,
        length in 1..UNTIL,
    ) {
        let options = options(width, ascii);
        let window = from..(from + length).min(UNTIL);
        // Words of the legend are not cut.
        let key = if width < 10 { String::new() } else { legend(&timeline, &options) };
        let text = draw(&timeline, window, &options) + &key;
        for line in text.lines() {
            prop_assert!(line.chars().count() <= width, "{width}: {line:?}\n{text}");
        }
    }

    #[test]
    fn at_most_four_lanes_are_shown_and_the_others_are_counted(timeline in any_timeline()) {
        for group in &timeline.groups {
            let lanes = group.lanes.iter().filter(|lane| lane.kind != LaneKind::Summary).count();
            let shown = fold(group);
            prop_assert!(shown.len() <= MOST);
            let others: usize = shown.iter().map(|shown| shown.others).sum();
            prop_assert_eq!(shown.len() + others, lanes);
            prop_assert!(shown.windows(2).all(|pair| pair[0].lane < pair[1].lane));
        }
    }

    #[test]
    fn a_wait_is_seen_however_short(
        at in 0..UNTIL - 1,
        length in 1u64..100,
        lock: bool,
        width in 30usize..200,
    ) {
        let to = (at + length).min(UNTIL);
        let state = if lock { State::WaitsForLock } else { State::Ready };
        let spans = vec![span(0, at, State::Runs), span(at, to, state), span(to, UNTIL, State::Runs)];
        let drawn = timeline(vec![group("threads", vec![lane("cpu", spans)])]);
        let text = draw(&drawn, 0..UNTIL, &options(width, true));
        prop_assert!(text.lines().last().unwrap().contains(['X', '/', '~']), "{text}");
    }
}

#[test]
fn a_crowd_is_folded_into_those_that_wait_most() {
    let mut lanes = vec![lane("cpu", vec![span(0, UNTIL, State::Runs)])];
    for number in 1..=31 {
        // Number 20 waits longest.
        let waits = if number == 20 { 900_000 } else { 1000 * number };
        lanes.push(lane(&format!("net {number}"), vec![span(0, waits, State::WaitsForLock)]));
    }
    let text = draw(&timeline(vec![group("threads", lanes)]), 0..UNTIL, &options(80, true));
    assert!(text.contains("\n  cpu"), "{text}");
    assert!(text.contains("\n  net 20"), "{text}");
    assert!(text.contains("\n  +28 like net 31\n"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("  net")).count(), 3, "{text}");
}

#[test]
fn all_bands_have_one_axis_and_the_lock_has_a_strip() {
    let poster = poster("singletrack poster").unwrap();
    let text = draw(&poster.timeline, 0..poster.timeline.until, &options(100, false));
    let column = |line: &str| line.chars().position(|c| "█▁▂▃·▒░▞".contains(c));
    let lanes: Vec<usize> = text.lines().filter_map(column).collect();
    assert_eq!(lanes.len(), 8, "{text}");
    // In each band packets come in the same columns.
    let packets: Vec<&str> = text.lines().filter(|line| line.contains('▼')).collect();
    assert_eq!(packets.len(), 4, "{text}");
    assert!(packets.iter().all(|line| line == &packets[0]), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("  GIL owner")).count(), 2, "{text}");
    let narrow = draw(&poster.timeline, 0..poster.timeline.until, &options(20, true));
    assert!(narrow.lines().all(|line| line.len() <= 20), "{narrow}");
}

/// From 500 ns to 1500 ns in ten columns: what the lines of this lane show, its points above it.
fn columns(spans: &[(u64, u64, State)], points: &[(u64, &str)]) -> Vec<String> {
    let spans = spans.iter().map(|&(from, to, state)| span(from, to, state)).collect();
    let points = points.iter().map(|&(at, name)| Point { at, name: name.to_owned() }).collect();
    let groups = vec![group("g", vec![Lane { points, ..lane("cpu", spans) }])];
    let drawn = Timeline { about: Vec::new(), until: 2_000, groups };
    assert_eq!(drawn.check(), Ok(()));
    let text = draw(&drawn, 500..1_500, &options(19, false));
    let cells = |line: &str| line.chars().skip(9).collect();
    text.lines().filter(|line| line.starts_with("  ")).map(cells).skip(1).collect()
}

#[test]
fn a_column_shows_what_its_lane_did_in_it() {
    use State::{Blocked, Forgotten, Idle, Native, Pipe, Ready, Runs, WaitsForLock};
    for (spans, drawn) in [
        (
            &[
                (500, 600, Runs),
                (600, 700, WaitsForLock),
                (700, 800, Ready),
                (800, 900, Blocked),
                (900, 1_000, Idle),
                (1_000, 1_100, Native),
                (1_100, 1_200, Pipe),
                (1_200, 1_300, Forgotten),
                (1_400, 1_410, Runs),
                (1_410, 1_500, Blocked),
            ][..],
            "█▒░· ═┄? ▁",
        ),
        // Waiting always shows, and so does work, however short.
        (&[(500, 501, WaitsForLock), (501, 600, Blocked)], "▒"),
        (&[(599, 600, Ready)], "░"),
        (&[(599, 601, Ready)], "░░"),
        (&[(500, 599, Runs), (599, 600, WaitsForLock)], "▞"),
        (&[(500, 599, Runs), (599, 600, Ready)], "▞"),
        (&[(500, 501, Native), (501, 600, WaitsForLock)], "▞"),
        (&[(500, 599, Ready), (599, 600, WaitsForLock)], "▒"),
        (&[(500, 599, Forgotten), (599, 600, Blocked)], "·"),
        (&[(500, 599, Idle), (599, 600, Forgotten)], "?"),
        // Of work what there is most of, and how much of the column that is.
        (&[(500, 550, Runs), (550, 600, Blocked)], "▄"),
        (&[(500, 551, Runs), (551, 600, Idle)], "▅"),
        (&[(500, 540, Runs), (540, 580, Native), (580, 600, Blocked)], "▇"),
        (&[(500, 530, Runs), (530, 570, Native), (570, 600, Pipe)], "═"),
        (&[(500, 530, Runs), (530, 560, Native), (560, 600, Pipe)], "┄"),
        (&[(500, 540, Runs), (540, 560, Native), (560, 600, Pipe)], "█"),
        (&[(500, 550, Native), (550, 600, Pipe)], "═"),
        // Beyond the window there is nothing.
        (&[(0, 500, Runs), (1_500, 1_600, Runs)], ""),
        (&[(0, 501, Ready), (1_499, 1_600, Runs)], "░        █"),
        (&[(0, 2_000, Blocked)], "··········"),
    ] {
        assert_eq!(columns(spans, &[]), [drawn], "{spans:?}");
    }
}

#[test]
fn a_point_is_in_one_column_and_a_take_in_vain_marks_the_wait() {
    let waits =
        [(500, 800, State::WaitsForLock), (800, 850, State::Runs), (850, 900, State::WaitsForLock)];
    let vain = |at| (at, "failed take");
    let of = |points: &[(u64, &str)]| columns(&waits, points).pop().unwrap();
    assert_eq!(of(&[]), "▒▒▒▞");
    assert_eq!(of(&[vain(499), vain(600), vain(650), vain(860), vain(1_000)]), "▒╵▒▞");
    assert_eq!(of(&[(600, "another")]), "▒▒▒▞");
    let arrivals = [499, 500, 599, 600, 1_499, 1_500].map(|at| (at, "arrival"));
    assert_eq!(columns(&[], &arrivals)[0], "▼▼       ▼");
}

fn waiting(name: &str, from: u64, to: u64) -> Lane {
    lane(name, vec![span(from, to, State::Ready)])
}

/// Which lanes of a group are shown, and how many each stands for.
fn shown(lanes: Vec<Lane>) -> Vec<(usize, usize)> {
    fold(&group("g", lanes)).iter().map(|shown| (shown.lane, shown.others)).collect()
}

#[test]
fn lanes_of_a_kind_differ_by_a_number_and_the_longest_wait_is_shown() {
    let idle = |name: &str| lane(name, Vec::new());
    assert_eq!(shown(vec![]), []);
    assert_eq!(shown(vec![idle("a 1"), idle("a 2"), idle("b")]), [(0, 0), (1, 0), (2, 0)]);
    let busy = |name: &str| lane(name, vec![span(0, 9, State::Runs)]);
    let numbered = vec![
        busy("cpu"),
        waiting("net 1", 0, 10),
        waiting("net-22", 0, 20),
        waiting("net#3", 0, 40),
        waiting("net4", 0, 30),
        busy("x"),
    ];
    assert_eq!(shown(numbered), [(0, 0), (3, 0), (4, 2), (5, 0)]);
    // How long it waits counts, and not when; what did nothing stands behind the last kind.
    let kinds = ["a", "b", "c"].map(busy);
    let d = [waiting("d 1", 1_000, 1_050), waiting("d 2", 0, 100), waiting("d 3", 0, 10)];
    let four = [&kinds[..], &d, &[idle("e")]].concat();
    assert_eq!(shown(four), [(0, 0), (1, 0), (2, 0), (4, 3)]);
    let five = [&kinds[..], &[busy("d"), waiting("e", 0, 1)]].concat();
    assert_eq!(shown(five), [(0, 0), (1, 0), (2, 0), (4, 1)]);
    let crowd = (0..9).map(|n| waiting(&format!("w {n}"), 0, 1 + n % 3)).collect();
    assert_eq!(shown(crowd), [(1, 0), (2, 0), (5, 0), (8, 5)]);
}
