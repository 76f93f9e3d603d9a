//! `singletrack replay`: forwards, back, to a number or a time, by lines and by keys; what is no trace is
//! refused.
#![cfg(feature = "cli")]

use serde_json::Value;
use singletrack::lab::timeline::timeline::{
    Group, Lane, LaneKind, Link, Point, Span, State, Timeline,
};
use singletrack::lab::timeline::trace::write_trace;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, bytes: &[u8]) -> Scratch {
        let name = format!("singletrack-replay-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn span(from: u64, to: u64, state: State, name: &str) -> Span {
    Span { from, to, state, name: name.into(), details: Vec::new() }
}

/// cpu has the lock for 5 ms, and hands it over to echo, which had waited for 4.
fn convoy() -> Timeline {
    let lane = |name: &str, id, spans| Lane {
        name: name.into(),
        kind: LaneKind::Thread,
        id,
        spans,
        points: Vec::new(),
    };
    let cpu = vec![
        span(0, 5_000_000, State::Runs, "Has GIL"),
        span(5_000_000, 9_000_000, State::WaitsForLock, "Waiting for GIL"),
    ];
    let echo = vec![
        span(1_000_000, 5_000_000, State::WaitsForLock, "Waiting for GIL"),
        span(5_000_000, 6_000_000, State::Runs, "Has GIL"),
    ];
    let mut lanes = vec![lane("cpu", 11, cpu), lane("echo\x1b[2J", 12, echo)];
    lanes[1].points.push(Point { at: 4_999_000, name: "drop request".into() });
    let links = vec![Link { from: (0, 4_999_999), to: (1, 5_000_000), name: "hand-over".into() }];
    let group = Group { name: "convoy".into(), pid: 7, lanes, links, forgotten: 3 };
    let about = vec![("cmd".into(), "singletrack gil convoy".into())];
    Timeline { about, until: 9_000_000, groups: vec![group] }
}

fn file(name: &str) -> Scratch {
    let mut bytes = Vec::new();
    write_trace(&mut bytes, &convoy()).unwrap();
    Scratch::new(name, &bytes)
}

fn run(file: &Path, words: &[&str], answers: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.arg("replay").arg(file).args(words).env("COLUMNS", "80");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end before it has read all.
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(file: &Path, words: &[&str], answers: &str) -> String {
    let output = run(file, words, answers);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The moments that were shown, in order.
fn shown(text: &str) -> Vec<String> {
    let heads = text.lines().filter_map(|line| line.strip_prefix("moment "));
    heads.map(|line| line.split(" of").next().unwrap().to_owned()).collect()
}

#[test]
fn answers_lead_forwards_and_back_to_a_number_and_to_a_time() {
    let file = file("walk");
    let walked = text(&file.0, &[], "n\n\np\nG\ng\n#4\n1.2ms\nnonsense\nt\n5ms\nq\n");
    // A line that means nothing leaves the walk where it is.
    assert_eq!(shown(&walked), ["1", "2", "3", "2", "6", "1", "4", "2", "4"], "{walked}");
    assert_eq!(shown(&text(&file.0, &["--at", "4.9995ms"], "q\n")), ["3"]);
    assert_eq!(shown(&text(&file.0, &["--at", "7s"], "P\nN\nq\n")), ["6", "1", "6"]);
}

#[test]
fn a_moment_says_what_happens_what_caused_it_and_what_every_lane_does() {
    let file = file("moment");
    let moment = text(&file.0, &["--at", "5ms"], "q\n");
    for expected in [
        "convoy (cmd: singletrack gil convoy)",
        "3 events had no room in the recording",
        "moment 4 of 6, at 5ms, 1µs after the one before",
        "Has GIL, after Waiting for GIL for 4ms\n",
        "         ◀ hand-over from cpu, 1ns before",
        "Waiting for GIL, after Has GIL for 5ms",
        "now       cpu            Waiting for GIL      since 0ns",
    ] {
        assert!(moment.contains(expected), "{expected} in {moment}");
    }
    assert!(!moment.contains('\x1b'), "a name in a file cannot steer the terminal: {moment:?}");
    for width in ["20", "40", "200"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
        command.args(["replay", file.0.to_str().unwrap(), "--at", "5ms"]).env("COLUMNS", width);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let moment = text.split("\nn = next").next().unwrap();
        let longest = moment.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= width.parse().unwrap(), "{width}: {moment}");
    }
}

#[test]
fn the_end_of_the_answers_shows_the_rest_and_all_shows_everything() {
    let file = file("all");
    let rest = text(&file.0, &["--at", "5ms"], "");
    assert!(rest.ends_with("         9ms  cpu  ends Waiting for GIL, after 4ms\n"), "{rest}");
    let all = text(&file.0, &["--all"], "");
    let told = all.lines().filter(|line| line.contains("  cpu  ") || line.contains("  echo"));
    assert_eq!(told.count(), 7, "{all}");
    assert!(all.contains("4.999ms  echo\\u{1b}[2J  ! drop request"), "{all}");
}

#[test]
fn json_has_every_moment_or_one_with_all_lanes() {
    let file = file("json");
    let json =
        |words: &[&str]| -> Value { serde_json::from_str(&text(&file.0, words, "")).unwrap() };
    let all = json(&["--json"]);
    assert_eq!((&all["count"], &all["until_ns"]), (&6.into(), &9_000_000.into()));
    assert_eq!(all["moments"].as_array().unwrap().len(), 6);
    assert_eq!(all["groups"][0]["forgotten"], 3);
    let one = json(&["--json", "--at", "5.5ms"]);
    let moment = &one["moments"][0];
    assert_eq!((&moment["number"], &moment["at_ns"]), (&4.into(), &5_000_000.into()));
    assert_eq!(moment["now"][0]["lanes"][1]["state"], "runs");
    let caused = moment["happens"].as_array().unwrap().iter().find(|h| h["name"] == "Has GIL");
    assert_eq!(caused.unwrap()["caused_by"][0]["link"], "hand-over");
}

#[test]
fn what_is_no_trace_is_refused_by_name_and_exit_code() {
    let whole = std::fs::read(&file("whole").0).unwrap();
    let refused = |name: &str, bytes: &[u8], words: &[&str]| {
        let file = Scratch::new(name, bytes);
        let output = run(&file.0, words, "");
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(output.stdout.is_empty());
        (output.status.code(), line)
    };
    let (code, line) = refused("cut", &whole[..whole.len() / 2], &[]);
    assert_eq!(code, Some(2));
    assert!(line.contains("it ends in the middle, after"), "{line}");
    let (code, line) = refused("other", b"{\"traceEvents\":[]}", &[]);
    assert!(code == Some(2) && line.contains("another program has written it"), "{line}");
    let (code, line) = refused("only", &whole, &["--only", "loop"]);
    assert!(code == Some(2) && line.contains("--only loop"), "{line}");
    let (code, line) = refused("at", &whole, &["--at", "yesterday"]);
    assert!(code == Some(2) && line.contains("--at yesterday: this is no time"), "{line}");
    let output = run(Path::new("/nowhere/trace.json"), &[], "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/trace.json: No such file"));
}
