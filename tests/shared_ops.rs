//! What the fuzz targets check, on random bytes: the same code, on a stable compiler.

#[path = "common/frame_ops.rs"]
mod frame_ops;
#[path = "common/future_ops.rs"]
mod future_ops;
#[path = "common/hostile_worker.rs"]
mod hostile_worker;

use proptest::prelude::*;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_arrive_and_a_spoiled_header_does_not(input in bytes()) {
        frame_ops::run(&input);
    }

    #[test]
    fn a_future_does_what_its_model_does(input in bytes()) {
        future_ops::run(&input);
    }

    #[test]
    fn a_hostile_worker_loses_no_job_and_resolves_none_twice(input in bytes()) {
        hostile_worker::run(&input);
    }
}
