//! Pages in a browser: no error, no request, nothing that overlaps or is wider than the page, in light
//! and dark, on a wide and a narrow screen; buttons and keys do what they say.
//!
//! Where no Chromium is found, this says so and checks nothing.
#![cfg(feature = "cli")]

#[path = "common/cli.rs"]
mod cli;
#[path = "common/command.rs"]
mod command;
#[path = "common/folder.rs"]
mod folder;
#[path = "common/skipped.rs"]
mod skipped;

use cli::run;
use command::finish;
use folder::Folder;
use serde_json::Value;
use skipped::skipped;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(180);
const BROWSERS: [&str; 3] = ["chromium", "google-chrome", "chromium-browser"];

/// Measures the page, tries its buttons and keys, and writes what it found where `--dump-dom` shows it.
const PROBE: &str = include_str!("common/probe.js");

fn browser() -> Option<&'static str> {
    let is_there = |name: &&str| {
        let mut asked = Command::new(name);
        let asked = asked.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
        asked.is_ok_and(|output| output.status.success())
    };
    let found = BROWSERS.into_iter().find(is_there);
    if found.is_none() {
        skipped(format_args!("none of {} is here, so no page was looked at", BROWSERS.join(", ")));
    }
    found
}

/// What the probe found, and what the browser wrote on its console.
fn looked_at(
    browser: &str,
    folder: &Folder,
    page: &str,
    width: u32,
    dark: bool,
) -> (Value, String) {
    let profile = folder.path(&format!("profile-{width}-{dark}"));
    let mut command = Command::new(browser);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--v=0",
    ]);
    command.args(["--no-first-run", "--disable-background-networking", "--dump-dom"]);
    command.arg(format!("--user-data-dir={profile}"));
    command.arg(format!("--window-size={width},2000"));
    command.arg(format!("--blink-settings=preferredColorScheme={}", if dark { 0 } else { 1 }));
    command.arg(format!("file://{page}"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = finish(command.spawn().unwrap(), &[browser, page], PATIENCE);
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let (_, found) =
        dom.split_once("data-found=\"").unwrap_or_else(|| panic!("no verdict: {said}"));
    let found = found.split_once('"').unwrap().0.replace("&quot;", "\"").replace("&amp;", "&");
    let found = found.replace("&lt;", "<").replace("&gt;", ">").replace("&#39;", "'");
    (serde_json::from_str(&found).unwrap(), said)
}

/// Has a command write a page, and looks at it in both colours and both widths.
fn is_sound(name: &str, words: &[&str]) {
    let Some(browser) = browser() else { return };
    let folder = Folder::new(&format!("chromium-{name}"));
    let file = folder.path("page.html");
    let output = run(&[words, &["--html", &file]].concat());
    // An exploration that finds a fault, and a choice without a difference, have codes of their own.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{words:?}: {said}");
    let page = fs::read_to_string(file).unwrap();
    assert!(page.contains("default-src 'none'"), "a request would be an error");
    let probed = page.replacen("</head>", &format!("<script>{PROBE}</script></head>"), 1);
    let probed = folder.write("probed.html", &probed);
    let mut papers = Vec::new();
    for (width, dark) in [(1280, false), (1280, true), (390, false), (390, true)] {
        let (verdict, said) = looked_at(browser, &folder, &probed, width, dark);
        let found: Vec<&str> =
            verdict["found"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(found.is_empty(), "{name} at {width}, dark {dark}: {found:#?}");
        let console: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(console.is_empty(), "{name}: {console:?}");
        assert_eq!(verdict["dark"], dark, "{name}");
        papers.push(verdict["paper"].as_str().unwrap().to_owned());
    }
    assert_ne!(papers[0], papers[1], "{name}: dark is not light");
}

#[test]
fn a_comparison_is_sound_in_a_browser() {
    is_sound("compare", &["compare", "cpu", "fast-io", "--jobs", "24", "--rounds", "3"]);
}

#[test]
fn a_sweep_is_sound_in_a_browser() {
    let sweep = ["--rounds", "1", "--sweep", "workers=1..4"];
    is_sound("sweep", &[&["compare", "cpu", "--jobs", "8"], &sweep[..]].concat());
}

#[test]
fn a_scene_is_sound_in_a_browser() {
    is_sound("scene", &["gil", "battle", "--simulate", "2", "--seconds", "0.1"]);
}

const RACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/race.py");

#[test]
fn an_exploration_is_sound_in_a_browser_and_its_cursor_moves_along_the_source() {
    is_sound("explore", &["explore", RACE, "--policy", "3.9,3.12"]);
}

#[test]
fn steps_of_a_loop_are_sound_in_a_browser_and_its_cursor_moves_along_the_source() {
    let folder = Folder::new("chromium-naps");
    let program = "import asyncio\n\nasync def nap(name, seconds):\n    \
                   await asyncio.sleep(seconds)\n    print(name, 'is up')\n\nasync def main():\n    \
                   await asyncio.gather(nap('early', 0.01), nap('late', 0.03))\n\nasyncio.run(main())\n";
    is_sound("step", &["loop", "step", &folder.write("naps.py", program)]);
    is_sound("step-scene", &["loop", "step", "busy"]);
}

#[test]
fn a_choice_is_sound_in_a_browser() {
    let load = ["choose", "--cpu", "1ms", "--io", "5ms", "--inflight", "4"];
    is_sound("choose", &[&load[..], &["--time", "12", "--anyway"]].concat());
}

#[test]
fn names_that_try_to_be_markup_are_text_in_a_browser() {
    let folder = Folder::new("chromium-evil");
    let program = "x = \"<img src=x onerror=alert(1)><script>alert(2)</script>\"\nprint(x)\n";
    let file = folder.write("<b>&\"'.py", program);
    is_sound("hostile", &["explore", &file, "--policy", "3.12"]);
}
