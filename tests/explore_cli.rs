//! `singletrack explore` and `singletrack dis` from their command lines.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;

use command::{finish, interruptible};
use serde_json::{Value, json};
use singletrack::lab::cli::{Request, parse};
use singletrack::lab::explore::request::Schedules;
use singletrack::vm::limits::Limits;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

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
        ("increment_return", "python-2", vec![&lost, &kept]),
        ("increment_return", "python-3.2", vec![&lost, &kept]),
        ("increment_return", "python-3.10", vec![&lost, &kept]),
        ("increment_return", "python-3.11", vec![&kept]),
        ("increment_return", "python-3.13", vec![&kept]),
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

#[test]
fn dis_marks_where_each_policy_looks() {
    let text = b"global x\nevent e\nthread f\ndef f():\nLOAD_GLOBAL x\nPOP_JUMP_IF_FALSE on\nCALL g\nSTORE_GLOBAL x\n\
        CALL_C\nCALL_C_FAST\non:\nEVENT_IS_SET e\nRETURN_VALUE\ndef g():\nLOAD_CONST 1\nRETURN_VALUE\n";
    let path = scratch("marked.gil", text);
    let listing = shown(&["dis", &path, "--policy", "2.7,3.9,3.10,3.12,3.14t"]);
    assert_eq!(listing, shown(&["dis", "--policy", "2.7,3.9,3.10,3.12,3.14t", &path]));
    let marks: Vec<&str> = listing.lines().skip(1).filter_map(|line| line.get(60..)).collect();
    let expected = [
        "1 2 · · 5",
        "· 2 3 · 5  if taken: jump forward",
        "1 2 3 4 5  enter",
        "1 2 · · 5",
        "1 2 3 4 5  C call",
        "1 2 3 · 5  fast C call",
        "1 2 3 4 5  enter, return",
        "1 2 3 · 5  return",
        "· 2 · · 5",
        "1 2 3 · 5  return",
    ];
    assert_eq!(marks, expected, "{listing}");
    let names =
        "1 python-2-linux, 2 python-3.2, 3 python-3.10, 4 python-3.13, 5 free-threaded look";
    assert!(listing.starts_with(names), "{listing}");
    assert!(!shown(&["dis", &path]).contains('·'));
    assert_refused(&["dis", &path, "--policy", "3.16"], "invalid value '3.16'");
}

