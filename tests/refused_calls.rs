//! System calls that a filter refuses, as in containers, and a machine that has run out of something
//! long before everybody is served: there is another way, or an error that names what was refused;
//! nothing hangs, and what was begun is not lost. And a simulated run, which makes no call by which it
//! could differ. Each test runs in a fresh process, since neither a filter nor a limit can be taken back.

#[path = "process_pool/runner.rs"]
#[allow(dead_code)]
mod runner;

use runner::{children, descriptors};
use singletrack::aio::{
    Lock, Queue, ServerOptions, StreamReader, TcpListener, sleep, start_server_with,
};
use singletrack::futures::Executor;
use singletrack::gil::{GilThread, GlobalLock, SwitchPolicy};
use singletrack::process::{ForkServer, ForkServerError, Process, ProcessPool};
use singletrack::sim::{Explorer, Sim};
use singletrack::sys::process::generation;
use singletrack::{EventLoop, create_task, yield_now};
use std::collections::HashSet;
use std::fs::File;
use std::future::pending;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

type Case = (&'static str, fn());

const CASES: &[Case] = &[
    ("close_range_refused_by_a_filter", close_range_refused_by_a_filter),
    ("close_range_unknown_to_the_kernel", close_range_unknown_to_the_kernel),
    ("close_range_and_proc_refused", close_range_and_proc_refused),
    ("no_way_to_close_is_told", no_way_to_close_is_told),
    ("no_signal_at_the_parents_end_is_told", no_signal_at_the_parents_end_is_told),
    ("no_signals_by_descriptor_is_told", no_signals_by_descriptor_is_told),
    ("no_descriptors_of_processes_is_told", no_descriptors_of_processes_is_told),
    ("without_memory_files_long_values_go_by_the_pipe", without_memory_files),
    ("without_a_page_that_copies_find_empty_forks_are_told_apart", without_a_page_for_generations),
    (
        "a_simulated_run_asks_for_no_time_no_chance_and_no_thread",
        a_simulated_run_asks_for_no_time_no_chance_and_no_thread,
    ),
    ("whoever_asks_for_more_is_ended", whoever_asks_for_more_is_ended),
    (
        "ten_times_as_many_clients_as_descriptors_are_all_served",
        ten_times_as_many_clients_as_descriptors_are_all_served,
    ),
    ("threads_beyond_memory_are_refused_and_the_others_end", threads_beyond_memory_are_refused),
    ("tasks_beyond_memory_end_the_process_and_say_why", tasks_beyond_memory_end_the_process),
];

/// What a simulated run must not do. The kernel ends whoever does.
const TOO_MUCH: &[Case] = &[
    ("time", || assert!(Instant::now().elapsed() < Duration::MAX)),
    ("chance", || drop(HashSet::<u32>::new())),
    ("a thread", || std::thread::spawn(|| ()).join().unwrap()),
    ("a file", || drop(File::open("/dev/null"))),
    ("a pause", || std::thread::sleep(Duration::from_millis(1))),
];

/// What a test has another process do.
const PARTS: &[Case] = &[("be_clients", be_clients), ("spawn_without_end", spawn_without_end)];

fn main() {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("--case") => {
            let name = args.next().expect("a name");
            let mut all = CASES.iter().chain(PARTS);
            let (_, case) = all.find(|(n, _)| *n == name).expect("a case");
            // SAFETY: the call takes a number. A hang ends by SIGALRM.
            unsafe { libc::alarm(60) };
            case();
        }
        Some("--too-much") => {
            let name = args.next().expect("a name");
            let (_, ask) = TOO_MUCH.iter().find(|(n, _)| *n == name).expect("one of these");
            confine();
            ask();
        }
        Some("--list") => CASES.iter().for_each(|(name, _)| println!("{name}: test")),
        filter => std::process::exit(run_all(filter.filter(|text| !text.starts_with('-')))),
    }
}

