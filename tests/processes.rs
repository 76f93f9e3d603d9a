//! Single processes, and the pipes and queues between them: a process dies at some moment, and the
//! others notice it.

#[path = "process_pool/jobs.rs"]
#[allow(dead_code)]
mod jobs;
#[path = "process_pool/runner.rs"]
#[allow(dead_code)]
mod runner;

use jobs::*;
use runner::{Test, children, eventually, is_alive};
use singletrack::EventLoop;
use singletrack::aio::readable;
use singletrack::aio::sleep;
use singletrack::aio::wait_for;
use singletrack::futures::JobError;
use singletrack::process::Descriptor;
use singletrack::process::ForkServer;
use singletrack::process::PipeError;
use singletrack::process::ProcessPool;
use singletrack::process::message::frame::{FrameKind, frame};
use singletrack::process::{Connection, Receiver, Sender, duplex, pipe};
use singletrack::process::{Consumer, Producer, queue, queue_of};
use singletrack::process::{Process, ProcessOptions};
use singletrack::sys::process::Death;
use singletrack::sys::process::wait_for_exit;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;
use std::time::Duration;

const TESTS: &[Test<ForkServer>] = &[
    ("a_process_tells_its_end_as_it_was", a_process_tells_its_end_as_it_was),
    ("exitcodes_are_numbers_or_signals", exitcodes_are_numbers_or_signals),
    ("a_process_is_watched_while_it_runs", a_process_is_watched_while_it_runs),
    ("a_large_result_does_not_keep_a_process_alive", a_large_result_does_not_keep_a_process_alive),
    ("a_process_that_writes_garbage_is_killed", a_process_that_writes_garbage_is_killed),
    ("a_process_that_answers_twice_is_killed", a_process_that_answers_twice_is_killed),
    ("a_process_that_says_only_hello_is_killed", a_process_that_says_only_hello_is_killed),
    ("a_process_ends_with_its_fork_server", a_process_ends_with_its_fork_server),
    ("a_process_is_awaited_on_the_loop", a_process_is_awaited_on_the_loop),
    ("a_sentinel_is_awaited_on_the_loop", a_sentinel_is_awaited_on_the_loop),
    (
        "daemon_a_dropped_one_is_killed_others_are_joined",
        daemon_a_dropped_one_is_killed_others_are_joined,
    ),
    ("a_file_travels_to_a_new_process", a_file_travels_to_a_new_process),
    ("fd_inflation_the_nth_child_has_no_more", fd_inflation_the_nth_child_has_no_more),
    ("descriptors_travel_only_at_birth", descriptors_travel_only_at_birth),
    ("too_many_descriptors_are_refused", too_many_descriptors_are_refused),
    ("values_pass_through_a_pipe_both_ways", values_pass_through_a_pipe_both_ways),
    ("a_receiver_notices_the_senders_death", a_receiver_notices_the_senders_death),
    ("half_a_value_is_told_as_such", half_a_value_is_told_as_such),
    ("a_sender_notices_the_receivers_death", a_sender_notices_the_receivers_death),
    (
        "a_send_that_timed_out_is_finished_by_the_next",
        a_send_that_timed_out_is_finished_by_the_next,
    ),
    ("garbage_in_a_pipe_is_an_error", garbage_in_a_pipe_is_an_error),
    ("pipes_are_awaited_on_the_loop", pipes_are_awaited_on_the_loop),
    ("a_used_pipe_end_does_not_travel", a_used_pipe_end_does_not_travel),
    (
        "queue_put_unpicklable_leaves_the_queue_usable",
        queue_put_unpicklable_leaves_the_queue_usable,
    ),
    ("a_queue_serves_many_processes_and_threads", a_queue_serves_many_processes_and_threads),
    ("long_values_pass_a_queue", long_values_pass_a_queue),
    ("killed_producers_leave_no_half_value", killed_producers_leave_no_half_value),
    ("a_killed_consumer_stops_nobody", a_killed_consumer_stops_nobody),
    ("a_queue_without_the_other_side_says_so", a_queue_without_the_other_side_says_so),
    ("a_full_queue_waits_and_times_out", a_full_queue_waits_and_times_out),
    ("queues_are_awaited_on_the_loop", queues_are_awaited_on_the_loop),
    ("maxsize_bounds_a_queue", maxsize_bounds_a_queue),
    ("maxsize_holds_among_many_processes", maxsize_holds_among_many_processes),
    ("a_put_waits_for_a_slot_on_the_loop", a_put_waits_for_a_slot_on_the_loop),
    ("a_bounded_queue_without_consumers_says_so", a_bounded_queue_without_consumers_says_so),
    ("lost_slots_are_made_good", lost_slots_are_made_good),
    ("killed_holders_of_slots_stop_nobody", killed_holders_of_slots_stop_nobody),
];

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--lose-the-fork-server") {
        return lose_the_fork_server();
    }
    runner::run_with_fork_server(TESTS);
}

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(30);