#[test]
fn every_version_of_python_is_a_policy() {
    let (lost, kept) = (json!({"x": 1}), json!({"x": 2}));
    for (version, policy, loses) in [
        ("2.7", "python-2-linux", true),
        ("python-2.7.18", "python-2-linux", true),
        ("3.9", "python-3.2", true),
        ("python-3.10", "python-3.10", false),
        ("3.11", "python-3.11", false),
        ("python-3.12", "python-3.13", false),
        ("3.12.1", "python-3.13", false),
        ("3.13", "python-3.13", false),
        ("python-3.14", "python-3.14", false),
        ("3.14.2", "python-3.14", false),
        ("3.15", "python-3.15", false),
        ("free-threaded", "free-threaded", true),
        ("python-3.13t", "free-threaded", true),
        ("3.14t", "free-threaded", true),
        ("3.15t", "free-threaded", true),
    ] {
        let document = explored("increment", version, &[]);
        let expected = if loses { vec![&lost, &kept] } else { vec![&kept] };
        assert_eq!(states(&document), expected, "{version}");
        assert_eq!(document["policy"], policy, "{version}");
    }
    for version in ["3.12t", "3", "3.16", "python-", "3.x", "1.4", "4294967296.1", "-3.1"] {
        let path = program("increment");
        let line = ended(&["explore", &path, &format!("--policy={version}")]).2;
        assert!(line.contains("free-threaded"), "{version}: {line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
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

/// Two payments between two accounts without a lock, and an auditor: 69 outcomes.
const BANK: &str = "\
global a = 10
global b = 10
global seen = 0
thread pay(3)
thread pay(5)
thread audit
def pay(n):
    LOAD_GLOBAL a
    LOAD_FAST n
    SUBTRACT
    STORE_GLOBAL a
    LOAD_GLOBAL b
    LOAD_FAST n
    ADD
    STORE_GLOBAL b
    LOAD_CONST 0
    RETURN_VALUE
def audit():
    LOAD_GLOBAL a
    LOAD_GLOBAL b
    ADD
    STORE_GLOBAL seen
    LOAD_CONST 0
    RETURN_VALUE
";

/// The rows of the table of outcomes.
fn rows(page: &str) -> Vec<&str> {
    page.lines().skip(2).take_while(|line| line.starts_with("  ")).collect()
}

#[test]
fn what_whole_threads_come_to_is_shown_and_named_among_many_outcomes() {
    let path = scratch("bank.gil", BANK.as_bytes());
    let page = shown(&["explore", &path, "--policy", "python-3.2"]);
    let serial = "  a = 2, b = 18, seen = 20         10                2  serial: whole threads in some order";
    assert_eq!(rows(&page)[0], serial, "{page}");
    assert_eq!(
        rows(&page)[11],
        "    and 58 more that no order of whole threads gives (--all lists them)"
    );
    let all = shown(&["explore", &path, "--policy", "python-3.2", "--all"]);
    assert_eq!(rows(&all).len(), 69, "{all}");
    let few = shown(&["explore", &path, "--policy", "python-3.10"]);
    assert_eq!(rows(&few).len(), 1, "no switch point, no loss: {few}");
}

/// Exit code, stdout, stderr.
fn ended(words: &[&str]) -> (Option<i32>, String, String) {
    let output = run(words);
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| text(bytes).to_owned());
    (output.status.code(), stdout, stderr)
}

#[test]
fn a_broken_expectation_is_exit_1_with_the_shortest_schedule_that_breaks_it() {
    let path = scratch("expect.gil", format!("{BANK}expect a + b == 20\n").as_bytes());
    let words = ["explore", &path, "--policy", "python-3.2"];
    let (code, page, line) = ended(&words);
    assert_eq!(code, Some(1), "{page}{line}");
    let begins = format!("singletrack: {path}:25: `expect a + b == 20` is broken by ");
    assert!(line.starts_with(&begins) && line.contains(" of 69 outcomes; "), "{line}");
    assert!(rows(&page)[0].ends_with("← breaks `a + b == 20`"), "{page}");
    assert!(rows(&page)[10].contains("more that break an expectation (--all"), "{page}");
    assert!(page.contains("seen = 20         10                2  serial: whole"), "{page}");
    assert!(page.contains("this breaks `expect a + b == 20`, in line 25\n"), "{page}");
    assert!(page.contains("--schedule 1x5,2x10,1x5,3x6"), "{page}");

    let (code, document, _) = ended(&[&words[..], &["--json"]].concat());
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(code, Some(1));
    assert_eq!(
        document["expects"],
        json!([{ "condition": "a + b == 20", "line": 25, "kept": false }])
    );
    for outcome in document["outcomes"].as_array().unwrap() {
        let sum = outcome["state"]["a"].as_i64().unwrap() + outcome["state"]["b"].as_i64().unwrap();
        let breaks = if sum == 20 { json!([]) } else { json!(["a + b == 20"]) };
        assert_eq!(outcome["breaks"], breaks);
    }
    let (code, page, _) = ended(&[&words[..], &["--schedule", "1x5,2x10,1x5,3x6"]].concat());
    assert_eq!(code, Some(1), "one schedule can break it, too: {page}");

    let words = ["explore", &path, "--policy", "python-3.10"];
    let page = shown(&words);
    assert!(page.ends_with("→ every schedule keeps `expect a + b == 20`\n"), "{page}");
}

#[test]
fn a_schedule_that_never_ends_breaks_every_expectation() {
    let path = program("lost_wakeup");
    let (code, page, line) = ended(&["explore", &path, "--policy", "python-3.2"]);
    assert_eq!(code, Some(1), "{page}{line}");
    assert!(rows(&page)[0].starts_with("  deadlock, ready = 1, passed = 0"), "{page}");
    assert!(page.contains("CONDITION_NOTIFY changed wakes nobody\n"), "{page}");
    let waits = "thread 1 waits to be notified of `changed`, and no thread is left to do that, in line 27\n";
    assert!(page.contains(waits), "{page}");
    for name in ["bounded_buffer", "semaphore"] {
        let page = shown(&["explore", &program(name), "--policy", "python-3.2"]);
        assert!(page.contains("→ every schedule keeps `expect "), "{page}");
    }
}

#[test]
fn no_access_to_what_threads_share_is_folded_away() {
    // if stock > 0: log(); stock -= 1; sold += 1
    let text = "global stock = 1\nglobal sold\nthread buy\nthread buy\ndef buy():\n LOAD_CONST 0\n \
        LOAD_GLOBAL stock\n LESS_THAN\n POP_JUMP_IF_FALSE out\n CALL log\n POP_TOP\n LOAD_GLOBAL stock\n \
        LOAD_CONST 1\n SUBTRACT\n STORE_GLOBAL stock\n LOAD_GLOBAL sold\n LOAD_CONST 1\n ADD\n \
        STORE_GLOBAL sold\nout:\n LOAD_CONST 0\n RETURN_VALUE\ndef log():\n LOAD_CONST 0\n RETURN_VALUE\n";
    let path = scratch("check_act.gil", text.as_bytes());
    let page = shown(&["explore", &path, "--policy", "python-3.10"]);
    for access in ["stock  = 0", "stock  = -1", "sold   = 1", "sold   = 2"] {
        assert_eq!(page.matches(&format!("STORE_GLOBAL {access}\n")).count(), 1, "{page}");
    }
    assert_eq!(page.matches("LOAD_GLOBAL stock ").count(), 4, "{page}");
    assert!(page.contains("(2 more instructions)"), "what is private is folded: {page}");
    let all = shown(&["explore", &path, "--policy", "python-3.10", "--all"]);
    assert!(!all.contains("more instructions"), "{all}");
    assert_eq!(all.matches("SUBTRACT\n").count(), 2, "{all}");
}

/// Four threads, `x += 1` twice each: more schedules than anybody waits for.
const CROWD: &str = "global x\nthread f\nthread f\nthread f\nthread f\ndef f():\nLOAD_GLOBAL x\nLOAD_CONST 1\n\
    ADD\nSTORE_GLOBAL x\nLOAD_GLOBAL x\nLOAD_CONST 1\nADD\nSTORE_GLOBAL x\nLOAD_CONST 0\nRETURN_VALUE\n";

#[test]
fn each_bound_names_the_option_that_raises_it_and_that_option_does() {
    let path = scratch("crowd.gil", CROWD.as_bytes());
    let stopped = |more: &[&str]| {
        let page = shown(&[&["explore", &path, "--policy", "python-3.2"], more].concat());
        page.lines().next().unwrap().split("not all: ").nth(1).unwrap().to_owned()
    };
    for steps in ["500", "5000"] {
        let why = format!("stopped after {steps} steps; --max-steps raises that");
        assert_eq!(stopped(&["--max-steps", steps]), why);
    }
    let why = stopped(&["--max-schedules", "70"]);
    assert_eq!(why, "stopped after 70 schedules; --max-schedules raises that");
    // Nothing stops it but what was asked for.
    let limits = |more: &[&str]| {
        let words = [&["singletrack", "explore", &path, "--policy", "fair"], more].concat();
        let words = words.into_iter().map(OsString::from);
        let Ok(Request::Explore(request)) = parse(words) else { panic!() };
        let Schedules::All { explorer, .. } = request.schedules else { panic!() };
        explorer.limits()
    };
    let default = Limits::default();
    assert_eq!(limits(&[]), default);
    let schedules = Limits { schedules: 9, steps: u64::MAX, ..default };
    assert_eq!(limits(&["--max-schedules", "9"]), schedules);
    let steps = Limits { schedules: u64::MAX, steps: 9, ..default };
    assert_eq!(limits(&["--max-steps", "9"]), steps);
    let endless = "global x\nthread f\ndef f():\non:\nLOAD_GLOBAL x\nLOAD_CONST 1\nADD\nSTORE_GLOBAL x\n\
                   JUMP_BACKWARD on\n";
    let path = scratch("counts.gil", endless.as_bytes());
    let page = shown(&["explore", &path, "--policy", "fair", "--max-instructions", "200"]);
    let why = "some schedules were cut after 200 instructions; --max-instructions raises that";
    assert!(page.contains(why), "{page}");
}

#[test]
fn what_was_found_before_ctrl_c_is_shown_also_as_json() {
    let path = scratch("crowd_stopped.gil", CROWD.as_bytes());
    for json in [false, true] {
        let mut words =
            vec!["explore", &path, "--policy", "python-3.2", "--max-schedules", "1000000000000"];
        words.extend(json.then_some("--json"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
        command.args(&words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = interruptible(&mut command).spawn().unwrap();
        let pid = child.id().to_string();
        std::thread::sleep(Duration::from_millis(700));
        Command::new("kill").args(["-INT", &pid]).status().unwrap();
        let output = finish(child, &words, Duration::from_secs(60));
        let (page, line) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(130), "{page}{line}");
        assert!(
            line.starts_with("singletrack: the command: was ended by signal 2 (SIGINT)"),
            "{line}"
        );
        if json {
            let document: Value = serde_json::from_str(page).unwrap();
            assert_eq!(document["complete"], false);
            assert_eq!(document["stopped"], "it was stopped");
            assert!(document["error"].as_str().unwrap().contains("SIGINT"));
            assert!(!document["outcomes"].as_array().unwrap().is_empty());
        } else {
            assert!(page.contains("and that is not all: it was stopped\n"), "{page}");
            assert!(page.contains("x = 8 "), "the first schedules are serial ones: {page}");
        }
    }
}

#[test]
fn control_characters_of_a_program_reach_no_terminal() {
    let steers = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
    let program = b"thread f\ndef f():\n    LOAD_\x1b[31mCONST 0\n";
    let good = b"thread f\ndef f():\n    LOAD_CONST 0\n    RETURN_VALUE\n";
    let bad = scratch("red.gil", program);
    let named = scratch("red\x1b[31m.gil", good);
    for words in [
        &["explore", &bad, "--policy", "fair"][..],
        &["dis", &bad],
        &["explore", &named, "--policy", "fair"],
        &["explore", "no\x1b[31m", "--policy", "fair"],
        &["explore", &named, "--policy", "\x1b[31m"],
        &["explore", &named, "--policy", "fair", "--schedule", "\x1b[31m"],
        &["explore", &named, "--policy", "fair", "--\x1b[31m"],
    ] {
        let (_, stdout, stderr) = ended(words);
        assert!(!steers(&stdout) && !steers(&stderr), "{words:?}: {stdout:?} {stderr:?}");
        assert!(!(stdout + &stderr).is_empty());
    }
}