fn run_all(filter: Option<&str>) -> i32 {
    let mut failed = 0;
    for (name, _) in CASES.iter().filter(|(name, _)| filter.is_none_or(|f| name.contains(f))) {
        let me = std::env::current_exe().unwrap();
        let status = Command::new(me).args(["--case", name]).status().unwrap();
        println!("test {name} ... {}", if status.success() { "ok" } else { "FAILED" });
        failed += i32::from(!status.success());
    }
    println!("test result: {failed} failed");
    i32::from(failed > 0)
}

/// From now on this system call fails with this error, here and in all children.
fn refuse(call: libc::c_long, errno: i32) {
    let step = |code: u32, yes, no, k| libc::sock_filter { code: code as u16, jt: yes, jf: no, k };
    let mut filter = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    // SAFETY: the kernel copies the filter, a local that outlives the calls.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program), 0);
    }
}

/// The numbers of the open descriptors. (Not by `/proc`, which a filter may close, too.)
fn open(_: ()) -> Vec<i32> {
    // SAFETY: the call takes two numbers, and changes nothing.
    (0..512).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } != -1).collect()
}

/// The same of a worker, and of a process, that were forked in the midst of open files; each ends
/// when it should, and a peer hears of the end of a socket that was closed here.
fn children_have_only_their_own() {
    let _files: Vec<_> = (0..20).map(|_| File::open("/dev/null").unwrap()).collect();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let fork_server = ForkServer::start().unwrap();
    let in_a_process = Process::spawn(&fork_server, open, ()).unwrap().join().unwrap();
    assert_eq!(in_a_process.len(), 5, "three streams and two pipes: {in_a_process:?}");
    let pool = ProcessPool::new(&fork_server, 2).unwrap();
    let in_a_worker = pool.submit(open, ()).result().unwrap();
    assert_eq!(in_a_worker.len(), 5, "{in_a_worker:?}");
    drop(theirs);
    assert_eq!(ours.read(&mut [0]).unwrap(), 0, "the end");
    let pids = [pool.worker_pids(), vec![fork_server.pid()]].concat();
    drop(pool);
    drop(fork_server);
    // SAFETY: signal 0 is none; the calls only ask.
    assert!(pids.iter().all(|pid| unsafe { libc::kill(*pid as i32, 0) } == -1), "all are gone");
}

fn close_range_refused_by_a_filter() {
    refuse(libc::SYS_close_range, libc::EPERM);
    children_have_only_their_own();
}

fn close_range_unknown_to_the_kernel() {
    refuse(libc::SYS_close_range, libc::ENOSYS);
    children_have_only_their_own();
    assert_eq!(children(std::process::id()), [""; 0], "left behind");
}

fn limit_descriptors(most: u64) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: `limit` is a local that outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

/// No directory can be read: as if there were no `/proc`.
fn close_range_and_proc_refused() {
    limit_descriptors(256);
    refuse(libc::SYS_close_range, libc::EPERM);
    refuse(libc::SYS_getdents64, libc::EPERM);
    children_have_only_their_own();
}

