//! Whole groups of small recordings, in words.

use crate::{checked, track};
use singletrack::base::id::{Key, TaskId};
use singletrack::event_loop::recording::{Cause, LoopEvent, LoopEventKind, LoopRecording};
use singletrack::gil::{EventKind, Recording, Track};
use singletrack::lab::report::lanes::StateNames;
use singletrack::lab::timeline::from_lock::from_lock;
use singletrack::lab::timeline::from_loop::from_loop;
use singletrack::lab::timeline::from_pool::from_pool;
use singletrack::lab::timeline::timeline::{
    Group, Lane, LaneKind, Link, Point, Span, State, Timeline,
};
use singletrack::process::pool::recording::{PoolEvent, PoolEventKind, PoolRecording};
use singletrack::sys::fd::Direction;
use singletrack::sys::process::Death;

/// A line for each lane and each link: spans as `from..to name (state; details)`, points as `at name`.
pub fn told(group: &Group) -> Vec<String> {
    let details = |span: &Span| -> String {
        span.details.iter().map(|(key, value)| format!("; {key} {value}")).collect()
    };
    let span = |span: &Span| {
        format!(" {}..{} {} ({}{})", span.from, span.to, span.name, span.state, details(span))
    };
    let lane = |lane: &Lane| {
        let spans: String = lane.spans.iter().map(span).collect();
        let points: String =
            lane.points.iter().map(|point| format!(" {} {}", point.at, point.name)).collect();
        format!("{}:{spans}{points}", lane.name)
    };
    let name = |at: usize| &*group.lanes[at].name;
    let link = |link: &Link| {
        let ((a, from), (b, to)) = (link.from, link.to);
        format!("{}: {} {from} to {} {to}", link.name, name(a), name(b))
    };
    group.lanes.iter().map(lane).chain(group.links.iter().map(link)).collect()
}

fn of_loop(events: &[(u64, LoopEventKind)], until: u64) -> Vec<String> {
    let event = |&(at, what): &(u64, LoopEventKind)| LoopEvent { at, iteration: 1, what };
    let events = events.iter().map(event).collect();
    let group = from_loop("x", 1, 9, &LoopRecording { events, until, ..LoopRecording::default() });
    checked(&group, until).unwrap();
    told(&group)
}

#[test]
fn a_loop_and_its_tasks() {
    use LoopEventKind::{
        Called, Ended, Made, Paused, Polled, Returned, Sleeps, Wakes, Woken, Yielded,
    };
    let [a, b, c, d] = [1, 2, 3, 4].map(TaskId::from_raw);
    let events = [
        (0, Made(a, Cause::Outside)),
        (5, Polled(a)),
        (10, Made(b, Cause::Task(a))),
        (15, Yielded(a)),
        (15, Polled(b)),
        (20, Polled(a)), // inside the step of b
        (25, Woken(c, Cause::Task(b))),
        (30, Paused(a)),
        (35, Paused(b)),
        (40, Sleeps(Some(100))),
        (60, Wakes(2)),
        (60, Woken(b, Cause::Descriptor(3, Direction::Read))),
        (60, Woken(a, Cause::Timer)),
        (65, Called),
        (70, Woken(d, Cause::Callback)),
        (75, Returned),
        (80, Polled(b)),
        (80, Ended(b)), // no time passed
        (85, Woken(c, Cause::Task(b))),
        (87, Polled(c)),
        (88, Paused(c)),
        (90, Polled(d)),
        (92, Woken(c, Cause::Callback)), // of a step, not of a call
        (93, Polled(c)),
        (94, Paused(c)),
        (95, Woken(c, Cause::Thread)),
        (100, Sleeps(None)), // in the step of d, which never ends
        (110, Wakes(0)),
    ];
    assert_eq!(of_loop(&events, 120), LOOP);
}

#[test]
fn a_callback_and_a_sleep_that_last_last_to_the_end() {
    use LoopEventKind::{Called, Sleeps};
    let words = of_loop(&[(3, Called), (5, Sleeps(Some(7)))], 9);
    assert_eq!(words, ["loop: 3..5 callback (runs) 5..9 selector (waits; at_most_ns 7)"]);
}

