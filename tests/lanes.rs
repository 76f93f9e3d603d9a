//! Lanes and trace files of recordings that are written down here, as literals.
#![cfg(feature = "cli")]

use proptest::prelude::*;
use serde_json::Value;
use singletrack::gil::{EventKind, LockEvent, Recording, Track};
use singletrack::lab::report::lanes::{DrawOptions, StateNames, lanes, legend};
use singletrack::lab::report::recording::FlatRecording;
use singletrack::lab::report::recording::Profile;
use singletrack::lab::report::trace::{TraceProcess, write_trace};

const MS: u64 = 1_000_000;

fn track(name: &str, tid: u32, events: &[(u64, EventKind)]) -> Track {
    let events = events.iter().map(|&(at, what)| LockEvent { at, what }).collect();
    Track { name: name.into(), tid, events, dropped: 0, times: None }
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

const PLAIN: DrawOptions = DrawOptions { width: 60, ascii: false, colour: false };

#[test]
fn a_convoy_is_seen_at_a_glance() {
    assert_eq!(
        lanes(&convoy(), 0..12 * MS, &StateNames::LOCK, &PLAIN),
        r"
           0 ms                 12 ms
GIL owner  aaaaaaaaaaaaaaaaaaaaaaaaaa
a cpu      ██████████▞▞█████████▞████  has 98 %, waits  2 %
b echo     ▒▒▒▒▒▒▒▒▒▒▞▞▒▒▒▒▒▒▒▒▒▞····  has  2 %, waits 82 %
"
        .trim_start_matches('\n')
    );
    assert_eq!(
        legend(&StateNames::LOCK, &PLAIN),
        "█ Has GIL   ▒ Waiting for GIL   ▞ both in turn   · No GIL\n\
         ▄ for a part of its column   blank: no event yet"
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
           0 ms                 12 ms
GIL owner  aaaaaaaaaaaaaaaaaaaaaaaaaa
a cpu      ##########XX#########X####  has 98 %, waits  2 %
b echo     //////////XX/////////X....  has  2 %, waits 82 %
# Has GIL   / Waiting for GIL   X both in turn   . No GIL
+ for a part of its column   blank: no event yet"
            .trim_start_matches('\n')
    );
    assert!(text.is_ascii());
}

#[test]
fn colours_are_those_of_the_trace_viewers() {
    let options = DrawOptions { colour: true, ..PLAIN };
    let text = lanes(&convoy(), 6 * MS..9 * MS, &StateNames::LOCK, &options);
    let lane = text.lines().last().unwrap();
    let orange = "\x1b[38;2;213;94;0m";
    assert!(lane.contains(&format!("{orange}{}\x1b[0m", "▒".repeat(26))), "{lane:?}");
    assert!(text.contains(&format!("\x1b[38;2;0;158;115m{}\x1b[0m", "█".repeat(26))), "{text:?}");
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
fn a_narrow_terminal_loses_the_figures_before_the_lanes() {
    for width in 40..120 {
        let options = DrawOptions { width, ..PLAIN };
        for line in lanes(&convoy(), 0..12 * MS, &StateNames::LOCK, &options).lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
    let options = DrawOptions { width: 43, ..PLAIN };
    let text = lanes(&convoy(), 0..12 * MS, &StateNames::LOCK, &options);
    assert!(!text.contains("has") && text.contains('▒'), "{text}");
}

proptest! {
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
            tracks: vec![Track { name: "\"\n\u{1}".into(), tid: 7, events, dropped: 3, times: None }],
            until,
        };
        let window = from.min(until)..until;
        prop_assert_eq!(lanes(&recording, window, &StateNames::LOCK, &PLAIN).lines().count() >= 3, true);
        let process = TraceProcess { pid: 1, name: "x".into(), recording, words: StateNames::LOCK };
        let mut file = Vec::new();
        write_trace(&mut file, &[], &[process]).unwrap();
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
    let process = TraceProcess {
        pid: 4711,
        name: "convoy · python-3.10".into(),
        recording: convoy(),
        words: StateNames::LOCK,
    };
    let mut file = Vec::new();
    write_trace(&mut file, &[("policy", "python-3.10")], &[process]).unwrap();
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
