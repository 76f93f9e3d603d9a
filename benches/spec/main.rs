//! The workloads that this crate and its peers are compared on, one JSON line a result.
//!
//!     cargo bench --bench spec -- spawn_join n=100000 reps=7
//!
//! Each workload is fixed (what is inside the clock, how often it is repeated), so that the
//! same line can be had from any other runtime; run both in the same minute and compare.

mod args;
mod crowd;
mod gil;
mod pingpong;
mod procpool;
mod serve;
mod tasks;
mod threadpool;
mod timers;
mod wake;

use args::Args;

const USAGE: &str = "usage: cargo bench --bench spec -- WORKLOAD [key=value …]
workloads: spawn_join yield pingpong mem_task timers_late timers_churn crosswake
           lock_uncontended lock_forced gil_countdown gil_crowd threadpool procpool
servers: serve echo, serve http, serve gil_convoy [policy=P] [threads=K] [interval=SECONDS]";

fn main() {
    // `cargo bench` adds `--bench`.
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let Some(workload) = words.next() else {
        eprintln!("{USAGE}");
        std::process::exit(2);
    };
    if workload == "serve" {
        let protocol = words.next().unwrap_or_default();
        return match protocol.as_str() {
            "gil_convoy" => gil::serve_convoy(&Args::parse(words)),
            _ => serve::serve(&protocol),
        };
    }
    let args = Args::parse(words);
    match workload.as_str() {
        "spawn_join" => tasks::spawn_join(&args),
        "yield" => tasks::yields(&args),
        "pingpong" => pingpong::pingpong(&args),
        "mem_task" => tasks::mem_task(&args),
        "crosswake" => wake::crosswake(&args),
        "timers_late" => timers::late(&args),
        "lock_uncontended" => gil::lock_uncontended(&args),
        "lock_forced" => gil::lock_forced(&args),
        "gil_crowd" => crowd::gil_crowd(&args),
        "gil_countdown" => gil::gil_countdown(&args),
        "threadpool" => threadpool::threadpool(&args),
        "procpool" => procpool::procpool(&args),
        "timers_churn" => timers::churn(&args),
        other => {
            eprintln!("unknown workload {other}\n{USAGE}");
            std::process::exit(2);
        }
    }
}
