//! The lock on simulated cores: first what must hold for any threads, costs and policy; then
//! what Beazley saw in 2009, exactly, in virtual time.

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "gil_simulator/exact.rs"]
mod exact;

use cases::cases;
use common::watchdog;
use proptest::prelude::*;
use singletrack::gil::Costs;
use singletrack::gil::{Act, Script};
use singletrack::gil::{Check, SwitchPolicy};
use singletrack::gil::{EventKind, Recording};
use singletrack::gil::{MAX_CORES, NoSuchMachine, Simulator};
use singletrack::gil::{SimulationEnd, SimulationResult};
use std::time::Duration;

const MS: u64 = 1_000_000;

fn play(
    policy: SwitchPolicy,
    cores: usize,
    costs: Costs,
    seed: u64,
    scripts: &[Script],
) -> SimulationResult {
    let _watchdog = watchdog("a simulation", 60);
    let mut simulator = Simulator::new(policy, cores, costs, seed).unwrap();
    simulator.record(100_000);
    scripts.iter().for_each(|script| simulator.spawn(script.clone()));
    simulator.run(u64::MAX)
}

fn any_policy() -> impl Strategy<Value = SwitchPolicy> {
    let quick = |policy: SwitchPolicy, micros: u64| match policy.check() {
        Check::EveryTicks(_) => policy.with_check(Check::EveryTicks(1 + micros as u32)).unwrap(),
        Check::OnRequest { .. } => {
            let interval = std::time::Duration::from_micros(1 + micros);
            policy.with_check(Check::OnRequest { interval }).unwrap()
        }
    };
    (0..SwitchPolicy::PRESETS.len(), 0u64..300)
        .prop_map(move |(preset, micros)| quick(SwitchPolicy::PRESETS[preset].1, micros))
}

fn any_costs() -> impl Strategy<Value = Costs> {
    let small = || prop_oneof![Just(0u64), 0u64..200, 0u64..50_000];
    let quantum = prop_oneof![Just(0u64), 1_000u64..300_000];
    (small(), small(), small(), small(), small(), small(), quantum, 0u64..=100).prop_map(
        |(uncontended, contended, signal, interrupt, wake, switch, quantum, jitter)| Costs {
            tick: 1 + uncontended % 30,
            uncontended,
            contended,
            signal,
            interrupt,
            wake,
            switch,
            quantum,
            jitter,
        },
    )
}

fn any_script() -> impl Strategy<Value = Script> {
    let act = prop_oneof![
        (0u64..5_000).prop_map(|ticks| Act::Compute { ticks }),
        (0u64..20_000).prop_map(|time| Act::Call { time }),
        (0u64..80_000).prop_map(|time| Act::Await { time }),
        (0u64..80_000).prop_map(|time| Act::Sleep { time }),
        (0u64..80_000, 0u64..80_000).prop_map(|(first, period)| Act::Packet { first, period }),
    ];
    (0u64..6, prop::collection::vec(act, 1..5))
        .prop_map(|(rounds, acts)| Script::new("any", rounds, &acts))
}

/// Numbers of any size: small ones, and those at the end of what there is.
fn any_size() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..3, any::<u64>(), (0u64..3).prop_map(|back| u64::MAX - back)]
}

fn extreme_act() -> impl Strategy<Value = Act> {
    (0..5, any_size(), any_size()).prop_map(|(kind, time, first)| match kind {
        0 => Act::Compute { ticks: time },
        1 => Act::Call { time },
        2 => Act::Await { time },
        3 => Act::Sleep { time },
        _ => Act::Packet { first, period: time },
    })
}

/// When the lock was held, in order.
fn holds(recording: &Recording) -> Vec<(u64, u64)> {
    let mut holds = Vec::new();
    for track in &recording.tracks {
        assert_eq!(track.dropped, 0);
        let mut since = None;
        for event in &track.events {
            match event.what {
                EventKind::Takes => assert_eq!(since.replace(event.at), None, "taken twice"),
                EventKind::DropsVoluntarily
                | EventKind::DropsOnRequest
                | EventKind::DropsAtTick => {
                    holds.push((since.take().expect("it had the lock"), event.at));
                }
                EventKind::Waits
                | EventKind::Requests
                | EventKind::FailsToTake
                | EventKind::GivesUp => {
                    assert_eq!(since, None, "{:?} with the lock in hand", event.what);
                }
            }
        }
        assert_eq!(since, None, "never dropped");
    }
    holds.sort_unstable();
    holds
}

