//! Pools of two processes, beside two processes that are forked and written to by hand.

use crate::contest::{Contest, floor, ours};
use crate::usage::{median, pin, unpin};
use serde_bytes::ByteBuf;
use singletrack::process::{ForkServer, MapOptions, Pool};
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::time::Instant;

const WORKERS: usize = 2;
const CALLS: u64 = 2_000;
const ITEMS: u64 = 20_000;
const MIB: usize = 1 << 20;
const PAYLOADS: usize = 48;
const STARTS: usize = 8;

/// To be called while this process has one thread: it forks.
pub fn contests() -> Vec<Contest> {
    let start_stop_by_hand = in_early_child(start_stop_by_hand);
    let server: &ForkServer = Box::leak(Box::new(ForkServer::start().expect("one thread so far")));
    pin(0);
    let on_one_core: &ForkServer =
        Box::leak(Box::new(ForkServer::start().expect("one thread so far")));
    unpin();
    let trips = |server, core| {
        vec![
            ours(move || on(core, || round_trips(server))),
            floor("two pipes", move || on(core, round_trips_by_hand)),
        ]
    };
    let map = vec![ours(move || map(server)), floor("two forks, 32 ahead", map_by_hand)];
    let bandwidth =
        vec![ours(move || bandwidth(server)), floor("two forks, roomy pipes", bandwidth_by_hand)];
    let start = vec![ours(move || start_stop(server)), floor("two forks", start_stop_by_hand)];
    vec![
        Contest::new("process pool, a round trip", "µs", trips(server, None)),
        Contest::new("process pool, a round trip on one core", "µs", trips(on_one_core, Some(0))),
        Contest::new("process pool, an item of a map", "µs", map),
        Contest::new("process pool, payloads of 1 MiB", "MiB/s", bandwidth).more_is_better(),
        Contest::new("process pool, start and stop", "ms", start),
    ]
}

fn on<R>(core: Option<usize>, run: impl FnOnce() -> R) -> R {
    core.into_iter().for_each(pin);
    let result = run();
    unpin();
    result
}

fn pool(server: &ForkServer) -> Pool {
    let pool = Pool::new(server, WORKERS).expect("a pool");
    let nap = |ms: u64| std::thread::sleep(std::time::Duration::from_millis(ms));
    let each = MapOptions::default().chunksize(1);
    pool.map_with(each, nap, [2; 2 * WORKERS]).result().expect("every worker has answered");
    pool
}

fn square(x: u64) -> u64 {
    x.wrapping_mul(x)
}

fn round_trips(server: &ForkServer) -> Option<f64> {
    let pool = pool(server);
    median((0..CALLS).map(|i| micros(|| assert_eq!(pool.apply(square, i), Ok(i * i)))).collect())
}

fn map(server: &ForkServer) -> Option<f64> {
    let pool = pool(server);
    let each = MapOptions::default().chunksize(1);
    let took = micros(|| {
        let squares = pool.map_with(each, square, 0..ITEMS).result().expect("a map");
        assert_eq!(squares.len() as u64, ITEMS);
    });
    Some(took / ITEMS as f64)
}

fn echo(bytes: ByteBuf) -> ByteBuf {
    bytes
}

/// One way; they come back as well.
fn bandwidth(server: &ForkServer) -> Option<f64> {
    let (pool, bytes) = (pool(server), ByteBuf::from(vec![b'x'; MIB]));
    let options = MapOptions::default().chunksize(1).buffersize(2 * WORKERS);
    let echoes = |count| {
        let payloads = (0..count).map(|_| bytes.clone());
        let lengths =
            pool.imap_with(options, echo, payloads).map(|bytes| bytes.expect("an echo").len());
        assert_eq!(lengths.sum::<usize>(), count * MIB);
    };
    echoes(2 * WORKERS);
    Some(PAYLOADS as f64 * 1e6 / micros(|| echoes(PAYLOADS)))
}

fn start_stop(server: &ForkServer) -> Option<f64> {
    let once = || {
        let pool = Pool::new(server, WORKERS).expect("a pool");
        assert_eq!(pool.apply(square, 3), Ok(9));
        pool.close();
        pool.join();
    };
    Some(median((0..STARTS).map(|_| micros(once)).collect())? / 1e3)
}

fn micros(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_nanos() as f64 / 1e3
}

// ---- by hand ----

/// A forked child that answers each message of so many bytes with as many.
struct Child {
    pid: libc::pid_t,
    requests: PipeWriter,
    replies: PipeReader,
}