#[test]
fn a_lock_and_its_threads() {
    use EventKind::{
        DropsAtTick, DropsOnRequest, DropsVoluntarily, FailsToTake, Requests, Takes, Waits,
    };
    let a = [
        (0, Takes),
        (10, DropsAtTick),
        (10, Waits),
        (20, Takes),
        (30, DropsOnRequest),
        (30, Waits),
        (35, Requests),
        (50, Takes),
    ];
    let b = [
        (4, Waits),
        (4, Requests),
        (9, Requests),
        (10, Requests), // it waits no more
        (10, Takes),
        (20, DropsVoluntarily),
        (22, Waits),
        (25, FailsToTake),
        (30, Takes),
        (40, DropsVoluntarily),
        (45, Waits), // when c has dropped it: nobody hands it over
        (47, Takes),
        (49, DropsVoluntarily),
    ];
    // These do not wait for it; and d seems to have had it beside b.
    let c = [(40, Takes), (41, DropsVoluntarily), (43, Takes), (45, DropsVoluntarily)];
    let d = [(35, Takes), (40, DropsVoluntarily), (41, Takes), (43, DropsVoluntarily)];
    let tracks = vec![track("a", 1, &a), track("b", 2, &b), track("c", 3, &c), track("d", 4, &d)];
    let group = from_lock("x", 7, &Recording { tracks, until: 60 }, &StateNames::LOCK);
    checked(&group, 60).unwrap();
    assert_eq!(told(&group), LOCK);
    assert_eq!(group.forgotten, 0);
}

#[test]
fn where_events_of_a_lock_are_forgotten_no_owner_is_named() {
    use EventKind::{DropsVoluntarily, Takes, Waits};
    let torn = Track {
        dropped: 3,
        ..track("torn", 1, &[(30, Takes), (40, DropsVoluntarily), (40, Waits), (50, Takes)])
    };
    let whole = track(
        "whole",
        2,
        &[(10, Takes), (20, DropsVoluntarily), (35, Waits), (40, Takes), (50, DropsVoluntarily)],
    );
    let group =
        from_lock("x", 7, &Recording { tracks: vec![torn, whole], until: 60 }, &StateNames::LOCK);
    checked(&group, 60).unwrap();
    assert_eq!(told(&group), TORN);
    assert_eq!(group.forgotten, 3);
}

#[test]
fn a_pool_and_its_workers() {
    use PoolEventKind::{
        Answered, Began, Born, Died, Ended, NoAnswer, Queued, Retried, Sent, TakenBack,
    };
    let key = |index| Key { index, generation: 0 };
    let (old, new, lost) = (key(0), key(1), key(2));
    let events = [
        (10, Queued(1)),
        (10, Queued(2)),
        (12, Born(new, 32)),
        (15, Sent(1, old)),
        (16, Sent(2, new)),
        (18, Began(1, old)),
        (20, Queued(3)),
        (21, Sent(3, old)), // ahead
        (30, Ended(1, old)),
        (32, Answered(1, old)),
        (33, Began(3, old)),
        (40, Answered(2, new)), // it has told nothing
        (45, Answered(3, old)), // nor when it was done
        (50, Queued(4)),
        (50, Queued(5)),
        (51, Sent(4, new)),
        (52, Sent(5, new)),
        (55, Began(4, new)),
        (58, TakenBack(5, new)),
        (60, NoAnswer(4, "ran too long")),
        (62, Died(new, Death::Signal(9))),
        (63, Born(lost, 33)),
        (64, Sent(5, lost)),
        (66, Began(5, lost)),
        (70, Retried(5, lost)),
        (72, NoAnswer(5, "was cancelled")),
        (74, Began(6, old)), // its sending was forgotten
        (75, Sent(7, old)),
        (76, Began(8, key(9))), // of this worker nothing is known
    ];
    let events = events.iter().map(|&(at, what)| PoolEvent { at, what }).collect();
    let recording = PoolRecording { events, dropped: 4, until: 90, workers: [(old, 31)].into() };
    let group = from_pool("x", 7, &recording);
    checked(&group, 90).unwrap();
    assert_eq!(told(&group), POOL);
    assert_eq!((group.forgotten, &*group.name, group.pid), (4, "x", 7));
    let ids: Vec<u64> = group.lanes.iter().map(|lane| lane.id).collect();
    assert_eq!(ids, [0, 31, 32, 33]);
}

#[test]
fn a_pool_of_which_nothing_is_recorded_has_idle_lanes_or_none() {
    let recording = PoolRecording { until: 9, ..PoolRecording::default() };
    assert_eq!(told(&from_pool("x", 1, &recording)), ["pool:"]);
    let events =
        vec![PoolEvent { at: 2, what: PoolEventKind::Born(Key { index: 0, generation: 0 }, 5) }];
    let recording = PoolRecording { events, until: 9, ..PoolRecording::default() };
    let lanes = ["pool: 2..9 no job waits (idle)", "worker 5: 2..9 idle (idle) 2 born"];
    assert_eq!(told(&from_pool("x", 1, &recording)), lanes);
}

