//! The comparison with real interpreters: what counts as agreement, and one interpreter that is
//! really asked, if there is one.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;
#[path = "common/skipped.rs"]
mod skipped;

use command::{finish, interruptible, with_few_tasks};
use serde_json::Value;
use singletrack::gil::SwitchPolicy;
use singletrack::lab::fidelity::comparison::{
    FidelityRow, SideFigures, Unmeasured, document, rows, verdict,
};
use singletrack::lab::fidelity::python::Interpreter;
use skipped::skipped;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// SideFigures like those of an interval policy on two cores.
const BY_INTERVAL: SideFigures = SideFigures {
    lost: 600_000.0,
    lost_by_call: 900_000.0,
    countdown: 1.0,
    switches: 190.0,
    latency: 5.2,
    bandwidth: [40_000.0, 150.0],
    echo: [9_000.0, 180.0, 80.0],
    crowd: [4.0, 20.0, 250.0, 6_000.0],
};

fn table(rows: &[FidelityRow]) -> String {
    singletrack::lab::fidelity::comparison::table("3.9.18", "python-3.2", rows, &[], 80)
}

#[test]
fn figures_that_mean_the_same_agree_though_they_differ() {
    let ours = SideFigures {
        lost: 1.0,
        switches: 20.0,
        latency: 30.0,
        bandwidth: [9_000.0, 40.0],
        echo: [20_000.0, 90.0, 200.0],
        crowd: [28.0, 50.0, 10.0, 2_000.0],
        ..BY_INTERVAL
    };
    let rows = rows("3.9.18", SwitchPolicy::PYTHON_3_2, &BY_INTERVAL, &ours);
    assert!(rows.iter().all(|row| row.agrees_in_kind()), "{}", table(&rows));
    let echo = rows.iter().find(|row| row.experiment == "echo_1").unwrap();
    assert_eq!((echo.factor(), echo.kind), (Some(2.0), "convoy"));
}

#[test]
fn a_difference_in_kind_is_named() {
    let wrong = [
        ("lost_updates", SideFigures { lost: 0.0, ..BY_INTERVAL }),
        ("lost_updates_by_call", SideFigures { lost_by_call: 0.0, ..BY_INTERVAL }),
        ("countdown", SideFigures { countdown: 2.0, ..BY_INTERVAL }),
        ("countdown", SideFigures { countdown: 0.5, ..BY_INTERVAL }),
        ("switches", SideFigures { switches: 5_000.0, ..BY_INTERVAL }),
        ("latency", SideFigures { latency: 0.1, ..BY_INTERVAL }),
        ("bandwidth", SideFigures { bandwidth: [40_000.0, 20_000.0], ..BY_INTERVAL }),
        ("echo_1", SideFigures { echo: [9_000.0, 5_000.0, 80.0], ..BY_INTERVAL }),
        ("echo_2", SideFigures { echo: [9_000.0, 180.0, 3_000.0], ..BY_INTERVAL }),
        ("crowd_10", SideFigures { crowd: [40.0, 20.0, 250.0, 6_000.0], ..BY_INTERVAL }),
        ("crowd_1000", SideFigures { crowd: [4.0, 20.0, 600.0, 6_000.0], ..BY_INTERVAL }),
        ("crowd_10000", SideFigures { crowd: [4.0, 20.0, 250.0, 43_000.0], ..BY_INTERVAL }),
    ];
    for (experiment, ours) in wrong {
        let rows = rows("3.9.18", SwitchPolicy::PYTHON_3_2, &BY_INTERVAL, &ours);
        let disagree: Vec<&str> =
            rows.iter().filter(|row| !row.agrees_in_kind()).map(|row| row.experiment).collect();
        assert_eq!(disagree, [experiment]);
        assert!(table(&rows).contains("DISAGREES"), "{}", table(&rows));
        let why = verdict(&rows, &[], &[]).expect("not all is well").to_string();
        assert!(
            why.contains(&format!("1 of 13 rows disagree in kind (3.9.18 {experiment})")),
            "{why}"
        );
        let json = document(&rows, &[], &[], &[], None);
        let row = json["rows"].as_array().unwrap().iter().find(|r| r["experiment"] == experiment);
        assert_eq!(row.unwrap()["agrees_in_kind"], false);
    }
}

