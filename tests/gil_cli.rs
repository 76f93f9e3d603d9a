//! `singletrack gil` from its command line: every scene, its JSON, its trace, what is refused.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;
#[path = "common/skipped.rs"]
mod skipped;
#[path = "common/terminal.rs"]
mod terminal;

use command::{finish, interruptible, with_few_tasks};
use serde_json::Value;
use singletrack::lab::scenes::explanation::resolve;
use singletrack::lab::scenes::scene::Scene;
use skipped::skipped;
use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use terminal::on_terminal;

const PATIENCE: Duration = Duration::from_secs(90);

/// `singletrack gil …`, with nothing in its environment that says how to draw.
fn command_line(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.arg("gil").args(words).stdin(Stdio::null());
    for name in ["COLUMNS", "CLICOLOR_FORCE", "NO_COLOR", "TERM", "COLORTERM"] {
        command.env_remove(name);
    }
    interruptible(&mut command);
    command
}

/// Runs `singletrack gil …` to its end; a command that hangs is killed and fails the test.
fn gil(words: &[&str]) -> Output {
    let mut command = command_line(words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap(), words, PATIENCE)
}

fn text(words: &[&str]) -> String {
    let output = gil(words);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(words: &[&str]) -> Value {
    serde_json::from_str(&text(words)).unwrap()
}

#[test]
fn every_scene_draws_measures_and_explains() {
    for scene in Scene::ALL {
        let page = text(&[scene.name, "--seconds", "0.1"]);
        for policy in scene.policies {
            let caption = (scene.caption)(policy);
            assert!(page.contains(&format!("{caption}: the last ")), "{page}");
        }
        let words = &scene.state_names;
        assert!(words.owner.is_none_or(|owner| page.contains(owner)), "{page}");
        assert!(page.contains(&format!("▒ {}", words.states[1])), "{page}");
        let sentences = page.lines().filter(|line| line.starts_with('→')).count();
        assert_eq!(sentences, scene.policies.len(), "{page}");
        let why = page.split("\nWhy\n").nth(1).expect("an explanation");
        assert!((15..=30).contains(&why.lines().count()), "{}: {why}", scene.name);
        assert!(why.contains("src/gil/"), "{why}");
        assert!(!why.contains(['[', ']']), "a place was not found: {why}");
    }
}

#[test]
fn every_scene_has_whole_json() {
    for scene in Scene::ALL {
        let page = json(&[scene.name, "--seconds", "0.1", "--json"]);
        assert_eq!(page["scene"], scene.name);
        let runs = page["runs"].as_array().unwrap();
        let policies: Vec<&str> = runs.iter().map(|r| r["policy"].as_str().unwrap()).collect();
        let wanted: Vec<String> = scene.policies.iter().map(ToString::to_string).collect();
        assert_eq!(policies, wanted);
        for run in runs {
            let figures = run["figures"].as_object().unwrap();
            assert!(figures.values().all(Value::is_number), "{}: {figures:?}", scene.name);
            assert!(run["pid"].as_u64().unwrap() > 1);
            let threads = run["threads"].as_array().unwrap();
            assert!(threads.len() >= 2, "{threads:?}");
            for thread in threads {
                for lengths in [&thread["hold_us"], &thread["wait_us"]] {
                    let of = |name: &str| lengths[name].as_f64().unwrap();
                    assert!(of("p50") <= of("p99") && of("p99") <= of("max"), "{thread}");
                    assert_eq!(of("count") == 0.0, of("max") == 0.0, "{thread}");
                }
            }
            // Not every thread: one may starve, which is a scene of its own.
            assert!(threads.iter().any(|t| t["takes"].as_u64().unwrap() > 0), "{threads:?}");
        }
    }
}

#[test]
fn every_scene_runs_under_every_policy() {
    let all = "python-2,python-2-linux,python-3.2,python-3.10,python-3.11,python-3.13,python-3.14,\
               python-3.15,no-force,fair,priority";
    for scene in Scene::ALL {
        let page = json(&[scene.name, "--seconds", "0.05", "--json", "--policy", all]);
        assert_eq!(page["runs"].as_array().unwrap().len(), 11, "{}", scene.name);
    }
}

#[test]
fn a_race_loses_updates_only_where_the_lock_can_be_lost_between_load_and_store() {
    let page = json(&["--policy", "python-2,python-3.10", "race", "--seconds", "0.3", "--json"]);
    let lost = |run: usize| page["runs"][run]["figures"]["lost"].as_f64().unwrap();
    assert!(lost(0) > 0.0, "{page}");
    assert_eq!(lost(1), 0.0, "{page}");
}

#[test]
fn every_race_under_an_interval_loses_updates() {
    for _ in 0..4 {
        let page = json(&["race", "--json", "--policy", "python-3.2"]);
        let figure = |name: &str| page["runs"][0]["figures"][name].as_f64().unwrap();
        let (lost, all) = (figure("lost"), figure("increments"));
        assert!(0.0 < lost && lost < all, "{page}");
        let threads = page["runs"][0]["threads"].as_array().unwrap();
        let takes = |thread: &Value| thread["takes"].as_u64().unwrap();
        assert!(threads.iter().all(|thread| takes(thread) >= 1), "all of them race: {page}");
    }
}

#[test]
fn a_forced_switch_always_hands_over() {
    let page = json(&["no-force", "--seconds", "0.3", "--json", "--policy", "python-3.2"]);
    assert_eq!(page["runs"][0]["figures"]["handed_over"], 1.0);
}

#[test]
fn values_cross_between_interpreters_and_the_wrong_lock_is_refused() {
    let page = json(&["per-interpreter", "--seconds", "0.2", "--json"]);
    let figure = |name: &str| page["runs"][0]["figures"][name].as_f64().unwrap();
    assert!(figure("values_sent") >= 1.0, "{page}");
    assert_eq!(figure("values_received"), figure("values_sent"));
    assert_eq!((figure("values_whole"), figure("refused_wrong_lock")), (1.0, 1.0));
}

#[test]
fn only_a_stopped_world_shows_values_that_belong_together() {
    let page = json(&["free-threaded", "--seconds", "0.4", "--json"]);
    let figure = |name: &str| page["runs"][0]["figures"][name].as_f64().unwrap();
    assert!(figure("stops") >= 1.0 && figure("peeks") >= 10.0, "{page}");
    assert_eq!(figure("torn_when_stopped"), 0.0, "{page}");
    assert!(figure("attaches") >= 3.0 && figure("parked_per_stop") <= 2.0, "{page}");
    let threads = page["runs"][0]["threads"].as_array().unwrap();
    let names: Vec<&str> = threads.iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(["cpu 1", "cpu 2", "collector"].iter().all(|name| names.contains(name)), "{names:?}");
}

#[test]
fn a_trace_calls_threads_without_a_lock_by_other_words() {
    let path = std::env::temp_dir().join(format!("singletrack-free-{}.json", std::process::id()));
    text(&["free-threaded", "--seconds", "0.1", "--trace", path.to_str().unwrap()]);
    let trace = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(trace.contains("\"Attached\"") && trace.contains("\"Suspended\""), "{trace}");
    assert!(!trace.contains("GIL owner") && !trace.contains("Has GIL"), "{trace}");
}

#[test]
fn a_trace_is_written_for_every_policy() {
    let path = std::env::temp_dir().join(format!("singletrack-{}.json", std::process::id()));
    let name = path.to_str().unwrap();
    text(&["battle", "--seconds", "0.05", "--policy", "python-2,fair", "--trace", name]);
    let trace: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    fs::remove_file(&path).unwrap();
    let named = |name: &'static str| {
        trace["traceEvents"].as_array().unwrap().iter().filter(move |e| e["name"] == name)
    };
    let processes: Vec<&str> =
        named("process_name").map(|e| e["args"]["name"].as_str().unwrap()).collect();
    assert_eq!(processes, ["battle · python-2", "battle · fair"]);
    assert!(named("Has GIL").count() > 0 && named("Waiting for GIL").count() > 0);
}

