//! The pages that name functions, files and tests, held against the source: a journey that
//! misleads is worse than none.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(&path))
        .unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

/// One step of a journey.
struct Step {
    function: String,
    file: String,
}

/// A name between backticks, and nothing else.
fn quoted(cell: &str) -> Option<String> {
    Some(cell.trim().strip_prefix('`')?.strip_suffix('`')?.to_owned())
}

/// The rows of all journeys: a function, the file that it stands in, what happens there, its cost.
fn steps(page: &str) -> Vec<Step> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix('|')?.split(" | ");
        let (function, file) = (quoted(cells.next()?)?, quoted(cells.next()?)?);
        file.ends_with(".rs").then_some(Step { function, file })
    };
    page.lines().filter_map(row).collect()
}

/// This line begins the function.
fn defines(line: &str, function: &str) -> bool {
    let Some((before, after)) = line.split_once("fn ") else { return false };
    let is_item = before.split_whitespace().all(|word| {
        word.starts_with("pub") || ["const", "async", "unsafe", "extern", "\"C\""].contains(&word)
    });
    let rest = after.strip_prefix(function);
    is_item && rest.is_some_and(|rest| rest.starts_with(['(', '<']))
}

/// `Type::function` stands in an `impl` or `trait` of that type, `function` anywhere in the file.
fn has_function(text: &str, function: &str) -> bool {
    let (of, name) = match function.split_once("::") {
        Some((of, name)) => (Some(of), name),
        None => (None, function),
    };
    let mut inside = false;
    text.lines().any(|line| {
        let begins_block = line.starts_with("impl") || line.contains("trait ");
        if begins_block && !line.starts_with([' ', '/']) {
            let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            inside = words.any(|word| of == Some(word));
        } else if line == "}" {
            inside = false;
        }
        (of.is_none() || inside) && defines(line, name)
    })
}

#[test]
fn journeys_name_functions_that_stand_where_they_say() {
    let steps = steps(&read("src/journeys.md"));
    assert!(steps.len() > 80, "the tables could not be read: {} rows", steps.len());
    let wrong: Vec<String> = steps
        .iter()
        .filter(|step| {
            let path = root().join("src").join(&step.file);
            !fs::read_to_string(path).is_ok_and(|text| has_function(&text, &step.function))
        })
        .map(|step| format!("`{}` is not in `{}`", step.function, step.file))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_function_is_looked_for_in_its_own_type() {
    let text = "impl<T> Fast<T> {\n    pub fn run(&self) {}\n}\nimpl Slow {\n}\n";
    assert!(has_function(text, "Fast::run") && has_function(text, "run"));
    assert!(!has_function(text, "Slow::run") && !has_function(text, "ru"));
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || *c == '-' || *c == ' ' || *c == '_';
    heading.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

#[test]
fn readme_links_to_journeys_that_there_are() {
    let anchors: Vec<String> = read("src/journeys.md")
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect();
    let readme = read("README.md");
    let linked: Vec<&str> = readme
        .split("src/journeys.md#")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap())
        .collect();
    assert!(linked.len() >= 10, "README links to {linked:?} only");
    for link in linked {
        assert!(anchors.iter().any(|anchor| anchor == link), "no journey `{link}` in {anchors:?}");
    }
}

/// All text of the files below a folder.
fn all_text(dir: &Path, out: &mut String) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all_text(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn pages_name_files_and_tests_that_there_are() {
    let mut code = String::new();
    all_text(&root().join("tests"), &mut code);
    all_text(&root().join("src"), &mut code);
    for page in ["README.md", "src/journeys.md", "src/tricks.md", "src/aio/asyncio.md"] {
        let text = read(page);
        for word in text.split('`').skip(1).step_by(2) {
            if word.ends_with(".rs") && word != "mod.rs" && !word.contains([' ', '*', '{']) {
                let there = [format!("src/{word}"), word.to_owned()];
                assert!(there.iter().any(|p| root().join(p).exists()), "{page} names `{word}`");
            }
            let is_a_test = word.matches('_').count() > 3
                && !word.starts_with('_')
                && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if is_a_test && page != "src/aio/asyncio.md" {
                let defined = code.contains(&format!("fn {word}("));
                assert!(defined, "{page} names the test `{word}`, which is not there");
            }
        }
    }
}

/// The data under `tests/deep/coverage.py` and `mutants.py`: a file that has moved would fall out of
/// both without a word.
#[test]
fn the_pure_files_exist_and_so_do_the_test_programs_that_are_theirs() {
    let list = read("tests/deep/pure_files.txt");
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut files = Vec::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let file = words.next().unwrap();
        assert!(root().join(file).is_file(), "there is no {file}");
        let programs: Vec<&str> = words.collect();
        assert!(!programs.is_empty(), "{file}: no test program");
        for name in programs {
            let there = [format!("tests/{name}.rs"), format!("tests/{name}/main.rs")];
            let found = there.iter().any(|path| root().join(path).is_file());
            assert!(found || name == "lib", "{file}: there is no test program {name}");
        }
        files.push(file);
    }
    assert!(files.len() > 50, "only {} pure files", files.len());
    files.sort_unstable();
    assert!(files.windows(2).all(|two| two[0] != two[1]), "a file stands there twice");
}

/// An argument says why no test can notice a mutant; its first word is the file that it is about.
#[test]
fn each_argument_for_a_mutant_is_about_a_file_that_exists() {
    for line in read("tests/deep/argued.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((mutant, why)) = line.split_once(" => ") else { panic!("no argument: {line}") };
        let file = mutant.split(": ").next().unwrap();
        assert!(root().join(file).is_file(), "there is no {file}");
        assert!(why.len() > 20, "{mutant}: that is no argument: {why}");
    }
}
