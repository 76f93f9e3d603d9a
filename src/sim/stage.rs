//! What a run and its program share: who chooses, what was chosen, and what a step has done.
//!
//! *Assumes*: one step at a time.
//! *Promises*: each choice is written down; a panic that reaches no awaiter ends the run at the next
//! choice.
//! *Leaves out*: the loop on which it runs (`sim/trial.rs`).

use crate::base::id::TaskId;
use crate::event_loop::chosen::{Candidates, Choice};
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::run_once::EndedEarly;
use crate::selector::simulated::SimulatedSelector;
use crate::sim::guide::Guide;
use crate::sim::sleep_sets::{Actor, Footprint, TIME};
use crate::sim::story::{Story, StoryStep, actor_of};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

/// The first callback of the ready queue; the second is one less, and so on.
const CALLBACK: Actor = u64::MAX - 1;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Done,
    /// With this panic, of the task of that name.
    Panicked {
        /// The task.
        task: String,
        /// The message, and where it was.
        message: String,
    },
    /// Nothing can go on: who waits, and for what.
    Deadlock(Vec<(String, String)>),
    /// After more steps than a run may take.
    TooLong,
    /// The loop failed.
    Failed(String),
    /// Its guide ended it: it only repeats another run.
    Repeats,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Done => f.write_str("it ends as it should"),
            End::Panicked { task, message } => write!(f, "{task} panicked: {message}"),
            End::Deadlock(waiting) => {
                f.write_str("deadlock: all wait, and nothing can end that")?;
                waiting.iter().try_for_each(|(who, what)| write!(f, "\n  {who} waits for {what}"))
            }
            End::TooLong => f.write_str("it has not ended after the steps that it may take"),
            End::Failed(why) => write!(f, "the loop failed: {why}"),
            End::Repeats => f.write_str("it only repeats another order"),
        }
    }
}

/// What a run has in common with its program's handle.
pub(super) struct Stage {
    guide: RefCell<Box<dyn Guide>>,
    pub selector: SimulatedSelector,
    choices: RefCell<Vec<(u32, u32)>>,
    panicked: RefCell<Option<End>>,
    steps: Cell<u64>,
    most_steps: u64,
    cut: RefCell<Option<End>>,
    last: RefCell<Option<Step>>,
    /// The things that each actor has touched.
    touched: RefCell<BTreeMap<Actor, BTreeSet<u64>>>,
    things: Cell<u64>,
    known: RefCell<BTreeSet<Actor>>,
    story: RefCell<Option<Story>>,
}

/// A step in progress.
struct Step {
    actor: Actor,
    ready: BTreeSet<Actor>,
}

impl Stage {
    pub(super) fn new(
        guide: Box<dyn Guide>,
        selector: SimulatedSelector,
        most_steps: u64,
        story: Option<Story>,
    ) -> Stage {
        Stage {
            guide: RefCell::new(guide),
            selector,
            choices: RefCell::default(),
            panicked: RefCell::default(),
            steps: Cell::new(0),
            most_steps,
            cut: RefCell::default(),
            last: RefCell::default(),
            touched: RefCell::default(),
            things: Cell::new(0),
            known: RefCell::default(),
            story: RefCell::new(story),
        }
    }

    /// A task has panicked, and nobody awaits it.
    pub(super) fn panicked(&self, task: String, message: String) {
        self.panicked.borrow_mut().get_or_insert(End::Panicked { task, message });
    }

    pub(super) fn take_panicked(&self) -> Option<End> {
        self.panicked.take()
    }

    pub(super) fn take_story(&self) -> Option<Story> {
        self.story.take()
    }

