//! Lanes and trace files of recordings that are written down here, as literals.
#![cfg(feature = "cli")]

use proptest::prelude::*;
use serde_json::Value;
use singletrack::gil::{EventKind, LockEvent, LockState, Recording, Track};
use singletrack::lab::report::lanes::{DrawOptions, StateNames, lanes, legend};
use singletrack::lab::report::recording::{FlatRecording, Profile};
use singletrack::lab::report::terminal::Palette;
use singletrack::lab::report::window::{Zoom, closer, recorded};
use singletrack::lab::timeline::from_lock::from_lock;
use singletrack::lab::timeline::timeline::Timeline;
use singletrack::lab::timeline::trace::write_trace;

const MS: u64 = 1_000_000;

fn track(name: &str, tid: u32, events: &[(u64, EventKind)]) -> Track {
    let events = events.iter().map(|&(at, what)| LockEvent { at, what }).collect();
    Track { name: name.into(), tid, events, dropped: 0, began: None, times: None }
}

/// Two rounds of a convoy: the echo thread waits 5 ms, has the lock for 0.1 ms, and waits again.
fn convoy() -> Recording {
    let cpu = [
        (0, EventKind::Takes),
        (5 * MS, EventKind::DropsOnRequest),
        (5 * MS, EventKind::Waits),
        (5 * MS + 100_000, EventKind::Takes),
        (10 * MS, EventKind::DropsOnRequest),
        (10 * MS, EventKind::Waits),
        (10 * MS + 100_000, EventKind::Takes),
    ];
    let echo = [
        (0, EventKind::Waits),
        (5 * MS - 1, EventKind::Requests),
        (5 * MS, EventKind::Takes),
        (5 * MS + 100_000, EventKind::DropsVoluntarily),
        (5 * MS + 200_000, EventKind::Waits),
        (10 * MS - 1, EventKind::Requests),
        (10 * MS, EventKind::Takes),
        (10 * MS + 100_000, EventKind::DropsVoluntarily),
    ];
    Recording { tracks: vec![track("cpu", 11, &cpu), track("echo", 12, &echo)], until: 12 * MS }
}

/// The trace file of one lock.
fn trace(pid: u32, name: &str, recording: &Recording, about: &[(&str, &str)]) -> Vec<u8> {
    let groups = vec![from_lock(name, pid, recording, &StateNames::LOCK)];
    let about = about.iter().map(|&(key, value)| (key.into(), value.into())).collect();
    let mut file = Vec::new();
    write_trace(&mut file, &Timeline { about, until: recording.until, groups }).unwrap();
    file
}

const PLAIN: DrawOptions = DrawOptions { width: 60, ascii: false, palette: Palette::None };

#[test]
fn a_convoy_is_seen_at_a_glance() {
    assert_eq!(
        lanes(&convoy(), 0..12 * MS, &StateNames::LOCK, &PLAIN),
        r"
           0 ms                 12 ms    has  waits  without
GIL owner  aaaaaaaaaaaaaaaaaaaaaaaaaa
a cpu      ██████████▞▞█████████▞████   98 %    2 %      0 %
b echo     ▒▒▒▒▒▒▒▒▒▒▞▞▒▒▒▒▒▒▒▒▒▞····    2 %   82 %     16 %
"
        .trim_start_matches('\n')
    );
    assert_eq!(
        legend(&StateNames::LOCK, &PLAIN),
        "█ Has GIL   ▒ Waiting for GIL   ▞ both in turn   · No GIL\n\
         ╵ woken in vain   ▄ for a part of its column\n\
         blank: no event yet"
    );
}

#[test]
fn ascii_says_the_same() {
    let options = DrawOptions { ascii: true, ..PLAIN };
    let text = lanes(&convoy(), 0..12 * MS, &StateNames::LOCK, &options)
        + &legend(&StateNames::LOCK, &options);
    assert_eq!(
        text,
        r"
           0 ms                 12 ms    has  waits  without
GIL owner  aaaaaaaaaaaaaaaaaaaaaaaaaa
a cpu      ##########XX#########X####   98 %    2 %      0 %
b echo     //////////XX/////////X....    2 %   82 %     16 %
# Has GIL   / Waiting for GIL   X both in turn   . No GIL
! woken in vain   + for a part of its column
blank: no event yet"
            .trim_start_matches('\n')
    );
    assert!(text.is_ascii());
}

