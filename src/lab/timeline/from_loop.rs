//! A loop's recording as lanes: the loop's thread, and each task. Pure.
//!
//! *Promises*: whatever the events are, what comes out is a group that [`Timeline::check`] accepts. A
//! state of a task begins with an event of that task, and lasts to its next; of a task whose first
//! events were forgotten nothing is said before the first that is there.
//! *Leaves out*: the recording itself (`event_loop/recording.rs`).
//!
//! ```text
//!   loop    ── poll ──┤── selector ──────────┤── poll ──┤        polls do not overlap: one that runs
//!   main    ── runs ──┤── waits ─────────────╲─ ready ▶── runs   inside another cuts it in two
//!   timer                          a link: the wake
//! ```
//! A link leads from what made a task ready to the step that came of it. What happens outside of the
//! loop, or on another thread, has no lane, and no link.
//!
//! [`Timeline::check`]: crate::lab::timeline::timeline::Timeline::check

use crate::base::id::TaskId;
use crate::event_loop::recording::{Cause, LoopEvent, LoopEventKind, LoopRecording};
use crate::lab::timeline::timeline::{Group, Lane, LaneKind, Link, Nanos, Span, State};
use std::collections::HashMap;

/// The lanes of a loop: its thread, which has the number `tid`, and the tasks in the order in which
/// they were made.
pub fn from_loop(name: &str, pid: u32, tid: u64, recording: &LoopRecording) -> Group {
    let mut reader = Reader {
        recording,
        group: Group {
            name: name.to_owned(),
            pid,
            lanes: vec![lane("loop".to_owned(), LaneKind::Thread, tid)],
            links: Vec::new(),
            forgotten: recording.dropped,
        },
        tasks: HashMap::new(),
        running: Vec::new(),
        last_sleep: None,
    };
    let mut now = 0;
    for event in &recording.events {
        // Those of a loop are in order; those of a recording made by hand need not be.
        now = event.at.min(recording.until).max(now);
        reader.event(now, event);
    }
    reader.end(recording.until.max(now));
    reader.group.tell_apart();
    reader.group
}

fn lane(name: String, kind: LaneKind, id: u64) -> Lane {
    Lane { name, kind, id, spans: Vec::new(), points: Vec::new() }
}

/// What stands on the loop's thread.
#[derive(Clone, PartialEq)]
enum OnThread {
    Poll { task: TaskId, woken_by: String },
    Call,
    Sleep { at_most: Option<u64> },
}

/// A task, as it is read.
struct Seen {
    lane: usize,
    /// The state that it is in, and since when.
    now: Option<(State, Nanos)>,
    /// Who has made it ready, in words.
    woken_by: String,
    /// The same as the beginning of a link, and what it is called.
    wake: Option<((usize, Nanos), &'static str)>,
    /// Its last step.
    ran: Option<(Nanos, Nanos)>,
}

struct Reader<'a> {
    recording: &'a LoopRecording,
    group: Group,
    tasks: HashMap<TaskId, Seen>,
    /// What runs, one inside the other, and since when.
    running: Vec<(OnThread, Nanos)>,
    last_sleep: Option<(Nanos, Nanos)>,
}

