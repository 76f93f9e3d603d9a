//! The policies as they are named, written and read: each Python's preset, a policy of one's own, what
//! a switch point asks for under each, and the calls that wait for a thread.

use singletrack::gil::rules::pending::{CAPACITY, Full};
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
    let pythons = [("1.5", old), ("2.7", old), ("3.0", old), ("3.1", old), ("3.2", "python-3.2")];
    let newer = [("3.9", "python-3.2"), ("3.10", "python-3.10"), ("3.11", "python-3.11")];
    let newest =
        [("3.12.1", "python-3.11"), ("python-3.13", "python-3.13"), ("3.14", "python-3.14")];
    let last = [("3.15", "python-3.15")];
    for (version, preset) in pythons.into_iter().chain(newer).chain(newest).chain(last) {
        let policy: SwitchPolicy = version.parse().unwrap();
        assert_eq!((policy.name(), policy.to_string().as_str()), (Some(preset), preset));
    }
    for (name, policy) in SwitchPolicy::PRESETS {
        assert_eq!((name.parse(), policy.name()), (Ok(policy), Some(name)));
        assert_eq!(format!("{policy:>20}"), format!("{name:>20}"), "it can be aligned");
    }
    for unknown in ["1.4", "3.16", "4.0", "3", "3.x", "3.12.x", "", "python-", "fairer"] {
        let error = unknown.parse::<SwitchPolicy>().unwrap_err();
        assert_eq!(error, PolicyError::Unknown(unknown.to_owned()));
        assert!(error.to_string().contains("use one of python-2, python-2-linux"), "{error}");
    }
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