impl Child {
    fn fork(message: usize) -> Child {
        let (their_requests, requests) = std::io::pipe().expect("a pipe");
        let (replies, their_replies) = std::io::pipe().expect("a pipe");
        if message > 65_536 {
            for fd in [requests.as_raw_fd(), their_replies.as_raw_fd()] {
                // SAFETY: the descriptor is open; if the system says no, the pipe stays as it is.
                unsafe { libc::fcntl(fd, libc::F_SETPIPE_SZ, MIB as libc::c_int) };
            }
        }
        // Allocated before the fork: in the child of a process with threads `malloc` may be locked.
        let mut buffer = vec![0; message];
        // SAFETY: the child reads, writes and leaves by `_exit`; it takes no lock and allocates nothing.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "a fork");
        if pid == 0 {
            // SAFETY: these are the child's own copies of the ends that it must not keep open.
            unsafe {
                libc::close(requests.as_raw_fd());
                libc::close(replies.as_raw_fd());
            }
            while (&their_requests).read_exact(&mut buffer).is_ok() {
                if (&their_replies).write_all(&buffer).is_err() {
                    break;
                }
            }
            // SAFETY: ends the child; nothing of the parent's is flushed or dropped.
            unsafe { libc::_exit(0) };
        }
        Child { pid, requests, replies }
    }

    fn send(&self, message: &[u8]) {
        (&self.requests).write_all(message).expect("a request");
    }

    fn receive(&self, buffer: &mut [u8]) {
        (&self.replies).read_exact(buffer).expect("a reply");
    }

    fn stop(self) {
        let Child { pid, requests, replies } = self;
        drop((requests, replies));
        // SAFETY: our own child, waited for once.
        unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    }
}

/// The second child has copies of the pipes of the first: it is stopped first.
fn stop(children: Vec<Child>) {
    children.into_iter().rev().for_each(Child::stop);
}

fn fork_all(message: usize) -> Vec<Child> {
    (0..WORKERS).map(|_| Child::fork(message)).collect()
}

fn round_trips_by_hand() -> Option<f64> {
    let children = fork_all(8);
    let mut answer = [0; 8];
    let mut trip = |i: u64| {
        micros(|| {
            let child = &children[i as usize % WORKERS];
            child.send(&i.to_le_bytes());
            child.receive(&mut answer);
        })
    };
    (0..100).for_each(|i| _ = trip(i));
    let took = median((0..CALLS).map(trip).collect());
    stop(children);
    took
}

/// Each child has 32 requests ahead; they are sent and read eight bytes at a time, as jobs would be.
fn map_by_hand() -> Option<f64> {
    const AHEAD: u64 = 32;
    let children = fork_all(8);
    let took = micros(|| {
        let mut answer = [0; 8];
        for i in 0..ITEMS + AHEAD * WORKERS as u64 {
            let child = &children[i as usize % WORKERS];
            if i < ITEMS {
                child.send(&i.to_le_bytes());
            }
            if i >= AHEAD * WORKERS as u64 {
                child.receive(&mut answer);
            }
        }
    });
    stop(children);
    Some(took / ITEMS as f64)
}

fn bandwidth_by_hand() -> Option<f64> {
    let (children, mut bytes) = (fork_all(MIB), vec![b'x'; MIB]);
    // As many are on their way as ours has.
    const AHEAD: usize = 2 * WORKERS;
    let mut rounds = |count: usize| {
        for i in 0..count + AHEAD {
            if i >= AHEAD {
                children[i % WORKERS].receive(&mut bytes);
            }
            if i < count {
                children[i % WORKERS].send(&bytes);
            }
        }
    };
    rounds(2 * WORKERS);
    let took = micros(|| rounds(PAYLOADS));
    stop(children);
    Some(PAYLOADS as f64 * 1e6 / took)
}

/// Has a child do this each time, which is forked now: like a fork server, it has one thread and little
/// memory, and so its forks are quick.
fn in_early_child(run: fn() -> Option<f64>) -> impl Fn() -> Option<f64> {
    let (their_requests, requests) = std::io::pipe().expect("a pipe");
    let (replies, their_replies) = std::io::pipe().expect("a pipe");
    // SAFETY: this process has one thread, so its child may do what it likes; it leaves by `_exit`.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "a fork");
    if pid == 0 {
        drop((requests, replies));
        while (&their_requests).read_exact(&mut [0]).is_ok() {
            let took = run().unwrap_or(f64::NAN);
            (&their_replies).write_all(&took.to_le_bytes()).expect("a reply");
        }
        // SAFETY: ends the child; nothing of the parent's is flushed or dropped.
        unsafe { libc::_exit(0) };
    }
    move || {
        let mut took = [0; 8];
        (&requests).write_all(&[1]).expect("a request");
        (&replies).read_exact(&mut took).expect("a reply");
        Some(f64::from_le_bytes(took)).filter(|took| took.is_finite())
    }
}

fn start_stop_by_hand() -> Option<f64> {
    let once = || {
        let (children, mut answer) = (fork_all(8), [0; 8]);
        for child in &children {
            child.send(&[3; 8]);
            child.receive(&mut answer);
        }
        stop(children);
    };
    Some(median((0..STARTS).map(|_| micros(once)).collect())? / 1e3)
}
