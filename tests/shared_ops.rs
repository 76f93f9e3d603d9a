//! What the fuzz targets check, on random bytes: the same code, on a stable compiler.

#[path = "common/frame_ops.rs"]
mod frame_ops;
#[path = "common/future_ops.rs"]
mod future_ops;
#[path = "common/hostile_worker.rs"]
mod hostile_worker;

use proptest::prelude::*;
use singletrack::base::id::Key;
use singletrack::process::message::call::greeting;
use singletrack::process::message::frame::{FrameKind, frame};
use singletrack::process::pool::dispatcher::{Action, Dispatcher, Settings};
use singletrack::process::pool::job::{PoolJob, Terms};
use singletrack::process::pool::replies::ReplyReader;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows W1, W5.
    #[test]
    fn frames_arrive_and_a_spoiled_header_does_not(input in bytes()) {
        frame_ops::run(&input);
    }

    /// Shows E1, E3.
    #[test]
    fn a_future_does_what_its_model_does(input in bytes()) {
        future_ops::run(&input);
    }

    /// Shows X1, X13.
    #[test]
    fn a_hostile_worker_loses_no_job_and_resolves_none_twice(input in bytes()) {
        hostile_worker::run(&input);
    }

    /// Shows W9.
    #[test]
    fn a_flood_of_empty_frames_costs_its_worker_and_counts_for_no_more_than_it_was_sent(
        kind in prop::sample::select(vec![
            FrameKind::Value, FrameKind::Part, FrameKind::Refused, FrameKind::Hello, FrameKind::Item,
        ]),
        id in 0u64..3,
        items in 0u32..3,
    ) {
        let mut pool = Dispatcher::new(Settings { workers: 1, max_tasks_per_child: None });
        prop_assert!(matches!(pool.next_action(0), Some(Action::Spawn)));
        let (key, mut reader) = (pool.started(0), ReplyReader::new(false));
        let mut counted = hear(&mut reader, &frame(FrameKind::Hello, 0, &greeting()).unwrap(), key, &mut pool);
        pool.submit(PoolJob { id: 1, terms: Terms { items, ..Terms::default() }, body: () });
        prop_assert_eq!(pool.assign(0, |_| true), Some(key));
        pool.delivered(key);
        let flood = frame(kind, id, &[]).unwrap().repeat(4_000);
        for piece in flood.chunks(60_000) {
            counted += hear(&mut reader, piece, key, &mut pool);
        }
        prop_assert!(counted <= 1 + items as usize, "{} frames counted", counted);
        let mut kills = 0;
        while let Some(action) = pool.next_action(0) {
            kills += usize::from(matches!(action, Action::Kill(_)));
        }
        prop_assert_eq!(kills, 1);
    }
}

/// A worker says this; how many of its frames count.
fn hear(reader: &mut ReplyReader, said: &[u8], key: Key, pool: &mut Dispatcher<()>) -> usize {
    let room = reader.room();
    assert!((said.len()..200_000).contains(&room.len()), "room for {}", room.len());
    room[..said.len()].copy_from_slice(said);
    reader.filled(said.len());
    reader.handle_frames(key, pool, 1).len()
}