// ---- processes (scenarios 79-81) ----

fn a_process_tells_its_end_as_it_was(fork_server: &ForkServer) {
    assert_eq!(Process::spawn(fork_server, square, 12).unwrap().join(), Ok(144));
    let big = Process::spawn(fork_server, long_text, 1 << 20).unwrap().join();
    assert_eq!(big.map(|text| text.len()), Ok(1 << 20));
    let panicked = Process::spawn(fork_server, panic_with, "oh".to_owned()).unwrap().join();
    assert_eq!(panicked, Err(JobError::Panicked("oh".to_owned())));
    for end in [End::Exit(0), End::Exit(7), End::Kill, End::Segv, End::Abort] {
        let process = Process::spawn(fork_server, end_if, (0, Some(end))).unwrap();
        let pid = process.pid();
        assert_eq!(lost(process.join()), (pid, end.death(), 0));
    }
}

fn exitcodes_are_numbers_or_signals(fork_server: &ForkServer) {
    let code = |mut process: Process<u64>| {
        assert_eq!(process.wait(Some(LONG)), Ok(true));
        assert!(!process.is_alive());
        process.exit_code().unwrap()
    };
    assert_eq!(code(Process::spawn(fork_server, square, 2).unwrap()), Death::Code(0));
    let panics = Process::spawn(fork_server, panic_with, "oh".to_owned()).unwrap();
    assert_eq!(code(panics), Death::Code(101));
    let exits = Process::spawn(fork_server, end_if, (0, Some(End::Exit(7)))).unwrap();
    assert_eq!(code(exits), Death::Code(7));
    type Send = fn(&Process<u64>) -> std::io::Result<()>;
    let signals: [(Send, i32); 3] = [
        (|p| p.terminate(), libc::SIGTERM),
        (|p| p.kill(), libc::SIGKILL),
        (|p| p.interrupt(), libc::SIGINT),
    ];
    for (send, signal) in signals {
        let process = Process::spawn(fork_server, sleep_for_ever, ()).unwrap();
        send(&process).unwrap();
        assert_eq!(code(process), Death::Signal(signal));
    }
}

fn a_process_is_watched_while_it_runs(fork_server: &ForkServer) {
    let options = ProcessOptions::default().name("crane");
    let mut process = options.spawn(fork_server, sleep_for_ever, ()).unwrap();
    assert_eq!((process.name(), process.daemon()), ("crane", false));
    assert!(process.is_alive() && process.exit_code().is_none());
    assert_eq!(process.wait(Some(SHORT)), Ok(false));
    process.kill().unwrap();
    assert_eq!(process.wait(Some(LONG)), Ok(true));
    assert_eq!(process.wait(None), Ok(true), "it may be asked again");
    assert_eq!(lost(process.join()).1, Death::Signal(libc::SIGKILL));
    let unnamed = Process::spawn(fork_server, square, 1).unwrap();
    assert!(unnamed.name().starts_with("Process-"), "{}", unnamed.name());
}

fn a_large_result_does_not_keep_a_process_alive(fork_server: &ForkServer) {
    let mut process = Process::spawn(fork_server, long_text, 1 << 20).unwrap();
    eventually_mut("it ends", || !process.is_alive());
    assert_eq!(process.join().map(|text| text.len()), Ok(1 << 20));
}

fn garbage_for_ever(_: ()) -> u64 {
    let mut pipe = File::options().write(true).open(my_reply_pipe()).unwrap();
    loop {
        pipe.write_all(&[0x5a; 1 << 16]).unwrap();
    }
}

