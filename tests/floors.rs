//! The list of files in `lib.rs` is the layering: every import must point up the page.
//! Also: README shows the same list, every file opens with the four lines, and `unsafe`
//! stands only where `lib.rs` says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const CONTRACT: [&str; 3] = ["*Assumes*", "*Promises*", "*Leaves out*"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(&path))
        .unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

/// The lines `  path.rs   what it is` of a page, in order. In `lib.rs` they stand behind `//!`.
fn floor_plan(page: &str) -> Vec<(String, String)> {
    page.lines()
        .map(|line| line.strip_prefix("//!").map_or(line, |l| l.strip_prefix(' ').unwrap_or(l)))
        .filter_map(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split_once(char::is_whitespace))
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(path, what)| (path.to_owned(), what.trim().to_owned()))
        .collect()
}

/// Every `.rs` file below `src`, as a path relative to it.
fn source_files() -> Vec<String> {
    fn walk(dir: &Path, base: &Path, out: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, base, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path.strip_prefix(base).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let src = root().join("src");
    let mut out = Vec::new();
    walk(&src, &src, &mut out);
    out.sort();
    out
}

/// A door only declares and re-exports; it is not a floor of its own.
fn is_door(path: &str) -> bool {
    path == "lib.rs" || path.ends_with("mod.rs")
}

/// Code without comments. (No string of this crate holds `//` before an import.)
fn code(text: &str) -> String {
    text.lines().map(|l| l.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// All `crate::a::b` paths of a file, `use` trees opened up.
fn crate_paths(text: &str) -> Vec<String> {
    let text = code(text);
    let mut found = Vec::new();
    for root in ["crate::", "singletrack::"] {
        for (at, _) in text.match_indices(root) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
                continue;
            }
            open_tree(&text[at + root.len()..], String::new(), &mut found);
        }
    }
    found
}

/// Opens `a::{b::C, d}` into `a::b::C` and `a::d`; returns how much it read.
fn open_tree(text: &str, prefix: String, found: &mut Vec<String>) -> usize {
    let end =
        text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let path = format!("{prefix}{}", &text[..end]);
    if !text[end..].starts_with('{') || !path.ends_with("::") {
        found.push(path.trim_end_matches(':').to_owned());
        return end;
    }
    let mut at = end + 1;
    loop {
        at += text[at..].len() - text[at..].trim_start_matches([' ', '\n', ',']).len();
        if text[at..].starts_with('}') {
            return at + 1;
        }
        let read = open_tree(&text[at..], path.clone(), found);
        assert!(read > 0, "cannot read the import near `{}`", &text[at..text.len().min(at + 40)]);
        at += read;
        if let Some(rest) = text[at..].strip_prefix(" as ") {
            at += 4 + rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap();
        }
    }
}

/// The file a path leads into: the longest prefix that is one.
fn file_of(path: &str, files: &BTreeMap<String, usize>) -> Option<String> {
    let parts: Vec<&str> = path.split("::").collect();
    (1..=parts.len())
        .rev()
        .map(|n| format!("{}.rs", parts[..n].join("/")))
        .find(|file| files.contains_key(file))
}

#[test]
fn every_file_stands_in_the_plan_once() {
    let plan: Vec<String> = floor_plan(&read("src/lib.rs")).into_iter().map(|(p, _)| p).collect();
    let mut sorted = plan.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), plan.len(), "a file stands twice in the plan");
    let files: Vec<String> = source_files().into_iter().filter(|f| !is_door(f)).collect();
    assert_eq!(sorted, files, "the plan in lib.rs (left) and the files under src (right)");
}

#[test]
fn imports_point_up_the_page() {
    let order: BTreeMap<String, usize> =
        floor_plan(&read("src/lib.rs")).into_iter().enumerate().map(|(i, (p, _))| (p, i)).collect();
    let mut wrong = Vec::new();
    for (file, &floor) in &order {
        let text = read(format!("src/{file}"));
        if code(&text).contains("use super::*") && !code(&text).contains("mod tests") {
            wrong.push(format!("{file}: `use super::*` hides what is imported"));
        }
        for path in crate_paths(&text) {
            match file_of(&path, &order) {
                None => {
                    wrong.push(format!("{file}: `{path}` names a door; name the file behind it"))
                }
                Some(other) if other != *file && order[&other] > floor => {
                    wrong.push(format!("{file} imports {other}, which stands below it"));
                }
                Some(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn readme_shows_the_same_plan() {
    assert_eq!(floor_plan(&read("README.md")), floor_plan(&read("src/lib.rs")));
}

#[test]
fn every_file_opens_with_its_contract() {
    for (file, _) in floor_plan(&read("src/lib.rs")) {
        let text = read(format!("src/{file}"));
        let head: String = text.lines().take_while(|l| l.starts_with("//!")).collect();
        for word in CONTRACT {
            assert!(head.contains(word), "{file}: its opening lines lack {word}");
        }
    }
}

/// `dir/file.rs` between backticks in a doc comment: a page that is gone teaches nobody.
#[test]
fn pages_that_pages_name_are_there() {
    for file in source_files() {
        for line in read(format!("src/{file}")).lines().filter(|l| l.trim_start().starts_with("//"))
        {
            let quoted = line.split('`').skip(1).step_by(2);
            for page in quoted.filter(|word| word.ends_with(".rs") && word.contains('/')) {
                let there = [format!("src/{page}"), page.to_owned()];
                let plain = !page.contains(['*', '{', ' ']);
                let found = there.iter().any(|path| root().join(path).exists());
                assert!(found || !plain, "{file} speaks of `{page}`, which is not there");
            }
        }
    }
}

#[test]
fn unsafe_stands_only_where_the_plan_says() {
    let plan = floor_plan(&read("src/lib.rs"));
    for (file, what) in plan {
        let allows = read(format!("src/{file}")).contains("allow(unsafe_code)");
        let named = what.contains("unsafe");
        assert_eq!(
            allows, named,
            "{file}: `allow(unsafe_code)` and the word `unsafe` in the plan go together"
        );
    }
}
