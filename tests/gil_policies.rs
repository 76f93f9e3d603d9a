//! The policies as they are named, written and read: each Python's preset, a policy of one's own, what
//! a switch point asks for under each, what the machine asks of each, and the calls that wait for a thread.

use singletrack::gil::rules::decision::{
    Decision, DropReason, Next, Refusal, SleepReason, ThreadId,
};
use singletrack::gil::rules::machine::Machine;
use singletrack::gil::rules::pending::{CAPACITY, Full, Pending};
use singletrack::gil::rules::policy::MAX_INTERVAL;
use singletrack::gil::rules::policy::{
    Check, DropFlag, HandOff, PointCheck, PolicyError, Substrate, SwitchPolicy,
};
use singletrack::gil::rules::threading::check_at;
use singletrack::gil::{AttachError, SwitchPoint, SwitchPoints, Threading};
use std::time::Duration;

/// The choices of every CPython, from its sources and from what was measured (`gil fidelity`), and
/// the sets of `ceval.c`'s checks: numbers that a reader may look up.
#[test]
fn each_python_has_the_preset_of_its_time() {
    let old = "python-2-linux";
    let pythons = [("2.3", old), ("2.7", old), ("3.0", old), ("3.1", old), ("3.2", "python-3.2")];
    let newer = [("3.9", "python-3.2"), ("3.10", "python-3.10"), ("3.11", "python-3.11")];
    let newest =
        [("3.12.1", "python-3.13"), ("python-3.13", "python-3.13"), ("3.14", "python-3.14")];
    let last = [("3.13.7", "python-3.13"), ("3.15", "python-3.15")];
    for (version, preset) in pythons.into_iter().chain(newer).chain(newest).chain(last) {
        let policy: SwitchPolicy = version.parse().unwrap();
        assert_eq!((policy.name(), policy.to_string().as_str()), (Some(preset), preset));
    }
    for (name, policy) in SwitchPolicy::PRESETS {
        assert_eq!((name.parse(), policy.name()), (Ok(policy), Some(name)));
        assert_eq!(format!("{policy:>20}"), format!("{name:>20}"), "it can be aligned");
    }
    for unknown in
        ["1.5", "2.2", "2.8", "3.16", "4.0", "3", "3.x", "3.12.x", "", "python-", "fairer"]
    {
        let error = unknown.parse::<SwitchPolicy>().unwrap_err();
        assert_eq!(error, PolicyError::Unknown(unknown.to_owned()));
        assert!(error.to_string().contains("use one of python-2, python-2-linux"), "{error}");
    }
}

/// The table of `gil/rules/presets.rs`.
#[test]
fn each_preset_makes_the_choices_of_its_table() {
    use {DropFlag::*, HandOff::*, Substrate::*};
    let (ticks, every) = (Check::EveryTicks(100), SwitchPoints::EVERY);
    let five_ms = Check::OnRequest { interval: Duration::from_millis(5) };
    let table = [
        ("python-2", ticks, Race, every, MutexCondvar, Shared),
        ("python-2-linux", ticks, Race, every, Semaphore, Shared),
        ("python-3.2", five_ms, Forced, every, MutexCondvar, Shared),
        ("python-3.10", five_ms, Forced, SwitchPoints::PYTHON_3_10, MutexCondvar, Shared),
        ("python-3.11", five_ms, Forced, SwitchPoints::PYTHON_3_11, MutexCondvar, Shared),
        ("python-3.13", five_ms, Forced, SwitchPoints::PYTHON_3_13, MutexCondvar, Holder),
        ("python-3.14", five_ms, Forced, SwitchPoints::PYTHON_3_14, MutexCondvar, Holder),
        ("python-3.15", five_ms, Forced, SwitchPoints::PYTHON_3_13, MutexCondvar, Holder),
        ("no-force", five_ms, Race, every, MutexCondvar, Shared),
        ("fair", five_ms, Fifo, every, MutexCondvar, Shared),
        ("priority", five_ms, Priority, every, MutexCondvar, Shared),
    ];
    let choices = SwitchPolicy::PRESETS
        .map(|(name, p)| (name, p.check(), p.hand_off(), p.checkpoints(), p.substrate(), p.flag()));
    assert_eq!(choices, table);
}

