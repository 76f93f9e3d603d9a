//! What the help and the README tell their readers to type is typed here.
//!
//! Each command runs for a moment; one that is not done by then is interrupted, and must end and keep
//! its manners. A new command is found by its line in `singletrack --help`.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;
#[path = "common/skipped.rs"]
mod skipped;

use command::{exit_within, finish, interruptible};
use skipped::skipped;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// After this long a command is interrupted.
const A_MOMENT: Duration = Duration::from_millis(1500);
const PATIENCE: Duration = Duration::from_secs(60);
const BINARY: &str = env!("CARGO_BIN_EXE_singletrack");

fn run(words: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("COLUMNS");
    finish(command.spawn().unwrap(), words, PATIENCE)
}

fn page(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// All commands, those of commands included: `["loop", "step"]`.
fn commands() -> Vec<Vec<String>> {
    let (mut found, mut open) = (Vec::new(), vec![Vec::<String>::new()]);
    while let Some(words) = open.pop() {
        let below: Vec<&str> = words.iter().map(String::as_str).chain(["-h"]).collect();
        let help = page(&below);
        let list = help.split("Commands:\n").nth(1).unwrap_or_default();
        for line in list.lines().take_while(|line| !line.is_empty()) {
            let name = line.split_whitespace().next().unwrap();
            // A line that goes on begins further in.
            if line.starts_with("   ") || name == "help" {
                continue;
            }
            open.push([&words[..], &[name.to_owned()]].concat());
        }
        found.push(words);
    }
    found
}

/// The lines of a page's examples, without what is said of them.
fn examples(help: &str) -> Vec<String> {
    let block = help.split("Examples:\n").nth(1).unwrap_or_default();
    let lines = block.lines().take_while(|line| !line.is_empty()).map(str::trim);
    // What is said of a command may go on in a line of its own.
    let lines = lines.filter(|line| line.starts_with("singletrack"));
    lines.map(|line| line.split("  ").next().unwrap().to_owned()).collect()
}

#[test]
fn every_command_has_a_short_help_and_a_long_one_with_examples_first() {
    let commands = commands();
    assert!(commands.len() >= 11, "{commands:?}");
    for words in commands {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let with = |option| page(&[&words[..], &[option]].concat());
        let (short, long) = (with("-h"), with("--help"));
        assert!(short.lines().count() < long.lines().count(), "{words:?}");
        let at =
            |text: &str| long.find(text).unwrap_or_else(|| panic!("{words:?}: {text}\n{long}"));
        assert!(at("Examples:\n") < at("\nUsage: singletrack"), "{words:?}");
        assert!(at("\nUsage: singletrack") < at("Exit codes:"), "{words:?}");
        let more = format!("{} --help", [&["singletrack"], &words[..]].concat().join(" "));
        assert!(short.contains(&more), "{short}");
        for example in examples(&long) {
            let own = format!("singletrack {}", words.join(" "));
            assert!(example.starts_with(own.trim_end()), "{words:?}: {example}");
        }
    }
}

#[test]
fn every_example_of_the_help_runs() {
    let mut lines = BTreeSet::new();
    for words in commands() {
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        lines.extend(examples(&page(&words)));
    }
    assert!(lines.len() > 30, "{lines:?}");
    run_all("help", lines.into_iter().map(|line| (line, None)).collect());
}

#[test]
fn every_command_of_the_readme_runs() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let typed = readme.lines().filter_map(|line| {
        let built = line.strip_prefix("cargo run --release -- ");
        let line = built.or_else(|| line.strip_prefix("$ singletrack "))?;
        let (line, said) = line.split_once(" #").unwrap_or((line, ""));
        let code = said.split_once("exits with ").and_then(|(_, code)| code.get(..1)?.parse().ok());
        Some((format!("singletrack {}", line.trim()), Some(code.unwrap_or(0))))
    });
    let typed: Vec<(String, Option<i32>)> = typed.collect();
    assert!(typed.len() > 5, "{typed:?}");
    run_all("readme", typed);
}

/// Runs all lines, three at a time, below a directory of its own in which `examples` and `src` are.
fn run_all(name: &str, lines: Vec<(String, Option<i32>)>) {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("typed-{name}"));
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).unwrap();
    for part in ["examples", "src", "benches", "tests"] {
        symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join(part), place.join(part)).unwrap();
    }
    // What the examples call the reader's own.
    fs::write(place.join("request.steps"), "cpu 2ms\nio 20ms\n").unwrap();
    let tasks =
        "import asyncio\nasync def main():\n    await asyncio.sleep(1)\nasyncio.run(main())\n";
    fs::write(place.join("tasks.py"), tasks).unwrap();
    let port = web_server();
    fs::create_dir_all(place.join("target")).unwrap();
    // A trace is replayed when it is there.
    let (replays, others): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|(line, _)| line.starts_with("singletrack replay"));
    run_side_by_side(&place, others, port);
    run_side_by_side(&place, replays, port);
}

