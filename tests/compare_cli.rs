//! The `singletrack` command as its users meet it: output, exit codes, one-line errors.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;
#[path = "common/skipped.rs"]
mod skipped;

use command::{finish, interruptible};
use serde_json::Value;
use skipped::skipped;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
const MODELS: [&str; 8] = [
    "sequential",
    "event-loop",
    "threads-py2",
    "threads-py3.2",
    "threads-py3.10",
    "threads-free",
    "processes",
    "loop+processes",
];

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("CLICOLOR_FORCE").env_remove("NO_COLOR");
    interruptible(&mut command);
    command
}

/// Runs it to its end; a command that hangs is killed and fails the test.
fn run(words: &[&str]) -> Output {
    finish(command(words).spawn().unwrap(), words, PATIENCE)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// It ended with `code`, said nothing on stdout, and one line with `named` in it on stderr.
fn assert_refused(words: &[&str], code: i32, named: &str) {
    let output = run(words);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{words:?}: {stderr}");
    assert_eq!(stdout, "", "{words:?}");
    assert_eq!(stderr.lines().count(), 1, "{words:?}: {stderr}");
    assert!(stderr.contains(named), "{words:?}: {stderr}");
    assert!(stderr.contains([';', ',']), "{words:?} lacks a remedy: {stderr}");
}

fn json(words: &[&str]) -> Value {
    let output = run(words);
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "nothing to say on stderr when it is no terminal");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every model is there once and all found the same.
fn assert_whole(case: &Value, jobs: u64) {
    let models = case["models"].as_array().unwrap();
    let names: Vec<&str> = models.iter().map(|model| model["model"].as_str().unwrap()).collect();
    assert_eq!(names, MODELS);
    for model in models {
        let name = &model["model"];
        assert_eq!(model["checksum"], models[0]["checksum"], "{name}");
        assert_eq!(model["jobs"], jobs, "{name}");
        let wall = &model["wall_s"];
        let at = |key: &str| wall[key].as_f64().unwrap();
        assert!(0.0 < at("min") && at("min") <= at("median") && at("median") <= at("max"));
        assert!(model["latency_ms"]["p50"].as_f64() <= model["latency_ms"]["p99"].as_f64());
        assert!(model["cpu_s"].as_f64().unwrap() > 0.0, "{name}");
        assert!(model["memory_kib"].as_u64().unwrap() > 0, "{name}");
        assert!(model["threads"].as_u64() >= model["processes"].as_u64(), "{name}");
        assert_eq!(model["raw"].as_array().unwrap().len() as u64, case["rounds"], "{name}");
        let gil = name.as_str().unwrap().contains("py");
        let voluntary = model["switches"]["voluntary"].as_u64().unwrap();
        assert!(gil || voluntary == 0, "{name} has no lock to give up");
    }
}

#[test]
fn all_models_agree_on_all_built_in_cases() {
    let document = json(&[
        "compare",
        "cpu",
        "slow-io",
        "fast-io",
        "--jobs",
        "4",
        "--rounds",
        "2",
        "--connections",
        "8",
        "--workers",
        "2",
        "--json",
    ]);
    assert_eq!(document["schema_version"], 2);
    let cases = document["cases"].as_array().unwrap();
    let names: Vec<&str> = cases.iter().map(|case| case["case"].as_str().unwrap()).collect();
    assert_eq!(names, ["cpu", "slow-io", "fast-io"]);
    for case in cases {
        assert_eq!(case["rounds"], 2);
        assert_whole(case, 4);
    }
}

#[test]
fn the_seed_decides_the_work() {
    let checksum = |seed| {
        let words = ["compare", "cpu", "--model", "sequential", "--jobs", "1", "--rounds", "1"];
        let document = json(&[&words[..], &["--json", "--seed", seed]].concat());
        document["cases"][0]["models"][0]["checksum"].as_str().unwrap().to_owned()
    };
    assert_eq!(checksum("3"), checksum("3"));
    assert_ne!(checksum("3"), checksum("4"));
}

/// A directory of its own for one test, gone when the test has passed.
fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn every_regular_file_below_a_directory_is_hashed() {
    let root = scratch("files");
    fs::create_dir(root.join("below")).unwrap();
    fs::write(root.join("empty"), b"").unwrap();
    fs::write(root.join("one"), b"one").unwrap();
    fs::write(root.join("below/two\n"), vec![2; 3_000_000]).unwrap();
    std::os::unix::fs::symlink(&root, root.join("circle")).unwrap();
    let words = ["compare", "files", root.to_str().unwrap(), "--rounds", "1", "--json"];
    let before = json(&words);
    assert_eq!(before["cases"][0]["case"], "files");
    assert_whole(&before["cases"][0], 3);
    fs::write(root.join("one"), b"uno").unwrap();
    let after = json(&words);
    let checksum = |document: &Value| document["cases"][0]["models"][0]["checksum"].clone();
    assert_ne!(checksum(&before), checksum(&after), "a file changed");
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn every_regular_file_below_a_directory_is_compressed_and_stays_as_it_is() {
    let root = scratch("to-compress");
    fs::write(root.join("empty"), b"").unwrap();
    fs::write(root.join("text"), "as it was, ".repeat(200_000)).unwrap();
    let words = ["compare", "compress", root.to_str().unwrap(), "--rounds", "1", "--json"];
    let before = json(&words);
    assert_eq!(before["cases"][0]["case"], "compress");
    assert_whole(&before["cases"][0], 2);
    assert_eq!(fs::read_dir(&root).unwrap().count(), 2, "nothing is written");
    fs::write(root.join("empty"), b"no longer").unwrap();
    let after = json(&words);
    let checksum = |document: &Value| document["cases"][0]["models"][0]["checksum"].clone();
    assert_ne!(checksum(&before), checksum(&after), "a file changed");
    fs::remove_dir_all(root).unwrap();
}

/// Answers every GET of a path below `/page` with a body, every other with 404.
fn web_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve_page(stream));
        }
    });
    port
}

