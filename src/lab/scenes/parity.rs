//! The simulator beside the real lock: one table.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: both numbers of a row come from the same run of the command; the simulator is
//! given costs that were measured a moment before, and no figure of the real lock but how long
//! a peer takes to ask again.
//! *Leaves out*: why they differ. Mostly it is what else runs: the real threads share their
//! cores with it, the simulated ones have theirs.
//!
//! ```text
//!   battle   how many times as long two threads take      on one core, and on all
//!   convoy   microseconds a request, beside one thread    on one, and on all but the peer's
//! ```

use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::compare::output::SCHEMA_VERSION;
use crate::lab::report::failure::Failure;
use crate::lab::scenes::calibration::Measured;
use crate::lab::scenes::echo::Places;
use crate::lab::scenes::simulated;
use crate::lab::scenes::simulated::Setting;
use crate::lab::scenes::stage;
use crate::lab::scenes::stage::Take;
use serde_json::{Value, json};
use std::time::Duration;

const SEED: u64 = 7;

/// One scene under one policy, on so many cores.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The scene.
    pub scene: &'static str,
    /// What is measured.
    pub unit: &'static str,
    /// The policy.
    pub policy: SwitchPolicy,
    /// How many cores the threads have.
    pub cores: usize,
    /// The real lock's number.
    pub real: f64,
    /// The simulator's.
    pub simulated: f64,
}

impl Row {
    /// The larger number over the smaller.
    ///
    /// ```
    /// use singletrack::gil::SwitchPolicy;
    /// use singletrack::lab::scenes::parity::Row;
    ///
    /// let row = Row {
    ///     scene: "battle",
    ///     unit: "times as long",
    ///     policy: SwitchPolicy::PYTHON_2,
    ///     cores: 2,
    ///     real: 2.0,
    ///     simulated: 1.6,
    /// };
    /// assert_eq!(row.factor(), 1.25);
    /// ```
    pub fn factor(&self) -> f64 {
        let quotient = self.real / self.simulated;
        if quotient < 1.0 { 1.0 / quotient } else { quotient }
    }
}

/// Runs a scene both ways, under this policy, for so long, on so many of these cores.
type Compared = fn(SwitchPolicy, Duration, usize, &Places, &Measured) -> Result<Row, Failure>;

/// Both scenes under each policy, on one core and on all; `done` is told of each row.
///
/// # Errors
/// If a run of the real lock fails.
pub fn compare(
    policies: &[SwitchPolicy],
    time: Duration,
    measured: &Measured,
    mut done: impl FnMut(&Row) -> Result<(), Failure>,
) -> Result<Vec<Row>, Failure> {
    let places = Places::find()?;
    let mut rows = Vec::new();
    // A peer on a core of the server's would hide the convoy.
    let scenes: [(Compared, usize); 2] = [(battle, places.count()), (convoy, places.count() - 1)];
    for (scene, most) in scenes {
        for cores in [1, most].into_iter().take(most.min(2)) {
            for &policy in policies {
                let row = scene(policy, time, cores, &places, measured)?;
                done(&row)?;
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

fn battle(
    policy: SwitchPolicy,
    time: Duration,
    cores: usize,
    places: &Places,
    measured: &Measured,
) -> Result<Row, Failure> {
    let real = match cores {
        1 => places.on(&places.server, || stage::battle(policy, time))?,
        _ => stage::battle(policy, time)?,
    };
    let setting = Setting { call: measured.call, ..Setting::of(cores, measured.costs, SEED) };
    let simulated = simulated::battle(policy, time, &setting)?;
    let (scene, unit) = ("battle", "times as long");
    let number = |take: &Take| take.figures.get("times_as_long").copied().unwrap_or(f64::NAN);
    Ok(Row { scene, unit, policy, cores, real: number(&real), simulated: number(&simulated) })
}

fn convoy(
    policy: SwitchPolicy,
    time: Duration,
    cores: usize,
    places: &Places,
    measured: &Measured,
) -> Result<Row, Failure> {
    let places = match cores {
        1 => places.clone(),
        _ => places.with_all_but_the_peers(),
    };
    let real = stage::convoy(policy, time, &places)?;
    let number = |take: &Take, name: &str| take.figures.get(name).copied().unwrap_or(f64::NAN);
    let idle = (1e3 * number(&real, "idle_us")) as u64;
    // What is left of a round trip when the server has nothing to wait for.
    let answer = idle.saturating_sub(measured.costs.wake + measured.call);
    let costs = Setting::of(cores, measured.costs, SEED);
    let simulated =
        simulated::convoy(policy, time, &Setting { answer, call: measured.call, ..costs })?;
    let (scene, unit, beside) = ("convoy", "us a request", "beside_us");
    let (real, simulated) = (number(&real, beside), number(&simulated, beside));
    Ok(Row { scene, unit, policy, cores, real, simulated })
}

/// The table's first line.
pub fn heading() -> String {
    format!(
        "{:8}{:>6}  {:16}{:>12}{:>12}{:>8}  {}\n",
        "scene", "cores", "policy", "real", "simulated", "factor", "unit"
    )
}

/// A row for people.
pub fn line(row: &Row) -> String {
    let number = |value: f64| match value {
        value if value < 100.0 => format!("{value:.2}"),
        value => format!("{value:.0}"),
    };
    format!(
        "{:8}{:>6}  {:16}{:>12}{:>12}{:>8}  {}\n",
        row.scene,
        row.cores,
        row.policy.to_string(),
        number(row.real),
        number(row.simulated),
        format!("{:.2}x", row.factor()),
        row.unit
    )
}

/// All rows for machines: `{costs, call_ns, rows: [{scene, cores, policy, unit, real, simulated,
/// factor}]}`.
pub fn document(measured: &Measured, rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "scene": row.scene,
            "cores": row.cores,
            "policy": row.policy.to_string(),
            "unit": row.unit,
            "real": row.real,
            "simulated": row.simulated,
            "factor": row.factor(),
        })
    };
    json!({
        "schema_version": SCHEMA_VERSION,
        "costs": measured.costs.to_string(),
        "call_ns": measured.call,
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    })
}