    pub(super) fn take_choices(&self) -> Vec<(u32, u32)> {
        self.choices.take()
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// Another thing that tasks share.
    pub fn new_thing(&self) -> u64 {
        self.things.update(|things| things + 1);
        self.things.get()
    }

    /// The step in progress touches this thing.
    pub fn touch(&self, thing: u64) {
        let actor = self.last.borrow().as_ref().map(|step| step.actor);
        if let Some(actor) = actor {
            self.touched.borrow_mut().entry(actor).or_default().insert(thing);
        }
    }

    /// The program wants one of so many values.
    pub fn value(&self, of: usize) -> usize {
        if of < 2 {
            return 0;
        }
        let value = self.guide.borrow_mut().value(of);
        self.choices.borrow_mut().push((value as u32, of as u32));
        value
    }

    /// The program says something for the story.
    pub fn note(&self, text: impl FnOnce() -> String) {
        if let Some(story) = &mut *self.story.borrow_mut() {
            story.note(text());
        }
    }

    /// What happens next.
    pub(super) fn choose(&self, event_loop: &EventLoop, candidates: &Candidates) -> Choice {
        let actors = actors(candidates);
        self.end_step(event_loop, &actors);
        if self.panicked.borrow().is_some() {
            return Choice::Stop;
        }
        self.steps.update(|steps| steps + 1);
        if self.steps.get() > self.most_steps {
            self.cut.replace(Some(End::TooLong));
            return Choice::Stop;
        }
        let Some(chosen) = self.guide.borrow_mut().step(&actors) else {
            self.cut.replace(Some(End::Repeats));
            return Choice::Stop;
        };
        let choice = self.choices.borrow().len();
        if actors.len() > 1 {
            self.choices.borrow_mut().push((chosen as u32, actors.len() as u32));
        }
        if let Some(story) = &mut *self.story.borrow_mut() {
            let name = |actor: Actor| name_of(event_loop, candidates, &actors, actor);
            let out_of_turn = (chosen > 0).then(|| (choice, name(actors[0])));
            story.add(StoryStep::new(name(actors[chosen]), out_of_turn, event_loop.time()));
        }
        let ready = actors.iter().copied().collect();
        self.last.replace(Some(Step { actor: actors[chosen], ready }));
        if chosen < candidates.ready.len() { Choice::Run(chosen) } else { Choice::Wait }
    }

    /// The step that was chosen last is over: what has it done?
    fn end_step(&self, event_loop: &EventLoop, actors: &[Actor]) {
        let Some(step) = self.last.take() else { return };
        let woke = actors.iter().copied().filter(|actor| !step.ready.contains(actor));
        let woke: BTreeSet<Actor> = woke.filter(|actor| *actor != TIME).collect();
        if let Some(story) = &mut *self.story.borrow_mut() {
            story.end(event_loop, step.actor, &woke);
        }
        if !self.guide.borrow().wants_footprints() {
            return self.guide.borrow_mut().ran(&Footprint::all());
        }
        let tasks: BTreeSet<Actor> = event_loop.all_tasks().into_iter().map(actor_of).collect();
        let mut known = self.known.borrow_mut();
        let is_special = |actor: Actor| actor >= CALLBACK - known.len() as u64;
        // New tasks are numbered in the order in which they are made, so that order counts.
        let all = is_special(step.actor) || !tasks.is_subset(&known);
        known.extend(tasks);
        let touched = self.touched.borrow().get(&step.actor).cloned().unwrap_or_default();
        self.guide.borrow_mut().ran(&Footprint { all, woke, touched });
    }

    pub(super) fn end<T>(&self, event_loop: &EventLoop, ended: Result<T, EndedEarly>) -> End {
        if let Some(panicked) = self.panicked.take() {
            return panicked;
        }
        match ended {
            Ok(_) => End::Done,
            Err(EndedEarly::Stopped) => self.cut.take().unwrap_or(End::Done),
            Err(EndedEarly::Failed(e)) if e.kind() == io::ErrorKind::Deadlock => {
                End::Deadlock(Story::waiting(event_loop))
            }
            Err(EndedEarly::Failed(e)) => End::Failed(e.to_string()),
        }
    }
}

fn actors(candidates: &Candidates) -> Vec<Actor> {
    let mut callbacks = 0;
    let mut actor = |ready: &Option<TaskId>| {
        ready.map_or_else(
            || {
                callbacks += 1;
                CALLBACK + 1 - callbacks
            },
            actor_of,
        )
    };
    let mut actors: Vec<Actor> = candidates.ready.iter().map(&mut actor).collect();
    actors.extend(candidates.timer.then_some(TIME));
    actors
}

fn name_of(
    event_loop: &EventLoop,
    candidates: &Candidates,
    actors: &[Actor],
    actor: Actor,
) -> String {
    let place = actors.iter().position(|other| *other == actor);
    match place.and_then(|place| candidates.ready.get(place)) {
        Some(Some(task)) => Story::name(event_loop, *task),
        Some(None) => "a callback".to_owned(),
        None => "time".to_owned(),
    }
}