fn serve_page(mut stream: std::net::TcpStream) {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(n) => request.extend_from_slice(&buffer[..n]),
        }
    }
    let found = request.starts_with(b"GET /page");
    let answer = match found {
        true => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        false => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    };
    let _ = stream.write_all(answer.as_bytes());
}

#[test]
fn pages_are_fetched_by_every_model() {
    let port = web_server();
    let (one, two) =
        (format!("http://127.0.0.1:{port}/page1"), format!("http://localhost:{port}/page2"));
    let document = json(&["compare", "--jobs", "6", "--rounds", "1", "--json", "urls", &one, &two]);
    assert_eq!(document["cases"][0]["case"], "urls");
    assert_whole(&document["cases"][0], 6);
}

#[test]
fn a_page_that_is_missing_is_work_that_failed() {
    let port = web_server();
    let url = format!("http://127.0.0.1:{port}/lost");
    assert_refused(&["compare", "--rounds", "1", "urls", &url], 1, "404 Not Found");
}

#[test]
fn a_url_that_refuses_is_work_that_failed() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("http://127.0.0.1:{port}/");
    assert_refused(&["compare", "urls", &url], 1, &url);
}

#[test]
fn a_wrong_command_line_is_exit_2_and_one_line() {
    assert_refused(&["compare", "gpu"], 2, "gpu");
    assert_refused(&["compare", "--model", "fibres"], 2, "fibres");
    assert_refused(&["compare", "--jobs", "0"], 2, "--jobs");
    assert_refused(&["compare", "files", "/no/such/directory"], 2, "/no/such/directory");
    assert_refused(&["compare", "urls", "https://127.0.0.1/"], 2, "https");
    assert_refused(&["compare", "--frobnicate"], 2, "--frobnicate");
    assert_refused(&["race"], 2, "race");
    assert_refused(&["loop"], 2, "singletrack loop --help");
}

#[test]
fn the_bare_command_says_what_it_can_do_and_what_to_try_first() {
    let output = run(&[]);
    assert!(output.status.success() && output.stderr.is_empty());
    let page = text(&output.stdout);
    for command in ["compare", "explore", "run", "dis", "gil", "loop", "explain", "man"] {
        assert!(page.lines().any(|line| line.trim_start().starts_with(command)), "{page}");
    }
    assert!(page.contains("To see something first:"), "{page}");
}

