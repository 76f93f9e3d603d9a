//! What must always hold for the lock and for the machine, and which test shows it. A test that
//! is renamed or deleted is missed here.

#[path = "common/page.rs"]
mod page;
use page::page;

use singletrack::gil::rules::pending::{CAPACITY, Full};
use singletrack::gil::rules::policy::{
    Check, DropFlag, HandOff, PointCheck, PolicyError, Substrate, SwitchPolicy,
};
use singletrack::gil::rules::threading::check_at;
use singletrack::gil::{AttachError, SwitchPoint, SwitchPoints, Threading};
use std::time::Duration;

/// A property, in words; the tests, each with its file below `tests/`, or with a source file
/// whose documentation has it as code that must not compile.
type Property = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const ANY_SCHEDULE: (&str, &str) =
    ("tests/gil_machine.rs", "no_schedule_breaks_the_rules_or_gets_stuck");

const PROPERTIES: [Property; 23] = [
    (
        "G1",
        "at most one thread holds the lock",
        &[
            ANY_SCHEDULE,
            ("tests/gil_lock.rs", "one_thread_at_a_time_under_every_preset"),
            ("tests/loom_gil.rs", "two_threads_take_and_drop"),
            ("tests/shuttle_gil.rs", "four_threads_do_all_there_is_to_do"),
        ],
    ),
    ("G2", "a stranger's drop is an error and changes nothing", &[ANY_SCHEDULE]),
    (
        "G3",
        "a holder that passes checkpoints is asked after an interval, and drops the lock",
        &[
            ("tests/gil_machine.rs", "a_holder_that_passes_checkpoints_is_made_to_go"),
            ("tests/gil_lock.rs", "a_waiter_asks_when_its_interval_is_over"),
        ],
    ),
    (
        "G4",
        "a forced dropper comes back after another thread, or after all have left",
        &[
            ANY_SCHEDULE,
            ("tests/gil_lock.rs", "a_forced_switch_hands_over"),
            ("tests/loom_gil.rs", "a_forced_hand_off_lets_the_waiter_in_first"),
            ("tests/shuttle_gil.rs", "a_forced_dropper_comes_back_after_another"),
        ],
    ),
    (
        "G5",
        "a waiter that leaves blocks no other thread",
        &[
            ANY_SCHEDULE,
            (
                "tests/gil_machine.rs",
                "a_leaving_waiter_withdraws_its_request_and_hands_its_wake_up_on",
            ),
            ("tests/gil_lock.rs", "a_waiter_that_gives_up_blocks_nobody"),
            ("tests/loom_gil.rs", "the_waiter_of_a_forced_hand_off_leaves"),
            ("tests/shuttle_gil.rs", "waiters_that_leave_block_nobody"),
        ],
    ),
    (
        "G6",
        "first come first served bounds the wait",
        &[
            ("tests/gil_machine.rs", "a_holder_that_passes_checkpoints_is_made_to_go"),
            ("tests/loom_gil.rs", "a_fair_lock_is_handed_to_those_that_wait"),
        ],
    ),
    (
        "G7",
        "the other policies have no bound, and it is measured",
        &[
            ("tests/gil_machine.rs", "where_no_switch_is_forced_nothing_bounds_a_wait"),
            ("tests/gil_times.rs", "every_wait_is_counted_and_every_hold_that_is_measured"),
            ("tests/vm_explorer.rs", "two_of_three_can_starve_the_third_even_by_force"),
        ],
    ),
    (
        "G8",
        "a check every n + 1 ticks, one count for all, never forced",
        &[
            ("tests/gil_machine.rs", "the_ticker_is_one_for_all_threads"),
            ("tests/gil_machine.rs", "where_no_switch_is_forced_nothing_bounds_a_wait"),
            ("tests/gil_lock.rs", "scenario_2_tick_period"),
            ("tests/gil_lock.rs", "the_ticker_goes_with_the_lock"),
        ],
    ),
    (
        "G9",
        "no tick outside a hold",
        &[
            ("src/gil/lock/token.rs", "lock.attach(|gil| gil.detach(|| gil.tick()));"),
            ("tests/vm_machine.rs", "the_real_lock_sees_each_tick_and_no_other"),
        ],
    ),
    (
        "G10",
        "the switch number counts changes of holder",
        &[ANY_SCHEDULE, ("tests/gil_lock.rs", "one_thread_at_a_time_under_every_preset")],
    ),
    (
        "G11",
        "no waiter, no request, no system call",
        &[
            ANY_SCHEDULE,
            ("tests/gil_lock.rs", "the_uncontended_path_is_two_atomic_operations"),
            ("tests/gil_lock.rs", "scenario_3_single_thread_no_switch"),
        ],
    ),
    (
        "G12",
        "zero and huge intervals are refused; others apply from the next wait",
        &[
            ("tests/gil_machine.rs", "zero_and_huge_checks_are_refused"),
            ("tests/gil_lock.rs", "scenario_1_switchinterval_bounds"),
            ("tests/gil_machine.rs", "a_new_interval_applies_from_the_next_wait"),
        ],
    ),
    (
        "G13",
        "a panic drops the lock, and is seen",
        &[
            ("tests/gil_lock.rs", "a_panic_drops_the_lock"),
            ("tests/gil_lock.rs", "a_panic_while_detached_takes_the_lock_again"),
            ("tests/gil_ensure.rs", "a_panic_ends_its_level_only"),
        ],
    ),
    (
        "G14",
        "a nested take is an error, not a deadlock",
        &[
            ANY_SCHEDULE,
            ("tests/gil_lock.rs", "nested_attach_is_reported"),
            ("tests/gil_ensure.rs", "a_token_in_use_is_not_given_out_twice"),
        ],
    ),
    (
        "G15",
        "after the end only the finaliser has the lock, and waits for no other thread",
        &[
            ANY_SCHEDULE,
            ("tests/gil_lock.rs", "finalising_ends_all_other_threads"),
            ("tests/gil_ensure.rs", "finalising_ends_every_level"),
            ("tests/shuttle_gil.rs", "four_threads_do_all_there_is_to_do"),
        ],
    ),
    (
        "G16",
        "a forked child uses the lock, or gets an error that says why not",
        &[
            ("tests/gil_fork.rs", "the_forking_thread_keeps_the_lock"),
            ("tests/gil_fork.rs", "a_lock_held_by_a_thread_that_is_not_copied_is_an_error"),
            ("tests/gil_fork.rs", "a_dropper_waits_for_no_thread_that_is_not_copied"),
        ],
    ),
    (
        "G17",
        "a recording replays, and its time is hold or idle",
        &[
            ("tests/gil_record.rs", "a_recording_replays_and_all_of_its_time_is_hold_or_idle"),
            ("tests/gil_record.rs", "two_threads_are_never_shown_with_the_lock_at_once"),
        ],
    ),
    (
        "G18",
        "in a crowd a few waiters time their sleeps for all; never none",
        &[
            ANY_SCHEDULE,
            ("tests/gil_crowd.rs", "the_sleeps_that_end_in_an_interval_do_not_grow_with_the_crowd"),
            ("tests/gil_crowd.rs", "when_the_last_timekeeper_leaves_one_of_the_others_looks"),
            (
                "tests/gil_crowd.rs",
                "two_thousand_threads_released_at_once_sleep_no_more_than_they_are_woken",
            ),
        ],
    ),
    (
        "V1",
        "a verified program never panics",
        &[("tests/vm_machine.rs", "v1_v4_no_bytes_make_a_verified_program_go_wrong")],
    ),
    (
        "V2",
        "ticks depend on program and input alone",
        &[("tests/vm_machine.rs", "v2_ticks_are_the_same_under_every_policy")],
    ),
    (
        "V3",
        "what is private does not depend on the schedule",
        &[("tests/vm_machine.rs", "v3_what_is_private_does_not_depend_on_the_schedule")],
    ),
    (
        "V4",
        "fuel ends everything",
        &[
            ("tests/vm_machine.rs", "v1_v4_no_bytes_make_a_verified_program_go_wrong"),
            ("tests/vm_machine.rs", "fuel_stops_an_endless_loop_on_real_threads"),
        ],
    ),
    (
        "V5",
        "what is printed can be read back",
        &[
            (
                "tests/vm_assembler.rs",
                "v5_any_text_is_refused_at_a_place_or_can_be_printed_and_read",
            ),
            ("tests/vm_assembler.rs", "v5_proper_programs_survive_printing"),
        ],
    ),
];

#[test]
fn every_property_has_a_test() {
    for (number, what, tests) in PROPERTIES {
        assert!(!tests.is_empty(), "{number}: nothing shows that {what}");
        for (file, test) in tests {
            let text = page(file);
            let wanted =
                if file.starts_with("tests/") { format!("fn {test}(") } else { (*test).into() };
            assert!(text.contains(&wanted), "{number}, {what}: {file} has no `{wanted}`");
        }
    }
}

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
