//! What the fuzz targets of the lock and the machine check, on every run of the tests: for the
//! seeds in `fuzz/corpus`, and for random input.

#[path = "common/gil_check.rs"]
mod gil_check;
#[path = "common/seeds.rs"]
mod seeds;
#[path = "common/vm_check.rs"]
mod vm_check;

use gil_check::check_any_schedule;
use proptest::prelude::*;
use seeds::seeds;
use singletrack::vm::verifier::Verified;
use std::fs;
use vm_check::{any_program, check_any_bytes, check_any_text};

#[test]
fn every_seed_holds() {
    let seeds = |target| {
        let seeds = seeds(target);
        assert!(seeds.len() >= 5, "{target} has lost some of its seeds");
        seeds
    };
    seeds("gil_schedule").iter().for_each(|(_, seed)| check_any_schedule(seed));
    seeds("vm_verify_run").iter().for_each(|(_, seed)| check_any_bytes(seed));
    for (name, seed) in seeds("assembler_text") {
        check_any_text(str::from_utf8(&seed).expect(&name));
    }
}

#[test]
fn raw_bytes_can_make_a_program_that_runs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/vm_verify_run/raw_increment");
    let program = any_program(&fs::read(path).unwrap());
    assert_eq!(program.functions[0].code.len(), 6);
    Verified::new(program).unwrap();
}

proptest! {
    #[test]
    fn no_schedule_confuses_the_pure_lock(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_any_schedule(&bytes);
    }
}
