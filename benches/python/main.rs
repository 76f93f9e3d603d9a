//! The Python machine beside CPython: the same programs, in turns, on the same machine.
//!
//!     cargo bench --bench python                      all programs
//!     cargo bench --bench python -- fib lists rounds=9
//!
//! Each program is compiled first; the clock runs while it is executed: the processor's time, so
//! that other programs on the machine count little. In each round every program runs once under
//! each interpreter found (3.12 and 2.7, by `python3.12` or in pyenv), and once here; the table has
//! the fastest of all rounds. `-` is a program that the interpreter does not know. With the word
//! `alone` no interpreter is run, for a profiler.

use singletrack::python::run::{program, run_single};
use std::path::PathBuf;
use std::process::{Command, exit};

/// How a CPython does the same: compile, then execute by the clock.
const TIMED: &str = "
import sys, time
clock = getattr(time, 'process_time', None) or time.clock
code = compile(open(sys.argv[1]).read(), sys.argv[1], 'exec')
names = {'__name__': '__main__'}
start = clock()
exec(code, names)
print(clock() - start)
";

struct Row {
    name: String,
    path: PathBuf,
    ours: f64,
    theirs: Vec<f64>,
}

fn main() {
    let words = std::env::args().skip(1).filter(|word| word != "--bench").collect::<Vec<_>>();
    let rounds = words.iter().find_map(|word| word.strip_prefix("rounds=")?.parse().ok());
    let alone = words.iter().any(|word| word == "alone");
    let is_name = |word: &&String| !word.contains('=') && *word != "alone";
    let wanted: Vec<&String> = words.iter().filter(is_name).collect();
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/python"));
    let mut rows = rows(&folder);
    rows.retain(|row| wanted.is_empty() || wanted.contains(&&row.name));
    if rows.is_empty() {
        eprintln!("no such program in {}", folder.display());
        exit(2);
    }
    let versions = if alone { &[][..] } else { &["3.12", "2.7"][..] };
    let interpreters: Vec<(&str, PathBuf)> =
        versions.iter().copied().filter_map(|version| Some((version, find(version)?))).collect();
    for row in &mut rows {
        row.theirs = vec![f64::INFINITY; interpreters.len()];
    }
    for _ in 0..rounds.unwrap_or(7) {
        for row in &mut rows {
            row.ours = row.ours.min(ours(row));
            for (best, (_, interpreter)) in row.theirs.iter_mut().zip(&interpreters) {
                *best = best.min(theirs(&row.path, interpreter).unwrap_or(f64::INFINITY));
            }
        }
    }
    print(&rows, &interpreters);
}

/// The programs beside this file.
fn rows(folder: &PathBuf) -> Vec<Row> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut rows: Vec<Row> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Row { name, path, ours: f64::INFINITY, theirs: Vec::new() }
        })
        .collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

fn ours(row: &Row) -> f64 {
    let text = std::fs::read_to_string(&row.path).unwrap_or_default();
    let program = match program(&text) {
        Ok(program) => program,
        Err(refusal) => {
            eprintln!("{}: {refusal:?}", row.name);
            exit(1);
        }
    };
    let start = cpu_seconds();
    let ran = run_single(&program, u64::MAX);
    let seconds = cpu_seconds() - start;
    if !ran.failures.is_empty() || ran.stopped.is_some() {
        eprintln!("{}: {:?} {:?}", row.name, ran.failures, ran.stopped);
        exit(1);
    }
    seconds
}

/// The processor's time of this process.
fn cpu_seconds() -> f64 {
    // SAFETY: `clock_gettime` fills the struct it is given; all zeroes is a valid one.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time);
        time
    };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn theirs(path: &PathBuf, interpreter: &PathBuf) -> Option<f64> {
    let output = Command::new(interpreter).arg("-c").arg(TIMED).arg(path).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

/// An interpreter of that version: the command of that name, or the newest in pyenv.
fn find(version: &str) -> Option<PathBuf> {
    let works = |path: &PathBuf| {
        let said = Command::new(path).arg("--version").output();
        said.is_ok_and(|said| {
            let text = [said.stdout, said.stderr].concat();
            said.status.success() && String::from_utf8_lossy(&text).contains(version)
        })
    };
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or(home)?.join("versions");
    let named = std::fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = named
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(version)))
        .map(|path| path.join("bin/python"))
        .collect();
    paths.sort();
    paths.push(PathBuf::from(format!("python{version}")));
    paths.into_iter().rev().find(works)
}

fn print(rows: &[Row], interpreters: &[(&str, PathBuf)]) {
    print!("{:16} {:>10}", "milliseconds", "here");
    interpreters.iter().for_each(|(version, _)| print!(" {version:>10} {:>7}", "times"));
    println!();
    for row in rows {
        print!("{:16} {:>10.2}", row.name, row.ours * 1e3);
        for best in &row.theirs {
            match best.is_finite() {
                true => print!(" {:>10.2} {:>7.2}", best * 1e3, row.ours / best),
                false => print!(" {:>10} {:>7}", "-", ""),
            }
        }
        println!();
    }
}