#[test]
fn the_switch_points_of_a_set_are_its_checkpoints() {
    let told = [
        (SwitchPoints::EVERY, "every op"),
        (
            SwitchPoints::PYTHON_3_10,
            "back edge, jump forward, enter, comprehension, C call, fast C call, return",
        ),
        (SwitchPoints::PYTHON_3_11, "back edge, enter, comprehension, C call"),
        (SwitchPoints::PYTHON_3_13, "back edge, enter, C call"),
        (SwitchPoints::PYTHON_3_14, "back edge, enter, C call, with"),
        (SwitchPoints::of(&[]), "back edge"),
        (SwitchPoints::of(&[SwitchPoint::Straight]), "straight line, back edge"),
    ];
    for (set, words) in told {
        assert_eq!(set.to_string(), words);
    }
    for point in SwitchPoint::ALL {
        let has = |other| SwitchPoints::of(&[point]).contains(other);
        let back = SwitchPoint::BackEdge;
        assert!(SwitchPoint::ALL.iter().all(|&other| has(other) == [point, back].contains(&other)));
        let counted = SwitchPolicy::PYTHON_2;
        assert_eq!(check_at(&counted, point, true), PointCheck::Count);
        assert_eq!(check_at(&counted, point, false), PointCheck::Nothing);
        let asked = SwitchPolicy::PYTHON_3_13;
        let looks = SwitchPoints::PYTHON_3_13.contains(point);
        let expected = if looks { PointCheck::AtRequest } else { PointCheck::Nothing };
        assert_eq!((asked.at(point), check_at(&asked, point, false)), (expected, expected));
        let threading = Threading::from(asked);
        assert_eq!(threading.may_switch(point, true), looks);
        assert!(!Threading::from(counted).may_switch(point, false));
        assert!(Threading::Free.may_switch(point, false));
    }
}

#[test]
fn with_a_lock_or_without_is_a_matter_of_the_name() {
    for name in ["free-threaded", "3.13t", "3.14t", "python-3.15t"] {
        assert_eq!(name.parse(), Ok(Threading::Free));
    }
    let policy = Threading::Gil(SwitchPolicy::FAIR);
    assert_eq!((policy.to_string().as_str(), "fair".parse()), ("fair", Ok(policy)));
    assert_eq!((policy.hand_off(), Threading::Free.hand_off()), (Some(HandOff::Fifo), None));
    assert_eq!(format!("{:>15}", Threading::Free), "  free-threaded");
    for unknown in ["3.12t", "2.7t", "free", "t"] {
        let error = unknown.parse::<Threading>().unwrap_err().to_string();
        assert!(error.contains(unknown) && error.ends_with(", 3.14t or free-threaded"), "{error}");
    }
}

