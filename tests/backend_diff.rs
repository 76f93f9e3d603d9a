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
use singletrack::selector::event::Selector;
use singletrack::selector::mio::MioSelector;
use singletrack::selector::polling::PollingSelector;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

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

#[test]
fn another_thread_ends_a_wait_without_end_and_the_next_one_if_it_was_early() {
    let _dog = watchdog("backend_diff", 120);
    let selectors: [Box<dyn Selector>; 2] =
        [Box::new(MioSelector::new().unwrap()), Box::new(PollingSelector::new().unwrap())];
    for mut selector in selectors {
        let (wake, mut events) = (Arc::new(selector.waker()), Vec::new());
        let early = Arc::clone(&wake);
        thread::spawn(move || early()).join().unwrap();
        selector.wait(&mut events, None).unwrap();
        let late = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20)); // so that it mostly sleeps by then
            wake();
        });
        selector.wait(&mut events, None).unwrap();
        late.join().unwrap();
        assert!(events.is_empty(), "{events:?}");
    }
}
