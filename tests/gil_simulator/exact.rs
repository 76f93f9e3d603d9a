//! To the nanosecond: short histories that can be worked out with pencil and paper.

use super::{Act, Check, Costs, Duration, Script, SimulationEnd, SimulationResult, Simulator};
use super::{SwitchPolicy, play};
use singletrack::gil::{HandOff, Substrate, SwitchPoints, Track};
use std::collections::BTreeSet;

/// No two of these are alike, so a cost that is charged for another shows.
const COSTS: Costs = Costs {
    tick: 10,
    uncontended: 1,
    contended: 3,
    signal: 50,
    interrupt: 70,
    wake: 200,
    switch: 20,
    quantum: 0,
    jitter: 0,
};

fn asks_after(policy: SwitchPolicy, nanos: u64) -> SwitchPolicy {
    policy.with_check(Check::OnRequest { interval: Duration::from_nanos(nanos) }).unwrap()
}

/// What happened, one event a line, by time.
fn diary(run: &SimulationResult) -> Vec<String> {
    let tracks = &run.recording.tracks;
    let of_track = |track: &Track| {
        let name = track.name.clone();
        track
            .events
            .iter()
            .map(move |event| (event.at, name.clone(), event.what))
            .collect::<Vec<_>>()
    };
    let mut events: Vec<_> = tracks.iter().flat_map(of_track).collect();
    events.sort_by_key(|event| event.0);
    events.iter().map(|(at, name, what)| format!("{at} {name} {what:?}")).collect()
}

fn ends(run: &SimulationResult) -> Vec<u64> {
    run.threads.iter().map(|thread| thread.ended.expect("all have ended")).collect()
}

#[test]
fn a_forced_switch_costs_what_each_of_its_steps_costs() {
    let policy = asks_after(SwitchPolicy::PYTHON_3_2, 1_000);
    let pair = [Script::computes("a", 300), Script::computes("b", 100)];
    let run = play(policy, 2, COSTS, 7, &pair);
    let told = [
        "3 a Takes",
        "3 b Waits",
        "1206 b Requests", // an interval, a wake-up, and the lock is looked at
        "1216 a DropsOnRequest", // the end of a's 121st tick, and the lock is dropped
        "1339 a Waits",    // a signal and an interrupt, and the lock is looked at
        "1539 b Takes",    // a wake-up, and the lock is taken
        "2542 a Requests", // an interval after it went to sleep, and after b came, as it turns out
        "2542 b DropsVoluntarily", // 100 ticks: it had nobody to wake when it came
        "2865 a Takes",
        "4776 a DropsVoluntarily", // b is told, 120; the other 179 ticks; nobody uses the lock any more
    ];
    assert_eq!(diary(&run), told);
    // Each waits twice, once of them after it has asked; a's first sleep is for the switch, too. And b,
    // which was asked the moment before it drops the lock for good, waits until a has come.
    assert_eq!((run.counters.sleeps, run.counters.wakes), (5, 3));
    assert_eq!((run.counters.wait_ns, ends(&run)), (1536 + 1526, vec![4776, 3185]));
    assert_eq!(run.events, 24, "what was cancelled does not count");
    // Where only every third tick is a checkpoint, the 123rd is the one.
    let run = play(asks_after(SwitchPolicy::PYTHON_3_10, 1_000), 2, COSTS, 7, &pair);
    assert_eq!(diary(&run)[3], "1236 a DropsOnRequest");
}

