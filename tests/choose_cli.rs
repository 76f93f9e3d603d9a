//! `singletrack choose` as its users meet it: output, exit codes, one-line errors.
//!
//! The machine that runs these tests is often busy, so that all say `--anyway`: what is asserted is
//! what was asked for, counts and arithmetic, and never who is faster.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;
#[path = "common/skipped.rs"]
mod skipped;

use command::{finish, interruptible, with_few_tasks};
use serde_json::Value;
use skipped::skipped;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(90);
const USUAL: [&str; 7] = [
    "event-loop",
    "loop+processes",
    "threads-py3.10",
    "threads-py2",
    "processes",
    "threads-free",
    "interpreters",
];
const SMALL: [&str; 8] = ["--cpu", "50us", "--io", "1ms", "--inflight", "4", "--time", "2"];

fn start(words: &[&str], columns: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.arg("choose").args(words).env("COLUMNS", columns);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("CLICOLOR_FORCE").env_remove("NO_COLOR");
    interruptible(&mut command).spawn().unwrap()
}

fn run(words: &[&str]) -> Output {
    finish(start(words, "100"), words, PATIENCE)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A choice was made, or no difference was shown, and nothing went wrong.
fn assert_answered(output: &Output) {
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "nothing to say on stderr when it is no terminal");
}

fn json(words: &[&str]) -> Value {
    let output = run(&[&["--json", "--anyway"], words].concat());
    assert_answered(&output);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let verdict = &value["verdict"];
    let nothing = verdict["model"].is_null() && verdict["family"].is_null();
    let code = if nothing { 3 } else { 0 };
    assert_eq!(output.status.code(), Some(code), "{}", value["verdict"]);
    value
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("choose-{name}"));
    fs::write(&path, text).unwrap();
    path
}

/// It ended with code 2, said nothing on stdout, and one line with `named` and a remedy on stderr.
fn assert_refused(words: &[&str], named: &str) {
    let output = run(words);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
    assert_eq!(stdout, "", "{words:?}");
    assert_eq!(stderr.lines().count(), 1, "{words:?}: {stderr}");
    assert!(stderr.contains(named), "{words:?}: {stderr}");
    assert!(stderr.contains(';'), "{words:?} lacks a remedy: {stderr}");
}

// ---- bad input ----

#[test]
fn impossible_durations_sizes_and_counts_are_refused() {
    for (words, named) in [
        (&[][..], "the work is missing"),
        (&["--cpu", "2"], "--cpu 2: a duration needs a unit"),
        (&["--cpu", "-2ms"], "--cpu -2ms: a duration is not negative"),
        (&["--io", "NaNms"], "--io NaNms"),
        (&["--io", "infs"], "--io infs"),
        (&["--native", "1e30s"], "--native 1e30s"),
        (&["--cpu", "1ms", "--payload", "4"], "--payload 4: a size needs a unit"),
        (&["--cpu", "1ms", "--payload", "99MiB"], "--payload 99MiB"),
        (&["--payload", "4KiB"], "it takes no time"),
        (&["--cpu", "0ms"], "it takes no time"),
        (&["--cpu", "3500s"], "do not fit into --time"),
        (&["--cpu", "1ms", "--jobs", "0"], "--jobs"),
        (&["--io", "1ms", "--inflight", "0"], "--inflight"),
        (&["--cpu", "1ms", "--model", "fibres,event-loop"], "--model fibres"),
        (&["--cpu", "1ms", "--model", "event-loop"], "nothing to be compared with"),
        (&["--cpu", "1ms", "--time", "0"], "--time"),
    ] {
        assert_refused(words, named);
    }
}

