//! The page *What runs here, what cannot, and why*: each of its rows names what shows it, and that
//! exists.

use std::fs;
use std::path::Path;

/// The text of every Rust file in a folder.
fn sources(folder: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|kind| kind == "rs"));
    files.map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// The number of things of this kind and name.
fn count(kind: &str, name: &str) -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    match kind {
        "example" => {
            let file = root.join(format!("examples/real/src/bin/{name}.rs"));
            let text = fs::read_to_string(file).unwrap_or_default();
            text.matches("//! CI: --check").count()
        }
        "test" => {
            let test = format!("#[test]\nfn {name}() {{");
            let all = sources("tests") + &sources("examples/real/tests");
            all.matches(&test).count()
        }
        "suite" => {
            let script = fs::read_to_string(root.join("tests/peers/run.py")).unwrap();
            let table = fs::read_to_string(root.join("tests/peers/README.md")).unwrap();
            let in_script = script.contains(&format!("    \"{name}\":"));
            usize::from(in_script && table.contains(&format!("\n| `{name}` |")))
        }
        other => panic!("{other}: a row is shown by an example, a test or a suite"),
    }
}

#[test]
fn each_row_names_a_test_or_an_example_that_exists() {
    let page = include_str!("../src/interop/what_runs.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() >= 20, "{} rows", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, runs, why, shown] = cells[..] else { panic!("not four cells: {row}") };
        assert!(["yes", "no", "in part"].contains(&runs) && !why.is_empty(), "{row}");
        for one in shown.split("; ") {
            let (kind, name) = one.split_once(' ').unwrap_or_else(|| panic!("{row}"));
            let name = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
            let name = name.unwrap_or_else(|| panic!("{one}: `NAME` is missing"));
            assert_eq!(count(kind, name), 1, "{one} is named and does not exist, or twice: {row}");
        }
    }
}