fn not_started() -> String {
    let before = descriptors();
    let why = match ForkServer::start() {
        Err(ForkServerError::Os(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(descriptors(), before, "left behind");
    assert_eq!(children(std::process::id()), [""; 0], "left behind");
    why
}

fn no_way_to_close_is_told() {
    refuse(libc::SYS_close_range, libc::EPERM);
    refuse(libc::SYS_prlimit64, libc::EPERM);
    refuse(libc::SYS_getdents64, libc::EPERM);
    let why = match ForkServer::start() {
        Err(ForkServerError::Os(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(why.contains("close_range is refused") && why.contains("/proc/self/fd"), "{why}");
}

fn no_signal_at_the_parents_end_is_told() {
    refuse(libc::SYS_prctl, libc::EPERM);
    let why = not_started();
    assert!(why.contains("prctl (PR_SET_PDEATHSIG) is refused"), "{why}");
}

fn no_signals_by_descriptor_is_told() {
    refuse(libc::SYS_pidfd_send_signal, libc::EPERM);
    let why = not_started();
    assert!(why.contains("pidfd_send_signal is refused"), "{why}");
}

fn no_descriptors_of_processes_is_told() {
    refuse(libc::SYS_pidfd_open, libc::ENOSYS);
    let why = not_started();
    assert!(why.contains("pidfd_open is refused"), "{why}");
}

fn without_memory_files() {
    refuse(libc::SYS_memfd_create, libc::EPERM);
    children_have_only_their_own();
    let fork_server = ForkServer::start().unwrap();
    let pool = ProcessPool::new(&fork_server, 2).unwrap();
    let texts = || (0..8).map(|i| char::from(b'a' + i).to_string().repeat(1 << 20));
    let echoes = pool.map(|text: String| text, texts());
    assert!(echoes.map(Result::unwrap).eq(texts()));
}

fn without_a_page_for_generations() {
    refuse(libc::SYS_madvise, libc::EINVAL); // as a kernel before 4.14
    let here = generation();
    assert_eq!(here, generation());
    // SAFETY: the child calls only what is allowed after a fork.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let differs = generation().0 != here.0 && generation().1 != here.1;
        // SAFETY: the call takes a number.
        unsafe { libc::_exit(i32::from(!differs)) };
    }
    let mut status = 0;
    // SAFETY: the child is ours, and no other code waits for it.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child takes itself for its parent");
}

/// What a run needs that has all its memory, and both ends of each of its connections.
const ENOUGH: &[libc::c_long] = &[
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_socketpair,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_shutdown,
    libc::SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_fcntl,
    libc::SYS_ioctl,
    libc::SYS_close,
    libc::SYS_rt_sigaction, // whoever listens to a signal has a handler
    libc::SYS_eventfd2,
    libc::SYS_sigaltstack, // std, at the end of the program
    libc::SYS_exit_group,
    libc::SYS_getpid, // a loop that came with a fork is told apart
    libc::SYS_gettid, // a panic names its thread
];

/// From now on the kernel ends this process when it makes any other call, or looks at the processor's
/// clock, by which time is told without a call.
fn confine() {
    let step = |code: u32, no, k| libc::sock_filter { code: code as u16, jt: 0, jf: no, k };
    let mut filter = vec![step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for call in ENOUGH {
        filter.push(step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, *call as u32));
        filter.push(step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW));
    }
    filter.push(step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_KILL_PROCESS));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the kernel copies the filter, a local that outlives the calls. (Where there is no such
    // clock the second call fails, and time takes a call.)
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        libc::prctl(libc::PR_SET_TSC, libc::PR_TSC_SIGSEGV);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program), 0);
    }
}

/// Tasks that sleep, wait for each other and talk through a socket.
async fn busy(sim: Sim) {
    let (queue, total) = (Rc::new(Queue::new(1)), Rc::new(Lock::new(0)));
    let puts = Rc::clone(&queue);
    let adds = Rc::clone(&total);
    let (here, there) = sim.pair().unwrap();
    let draws = sim.clone();
    let producer = sim.spawn("producer", async move {
        for number in 0..3 {
            sleep(Duration::from_millis(draws.choose(3) as u64)).await;
            puts.put(number).await.unwrap();
        }
        here.write_all(b"that is all").await.unwrap();
    });
    for _ in 0..3 {
        *adds.acquire().await += queue.get().await.unwrap();
        yield_now().await;
    }
    let mut text = [0; 11];
    there.read_exact(&mut text).await.unwrap();
    assert_eq!((&text, *total.acquire().await), (b"that is all", 3));
    producer.await.unwrap();
}

/// Shows D2.
fn a_simulated_run_asks_for_no_time_no_chance_and_no_thread() {
    confine();
    let explored = Explorer::new().orders(200).explore(busy);
    assert!(explored.unwrap_or_else(|failing| panic!("{failing}")).orders > 10);
    #[cfg(feature = "cli")]
    for seed in 0..20 {
        use singletrack::lab::seeds::{log::Log, world::world};
        let explorer = Explorer::new().random(seed).orders(1);
        let lived = explorer.explore(|sim| world(sim, Log::new(false)));
        assert!(lived.is_ok(), "seed {seed}");
    }
}

/// What holds the test above to its word.
fn whoever_asks_for_more_is_ended() {
    for (what, _) in TOO_MUCH {
        let me = std::env::current_exe().unwrap();
        let status = Command::new(me).args(["--too-much", what]).status().unwrap();
        let signal = status.signal();
        let ended = matches!(signal, Some(libc::SIGSYS | libc::SIGSEGV));
        assert!(ended, "{what} was had in spite of the filter: {status}");
    }
}

// ---- beyond the machine ----

/// Descriptors that the server has for connections, and clients that come at once.
const ROOM: usize = 20;
const CLIENTS: usize = 10 * ROOM;

/// This program again, as a process that does one part.
fn part(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--case", name]);
    command
}

/// They all connect, then each sends a byte and waits for it to come back.
fn be_clients() {
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    let connect = |_| TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut streams: Vec<TcpStream> = (0..CLIENTS).map(connect).collect();
    streams.iter_mut().for_each(|stream| stream.write_all(b"x").unwrap());
    for stream in &mut streams {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"x");
    }
}