#[test]
fn more_in_flight_than_there_are_descriptors_is_refused_before_anything_runs() {
    let limit = "ulimit -n 64; exec \"$0\" choose --io 1ms --inflight 60";
    let output = Command::new("sh")
        .args(["-c", limit, env!("CARGO_BIN_EXE_singletrack")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let line = text(&output.stderr);
    assert!(
        line.contains("--inflight 60: they take 76 descriptors, and the limit is 64"),
        "{line}"
    );
    assert!(line.contains("ulimit -n"), "{line}");
}

#[test]
fn a_thread_that_is_refused_is_named_with_what_to_do_about_it() {
    let words = ["choose", "--cpu", "1ms", "--time", "3"];
    // The command, the server, and a process that measures.
    for most in [1, 2, 3] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
        command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Some(child) = with_few_tasks(&mut command, most) else {
            return skipped("a limit of tasks takes the superuser");
        };
        let output = finish(child, &words, PATIENCE);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{most}: {stderr}");
        assert!(stderr.contains("ulimit -u") && !stderr.contains("panicked"), "{stderr}");
        assert!(!stderr.contains("--connections"), "it has no such option: {stderr}");
    }
}

#[test]
fn files_that_hold_no_steps_are_refused_by_name_and_line() {
    let wrong = file("wrong.steps", "io 1ms\n# fine\ncpu two\n");
    let empty = file("empty.steps", "");
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("choose-binary.steps");
    fs::write(&binary, [0xff, 0xfe, 0, 1]).unwrap();
    let name = |path: &Path| path.to_str().unwrap().to_owned();
    assert_refused(&[&name(&wrong)], "wrong.steps:3: cpu two");
    assert_refused(&[&name(&empty)], "empty.steps: it holds no steps");
    assert_refused(&[&name(&binary)], "binary.steps: this is no text");
    assert_refused(&[env!("CARGO_TARGET_TMPDIR")], "this is a directory");
    assert_refused(&["nowhere.steps"], "nowhere.steps: No such file");
    assert_refused(&["nowhere.py"], "nowhere.py: No such file");
    assert_refused(&[&name(&wrong), "--cpu", "1ms"], "leave one of both");
}

#[test]
fn work_that_is_none_is_refused() {
    assert_refused(&["command"], "the program is missing");
    assert_refused(&["urls"], "the URL is missing");
    assert_refused(&["urls", "ftp://localhost/"], "ftp is not spoken here");
    let processes = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/article/processes.py");
    assert_refused(&[processes], "it starts processes");
}

#[test]
fn a_command_that_fails_ends_it_and_one_that_is_not_there_is_refused() {
    for (program, why, code) in [
        ("false", "it ended with", 1),
        ("no-such-program", "No such file", 2),
        ("/tmp", "Permission denied", 2),
    ] {
        let output = run(&["command", "--", program]);
        let line = text(&output.stderr);
        assert_eq!((output.status.code(), line.lines().count()), (Some(code), 1), "{line}");
        assert!(line.contains(program) && line.contains(why), "{line}");
    }
}

// ---- answers ----

#[test]
fn every_model_does_every_step_and_the_document_says_all() {
    let steps = file("all.steps", "io 2ms\nsend 4KiB # a page\ncpu 100us\nnative 100us\n");
    let name = steps.to_str().unwrap();
    let words = [name, "--inflight", "8", "--time", "6", "--jobs", "64", "--seed", "3"];
    let value = json(&words);
    assert_eq!((&value["schema_version"], &value["kind"]), (&1.into(), &"choose".into()));
    assert!(value["error"].is_null());
    let asked = &value["asked"];
    assert_eq!(asked["source"], name);
    assert_eq!((&asked["payload"], &asked["jobs"]), (&4096.into(), &64.into()));
    assert_eq!((&asked["at_once"], &asked["seed"]), (&8.into(), &3.into()));
    assert_eq!(asked["cpu_s"].as_f64(), Some(0.0001));
    let names: Vec<&str> =
        asked["steps"].as_array().unwrap().iter().map(|s| s["step"].as_str().unwrap()).collect();
    assert_eq!(names, ["io", "send", "cpu", "native"]);
    for name in ["operations_per_ms", "fork_s", "pipe_s", "encode_s", "answer_s"] {
        assert!(value["calibration"][name].as_f64().unwrap() > 0.0, "{name}");
    }
    let controls = value["controls"].as_array().unwrap();
    let names: Vec<&str> = controls.iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["pure sleep", "pure spin"]);
    let models = value["race"]["models"].as_array().unwrap();
    let names: Vec<&str> = models.iter().map(|m| m["model"].as_str().unwrap()).collect();
    assert_eq!(names, USUAL);
    let whole: Vec<&Value> = models.iter().filter(|model| model["stopped"] == false).collect();
    for model in &whole {
        let jobs = model["jobs"].as_u64().unwrap();
        assert!((1..=64).contains(&jobs), "{model}");
        assert_eq!(model["checksum"], whole[0]["checksum"], "{}", model["model"]);
        assert!(!model["raw"].as_array().unwrap().is_empty());
    }
}

#[test]
fn flips_are_bracketed_by_values_that_were_measured() {
    let words = ["--cpu", "1ms", "--io", "5ms", "--inflight", "8", "--time", "14"];
    let models = ["--model", "event-loop,loop+processes,sequential"];
    let value = json(&[&words[..], &models].concat());
    for flip in value["flips"].as_array().unwrap() {
        let probes = flip["probes"].as_array().unwrap();
        let at = |name: &str| flip[name].as_u64();
        match flip["outcome"].as_str().unwrap() {
            "flips" => {
                let measured = |value| probes.iter().any(|p| p["value"].as_u64() == value);
                assert!(measured(at("flips_at")), "{flip}");
                assert!(at("stands_at") == at("from") || measured(at("stands_at")), "{flip}");
            }
            "not found" => assert!(probes.iter().all(|probe| probe["stands"] == true), "{flip}"),
            other => assert_eq!((other, probes.len()), ("untested", 0)),
        }
    }
}

