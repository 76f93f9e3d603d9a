//! The same random life of real sockets under both selectors, with shrinking; the fuzz target
//! `backend_diff` drives the same check.

#[path = "common/cases.rs"]
mod cases;
mod common;
mod model;
use cases::cases;
use common::watchdog;
use model::backends::{Op, check, check_bytes};
use proptest::prelude::*;

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let which = || 0usize..4;
    let op = prop_oneof![
        3 => Just(Op::Open),
        4 => (which(), 1usize..5000).prop_map(|(i, n)| Op::PeerSends(i, n)),
        3 => which().prop_map(Op::PeerReads),
        1 => which().prop_map(Op::PeerCloses),
        4 => which().prop_map(Op::Read),
        3 => which().prop_map(Op::Write),
        1 => which().prop_map(Op::Drop),
    ];
    prop::collection::vec(op, 1..40)
}

proptest! {
    #![proptest_config(cases(200))]

    /// Shows R5, R12.
    #[test]
    fn mio_and_polling_agree_on_what_is_ready(ops in ops()) {
        let _dog = watchdog("backend_diff", 120);
        check(&ops);
    }

    #[test]
    fn any_bytes_are_operations(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _dog = watchdog("backend_diff", 120);
        check_bytes(&bytes);
    }
}