const SIMULATED: [&str; 4] = ["convoy", "battle", "starvation", "no-force"];

#[test]
fn what_can_be_simulated_is_drawn_and_explained_on_any_number_of_cores() {
    for scene in SIMULATED.map(|name| Scene::from_name(name).unwrap()) {
        for cores in ["1", "64"] {
            let words = [scene.name, "--simulate", cores, "--seconds", "0.05"];
            let page = text(&words);
            assert!(page.contains(&format!("on {cores} simulated core")), "{page}");
            assert!(page.contains("--costs tick=12ns,uncontended=10ns"), "{page}");
            assert!(page.contains("GIL owner") && page.contains("▒ Waiting for GIL"), "{page}");
            let sentences = page.lines().filter(|line| line.starts_with('→')).count();
            assert_eq!(sentences, scene.policies.len(), "{page}");
            assert!(page.contains("\nWhy\n"), "{page}");
            assert_eq!(page, text(&words), "twice the same");
        }
    }
}

#[test]
fn a_simulated_battle_is_beazleys() {
    let times = |cores: &str| -> Vec<f64> {
        let page = json(&["battle", "--simulate", cores, "--seconds", "0.08", "--json"]);
        assert_eq!(page["simulated"]["cores"].to_string(), cores);
        let runs = page["runs"].as_array().unwrap();
        runs.iter().map(|run| run["figures"]["times_as_long"].as_f64().unwrap()).collect()
    };
    let (one, four) = (times("1"), times("4"));
    // python-2, python-2-linux, python-3.2
    assert!(one.iter().all(|ratio| (0.95..1.1).contains(ratio)), "{one:?}");
    assert!(four[0] > 1.3 && four[1] > 1.3 && four[2] < 1.05, "{four:?}");
}

