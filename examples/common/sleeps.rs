//! What `threads_sleep` and `processes_sleep` have in common: who sleeps how long.

use singletrack::base::random::SplitMix64;
use std::hash::{BuildHasher, RandomState};

/// Different numbers from 1 to 9, the same for the same seed. Different, because two that wake
/// together may announce themselves in any order.
pub fn sleeps(seed: u64, count: usize) -> Vec<u64> {
    let mut all: Vec<u64> = (1..=9).collect();
    SplitMix64::new(seed).shuffle(&mut all);
    all.truncate(count);
    all
}

pub struct Options {
    /// How long a second of the article lasts here, in seconds.
    pub scale: f64,
    pub seed: u64,
}

impl Options {
    /// From the command line. With a scale below 0.01 the system's own delays, not the
    /// sleeps, would decide who wakes first.
    pub fn read() -> Options {
        let mut args = std::env::args().skip(1);
        let mut options = Options { scale: 1.0, seed: RandomState::new().hash_one(0) };
        while let Some(arg) = args.next() {
            let value = args.next().unwrap_or_default();
            match (arg.as_str(), value.parse::<f64>(), value.parse::<u64>()) {
                ("--scale", Ok(f), _) if (0.01..=1000.0).contains(&f) => options.scale = f,
                ("--seed", _, Ok(n)) => options.seed = n,
                _ => {
                    eprintln!("`{arg} {value}`: give --scale F (0.01 to 1000) or --seed N");
                    std::process::exit(2);
                }
            }
        }
        options
    }
}
