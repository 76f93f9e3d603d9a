//! Recordings of the lock: what is written down, in what order, and what is forgotten.
#![cfg(not(loom))]

mod common;

use common::{until, watchdog};
use singletrack::gil::AttachError;
use singletrack::gil::GilThread;
use singletrack::gil::GlobalLock;
use singletrack::gil::{Check, SwitchPolicy};
use singletrack::gil::{EventKind, LockEvent, LockState, Recording, Slice, Track};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

const ROOM: usize = 1 << 12;

fn whats(track: &Track) -> Vec<EventKind> {
    track.events.iter().map(|event| event.what).collect()
}

fn track<'a>(recording: &'a Recording, name: &str) -> &'a Track {
    let found = recording.tracks.iter().find(|track| track.name == name);
    found.unwrap_or_else(|| panic!("{name} is not in {recording:?}"))
}

fn quick(policy: SwitchPolicy) -> SwitchPolicy {
    match policy.check() {
        Check::OnRequest { .. } => {
            let interval = Duration::from_micros(50);
            policy.with_check(Check::OnRequest { interval }).unwrap()
        }
        Check::EveryTicks(_) => policy.with_check(Check::EveryTicks(20)).unwrap(),
    }
}

#[test]
fn a_lock_that_is_not_recorded_writes_nothing() {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    lock.attach(|gil| gil.detach(|| ())).unwrap();
    assert_eq!(lock.recording().tracks, []);
    lock.record(ROOM);
    lock.stop_recording();
    lock.attach(|gil| gil.detach(|| ())).unwrap();
    assert_eq!(lock.recording().tracks[0].events, []);
}

#[test]
fn threads_that_are_there_when_a_recording_begins_are_recorded_as_they_are() {
    let _watchdog = watchdog("a recording that begins late", 30);
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let (detached, ready) = std::sync::mpsc::channel();
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let main = GilThread::spawn(&lock, "main", move |gil| {
        gil.detach(|| {
            detached.send(()).unwrap();
            blocked.recv().unwrap_err();
        });
    });
    ready.recv().unwrap();
    let holder = lock.clone();
    let thread = std::thread::Builder::new().name("holder".into()).spawn(move || {
        holder.attach(|gil| {
            let waiter = GilThread::spawn(&holder, "waiter", |_| ()).unwrap();
            until(|| holder.drop_requested());
            holder.record(ROOM);
            let recording = holder.recording();
            gil.checkpoint();
            (waiter, recording)
        })
    });
    let (waiter, recording) = thread.unwrap().join().unwrap().unwrap();
    let state = |name: &str| {
        let slices = track(&recording, name).slices(recording.until);
        slices.iter().map(|slice| slice.state).collect::<Vec<_>>()
    };
    assert_eq!(state("main"), [LockState::NoGil], "it blocks elsewhere, and is there");
    assert_eq!(state("waiter"), [LockState::WaitingForGil]);
    assert_eq!(state("holder"), [], "when it began to hold the lock was not written down");
    drop(release);
    main.unwrap().join().unwrap();
    waiter.join().unwrap();
    let whole = lock.recording();
    let names = [EventKind::Takes, EventKind::DropsVoluntarily];
    assert_eq!(whats(track(&whole, "main")), names, "and nothing was made up");
}

/// Shows G17.
#[test]
fn a_forced_switch_is_written_down_step_by_step() {
    let _watchdog = watchdog("a recorded switch", 30);
    let lock = GlobalLock::new(quick(SwitchPolicy::PYTHON_3_10));
    lock.record(ROOM);
    let holder = lock.clone();
    let thread = std::thread::Builder::new().name("holder".into()).spawn(move || {
        holder.attach(|gil| {
            let waiter = GilThread::spawn(&holder, "waiter", |_| ()).unwrap();
            until(|| holder.drop_requested());
            gil.checkpoint();
            waiter
        })
    });
    thread.unwrap().join().unwrap().unwrap().join().unwrap();
    let recording = lock.recording();
    let holder = whats(track(&recording, "holder"));
    let switch = [EventKind::Takes, EventKind::DropsOnRequest, EventKind::Waits];
    assert_eq!(holder[..3], switch, "the dropper sleeps until the other has had the lock");
    assert_eq!(holder[holder.len() - 2..], [EventKind::Takes, EventKind::DropsVoluntarily]);
    let waiter = whats(track(&recording, "waiter"));
    assert_eq!(waiter[..2], [EventKind::Waits, EventKind::Requests]);
    assert_eq!(waiter[waiter.len() - 2..], [EventKind::Takes, EventKind::DropsVoluntarily]);
    assert!(recording.tracks.iter().all(|track| track.tid > 0 && track.dropped == 0));
}