#[test]
fn the_line_of_costs_and_the_seed_bring_the_same_history_back() {
    let words = ["battle", "--simulate", "4", "--seconds", "0.05", "--policy", "python-2"];
    let with = |more: &[&str]| text(&[&words[..], more].concat());
    let page = with(&["--seed", "3"]);
    // As a shell reads it: a backslash at the end of a line joins it with the next.
    let joined = page.replace("\\\n", "");
    let costs = joined.lines().find_map(|line| line.strip_prefix("--costs ")).unwrap();
    assert_eq!(with(&["--seed", "3", "--costs", costs]), page);
    assert_ne!(with(&["--seed", "4"]), page);
    assert_ne!(with(&["--seed", "3", "--costs", "interrupt=20us"]), page);
}

#[test]
fn a_simulation_can_be_traced() {
    let path = std::env::temp_dir().join(format!("singletrack-sim-{}.json", std::process::id()));
    let name = path.to_str().unwrap();
    let policies = ["--policy", "python-3.2,fair,no-force"];
    let words = ["battle", "--simulate", "4", "--seconds", "0.05", "--trace", name];
    text(&[&words[..], &policies[..]].concat());
    let trace: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    fs::remove_file(&path).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let named = |name: &'static str| events.iter().filter(move |e| e["name"] == name);
    let pids: Vec<u64> = named("process_name").map(|e| e["pid"].as_u64().unwrap()).collect();
    assert_eq!(pids, [1, 2, 3]);
    assert!(named("Has GIL").count() > 0 && named("Waiting for GIL").count() > 0);
}

#[test]
fn this_machine_can_be_measured_and_simulated() {
    let words = ["battle", "--simulate", "2", "--costs", "measured", "--seconds", "0.05", "--json"];
    let page = json(&words);
    let costs = page["simulated"]["costs"].as_str().unwrap();
    let costs: singletrack::gil::Costs = costs.parse().unwrap();
    assert!(costs.tick > 0 && costs.uncontended > 0 && costs.contended > 0, "{costs}");
    assert!(costs.signal + costs.interrupt > 0 && costs.quantum > 0, "{costs}");
}

