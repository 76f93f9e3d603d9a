//! The page that tells asyncio's users where things are: whoever types a name on its left into
//! the search box of the documentation must find something.

use std::fs;
use std::path::Path;

/// All sources below a folder, in one string.
fn sources(dir: &Path, into: &mut String) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// The names between backticks in the first column of the tables.
fn python_names(page: &str) -> Vec<&str> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|row| row.split_once(" |"))
        .flat_map(|(first, _)| first.split(", "))
        .map(|name| name.trim_matches('`'))
        .collect()
}

#[test]
fn every_python_name_of_the_page_is_a_search_alias() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let page = fs::read_to_string(src.join("aio/asyncio.md")).unwrap();
    let names = python_names(&page);
    assert!(names.len() > 70, "the tables could not be read: {names:?}");
    let mut text = String::new();
    sources(&src, &mut text);
    let missing: Vec<_> =
        names.iter().filter(|name| !text.contains(&format!("doc(alias = \"{name}\")"))).collect();
    assert!(missing.is_empty(), "no `#[doc(alias)]` for {missing:?}");
}
