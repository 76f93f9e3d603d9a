//! `singletrack sim` from its command line: the same seeds are the same worlds, and what is no seed or no
//! order of this program is refused.
#![cfg(feature = "cli")]

#[path = "common/cli.rs"]
mod cli;
#[path = "common/command.rs"]
mod command;

use cli::run;
use serde_json::Value;
use std::process::Output;

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn worlds(words: &[&str]) -> String {
    let output = run(&[&["sim"], words].concat());
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    said(&output)
}

/// One line on stderr that has all of these in it, nothing on stdout, exit code 2.
fn refused(words: &[&str], with: &[&str]) {
    let output = run(&[&["sim"], words].concat());
    let why = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(2), ""), "{words:?}: {why}");
    assert_eq!(why.lines().count(), 1, "{why}");
    with.iter().for_each(|part| assert!(why.contains(part), "{part:?} is not in {why}"));
}

#[test]
fn the_same_seeds_are_the_same_worlds_to_the_letter() {
    let log = ["--seeds", "0..20", "--log"];
    assert_eq!(worlds(&log), worlds(&log));
    let hash = |seeds: &str| -> String {
        let told: Value = serde_json::from_str(&worlds(&["--seeds", seeds, "--json"])).unwrap();
        assert_eq!((&told["worlds"], &told["failure"]), (&Value::from(20), &Value::Null));
        told["hash"].as_str().unwrap().to_owned()
    };
    assert_eq!(hash("0..20"), hash("0..20"));
    assert_ne!(hash("0..20"), hash("20..40"));
}

/// The number that stands for a run is that of all that it would have said.
#[test]
fn a_log_changes_nothing_but_what_is_printed() {
    let quiet = worlds(&["--seeds", "7"]);
    assert!(worlds(&["--seeds", "7", "--log"]).ends_with(&quiet));
    assert!(quiet.starts_with("1 world, "), "{quiet}");
}

/// That they are the same when a world fails is tested beside the command: no world here does.
#[test]
fn the_json_object_has_all_fields_also_those_of_a_failure() {
    let told: Value = serde_json::from_str(&worlds(&["--seeds", "3..5", "--json"])).unwrap();
    assert_eq!((&told["schema_version"], &told["worlds"]), (&1.into(), &2.into()));
    assert_eq!(told["seeds"], Value::from([3, 5]));
    assert!(told["lines"].as_u64() > Some(0) && told["hash"].as_str().unwrap().len() == 16);
    let fields = told.as_object().unwrap();
    for field in ["seed", "failure", "order", "deviations", "replay"] {
        assert_eq!(fields.get(field), Some(&Value::Null), "{field}");
    }
    assert_eq!(fields.len(), 10, "{fields:?}");
}

#[test]
fn an_order_changes_the_world_of_its_seed() {
    let first = worlds(&["--seeds", "3", "--order", ""]);
    assert_eq!(first, worlds(&["--seeds", "3", "--order", ""]));
    let other = |at| worlds(&["--seeds", "3", "--order", &format!("{at}:1")]);
    assert!((1..6).any(|at| other(at) != first), "five choices, and none matters");
}

#[test]
fn what_is_no_seed_or_no_order_is_refused_in_a_line() {
    refused(&["--seeds", "5..5"], &["5..5", "no seed"]);
    refused(&["--seeds", "9..3"], &["9..3", "no seed"]);
    refused(&["--seeds", "x"], &["x", "no number"]);
    refused(&["--seeds", "0..18446744073709551615"], &["too many"]);
    refused(&["--seeds", "18446744073709551615"], &["too large"]);
    refused(&["--seeds", "3", "--order", "three"], &["--order", "3:1 7:2"]);
    refused(&["--seeds", "3..9", "--order", "1:1"], &["--order", "one world"]);
    refused(&["--seeds", "3", "--order", "1:1 2:9999"], &["2:9999", "candidates"]);
    refused(&["--seeds", "3", "--order", "99999:1"], &["99999:1", "the run ended after "]);
}