#[test]
fn groups_name_models_and_each_runs_once() {
    let words = ["compare", "cpu", "--jobs", "1", "--rounds", "1", "--json", "--model"];
    for (group, models) in [
        ("all", &MODELS[..]),
        ("threads", &MODELS[2..6]),
        ("gil,threads-py2", &MODELS[2..5]),
        ("pools,event-loop", &["processes", "loop+processes", "event-loop"]),
    ] {
        let document = json(&[&words[..], &[group]].concat());
        let ran = document["cases"][0]["models"].as_array().unwrap();
        let ran: Vec<&str> = ran.iter().map(|model| model["model"].as_str().unwrap()).collect();
        assert_eq!(ran, models, "{group}");
    }
}

#[test]
fn a_limit_of_descriptors_is_named_with_what_to_do_about_it() {
    for limit in ["9", "10"] {
        let words = ["compare", "cpu", "--model", "processes", "--rounds", "1", "--jobs", "4"];
        let below = format!("ulimit -n {limit}");
        let output = finish(limited(&below, &words).spawn().unwrap(), &words, PATIENCE);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("ulimit -n") && !stderr.contains("os error"), "{stderr}");
        assert!(!stderr.contains("run it again"), "that would not help: {stderr}");
    }
}

#[test]
fn a_directory_without_files_is_work_that_failed() {
    let root = scratch("nothing");
    assert_refused(&["compare", "files", root.to_str().unwrap()], 1, "no regular files");
}

#[test]
fn a_run_past_its_limit_is_killed_and_named() {
    let words = ["compare", "slow-io", "--model", "sequential", "--jobs", "5000", "--limit", "1"];
    assert_refused(&words, 1, "slow-io under sequential");
}

