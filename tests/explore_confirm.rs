//! `explore --confirm`: real interpreters beside the explorer's answers. Those that crash, hang or
//! lie are played by scripts.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;
#[path = "common/skipped.rs"]
mod skipped;

use command::finish;
use serde_json::Value;
use singletrack::gil::Threading;
use singletrack::lab::explore::agreement::{Cell, End, Facts, Observed, judge};
use singletrack::lab::fidelity::python::Interpreter;
use singletrack::python::explore::policies::{ALL, Looks};
use singletrack::python::explore::search::{Exploration, Limits, explore};
use singletrack::python::run::single::program;
use singletrack::sys::death::Death;
use skipped::skipped;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const RACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/race.py");
const PATIENCE: Duration = Duration::from_secs(120);

fn explored(text: &str, version: &str) -> Exploration {
    let threading: Threading = version.parse().unwrap();
    explore(&program(text).unwrap(), Looks::Under(threading, false), Limits::default())
}

fn printed(text: &str) -> Observed {
    Observed { output: text.into(), raised: vec![], globals: BTreeMap::new(), hung: None }
}

fn facts(outcomes: &[(&str, u64)]) -> Facts {
    Facts {
        tries: outcomes.iter().map(|(_, count)| count).sum(),
        outcomes: outcomes.iter().map(|(text, count)| (printed(text), *count)).collect(),
        calm: None,
        end: End::Done,
    }
}

fn judged(facts: &Facts, version: &str, major: u32) -> Cell {
    let race = fs::read_to_string(RACE).unwrap();
    judge(facts, &explored(&race, version), &[], major, Some("3.8"), Duration::from_secs(1))
}

#[test]
fn what_was_seen_is_counted_and_what_was_not_is_not_claimed() {
    let cell = judged(&facts(&[("2\n", 3997), ("1\n", 3)]), "3.9", 3);
    assert_eq!((cell.text.as_str(), cell.seen), ("seen in 3 of 4000", 3));
    let cell = judged(&facts(&[("2\n", 4000)]), "3.9", 3);
    assert_eq!((cell.text.as_str(), cell.disagrees), ("not seen in 4000 tries", None));
    let cell = judged(&facts(&[("2\n", 4000)]), "3.12", 3);
    assert_eq!(cell.text, "not seen in 4000 tries");
}

#[test]
fn what_was_not_predicted_disagrees() {
    let cell = judged(&facts(&[("2\n", 3999), ("1\n", 1)]), "3.12", 3);
    assert_eq!(cell.text, "DISAGREES: prints 1 (1 of 4000)");
    assert_eq!(cell.disagrees.as_deref(), Some("prints 1"));
    let cell = judged(&facts(&[("2\n", 1), ("\u{1b}[2J\n", 1)]), "3.9", 3);
    assert!(cell.text.starts_with("DISAGREES: prints \\u{1b}[2J"), "{}", cell.text);
}

#[test]
fn python_2_may_be_another_program() {
    let mut seen = facts(&[("(1, 2)\n", 4000)]);
    seen.calm = Some(printed("(1, 2)\n"));
    let cell = judged(&seen, "2.7", 2);
    assert_eq!(cell.text, "another program there: prints (1, 2)");
    assert_eq!(cell.disagrees, None);
    assert!(judged(&seen, "3.9", 3).disagrees.is_some());
}

#[test]
fn an_interpreter_that_does_not_come_to_an_end_is_a_line_in_its_cell() {
    let ended = |end| judged(&Facts::none(end), "3.9", 3).text;
    assert_eq!(ended(End::Died(Death::Signal(11))), "crashed: signal 11 (SIGSEGV)");
    assert_eq!(ended(End::Syntax), "needs 3.8 (syntax)");
    assert_eq!(ended(End::Silent(Duration::from_secs(6))), "no answer in 6 s, killed");
    let text = "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()\n";
    let mut seen = facts(&[]);
    let hung = Observed { hung: Some(vec![4]), ..printed("") };
    (seen.tries, seen.outcomes) = (1, vec![(hung.clone(), 1)]);
    let hang = Duration::from_secs(1);
    let cell = judge(&seen, &explored(text, "3.9"), &[], 3, None, hang);
    assert_eq!(cell.text, "hangs on line 4: seen in 1 of 1, after 1 s");
    assert!(judged(&seen, "3.9", 3).disagrees.is_some(), "the race never hangs");
}

