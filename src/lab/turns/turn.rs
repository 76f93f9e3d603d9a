//! A turn: one iteration of a loop, and what every task waits for after it.
//!
//! *Promises*: the turns of a scene are the same every time; a scene that does not end is cut, and the
//! last turn says so. The part that reads events is pure.
//! *Leaves out*: how a turn looks (`lab/turns/view.rs`).

use crate::aio::tasks::task_tree::Doing;
use crate::base::id::TaskId;
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::recording::{LoopEvent, LoopEventKind, LoopRecording};
use crate::lab::report::failure::Failure;
use crate::lab::timeline::from_loop::from_loop;
use crate::lab::timeline::timeline::Timeline;
use crate::lab::turns::scene::Scene;
use crate::selector::scripted::ScriptedSelector;
use crate::sys::fd::Direction;
use serde::Serialize;

/// A scene is cut after so many iterations.
pub const MOST: usize = 500;
/// Room for the events of those.
const EVENTS: usize = 100_000;

/// A task that became ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Woken {
    /// Which.
    pub task: String,
    /// By what.
    pub by: String,
    /// It is new; else it waited.
    pub new: bool,
}

/// A step of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ran {
    /// Which task.
    pub task: String,
    /// What it was woken by.
    pub woken_by: String,
    /// How many nanoseconds it stood in the queue.
    pub queued_ns: u64,
    /// How the step ended: `waits`, `yields` or `ends`.
    pub then: &'static str,
    /// How many nanoseconds the loop stood still in it, in a call that blocks.
    #[serde(skip_serializing_if = "is_zero")]
    pub blocks_ns: u64,
    /// Whom it made ready meanwhile.
    pub wakes: Vec<Woken>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Where a task of a program stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stand {
    /// Which task.
    pub task: String,
    /// The number of the line.
    pub line: u32,
    /// The line.
    pub text: String,
}

/// One iteration. What only a program's source can tell is empty for a scene.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// Its number, from 1 on.
    pub number: u64,
    /// The clock at its end, in nanoseconds.
    pub clock_ns: u64,
    /// If the selector was asked: how many nanoseconds the loop slept.
    pub slept_ns: Option<u64>,
    /// The selector's events.
    pub events: u32,
    /// Whom the selector, timers and other threads made ready.
    pub woken: Vec<Woken>,
    /// The steps, in order.
    pub ran: Vec<Ran>,
    /// The ready queue after it.
    pub ready: Vec<String>,
    /// All tasks that wait, and for what.
    pub waiting: Vec<(String, String)>,
    /// When the timers of those that wait for one are due, as far as that is known.
    #[serde(skip)]
    pub due: Vec<(String, u64)>,
    /// The timers, with how many nanoseconds each has left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<(String, u64)>,
    /// The line on which each task stands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stands: Vec<Stand>,
    /// What was printed in it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub prints: String,
}

/// All turns of a scene, or of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stepped {
    /// The scene, or the file as it was named.
    pub name: String,
    /// What to ask oneself before looking, of a scene.
    pub question: Option<&'static str>,
    /// The lines of a program.
    pub source: Vec<String>,
    /// The turns.
    pub turns: Vec<Turn>,
    /// The same on the virtual clock, as lanes.
    pub timeline: Timeline,
    /// What else is to be said: why it was cut, or how it has failed.
    pub end: Option<String>,
    /// It has come to its end.
    pub ended: bool,
}

/// Runs a scene to its end, or [`MOST`] iterations of it.
///
/// # Errors
/// If the loop fails: a scene waits for what can never come.
pub fn turns(scene: &Scene) -> Result<Stepped, Failure> {
    let clock = ScriptedSelector::new();
    let event_loop = EventLoop::with_selector(Box::new(clock.clone()));
    event_loop.record(EVENTS);
    let main = event_loop.create_named_task("main", (scene.run)(clock));
    let mut after = Vec::new();
    while after.len() < MOST && !main.done() {
        let failed = |e| Failure::io(format!("loop step {}", scene.name), &e, "report it");
        event_loop.run_once().map_err(failed)?;
        let time = u64::try_from(event_loop.time().as_nanos()).unwrap_or(u64::MAX);
        after.push((time, waiting(&event_loop)));
    }
    // At the end all names are known.
    let recording = event_loop.recording();
    let mut reader = Reader::default();
    let turn = |(number, (clock_ns, waiting))| reader.turn(&recording, number, clock_ns, waiting);
    let turns: Vec<Turn> = (1..).zip(after).map(turn).collect();
    let ended = turns.len() < MOST;
    Ok(Stepped {
        name: scene.name.to_owned(),
        question: Some(scene.question),
        timeline: timeline(scene.name, &recording),
        source: Vec::new(),
        end: (!ended).then(|| format!("it goes on; it is cut after {MOST} iterations")),
        turns,
        ended,
    })
}

