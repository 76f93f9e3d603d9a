//! Any bytes as a worker's replies: shared by a property test and the fuzz target
//! `hostile_worker`.

use singletrack::futures::encode;
use singletrack::process::message::call::{greeting, read_reply};
use singletrack::process::message::frame::{FrameKind, MAX_FRAME, frame, stub};
use singletrack::process::message::segment::new_segment;
use singletrack::process::pool::dispatcher::{Action, Dispatcher, Settings};
use singletrack::process::pool::job::JobOutcome;
use singletrack::process::pool::job::{PoolJob, Terms};
use singletrack::process::pool::replies::{INITIALIZER, Reply, ReplyReader};
use std::collections::BTreeMap;

const JOBS: u64 = 4;

/// A script of what the worker says: well-formed frames and garbage, as `input` has it.
fn script(input: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    let mut bytes = input.iter().copied();
    while let Some(what) = bytes.next() {
        let id = bytes.next().map_or(0, |n| u64::from(n % 6));
        let value = || encode(&7u64).unwrap();
        let (kind, id, body) = match what % 16 {
            0 | 1 => (FrameKind::Hello, 0, greeting()),
            2 => (FrameKind::Hello, 0, value()),
            3 => (FrameKind::Value, INITIALIZER, value()),
            4 => (FrameKind::Panicked, INITIALIZER, b"no".to_vec()),
            5..10 => (FrameKind::Value, id, value()),
            10 => (FrameKind::Panicked, id, vec![0xff; 3]), // no text
            11 => (FrameKind::Refused, id, Vec::new()),
            12 => (FrameKind::Spawned, id, Vec::new()),
            13 => (FrameKind::Part, id, value()),
            // What it says lies beside the pipe, at places where that can be and where it cannot.
            14 if what < 128 => {
                let body = vec![0; usize::from(what) << (what / 16)];
                let whole = frame(FrameKind::Value, id, &body).unwrap();
                let place = bytes.next().map_or(0, u64::from) << (what / 4);
                said.extend(stub(&whole, place).unwrap());
                continue;
            }
            _ => {
                said.extend(bytes.by_ref().take(usize::from(what)));
                continue;
            }
        };
        said.extend(frame(kind, id, &body).unwrap());
    }
    said
}

/// Feeds them to a pool with one worker and some jobs; every job must come out once.
pub fn run(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let said = script(rest);
    let mut pool = Dispatcher::new(Settings { workers: 1, max_tasks_per_child: None });
    let mut out: BTreeMap<u64, u32> = BTreeMap::new();
    assert!(matches!(pool.next_action(0), Some(Action::Spawn)));
    let key = pool.started(0);
    let segment = new_segment().ok().map(|(segment, _file)| segment.for_pool().1);
    let mut hearing = ReplyReader::new(first % 2 == 1).with_segment(segment);
    // Some are chunks: their answers may come in parts.
    let terms = |id| Terms { items: id as u32, ..Terms::default() };
    (0..JOBS).for_each(|id| pool.submit(PoolJob { id, terms: terms(id), body: () }));
    for piece in said.chunks(usize::from(first / 2).max(1)) {
        // What the worker could have been sent by now.
        while pool.assign(0, |_| true).is_some() {
            pool.delivered(key);
        }
        let room = hearing.room();
        assert!(room.len() >= piece.len() && room.len() <= MAX_FRAME + 100_000);
        room[..piece.len()].copy_from_slice(piece);
        hearing.filled(piece.len());
        let mut more = true;
        while more {
            for reply in hearing.handle_frames(key, &mut pool, 1) {
                match reply {
                    Reply::Part(place) => hearing.keep_part(place),
                    Reply::Answer(job, kind, place) => {
                        let parts = hearing.take_parts();
                        assert!(parts.len() <= job.terms.items as usize, "more parts than items");
                        let reply = read_reply(kind, hearing.body(place));
                        assert_eq!(reply.is_ok(), kind == FrameKind::Value);
                        *out.entry(job.id).or_default() += 1;
                    }
                }
            }
            more = hearing.fetch();
        }
    }
    pool.died(key, 2);
    pool.shutdown(true);
    while let Some(action) = pool.next_action(u64::MAX / 2) {
        match action {
            Action::Resolve(job, verdict) => {
                assert!(!matches!(verdict, JobOutcome::TimedOut(_) | JobOutcome::ShutDown));
                *out.entry(job.id).or_default() += 1;
            }
            Action::Spawn => pool.spawn_failed(2),
            Action::Kill(_) | Action::Retire(_) | Action::TakeBack(_) => {}
        }
    }
    assert_eq!(out, (0..JOBS).map(|id| (id, 1)).collect(), "a job is lost, or out twice");
}
