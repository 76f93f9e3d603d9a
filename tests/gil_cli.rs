//! `singletrack gil` from its command line: every scene, its JSON, its trace, what is refused.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;

use command::finish;
use serde_json::Value;
use singletrack::lab::scenes::explanation::resolve;
use singletrack::lab::scenes::scene::Scene;
use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(90);

/// Runs `singletrack gil …` to its end; a command that hangs is killed and fails the test.
fn gil(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.arg("gil").args(words).env_remove("COLUMNS").env_remove("CLICOLOR_FORCE");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
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
    let all = "python-2,python-2-linux,python-3.2,python-3.10,python-3.11,python-3.13,no-force,\
               fair,priority";
    for scene in Scene::ALL {
        let page = json(&[scene.name, "--seconds", "0.05", "--json", "--policy", all]);
        assert_eq!(page["runs"].as_array().unwrap().len(), 9, "{}", scene.name);
    }
}

#[test]
fn a_race_loses_updates_only_where_the_lock_can_be_lost_between_load_and_store() {
    let page = json(&["race", "--seconds", "0.3", "--json", "--policy", "python-2", "python-3.10"]);
    let lost = |run: usize| page["runs"][run]["figures"]["lost"].as_f64().unwrap();
    assert!(lost(0) > 0.0, "{page}");
    assert_eq!(lost(1), 0.0, "{page}");
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
    let costs = page.lines().find_map(|line| line.strip_prefix("--costs ")).unwrap();
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
    let words = ["parity", "--seconds", "0.1", "--policy", "python-2", "python-3.2"];
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
    let cases: [(&[&str], &str); 21] = [
        (&["convoi"], "convoy"),
        (&["convoi"], "fidelity or parity"),
        (&["battle", "--policy", "python-4"], "python-3.13"),
        (&["battle", "--seconds", "0"], "0.05"),
        (&["battle", "--seconds", "soon"], "0.05"),
        (&["battle", "--width", "7"], "40"),
        (&["battle", "--python", "/usr/bin/python3"], "fidelity"),
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
