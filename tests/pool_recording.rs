//! What a pool records of real workers: in which order, how often, and what a death leaves; and as
//! lanes.

#[path = "process_pool/jobs.rs"]
#[allow(dead_code)]
mod jobs;
#[path = "process_pool/runner.rs"]
#[allow(dead_code)]
mod runner;

use jobs::*;
use runner::{Test, eventually};
use singletrack::futures::Executor;
use singletrack::process::pool::recording::{PoolEventKind, PoolRecording};
use singletrack::process::{ForkServer, JobOptions, ProcessPool};
use singletrack::sys::process::Death;
use std::time::Duration;

const TESTS: &[Test<ForkServer>] = &[
    ("a_job_is_queued_sent_run_and_answered_in_this_order", in_order),
    ("a_full_recording_forgets_its_oldest_events_and_counts_them", a_full_recording),
    ("nothing_is_recorded_before_it_is_switched_on_and_after_it_is_off", off),
    ("a_killed_worker_and_the_job_it_lost_are_recorded", a_killed_worker),
    ("a_job_that_is_tried_again_runs_twice_in_the_recording", a_retry),
    ("a_job_past_its_limit_has_begun_and_has_no_answer", past_its_limit),
];

fn main() {
    runner::run_with_fork_server(TESTS);
}

/// What happened to a job, in words, with its times.
fn story(recording: &PoolRecording, job: u64) -> Vec<(&'static str, u64)> {
    let of = |what| match what {
        PoolEventKind::Queued(id) => Some((id, "queued")),
        PoolEventKind::Sent(id, _) => Some((id, "sent")),
        PoolEventKind::Began(id, _) => Some((id, "began")),
        PoolEventKind::Ended(id, _) => Some((id, "ended")),
        PoolEventKind::Answered(id, _) => Some((id, "answered")),
        PoolEventKind::TakenBack(id, _) => Some((id, "taken back")),
        PoolEventKind::Retried(id, _) => Some((id, "retried")),
        PoolEventKind::NoAnswer(id, why) => Some((id, why)),
        PoolEventKind::Born(..) | PoolEventKind::Died(..) => None,
    };
    let events = recording.events.iter();
    events
        .filter_map(|event| of(event.what).map(|(id, word)| (id, word, event.at)))
        .filter_map(|(id, word, at)| (id == job).then_some((word, at)))
        .collect()
}

fn words(recording: &PoolRecording, job: u64) -> Vec<&'static str> {
    story(recording, job).into_iter().map(|(word, _)| word).collect()
}

/// As lanes it holds what was recorded.
#[cfg(feature = "cli")]
fn check_lanes(recording: &PoolRecording) {
    use singletrack::lab::timeline::from_pool::from_pool;
    use singletrack::lab::timeline::timeline::{State, Timeline};
    let group = from_pool("processes", 1, recording);
    let until = recording.until;
    let runs = group.lanes.iter().flat_map(|lane| &lane.spans);
    let runs = runs.filter(|span| span.state == State::Runs && span.from < span.to).count();
    let began = recording.events.iter();
    let began = began.filter(|event| matches!(event.what, PoolEventKind::Began(..))).count();
    assert!(recording.dropped > 0 || runs == began, "{runs} of {began}: {group:#?}");
    let timeline = Timeline { about: Vec::new(), until, groups: vec![group] };
    assert_eq!(timeline.check(), Ok(()));
}

#[cfg(not(feature = "cli"))]
fn check_lanes(_: &PoolRecording) {}

fn in_order(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 2).unwrap();
    pool.record(10_000);
    let results: Result<Vec<u64>, _> = pool.map(nap, [5; 20]).collect();
    assert_eq!(results, Ok(vec![5; 20]));
    let recording = pool.recording();
    assert_eq!(recording.dropped, 0);
    for job in 0..20 {
        let story = story(&recording, job);
        let told: Vec<&str> = story.iter().map(|(word, _)| *word).collect();
        let ending = &told[told.len() - 3..];
        assert_eq!(ending, ["began", "ended", "answered"], "job {job}: {story:?}");
        assert_eq!(&told[..2], ["queued", "sent"], "job {job}: {story:?}");
        assert_eq!(told.iter().filter(|word| **word == "began").count(), 1);
        let at = |wanted: &str| story.iter().rfind(|(word, _)| *word == wanted).unwrap().1;
        assert!(at("ended") - at("began") >= 5_000_000, "it slept for 5 ms in between: {story:?}");
    }
    assert!(recording.events.is_sorted_by_key(|event| event.at));
    assert!(recording.events.last().unwrap().at <= recording.until);
    let pids: Vec<u32> = recording.workers.values().copied().collect();
    assert!(pool.worker_pids().iter().all(|pid| pids.contains(pid)));
    check_lanes(&recording);
}

fn a_full_recording(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 2).unwrap();
    pool.record(7);
    pool.map(square, 0..50).collect::<Result<Vec<_>, _>>().unwrap();
    let recording = pool.recording();
    assert_eq!(recording.events.len(), 7);
    assert!(recording.dropped >= 50 * 4, "{}", recording.dropped);
    check_lanes(&recording);
}

fn off(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    pool.map(square, 0..5).collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(pool.recording().events, []);
    pool.record(100);
    pool.submit(square, 3).result().unwrap();
    let recording = pool.recording();
    assert_eq!(words(&recording, 5), ["queued", "sent", "began", "ended", "answered"]);
    assert_eq!(words(&recording, 4), [""; 0]);
    pool.record(0);
    pool.submit(square, 3).result().unwrap();
    assert_eq!(pool.recording().events, []);
}

fn a_killed_worker(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    pool.submit(square, 1).result().unwrap();
    pool.record(100);
    let lost = pool.submit(end_if, (9, Some(End::Kill)));
    let behind = pool.submit(square, 2);
    assert!(lost.result().is_err());
    assert_eq!(behind.result(), Ok(4));
    eventually("the death is written down", || {
        let events = pool.recording().events;
        events.iter().any(|event| matches!(event.what, PoolEventKind::Died(..)))
    });
    let recording = pool.recording();
    assert_eq!(words(&recording, 1), ["queued", "sent", "began", "lost"]);
    let behind = words(&recording, 2);
    assert_eq!(behind[behind.len() - 4..], ["sent", "began", "ended", "answered"], "{behind:?}");
    let deaths: Vec<Death> = recording
        .events
        .iter()
        .filter_map(|event| match event.what {
            PoolEventKind::Died(_, death) => Some(death),
            _ => None,
        })
        .collect();
    assert_eq!(deaths, [Death::Signal(9)]);
    let born = |event: &&singletrack::process::pool::recording::PoolEvent| {
        matches!(event.what, PoolEventKind::Born(..))
    };
    assert_eq!(recording.events.iter().filter(born).count(), 1, "another one in its place");
    check_lanes(&recording);
}

fn a_retry(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    pool.record(100);
    let options = JobOptions::default().retries(1);
    assert!(pool.submit_with(options, end_if, (9, Some(End::Kill))).future.result().is_err());
    let recording = pool.recording();
    let told = words(&recording, 0);
    assert_eq!(told, ["queued", "sent", "began", "retried", "sent", "began", "lost"]);
    check_lanes(&recording);
}

fn past_its_limit(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    pool.record(100);
    let hung = pool.submit_within(Duration::from_millis(50), nap, 60_000);
    assert!(hung.result().is_err());
    let recording = pool.recording();
    assert_eq!(words(&recording, 0), ["queued", "sent", "began", "timed out"]);
    check_lanes(&recording);
}
