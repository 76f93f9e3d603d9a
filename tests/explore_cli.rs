//! `singletrack explore` and `singletrack dis` from their command lines.
#![cfg(feature = "cli")]

use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/programs");

fn program(name: &str) -> String {
    format!("{PROGRAMS}/{name}.gil")
}

/// Runs a command to its end, which always comes: its schedules are bounded.
fn run(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.args(words).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn shown(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout).to_owned()
}

fn explored(name: &str, policy: &str, more: &[&str]) -> Value {
    let path = program(name);
    let words = [&["explore", &path, "--policy", policy, "--json"], more].concat();
    serde_json::from_str(&shown(&words)).unwrap()
}

/// The command ends with exit code 2, nothing on stdout, and one line on stderr that begins so.
fn assert_refused(words: &[&str], begins: &str) {
    let output = run(words);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
    assert_eq!(stdout, "", "{words:?}");
    assert_eq!(stderr.lines().count(), 1, "{words:?}: {stderr}");
    assert!(stderr.starts_with(&format!("singletrack: {begins}")), "{words:?}: {stderr}");
    assert!(stderr.contains("; "), "{words:?} lacks a remedy: {stderr}");
}

fn states(document: &Value) -> Vec<&Value> {
    document["outcomes"].as_array().unwrap().iter().map(|outcome| &outcome["state"]).collect()
}

#[test]
fn the_outcomes_of_an_increment_are_those_of_its_python() {
    let (lost, kept) = (json!({"x": 1}), json!({"x": 2}));
    for (name, policy, expected) in [
        ("increment", "python-2", vec![&lost, &kept]),
        ("increment", "python-2-linux", vec![&lost, &kept]),
        ("increment", "python-3.2", vec![&lost, &kept]),
        ("increment", "python-3.10", vec![&kept]),
        ("increment", "python-3.13", vec![&kept]),
        ("increment_call", "python-2", vec![&lost, &kept]),
        ("increment_call", "python-3.10", vec![&lost, &kept]),
        ("increment_call", "python-3.13", vec![&lost, &kept]),
    ] {
        let document = explored(name, policy, &[]);
        assert_eq!(states(&document), expected, "{name} under {policy}");
        assert_eq!(document["policy"], policy);
        assert_eq!(document["complete"], true);
        let outcomes = document["outcomes"].as_array().unwrap();
        let counted: u64 = outcomes.iter().map(|o| o["count"].as_u64().unwrap()).sum();
        assert_eq!(document["schedules"], counted);
        for outcome in outcomes {
            let schedule = outcome["schedule"].as_str().unwrap();
            let again = explored(name, policy, &["--schedule", schedule]);
            assert_eq!(again["outcomes"][0]["state"], outcome["state"], "{schedule}");
        }
    }
}

#[test]
fn full_runs_each_schedule_and_a_bound_is_reported() {
    let full = explored("increment", "python-3.2", &["--full"]);
    assert_eq!((&full["schedules"], &full["complete"]), (&json!(924), &json!(true)));
    assert_eq!(full["outcomes"][0]["schedule"], "1x1,2x6,1x5");
    let few = explored("increment", "python-3.2", &["--full", "--max-schedules", "3"]);
    assert_eq!(few["complete"], false);
    let path = program("increment");
    let page =
        shown(&["explore", &path, "--policy", "python-3.2", "--full", "--max-schedules", "3"]);
    assert!(page.contains("that is not all: stopped after 3 schedules"), "{page}");
}

#[test]
fn the_losing_schedule_is_shown_in_two_columns() {
    let path = program("increment");
    let page = shown(&["explore", &path, "--policy", "python-2"]);
    let two_columns = "\
    1  LOAD_GLOBAL x       = 0
    2                                LOAD_GLOBAL x       = 0
    3                                LOAD_CONST 1
    4                                ADD
    5                                STORE_GLOBAL x      = 1
";
    assert!(page.contains(two_columns), "{page}");
    assert!(page.contains("--policy python-2 --schedule 1x1,2x6,1x5"), "{page}");
    let again = shown(&["explore", &path, "--policy", "python-2", "--schedule", "1x1,2x6,1x5"]);
    assert!(again.contains(two_columns) && again.ends_with("→ x = 1\n"), "{again}");
    let page = shown(&["explore", &path, "--policy", "python-3.10"]);
    assert!(page.contains("every schedule comes to what"), "{page}");
}

