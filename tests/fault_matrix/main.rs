//! Faults on the real kernel: whatever call fails, with whatever error, at whatever place, a program
//! ends well or with the documented error, and nothing is left behind.
//!
//! ```text
//!   scenario  ×  call  ×  errno  ×  which of its calls
//!   scenario  ×  limit of descriptors, tasks, memory
//! ```
//! `cargo test --test fault_matrix` runs a sample, `-- --all` the whole and writes the table in
//! `tests/fault_matrix/README.md`. One thread, since every cell is a fork of this process.

mod cell;
mod census;
mod filter;
mod limits;
mod processes;
mod report;
mod scenarios;
mod supervisor;
mod targets;
mod told;
mod verdict;

use cell::{Cells, NotPermitted, Over, Under};
use census::{Census, Counting};
use limits::{Limit, Resource};
use report::Table;
use scenarios::{SCENARIOS, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use supervisor::Fault;
use targets::{TARGETS, Target, errno_name, named};
use told::Outcome;
use verdict::{Verdict, judge};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// So many bytes more may be in use after a cell than after a run without a fault: tables that have
/// grown.
pub const SLACK: isize = 4096;

/// Of one call in one scenario so many are made to fail, one after the other, and the last.
const MOST_CALLS: u32 = 16;

/// Cells that went wrong once, by scenario, call, errno and place: the sample has them all.
const FOUND: &[(&str, &str, i32, u32)] = &[
    ("tcp, polling", "epoll_ctl", libc::ENOMEM, 8),
    ("process", "fcntl", libc::EMFILE, 7),
    ("process", "fcntl", libc::EMFILE, 15),
    ("process", "openat", libc::EMFILE, 3),
    ("process pool", "write pipe", libc::EIO, 3),
    ("process pool", "poll", libc::EINTR, 5),
];

/// How often a cell is run again whose fault has not come.
const TRIALS: u32 = 8;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}"))); // "panicked at …", no backtrace
    let cells = Cells::new();
    let done = match &args[..] {
        ["--list", ..] => return SCENARIOS.iter().for_each(|s| println!("{}: test", s.name)),
        ["--cell", scenario, target, errno, nth] => one_cell(&cells, scenario, target, errno, nth),
        ["--calls", filters @ ..] => print_calls(&cells, filters),
        ["--all", filters @ ..] => Run::new(&cells, true).scenarios(filters),
        filters => Run::new(&cells, false).scenarios(filters),
    };
    match done {
        Ok(true) => {}
        Ok(false) => std::process::exit(1),
        Err(NotPermitted(why)) => println!("SKIPPED: fault_matrix: {why}"),
    }
}

/// Those with these names, or with these texts in their names; without any, all.
fn chosen(filters: &[&str]) -> impl Iterator<Item = (usize, &'static Scenario)> {
    let filters: Vec<String> =
        filters.iter().filter(|f| !f.starts_with('-')).map(|f| (*f).to_owned()).collect();
    let is_name = |text: &String| SCENARIOS.iter().any(|scenario| scenario.name == text);
    let fits = move |text: &String, name: &str| match is_name(text) {
        true => name == text,
        false => name.contains(text),
    };
    let named =
        move |s: &Scenario| filters.is_empty() || filters.iter().any(|text| fits(text, s.name));
    SCENARIOS.iter().enumerate().filter(move |(_, scenario)| named(scenario))
}

/// What a scenario does and leaves without a fault.
struct Watched {
    counts: BTreeMap<&'static str, u32>,
    unknown: BTreeSet<i64>,
    left: Census,
}

fn watch(cells: &Cells, scenario: &Scenario) -> Result<Result<Watched, String>, NotPermitted> {
    let over = cells.run(scenario, Under::Watch, None)?;
    let Over { seen, report, said } = over;
    let well = |report: &cell::Report| {
        report.faulted == Outcome::Well && report.healthy == Outcome::Well && said.is_empty()
    };
    Ok(match report.filter(well) {
        Some(report) => {
            Ok(Watched { counts: seen.counts, unknown: seen.unknown, left: report.left })
        }
        None => Err(format!("fails without a fault: {seen:?} {said}")),
    })
}

