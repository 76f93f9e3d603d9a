//! One run of a program in an order of somebody's choosing.
//!
//! *Assumes*: the program does the same whenever it is given the same choices.
//! *Promises*: it ends: by itself, by a panic of any of its tasks, because all of them wait for what
//! cannot come, or because it has taken too many steps. Each choice is written down, so that the run
//! can be had again; one that did not follow its order to the end has not ended as it should. Nothing
//! of it is left: its loop is dropped before this returns.
//! *Leaves out*: which orders to try (`sim/explorer.rs`).

use crate::event_loop::core::enter;
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::looks;
use crate::selector::simulated::SimulatedSelector;
use crate::sim::guide::Guide;
use crate::sim::panics::{caught, last_place};
use crate::sim::program::Sim;
use crate::sim::stage::{RunEnd, Stage};
use crate::sim::story::{Story, Tell, same_each_run};
use std::future::Future;
use std::rc::Rc;

/// What came of a run.
pub(super) struct Trial {
    /// How it ended.
    pub end: RunEnd,
    /// What was chosen at each choice, and out of how many.
    pub choices: Vec<(u32, u32)>,
    /// How many steps it took.
    pub steps: u64,
    /// What happened, if that was asked for.
    pub story: Option<Story>,
}

/// Runs `program` once.
pub(super) fn run<F: Future>(
    program: impl FnOnce(Sim) -> F,
    guide: Box<dyn Guide>,
    most_steps: u64,
    tell: Tell,
) -> Trial {
    let selector = SimulatedSelector::new();
    let event_loop = EventLoop::with_selector(Box::new(selector.clone()));
    let story = Story::begin(&event_loop, tell);
    let stage = Rc::new(Stage::new(guide, selector, most_steps, story));
    let (hears, id) = (Rc::clone(&stage), event_loop.id());
    event_loop.set_exception_handler(move |unhandled| {
        let (task, message) = (same_each_run(id, &unhandled.place), unhandled.message.clone());
        let message =
            last_place().map_or(message.clone(), |place| format!("{message}, at {place}"));
        hears.panicked(task, message);
    });
    let looked = Rc::clone(&stage);
    let _listening =
        stage.wants_footprints().then(|| looks::listen(move |look| looked.looks(look)));
    let mut root = None;
    let ended = caught(|| {
        let root = root.insert(Box::pin(program(Sim::new(Rc::clone(&stage)))));
        let ended = event_loop
            .drive_chosen(root.as_mut(), |candidates| stage.choose(&event_loop, candidates));
        ended.map(drop)
    });
    let mut end = match ended {
        Ok(ended) => stage.end(&event_loop, ended),
        Err(message) => RunEnd::Panicked { task: "main".to_owned(), message },
    };
    let story = stage.take_story().map(|story| story.told(&event_loop));
    // What its drops say counts as well, unless it has ended otherwise than it should: then they came
    // in the middle of something. The root's are run on its loop, as they are elsewhere.
    let root = caught(|| {
        let _entered = enter(&event_loop.core);
        drop(root);
    });
    let event_loop = caught(|| drop(event_loop));
    if let RunEnd::Done = end {
        let panicked = |task: &str, message| RunEnd::Panicked { task: task.to_owned(), message };
        let root = root.err().map(|message| panicked("main", message));
        let event_loop = event_loop.err().map(|message| panicked("the loop's end", message));
        let drops = root.or(event_loop).or_else(|| stage.take_panicked());
        end = drops.or_else(|| stage.misfit()).unwrap_or(end);
    }
    Trial { end, choices: stage.take_choices(), steps: stage.steps(), story }
}
