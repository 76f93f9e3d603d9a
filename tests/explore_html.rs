//! `explore --html`: one file that needs nothing else, in which no text of a program is more than text.
#![cfg(feature = "cli")]

#[path = "common/cases.rs"]
mod cases;
#[path = "common/cli.rs"]
mod cli;
#[path = "common/command.rs"]
mod command;
#[path = "common/folder.rs"]
mod folder;
#[path = "common/html.rs"]
mod html;

use cases::cases;
use cli::run;
use folder::Folder;
use html::data_of;
use proptest::prelude::*;
use serde_json::{Value, json};
use singletrack::lab::page::embed::embed;
use singletrack::lab::page::shell::{MOST_BYTES, render};
use std::fs;

/// The page of a program, and its data.
fn page(folder: &Folder, program: &str) -> (String, Value) {
    let out = folder.path("page.html");
    run(&["explore", program, "--policy", "3.9,3.12", "--html", &out]);
    let page = fs::read_to_string(out).unwrap();
    let data = data_of(&page);
    (page, data)
}

const RACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/race.py");

#[test]
fn the_page_says_what_the_terminal_says_and_needs_nothing_else() {
    let folder = Folder::new("race");
    let (page, data) = page(&folder, RACE);
    assert!(page.len() <= MOST_BYTES);
    for needs in ["http:", "https:", "src=", "href=", "@import"] {
        assert!(!page.contains(needs), "{needs}");
    }
    assert_eq!(page.matches("url(").count(), page.matches("url(#").count(), "its own hatches");
    // What a reader without scripts sees.
    let (still, _) = page.split_once("<script").unwrap();
    for says in [
        "race.py can go wrong under python-3.2; not under python-3.13",
        "prints 1",
        "thread 2 wrote 1 over it on line 6",
        "What Python promises",
        "x += 1",
        "x := 1",
    ] {
        assert!(still.contains(says), "{says}");
    }
    assert_eq!(still.matches("data-step=").count(), 3);
    assert_eq!(still.matches(r#"class="switch""#).count(), 1, "one switch was needed");
    assert_eq!(data["steps"][2]["values"]["x"], "1");
    assert_eq!(data["steps"][0]["line"], 6);
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("@media print"));
}

#[test]
fn no_text_of_a_program_is_more_than_text() {
    let folder = Folder::new("hostile");
    let evil = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>{{ 7 * 7 }}&amp;";
    let program = format!(
        "# {evil}\nimport threading\nx = \"\"\ndef work():\n    global x\n    x += \"{evil}\"\n\
         each = [threading.Thread(target=work) for _ in range(2)]\nfor one in each: one.start()\n\
         for one in each: one.join()\nprint(x)\n"
    );
    let path = folder.write("<b>&.py", &program);
    let (page, data) = page(&folder, &path);
    assert!(!page.contains("alert(1)</script>") && !page.contains("<img") && !page.contains("<b>"));
    assert_eq!(page.matches("<script").count(), 2, "the data and the page's own");
    assert!(page.contains("{{ 7 * 7 }}"), "a template's words are words");
    assert_eq!(data["source"][0], format!("# {evil}"));
}

#[test]
fn a_long_program_is_a_page_of_bounded_size() {
    let folder = Folder::new("long");
    let mut text = "# <&> filler\n".repeat(20_000);
    text += "import threading\nx = 0\ndef work():\n    global x\n    for _ in range(4):\n        \
             x += 1\neach = [threading.Thread(target=work) for _ in range(2)]\nfor one in each: \
             one.start()\nfor one in each: one.join()\nprint(x == 8)\n";
    let path = folder.write("long.py", &text);
    let (page, _) = page(&folder, &path);
    assert!(page.len() <= MOST_BYTES, "{}", page.len());
}

#[test]
fn a_page_that_cannot_be_written_is_refused_before_the_work() {
    let folder = Folder::new("nowhere");
    let out = folder.path("no/such/page.html");
    let output = run(&["explore", RACE, "--policy", "3.12", "--html", &out]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("page.html") && said.lines().count() == 1, "{said}");
    assert!(output.stdout.is_empty());
    assert!(folder.names().is_empty());
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn any_text_stays_text_in_a_page(text in "\\PC*|[<>&\"'/{}%a-z\\u{2028}\\u{0}-\\u{1f}]*") {
        let template = r#"{% extends "shell.html" %}{% block main %}<p title="{{ data.text }}">{{ data.text }}</p>{% endblock %}"#;
        let data = json!({"text": text});
        let page = render(template, &text, &text, &data).unwrap();
        let empty = render(template, "", "", &json!({"text": ""})).unwrap();
        for tag in ["<", ">"] {
            prop_assert_eq!(page.matches(tag).count(), empty.matches(tag).count());
        }
        let (_, inside) = page.split_once("<p title=\"").unwrap();
        let (attribute, _) = inside.split_once("\">").unwrap();
        let ends = attribute.contains(['"', '<', '>']);
        prop_assert!(!ends, "the attribute could be left");
    }

    #[test]
    fn embedded_data_is_the_same_json(text in any::<String>(), number in any::<i64>()) {
        let value = json!({"text": text, "number": number, "list": [text]});
        let embedded = embed(&value);
        let ends = embedded.contains(['<', '>', '&', '\u{2028}', '\u{2029}']);
        prop_assert!(!ends, "it could be left");
        prop_assert_eq!(serde_json::from_str::<Value>(&embedded).unwrap(), value);
    }
}
