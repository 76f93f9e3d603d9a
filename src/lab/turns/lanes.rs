//! The lanes of a program's tasks, from its turns. Pure.
//!
//! *Promises*: a group that `Timeline::check` accepts, on the virtual clock: a task runs for as long as a
//! call of its blocks the loop; it is ready while another one does, and it could run.
//! *Leaves out*: steps that take no time on that clock; scenes, whose loop has recorded
//! (`lab/timeline/from_loop.rs`).

use crate::lab::timeline::timeline::{Group, Lane, LaneKind, Nanos, Span, State, Timeline};
use crate::lab::turns::turn::Turn;

/// The lanes of all tasks.
pub fn lanes(name: &str, turns: &[Turn]) -> Timeline {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut now = 0;
    for (at, turn) in turns.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| turns.get(at));
        let awake = (now + turn.slept_ns.unwrap_or(0)).min(turn.clock_ns);
        // While the loop slept, nobody was ready.
        for (task, what) in before.iter().flat_map(|turn| &turn.waiting) {
            let details = vec![("waits for".to_owned(), what.clone())];
            add(&mut lanes, task, (now, awake), State::Blocked, details);
        }
        now = awake;
        for step in turn.ran.iter().filter(|step| step.blocks_ns > 0) {
            let until = (now + step.blocks_ns).min(turn.clock_ns);
            let waits = before.iter().flat_map(|turn| &turn.waiting).map(|(task, _)| task);
            for task in waits.filter(|task| **task != step.task) {
                // Its timer may be due meanwhile: nobody sees that.
                let due = before.iter().flat_map(|turn| &turn.due).find(|(name, _)| name == task);
                let due = due.map_or(until, |(_, due)| (*due).clamp(now, until));
                add(&mut lanes, task, (now, due), State::Blocked, Vec::new());
                add(&mut lanes, task, (due, until), State::Ready, Vec::new());
            }
            let ready =
                before.iter().flat_map(|turn| &turn.ready).filter(|task| is_task(turn, task));
            for task in ready.filter(|task| **task != step.task) {
                add(&mut lanes, task, (now, until), State::Ready, Vec::new());
            }
            let details = vec![("woken by".to_owned(), step.woken_by.clone())];
            add(&mut lanes, &step.task, (now, until), State::Runs, details);
            now = until;
        }
        now = now.max(turn.clock_ns);
    }
    let group = Group { name: name.to_owned(), pid: 0, lanes, links: Vec::new(), forgotten: 0 };
    let about = vec![("clock".to_owned(), "virtual".to_owned())];
    Timeline { about, until: now, groups: vec![group] }
}

/// Whether it is a task, and no callback.
fn is_task(turn: &Turn, name: &str) -> bool {
    turn.stands.iter().any(|stand| stand.task == name)
        || turn.waiting.iter().any(|(task, _)| task == name)
}

fn add(
    lanes: &mut Vec<Lane>,
    task: &str,
    (from, to): (Nanos, Nanos),
    state: State,
    details: Vec<(String, String)>,
) {
    if from >= to {
        return;
    }
    let at = lanes.iter().position(|lane| lane.name == task).unwrap_or_else(|| {
        let (kind, id) = (LaneKind::Task, lanes.len() as u64 + 1);
        lanes.push(Lane { name: task.to_owned(), kind, id, spans: Vec::new(), points: Vec::new() });
        lanes.len() - 1
    });
    let spans = &mut lanes[at].spans;
    match spans.last_mut() {
        // The same task may have been named twice.
        Some(last) if last.to > from => {}
        Some(last) if last.to == from && last.state == state && last.details == details => {
            last.to = to
        }
        _ => spans.push(Span { from, to, state, name: state.to_string(), details }),
    }
}
