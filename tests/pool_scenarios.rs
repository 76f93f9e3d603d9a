//! CPython's scenarios 65 to 89 for pools, processes and futures, the bad input that they must bear, and
//! where each is shown. A test reads the table, so none can lose its test unnoticed. (The properties
//! that they must have stand in `tests/properties.md`.)
//!
//! *Differs* marks what is otherwise than in CPython on purpose.

#[path = "common/page.rs"]
mod page;
use page::page;
use std::path::Path;

/// The promise, the file, and the beginning of the test's name there.
type Row = (&'static str, &'static str, &'static str);

/// By the names of CPython's tests: test_concurrent_futures, test_multiprocessing.
const SCENARIOS: &[Row] = &[
    ("65 future_states", "futures", "future_states_cancel_pending_but_not_running"),
    ("65 callback on a done future", "futures", "a_callback_on_a_done_future_runs_at_once"),
    ("65 a callback panics, the next runs", "futures", "a_future_behaves_as_its_model"),
    ("66 map_timeout", "futures", "map_timeout_delivers_the_earlier_results"),
    ("66 map_timeout, processes", "multiprocessing", "map_timeout_gives_what_is_there"),
    ("67 idle_reuse", "thread_pool", "idle_reuse_three_jobs"),
    ("68 saturation", "thread_pool", "saturation_starts_up_to_the_maximum"),
    ("69 initializer_fails", "thread_pool", "initializer_fails_and_the_pool_is_broken"),
    (
        "69 initializer_fails, processes",
        "multiprocessing",
        "initializer_fails_and_the_pool_is_broken",
    ),
    ("70 shutdown_cancel_futures", "thread_pool", "shutdown_cancel_futures_keeps_the_running"),
    ("70 the same, processes", "process_pool/main", "shutdown_cancel_futures_keeps_the_running"),
    ("71 gc_executor", "thread_pool", "gc_executor_dropping_the_pool_finishes_its_work"),
    ("71 gc_executor, processes", "process_pool/main", "gc_executor_dropping_the_pool_runs"),
    // Differs: a future has one owner, so it cannot be given twice.
    ("72 wait, as_completed", "futures", "as_completed_gives_each_future_once"),
    ("72 the timeout's message", "futures", "as_completed_says_how_many_are_unfinished"),
    ("73 buffersize", "futures", "buffersize_bounds_what_an_endless_input_costs"),
    (
        "73 buffersize, processes",
        "multiprocessing",
        "buffersize_bounds_what_an_endless_input_costs",
    ),
    // Differs: only the job that crashed is lost, and the pool serves on.
    ("74 deadlock matrix", "crash_matrix", "case"),
    ("75 crash_big_data", "process_pool/main", "crash_big_data_half_written"),
    ("76 wakeup_pipe_full", "multiprocessing", "wakeup_pipe_full_a_hundred_thousand_submits"),
    ("77 max_tasks_per_child", "process_pool/main", "max_tasks_per_child_uses_fresh_workers"),
    ("78 terminate_workers", "multiprocessing", "terminate_workers_resolves_everything"),
    ("78 kill_workers", "multiprocessing", "kill_workers_resolves_everything"),
    // Differs: a running process cannot be closed, only dropped, which waits for it.
    ("79 exitcodes", "processes", "exitcodes_are_numbers_or_signals"),
    ("79 sentinel", "processes", "a_sentinel_is_awaited_on_the_loop"),
    ("80 daemon", "processes", "daemon_a_dropped_one_is_killed_others_are_joined"),
    ("81 fd_inflation", "processes", "fd_inflation_the_nth_child_has_no_more"),
    ("82 pool_map_no_failfast", "multiprocessing", "pool_map_no_failfast"),
    ("83 pool_empty_iterable", "multiprocessing", "pool_empty_iterable"),
    ("84 imap_iterable_raises", "multiprocessing", "imap_iterable_raises"),
    ("85 unpicklable_result", "multiprocessing", "unpicklable_result_fails_its_map"),
    (
        "85 unpicklable_result, one job",
        "process_pool/main",
        "unpicklable_result_fails_only_its_job",
    ),
    ("86 worker_lifetime", "multiprocessing", "worker_lifetime"),
    ("87 pool_terminate", "multiprocessing", "pool_terminate_with_ten_thousand_jobs"),
    ("88 queue_put_unpicklable", "processes", "queue_put_unpicklable_leaves_the_queue_usable"),
    ("88 size restored", "processes", "maxsize_bounds_a_queue"),
    ("89 pool_worker_sigkilled", "process_pool/main", "pool_worker_sigkilled"),
    ("89 no orphan", "process_pool/main", "no_worker_outlives_a_killed_parent"),
];

const BAD_INPUT: &[Row] = &[
    ("a closure with captures does not compile", "../src/process/pool/process_pool", "scaled"),
    ("a type that cannot be encoded", "process_pool/main", "unpicklable_result_fails_only"),
    ("an argument above the frame limit", "process_pool/main", "what_exceeds_a_frame_is_refused"),
    ("a worker that writes garbage", "process_pool/main", "garbage_breaks_the_protocol"),
    ("answers twice", "process_pool/main", "an_answer_given_twice_costs_the_worker"),
    ("answers for a job it has not", "process_pool/main", "a_forged_answer_breaks"),
    ("says anything at all", "fuzz_corpora", "a_hostile_worker_loses_no_job"),
    ("a process that writes garbage", "processes", "a_process_that_writes_garbage_is_killed"),
    ("a process that answers twice", "processes", "a_process_that_answers_twice_is_killed"),
    ("closes its descriptors", "process_pool/main", "a_worker_without_its_pipes_is_killed"),
    ("never starts", "dispatcher", "a_worker_that_never_says_hello_is_killed"),
    ("dies at once, always", "fork_server", "a_panic_in_a_new_worker_is_its_death"),
    ("is another program", "dispatcher", "a_worker_of_another_program_is_refused"),
    ("fork fails with EAGAIN", "fork_server", "a_pool_outlives_a_lack_of_processes"),
    ("fork fails with EAGAIN for ever", "fork_server", "no_process_to_be_had_breaks_the_pool"),
    ("fork fails with ENOMEM", "fork_server", "no_memory_for_a_fork_is_told"),
    ("the fork server's own fork fails", "fork_server", "a_fork_server_that_cannot_be_forked"),
    ("no descriptors left there", "fork_server", "a_fork_server_without_descriptors_heals"),
    ("no descriptors left here", "fork_server", "a_program_without_descriptors_heals"),
    ("max_workers 0, threads", "thread_pool", "no_workers_is_a_typed_error"),
    ("max_workers 0, processes", "process_pool/main", "a_pool_of_no_workers_is_refused"),
    ("no fork server any more", "process_pool/main", "without_a_fork_server_every_job_is_broken"),
    ("no fork server for a process", "processes", "a_process_ends_with_its_fork_server"),
    ("closed standard streams", "fork_server", "closed_standard_streams_are_no_pipes"),
    ("a stdout that nobody reads", "fork_server", "a_stdout_that_nobody_reads_is_no_obstacle"),
    ("SIGCHLD ignored", "fork_server", "an_ignored_sigchld_changes_nothing"),
    ("a program with threads", "process_pool/main", "a_fork_server_in_a_program_with_threads"),
];

#[test]
fn every_promise_has_a_test_where_the_table_says() {
    let all = SCENARIOS.iter().chain(BAD_INPUT);
    let shown =
        |file: &str, name: &str| page(&format!("tests/{file}.rs")).contains(&format!("fn {name}"));
    let missing: Vec<_> = all.filter(|(_, file, name)| !shown(file, name)).collect();
    assert!(missing.is_empty(), "promises without their tests: {missing:#?}");
}

#[test]
fn every_scenario_stands_in_the_table() {
    let stands = |n: &u32| SCENARIOS.iter().any(|(what, ..)| what.starts_with(&n.to_string()));
    assert_eq!((65..=89).filter(|n| !stands(n)).collect::<Vec<_>>(), [0; 0]);
}

/// Shows X6, X9.
/// A process that dies with a lock in its hands stops whoever shares it; a signal sent to a number
/// may reach a stranger. What is not in the source cannot happen.
#[test]
fn no_lock_is_shared_between_processes_and_nobody_is_killed_by_number() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![source];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        // The words by which workers claim their jobs are shared, and those that long values lie in: each
        // changes in one step, and nobody waits for one, so a worker that is killed leaves none locked.
        let words = if path.ends_with("sys/memory.rs") {
            "libc::MAP_SHARED | libc::MAP_NORESERVE"
        } else {
            "\0"
        };
        let text = text.replacen(words, "", 1);
        for word in ["MAP_SHARED", "shm_open", "sem_open", "sem_init", "PSHARED", "libc::kill("] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}
