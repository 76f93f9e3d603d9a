//! A scene as a page of HTML, and as a card: its lanes under each policy, and why. Pure.
//!
//! *Promises*: what is drawn is what the terminal draws; every figure is one of the JSON object, which
//! is in the page.
//! *Leaves out*: writing the files (`lab/gil_command.rs`).

use crate::gil::rules::decision::Nanos;
use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::page::card::{Card, SIZE, card};
use crate::lab::page::lanes::{Look, Picture, cells, lanes};
use crate::lab::page::markup::Element;
use crate::lab::page::rows::Room;
use crate::lab::page::shell::{Content, light_enough, render_with};
use crate::lab::page::states::legend;
use crate::lab::report::failure::Failure;
use crate::lab::report::window::Zoom;
use crate::lab::scenes::explanation::paragraphs;
use crate::lab::scenes::scene::Scene;
use crate::lab::scenes::scene_report::{figures, profiles, usual};
use crate::lab::scenes::scene_run::SceneRun;
use crate::lab::timeline::from_lock::from_lock;
use crate::lab::timeline::timeline::{Group, Timeline};
use serde_json::{Value, json};
use std::ops::Range;

const TEMPLATE: &str = include_str!("scene.html");
/// Room for the names of lanes on a card.
const NAMES: f64 = 112.0;

/// The page of some runs, whose JSON object is `data`.
///
/// # Errors
/// If nothing was recorded of the window that was asked for.
pub fn html(
    scene: &Scene,
    runs: &[(SwitchPolicy, SceneRun)],
    zoom: Option<Zoom>,
    command: &str,
    data: &Value,
) -> Result<String, Failure> {
    light_enough(6, |grade| {
        let mut pictures = Vec::new();
        let mut views = Vec::new();
        for (policy, run) in runs {
            let look =
                Look { cells: cells(grade), title: (scene.caption)(policy), ..Look::default() };
            let picture = drawn(scene, *policy, run, zoom, look)?;
            pictures.extend([legend(&picture.states), picture.markup]);
            views.push(json!({
                "caption": (scene.caption)(policy),
                "sentence": (scene.sentence)(&run.figures),
                "threads": profiles(&run.recording).iter().map(figures).collect::<Vec<_>>(),
            }));
        }
        let explained = paragraphs(scene.explanation, usize::MAX);
        let explained: Vec<&str> = explained.split("\n\n").map(str::trim).collect();
        let view = json!({
            "name": scene.name,
            "title": scene.title,
            "headline": headline(scene, runs),
            "error": data["error"],
            "command": command,
            "simulated": data["simulated"],
            "runs": views,
            "explained": explained.iter().flat_map(|text| text.lines()).collect::<Vec<_>>(),
        });
        page(&view, data, &pictures)
    })
}

fn page(view: &Value, data: &Value, pictures: &[Element]) -> Result<String, Failure> {
    let title = format!("singletrack gil {}", view["name"].as_str().unwrap_or_default());
    let headline = view["headline"].as_str().unwrap_or_default();
    render_with(TEMPLATE, &title, headline, &Content { view, data, pictures })
}

/// What the first run showed.
fn headline(scene: &Scene, runs: &[(SwitchPolicy, SceneRun)]) -> String {
    let Some((policy, run)) = runs.first() else { return scene.title.to_owned() };
    let sentence = (scene.sentence)(&run.figures);
    format!("{}: {}", (scene.caption)(policy), sentence.trim_end_matches('.'))
}

fn drawn(
    scene: &Scene,
    policy: SwitchPolicy,
    run: &SceneRun,
    zoom: Option<Zoom>,
    look: Look,
) -> Result<Picture, Failure> {
    let window = zoom.unwrap_or(usual(policy)).window(&run.recording)?;
    let timeline = timeline(scene, policy, run);
    Ok(lanes(&timeline, &Look { window: Some(window), ..look }))
}

fn timeline(scene: &Scene, policy: SwitchPolicy, run: &SceneRun) -> Timeline {
    let name = (scene.caption)(&policy);
    let group = from_lock(&name, run.pid, &run.recording, &scene.state_names);
    Timeline { about: Vec::new(), until: run.recording.until, groups: vec![group] }
}

/// The runs as a card: each ends at the same place of one axis.
///
/// # Errors
/// If nothing was recorded of the window that was asked for.
pub fn scene_card(
    scene: &Scene,
    runs: &[(SwitchPolicy, SceneRun)],
    zoom: Option<Zoom>,
    command: &str,
) -> Result<String, Failure> {
    /// More bands have no room.
    const BANDS: usize = 4;
    let shown = &runs[..runs.len().min(BANDS)];
    let mut all = Timeline::default();
    let mut longest: Nanos = 0;
    for (policy, run) in shown {
        let window = zoom.unwrap_or(usual(*policy)).window(&run.recording)?;
        longest = longest.max(window.end - window.start);
    }
    for (policy, run) in shown {
        let of_run = timeline(scene, *policy, run);
        let until = of_run.until;
        all.groups.extend(
            of_run
                .groups
                .into_iter()
                .map(|group| within(group, until.saturating_sub(longest)..until)),
        );
    }
    all.until = longest;
    let look = |width: f64| Look {
        title: scene.title.to_owned(),
        dense: true,
        cells: 700,
        room: Room::Fixed { width, names: NAMES },
        ..Look::default()
    };
    let height = lanes(&all, &look(SIZE.0)).height;
    let picture = lanes(&all, &look(Card::width(height)));
    let sentences: Vec<String> = runs
        .iter()
        .map(|(policy, run)| {
            format!("{}: {}", (scene.caption)(policy), (scene.sentence)(&run.figures))
        })
        .collect();
    Ok(card(&Card {
        title: format!("{}: {}", scene.name, scene.title),
        subtitle: sentences.first().cloned().unwrap_or_default(),
        states: picture.states,
        picture: (picture.markup, picture.height),
        remark: String::new(),
        command: command.to_owned(),
        words: sentences.join(" "),
    }))
}

/// What of a group is in a window, on an axis that begins with it.
fn within(mut group: Group, window: Range<Nanos>) -> Group {
    for lane in &mut group.lanes {
        lane.spans.retain(|span| span.to > window.start && span.from < window.end);
        for span in &mut lane.spans {
            span.from = span.from.max(window.start) - window.start;
            span.to = span.to.min(window.end) - window.start;
        }
        lane.points.retain(|point| window.contains(&point.at));
        lane.points.iter_mut().for_each(|point| point.at -= window.start);
    }
    group.links.clear();
    group
}
