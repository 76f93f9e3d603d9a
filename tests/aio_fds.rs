//! Descriptors: properties R2, R9, R10, R13 and R14. A binary of its own (`harness = false`),
//! because descriptors and their limit belong to the whole process.

mod common;
use common::watchdog;
use singletrack::aio::{
    PipeReader, PipeWriter, ServerOptions, StreamReader, TcpListener, TcpStream, UdpSocket,
    UnixDatagram, UnixListener, UnixStream, pipe, readable, signal, sleep, spawn, start_server,
    start_server_with, to_thread,
};
use singletrack::{EventLoop, create_task, yield_now};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::time::Duration;

fn main() {
    let tests: [(&str, fn()); 5] = [
        ("every_descriptor_is_watched_cloexec_and_closed_at_the_end", census),
        ("a_server_without_descriptors_waits_and_recovers", emfile),
        ("what_was_blocking_is_blocking_again_after_its_last_user", modes_are_put_back),
        ("a_forked_copy_does_not_put_back_its_parents_modes", modes_and_forks),
        ("a_loop_copied_by_fork_is_refused_and_the_parents_goes_on", fork_with_loop),
    ];
    let filter = std::env::args().nth(1).filter(|word| !word.starts_with('-'));
    let meant = |name: &str| filter.as_ref().is_none_or(|part| name.contains(part.as_str()));
    for (name, test) in tests.into_iter().filter(|(name, _)| meant(name)) {
        let _dog = watchdog(name, 60);
        test();
        println!("test {name} ... ok");
    }
}

/// The open descriptors, without the one that lists them.
fn open() -> BTreeSet<i32> {
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str().unwrap().parse().unwrap();
    let listed: Vec<i32> =
        std::fs::read_dir("/proc/self/fd").unwrap().flatten().map(number).collect();
    // SAFETY: the call asks for a number.
    listed.into_iter().filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } != -1).collect()
}

fn is_cloexec(fd: i32) -> bool {
    // SAFETY: the call asks for a number.
    unsafe { libc::fcntl(fd, libc::F_GETFD) & libc::FD_CLOEXEC != 0 }
}

/// The mode of the open file behind a descriptor.
fn is_nonblocking(fd: &impl AsRawFd) -> bool {
    // SAFETY: the call asks for a number.
    unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) & libc::O_NONBLOCK != 0 }
}

/// Each is a duplicate of one that somebody else keeps, and sees the mode of.
fn modes_are_put_back() {
    fn check<T: AsRawFd, U>(ours: &T, take_over: impl Fn() -> U) {
        for was_nonblocking in [true, false] {
            let mode = i32::from(was_nonblocking);
            // SAFETY: the command reads an integer that outlives the call.
            assert_eq!(unsafe { libc::ioctl(ours.as_raw_fd(), libc::FIONBIO, &mode) }, 0);
            let first = take_over();
            assert!(is_nonblocking(ours));
            let second = take_over();
            drop(first);
            assert!(is_nonblocking(ours), "the second one uses it");
            drop(second);
            assert_eq!(is_nonblocking(ours), was_nonblocking);
        }
    }
    EventLoop::new().unwrap().run_until_complete(async {
        let (reader, writer) = std::io::pipe().unwrap();
        check(&reader, || PipeReader::from_fd(reader.try_clone().unwrap().into()).unwrap());
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        check(&one, || UnixStream::from_std(one.try_clone().unwrap()).unwrap());
        check(&one, || PipeWriter::from_fd(one.try_clone().unwrap().into()).unwrap());
        let (one, _other) = std::os::unix::net::UnixDatagram::pair().unwrap();
        check(&one, || UnixDatagram::from_std(one.try_clone().unwrap()).unwrap());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        check(&stream, || TcpStream::from_std(stream.try_clone().unwrap()).unwrap());
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        check(&udp, || UdpSocket::from_std(udp.try_clone().unwrap()).unwrap());
        // But a listener may have other loops in other processes.
        drop(TcpListener::from_std(listener.try_clone().unwrap()).unwrap());
        assert!(is_nonblocking(&listener));
        // Both ends of one pipe, and the reader first: each has its own mode.
        let far = PipeWriter::from_fd(writer.try_clone().unwrap().into()).unwrap();
        drop(PipeReader::from_fd(reader.try_clone().unwrap().into()).unwrap());
        assert!(!is_nonblocking(&reader) && is_nonblocking(&writer));
        drop(far);
        assert!(!is_nonblocking(&writer));
        // Refused, it is as it was.
        let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        assert!(PipeReader::from_fd(file.try_clone().unwrap().into()).is_err());
        assert!(!is_nonblocking(&file));
        // Waiting for it needs no mode.
        writer.try_clone().unwrap().write_all(b"x").unwrap();
        readable(&reader).await.unwrap();
        assert!(!is_nonblocking(&reader));
    });
    // Dropped on another thread, or after its loop.
    let (reader, _writer) = std::io::pipe().unwrap();
    for elsewhere in [false, true] {
        let event_loop = EventLoop::new().unwrap();
        let clone = reader.try_clone().unwrap().into();
        let taken = event_loop.run_until_complete(async { PipeReader::from_fd(clone).unwrap() });
        drop((!elsewhere).then_some(event_loop));
        std::thread::spawn(move || drop(taken)).join().unwrap();
        assert!(!is_nonblocking(&reader));
    }
}