#[test]
fn colours_are_those_of_the_trace_viewers_as_far_as_the_terminal_has_them() {
    let drawn = |palette| {
        let options = DrawOptions { palette, ..PLAIN };
        lanes(&convoy(), 6 * MS..9 * MS, &StateNames::LOCK, &options)
    };
    let lane = |colour: &str, glyph: &str| format!("{colour}{}\x1b[0m", glyph.repeat(26));
    let colours = [
        (Palette::Rgb, "\x1b[38;2;0;158;115m", "\x1b[38;2;213;94;0m"),
        (Palette::Cube, "\x1b[38;5;36m", "\x1b[38;5;166m"),
        (Palette::Sixteen, "\x1b[32m", "\x1b[33m"),
    ];
    for (palette, green, orange) in colours {
        let text = drawn(palette);
        assert!(text.contains(&lane(green, "█")), "{text:?}");
        assert!(text.contains(&lane(orange, "▒")), "{text:?}");
        let plain = strip(&text);
        assert_eq!(plain, drawn(Palette::None), "colour adds nothing but colour");
    }
    assert!(!drawn(Palette::None).contains('\x1b'));
}

/// Without the escape sequences that choose colours.
fn strip(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or_default().to_owned();
    first + &parts.map(|part| part.split_once('m').unwrap().1).collect::<String>()
}

#[test]
fn a_part_of_a_column_is_as_high_as_its_share() {
    let steps: Vec<(u64, EventKind)> = (0..8)
        .flat_map(|i| [(i * 8, EventKind::Takes), (i * 8 + i + 1, EventKind::DropsVoluntarily)])
        .collect();
    let recording = Recording { tracks: vec![track("t", 1, &steps)], until: 64 };
    let options = DrawOptions { width: 11 + 10, ..PLAIN };
    let text = lanes(&recording, 0..80, &StateNames::LOCK, &options);
    assert_eq!(text.lines().last().unwrap(), "a t        ▁▂▃▄▅▆▇█");
}

