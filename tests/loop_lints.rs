//! The lints of a recorded loop: who holds it, who wakes itself, and who can never be woken again.

use proptest::prelude::*;
use singletrack::base::id::TaskId;
use singletrack::event_loop::lints::{Health, Limits, Lint, LintKind, lints};
use singletrack::event_loop::recording::{LoopEvent, LoopEventKind, LoopRecording};
use std::time::Duration;

const LIMITS: Limits = Limits { held: Duration::from_nanos(50), steps: 8 };

/// How a step ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Paused,
    Yielded,
    Ended,
}

/// One step: of which task, how long, and its end.
type Step = (u64, u64, End);

fn task(number: u64) -> TaskId {
    TaskId::from_raw(number + 1)
}

/// The recording of these steps, one after the other.
fn recorded(steps: &[Step], lost: &[u64]) -> LoopRecording {
    let (mut at, mut events) = (0, Vec::new());
    let mut note = |at, what| events.push(LoopEvent { at, iteration: 1, what });
    for &(number, took, end) in steps {
        let task = task(number);
        note(at, LoopEventKind::Polled(task));
        at += took;
        note(
            at,
            match end {
                End::Paused => LoopEventKind::Paused(task),
                End::Yielded => LoopEventKind::Yielded(task),
                End::Ended => LoopEventKind::Ended(task),
            },
        );
        at += 7;
    }
    let lost = lost.iter().map(|&number| task(number)).collect();
    LoopRecording { events, until: at, lost, ..Default::default() }
}

/// The same by looking at each task's steps alone.
fn expected(steps: &[Step], number: u64) -> Vec<LintKind> {
    let own: Vec<&Step> = steps.iter().filter(|step| step.0 == number).collect();
    let longest = own.iter().map(|step| Duration::from_nanos(step.1)).max();
    let held = longest.filter(|longest| *longest >= LIMITS.held).map(LintKind::HoldsLoop);
    let yields = |first: usize| own[..first].iter().filter(|step| step.2 == End::Yielded).count();
    let mostly = |first: &usize| *first as u64 >= LIMITS.steps && 2 * yields(*first) > *first;
    let wakes = (1..=own.len())
        .find(mostly)
        .map(|first| LintKind::WakesItself { yields: yields(first) as u64, steps: first as u64 });
    held.into_iter().chain(wakes).collect()
}

fn faults(found: &[Lint], number: u64) -> Vec<LintKind> {
    let mut faults: Vec<LintKind> =
        found.iter().filter(|lint| lint.task == task(number)).map(|lint| lint.kind).collect();
    faults.sort_by_key(|fault| !matches!(fault, LintKind::HoldsLoop(_)));
    faults
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![3 => Just(End::Yielded), 3 => Just(End::Paused), 1 => Just(End::Ended)];
    prop::collection::vec((0..3u64, 0..60u64, end), 0..120)
}

proptest! {
    #[test]
    fn each_task_is_judged_by_its_own_steps_and_named_once(steps in steps()) {
        let found = lints(&recorded(&steps, &[]), &LIMITS);
        for number in 0..3 {
            prop_assert_eq!(faults(&found, number), expected(&steps, number));
        }
    }

    #[test]
    fn a_recording_that_has_forgotten_its_beginning_is_read_all_the_same(
        steps in steps(),
        forgotten in 0..240usize,
    ) {
        let mut recording = recorded(&steps, &[]);
        let forgotten = forgotten.min(recording.events.len());
        recording.events.drain(..forgotten);
        let whole = &steps[forgotten.div_ceil(2)..];
        let found = lints(&recording, &LIMITS);
        for number in 0..3 {
            prop_assert_eq!(faults(&found, number), expected(whole, number));
        }
    }

    #[test]
    fn whoever_is_lost_is_named(lost in prop::collection::btree_set(0..9u64, 0..9)) {
        let lost: Vec<u64> = lost.into_iter().collect();
        let found = lints(&recorded(&[], &lost), &LIMITS);
        let named: Vec<TaskId> = found.iter().map(|lint| lint.task).collect();
        prop_assert_eq!(named, lost.iter().map(|&number| task(number)).collect::<Vec<_>>());
        prop_assert!(found.iter().all(|lint| lint.kind == LintKind::LostWaker));
    }
}

#[test]
fn a_lint_says_what_to_do() {
    for (fault, words) in [
        (LintKind::HoldsLoop(Duration::from_millis(250)), "held the loop for 250ms in one step"),
        (LintKind::WakesItself { yields: 7, steps: 9 }, "woke itself in 7 of its first 9 steps"),
        (LintKind::LostWaker, "no waker of it is left"),
    ] {
        let text = fault.to_string();
        assert!(text.contains(words) && text.contains(": "), "{text}");
    }
}

#[test]
fn a_step_is_reported_only_if_it_is_longer_than_all_before_it() {
    let mut health = Health::default();
    let mut faults = |nanos| -> Vec<LintKind> {
        health.step(Duration::from_nanos(nanos), false, &LIMITS).collect()
    };
    let holds = |nanos| vec![LintKind::HoldsLoop(Duration::from_nanos(nanos))];
    assert_eq!((faults(49), faults(50)), (vec![], holds(50)));
    assert_eq!((faults(50), faults(49), faults(51)), (vec![], vec![], holds(51)));
}

#[test]
fn what_is_too_long_is_a_tenth_of_a_second_unless_somebody_says_otherwise() {
    let limits = Limits::default();
    assert_eq!((limits.held, limits.steps), (Duration::from_millis(100), 1000));
}