// ---- groups ----

fn span(from: u64, to: u64) -> Span {
    Span { from, to, state: State::Runs, name: "s".to_owned(), details: Vec::new() }
}

fn lane(name: &str, spans: &[(u64, u64)], points: &[u64]) -> Lane {
    Lane {
        name: name.to_owned(),
        kind: LaneKind::Thread,
        id: 5,
        spans: spans.iter().map(|&(from, to)| span(from, to)).collect(),
        points: points.iter().map(|&at| Point { at, name: "p".to_owned() }).collect(),
    }
}

/// A lane and a moment.
type End = (usize, u64);

fn group(lanes: Vec<Lane>, links: &[(End, End)]) -> Group {
    let link = |&(from, to): &_| Link { from, to, name: "l".to_owned() };
    let links = links.iter().map(link).collect();
    Group { name: "g".to_owned(), pid: 3, lanes, links, forgotten: 2 }
}

#[test]
fn a_part_has_what_lies_in_it_on_an_axis_of_its_own() {
    let spans = [(0, 10), (10, 10), (10, 15), (15, 15), (15, 20), (20, 20), (20, 30)];
    let whole = group(
        vec![lane("a", &spans, &[9, 10, 12, 20, 21]), lane("b", &[(12, 18)], &[])],
        &[((0, 9), (1, 12)), ((0, 10), (1, 20)), ((1, 12), (0, 21)), ((1, 13), (0, 14))],
    );
    let part = whole.part(10, 20);
    let lines = [
        "a: 0..0 s (runs) 0..5 s (runs) 5..5 s (runs) 5..10 s (runs) 10..10 s (runs) 0 p 2 p 10 p",
        "b: 2..8 s (runs)",
        "l: a 0 to b 10",
        "l: b 3 to a 4",
    ];
    assert_eq!(told(&part), lines);
    assert_eq!((&*part.name, part.pid, part.forgotten), ("g", 3, 2));
    assert_eq!((part.lanes[1].kind, part.lanes[1].id), (LaneKind::Thread, 5));
    let inner =
        group(vec![lane("a", &[(10, 15)], &[]), lane("b", &[(12, 18)], &[])], &[]).part(13, 14);
    assert_eq!(told(&inner), ["a: 0..1 s (runs)", "b: 0..1 s (runs)"]);
    let moment = ["a: 0..0 s (runs)", "b: 0..0 s (runs)"];
    assert_eq!(told(&whole.part(16, 3)), moment, "what lasts over it");
}

#[test]
fn lanes_in_which_nothing_is_are_left_out_and_links_follow() {
    let of = |links: &[_]| {
        let lanes = vec![
            lane("none", &[], &[]),
            lane("a", &[(0, 1)], &[]),
            lane("empty", &[], &[]),
            lane("b", &[], &[4]),
        ];
        told(&group(lanes, links).without_empty_lanes())
    };
    let rest = ["a: 0..1 s (runs)", "b: 4 p"];
    assert_eq!(of(&[]), rest);
    let links =
        [((1, 0), (3, 4)), ((0, 1), (3, 4)), ((1, 1), (2, 4)), ((3, 4), (1, 5)), ((9, 0), (1, 1))];
    assert_eq!(of(&links), [rest[0], rest[1], "l: a 0 to b 4", "l: b 4 to a 5"]);
}

#[test]
fn groups_are_put_one_after_the_other_and_beside_each_other() {
    let mut one = group(vec![lane("a", &[(1, 2)], &[3])], &[((0, 1), (0, 2))]);
    let mut later = one.clone().later(10);
    assert_eq!(told(&later), ["a: 11..12 s (runs) 13 p", "l: a 11 to a 12"]);
    later.lanes[0].spans[0].to = u64::MAX - 1;
    one.append(later.later(3));
    one.tell_apart();
    let lines = [
        "a: 1..2 s (runs) 3 p",
        "a (2): 14..18446744073709551615 s (runs) 16 p",
        "l: a 1 to a 2",
        "l: a (2) 14 to a (2) 15",
    ];
    assert_eq!(told(&one), lines);
    assert_eq!((one.forgotten, one.lanes[0].id, one.lanes[1].id), (4, 5, 6));
    let timeline = Timeline { about: Vec::new(), until: 9, groups: vec![one.clone(), one] };
    assert_eq!(timeline.forgotten(), 8);
}

