//! The tables of `tests/properties.md`: every promise has a test, and the tests that they name are there.
//!
//! A test says what it shows in the first line of its doc comment. `BLESS=1` writes the tables anew.

#[path = "common/page.rs"]
mod page;
use page::page;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "tests/properties.md";

/// Each letter, and how many promises it has.
const CATALOGUE: [(char, u32); 10] = [
    ('T', 14),
    ('M', 12),
    ('R', 14),
    ('G', 18),
    ('E', 11),
    ('X', 18),
    ('W', 11),
    ('Z', 7),
    ('V', 5),
    ('D', 3),
];

/// A test: its file below `tests/`, without `.rs`, and its name.
type Test = (String, String);

fn catalogue() -> Vec<String> {
    CATALOGUE
        .iter()
        .flat_map(|(letter, last)| (1..=*last).map(move |n| format!("{letter}{n}")))
        .collect()
}

/// The files below a folder that end so, in order.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path, ending)),
            false if path.to_string_lossy().ends_with(ending) => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

fn tests_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// The name of the function that these lines are about: its attributes and the rest of its comment
/// come first.
fn function<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let line = lines.find(|line| !line.starts_with("///") && !line.starts_with("#["))?;
    let name = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("fn ")?;
    name.split_once('(').map(|(name, _)| name)
}

/// Which tests say that they show a promise, by the promise.
fn shown() -> BTreeMap<String, Vec<Test>> {
    let mut shown: BTreeMap<String, Vec<Test>> = BTreeMap::new();
    for path in files(&tests_folder(), ".rs") {
        let text = fs::read_to_string(&path).unwrap();
        let file = path.strip_prefix(tests_folder()).unwrap().with_extension("");
        let file = file.display().to_string();
        let mut lines = text.lines().map(str::trim_start);
        while let Some(line) = lines.next() {
            let Some(numbers) = line.strip_prefix("/// Shows ") else { continue };
            let numbers = numbers.strip_suffix('.').unwrap_or_else(|| panic!("{file}: {line}"));
            let name =
                function(lines.clone()).unwrap_or_else(|| panic!("{file}: {line}: of what?"));
            for number in numbers.split(", ") {
                let test = (file.clone(), name.to_owned());
                shown.entry(number.to_owned()).or_default().push(test);
            }
        }
    }
    shown
}

fn source(file: &str) -> String {
    let places = [format!("{file}.rs"), format!("{file}/main.rs")];
    let mut texts = places.iter().map(|place| fs::read_to_string(tests_folder().join(place)));
    texts.find_map(Result::ok).unwrap_or_else(|| panic!("no test program {file}"))
}

/// The function of a test: without libtest it may stand in a table, behind a name of its own.
fn function_of(source: &str, test: &str) -> String {
    let row =
        source.split_once(&format!("(\"{test}\",")).and_then(|(_, rest)| rest.split_once(')'));
    let last = row.and_then(|(row, _)| row.trim().trim_end_matches(',').rsplit([' ', ',']).next());
    let is_test = source.contains(&format!("fn {test}("));
    last.filter(|_| !is_test).unwrap_or(test).to_owned()
}

/// Which entries of the museum a test kills, by the test.
fn museum() -> BTreeMap<Test, Vec<String>> {
    let mut kills: BTreeMap<Test, Vec<String>> = BTreeMap::new();
    for path in files(&tests_folder().join("museum"), ".patch") {
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("# kills: ")).unwrap_or_default();
        let mut words = line.rsplit(' ');
        if let (Some(test), Some(file)) = (words.next(), words.next()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let number = name.split('-').next().unwrap_or_default().to_owned();
            let test = function_of(&source(file), test.rsplit("::").next().unwrap_or(test));
            kills.entry((file.to_owned(), test)).or_default().push(number);
        }
    }
    kills
}

