//! `singletrack examples`: every example is on the shelf, says what it has to, and names what is there.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;

use command::finish;
use serde_json::Value;
use singletrack::lab::cli::parse;
use singletrack::lab::examples::exercise::Exercise;
use singletrack::lab::examples::page::examples;
use singletrack::lab::examples::request::{ExamplesRequest, Shown};
use singletrack::lab::examples::shelf::{CHAPTERS, Chapter, Example, GROUPS, Group, Named, find};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const LINES: usize = 150;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The files with one of these endings in a folder, in order.
fn files(folder: &str, endings: &[&str]) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let fits = |name: &String| endings.iter().any(|ending| name.ends_with(ending));
    names.filter(fits).map(|name| format!("{folder}/{name}")).collect()
}

fn rust() -> BTreeSet<String> {
    let bins = files("examples/real/src/bin", &[".rs"]);
    let packages = files("examples/real", &[""]).into_iter().map(|path| path + "/src/main.rs");
    let packages = packages.filter(|path| root().join(path).exists());
    files("examples", &[".rs"]).into_iter().chain(bins).chain(packages).collect()
}

fn all() -> BTreeSet<String> {
    let folders = GROUPS.iter().flat_map(|group| files(group.folder, &[".py", ".gil"]));
    rust().into_iter().chain(folders).chain(["examples/race.py".to_owned()]).collect()
}

/// The opening comment of a file, without its marks.
fn opening(path: &str) -> String {
    let (text, mark) = (read(path), if path.ends_with(".rs") { "//!" } else { "#" });
    let lines = text.lines().map_while(|line| line.strip_prefix(mark));
    let lines: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n").trim_end().to_owned() + "\n"
}

fn shelved() -> Vec<Example> {
    CHAPTERS.iter().flat_map(Chapter::examples).collect()
}

#[test]
fn the_copy_of_the_opening_comments_is_up_to_date() {
    let copy: String = all().iter().map(|path| format!("== {path}\n{}", opening(path))).collect();
    let file = root().join("src/lab/examples/headers.txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &copy).unwrap();
        return;
    }
    assert!(
        fs::read_to_string(&file).unwrap() == copy,
        "src/lab/examples/headers.txt is stale; `BLESS=1 cargo test --test examples` writes it anew"
    );
}

#[test]
fn every_example_stands_in_one_chapter_and_every_name_there_is_a_file() {
    let mut named = BTreeSet::new();
    for chapter in CHAPTERS {
        for name in chapter.names {
            let [file, package] = chapter.paths(name);
            let path = if root().join(&package).exists() { package } else { file };
            assert!(named.insert(path.clone()), "{path} is named twice in CHAPTERS");
        }
    }
    let there = rust();
    let missing: Vec<_> = there.difference(&named).collect();
    assert!(missing.is_empty(), "name these in CHAPTERS (src/lab/examples/shelf.rs): {missing:?}");
    let gone: Vec<_> = named.difference(&there).collect();
    assert!(
        gone.is_empty(),
        "CHAPTERS (src/lab/examples/shelf.rs) names what is not there: {gone:?}"
    );
    assert_eq!(shelved().len(), there.len());
}

#[test]
fn every_example_says_level_minutes_question_prediction_and_command() {
    for Example { name, path, text, header } in shelved() {
        assert!((1..=3).contains(&header.level) && header.minutes > 0, "{path}: a line `Level: …`");
        assert!(root().join(&header.read).is_file(), "{path}: `{}` is not there", header.read);
        assert!(header.question.contains('?'), "{path}: it asks nothing: {header:?}");
        assert!(header.prediction.ends_with('.'), "{path}: it predicts nothing: {header:?}");
        assert!(header.command.contains("cargo run") && header.command.contains(name), "{path}");
        assert!(header.title.ends_with(['.', '?']), "{path}: {}", header.title);
        assert!(text.lines().any(|line| line.starts_with("CI:")), "{path}: how does CI run it?");
    }
}

#[test]
fn every_example_is_short_and_ends_with_what_was_measured() {
    for path in files("examples", &[".rs"]) {
        let text = read(&path);
        assert!(text.lines().count() <= LINES, "{path}: more than {LINES} lines");
        assert!(text.contains("measured("), "{path}: it does not end with what was measured");
        assert!(text.contains("assert"), "{path}: it asserts nothing");
    }
}

#[test]
fn commands_of_ours_in_an_opening_comment_can_be_read() {
    let lines = shelved().into_iter().flat_map(|example| example.text.lines());
    let ours: Vec<&str> =
        lines.filter_map(|line| line.trim().strip_prefix("singletrack ")).collect();
    assert!(!ours.is_empty());
    for line in ours {
        let line = line.split("  #").next().unwrap();
        let words = ["singletrack"].into_iter().chain(line.split_whitespace());
        assert!(parse(words.map(Into::into)).is_ok(), "singletrack {line}");
    }
}

#[test]
fn every_program_of_a_group_has_a_title_and_a_command() {
    for group in GROUPS {
        assert!(root().join(group.read).is_file(), "{}: {}", group.name, group.read);
        let programs: Vec<Example> = group.programs().collect();
        assert!(programs.len() >= files(group.folder, &[".py", ".gil"]).len(), "{}", group.name);
        for Example { path, header, .. } in programs {
            assert!(!header.title.is_empty(), "{path}");
            let words: Vec<_> = header.command.split_whitespace().map(Into::into).collect();
            assert!(parse(words).is_ok(), "{}", header.command);
        }
    }
}

