//! Every command's manners: pages of any width, Ctrl-C, a reader who goes, places that cannot be
//! written, values that cannot be.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;

use command::{exit_within, finish, interruptible};
use proptest::prelude::*;
use serde_json::Value;
use singletrack::lab::report::table::{Table, entries};
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

fn command(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.args(line.split_whitespace()).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("CLICOLOR_FORCE").env_remove("NO_COLOR").env_remove("COLUMNS");
    interruptible(&mut command);
    command
}

fn run(line: &str) -> Output {
    finish(command(line).spawn().unwrap(), &[line], PATIENCE)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

// --- the width of a page ------------------------------------------------------------------

/// What shows tables, lists or pictures, and soon.
const PAGES: [&str; 20] = [
    "compare cpu --jobs 2 --rounds 1",
    "compare cpu --jobs 2 --rounds 1 --sweep workers=1..2",
    "gil convoy --seconds 0.05 --policy python-3.10",
    "gil battle --simulate 4 --seconds 0.05",
    "gil parity --seconds 0.05 --policy fair",
    "explore examples/race.py --policy all",
    "explore examples/race.py --policy 3.9",
    "explore examples/programs/increment.gil --policy python-2",
    "explore examples/programs/lock_order.gil --policy fair",
    "explore --play",
    "explore --play 1",
    "explore --guarantees",
    "dis examples/race.py --policy 2.7,3.10",
    "dis examples/programs/increment.gil --policy python-2",
    "run examples/article/futures.py --scale 0.01 --lanes",
    "loop step",
    "loop step queue --all",
    "explain",
    "explain convoy",
    "explain lost wake-up",
];

#[test]
fn no_line_of_any_page_is_wider_than_the_terminal() {
    for line in PAGES {
        for width in [20, 60] {
            let mut command = command(line);
            let child = command.env("COLUMNS", width.to_string()).spawn().unwrap();
            let output = finish(child, &[line], PATIENCE);
            let page = text(&output.stdout);
            assert!(!page.is_empty(), "{line}: {}", text(&output.stderr));
            let wide = page.lines().find(|line| line.chars().count() > width);
            // What a program prints is its own.
            let own = line.starts_with("run ") && wide.is_some_and(|line| line.contains("http"));
            assert!(wide.is_none() || own, "{line}, {width} columns: {wide:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_table_fits_and_cuts_no_number(
        numbers in prop::collection::vec(prop::collection::vec(0u64..1_000_000_000, 4), 1..6),
        width in 12usize..90,
    ) {
        let heads = ["name", "wall", "memory", "threads", "unit"];
        let mut table = Table::new(&heads).left(&[4]).dropping(&[4, 3]);
        for (at, row) in numbers.iter().enumerate() {
            let name = format!("model {at}");
            let cells = row[..3].iter().map(u64::to_string);
            table.row([name].into_iter().chain(cells).chain(["times as long".to_owned()]));
        }
        let folded: Vec<String> = table.folded(width).into_iter().map(|(_, line)| line).collect();
        let dropped = table.text(width);
        for page in [&dropped, &folded.join("\n")] {
            prop_assert!(page.lines().all(|line| line.chars().count() <= width), "{}", page);
            let words: Vec<&str> = page.split_whitespace().collect();
            for row in &numbers {
                // Wall and memory are never left out, and no piece of a number is left in.
                prop_assert!(row[..2].iter().all(|n| words.contains(&&*n.to_string())), "{}", page);
            }
            let known = |word: &&&str| match word.parse::<u64>() {
                Ok(number) => number < 6 || numbers.iter().any(|row| row.contains(&number)),
                Err(_) => true,
            };
            prop_assert!(words.iter().all(|word| known(&word)), "{}", page);
        }
        let all: Vec<&str> = folded.iter().flat_map(|line| line.split_whitespace()).collect();
        prop_assert!(numbers.iter().all(|row| all.contains(&&*row[2].to_string())), "all are there");
    }

    #[test]
    fn a_list_of_names_fits(width in 8usize..60) {
        let list = [("order", "what runs first, and what next"), ("lock", "who waits for whom")];
        let page = entries(&list, width);
        prop_assert!(page.lines().all(|line| line.chars().count() <= width), "{}", page);
    }
}

// --- Ctrl-C ---------------------------------------------------------------------------------

/// As Ctrl-C in a terminal does it: for the whole group.
fn interrupt(child: &Child) {
    let group = i32::try_from(child.id()).unwrap();
    // SAFETY: the call takes two numbers; the group is the child's own.
    unsafe { libc::kill(-group, libc::SIGINT) };
}

/// Interrupts a command once its run is under way, which `a_while` gives it the time for.
fn interrupted(line: &str, a_while: Duration) -> Output {
    let child = command(line).process_group(0).spawn().unwrap();
    thread::sleep(a_while);
    interrupt(&child);
    let output = finish(child, &[line], PATIENCE);
    assert_eq!(output.status.code(), Some(130), "{line}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr).lines().count(), 1, "{line}");
    output
}

const FOR_EVER: &str = "--seconds 600 --policy python-3.10";

#[test]
fn a_scene_that_is_interrupted_shows_the_run_that_was_under_way() {
    for scene in ["race", "no-force", "starvation"] {
        let output = interrupted(&format!("gil {scene} {FOR_EVER}"), Duration::from_secs(2));
        let page = text(&output.stdout);
        assert!(page.contains("Has GIL") && page.contains("\n→ "), "{page}");
        assert!(page.contains("partial: not run, or not to the end: python-3.10"), "{page}");
        assert!(!page.contains("\nWhy\n"), "{page}");
    }
    let line = format!("gil race {FOR_EVER} --json");
    let output = interrupted(&line, Duration::from_secs(2));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["runs"][0]["partial"], true);
    assert!(document["error"].as_str().unwrap().contains("SIGINT"), "{}", document["error"]);
    let figures = &document["runs"][0]["figures"];
    assert!(figures["increments"].as_f64().unwrap() > 0.0, "{figures}");
}

#[test]
fn a_second_interrupt_ends_it_at_once() {
    // What runs below it is told to hang, so that the first one alone would take its time.
    let mut child = command(&format!("gil race {FOR_EVER}")).process_group(0).spawn().unwrap();
    thread::sleep(Duration::from_secs(1));
    let pid = child.id().to_string();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    for child in children.split_whitespace() {
        assert!(Command::new("kill").args(["-STOP", child]).status().unwrap().success());
    }
    for _ in 0..2 {
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        thread::sleep(Duration::from_millis(200));
    }
    let status = exit_within(&mut child, &"two interrupts", Duration::from_secs(20));
    use std::os::unix::process::ExitStatusExt;
    let ended = (status.code(), status.signal());
    assert!([(None, Some(libc::SIGINT)), (Some(130), None)].contains(&ended), "{status:?}");
}

#[test]
fn what_is_started_to_ignore_an_interrupt_is_not_ended_by_one() {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("long.py");
    fs::write(&place, "x = 1\n".repeat(3_000)).unwrap();
    let mut command = command("dis");
    // SAFETY: `signal` may be called between fork and exec.
    unsafe {
        command.arg(&place).process_group(0).pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_IGN);
            Ok(())
        });
    }
    let mut child = command.spawn().unwrap();
    // It writes more than a pipe holds, so after the first byte it is still at it.
    let mut first = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    interrupt(&child);
    let output = finish(child, &["dis"], PATIENCE);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stdout.len() > 1 << 17, "all of it");
}

