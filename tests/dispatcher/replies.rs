//! Who reads a worker's replies, and which of them count.

use crate::{pool, submit};
use singletrack::base::id::Key;
use singletrack::futures::encode;
use singletrack::process::message::call::greeting;
use singletrack::process::message::frame::{FrameKind, frame};
use singletrack::process::pool::dispatcher::*;
use singletrack::process::pool::job::*;
use singletrack::process::pool::replies::{INITIALIZER, ReaderOwner, Reply, ReplyReader};

/// Every arrow of the picture in `process/pool/replies.rs`.
#[test]
fn a_reader_has_one_owner_and_whoever_comes_second_is_told_to_wait() {
    let mut replies = ReaderOwner::new("reader");
    assert!(!replies.appoint_supervisor(), "it watches from the first");
    assert_eq!(replies.appoint_caller(), Some(true), "the supervisor has to stop watching");
    assert_eq!((replies.appoint_caller(), replies.appoint_supervisor()), (None, false));
    assert_eq!((replies.reader().copied(), replies.take()), (Some("reader"), Some("reader")));
    assert_eq!((replies.reader().copied(), replies.take()), (None, None));
    assert_eq!((replies.appoint_caller(), replies.appoint_supervisor()), (None, false));
    assert!(!replies.give_back("reader"), "nobody died");
    assert_eq!(replies.appoint_caller(), Some(false), "nobody watches it");
    assert_eq!(replies.take(), Some("reader"));
    assert!(!replies.give_back("reader"));
    assert!(replies.appoint_supervisor() && !replies.appoint_supervisor());
    assert_eq!(replies.take(), Some("reader"));
    assert_eq!(replies.appoint_caller(), None, "the supervisor is reading");
    replies.put_back("reader");
    assert_eq!(replies.appoint_caller(), Some(true));
}

#[test]
fn a_dead_worker_is_reaped_when_its_reader_is_back_and_not_before() {
    let mut replies = ReaderOwner::new("reader");
    assert_eq!(replies.take_of_dead(), Some("reader"), "nobody reads: at once");
    replies.put_back("reader");
    assert_eq!((replies.appoint_caller(), replies.take()), (Some(true), Some("reader")));
    assert_eq!((replies.take_of_dead(), replies.take_of_dead()), (None, None));
    assert!(replies.give_back("reader"), "now");
}

/// A worker just forked, with a job for it in the queue.
fn newborn(terms: Terms) -> (Dispatcher<()>, Key) {
    let mut pool = Dispatcher::new(Settings { workers: 1, max_tasks_per_child: None });
    assert!(matches!(pool.next_action(0), Some(Action::Spawn)));
    let key = pool.started(0);
    pool.submit(PoolJob { id: 0, terms, body: () });
    (pool, key)
}

/// The worker says this; what counts of it.
fn hear(
    reader: &mut ReplyReader,
    (kind, id, body): (FrameKind, u64, &[u8]),
    key: Key,
    pool: &mut Dispatcher<()>,
) -> Vec<Reply<()>> {
    let bytes = frame(kind, id, body).unwrap();
    reader.room()[..bytes.len()].copy_from_slice(&bytes);
    reader.filled(bytes.len());
    reader.handle_frames(key, pool, 1)
}

fn is_sent_a_job(pool: &mut Dispatcher<()>) -> bool {
    pool.assign(0, |_| true).map(|key| pool.delivered(key)).is_some()
}