#[test]
fn a_waiter_that_gives_up_is_not_shown_waiting_for_ever() {
    let _watchdog = watchdog("giving up", 30);
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_2);
    lock.record(ROOM);
    let refused = lock.attach(|_| {
        let theirs = lock.clone();
        let limit = Duration::from_millis(1);
        let impatient = move || theirs.attach_timeout(limit, |_| ());
        std::thread::Builder::new().name("impatient".into()).spawn(impatient).unwrap().join()
    });
    let limit = Duration::from_millis(1);
    assert_eq!(refused.unwrap().unwrap(), Err(AttachError::TimedOut(limit)));
    let recording = lock.recording();
    assert_eq!(whats(track(&recording, "impatient")), [EventKind::Waits, EventKind::GivesUp]);
}

#[test]
fn a_full_ring_forgets_the_oldest_and_counts_them() {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    lock.record(7);
    (0..10).for_each(|_| lock.attach(|_| ()).unwrap());
    let recording = lock.recording();
    let track = &recording.tracks[0];
    assert_eq!((track.events.len(), track.dropped), (7, 13));
    assert_eq!(track.events.last().unwrap().what, EventKind::DropsVoluntarily);
    assert_eq!(recording.whole_since(), track.events[0].at);
}

/// Shows G17.
#[test]
fn two_threads_are_never_shown_with_the_lock_at_once() {
    let _watchdog = watchdog("recorded threads", 60);
    for (name, policy) in SwitchPolicy::PRESETS {
        let lock = GlobalLock::new(quick(policy));
        lock.record(1 << 16);
        let work = |name: String| {
            GilThread::spawn(&lock, &name, |gil| {
                for n in 0..2_000 {
                    match n % 64 {
                        0 => gil.detach(std::thread::yield_now),
                        _ => gil.checkpoint(),
                    }
                }
            })
        };
        let threads: Vec<_> = (0..3).map(|i| work(format!("t{i}")).unwrap()).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let (recording, counters) = (lock.recording(), lock.counters());
        assert_eq!(recording.tracks.len(), 3, "{name}: the dead stay in the recording");
        let mut holds: Vec<Slice> = Vec::new();
        let (mut takes, mut asks, mut fails) = (0, 0, 0);
        for track in &recording.tracks {
            assert!(track.events.is_sorted_by_key(|event| event.at), "{name}: {track:?}");
            let count = |what| track.events.iter().filter(|e| e.what == what).count() as u64;
            takes += count(EventKind::Takes);
            asks += count(EventKind::Requests);
            fails += count(EventKind::FailsToTake);
            let slices = track.slices(recording.until);
            holds.extend(slices.iter().filter(|slice| slice.state == LockState::HasGil));
        }
        assert_eq!(takes, counters.acquisitions(), "{name}");
        assert_eq!((asks, fails), (counters.drop_requests, counters.retries), "{name}");
        holds.sort_by_key(|slice| (slice.from, slice.to));
        for pair in holds.windows(2) {
            assert!(pair[0].to <= pair[1].from, "{name}: {pair:?}");
        }
    }
}

/// What a recording says, played again: whose the lock was, and how long it was whose.
struct Replay {
    holder: Option<usize>,
    /// Since when it has been held, or free.
    since: u64,
    held: u64,
    idle: u64,
    last: Option<usize>,
    switches: u64,
}

impl Replay {
    fn step(&mut self, name: &str, thread: usize, event: LockEvent) {
        let passed = event.at - self.since;
        match event.what {
            EventKind::Takes => {
                assert_eq!(
                    self.holder.replace(thread),
                    None,
                    "{name}: {thread} takes what is taken"
                );
                self.idle += passed;
                self.switches += u64::from(self.last.replace(thread) != Some(thread));
            }
            EventKind::DropsVoluntarily | EventKind::DropsOnRequest | EventKind::DropsAtTick => {
                assert_eq!(
                    self.holder.take(),
                    Some(thread),
                    "{name}: {thread} drops a lock that it does not hold"
                );
                self.held += passed;
            }
            _ => return,
        }
        self.since = event.at;
    }
}

