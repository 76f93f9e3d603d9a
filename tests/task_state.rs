//! Task states against an enumerated model, and the queue that is built on them.

use proptest::prelude::*;
use singletrack::task::state::{Pause, State};

/// What the state machine stands for, said naively.
#[derive(Default)]
struct Model {
    in_queue: u32,
    running: bool,
    woken_while_running: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// true = somebody wakes the task, false = the loop does its next step with it.
    #[test]
    fn no_wake_is_lost_and_none_counts_twice(ops in prop::collection::vec(any::<bool>(), 0..200)) {
        let (mut state, mut model) = (State::Idle, Model::default());
        let (mut wakes, mut polls) = (0u32, 0u32);
        for wake in ops {
            if wake {
                wakes += 1;
                let expect = model.in_queue == 0 && !model.running;
                model.in_queue += u32::from(expect);
                model.woken_while_running |= model.running;
                prop_assert_eq!(state.wake(), expect);
            } else if model.running {
                model.running = false;
                let again = std::mem::take(&mut model.woken_while_running);
                model.in_queue += u32::from(again);
                let pause = if again { Pause::Requeue } else { Pause::Park };
                prop_assert_eq!(state.pause(), pause);
            } else if model.in_queue == 1 {
                model.in_queue = 0;
                model.running = true;
                polls += 1;
                state.start();
            }
            let expect = match (model.in_queue, model.running, model.woken_while_running) {
                (0, false, _) => State::Idle,
                (1, false, _) => State::Queued,
                (0, true, false) => State::Running,
                (0, true, true) => State::RunningWoken,
                other => panic!("the model itself is lost: {other:?}"),
            };
            prop_assert_eq!(state, expect);
            prop_assert!(polls <= wakes, "a poll without a wake");
        }
    }
}

/// All five states times all four steps, written out.
#[test]
fn every_edge_of_the_diagram() {
    use State::*;
    for (before, enqueue, after) in [
        (Idle, true, Queued),
        (Queued, false, Queued),
        (Running, false, RunningWoken),
        (RunningWoken, false, RunningWoken),
        (Done, false, Done),
    ] {
        let mut state = before;
        assert_eq!((state.wake(), state), (enqueue, after), "wake in {before:?}");
    }
    let mut state = Queued;
    state.start();
    assert_eq!(state, Running);
    for (before, pause, after) in
        [(Running, Pause::Park, Idle), (RunningWoken, Pause::Requeue, Queued)]
    {
        let mut state = before;
        assert_eq!((state.pause(), state), (pause, after), "pause in {before:?}");
    }
    for mut state in [Running, RunningWoken] {
        state.finish();
        assert_eq!(state, Done);
    }
}
