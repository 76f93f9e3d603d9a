//! A loop's tasks against a queue; the fuzz target `task_ops` drives the same check.

mod model;
use model::tasks::check_bytes;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows T1, T2, T3, T4, T5, T7, T13.
    #[test]
    fn a_loops_tasks_agree_with_a_queue(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_bytes(&bytes);
    }
}
