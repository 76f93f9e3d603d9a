//! The bytecode machine: verified programs cannot go wrong, and a thread that is alone does the same
//! on real threads under every preset and in the explorer's world.
#![cfg(not(loom))]

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "common/vm_check.rs"]
mod vm_check;

use cases::cases;
use common::watchdog;
use proptest::prelude::*;
use singletrack::gil::{Check, HandOff, Substrate, SwitchPoints, SwitchPolicy};
use singletrack::vm::assembler::assemble;
use singletrack::vm::real_threads::{ThreadEnd, ThreadRun, run};
use singletrack::vm::verifier::Verified;
use singletrack::vm::world::{Ending, World};
use vm_check::{Style, check_any_bytes, proper_program, run_by_bytes};

const ALONE: Style = Style { threads: 2, statements: 4, spins: false, private: true };

fn verified(text: &str) -> Verified {
    Verified::new(assemble(text).unwrap()).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

fn presets() -> impl Iterator<Item = SwitchPolicy> {
    SwitchPolicy::PRESETS.into_iter().map(|(_, policy)| policy)
}

/// One thread that runs `body`, alone, with two globals; what `y` is then.
fn y_after(body: &str) -> i64 {
    let text = format!(
        "global x = 5\nglobal y\nlock a\nthread f(9)\ndef twice(n, m):\nLOAD_FAST n\nLOAD_FAST m\n\
         SUBTRACT\nRETURN_VALUE\ndef f(n):\n{body}\nSTORE_GLOBAL y\nLOAD_CONST 0\nRETURN_VALUE"
    );
    let program = verified(&text);
    let world = run_by_bytes(&program, &SwitchPolicy::PYTHON_2, &[], 1_000);
    assert_eq!(world.outcome(&program).unwrap().ending, Ending::Finished);
    world.globals()[1]
}

#[test]
fn each_instruction_does_what_it_says() {
    for (body, y) in [
        ("LOAD_CONST -3", -3),
        ("LOAD_FAST n", 9),
        ("LOAD_CONST 4\nSTORE_FAST k\nLOAD_FAST k", 4),
        ("LOAD_GLOBAL x\nLOAD_CONST 3\nADD", 8),
        ("LOAD_GLOBAL x\nLOAD_CONST 3\nSUBTRACT", 2),
        ("LOAD_CONST 9223372036854775807\nLOAD_CONST 1\nADD", i64::MIN),
        ("LOAD_GLOBAL x\nLOAD_CONST 6\nLESS_THAN", 1),
        ("LOAD_GLOBAL x\nLOAD_CONST 5\nLESS_THAN", 0),
        ("LOAD_CONST 1\nLOAD_CONST 2\nPOP_TOP", 1),
        ("LOAD_CONST 7\nLOAD_CONST 0\nPOP_JUMP_IF_FALSE on\nPOP_TOP\nLOAD_CONST 8\non:", 7),
        ("LOAD_CONST 7\nLOAD_CONST -1\nPOP_JUMP_IF_FALSE on\nPOP_TOP\nLOAD_CONST 8\non:", 8),
        ("LOAD_CONST 7\nJUMP_FORWARD on\nLOAD_CONST 8\nADD\non:", 7),
        ("LOAD_CONST 10\nLOAD_CONST 4\nCALL twice", 6),
        (
            "CALL_C\nCALL_C_FAST\nBEFORE_WITH\nCALL_BLOCKING\nSLEEP 0\nACQUIRE a\nRELEASE a\nLOAD_CONST 1",
            1,
        ),
        (
            "on:\nLOAD_FAST n\nLOAD_CONST 1\nSUBTRACT\nSTORE_FAST n\nLOAD_CONST 2\nLOAD_FAST n\n\
             LESS_THAN\nPOP_JUMP_IF_FALSE out\nJUMP_BACKWARD on\nout:\nLOAD_FAST n",
            2,
        ),
    ] {
        assert_eq!(y_after(body), y, "{body}");
    }
}

#[test]
fn real_threads_count_their_ticks() {
    let _bound = watchdog("one thread under every preset", 60);
    let program = verified(include_str!("../examples/programs/increment_call.gil"));
    for policy in presets() {
        let result = run(&program, policy, 1_000).unwrap();
        // Two LOAD_CONST are not counted, nor the last RETURN_VALUE: there is no way on.
        let expected = ThreadRun { end: ThreadEnd::Returned(0), instructions: 8, ticks: 5 };
        assert_eq!(result.threads, [expected; 2], "{policy}");
        assert_eq!(result.counters.acquisitions(), result.counters.drops(), "{policy}");
    }
}

/// A check at every second tick.
fn every_second_tick(hand_off: HandOff) -> SwitchPolicy {
    let check = Check::EveryTicks(1);
    SwitchPolicy::new(check, hand_off, SwitchPoints::EVERY, Substrate::MutexCondvar).unwrap()
}

/// Shows G9.
#[test]
fn the_real_lock_sees_each_tick_and_no_other() {
    let _bound = watchdog("one thread that ticks", 60);
    let text =
        include_str!("../examples/programs/increment_call.gil").replacen("\nthread", "\n#", 1);
    let program = verified(&text);
    let result = run(&program, every_second_tick(HandOff::Race), 1_000).unwrap();
    assert_eq!(result.threads[0].ticks, 5);
    assert_eq!(result.counters.tick_drops, 3, "at ticks 1, 3 and 5");
}

#[test]
fn real_threads_that_alternate_lose_an_update() {
    let _bound = watchdog("two threads that take turns", 60);
    let program = verified(include_str!("../examples/programs/increment.gil"));
    for _ in 0..20 {
        // LOAD_GLOBAL │ the other's LOAD_GLOBAL, ADD │ ADD, STORE_GLOBAL │ STORE_GLOBAL
        let result = run(&program, every_second_tick(HandOff::Fifo), 1_000).unwrap();
        assert_eq!(result.globals, [1]);
    }
}

/// Shows V4.
#[test]
fn fuel_stops_an_endless_loop_on_real_threads() {
    let _bound = watchdog("an endless loop", 60);
    let program = verified("thread f\nthread f\ndef f():\non:\nJUMP_BACKWARD on");
    for policy in presets() {
        let result = run(&program, policy, 5_000).unwrap();
        let expected = ThreadRun { end: ThreadEnd::OutOfFuel, instructions: 5_000, ticks: 5_000 };
        assert_eq!(result.threads, [expected; 2], "{policy}");
    }
}

#[test]
fn a_deadlock_on_real_threads_is_found_and_not_waited_for() {
    let _bound = watchdog("a deadlock", 60);
    // Each waits for a flag of the other between its two locks, so they always meet.
    let text = "\
global one
global two
lock a
lock b
thread f
thread g
thread h
def f():
    ACQUIRE a
    LOAD_CONST 1
    STORE_GLOBAL one
again:
    SLEEP 0
    LOAD_GLOBAL two
    POP_JUMP_IF_FALSE still
    JUMP_FORWARD on
still:
    JUMP_BACKWARD again
on:
    ACQUIRE b
    RELEASE b
    RELEASE a
    LOAD_CONST 1
    RETURN_VALUE
def g():
    ACQUIRE b
    LOAD_CONST 1
    STORE_GLOBAL two
again:
    SLEEP 0
    LOAD_GLOBAL one
    POP_JUMP_IF_FALSE still
    JUMP_FORWARD on
still:
    JUMP_BACKWARD again
on:
    ACQUIRE a
    RELEASE a
    RELEASE b
    LOAD_CONST 2
    RETURN_VALUE
def h():
again:
    SLEEP 0
    LOAD_GLOBAL one
    POP_JUMP_IF_FALSE still
    ACQUIRE a
    RELEASE a
    LOAD_CONST 3
    RETURN_VALUE
still:
    JUMP_BACKWARD again
";
    let program = verified(text);
    for policy in presets() {
        let result = run(&program, policy, u64::MAX).unwrap();
        let ends: Vec<ThreadEnd> = result.threads.iter().map(|thread| thread.end).collect();
        assert_eq!(ends, [ThreadEnd::Stuck; 3], "{policy}");
    }
}

#[test]
fn a_thread_that_waits_for_one_without_fuel_is_stuck() {
    let _bound = watchdog("a lock that is never released", 60);
    let text = "lock a\nthread f\nthread f\ndef f():\nACQUIRE a\non:\nSLEEP 0\nJUMP_BACKWARD on";
    let program = verified(text);
    for policy in presets() {
        let result = run(&program, policy, 1_000).unwrap();
        let mut ends: Vec<ThreadEnd> = result.threads.iter().map(|thread| thread.end).collect();
        ends.sort_by_key(|end| *end == ThreadEnd::Stuck);
        assert_eq!(ends, [ThreadEnd::OutOfFuel, ThreadEnd::Stuck], "{policy}");
    }
}

#[test]
fn a_lock_keeps_updates_whole_under_every_preset() {
    let _bound = watchdog("a lock", 60);
    let text = "\
global x
lock a
thread f
thread f
thread f
def f():
    LOAD_CONST 0
    STORE_FAST i
again:
    ACQUIRE a
    LOAD_GLOBAL x
    CALL_BLOCKING
    LOAD_CONST 1
    ADD
    STORE_GLOBAL x
    RELEASE a
    LOAD_FAST i
    LOAD_CONST 1
    ADD
    STORE_FAST i
    LOAD_FAST i
    LOAD_CONST 50
    LESS_THAN
    POP_JUMP_IF_FALSE out
    JUMP_BACKWARD again
out:
    LOAD_CONST 0
    RETURN_VALUE
";
    let program = verified(text);
    for policy in presets() {
        let result = run(&program, policy, u64::MAX).unwrap();
        assert_eq!(result.globals, [150], "{policy}");
    }
}

proptest! {
    /// Shows V1, V4.
    /// V1, V4, V5 and the comparison with a naive interpreter: the property of the fuzz target.
    #[test]
    fn v1_v4_no_bytes_make_a_verified_program_go_wrong(
        bytes in prop::collection::vec(any::<u8>(), 0..200)
    ) {
        check_any_bytes(&bytes);
    }

    /// Shows V3.
    /// V3: threads that share nothing have the same result under every schedule.
    #[test]
    fn v3_what_is_private_does_not_depend_on_the_schedule(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        one in prop::collection::vec(any::<u8>(), 1..20),
        other in prop::collection::vec(any::<u8>(), 1..20),
    ) {
        let program = Verified::new(proper_program(&bytes, ALONE)).unwrap();
        let end = |policy: &SwitchPolicy, choices: &[u8]| {
            let world: World = run_by_bytes(&program, policy, choices, 100_000);
            world.outcome(&program)
        };
        let expected = end(&SwitchPolicy::PYTHON_3_2, &one);
        prop_assert!(expected.is_some(), "without loops that wait it ends");
        for policy in presets() {
            prop_assert_eq!(&end(&policy, &other), &expected);
        }
    }
}

proptest! {
    #![proptest_config(cases(24))]

    /// Shows V2.
    /// V2: ticks are a function of program and input; the real lock and the machine agree.
    #[test]
    fn v2_ticks_are_the_same_under_every_policy(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _bound = watchdog("a program on real threads", 60);
        let program = Verified::new(proper_program(&bytes, ALONE)).unwrap();
        let end = run_by_bytes(&program, &SwitchPolicy::PYTHON_2, &[0], 100_000);
        let mut threads = None;
        for policy in presets() {
            let result = run(&program, policy, u64::MAX).unwrap();
            prop_assert_eq!(&result.globals, end.globals());
            let known = threads.get_or_insert(result.threads.clone());
            prop_assert_eq!(&result.threads, &*known);
        }
    }
}