impl Reader<'_> {
    fn event(&mut self, now: Nanos, event: &LoopEvent) {
        match event.what {
            LoopEventKind::Made(task, cause) => self.becomes_ready(now, task, cause, "made"),
            LoopEventKind::Woken(task, cause) => self.becomes_ready(now, task, cause, "wake"),
            LoopEventKind::Polled(task) => self.polled(now, task),
            LoopEventKind::Paused(task) => self.step_ends(now, task, Some(State::Blocked)),
            LoopEventKind::Yielded(task) => {
                self.step_ends(now, task, Some(State::Ready));
                let seen = self.seen(task);
                (seen.woken_by, seen.wake) = ("itself".to_owned(), None);
            }
            LoopEventKind::Ended(task) => self.step_ends(now, task, None),
            LoopEventKind::Sleeps(at_most) => self.begin(now, OnThread::Sleep { at_most }),
            LoopEventKind::Wakes(events) => {
                let details = vec![("events".to_owned(), events.to_string())];
                if let Some(span) =
                    self.finish(now, |f| matches!(f, OnThread::Sleep { .. }), details)
                {
                    self.last_sleep = Some(span);
                }
            }
            LoopEventKind::Called => self.begin(now, OnThread::Call),
            LoopEventKind::Returned => {
                self.finish(now, |frame| *frame == OnThread::Call, Vec::new());
            }
        }
    }

    fn seen(&mut self, task: TaskId) -> &mut Seen {
        let lanes = &mut self.group.lanes;
        self.tasks.entry(task).or_insert_with(|| {
            let id = lanes.len() as u64;
            lanes.push(lane(self.recording.name(task), LaneKind::Task, id));
            let woken_by = String::new();
            Seen { lane: lanes.len() - 1, now: None, woken_by, wake: None, ran: None }
        })
    }

    fn becomes_ready(&mut self, now: Nanos, task: TaskId, cause: Cause, name: &'static str) {
        let wake = self.origin(now, cause).map(|from| (from, name));
        let woken_by = self.recording.cause(cause);
        self.enters(now, task, Some(State::Ready));
        let seen = self.seen(task);
        (seen.woken_by, seen.wake) = (woken_by, wake);
    }

    /// Where the link of this cause begins: within what the loop's thread does then, or did last.
    fn origin(&self, now: Nanos, cause: Cause) -> Option<(usize, Nanos)> {
        match cause {
            Cause::Task(by) => {
                let by = self.tasks.get(&by)?;
                match (by.now, by.ran) {
                    (Some((State::Runs, _)), _) => Some((by.lane, now)),
                    (_, Some(ran)) => Some((by.lane, last_moment(ran))),
                    _ => None,
                }
            }
            Cause::Timer | Cause::Descriptor(..) => Some((0, last_moment(self.last_sleep?))),
            Cause::Callback => match self.running.last()? {
                (OnThread::Call, _) => Some((0, now)),
                _ => None,
            },
            Cause::Outside | Cause::Thread => None,
        }
    }

    fn polled(&mut self, now: Nanos, task: TaskId) {
        self.enters(now, task, Some(State::Runs));
        let seen = self.seen(task);
        let (woken_by, to) = (seen.woken_by.clone(), (seen.lane, now));
        if let Some((from, name)) = seen.wake.take() {
            self.group.links.push(Link { from, to, name: name.to_owned() });
        }
        self.begin(now, OnThread::Poll { task, woken_by });
    }

    fn step_ends(&mut self, now: Nanos, ended: TaskId, then: Option<State>) {
        let is_its =
            |frame: &OnThread| matches!(frame, OnThread::Poll { task, .. } if *task == ended);
        self.finish(now, is_its, Vec::new());
        self.enters(now, ended, then);
    }

    /// From now on the task is in this state; the one before is written down.
    fn enters(&mut self, now: Nanos, task: TaskId, next: Option<State>) {
        let seen = self.seen(task);
        let lane = seen.lane;
        let before = std::mem::replace(&mut seen.now, next.map(|state| (state, now)));
        let Some((state, from)) = before else { return };
        if state == State::Runs {
            seen.ran = Some((from, now));
        }
        let name = match state {
            State::Runs => "runs",
            State::Ready => "ready",
            _ => "waits",
        };
        let by = (state == State::Ready && !seen.woken_by.is_empty())
            .then(|| ("woken_by".to_owned(), seen.woken_by.clone()));
        // In virtual time a step takes none, and has been all the same.
        if from < now || state == State::Runs {
            let details = by.into_iter().collect();
            let span = Span { from, to: now, state, name: name.to_owned(), details };
            self.group.lanes[lane].spans.push(span);
        }
    }

    /// Something begins on the thread; what it is in the middle of is cut in two.
    fn begin(&mut self, now: Nanos, frame: OnThread) {
        if let Some((outer, from)) = self.running.last().cloned() {
            self.write(&outer, from, now, Vec::new());
        }
        self.running.push((frame, now));
    }

    /// The innermost of this kind ends, and with it all that has begun in it. What is around it goes on.
    fn finish(
        &mut self,
        now: Nanos,
        is_meant: impl Fn(&OnThread) -> bool,
        details: Vec<(String, String)>,
    ) -> Option<(Nanos, Nanos)> {
        let at = self.running.iter().rposition(|(frame, _)| is_meant(frame))?;
        let (frame, from) = self.running.pop()?;
        self.write(&frame, from, now, details);
        self.running.truncate(at);
        if let Some((_, from)) = self.running.last_mut() {
            *from = now;
        }
        Some((from, now))
    }

    fn write(&mut self, frame: &OnThread, from: Nanos, to: Nanos, more: Vec<(String, String)>) {
        let detail = |key: &str, value: String| (key.to_owned(), value);
        let (state, name, mut details) = match frame {
            OnThread::Poll { task, woken_by } => {
                let mut details = vec![detail("task", self.recording.name(*task))];
                if !woken_by.is_empty() {
                    details.push(detail("woken_by", woken_by.clone()));
                }
                (State::Runs, "poll", details)
            }
            OnThread::Call => (State::Runs, "callback", Vec::new()),
            OnThread::Sleep { at_most } => {
                let at_most = at_most.map(|at_most| detail("at_most_ns", at_most.to_string()));
                (State::Blocked, "selector", at_most.into_iter().collect())
            }
        };
        details.extend(more);
        let span = Span { from, to, state, name: name.to_owned(), details };
        self.group.lanes[0].spans.push(span);
    }

    /// The recording ends: what lasts still lasts until then.
    fn end(&mut self, until: Nanos) {
        // What is around the innermost is drawn up to where that has begun.
        if let Some((frame, from)) = self.running.pop() {
            self.write(&frame, from, until, Vec::new());
        }
        let tasks: Vec<TaskId> = self.tasks.keys().copied().collect();
        for task in tasks {
            self.enters(until, task, None);
        }
    }
}

/// The last nanosecond of a stretch of time, or all of it, if it has none.
fn last_moment((from, to): (Nanos, Nanos)) -> Nanos {
    if from < to { to - 1 } else { from }
}