fn protocol<T: std::fmt::Debug>(result: Result<T, JobError>) -> String {
    match result {
        Err(JobError::Protocol(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn a_process_that_writes_garbage_is_killed(fork_server: &ForkServer) {
    let mut process = Process::spawn(fork_server, garbage_for_ever, ()).unwrap();
    let pid = process.pid();
    assert_eq!(process.wait(Some(LONG)), Ok(true));
    assert_eq!(process.exit_code(), Some(KILLED));
    let why = protocol(process.join());
    assert!(why.contains(&pid.to_string()) && why.contains("check"), "{why}");
}

fn answer_and_stay(_: ()) -> u64 {
    answer_for(0);
    answer_for(0);
    sleep_for_ever(())
}

fn a_process_that_answers_twice_is_killed(fork_server: &ForkServer) {
    let why = protocol(Process::spawn(fork_server, answer_and_stay, ()).unwrap().join());
    assert!(why.contains("twice"), "{why}");
}

fn say_hello_for_ever(_: ()) -> u64 {
    let mut pipe = File::options().write(true).open(my_reply_pipe()).unwrap();
    let hellos = frame(FrameKind::Hello, 0, &[]).unwrap().repeat(1000);
    loop {
        pipe.write_all(&hellos).unwrap();
    }
}

fn a_process_that_says_only_hello_is_killed(fork_server: &ForkServer) {
    let mut process = Process::spawn(fork_server, say_hello_for_ever, ()).unwrap();
    assert_eq!(process.wait(Some(LONG)), Ok(true));
    let why = protocol(process.join());
    assert!(why.contains("hello twice"), "{why}");
}

/// In a program of its own, for it loses its fork server.
fn lose_the_fork_server() {
    let fork_server = ForkServer::start().unwrap();
    let mut asleep = Process::spawn(&fork_server, sleep_for_ever, ()).unwrap();
    let mut done = Process::spawn(&fork_server, square, 12).unwrap();
    let ended = wait_for_exit(&[done.sentinel()], Some(LONG)).unwrap();
    assert_eq!(ended, [0]);
    assert!(asleep.is_alive());
    signal(fork_server.pid(), libc::SIGKILL);
    eventually_mut("it is dead", || !asleep.is_alive());
    assert_eq!(asleep.exit_code(), Some(KILLED));
    assert_eq!(lost(asleep.join()).1, KILLED);
    assert!(!done.is_alive());
    assert_eq!(done.join(), Ok(144), "what it had said is not lost");
    assert!(matches!(Process::spawn(&fork_server, square, 12), Err(JobError::Broken(_))));
}

fn a_process_ends_with_its_fork_server(_: &ForkServer) {
    let mut program = Command::new(std::env::current_exe().unwrap());
    let status = program.arg("--lose-the-fork-server").status().unwrap();
    assert!(status.success(), "{status}");
}

fn eventually_mut(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..20_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("waited in vain: {what}");
}

fn a_process_is_awaited_on_the_loop(fork_server: &ForkServer) {
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        let mut processes: Vec<_> =
            (0..4).map(|i| Process::spawn(fork_server, nap, 10 * (4 - i)).unwrap()).collect();
        for process in &mut processes {
            process.ended().await.unwrap();
        }
        let naps: Result<Vec<u64>, _> = processes.into_iter().map(Process::join).collect();
        assert_eq!(naps, Ok(vec![40, 30, 20, 10]));
        let mut big = Process::spawn(fork_server, long_text, 1 << 20).unwrap();
        big.ended().await.unwrap();
        assert_eq!(big.exit_code(), Some(Death::Code(0)));
        // A wait that is given up leaves the process alone.
        let mut sleeper = Process::spawn(fork_server, sleep_for_ever, ()).unwrap();
        wait_for(sleeper.ended(), Some(SHORT)).await.unwrap_err();
        assert!(sleeper.is_alive());
        sleeper.kill().unwrap();
        sleeper.ended().await.unwrap();
        assert_eq!(lost(sleeper.join()).1, Death::Signal(libc::SIGKILL));
    });
}

fn a_sentinel_is_awaited_on_the_loop(fork_server: &ForkServer) {
    let mut process = Process::spawn(fork_server, nap, 20).unwrap();
    EventLoop::new().unwrap().run_until_complete(async {
        readable(process.sentinel()).await.unwrap();
    });
    assert_eq!(process.wait(Some(Duration::ZERO)), Ok(true));
    assert_eq!(process.join(), Ok(20));
}

fn daemon_a_dropped_one_is_killed_others_are_joined(fork_server: &ForkServer) {
    let daemon = ProcessOptions::default().daemon(true);
    let process = daemon.spawn(fork_server, sleep_for_ever, ()).unwrap();
    assert_eq!(children(fork_server.pid()).len(), 1);
    drop(process);
    assert_eq!(children(fork_server.pid()).len(), 0);
    let (mut receiver, sender) = pipe().unwrap();
    drop(Process::spawn(fork_server, nap_and_tell, (30, sender)).unwrap());
    // It was waited for: its last word is there, and it is gone.
    assert!(receiver.try_recv().unwrap().is_some_and(|pid: u32| !is_alive(pid)));
}

fn nap_and_tell((ms, mut sender): (u64, Sender<u32>)) {
    nap(ms);
    sender.send(&std::process::id()).unwrap();
}

// ---- descriptors ----

fn a_file_travels_to_a_new_process(fork_server: &ForkServer) {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let writer = Descriptor::from(OwnedFd::from(writer));
    let process = Process::spawn(fork_server, write_my_descriptors, (writer, 7)).unwrap();
    let mut text = String::new();
    // It comes to its end, so nobody holds the writer: neither we nor the fork server.
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(process.join(), Ok(7));
    // Besides its own two pipes there is only what it was given.
    assert_eq!(text.lines().count(), 3 + 2 + 1, "{text}");
}

fn write_my_descriptors((file, number): (Descriptor, u64)) -> u64 {
    let mut file = File::from(OwnedFd::from(file));
    file.write_all(runner::descriptors().join("\n").as_bytes()).unwrap();
    number
}

fn fd_inflation_the_nth_child_has_no_more(fork_server: &ForkServer) {
    let (_receiver, sender) = pipe::<u8>().unwrap();
    let pools: Vec<_> = (0..3).map(|_| ProcessPool::new(fork_server, 2).unwrap()).collect();
    let alive: Vec<_> = (0..5)
        .map(|_| {
            ProcessOptions::default().daemon(true).spawn(fork_server, sleep_for_ever, ()).unwrap()
        })
        .collect();
    let descriptors = Process::spawn(fork_server, my_descriptors, 0).unwrap().join().unwrap();
    assert_eq!(descriptors.len(), 5, "{descriptors:?}");
    drop((sender, pools, alive));
}

fn descriptors_travel_only_at_birth(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    let (receiver, sender) = pipe::<u8>().unwrap();
    match pool.submit(close_sender, sender).result() {
        Err(JobError::Codec(why)) => assert!(why.contains("being started"), "{why}"),
        other => panic!("{other:?}"),
    }
    drop(receiver);
    // A descriptor from nowhere is no descriptor.
    match pool.submit(take_sender, 9).result() {
        Err(JobError::Codec(_) | JobError::Panicked(_)) => {}
        other => panic!("{other:?}"),
    }
}

fn close_sender(_: Sender<u8>) {}

fn take_sender(number: u32) -> bool {
    let bytes = singletrack::futures::encode(&number).unwrap();
    singletrack::futures::decode::<Sender<u8>>(&bytes).map(drop).unwrap();
    true
}

fn too_many_descriptors_are_refused(fork_server: &ForkServer) {
    let ends: Vec<Sender<u8>> = (0..9).map(|_| pipe().unwrap().1).collect();
    match Process::spawn(fork_server, |ends: Vec<Sender<u8>>| ends.len(), ends) {
        Err(JobError::Broken(why)) => assert!(why.contains("at most 8"), "{why}"),
        other => panic!("{other:?}"),
    }
    let ends: Vec<Sender<u8>> = (0..8).map(|_| pipe().unwrap().1).collect();
    let process = Process::spawn(fork_server, |ends: Vec<Sender<u8>>| ends.len(), ends);
    assert_eq!(process.unwrap().join(), Ok(8));
}

// ---- pipes ----

fn lengths(mut parent: Connection<usize, String>) {
    while let Ok(text) = parent.recv() {
        parent.send(&text.len()).unwrap();
    }
}

fn values_pass_through_a_pipe_both_ways(fork_server: &ForkServer) {
    let (mut ours, theirs) = duplex::<String, usize>().unwrap();
    let child = Process::spawn(fork_server, lengths, theirs).unwrap();
    for length in [0, 1, 1000, 1 << 16, 3 << 20] {
        ours.send(&"x".repeat(length)).unwrap();
        assert_eq!(ours.recv().unwrap(), length);
    }
    assert!(matches!(ours.receiver.recv_timeout(SHORT), Err(PipeError::TimedOut)));
    assert!(ours.receiver.try_recv().unwrap().is_none());
    drop(ours);
    assert_eq!(child.join(), Ok(()));
}

fn send_three_and_die((mut sender, end): (Sender<u64>, End)) -> u64 {
    (0..3).for_each(|i| sender.send(&i).unwrap());
    end_if((0, Some(end)))
}

fn a_receiver_notices_the_senders_death(fork_server: &ForkServer) {
    for end in [End::Exit(0), End::Kill] {
        let (mut receiver, sender) = pipe().unwrap();
        let child = Process::spawn(fork_server, send_three_and_die, (sender, end)).unwrap();
        for i in 0..3 {
            assert_eq!(receiver.recv().unwrap(), i);
        }
        assert!(matches!(receiver.recv(), Err(PipeError::Closed)));
        assert_eq!(lost(child.join()).1, end.death());
    }
}

/// Writes a header and some of the body.
fn half_a_value(sender: Sender<String>) -> u64 {
    let whole = frame(FrameKind::Item, 0, &[7; 100]).unwrap();
    File::from(sender.as_fd().try_clone_to_owned().unwrap()).write_all(&whole[..50]).unwrap();
    end_if((0, Some(End::Kill)))
}

fn half_a_value_is_told_as_such(fork_server: &ForkServer) {
    let (mut receiver, sender) = pipe().unwrap();
    let child = Process::spawn(fork_server, half_a_value, sender).unwrap();
    assert!(matches!(receiver.recv(), Err(PipeError::Truncated)));
    assert!(child.join().is_err());
}

fn receive_one(mut receiver: Receiver<String>) -> usize {
    receiver.recv().unwrap().len()
}

fn a_sender_notices_the_receivers_death(fork_server: &ForkServer) {
    let (receiver, mut sender) = pipe().unwrap();
    let child = Process::spawn(fork_server, receive_one, receiver).unwrap();
    sender.send(&"hello".to_owned()).unwrap();
    assert_eq!(child.join(), Ok(5));
    let text = "x".repeat(1 << 20);
    assert!(matches!(sender.send(&text), Err(PipeError::Closed)));
    // Also while it waits for room.
    let (receiver, mut sender) = pipe::<String>().unwrap();
    let child = Process::spawn(fork_server, |_: Receiver<String>| nap(50), receiver).unwrap();
    assert!(matches!(sender.send(&text), Err(PipeError::Closed)));
    assert_eq!(child.join(), Ok(50));
}

fn a_send_that_timed_out_is_finished_by_the_next(_: &ForkServer) {
    let (mut receiver, mut sender) = pipe().unwrap();
    let text = "x".repeat(100_000); // more than a pipe holds
    assert!(matches!(sender.send_timeout(&text, SHORT), Err(PipeError::TimedOut)));
    let reader = std::thread::spawn(move || {
        let values: Vec<String> = std::iter::from_fn(|| receiver.recv().ok()).collect();
        values
    });
    sender.send(&"y".to_owned()).unwrap();
    drop(sender);
    assert_eq!(reader.join().unwrap(), [text, "y".to_owned()]);
}

fn garbage_in_a_pipe_is_an_error(_: &ForkServer) {
    let (mut receiver, sender) = pipe::<u8>().unwrap();
    let mut raw = File::from(sender.as_fd().try_clone_to_owned().unwrap());
    raw.write_all(&[0x5a; 100]).unwrap();
    assert!(matches!(receiver.recv(), Err(PipeError::Garbage(_))));
    let (mut receiver, sender) = pipe::<u8>().unwrap();
    let mut raw = File::from(sender.as_fd().try_clone_to_owned().unwrap());
    raw.write_all(&frame(FrameKind::Item, 0, &[1, 2, 3]).unwrap()).unwrap();
    raw.write_all(&frame(FrameKind::Item, 0, &[4]).unwrap()).unwrap();
    assert!(matches!(receiver.recv(), Err(PipeError::Codec(_))));
    assert_eq!(receiver.recv().unwrap(), 4, "the next one passes");
}

fn pipes_are_awaited_on_the_loop(fork_server: &ForkServer) {
    let (ours, theirs) = duplex::<String, usize>().unwrap();
    let child = Process::spawn(fork_server, lengths, theirs).unwrap();
    EventLoop::new().unwrap().run_until_complete(async {
        let Connection { mut sender, mut receiver } = ours;
        let sending = singletrack::create_task(async move {
            for length in [10, 1 << 20, 0] {
                sleep(Duration::from_millis(1)).await; // the child waits, and so does the other task
                sender.send_async(&"x".repeat(length)).await.unwrap();
            }
        });
        for length in [10, 1 << 20, 0] {
            assert_eq!(receiver.recv_async().await.unwrap(), length);
        }
        sending.await.unwrap();
        assert!(matches!(receiver.recv_async().await, Err(PipeError::Closed)));
    });
    assert_eq!(child.join(), Ok(()));
}

fn a_used_pipe_end_does_not_travel(fork_server: &ForkServer) {
    let (mut receiver, mut sender) = pipe::<u8>().unwrap();
    (0..2).for_each(|i| sender.send(&i).unwrap());
    assert_eq!(receiver.recv().unwrap(), 0); // and the other is in this end's buffer
    match Process::spawn(fork_server, |_: Receiver<u8>| (), receiver) {
        Err(JobError::Codec(_)) => {}
        other => panic!("{other:?}"),
    }
}

// ---- queues (scenario 88 among them) ----

fn queue_put_unpicklable_leaves_the_queue_usable(_: &ForkServer) {
    let (producer, consumer) = queue().unwrap();
    assert!(matches!(producer.put(&Thorny::RefusesToEncode), Err(PipeError::Codec(_))));
    producer.put(&Thorny::RefusesToDecode).unwrap();
    assert!(matches!(consumer.get(), Err(PipeError::Codec(_))));
    assert!(consumer.try_get().unwrap().is_none(), "nothing else was put");
}

fn squares((numbers, results): (Consumer<u64>, Producer<(u32, u64)>)) -> u64 {
    let mut count = 0;
    while let Ok(number) = numbers.get() {
        results.put(&(std::process::id(), number * number)).unwrap();
        count += 1;
    }
    count
}

fn a_queue_serves_many_processes_and_threads(fork_server: &ForkServer) {
    let (numbers, theirs) = queue().unwrap();
    let (doubled, results) = queue().unwrap();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let ends = (theirs.try_clone().unwrap(), doubled.try_clone().unwrap());
            Process::spawn(fork_server, squares, ends).unwrap()
        })
        .collect();
    drop((theirs, doubled));
    let total = std::thread::scope(|scope| {
        let numbers = &numbers;
        let puts = [0, 1].map(|odd| {
            scope.spawn(move || (0..1000).for_each(|i| numbers.put(&(2 * i + odd)).unwrap()))
        });
        let got: Vec<_> = [(); 2]
            .map(|()| {
                let results = &results;
                scope.spawn(move || (0..1000).map(|_| results.get().unwrap()).collect::<Vec<_>>())
            })
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        puts.into_iter().for_each(|thread| thread.join().unwrap());
        got
    });
    drop(numbers); // no more: the workers return
    let squares: BTreeSet<u64> = total.iter().map(|(_, square)| *square).collect();
    assert_eq!((total.len(), squares.len()), (2000, 2000), "each value once");
    assert!(matches!(results.get(), Err(PipeError::Closed)));
    let counts: u64 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert_eq!(counts, 2000);
}