proptest! {
    #![proptest_config(cases(100))]

    /// What cannot be simulated is refused; all else comes to the moment until which it is to run.
    #[test]
    fn numbers_of_any_size_neither_overflow_nor_hang(
        policy in any_policy(),
        cores in prop_oneof![0usize..4, any::<usize>()],
        costs in prop::array::uniform9(any_size()),
        seed: u64,
        rounds in any_size(),
        acts in prop::collection::vec(extreme_act(), 0..4),
    ) {
        let _watchdog = watchdog("a simulation of extremes", 60);
        let [tick, uncontended, contended, signal, interrupt, wake, switch, quantum, jitter] = costs;
        let costs = Costs {
            tick, uncontended, contended, signal, interrupt, wake, switch, quantum, jitter,
        };
        let Ok(mut simulator) = Simulator::new(policy, cores, costs, seed) else {
            prop_assert!(!(1..=MAX_CORES).contains(&cores));
            return Ok(());
        };
        let script = Script::new("any", rounds, &acts);
        script.work();
        (0..2).for_each(|_| simulator.spawn(script.clone()));
        simulator.record(100);
        let run = simulator.run(2_000);
        prop_assert_eq!(run.threads.len(), 2);
    }

    #[test]
    fn one_thread_at_a_time_all_work_done_and_time_goes_forward(
        policy in any_policy(),
        cores in 1usize..6,
        costs in any_costs(),
        seed in any::<u64>(),
        scripts in prop::collection::vec(any_script(), 1..6),
    ) {
        let run = play(policy, cores, costs, seed, &scripts);
        // No wake-up is lost: it always ends.
        prop_assert_eq!(&run.ending, &SimulationEnd::Done);
        for (thread, script) in run.threads.iter().zip(&scripts) {
            prop_assert_eq!(thread.ticks, script.work());
            prop_assert_eq!(thread.rounds, script.rounds());
            prop_assert!(thread.ended.unwrap() <= run.elapsed);
        }
        for track in &run.recording.tracks {
            prop_assert!(track.events.is_sorted_by_key(|event| event.at));
        }
        let holds = holds(&run.recording);
        prop_assert!(holds.windows(2).all(|pair| pair[0].1 <= pair[1].0), "two at once");
        // Work is done with the lock in hand, so it cannot take less time than it needs.
        let work: u64 = scripts.iter().map(Script::work).sum();
        let held: u64 = holds.iter().map(|(from, to)| to - from).sum();
        prop_assert!(held >= work * costs.tick);
        prop_assert!(run.elapsed >= work * costs.tick);
        prop_assert_eq!(run.counters.acquisitions(), run.counters.drops());
        prop_assert_eq!(run.counters.drops(), holds.len() as u64);
        check_counters(&run);
    }

    #[test]
    fn one_seed_has_one_history(
        policy in any_policy(),
        cores in 1usize..4,
        costs in any_costs(),
        seed in any::<u64>(),
        scripts in prop::collection::vec(any_script(), 1..4),
    ) {
        let (once, again) =
            (play(policy, cores, costs, seed, &scripts), play(policy, cores, costs, seed, &scripts));
        prop_assert_eq!(once, again);
    }

    #[test]
    fn where_nothing_costs_anything_two_take_as_long_as_one_after_the_other(
        policy in any_policy(),
        cores in 1usize..4,
        quantum in prop_oneof![Just(0u64), 1_000u64..100_000],
        seed in any::<u64>(),
        ticks in (1u64..30_000, 1u64..30_000),
    ) {
        let costs = Costs { tick: 10, quantum, ..Costs::NONE };
        let pair = [Script::computes("a", ticks.0), Script::computes("b", ticks.1)];
        let run = play(policy, cores, costs, seed, &pair);
        prop_assert_eq!(run.elapsed, 10 * (ticks.0 + ticks.1));
    }

    #[test]
    fn a_run_that_is_cut_off_has_done_no_more_than_time_allows(
        policy in any_policy(),
        cores in 1usize..4,
        costs in any_costs(),
        limit in 0u64..3 * MS,
    ) {
        let _watchdog = watchdog("a simulation that is cut off", 60);
        let mut simulator = Simulator::new(policy, cores, costs, 1).unwrap();
        for name in ["a", "b", "c"] {
            simulator.spawn(Script::computes(name, u64::MAX));
        }
        let run = simulator.run(limit);
        prop_assert_eq!(run.ending, SimulationEnd::OutOfTime);
        prop_assert_eq!(run.elapsed, limit);
        let done: u64 = run.threads.iter().map(|thread| thread.ticks).sum();
        prop_assert!(done * costs.tick <= limit);
    }
}

/// What was counted is what was recorded.
fn check_counters(run: &SimulationResult) {
    let (counters, mut waited) = (run.counters, 0);
    for track in &run.recording.tracks {
        let mut since = None;
        for event in &track.events {
            match event.what {
                EventKind::Waits => since = Some(event.at),
                EventKind::Takes => waited += since.take().map_or(0, |since| event.at - since),
                _ => {}
            }
        }
    }
    let events = || run.recording.tracks.iter().flat_map(|track| &track.events);
    let count = |what| events().filter(|event| event.what == what).count() as u64;
    assert_eq!((counters.acquired_after_wait, counters.wait_ns), (count(EventKind::Waits), waited));
    assert_eq!(counters.retries, count(EventKind::FailsToTake));
    assert_eq!(counters.drop_requests, count(EventKind::Requests));
}

