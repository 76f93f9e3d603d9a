//! The explorer: what it finds, that it finds all of it, and that nothing else happens on real
//! threads.
#![cfg(not(loom))]

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "common/vm_check.rs"]
mod vm_check;

use cases::{cases, in_proportion};
use common::watchdog;
use proptest::prelude::*;
use singletrack::gil::{Check, SwitchPolicy, Threading};
use singletrack::vm::assembler::assemble;
use singletrack::vm::explorer::{Exploration, Explorer};
use singletrack::vm::limits::{Bound, Limits};
use singletrack::vm::op::Op;
use singletrack::vm::real_threads::{ThreadEnd, run};
use singletrack::vm::replay::{ReplayError, columns, replay};
use singletrack::vm::schedule::{Schedule, Stretch};
use singletrack::vm::schedule::{serial_outcomes, shortest};
use singletrack::vm::verifier::Verified;
use singletrack::vm::world::{Ending, Outcome, Raised};
use std::collections::BTreeSet;
use std::time::Duration;
use vm_check::{Style, proper_program};

const INCREMENT: &str = include_str!("../examples/programs/increment.gil");
const INCREMENT_CALL: &str = include_str!("../examples/programs/increment_call.gil");
const LOCK_ORDER: &str = include_str!("../examples/programs/lock_order.gil");
const SPIN_WAIT: &str = include_str!("../examples/programs/spin_wait.gil");
const LOST_WAKEUP: &str = include_str!("../examples/programs/lost_wakeup.gil");
const BUFFER: &str = include_str!("../examples/programs/bounded_buffer.gil");
const SEMAPHORE: &str = include_str!("../examples/programs/semaphore.gil");

