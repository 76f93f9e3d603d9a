//! What threads of a program wait for: locks, events, conditions and semaphores follow Python's rules,
//! and the explorer finds what comes of them.
#![cfg(not(loom))]

use singletrack::gil::SwitchPolicy;
use singletrack::vm::assembler::assemble;
use singletrack::vm::explorer::{Exploration, Explorer};
use singletrack::vm::sync::Exception;
use singletrack::vm::verifier::Verified;
use singletrack::vm::world::{Ending, Outcome};
use std::collections::BTreeSet;

const LOST_WAKEUP: &str = include_str!("../examples/programs/lost_wakeup.gil");
const BOUNDED_BUFFER: &str = include_str!("../examples/programs/bounded_buffer.gil");
const SEMAPHORE: &str = include_str!("../examples/programs/semaphore.gil");

const END: &str = "LOAD_CONST 0\nRETURN_VALUE\n";

fn explored(text: &str, policy: SwitchPolicy) -> Exploration {
    let program = Verified::new(assemble(text).unwrap()).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let exploration = Explorer::new(policy).explore(&program);
    assert_eq!(exploration.bound, None);
    exploration
}

/// How it can end, and with which globals.
fn ends(text: &str, policy: SwitchPolicy) -> BTreeSet<(Ending, Vec<i64>)> {
    let outcomes = explored(text, policy).outcomes.into_iter();
    outcomes.map(|found| (found.outcome.ending, found.outcome.globals)).collect()
}

/// The same under all presets, for no rule of a lock is a rule of a version.
fn ends_always(text: &str) -> Vec<(Ending, Vec<i64>)> {
    let mut all = SwitchPolicy::PRESETS.iter().map(|(_, policy)| ends(text, *policy));
    let first = all.next().unwrap();
    all.for_each(|other| assert_eq!(other, first, "{text}"));
    first.into_iter().collect()
}

/// Stores a number in `x`.
fn set(value: i64) -> String {
    format!("LOAD_CONST {value}\nSTORE_GLOBAL x\n")
}

#[test]
fn any_thread_may_release_a_lock_and_a_free_one_raises() {
    // The bell of the textbook: taken by the waiter, released by the one who rings.
    let one = "ACQUIRE bell\nEVENT_SET taken\nACQUIRE bell\n";
    let text = format!(
        "global x\nlock bell\nevent taken\nthread f\nthread g\ndef f():\n{one}{}{END}\
         def g():\nEVENT_WAIT taken\nRELEASE bell\n{END}",
        set(1)
    );
    assert_eq!(ends_always(&text), [(Ending::Finished, vec![1])]);
    let free = format!("global x\nlock a\nthread f\ndef f():\nRELEASE a\n{}{END}", set(1));
    let outcomes = explored(&free, SwitchPolicy::PYTHON_3_10).outcomes;
    let Outcome { ending, globals, raised } = &outcomes[0].outcome;
    assert_eq!((*ending, &globals[..]), (Ending::Raised, &[0][..]), "the rest is not executed");
    assert_eq!((raised[0].exception, raised[0].position.line), (Exception::ReleaseUnlocked, 5));
}

#[test]
fn functions_share_a_lock() {
    let text = format!(
        "global x\nlock a\nthread f\nthread f\ndef f():\nCALL enter\nPOP_TOP\nLOAD_GLOBAL x\nCALL one\n\
         ADD\nSTORE_GLOBAL x\nCALL leave\nRETURN_VALUE\ndef enter():\nACQUIRE a\n{END}\
         def leave():\nRELEASE a\n{END}def one():\nLOAD_CONST 1\nRETURN_VALUE"
    );
    assert_eq!(ends_always(&text), [(Ending::Finished, vec![2])]);
}

#[test]
fn a_lock_that_is_taken_twice_or_kept_is_waited_for_for_ever() {
    let twice =
        format!("global x\nlock a\nthread f\ndef f():\nACQUIRE a\nACQUIRE a\n{}{END}", set(1));
    assert_eq!(ends_always(&twice), [(Ending::Deadlock, vec![0])]);
    let kept = format!(
        "global x\nlock a\nthread f\nthread f\ndef f():\nACQUIRE a\nLOAD_GLOBAL x\nLOAD_CONST 1\nADD\n\
         STORE_GLOBAL x\n{END}"
    );
    assert_eq!(ends_always(&kept), [(Ending::Deadlock, vec![1])]);
}