#[test]
fn what_was_not_measured_has_no_row_and_is_named() {
    let ours = SideFigures { latency: f64::NAN, crowd: [f64::NAN; 4], ..BY_INTERVAL };
    for (real, ours) in [(&BY_INTERVAL, &ours), (&ours, &BY_INTERVAL)] {
        let rows = rows("3.9.18", SwitchPolicy::PYTHON_3_2, real, ours);
        assert_eq!(rows.len(), 8, "{}", table(&rows));
        assert!(rows.iter().all(|row| row.agrees_in_kind()), "{}", table(&rows));
        assert_eq!(verdict(&rows, &[], &[]), None, "what was not asked for is not missed");
        let why = "python: it had not answered after 60s".to_owned();
        let none = Unmeasured { experiment: "latency", python: "3.9.18".into(), why };
        let missing = [none];
        let text =
            singletrack::lab::fidelity::comparison::table("3.9.18", "p", &rows, &missing, 120);
        assert!(text.contains("latency: could not be measured: python"), "{text}");
        let why = verdict(&rows, &missing, &[]).expect("something is missing");
        assert!(why.to_string().contains("1 could not be measured (3.9.18 latency)"), "{why}");
        let json = document(&rows, &missing, &[], &[], Some(&why));
        assert_eq!(json["unmeasured"][0]["experiment"], "latency");
        assert_eq!(json["error"], why.to_string());
    }
    let nothing = verdict(&[], &[], &[]).expect("nothing was compared").to_string();
    assert!(nothing.contains("nothing was compared") && nothing.contains("--python"), "{nothing}");
}

#[test]
fn where_there_is_no_interpreter_nothing_agrees() {
    for json in [false, true] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
        command.args(["gil", "fidelity", "--seconds", "0.1"]).args(json.then_some("--json"));
        let output = command.env_clear().stdin(Stdio::null()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains("no CPython was found"), "{stderr}");
        if json {
            let page: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(page["rows"].as_array().unwrap().len(), 0);
            assert!(stderr.contains(page["error"].as_str().unwrap()), "{stderr}");
        }
    }
}