fn verified(text: &str) -> Verified {
    Verified::new(assemble(text).unwrap()).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

fn presets() -> impl Iterator<Item = SwitchPolicy> {
    SwitchPolicy::PRESETS.into_iter().map(|(_, policy)| policy)
}

/// Explores everything, and checks that each schedule leads to its outcome.
fn explored(explorer: Explorer, program: &Verified) -> Exploration {
    let exploration = explorer.explore(program);
    assert_eq!(exploration.bound, None);
    let counted: u64 = exploration.outcomes.iter().map(|found| found.count).sum();
    assert_eq!(counted, exploration.schedules);
    for found in &exploration.outcomes {
        let printed = found.schedule.to_string();
        let schedule: Schedule = printed.parse().unwrap();
        assert_eq!(schedule, found.schedule);
        let replayed = replay(program, exploration.threading, &schedule).unwrap();
        assert_eq!(replayed.outcome, found.outcome, "{printed}");
    }
    exploration
}

fn outcomes(exploration: &Exploration) -> BTreeSet<Outcome> {
    exploration.outcomes.iter().map(|found| found.outcome.clone()).collect()
}

fn ended(ending: Ending, globals: Vec<i64>) -> Outcome {
    Outcome { ending, globals, raised: vec![] }
}

fn finished(values: &[i64]) -> BTreeSet<Outcome> {
    let outcome = |&x| ended(Ending::Finished, vec![x]);
    values.iter().map(outcome).collect()
}

#[test]
fn an_increment_is_lost_where_the_policy_looks_between_load_and_store() {
    // Only 3.10 and its successors do not look in straight lines, and all look at a call.
    for (text, straight, since_3_10) in
        [(INCREMENT, &[1, 2][..], &[2][..]), (INCREMENT_CALL, &[1, 2], &[1, 2])]
    {
        let program = verified(text);
        for (name, policy) in SwitchPolicy::PRESETS {
            let values = if name.starts_with("python-3.1") { since_3_10 } else { straight };
            for explorer in [Explorer::new(policy), Explorer::new(policy).in_full()] {
                let exploration = explored(explorer, &program);
                assert_eq!(outcomes(&exploration), finished(values), "{name}");
                for found in &exploration.outcomes {
                    let lost = found.outcome.globals == [1];
                    assert_eq!(found.serial, !lost, "{name}");
                    assert!(!lost || found.schedule.switches() == 2, "{name}");
                }
            }
        }
    }
}

#[test]
fn without_a_lock_an_increment_is_lost_and_nobody_starves() {
    for (text, values) in [(INCREMENT, &[1, 2][..]), (INCREMENT_CALL, &[1, 2]), (SPIN_WAIT, &[1])] {
        let exploration = explored(Explorer::new(Threading::Free), &verified(text));
        assert_eq!(outcomes(&exploration), finished(values));
    }
}

/// The first `k` of the factors of `n` over those of `k`.
fn choose(n: u64, k: u64) -> u64 {
    (0..k).fold(1, |product, i| product * (n - i) / (i + 1))
}

#[test]
fn straight_lines_of_m_and_n_steps_have_m_plus_n_over_m_schedules() {
    for (m, n) in [(1, 1), (1, 5), (2, 3)] {
        let line = |steps| "LOAD_CONST 0\nPOP_TOP\n".repeat(steps);
        let end = "LOAD_CONST 0\nRETURN_VALUE\n";
        let (one, two) = (line(m), line(n));
        let text = format!("thread f\nthread g\ndef f():\n{one}{end}def g():\n{two}{end}");
        let (m, n) = (2 * m as u64 + 2, 2 * n as u64 + 2);
        let limits =
            Limits { schedules: u64::MAX, steps: u64::MAX, fuel: 100, ..Limits::default() };
        let every_op = Explorer::new(SwitchPolicy::PYTHON_3_2).with_limits(limits);
        let program = verified(&text);
        assert_eq!(every_op.in_full().explore(&program).schedules, choose(m + n, m));
        assert_eq!(every_op.explore(&program).schedules, 1, "they have nothing in common");
        // No instruction of these is counted, and there is no call: each is one step.
        for policy in [SwitchPolicy::PYTHON_2, SwitchPolicy::PYTHON_3_10] {
            let whole = Explorer::new(policy).in_full().explore(&program);
            assert_eq!(whole.schedules, choose(2, 1), "{policy}");
        }
    }
    let program = verified(INCREMENT);
    let full = |policy| explored(Explorer::new(policy).in_full(), &program).schedules;
    assert_eq!(full(SwitchPolicy::PYTHON_3_2), choose(12, 6));
    // LOAD_GLOBAL | LOAD_CONST ADD | STORE_GLOBAL | LOAD_CONST RETURN_VALUE
    assert_eq!(full(SwitchPolicy::PYTHON_2), choose(8, 4));
    assert_eq!(full(SwitchPolicy::PYTHON_3_10), choose(2, 1));
}

#[test]
fn reduction_keeps_both_orders_of_a_conflict_and_one_of_anything_else() {
    let end = "LOAD_CONST 0\nRETURN_VALUE\n";
    let copy = |from: &str, to: &str| format!("LOAD_GLOBAL {from}\nSTORE_GLOBAL {to}\n{end}");
    let locked = |to: &str| format!("ACQUIRE l\nRELEASE l\nLOAD_CONST 1\nSTORE_GLOBAL {to}\n{end}");
    for (one, two, schedules, values) in [
        // Each reads what the other writes: one after the other, two ways, or both read first.
        (copy("a", "b"), copy("b", "a"), 3, vec![(1, 1), (2, 1), (2, 2)]),
        (copy("a", "c"), copy("a", "d"), 1, vec![(1, 2)]),
        (copy("a", "b"), copy("c", "d"), 1, vec![(1, 1)]),
        (copy("a", "c"), copy("c", "a"), 3, vec![(0, 2), (1, 2)]),
        (copy("b", "a"), copy("a", "d"), 2, vec![(2, 2)]),
        (copy("b", "d"), copy("a", "b"), 2, vec![(1, 1)]),
        (copy("a", "d"), copy("c", "d"), 2, vec![(1, 2)]),
        // Which thread takes the lock first. Whether the other waits or comes later is the same.
        (locked("c"), locked("d"), 2, vec![(1, 2)]),
    ] {
        for (f, g) in [(&one, &two), (&two, &one)] {
            let globals = "global a = 1\nglobal b = 2\nglobal c\nglobal d\nlock l\n";
            let text = format!("{globals}thread f\nthread g\ndef f():\n{f}def g():\n{g}");
            let explorer = Explorer::new(SwitchPolicy::PYTHON_3_2);
            let reduced = explored(explorer, &verified(&text));
            assert_eq!(
                outcomes(&reduced),
                outcomes(&explored(explorer.in_full(), &verified(&text)))
            );
            assert_eq!(reduced.schedules, schedules, "{text}");
            let seen = outcomes(&reduced).into_iter().map(|o| (o.globals[0], o.globals[1]));
            assert_eq!(
                seen.collect::<BTreeSet<_>>(),
                BTreeSet::from_iter(values.clone()),
                "{text}"
            );
        }
    }
}

#[test]
fn a_deadlock_is_found_under_every_policy() {
    let program = verified(LOCK_ORDER);
    for policy in presets() {
        let exploration = explored(Explorer::new(policy), &program);
        let endings: Vec<(Ending, Vec<i64>)> = exploration
            .outcomes
            .iter()
            .map(|found| (found.outcome.ending, found.outcome.globals.clone()))
            .collect();
        let expected = [(Ending::Finished, vec![12, 8]), (Ending::Deadlock, vec![10, 10])];
        assert_eq!(endings, expected, "{policy}");
        assert_eq!(exploration.outcomes[1].schedule.switches(), 1, "one each, and both wait");
        assert!(!exploration.outcomes[1].serial);
    }
}

#[test]
fn a_waiting_loop_starves_the_other_where_the_switch_is_not_forced() {
    let program = verified(SPIN_WAIT);
    for (name, policy) in SwitchPolicy::PRESETS {
        let exploration = explored(Explorer::new(policy), &program);
        let mut expected = finished(&[1]);
        if ["python-2", "python-2-linux", "no-force"].contains(&name) {
            expected.insert(ended(Ending::Starvation, vec![0]));
        }
        assert_eq!(outcomes(&exploration), expected, "{name}");
    }
}

#[test]
fn a_waiting_loop_that_blocks_starves_no_thread() {
    let polite = SPIN_WAIT.replace("still_not:\n", "still_not:\nCALL_BLOCKING\n");
    for policy in presets() {
        let exploration = explored(Explorer::new(policy), &verified(&polite));
        assert_eq!(outcomes(&exploration), finished(&[1]), "{policy}");
    }
}

#[test]
fn a_loop_without_an_end_is_endless_under_every_policy() {
    let text = "global x\nthread f\nthread g\ndef f():\non:\nJUMP_BACKWARD on\n\
                def g():\nLOAD_CONST 1\nSTORE_GLOBAL x\nLOAD_CONST 0\nRETURN_VALUE";
    for policy in presets() {
        for explorer in [Explorer::new(policy), Explorer::new(policy).in_full()] {
            let exploration = explored(explorer, &verified(text));
            let endless = ended(Ending::Endless, vec![1]);
            assert!(outcomes(&exploration).contains(&endless), "{policy}");
        }
    }
}

/// Shows G7.
#[test]
fn two_of_three_can_starve_the_third_even_by_force() {
    let text = "thread f\nthread f\nthread g\ndef f():\non:\nJUMP_BACKWARD on\n\
                def g():\nLOAD_CONST 0\nRETURN_VALUE";
    let starves = |policy| {
        let exploration = explored(Explorer::new(policy).in_full(), &verified(text));
        exploration.outcomes.iter().any(|found| found.outcome.ending == Ending::Starvation)
    };
    assert!(starves(SwitchPolicy::PYTHON_3_2));
    assert!(!starves(SwitchPolicy::FAIR));
}

#[test]
fn a_bound_that_was_hit_is_reported() {
    let program = verified(INCREMENT);
    let explorer = Explorer::new(SwitchPolicy::PYTHON_3_2).in_full();
    let bounded = |limits| explorer.with_limits(limits).explore(&program);
    let limits = Limits::default();
    let few = bounded(Limits { schedules: 3, ..limits });
    assert_eq!(few.bound, Some(Bound::Schedules(3)));
    // Few switches are tried first all the same.
    assert_eq!(outcomes(&few), finished(&[1, 2]));
    assert_eq!(bounded(Limits { steps: 5, ..limits }).bound, Some(Bound::Steps(5)));
    assert_eq!(bounded(Limits { schedules: 924, ..limits }).bound, None);
    let counts = verified(
        "global x\nthread f\ndef f():\non:\nLOAD_GLOBAL x\nLOAD_CONST 1\nADD\nSTORE_GLOBAL x\nJUMP_BACKWARD on",
    );
    let endless = explorer.with_limits(Limits { fuel: 100, ..limits }).explore(&counts);
    assert_eq!(endless.bound, Some(Bound::Fuel(100)));
    assert_eq!(endless.outcomes[0].outcome.ending, Ending::OutOfFuel);
}

#[test]
fn orders_of_whole_threads_take_no_more_steps_than_are_allowed() {
    let counts = "global x\nthread f(60000)\nthread f(60000)\ndef f(n):\non:\nLOAD_FAST n\nLOAD_CONST 1\n\
                  SUBTRACT\nSTORE_FAST n\nLOAD_FAST n\nPOP_JUMP_IF_FALSE off\nJUMP_BACKWARD on\noff:\n\
                  LOAD_CONST 0\nRETURN_VALUE";
    let program = verified(counts);
    let limits = Limits { steps: 100_000, fuel: 1_000_000, ..Limits::default() };
    let (serial, complete) = serial_outcomes(&program, limits);
    assert_eq!((serial.len(), complete), (0, false));
    let (serial, complete) = serial_outcomes(&program, Limits { steps: 1_000_000, ..limits });
    assert_eq!((serial.len(), complete), (1, true));
    let bound =
        Explorer::new(SwitchPolicy::PYTHON_3_10).with_limits(limits).explore(&program).bound;
    assert_eq!(bound, Some(Bound::Steps(100_000)));
}

#[test]
fn worlds_that_take_much_memory_are_not_kept_without_bound() {
    let globals: String = (0..50_000).map(|n| format!("global g{n}\n")).collect();
    let counts = "thread f\nthread f\ndef f():\non:\nLOAD_GLOBAL g0\nLOAD_CONST 1\nADD\nSTORE_GLOBAL g0\n\
                  JUMP_BACKWARD on";
    let program = verified(&(globals + counts));
    let limits = Limits { bytes: 8 << 20, ..Limits::default() };
    let all = Explorer::new(SwitchPolicy::PYTHON_3_10).with_limits(limits).explore(&program);
    assert_eq!(all.bound, Some(Bound::Memory(8 << 20)));
    let (serial, complete) = serial_outcomes(&program, Limits { bytes: 100, ..limits });
    assert_eq!((serial.len(), complete), (0, false));
}

#[test]
fn a_schedule_of_one_policy_is_refused_by_another_with_the_reason() {
    let program = verified(INCREMENT);
    let schedule: Schedule = "1x1,2x6,1x5".parse().unwrap();
    let lost = replay(&program, SwitchPolicy::PYTHON_2, &schedule).unwrap();
    assert_eq!(lost.outcome.globals, [1]);
    let refused = replay(&program, SwitchPolicy::PYTHON_3_10, &schedule).unwrap_err();
    let ReplayError::NoSwitch { thread: 0, op: Op::LoadGlobal(0), position, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!(position.line, 17);
    // Python 2 allows no switch after a LOAD_CONST.
    let fast: Schedule = "1x2,2x6,1x4".parse().unwrap();
    assert!(replay(&program, SwitchPolicy::PYTHON_3_2, &fast).is_ok());
    assert!(replay(&program, SwitchPolicy::PYTHON_2, &fast).is_err());
    let error = |text: &str| {
        let schedule = text.parse().unwrap();
        replay(&program, SwitchPolicy::PYTHON_3_2, &schedule).unwrap_err()
    };
    assert_eq!(error("3x1"), ReplayError::NoThread(2));
    assert_eq!(error("1x7"), ReplayError::Ended(0));
    let program = verified(LOCK_ORDER);
    let waits = replay(&program, SwitchPolicy::PYTHON_3_10, &"1x1,2x2".parse().unwrap());
    assert_eq!(waits.unwrap_err(), ReplayError::Waits { thread: 1, what: "alices".to_owned() });
}

#[test]
fn the_losing_schedule_is_drawn_in_two_columns() {
    let program = verified(INCREMENT);
    let schedule = "1x1,2x6,1x5".parse().unwrap();
    let replayed = replay(&program, SwitchPolicy::PYTHON_2, &schedule).unwrap();
    let drawing = "       thread 1: increment()         thread 2: increment()
    1  LOAD_GLOBAL x       = 0
    2                                LOAD_GLOBAL x       = 0
    3                                LOAD_CONST 1
    4                                ADD
    5                                STORE_GLOBAL x      = 1
    6                                LOAD_CONST 0
    7                                RETURN_VALUE
    8  LOAD_CONST 1
    9  ADD
   10  STORE_GLOBAL x      = 1
   11  LOAD_CONST 0
   12  RETURN_VALUE
";
    assert_eq!(columns(program.program(), &replayed.trace, true), drawing);
}

#[test]
fn real_threads_come_only_to_what_was_explored() {
    let _bound = watchdog("programs on real threads", 240);
    for text in [INCREMENT, INCREMENT_CALL, LOCK_ORDER, SPIN_WAIT] {
        for policy in presets() {
            real_threads_come_to_what_is_known(text, policy, 4);
        }
    }
}

#[test]
fn real_threads_that_wait_for_each_other_come_only_to_what_was_explored() {
    let _bound = watchdog("programs that wait on real threads", 240);
    for text in [LOST_WAKEUP, BUFFER, SEMAPHORE] {
        let policies =
            [SwitchPolicy::PYTHON_2, SwitchPolicy::PYTHON_3_2, SwitchPolicy::PYTHON_3_11];
        for policy in policies {
            real_threads_come_to_what_is_known(text, policy, 4);
        }
    }
}

fn real_threads_come_to_what_is_known(text: &str, policy: SwitchPolicy, runs: u32) {
    let program = verified(text);
    let known = outcomes(&explored(Explorer::new(policy), &program));
    let starved = known.iter().any(|known| known.ending == Ending::Starvation);
    let fuel = if starved { 5_000 } else { 1_000_000 };
    for _ in 0..runs {
        let outcome = on_threads(&program, policy, fuel);
        // A starved thread goes on when fuel has ended the others.
        let ending = outcome.ending;
        let is_known = known.contains(&outcome);
        assert!(is_known || starved && ending == Ending::Starvation, "{policy}: {text}");
    }
}

/// The real lock made nervous: the shortest interval, a check at every second tick.
fn nervous(policy: SwitchPolicy) -> SwitchPolicy {
    let check = match policy.check() {
        Check::EveryTicks(_) => Check::EveryTicks(1),
        Check::OnRequest { .. } => Check::OnRequest { interval: Duration::from_nanos(1) },
    };
    policy.with_check(check).unwrap()
}

fn on_threads(program: &Verified, policy: SwitchPolicy, fuel: u64) -> Outcome {
    let result = run(program, nervous(policy), fuel).unwrap();
    let any = |end: fn(ThreadEnd) -> bool| result.threads.iter().any(|thread| end(thread.end));
    let ending = match () {
        () if any(|end| end == ThreadEnd::OutOfFuel) => Ending::Starvation,
        () if any(|end| end == ThreadEnd::Stuck) => Ending::Deadlock,
        () if any(|end| matches!(end, ThreadEnd::Raised(..))) => Ending::Raised,
        () => Ending::Finished,
    };
    let raised = result.threads.iter().enumerate().filter_map(|(thread, run)| match run.end {
        ThreadEnd::Raised(exception, position) => Some(Raised { thread, exception, position }),
        _ => None,
    });
    Outcome { ending, globals: result.globals, raised: raised.collect() }
}

const SMALL: Style = Style { threads: 2, statements: 2, spins: true, private: false };

fn ends(exploration: &Exploration) -> BTreeSet<Outcome> {
    let is_end =
        |o: &Outcome| matches!(o.ending, Ending::Finished | Ending::Raised | Ending::Deadlock);
    outcomes(exploration).into_iter().filter(is_end).collect()
}

fn ways_round(exploration: &Exploration) -> BTreeSet<Ending> {
    let endings = exploration.outcomes.iter().map(|found| found.outcome.ending);
    endings.filter(|e| matches!(e, Ending::Endless | Ending::Starvation)).collect()
}

proptest! {
    #![proptest_config(cases(40))]

    /// Shows D1.
    /// Reduction loses no outcome; and a search that remembers all states agrees.
    #[test]
    fn the_reduced_outcomes_are_the_full_ones(
        bytes in prop::collection::vec(any::<u8>(), 0..16),
        threads in 2u8..=3,
        preset in 0..SwitchPolicy::PRESETS.len(),
    ) {
        let policy = SwitchPolicy::PRESETS[preset].1;
        let program = Verified::new(proper_program(&bytes, Style { threads, ..SMALL })).unwrap();
        let limits = Limits { schedules: 2_000, steps: 6_000, fuel: 1_000, ..Limits::default() };
        let explorer = Explorer::new(policy).with_limits(limits);
        let (reduced, full) = (explorer.explore(&program), explorer.in_full().explore(&program));
        prop_assert_eq!(&reduced, &explorer.explore(&program), "D1: the same again");
        if reduced.bound.is_some() {
            return Ok(());
        }
        let by_states = shortest(&program, policy, Limits { states: 5_000, ..Limits::default() }, |_| false);
        let by_states: BTreeSet<Outcome> = by_states.into_keys().collect();
        // What it finds within its bound exists; the reduced search must have found all of it.
        prop_assert!(by_states.is_subset(&ends(&reduced)), "{:?}", by_states);
        if full.bound.is_some() {
            return Ok(());
        }
        prop_assert!(reduced.schedules <= full.schedules);
        prop_assert_eq!(ends(&full), ends(&reduced));
        prop_assert_eq!(ways_round(&reduced), ways_round(&full));
    }

    /// A switch before or after an instruction that touches nothing shared makes no difference:
    /// Python 2's uncounted opcodes change no outcome.
    #[test]
    fn uncounted_opcodes_make_no_difference(
        bytes in prop::collection::vec(any::<u8>(), 0..24)
    ) {
        let program = Verified::new(proper_program(&bytes, SMALL)).unwrap();
        let limits = Limits { schedules: 2_000, steps: 6_000, fuel: 1_000, ..Limits::default() };
        let explore = |policy| Explorer::new(policy).with_limits(limits).explore(&program);
        let (two, three) = (explore(SwitchPolicy::PYTHON_2), explore(SwitchPolicy::PYTHON_3_2));
        prop_assume!(two.bound.is_none() && three.bound.is_none());
        prop_assert_eq!(ends(&two), ends(&three));
    }

    #[test]
    fn a_printed_schedule_is_read_back(
        stretches in prop::collection::vec((0..4usize, 1..1000usize), 1..10)
    ) {
        let stretches = stretches.into_iter().map(|(thread, instructions)| Stretch { thread, instructions });
        let schedule: Schedule = stretches.collect();
        prop_assert_eq!(schedule.to_string().parse::<Schedule>(), Ok(schedule));
    }

    #[test]
    fn no_text_is_too_odd_for_a_schedule(text in "[0-9x, -]{0,20}") {
        let _ = text.parse::<Schedule>();
    }
}

proptest! {
    // A case takes seconds of real threads, so no more than these whatever is asked for.
    #![proptest_config(ProptestConfig { cases: in_proportion(24).min(200), ..cases(24) })]

    /// Shows D3.
    #[test]
    fn real_threads_come_only_to_what_was_explored_for_random_programs(
        bytes in prop::collection::vec(any::<u8>(), 0..24),
        preset in 0..SwitchPolicy::PRESETS.len(),
    ) {
        let _bound = watchdog("a random program on real threads", 60);
        let policy = SwitchPolicy::PRESETS[preset].1;
        let style = Style { spins: false, ..SMALL };
        let program = Verified::new(proper_program(&bytes, style)).unwrap();
        let limits = Limits { schedules: 2_000, steps: 6_000, fuel: 1_000, ..Limits::default() };
        let exploration = Explorer::new(policy).with_limits(limits).explore(&program);
        prop_assume!(exploration.bound.is_none());
        for _ in 0..5 {
            let outcome = on_threads(&program, policy, 1_000_000);
            prop_assert!(outcomes(&exploration).contains(&outcome), "{:?}", outcome);
        }
    }
}

/// Where the search closes the cycle, the other thread can run; at another world of the same cycle it waits
/// for the lock that the first has, and so can do so for ever.
#[test]
fn a_cycle_is_looked_at_from_each_world_on_it() {
    let text = "global done\nlock door\nthread polls\nthread sets\n\
                def polls():\nagain:\nACQUIRE door\nLOAD_GLOBAL done\nSTORE_FAST seen\nRELEASE door\n\
                LOAD_FAST seen\nPOP_JUMP_IF_FALSE still_not\nLOAD_CONST 0\nRETURN_VALUE\n\
                still_not:\nJUMP_BACKWARD again\n\
                def sets():\nACQUIRE door\nLOAD_CONST 1\nSTORE_GLOBAL done\nRELEASE door\n\
                LOAD_CONST 0\nRETURN_VALUE";
    for policy in [SwitchPolicy::PYTHON_3_2, SwitchPolicy::PYTHON_3_11] {
        for explorer in [Explorer::new(policy), Explorer::new(policy).in_full()] {
            let found = explored(explorer, &verified(text));
            assert!(
                outcomes(&found).contains(&ended(Ending::Endless, vec![0])),
                "{policy}: {found:?}"
            );
        }
    }
}

/// What is replayed is what can be: nobody starves where the lock is handed over in turn, or while the other
/// runs as well.
#[test]
fn a_replay_starves_nobody_whom_the_policy_lets_in() {
    let spins = verified(SPIN_WAIT);
    let once_round: Schedule = "1x3".parse().unwrap();
    let ending =
        |threading: Threading| replay(&spins, threading, &once_round).unwrap().outcome.ending;
    assert_eq!(ending(Threading::Gil(SwitchPolicy::PYTHON_2)), Ending::Starvation);
    assert_eq!(ending(Threading::Gil(SwitchPolicy::FAIR)), Ending::OutOfFuel);
    assert_eq!(ending(Threading::Free), Ending::OutOfFuel);
}
