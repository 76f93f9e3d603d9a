//! What a run and its program share: who chooses, what was chosen, and what a step has done.
//!
//! *Assumes*: one step at a time.
//! *Promises*: each choice is written down; a panic that reaches no awaiter ends the run at the next
//! choice.
//! *Leaves out*: the loop on which it runs (`sim/trial.rs`).

use crate::base::id::{GENERATIONS, TaskId};
use crate::event_loop::chosen::{Candidates, Choice};
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::looks::Look;
use crate::event_loop::run_once::EndedEarly;
use crate::selector::simulated::SimulatedSelector;
use crate::sim::guide::Guide;
use crate::sim::sleep_sets::{Actor, Footprint, TIME};
use crate::sim::story::{Story, StoryStep, actor_of};
use crate::task::running;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::time::Duration;

/// The first callback of the ready queue; the second is one less, and so on.
const CALLBACK: Actor = u64::MAX - 1;

/// Tasks' numbers are below this ([`actor_of`]); time and callbacks are above it.
const TASKS_END: Actor = (GENERATIONS as u64) << 32;

/// A thing that all groups of tasks touch. A task is a thing as well, under its own number: its end and
/// every look at it touch that. What the program shares is numbered from here.
const GROUPS: u64 = TASKS_END;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
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
    /// The loop failed, or the program stopped it.
    Failed(String),
    /// It was to follow an order that is not of this program, or the program does something else each
    /// time: why.
    Misfit(String),
    /// Its guide ended it: it only repeats another run.
    Repeats,
}

impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunEnd::Done => f.write_str("it ends as it should"),
            RunEnd::Panicked { task, message } => write!(f, "{task} panicked: {message}"),
            RunEnd::Deadlock(waiting) => {
                f.write_str("deadlock: all wait, and nothing can end that")?;
                waiting.iter().try_for_each(|(who, what)| write!(f, "\n  {who} waits for {what}"))
            }
            RunEnd::TooLong => f.write_str("it has not ended after the steps that it may take"),
            RunEnd::Failed(why) => write!(f, "the loop failed: {why}"),
            RunEnd::Misfit(why) => write!(f, "the order does not fit this program: {why}"),
            RunEnd::Repeats => f.write_str("it only repeats another order"),
        }
    }
}

/// What a run has in common with its program's handle.
pub(super) struct Stage {
    guide: RefCell<Box<dyn Guide>>,
    pub selector: SimulatedSelector,
    choices: RefCell<Vec<(u32, u32)>>,
    panicked: RefCell<Option<RunEnd>>,
    steps: Cell<u64>,
    most_steps: u64,
    cut: RefCell<Option<RunEnd>>,
    last: RefCell<Option<Step>>,
    /// The things that each actor has touched.
    touched: RefCell<BTreeMap<Actor, BTreeSet<u64>>>,
    things: Cell<u64>,
    /// Who has left a task a waker that is code of theirs, which its end runs.
    left_wakers: RefCell<BTreeMap<Actor, BTreeSet<Actor>>>,
    tasks: RefCell<Tasks>,
    /// The step in progress has done what every other step may notice.
    noticed: Cell<bool>,
    story: RefCell<Option<Story>>,
}

/// The loop's tasks after a step.
#[derive(Clone, Default, PartialEq)]
struct Tasks {
    alive: BTreeSet<Actor>,
    /// Those that are to be dropped at their next step.
    cancelled: BTreeSet<Actor>,
}

impl Tasks {
    fn of(event_loop: &EventLoop) -> Tasks {
        let actors = |tasks: Vec<TaskId>| tasks.into_iter().map(actor_of).collect();
        Tasks {
            alive: actors(event_loop.all_tasks()),
            cancelled: actors(event_loop.cancelled_tasks()),
        }
    }

