//! What a lock, a loop and a pool have recorded, as lanes: always in order, and no state that was
//! not recorded.
#![cfg(feature = "cli")]

mod common;
#[path = "timeline/traces.rs"]
mod traces;
#[path = "timeline/whole.rs"]
mod whole;
use proptest::prelude::*;
use singletrack::aio::{create_named_task, gather, sleep};
use singletrack::base::id::{Key, TaskId};
use singletrack::event_loop::recording::{Cause, LoopEvent, LoopEventKind, LoopRecording};
use singletrack::gil::{EventKind, LockEvent, LockState, Recording, Track};
use singletrack::lab::report::lanes::StateNames;
use singletrack::lab::timeline::from_lock::from_lock;
use singletrack::lab::timeline::from_loop::from_loop;
use singletrack::lab::timeline::from_pool::from_pool;
use singletrack::lab::timeline::timeline::{Group, Lane, LaneKind, Link, State, Timeline};
use singletrack::process::pool::recording::{PoolEvent, PoolEventKind, PoolRecording};
use singletrack::sys::fd::Direction;
use singletrack::sys::process::Death;
use std::time::Duration;

const MS: u64 = 1_000_000;

fn checked(group: &Group, until: u64) -> Result<(), String> {
    Timeline { about: Vec::new(), until, groups: vec![group.clone()] }.check()
}

fn lane<'a>(group: &'a Group, name: &str) -> &'a Lane {
    let found = group.lanes.iter().find(|lane| lane.name == name);
    found.unwrap_or_else(|| panic!("no lane {name} in {group:?}"))
}

/// A lane's spans, in short.
fn spans(lane: &Lane) -> Vec<(u64, u64, &str)> {
    lane.spans.iter().map(|span| (span.from, span.to, &*span.name)).collect()
}

fn track(name: &str, tid: u32, events: &[(u64, EventKind)]) -> Track {
    let events = events.iter().map(|&(at, what)| LockEvent { at, what }).collect();
    Track { name: name.into(), tid, events, dropped: 0, began: None, times: None }
}

#[test]
fn a_lock_has_its_owner_its_threads_and_its_hand_overs() {
    let cpu = track("cpu", 11, &[(0, EventKind::Takes), (5 * MS, EventKind::DropsOnRequest)]);
    let echo = [
        (MS, EventKind::Waits),
        (4 * MS, EventKind::Requests),
        (5 * MS, EventKind::Takes),
        (6 * MS, EventKind::DropsVoluntarily),
    ];
    let recording = Recording { tracks: vec![cpu, track("cpu", 11, &echo)], until: 8 * MS };
    let group = from_lock("threads", 7, &recording, &StateNames::LOCK);
    checked(&group, 8 * MS).unwrap();
    assert_eq!(spans(lane(&group, "GIL owner")), [(0, 5 * MS, "cpu"), (5 * MS, 6 * MS, "cpu")]);
    let waits = lane(&group, "cpu (2)");
    assert_ne!(waits.id, lane(&group, "cpu").id, "two lanes of one number are told apart");
    assert_eq!(waits.points[0].name, "drop request");
    let named =
        [(MS, 5 * MS, "Waiting for GIL"), (5 * MS, 6 * MS, "Has GIL"), (6 * MS, 8 * MS, "No GIL")];
    assert_eq!(spans(waits), named);
    let link = &group.links[0];
    assert_eq!((link.from, link.to, &*link.name), ((1, 5 * MS - 1), (2, 5 * MS), "hand-over"));
}

#[test]
fn a_loop_has_its_thread_its_tasks_and_its_wakes() {
    let event_loop = common::scripted();
    event_loop.record(1000);
    event_loop.run_until_complete(async {
        let first = create_named_task("first", sleep(Duration::from_millis(10)));
        let second = create_named_task("second", sleep(Duration::from_millis(20)));
        gather([first, second]).await.unwrap();
    });
    let recording = event_loop.recording();
    let group = from_loop("event-loop", 7, 8, &recording);
    checked(&group, recording.until).unwrap();
    assert_eq!(group.lanes[0].id, 8);
    let begin = recording.events[0].at;
    let ms = |at: u64| (at - begin) / MS;
    let first: Vec<(State, u64, u64)> = lane(&group, "first")
        .spans
        .iter()
        .map(|span| (span.state, ms(span.from), ms(span.to)))
        .collect();
    assert_eq!(
        first,
        [(State::Runs, 0, 0), (State::Blocked, 0, 10), (State::Runs, 10, 10)],
        "{group:#?}"
    );
    // By what each was made and woken: main, and the timer that ended the loop's sleep.
    let to = |name: &str| -> Vec<(&str, &str)> {
        let links = group.links.iter().filter(|link| group.lanes[link.to.0].name == name);
        links.map(|link| (&*link.name, &*group.lanes[link.from.0].name)).collect()
    };
    assert_eq!(to("first"), [("made", "main"), ("wake", "loop")]);
    assert_eq!(to("main").last(), Some(&("wake", "second")));
}