#[test]
fn more_connections_than_descriptors_are_refused_before_the_race() {
    let words =
        ["compare", "slow-io", "--connections", "100000", "--jobs", "100000", "--rounds", "1"];
    let output = finish(limited("ulimit -n 256", &words).spawn().unwrap(), &words, PATIENCE);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("ulimit -n") && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn a_table_is_plain_in_a_pipe_and_coloured_on_request() {
    let words = ["compare", "cpu", "--model", "sequential", "--jobs", "1", "--rounds", "1"];
    let plain = run(&words);
    assert!(plain.status.success());
    assert!(!plain.stdout.contains(&0x1b));
    assert!(text(&plain.stdout).contains("only sequential ran"), "{}", text(&plain.stdout));
    let painted = run(&[&words[..], &["--color", "always"]].concat());
    assert!(painted.stdout.contains(&0x1b));
}

#[test]
fn help_goes_to_stdout_and_lists_the_exit_codes() {
    let output = run(&["compare", "--help"]);
    assert!(output.status.success() && output.stderr.is_empty());
    let help = text(&output.stdout);
    for word in MODELS.iter().chain(&["Exit codes", "--connections", "files DIR"]) {
        assert!(help.contains(word), "{word} is missing in:\n{help}");
    }
}

#[test]
fn an_interrupt_is_exit_130_and_leaves_no_process() {
    let words = ["compare", "slow-io", "--model", "sequential", "--jobs", "5000", "--json"];
    let child = command(&words).spawn().unwrap();
    let pid = child.id().to_string();
    // Once it has children, it is comparing, and its handler is in place.
    let children = format!("/proc/{pid}/task/{pid}/children");
    let deadline = Instant::now() + PATIENCE;
    while fs::read_to_string(&children).unwrap().split_whitespace().count() < 2 {
        assert!(Instant::now() < deadline, "it never began");
        thread::sleep(Duration::from_millis(2));
    }
    let left: Vec<String> =
        fs::read_to_string(&children).unwrap().split_whitespace().map(str::to_owned).collect();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = finish(child, &words, PATIENCE);
    assert_eq!(output.status.code(), Some(130));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["cases"].as_array().unwrap().len(), 0, "no model had come to its end");
    for child in left {
        let gone = || match fs::read_to_string(format!("/proc/{child}/stat")) {
            Ok(stat) => stat.rsplit(") ").next().unwrap().starts_with('Z'),
            Err(_) => true,
        };
        while !gone() {
            assert!(Instant::now() < deadline, "process {child} was left behind");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

// --- does what it is told, or says that it does not -------------------------------------

#[test]
fn each_connection_that_was_asked_for_is_opened_or_it_says_why_not() {
    let words = ["compare", "slow-io", "--connections", "200", "--model", "event-loop"];
    let document = json(&[&words[..], &["--rounds", "1", "--json"]].concat());
    let case = &document["cases"][0];
    assert_eq!((&case["at_once"], &case["models"][0]["jobs"]), (&200.into(), &200.into()));
    let words = ["compare", "fast-io", "cpu", "--connections", "5", "--jobs", "3"];
    let document = json(&[&words[..], &["--model", "event-loop", "--json"]].concat());
    let says = |at: usize, text: &str| {
        let notes = document["cases"][at]["notes"].as_array().unwrap();
        assert!(notes.iter().any(|note| note.as_str().unwrap().contains(text)), "{notes:?}");
    };
    assert_eq!(document["cases"][0]["at_once"], 3);
    says(0, "3 jobs open no more than 3");
    says(1, "cpu has no connections");
}

#[test]
fn where_there_are_too_few_descriptors_the_usual_connections_are_fewer_and_it_says_so() {
    let words = ["compare", "slow-io", "--model", "event-loop", "--rounds", "1", "--json"];
    let output = finish(limited("ulimit -n 140", &words).spawn().unwrap(), &words, PATIENCE);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let case = &document["cases"][0];
    assert_eq!((&case["at_once"], &case["models"][0]["jobs"]), (&100.into(), &100.into()));
    let note = case["notes"][0].as_str().unwrap();
    assert!(
        note.contains("100 connections instead of 1000") && note.contains("ulimit -n"),
        "{note}"
    );
}

#[test]
fn without_a_number_of_rounds_it_goes_on_until_it_is_clear_or_the_time_is_up() {
    let words = ["compare", "fast-io", "--jobs", "8", "--connections", "2", "--time", "1"];
    let document = json(&[&words[..], &["--model", "sequential,event-loop", "--json"]].concat());
    let case = &document["cases"][0];
    assert!(case["rounds"].as_u64().unwrap() >= 1, "{case}");
    let how = case["verdict"]["how"].as_str().unwrap();
    assert!(how != "alone" && !case["verdict"]["best"].as_array().unwrap().is_empty(), "{case}");
}

#[test]
fn a_model_that_cannot_keep_up_is_stopped_and_counted() {
    let words = ["compare", "slow-io", "--connections", "64", "--jobs", "640", "--time", "1"];
    let document = json(&[&words[..], &["--model", "sequential,event-loop", "--json"]].concat());
    let case = &document["cases"][0];
    let [sequential, event_loop] = &case["models"].as_array().unwrap()[..] else { panic!() };
    assert_eq!((&sequential["stopped"], &event_loop["stopped"]), (&true.into(), &false.into()));
    assert!(sequential["jobs"].as_u64() < Some(640) && event_loop["jobs"] == 640);
    assert_eq!(case["verdict"]["model"], "event-loop");
    let notes = case["notes"].to_string();
    assert!(notes.contains("sequential was stopped") && notes.contains("of 640 jobs"), "{notes}");
}

#[test]
fn the_server_of_the_lab_is_measured_and_has_a_core_to_itself() {
    let words = ["compare", "slow-io", "--connections", "200", "--rounds", "1", "--json"];
    let document = json(&[&words[..], &["--model", "event-loop,threads-free"]].concat());
    let case = &document["cases"][0];
    for model in case["models"].as_array().unwrap() {
        assert!(model["server_cpu_s"].as_f64().unwrap() > 0.0, "{model}");
    }
    assert!(case["notes"].to_string().contains("the lab's own server"), "{}", case["notes"]);
    let threads = case["models"][1]["threads"].as_u64().unwrap();
    assert_eq!(threads, 201, "a thread a connection, and the one that waits for them");
}

#[test]
fn few_descriptors_are_enough_for_what_needs_few() {
    let words = ["compare", "cpu", "fast-io", "--jobs", "2", "--rounds", "1", "--json"];
    let output = finish(limited("ulimit -n 20", &words).spawn().unwrap(), &words, PATIENCE);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_sweep_compares_at_each_point_and_draws_a_curve() {
    let words =
        ["compare", "fast-io", "--jobs", "16", "--rounds", "1", "--sweep", "connections=1..4"];
    let models = ["--model", "event-loop,threads-free"];
    let document = json(&[&words[..], &models, &["--json"]].concat());
    let cases = document["cases"].as_array().unwrap();
    let points: Vec<(&Value, &Value)> =
        cases.iter().map(|case| (&case["point"], &case["at_once"])).collect();
    let expected = [("connections=1", 1), ("connections=2", 2), ("connections=4", 4)];
    for ((point, at_once), (name, count)) in points.into_iter().zip(expected) {
        assert_eq!((point, at_once), (&name.into(), &count.into()));
    }
    assert_refused(&[&words[..], &["--connections", "9"]].concat(), 2, "--connections: ");
    let output = run(&[&words[..], &models].concat());
    let shown = text(&output.stdout);
    assert!(shown.starts_with("fast-io: jobs a second by connections\n"), "{shown}");
    let rows = shown.lines().skip(2).take(3).map(|line| line.split_whitespace().next().unwrap());
    assert_eq!(rows.collect::<Vec<_>>(), ["1", "2", "4"]);
}

#[test]
fn exports_hold_all_rounds_and_destroy_nothing_if_they_cannot_be_written() {
    let directory = scratch("exports");
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let (csv, markdown) = (path("rounds.csv"), path("tables.md"));
    let words = ["compare", "cpu", "--jobs", "2", "--rounds", "2", "--model", "sequential"];
    let exports = ["--export-csv", &csv, "--export-markdown", &markdown];
    assert!(run(&[&words[..], &exports].concat()).status.success());
    let lines = fs::read_to_string(&csv).unwrap().lines().count();
    assert_eq!(lines, 1 + 2, "names, and a line a round");
    assert!(fs::read_to_string(&markdown).unwrap().starts_with("## cpu\n"));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2, "nothing else is left there");
    let nowhere = path("no/such/place.csv");
    assert_refused(&[&words[..], &["--export-csv", &nowhere]].concat(), 2, "place.csv");
    let output = run(&[&words[..], &["--export-csv", "/dev/full"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/dev/full: No space left"), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("only sequential ran"),
        "the table is shown all the same"
    );
    let (markdown, page) = (path("others.md"), path("others.html"));
    let others = ["--export-csv", "/dev/full", "--export-markdown", &markdown, "--card"];
    let output = run(&[&words[..], &others, &["/dev/full", "--html", &page]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr).lines().count(), 1, "{}", text(&output.stderr));
    assert!(fs::read_to_string(&markdown).unwrap().starts_with("## cpu\n"));
    assert!(fs::read_to_string(&page).unwrap().contains("</html>"));
    fs::remove_file(&markdown).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.args(words).args(["--export-markdown", &markdown]).stdin(Stdio::null());
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let code = command.stdout(full).stderr(Stdio::null()).status().unwrap().code();
    assert_eq!((code, fs::exists(&markdown).unwrap()), (Some(1), true), "without a table, too");
    fs::remove_dir_all(directory).unwrap();
}

// --- one bad item does not end all ------------------------------------------------------

/// One path for each thing that a server may do. Hangs hold the connection open.
fn odd_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let hits = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        for stream in listener.incoming().flatten() {
            let hits = hits.clone();
            thread::spawn(move || serve_odd(stream, &hits));
        }
    });
    format!("http://127.0.0.1:{port}")
}

fn serve_odd(mut stream: std::net::TcpStream, hits: &std::sync::atomic::AtomicUsize) {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(n) => request.extend_from_slice(&buffer[..n]),
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let hit = hits.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let (answer, hold) = match request.split(' ').nth(1).unwrap() {
        "/lost" => ("HTTP/1.1 404 Not \x1b[2JFound\r\nContent-Length: 0\r\n\r\n".into(), false),
        "/moved" => ("HTTP/1.1 302 Found\r\nLocation: page\r\n\r\n".into(), false),
        "/round" => ("HTTP/1.1 302 Found\r\nLocation: /round\r\n\r\n".into(), false),
        "/kept" => ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".into(), true),
        "/changes" => (format!("HTTP/1.1 200 OK\r\n\r\n{hit}"), false),
        "/cut" => ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell".into(), false),
        "/closed" => (String::new(), false),
        "/hang" => ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell".into(), true),
        "/chunked" => {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            (format!("{head}5\r\nhello\r\n0\r\n\r\n"), true)
        }
        _ => ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into(), false),
    };
    let _ = stream.write_all(answer.as_bytes());
    if hold {
        // The peer closes first, or the test is over.
        let _ = stream.read(&mut buffer);
    }
}

const BAD: [&str; 6] = ["lost", "round", "changes", "cut", "closed", "hang"];

#[test]
fn a_bad_page_is_named_and_ends_all_or_is_left_out_by_choice() {
    let server = odd_server();
    let url = |path: &str| format!("{server}/{path}");
    for path in BAD {
        let (good, bad) = (url("page"), url(path));
        assert_refused(&["compare", "--request-limit", "1", "urls", &good, &bad], 1, &bad);
    }
    let good = ["page", "moved", "kept", "chunked"];
    let urls: Vec<String> = good.iter().chain(&BAD).map(|path| url(path)).collect();
    let mut words = vec!["compare", "--keep-going", "--request-limit", "1", "--rounds", "1"];
    words.extend(["--jobs", "8", "--json", "urls"]);
    words.extend(urls.iter().map(String::as_str));
    let document = json(&words);
    let case = &document["cases"][0];
    assert_whole(case, 8);
    let skipped: Vec<&str> =
        case["skipped"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(skipped.len(), BAD.len(), "{skipped:?}");
    for path in BAD {
        assert!(skipped.iter().any(|line| line.starts_with(&url(path))), "{path}: {skipped:?}");
    }
}

#[test]
fn what_a_server_says_cannot_steer_the_terminal() {
    let lost = format!("{}/lost", odd_server());
    let stderr = run(&["compare", "urls", &lost]).stderr;
    assert!(text(&stderr).contains(r"404 Not \u{1b}[2JFound"), "{}", text(&stderr));
    assert!(!stderr.contains(&0x1b));
}

/// Answers `/last` twice, as often as a trial asks for it, and then no more.
fn fading_server() -> [String; 2] {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut asked = 0;
        for mut stream in listener.incoming().flatten() {
            let mut buffer = [0; 1024];
            let _ = stream.read(&mut buffer);
            asked += usize::from(buffer.starts_with(b"GET /last"));
            let gone = buffer.starts_with(b"GET /last") && asked > 2;
            let status = if gone { "500 Gone" } else { "200 OK" };
            let _ = stream.write_all(format!("HTTP/1.1 {status}\r\n\r\nok").as_bytes());
        }
    });
    ["first", "last"].map(|path| format!("http://127.0.0.1:{port}/{path}"))
}