fn print_calls(cells: &Cells, filters: &[&str]) -> Result<bool, NotPermitted> {
    for (_, scenario) in chosen(filters) {
        println!("{}", scenario.name);
        match watch(cells, scenario)? {
            Ok(watched) => {
                println!("    calls {:?}", watched.counts);
                println!("    leaves {:?}, unknown {:?}", watched.left, watched.unknown);
            }
            Err(why) => println!("    {why}"),
        }
    }
    Ok(true)
}

fn one_cell(
    cells: &Cells,
    scenario: &str,
    target: &str,
    errno: &str,
    nth: &str,
) -> Result<bool, NotPermitted> {
    let found = SCENARIOS.iter().find(|known| known.name == scenario);
    let target = named(target);
    let errno = target.and_then(|t| t.errnos.iter().find(|e| errno_name(**e) == errno));
    let (Some(scenario), Some(target), Some(errno), Ok(nth)) = (found, target, errno, nth.parse())
    else {
        println!("--cell SCENARIO CALL ERRNO NTH: no such cell");
        return Ok(false);
    };
    let expected = match watch(cells, scenario)? {
        Ok(watched) => watched.left,
        Err(why) => {
            println!("{why}");
            return Ok(false);
        }
    };
    let fault = Fault { target, errno: *errno, nth };
    let over = cells.run(scenario, Under::Fault(fault), Some(&expected))?;
    let verdict = judge(scenario, target.name, *errno, &over, &expected);
    println!("{over:#?}\n{verdict:?}");
    Ok(!matches!(verdict, Verdict::Wrong(_)))
}

/// A run over the matrix, or over a sample of it.
struct Run<'a> {
    cells: &'a Cells,
    all: bool,
    table: Table,
    /// Cells whose fault never came: how often a call is made differs from run to run.
    unreached: u32,
}

impl<'a> Run<'a> {
    fn new(cells: &'a Cells, all: bool) -> Self {
        Run { cells, all, table: Table::default(), unreached: 0 }
    }

    /// True if all is right.
    fn scenarios(mut self, filters: &[&str]) -> Result<bool, NotPermitted> {
        let mut right = true;
        for (at, scenario) in chosen(filters) {
            let begun = Instant::now();
            let findings = self.scenario(at, scenario)?;
            let result = if findings == 0 { "ok" } else { "FAILED" };
            println!(
                "test {} ... {result} ({:.1} s)",
                scenario.name,
                begun.elapsed().as_secs_f32()
            );
            right &= findings == 0;
            if self.all {
                self.table.bless();
            }
        }
        let total = self.table.total();
        println!(
            "{} cells: {} ended well, {} with the documented error, {} are argued, {} are wrong",
            total.success + total.documented + total.argued + total.wrong,
            total.success,
            total.documented,
            total.argued,
            total.wrong
        );
        if self.unreached > 0 {
            println!("{} more had no fault: that call was not made this time", self.unreached);
        }
        Ok(right)
    }

    /// How many findings there are; each is printed.
    fn scenario(&mut self, at: usize, scenario: &Scenario) -> Result<u32, NotPermitted> {
        let watched = match watch(self.cells, scenario)? {
            Ok(watched) => watched,
            Err(why) => {
                println!("    {}: {why}", scenario.name);
                return Ok(1);
            }
        };
        let mut findings = 0;
        if !watched.unknown.is_empty() {
            findings += 1;
            println!(
                "    {}: calls in no list of targets.rs: {:?}",
                scenario.name, watched.unknown
            );
        }
        for (number, target) in TARGETS.iter().enumerate() {
            let calls = watched.counts.get(target.name).copied().unwrap_or(0);
            let is_here = |cell: &&(&str, &str, i32, u32)| {
                !self.all && (cell.0, cell.1) == (scenario.name, target.name)
            };
            let found = FOUND.iter().filter(is_here);
            let found = found.map(|cell| (cell.2, cell.3, true));
            let faults = self.faults(at, number, target, calls).into_iter();
            for (errno, nth, exactly) in faults.map(|(e, n)| (e, n, self.all)).chain(found) {
                let fault = Fault { target, errno, nth };
                let (nth, over) = self.reach(scenario, fault, exactly, &watched.left)?;
                let mut verdict = judge(scenario, target.name, errno, &over, &watched.left);
                if over.seen.hit.is_none() && !matches!(verdict, Verdict::Wrong(_)) {
                    if self.all {
                        self.unreached += 1;
                        continue;
                    }
                    verdict = Verdict::Wrong("no call came that could have failed".to_owned());
                }
                self.table.add((at, number), (scenario.name, target.name), calls, &verdict);
                if let Verdict::Wrong(why) = verdict {
                    let (scenario, target, errno) = (scenario.name, target.name, errno_name(errno));
                    let whose = over.seen.hit.unwrap_or_default();
                    findings += 1;
                    println!(
                        "    --cell \"{scenario}\" \"{target}\" {errno} {nth} ({whose}): {why}"
                    );
                }
            }
        }
        findings += self.limits(at, scenario, &watched.left)?;
        Ok(findings)
    }