/// How much longer two threads take for the work of one, on so many cores.
fn battle(policy: SwitchPolicy, cores: usize) -> f64 {
    let ticks = 1_500_000;
    let elapsed = |threads: u64| {
        let script = Script::computes("cpu", ticks / threads);
        let scripts = vec![script; threads as usize];
        play(policy, cores, Costs::TYPICAL, 7, &scripts).elapsed as f64
    };
    elapsed(2) / elapsed(1)
}

#[test]
fn two_threads_of_python_2_fight_on_four_cores_and_not_on_one() {
    for policy in [SwitchPolicy::PYTHON_2, SwitchPolicy::PYTHON_2_LINUX] {
        let (one, two, four) = (battle(policy, 1), battle(policy, 2), battle(policy, 4));
        assert!((0.99..1.1).contains(&one), "{policy} on one core: {one}");
        assert!(two > 1.3, "{policy} on two cores: {two}");
        assert!(four > 1.3, "{policy} on four cores: {four}");
    }
}

#[test]
fn python_3_2_cures_the_battle_on_any_machine() {
    for cores in [1, 2, 4, 64] {
        let ratio = battle(SwitchPolicy::PYTHON_3_2, cores);
        assert!((0.99..1.05).contains(&ratio), "on {cores} cores: {ratio}");
    }
}

#[test]
fn dearer_interrupts_make_a_worse_battle() {
    let lasts = |interrupt| {
        let costs = Costs { interrupt, jitter: 0, ..Costs::TYPICAL };
        let pair = ["a", "b"].map(|name| Script::computes(name, 500_000));
        play(SwitchPolicy::PYTHON_2, 4, costs, 7, &pair).elapsed
    };
    assert!(lasts(0) < lasts(5_000) && lasts(5_000) < lasts(20_000));
}

#[test]
fn a_check_comes_every_hundred_and_one_ticks() {
    // Conformance scenario 2: 10,100 counted instructions, exactly 100 checks.
    let run = play(SwitchPolicy::PYTHON_2, 4, Costs::NONE, 0, &[Script::computes("a", 10_100)]);
    assert_eq!(run.counters.tick_drops, 100);
}

#[test]
fn one_thread_alone_is_never_asked_and_never_sleeps() {
    // Conformance scenario 3.
    let script = Script::computes("a", 100_000_000);
    let run = play(SwitchPolicy::PYTHON_3_2, 4, Costs::TYPICAL, 0, &[script]);
    assert_eq!((run.counters.switches, run.counters.drop_requests), (1, 0));
    assert_eq!((run.counters.sleeps, run.counters.wakes), (0, 0));
}

#[test]
fn a_thread_that_was_forced_comes_back_after_another() {
    // Conformance scenario 4.
    let pair = ["a", "b"].map(|name| Script::computes(name, 10_000_000));
    let run = play(SwitchPolicy::PYTHON_3_2, 2, Costs::TYPICAL, 0, &pair);
    assert!(run.counters.forced_drops > 20, "{:?}", run.counters);
    // The first acquisition, one for each drop on request, and the last hold of the loser.
    let switches = run.counters.switches - 1 - run.counters.forced_drops;
    assert!(switches <= 1, "{:?}", run.counters);
    let longest = holds(&run.recording).iter().map(|(from, to)| to - from).max().unwrap();
    assert!(longest < 6 * MS || run.counters.forced_drops == 0, "{longest}");
}

#[test]
fn a_convoy_costs_an_interval_a_request_and_priority_cures_it() {
    let echo = [
        Act::Await { time: 60_000 },
        Act::Compute { ticks: 300 },
        Act::Call { time: 10_000 },
        Act::Compute { ticks: 100 },
    ];
    let requests = |policy, cores, burners| {
        let mut simulator = Simulator::new(policy, cores, Costs::TYPICAL, 7).unwrap();
        simulator.spawn(Script::new("echo", u64::MAX, &echo));
        (0..burners).for_each(|_| simulator.spawn(Script::computes("cpu", u64::MAX)));
        simulator.run(500 * MS).threads[0].rounds
    };
    for cores in [1, 2, 64] {
        let idle = requests(SwitchPolicy::PYTHON_3_10, cores, 0);
        let beside = requests(SwitchPolicy::PYTHON_3_10, cores, 1);
        // 5 ms of waiting for one of the two calls of a request; the other call is over before the
        // computing thread is back.
        assert!(idle > 4_000 && (80..=100).contains(&beside), "{cores}: {idle} {beside}");
        assert!(requests(SwitchPolicy::PRIORITY, cores, 1) > 20 * beside);
    }
    // Python 2's ticks let the server in soon: on one core at once, on two when it wins a race.
    let old = |cores| requests(SwitchPolicy::PYTHON_2_LINUX, cores, 1);
    assert!(old(1) > 4_000 && (500..3_000).contains(&old(2)), "{} {}", old(1), old(2));
}