#[test]
fn a_table_that_is_interrupted_says_that_it_is_not_whole() {
    let output = interrupted("gil parity --seconds 600 --policy fair", Duration::from_secs(2));
    let page = text(&output.stdout);
    assert!(page.is_empty() || page.contains("partial: other rows were not measured"), "{page}");
}

// --- data -----------------------------------------------------------------------------------

#[test]
fn data_has_a_version_and_stdout_has_nothing_else() {
    let trace = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("version.json");
    assert!(run(&format!("gil race --seconds 0.05 --trace {}", trace.display())).status.success());
    let replay = format!("replay {}", trace.display());
    for line in [
        "compare cpu --jobs 1 --rounds 1 --model sequential",
        "gil race --seconds 0.05",
        "gil parity --seconds 0.05 --policy fair",
        "explore examples/race.py --policy 3.9",
        "explore examples/race.py --policy all",
        "explore examples/programs/increment.gil --policy python-2",
        "explore examples/programs/increment.gil --policy python-2 --schedule 1x1,2x6,1x5",
        "explain",
        "explain lost wake-up",
        "loop step",
        "loop step queue",
        &replay,
    ] {
        let output = run(&format!("{line} --json"));
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{line}: {e}: {}", text(&output.stdout)));
        assert!(document["schema_version"].as_u64() >= Some(1), "{line}: {document}");
    }
}

