//! The simulator beside the real lock: one table.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: both numbers of a row come from the same run of the command; the simulator is
//! given costs that were measured a moment before, and no figure of the real lock but how long
//! a peer takes to ask again.
//! *Leaves out*: why they differ. Mostly it is the rest of the machine: the real threads share
//! their cores with it, the simulated ones have theirs to themselves.
//!
//! ```text
//!   battle   how many times as long two threads take      on one core, and on all
//!   convoy   microseconds a request, beside one thread    on one, and on all but the peer's
//! ```

use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::compare::output::SCHEMA_VERSION;
use crate::lab::report::failure::Failure;
use crate::lab::report::outside;
use crate::lab::report::table::{Of, Table};
use crate::lab::scenes::battle;
use crate::lab::scenes::calibration::Calibration;
use crate::lab::scenes::convoy;
use crate::lab::scenes::echo::CoreSplit;
use crate::lab::scenes::simulated::{SimulatedMachine, apart};
use serde_json::{Value, json};
use std::time::Duration;

const SEED: u64 = 7;

/// One scene under one policy, on so many cores.
#[derive(Debug, Clone, PartialEq)]
pub struct ParityRow {
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

impl ParityRow {
    /// The larger number over the smaller.
    ///
    /// ```
    /// use singletrack::gil::SwitchPolicy;
    /// use singletrack::lab::scenes::parity::ParityRow;
    ///
    /// let row = ParityRow {
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

/// Runs one scene both ways.
type RunBoth = fn(&Trial<'_>) -> Result<ParityRow, Failure>;

/// Both scenes under each policy, on one core and on all; `done` is called with each row, as soon
/// as there is one.
///
/// # Errors
/// If a run fails.
pub fn compare(
    policies: &[SwitchPolicy],
    time: Duration,
    calibration: &Calibration,
    mut done: impl FnMut(ParityRow) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let split = CoreSplit::find()?;
    // A peer on a core of the server's would hide the convoy.
    let scenes: [(RunBoth, usize); 2] =
        [(|trial| trial.battle(), split.count()), (|trial| trial.convoy(), split.count() - 1)];
    for (scene, most) in scenes {
        for cores in [1, most].into_iter().take(most.min(2)) {
            for &policy in policies {
                let row = scene(&Trial { policy, time, cores, split: &split, calibration })?;
                outside::check()?; // what was ended early is no row
                done(row)?;
            }
        }
    }
    Ok(())
}

/// A scene that runs both ways: under this policy, for so long, on so many of these cores.
struct Trial<'a> {
    policy: SwitchPolicy,
    time: Duration,
    cores: usize,
    split: &'a CoreSplit,
    calibration: &'a Calibration,
}

impl Trial<'_> {
    fn battle(&self) -> Result<ParityRow, Failure> {
        let run = || battle::run(self.policy, self.time);
        let real = match self.cores {
            1 => self.split.on(&self.split.server, run)?,
            _ => run()?,
        };
        let simulated = apart(|| battle::simulate(self.policy, self.time, &self.machine()))?;
        let number = "times_as_long";
        let (real, simulated) = (real.figures.get(number), simulated.figures.get(number));
        Ok(self.row("battle", "times as long", real, simulated))
    }

    fn convoy(&self) -> Result<ParityRow, Failure> {
        let split = match self.cores {
            1 => self.split.clone(),
            _ => self.split.with_all_but_the_peers(),
        };
        let real = convoy::run_on(self.policy, self.time, &split)?;
        let idle = (1e3 * real.figures.get("idle_us")) as u64;
        let machine = self.machine();
        // What is left of a round trip when the server has nothing to wait for.
        let answer = idle.saturating_sub(machine.costs.wake + machine.call);
        let machine = SimulatedMachine { answer, ..machine };
        let simulated = apart(|| convoy::simulate(self.policy, self.time, &machine))?;
        let number = "beside_us";
        let (real, simulated) = (real.figures.get(number), simulated.figures.get(number));
        Ok(self.row("convoy", "us a request", real, simulated))
    }

    /// A simulated machine that charges what this one does.
    fn machine(&self) -> SimulatedMachine {
        self.calibration.machine(self.cores, SEED)
    }

    fn row(&self, scene: &'static str, unit: &'static str, real: f64, simulated: f64) -> ParityRow {
        ParityRow { scene, unit, policy: self.policy, cores: self.cores, real, simulated }
    }
}

/// The table, empty: a row is shown before the next is measured, so the columns have their widths
/// before. Where there is no room, units go first, then the factor.
fn table() -> Table {
    let heads = ["scene", "cores", "policy", "real", "simulated", "factor", "unit"];
    let columns = Table::new(&heads).left(&[2, 6]).dropping(&[6, 5]);
    columns.at_least(&[6, 5, 14, 9, 9, 7, 13])
}

/// The table's first line; nothing where each row is a list.
pub fn heading(width: usize) -> String {
    table().text(width)
}

/// A row for people.
pub fn line(row: &ParityRow, width: usize) -> String {
    let number = |value: f64| match value {
        value if value < 100.0 => format!("{value:.2}"),
        value => format!("{value:.0}"),
    };
    let [cores, policy] = [row.cores.to_string(), row.policy.to_string()];
    let [real, simulated] = [row.real, row.simulated].map(number);
    let factor = format!("{:.2}x", row.factor());
    let mut table = table();
    table.row([row.scene, &cores, &policy, &real, &simulated, &factor, row.unit]);
    let lines = table.lines(width).into_iter().filter(|(of, _)| *of != Of::Head);
    lines.map(|(_, line)| line + "\n").collect()
}

/// All rows for machines: `{error: null | text, costs, call_ns, rows: [{scene, cores, policy, unit,
/// real, simulated, factor}]}`; `error` says why there are no more.
pub fn document(calibration: &Calibration, rows: &[ParityRow], error: Option<&Failure>) -> Value {
    let row = |row: &ParityRow| {
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
        "error": error.map(Failure::to_string),
        "costs": calibration.costs.to_string(),
        "call_ns": calibration.call,
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    })
}
