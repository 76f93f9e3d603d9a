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

// ---- the exponent of a growth, which `cargo bench --bench growth` fits ----

#[path = "../benches/growth/fit.rs"]
#[allow(dead_code)]
mod fit;

use fit::{Law, fit};
use proptest::prelude::*;

fn any_law() -> impl Strategy<Value = Law> {
    prop_oneof![Just(Law::Linear), Just(Law::Heap)]
}

/// Sizes that differ, each a few times the one before.
fn sizes() -> impl Strategy<Value = Vec<f64>> {
    (1_f64..1000.0, prop::collection::vec(1.5_f64..10.0, 2..8)).prop_map(|(first, ratios)| {
        let grow = |size: &mut f64, ratio: f64| {
            *size *= ratio;
            Some(*size)
        };
        ratios.into_iter().scan(first, grow).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_power_of_the_law_is_found_without_error_in_any_unit(
        law in any_law(), sizes in sizes(), power in 0.0_f64..3.0, unit in 1e-9_f64..1e9,
    ) {
        let cost = |&n: &f64| (n, unit * law.at(n).powf(power));
        let found = fit(law, &sizes.iter().map(cost).collect::<Vec<_>>()).unwrap();
        prop_assert!((found.exponent - power).abs() < 1e-6, "{found:?}");
        prop_assert!(sizes.len() == 2 || found.error < 1e-6, "{found:?}");
    }

    /// Costs that are wrong by a factor of up to `noise` either way move the exponent no further
    /// than a line from the lowest first to the highest last point would.
    #[test]
    fn noise_moves_the_exponent_by_no_more_than_it_can(
        sizes in sizes(), noise in prop::collection::vec(-0.2_f64..0.2, 8),
    ) {
        let points: Vec<_> = sizes.iter().zip(&noise).map(|(n, e)| (*n, n * e.exp())).collect();
        let found = fit(Law::Linear, &points).unwrap();
        let closest = sizes.windows(2).map(|two| (two[1] / two[0]).ln()).fold(f64::MAX, f64::min);
        prop_assert!((found.exponent - 1.0).abs() <= 0.4 / closest, "{found:?}");
    }

    #[test]
    fn what_cannot_be_fitted_has_no_fit(
        law in any_law(), n in 1_f64..1e6, cost in prop_oneof![Just(0.0), Just(-1.0), Just(f64::NAN)],
    ) {
        prop_assert_eq!(fit(law, &[]), None);
        prop_assert_eq!(fit(law, &[(n, 1.0)]), None);
        prop_assert_eq!(fit(law, &[(n, 1.0), (n, 2.0)]), None, "one size");
        prop_assert_eq!(fit(law, &[(n, 1.0), (2.0 * n, cost)]), None, "{} is no cost", cost);
    }
}