fn task(index: u8) -> TaskId {
    TaskId::from_raw(u64::from(index % 5))
}

fn cause() -> impl Strategy<Value = Cause> {
    prop_oneof![
        Just(Cause::Outside),
        any::<u8>().prop_map(|index| Cause::Task(task(index))),
        Just(Cause::Descriptor(3, Direction::Read)),
        Just(Cause::Timer),
        Just(Cause::Callback),
        Just(Cause::Thread),
    ]
}

fn loop_event() -> impl Strategy<Value = LoopEventKind> {
    prop_oneof![
        (any::<u8>(), cause()).prop_map(|(index, by)| LoopEventKind::Made(task(index), by)),
        (any::<u8>(), cause()).prop_map(|(index, by)| LoopEventKind::Woken(task(index), by)),
        any::<u8>().prop_map(|index| LoopEventKind::Polled(task(index))),
        any::<u8>().prop_map(|index| LoopEventKind::Paused(task(index))),
        any::<u8>().prop_map(|index| LoopEventKind::Yielded(task(index))),
        any::<u8>().prop_map(|index| LoopEventKind::Ended(task(index))),
        any::<Option<u64>>().prop_map(LoopEventKind::Sleeps),
        any::<u32>().prop_map(LoopEventKind::Wakes),
        Just(LoopEventKind::Called),
        Just(LoopEventKind::Returned),
    ]
}

fn pool_event() -> impl Strategy<Value = PoolEventKind> {
    let key = |index: u8| Key { index: (index % 3).into(), generation: 0 };
    (0..10u8, 0..6u64, any::<u8>()).prop_map(move |(kind, job, worker)| match kind {
        0 => PoolEventKind::Queued(job),
        1 => PoolEventKind::Sent(job, key(worker)),
        2 => PoolEventKind::Began(job, key(worker)),
        3 => PoolEventKind::Ended(job, key(worker)),
        4 => PoolEventKind::Answered(job, key(worker)),
        5 => PoolEventKind::TakenBack(job, key(worker)),
        6 => PoolEventKind::Retried(job, key(worker)),
        7 => PoolEventKind::NoAnswer(job, "lost"),
        8 => PoolEventKind::Born(key(worker), worker.into()),
        _ => PoolEventKind::Died(key(worker), Death::Signal(9)),
    })
}

