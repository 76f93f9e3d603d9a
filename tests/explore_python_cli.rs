//! `singletrack explore FILE.py` from its command line.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;

use command::{finish, interruptible};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Runs a command to its end, which always comes: what it explores is bounded.
fn run(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.args(words).stdin(Stdio::null()).output().unwrap()
}

fn shown(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

/// What is shown of a program that can go wrong: the exit code is 1, and one line says why.
fn wrong(words: &[&str]) -> String {
    let output = run(words);
    assert_eq!(output.status.code(), Some(1), "{words:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr).lines().count(), 1, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("can go wrong"), "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

/// A file of this test, which is removed at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str, bytes: &[u8]) -> File {
        let path = std::env::temp_dir().join(format!("{}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
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

const RACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/race.py");

#[test]
fn all_policies_are_one_table_and_the_shortest_way_to_lose() {
    let page = wrong(&["explore", RACE, "--policy", "all"]);
    let row = |policy: &str| {
        let line = page.lines().find(|line| line.trim_start().starts_with(policy));
        line.unwrap_or_else(|| panic!("{policy}: {page}")).split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(row("python-2 ")[..4], ["python-2", "yes", "1", "6"], "{page}");
    assert_eq!(row("python-3.10"), ["python-3.10", "no"], "{page}");
    assert_eq!(row("free-threaded")[1], "yes", "{page}");
    assert!(page.contains("thread 1 wrote 1 on line 6"), "{page}");
    assert!(page.contains("What Python promises: to read x is one step"), "{page}");
}

#[test]
fn one_policy_lists_its_outcomes() {
    let page = wrong(&["explore", RACE, "--policy", "3.9"]);
    assert!(page.contains("prints 1"), "{page}");
    assert!(page.contains("← no order of whole threads gives this"), "{page}");
    let page = shown(&["explore", RACE, "--policy", "3.12"]);
    assert!(page.contains("→ every schedule comes to what some order"), "{page}");
}

/// What the documentation promises of a program, as JSON says it.
fn promise(text: &str, policies: &str) -> (String, String) {
    let file = File::new(&format!("promise-{policies}.py"), text.as_bytes());
    let output = run(&["explore", file.path(), "--policy", policies, "--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let word = |name: &str| document["promise"][name].as_str().unwrap().to_owned();
    (word("kind"), word("text"))
}

const TWO: &str = "each = [threading.Thread(target=work) for _ in range(2)]\n\
                   for one in each: one.start()\nfor one in each: one.join()\n";

#[test]
fn the_promise_is_of_the_access_that_raced_not_of_the_version() {
    let head = "import threading\nlock = threading.Lock()\nd = {1: 0}\nl = []\n";
    let item = format!("{head}def work(): d[1] += 1\n{TWO}");
    for policies in ["3.9", "3.12"] {
        let (kind, text) = promise(&item, policies);
        assert_eq!(kind, "never atomic");
        assert!(text.contains("D[x] = D[x] + 1"), "{text}");
    }
    let locked = item.replace("d[1] += 1", "\n    with lock: d[1] += 1");
    let (kind, text) = promise(&locked, "all");
    assert_eq!(kind, "promised");
    assert!(text.contains("what the threads wait with"), "{text}");
    let (kind, text) = promise(&item.replace("d[1] += 1", "l.append(1)"), "3.9");
    assert_eq!(kind, "promised");
    assert!(text.contains("one step of a built-in type"), "{text}");
    let stuck = format!("{head}lock.acquire()\nlock.acquire()\n");
    assert_eq!(promise(&stuck, "3.9").0, "no promise");
}

#[test]
fn a_page_says_what_each_answer_means_and_what_it_does_not() {
    let page = shown(&["explore", "--guarantees"]);
    for answer in ["\nyes\n", "\nno\n", "\nnot all was tried\n", "\nnot seen in 4000 tries\n"] {
        let (_, rest) = page.split_once(answer).unwrap_or_else(|| panic!("{answer}: {page}"));
        assert!(rest.starts_with("  means     ") && rest.contains("\n  does not  "), "{page}");
    }
    assert!(page.lines().all(|line| line.chars().count() <= 100), "{page}");
}

#[test]
fn the_schedule_fits_the_width() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    let question = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/questions/singleton.py");
    command.args(["explore", question, "--policy", "3.9"]).env("COLUMNS", "80");
    let output = command.stdin(Stdio::null()).output().unwrap();
    let page = text(&output.stdout);
    let (_, drawn) = page.split_once("thread 1 ").unwrap();
    assert!(drawn.lines().all(|line| line.chars().count() <= 80), "{page}");
}

#[test]
fn json_has_every_outcome_of_every_policy() {
    let words = ["explore", RACE, "--policy", "python-2,3.12", "--json"];
    let document: Value = serde_json::from_str(&wrong(&words)).unwrap();
    let policies = document["policies"].as_array().unwrap();
    assert_eq!(policies.len(), 2);
    assert_eq!((&policies[0]["wrong"], &policies[0]["line"]), (&true.into(), &6.into()));
    let outcomes = policies[0]["outcomes"].as_array().unwrap();
    assert_eq!(outcomes[1]["output"], "1\n");
    assert_eq!(outcomes[1]["globals"]["x"], "1");
    assert_eq!(outcomes[1]["serial"], false);
    assert_eq!(policies[1]["wrong"], false);
}

fn refused(name: &str, bytes: &[u8], says: &str) {
    let file = File::new(name, bytes);
    let output = run(&["explore", file.path(), "--policy", "all"]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_eq!(text(&output.stdout), "");
    assert!(stderr.lines().next().unwrap().contains(says), "{stderr}");
}

#[test]
fn what_cannot_be_explored_is_refused_with_its_place() {
    refused("match.py", b"x = 1\nmatch x:\n    case 1: pass\n", "match.py:2:1: `match` is not");
    refused("syntax.py", b"x = (\n", "syntax.py:2:1: syntax error");
    refused("bytes.py", b"x = 1\ny = '\xff'\n", "bytes.py:2:6: no UTF-8 text");
    let output = run(&["explore", "no-such-file.py", "--policy", "all"]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["explore", RACE]);
    assert_eq!(output.status.code(), Some(2), "without a policy");
}

#[test]
fn an_empty_file_and_one_that_never_ends_have_an_answer() {
    let empty = File::new("empty.py", b"");
    assert!(shown(&["explore", empty.path(), "--policy", "3.12"]).contains("finished"));
    let endless = File::new("endless.py", b"x = 0\nwhile True:\n    x = 0\n");
    let page = shown(&["explore", endless.path(), "--policy", "3.12", "--max-steps", "100000"]);
    assert!(page.contains("not all: more"), "{page}");
    let bomb = File::new("bomb.py", b"x = [0] * 10**9\n");
    assert!(wrong(&["explore", bomb.path(), "--policy", "3.12"]).contains("memory"));
}

#[test]
fn what_was_left_out_is_said_and_is_of_python_only() {
    let loops = File::new(
        "loops.py",
        b"import threading\nn = 0\ndef work():\n    global n\n    while n < 9: n = n + int(1)\n\
          t = threading.Thread(target=work)\nt.start()\nt.join()\n",
    );
    let page = shown(&["explore", loops.path(), "--policy", "3.12", "--iterations", "2"]);
    let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("loops were cut after 2 rounds"), "{page}");
    assert!(page.contains("cut") && page.contains("cut short: a limit"), "{page}");
    let few = ["explore", RACE, "--policy", "3.9", "--preemptions", "0", "--seed", "3"];
    let page = text(&run(&few).stdout).to_owned();
    assert!(page.contains("more than 0 switches were left out"), "{page}");
    assert!(page.contains("1000 samples") && page.contains("seed 3"), "{page}");
    let words = ["explore", loops.path(), "--policy", "3.12", "--iterations", "2", "--json"];
    let document: Value = serde_json::from_str(&shown(&words)).unwrap();
    let policy = &document["policies"][0];
    assert_eq!(policy["complete"], false);
    assert_eq!(policy["bound"], "loops were cut after 2 rounds");
    assert_eq!(policy["outcomes"][0]["ending"], "cut");
    let gil = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/programs/increment.gil");
    let output = run(&["explore", gil, "--policy", "3.9", "--iterations", "2"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn a_limit_that_was_asked_for_is_a_bound_of_the_search_and_no_fault_of_the_program() {
    let sums = File::new("sums.py", b"n = 0\nfor i in range(1000):\n    n += i\nprint(n)\n");
    for steps in ["10", "3000"] {
        let page = shown(&["explore", sums.path(), "--policy", "3.12", "--max-steps", steps]);
        assert!(page.contains("and that is not all: more than"), "{page}");
        assert!(page.contains("not all was tried"), "{page}");
    }
    // Of seven threads there are too many orders to try all even of whole threads.
    let orders = File::new(
        "orders.py",
        b"import threading\nlock = threading.Lock()\norder = []\ndef work(n):\n    with lock:\n        \
          order.append(n)\nts = [threading.Thread(target=work, args=(n,)) for n in range(7)]\n\
          for t in ts: t.start()\nfor t in ts: t.join()\nprint(order)\n",
    );
    let page = shown(&["explore", orders.path(), "--policy", "3.12", "--max-steps", "3000"]);
    assert!(page.contains("none of these schedules is known to go wrong"), "{page}");
}

#[test]
fn an_exception_that_no_switch_makes_has_another_remedy_than_a_lock() {
    let plain = File::new("plain.py", b"import threading\nx = [1]\nprint(x[3])\n");
    let words = ["explore", plain.path(), "--policy", "3.12"];
    let page = wrong(&words);
    assert!(!page.contains("each read and each write"), "{page}");
    assert!(!page.contains("few switches as can be"), "nothing to draw: {page}");
    let says = run(&words).stderr;
    assert!(text(&says).contains("plain.py:3: ") && !text(&says).contains("lock"), "{says:?}");
    assert!(text(&run(&["explore", RACE, "--policy", "3.9"]).stderr).contains("under one lock"));
}

#[test]
fn one_schedule_of_those_that_json_prints_is_drawn() {
    let words = ["explore", RACE, "--policy", "3.9", "--json"];
    let document: Value = serde_json::from_str(&wrong(&words)).unwrap();
    let lost = &document["policies"][0]["outcomes"][1];
    let schedule = lost["schedule"].as_str().unwrap();
    let again = ["explore", RACE, "--policy", "3.9", "--schedule", schedule];
    let page = shown(&again);
    assert!(page.contains("x is 0") && page.contains("→ prints 1"), "{page}");
    let found: Value = serde_json::from_str(&shown(&[&again[..], &["--json"]].concat())).unwrap();
    assert_eq!((&found["output"], &found["switches"]), (&lost["output"], &lost["switches"]));
    let output = run(&["explore", RACE, "--policy", "3.9", "--schedule", "0,7x2"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
    assert!(text(&output.stderr).contains("step 2 is one that"), "{}", text(&output.stderr));
    let output = run(&["explore", RACE, "--policy", "3.9", "--schedule", "0,y"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("invalid value 'y'"), "{}", text(&output.stderr));
}

#[test]
fn a_schedule_that_ends_early_is_an_object_too() {
    let words = ["explore", RACE, "--policy", "3.9", "--schedule", "0", "--json"];
    let found: Value = serde_json::from_str(&shown(&words)).unwrap();
    assert_eq!((&found["ending"], &found["schedule"]), (&"unfinished".into(), &"0".into()));
}

#[test]
fn what_an_option_would_not_change_is_refused() {
    let gil = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/programs/increment.gil");
    let (python, schedule) = (["explore", RACE, "--policy", "3.9"], ["--schedule", "0"]);
    for (program, options, says) in [
        (RACE, &["--schedule", "0", "--html", "x.html"][..], "--html"),
        (RACE, &["--schedule", "0", "--confirm"], "--confirm"),
        (RACE, &["--schedule", "0", "--iterations", "2"], "--iterations"),
        (RACE, &["--schedule", "0", "--seed", "2"], "--seed"),
        (RACE, &["--max-instructions", "9"], "--max-instructions: it is of programs of inst"),
        (RACE, &["--all"], "--all: it is of programs of instructions"),
        (gil, &["--cold"], "--cold: it is of Python programs; name a file that ends in .py"),
        (gil, &["--play"], "a game is of a Python program; name a file that ends in .py"),
        (RACE, &["--play", "--max-steps", "9"], "--max-steps"),
    ] {
        let output = run(&[&["explore", program, "--policy", "3.9"], options].concat());
        let stderr = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{options:?}");
        assert!(stderr.contains(says) && stderr.lines().count() == 1, "{options:?}: {stderr}");
    }
    shown(&[&python[..], &schedule].concat());
}

#[test]
fn control_characters_and_long_lines_of_a_program_reach_no_terminal() {
    let steers = |text: &str| text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}');
    let long = "a".repeat(10_000);
    let red = "# \x1b[31m \u{202e}";
    let source = format!(
        "import threading\nx = 0\ndef work():\n    global x\n    x += 1 {red}\n    x += 1 # {long}\n\
         ts = [threading.Thread(target=work) for _ in range(2)]\nfor t in ts: t.start()\n\
         for t in ts: t.join()\nprint('\\x1b[31m', x)\n"
    );
    let red_file = File::new("red.py", source.as_bytes());
    let named = File::new("red\x1b[31m.py", source.as_bytes());
    let no_python = File::new("no.py", format!("x = ({long} {red} \x0b!\n").as_bytes());
    for words in [
        &["explore", red_file.path(), "--policy", "3.9"][..],
        &["explore", red_file.path(), "--policy", "3.9", "--schedule", "0"],
        &["explore", named.path(), "--policy", "all"],
        &["explore", no_python.path(), "--policy", "3.9"],
        &["dis", red_file.path()],
        &["dis", no_python.path()],
    ] {
        let output = run(words);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(!steers(stdout) && !steers(stderr), "{words:?}: {stdout:?} {stderr:?}");
        let longest = (stdout.lines().chain(stderr.lines())).map(|line| line.chars().count()).max();
        assert!((10..400).contains(&longest.unwrap()), "{words:?}: {longest:?}");
    }
}

#[test]
fn what_was_found_before_ctrl_c_is_shown() {
    let grows = File::new(
        "grows.py",
        b"import threading\nx = 0\ndef work():\n    global x\n    while True:\n        x = x + 1\n\
          for _ in range(2): threading.Thread(target=work).start()\n",
    );
    let words = ["explore", grows.path(), "--policy", "3.12"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = interruptible(&mut command).spawn().unwrap();
    let pid = child.id().to_string();
    std::thread::sleep(Duration::from_millis(700));
    Command::new("kill").args(["-INT", &pid]).status().unwrap();
    let output = finish(child, &words, Duration::from_secs(60));
    let (page, line) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(130), "{page}{line}");
    assert!(line.starts_with("singletrack: the command: was ended by signal 2"), "{line}");
    assert!(page.contains("and that is not all"), "{page}");
}
