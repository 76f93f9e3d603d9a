//! How cost grows: what each thing costs that there are many of, from few to ten million.
//!
//!     cargo bench --bench growth                       about three minutes
//!     cargo bench --bench growth -- --quick            a hundred thousand of each, half a minute
//!     cargo bench --bench growth -- --all              ten million of each
//!     cargo bench --bench growth -- tasks waiters      only these
//!     cargo bench --bench growth -- --html growth.html --json
//!
//! Each size is measured in a process of its own, in time of processors, and the quickest repetition
//! counts, so that a machine that does something else meanwhile spoils little. Through the points of
//! a workload a power of its law is fitted (`fit.rs`): the exponent is 1 where ten times as many cost
//! ten times as much. `README.md` beside this file has the last figures; `--write` writes it.

mod curve;
mod files;
mod fit;
mod locks;
mod loops;
mod page;
mod point;
mod pools;
mod report;
mod request;
mod sample;
mod searches;
mod shuffle;
mod workload;

use curve::Curve;
use point::Side;
use report::Growth;
use request::Request;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use workload::{Peer, WORKLOADS};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/growth");
const PEERS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/target/release/singletrack-peers");

fn main() -> ExitCode {
    // `cargo bench` adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let number = |word: &String| word.parse().expect("a number");
    match words.as_slice() {
        [point, name, size, side] if point == "--point" => {
            point::measure_here(name, number(size), side);
            return ExitCode::SUCCESS;
        }
        [clients, port, count] if clients == "--clients" => {
            loops::be_clients(port.parse().expect("a port"), number(count));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    match Request::parse(&words) {
        Ok(request) => answer(&request),
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

fn answer(request: &Request) -> ExitCode {
    let built = Path::new(PEERS).exists().then(|| PathBuf::from(PEERS));
    if built.is_none() {
        let how = "cargo build --release --manifest-path benches/peers/Cargo.toml";
        eprintln!("without tokio, whose side is not built: {how}");
    }
    let chosen = |name: &str| request.names.is_empty() || request.names.iter().any(|n| n == name);
    let mut all = Vec::new();
    for workload in WORKLOADS.iter().filter(|workload| chosen(workload.name)) {
        let measured = |side| Curve::measure(workload, side, request.reach, built.as_deref());
        let mut curves = vec![measured(Side::Ours)];
        match workload.peer {
            Peer::Here(..) => curves.push(measured(Side::Peer)),
            Peer::Tokio if built.is_some() => curves.push(measured(Side::Peer)),
            _ => {}
        }
        all.push(Growth { workload, curves });
    }
    match show(request, &all) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn show(request: &Request, all: &[Growth]) -> Result<(), String> {
    match request.json {
        true => println!("{:#}", report::document(all)),
        false => {
            print!("{}", report::table(all));
            report::remarks(all).iter().for_each(|remark| println!("→ {remark}"));
        }
    }
    if let Some(path) = &request.html {
        let page = page::html(all, &request.command(), &machine()).map_err(|e| e.to_string())?;
        singletrack::lab::page::shell::write(path, &page).map_err(|e| e.to_string())?;
    }
    if request.write {
        let before = std::fs::read_to_string(format!("{FOLDER}/README.md")).unwrap_or_default();
        let page = written(&before, request, all);
        std::fs::write(format!("{FOLDER}/README.md"), page).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Between these lines of the page stand the figures; what is around them is written by hand.
const BEGIN: &str = "<!-- figures -->";
const END: &str = "<!-- end of figures -->";

fn written(before: &str, request: &Request, all: &[Growth]) -> String {
    let (head, rest) = before.split_once(BEGIN).unwrap_or((before, END));
    let tail = rest.split_once(END).map_or("\n", |(_, tail)| tail);
    let remarks = report::remarks(all);
    let remarks: String = remarks.iter().map(|remark| format!("* {remark}\n")).collect();
    let (command, machine, table) = (request.command(), machine(), report::markdown(all));
    format!("{head}{BEGIN}\n`{command}`\n{machine}\n\n{table}\n{remarks}{END}{tail}")
}

/// The processor, in the kernel's words, and how many there are.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores of {}", name.map_or("an unknown kind", |(_, name)| name))
}
