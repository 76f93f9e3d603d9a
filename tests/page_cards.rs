//! Cards and the page of a scene: files that need nothing, with numbers of the JSON object.
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
#[path = "common/markup.rs"]
mod markup;

use cases::cases;
use cli::run;
use folder::Folder;
use html::data_of;
use markup::{Node, kept, parse};
use proptest::prelude::*;
use serde_json::Value;
use singletrack::lab::page::card::{Card, card};
use singletrack::lab::page::markup::Element;
use singletrack::lab::page::request::command_line;
use singletrack::lab::poster::card::poster_card;
use singletrack::lab::poster::poster::{poster, time};
use std::fs;
use std::process::Command;

/// A card as a tree: 1200 by 630, with nothing from elsewhere.
fn read(path: &str) -> (String, Node) {
    let file = fs::read_to_string(path).unwrap();
    let root = parse(&file).unwrap();
    assert_eq!(root.attribute("viewBox"), Some("0 0 1200 630"));
    assert_eq!(root.attribute("role"), Some("img"));
    for needs in ["href", "@import", "<image", "<script", "var(", "foreignObject"] {
        assert!(!file.contains(needs), "{needs}");
    }
    let own = file.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(file.matches("http").count(), own, "only the name of SVG itself");
    assert_eq!(file.matches("url(").count(), file.matches("url(#").count());
    (file, root)
}

#[test]
fn the_poster_says_what_was_computed_and_which_command_makes_it() {
    let folder = Folder::new("poster-card");
    let file = folder.path("poster.svg");
    let output = run(&["gil", "convoy", "--simulate", "2", "--seconds", "0.1", "--card", &file]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (_, root) = read(&file);
    let text = root.all_text();
    let expected = poster("any").unwrap();
    for row in &expected.rows {
        assert!(text.contains(&row.name) && text.contains(&row.sentence), "{}", row.sentence);
        if row.waited > 0 {
            assert!(text.contains(&format!("{} {}", row.name, time(row.waited))));
        }
    }
    assert!(text.contains("singletrack gil convoy"));
    assert_eq!(root.children[0].name, "title");
    assert_eq!(root.children[1].name, "desc");
}

#[test]
fn the_picture_of_the_read_me_is_what_its_command_makes() {
    let command = "singletrack gil convoy --card examples/poster.svg";
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/poster.svg");
    let kept = fs::read_to_string(kept).unwrap();
    assert!(kept == poster_card(command).unwrap(), "run it again: {command}");
}

#[test]
fn a_scene_is_a_card_and_a_page_with_the_figures_of_its_object() {
    let folder = Folder::new("scene-pages");
    let (card, page) = (folder.path("a.svg"), folder.path("a.html"));
    let words = ["gil", "battle", "--simulate", "2", "--seconds", "0.1", "--policy"];
    let words = [&words[..], &["python-3.2,python-2", "--json", "--card", &card, "--html", &page]];
    let output = run(&words.concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let page = fs::read_to_string(&page).unwrap();
    assert!(data_of(&page) == printed, "the page holds what --json prints");
    let (_, root) = read(&card);
    for run in printed["runs"].as_array().unwrap() {
        let sentence = run["sentence"].as_str().unwrap();
        assert!(page.contains(sentence) && root.all_text().contains(sentence), "{sentence}");
        for thread in run["threads"].as_array().unwrap() {
            let takes = format!("<td class=\"number\">{}</td>", thread["takes"]);
            assert!(page.contains(&takes), "{takes}");
        }
    }
}

#[test]
fn a_comparison_is_a_card() {
    let folder = Folder::new("compare-card");
    let file = folder.path("a.svg");
    let words = ["compare", "cpu", "--jobs", "4", "--rounds", "1", "--card", &file, "--model"];
    let output = run(&[&words[..], &["sequential,threads-free"]].concat());
    assert!(output.status.success());
    let (_, root) = read(&file);
    let text = root.all_text();
    assert!(text.contains("threads-free") && text.contains("singletrack compare cpu"), "{text}");
}

#[test]
fn what_has_no_picture_refuses_one() {
    for words in [["gil", "parity", "--html", "a.html"], ["gil", "fidelity", "--card", "a.svg"]] {
        let output = run(&words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(words[2]), "{words:?}");
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn any_text_is_text_on_a_card(text in "\\PC*|[<>&\"'\\]/{}%a-z\\u{0}-\\u{1f}]*") {
        let file = card(&Card {
            title: text.clone(),
            subtitle: text.clone(),
            states: Vec::new(),
            picture: (Element::new("g"), 10.0),
            remark: text.clone(),
            command: text.clone(),
            words: text.clone(),
        });
        let root = parse(&file).unwrap();
        let kept = kept(&text);
        prop_assert_eq!(root.children[0].text.as_str(), kept.as_str());
        prop_assert_eq!(root.children[1].text.as_str(), kept.as_str());
    }

    #[test]
    fn a_shell_reads_the_words_of_a_command_again(words in proptest::collection::vec("[ -~äλ]{0,12}", 0..6)) {
        let line = command_line(std::iter::once("x".to_owned()).chain(words.clone()).map(Into::into));
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("singletrack() {{ printf '%s\\0' \"$@\"; }}; {line}"));
        let said = shell.output().unwrap();
        let mut read: Vec<String> = String::from_utf8(said.stdout).unwrap().split('\0').map(str::to_owned).collect();
        read.pop();
        let none = words.is_empty();
        prop_assert!(read == words || none, "{} became {:?}", line, read);
    }
}