/// A program that passes for CPython 3.12 and then does as the script says.
fn imposter(name: &str, then: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    let script = format!(
        "#!/bin/sh\ncase \"$3\" in *python_implementation*)\n\
         printf 'CPython\\n3.12.99\\n%s\\n1\\n' \"$0\"; exit;; esac\n{then}\n"
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn an_interpreter_that_crashes_is_a_line_in_its_place() {
    let dies_at_once = "exit 3";
    let dies_when_asked = "read passes; echo 50 60 70; read next; kill -SEGV $$";
    for (then, lines) in [(dies_at_once, 1), (dies_when_asked, 9)] {
        let path = imposter("singletrack-fidelity-crashes", then);
        let output = Command::new(env!("CARGO_BIN_EXE_singletrack"))
            .args(["gil", "fidelity", "--json", "--seconds", "0.05", "--python"])
            .arg(&path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("could not be measured (3.12.99 "), "{stderr}");
        let page: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(page["rows"].as_array().unwrap().len(), 0);
        let unmeasured = page["unmeasured"].as_array().unwrap();
        assert!(unmeasured.len() >= lines, "{page:#}");
        assert!(unmeasured[0]["why"].as_str().unwrap().contains("it ended before"), "{page:#}");
    }
}

#[test]
fn ctrl_c_keeps_what_was_measured_and_says_so() {
    let path = imposter("singletrack-fidelity-hangs", "touch \"$0.began\"; exec sleep 1000");
    let began = path.with_extension("began");
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.args(["gil", "fidelity", "--json", "--seconds", "0.05", "--python"]).arg(&path);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut command = interruptible(&mut command).spawn().unwrap();
    let mut waits = 0..600;
    while !began.exists() && waits.next().is_some() {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let pid = command.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut command.stdout.take().unwrap(), &mut text).unwrap();
    let status = command.wait().unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_file(&began).unwrap();
    assert_eq!(status.code(), Some(130), "{text}");
    let page: Value = serde_json::from_str(&text).unwrap();
    assert!(page["error"].as_str().unwrap().contains("was ended by"), "{page:#}");
    assert_eq!(page["unmeasured"].as_array().unwrap().len(), 0, "nothing failed: {page:#}");
}

#[test]
fn no_factor_is_made_up_for_zero() {
    let none = SideFigures { lost: 0.0, ..BY_INTERVAL };
    let policy = SwitchPolicy::PYTHON_3_2;
    assert_eq!(rows("", policy, &BY_INTERVAL, &none)[0].factor(), None);
    assert_eq!(rows("", policy, &none, &none)[0].factor(), Some(1.0));
}

#[test]
fn every_version_has_its_preset() {
    let preset = |version| Interpreter { version, path: PathBuf::new() }.preset().name().unwrap();
    assert_eq!(preset([2, 7, 18]), "python-2-linux");
    assert_eq!(preset([3, 1, 0]), "python-2-linux");
    assert_eq!(preset([3, 2, 0]), "python-3.2");
    assert_eq!(preset([3, 9, 18]), "python-3.2");
    assert_eq!(preset([3, 10, 0]), "python-3.10");
    assert_eq!(preset([3, 11, 0]), "python-3.11");
    assert_eq!(preset([3, 12, 9]), "python-3.13");
    assert_eq!(preset([3, 13, 0]), "python-3.13");
    assert_eq!(preset([3, 14, 0]), "python-3.14");
    assert_eq!(preset([3, 15, 0]), "python-3.15");
    assert_eq!(preset([4, 0, 0]), "python-3.15");
}

#[test]
fn what_is_no_cpython_is_refused_in_one_line() {
    for (path, code) in [("/bin/true", 1), ("/nowhere/python", 2), ("/etc/passwd", 2)] {
        let output = Command::new(env!("CARGO_BIN_EXE_singletrack"))
            .args(["gil", "fidelity", "--python", path])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(path) && stderr.contains("--python"), "{stderr}");
    }
}

#[test]
fn an_interpreter_whose_thread_is_refused_ends() {
    let words =
        ["gil", "fidelity", "--idioms", "--seconds", "0.05", "--python", "/usr/bin/python3"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // The command, the interpreter, and the first of two threads.
    let Some(child) = with_few_tasks(&mut command, 3) else {
        return skipped("a limit of tasks takes the superuser");
    };
    let output = finish(child, &words, std::time::Duration::from_secs(60));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
}

/// Whether the two agree is measured, and so shown, not tested: a busy machine may say
/// anything. But all rows must be there.
#[test]
fn a_real_interpreter_and_its_preset_are_compared_row_by_row() {
    // The newest one answers soonest.
    let Some(python) = Interpreter::find().into_iter().max_by_key(|python| python.version) else {
        skipped("no CPython to compare with");
        return;
    };
    let output = Command::new(env!("CARGO_BIN_EXE_singletrack"))
        .args(["gil", "fidelity", "--json", "--seconds", "0.2", "--python"])
        .arg(&python.path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let page: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = page["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 12, "all but the crowd that takes longer than 0.2 s: {page:#}");
    let agree = rows.iter().all(|row| row["agrees_in_kind"] == true);
    assert_eq!(page["error"].is_null(), agree, "{page:#}");
    assert_eq!(output.status.code(), Some(i32::from(!agree)), "{page:#}");
    for row in rows {
        assert_eq!(row["python"], python.name());
        assert_eq!(row["preset"], python.preset().to_string());
        for number in ["interpreter", "ours"] {
            assert!(row[number].as_f64().unwrap() >= 0.0, "{row}");
        }
        assert!(row["agrees_in_kind"].is_boolean(), "{row}");
        assert!(row["factor"].is_number() || row["factor"].is_null(), "{row}");
    }
}
