//! Lints: tasks that hold the loop, mostly wake themselves, or can never be woken again. Pure.
//!
//! *Assumes*: a recording, or steps as they come (`event_loop/spans.rs`).
//! *Promises*: both give the same lints of the same steps; a task is named at most once for each of
//! its faults, with the last that was found.
//! *Leaves out*: proof. A lint says where to look: a task may have good reason to yield often.
//!
//! ```text
//!   steps     │████│ │█│ │██████████████████│     │█│█│█│█│█│█│█│ …      │██│
//!                      longer than `held`?         more than half end     waits, and no waker
//!                      it holds the loop           in its own wake?       of it is left: lost
//! ```
//! The three are tokio-console's warnings *never yielded*, *self-wakes* and *lost waker*. asyncio's
//! debug mode knows the first.

use crate::base::id::TaskId;
use crate::event_loop::recording::{LoopEventKind, LoopRecording};
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// From when on something is a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A step that takes at least this long holds the loop.
    pub held: Duration,
    /// No task is judged by its own wakes before it has made so many steps.
    pub steps: u64,
}

impl Default for Limits {
    /// 100 ms, as in asyncio's debug mode, and 1,000 steps.
    fn default() -> Limits {
        Limits { held: Duration::from_millis(100), steps: 1000 }
    }
}

/// What is wrong with a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LintKind {
    /// One step took so long, and nothing else could run.
    HoldsLoop(Duration),
    /// So many of its first steps ended with the task ready again.
    WakesItself {
        /// Steps in which it woke itself.
        yields: u64,
        /// All of them.
        steps: u64,
    },
    /// It waits, and no waker of it is left.
    LostWaker,
}

impl LintKind {
    /// Whether it is the same kind of fault.
    fn is_like(&self, other: &LintKind) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for LintKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LintKind::HoldsLoop(took) => write!(
                f,
                "held the loop for {took:?} in one step: await now and then, or compute on a \
                 thread with `to_thread`"
            ),
            LintKind::WakesItself { yields, steps } => write!(
                f,
                "woke itself in {yields} of its first {steps} steps: wait for what it asks about, \
                 instead of asking again"
            ),
            LintKind::LostWaker => f.write_str(
                "waits, and no waker of it is left: what it polled returned `Pending` without \
                 keeping one, or was dropped",
            ),
        }
    }
}

/// A fault and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lint {
    /// The task.
    pub task: TaskId,
    /// What is wrong with it.
    pub kind: LintKind,
}

/// What is known of one task's steps.
#[derive(Debug, Clone, Copy, Default)]
pub struct Health {
    steps: u64,
    yields: u64,
    longest: Duration,
    told: bool,
}

impl Health {
    /// A step has ended; `yielded` says that the task woke itself in it. What that shows: a step
    /// longer than all before it, and once that most wakes are its own.
    pub fn step(
        &mut self,
        took: Duration,
        yielded: bool,
        limits: &Limits,
    ) -> impl Iterator<Item = LintKind> + use<> {
        self.steps += 1;
        self.yields += u64::from(yielded);
        let held =
            (took >= limits.held && took > self.longest).then_some(LintKind::HoldsLoop(took));
        self.longest = self.longest.max(took);
        let Health { steps, yields, told, .. } = *self;
        let mostly = !told && steps >= limits.steps && 2 * yields > steps;
        self.told |= mostly;
        let wakes = mostly.then_some(LintKind::WakesItself { yields, steps });
        [held, wakes].into_iter().flatten()
    }
}

/// The faults that a recording shows.
///
/// ```
/// use singletrack::event_loop::lints::{LintKind, Limits, lints};
/// use singletrack::{EventLoop, create_task, yield_now};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.record(10_000);
/// event_loop.run_until_complete(async {
///     let asks = create_task(async {
///         for _ in 0..1000 {
///             yield_now().await; // is it there? is it there now?
///         }
///     });
///     asks.await.unwrap();
/// });
/// let found = lints(&event_loop.recording(), &Limits::default());
/// assert!(matches!(found[..], [lint] if matches!(lint.kind, LintKind::WakesItself { .. })));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn lints(recording: &LoopRecording, limits: &Limits) -> Vec<Lint> {
    let mut found: Vec<Lint> = Vec::new();
    let mut tasks: HashMap<TaskId, (Health, Option<u64>)> = HashMap::new();
    for event in &recording.events {
        let (task, yielded) = match event.what {
            LoopEventKind::Polled(task) => {
                tasks.entry(task).or_default().1 = Some(event.at);
                continue;
            }
            LoopEventKind::Paused(task) | LoopEventKind::Ended(task) => (task, false),
            LoopEventKind::Yielded(task) => (task, true),
            _ => continue,
        };
        // The beginning of the first step may be forgotten.
        let Some((health, Some(begun))) = tasks.get_mut(&task).map(|(h, begun)| (h, begun.take()))
        else {
            continue;
        };
        let took = Duration::from_nanos(event.at - begun);
        for kind in health.step(took, yielded, limits) {
            found.retain(|known| known.task != task || !known.kind.is_like(&kind));
            found.push(Lint { task, kind });
        }
    }
    let lost = recording.lost.iter().map(|&task| Lint { task, kind: LintKind::LostWaker });
    found.extend(lost);
    found
}