fn modes_and_forks() {
    let (reader, _writer) = std::io::pipe().unwrap();
    EventLoop::new().unwrap().run_until_complete(async {
        let clone = reader.try_clone().unwrap();
        let ours = PipeReader::from_fd(clone.into()).unwrap();
        // SAFETY: this process has one thread, and the child only drops and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            drop(ours);
            // SAFETY: the call ends this process.
            unsafe { libc::_exit(0) };
        }
        let mut status = 0;
        // SAFETY: the child is ours; the pointer leads to a local.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        assert!(is_nonblocking(&reader), "the parent still uses it");
        drop(ours);
        assert!(!is_nonblocking(&reader));
    });
}

/// How many descriptors each epoll instance of this process watches.
fn watched() -> Vec<usize> {
    let is_epoll = |fd: &i32| {
        std::fs::read_link(format!("/proc/self/fd/{fd}"))
            .is_ok_and(|to| to.to_string_lossy().contains("eventpoll"))
    };
    let count = |fd: i32| {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
        info.lines().filter(|line| line.starts_with("tfd:")).count()
    };
    open().into_iter().filter(is_epoll).map(count).collect()
}

/// Shows R2, R9, R10.
/// One of everything, all at once.
fn census() {
    // The eventfd for signals is made once and stays.
    EventLoop::new().unwrap().run_until_complete(async { drop(signal(libc::SIGUSR1).unwrap()) });
    let before = open();
    let path = std::env::temp_dir().join(format!("singletrack-fds-{}", std::process::id()));
    let event_loop = EventLoop::new().unwrap();
    let kept = event_loop.run_until_complete(async {
        let any = "127.0.0.1:0".parse().unwrap();
        let listener = TcpListener::bind(any).unwrap();
        let address = listener.local_addr().unwrap();
        let server = start_server(listener, async |mut reader: StreamReader<_>, _| {
            let _ = reader.read(1).await;
        });
        let client = TcpStream::connect(address).await.unwrap();
        let unix = UnixListener::bind(&path).unwrap();
        let near = UnixStream::connect(&path).await.unwrap();
        let (far, _) = unix.accept().await.unwrap();
        let sockets = (UdpSocket::bind(any).unwrap(), UnixDatagram::pair().unwrap());
        let pipes = pipe().unwrap();
        let hangups = signal(libc::SIGHUP).unwrap();
        let mut command = Command::new("cat");
        let child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped())).unwrap();
        while server.connections() == 0 {
            yield_now().await;
        }
        let ours: Vec<i32> = open().difference(&before).copied().collect();
        for fd in &ours {
            assert!(is_cloexec(*fd), "descriptor {fd} would leak into children");
        }
        // All but the epoll instance itself are watched, the loop's waker included.
        assert_eq!(watched(), [ours.len() - 1]);
        // Listener, client, server side; three of Unix; UDP and two datagrams; two pipe ends;
        // the eventfd for signals; pidfd, stdin, stdout; epoll and its waker.
        assert_eq!(ours.len(), 3 + 3 + 3 + 2 + 1 + 3 + 2);
        (server, client, unix, near, far, sockets, pipes, hangups, child)
    });
    // Half of it goes while the loop runs, the rest outlives it.
    let (server, client, unix, near, far, sockets, pipes, hangups, mut child) = kept;
    event_loop.run_until_complete(async {
        drop((client, near, sockets, hangups));
        child.wait().await.unwrap();
        server.close();
        server.wait_closed().await;
        assert_eq!(watched(), [open().difference(&before).count() - 1]);
    });
    drop(event_loop);
    drop((unix, far, pipes, child));
    assert_eq!(open(), before);
    assert!(!path.exists());
}