fn ten_times_as_many_clients_as_descriptors_are_all_served() {
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut clients = part("be_clients").env("PORT", port.to_string()).spawn().unwrap();
        // Whoever started this may have left some open far above.
        let taken = open(());
        let end = (0..).filter(|fd| !taken.contains(fd)).nth(ROOM);
        limit_descriptors(end.unwrap() as u64);
        let backoff = Duration::from_millis(5);
        let options = ServerOptions { backoff, ..ServerOptions::default() };
        let server =
            start_server_with(listener, options, async |mut reader: StreamReader<_>, writer| {
                let byte = reader.read(1).await.unwrap();
                sleep(Duration::from_millis(20)).await; // so that they pile up
                writer.write(&byte).unwrap();
            });
        let ended = loop {
            match clients.try_wait().unwrap() {
                Some(ended) => break ended,
                None => sleep(Duration::from_millis(5)).await,
            }
        };
        assert!(ended.success(), "a client was not served");
        assert_eq!(server.stats().accepted as usize, CLIENTS);
        assert!(server.stats().failed > 0, "it had no descriptor, now and then");
        assert_eq!(server.take_error().unwrap().raw_os_error(), Some(libc::EMFILE));
    });
}

/// So many bytes more than this process has mapped now.
fn limit_memory(more: u64) {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split(' ').next().unwrap().parse().unwrap();
    let most = pages * 4096 + more;
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: `limit` is a local that outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}

/// Their stacks have room for a tenth of them.
fn threads_beyond_memory_are_refused() {
    const WANTED: usize = 300;
    limit_memory(30 * (2 << 20));
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let (threads, refused) = lock
        .attach(|_| {
            let start = |i| GilThread::spawn(&lock, "one of many", move |_| i);
            let mut threads = Vec::new();
            for i in 0..WANTED {
                match start(i) {
                    Ok(thread) => threads.push(thread),
                    Err(refused) => return (threads, Some(refused)),
                }
            }
            (threads, None)
        })
        .unwrap();
    let why = refused.expect("there is no room for all").to_string();
    assert!(why.contains("temporarily unavailable"), "{why}");
    assert!((1..=WANTED / 5).contains(&threads.len()), "{} were started", threads.len());
    for (i, thread) in threads.into_iter().enumerate() {
        assert_eq!(thread.join(), Ok(i), "it had waited for the lock");
    }
}

fn spawn_without_end() {
    limit_memory(64 << 20);
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        loop {
            drop(create_task(pending::<()>()));
        }
    });
}

/// Rust has no other way to refuse memory.
fn tasks_beyond_memory_end_the_process() {
    let child = part("spawn_without_end").stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&child.stderr).into_owned();
    assert_eq!(child.status.signal(), Some(libc::SIGABRT), "{said}");
    assert!(said.contains("memory allocation of") && said.contains("failed"), "{said}");
}
