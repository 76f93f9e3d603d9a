//! The entries of the museum of bugs are whole, fit the present source, and name tests that exist.
//! That those tests fail with them is proved by `tests/museum/run.py`, which takes two or three hours.

#[path = "common/skipped.rs"]
mod skipped;

use skipped::skipped;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn entries() -> Vec<(PathBuf, String)> {
    let dir = fs::read_dir(root().join("tests/museum")).unwrap();
    let mut paths: Vec<PathBuf> = dir.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "patch"));
    paths.sort_by_key(|path| number(path));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// What stands before the name of an entry.
fn number(path: &Path) -> u32 {
    let name = path.file_name().unwrap().to_string_lossy();
    let number = name.split_once('-').and_then(|(number, _)| number.parse().ok());
    number.unwrap_or_else(|| panic!("{name}: no number"))
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let mut lines = text.lines().take_while(|line| line.starts_with('#'));
    let start = format!("# {name}: ");
    lines.find_map(|line| line.strip_prefix(&start)).unwrap_or_default()
}

/// The file and the name of the test: what stands behind `--test`.
fn killer(text: &str) -> Option<(&str, &str)> {
    let (cargo, test) = field(text, "kills").split_once(" --test ")?;
    let (file, name) = test.split_once(' ')?;
    (cargo.contains("cargo ") && !name.contains(' ')).then_some((file, name))
}

#[test]
fn every_entry_has_its_header_and_names_a_test_that_exists() {
    let entries = entries();
    assert!(entries.len() >= 75, "only {} entries", entries.len());
    for (path, text) in &entries {
        for name in ["title", "source", "breaks", "kills", "kind", "teaches"] {
            assert!(!field(text, name).is_empty(), "{}: no {name}", path.display());
        }
        let Some((file, test)) = killer(text) else {
            let kills = field(text, "kills");
            panic!("{}: {kills}: no `cargo … test … --test FILE TEST`", path.display());
        };
        // Where a test stands in a module, that comes first: a file in a folder of the program's name.
        let (module, test) = test.rsplit_once("::").unwrap_or(("scenarios", test));
        let module = format!("tests/FILE/{module}.rs");
        let places = ["tests/FILE.rs", "tests/FILE/main.rs", &module];
        let read = |place: &&str| fs::read_to_string(root().join(place.replace("FILE", file))).ok();
        let sources: String = places.iter().filter_map(read).collect();
        assert!(!sources.is_empty(), "{}: no tests/{file}.rs", path.display());
        // A test without libtest has its name in a table, or made of words there, as has a matrix.
        let names = [format!("fn {test}("), format!("\"{test}\"")];
        let words = sources.to_lowercase();
        let named = names.iter().any(|name| sources.contains(name))
            || file.ends_with("_matrix") && test.split('_').all(|word| words.contains(word));
        assert!(
            named,
            "{}: no test {test} in tests/{file}.rs; if it was renamed, write its new name after \
             `kills:`",
            path.display()
        );
    }
}

#[test]
fn every_entry_has_a_number_of_its_own() {
    let entries = entries();
    let numbers: Vec<u32> = entries.iter().map(|(path, _)| number(path)).collect();
    assert!(numbers.windows(2).all(|two| two[0] < two[1]), "{numbers:?}");
}

#[test]
fn every_entry_stands_in_the_table() {
    let page = fs::read_to_string(root().join("tests/museum/README.md")).unwrap();
    for (path, text) in entries() {
        let row = format!("[{}]({})", field(&text, "title"), path.file_name().unwrap().display());
        assert!(page.contains(&row), "not in the table: {row}; run tests/museum/run.py");
    }
}

#[test]
fn every_patch_applies_to_the_present_source() {
    let git = |args: &[&str]| Command::new("git").args(args).current_dir(root()).output();
    if !git(&["rev-parse", "--show-toplevel"]).is_ok_and(|done| done.status.success()) {
        skipped("there is no git, or this is no work tree");
        return;
    }
    let mut stale = Vec::new();
    for (path, _) in entries() {
        let done = git(&["apply", "--check", &path.to_string_lossy()]).unwrap();
        if !done.status.success() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            stale.push(format!("{name}: {}", String::from_utf8_lossy(&done.stderr).trim_end()));
        }
    }
    assert!(
        stale.is_empty(),
        "the code that these patches change has changed:\n{}\nBring each bug in again by hand, where \
         it would stand now: change the source, put what `git diff` says behind the header of the \
         patch, undo the change, and prove it: tests/museum/run.py --only NN. If the bug cannot be \
         made any more, delete the patch.",
        stale.join("\n")
    );
}