#[test]
fn parity_sets_the_simulator_beside_the_real_lock() {
    let words = ["parity", "--seconds", "0.1", "--policy", "python-2,python-3.2"];
    let page = json(&[&words[..], &["--json"]].concat());
    let rows = page["rows"].as_array().unwrap();
    // At least one core, two policies.
    assert!(rows.len() >= 2 && rows.len().is_multiple_of(2), "{page}");
    for row in rows {
        let number = |name: &str| row[name].as_f64().unwrap();
        assert!(number("real") > 0.0 && number("simulated") > 0.0, "{row}");
        let factor = number("real") / number("simulated");
        assert!((number("factor") - factor.max(1.0 / factor)).abs() < 1e-6, "{row}");
    }
    let table = text(&words);
    assert!(table.starts_with("measured: tick="), "{table}");
    let lines = table.lines().filter(|line| line.starts_with("battle ")).count();
    let battles = rows.iter().filter(|row| row["scene"] == "battle").count();
    assert_eq!(lines, battles, "{table}");
}

#[test]
fn a_picture_is_as_wide_as_the_terminal_and_no_wider() {
    let words = "battle --simulate 4 --seconds 0.05 --policy python-2 --color never";
    let words: Vec<&str> = words.split(' ').collect();
    for columns in [20, 60, 80, 120, 160] {
        let (page, code) = on_terminal(columns, &mut command_line(&words), PATIENCE);
        assert_eq!(code, 0, "{page}");
        let widest = page.lines().map(|line| line.chars().count()).max();
        assert_eq!(widest, Some(usize::from(columns)), "{page}");
    }
    // $COLUMNS speaks for what is no terminal, and not against one.
    let (page, _) = on_terminal(60, command_line(&words).env("COLUMNS", "100"), PATIENCE);
    assert!(page.lines().all(|line| line.chars().count() <= 60), "{page}");
}

#[test]
fn colours_are_those_that_the_terminal_has() {
    let words = ["battle", "--simulate", "4", "--seconds", "0.05", "--policy", "python-2"];
    let drawn = |environment: &[(&str, &str)], more: &[&str]| {
        let mut command = command_line(&[&words[..], more].concat());
        command.envs(environment.iter().copied());
        on_terminal(80, &mut command, PATIENCE).0
    };
    let console = drawn(&[("TERM", "linux")], &[]);
    assert!(console.contains("\x1b[32m") && !console.contains("38;"), "{console:?}");
    assert!(drawn(&[("TERM", "xterm-256color")], &[]).contains("\x1b[38;5;"));
    let rich = [("TERM", "xterm"), ("COLORTERM", "truecolor")];
    assert!(drawn(&rich, &[]).contains("\x1b[38;2;"));
    for (environment, more) in [
        (&[("TERM", "linux"), ("NO_COLOR", "1")][..], &[][..]),
        (&[("TERM", "dumb")], &[]),
        (&rich, &["--color", "never"]),
    ] {
        assert!(!drawn(environment, more).contains('\x1b'), "{environment:?} {more:?}");
    }
    // What no terminal reads has colours on request only.
    assert!(!text(&words).contains('\x1b'));
    assert!(text(&[&words[..], &["--color", "always"]].concat()).contains("\x1b[32m"));
}

#[test]
fn a_fight_that_the_picture_is_too_coarse_for_is_looked_at_closely() {
    let words = ["battle", "--simulate", "4", "--seconds", "0.05", "--policy"];
    let page = text(&[&words[..], &["python-2"]].concat());
    let closer = page.split("a closer look, at ").nth(1).expect(&page);
    let lanes: Vec<&str> = closer.lines().skip(2).take(3).collect();
    assert!(lanes.iter().all(|lane| !lane.contains('▞')), "single takes show: {closer}");
    assert!(lanes[1..].iter().any(|lane| lane.matches('╵').count() >= 3), "and fail: {closer}");
    let page = text(&[&words[..], &["python-3.2"]].concat());
    assert!(!page.contains("a closer look"), "nothing is hidden: {page}");
}

