//! Three downloads that belong together: when one fails, the others are cancelled.
//!
//! Level: 1 of 3. Minutes: 5. Read: src/aio/tasks/task_group.rs
//!
//! Question: what is left behind when one of several tasks fails? Prediction: nothing. The
//! group cancels the others, waits until their destructors have run, and hands all errors to
//! whoever asked for the whole.
//!
//!     cargo run --example task_group                 # takes 0.2 s
//!     cargo run --example task_group -- --virtual    # the same, at once
//!
//! CI: --virtual

mod common;

use common::options::Options;
use common::{event_loop, measured};
use singletrack::aio::sleep;
use singletrack::aio::{GroupErrors, TaskGroup};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// A half-finished file, which its drop removes.
struct Partial {
    name: &'static str,
    removed: Rc<RefCell<Vec<&'static str>>>,
}

impl Drop for Partial {
    fn drop(&mut self) {
        println!("{}: partial file removed", self.name);
        self.removed.borrow_mut().push(self.name);
    }
}

async fn download(partial: Partial, takes: Duration, size: usize) -> Result<usize, String> {
    println!("{}: begins", partial.name);
    sleep(takes).await;
    match size {
        0 => Err(format!("{}: the server hung up", partial.name)),
        size => {
            println!("{}: {size} bytes", partial.name);
            Ok(size)
        }
    }
}

async fn fetch_all(
    removed: Rc<RefCell<Vec<&'static str>>>,
    sizes: [usize; 3],
) -> Result<usize, GroupErrors<String>> {
    TaskGroup::run(async |group| {
        let mut tasks = Vec::new();
        for (at, (name, size)) in ["one", "two", "three"].into_iter().zip(sizes).enumerate() {
            let partial = Partial { name, removed: Rc::clone(&removed) };
            let takes = (at as u32 + 1) * 100 * MS;
            tasks.push(group.create_task(download(partial, takes, size)).expect("still open"));
        }
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("if one fails, this block is dropped here");
        }
        Ok(sum)
    })
    .await
}

fn main() -> std::io::Result<()> {
    let event_loop = event_loop(Options::read(&["--virtual"]).has("--virtual"))?;
    let removed = Rc::new(RefCell::new(Vec::new()));

    let begin = event_loop.time();
    let end = event_loop.run_until_complete(fetch_all(Rc::clone(&removed), [10, 0, 30]));
    let errors = end.expect_err("the second download fails");
    println!("{errors}");
    assert_eq!(errors.0.len(), 1);
    // The third was dropped at once, 100 ms before it would have been done.
    assert_eq!(*removed.borrow(), ["one", "two", "three"]);
    let took = event_loop.time() - begin;
    assert!(took < 300 * MS, "nobody waited for the third");
    assert_eq!(event_loop.tasks(), 0, "and nothing is left behind");

    let sum = event_loop.run_until_complete(fetch_all(removed, [10, 20, 30]));
    assert_eq!(sum.expect("all three succeed"), 60);
    measured(format_args!(
        "One of three downloads failed after 200 ms; after {} ms all partial files were removed and no \
         task was left, 100 ms before the third would have been done.",
        took.as_millis()
    ));
    Ok(())
}