#[test]
fn a_page_that_fails_in_the_race_is_named_or_counted_for_each_model() {
    let words = ["compare", "--rounds", "1", "--jobs", "4", "--json", "urls"];
    let [first, last] = fading_server();
    let stops = run(&[&words[..], &[&first, &last]].concat());
    assert_eq!(stops.status.code(), Some(1));
    assert!(text(&stops.stderr).contains(&last), "{}", text(&stops.stderr));
    let [first, last] = fading_server();
    let document = json(&[&["compare", "--keep-going"], &words[1..], &[&first, &last]].concat());
    let case = &document["cases"][0];
    assert_whole(case, 2);
    for model in case["models"].as_array().unwrap() {
        assert_eq!(model["failed"], 2, "{model}");
    }
    let failures = case["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1);
    assert!(failures[0].as_str().unwrap().starts_with(&last), "{failures:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_named_or_left_out_by_choice() {
    let root = scratch("unreadable");
    fs::write(root.join("good"), b"good").unwrap();
    // Opening this fails for everybody, root included.
    let name = root.join("bad\x1bname");
    fs::write(&name, b"bad").unwrap();
    let words = ["compare", "files", root.to_str().unwrap(), "--rounds", "1", "--json"];
    let read = json(&words);
    assert_whole(&read["cases"][0], 2);
    let lock = lock_away(&name);
    if !lock {
        return; // Whoever runs this may read everything.
    }
    assert_refused(&words[..5], 1, r"bad\u{1b}name");
    let document = json(&[&words[..], &["--keep-going"]].concat());
    assert_whole(&document["cases"][0], 1);
    assert!(document["cases"][0]["skipped"][0].as_str().unwrap().contains("bad"), "{document}");
}

/// Makes a file unreadable; false if this user may read it all the same.
fn lock_away(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    fs::File::open(path).is_err()
}

#[test]
fn a_directory_whose_name_is_no_text_is_compared() {
    use std::os::unix::ffi::OsStringExt;
    let name = std::ffi::OsString::from_vec(b"bytes\xff".to_vec());
    let root = scratch("no-text").join(name);
    fs::create_dir(&root).unwrap();
    fs::write(root.join("f"), b"x").unwrap();
    for words in
        [&["compare", "--rounds", "1", "files"][..], &["compare", "--model", "sequential", "files"]]
    {
        let output = finish(command(words).arg(&root).spawn().unwrap(), words, PATIENCE);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    }
}

// --- lives among other programs ---------------------------------------------------------

/// The command below a shell that has said this first.
fn limited(first: &str, words: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("{first}; exec \"$@\"");
    shell.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_singletrack")]).args(words);
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

/// Waits until it has two children: the server, and a model.
fn racing(child: &std::process::Child) {
    let pid = child.id();
    let children = format!("/proc/{pid}/task/{pid}/children");
    let deadline = Instant::now() + PATIENCE;
    while fs::read_to_string(&children).unwrap().split_whitespace().count() < 2 {
        assert!(Instant::now() < deadline, "it never began");
        thread::sleep(Duration::from_millis(2));
    }
}

fn signal(child: &std::process::Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

#[test]
fn a_reader_who_goes_ends_the_work_within_a_case() {
    let words = ["compare", "slow-io", "--model", "sequential", "--jobs", "5000", "--rounds", "1"];
    let mut child = command(&words).spawn().unwrap();
    racing(&child);
    drop(child.stdout.take());
    let deadline = Instant::now() + Duration::from_secs(20);
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                child.kill().unwrap();
                panic!("it works on for nobody");
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    assert_eq!(status.code(), Some(141), "as if SIGPIPE had ended it");
}

#[test]
fn what_was_measured_is_kept_when_a_later_case_fails() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("http://127.0.0.1:{port}/");
    let words = ["compare", "--jobs", "2", "--rounds", "1", "--json", "cpu", "urls", &url];
    let output = run(&words);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_whole(&document["cases"][0], 2);
    assert_eq!(document["cases"].as_array().unwrap().len(), 1);
    assert!(document["error"].as_str().unwrap().contains(&url), "{}", document["error"]);
}

#[test]
fn signals_keep_what_was_measured_and_name_themselves() {
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let words = [
            "compare",
            "cpu",
            "slow-io",
            "--model",
            "sequential",
            "--jobs",
            "1",
            "--rounds",
            "60",
            "--json",
        ];
        let child = command(&words).spawn().unwrap();
        racing(&child);
        signal(&child, name);
        let output = finish(child, &words, PATIENCE);
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["cases"][0]["case"], "cpu");
        assert_eq!(document["cases"][0]["rounds"], 60);
        assert!(document["error"].as_str().unwrap().contains("SIG"), "{}", document["error"]);
        assert_eq!(text(&output.stderr).lines().count(), 1);
    }
}

#[test]
fn an_ignored_interrupt_stays_ignored_in_the_command_and_its_children() {
    let words =
        ["compare", "slow-io", "--model", "processes", "--jobs", "100", "--rounds", "2", "--json"];
    let child = limited("trap '' INT", &words).spawn().unwrap();
    racing(&child);
    signal(&child, "-INT");
    let pid = child.id();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    for child in children.split_whitespace() {
        let _ = Command::new("kill").args(["-INT", child]).stderr(Stdio::null()).status();
    }
    let output = finish(child, &words, PATIENCE);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_parent_that_ignores_the_end_of_children_changes_nothing() {
    let words = ["compare", "cpu", "--jobs", "2", "--rounds", "1", "--json"];
    // A shell cannot ignore SIGCHLD for others; Python can.
    let script = "import os, signal, sys\n\
                  signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n\
                  os.execv(sys.argv[1], sys.argv[1:])";
    let mut python = Command::new("python3");
    python.args(["-c", script, env!("CARGO_BIN_EXE_singletrack")]).args(words);
    python.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(child) = python.spawn() else { return skipped("there is no python3") };
    let output = finish(child, &words, PATIENCE);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn time_in_which_it_is_stopped_counts_against_no_limit() {
    let words = [
        "compare",
        "slow-io",
        "--model",
        "sequential",
        "--jobs",
        "10",
        "--rounds",
        "1",
        "--limit",
        "3",
    ];
    let child = command(&words).spawn().unwrap();
    racing(&child);
    let pid = child.id();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let all = |name: &str| {
        for pid in children.split_whitespace().chain([pid.to_string().as_str()]) {
            let _ = Command::new("kill").args([name, pid]).stderr(Stdio::null()).status();
        }
    };
    all("-STOP");
    thread::sleep(Duration::from_secs(4));
    all("-CONT");
    let output = finish(child, &words, PATIENCE);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn output_that_has_no_place_to_go_is_an_error_before_any_work() {
    for words in [&["compare", "slow-io", "--jobs", "5000"][..], &["gil", "convoy"], &["--help"]] {
        let output = finish(limited("exec >&-", words).spawn().unwrap(), words, PATIENCE);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(text(&output.stderr).contains("stdout: it is closed"), "{words:?}");
    }
    let words = ["--help"];
    let output = finish(limited("exec <&- >/dev/null", &words).spawn().unwrap(), &words, PATIENCE);
    assert!(output.status.success(), "there is a place for it, though nobody looks there");
}

/// Needs the right to mount; without that there is nothing to see.
#[test]
fn without_proc_what_needs_none_runs_and_the_rest_names_it() {
    let below = |words: &[&str]| {
        let mut unshare = Command::new("unshare");
        let script = "mount -t tmpfs none /proc || exit 99; exec \"$@\"";
        unshare.args(["-m", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_singletrack")]);
        unshare.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        unshare.spawn().ok().map(|child| finish(child, words, PATIENCE))
    };
    let threads = "sequential,event-loop,threads-py3.10,threads-free";
    let words = ["compare", "cpu", "fast-io", "--jobs", "2", "--rounds", "1", "--model"];
    let output = below(&[&words[..], &[threads]].concat());
    let refused = |output: &Output| {
        output.status.code() == Some(99) || text(&output.stderr).starts_with("unshare")
    };
    let Some(output) = output.filter(|output| !refused(output)) else {
        return skipped("no /proc can be hidden here");
    };
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let output = below(&[&words[..], &["processes"]].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("mount /proc"), "{}", text(&output.stderr));
}

#[test]
fn lanes_show_every_model_on_one_axis_and_are_no_wider_than_the_page() {
    let words = ["compare", "slow-io", "--connections", "6", "--rounds", "1", "--lanes", "--ascii"];
    let words = [&words[..], &["--model", "event-loop,threads-py3.10,processes"]].concat();
    let child = command(&words).env("COLUMNS", "60").spawn().unwrap();
    let output = finish(child, &words, PATIENCE);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, drawn) = text.split_once("What each model did").unwrap();
    let (drawn, _) = drawn.split_once("What the columns mean").unwrap();
    for model in ["\nevent-loop\n", "\nthreads-py3.10\n", "\nprocesses\n"] {
        assert_eq!(drawn.matches(model).count(), 1, "{drawn}");
    }
    assert!(drawn.contains("  GIL owner") && drawn.contains("  +"), "{drawn}");
    assert!(drawn.lines().all(|line| line.chars().count() <= 60), "{drawn}");
    assert_eq!(run(&["compare", "cpu", "--lanes", "--json"]).status.code(), Some(2));
}
