//! `singletrack loop step` from its command line: every scene ends, is the same every time, and can be
//! walked through forwards and back.
#![cfg(feature = "cli")]

use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs a command to its end, which always comes: its time is virtual, and its scenes are short.
fn run(words: &[&str], answers: &str, width: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.args(["loop", "step"]).args(words).env("COLUMNS", width);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may be gone before it has read all.
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    child.wait_with_output().unwrap()
}

fn shown(words: &[&str], answers: &str) -> String {
    let output = run(words, answers, "80");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn scenes() -> Vec<String> {
    let list = shown(&[], "");
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| !line.starts_with(' '));
    names.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

fn turns(scene: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(&shown(&[scene, "--json"], "")).unwrap();
    assert_eq!(all["ended"], true, "{scene}");
    all["turns"].as_array().unwrap().clone()
}

#[test]
fn every_scene_ends_and_is_the_same_every_time() {
    let scenes = scenes();
    assert!(scenes.len() >= 7, "{scenes:?}");
    for scene in scenes {
        let all = shown(&[&scene, "--all"], "");
        assert_eq!(all, shown(&[&scene, "--all"], ""), "{scene}");
        let turns = turns(&scene);
        assert_eq!(all.matches("iteration ").count(), turns.len(), "{scene}");
        let last = turns.last().unwrap();
        assert_eq!(last["waiting"].as_array().unwrap().len(), 0, "{scene}: {last}");
        for (number, turn) in (1..).zip(&turns) {
            assert_eq!(turn["number"], number, "{scene}");
        }
    }
}

#[test]
fn answers_go_forwards_and_back_and_the_end_of_them_shows_the_rest() {
    let heads = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("iteration "));
        lines.map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    let walked = shown(&["sleep"], "n\n\np\ng\nG\nq\n");
    let at = |number: usize| format!("iteration {number} of 8");
    assert_eq!(heads(&walked), [1, 2, 3, 2, 1, 8].map(at));
    let rest = shown(&["sleep"], "n\n");
    assert_eq!(heads(&rest), [1, 2, 3, 4, 5, 6, 7, 8].map(at));
    let all = shown(&["sleep"], "nonsense\na\n");
    assert_eq!(heads(&all), [1, 2, 3, 4, 5, 6, 7, 8].map(at));
}

#[test]
fn the_scenes_show_what_their_questions_ask() {
    let wakes = |turn: &Value| -> Vec<String> {
        let ran = turn["ran"].as_array().unwrap().iter();
        let wakes = ran.flat_map(|step| step["wakes"].as_array().unwrap());
        wakes.map(|woken| woken["task"].as_str().unwrap().to_owned()).collect()
    };
    let herd = turns("herd");
    assert!(herd.iter().any(|turn| wakes(turn) == ["one", "two", "three", "four"]));
    let slept = turns("sleep").iter().filter(|t| t["slept_ns"].as_u64() > Some(0)).count();
    assert_eq!(slept, 3, "once for each sleep");
    let busy = turns("busy");
    let late = busy.iter().flat_map(|turn| turn["ran"].as_array().unwrap());
    let late = late.filter(|step| step["task"] == "sleeper" && step["then"] == "ends");
    assert_eq!(late.map(|step| &step["queued_ns"]).collect::<Vec<_>>(), [5_000_000]);
}

#[test]
fn no_line_is_wider_than_the_page() {
    for width in ["20", "36", "60"] {
        let output = run(&["queue", "--all"], "", width);
        let text = String::from_utf8(output.stdout).unwrap();
        let most = width.parse().unwrap();
        for line in text.lines() {
            assert!(line.chars().count() <= most, "{width}: {line}");
        }
    }
}

#[test]
fn a_scene_that_is_not_there_is_refused_with_those_that_are() {
    let output = run(&["opera"], "", "80");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("opera: there is no such scene; name order, sleep"), "{text}");
}
