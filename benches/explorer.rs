//! How fast Python programs are explored: instructions, steps and worlds a second, on the examples.
//!
//! `cargo bench --bench explorer`. An instruction counts each time that it is executed; a step is one
//! of a thread, up to a place where others may run and what they cannot notice behind it.

use singletrack::python::explore::policies::Looks;
use singletrack::python::explore::search::{Limits, explore_beside, serial};
use singletrack::python::run::single::program;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Three threads of so many read-modify-writes each.
fn counter(times: usize) -> String {
    let body = "    x += 1\n".repeat(times);
    format!(
        "import threading\nx = 0\ndef work():\n    global x\n{body}\
         ts = [threading.Thread(target=work) for _ in range(3)]\n\
         for t in ts: t.start()\nfor t in ts: t.join()\nprint(x)\n"
    )
}

fn main() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples");
    let folder = fs::read_dir(root.join("questions")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.path()).collect();
    files.sort();
    files.push(root.join("race.py"));
    let mut programs: Vec<(String, String)> = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        programs.push((name, fs::read_to_string(&file).unwrap_or_default()));
    }
    programs.push(("3 threads of 3".to_owned(), counter(3)));
    programs.push(("3 threads of 6".to_owned(), counter(6)));
    println!(
        "{:<16} {:>8} {:>14} {:>9} {:>10}",
        "program", "worlds", "instructions/s", "steps/s", "worlds/s"
    );
    for (name, text) in programs {
        let Ok(program) = program(&text) else { continue };
        let Ok(threading) = "python-3.2".parse() else { continue };
        let whole = serial(&program, Limits::default());
        let (mut instructions, mut steps, mut worlds, mut last) = (0, 0, 0, 0);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(1) {
            let looks = Looks::Under(threading, false);
            let all = explore_beside(&program, looks, Limits::default(), &whole);
            instructions += all.instructions;
            steps += all.steps;
            worlds += all.worlds as u64;
            last = all.worlds;
        }
        let seconds = began.elapsed().as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "it is a rate")]
        let rate = |count: u64| count as f64 / seconds;
        println!(
            "{name:<16} {last:>8} {:>14.0} {:>9.0} {:>10.0}",
            rate(instructions),
            rate(steps),
            rate(worlds)
        );
    }
}