#[test]
fn all_is_found_by_name_and_by_path() {
    let programs = GROUPS.iter().flat_map(Group::programs);
    for example in shelved().into_iter().chain(programs) {
        let path = find(example.path).unwrap();
        assert!(matches!(&path, Named::One(found) if **found == example), "{}", example.path);
        assert!(find(example.name).is_ok(), "{}", example.name);
    }
    for group in GROUPS {
        assert_eq!(find(group.folder).unwrap(), Named::Group(group));
    }
}

#[test]
fn the_exercises_are_in_order_and_name_what_is_there() {
    let all = Exercise::all();
    let tests = read("tests/exercises/main.rs");
    assert!(all.len() >= 12);
    for (number, exercise) in (1..).zip(&all) {
        assert_eq!(exercise.number, number, "{exercise:?}");
        assert!(root().join("src").join(&exercise.floor).is_dir(), "{exercise:?}");
        assert!(root().join(&exercise.look).is_file(), "{exercise:?}");
        assert!(!exercise.task.is_empty() && !exercise.hint.is_empty(), "{exercise:?}");
        let listed = format!("    {}: \"exercise: ", exercise.name);
        assert!(tests.contains(&listed), "{}: has no test", exercise.name);
    }
    let floors: Vec<&str> = ["futures", "selector", "event_loop", "aio", "gil", "vm", "process"]
        .into_iter()
        .chain(["python", "lab"])
        .collect();
    let mut met: Vec<&str> = all.iter().map(|exercise| exercise.floor.as_str()).collect();
    met.dedup();
    assert_eq!(met, floors, "in the order of the floors");
}

fn run(words: &[&str], locale: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.arg("examples").args(words).stdin(Stdio::null()).env("LC_ALL", locale);
    command.env_remove("COLUMNS").stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap(), words, Duration::from_secs(60))
}

fn text(words: &[&str], locale: &str) -> String {
    let output = run(words, locale);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_list_has_all_in_reading_order() {
    let list = text(&[], "C.UTF-8");
    let mut rest = list.as_str();
    for Example { name, header, .. } in shelved() {
        let at = rest.find(&format!(" {name} ")).unwrap_or_else(|| panic!("{name}: {list}"));
        rest = &rest[at..];
        assert!(rest.contains(&header.read), "{name}");
    }
    assert!(list.contains("●○○") && list.contains("●●●"), "{list}");
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    for group in GROUPS {
        assert!(list.contains(&format!("$ singletrack examples {}", group.name)), "{list}");
    }
}

#[test]
fn where_there_are_no_other_characters_it_is_ascii() {
    for words in [&[][..], &["convoy"], &["fork_hazard"], &["questions"], &["--exercises"]] {
        assert!(text(words, "C").is_ascii(), "{words:?}: {}", text(words, "C"));
    }
    assert!(text(&["--ascii"], "C.UTF-8").contains("*--"));
}

#[test]
fn one_example_shows_its_opening_comment_and_how_to_run_it() {
    let page = text(&["convoy"], "C.UTF-8");
    assert!(page.starts_with("examples/convoy.rs"), "{page}");
    assert!(page.contains("Question: a request needs") && page.contains("Prediction:"), "{page}");
    assert!(page.ends_with("$ cargo run --example convoy\n"), "{page}");
    let real = text(&["http_hyper"], "C.UTF-8");
    assert!(
        real.ends_with("$ cd examples/real && cargo run --release --bin http_hyper\n"),
        "{real}"
    );
    let program = text(&["examples/questions/transfer.py"], "C.UTF-8");
    assert!(program.contains("$ singletrack explore examples/questions/transfer.py"), "{program}");
}

#[test]
fn the_json_has_all_fields() {
    let all: Value = serde_json::from_str(&text(&["--json"], "C")).unwrap();
    let count = |part: &str| all[part].as_array().unwrap().len();
    assert_eq!(count("examples"), shelved().len());
    assert_eq!((count("groups"), count("exercises")), (GROUPS.len(), Exercise::all().len()));
    for example in all["examples"].as_array().unwrap() {
        for field in
            ["name", "chapter", "file", "title", "read", "question", "prediction", "command"]
        {
            assert!(!example[field].as_str().unwrap().is_empty(), "{field}: {example}");
        }
        assert!(Path::new(&root()).join(example["file"].as_str().unwrap()).is_file());
    }
    let one: Value = serde_json::from_str(&text(&["ccbench", "--json"], "C")).unwrap();
    assert_eq!(one["examples"][0]["name"], "ccbench");
    assert_eq!(one["exercises"], Value::Array(Vec::new()));
}

#[test]
fn what_does_not_exist_is_a_line_and_exit_code_2() {
    for words in [&["nothing"][..], &["convoy", "--exercises"], &["--sixteen"]] {
        let output = run(words, "C");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
        assert!(output.stdout.is_empty() && stderr.lines().count() == 1, "{words:?}: {stderr}");
    }
}

#[test]
fn no_width_is_too_small() {
    for width in [1, 2, 3, 5, 7, 10, 20, 33, 50, 79] {
        let request = |shown| ExamplesRequest { shown, json: false, ascii: true };
        let widest = |text: String| text.lines().map(|line| line.trim_end().len()).max().unwrap();
        assert!(widest(examples(&request(Shown::All), width)) <= width.max(7), "{width}");
        assert!(widest(examples(&request(Shown::Exercises), width)) <= width.max(7), "{width}");
        for example in CHAPTERS.iter().flat_map(Chapter::examples) {
            let name = example.name;
            let page = examples(&request(Shown::One(Named::One(Box::new(example)))), width);
            assert!(widest(page) <= width.max(7), "{name}, {width}");
        }
    }
}