#[test]
fn a_thread_that_blocks_for_the_whole_picture_is_drawn() {
    let page = text(&["signal-storm", "--seconds", "0.1", "--ascii", "--policy", "python-3.2"]);
    let main = page.lines().find(|line| line.starts_with("a main")).unwrap();
    assert!(main.contains("....................") && main.ends_with("100 %"), "{page}");
}

#[test]
fn a_window_is_the_stretch_that_was_asked_for() {
    let words = ["battle", "--simulate", "4", "--seconds", "0.05", "--policy", "python-3.2"];
    let zoom = |window| text(&[&words[..], &["--window", window]].concat());
    let page = zoom("9.9ms..10.2ms");
    assert!(page.contains("python-3.2: 300 us of 50 ms"), "{page}");
    assert!(page.contains("9.90 ms") && page.contains("10.20 ms"), "{page}");
    assert!(zoom("100us").contains("python-3.2: 100 us of 50 ms"));
    let output = gil(&[&words[..], &["--window", "3s..4s"]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("--window 3000 ms..4000 ms: recorded is 100 ns to 50 ms"), "{stderr}");
}

#[test]
fn a_table_drops_columns_and_never_cuts_numbers() {
    use singletrack::gil::SwitchPolicy;
    use singletrack::lab::scenes::parity::{ParityRow, heading, line};
    let row = ParityRow {
        scene: "convoy",
        unit: "us a request",
        policy: SwitchPolicy::PYTHON_2_LINUX,
        cores: 2,
        real: 1234.0,
        simulated: 5678.0,
    };
    for width in 8..100 {
        let (head, cells) = (heading(width), line(&row, width));
        let count = |text: &str| text.split_whitespace().count();
        for text in [&head, &cells] {
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}: {text}");
        }
        if head.is_empty() {
            // No room for two columns: a list, with heads and numbers whole.
            assert!(width < 51 && cells.contains("1234\n") && cells.contains("5678\n"), "{cells}");
            continue;
        }
        // `us a request` is three words.
        let unit = if cells.contains("us a") { 2 } else { 0 };
        assert_eq!(count(&head) + unit, count(&cells), "{width}: {head}{cells}");
    }
    assert!(line(&row, 80).contains("us a request"));
}

#[test]
fn ascii_and_width_are_kept() {
    let page = text(&["no-force", "--seconds", "0.05", "--ascii", "--width", "60"]);
    let picture = page.split("\nWhy\n").next().unwrap();
    assert!(picture.is_ascii(), "{picture}");
    assert!(picture.lines().skip(1).all(|line| line.chars().count() <= 60), "{picture}");
}

#[test]
fn a_column_of_figures_is_shown_whole_or_not_at_all() {
    let heads = |width| {
        let page = text(&["battle", "--simulate", "2", "--seconds", "0.05", "--width", width]);
        let head = page.lines().find(|line| line.starts_with("thread")).unwrap().to_owned();
        let row = page.lines().find(|line| line.starts_with("cpu 1")).unwrap();
        // `cpu 1` is two words.
        assert_eq!(row.split_whitespace().count(), head.split_whitespace().count() + 1, "{page}");
        head.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        heads("80"),
        ["thread", "takes", "asks", "fails", "p50", "p99", "max", "p50", "p99", "max"]
    );
    let narrow = heads("40");
    assert!((4..10).contains(&narrow.len()), "{narrow:?}");
}

