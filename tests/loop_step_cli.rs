//! `singletrack loop step` from its command line: every scene ends, is the same every time, and can be
//! walked through forwards and back.
#![cfg(feature = "cli")]

#[path = "common/html.rs"]
mod html;

use html::data_of;
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs a command to its end, which always comes: its time is virtual, and its scenes are short.
fn run(words: &[&str], answers: &str, width: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
    command.args(["loop", "step"]).args(words).env("COLUMNS", width);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may be gone before it has read all.
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    child.wait_with_output().unwrap()
}

fn shown(words: &[&str], answers: &str) -> String {
    let output = run(words, answers, "80");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn scenes() -> Vec<String> {
    let list = shown(&[], "");
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| !line.starts_with(' '));
    names.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

fn turns(scene: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(&shown(&[scene, "--json"], "")).unwrap();
    assert_eq!(all["ended"], true, "{scene}");
    all["turns"].as_array().unwrap().clone()
}

#[test]
fn every_scene_ends_and_is_the_same_every_time() {
    let scenes = scenes();
    assert!(scenes.len() >= 7, "{scenes:?}");
    for scene in scenes {
        let all = shown(&[&scene, "--all"], "");
        assert_eq!(all, shown(&[&scene, "--all"], ""), "{scene}");
        let turns = turns(&scene);
        assert_eq!(all.matches("iteration ").count(), turns.len(), "{scene}");
        let last = turns.last().unwrap();
        assert_eq!(last["waiting"].as_array().unwrap().len(), 0, "{scene}: {last}");
        for (number, turn) in (1..).zip(&turns) {
            assert_eq!(turn["number"], number, "{scene}");
        }
    }
}

#[test]
fn answers_go_forwards_and_back_and_the_end_of_them_shows_the_rest() {
    let heads = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("iteration "));
        lines.map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    let walked = shown(&["sleep"], "n\n\np\ng\nG\nq\n");
    let at = |number: usize| format!("iteration {number} of 8");
    assert_eq!(heads(&walked), [1, 2, 3, 2, 1, 8].map(at));
    let rest = shown(&["sleep"], "n\n");
    assert_eq!(heads(&rest), [1, 2, 3, 4, 5, 6, 7, 8].map(at));
    let all = shown(&["sleep"], "nonsense\na\n");
    assert_eq!(heads(&all), [1, 2, 3, 4, 5, 6, 7, 8].map(at));
}

#[test]
fn the_scenes_show_what_their_questions_ask() {
    let wakes = |turn: &Value| -> Vec<String> {
        let ran = turn["ran"].as_array().unwrap().iter();
        let wakes = ran.flat_map(|step| step["wakes"].as_array().unwrap());
        wakes.map(|woken| woken["task"].as_str().unwrap().to_owned()).collect()
    };
    let herd = turns("herd");
    assert!(herd.iter().any(|turn| wakes(turn) == ["one", "two", "three", "four"]));
    let slept = turns("sleep").iter().filter(|t| t["slept_ns"].as_u64() > Some(0)).count();
    assert_eq!(slept, 3, "once for each sleep");
    let busy = turns("busy");
    let late = busy.iter().flat_map(|turn| turn["ran"].as_array().unwrap());
    let late = late.filter(|step| step["task"] == "sleeper" && step["then"] == "ends");
    assert_eq!(late.map(|step| &step["queued_ns"]).collect::<Vec<_>>(), [5_000_000]);
}

#[test]
fn no_line_is_wider_than_the_page() {
    for width in ["20", "36", "60"] {
        let output = run(&["queue", "--all"], "", width);
        let text = String::from_utf8(output.stdout).unwrap();
        let most = width.parse().unwrap();
        for line in text.lines() {
            assert!(line.chars().count() <= most, "{width}: {line}");
        }
    }
}

#[test]
fn a_scene_that_is_not_there_is_refused_with_those_that_are() {
    let output = run(&["opera"], "", "80");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("opera: there is no such scene; name order, sleep"), "{text}");
}

/// A program in a folder of its own, which is removed at its end.
struct Program(std::path::PathBuf);

