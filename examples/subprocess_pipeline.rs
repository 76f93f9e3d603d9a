//! `cat | sort -n | tail -n 3`, with the ends of the pipeline on the loop.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/aio/subprocess.rs
//!
//! Question: who moves the bytes between two children? Prediction: the kernel. The loop holds
//! only the first and the last end, and goes on with other things meanwhile.
//!
//!     cargo run --example subprocess_pipeline
//!     cargo run --example subprocess_pipeline -- --numbers 200000
//!
//! CI: --numbers 20000

mod common;

use common::measured;
use common::options::Options;
use singletrack::aio::{Child, spawn};
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::Cell;
use std::io;
use std::process::{Command, Stdio};
use std::rc::Rc;

/// Starts one child of the pipeline. The parent's copies of the pipe ends are closed with the
/// commands, or a reader would wait for a writer that is itself.
fn stage(words: &str, input: Stdio, output: Stdio) -> io::Result<Child> {
    let mut words = words.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    spawn(command.args(words).stdin(input).stdout(output))
}

/// Feeds the numbers backwards, at the pace at which the pipeline takes them.
async fn feed(mut first: Child, count: u32) -> io::Result<u64> {
    let stdin = first.stdin.take().expect("it is piped");
    let numbers: Vec<u32> = (1..=count).rev().collect();
    for part in numbers.chunks(10_000) {
        let lines: String = part.iter().map(|number| format!("{number}\n")).collect();
        stdin.write(lines.as_bytes())?;
        stdin.drain().await?;
    }
    let (waits, _) = stdin.pauses_and_resumes();
    stdin.close();
    assert!(first.wait().await?.success());
    Ok(waits)
}

fn main() -> io::Result<()> {
    let count = Options::read(&["--numbers N"]).value("--numbers", 1..=10_000_000u32, 20_000);
    EventLoop::new()?.run_until_complete(async {
        let (to_sort, from_cat) = io::pipe()?;
        let (to_tail, from_sort) = io::pipe()?;
        let cat = stage("cat", Stdio::piped(), from_cat.into())?;
        let mut sort = stage("sort -n", to_sort.into(), from_sort.into())?;
        let mut tail = stage("tail -n 3", to_tail.into(), Stdio::piped())?;

        let (over, turns) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0u64)));
        let (until, count_turns) = (Rc::clone(&over), Rc::clone(&turns));
        let beside = create_task(async move {
            while !until.get() {
                count_turns.set(count_turns.get() + 1);
                yield_now().await;
            }
        });
        let fed = create_task(feed(cat, count));
        let mut lines = tail.stdout.take().expect("it is piped");
        let mut last = Vec::new();
        loop {
            let line = lines.readline().await?;
            if line.is_empty() {
                break;
            }
            print!("{}", String::from_utf8_lossy(&line));
            last.push(String::from_utf8_lossy(&line).trim().parse::<u32>().expect("a number"));
        }
        let waits = fed.await.expect("no panic")?;
        assert!(sort.wait().await?.success() && tail.wait().await?.success());
        over.set(true);
        beside.await.expect("no panic");

        let expect: Vec<u32> = (count.saturating_sub(2).max(1)..=count).collect();
        assert_eq!(last, expect, "the three greatest, in order");
        assert!(turns.get() > 10, "the loop went on while the children worked");
        measured(format_args!(
            "{count} numbers went through three processes; the feeder had to wait {waits} times, and a \
             task beside it had {} turns meanwhile.",
            turns.get()
        ));
        Ok(())
    })
}
