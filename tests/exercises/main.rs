//! Exercises: what you write into `reader.rs` is checked here. `cargo test` checks the solutions.
//!
//! ```text
//!   singletrack examples --exercises                       the list, with hints
//!   cargo test --test exercises -- --ignored               all of yours
//!   cargo test --test exercises -- --ignored meeting       one of them
//! ```
//! A check is one function for both files, so an exercise whose solution is right can be solved, and
//! stays so: the solutions are run whenever the tests are.
#![cfg(feature = "cli")]

mod checks;
mod reader;
mod solutions;

use std::collections::BTreeSet;
use std::process::Command;

macro_rules! exercises {
    ($($name:ident: $ignore:literal,)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        mod solution {
            $(
                #[test]
                fn $name() {
                    crate::checks::$name(crate::solutions::$name);
                }
            )*
        }
        $(
            #[test]
            #[ignore = $ignore]
            fn $name() {
                checks::$name(reader::$name);
            }
        )*
    };
}

exercises! {
    pool_threads: "exercise: predict how many threads a pool has",
    logging: "exercise: write a selector that logs",
    iterations: "exercise: predict how often a loop goes round",
    order: "exercise: predict who runs when",
    meeting: "exercise: write a barrier",
    retry: "exercise: write a retry with growing pauses",
    short_waits: "exercise: make a switch policy",
    next_holder: "exercise: write a fair hand-off",
    losing_schedule: "exercise: find the schedule that loses an update",
    guarded: "exercise: write a program that loses none",
    checked_bytes: "exercise: write a message with a checksum",
    outcome_after: "exercise: drive the pool's rules by hand",
    still_loses: "exercise: write a Python program that 3.13 gets wrong",
    least_time: "exercise: say what no runtime can beat",
}

/// The tests of this file that are left to this flag; with none, all there are.
fn listed(flag: &[&str]) -> BTreeSet<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--list", "--format", "terse"]).args(flag).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

#[test]
fn a_plain_run_has_the_solutions_and_nothing_of_the_readers() {
    let ignored = listed(&["--ignored"]);
    assert_eq!(ignored, NAMES.iter().map(|name| (*name).to_owned()).collect());
    let run: BTreeSet<String> = listed(&[]).difference(&ignored).cloned().collect();
    let own = "a_plain_run_has_the_solutions_and_nothing_of_the_readers".to_owned();
    let solutions = NAMES.iter().map(|name| format!("solution::{name}"));
    assert_eq!(run, solutions.chain([own]).collect());
}
