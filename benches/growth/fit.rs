//! The exponent of a growth: least squares through the logarithms. Pure.
//!
//! *Promises*: for costs that follow a power of the law exactly, that power and no error; costs in
//! another unit change nothing; what cannot be fitted has no fit.
//! *Leaves out*: what was measured, and whether it is too much.
//!
//! ```text
//!   log cost │          ·╱     the slope is the exponent, its standard error what the points
//!            │      · ╱        leave open: nothing, where all are on the line
//!            │     ╱·
//!            │   ╱·             linear   log cost over log n
//!            │ ·╱               heap     log cost over log (n log n)
//!            └──────────── log law(n)
//! ```
//! An exponent of 1 so means the same for both laws: what was expected.

/// What the cost of `n` things should be, but for a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// As many steps as there are things.
    Linear,
    /// A heap or a sorted tree is involved: `n log n`.
    Heap,
}

impl Law {
    /// The law at `n`; things fewer than two cost as two do.
    pub fn at(self, n: f64) -> f64 {
        match self {
            Law::Linear => n,
            Law::Heap => n * n.max(2.0).log2(),
        }
    }

    /// How it is written.
    pub fn name(self) -> &'static str {
        match self {
            Law::Linear => "n",
            Law::Heap => "n log n",
        }
    }
}

/// An exponent, and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// To which power of the law costs grow.
    pub exponent: f64,
    /// By so much it may be wrong; with two points that is not known, and infinite.
    pub error: f64,
}

/// Fits points of (how many, what they cost). `None` for fewer than two different sizes; sizes and
/// costs that are not above zero are left out.
pub fn fit(law: Law, points: &[(f64, f64)]) -> Option<Fit> {
    let sound = |value: f64| value.is_finite() && value > 0.0;
    let sound = points.iter().filter(|(n, cost)| sound(*n) && sound(*cost));
    let logs: Vec<(f64, f64)> = sound.map(|&(n, cost)| (law.at(n).ln(), cost.ln())).collect();
    let count = logs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|log| log.0), mean(|log| log.1));
    let spread: f64 = logs.iter().map(|log| (log.0 - x).powi(2)).sum();
    if logs.len() < 2 || spread < 1e-9 {
        return None;
    }
    let exponent = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum::<f64>() / spread;
    let left = logs.iter().map(|log| (log.1 - y - exponent * (log.0 - x)).powi(2)).sum::<f64>();
    let error = match logs.len() {
        2 => f64::INFINITY,
        _ => (left / (count - 2.0) / spread).sqrt(),
    };
    Some(Fit { exponent, error })
}