fn texts((ask, answer): (Consumer<usize>, Producer<String>)) {
    while let Ok(length) = ask.get() {
        answer.put(&"x".repeat(length)).unwrap();
    }
}

fn long_values_pass_a_queue(fork_server: &ForkServer) {
    let (ask, theirs) = queue().unwrap();
    let (answer, answers) = queue().unwrap();
    let child = Process::spawn(fork_server, texts, (theirs, answer)).unwrap();
    let lengths = [0, 8000, 8189, 8190, 8191, 8192, 100_000, 5 << 20];
    lengths.iter().for_each(|length| ask.put(length).unwrap());
    lengths.iter().for_each(|length| assert_eq!(answers.get().unwrap().len(), *length));
    drop(ask);
    assert_eq!(child.join(), Ok(()));
}

/// Puts pairs of the same number, short and long, until it is killed.
fn put_for_ever(queue: Producer<(u64, String, u64)>) -> u64 {
    for i in 0.. {
        queue.put(&(i, "x".repeat((i as usize % 3) * 10_000), i)).unwrap();
    }
    0
}

fn killed_producers_leave_no_half_value(fork_server: &ForkServer) {
    let (producer, consumer) = queue().unwrap();
    for round in 0..10 {
        let children: Vec<_> = (0..2)
            .map(|_| {
                Process::spawn(fork_server, put_for_ever, producer.try_clone().unwrap()).unwrap()
            })
            .collect();
        for _ in 0..50 + round {
            let (i, _, again) = consumer.get().unwrap();
            assert_eq!(i, again);
        }
        children.iter().for_each(|child| child.kill().unwrap());
        drop(children);
        while let Some((i, text, again)) = consumer.try_get().unwrap() {
            assert_eq!((i, text.len()), (again, (i as usize % 3) * 10_000));
        }
    }
    producer.put(&(1, String::new(), 1)).unwrap();
    assert_eq!(consumer.get().unwrap().0, 1, "the queue works on");
}