// --- places that cannot be written ----------------------------------------------------------

#[test]
fn a_full_disk_is_named_by_every_command() {
    for line in ["", "--help", "man", "completions fish"].iter().chain(&PAGES) {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = command(line);
        let child = command.stdout(full).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}: {stderr}");
        assert_eq!(
            stderr,
            "singletrack: stdout: No space left on device; give it a place to \
                            write to\n",
            "{line}"
        );
    }
}

#[test]
fn what_cannot_be_written_is_refused_before_the_work_and_destroys_nothing() {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no-writing");
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).unwrap();
    let precious = place.join("precious");
    fs::write(&precious, "precious").unwrap();
    let commands = [
        "gil race --seconds 600 --trace",
        "run examples/article/threads.py --trace",
        "explore examples/race.py --policy all --html",
        "compare --time 600 --export-csv",
        "compare --time 600 --export-markdown",
        "compare --time 600 --trace",
        "compare --time 600 --html",
        "compare --time 600 --card",
        "choose --cpu 1ms --time 600 --html",
        "choose --cpu 1ms --time 600 --card",
        "loop step order --html",
        "loop step order --trace",
    ];
    for command in commands {
        for bad in [place.clone(), place.join("no/such"), precious.join("below")] {
            let output = run(&format!("{command} {}", bad.display()));
            let stderr = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command}: {stderr}");
            assert!(output.stdout.is_empty(), "{command}");
            assert!(stderr.contains(bad.to_str().unwrap()), "{command}: {stderr}");
            assert!(stderr.contains("; name a") && stderr.lines().count() == 1, "{stderr}");
        }
    }
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    assert_eq!(fs::read_dir(&place).unwrap().count(), 1, "nothing is left there");
}

#[test]
fn an_empty_word_and_a_wrong_one_are_named_with_what_can_be_said_instead() {
    let refused = |words: &[&str], says: &str| {
        let output = command("").args(words).output().unwrap();
        let stderr = text(&output.stderr);
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(2), 1), "{stderr}");
        assert!(stderr.contains(says), "{words:?}: {stderr}");
    };
    refused(&["compare", ""], ": '': there is no such case; name cpu");
    refused(&["gil", ""], ": gil '': there is no such scene");
    refused(&["loop", "step", "--al"], "see `singletrack loop step --help`");
    refused(&["choose", "--cpu", "1ms", "--model", "interpreter,x"], "did you mean interpreters?");
    refused(&["compare", "--model", "fibres"], "loop+processes, interpreters, all");
}

#[test]
fn an_interrupted_run_leaves_the_earlier_file_as_it_was() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("earlier.json");
    fs::write(&path, "precious").unwrap();
    let line = format!("gil race {FOR_EVER} --trace {}", path.display());
    interrupted(&line, Duration::from_secs(1));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_reader_that_has_gone_ends_every_command_as_a_shell_would_say_it() {
    for line in ["dis examples/race.py", "completions bash", "man", "compare --help", "examples"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(line).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(141), ""), "{line}");
    }
}

// --- values that cannot be ------------------------------------------------------------------

#[test]
fn a_value_that_cannot_be_is_refused_with_those_that_can() {
    let options = [
        ("compare cpu", &["--jobs", "--rounds", "--time", "--workers", "--limit"][..]),
        ("compare slow-io", &["--connections", "--request-limit", "--sweep"]),
        ("gil convoy", &["--seconds", "--width", "--simulate", "--window"]),
        ("run examples/race.py", &["--scale"]),
        ("explore examples/race.py --policy 3.9", &["--max-steps", "--iterations", "--seed"]),
        ("explore examples/race.py --policy 3.9", &["--preemptions"]),
        ("gil battle --simulate 2", &["--seed"]),
        ("choose --cpu 1ms", &["--seed", "--jobs"]),
        ("explore", &["--play"]),
    ];
    for (command, options) in options {
        for option in options {
            for value in ["-1", "99999999999999999999", "1e99", "nan", "5parsecs"] {
                let output = run(&format!("{command} {option} {value}"));
                let stderr = text(&output.stderr);
                assert_eq!(output.status.code(), Some(2), "{option} {value}: {stderr}");
                assert!(output.stdout.is_empty(), "{option} {value}");
                let named = stderr.contains(value) && stderr.lines().count() == 1;
                assert!(!stderr.contains("digit") && !stderr.contains("target type"), "{stderr}");
                assert!(named, "{command} {option} {value}: {stderr}");
            }
        }
    }
}
