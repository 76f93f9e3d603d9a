//! `singletrack explain`: every topic, its places in the source, its picture, its JSON.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;
#[path = "common/terminal.rs"]
mod terminal;

use command::finish;
use serde_json::Value;
use singletrack::lab::cli::parse;
use singletrack::lab::explain::topic::{ShownBy, Topic};
use singletrack::lab::scenes::explanation::{paragraphs, resolve};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use terminal::on_terminal;

const PATIENCE: Duration = Duration::from_secs(60);

fn command_line(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.arg("explain").args(words).stdin(Stdio::null());
    for name in ["COLUMNS", "CLICOLOR_FORCE", "NO_COLOR", "TERM", "COLORTERM"] {
        command.env_remove(name);
    }
    command
}

fn explain(words: &[&str]) -> Output {
    let mut command = command_line(words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap(), words, PATIENCE)
}

fn text(words: &[&str]) -> String {
    let output = explain(words);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_topic_has_a_page_and_a_picture_where_a_scene_shows_it() {
    for topic in Topic::ALL {
        let words: Vec<&str> = topic.name.split(' ').collect();
        let page = text(&words);
        assert!(page.starts_with(&format!("{}: ", topic.name)), "{page}");
        assert!(!page.contains(['[', ']']), "a place was not found: {page}");
        assert!(page.contains("src/") && page.contains("How to know"), "{page}");
        assert!(page.contains("\nTry\n"), "{page}");
        let lanes =
            page.contains("just now, on this machine") && page.contains("▒ Waiting for GIL");
        let schedule = page.contains("fewest switches")
            && page.contains("CONDITION_NOTIFY changed wakes nobody");
        let shown = match topic.shown_by {
            None => (false, false),
            Some(ShownBy::Scene(..)) => (true, false),
            Some(ShownBy::Program { .. }) => (false, true),
        };
        assert_eq!((lanes, schedule), shown, "{page}");
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    }
}

#[test]
fn a_text_has_some_twenty_lines_and_names_functions_that_are_there() {
    for topic in Topic::ALL {
        let lines = paragraphs(topic.text, 80).lines().count();
        assert!((15..=30).contains(&lines), "{}: {lines} lines", topic.name);
        let (page, places) = resolve(topic.text);
        assert!(!page.contains(['[', ']']), "{}: {page}", topic.name);
        assert!(places.len() >= 2, "{}: {places:?}", topic.name);
        for place in places {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&place.file);
            let source = fs::read_to_string(&path).unwrap();
            let line = source.lines().nth(place.line - 1).unwrap();
            assert!(line.contains(&format!("fn {}", place.function)), "{place}: {line}");
        }
    }
}

#[test]
fn what_a_topic_proposes_can_be_done() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for command in Topic::ALL.into_iter().flat_map(|topic| topic.next) {
        let words: Vec<&str> = command.split(' ').collect();
        match &words[..] {
            ["singletrack", ..] => {
                let line = words.iter().map(OsString::from);
                assert!(parse(line).is_ok(), "{command}");
            }
            ["cargo", "run", "--example", name] => {
                assert!(root.join(format!("examples/{name}.rs")).exists(), "{command}");
            }
            [".ci/run", step] => {
                let ci = std::fs::read_to_string(root.join(".ci/run")).unwrap();
                assert!(ci.contains(&format!("\n{step}() {{")), "{command}");
            }
            [.., "--test", name] => {
                assert!(root.join(format!("tests/{name}.rs")).exists(), "{command}");
            }
            _ => panic!("{command}: nobody has checked that"),
        }
    }
}

#[test]
fn words_find_a_topic_however_they_are_written_and_never_one_of_two() {
    let found = |words: &str| Topic::from_words(words).map(|topic| topic.name);
    for topic in Topic::ALL {
        assert_eq!(found(topic.name), Ok(topic.name));
        assert_eq!(found(&topic.name.replace([' ', '-'], "").to_uppercase()), Ok(topic.name));
    }
    assert_eq!(found("head of line"), Ok("head-of-line blocking"));
    assert_eq!(found("thundering"), Ok("thundering herd"));
    for words in ["", "-", "ba", "s t r i k e"] {
        assert!(found(words).is_err(), "{words}");
    }
}

#[test]
fn without_a_topic_it_lists_them_and_a_wrong_one_is_refused_with_the_list() {
    let list = text(&[]);
    let output = explain(&["weather\x1b[2J"]);
    let refusal = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(refusal.contains(r"weather\u{1b}[2J: there is no such topic"), "{refusal}");
    for topic in Topic::ALL {
        assert!(list.lines().any(|line| line.starts_with(topic.name)), "{list}");
        assert!(refusal.contains(topic.name), "{refusal}");
        assert!(text(&["--help"]).contains(topic.name.split([' ', '-']).next().unwrap()));
    }
}

#[test]
fn the_object_has_the_text_the_places_and_the_figures_of_the_run() {
    let page: Value = serde_json::from_str(&text(&["convoy", "--json"])).unwrap();
    let topic = &page["topics"][0];
    assert_eq!((&page["error"], &topic["topic"]), (&Value::Null, &"convoy".into()));
    assert_eq!(topic["run"]["scene"], "convoy");
    assert!(topic["run"]["figures"]["toll_us"].as_f64().is_some(), "{page}");
    assert!(topic["code"].as_array().unwrap().len() >= 4, "{page}");
    let all: Value = serde_json::from_str(&text(&["--json"])).unwrap();
    assert_eq!(all["topics"].as_array().unwrap().len(), Topic::ALL.len());
    assert_eq!(all["topics"][7]["run"], Value::Null);
}

#[test]
fn a_page_is_no_wider_than_the_terminal() {
    for columns in [20, 60, 120] {
        for words in [&["battle", "--color", "never"][..], &[]] {
            let (page, code) = on_terminal(columns, &mut command_line(words), PATIENCE);
            assert_eq!(code, 0, "{page}");
            let text = page.split("\nTry\n").next().unwrap();
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(usize::from(columns)), "{page}");
        }
    }
}