fn get_for_ever(queue: Consumer<u64>) -> u64 {
    loop {
        queue.get().unwrap();
    }
}

fn a_killed_consumer_stops_nobody(fork_server: &ForkServer) {
    let (producer, consumer) = queue().unwrap();
    for _ in 0..10 {
        let theirs = consumer.try_clone().unwrap();
        let child = Process::spawn(fork_server, get_for_ever, theirs).unwrap();
        (0..200).for_each(|i| producer.put(&i).unwrap());
        child.kill().unwrap();
        drop(child);
    }
    while consumer.try_get().unwrap().is_some() {}
    producer.put(&7).unwrap();
    assert_eq!(consumer.get().unwrap(), 7);
}

fn a_queue_without_the_other_side_says_so(fork_server: &ForkServer) {
    let (producer, consumer) = queue::<u64>().unwrap();
    producer.put(&1).unwrap();
    drop(producer);
    assert_eq!(consumer.get().unwrap(), 1, "what was put is there");
    assert!(matches!(consumer.get(), Err(PipeError::Closed)));
    assert!(matches!(consumer.get_timeout(SHORT), Err(PipeError::Closed)));
    let (producer, consumer) = queue::<u64>().unwrap();
    producer.put(&5).unwrap();
    producer.put(&6).unwrap(); // goes down with the child, which takes one only
    let child = Process::spawn(fork_server, |c: Consumer<u64>| c.get().unwrap(), consumer).unwrap();
    assert_eq!(child.join(), Ok(5));
    assert!(matches!(producer.put(&7), Err(PipeError::Closed)));
}