fn set_limit(soft: u64) -> u64 {
    // SAFETY: the struct is plain data and outlives the calls.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        let old = std::mem::replace(&mut limit.rlim_cur, soft);
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
        old
    }
}

/// R14, on the real system call.
fn emfile() {
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut clients: Vec<_> =
            (0..5).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let taken = open();
        let first_free = (0..).find(|fd| !taken.contains(fd)).unwrap();
        let old = set_limit(first_free as u64);
        let backoff = Duration::from_millis(20);
        let options = ServerOptions { backoff, ..ServerOptions::default() };
        let server =
            start_server_with(listener, options, async |mut reader: StreamReader<_>, w| {
                let bytes = reader.read(1).await.unwrap();
                w.write(&bytes).unwrap();
            });
        let (start, iterations) = (event_loop.time(), event_loop.iterations());
        while server.stats().failed < 4 {
            sleep(Duration::from_millis(5)).await;
            assert_eq!(server.stats().pending_retries, 1);
        }
        assert!(event_loop.time() - start >= 3 * backoff, "a retry a back-off, no more");
        assert!(event_loop.iterations() - iterations < 200, "the loop sleeps in between");
        assert_eq!(server.stats().accepted, 0);
        assert_eq!(server.take_error().unwrap().raw_os_error(), Some(libc::EMFILE));
        set_limit(old);
        while server.stats().accepted < 5 {
            sleep(Duration::from_millis(5)).await;
        }
        for client in &mut clients {
            client.write_all(b"x").unwrap();
        }
        while server.connections() > 0 {
            sleep(Duration::from_millis(1)).await;
        }
        for client in &mut clients {
            client.read_exact(&mut [0]).unwrap();
        }
    });
}

/// Shows R13.
/// R13: forked inside a running loop, which has a source, a task and a thread of its own.
fn fork_with_loop() {
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        let (here, there) = UnixStream::pair().unwrap();
        to_thread(|| ()).await.unwrap();
        yield_now().await;
        // SAFETY: the child uses what it has copied, runs the tests below and leaves by
        // `_exit`; no other thread of ours holds a lock, for all of them sleep.
        let pid = unsafe { libc::fork() };
        assert_ne!(pid, -1);
        if pid == 0 {
            // SAFETY: plain system calls; a hang ends by the alarm.
            unsafe { libc::alarm(20) };
            let good = catch_unwind(AssertUnwindSafe(|| in_child(&event_loop, &here)));
            // SAFETY: nothing of the parent's may run here, no destructor and no test after this.
            unsafe { libc::_exit(if matches!(good, Ok(true)) { 0 } else { 1 }) }
        }
        let mut status = 0;
        // SAFETY: `pid` is our child and `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
        assert_eq!(status, 0, "256 is a wrong answer, 14 a hang");
        let task = create_task(async move {
            let mut byte = [0];
            here.read_exact(&mut byte).await.unwrap();
            byte[0]
        });
        yield_now().await;
        there.write_all(b"x").await.unwrap();
        assert_eq!(task.await.unwrap(), b'x', "the parent's source is watched still");
    });
}

fn in_child(copy: &EventLoop, stream: &UnixStream) -> bool {
    // SAFETY: the copy is dropped once here and never used again: the process ends.
    drop(unsafe { std::ptr::read(stream) });
    let refused = catch_unwind(AssertUnwindSafe(|| copy.run_once())).unwrap_err();
    let text = refused.downcast_ref::<String>().unwrap();
    let own = EventLoop::new().unwrap();
    let echoed = own.run_until_complete(async {
        let (a, b) = UnixStream::pair().unwrap();
        a.write_all(b"y").await.unwrap();
        let mut byte = [0];
        b.read_exact(&mut byte).await.unwrap();
        byte[0]
    });
    drop(own);
    // SAFETY: as above.
    drop(unsafe { std::ptr::read(copy) });
    text.contains("make a new loop here") && echoed == b'y'
}