#[test]
fn calls_without_the_lock_use_as_many_cores_as_there_are() {
    let hashes = [Act::Call { time: MS }, Act::Compute { ticks: 10 }];
    let elapsed = |cores| {
        let scripts = vec![Script::new("hash", 20, &hashes); 4];
        play(SwitchPolicy::PYTHON_3_10, cores, Costs::TYPICAL, 3, &scripts).elapsed
    };
    let (one, four, many) = (elapsed(1), elapsed(4), elapsed(64));
    assert!(one > 80 * MS && four < 25 * MS && many < 25 * MS, "{one} {four} {many}");
}

#[test]
fn no_machine_without_cores_and_none_beyond_the_greatest() {
    for cores in [0, MAX_CORES + 1] {
        let refused = Simulator::new(SwitchPolicy::FAIR, cores, Costs::NONE, 0).unwrap_err();
        assert_eq!(refused, NoSuchMachine(cores));
        assert!(refused.to_string().contains("use 1 to 1024"), "{refused}");
    }
}

#[test]
fn costs_that_are_written_can_be_read_and_others_are_refused() {
    for costs in [Costs::NONE, Costs::TYPICAL, Costs { wake: 1_234_567, ..Costs::TYPICAL }] {
        assert_eq!(costs.to_string().parse(), Ok(costs));
    }
    for text in [
        "",
        "wake",
        "wake=",
        "wake=5",
        "wake=5s",
        "walk=5ns",
        "jitter=101%",
        "jitter=5",
        "wake=99999999999999999999ms",
        "wake=10001ms",
    ] {
        let refused = text.parse::<Costs>().unwrap_err().to_string();
        assert!(refused.contains("wake=20us") && !refused.contains('\n'), "{text}: {refused}");
    }
}

/// Two machines that did nothing but switch: whoever woke displaced the holder before its first tick.
#[test]
fn nobody_is_displaced_on_the_way_to_its_core() {
    let script = |rounds, acts: &[Act]| Script::new("any", rounds, acts);
    let every = |policy: SwitchPolicy, micros| {
        policy.with_check(Check::OnRequest { interval: Duration::from_micros(micros) }).unwrap()
    };
    let costs = Costs { tick: 30, uncontended: 19_859, contended: 193, signal: 0, ..Costs::NONE };
    let costs = Costs { interrupt: 21_224, wake: 38, switch: 33_055, quantum: 36_007, ..costs };
    let scripts = [
        script(0, &[Act::Sleep { time: 1 }]),
        script(2, &[Act::Call { time: 9_241 }]),
        script(2, &[Act::Packet { first: 9_607, period: 44_683 }, Act::Compute { ticks: 1_789 }]),
        script(5, &[Act::Sleep { time: 73_536 }, Act::Packet { first: 18_317, period: 55_848 }]),
    ];
    let costs = Costs { jitter: 12, ..costs };
    let policy = every(SwitchPolicy::PYTHON_3_14, 18);
    let run = play(policy, 2, costs, 10_642_648_044_976_626_943, &scripts);
    assert_eq!(run.ending, SimulationEnd::Done);

    let costs = Costs { tick: 20, uncontended: 169, contended: 0, signal: 9_258, ..Costs::NONE };
    let costs = Costs { interrupt: 6_929, wake: 0, switch: 29_902, quantum: 175_130, ..costs };
    let scripts = [
        script(
            4,
            &[
                Act::Compute { ticks: 3_198 },
                Act::Packet { first: 15_809, period: 27_556 },
                Act::Call { time: 17_118 },
            ],
        ),
        script(
            2,
            &[
                Act::Sleep { time: 50_624 },
                Act::Await { time: 11_009 },
                Act::Compute { ticks: 3_314 },
            ],
        ),
        script(2, &[Act::Call { time: 17_908 }, Act::Compute { ticks: 1_260 }]),
        script(2, &[Act::Packet { first: 48_788, period: 68_992 }, Act::Await { time: 21_232 }]),
    ];
    let costs = Costs { jitter: 57, ..costs };
    let run =
        play(every(SwitchPolicy::PYTHON_3_13, 34), 2, costs, 8_409_546_775_835_443_026, &scripts);
    assert_eq!(run.ending, SimulationEnd::Done);
}