/// A folder with programs that say they are a Python, and do something else.
struct Fakes(PathBuf);

impl Fakes {
    fn new(name: &str) -> Fakes {
        let path = std::env::temp_dir().join(format!("{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Fakes(path)
    }

    fn add(&self, version: &str, does: &str) {
        let path = self.0.join(format!("python{version}"));
        let me = path.display();
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\n*implementation*) printf 'CPython\\n{version}\\n{me}\\n1\\n' \
             ;;\n*) {does} ;;\nesac\n"
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
        command.args(words).env("PYENV_ROOT", &self.0);
        command.env("PATH", format!("{}:/usr/local/none", self.0.display()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command.spawn().unwrap(), words, PATIENCE)
    }
}

impl Drop for Fakes {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn interpreters_that_crash_hang_or_write_without_end_are_lines_of_the_table() {
    let fakes = Fakes::new("misbehaved");
    fakes.add("3.7.1", "kill -SEGV $$");
    fakes.add("3.8.1", "exec /bin/sleep 100");
    fakes.add("3.9.1", "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done");
    fakes.add("3.10.1", ":");
    fakes.add("3.6.1", "echo '{\"syntax\": 3}'");
    let output = fakes.run(&["explore", RACE, "--policy", "3.9,3.10", "--confirm"]);
    let page = String::from_utf8_lossy(&output.stdout);
    assert!(goes_wrong(&output), "{page}");
    assert!(page.contains("3.10.1   no answer"), "{page}");
    assert!(page.contains("3.6.1    needs 3.7 (syntax)"), "{page}");
    assert!(page.contains("3.7.1    crashed: signal 11 (SIGSEGV)"), "{page}");
    assert!(page.contains("3.8.1    no answer in 6 s, killed"), "{page}");
    assert!(page.contains("3.9.1    no answer in 6 s, killed"), "{page}");
}

#[test]
fn an_outcome_that_was_not_predicted_is_shouted_and_fails_the_command() {
    let fakes = Fakes::new("liar");
    let line = r#"{"tries": 5000, "calm": null, "outcomes": [["0\n", [], {}, null, 5000]]}"#;
    fakes.add("3.9.2", &format!("printf '%s\\n' '{line}'"));
    let output = fakes.run(&["explore", RACE, "--policy", "3.9", "--confirm"]);
    let (page, said) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(page.contains("3.9.2    DISAGREES: prints 0 (5000 of 5000)"), "{page}");
    assert!(said.contains("3.9.2: disagrees with python-3.2: prints 0"), "{said}");
    assert_eq!(output.status.code(), Some(1));
    let output = fakes.run(&["explore", RACE, "--policy", "3.9", "--confirm", "--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["policies"][0]["confirmed"][0]["kind"], "disagrees");
}

#[test]
fn without_an_interpreter_the_table_says_so() {
    let fakes = Fakes::new("nobody");
    let output = fakes.run(&["explore", RACE, "--policy", "all", "--confirm"]);
    let page = String::from_utf8_lossy(&output.stdout);
    assert_eq!(page.matches("none here").count(), ALL.len(), "{page}");
    assert!(goes_wrong(&output), "{page}");
}

/// Whether the command failed because the program can go wrong, and not because an interpreter did
/// what was not predicted.
fn goes_wrong(output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    output.status.code() == Some(1) && said.contains("can go wrong") && !said.contains("disagrees")
}

/// Real interpreters, if there are any: whatever they do has to be predicted.
fn confirmed(program: &str) {
    if Interpreter::find().is_empty() {
        skipped("no CPython here");
        return;
    }
    let words = ["explore", program, "--policy", "all", "--confirm", "--json"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = finish(command.spawn().unwrap(), &words, PATIENCE);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(goes_wrong(&output), "{document:#}");
    let policies = document["policies"].as_array().unwrap();
    let rows = policies.iter().flat_map(|policy| policy["confirmed"].as_array().unwrap());
    let kinds: Vec<&str> = rows.map(|row| row["kind"].as_str().unwrap()).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == "agrees"), "{document:#}");
}

#[test]
fn real_interpreters_do_what_was_predicted_of_a_race() {
    confirmed(RACE);
}

#[test]
fn real_interpreters_hang_where_a_deadlock_was_predicted() {
    let question = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/questions/self_deadlock.py");
    confirmed(question);
}
