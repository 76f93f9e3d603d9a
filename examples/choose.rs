//! The article's advice as it is written, and beside it what this machine says of the same work.
//!
//! Level: 1 of 3. Minutes: 5. Read: src/lab/compare/verdict.rs
//!
//! ```python
//! if io_bound:
//!     if io_very_slow:
//!         print("Use Asyncio")
//!     else:
//!         print("Use Threads")
//! else:
//!     print("Multi Processing")
//! ```
//!
//! Question: does the advice hold here, or is it something that one believes? Prediction: for a
//! computation it does. For I/O, threads and loop are closer to each other than the advice sounds,
//! and what tells them apart is CPU and memory rather than time.
//!
//!     cargo run --release --example choose
//!     singletrack choose --cpu 2ms --io 20ms     # the same for work of your own
//!
//! CI: --rounds 1 --jobs 8 --connections 20
//!
//! Each kind of work runs under four models in rounds: this is `singletrack compare`, with fewer rounds
//! than it would take by itself.

mod common;

use common::measured;
use common::options::Options;
use serde_json::Value;
use singletrack::lab::cli::{CliError, Request, parse};
use singletrack::lab::compare_command::compare;
use singletrack::lab::report::terminal::{ColorChoice, Page};
use std::collections::BTreeSet;
use std::error::Error;

const MODELS: &str = "sequential,event-loop,threads-py3.10,processes";

/// A kind of work, by the command's name for it, and what the article says of it.
const KINDS: [(&str, &str, &str); 3] = [
    ("cpu", "not io_bound", "processes"),
    ("fast-io", "io_bound, few connections", "threads"),
    ("slow-io", "io_very_slow, many connections", "event loop"),
];

/// Has the models do this work, and gives the case of the command's JSON.
fn race(case: &str, sizes: &[String; 3]) -> Result<Value, Box<dyn Error>> {
    let [rounds, connections, jobs] = sizes;
    let mut words = vec!["singletrack", "compare", case, "--json", "--rounds", rounds];
    words.extend(["--model", MODELS]);
    if case == "slow-io" {
        words.extend(["--connections", connections]);
    } else if jobs != "0" {
        words.extend(["--jobs", jobs]);
    }
    let request = match parse(words.into_iter().map(Into::into)) {
        Ok(Request::Compare(request)) => request,
        Ok(_) => return Err("`compare` is another command now".into()),
        Err(CliError::Usage(why) | CliError::Help(why)) => return Err(why.into()),
    };
    let mut text = String::new();
    compare(&request, &Page::on_stdout(None, ColorChoice::Never), |piece| {
        text += piece;
        Ok(())
    })?;
    Ok(serde_json::from_str::<Value>(&text)?["cases"][0].take())
}

/// The names of the best, and how sure that is.
fn verdict(case: &Value) -> (String, String) {
    let verdict = &case["verdict"];
    let best = verdict["best"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let best: Vec<&str> = best.collect();
    let named = match best.len() {
        1 | 2 => best.join(" or "),
        count => format!("{count} not told apart"),
    };
    let family = verdict["family"].as_str().map_or(named, str::to_owned);
    (family, verdict["how"].as_str().unwrap_or("nothing").to_owned())
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&["--rounds N", "--connections N", "--jobs N"]);
    let rounds = options.value("--rounds", 1..=1000u32, 8);
    let connections = options.value("--connections", 1..=100_000u32, 300);
    let jobs = options.value("--jobs", 1..=1_000_000u32, 0);
    let sizes = [rounds, connections, jobs].map(|number| number.to_string());

    println!("{:32}{:14}{:34}how sure", "work", "the article", "measured here");
    let mut agreed = 0;
    for (case, words, advice) in KINDS {
        let result = race(case, &sizes)?;
        let models = result["models"].as_array().ok_or("no models")?;
        let answers: BTreeSet<&str> =
            models.iter().filter_map(|m| m["checksum"].as_str()).collect();
        assert_eq!(answers.len(), 1, "{case}: every model came to the same answer");
        assert!(models.iter().all(|m| m["failed"] == 0), "{case}: and no job failed");
        let (best, how) = verdict(&result);
        agreed += u32::from(best == advice);
        println!("{words:32}{advice:14}{best:34}{how}");
    }
    println!("\nfor work of your own: singletrack choose --cpu 2ms --io 20ms");
    measured(format_args!(
        "For {agreed} of 3 kinds of work the article's advice is what this machine says (rounds: \
         {rounds})."
    ));
    Ok(())
}