#[test]
fn the_first_fault_of_a_timeline_is_named() {
    let check = |lanes, links: &[_]| {
        let groups = vec![group(Vec::new(), &[]), group(lanes, links)];
        Timeline { about: Vec::new(), until: 9, groups }.check()
    };
    let (one, whole) =
        (|spans: &[_], points: &[_]| vec![lane("a", spans, points)], [(0, 4), (4, 9), (9, 9)]);
    assert_eq!(check(one(&whole, &[0, 9]), &[((0, 0), (0, 9)), ((0, 5), (0, 5))]), Ok(()));
    let two_lanes = || vec![lane("a", &[(3, 4)], &[]), lane("b", &[(0, 1)], &[])];
    assert_eq!(check(two_lanes(), &[]), Ok(()), "each lane has its own order");
    for (spans, points, fault) in [
        (&[(0, 4), (3, 9)][..], &[][..], "a span begins at 3, before the one before it ends"),
        (&[(0, 10)], &[], "a span ends at 10, before it begins or past the end"),
        (&[(5, 4)], &[], "a span ends at 4, before it begins or past the end"),
        (&[], &[9, 10], "a point at 10, past the end"),
    ] {
        assert_eq!(check(one(spans, points), &[]), Err(format!("g, a: {fault}")));
    }
    for (from, to, fault) in [
        ((1, 0), (0, 1), "a link to a lane that is not there"),
        ((0, 0), (1, 1), "a link to a lane that is not there"),
        ((0, 2), (0, 1), "a link against time, or past its end"),
        ((0, 2), (0, 10), "a link against time, or past its end"),
    ] {
        assert_eq!(check(one(&[], &[]), &[(from, to)]), Err(format!("g: {fault}")));
    }
}

#[test]
fn each_state_has_its_words_and_its_colour() {
    let words = [
        (State::Runs, "runs", "--has"),
        (State::WaitsForLock, "waits for the GIL", "--waits"),
        (State::Ready, "ready, not running", "--ready"),
        (State::Blocked, "waits", "--io"),
        (State::Idle, "idle", "--idle"),
        (State::Native, "runs without the GIL", "--native"),
        (State::Pipe, "encodes, or uses the pipe", "--pipe"),
        (State::Forgotten, "events forgotten", "--line"),
    ];
    assert_eq!(words.len(), State::ALL.len());
    for (state, name, variable) in words {
        assert_eq!(
            (state.name(), state.to_string().as_str(), state.variable()),
            (name, name, variable)
        );
    }
    assert_eq!(format!("{:>6}|", State::Runs), "  runs|");
}

