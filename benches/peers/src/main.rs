//! Ours beside the floor and beside the peers: the same work, in turns, in one process.
//!
//!     cargo run --release                       everything, about three minutes
//!     cargo run --release -- yield echo         what has such a word in its name
//!     cargo run --release -- --rounds 15 --write
//!
//! `--write` puts the table into README.md.

mod contest;
mod growth;
mod locks;
mod processes;
mod runtimes;
mod sockets;
mod table;
mod tasks;
mod threads;
mod timers;
mod usage;
mod wake;
mod work;

use contest::Contest;
use std::path::Path;

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, server] = &words[..]
        && word == sockets::IDLE_IN_CHILD
    {
        return println!("{}", sockets::idle_here(server));
    }
    if let [point, name, size, _] = &words[..]
        && point == "--point"
    {
        return growth::measure(name, size.parse().expect("a number"));
    }
    let write = take(&mut words, "--write").is_some();
    let rounds = match take(&mut words, "--rounds") {
        None => 7,
        Some(at) => match words.get(at).map(|number| number.parse()) {
            Some(Ok(rounds)) if rounds > 0 => {
                words.remove(at);
                rounds
            }
            _ => refuse("--rounds: give a number of rounds, from 1"),
        },
    };
    // First of all, while there is one thread: it forks.
    let processes = processes::contests();
    let all = [
        processes,
        tasks::contests(),
        timers::contests(),
        wake::contests(),
        sockets::contests(),
        threads::contests(),
        locks::contests(),
    ];
    if write && !words.is_empty() {
        refuse("--write: the table is one run of all; leave the words out");
    }
    let chosen = |contest: &Contest| {
        words.is_empty() || words.iter().any(|word| contest.name.contains(word.as_str()))
    };
    let contests: Vec<Contest> = all.into_iter().flatten().filter(chosen).collect();
    if contests.is_empty() {
        refuse(&format!("{}: no work has such a name", words.join(" ")));
    }
    println!("{}", table::HEAD);
    let mut rows = String::new();
    for contest in &contests {
        let row = table::row(contest, &contest.measure(rounds));
        println!("{row}");
        rows += &format!("{row}\n");
    }
    if write {
        insert(&format!("{}\n{rows}", table::HEAD));
    }
    // The workers of the fork server's pools end with it; nothing else is left.
}

/// Removes `flag`, and says where it was.
fn take(words: &mut Vec<String>, flag: &str) -> Option<usize> {
    let at = words.iter().position(|word| word == flag)?;
    words.remove(at);
    Some(at)
}

fn refuse(why: &str) -> ! {
    eprintln!("{why}");
    std::process::exit(2);
}

/// Puts the table between its two marks in README.md.
fn insert(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).expect("README.md");
    let (before, rest) = text.split_once("<!-- table -->\n").expect("a mark for the table");
    let (_, after) = rest.split_once("<!-- end of the table -->").expect("a mark for its end");
    let text = format!("{before}<!-- table -->\n{table}<!-- end of the table -->{after}");
    std::fs::write(&path, text).expect("README.md can be written");
}
