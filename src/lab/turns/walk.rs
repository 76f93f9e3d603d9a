//! `singletrack loop step`: its arguments, and the walk through the turns.
//!
//! *Promises*: a scene that is not there is refused with the names of those that are; where stdin is
//! no terminal, each line is an answer, and its end shows the rest; whoever ends the command ends the
//! walk. JSON has every turn.
//! *Leaves out*: where keys come from (`lab/report/keys.rs`).

use crate::lab::compare::output::SCHEMA_VERSION;
use crate::lab::report::failure::Failure;
use crate::lab::report::keys::Answers;
use crate::lab::report::table::entries;
use crate::lab::report::terminal::wrap;
use crate::lab::turns::scene::{SCENES, Scene};
use crate::lab::turns::turn::{MOST, Turn, turns};
use crate::lab::turns::view::view;
use clap::{Args, Subcommand};
use serde_json::json;

/// For the end of `loop --help`.
pub const EXAMPLES: &str = "\
Examples:
  singletrack loop step                    the scenes, a line each
  singletrack loop step queue              forwards and back by keys, an iteration at a time
  singletrack loop step lock --all         all of it
  singletrack loop step timeout --json

Keys: n or space = next, p = previous, g = first, G = last, a = all that is left, q = quit.";

const CLEAR: &str = "\x1b[H\x1b[2J";

/// The words after `loop`.
#[derive(Debug, Args)]
pub struct LoopArgs {
    #[command(subcommand)]
    what: LoopCommand,
}

#[derive(Debug, Subcommand)]
enum LoopCommand {
    /// Steps through a scene: the ready queue, timers and selector, who runs, and what woke it
    #[command(after_help = EXAMPLES)]
    Step(StepArgs),
}

#[derive(Debug, Args)]
struct StepArgs {
    /// Which scene: order, sleep, queue, lock, herd, timeout, busy; the list of them if none is named
    #[arg(value_name = "SCENE")]
    scene: Option<String>,
    /// Shows every iteration at once
    #[arg(long)]
    all: bool,
    /// Prints one JSON object
    #[arg(long, conflicts_with = "all")]
    json: bool,
}

/// What to step through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRequest {
    scene: Option<String>,
    /// Everything at once: nothing is asked.
    pub all: bool,
    json: bool,
}

impl LoopArgs {
    /// What these arguments ask for.
    ///
    /// # Errors
    /// A scene that does not exist.
    pub fn request(self) -> Result<StepRequest, Failure> {
        let LoopCommand::Step(StepArgs { scene, all, json }) = self.what;
        if let Some(name) = &scene {
            Scene::named(name)?;
        }
        Ok(StepRequest { scene, all, json })
    }
}

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
    let Some(name) = &request.scene else {
        let scenes = SCENES.iter();
        let scene = |scene: &Scene| json!({ "scene": scene.name, "question": scene.question });
        let all = json!({ "schema_version": SCHEMA_VERSION,
                          "scenes": scenes.map(scene).collect::<Vec<_>>() });
        return print(&if request.json { format!("{all:#}\n") } else { list(width) });
    };
    let scene = Scene::named(name)?;
    let turns = turns(scene)?;
    if request.json {
        let ended = turns.len() < MOST;
        let all = json!({ "schema_version": SCHEMA_VERSION, "scene": scene.name, "question": scene.question, "ended": ended,
                          "turns": turns });
        return print(&format!("{all:#}\n"));
    }
    let question = wrap(scene.question, width);
    if request.all {
        let all: Vec<String> = turns.iter().map(|turn| view(turn, turns.len(), width)).collect();
        return print(&format!("{question}\n{}", all.join("\n")));
    }
    walk(&question, &turns, answers, width, print)
}

fn list(width: usize) -> String {
    let scenes: Vec<(&str, &str)> =
        SCENES.iter().map(|scene| (scene.name, scene.question)).collect();
    let more = wrap("singletrack loop step NAME steps through one of them.", width);
    format!("{}\n{more}", entries(&scenes, width))
}

/// Shows a turn, and goes where the answers say.
fn walk(
    question: &str,
    turns: &[Turn],
    answers: &mut dyn Answers,
    width: usize,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut at, last) = (0, turns.len().saturating_sub(1));
    let mut shown = None;
    loop {
        if shown != Some(at) {
            let clear = if answers.are_keys() { CLEAR } else { "" };
            let turn =
                turns.get(at).map_or_else(String::new, |turn| view(turn, turns.len(), width));
            let head = if answers.are_keys() || shown.is_none() { question } else { "" };
            print(&format!("{clear}{head}\n{turn}\nn = next, p = previous, q = quit > "))?;
            shown = Some(at);
        }
        let Some(answer) = answers.next()? else {
            // Whoever pipes a file in, or nothing, is shown the rest.
            let rest = turns.iter().skip(at + 1).map(|turn| view(turn, turns.len(), width));
            return print(&rest.fold("\n".to_owned(), |text, turn| text + "\n" + &turn));
        };
        match answer.as_str() {
            "q" | "quit" => return print("\n"),
            "p" | "previous" => at = at.saturating_sub(1),
            "g" | "first" => at = 0,
            "G" | "last" => at = last,
            "a" | "all" => {
                let rest = turns.iter().skip(at + 1).map(|turn| view(turn, turns.len(), width));
                return print(&rest.fold("\n".to_owned(), |text, turn| text + "\n" + &turn));
            }
            "" | "n" | "next" if at < last => at += 1,
            _ => {}
        }
    }
}