/// Shows G17.
#[test]
fn a_recording_replays_and_all_of_its_time_is_hold_or_idle() {
    let _watchdog = watchdog("a recording to replay", 60);
    for (name, policy) in SwitchPolicy::PRESETS {
        let before = Instant::now();
        let lock = GlobalLock::new(quick(policy));
        let made = Instant::now();
        lock.record(1 << 16);
        lock.measure_hold(true);
        let work = |number: u32| {
            GilThread::spawn(&lock, &format!("t{number}"), move |gil| {
                for n in 0..1_000 {
                    match (n * number) % 50 {
                        0 => gil.detach(std::thread::yield_now),
                        1 => gil.checkpoint(),
                        _ => gil.tick(),
                    }
                }
            })
        };
        let threads: Vec<_> = (1..=3).map(|number| work(number).unwrap()).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let ended = made.elapsed();
        let (recording, counters) = (lock.recording(), lock.counters());
        let after = before.elapsed();
        let tracks = recording.tracks.iter().enumerate();
        let mut events: Vec<(usize, LockEvent)> =
            tracks.flat_map(|(index, t)| t.events.iter().map(move |&e| (index, e))).collect();
        // A drop and the next take can have the same nanosecond: the drop was first.
        events.sort_by_key(|(_, event)| (event.at, event.what == EventKind::Takes));
        let (holder, last) = (None, None);
        let mut replay = Replay { holder, since: 0, held: 0, idle: 0, last, switches: 0 };
        events.into_iter().for_each(|(thread, event)| replay.step(name, thread, event));
        assert_eq!(replay.holder, None, "{name}: all have left");
        assert_eq!(replay.switches, counters.switches, "{name}");
        assert_eq!(replay.held, counters.hold_ns, "{name}: measured twice, in two ways");
        replay.idle += recording.until - replay.since;
        // Another clock, read from outside, a moment sooner and a moment later.
        let wall = ended.as_nanos() as u64..=after.as_nanos() as u64;
        assert!(wall.contains(&(replay.held + replay.idle)), "{name}: {wall:?}");
    }
}

#[test]
fn a_recording_is_whole_though_the_thread_goes_on() {
    let _watchdog = watchdog("reading while writing", 30);
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    lock.record(64);
    let done = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&done);
    let writer = GilThread::spawn(&lock, "writer", move |gil| {
        while !stop.load(SeqCst) {
            gil.detach(|| ());
        }
    });
    until(|| lock.recording().tracks.first().is_some_and(|track| track.dropped > 0));
    for _ in 0..2_000 {
        let recording = lock.recording();
        let events = &recording.tracks[0].events;
        assert!(events.len() <= 64);
        for pair in events.windows(2) {
            assert!(pair[0].at <= pair[1].at, "{pair:?}");
            assert_ne!(pair[0].what, pair[1].what, "it takes and drops in turn");
        }
    }
    done.store(true, SeqCst);
    writer.unwrap().join().unwrap();
}

#[test]
fn slices_run_from_state_to_state() {
    let events = [
        (10, EventKind::Waits),
        (15, EventKind::Requests),
        (18, EventKind::FailsToTake),
        (20, EventKind::Takes),
        (30, EventKind::DropsOnRequest),
        (30, EventKind::Waits),
        (40, EventKind::Waits),
        (50, EventKind::Takes),
        (60, EventKind::DropsVoluntarily),
    ];
    let events = events.map(|(at, what)| LockEvent { at, what }).to_vec();
    let track = Track { name: "t".into(), tid: 1, events, dropped: 0, began: None, times: None };
    let slice = |state, from, to| Slice { state, from, to };
    assert_eq!(
        track.slices(100),
        [
            slice(LockState::WaitingForGil, 10, 20),
            slice(LockState::HasGil, 20, 30),
            slice(LockState::WaitingForGil, 30, 50),
            slice(LockState::HasGil, 50, 60),
            slice(LockState::NoGil, 60, 100),
        ]
    );
}

#[test]
fn a_thread_that_drops_the_lock_at_a_tick_waits_for_it_unless_it_has_it_at_once() {
    let events = [
        (0, EventKind::Takes),
        (1_000, EventKind::DropsAtTick),
        (1_100, EventKind::Takes),
        (2_000, EventKind::DropsAtTick),
        (52_000, EventKind::Takes),
    ];
    let events = events.map(|(at, what)| LockEvent { at, what }).to_vec();
    let track = Track { name: "t".into(), tid: 1, events, dropped: 0, began: None, times: None };
    let states: Vec<LockState> = track.slices(60_000).iter().map(|slice| slice.state).collect();
    let (has, waits, none) = (LockState::HasGil, LockState::WaitingForGil, LockState::NoGil);
    assert_eq!(states, [has, none, has, waits, has]);
}

#[test]
fn the_states_have_cpythons_names() {
    let states = [LockState::HasGil, LockState::WaitingForGil, LockState::NoGil];
    assert_eq!(states.map(LockState::name), ["Has GIL", "Waiting for GIL", "No GIL"]);
}