fn a_full_queue_waits_and_times_out(_: &ForkServer) {
    let (producer, consumer) = queue::<Vec<u8>>().unwrap();
    let value = vec![1; 4000];
    let mut put = 0;
    while producer.put_timeout(&value, SHORT).is_ok() {
        put += 1;
    }
    assert!(put >= 10, "{put}");
    assert!(matches!(producer.put_timeout(&value, SHORT), Err(PipeError::TimedOut)));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| producer.put(&value).unwrap());
        (0..=put).for_each(|_| assert_eq!(consumer.get().unwrap(), value));
        waiting.join().unwrap();
    });
    assert!(consumer.try_get().unwrap().is_none());
    assert!(matches!(consumer.get_timeout(SHORT), Err(PipeError::TimedOut)));
}

fn queues_are_awaited_on_the_loop(fork_server: &ForkServer) {
    let (numbers, theirs) = queue().unwrap();
    let (doubled, results) = queue().unwrap();
    let child = Process::spawn(fork_server, squares, (theirs, doubled)).unwrap();
    EventLoop::new().unwrap().run_until_complete(async {
        let putting = singletrack::create_task(async move {
            for i in 0..2000 {
                numbers.put_async(&i).await.unwrap();
            }
        });
        for i in 0..2000u64 {
            assert_eq!(results.get_async().await.unwrap().1, i * i);
        }
        putting.await.unwrap();
        assert!(matches!(results.get_async().await, Err(PipeError::Closed)));
    });
    assert_eq!(child.join(), Ok(2000));
    eventually("it is gone", || children(fork_server.pid()).is_empty());
}