#[test]
fn a_condition_variables_mutex_is_in_the_way_of_others_while_its_owner_signals() {
    let takes = |substrate| {
        let (ticks, every) = (Check::EveryTicks(29), SwitchPoints::EVERY);
        let policy = SwitchPolicy::new(ticks, HandOff::Race, every, substrate).unwrap();
        let calls = [Act::Call { time: 650 }, Act::Compute { ticks: 4 }];
        let scripts =
            [Script::new("c", 1, &calls), Script::computes("a", 50), Script::computes("b", 20)];
        let run = play(policy, 3, COSTS, 7, &scripts);
        let (mut diary, mut own) = (diary(&run), diary(&run));
        diary.retain(|line| line.ends_with("a DropsAtTick"));
        own.retain(|line| line.ends_with("c Takes"));
        (diary[1].clone(), own[1].clone())
    };
    // c comes back in the middle of a's signal. The lock is free, the mutex is not.
    let dropped = "756 a DropsAtTick".to_owned();
    assert_eq!(takes(Substrate::MutexCondvar), (dropped.clone(), "876 c Takes".to_owned()));
    assert_eq!(takes(Substrate::Semaphore), (dropped, "777 c Takes".to_owned()));
}

#[test]
fn a_signal_costs_an_interrupt_only_if_a_core_idles() {
    let policy = SwitchPolicy::PYTHON_2.with_check(Check::EveryTicks(1_000)).unwrap();
    let pair = [Script::computes("a", 150), Script::computes("b", 10)];
    let run = play(policy, 1, Costs { quantum: 1_000, ..COSTS }, 7, &pair);
    let told = [
        "3 a Takes",
        "4 a DropsAtTick",
        "5 a Takes",
        "1023 b Waits", // a's time slice, a switch, and the lock is looked at
        "1551 a DropsVoluntarily",
        "1624 b Takes", // a signal, a switch, and the lock is taken
    ];
    assert_eq!(diary(&run)[..6], told);
}

#[test]
fn an_act_that_blocks_ends_when_it_says_and_one_whose_time_has_come_does_not_block() {
    let work = Act::Compute { ticks: 1 };
    let call = Act::Call { time: 40 };
    // It has taken and dropped the lock at 4, and takes and drops it once more at its end.
    for (acts, elapsed) in [
        (vec![Act::Sleep { time: 1_000 }], 4 + 1_000 + 200 + 2),
        (vec![Act::Sleep { time: 0 }, work], 4 + 1 + 10 + 1),
        (vec![Act::Packet { first: 500, period: 1 }], 500 + 200 + 2),
        (vec![Act::Packet { first: 4, period: 1 }], 4 + 2),
        (vec![Act::Packet { first: 0, period: 1 }], 4 + 2),
        (vec![call], 4 + 40 + 2),
        (vec![call, Act::Await { time: 0 }], 4 + 40 + 2 + 2),
        (vec![call, Act::Await { time: 2 }], 4 + 40 + 2 + 2),
        (vec![call, Act::Await { time: 100 }], 4 + 40 + 100 + 200 + 2),
    ] {
        let run = play(SwitchPolicy::FAIR, 1, COSTS, 7, &[Script::new("any", 1, &acts)]);
        assert_eq!(run.elapsed, elapsed, "{acts:?}");
    }
}

#[test]
fn a_wake_up_is_early_or_late_by_as_much_as_the_jitter_says() {
    let costs = Costs { wake: 100, jitter: 3, ..Costs::NONE };
    let sleeps = [Script::new("any", 1, &[Act::Sleep { time: 10 }])];
    let elapsed = |seed| play(SwitchPolicy::FAIR, 1, costs, seed, &sleeps).elapsed - 10;
    assert_eq!((0..300).map(elapsed).collect::<BTreeSet<u64>>(), (97..=103).collect());
}

#[test]
fn of_two_that_are_due_at_one_moment_the_one_that_was_scheduled_first_comes_first() {
    let late = [Act::Call { time: 20 }, Act::Sleep { time: 80 }, Act::Compute { ticks: 5 }];
    let early = [Act::Sleep { time: 100 }, Act::Compute { ticks: 5 }];
    let scripts = [Script::new("late", 1, &late), Script::new("early", 1, &early)];
    assert_eq!(ends(&play(SwitchPolicy::FAIR, 2, Costs::NONE, 7, &scripts)), [110, 105]);
}

