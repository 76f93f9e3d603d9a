//! `compare --html` and `choose --html`: every number of the page is one of the JSON object, which is in
//! the page.
#![cfg(feature = "cli")]

#[path = "common/cases.rs"]
mod cases;
#[path = "common/cli.rs"]
mod cli;
#[path = "common/command.rs"]
mod command;
#[path = "common/folder.rs"]
mod folder;
#[path = "common/html.rs"]
mod html_data;
#[path = "common/ran.rs"]
mod ran;

use cases::cases;
use cli::run;
use folder::Folder;
use html_data::data_of;
use proptest::prelude::*;
use ran::ran;
use serde_json::Value;
use singletrack::lab::choose::calibrate::Calibration;
use singletrack::lab::choose::chosen::{Asked, Chosen};
use singletrack::lab::choose::controls::Control;
use singletrack::lab::choose::document::document as choice;
use singletrack::lab::choose::flips::{Flip, Knob, Outcome, Probe};
use singletrack::lab::choose::html::html as choice_page;
use singletrack::lab::choose::machine::Machine;
use singletrack::lab::choose::shape::{Part, Shape};
use singletrack::lab::compare::document::document;
use singletrack::lab::compare::html::{About, html};
use singletrack::lab::compare::judgement::RoundCosts;
use singletrack::lab::compare::model::Model;
use singletrack::lab::compare::result::{CaseResult, ModelResult, RoundSize};
use singletrack::lab::compare::verdict::Nature;
use singletrack::lab::page::shell::MOST_BYTES;
use singletrack::lab::report::failure::Failure;
use singletrack::lab::report::stats::{duration, three_digits};
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// The page of a comparison, the JSON in it, and the JSON that was printed.
fn compared(folder: &Folder, words: &[&str]) -> (String, Value, Value) {
    let file = folder.path("page.html");
    let mut all = vec!["compare"];
    all.extend(words);
    all.extend(["--json", "--html", &file]);
    let output = run(&all);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let page = fs::read_to_string(&file).unwrap();
    let data = data_of(&page);
    (page, data, serde_json::from_slice(&output.stdout).unwrap())
}

/// The page without its data, its tags and its references.
fn words_of(page: &str) -> String {
    let (shown, _) = page.split_once("<script").unwrap();
    let (_, shown) = shown.split_once("<body>").unwrap();
    let mut text = String::new();
    let mut inside = true;
    for c in shown.chars() {
        match c {
            '<' => inside = false,
            '>' => {
                inside = true;
                text.push('\n');
            }
            c if inside => text.push(c),
            _ => {}
        }
    }
    let named = [
        ("&#x2f;", "/"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#39;", "'"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ];
    named.iter().fold(text, |text, (escaped, plain)| text.replace(escaped, plain))
}

/// Cells of tables: what stands between two tags and begins with a digit, and has a unit.
fn quantities(text: &str) -> BTreeSet<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let pairs = words.windows(2).filter(|pair| {
        let unit = pair[1].trim_end_matches([',', ';', '.', ')', ':']);
        pair[0].starts_with(|c: char| c.is_ascii_digit()) && ["s", "ms", "µs"].contains(&unit)
    });
    pairs
        .map(|pair| format!("{} {}", pair[0], pair[1].trim_end_matches([',', ';', '.', ')', ':'])))
        .collect()
}

/// Every time that the JSON object allows a page to state.
fn known(case: &Value) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for model in case["models"].as_array().unwrap() {
        let jobs = model["jobs"].as_f64().unwrap();
        let mut add = |value: &Value| known.extend(value.as_f64().map(duration));
        add(&model["wall_s"]["median"]);
        add(&model["start_s"]);
        add(&model["cpu_s"]);
        add(&model["no_core_s"]);
        let mut add = |value: f64| known.insert(duration(value));
        add(model["cpu_s"].as_f64().unwrap() / jobs);
        add(model["time_s"]["gil_wait"].as_f64().unwrap() / jobs);
        for percentile in ["p50", "p99"] {
            let latency = model["latency_ms"][percentile].as_f64().unwrap();
            known.insert(duration(latency / 1e3));
        }
    }
    known
}

