//! The house, checked: `lib.rs` lists the folders in their order, and each folder's `mod.rs` maps
//! its files.
//!
//! Between folders every import points up that list; inside a folder no imports run in a circle.
//! The list says of each file what its own first line says: `BLESS=1 cargo test --test floors`
//! writes it anew. `unsafe` stands only in the files of the table in `lib.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(&path))
        .unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

/// Every `.rs` file below `src`, as a path relative to it.
fn source_files() -> BTreeSet<String> {
    fn walk(dir: &Path, base: &Path, out: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, base, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.insert(path.strip_prefix(base).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let src = root().join("src");
    let mut out = BTreeSet::new();
    walk(&src, &src, &mut out);
    out
}

/// A `mod.rs` declares and re-exports, and maps its folder.
fn is_map(path: &str) -> bool {
    path == "mod.rs" || path.ends_with("/mod.rs")
}

/// The files that hold code, by folder. `lib.rs` and `main.rs` are of no folder.
fn folders() -> BTreeMap<String, Vec<String>> {
    let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in source_files() {
        if let Some((folder, name)) = file.rsplit_once('/')
            && !is_map(&file)
        {
            folders.entry(folder.to_owned()).or_default().push(name.to_owned());
        }
    }
    folders
}

/// What a file says of itself in its first line.
fn first_line(path: &str) -> String {
    let text = read(format!("src/{path}"));
    let line = text.lines().next().and_then(|line| line.strip_prefix("//! "));
    line.unwrap_or_else(|| panic!("src/{path} does not begin with a `//!` line"))
        .trim_end_matches('.')
        .to_owned()
}

/// The list of `lib.rs`: its lines, without the comment marks.
fn plan_lines() -> Vec<String> {
    let lib = read("src/lib.rs");
    let mut lines = lib.lines().map(|line| line.strip_prefix("//!").unwrap_or(""));
    lines.find(|line| *line == " # The floors").expect("lib.rs has a heading `The floors`");
    lines.find(|line| *line == " ```text").expect("and a list below it");
    lines
        .take_while(|line| *line != " ```")
        .map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned())
        .collect()
}

/// The folders, in the order of the list.
fn order() -> Vec<String> {
    let named = |line: &String| line.split_whitespace().next().map(str::to_owned);
    let order: Vec<String> =
        plan_lines().iter().filter(|line| !line.starts_with(' ')).filter_map(named).collect();
    let once: BTreeSet<&String> = order.iter().collect();
    assert_eq!(once.len(), order.len(), "lib.rs lists a folder twice: {order:?}");
    order
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
fn file_of(path: &str, files: &BTreeSet<String>) -> Option<String> {
    let parts: Vec<&str> = path.split("::").collect();
    (1..=parts.len())
        .rev()
        .map(|n| format!("{}.rs", parts[..n].join("/")))
        .find(|file| files.contains(file))
}

/// Which file imports which, both in folders. Panics at an import that hides its file.
fn imports() -> Vec<(String, String)> {
    let files = source_files();
    let (mut imports, mut wrong) = (Vec::new(), Vec::new());
    for file in files.iter().filter(|file| file.contains('/') && !is_map(file)) {
        let text = read(format!("src/{file}"));
        if code(&text).contains("use super::*") && !code(&text).contains("mod tests") {
            wrong.push(format!("{file}: `use super::*` hides what is imported"));
        }
        for path in crate_paths(&text) {
            match file_of(&path, &files) {
                None => wrong.push(format!("{file}: `{path}` names a folder, not the file in it")),
                Some(other) if other != *file => imports.push((file.clone(), other)),
                Some(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    imports
}

fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').expect("a file of a folder").0
}

#[test]
fn between_folders_imports_point_up_the_list() {
    let order = order();
    let place = |file: &str| {
        let folder = folder_of(file);
        let place = order.iter().position(|other| other == folder);
        place.unwrap_or_else(|| panic!("lib.rs does not list the folder {folder}"))
    };
    let wrong: Vec<String> = imports()
        .iter()
        .filter(|(file, other)| place(other) > place(file))
        .map(|(file, other)| format!("{file} imports {other}, which stands on a floor above it"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn inside_a_folder_no_imports_run_in_a_circle() {
    let mut left: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, other) in imports() {
        if folder_of(&file) == folder_of(&other) {
            left.entry(file).or_default().insert(other);
        }
    }
    // Takes away what imports nothing that is left, until nothing changes.
    loop {
        let before = left.len();
        let names: BTreeSet<String> = left.keys().cloned().collect();
        left.retain(|_, imports| imports.iter().any(|other| names.contains(other)));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "these import each other in a circle, or one that does: {left:#?}");
}

/// The list as it should be: the folders in the order they have, each with its files.
fn plan() -> String {
    let (folders, mut order) = (folders(), order());
    order.retain(|folder| folders.contains_key(folder));
    order.extend(
        folders.keys().filter(|folder| !order.contains(folder)).cloned().collect::<Vec<_>>(),
    );
    let width = folders.values().flatten().map(String::len).max().unwrap_or(0) + 4;
    let mut plan = String::new();
    for folder in order {
        let says = first_line(&format!("{folder}/mod.rs"));
        plan += &format!("{folder:width$}{says}\n");
        for name in &folders[&folder] {
            let says = first_line(&format!("{folder}/{name}"));
            plan += &format!("  {name:<inner$}{says}\n", inner = width - 2);
        }
    }
    plan
}

#[test]
fn lib_lists_every_file_with_its_own_first_line() {
    let (plan, shown) = (plan(), plan_lines().join("\n") + "\n");
    if plan != shown && std::env::var_os("BLESS").is_some() {
        let comment = |text: &str| -> String {
            text.lines().map(|line| format!("//! {line}").trim_end().to_owned() + "\n").collect()
        };
        let lib = read("src/lib.rs").replace(&comment(&shown), &comment(&plan));
        fs::write(root().join("src/lib.rs"), lib).unwrap();
        return;
    }
    let odd: Vec<&str> = plan.lines().filter(|line| !shown.contains(line)).collect();
    assert!(
        plan == shown,
        "lib.rs does not list the files as they are; `BLESS=1 cargo test --test floors` does. It \
         lacks:\n{}",
        odd.join("\n")
    );
}

/// The documentation of a `mod.rs`.
fn map_of(folder: &str) -> String {
    let text = read(format!("src/{folder}/mod.rs"));
    text.lines().filter(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_folder_maps_all_its_files() {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut missing = Vec::new();
    for (folder, files) in folders() {
        let map = map_of(&folder);
        let words: BTreeSet<&str> = map.split(|c| !is_word(c)).collect();
        for name in files {
            let stem = name.trim_end_matches(".rs");
            if !words.contains(stem) {
                missing.push(format!("src/{folder}/mod.rs does not map {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

#[test]
fn every_file_says_what_it_promises() {
    for (folder, files) in folders() {
        for name in files {
            let text = read(format!("src/{folder}/{name}"));
            let head: String = text.lines().take_while(|l| l.starts_with("//!")).collect();
            assert!(
                head.contains("*Promises*"),
                "{folder}/{name}: its opening lines promise nothing"
            );
            assert!(
                !head.contains("*Assumes*: nothing."),
                "{folder}/{name}: leave a line out that only says that nothing is assumed"
            );
        }
    }
}

/// `dir/file.rs` between backticks in a comment: a page that is gone teaches nobody.
#[test]
fn files_that_comments_name_are_there() {
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

/// A row of the table of unsafe files in `lib.rs`.
struct Unsafe {
    file: String,
    tests: Vec<String>,
    miri: bool,
}

fn unsafe_table() -> Vec<Unsafe> {
    let lib = read("src/lib.rs");
    let rows = lib.lines().filter_map(|line| line.strip_prefix("//! | `")?.strip_suffix(" |"));
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        let [file, _argument, tests, miri] = cells[..] else { return None };
        let tests = tests.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Some(Unsafe { file: file.trim_end_matches('`').to_owned(), tests, miri: miri == "yes" })
    })
    .collect()
}

#[test]
fn unsafe_stands_only_where_the_table_says() {
    let named: BTreeSet<String> = unsafe_table().into_iter().map(|row| row.file).collect();
    let allowed: BTreeSet<String> = source_files()
        .into_iter()
        .filter(|file| read(format!("src/{file}")).contains("allow(unsafe_code)"))
        .collect();
    assert_eq!(named, allowed, "the table in lib.rs (left), and the files that allow unsafe code");
}

#[test]
fn the_tests_of_unsafe_files_are_there_and_miri_runs_those_it_can() {
    let ci = read(".ci/run");
    let list = ci.split("MIRI_TESTS=(").nth(1).and_then(|rest| rest.split(')').next());
    let miri: Vec<&str> = list.expect(".ci/run lists MIRI_TESTS").split_whitespace().collect();
    for row in unsafe_table() {
        assert!(!row.tests.is_empty(), "{}: the table names no test", row.file);
        for test in &row.tests {
            let there = [format!("tests/{test}.rs"), format!("tests/{test}/main.rs")];
            assert!(there.iter().any(|path| root().join(path).exists()), "no test {test}");
        }
        let under_miri = row.tests.iter().any(|test| miri.contains(&test.as_str()));
        assert_eq!(row.miri, under_miri, "{}: does Miri run one of its tests?", row.file);
    }
}