#[test]
fn a_sleep_that_was_cut_short_does_not_end_the_next_one() {
    let policy = asks_after(SwitchPolicy::PYTHON_3_2, 1_000);
    let sleeps = Script::new("sleeps", 1, &[Act::Sleep { time: 5_000 }]);
    let run = play(policy, 2, Costs::NONE, 7, &[Script::computes("a", 500), sleeps]);
    // It is given the lock at 500, so the interval that would have ended at 1,000 does not.
    assert_eq!(ends(&run), [500, 5_500]);
}

#[test]
fn whoever_loses_its_core_goes_on_where_it_was_and_a_new_slice_is_a_whole_one() {
    let costs = Costs { quantum: 100, ..Costs::NONE };
    let calls = |time| Script::new("calls", 1, &[Act::Call { time }]);
    assert_eq!(ends(&play(SwitchPolicy::FAIR, 1, costs, 7, &[calls(250), calls(250)])), [450, 500]);
    // The sleeper displaces the other at 60, when 40 are left of the other's slice.
    let sleeps = Script::new("sleeps", 1, &[Act::Sleep { time: 60 }, Act::Call { time: 80 }]);
    assert_eq!(ends(&play(SwitchPolicy::FAIR, 1, costs, 7, &[sleeps, calls(1_000)])), [140, 1_080]);
}

#[test]
fn nobody_is_displaced_until_it_has_been_switched_to_with_all_the_jitter_there_may_be() {
    let costs = Costs { switch: 1_000, quantum: 1_000, jitter: 50, ..Costs::NONE };
    let calls = Script::new("calls", 1, &[Act::Call { time: 5_000 }]);
    let end_of_sleeper = |time| {
        let sleeps = Script::new("sleeps", 1, &[Act::Sleep { time }]);
        ends(&play(SwitchPolicy::FAIR, 1, costs, 7, &[calls.clone(), sleeps]))[1]
    };
    // The call has its core back at 2,000 and works from 3,000 on, to the end of its slice at 4,000.
    assert_eq!(end_of_sleeper(1_400), 5_000);
    assert_eq!(end_of_sleeper(1_501), 2_000 + 1_501 + 1_000);
}

#[test]
fn when_all_that_time_their_waits_are_gone_one_of_the_others_does() {
    let short = |_| Script::computes("short", 10);
    let mut scripts: Vec<Script> = (0..17).map(short).collect();
    scripts.extend([Script::computes("long", 100_000), short(0)]);
    let run = play(asks_after(SwitchPolicy::PYTHON_3_2, 1_000), 32, Costs::NONE, 7, &scripts);
    // Its first interval ends under another holder than it began.
    assert_eq!((run.counters.forced_drops, ends(&run)[18]), (1, 2 * 1_000 + 10));
}

#[test]
fn a_check_comes_after_so_many_checkpoints_however_many_ticks_lie_between() {
    let (ticks, points) = (Check::EveryTicks(100), SwitchPoints::PYTHON_3_10);
    let policy = SwitchPolicy::new(ticks, HandOff::Race, points, Substrate::Semaphore).unwrap();
    let checks = |ticks| {
        let run = play(policy, 1, Costs::NONE, 7, &[Script::computes("a", ticks)]);
        run.counters.tick_drops
    };
    assert_eq!((checks(30_300), checks(30_301)), (100, 101));
}

#[test]
fn a_run_ends_at_its_limit_with_all_that_is_due_by_then_and_all_ticks_that_are_whole() {
    let run = |limit| {
        let mut simulator =
            Simulator::new(SwitchPolicy::FAIR, 1, Costs { tick: 10, ..Costs::NONE }, 7).unwrap();
        simulator.spawn(Script::computes("a", 200));
        let run = simulator.run(limit);
        (run.ending, run.elapsed, run.threads[0].ticks)
    };
    assert_eq!(run(1_009), (SimulationEnd::OutOfTime, 1_009, 100));
    assert_eq!(run(1_999), (SimulationEnd::OutOfTime, 1_999, 199));
    assert_eq!(run(2_000), (SimulationEnd::Done, 2_000, 200));
}