#[test]
fn a_policy_of_ones_own_is_spelled_out_and_a_known_one_is_called_by_its_name() {
    let all = SwitchPoints::EVERY;
    let (ticks, second) = (Check::EveryTicks(7), Duration::from_secs(1));
    let on_request = Check::OnRequest { interval: second };
    let told = [
        (
            ticks,
            HandOff::Race,
            Substrate::MutexCondvar,
            "every 7 ticks, race, every op, mutex+condvar",
        ),
        (
            on_request,
            HandOff::Forced,
            Substrate::Semaphore,
            "on request after 1s, forced, every op, semaphore",
        ),
        (ticks, HandOff::Fifo, Substrate::Semaphore, "every 7 ticks, fifo, every op, semaphore"),
        (
            ticks,
            HandOff::Priority,
            Substrate::MutexCondvar,
            "every 7 ticks, priority, every op, mutex+condvar",
        ),
    ];
    for (check, hand_off, substrate, words) in told {
        let policy = SwitchPolicy::new(check, hand_off, all, substrate).unwrap();
        assert_eq!((policy.to_string(), policy.name()), (format!("{words}, shared flag"), None));
        let holder = policy.with_flag(DropFlag::Holder);
        assert_eq!(holder.to_string(), format!("{words}, holder's flag"));
        assert_eq!((holder.check(), holder.hand_off()), (check, hand_off));
        assert_eq!((holder.checkpoints(), holder.substrate()), (all, substrate));
        assert_eq!((holder.flag(), policy.flag()), (DropFlag::Holder, DropFlag::Shared));
    }
    let own = SwitchPolicy::PYTHON_2.with_check(ticks).unwrap();
    let back = own.with_check(Check::EveryTicks(100)).unwrap();
    assert_eq!((own.name(), back), (None, SwitchPolicy::PYTHON_2));
    assert_eq!(SwitchPolicy::PYTHON_3_13.with_flag(DropFlag::Holder), SwitchPolicy::PYTHON_3_13);
}

#[test]
fn each_refusal_names_its_reason() {
    let second = Duration::from_secs(1);
    let said = [
        (PolicyError::Ticks(0).to_string(), "a check every 0 ticks is out of range: use 1 to"),
        (
            PolicyError::Interval(Duration::ZERO).to_string(),
            "a switch interval of 0ns is out of range",
        ),
        (PolicyError::NoInterval.to_string(), "has no switch interval"),
        (PolicyError::NoTicks.to_string(), "has no check interval"),
        (AttachError::Nested.to_string(), "attached already"),
        (AttachError::Finalised.to_string(), "was finalised"),
        (AttachError::TimedOut(second).to_string(), "not free within 1s"),
        (AttachError::Forked { made_in: 7, here: 8 }.to_string(), "made in process 7"),
        (AttachError::ThreadEnding.to_string(), "this thread is ending"),
        (AttachError::Interrupted.to_string(), "was interrupted"),
        (Full.to_string(), "wait for the main thread already"),
    ];
    for (text, words) in said {
        assert!(text.contains(words), "{text}");
    }
    assert!(Full.to_string().starts_with(&CAPACITY.to_string()));
}

const INTERVAL: u64 = 5_000_000;

/// Why a thread that wants the lock sleeps.
fn sleeps(decision: Decision) -> SleepReason {
    match decision.next {
        Next::Sleep { why, .. } => why,
        other => panic!("should sleep, not {other:?}"),
    }
}

/// A lock that `a` holds, a thread of the CPU class: it has been asked and dropped it, and is back.
fn held_by_a_thread_that_computes(policy: SwitchPolicy) -> (Machine, ThreadId) {
    let mut machine = Machine::new(policy);
    let (a, b) = (machine.joins(), machine.joins());
    let _ = (machine.wants(a, 0), machine.wants(b, 0), machine.timed_out(b, INTERVAL));
    let _ = machine.drops(a, DropReason::Request, INTERVAL).unwrap();
    let _ = machine.woken(b, INTERVAL);
    let _ = machine.drops(b, DropReason::Voluntary, INTERVAL).unwrap();
    assert!(matches!(machine.wants(a, INTERVAL).next, Next::Run { switched: true }));
    assert!(machine.dies(b).is_none());
    (machine, a)
}

#[test]
fn only_where_threads_that_block_are_preferred_and_may_ask_does_one_ask_at_once() {
    let ticks = Check::EveryTicks(100);
    let counting = SwitchPolicy::PRESETS.map(|(_, policy)| policy.with_check(ticks).unwrap());
    for policy in SwitchPolicy::PRESETS.map(|(_, policy)| policy).into_iter().chain(counting) {
        let (mut machine, _) = held_by_a_thread_that_computes(policy);
        let newcomer = machine.joins();
        let asks = policy == SwitchPolicy::PRIORITY;
        let why = if asks { SleepReason::Asked } else { SleepReason::Busy };
        assert_eq!(sleeps(machine.wants(newcomer, INTERVAL)), why, "{policy}");
        assert_eq!(machine.drop_requested(), asks, "{policy}");
    }
}

