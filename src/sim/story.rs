//! A run told step by step: who went on, what it did, where it waits.
//!
//! *Promises*: a step out of turn is marked, and says who stood first; what a program noted stands in the step
//! in which it did.
//! *Leaves out*: runs that nobody asks about; telling costs much more than running.
//!
//! ```text
//!     1  main       makes alice, bob            waits for alice        tests/bank.rs:14
//!     2  alice      "reads 100"                 waits for a timer      tests/bank.rs:7
//!   ▶ 3  time       10ms pass                                          bob stood first
//! ```

use crate::aio::tasks::task_tree::{Doing, TaskNode, TaskTree};
use crate::base::id::{LoopId, MAX_INDEX, TaskId};
use crate::event_loop::await_points;
use crate::event_loop::lifecycle::EventLoop;
use crate::sim::sleep_sets::Actor;
use crate::sys::fd::Direction;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// What is to be told of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    /// How it ended.
    Nothing,
    /// What happened.
    Steps,
    /// What happened, and on which line each task waits: that costs a walk of the stack a wait.
    Lines,
}

/// A task under a number that is the same in every run: a loop's own number is not.
pub(super) fn actor_of(task: TaskId) -> Actor {
    u64::from(task.generation()) << 32 | u64::from(task.index())
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Story {
    /// Its steps.
    pub steps: Vec<StoryStep>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryStep {
    /// Who took it: a task, `a callback`, or `time`.
    pub who: String,
    /// If it was chosen out of turn: which choice that was, and who stood first.
    pub out_of_turn: Option<(usize, String)>,
    /// When, on the virtual clock.
    pub at: Duration,
    /// What the program noted.
    pub notes: Vec<String>,
    /// Who became ready by it.
    pub woke: Vec<String>,
    /// What became of it: `ends`, `yields`, `waits for a timer`.
    pub then: String,
    /// Where in the source it waits.
    pub place: Option<String>,
}

impl StoryStep {
    pub(super) fn new(
        who: String,
        out_of_turn: Option<(usize, String)>,
        at: Duration,
    ) -> StoryStep {
        let (notes, woke) = (Vec::new(), Vec::new());
        StoryStep { who, out_of_turn, at, notes, woke, then: String::new(), place: None }
    }
}

impl Story {
    /// Of a run on this loop, which is about to begin.
    pub(super) fn begin(event_loop: &EventLoop, tell: Tell) -> Option<Story> {
        if tell == Tell::Lines {
            event_loop.record(1); // tasks are polled with an eye on them
            await_points::switch(true);
        }
        (tell != Tell::Nothing).then(Story::default)
    }

    /// The run is over.
    pub(super) fn told(mut self, event_loop: &EventLoop) -> Story {
        if let Some(last) = self.steps.last_mut().filter(|step| step.then.is_empty()) {
            last.then = "is the last step".to_owned();
        }
        event_loop.record(0);
        await_points::switch(false);
        self
    }

    pub(super) fn add(&mut self, step: StoryStep) {
        self.steps.push(step);
    }

    pub(super) fn note(&mut self, text: String) {
        if let Some(step) = self.steps.last_mut() {
            step.notes.push(text);
        }
    }

    /// The last step is over.
    pub(super) fn end(&mut self, event_loop: &EventLoop, actor: Actor, woke: &BTreeSet<Actor>) {
        let Some(step) = self.steps.last_mut() else { return };
        let tree = await_points::looking(|| event_loop.task_tree());
        let node = |actor| nodes(&tree).find(|node| actor_of(node.id) == actor);
        let name = |node: &TaskNode| same_each_run(event_loop.id(), &node.name);
        step.woke = woke.iter().filter_map(|actor| node(*actor).map(name)).collect();
        if step.who == "time" {
            let passed = event_loop.time().saturating_sub(step.at);
            step.then = format!("{passed:?} pass");
            return;
        }
        match node(actor) {
            None => {
                step.then = if step.who == "a callback" { "returns" } else { "ends" }.to_owned()
            }
            Some(node) => {
                let waits = waits_for(event_loop, &node.doing);
                step.then = waits.map_or("yields".to_owned(), |what| format!("waits for {what}"));
                step.place = await_points::of(node.id);
            }
        }
    }

    /// Who waits now, and for what.
    pub(super) fn waiting(event_loop: &EventLoop) -> Vec<(String, String)> {
        let tree = await_points::looking(|| event_loop.task_tree());
        let line = |node: &TaskNode| {
            let what = waits_for(event_loop, &node.doing)?;
            let place =
                await_points::of(node.id).map_or(String::new(), |place| format!(", {place}"));
            Some((same_each_run(event_loop.id(), &node.name), format!("{what}{place}")))
        };
        nodes(&tree).filter_map(line).collect()
    }

    /// What a task is called; the future that is explored is `main`.
    pub(super) fn name(event_loop: &EventLoop, task: TaskId) -> String {
        match task.index() {
            MAX_INDEX => "main".to_owned(),
            _ => same_each_run(event_loop.id(), &event_loop.task_name(task)),
        }
    }
}

/// A task without a name goes by its number, in which that of its loop stands: another one each run. So
/// here it is left out.
pub(super) fn same_each_run(of: LoopId, name: &str) -> String {
    let number = name.strip_prefix(&format!("task {}:", of.get()));
    number.map_or_else(|| name.to_owned(), |number| format!("task {number}"))
}

/// The root first.
fn nodes(tree: &TaskTree) -> impl Iterator<Item = &TaskNode> {
    std::iter::once(tree.root()).chain(tree.nodes())
}

fn waits_for(event_loop: &EventLoop, doing: &Doing) -> Option<String> {
    Some(match doing {
        Doing::Runs | Doing::IsReady => return None,
        Doing::Sleeps(left) => format!("a timer, in {left:?}"),
        Doing::WaitsFor(fd, Direction::Read) => format!("fd {fd} to be readable"),
        Doing::WaitsFor(fd, Direction::Write) => format!("fd {fd} to be writable"),
        Doing::Awaits(tasks) => {
            let names: Vec<String> =
                tasks.iter().map(|task| Story::name(event_loop, *task)).collect();
            names.join(", ")
        }
        Doing::Waits => "a wake".to_owned(),
    })
}

/// More steps than this nobody reads: the first and the last of them are shown.
const LONGEST: usize = 100;

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.steps.iter().map(|step| step.who.chars().count()).max().unwrap_or(0);
        let left_out = LONGEST / 2..self.steps.len().saturating_sub(LONGEST / 2);
        for (number, step) in self.steps.iter().enumerate() {
            if left_out.contains(&number) {
                if number == left_out.start {
                    writeln!(f, "       … {} steps …", left_out.len())?;
                }
                continue;
            }
            let number = number + 1;
            let mark = if step.out_of_turn.is_some() { '▶' } else { ' ' };
            write!(f, "{mark} {number:>3}  {:longest$}  {}", step.who, step.then)?;
            if let Some(place) = &step.place {
                write!(f, "  at {place}")?;
            }
            writeln!(f)?;
            let indent = 8 + longest;
            if let Some((_, first)) = &step.out_of_turn {
                writeln!(f, "{:indent$}before {first}, which stood first", "")?;
            }
            for note in &step.notes {
                writeln!(f, "{:indent$}\"{note}\"", "")?;
            }
            if !step.woke.is_empty() {
                writeln!(f, "{:indent$}makes ready: {}", "", step.woke.join(", "))?;
            }
        }
        Ok(())
    }
}