#[test]
fn what_makes_no_sense_is_refused_in_one_line() {
    let cases: [(&[&str], &str); 30] = [
        (&["convoi"], "convoy"),
        (&["convoi"], "fidelity or parity"),
        (&["battle", "--policy", "python-4"], "python-3.13"),
        (&["battle", "--seconds", "0"], "0.05"),
        (&["battle", "--seconds", "soon"], "0.05"),
        (&["battle", "--width", "7"], "20"),
        (&["battle", "--window", "soon"], "200us"),
        (&["battle", "--window", "2ms..1ms"], "12ms..14ms"),
        (&["battle", "--window", "2ms", "--json"], "--json"),
        (&["battle", "--color", "red"], "never"),
        (&["battle", "--seconds", "1", "--seconds", "2"], "multiple times"),
        (&["battle", "--json", "--json"], "multiple times"),
        (&["fidelity", "--width", "90"], "draws nothing"),
        (&["parity", "--ascii"], "draws nothing"),
        (&["battle", "--python", "/usr/bin/python3"], "fidelity"),
        (&["parity", "--idioms"], "fidelity"),
        (&["fidelity", "--policy", "fair"], "preset"),
        (&["fidelity", "--trace", "x"], "scene"),
        (&["battle", "--simulate", "0"], "1 to 1024"),
        (&["battle", "--simulate", "1025"], "1 to 1024"),
        (&["battle", "--simulate", "99999999999999999999"], "1 to 1024"),
        (&["battle", "--simulate", "4", "--costs", "wake=5"], "wake=20us"),
        (&["battle", "--costs", "measured"], "--simulate"),
        (&["race", "--simulate", "4"], "name convoy, battle, starvation or no-force"),
        (&["signal-storm", "--simulate", "4"], "no signals"),
        (&["per-interpreter", "--simulate", "4"], "one lock"),
        (&["parity", "--simulate", "4"], "no scene"),
        (&["parity", "--trace", "x"], "draws nothing"),
        (&["race", "--trace", "/nowhere/at/all.json"], "/nowhere/at/all.json: No such file"),
        (&[], "see `singletrack gil --help`"),
    ];
    for (words, named) in cases {
        let output = gil(words);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
        assert_eq!(output.stdout, b"", "{words:?}");
        assert_eq!(stderr.lines().count(), 1, "{words:?}: {stderr}");
        assert!(stderr.contains(named), "{words:?}: {stderr}");
    }
}

#[test]
fn the_help_names_every_scene() {
    let page = text(&["--help"]);
    for scene in Scene::ALL {
        assert!(page.contains(scene.name), "{} is not in: {page}", scene.name);
    }
}

#[test]
fn explanations_name_functions_that_exist() {
    for scene in Scene::ALL {
        let (page, places) = resolve(scene.explanation);
        assert!(!page.contains(['[', ']']), "{}: {page}", scene.name);
        assert!(places.len() >= 4, "{}: {places:?}", scene.name);
        for place in places {
            let path = format!("{}/{}", env!("CARGO_MANIFEST_DIR"), place.file);
            let source = fs::read_to_string(&path).unwrap();
            let line = source.lines().nth(place.line - 1).unwrap();
            assert!(line.contains(&format!("fn {}", place.function)), "{place}: {line}");
        }
    }
}

// --- lives among other programs ---------------------------------------------------------

/// A command that has begun, and whoever reads its page.
struct Underway {
    child: std::process::Child,
    page: std::thread::JoinHandle<String>,
}

fn start(words: &[&str]) -> Underway {
    let mut command = command_line(words);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    Underway { child, page: std::thread::spawn(|| std::io::read_to_string(stdout).unwrap()) }
}