#[test]
fn each_thread_has_its_name_and_as_many_of_its_last_events_as_were_asked_for() {
    for kept in [0, 3, 100] {
        let mut simulator = Simulator::new(SwitchPolicy::PYTHON_2, 1, Costs::NONE, 7).unwrap();
        simulator.record(kept);
        ["a", "b"].into_iter().for_each(|name| simulator.spawn(Script::computes(name, 300)));
        let run = simulator.run(u64::MAX);
        for (number, name) in ["a", "b"].into_iter().enumerate() {
            assert_eq!(run.threads[number].name, name);
            let track = &run.recording.tracks[number];
            assert_eq!((track.name.as_str(), track.tid), (name, number as u32 + 1));
            assert_eq!(
                track.events.len(),
                kept.min(8),
                "three checks, and the lock is dropped at the end"
            );
            assert_eq!(track.dropped as usize, 8 - track.events.len());
        }
        let first = diary(&run).first().cloned();
        assert_eq!(first.is_none(), kept == 0);
    }
    assert_eq!(Script::computes("cpu", 1).name(), "cpu");
}

#[test]
fn costs_are_written_in_the_largest_unit_that_is_whole() {
    let typical = "tick=12ns,uncontended=10ns,contended=100ns,signal=1us,interrupt=4us,wake=20us,\
                   switch=2us,quantum=3ms,jitter=30%";
    assert_eq!(Costs::TYPICAL.to_string(), typical);
    let odd = Costs { wake: 2_500, quantum: 1_500_000, ..Costs::NONE };
    assert_eq!(odd.to_string().split(',').nth(5), Some("wake=2500ns"));
    assert_eq!(odd.to_string().split(',').nth(7), Some("quantum=1500us"));
}

/// A thread that dropped the lock on request waits for it from the switch on. Here it is busy for longer
/// than its interval before it sleeps: with the wake-up of the other.
#[test]
fn a_sleep_whose_time_is_over_before_it_begins_does_not_turn_time_back() {
    let interval = Duration::from_micros(1);
    let policy = SwitchPolicy::PYTHON_3_2.with_check(Check::OnRequest { interval }).unwrap();
    let costs = Costs { contended: 22, signal: 42, interrupt: 38_654, switch: 5, ..Costs::NONE };
    let costs = Costs { quantum: 1_353, ..costs };
    let compute = |ticks| Script::new("any", 2, &[Act::Compute { ticks }]);
    let waits = [Act::Await { time: 18_105 }, Act::Compute { ticks: 1 }];
    let scripts = [compute(3_229), compute(3_926), Script::new("any", 2, &waits)];
    let run = play(policy, 2, costs, 0, &scripts);
    assert_eq!(run.ending, SimulationEnd::Done);
    for track in &run.recording.tracks {
        assert!(track.events.is_sorted_by_key(|event| event.at), "{track:?}");
    }
}

/// A slice that would have ended later, or an interval, was cancelled when the last thread ended.
#[test]
fn what_was_cancelled_moves_no_clock() {
    let run = |limit, interval| {
        let policy = SwitchPolicy::PYTHON_3_2.with_check(Check::OnRequest { interval }).unwrap();
        let mut simulator = Simulator::new(policy, 2, Costs::TYPICAL, 7).unwrap();
        simulator.record(100);
        simulator.spawn(Script::computes("a", 1000));
        simulator.spawn(Script::computes("b", 1000));
        let run = simulator.run(limit);
        assert_eq!(run.ending, SimulationEnd::Done);
        assert_eq!(run.recording.until, run.elapsed);
        run.elapsed
    };
    let day = Duration::from_secs(86_400);
    let elapsed = run(u64::MAX, day);
    assert_eq!((run(1_000_000, day), run(elapsed, Duration::from_millis(5))), (elapsed, elapsed));
}