#[test]
fn a_condition_gives_its_lock_up_while_it_waits_and_has_it_again_afterwards() {
    // The signaller can take the lock; what it does with it is done before the waiter goes on.
    let text = format!(
        "global x\nglobal seen\ncondition c\nevent waits\nthread f\nthread g\n\
         def f():\nACQUIRE c\nEVENT_SET waits\nCONDITION_WAIT c\nLOAD_GLOBAL x\nSTORE_GLOBAL seen\nRELEASE c\n{END}\
         def g():\nEVENT_WAIT waits\nACQUIRE c\nCONDITION_NOTIFY c\nCALL_BLOCKING\n{}RELEASE c\n{END}",
        set(7)
    );
    assert_eq!(ends_always(&text), [(Ending::Finished, vec![7, 7])]);
}

#[test]
fn a_notification_that_nobody_waits_for_is_gone() {
    let text = format!(
        "condition c\nevent rung\nthread f\nthread g\n\
         def f():\nEVENT_WAIT rung\nACQUIRE c\nCONDITION_WAIT c\nRELEASE c\n{END}\
         def g():\nACQUIRE c\nCONDITION_NOTIFY_ALL c\nRELEASE c\nEVENT_SET rung\n{END}"
    );
    assert_eq!(ends_always(&text), [(Ending::Deadlock, vec![])]);
}

/// Two threads wait, the first one first, and write down who they are; a third one rings.
fn two_wait(rings: &str) -> String {
    let waits = |number: i64| {
        let before = if number == 2 { "EVENT_WAIT first\n" } else { "" };
        let event = if number == 1 { "first" } else { "second" };
        format!(
            "def f{number}():\n{before}ACQUIRE c\nEVENT_SET {event}\nCONDITION_WAIT c\n\
             LOAD_GLOBAL x\nLOAD_CONST {number}\nADD\nSTORE_GLOBAL x\nRELEASE c\n{END}"
        )
    };
    format!(
        "global x\ncondition c\nevent first\nevent second\nthread f1\nthread f2\nthread g\n{}{}\
         def g():\nEVENT_WAIT second\nACQUIRE c\n{rings}RELEASE c\n{END}",
        waits(1),
        waits(2)
    )
}

#[test]
fn notify_wakes_who_has_waited_longest_and_notify_all_wakes_all() {
    let once = ends_always(&two_wait("CONDITION_NOTIFY c\n"));
    assert_eq!(once, [(Ending::Deadlock, vec![1])], "the second waits for ever");
    let twice = "CONDITION_NOTIFY c\nCONDITION_NOTIFY c\n";
    for rings in [twice, "CONDITION_NOTIFY_ALL c\n"] {
        assert_eq!(ends_always(&two_wait(rings)), [(Ending::Finished, vec![3])]);
    }
}

#[test]
fn waiting_or_notifying_without_the_lock_raises() {
    for (op, exception) in [
        ("CONDITION_WAIT c", Exception::WaitUnlocked),
        ("CONDITION_NOTIFY c", Exception::NotifyUnlocked),
        ("CONDITION_NOTIFY_ALL c", Exception::NotifyUnlocked),
    ] {
        let text = format!("condition c\nthread f\ndef f():\n{op}\n{END}");
        let outcome = explored(&text, SwitchPolicy::PYTHON_2).outcomes.remove(0).outcome;
        assert_eq!((outcome.ending, outcome.raised[0].exception), (Ending::Raised, exception));
    }
}

#[test]
fn an_event_that_is_set_and_cleared_at_once_wakes_all_that_waited() {
    let waits = "def f():\nACQUIRE a\nLOAD_GLOBAL x\nLOAD_CONST 1\nADD\nSTORE_GLOBAL x\nRELEASE a\n\
                 EVENT_WAIT e\nLOAD_CONST 0\nRETURN_VALUE\n";
    let text = |rings: &str| {
        format!(
            "global x\nlock a\nevent e\nthread f\nthread f\nthread g\n{waits}def g():\n{rings}{END}"
        )
    };
    let always = text("EVENT_SET e\n");
    assert_eq!(ends_always(&always), [(Ending::Finished, vec![2])]);
    let pulse = text("EVENT_SET e\nEVENT_CLEAR e\n");
    let expected = [(Ending::Finished, vec![2]), (Ending::Deadlock, vec![2])];
    assert_eq!(ends_always(&pulse), expected, "who comes late waits for ever");
}