// ---- queues with a maxsize ----

fn maxsize_bounds_a_queue(_: &ForkServer) {
    let (producer, consumer) = queue_of::<Thorny>(2).unwrap();
    assert!(consumer.is_empty() && !producer.is_full());
    assert_eq!((producer.qsize(), consumer.qsize()), (Some(0), Some(0)));
    let thorn = Thorny::RefusesToDecode;
    producer.put(&thorn).unwrap();
    assert!(matches!(producer.put(&Thorny::RefusesToEncode), Err(PipeError::Codec(_))));
    assert_eq!(producer.qsize(), Some(1), "what was not put takes no room");
    producer.put(&thorn).unwrap();
    assert!(producer.is_full() && !consumer.is_empty());
    assert!(matches!(producer.put_timeout(&thorn, SHORT), Err(PipeError::TimedOut)));
    assert_eq!(consumer.qsize(), Some(2));
    std::thread::scope(|scope| {
        let third = scope.spawn(|| producer.put(&thorn).unwrap());
        assert!(matches!(consumer.get(), Err(PipeError::Codec(_))), "it is got all the same");
        third.join().unwrap();
    });
    assert!(producer.is_full());
    let (producer, consumer) = queue::<u64>().unwrap();
    producer.put(&1).unwrap();
    assert_eq!((producer.qsize(), consumer.qsize(), producer.is_full()), (None, None, false));
    assert!(queue_of::<u64>(65_536).is_ok());
    assert!(queue_of::<u64>(65_537).unwrap_err().to_string().contains("at most 65536"));
}

fn maxsize_holds_among_many_processes(fork_server: &ForkServer) {
    let (numbers, theirs) = queue_of(3).unwrap();
    let (doubled, results) = queue_of(2).unwrap();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let ends = (theirs.try_clone().unwrap(), doubled.try_clone().unwrap());
            Process::spawn(fork_server, squares, ends).unwrap()
        })
        .collect();
    drop((theirs, doubled));
    std::thread::scope(|scope| {
        let put = || {
            for i in 0..500 {
                numbers.put(&i).unwrap();
                assert!(numbers.qsize().unwrap() <= 3);
            }
        };
        let putting = [scope.spawn(put), scope.spawn(put)];
        let mut got: Vec<u64> = (0..1000).map(|_| results.get().unwrap().1).collect();
        putting.into_iter().for_each(|thread| thread.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, (0..1000).map(|i| (i / 2) * (i / 2)).collect::<Vec<u64>>());
    });
    assert_eq!((numbers.qsize(), results.qsize()), (Some(0), Some(0)));
    drop(numbers);
    assert_eq!(workers.into_iter().map(|worker| worker.join().unwrap()).sum::<u64>(), 1000);
}

