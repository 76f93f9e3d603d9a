//! What the fuzz targets of the Python front end and its explorer check, on every run of the tests:
//! for the seeds in `fuzz/corpus`, and for random input.
#![cfg(feature = "python")]

#[path = "common/cases.rs"]
mod cases;
#[path = "common/python_check.rs"]
mod python_check;
#[path = "common/seeds.rs"]
mod seeds;

use cases::cases;
use proptest::prelude::*;
use python_check::{check_any_source, check_any_threads};
use seeds::seeds;

#[test]
fn every_seed_of_the_front_end_holds() {
    let seeds = seeds("python_front");
    assert!(seeds.len() >= 10, "python_front has lost some of its seeds");
    for (name, seed) in seeds {
        check_any_source(str::from_utf8(&seed).expect(&name));
    }
}

#[test]
fn every_seed_of_the_explorer_holds() {
    let seeds = seeds("python_explore");
    assert!(seeds.len() >= 8, "python_explore has lost some of its seeds");
    seeds.iter().for_each(|(_, seed)| check_any_threads(seed));
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn any_two_small_threads_are_explored_and_replayed(
        bytes in prop::collection::vec(any::<u8>(), 0..9)
    ) {
        check_any_threads(&bytes);
    }
}