fn run_side_by_side(place: &Path, lines: Vec<(String, Option<i32>)>, port: u16) {
    let lines = Mutex::new(lines.into_iter());
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some((line, code)) = { lines.lock().unwrap().next() } {
                    run_line(place, &line.replace(":8000", &format!(":{port}")), code);
                }
            });
        }
    });
}

/// Runs a line in a shell. Unless a code is expected: 1 is what a program that can go wrong gives.
fn run_line(place: &Path, line: &str, code: Option<i32>) {
    let missing = line.split_whitespace().find(|word| word.contains("/bin/") && !exists(word));
    if let Some(program) = missing {
        skipped(format_args!("{line}: there is no {program}"));
        return;
    }
    let bin = Path::new(BINARY).parent().unwrap();
    let path = format!("{}:{}", bin.display(), env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("bash");
    let script = if line.contains('|') { line.to_owned() } else { format!("exec {line}") };
    shell.args(["-c", &script]).env("PATH", path).current_dir(place).process_group(0);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = interruptible(&mut shell).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let said = thread::spawn(move || {
        let mut said = String::new();
        stderr.read_to_string(&mut said).map(|_| said).unwrap()
    });
    let begun = Instant::now();
    // A trace is to be whole: another line replays it.
    let moment = if line.contains("--trace") { PATIENCE } else { A_MOMENT };
    while begun.elapsed() < moment && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(10));
    }
    let interrupted = child.try_wait().unwrap().is_none();
    if interrupted {
        let group = i32::try_from(child.id()).unwrap();
        // SAFETY: the call takes two numbers; the group is the child's own.
        unsafe { libc::kill(-group, libc::SIGINT) };
    }
    let status = exit_within(&mut child, &line, PATIENCE);
    let said = said.join().unwrap();
    // A shell that has a pipeline dies of the signal itself.
    let ended = status.code().unwrap_or(130);
    let fine = match (interrupted, code) {
        (true, _) => [0, 1, 3, 130].contains(&ended),
        (false, Some(code)) => ended == code,
        (false, None) => [0, 1, 3].contains(&ended),
    };
    assert!(fine, "{line}: exit code {ended}: {said}");
    assert!(said.lines().count() <= 1, "{line}: {said}");
}

fn exists(word: &str) -> bool {
    Path::new(word).exists()
}

/// Answers whatever is asked with one page.
fn web_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 1024]);
                let page = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
                let _ = stream.write_all(page.as_bytes());
            });
        }
    });
    port
}

// --- completions and the page for man ---------------------------------------------------

/// What a program says of a text that it reads from a file; `None` where there is no such program.
fn judged_by(program: &str, words: &[&str], text: &str) -> Option<(bool, String)> {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("judged-by-{program}"));
    fs::write(&path, text).unwrap();
    match Command::new(program).args(words).arg(&path).stdin(Stdio::null()).output() {
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
        }
        Err(_) => {
            skipped(format_args!("there is no {program}"));
            None
        }
    }
}

#[test]
fn completions_are_what_each_shell_can_read_and_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = page(&["completions", shell]);
        for word in commands().into_iter().flatten() {
            assert!(text.contains(&word), "{shell}: {word}");
        }
        if ["bash", "zsh", "fish"].contains(&shell)
            && let Some((fine, said)) = judged_by(shell, &["-n"], &text)
        {
            assert!(fine && said.is_empty(), "{shell}: {said}");
        }
    }
    let refused = run(&["completions", "command.com"]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&refused.stderr).lines().count(), 1);
}

#[test]
fn the_page_for_man_has_every_command_and_no_fault() {
    let text = page(&["man"]);
    for words in commands().into_iter().filter(|words| !words.is_empty()) {
        let name = format!(".SH \"SINGLETRACK {}\"", words.join(" ").to_uppercase());
        assert!(text.contains(&name), "{name}");
    }
    if let Some((fine, said)) = judged_by("groff", &["-man", "-Tutf8", "-ww", "-z"], &text) {
        assert!(fine && said.is_empty(), "{said}");
    }
    if let Some((fine, said)) = judged_by("man", &["-l", "-P", "cat"], &text) {
        assert!(fine && said.contains("EXIT CODES") && said.contains("--sweep"), "{said}");
    }
}

#[test]
fn a_name_that_is_not_there_is_told_its_neighbour() {
    for (words, near) in [
        (&["compre"][..], "compare"),
        (&["compare", "--modle", "all"], "--model"),
        (&["compare", "--model", "event-lop"], "did you mean event-loop?"),
        (&["compare", "slow-oi"], "did you mean slow-io?"),
        (&["gil", "convy"], "did you mean convoy?"),
        (&["loop", "step", "oder"], "did you mean order?"),
        (&["explain", "starvaton"], "did you mean starvation?"),
    ] {
        let output = run(words);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(near) && stderr.lines().count() == 1, "{words:?}: {stderr}");
    }
}