    /// The same, whatever has become of this one.
    fn without(mut self, actor: Actor) -> Tasks {
        self.alive.remove(&actor);
        self.cancelled.remove(&actor);
        self
    }
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
            things: Cell::new(GROUPS),
            left_wakers: RefCell::default(),
            tasks: RefCell::default(),
            noticed: Cell::new(false),
            story: RefCell::new(story),
        }
    }

    /// A task has panicked, and nobody awaits it.
    pub(super) fn panicked(&self, task: String, message: String) {
        self.panicked.borrow_mut().get_or_insert(RunEnd::Panicked { task, message });
    }

    pub(super) fn take_panicked(&self) -> Option<RunEnd> {
        self.panicked.take()
    }

    /// What is wrong with the order that was followed, if anything is.
    pub(super) fn misfit(&self) -> Option<RunEnd> {
        self.guide.borrow().misfit().map(RunEnd::Misfit)
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

    /// Another thing that tasks share. They are numbered in the order in which they are made, so that
    /// order counts.
    pub fn new_thing(&self) -> u64 {
        self.noticed.set(true);
        self.things.update(|things| things + 1);
        self.things.get()
    }

    /// The step in progress takes so long.
    pub fn compute(&self, time: Duration) {
        self.noticed.set(true); // by whoever looks at the clock
        self.selector.advance(time);
    }

    /// The step in progress touches this thing; and so does a task that runs eagerly inside of it, which
    /// may hold it longer.
    pub fn touch(&self, thing: u64) {
        for actor in self.acting() {
            self.touched.borrow_mut().entry(actor).or_default().insert(thing);
        }
    }

    /// The step in progress looks at a task or a group.
    pub(super) fn looks(&self, look: Look) {
        match look {
            Look::Group => self.touch(GROUPS),
            Look::Task(task) => self.touch(actor_of(task)),
            Look::WithWaker(task) => {
                self.touch(actor_of(task));
                let mut left = self.left_wakers.borrow_mut();
                left.entry(actor_of(task)).or_default().extend(self.acting());
            }
        }
    }

    fn acting(&self) -> impl Iterator<Item = Actor> {
        let step = self.last.borrow().as_ref().map(|step| step.actor);
        step.into_iter().chain(running::current().filter(|_| step.is_some()).map(actor_of))
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
            self.cut.replace(Some(RunEnd::TooLong));
            return Choice::Stop;
        }
        let Some(chosen) = self.guide.borrow_mut().step(&actors) else {
            self.cut.replace(Some(self.misfit().unwrap_or(RunEnd::Repeats)));
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
        if !self.wants_footprints() {
            return self.guide.borrow_mut().ran(&Footprint::all());
        }
        let after = Tasks::of(event_loop);
        // A task that is made gets the next number, so that order counts. One that is dropped lets go
        // of what it held, and one that is cancelled will do something else in its next step.
        let before = self.tasks.replace(after.clone());
        if before.alive.contains(&step.actor) && !after.alive.contains(&step.actor) {
            self.touch_by_end(step.actor);
        }
        let others_changed = before.without(step.actor) != after.without(step.actor);
        let all = self.noticed.take() || step.actor >= TASKS_END || others_changed;
        let touched = self.touched.borrow().get(&step.actor).cloned().unwrap_or_default();
        self.guide.borrow_mut().ran(&Footprint { all, woke, touched });
    }

    /// A task has ended. Whoever looks at it will see that. And of two ends that run code of the same
    /// task, the order may count: it may keep it, as one that awaits the first of many does.
    fn touch_by_end(&self, task: Actor) {
        let left = self.left_wakers.borrow_mut().remove(&task).unwrap_or_default();
        self.touched.borrow_mut().entry(task).or_default().extend(left.into_iter().chain([task]));
    }

    pub(super) fn wants_footprints(&self) -> bool {
        self.guide.borrow().wants_footprints()
    }

    pub(super) fn end(&self, event_loop: &EventLoop, ended: Result<(), EndedEarly>) -> RunEnd {
        if let Some(panicked) = self.panicked.take() {
            return panicked;
        }
        match ended {
            Ok(()) => {
                // The root's last step, after which nothing is chosen. It ends all other tasks, so it
                // has to do with every other step.
                self.guide.borrow_mut().ran(&Footprint::all());
                RunEnd::Done
            }
            Err(EndedEarly::Stopped) => {
                let by_itself = || RunEnd::Failed(EndedEarly::Stopped.to_string());
                self.cut.take().unwrap_or_else(by_itself)
            }
            Err(EndedEarly::Failed(e)) if e.kind() == io::ErrorKind::Deadlock => {
                RunEnd::Deadlock(Story::waiting(event_loop))
            }
            Err(EndedEarly::Failed(e)) => RunEnd::Failed(e.to_string()),
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
