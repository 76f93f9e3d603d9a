//! The page that shows asyncio's users where things are: each name on its left must lead somewhere
//! when it is typed into the search box of the documentation.

use std::fs;
use std::path::Path;

/// All sources below a folder, in one string.
fn sources(dir: &Path, into: &mut String) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// The names between backticks in the first column of the tables.
fn python_names(page: &str) -> Vec<&str> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|row| row.split_once(" |"))
        .flat_map(|(first, _)| first.split(", "))
        .map(|name| name.trim_matches('`'))
        .collect()
}

/// What `import asyncio` brings: `asyncio.__all__` of Python 3.13, and what 3.14 adds.
const PUBLIC: &str = "
    AbstractChildWatcher AbstractEventLoop AbstractEventLoopPolicy AbstractServer
    ALL_COMPLETED all_tasks as_completed Barrier BaseEventLoop BaseProtocol BaseTransport
    BoundedSemaphore BrokenBarrierError BufferedProtocol CancelledError capture_call_graph
    Condition create_eager_task_factory create_subprocess_exec create_subprocess_shell
    create_task current_task DatagramProtocol DatagramTransport DefaultEventLoopPolicy
    eager_task_factory ensure_future Event EventLoop FastChildWatcher FIRST_COMPLETED
    FIRST_EXCEPTION format_call_graph FrameCallGraphEntry Future future_add_to_awaited_by
    future_discard_from_awaited_by FutureCallGraph gather get_child_watcher get_event_loop
    get_event_loop_policy get_running_loop Handle IncompleteReadError InvalidStateError
    iscoroutine iscoroutinefunction isfuture LifoQueue LimitOverrunError Lock
    MultiLoopChildWatcher new_event_loop open_connection open_unix_connection
    PidfdChildWatcher print_call_graph PriorityQueue Protocol Queue QueueEmpty QueueFull
    QueueShutDown ReadTransport run run_coroutine_threadsafe Runner SafeChildWatcher
    SelectorEventLoop Semaphore SendfileNotAvailableError Server set_child_watcher
    set_event_loop set_event_loop_policy shield sleep start_server start_unix_server
    StreamReader StreamReaderProtocol StreamWriter SubprocessProtocol SubprocessTransport Task
    TaskGroup ThreadedChildWatcher Timeout timeout timeout_at TimeoutError TimerHandle
    to_thread Transport wait wait_for wrap_future WriteTransport
";

/// The methods of `asyncio.AbstractEventLoop`.
const OF_A_LOOP: &str = "
    add_reader add_signal_handler add_writer call_at call_exception_handler call_later
    call_soon call_soon_threadsafe close connect_accepted_socket connect_read_pipe
    connect_write_pipe create_connection create_datagram_endpoint create_future create_server
    create_task create_unix_connection create_unix_server default_exception_handler get_debug
    get_exception_handler get_task_factory getaddrinfo getnameinfo is_closed is_running
    remove_reader remove_signal_handler remove_writer run_forever run_in_executor
    run_until_complete sendfile set_debug set_default_executor set_exception_handler
    set_task_factory shutdown_asyncgens shutdown_default_executor sock_accept sock_connect
    sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall sock_sendfile
    sock_sendto start_tls stop subprocess_exec subprocess_shell time
";

#[test]
fn every_public_name_of_asyncio_stands_on_the_page() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let page = fs::read_to_string(src.join("aio/asyncio.md")).unwrap();
    let of_a_loop = OF_A_LOOP.split_whitespace().map(|name| format!("loop.{name}"));
    let names = PUBLIC.split_whitespace().map(str::to_owned).chain(of_a_loop);
    let missing: Vec<_> =
        names.filter(|name| !page.contains(&format!("`asyncio.{name}`"))).collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");
}

#[test]
fn every_python_name_of_the_page_is_a_search_alias() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let page = fs::read_to_string(src.join("aio/asyncio.md")).unwrap();
    let names = python_names(&page);
    assert!(names.len() > 70, "the tables could not be read: {names:?}");
    let mut text = String::new();
    sources(&src, &mut text);
    let missing: Vec<_> =
        names.iter().filter(|name| !text.contains(&format!("doc(alias = \"{name}\")"))).collect();
    assert!(missing.is_empty(), "no `#[doc(alias)]` for {missing:?}");
}