#[test]
fn a_deadlock_and_a_starvation_are_shown_with_their_reason() {
    let page = shown(&["explore", &program("lock_order"), "--policy", "python-3.10"]);
    assert!(page.contains("deadlock, alice = 10, bob = 10"), "{page}");
    assert!(page.contains("thread 1 waits for `bobs` of thread 2, in line 19"), "{page}");
    assert!(page.contains("thread 2 waits for `alices` of thread 1, in line 35"), "{page}");
    let page = shown(&["explore", &program("spin_wait"), "--policy", "no-force"]);
    assert!(page.contains("this can go on for ever"), "{page}");
    let starves = |policy| {
        let document = explored("spin_wait", policy, &[]);
        let outcomes = document["outcomes"].as_array().unwrap().clone();
        outcomes.iter().any(|outcome| outcome["ending"] == "starvation")
    };
    assert!(starves("python-2") && starves("no-force"));
    assert!(!starves("python-3.2") && !starves("fair"));
}

#[test]
fn dis_lists_every_function() {
    let listing = shown(&["dis", &program("increment_call")]);
    let lines: Vec<&str> = listing.lines().collect();
    assert_eq!(lines[0], "Disassembly of one():");
    assert!(lines.contains(&"Disassembly of increment():"));
    assert!(lines.contains(&" 20           1 CALL                     0 (one)"), "{listing}");
}

/// A file of its own for one test.
fn scratch(name: &str, content: &[u8]) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn bad_input_is_one_line_with_its_place_and_exit_2() {
    let explore = |path: &str, place: &str| {
        assert_refused(&["explore", path, "--policy", "fair"], &format!("{path}{place}"));
    };
    let unknown = scratch("unknown.gil", b"thread f\ndef f():\n    LAOD_CONST 1\n");
    explore(&unknown, ":3:5: found `LAOD_CONST`");
    assert_refused(&["dis", &unknown], &format!("{unknown}:3:5: found"));
    let jump = b"thread f\ndef f():\n  JUMP_FORWARD out\nout:\n";
    explore(&scratch("jump.gil", jump), ":3:3: JUMP_FORWARD in f jumps out of the code");
    let stack = b"thread f\ndef f():\n  LOAD_CONST 1\n  ADD\n  RETURN_VALUE\n";
    explore(&scratch("stack.gil", stack), ":4:3: ADD in f takes 2 numbers from a stack of 1");
    explore(&scratch("empty.gil", b""), ":1:1: the program has no thread");
    explore(&scratch("latin.gil", b"# ok\n# \xe9"), ":2:3: no UTF-8 text");
    explore(&scratch("long.gil", &vec![b'#'; 2 << 20]), ": it has more than");
    explore("/no/such.gil", ": No such file");
    explore("/dev/zero", ": it has more than");
    explore(PROGRAMS, ": Is a directory");

    let path = program("increment");
    assert_refused(&["explore", &path], "the following required arguments");
    assert_refused(&["explore", &path, "--policy", "python-4"], "invalid value 'python-4'");
    let words = ["explore", &path, "--policy", "python-3.10", "--schedule"];
    let schedule = |schedule: &'static str| [&words[..], &[schedule]].concat();
    assert_refused(&schedule("1x1,2"), "invalid value '1x1,2'");
    assert_refused(
        &schedule("1x1,2x6,1x5"),
        "--schedule 1x1,2x6,1x5: thread 1 cannot be interrupted",
    );
    assert_refused(&schedule("7x1"), "--schedule 7x1: there is no thread 7");
    let zero = ["explore", &path, "--policy", "fair", "--max-schedules", "0"];
    assert_refused(&zero, "invalid value '0'");
}

#[test]
fn an_endless_loop_is_stopped_by_fuel_and_said_to_be() {
    let text = b"global x\nthread f\ndef f():\non:\n LOAD_GLOBAL x\n LOAD_CONST 1\n ADD\n \
                 STORE_GLOBAL x\n JUMP_BACKWARD on\n";
    let path = scratch("endless.gil", text);
    let page = shown(&["explore", &path, "--policy", "python-3.2"]);
    assert!(page.contains("some schedules were cut after 10000 instructions"), "{page}");
    assert!(page.contains("more instructions)"), "{page}");
}
