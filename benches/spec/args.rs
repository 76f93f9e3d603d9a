//! Parameters in, result lines out, and the fixed random numbers in between.

use std::collections::BTreeMap;

/// `key=value` words.
pub struct Args(BTreeMap<String, String>);

impl Args {
    pub fn parse(words: impl Iterator<Item = String>) -> Args {
        Args(
            words
                .map(|word| match word.split_once('=') {
                    Some((key, value)) => (key.to_owned(), value.to_owned()),
                    None => fail(&format!("`{word}` is not key=value")),
                })
                .collect(),
        )
    }

    pub fn text(&self, key: &str, default: &str) -> String {
        self.0.get(key).cloned().unwrap_or_else(|| default.to_owned())
    }

    pub fn number(&self, key: &str, default: u64) -> u64 {
        self.0.get(key).map_or(default, |value| {
            value.parse().unwrap_or_else(|_| fail(&format!("`{key}={value}` is not a number")))
        })
    }
}

fn fail(why: &str) -> ! {
    eprintln!("{why}");
    std::process::exit(2);
}

/// One result: `primary` is the metric that is compared.
pub struct Line<'a> {
    pub workload: &'a str,
    pub variant: String,
    pub primary: &'a str,
    pub better: &'a str,
}

impl Line<'_> {
    pub fn print(&self, metrics: &[(&str, f64)]) {
        let metrics: Vec<String> = metrics
            .iter()
            .map(|(name, value)| match value.is_finite() {
                true => format!("\"{name}\":{value}"),
                false => format!("\"{name}\":null"),
            })
            .collect();
        println!(
            "{{\"workload\":\"{}\",\"variant\":\"{}\",\"peer\":\"singletrack\",\"primary\":\"{}\",\"better\":\"{}\",\"metrics\":{{{}}}}}",
            self.workload,
            self.variant,
            self.primary,
            self.better,
            metrics.join(",")
        );
    }

    /// Prints nanoseconds per operation, median and best, of `n` operations that took
    /// `(median, best)` seconds.
    pub fn print_per_op(&self, times: (f64, f64), n: u64) {
        self.print_ns(["ns_per_op", "min_ns_per_op"], times, n);
    }

    /// The same for messages.
    pub fn print_per_message(&self, times: (f64, f64), n: u64) {
        self.print_ns(["ns_per_msg", "min_ns_per_msg"], times, n);
    }

    fn print_ns(&self, [name, best_name]: [&str; 2], (median, best): (f64, f64), n: u64) {
        let scale = 1e9 / n as f64;
        self.print(&[(name, median * scale), (best_name, best * scale)]);
    }
}

/// Runs `once`, which returns seconds, one time untimed and then `reps` times: median, best.
pub fn repeat(reps: u64, mut once: impl FnMut() -> f64) -> (f64, f64) {
    once();
    let mut times: Vec<f64> = (0..reps.max(1)).map(|_| once()).collect();
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    let median = match times.len() % 2 {
        1 => times[middle],
        _ => (times[middle - 1] + times[middle]) / 2.0,
    };
    (median, times[0])
}

/// Nearest-rank percentile of sorted samples.
pub fn percentile(sorted: &[u64], p: f64) -> f64 {
    let rank = (sorted.len() as f64 * p / 100.0).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1] as f64
}

/// splitmix64.
pub struct Random(pub u64);

impl Random {
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// CPU seconds and voluntary context switches of this process.
pub fn usage() -> (f64, f64) {
    // SAFETY: `getrusage` fills the struct it is given; all zeroes is a valid one.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_nvcsw as f64)
}