/// Twenty times, two at a time, so that they disturb each other.
#[test]
fn one_model_named_twice_is_no_difference_twenty_times_out_of_twenty() {
    const AT_ONCE: usize = 2;
    let run = |seed: usize| {
        let seed = seed.to_string();
        let model = ["--model", "event-loop,event-loop", "--seed", &seed, "--quiet", "--anyway"];
        let words = [&SMALL[..6], &["--jobs", "40", "--time", "1"], &model].concat();
        let output = finish(start(&words, "100"), &words, PATIENCE);
        let line = text(&output.stdout).to_owned();
        assert_eq!(output.status.code(), Some(3), "seed {seed}: {line}{}", text(&output.stderr));
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.starts_with("→ no difference"), "{line}");
    };
    thread::scope(|scope| {
        for lane in 0..AT_ONCE {
            scope.spawn(move || (lane..20).step_by(AT_ONCE).for_each(run));
        }
    });
}

#[test]
fn no_line_is_wider_than_the_terminal_and_no_number_is_cut() {
    let words = [&SMALL[..], &["--model", "event-loop,threads-py3.10,loop+processes", "--anyway"]];
    let words = words.concat();
    for columns in ["20", "46", "80", "200"] {
        let output = finish(start(&words, columns), &words, PATIENCE);
        assert_answered(&output);
        let text = text(&output.stdout);
        let width: usize = columns.parse().unwrap();
        let rows = text.lines().filter(|line| line.starts_with("event-loop "));
        assert!(rows.clone().any(|row| row.contains("ms") || row.contains(" s")), "{text}");
        // Model and wall are always there, whole.
        let table = |line: &&str| {
            line.starts_with("model ")
                || USUAL.iter().any(|name| line.starts_with(&format!("{name} ")))
        };
        for line in text.lines().filter(|line| width >= 46 || !table(line)) {
            assert!(line.chars().count() <= width, "{columns}: `{line}`\n{text}");
        }
        for word in ["work", "machine", "controls", "flips", "rule"] {
            assert!(text.lines().any(|line| line.starts_with(word)), "{columns}: {word}\n{text}");
        }
    }
}

#[test]
fn a_command_is_measured_and_what_was_assumed_is_said() {
    let words = ["--inflight", "2", "--time", "4", "--model", "event-loop,threads-py3.10"];
    let value = json(&[&words[..], &["command", "--", "sleep", "0.02"]].concat());
    assert_eq!(value["asked"]["source"], "command sleep 0.02");
    let io = value["asked"]["io_s"].as_f64().unwrap();
    assert!(io >= 0.015, "it waits for most of 20 ms: {io}");
    assert!(value["asked"]["assumed"][0].as_str().unwrap().contains("sleep was run"), "{value}");
}

#[test]
fn pages_are_measured_before_they_are_chosen_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    // Ends with the test's process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            thread::spawn(move || {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request);
                thread::sleep(Duration::from_millis(10));
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
            });
        }
    });
    let words = ["--inflight", "4", "--time", "4", "--model", "event-loop,threads-py3.10"];
    let value = json(&[&words[..], &["urls", &url]].concat());
    assert!(value["asked"]["io_s"].as_f64().unwrap() >= 0.009, "{}", value["asked"]);
    assert!(value["asked"]["assumed"][0].as_str().unwrap().contains("1 page was fetched"));
}

#[test]
fn a_program_is_run_and_its_threads_are_jobs() {
    let source = "import threading, time\n\
        def work():\n    time.sleep(0.02)\n\
        threads = [threading.Thread(target=work) for _ in range(3)]\n\
        for t in threads:\n    t.start()\n\
        for t in threads:\n    t.join()\n\
        print('not shown')\n";
    let path = file("threads.py", source);
    let words = [path.to_str().unwrap(), "--time", "4", "--model", "event-loop,threads-py3.10"];
    let value = json(&words);
    let asked = &value["asked"];
    assert_eq!(asked["at_once"], 3, "{asked}");
    assert!(asked["io_s"].as_f64().unwrap() >= 0.015, "{asked}");
    assert!(asked["assumed"].as_array().unwrap().len() == 2, "{asked}");
}

#[test]
fn an_interrupt_shows_what_was_measured_and_is_exit_130() {
    let words = ["--cpu", "1ms", "--io", "5ms", "--json", "--anyway", "--time", "60"];
    let child = start(&words, "100");
    thread::sleep(Duration::from_secs(8));
    // SAFETY: sends a signal to a child that has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let output = finish(child, &words, PATIENCE);
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("SIGINT"));
    // Before the contest there is nothing to show.
    if !output.stdout.is_empty() {
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(value["error"].as_str().unwrap().contains("SIGINT"), "{}", value["error"]);
    }
}
