//! The `singletrack` command as its users meet it: output, exit codes, one-line errors.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;

use command::finish;
use serde_json::Value;
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
        assert!(model["time_s"]["on_cpu"].as_f64().unwrap() > 0.0, "{name}");
        assert!(model["peak_rss_kib"].as_u64().unwrap() > 0, "{name}");
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
    assert_eq!(document["schema_version"], 1);
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
    assert_refused(&[], 2, "compare");
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
    let mut shell = Command::new("sh");
    let script = "ulimit -n 256; exec \"$@\"";
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_singletrack")]).args(words);
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = finish(shell.spawn().unwrap(), &words, PATIENCE);
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
fn an_interrupt_is_exit_130_and_leaves_nothing_on_stdout() {
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
    assert!(output.stdout.is_empty());
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