const LOOP: &[&str] = &[
    "loop: 5..15 poll (runs; task task 0:1.0; woken_by the caller) \
     15..20 poll (runs; task task 0:2.0; woken_by task 0:1.0) \
     20..30 poll (runs; task task 0:1.0; woken_by itself) \
     30..35 poll (runs; task task 0:2.0; woken_by task 0:1.0) \
     40..60 selector (waits; at_most_ns 100; events 2) 65..75 callback (runs) \
     80..80 poll (runs; task task 0:2.0; woken_by fd 3 readable) \
     87..88 poll (runs; task task 0:3.0; woken_by task 0:2.0) \
     90..93 poll (runs; task task 0:4.0; woken_by a callback) \
     93..94 poll (runs; task task 0:3.0; woken_by a callback) \
     94..100 poll (runs; task task 0:4.0; woken_by a callback) \
     100..110 selector (waits; events 0) \
     110..120 poll (runs; task task 0:4.0; woken_by a callback)",
    "task 0:1.0: 0..5 ready (ready, not running; woken_by the caller) 5..15 runs (runs) \
     15..20 ready (ready, not running; woken_by itself) 20..30 runs (runs) \
     30..60 waits (waits) 60..120 ready (ready, not running; woken_by a timer)",
    "task 0:2.0: 10..15 ready (ready, not running; woken_by task 0:1.0) \
     15..35 runs (runs) 35..60 waits (waits) \
     60..80 ready (ready, not running; woken_by fd 3 readable) 80..80 runs (runs)",
    "task 0:3.0: 25..85 ready (ready, not running; woken_by task 0:2.0) \
     85..87 ready (ready, not running; woken_by task 0:2.0) 87..88 runs (runs) \
     88..92 waits (waits) 92..93 ready (ready, not running; woken_by a callback) \
     93..94 runs (runs) 94..95 waits (waits) \
     95..120 ready (ready, not running; woken_by another thread)",
    "task 0:4.0: 70..90 ready (ready, not running; woken_by a callback) \
     90..120 runs (runs)",
    "made: task 0:1.0 10 to task 0:2.0 15",
    "wake: loop 59 to task 0:2.0 80",
    "wake: task 0:2.0 80 to task 0:3.0 87",
    "wake: loop 70 to task 0:4.0 90",
];
const LOCK: &[&str] = &[
    "GIL owner: 0..10 a (runs) 10..20 b (runs) 20..30 a (runs) 30..40 b (runs) \
     40..41 c (runs) 41..43 d (runs) 43..45 c (runs) 47..49 b (runs) 50..60 a (runs)",
    "a: 0..10 Has GIL (runs; ended out of ticks) \
     10..20 Waiting for GIL (waits for the GIL; holder 2; requests 0) \
     20..30 Has GIL (runs; ended asked to) \
     30..50 Waiting for GIL (waits for the GIL; holder 2; requests 1) \
     50..60 Has GIL (runs; ended not ended) 35 drop request",
    "b: 4..10 Waiting for GIL (waits for the GIL; holder 1; requests 2) \
     10..20 Has GIL (runs; ended released by itself) 20..22 No GIL (waits) \
     22..30 Waiting for GIL (waits for the GIL; holder 1; requests 0) \
     30..40 Has GIL (runs; ended released by itself) 40..45 No GIL (waits) \
     45..47 Waiting for GIL (waits for the GIL; holder 2; requests 0) \
     47..49 Has GIL (runs; ended released by itself) 49..60 No GIL (waits) \
     4 drop request 9 drop request 10 drop request 25 failed take",
    "c: 40..41 Has GIL (runs; ended released by itself) 41..43 No GIL (waits) \
     43..45 Has GIL (runs; ended released by itself) 45..60 No GIL (waits)",
    "d: 35..40 Has GIL (runs; ended released by itself) 40..41 No GIL (waits) \
     41..43 Has GIL (runs; ended released by itself) 43..60 No GIL (waits)",
    "hand-over: a 9 to b 10",
    "hand-over: b 19 to a 20",
    "hand-over: a 29 to b 30",
    "hand-over: b 48 to a 50",
];
const TORN: &[&str] = &[
    "GIL owner: 10..30 unknown: events forgotten (events forgotten; torn 3) \
     30..40 torn (runs) 40..50 whole (runs) 50..60 torn (runs)",
    "torn: 10..30 events forgotten (events forgotten; torn 3) \
     30..40 Has GIL (runs; ended released by itself) \
     40..50 Waiting for GIL (waits for the GIL; holder 2; requests 0) \
     50..60 Has GIL (runs; ended not ended)",
    "whole: 10..20 Has GIL (runs; ended released by itself) 20..35 No GIL (waits) \
     35..40 Waiting for GIL (waits for the GIL; holder 1; requests 0) \
     40..50 Has GIL (runs; ended released by itself) 50..60 No GIL (waits)",
    "hand-over: torn 39 to whole 40",
    "hand-over: whole 49 to torn 50",
];
const POOL: &[&str] = &[
    "pool: 10..18 jobs wait (ready, not running; jobs 2) \
     18..20 jobs wait (ready, not running; jobs 1) \
     20..33 jobs wait (ready, not running; jobs 2) \
     33..40 jobs wait (ready, not running; jobs 1) 40..50 no job waits (idle) \
     50..55 jobs wait (ready, not running; jobs 2) \
     55..66 jobs wait (ready, not running; jobs 1) 66..70 no job waits (idle) \
     70..72 jobs wait (ready, not running; jobs 1) 72..90 no job waits (idle)",
    "worker 31: 15..18 pipe (encodes, or uses the pipe) \
     18..30 job 1 (runs; clock its own) 30..33 pipe (encodes, or uses the pipe) \
     33..45 job 3 (runs; clock the pool's) 45..74 pipe (encodes, or uses the pipe) \
     74..90 job 6 (runs; clock the pool's)",
    "worker 32: 12..16 idle (idle) 16..40 job 2 (runs; clock the pool's) \
     40..51 idle (idle) 51..55 pipe (encodes, or uses the pipe) \
     55..60 job 4 (runs; clock the pool's) 60..62 idle (idle) \
     12 born 60 job 4 ran too long 62 died: signal 9 (SIGKILL)",
    "worker 33: 63..64 idle (idle) 64..66 pipe (encodes, or uses the pipe) \
     66..70 job 5 (runs; clock the pool's) 70..90 idle (idle) 63 born",
    "submit: pool 10 to worker 31 18",
    "result: worker 31 29 to pool 32",
    "submit: pool 20 to worker 31 33",
    "submit: pool 10 to worker 32 16",
    "result: worker 32 39 to pool 40",
    "result: worker 31 44 to pool 45",
    "submit: pool 50 to worker 32 55",
    "submit: pool 58 to worker 33 66",
];