/// The page's tables have every number of the case, and no time besides.
fn assert_same_numbers(text: &str, case: &Value) {
    let lines: BTreeSet<&str> = text.lines().map(str::trim).collect();
    for model in case["models"].as_array().unwrap() {
        let cells = [
            duration(model["wall_s"]["median"].as_f64().unwrap()),
            three_digits(model["jobs_per_s"].as_f64().unwrap()),
            duration(model["latency_ms"]["p50"].as_f64().unwrap() / 1e3),
            duration(model["latency_ms"]["p99"].as_f64().unwrap() / 1e3),
            format!("{:.1} MiB", model["memory_kib"].as_f64().unwrap() / 1024.0),
        ];
        for cell in cells {
            assert!(lines.contains(cell.as_str()), "{cell} of {}", model["model"]);
        }
    }
    // What stands before that are the marks of axes.
    let (_, tables) = text.split_once("A job costs").unwrap();
    let strange: Vec<String> = quantities(tables).difference(&known(case)).cloned().collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn every_number_of_the_page_is_one_of_the_json_object() {
    let folder = Folder::new("compare-html");
    let models = "sequential,threads-py3.10,threads-free,processes";
    let words = ["cpu", "--jobs", "6", "--rounds", "3", "--model", models];
    let (page, data, printed) = compared(&folder, &words);
    assert_eq!(data, printed, "the page holds what --json prints");
    assert!(page.len() <= MOST_BYTES);
    let text = words_of(&page);
    let case = &printed["cases"][0];
    assert_same_numbers(&text, case);
    for sentence in case["verdict"]["sentences"].as_array().unwrap() {
        // Sentences begin with a capital on the page.
        assert!(text.contains(&sentence.as_str().unwrap()[1..]), "{sentence}");
    }
    // A dot for each round of each pair.
    assert_eq!(page.matches("class=\"dot\"").count(), 3 * 3);
}

#[test]
fn a_sweep_is_a_page_with_its_curve() {
    let folder = Folder::new("sweep-html");
    let words = ["cpu", "--jobs", "4", "--rounds", "1", "--sweep", "workers=1..2"];
    let words = [&words[..], &["--model", "sequential,threads-free"]].concat();
    let (page, data, printed) = compared(&folder, &words);
    assert_eq!(data, printed);
    let text = words_of(&page);
    assert!(text.contains("jobs/s") && text.contains("workers=2"), "{text}");
    assert_eq!(page.matches("<polyline").count(), 2 * 2, "two charts of two models");
}

/// A model that ran so often, and never equally long.
fn ran_often(model: Model, rounds: usize) -> ModelResult {
    let costs = |round: usize| {
        let wall = 0.1 + (round * 7919 % 1000) as f64 / 3e4;
        RoundCosts { round, costs: [Some(wall), Some(wall / 7.0), Some(wall / 3.0), Some(2048.0)] }
    };
    let curve = (0..30).map(|at| (1.0 - 0.7f64.powi(at), 0.01 + f64::from(at) / 3e3)).collect();
    ModelResult { curve, ..ran(model, 0.11, (0..rounds).map(costs).collect()) }
}

fn case(name: &str, rounds: usize) -> CaseResult {
    let size = RoundSize { rounds, jobs: 32, lanes: 2, workers: 2 };
    let most = if rounds > 100 { 3 } else { 8 };
    let models = Model::ALL[..most].iter().map(|model| ran_often(*model, rounds)).collect();
    CaseResult::of(name, Some(Nature::CpuBound), size, models, 1).unwrap()
}

#[test]
fn many_rounds_are_thinned_out_and_the_page_says_so() {
    let results = [case("cpu", 1500), case("slow-io", 1500), case("fast-io", 1500)];
    let page = html(&results, None, &About::default()).unwrap();
    assert!(page.len() <= MOST_BYTES, "{}", page.len());
    let data = data_of(&page);
    let raw = data["cases"][2]["models"][0]["raw"].as_array().unwrap();
    let every = raw[1]["round"].as_u64().unwrap();
    assert!(every > 1 && page.contains(&format!("one round in {every}")), "{every}");
    assert_eq!(raw.len() as u64, 1500u64.div_ceil(every));
    let whole = document(&results, None);
    let (of_page, of_all) = (&data["cases"][1]["verdict"], &whole["cases"][1]["verdict"]);
    assert_eq!(of_page["sentences"], of_all["sentences"], "of all rounds");
    let few = html(&[case("cpu", 7)], None, &About::default()).unwrap();
    let whole = document(&[case("cpu", 7)], None).to_string();
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert!(data_of(&few) == whole, "of few, all are there");
}

/// A choice after so many rounds, with a flip of two probes.
fn chosen(rounds: usize) -> Chosen {
    let ms = Duration::from_millis;
    let control = |name, ideal| Control { name, ideal, measured: ideal * 0.98 };
    let (to, stands_at, flips_at) = (Model::ThreadsPy310, 900_000, 700_000);
    let outcome = Outcome::Flips { stands_at, flips_at, to };
    let probes = vec![
        Probe { value: stands_at, stands: true, ahead: Model::EventLoop },
        Probe { value: flips_at, stands: false, ahead: to },
    ];
    let untested = |knob| {
        let probes = Vec::new();
        Flip { knob, from: 2_000_000, until: 1, outcome: Outcome::Untested, probes }
    };
    let shape = Shape { parts: vec![Part::Io(ms(20)), Part::Cpu(ms(2))], jobs: None, inflight: 8 };
    Chosen {
        asked: Asked {
            shape,
            source: "given".to_owned(),
            assumed: Vec::new(),
            workers: 2,
            seed: 7,
        },
        machine: Machine::of(2, None),
        calibration: Calibration {
            operations_per_ms: 300.0,
            drift: 0.01,
            side_by_side: 1.9,
            switch: None,
            wake: None,
            fork: 0.001,
            pipe: 1e-5,
            encode: 1e-6,
            answer: 1e-4,
        },
        controls: [control("pure sleep", 4.0), control("pure spin", 1.0)],
        race: Some(case("work", rounds)),
        confirmation: Some(case("work", rounds)),
        flips: vec![
            Flip { probes, outcome, until: 125_000, ..untested(Knob::Cpu) },
            untested(Knob::Inflight),
            untested(Knob::Cores),
        ],
    }
}

#[test]
fn every_number_of_the_page_of_a_choice_is_one_of_its_json_object() {
    let chosen = chosen(12);
    let race = chosen.race.as_ref().unwrap();
    let page = choice_page(&chosen, race, "singletrack choose --cpu 2ms", None).unwrap();
    let printed = choice(&chosen, "singletrack choose --cpu 2ms", None).to_string();
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert!(data_of(&page) == printed, "the page holds what --json prints");
    let text = words_of(&page);
    assert_same_numbers(&text, &printed["race"]);
    let finding = &printed["finding"];
    let lists = ["why", "flips", "elsewhere"].map(|name| finding[name].as_array().unwrap());
    let ones = [&finding["verdict"], &finding["currencies"], &finding["rule"]];
    for sentence in lists.into_iter().flatten().chain(ones) {
        // Sentences begin with a capital and end with a full stop on the page.
        let rest: String = sentence.as_str().unwrap().chars().skip(1).collect();
        assert!(text.contains(rest.trim_end_matches('.')), "{sentence}");
    }
    for control in printed["controls"].as_array().unwrap() {
        let says = format!("{:.2} times, as it must", control["measured"].as_f64().unwrap());
        assert!(text.contains(&says), "{says}");
    }
    assert!(text.contains("for the time was up: in flight at 1, cores at 1"), "in one sentence");
    // A ring for each probe, and one for the work itself.
    assert_eq!(page.matches("place\"").count(), 2 + 1);
}

#[test]
fn the_page_of_a_choice_after_many_rounds_is_light_and_says_what_it_leaves_out() {
    let chosen = chosen(1500);
    let race = chosen.race.as_ref().unwrap();
    let page = choice_page(&chosen, race, "choose", None).unwrap();
    assert!(page.len() <= MOST_BYTES, "{}", page.len());
    let data = data_of(&page);
    for races in ["race", "confirmation"] {
        let raw = data[races]["models"][0]["raw"].as_array().unwrap();
        let every = raw[1]["round"].as_u64().unwrap();
        assert!(every > 1 && page.contains(&format!("one round in {every}")), "{every}");
        assert_eq!(raw.len() as u64, 1500u64.div_ceil(every));
    }
    let whole = choice(&chosen, "choose", None);
    assert_eq!(data["verdict"], whole["verdict"], "of all rounds");
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn no_name_of_a_file_or_a_command_is_more_than_text(text in "\\PC*|[<>&\"'/{}%a-z\u{0}-\u{1f}]*") {
        let page = |text: &str| {
            let mut result = case(text, 2);
            result.notes = vec![text.to_owned()];
            result.skipped = vec![text.to_owned()];
            result.failures = vec![text.to_owned()];
            let about = About { command: text.to_owned(), ..About::default() };
            let failure = Failure::new(text, text, text);
            html(&[result], Some(&failure), &about).unwrap()
        };
        let (page, plain) = (page(&text), page("plain"));
        for tag in ["<", ">"] {
            prop_assert_eq!(page.matches(tag).count(), plain.matches(tag).count());
        }
        prop_assert_eq!(&data_of(&page)["cases"][0]["case"], &Value::from(text));
    }
}

#[test]
fn a_page_that_cannot_be_written_is_refused_before_anything_runs() {
    let folder = Folder::new("refused-html");
    let file = folder.path("no/such/page.html");
    let output = run(&["compare", "cpu", "--html", &file]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("page.html") && said.lines().count() == 1, "{said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_full_disk_is_a_line_and_the_answer_is_there() {
    let words = ["compare", "cpu", "--jobs", "2", "--rounds", "1", "--model", "sequential"];
    let output = run(&[&words[..], &["--html", "/dev/full"]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("/dev/full") && said.lines().count() == 1, "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("sequential"));
}

#[test]
fn an_earlier_page_stays_when_the_work_fails() {
    let folder = Folder::new("earlier-html");
    let file = folder.path("page.html");
    fs::write(&file, "an earlier page").unwrap();
    let output = run(&["compare", "files", &folder.path("nothing"), "--html", &file]);
    assert!(!output.status.success());
    assert_eq!(fs::read_to_string(&file).unwrap(), "an earlier page");
    assert_eq!(folder.names(), ["page.html"], "nothing half-written is left");
}
