//! How many instructions the hot paths take: `cargo bench --bench instructions`.
//!
//! A clock on a shared machine is noisy by a tenth or more. The number of instructions that a path
//! executes is the same in every run, so a change of a few per cent is seen, and seen in the change
//! that made it. It is no time: a branch that is mispredicted and a cache line that is missing cost
//! nothing here, so the other benches stay the judges of speed.
//!
//! Each path runs under `valgrind --tool=callgrind`, once n times and once 2 n times; the difference,
//! divided by n, is what one pass takes, without the start and the end of the program.
//! `counts.txt` beside this file has the counts as they were last accepted, and the compiler that
//! made them. A path that takes over 3 % more than there fails, if the compiler is the same; `--write`
//! accepts what was counted.

mod paths;

use paths::PATHS;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// How much more is no failure: code that has not changed is inlined differently now and then.
const TOLERANCE: f64 = 0.03;

const COUNTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/counts.txt");

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [run, name, count] = words.as_slice()
        && run == "--run"
    {
        let (_, path, _) = PATHS.iter().find(|(other, ..)| other == name).expect("a path's name");
        path(count.parse().expect("a count"));
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("SKIPPED: valgrind is not installed (Debian: apt-get install valgrind)");
        return ExitCode::SUCCESS;
    }
    let accepted = read(Path::new(COUNTS));
    let compiler = compiler();
    let mut written = format!("# {compiler}\n");
    let mut worse = 0;
    println!("{:<14}{:>14}{:>14}{:>8}", "path", "instructions", "accepted", "ratio");
    for (name, _, passes) in PATHS {
        let per_pass = (measure(name, 2 * passes) - measure(name, *passes)) / *passes as f64;
        written += &format!("{name} {per_pass:.1}\n");
        let ratio = accepted.get(*name).map(|before| per_pass / before);
        worse += usize::from(ratio.is_some_and(|ratio| ratio > 1.0 + TOLERANCE));
        let shown = |number: Option<f64>| number.map_or("-".to_owned(), |n| format!("{n:.2}"));
        let before = shown(accepted.get(*name).copied());
        println!("{name:<14}{per_pass:>14.1}{before:>14}{:>8}", shown(ratio));
    }
    if words.iter().any(|word| word == "--write") {
        std::fs::write(COUNTS, written).expect("counts.txt can be written");
        return ExitCode::SUCCESS;
    }
    let before = std::fs::read_to_string(COUNTS).unwrap_or_default();
    if !before.starts_with(&format!("# {compiler}\n")) {
        println!(
            "SKIPPED: no verdict, for the accepted counts are another compiler's, this is {compiler}"
        );
        return ExitCode::SUCCESS;
    }
    let unknown = PATHS.iter().filter(|(name, ..)| !accepted.contains_key(*name)).count();
    if worse + unknown > 0 {
        let percent = 100.0 * TOLERANCE;
        println!(
            "{worse} of the paths take over {percent:.0} % more than accepted, {unknown} were never accepted"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Which compiler it is, as it says itself.
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").stdin(Stdio::null()).output();
    output.map_or("unknown".to_owned(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}

/// What was accepted, by path.
fn read(path: &Path) -> BTreeMap<String, f64> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let words = text.lines().filter_map(|line| line.split_once(' '));
    words.filter_map(|(name, count)| Some((name.to_owned(), count.parse().ok()?))).collect()
}

/// The instructions of this program when it goes down a path so many times.
fn measure(name: &str, passes: u64) -> f64 {
    let program = std::env::current_exe().expect("this program's own file");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--run", name, &passes.to_string()])
        .stdin(Stdio::null())
        .output()
        .expect("valgrind runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: not all of the path was gone:\n{text}");
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count.unwrap_or_else(|| panic!("{name}: valgrind counted nothing:\n{text}"))
}
