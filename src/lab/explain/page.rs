//! A topic's page: the picture of a run that was just made, the text with its places, what to try.
//!
//! *Assumes*: the calling process has one thread, for the run is in a forked child.
//! *Promises*: the picture is of this moment and this machine; a run that fails costs the picture and
//! not the text; the JSON fields below, always all of them.
//! *Leaves out*: writing it anywhere.
//!
//! ```text
//! {schema_version, error: null | text,
//!  topics: [{topic, title, text, next: [COMMAND], code: [{file, line, function}],
//!            run: null | {scene, policy, sentence, figures: {NAME: number}}
//!                      | {program, policy, text}}]}
//! ```

use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::rules::threading::Threading;
use crate::lab::compare::output::SCHEMA_VERSION;
use crate::lab::explain::request::ExplainRequest;
use crate::lab::explain::topic::{ShownBy, Topic};
use crate::lab::explore::output::explore;
use crate::lab::explore::request::{ExploreRequest, Schedules};
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::DrawOptions;
use crate::lab::report::outside::{self, Ended};
use crate::lab::report::table::entries;
use crate::lab::report::terminal::{Page, narrowed, wrap};
use crate::lab::scenes::explanation::{paragraphs, resolve};
use crate::lab::scenes::scene::Scene;
use crate::lab::scenes::scene_report::lanes_of;
use crate::lab::scenes::scene_run::SceneRun;
use crate::vm::assembler::assemble;
use crate::vm::explorer::Explorer;
use crate::vm::verifier::Verified;
use serde_json::{Value, json};

/// What was just run.
enum Fresh {
    Scene(&'static Scene, SwitchPolicy, SceneRun),
    Program { path: &'static str, policy: SwitchPolicy, text: String },
}

/// Shows a topic, or the list; `print` is called with each piece of text as soon as there is one.
///
/// # Errors
/// If the run fails, after the text was printed; or if something cannot be written.
pub fn explain(
    request: &ExplainRequest,
    page: &Page,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(topic) = request.topic else {
        return match request.json {
            true => print(&format!("{:#}\n", document(&Topic::ALL, None, None))),
            false => print(&list(page)),
        };
    };
    let title = wrap(&format!("{}: {}", topic.name, topic.title), page.width);
    if !request.json {
        print(&format!("{title}\n"))?;
    }
    let (fresh, failure) = match fresh(topic, request, page.width) {
        Ok(fresh) => (fresh, None),
        Err(failure) => (None, Some(failure)),
    };
    let failure = failure.or(outside::check().err());
    // Nobody reads it.
    if outside::ended() == Some(Ended::ReaderGone) {
        return failure.map_or(Ok(()), Err);
    }
    if request.json {
        print(&format!("{:#}\n", document(&[topic], fresh.as_ref(), failure.as_ref())))?;
    } else {
        let options =
            DrawOptions { width: page.width, ascii: request.ascii, palette: page.palette };
        if let Some(fresh) = &fresh {
            print(&drawn(fresh, &options)?)?;
        }
        print(&text(topic, page))?;
    }
    failure.map_or(Ok(()), Err)
}

fn fresh(topic: &Topic, request: &ExplainRequest, width: usize) -> Result<Option<Fresh>, Failure> {
    Ok(match topic.shown_by {
        None => None,
        Some(ShownBy::Scene(scene, policy)) => {
            Some(Fresh::Scene(scene, policy, scene.run(policy, request.time)?))
        }
        Some(ShownBy::Program { path, text, policy }) => {
            Some(Fresh::Program { path, policy, text: explored(path, text, policy, width)? })
        }
    })
}

/// Every interleaving of a program, and the worst of them drawn. That one goes wrong is what it is
/// there for, so a broken expectation is no failure.
fn explored(path: &str, text: &str, policy: SwitchPolicy, width: usize) -> Result<String, Failure> {
    let bug = "this is a bug; please report it";
    let program = assemble(text).map_err(|e| Failure::new(path, e.to_string(), bug))?;
    let program = Verified::new(program).map_err(|e| Failure::new(path, e.to_string(), bug))?;
    let schedules = Schedules::All { explorer: Explorer::new(policy), full: false };
    let name = path.to_owned();
    let request = ExploreRequest {
        name,
        program,
        policy: Threading::Gil(policy),
        schedules,
        json: false,
        all: false,
        width,
    };
    Ok(explore(&request).text)
}

fn drawn(fresh: &Fresh, options: &DrawOptions) -> Result<String, Failure> {
    let (scene, policy, run) = match fresh {
        Fresh::Scene(scene, policy, run) => (scene, policy, run),
        Fresh::Program { text, .. } => {
            return Ok(text.clone() + "\n");
        }
    };
    let when = format!("just now, on this machine: `singletrack gil {}`, {policy}", scene.name);
    let arrow = if options.ascii { "->" } else { "→" };
    let sentence = wrap(&format!("{arrow} {}", (scene.sentence)(&run.figures)), options.width);
    let lanes = lanes_of(scene, *policy, run, None, options)?;
    Ok(format!("{}\n{lanes}\n{sentence}\n", wrap(&when, options.width)))
}

/// The text, and what to try.
fn text(topic: &Topic, page: &Page) -> String {
    let mut text = paragraphs(topic.text, page.width);
    text += "\nTry\n";
    for command in topic.next {
        text += &narrowed(&format!("  {command}\n"), page.width);
    }
    text
}

fn list(page: &Page) -> String {
    let topics = Topic::ALL.map(|topic| (topic.name, topic.title));
    let more = wrap("More of each: singletrack explain TOPIC", page.width);
    format!("{}\n{more}", entries(&topics, page.width))
}

fn document(topics: &[&Topic], fresh: Option<&Fresh>, error: Option<&Failure>) -> Value {
    let topic = |topic: &&Topic| {
        let (_, places) = resolve(topic.text);
        let code = places.iter().map(
            |place| json!({ "file": place.file, "line": place.line, "function": place.function }),
        );
        json!({
            "topic": topic.name,
            "title": topic.title,
            "text": paragraphs(topic.text, usize::MAX),
            "next": topic.next,
            "code": code.collect::<Vec<_>>(),
            "run": fresh.map(run),
        })
    };
    json!({
        "schema_version": SCHEMA_VERSION,
        "error": error.map(Failure::to_string),
        "topics": topics.iter().map(topic).collect::<Vec<_>>(),
    })
}

fn run(fresh: &Fresh) -> Value {
    let (scene, policy, run) = match fresh {
        Fresh::Scene(scene, policy, run) => (scene, policy, run),
        Fresh::Program { path, policy, text } => {
            return json!({ "program": path, "policy": policy.to_string(), "text": text });
        }
    };
    json!({
        "scene": scene.name,
        "policy": policy.to_string(),
        "sentence": (scene.sentence)(&run.figures),
        "figures": run.figures,
    })
}