fn timeline(name: &str, recording: &LoopRecording) -> Timeline {
    let about = vec![("clock".to_owned(), "virtual".to_owned())];
    let groups = vec![from_loop(name, 0, 0, recording)];
    Timeline { about, until: recording.until, groups }
}

/// What every task waits for now.
fn waiting(event_loop: &EventLoop) -> Vec<(String, String)> {
    let tree = event_loop.task_tree();
    let name = |id: TaskId| event_loop.task_name(id);
    let waits = |doing: &Doing| match doing {
        Doing::Runs | Doing::IsReady => None,
        Doing::Sleeps(left) => Some(format!("a timer, in {left:?}")),
        Doing::WaitsFor(fd, Direction::Read) => Some(format!("fd {fd} to be readable")),
        Doing::WaitsFor(fd, Direction::Write) => Some(format!("fd {fd} to be writable")),
        Doing::Awaits(tasks) => {
            let names: Vec<String> = tasks.iter().map(|task| name(*task)).collect();
            Some(names.join(", "))
        }
        Doing::Waits => Some("a wake: a lock, a queue, an event".to_owned()),
    };
    tree.nodes().filter_map(|node| Some((node.name.clone(), waits(&node.doing)?))).collect()
}

/// Reads a recording, an iteration at a time.
#[derive(Default)]
struct Reader {
    /// Events that were read.
    seen: usize,
    /// The ready queue: who stands in it, since when, by what.
    queue: Vec<(TaskId, u64, String)>,
}

impl Reader {
    fn turn(
        &mut self,
        recording: &LoopRecording,
        number: u64,
        clock_ns: u64,
        waiting: Vec<(String, String)>,
    ) -> Turn {
        let rest = recording.events.get(self.seen..).unwrap_or_default();
        let count = rest.iter().take_while(|event| event.iteration <= number).count();
        let events = &rest[..count];
        self.seen += count;
        let mut turn = Turn { number, clock_ns, waiting, ..Turn::default() };
        let mut running: Vec<Ran> = Vec::new();
        let mut asleep = 0;
        for event in events {
            match event.what {
                LoopEventKind::Sleeps(_) => asleep = event.at,
                LoopEventKind::Wakes(events) => {
                    turn.slept_ns = Some(event.at - asleep);
                    turn.events = events;
                }
                LoopEventKind::Called | LoopEventKind::Returned => {}
                _ => self.task(recording, event, &mut turn, &mut running),
            }
        }
        turn.ready = self.queue.iter().map(|(task, ..)| recording.name(*task)).collect();
        turn
    }

    /// An event of a task; `running` are the steps in progress, one inside the other.
    fn task(
        &mut self,
        recording: &LoopRecording,
        event: &LoopEvent,
        turn: &mut Turn,
        running: &mut Vec<Ran>,
    ) {
        let mut end = |then| {
            let mut step = running.pop()?;
            step.then = then;
            turn.ran.push(step);
            Some(())
        };
        match event.what {
            LoopEventKind::Made(task, by) | LoopEventKind::Woken(task, by) => {
                let by = recording.cause(by);
                self.queue.push((task, event.at, by.clone()));
                let new = matches!(event.what, LoopEventKind::Made(..));
                let woken = Woken { task: recording.name(task), by, new };
                // The end of a step may still wake who awaits it.
                let ended = turn.ran.last_mut().filter(|step| step.task == woken.by);
                let step = running.last_mut().or(ended);
                step.map_or(&mut turn.woken, |step| &mut step.wakes).push(woken);
            }
            LoopEventKind::Polled(task) => {
                let place = self.queue.iter().position(|(queued, ..)| *queued == task);
                let (_, since, woken_by) = place.map_or_else(
                    || (task, event.at, "its maker, at once".to_owned()),
                    |place| self.queue.remove(place),
                );
                let queued_ns = event.at - since;
                let task = recording.name(task);
                running.push(Ran { task, woken_by, queued_ns, ..Ran::default() });
            }
            LoopEventKind::Yielded(task) => {
                self.queue.push((task, event.at, "itself".to_owned()));
                end("yields");
            }
            LoopEventKind::Paused(_) => _ = end("waits"),
            LoopEventKind::Ended(_) => _ = end("ends"),
            _ => {}
        }
    }
}
