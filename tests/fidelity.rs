//! The comparison with real interpreters: what counts as agreement, and one interpreter that is
//! really asked, if there is one.
#![cfg(feature = "cli")]

use serde_json::Value;
use singletrack::gil::SwitchPolicy;
use singletrack::lab::fidelity::comparison::{SideFigures, document, rows, table};
use singletrack::lab::fidelity::python::Interpreter;
use std::path::{Path, PathBuf};
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
};

#[test]
fn figures_that_mean_the_same_agree_though_they_differ() {
    let ours = SideFigures {
        lost: 1.0,
        switches: 20.0,
        latency: 30.0,
        bandwidth: [9_000.0, 40.0],
        echo: [20_000.0, 90.0, 200.0],
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
    ];
    for (experiment, ours) in wrong {
        let rows = rows("3.9.18", SwitchPolicy::PYTHON_3_2, &BY_INTERVAL, &ours);
        let disagree: Vec<&str> =
            rows.iter().filter(|row| !row.agrees_in_kind()).map(|row| row.experiment).collect();
        assert_eq!(disagree, [experiment]);
        assert!(table(&rows).contains("DISAGREES"), "{}", table(&rows));
        let json = document(&rows, &[]);
        let row = json["rows"].as_array().unwrap().iter().find(|r| r["experiment"] == experiment);
        assert_eq!(row.unwrap()["agrees_in_kind"], false);
    }
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
    assert_eq!(preset([3, 12, 9]), "python-3.11");
    assert_eq!(preset([3, 13, 0]), "python-3.13");
    assert_eq!(preset([4, 0, 0]), "python-3.13");
}

#[test]
fn what_is_no_cpython_is_refused_in_one_line() {
    for path in ["/bin/true", "/nowhere/python"] {
        let output = Command::new(env!("CARGO_BIN_EXE_singletrack"))
            .args(["gil", "fidelity", "--python", path])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(path) && stderr.contains("--python"), "{stderr}");
    }
}

/// Whether the two agree is measured, and so shown, not tested: a busy machine may say
/// anything. But all rows must be there.
#[test]
fn a_real_interpreter_and_its_preset_are_compared_row_by_row() {
    let Ok(python) = Interpreter::at(Path::new("/usr/bin/python3")) else {
        eprintln!("skipped: no CPython at /usr/bin/python3");
        return;
    };
    let output = Command::new(env!("CARGO_BIN_EXE_singletrack"))
        .args(["gil", "fidelity", "--json", "--seconds", "0.2", "--python"])
        .arg(&python.path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = page["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 9);
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
