//! The walk through the turns: forwards and back, all of them, or as JSON.
//!
//! *Promises*: where stdin is no terminal, each line is an answer, and its end shows the rest; whoever
//! ends the command ends the walk. JSON has every turn. What was cut says so at its end.
//! *Leaves out*: where keys come from (`lab/report/keys.rs`).

use crate::lab::page::shell;
use crate::lab::report::failure::Failure;
use crate::lab::report::keys::{Answers, CLEAR};
use crate::lab::report::table::entries;
use crate::lab::report::terminal::wrap;
use crate::lab::timeline::trace::save_trace;
use crate::lab::turns::document::{SCHEMA_VERSION, document};
use crate::lab::turns::html::html;
use crate::lab::turns::request::{Stage, StepRequest};
use crate::lab::turns::scene::{SCENES, Scene};
use crate::lab::turns::turn::{Stepped, turns};
use crate::lab::turns::view::view;
use serde_json::{Value, json};

/// Carries a request out.
///
/// # Errors
/// What `print` and `answers` report.
pub fn step(
    request: &StepRequest,
    answers: &mut dyn Answers,
    width: usize,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let stepped = match &request.stage {
        Stage::List if request.json => {
            let scene = |scene: &Scene| json!({ "scene": scene.name, "question": scene.question });
            let scenes: Vec<Value> = SCENES.iter().map(scene).collect();
            let all = json!({ "schema_version": SCHEMA_VERSION, "scenes": scenes });
            return print(&format!("{all:#}\n"));
        }
        Stage::List => return print(&list(width)),
        Stage::Scene(scene) => turns(scene)?,
        Stage::Program(stepped) => (**stepped).clone(),
    };
    if let Some(path) = &request.html {
        shell::write(path, &html(&stepped)?)?;
        return print(&wrap(&format!("Written: {}", path.display()), width));
    }
    if let Some(path) = &request.trace {
        save_trace(path, &stepped.timeline)?;
        return print(&wrap(&format!("Written: {}", path.display()), width));
    }
    if request.json {
        return print(&format!("{:#}\n", document(&stepped)));
    }
    let head = match stepped.question {
        Some(question) => wrap(question, width),
        None => wrap(&format!("{}, in virtual time", stepped.name), width),
    };
    let pages = Pages { stepped: &stepped, head, width };
    if request.all {
        return print(&format!("{}\n{}", pages.head, pages.rest(0)));
    }
    walk(&pages, answers, print)
}

/// What is shown, for a page of this width.
struct Pages<'a> {
    stepped: &'a Stepped,
    head: String,
    width: usize,
}

impl Pages<'_> {
    fn page(&self, at: usize) -> String {
        let turns = &self.stepped.turns;
        let mut page =
            turns.get(at).map_or_else(String::new, |turn| view(turn, turns.len(), self.width));
        if let Some(end) = self.stepped.end.as_ref().filter(|_| at + 1 >= turns.len()) {
            page +=
                &format!("\n{}", wrap(&format!("This is the last iteration: {end}."), self.width));
        }
        page
    }

    /// From this one on.
    fn rest(&self, from: usize) -> String {
        let pages: Vec<String> = (from..self.stepped.turns.len()).map(|at| self.page(at)).collect();
        pages.join("\n")
    }
}

fn list(width: usize) -> String {
    let scenes: Vec<(&str, &str)> =
        SCENES.iter().map(|scene| (scene.name, scene.question)).collect();
    let more = "singletrack loop step NAME steps through one of them, and loop step FILE.py through \
                a program with asyncio.";
    let more = wrap(more, width);
    format!("{}\n{more}", entries(&scenes, width))
}

/// Shows a turn, and goes where the answers say.
fn walk(
    pages: &Pages<'_>,
    answers: &mut dyn Answers,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut at, last) = (0, pages.stepped.turns.len().saturating_sub(1));
    let mut shown = None;
    loop {
        if shown != Some(at) {
            let clear = if answers.are_keys() { CLEAR } else { "" };
            let head = if answers.are_keys() || shown.is_none() { &pages.head } else { "" };
            let turn = pages.page(at);
            print(&format!("{clear}{head}\n{turn}\nn = next, p = previous, q = quit > "))?;
            shown = Some(at);
        }
        let Some(answer) = answers.next()? else {
            // Whoever pipes a file in, or nothing, is shown the rest.
            return print(&format!("\n{}", pages.rest(at + 1)));
        };
        match answer.as_str() {
            "q" | "quit" => return print("\n"),
            "p" | "previous" => at = at.saturating_sub(1),
            "g" | "first" => at = 0,
            "G" | "last" => at = last,
            "a" | "all" => return print(&format!("\n{}", pages.rest(at + 1))),
            "" | "n" | "next" if at < last => at += 1,
            _ => {}
        }
    }
}