#[test]
fn a_narrow_terminal_loses_the_figures_before_the_names_and_those_before_the_lanes() {
    let drawn = |width| {
        let options = DrawOptions { width, ..PLAIN };
        let lanes = lanes(&convoy(), 0..12 * MS, &StateNames::LOCK, &options);
        (lanes, legend(&StateNames::LOCK, &options))
    };
    for width in 12..170 {
        let (lanes, legend) = drawn(width);
        for line in lanes.lines().chain(legend.lines()) {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        let widest = lanes.lines().map(|line| line.chars().count()).max();
        assert_eq!(widest, Some(width), "the whole width is used: {lanes}");
        assert!(lanes.contains('▒') && lanes.contains('█'), "{lanes}");
    }
    assert!(drawn(44).0.contains("98 %") && drawn(44).0.contains("b echo"));
    assert!(!drawn(43).0.contains('%') && drawn(43).0.contains("b echo"));
    assert!(drawn(20).0.lines().last().unwrap().starts_with("b ▒"), "{}", drawn(20).0);
}

#[test]
fn the_scale_is_that_of_the_trace_and_as_exact_as_the_window_is_short() {
    let scale = |window: std::ops::Range<u64>| {
        let text = lanes(&convoy(), window, &StateNames::LOCK, &PLAIN);
        text.lines().next().unwrap().split("  has").next().unwrap().trim().to_owned()
    };
    assert_eq!(scale(0..12 * MS), "0 ms                 12 ms");
    assert_eq!(scale(10 * MS..12 * MS), "10.0 ms            12.0 ms");
    assert_eq!(scale(4_990_000..5_120_000), "4990 us            5120 us");
    assert_eq!(scale(11_500_000..11_620_000), "11.50 ms          11.62 ms");
}

#[test]
fn a_waiter_that_is_woken_in_vain_has_a_mark_of_its_own() {
    let waiter = [(0, EventKind::Waits), (30, EventKind::FailsToTake), (60, EventKind::Takes)];
    let recording = Recording { tracks: vec![track("t", 1, &waiter)], until: 100 };
    let options = DrawOptions { width: 44, ..PLAIN };
    let text = lanes(&recording, 0..100, &StateNames::LOCK, &options);
    assert_eq!(text.lines().last().unwrap(), "a t        ▒▒▒╵▒▒████   40 %   60 %      0 %");
}

/// Two threads that fight for the lock every 40 us for 400 us, in an hour of peace.
fn fight() -> Recording {
    const HOUR: u64 = 3_600_000 * MS;
    let (mut a, mut b) = (vec![(0, EventKind::Takes)], vec![(0, EventKind::Waits)]);
    for round in 0..5 {
        let at = HOUR / 2 + round * 80_000;
        a.extend([(at, EventKind::DropsAtTick), (at + 70_000, EventKind::Takes)]);
        b.extend([(at, EventKind::Takes), (at + 40_000, EventKind::DropsAtTick)]);
        b.push((at + 40_000, EventKind::Waits));
    }
    Recording { tracks: vec![track("a", 1, &a), track("b", 2, &b)], until: HOUR }
}

#[test]
fn a_length_is_drawn_where_the_lock_is_fought_for() {
    let recording = fight();
    let middle = recording.until / 2;
    let window = Zoom::Around(500_000).window(&recording).unwrap();
    assert_eq!(window.end - window.start, 500_000);
    assert!(window.contains(&middle) && window.contains(&(middle + 390_000)), "{window:?}");
    let whole = recorded(&recording);
    let near = closer(&recording, &whole).unwrap();
    assert!(near.end - near.start < MS && near.start > middle - MS && near.end < middle + MS);
    let options = DrawOptions { width: 60, ..PLAIN };
    let text = lanes(&recording, near, &StateNames::LOCK, &options);
    let owners = text.lines().nth(1).unwrap();
    assert!(owners.contains("ab") && owners.contains("ba"), "single switches show: {text}");
}

#[test]
fn a_window_that_was_not_recorded_is_refused_with_what_was() {
    let recording = convoy();
    let window = |text: &str| text.parse::<Zoom>().unwrap().window(&recording);
    assert_eq!(window("3ms..4ms"), Ok(3 * MS..4 * MS));
    assert_eq!(window("10ms..1s"), Ok(10 * MS..12 * MS), "as much of it as there is");
    assert_eq!(window("1s"), Ok(0..12 * MS));
    let refusal = window("20ms..30ms").unwrap_err().to_string();
    assert!(refusal.contains("--window 20 ms..30 ms: recorded is 0 ns to 12 ms"), "{refusal}");
    for text in ["", "..", "5", "5 ms", "-1ms", "1ms..", "..2ms", "2ms..2ms", "NaNms", "1e3ms"] {
        assert!(text.parse::<Zoom>().is_err(), "{text}");
    }
}

proptest! {
    /// The shares of a thread add up to 100, whatever it did.
    #[test]
    fn shares_add_up(words in proptest::collection::vec(any::<u64>(), 0..40), until in any::<u64>()) {
        let events: Vec<LockEvent> = words.into_iter().map(LockEvent::from_word).collect();
        let track = Track { name: "t".into(), tid: 7, events, dropped: 0, began: None, times: None };
        let recording = Recording { tracks: vec![track], until };
        let text = lanes(&recording, 0..until, &StateNames::LOCK, &PLAIN);
        let line = text.lines().last().unwrap();
        let shares = line.split(" %").filter_map(|part| part.split(' ').next_back());
        let shares: Vec<u32> = shares.filter_map(|share| share.parse().ok()).collect();
        prop_assert_eq!((shares.len(), shares.iter().sum::<u32>()), (3, 100), "{}", text);
    }

    /// However short a wait is against a column, its column shows it.
    #[test]
    fn no_wait_is_lost(at in 0..10_000_000_000u64, length in 1..1_000_000u64) {
        let events = [(0, EventKind::Takes), (at, EventKind::DropsOnRequest), (at, EventKind::Waits),
                      (at + length, EventKind::Takes)];
        let recording =
            Recording { tracks: vec![track("t", 1, &events)], until: 20_000_000_000 };
        let text = lanes(&recording, 0..20_000_000_000, &StateNames::LOCK, &PLAIN);
        prop_assert!(text.contains(['▞', '▒']), "{}", text);
    }

    /// Any events at all, in any order, draw lanes of the right width and valid JSON.
    #[test]
    fn nothing_that_was_recorded_breaks_the_picture(
        words in proptest::collection::vec(any::<u64>(), 0..40),
        until in any::<u64>(),
        from in any::<u64>(),
    ) {
        let events: Vec<LockEvent> = words.into_iter().map(LockEvent::from_word).collect();
        let recording = Recording {
            tracks: vec![Track { name: "\"\n\u{1}".into(), tid: 7, events, dropped: 3, began: None, times: None }],
            until,
        };
        let window = from.min(until)..until;
        prop_assert_eq!(lanes(&recording, window, &StateNames::LOCK, &PLAIN).lines().count() >= 3, true);
        let file = trace(1, "x", &recording, &[]);
        prop_assert!(serde_json::from_slice::<Value>(&file).is_ok());
    }
}

#[test]
fn a_film_gives_its_recording_back() {
    let recording = convoy();
    assert_eq!(Recording::from(FlatRecording::from(&recording)), recording);
    let echo = Profile::of(&recording.tracks[1], recording.until);
    assert_eq!((echo.takes, echo.requests, echo.failed_takes), (2, 2, 0));
    assert_eq!((echo.hold.max, echo.wait.max), (100_000, 5 * MS));
}

#[test]
fn a_trace_has_the_fields_that_viewers_read() {
    let about = [("policy", "python-3.10")];
    let file = trace(4711, "convoy · python-3.10", &convoy(), &about);
    let trace: Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(trace["displayTimeUnit"], "ns");
    assert_eq!(trace["otherData"]["tool"], "singletrack");
    assert_eq!(trace["otherData"]["policy"], "python-3.10");
    let events = trace["traceEvents"].as_array().unwrap();
    let find = |ph: &str, name: &str, tid: u64| -> Vec<&Value> {
        let fits = |e: &&Value| e["ph"] == ph && e["name"] == name && e["tid"] == tid;
        events.iter().filter(fits).collect()
    };
    assert_eq!(find("M", "thread_name", 0)[0]["args"]["name"], "GIL owner");
    assert_eq!(find("M", "thread_name", 12)[0]["args"]["name"], "echo");
    assert_eq!(find("M", "thread_sort_index", 12)[0]["args"]["sort_index"], 2);
    let waits = find("X", "Waiting for GIL", 12);
    assert_eq!(waits.len(), 2);
    assert_eq!((&waits[0]["ts"], &waits[0]["dur"]), (&0.0.into(), &5000.0.into()));
    assert_eq!(waits[0]["args"], serde_json::json!({ "holder": 11, "requests": 1 }));
    assert_eq!(find("X", "Has GIL", 11)[0]["args"]["ended"], "asked to");
    assert_eq!(find("X", "Has GIL", 12)[0]["args"]["ended"], "released by itself");
    assert_eq!(find("i", "drop request", 12).len(), 2);
    assert_eq!(find("X", "echo", 0).len(), 2, "the owner's lane names threads");
    for tid in [0, 11, 12] {
        let mut end = 0.0;
        for slice in events.iter().filter(|e| e["ph"] == "X" && e["tid"] == tid) {
            let ts = slice["ts"].as_f64().unwrap();
            assert!(ts >= end - 1e-6, "slices of lane {tid} overlap at {ts}");
            end = ts + slice["dur"].as_f64().unwrap();
        }
    }
}

#[test]
fn a_trace_names_no_owner_of_a_time_whose_events_were_forgotten() {
    let mut recording = convoy();
    // The ring of cpu has begun anew after 6 ms; echo's holds before that are not the whole story.
    recording.tracks[0].events.retain(|event| event.at >= 6 * MS);
    recording.tracks[0].dropped = 4;
    let file = trace(1, "convoy · python-2", &recording, &[]);
    let trace: Value = serde_json::from_slice(&file).unwrap();
    let slices = |tid: u64| -> Vec<(String, f64, f64)> {
        let events = trace["traceEvents"].as_array().unwrap().iter();
        let slices = events.filter(|e| e["ph"] == "X" && e["tid"] == tid);
        let number = |value: &Value| value.as_f64().unwrap() / 1000.0;
        slices
            .map(|e| (e["name"].as_str().unwrap().into(), number(&e["ts"]), number(&e["dur"])))
            .collect()
    };
    assert_eq!(
        slices(0),
        [
            ("unknown: events forgotten".into(), 0.0, 10.0),
            ("echo".into(), 10.0, 0.1),
            ("cpu".into(), 10.1, 1.9),
        ]
    );
    assert_eq!(slices(11)[0], ("events forgotten".into(), 0.0, 10.0));
    let waits = trace["traceEvents"].as_array().unwrap().iter();
    let waits: Vec<&Value> =
        waits.filter(|e| e["name"] == "Waiting for GIL" && e["tid"] == 12).collect();
    assert_eq!(waits[0]["args"]["holder"], Value::Null, "{waits:?}");
}

#[test]
fn a_thread_that_does_nothing_is_drawn_from_the_beginning_of_its_recording() {
    let main = Track { began: Some((0, LockState::NoGil)), ..track("main", 10, &[]) };
    let late = Track { began: Some((6 * MS, LockState::WaitingForGil)), ..track("late", 13, &[]) };
    let mut recording = convoy();
    recording.tracks.extend([main, late]);
    let text = lanes(&recording, 0..12 * MS, &StateNames::LOCK, &PLAIN);
    assert!(
        text.contains("c main     ··························    0 %    0 %    100 %"),
        "{text}"
    );
    assert!(
        text.contains("d late                  ▒▒▒▒▒▒▒▒▒▒▒▒▒    0 %   50 %     50 %"),
        "{text}"
    );
    assert_eq!(Recording::from(FlatRecording::from(&recording)), recording);
    // Of a ring that has forgotten events, the beginning is not what came before the first one.
    recording.tracks[2].dropped = 1;
    assert_eq!(recording.tracks[2].slices(12 * MS), []);
}