#[test]
fn the_lock_is_left_to_its_last_holder_where_nobody_could_tell() {
    for (name, policy) in SwitchPolicy::PRESETS {
        let (mut machine, a) = held_by_a_thread_that_computes(policy);
        // Where threads that block are preferred, it matters how a thread that computes drops it.
        let told = machine.undisturbed();
        assert_eq!(told, Some(a).filter(|_| name != "priority"), "{name}");
        let _ = machine.drops(a, DropReason::Voluntary, INTERVAL).unwrap();
        assert_eq!(machine.undisturbed(), Some(a), "{name}: it has blocked");
    }
    let mut machine = Machine::new(SwitchPolicy::PRIORITY);
    let a = machine.joins();
    let _ = machine.wants(a, 0);
    let _ = machine.drops(a, DropReason::Tick, 1).unwrap();
    assert_eq!(machine.undisturbed(), Some(a), "nobody had asked it to go");
}

#[test]
fn a_request_is_for_one_holder_and_a_sleep_that_is_disturbed_goes_on() {
    let mut machine = Machine::new(SwitchPolicy::NO_FORCE);
    let [a, b, c] = [(); 3].map(|()| machine.joins());
    let _ = (machine.wants(a, 0), machine.wants(b, 0), machine.wants(c, 3));
    let early = Next::Sleep { until: Some(INTERVAL), why: SleepReason::Early };
    assert_eq!(machine.woken(b, 7).next, early, "nobody has woken it");
    let _ = machine.timed_out(b, INTERVAL);
    assert_eq!(machine.drops(a, DropReason::Voluntary, INTERVAL).unwrap().wake, Some(b));
    assert!(!machine.drop_requested(), "there is no holder to be asked");
    let _ = machine.wants(a, INTERVAL);
    assert_eq!(machine.gives_up(b), None, "the lock is taken: there is nothing to wake c for");
    assert_eq!((machine.gives_up(c), machine.waiting()), (None, 0));
    let _ = machine.drops(a, DropReason::Voluntary, INTERVAL).unwrap();
    assert!(machine.dies(b).is_none());
    assert_eq!(machine.wants(b, INTERVAL), refused(), "a thread that has left");
}

fn refused() -> Decision {
    Decision { next: Next::Refused(Refusal::Finalised), wake: None }
}

#[test]
fn the_calls_of_a_main_thread_that_died_are_left_to_the_next() {
    let mut machine = Machine::new(SwitchPolicy::PYTHON_2);
    let (main, other) = (machine.joins(), machine.joins());
    let mut pending = Pending::default();
    pending.set_main(main);
    pending.add("SIGINT").unwrap();
    pending.forgets(other);
    assert_eq!(pending.main(), Some(main));
    pending.forgets(main);
    assert_eq!(
        (pending.main(), pending.begins(main)),
        (None, false),
        "its number is another's now"
    );
    pending.set_main(other);
    assert!(pending.begins(other));
    assert_eq!(pending.next(), Some("SIGINT"));
}

#[test]
fn the_longest_interval_and_the_greatest_count_are_allowed() {
    let with = |check| SwitchPolicy::FAIR.with_check(check).map(|policy| policy.check());
    let day = Check::OnRequest { interval: Duration::from_secs(86_400) };
    assert_eq!(with(day), Ok(day));
    let more = MAX_INTERVAL + Duration::from_nanos(1);
    assert_eq!(with(Check::OnRequest { interval: more }), Err(PolicyError::Interval(more)));
    assert_eq!(with(Check::EveryTicks(1 << 31)), Err(PolicyError::Ticks(1 << 31)));
}
