//! CPython's own benchmark of its lock, on our lock and on a real CPython beside it.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/lab/fidelity/subject.rs
//!
//! Antoine Pitrou wrote `Tools/ccbench` in 2010 to see what his new lock does: how fast threads
//! compute together, how late a packet is answered beside threads that compute, how many packets go
//! there and back.
//!
//! Question: does an emulated lock behave as the real one? Prediction: yes, in shape: computing
//! gains nothing by a second thread, and packets fall from tens of thousands a second to some
//! hundreds as soon as one thread computes.
//!
//!     cargo run --release --example ccbench
//!
//! CI: --seconds 0.02
//!
//! The real CPython is the newest of PATH and pyenv; without one, ours stands alone. All that differs
//! and by how much may: `singletrack gil fidelity`.

mod common;

use common::measured;
use common::options::Options;
use singletrack::gil::SwitchPolicy;
use singletrack::lab::fidelity::preset::Preset;
use singletrack::lab::fidelity::python::{Interpreter, RealPython};
use singletrack::lab::fidelity::subject::{Passes, Subject};
use singletrack::lab::report::failure::Failure;
use std::error::Error;
use std::time::Duration;

/// What ccbench is asked for, and how it is printed.
const ROWS: [(&str, &str); 7] = [
    ("throughput: 2 threads together / in turn", "x"),
    ("latency beside 1 thread that computes", "ms"),
    ("bandwidth beside 0", "/s"),
    ("bandwidth beside 1", "/s"),
    ("bandwidth beside 2", "/s"),
    ("bandwidth beside 3", "/s"),
    ("bandwidth beside 4", "/s"),
];

fn ask(side: &mut dyn Subject, row: usize, time: Duration) -> Result<f64, Failure> {
    match row {
        0 => side.countdown(4 * time),
        1 => side.latency(2 * time),
        _ => side.bandwidth(row - 2, time),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&["--seconds F"]);
    let time = Duration::from_secs_f64(options.value("--seconds", 0.01..=60.0, 0.25));
    // Half as long as `while n > 0: n -= 1` takes in the interpreters of today, where there is none
    // to be asked.
    let usual = Passes {
        countdown: Duration::from_nanos(50),
        add: Duration::from_nanos(40),
        add_by_call: Duration::from_nanos(80),
    };
    let python = Interpreter::find().into_iter().next_back();
    let mut real = python.as_ref().map(RealPython::start).transpose()?;
    let passes = real.as_mut().map_or(Ok(usual), RealPython::passes)?;
    let policy = python.as_ref().map_or(SwitchPolicy::PYTHON_3_10, Interpreter::preset);
    let mut ours = Preset::new(policy, passes);

    let name = python
        .as_ref()
        .map_or("no CPython found".to_owned(), |python| format!("CPython {}", python.name()));
    println!("{:42}{:>18}{:>18}", "", format!("ours, {}", policy.name().unwrap_or("")), name);
    let mut bandwidths = Vec::new();
    for (row, (what, unit)) in ROWS.into_iter().enumerate() {
        // One after the other, so that what disturbs the machine disturbs both.
        let mine = ask(&mut ours, row, time)?;
        let theirs = real.as_mut().map(|real| ask(real, row, time)).transpose()?;
        let shown = |number: f64| match unit {
            "/s" => format!("{number:.0} {unit}"),
            _ => format!("{number:.2} {unit}"),
        };
        println!("{what:42}{:>18}{:>18}", shown(mine), theirs.map_or("-".to_owned(), shown));
        assert!(mine.is_finite() && theirs.is_none_or(f64::is_finite), "{what} was answered");
        if row >= 2 {
            assert!(mine > 0.0 && theirs.is_none_or(|n| n > 0.0), "every packet came back");
            bandwidths.push((mine, theirs));
        }
    }
    let fall = |side: fn(&(f64, Option<f64>)) -> Option<f64>| {
        Some(side(&bandwidths[0])? / side(&bandwidths[1])?)
    };
    let ours = fall(|pair| Some(pair.0)).unwrap_or(f64::NAN);
    let theirs = match fall(|pair| pair.1) {
        Some(theirs) => format!("{theirs:.0} in {name}"),
        None => "which no CPython here can confirm".to_owned(),
    };
    measured(format_args!(
        "Beside one thread that computes, packets are {ours:.0} times rarer under our lock, {theirs}."
    ));
    Ok(())
}