/// The test programs that mutants are run against.
fn against_mutants() -> BTreeSet<String> {
    let text = fs::read_to_string(tests_folder().join("deep/pure_files.txt")).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(|line| line.split_whitespace().skip(1)).map(str::to_owned).collect()
}

/// What shows that tests can fail.
struct Evidence {
    museum: BTreeMap<Test, Vec<String>>,
    mutants: BTreeSet<String>,
}

/// What has been seen to make one of a promise's tests fail.
fn bites(tests: &[Test], Evidence { museum, mutants }: &Evidence) -> String {
    let mut entries = BTreeSet::new();
    let mut is_against_mutants = false;
    for (file, name) in tests {
        // A program may have its tests in a folder of its name.
        let file = file.split('/').next().unwrap_or(file);
        entries.extend(museum.get(&(file.to_owned(), name.clone())).into_iter().flatten().cloned());
        is_against_mutants |= mutants.contains(file);
    }
    let mut entries: Vec<String> = entries.into_iter().collect();
    entries.sort_by_key(|number| number.parse::<u32>().ok());
    let museum = (!entries.is_empty()).then(|| format!("museum {}", entries.join(", ")));
    let mutants = is_against_mutants.then(|| "mutants".to_owned());
    museum.into_iter().chain(mutants).collect::<Vec<_>>().join("; ")
}

/// The cells of a table's row; `None` for any other line.
fn cells(line: &str) -> Option<[&str; 4]> {
    let inner = line.strip_prefix("| ")?.strip_suffix('|')?;
    let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
    let row: [&str; 4] = cells.try_into().unwrap_or_else(|_| panic!("{PAGE}: four cells: {line}"));
    (row[0] != "no." && row[0] != "---").then_some(row)
}

/// A row as it should be.
fn row(number: &str, promise: &str, tests: &[Test], evidence: &Evidence) -> String {
    let by = |(file, name): &Test| {
        let program = file.strip_suffix("/main").unwrap_or(file);
        format!("[{program}]({file}.rs) `{name}`")
    };
    let by: Vec<String> = tests.iter().map(by).collect();
    format!("| {number} | {promise} | {} | {} |", by.join("<br>"), bites(tests, evidence))
}

#[test]
fn the_tables_name_every_test_that_says_what_it_shows() {
    let (text, shown) = (page(PAGE), shown());
    let evidence = Evidence { museum: museum(), mutants: against_mutants() };
    let of = |number: &str| shown.get(number).map_or(&[][..], Vec::as_slice);
    let line = |line: &str| {
        cells(line).map_or(line.to_owned(), |[number, promise, ..]| {
            row(number, promise, of(number), &evidence)
        })
    };
    let fresh = text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n";
    if std::env::var_os("BLESS").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE), fresh).unwrap();
        return;
    }
    let stale = text.lines().zip(fresh.lines()).find(|(old, new)| old != new);
    assert!(
        stale.is_none(),
        "{PAGE} is out of date: run `BLESS=1 cargo test --test properties`: {stale:#?}"
    );
}

#[test]
fn every_promise_has_its_sentence_a_test_and_what_the_test_is_run_against() {
    let (text, shown) = (page(PAGE), shown());
    let rows: Vec<[&str; 4]> = text.lines().filter_map(cells).collect();
    let numbers: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(numbers, catalogue(), "the promises of {PAGE}");
    for [number, promise, _, bites] in rows {
        assert!(promise.ends_with('.'), "{number}: no sentence: {promise}");
        assert!(
            !bites.is_empty(),
            "{number}: neither bugs nor mutants are run against its tests: {promise}"
        );
        assert!(shown.contains_key(number), "{number} is shown by no test: {promise}");
    }
}

#[test]
fn no_test_shows_what_is_not_promised() {
    let catalogue = catalogue();
    let stray: Vec<_> =
        shown().into_iter().filter(|(number, _)| !catalogue.contains(number)).collect();
    assert!(stray.is_empty(), "in no table of {PAGE}: {stray:#?}");
}