#[test]
fn an_answer_in_parts_comes_out_whole_and_each_part_once() {
    let (mut pool, key) = newborn(Terms { items: 3, ..Terms::default() });
    let mut reader = ReplyReader::new(false);
    assert!(hear(&mut reader, (FrameKind::Hello, 0, &greeting()), key, &mut pool).is_empty());
    assert!(is_sent_a_job(&mut pool));
    for part in [b"one", b"two"] {
        match &hear(&mut reader, (FrameKind::Part, 0, part), key, &mut pool)[..] {
            [Reply::Part(place)] => {
                assert_eq!(reader.body(place.clone()), part);
                reader.keep_part(place.clone());
            }
            other => panic!("{other:?}"),
        }
    }
    match &hear(&mut reader, (FrameKind::Value, 0, b"three"), key, &mut pool)[..] {
        [Reply::Answer(job, FrameKind::Value, place)] => {
            assert_eq!((job.id, reader.body(place.clone())), (0, &b"three"[..]));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(reader.take_parts(), [b"one", b"two"]);
    assert_eq!(reader.take_parts(), [[0u8; 0]; 0]);
    assert_eq!((pool.counts().answered, reader.failure()), (1, None));
}

/// The worker is killed for this, with these words.
fn is_killed_for(pool: &mut Dispatcher<()>, key: Key, words: &str) {
    assert!(matches!(pool.next_action(0), Some(Action::Kill(worker)) if worker == key));
    match pool.next_action(0) {
        Some(Action::Resolve(_, JobOutcome::Protocol(worker, why))) => {
            assert_eq!((worker, &why[..]), (key, words));
        }
        other => panic!("{other:?}"),
    }
}

/// Shows W7.
#[test]
fn a_frame_that_comes_out_of_turn_is_no_answer_and_its_worker_is_told_why_it_ends() {
    for (kind, name) in [
        (FrameKind::Hello, "Hello"),
        (FrameKind::Item, "Item"),
        (FrameKind::Call, "Call"),
        (FrameKind::Claims, "Claims"),
    ] {
        let (mut pool, keys) = pool(1);
        submit(&mut pool, 0..1);
        let mut reader = ReplyReader::new(false);
        assert!(
            hear(&mut reader, (FrameKind::Hello, 0, &greeting()), keys[0], &mut pool).is_empty()
        );
        assert!(is_sent_a_job(&mut pool));
        assert!(hear(&mut reader, (kind, 0, &greeting()), keys[0], &mut pool).is_empty());
        is_killed_for(&mut pool, keys[0], &format!("it sent a frame of kind {name} out of turn"));
    }
}

/// It could not have been sent a job: that it was is what a bug, or the test, has done.
#[test]
fn before_its_hello_nothing_that_a_worker_says_is_an_answer() {
    for (kind, name) in [(FrameKind::Part, "Part"), (FrameKind::Value, "Value")] {
        let (mut pool, keys) = pool(1);
        pool.submit(PoolJob { id: 0, terms: Terms { items: 3, ..Terms::default() }, body: () });
        assert!(is_sent_a_job(&mut pool));
        let mut reader = ReplyReader::new(false);
        assert!(hear(&mut reader, (kind, 0, b"x"), keys[0], &mut pool).is_empty());
        is_killed_for(&mut pool, keys[0], &format!("it sent a frame of kind {name} out of turn"));
    }
}

#[test]
fn a_worker_with_an_initializer_gets_jobs_when_that_is_done_and_not_before() {
    let (mut pool, key) = newborn(Terms::default());
    let mut reader = ReplyReader::new(true);
    assert!(pool.next_deadline().is_some(), "its hello may be late");
    assert!(hear(&mut reader, (FrameKind::Hello, 0, &greeting()), key, &mut pool).is_empty());
    assert_eq!(pool.next_deadline(), None, "an initializer may take as long as it likes");
    assert!(!pool.was_ready(key) && !is_sent_a_job(&mut pool));
    let done = (FrameKind::Value, INITIALIZER, &encode(&()).unwrap()[..]);
    assert!(hear(&mut reader, done, key, &mut pool).is_empty());
    assert!(pool.was_ready(key) && is_sent_a_job(&mut pool));
    assert_eq!((reader.failure(), pool.next_action(0).is_none()), (None, true));
}

#[test]
fn an_answer_in_the_place_of_the_initializers_breaks_the_protocol() {
    for prepares in [true, false] {
        let (mut pool, key) = newborn(Terms::default());
        let mut reader = ReplyReader::new(prepares);
        assert!(hear(&mut reader, (FrameKind::Hello, 0, &greeting()), key, &mut pool).is_empty());
        let id = if prepares { 0 } else { INITIALIZER };
        assert!(hear(&mut reader, (FrameKind::Value, id, b""), key, &mut pool).is_empty());
        assert!(matches!(pool.next_action(0), Some(Action::Kill(worker)) if worker == key));
        assert!(pool.next_action(0).is_none(), "the job waits for another worker");
        assert_eq!(reader.failure(), None);
    }
}

#[test]
fn an_initializer_that_fails_breaks_the_pool_and_leaves_its_reason() {
    let (mut pool, key) = newborn(Terms::default());
    let mut reader = ReplyReader::new(true);
    assert!(hear(&mut reader, (FrameKind::Hello, 0, &greeting()), key, &mut pool).is_empty());
    let failed = (FrameKind::Panicked, INITIALIZER, &b"no disk"[..]);
    assert!(hear(&mut reader, failed, key, &mut pool).is_empty());
    let why = reader.failure().expect("it failed");
    assert!(why.starts_with("the initializer of a worker failed: "), "{why}");
    assert!(why.contains("no disk"), "{why}");
    let broken = pool.next_action(0);
    assert!(matches!(broken, Some(Action::Resolve(_, JobOutcome::Broken))), "{broken:?}");
    assert!(matches!(pool.next_action(0), Some(Action::Kill(worker)) if worker == key));
}

#[test]
fn nothing_is_read_of_a_worker_that_is_to_be_killed_for_what_it_sent() {
    let greeted = || {
        let (mut pool, key) = newborn(Terms::default());
        let mut reader = ReplyReader::new(false);
        hear(&mut reader, (FrameKind::Hello, 0, &greeting()), key, &mut pool);
        assert!(is_sent_a_job(&mut pool) && !reader.is_done());
        (reader, key, pool)
    };
    let out_of_turn = [
        (FrameKind::Hello, 0, &greeting()[..]),
        (FrameKind::Value, 7, b"to another job"),
        (FrameKind::Part, 7, b"to another job"),
    ];
    for said in out_of_turn {
        let (mut reader, key, mut pool) = greeted();
        assert!(hear(&mut reader, said, key, &mut pool).is_empty());
        assert!(reader.is_done(), "{said:?}");
    }
    let (mut reader, key, mut pool) = greeted();
    reader.room()[..64].fill(0x5a);
    reader.filled(64);
    assert!(reader.handle_frames(key, &mut pool, 1).is_empty() && reader.is_done());
    let (mut reader, key, mut pool) = greeted();
    assert_eq!(hear(&mut reader, (FrameKind::Value, 0, b"right"), key, &mut pool).len(), 1);
    assert!(!reader.is_done());
}