impl Underway {
    /// Waits until its run of this number, counted from 1, is under way.
    fn in_run(&self, number: usize) {
        let pid = self.child.id();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let mut seen = std::collections::BTreeSet::new();
        let deadline = Instant::now() + PATIENCE;
        while seen.len() < number {
            let now = fs::read_to_string(&children).unwrap();
            seen.extend(now.split_whitespace().map(str::to_owned));
            assert!(Instant::now() < deadline, "it came to run {} only", seen.len());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Its page, what it says on stderr, and its exit code, all of it soon.
    fn end(mut self) -> (String, String, Option<i32>) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    self.child.kill().unwrap();
                    panic!("it works on for nobody");
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let stderr = std::io::read_to_string(self.child.stderr.take().unwrap()).unwrap();
        (self.page.join().unwrap(), stderr, status.code())
    }
}

/// A directory of its own for one test, gone when the test has passed.
fn scratch(name: &str) -> std::path::PathBuf {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn a_signal_ends_a_run_at_once_whatever_runs() {
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        for words in [
            &["starvation", "--seconds", "600"][..],
            &["convoy", "--seconds", "600"],
            &["battle", "--simulate", "4", "--seconds", "600"],
            &["parity", "--seconds", "600"],
        ] {
            let underway = start(words);
            underway.in_run(1);
            underway.signal(name);
            let (page, stderr, ended) = underway.end();
            assert_eq!(ended, Some(code), "{words:?}: {stderr}");
            assert!(stderr.contains("SIG") && stderr.lines().count() == 1, "{stderr}");
            // What there is of the run, if anything, is shown, and says that it is a part.
            assert!(!page.contains('→') || page.contains("partial"), "{page}");
        }
    }
}

#[test]
fn runs_that_had_ended_are_kept_when_a_signal_comes() {
    let directory = scratch("gil-partial");
    let trace = directory.join("trace.json");
    fs::write(&trace, "yesterday's").unwrap();
    let name = trace.to_str().unwrap();
    let words = ["starvation", "--seconds", "1", "--policy", "python-3.2,fair", "--trace", name];
    let interrupted = |more: &[&str]| {
        let underway = start(&[&words[..], more].concat());
        underway.in_run(2);
        underway.signal("-INT");
        let (page, stderr, code) = underway.end();
        assert_eq!(code, Some(130), "{stderr}");
        page
    };
    let page = interrupted(&[]);
    assert!(page.contains("python-3.2: the last"), "{page}");
    assert!(page.ends_with("partial: not run, or not to the end: fair\n"), "{page}");
    let page: Value = serde_json::from_str(&interrupted(&["--json"])).unwrap();
    assert!(page["error"].as_str().unwrap().contains("SIGINT"), "{page}");
    let whole = |run: &&Value| run["partial"] == Value::Bool(false);
    let runs = page["runs"].as_array().unwrap();
    let ended: Vec<&Value> = runs.iter().filter(whole).collect();
    assert_eq!(ended.len(), 1, "{page}");
    assert_eq!(ended[0]["policy"], "python-3.2", "{page}");
    let cut = runs.iter().filter(|run| !whole(run));
    assert!(cut.map(|run| &run["policy"]).all(|policy| policy == "fair"), "{page}");
    assert_eq!(fs::read_to_string(&trace).unwrap(), "yesterday's", "an earlier trace is kept");
    fs::remove_file(&trace).unwrap();
    interrupted(&[]);
    let part: Value = serde_json::from_slice(&fs::read(&trace).unwrap()).unwrap();
    assert!(part["otherData"]["error"].as_str().unwrap().contains("SIGINT"), "marked as a part");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "nothing is left beside it");
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_signal_ends_a_conversation_with_an_interpreter_and_the_object_says_so() {
    let words = ["fidelity", "--seconds", "600", "--python", "python3", "--json"];
    let has_lock = "import sys, platform; \
        sys.exit(platform.python_implementation() != 'CPython' or not getattr(sys, '_is_gil_enabled', lambda: True)())";
    let found = Command::new("python3").args(["-c", has_lock]).status();
    if !found.is_ok_and(|status| status.success()) {
        return skipped("no CPython with a lock is `python3`");
    }
    let underway = start(&words);
    // One that says what it is, and two that are asked.
    underway.in_run(3);
    underway.signal("-INT");
    let (page, stderr, code) = underway.end();
    assert_eq!(code, Some(130), "{stderr}");
    let page: Value = serde_json::from_str(&page).unwrap();
    assert!(page["error"].as_str().unwrap().contains("SIGINT"), "{page}");
    assert_eq!(page["rows"], Value::Array(Vec::new()));
}

#[test]
fn a_policy_that_is_named_twice_runs_once() {
    let words = ["no-force", "--simulate", "2", "--seconds", "0.05", "--json", "--policy"];
    let page = json(&[&words[..], &["fair,fair", "--policy", "no-force,fair"]].concat());
    let runs = page["runs"].as_array().unwrap().iter();
    let policies: Vec<&str> = runs.map(|run| run["policy"].as_str().unwrap()).collect();
    assert_eq!(policies, ["fair", "no-force"]);
}

#[test]
fn a_scene_whose_thread_is_refused_says_so_and_waits_for_nobody() {
    let words = ["gil", "convoy", "--seconds", "0.1"];
    let mut command = command_line(&words[1..]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // The command, and the process of the server.
    let Some(child) = with_few_tasks(&mut command, 2) else {
        return skipped("a limit of tasks takes the superuser");
    };
    let output = finish(child, &words, PATIENCE);
    let stderr = std::str::from_utf8(&output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("a thread: ") && stderr.contains("ulimit -u"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn a_whole_object_has_no_error() {
    let page = json(&["battle", "--simulate", "2", "--seconds", "0.05", "--json"]);
    assert_eq!(page["error"], Value::Null);
    let thread = &page["runs"][0]["threads"][0];
    let share = |name: &str| thread[name].as_f64().unwrap();
    let sum = share("has_share") + share("waits_share") + share("without_share");
    assert!((sum - 1.0).abs() < 1e-9, "{thread}");
}

#[test]
fn a_trace_that_finds_no_room_costs_neither_the_page_nor_the_exit_code() {
    let words =
        ["battle", "--simulate", "2", "--seconds", "0.05", "--json", "--trace", "/dev/full"];
    let output = gil(&words);
    assert_eq!(output.status.code(), Some(1));
    let page: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(page["runs"].as_array().unwrap().len(), 3);
    assert!(page["error"].as_str().unwrap().contains("/dev/full: No space left"), "{page}");
}

#[test]
fn a_reader_who_goes_ends_the_work_within_a_run() {
    for words in [
        &["convoy", "--seconds", "600"][..],
        &["battle", "--simulate", "4", "--seconds", "600"],
        &["starvation", "--seconds", "600"],
    ] {
        let mut command = command_line(words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let (_, stderr, code) = Underway { child, page: std::thread::spawn(String::new) }.end();
        assert_eq!((code, &stderr[..]), (Some(141), ""), "as if SIGPIPE had ended it");
    }
}

#[test]
fn a_parent_that_ignores_the_end_of_children_changes_nothing() {
    let script = "import os, signal, sys\n\
                  signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n\
                  os.execv(sys.argv[1], sys.argv[1:])";
    for words in [
        &["gil", "convoy", "--seconds", "0.05", "--json"][..],
        &["gil", "parity", "--seconds", "0.05", "--policy", "fair", "--json"],
    ] {
        let mut python = Command::new("python3");
        python.args(["-c", script, env!("CARGO_BIN_EXE_singletrack")]).args(words);
        python.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Ok(child) = python.spawn() else { return skipped("there is no python3") };
        let output = finish(child, words, PATIENCE);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {stderr}");
    }
}

#[test]
fn a_trace_may_have_a_name_that_is_no_text_and_a_name_cannot_steer_the_terminal() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let directory = scratch("gil-names");
    let run = |path: &std::path::Path| {
        let mut command = command_line(&["battle", "--simulate", "2", "--seconds", "0.05"]);
        command.arg("--trace").arg(path).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command.spawn().unwrap(), &["battle"], PATIENCE)
    };
    let path = directory.join(OsStr::from_bytes(b"tr\xffce.json"));
    let output = run(&path);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let trace: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(trace["traceEvents"].as_array().unwrap().len() > 10);
    let output = run(&directory.join("no\x1b[2J/trace.json"));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(r"no\u{1b}[2J/trace.json: No such file"), "{stderr:?}");
    assert!(!stderr.contains('\x1b'), "{stderr:?}");
    fs::remove_dir_all(&directory).unwrap();
}
