//! `singletrack run FILE.py` from its command line, and the article's programs beside a real Python.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;
#[path = "common/cpython.rs"]
mod cpython;
#[path = "common/skipped.rs"]
mod skipped;
#[path = "common/terminal.rs"]
mod terminal;

use command::{exit_within, finish, interruptible};
use cpython::cpython;
use serde_json::Value;
use skipped::skipped;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use terminal::on_terminal;

/// Longer than any of these takes on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_secs(120);

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn singletrack() -> Command {
    Command::new(env!("CARGO_BIN_EXE_singletrack"))
}

/// Runs `singletrack run`, with this on its stdin.
fn run_with(words: &[&str], input: &str) -> Output {
    let mut command = singletrack();
    command.arg("run").args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have ended without reading it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    finish(child, words, PATIENCE)
}

fn run(words: &[&str]) -> Output {
    run_with(words, "")
}

/// A file of this test, which is removed at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> File {
        let path = std::env::temp_dir().join(format!("{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        File(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn article(name: &str) -> String {
    format!("{}/examples/article/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_output_is_the_program_s_and_so_is_the_exit_code() {
    let file = File::new("exit.py", "import sys\nprint('out')\nsys.exit(7)\n");
    let output = run(&[file.path()]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("out\n", ""));
}

#[test]
fn an_exception_is_a_traceback_and_exit_code_1() {
    let file = File::new("raise.py", "def f():\n    return 1 / 0\nprint('out')\nf()\n");
    let output = run(&[file.path()]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), "out\n"));
    let path = file.path();
    let expected = format!(
        "Traceback (most recent call last):\n  File \"{path}\", line 4, in <module>\n    f()\n  \
         File \"{path}\", line 2, in f\n    return 1 / 0\nZeroDivisionError: division by zero\n"
    );
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn what_was_stopped_says_so_in_one_line_and_has_printed_before() {
    let bomb = File::new("bomb.py", "print('out')\nx = [0] * 10**10\n");
    let output = run(&[bomb.path()]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), "out\n"));
    let line = text(&output.stderr);
    assert!(line.contains("bomb.py:2:5: stopped: ") && line.contains("memory"), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");

    let lock =
        File::new("lock.py", "import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()\n");
    let output = run(&[lock.path()]);
    assert_eq!(output.status.code(), Some(1));
    let line = text(&output.stderr);
    assert!(line.contains("lock.py: deadlock: no thread can go on: main thread"), "{line}");
    assert!(line.contains("in line 4") && line.contains("singletrack explore"), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
}

#[test]
fn what_cannot_be_run_is_refused_before_anything_runs() {
    let file = File::new("outside.py", "print('never')\nimport numpy\n");
    let output = run(&[file.path()]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
    assert!(text(&output.stderr).contains("outside.py:2:8: the module `numpy`"));
    let words: [(&[&str], &str); 5] = [
        (&["examples/programs/increment.gil"], "only Python programs are run"),
        (&["no_such_file.py"], "No such file"),
        (&[file.path(), "--policy", "3.99"], "3.99"),
        (&[file.path(), "--scale", "0"], "give a number from"),
        (&[file.path(), "--ascii"], "--lanes"),
    ];
    for (words, says) in words {
        let output = run(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(text(&output.stderr).contains(says), "{words:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stderr).lines().count(), 1, "{words:?}");
    }
    let fine = File::new("fine.py", "print('never')\n");
    let output = run(&[fine.path(), "--trace", "/no/such/folder/trace.json"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
}

#[test]
fn input_reads_stdin_and_cannot_be_explored() {
    let file = File::new("input.py", "name = input('name? ')\nprint('hello', name)\n");
    let output = run_with(&[file.path()], "Ada\n");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "name? hello Ada\n"));
    let mut explore = singletrack();
    explore.args(["explore", file.path(), "--policy", "3.12"]);
    let output = explore.stdin(Stdio::null()).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
    let says = "input.py:1:8: `input` is for `singletrack run` only";
    assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
}

#[test]
fn lanes_and_a_trace_show_who_had_the_lock() {
    let source = "import threading\ndef count():\n    for _ in range(30000): pass\nts = \
                  [threading.Thread(target=count, name='counter') for _ in range(2)]\nfor t in ts: \
                  t.start()\nfor t in ts: t.join()\nprint('out')\n";
    let (file, trace) = (File::new("lanes.py", source), File::new("lanes.json", ""));
    let output =
        run(&[file.path(), "--lanes", "--ascii", "--trace", trace.path(), "--policy", "3.12"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    assert!(page.starts_with("out\n\n"), "{page}");
    for begins in ["GIL owner", "a MainThread", "b counter", "c counter", "python-3.13: "] {
        assert!(page.lines().any(|line| line.starts_with(begins)), "{begins}: {page}");
    }
    assert!(page.is_ascii() && page.lines().all(|line| line.len() <= 80), "{page}");
    let trace: Value = serde_json::from_slice(&fs::read(&trace.0).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let holds = events.iter().filter(|event| event["name"] == "Has GIL").count();
    assert!(holds >= 3, "{holds}");
    assert_eq!(trace["otherData"]["policy"], "python-3.13");
}

#[test]
fn a_terminal_shows_each_line_when_it_is_printed_and_a_pipe_the_same_text() {
    let source = "import sys\nfor n in range(3):\n    print(n)\nprint('end', end='')\n";
    let file = File::new("lines.py", source);
    let mut command = singletrack();
    command.args(["run", file.path()]);
    let (shown, code) = on_terminal(80, &mut command, PATIENCE);
    assert_eq!((&*shown, code), ("0\n1\n2\nend", 0));
    assert_eq!(text(&run(&[file.path()]).stdout), shown);
}

#[test]
fn a_line_that_is_flushed_arrives_before_the_end_and_ctrl_c_ends_what_would_not() {
    let source = "print('begun', flush=True)\nwhile True:\n    pass\n";
    let file = File::new("endless.py", source);
    let mut command = singletrack();
    command.args(["run", file.path()]).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = interruptible(&mut command).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "begun\n");
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = finish(child, &["endless.py"], PATIENCE);
    assert_eq!(output.status.code(), Some(130));
    assert!(text(&output.stderr).ends_with("KeyboardInterrupt\n"), "{}", text(&output.stderr));
}

#[test]
fn ctrl_c_that_ends_the_children_is_the_program_s_exit_code_too() {
    let child = "import multiprocessing, time\np = multiprocessing.Process(target=time.sleep, \
                 args=(60,))\np.start()\nprint('begun', flush=True)\n";
    let handled = "try:\n    p.join()\nexcept KeyboardInterrupt:\n    print('bye')\n";
    for (waits, code, says) in
        [("p.join()\n", 130, "KeyboardInterrupt\n"), ("", 130, ""), (handled, 0, "")]
    {
        let file = File::new("children.py", &format!("{child}{waits}"));
        let mut command = singletrack();
        command.args(["run", file.path()]).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = interruptible(&mut command).process_group(0).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
        // The program waits by then.
        std::thread::sleep(Duration::from_millis(300));
        // As a terminal does: to all of them.
        Command::new("kill").args(["-INT", "--", &format!("-{}", child.id())]).status().unwrap();
        let output = finish(child, &["children.py"], PATIENCE);
        assert_eq!(output.status.code(), Some(code), "{waits}{}", text(&output.stderr));
        assert!(text(&output.stderr).ends_with(says), "{waits}{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), if waits == handled { "bye\n" } else { "" });
    }
}

#[test]
fn a_reader_that_goes_ends_it() {
    let file = File::new("yes.py", "while True:\n    print('y')\n");
    let mut command = singletrack();
    command.args(["run", file.path()]).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "y\n");
    assert_eq!(exit_within(&mut child, &"yes.py", PATIENCE).code(), Some(141));
}

/// What does not depend on time and chance. CPython's threads may write into each other's lines.
fn pattern(output: &str) -> Vec<usize> {
    let worker = |n: usize| output.matches(&format!("I am Worker {n}, I slept for ")).count();
    let rest = [" seconds", "are queued, let's see when they finish!", "\n"];
    (0..6).map(worker).chain(rest.map(|part| output.matches(part).count())).collect()
}

/// A real Python runs the program with its sleeps shortened.
fn in_cpython(python: &PathBuf, path: &str, scale: f64) -> Output {
    let wrapper = format!(
        "import runpy, time\nsleep = time.sleep\ntime.sleep = lambda s: sleep(s * {scale})\n\
         runpy.run_path({path:?}, run_name='__main__')\n"
    );
    // In a file of its own name, for workers that import the main module.
    Command::new(python).args(["-c", &wrapper]).stdin(Stdio::null()).output().unwrap()
}

/// Runs an article's program here and in CPython, to its end.
fn both(name: &str) -> Option<(String, String)> {
    let path = article(name);
    let output = run(&[&path, "--scale", "0.05"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{name}");
    let ours = text(&output.stdout).to_owned();
    let Some(python) = cpython() else {
        skipped(format_args!("no CPython 3.12 to compare {name} with"));
        return None;
    };
    let theirs = in_cpython(&python, &path, 0.05);
    assert!(theirs.status.success(), "{name}: {}", text(&theirs.stderr));
    Some((ours, text(&theirs.stdout).to_owned()))
}

/// The seconds that the workers slept, in the order of their lines.
fn sleeps(output: &str) -> Vec<u32> {
    let slept = output.lines().filter_map(|line| line.split(" slept for ").nth(1));
    slept.map(|rest| rest.split(' ').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn threads_sleep_beside_each_other_as_in_cpython() {
    let Some((ours, theirs)) = both("threads.py") else { return };
    assert_eq!(pattern(&ours), pattern(&theirs));
    assert!(ours.starts_with("All Threads are queued"), "{ours}");
    assert!(sleeps(&ours).is_sorted(), "{ours}");
}

#[test]
fn processes_sleep_beside_each_other_as_in_cpython() {
    let Some((ours, theirs)) = both("processes.py") else { return };
    assert_eq!(pattern(&ours), pattern(&theirs));
    assert!(ours.contains("All Processes are queued, let's see when they finish!\n"), "{ours}");
}

#[test]
fn a_pool_maps_as_in_cpython() {
    let Some((ours, theirs)) = both("pool.py") else { return };
    assert_eq!((&*ours, &*ours), (&*theirs, "[1, 4, 9]\n"));
}

#[test]
fn a_future_is_done_after_its_sleep_as_in_cpython() {
    let Some((ours, theirs)) = both("futures.py") else { return };
    for output in [ours, theirs] {
        let lines: Vec<&str> = output.lines().collect();
        // Whether it is done after the same five seconds is a race in the article, too.
        assert_eq!((lines.len(), lines[0], lines[2]), (3, "False", "hello"), "{output}");
    }
}

#[test]
fn two_coroutines_show_dates_until_ctrl_c() {
    let path = article("asyncio_dates.py");
    let mut command = singletrack();
    command.args(["run", &path, "--scale", "0.01"]).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = interruptible(&mut command).spawn().unwrap();
    let pid = child.id().to_string();
    // Fifty of its seconds, and as much again for a machine that is busy.
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2));
        Command::new("kill").args(["-INT", &pid]).status()
    });
    let output = finish(child, &["asyncio_dates.py"], PATIENCE);
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    let last = text(&output.stderr).lines().last();
    assert_eq!(last, Some("KeyboardInterrupt"), "{}", text(&output.stderr));
    for begins in ["Loop: 1 Time: 20", "Loop: 2 Time: 20"] {
        let lines = text(&output.stdout).lines().filter(|line| line.starts_with(begins)).count();
        assert!(lines >= 5, "{begins}: {}", text(&output.stdout));
    }
}