proptest! {
    /// Whatever a pool's events are, in whatever order.
    #[test]
    fn any_recording_of_a_pool_becomes_lanes_in_order(
        events in proptest::collection::vec((0..1000u64, pool_event()), 0..60),
        until in 0..1200u64,
        known in 0..3u32,
    ) {
        let event = |(at, what): (u64, PoolEventKind)| PoolEvent { at, what };
        let key = |index| (Key { index, generation: 0 }, index);
        let recording = PoolRecording {
            events: events.into_iter().map(event).collect(),
            dropped: 1,
            until,
            workers: (0..known).map(key).collect(),
        };
        let group = from_pool("x", 1, &recording);
        prop_assert_eq!(checked(&group, until), Ok(()));
        // No job runs that has neither begun nor been answered.
        let runs = group.lanes.iter().flat_map(|lane| &lane.spans).filter(|s| s.state == State::Runs);
        let can = |event: &&PoolEvent| {
            matches!(event.what, PoolEventKind::Began(..) | PoolEventKind::Answered(..))
        };
        prop_assert!(runs.count() <= recording.events.iter().filter(can).count());
    }

    /// Whatever a lock's events are, in whatever order.
    #[test]
    fn any_recording_of_a_lock_becomes_lanes_in_order(
        tracks in proptest::collection::vec(
            (proptest::collection::vec((0..1000u64, 0..8u64), 0..30), 0..3u64), 0..4),
        until in 0..1200u64,
        owner in any::<bool>(),
    ) {
        let track = |(events, dropped): (Vec<(u64, u64)>, u64)| Track {
            events: events.into_iter().map(|(at, kind)| LockEvent::from_word(at << 4 | kind)).collect(),
            dropped,
            ..track("t", 1, &[])
        };
        let recording = Recording { tracks: tracks.into_iter().map(track).collect(), until };
        let words = if owner { StateNames::LOCK } else { StateNames::OWN_LOCK };
        let group = from_lock("x", 1, &recording, &words);
        prop_assert_eq!(checked(&group, until), Ok(()));
        // Time with the lock is what the slices say, thread by thread.
        for (track, lane) in recording.tracks.iter().zip(&group.lanes[usize::from(owner)..]) {
            let slices = track.slices(until);
            let has = slices.iter().filter(|slice| slice.state == LockState::HasGil);
            let runs = lane.spans.iter().filter(|span| span.state == State::Runs);
            prop_assert_eq!(
                has.map(|slice| slice.to - slice.from).sum::<u64>(),
                runs.map(|span| span.to - span.from).sum::<u64>()
            );
        }
    }

    /// Whatever a loop's events are, in whatever order.
    #[test]
    fn any_recording_of_a_loop_becomes_lanes_in_order(
        events in proptest::collection::vec((0..1000u64, loop_event()), 0..60),
        until in 0..1200u64,
        dropped in 0..3u64,
    ) {
        let event = |(at, what): (u64, LoopEventKind)| LoopEvent { at, iteration: 1, what };
        let recording = LoopRecording {
            events: events.into_iter().map(event).collect(),
            dropped,
            until,
            ..LoopRecording::default()
        };
        let group = from_loop("x", 1, 1, &recording);
        let end = until.max(group.lanes.iter().flat_map(|l| &l.spans).map(|s| s.to).max().unwrap_or(0));
        prop_assert_eq!(checked(&group, end), Ok(()));
        prop_assert_eq!(end, until);
        prop_assert_eq!(group.forgotten, dropped);
        // Only tasks that have an event have a lane, and a step is polled before it is drawn.
        let polls = recording.events.iter().filter(|e| matches!(e.what, LoopEventKind::Polled(_)));
        let tasks = group.lanes.iter().filter(|lane| lane.kind == LaneKind::Task);
        let steps = tasks.flat_map(|lane| &lane.spans).filter(|span| span.state == State::Runs);
        prop_assert_eq!(polls.count(), steps.count());
    }

    /// A part of a group is a group.
    #[test]
    fn a_part_of_a_group_is_in_order_too(
        events in proptest::collection::vec((0..1000u64, loop_event()), 0..60),
        from in 0..1000u64,
        length in 0..1000u64,
    ) {
        let event = |(at, what): (u64, LoopEventKind)| LoopEvent { at, iteration: 1, what };
        let events = events.into_iter().map(event).collect();
        let recording = LoopRecording { events, until: 1000, ..LoopRecording::default() };
        let part = from_loop("x", 1, 1, &recording).part(from, from + length);
        prop_assert_eq!(checked(&part, length), Ok(()));
        let full = part.clone().without_empty_lanes();
        prop_assert_eq!(checked(&full, length), Ok(()));
        prop_assert!(full.lanes.iter().all(|lane| part.lanes.contains(lane)));
        let ends = |group: &Group| -> Vec<(String, u64, String, u64)> {
            let name = |(lane, at): (usize, u64)| (group.lanes[lane].name.clone(), at);
            let end = |link: &Link| (name(link.from), name(link.to));
            group.links.iter().map(end).map(|((a, b), (c, d))| (a, b, c, d)).collect()
        };
        prop_assert!(ends(&full).iter().all(|link| ends(&part).contains(link)));
    }
}

/// A worker tells when it began one job, and of another the pool knows only that it was sent.
#[test]
fn what_a_worker_has_told_of_one_job_says_nothing_of_another() {
    use PoolEventKind::{Answered, Began, Born, Ended, Sent};
    let key = Key { index: 0, generation: 0 };
    let events = [
        (0, Born(key, 5)),
        (1, Sent(1, key)),
        (2, Sent(2, key)),
        (3, Began(1, key)),
        (6, Ended(1, key)),
        (8, Answered(2, key)),
        (9, Answered(1, key)),
        (10, Sent(3, key)),
        (12, Began(4, key)), // its sending was forgotten
        (15, Ended(4, key)),
    ];
    let events = events.map(|(at, what)| PoolEvent { at, what }).into();
    let recording = PoolRecording { events, until: 20, ..PoolRecording::default() };
    let group = from_pool("x", 1, &recording);
    assert_eq!(checked(&group, 20), Ok(()));
    let worker = lane(&group, "worker 5");
    let runs: Vec<_> =
        spans(worker).into_iter().filter(|(.., name)| name.starts_with("job")).collect();
    assert_eq!(runs, [(3, 6, "job 1"), (6, 8, "job 2"), (12, 15, "job 4")]);
}