impl Program {
    fn new(name: &str, text: &str) -> Program {
        let folder = std::env::temp_dir().join(format!("{}-step-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("tasks.py"), text).unwrap();
        Program(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn path(&self) -> String {
        self.file("tasks.py")
    }

    fn document(&self) -> Value {
        serde_json::from_str(&shown(&[&self.path(), "--json"], "")).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const NAPS: &str = "\
import asyncio

async def nap(name, seconds):
    await asyncio.sleep(seconds)
    print(name, 'is up')

async def main():
    await asyncio.gather(nap('late', 0.03), nap('early', 0.01))

asyncio.run(main())
";

/// Each step of all turns: the task, what woke it, how it ended.
fn steps(document: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let turns = document["turns"].as_array().unwrap().iter();
    let steps = turns.flat_map(|turn| turn["ran"].as_array().unwrap());
    steps.map(|step| (text(&step["task"]), text(&step["woken_by"]), text(&step["then"]))).collect()
}

#[test]
fn a_program_s_tasks_are_woken_by_what_asyncio_wakes_them_by() {
    let program = Program::new("naps", NAPS);
    let document = program.document();
    assert_eq!(document["ended"], true);
    let all = steps(&document);
    let all: Vec<(&str, &str, &str)> =
        all.iter().map(|(task, by, then)| (task.as_str(), by.as_str(), then.as_str())).collect();
    let (main, late, early) = ("Task-1 main", "Task-2 nap", "Task-3 nap");
    let (sleep, gather) = ("sleep's callback", "gather's callback");
    assert_eq!(
        all,
        [
            (main, "the caller", "waits"),
            (late, main, "waits"),
            (early, main, "waits"),
            (sleep, "a timer", "ends"),
            (early, sleep, "ends"),
            (gather, early, "ends"),
            (sleep, "a timer", "ends"),
            (late, sleep, "ends"),
            (gather, late, "ends"),
            (main, gather, "ends"),
            ("run's callback", main, "ends"),
        ]
    );
    let turns = document["turns"].as_array().unwrap();
    let slept: Vec<u64> = turns.iter().filter_map(|turn| turn["slept_ns"].as_u64()).collect();
    assert_eq!(slept.iter().sum::<u64>(), 30_000_000);
    let prints: String = turns.iter().filter_map(|turn| turn["prints"].as_str()).collect();
    assert_eq!(prints, "early is up\nlate is up\n");
    // After the second turn each stands on the line on which it waits.
    let stands = turns[1]["stands"].as_array().unwrap();
    let lines: Vec<u64> = stands.iter().map(|stand| stand["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [8, 4, 4]);
    assert_eq!(turns[1]["waiting"][1][1], "a timer, in 30ms");
    assert_eq!(turns[1]["timers"].as_array().unwrap().len(), 2);
}

#[test]
fn a_program_is_walked_through_as_a_scene_is() {
    let program = Program::new("walk", NAPS);
    let heads = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("iteration "));
        lines.map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    let count = program.document()["turns"].as_array().unwrap().len();
    let at = |number: usize| format!("iteration {number} of {count}");
    let walked = shown(&[&program.path()], "n\nn\np\nG\nq\n");
    assert_eq!(heads(&walked), [1, 2, 3, 2, count].map(at));
    let all = shown(&[&program.path(), "--all"], "");
    assert_eq!(heads(&all).len(), count);
    assert!(all.contains("at line     Task-1 main"), "{all}");
    assert!(all.contains("   4  await asyncio.sleep(seconds)"), "{all}");
    assert!(all.contains("prints      late is up"), "{all}");
    assert_eq!(all, shown(&[&program.path(), "--all"], ""));
    for width in ["20", "36", "60"] {
        let output = run(&[&program.path(), "--all"], "", width);
        let text = String::from_utf8(output.stdout).unwrap();
        let most: usize = width.parse().unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= most), "{width}: {text}");
    }
}

#[test]
fn a_call_that_blocks_the_loop_is_counted_for_the_step_that_made_it() {
    let text = "import asyncio, time\nasync def rude():\n    time.sleep(0.2)\nasync def main():\n    \
                await asyncio.gather(rude(), asyncio.sleep(0.01))\nasyncio.run(main())\n";
    let document = Program::new("rude", text).document();
    let turns = document["turns"].as_array().unwrap().iter();
    let steps = turns.flat_map(|turn| turn["ran"].as_array().unwrap());
    let blocks: Vec<(&str, u64)> = steps
        .filter_map(|step| Some((step["task"].as_str().unwrap(), step["blocks_ns"].as_u64()?)))
        .collect();
    assert_eq!(blocks, [("Task-2 rude", 200_000_000)]);
}

#[test]
fn what_does_not_end_is_cut_and_says_so() {
    let ends = |name: &str, body: &str| {
        let text = format!("import asyncio\nasync def main():\n{body}asyncio.run(main())\n");
        let program = Program::new(name, &text);
        let document = program.document();
        let all = shown(&[&program.path(), "--all"], "");
        assert!(all.contains("This is the last iteration: "), "{all}");
        let why = document["why"].as_str().unwrap_or_default().to_owned();
        (document["ended"] == true, document["turns"].as_array().unwrap().len(), why)
    };
    let (ended, turns, why) = ends("endless", "    while True:\n        await asyncio.sleep(1)\n");
    assert!(!ended && turns == 500 && why.contains("cut after 500"), "{turns}: {why}");
    let (ended, turns, why) = ends("spin", "    while True:\n        pass\n");
    assert!(!ended && turns == 1 && why.contains("instructions"), "{turns}: {why}");
    let stuck = "    await asyncio.get_running_loop().create_future()\n";
    let (ended, turns, why) = ends("stuck", stuck);
    assert!(!ended && turns == 1 && why.contains("waits for ever"), "{turns}: {why}");
    let (ended, _, why) = ends("fails", "    await asyncio.sleep(0)\n    1 / 0\n");
    assert!(ended && why.contains("line 4 with ZeroDivisionError"), "{why}");
}

#[test]
fn a_program_that_cannot_be_stepped_through_is_one_line_and_code_2() {
    let refused = |name: &str, text: &str, wanted: &str| {
        let program = Program::new(name, text);
        let output = run(&[&program.path()], "", "80");
        assert_eq!(output.status.code(), Some(2), "{name}");
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.contains("tasks.py") && line.contains(wanted), "{line}");
    };
    refused("subset", "import ctypes\n", ":1:8: the module `ctypes` is not in the subset");
    refused("syntax", "import asyncio\nasync def\n", ":2:");
    refused("no-loop", "print(1)\n", "runs no event loop");
    let output = run(&["no/such/file.py"], "", "80");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
}

#[test]
fn the_page_has_every_iteration_without_scripts_and_needs_nothing_else() {
    let program = Program::new("page", NAPS);
    let page = program.file("page.html");
    shown(&[&program.path(), "--html", &page], "");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.len() <= 300 * 1024);
    // A name of a namespace is fetched by nobody.
    let named = page.replace("http://www.w3.org/2000/svg", "");
    for needs in ["http:", "https:", "src=", "href=", "@import"] {
        assert!(!named.contains(needs), "{needs}");
    }
    let (still, script) = page.split_once("<script").unwrap();
    let count = program.document()["turns"].as_array().unwrap().len();
    assert_eq!(still.matches("<section class=\"turn\"").count(), count);
    for says in [
        "tasks.py, one iteration of its event loop at a time",
        "iteration 1 of",
        "await asyncio.sleep(seconds)",
        "a timer, in 30ms",
        "late is up",
        "Task-2 nap runs, woken by sleep&#x27;s callback; ends",
    ] {
        assert!(still.contains(says), "{says}");
    }
    assert!(script.contains("ArrowRight"), "it can be stepped through");
    assert_eq!(data_of(&page)["document"]["turns"], program.document()["turns"]);
}

#[test]
fn a_scene_has_a_page_and_a_long_program_a_short_one() {
    let program = Program::new(
        "long",
        "import asyncio\nasync def spin(n):\n    for _ in range(n):\n        await asyncio.sleep(0)\n\
         async def main():\n    await asyncio.gather(*[spin(400) for _ in range(60)])\n\
         asyncio.run(main())\n",
    );
    let page = program.file("page.html");
    shown(&[&program.path(), "--html", &page], "");
    let long = std::fs::read_to_string(&page).unwrap();
    assert!(long.len() <= 300 * 1024, "{}", long.len());
    assert!(long.contains("more iterations had no room here"));
    shown(&["busy", "--html", &page], "");
    let scene = std::fs::read_to_string(&page).unwrap();
    assert!(scene.contains("<svg") && scene.contains("When does the sleep of 1 ms beside it end?"));
    let refused = run(&["busy", "--html", "/no/such/folder/page.html"], "", "80");
    assert_eq!(String::from_utf8(refused.stderr).unwrap().lines().count(), 1);
}

#[test]
fn no_text_of_a_program_is_more_than_text_of_its_page() {
    let evil = "</pre></script><script>alert(1)</script><img src=x>{{ 7 * 7 }}&amp;";
    let text = format!(
        "# {evil}\nimport asyncio\nasync def main():\n    task = asyncio.create_task(asyncio.sleep(1))\n    \
         task.set_name(\"{evil}\")\n    print(\"{evil}\")\n    await task\nasyncio.run(main())\n"
    );
    let program = Program::new("evil", &text);
    let page = program.file("page.html");
    shown(&[&program.path(), "--html", &page], "");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(!page.contains("alert(1)</script>") && !page.contains("<img"), "it is escaped");
    assert_eq!(page.matches("<script").count(), 2, "the data and the page's own");
}
