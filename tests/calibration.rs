//! Costs that no machine has are refused, whatever was measured.
#![cfg(feature = "cli")]

use singletrack::gil::Costs;
use singletrack::lab::scenes::calibration::Calibration;

fn impossible(costs: Costs, call: u64) -> Option<String> {
    Calibration { costs, call }.impossible()
}

#[test]
fn costs_of_real_machines_are_possible() {
    let here = "tick=16ns,uncontended=94ns,contended=492ns,signal=1921ns,interrupt=7573ns,\
                wake=24475ns,switch=3793ns,quantum=3360422ns,jitter=97%";
    for costs in [Costs::TYPICAL, here.parse().unwrap()] {
        assert_eq!(impossible(costs, 4_000), None, "{costs}");
        assert_eq!(impossible(Costs { interrupt: 0, jitter: 0, ..costs }, 1), None, "{costs}");
        assert_eq!(impossible(Costs { signal: 0, ..costs }, 1), None, "in the interrupt: {costs}");
    }
}

#[test]
fn what_takes_no_time_or_less_than_its_part_is_named() {
    let typical = Costs::TYPICAL;
    let wrong = [
        (Costs { tick: 0, ..typical }, "tick=0ns"),
        (Costs { uncontended: 0, ..typical }, "uncontended=0ns"),
        (Costs { signal: 0, interrupt: 0, ..typical }, "signal=0ns"),
        (Costs { wake: 0, ..typical }, "wake=0ns"),
        (Costs { switch: 0, ..typical }, "switch=0ns"),
        (Costs { contended: 0, ..typical }, "contended=0ns is no more than uncontended=10ns"),
        (Costs { contended: 10, ..typical }, "contended=10ns is no more than uncontended=10ns"),
        (Costs { quantum: 2_000, ..typical }, "quantum=2000ns is no more than switch=2000ns"),
        (Costs { tick: 4_000_000, ..typical }, "quantum=3000000ns is no more than tick=4000000ns"),
        (Costs { wake: 10_000_000_001, ..typical }, "`wake=10000000001ns` is no cost"),
        (Costs { jitter: 101, ..typical }, "`jitter=101%` is no cost"),
        (Costs::NONE, "uncontended=0ns"),
    ];
    for (costs, named) in wrong {
        let why = impossible(costs, 4_000).unwrap_or_else(|| panic!("{costs} is accepted"));
        assert!(why.contains(named), "{why}");
    }
    assert!(impossible(typical, 0).is_some_and(|why| why.contains("call=0ns")));
}
