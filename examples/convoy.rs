//! The convoy: what a thread that computes does to a thread that answers.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/gil/rules/machine.rs
//!
//! Question: a request needs a fraction of a millisecond. How long does it take beside a thread that
//! computes, under the lock of Python 2, of Python 3, with a shorter interval, and on an event loop
//! whose computation is in another process? Prediction: under Python 3 one switch interval, 5 ms, for
//! each call that let the other thread in; a tenth of the interval, a tenth of the wait; and on the
//! loop nothing, since nobody has to give way.
//!
//!     cargo run --example convoy
//!     cargo run --example convoy -- --interval 20
//!     singletrack gil convoy --policy python-3.10     # the same with real threads, drawn
//!     singletrack explain convoy                      # and why
//!
//! CI:
//!
//! Simulated, so that it is the same everywhere and for the same `--seed`: two threads on four cores
//! of typical costs, for two seconds of virtual time. `CARD` below names the command that makes the
//! poster.

mod common;

use common::measured;
use common::options::Options;
use singletrack::gil::{Act, Check, Costs, Script, Simulator, SwitchPolicy};
use std::error::Error;
use std::time::Duration;

/// How to have the picture as a card to share.
const CARD: &str = "singletrack gil convoy --card convoy.svg";
/// Virtual time.
const TIME: u64 = 2_000_000_000;

/// A way of running both: under which policy, and whether the computation is in the same process.
struct Row {
    name: String,
    policy: SwitchPolicy,
    beside: bool,
}

/// What became of the requests.
struct Outcome {
    requests: u64,
    each_us: f64,
    computed: f64,
    switches: u64,
}

/// Waits for a request, computes a little, writes without the lock, computes a little.
fn echo() -> Script {
    let around = Act::Compute { ticks: 20 };
    let acts = [Act::Await { time: 60_000 }, around, Act::Call { time: 10_000 }, around];
    Script::new("echo", u64::MAX, &acts)
}

fn run(row: &Row, seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let mut simulator = Simulator::new(row.policy, 4, Costs::TYPICAL, seed)?;
    simulator.spawn(echo());
    if row.beside {
        simulator.spawn(Script::computes("cpu", u64::MAX));
    }
    let result = simulator.run(TIME);
    let requests = result.threads[0].rounds.max(1);
    let ticks = result.threads.get(1).map_or(0, |cpu| cpu.ticks);
    Ok(Outcome {
        requests,
        each_us: TIME as f64 / 1e3 / requests as f64,
        computed: ticks as f64 * Costs::TYPICAL.tick as f64 / TIME as f64,
        switches: result.counters.switches,
    })
}

fn rows(interval: Duration) -> Result<Vec<Row>, Box<dyn Error>> {
    let threads = |name: &str, policy| Row { name: name.to_owned(), policy, beside: true };
    let check = |interval| Check::OnRequest { interval };
    let mut rows = vec![
        threads("threads, 100 ticks (Python 2)", SwitchPolicy::PYTHON_2_LINUX),
        threads(
            &format!("threads, interval {} ms (Python 3)", interval.as_millis()),
            SwitchPolicy::PYTHON_3_10.with_check(check(interval))?,
        ),
        threads(
            "threads, interval 0.5 ms",
            SwitchPolicy::PYTHON_3_10.with_check(check(Duration::from_micros(500)))?,
        ),
        threads("threads, who blocks goes first", SwitchPolicy::PRIORITY),
    ];
    let name = "loop, the computation in a process".to_owned();
    rows.push(Row { name, policy: SwitchPolicy::PYTHON_3_10, beside: false });
    Ok(rows)
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&["--interval MS", "--seed N"]);
    let interval = Duration::from_millis(options.value("--interval", 1..=1000, 5));
    println!("{:36}{:>12}{:>12}{:>12}{:>12}", "", "requests/s", "each", "switches/s", "computed");
    let mut each = Vec::new();
    for row in rows(interval)? {
        let Outcome { requests, each_us, computed, switches } = run(&row, options.seed())?;
        let computed = if row.beside { format!("{:.0} %", computed * 100.0) } else { "-".into() };
        println!(
            "{:36}{:>12.0}{:>9.3} ms{:>12.0}{computed:>12}",
            row.name,
            requests as f64 * 1e9 / TIME as f64,
            each_us / 1e3,
            switches as f64 * 1e9 / TIME as f64,
        );
        each.push(each_us);
    }
    let [_, interval_us, short_us, first_us, loop_us] = each[..] else { unreachable!("five rows") };
    let most = interval.as_secs_f64() * 1e6;
    assert!(interval_us > most && interval_us < 3.0 * most, "an interval, or two: {interval_us}");
    assert!(short_us > 500.0 && short_us < 1500.0, "the same of half a millisecond: {short_us}");
    assert!(loop_us < 200.0 && first_us < interval_us, "nobody to wait for: {loop_us}, {first_us}");
    println!("\nthe card to share: {CARD}");
    measured(format_args!(
        "A request takes {:.2} ms beside a thread that computes, {:.2} ms with an interval of 0.5 ms, \
         and {:.3} ms on a loop whose computation is elsewhere.",
        interval_us / 1e3,
        short_us / 1e3,
        loop_us / 1e3
    ));
    Ok(())
}