#[test]
fn an_event_tells_whether_it_is_set() {
    let text = "global x\nglobal y\nevent e\nthread f\ndef f():\nEVENT_SET e\nEVENT_IS_SET e\nSTORE_GLOBAL x\n\
                EVENT_CLEAR e\nEVENT_IS_SET e\nSTORE_GLOBAL y\nLOAD_CONST 0\nRETURN_VALUE";
    assert_eq!(ends_always(text), [(Ending::Finished, vec![1, 0])]);
}

#[test]
fn a_semaphore_without_a_permit_is_waited_for_until_one_is_given() {
    let text = format!(
        "global x\nsemaphore s = 0\nthread f\nthread g\ndef f():\nSEMAPHORE_ACQUIRE s\n{}{END}\
         def g():\n{}SEMAPHORE_RELEASE s\n{END}",
        set(1),
        set(2)
    );
    assert_eq!(ends_always(&text), [(Ending::Finished, vec![1])]);
    let never = format!(
        "semaphore s = 2\nthread f\nthread f\nthread f\ndef f():\nSEMAPHORE_ACQUIRE s\n{END}"
    );
    assert_eq!(ends_always(&never), [(Ending::Deadlock, vec![])]);
}

#[test]
fn a_wake_up_is_lost_between_the_look_and_the_wait() {
    let expected = [(Ending::Finished, vec![1, 1]), (Ending::Deadlock, vec![1, 0])];
    assert_eq!(ends_always(LOST_WAKEUP), expected);
    // The remedy: look with the lock held.
    let look = "    LOAD_GLOBAL       ready\n";
    let text = LOST_WAKEUP
        .replace(look, &format!("    ACQUIRE door\n{look}"))
        .replace("    ACQUIRE           door          #     with changed:\n", "")
        .replace("    JUMP_FORWARD      on", "    RELEASE door\n    JUMP_FORWARD on")
        // Without the lock's rule, the flag could change between the look and the wait.
        .replace("ready         # ready = 1\n    ACQUIRE           door ", "ready\n")
        .replace(
            "    LOAD_CONST        1\n    STORE_GLOBAL      ready\n",
            "    ACQUIRE door\n    LOAD_CONST 1\n    STORE_GLOBAL ready\n",
        );
    assert_eq!(ends_always(&text), [(Ending::Finished, vec![1, 1])], "{text}");
}

#[test]
fn a_bounded_buffer_with_two_conditions_loses_nothing() {
    for (_, policy) in SwitchPolicy::PRESETS {
        let exploration = explored(BOUNDED_BUFFER, policy);
        let program = assemble(BOUNDED_BUFFER).unwrap();
        assert_eq!(exploration.outcomes.len(), 2, "either item may be the last");
        assert!(exploration.outcomes.iter().all(|found| found.outcome.breaks(&program).is_empty()));
    }
    // With `if` instead of `while`: another consumer has taken what this one was woken for.
    let (head, tail) = BOUNDED_BUFFER.rsplit_once("again").unwrap();
    let once = ends(&format!("{head}has_one{tail}"), SwitchPolicy::PYTHON_3_10);
    assert!(once.iter().any(|(_, globals)| globals[1] != 3), "{once:?}");
}

#[test]
fn one_condition_for_two_purposes_wakes_the_wrong_thread() {
    let one =
        BOUNDED_BUFFER.replace("condition not_empty(door)\n", "").replace("not_empty", "not_full");
    let deadlocks = |text: &str| {
        let ends = ends(text, SwitchPolicy::PYTHON_3_10);
        ends.iter().any(|(ending, _)| *ending == Ending::Deadlock)
    };
    assert!(deadlocks(&one), "a producer wakes a producer, and both consumers wait");
    assert!(!deadlocks(&one.replace("CONDITION_NOTIFY ", "CONDITION_NOTIFY_ALL ")));
}

#[test]
fn a_semaphore_bounds_how_many_are_inside() {
    let peaks = |text: &str| -> Vec<i64> {
        ends_always(text).into_iter().map(|(_, globals)| globals[1]).collect()
    };
    assert_eq!(peaks(SEMAPHORE), [1, 2]);
    let three = ends(&SEMAPHORE.replace("slots = 2", "slots = 3"), SwitchPolicy::PYTHON_3_10);
    assert!(three.iter().any(|(_, globals)| globals[1] == 3), "{three:?}");
}