    /// Runs a cell until its fault has come down: how often a call is made depends on who is quicker, so
    /// the last one may not come this time. Then it is tried again; and, unless it must be `exactly` this
    /// call, with an earlier one.
    fn reach(
        &self,
        scenario: &Scenario,
        mut fault: Fault,
        exactly: bool,
        expected: &Census,
    ) -> Result<(u32, Over), NotPermitted> {
        for _ in 0..TRIALS {
            let over = self.cells.run(scenario, Under::Fault(fault), Some(expected))?;
            if over.seen.hit.is_some() || (self.all && exactly) {
                return Ok((fault.nth, over));
            }
            fault.nth = if exactly { fault.nth } else { (fault.nth / 2).max(1) };
        }
        Ok((fault.nth, self.cells.run(scenario, Under::Fault(fault), Some(expected))?))
    }

    /// Which of the calls fail, and how. Of the sample the rule is: the first call or the last, and one
    /// errno, by the numbers of scenario and call.
    fn faults(&self, at: usize, number: usize, target: &Target, calls: u32) -> Vec<(i32, u32)> {
        if calls == 0 {
            return Vec::new();
        }
        if !self.all {
            let nth = if (at + number).is_multiple_of(2) { 1 } else { calls };
            return vec![(target.errnos[(at + number) % target.errnos.len()], nth)];
        }
        let which = (1..=calls.min(MOST_CALLS)).chain((calls > MOST_CALLS).then_some(calls));
        which.flat_map(|nth| target.errnos.iter().map(move |errno| (*errno, nth))).collect()
    }

    /// Limits from none at all up, until one is wide enough.
    fn limits(
        &mut self,
        at: usize,
        scenario: &Scenario,
        expected: &Census,
    ) -> Result<u32, NotPermitted> {
        let kinds = [
            (Resource::Descriptors, "limit of descriptors", libc::EMFILE, 1, 64),
            (Resource::Tasks, "limit of tasks", libc::EAGAIN, 1, 16),
            (Resource::Memory, "limit of memory", libc::ENOMEM, 512, 64 << 10),
        ];
        let mut findings = 0;
        for (number, (resource, name, errno, step, most)) in kinds.into_iter().enumerate() {
            if !resource.can_be_limited() {
                println!("SKIPPED: {}, {name}: it takes the superuser", scenario.name);
                continue;
            }
            let wide = if self.all { 1 } else { 4 };
            for more in (0..most).step_by(step as usize * wide) {
                let under = Under::Limit(Limit { resource, more });
                let over = self.cells.run(scenario, under, Some(expected))?;
                let verdict = judge(scenario, name, errno, &over, expected);
                self.table.add((at, TARGETS.len() + number), (scenario.name, name), 0, &verdict);
                match verdict {
                    Verdict::Success => break,
                    Verdict::Wrong(why) => {
                        findings += 1;
                        println!("    {}, {name} {more}: {why}", scenario.name);
                    }
                    Verdict::Documented | Verdict::Argued(_) => {}
                }
            }
        }
        Ok(findings)
    }
}
