//! The entries of the museum of bugs are whole, fit the present source, and name tests that exist.
//! That those tests fail with them is proved by `tests/museum/run.py`, which takes minutes.

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
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let mut lines = text.lines().take_while(|line| line.starts_with('#'));
    let start = format!("# {name}: ");
    lines.find_map(|line| line.strip_prefix(&start)).unwrap_or_default()
}

#[test]
fn every_entry_has_its_header_and_names_a_test_that_exists() {
    let entries = entries();
    assert!(entries.len() >= 20, "only {} entries", entries.len());
    for (path, text) in &entries {
        for name in ["title", "source", "breaks", "kills", "kind", "teaches"] {
            assert!(!field(text, name).is_empty(), "{}: no {name}", path.display());
        }
        let kills: Vec<&str> = field(text, "kills").split(' ').collect();
        let ["cargo", "test", "--test", file, test] = kills[..] else {
            panic!("{}: {kills:?} is no `cargo test --test NAME TEST`", path.display());
        };
        let source = fs::read_to_string(root().join(format!("tests/{file}.rs"))).unwrap();
        let named = source.contains(&format!("fn {test}("));
        assert!(named, "{}: no test {test} in tests/{file}.rs", path.display());
    }
}

#[test]
fn every_entry_has_a_number_of_its_own() {
    let entries = entries();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let numbers: Vec<String> = entries.iter().map(|(path, _)| name(path)[..3].to_owned()).collect();
    assert!(numbers.windows(2).all(|two| two[0] < two[1]), "{numbers:?}");
}

#[test]
fn every_patch_applies_to_the_present_source() {
    let git = |args: &[&str]| Command::new("git").args(args).current_dir(root()).output();
    if !git(&["rev-parse", "--show-toplevel"]).is_ok_and(|done| done.status.success()) {
        eprintln!("skipped: there is no git, or this is no work tree");
        return;
    }
    for (path, _) in entries() {
        let done = git(&["apply", "--check", &path.to_string_lossy()]).unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{}: stale: {said}", path.display());
    }
}
