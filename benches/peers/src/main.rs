//! The loop beside tokio's current-thread runtime, async-executor with async-io, and futures'
//! `LocalPool`: the same work, in turns, in one process.

mod growth;
mod runtimes;
mod work;

use runtimes::{LocalPool, Runtime, Singletrack, Smol, Tokio};

const ROUNDS: usize = 7;

/// Nanoseconds an operation; `None` if the runtime has no such thing.
type Once = fn() -> Option<f64>;

/// One piece of work under every runtime, ours first.
struct Workload {
    name: &'static str,
    runs: [Once; 4],
}

const NAMES: [&str; 4] = [Singletrack::NAME, Tokio::NAME, Smol::NAME, LocalPool::NAME];

const WORKLOADS: [Workload; 4] = [
    Workload {
        name: "spawn_join",
        runs: [
            work::spawn_join::<Singletrack>,
            work::spawn_join::<Tokio>,
            work::spawn_join::<Smol>,
            work::spawn_join::<LocalPool>,
        ],
    },
    Workload {
        name: "yield",
        runs: [
            work::yields::<Singletrack>,
            work::yields::<Tokio>,
            work::yields::<Smol>,
            work::yields::<LocalPool>,
        ],
    },
    Workload {
        name: "pingpong",
        runs: [
            work::pingpong::<Singletrack>,
            work::pingpong::<Tokio>,
            work::pingpong::<Smol>,
            work::pingpong::<LocalPool>,
        ],
    },
    Workload {
        name: "timers_churn",
        runs: [
            work::timers_churn::<Singletrack>,
            work::timers_churn::<Tokio>,
            work::timers_churn::<Smol>,
            work::timers_churn::<LocalPool>,
        ],
    },
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [point, name, size, _] = words.as_slice()
        && point == "--point"
    {
        return growth::measure(name, size.parse().expect("a number"));
    }
    print!("{:<14}", "ns an op");
    NAMES.iter().for_each(|name| print!("{name:>24}"));
    println!();
    for workload in &WORKLOADS {
        let medians = workload.measure();
        print!("{:<14}", workload.name);
        for median in medians {
            match median {
                Some(ns) => print!("{ns:>15.1} (x{:>5.2})", ns / medians[0].unwrap_or(f64::NAN)),
                None => print!("{:>24}", "-"),
            }
        }
        println!();
    }
}

impl Workload {
    /// The medians over all rounds, after one that does not count.
    fn measure(&self) -> [Option<f64>; 4] {
        let mut samples: [Vec<f64>; 4] = Default::default();
        for round in 0..=ROUNDS {
            for turn in 0..4 {
                let who = (round + turn) % 4;
                if let Some(sample) = (self.runs[who])()
                    && round > 0
                {
                    samples[who].push(sample);
                }
            }
        }
        samples.map(|mut samples| {
            samples.sort_by(f64::total_cmp);
            samples.get(samples.len() / 2).copied()
        })
    }
}