fn a_put_waits_for_a_slot_on_the_loop(fork_server: &ForkServer) {
    let (numbers, theirs) = queue_of(1).unwrap();
    let (doubled, results) = queue_of(1).unwrap();
    EventLoop::new().unwrap().run_until_complete(async {
        numbers.put_async(&7).await.unwrap();
        let waiting = wait_for(numbers.put_async(&8), Some(SHORT)).await;
        assert!(waiting.is_err(), "it is full");
        let child = Process::spawn(fork_server, squares, (theirs, doubled)).unwrap();
        let putting = singletrack::create_task(async move {
            for i in 8..200 {
                numbers.put_async(&i).await.unwrap();
            }
        });
        for i in 7..200u64 {
            assert_eq!(results.get_async().await.unwrap().1, i * i);
        }
        putting.await.unwrap();
        assert_eq!(child.join(), Ok(193));
    });
}

fn a_bounded_queue_without_consumers_says_so(fork_server: &ForkServer) {
    let (producer, consumer) = queue_of::<u64>(1).unwrap();
    producer.put(&5).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| producer.put(&6));
        let child = Process::spawn(fork_server, get_one_and_stay, consumer).unwrap();
        waiting.join().unwrap().unwrap();
        let waiting = scope.spawn(|| producer.put(&7));
        child.kill().unwrap();
        assert!(matches!(waiting.join().unwrap(), Err(PipeError::Closed)));
        drop(child.join());
    });
    assert!(matches!(producer.put_timeout(&8, SHORT), Err(PipeError::Closed)));
}

fn get_one_and_stay(consumer: Consumer<u64>) -> u64 {
    consumer.get().unwrap();
    sleep_for_ever(())
}

/// Takes a slot of the queue, as a producer does that is killed before it has put its value.
fn steal_a_slot() {
    let mut pipes = (3..100).map(|fd| format!("/proc/self/fd/{fd}"));
    let is_pipe = |path: &String| {
        std::fs::read_link(path).is_ok_and(|to| to.to_string_lossy().starts_with("pipe:"))
    };
    let holds_slots = |path: &String| {
        let info = std::fs::read_to_string(path.replace("/fd/", "/fdinfo/")).unwrap();
        // Read-only and non-blocking: the end for free slots.
        is_pipe(path) && info.lines().any(|l| l.starts_with("flags:") && l.ends_with("4000"))
    };
    let path = pipes.find(|path| is_pipe(path) && holds_slots(path)).expect("a pipe of slots");
    File::open(path).unwrap().read_exact(&mut [0]).unwrap();
}

fn lost_slots_are_made_good(_: &ForkServer) {
    let (producer, consumer) = queue_of::<u64>(2).unwrap();
    steal_a_slot();
    producer.put(&1).unwrap();
    assert!(producer.is_full(), "the queue is one shorter");
    assert!(matches!(producer.put_timeout(&2, SHORT * 10), Err(PipeError::TimedOut)));
    assert_eq!(consumer.get().unwrap(), 1);
    steal_a_slot();
    assert!(producer.is_full() && consumer.is_empty(), "nobody could put");
    assert!(matches!(producer.put_timeout(&2, SHORT), Err(PipeError::TimedOut)));
    producer.put(&3).unwrap();
    assert_eq!(consumer.get().unwrap(), 3);
    assert_eq!(producer.qsize(), Some(1), "one slot is there again");
    steal_a_slot();
    EventLoop::new().unwrap().run_until_complete(producer.put_async(&4)).unwrap();
    assert_eq!(consumer.get().unwrap(), 4);
}

fn killed_holders_of_slots_stop_nobody(fork_server: &ForkServer) {
    let (producer, consumer) = queue_of::<(u64, String, u64)>(2).unwrap();
    for round in 0..10 {
        let puts: Vec<_> = (0..2)
            .map(|_| {
                Process::spawn(fork_server, put_for_ever, producer.try_clone().unwrap()).unwrap()
            })
            .collect();
        let gets = Process::spawn(fork_server, get_texts_for_ever, consumer.try_clone().unwrap());
        for _ in 0..20 + round {
            let (i, _, again) = consumer.get().unwrap();
            assert_eq!(i, again);
            assert!(consumer.qsize().unwrap() <= 2);
        }
        let gets = gets.unwrap();
        puts.iter().for_each(|child| child.kill().unwrap());
        gets.kill().unwrap();
        drop((puts, gets));
        while consumer.try_get().unwrap().is_some() {}
    }
    for i in 0..10 {
        producer.put(&(i, String::new(), i)).unwrap();
        assert_eq!(consumer.get().unwrap().0, i, "the queue works on");
    }
}

fn get_texts_for_ever(queue: Consumer<(u64, String, u64)>) -> u64 {
    loop {
        queue.get().unwrap();
    }
}
