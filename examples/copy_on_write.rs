//! A large table, made once, that several processes use without a copy.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/process/forkserver/server.rs
//!
//! Question: does each worker need a table of its own? Prediction: no. What the program has when the
//! fork server starts, every worker has: the same pages of memory, until one process writes into a
//! page. Then this page is copied, for the writer alone; no other process sees what was written.
//!
//!     cargo run --release --example copy_on_write
//!     cargo run --release --example copy_on_write -- --mib 500
//!
//! ```text
//!   program       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓        the table
//!   fork server   ░░░░░░░░░░░░░░░░        the same pages
//!   worker        ░░░░░░░░░░░░░░░░        the same pages
//!   worker        ▓▓▓▓░░░░░░░░░░░░        has written into a quarter of them
//! ```
//! CI: --mib 16

mod common;

use common::measured;
use common::options::Options;
use singletrack::process::ForkServer;
use singletrack::process::ProcessPool;
use std::error::Error;
use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

const WORKERS: usize = 4;

/// Numbers on a page of memory.
const PAGE: usize = 4096 / size_of::<u64>();

static TABLE: OnceLock<Vec<AtomicU64>> = OnceLock::new();

fn table() -> &'static [AtomicU64] {
    TABLE.get().expect("made before the fork server")
}

fn sum() -> u64 {
    table().iter().fold(0, |sum, number| sum.wrapping_add(number.load(Ordering::Relaxed)))
}

/// What a worker reports.
type Told = (u32, u64, u64);

/// Reads the whole table.
fn read(_: ()) -> Told {
    (std::process::id(), sum(), own_kib())
}

/// Writes to each page of the first quarter.
fn write(_: ()) -> Told {
    let before = own_kib();
    for number in table()[..table().len() / 4].iter().step_by(PAGE) {
        number.fetch_add(1, Ordering::Relaxed);
    }
    (std::process::id(), sum(), own_kib() - before)
}

/// How much memory no other process shares with this one.
fn own_kib() -> u64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").expect("Linux 4.14");
    let own = rollup.lines().filter(|line| line.starts_with("Private_"));
    own.filter_map(|line| line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()).sum()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mib = Options::read(&["--mib N"]).value("--mib", 8..=4096, 64);
    let numbers = mib << 20 >> 3;
    TABLE.get_or_init(|| (0..numbers as u64).map(AtomicU64::new).collect());
    let (total, kib) = (sum(), mib as u64 * 1024);
    let fork_server = ForkServer::start()?; // with all that the program has now
    let pool = ProcessPool::new(&fork_server, WORKERS)?;
    println!("process {} has made a table of {mib} MiB", std::process::id());

    let mut read_own = 0;
    for told in [(); WORKERS].map(|()| pool.submit(read, ())) {
        let (pid, sum, own) = told.result()?;
        println!("process {pid} has read all of it; {own} KiB are its own");
        read_own += own;
        assert_eq!(sum, total, "the same numbers");
        assert!(own < kib / 2, "and no copy of them");
    }
    let (pid, sum, more) = pool.call(write, ())?;
    println!("process {pid} has written into a quarter of it; {more} KiB more are its own");
    assert_ne!(sum, total, "it sees what it has written");
    assert!(more >= kib / 4 && more < kib / 2, "a copy of what it has written to");
    assert_eq!(self::sum(), total, "which no other process sees");
    println!("process {} has the numbers that it had", std::process::id());
    measured(format_args!(
        "{WORKERS} workers have read {mib} MiB each and hold {read_own} KiB of their own; writing into \
         a quarter of it cost one of them {more} KiB, and nobody else anything."
    ));
    Ok(())
}
