//! What the workers run, good and bad.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use singletrack::futures::JobError;
use singletrack::process::message::frame::{FrameKind, frame, stub};
use singletrack::sys::process::Death;
use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Written before the fork server is forked, and changed after.
pub static BEFORE_THE_FORK: AtomicU64 = AtomicU64::new(0);

pub fn square(x: u64) -> u64 {
    x * x
}

pub fn my_pid(_: ()) -> u64 {
    u64::from(std::process::id())
}

pub fn echo(text: String) -> String {
    text
}

pub fn length(text: String) -> u64 {
    text.len() as u64
}

/// Fills so many bytes, gives them back, and tells how many pages the kernel had to bring.
pub fn page_faults_of(bytes: u64) -> i64 {
    let faults = || {
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
        // SAFETY: the kernel fills the whole structure when it answers 0.
        unsafe {
            assert_eq!(libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()), 0);
            usage.assume_init().ru_minflt
        }
    };
    let before = faults();
    drop(std::hint::black_box(vec![1_u8; bytes as usize]));
    faults() - before
}

pub fn long_text(length: u64) -> String {
    "y".repeat(length as usize)
}

/// Sleeps so many milliseconds and tells how many.
pub fn nap(ms: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(ms));
    ms
}

pub fn nap_a_little(i: u64) -> u64 {
    std::thread::sleep(Duration::from_micros(i * 37 % 2000));
    i
}

pub fn sleep_for_ever(_: ()) -> u64 {
    loop {
        std::thread::sleep(Duration::from_secs(1000));
    }
}

/// The message is all that shall be seen of it.
pub fn panic_with(message: String) -> u64 {
    std::panic::set_hook(Box::new(|_| {}));
    panic!("{message}");
}

pub fn read_state(_: ()) -> u64 {
    BEFORE_THE_FORK.fetch_add(1, Ordering::Relaxed)
}

/// Sends a signal by number, as a person would; false if there is no such process.
pub fn signal(pid: u32, signal: i32) -> bool {
    // SAFETY: `kill` takes two numbers and touches no memory of ours.
    unsafe { libc::kill(pid as libc::pid_t, signal) == 0 }
}

pub fn stop_myself(_: ()) -> u64 {
    signal(std::process::id(), libc::SIGSTOP);
    0
}

/// Ways for a process to end.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum End {
    Exit(i32),
    Kill,
    Segv,
    Abort,
}

impl End {
    pub fn death(self) -> Death {
        match self {
            End::Exit(code) => Death::Code(code),
            End::Kill => Death::Signal(libc::SIGKILL),
            End::Segv => Death::Signal(libc::SIGSEGV),
            End::Abort => Death::Signal(libc::SIGABRT),
        }
    }
}

/// What a job was lost with: the process, its end, and the job's number.
pub fn lost<T: std::fmt::Debug>(result: Result<T, JobError>) -> (u32, Death, u64) {
    match result {
        Err(JobError::WorkerLost { pid, death, job }) => (pid, death, job),
        other => panic!("not lost: {other:?}"),
    }
}

/// How the process ended that a job was lost with.
pub fn death<T: std::fmt::Debug>(result: Result<T, JobError>) -> Death {
    lost(result).1
}

pub const KILLED: Death = Death::Signal(libc::SIGKILL);

/// Returns the number, or ends the process.
pub fn end_if((i, end): (u64, Option<End>)) -> u64 {
    match end {
        None => i,
        Some(End::Exit(code)) => std::process::exit(code),
        Some(End::Kill) => {
            signal(std::process::id(), libc::SIGKILL);
            unreachable!("killed")
        }
        // SAFETY: nothing is safe about it: this address is never mapped, so this is a fault,
        // and the process is ended by it, which is what the test wants to see.
        Some(End::Segv) => unsafe { std::ptr::dangling::<u64>().read_volatile() },
        Some(End::Abort) => std::process::abort(),
    }
}

/// The open descriptors; takes some milliseconds, so that all workers get a turn.
pub fn my_descriptors(ms: u64) -> Vec<String> {
    std::thread::sleep(Duration::from_millis(ms));
    crate::runner::descriptors()
}

/// The path of this worker's end of the reply pipe: its only pipe above 2 that can be written.
pub fn my_reply_pipe() -> String {
    let mut pipes = (3..20).map(|fd| (fd, fs::read_to_string(format!("/proc/self/fdinfo/{fd}"))));
    let writable = |info: &str| info.lines().any(|l| l.starts_with("flags:") && l.ends_with('1'));
    let pipe = pipes.find(|(_, info)| info.as_ref().is_ok_and(|info| writable(info)));
    format!("/proc/self/fd/{}", pipe.expect("a worker can write to its reply pipe").0)
}

/// Answers a job that it does not have.
pub fn answer_for(id: u64) -> u64 {
    let forged = frame(FrameKind::Value, id, &[1]).unwrap();
    fs::OpenOptions::new().write(true).open(my_reply_pipe()).unwrap().write_all(&forged).unwrap();
    0
}

/// Says that its answer lies at this place beside the pipe.
pub fn answer_from(place: u64) -> u64 {
    let stub = stub(&frame(FrameKind::Value, 0, &[1; 100]).unwrap(), place).unwrap();
    fs::OpenOptions::new().write(true).open(my_reply_pipe()).unwrap().write_all(&stub).unwrap();
    sleep_for_ever(())
}

/// Writes all over the memory beside its pipes.
pub fn spoil_segment(text: String) -> u64 {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.contains("memfd:singletrack")).unwrap();
    let place = line.split_once(' ').unwrap().0;
    let (start, end) = place.split_once('-').unwrap();
    let [start, end] = [start, end].map(|hex| u64::from_str_radix(hex, 16).unwrap());
    // Who may open it so cannot take away what the pool has mapped: that would end the program.
    if let Ok(file) = fs::File::options().write(true).open(format!("/proc/self/map_files/{place}"))
    {
        assert!(file.set_len(0).is_err());
    }
    let memory = fs::OpenOptions::new().write(true).open("/proc/self/mem").unwrap();
    memory.write_all_at(&vec![0xff; (end - start) as usize], start).unwrap();
    text.len() as u64
}

pub fn write_garbage(_: ()) -> u64 {
    let garbage = [0x5a; 100];
    fs::OpenOptions::new().write(true).open(my_reply_pipe()).unwrap().write_all(&garbage).unwrap();
    0
}

/// Empty answers to a job that nobody has, for as long as they are taken.
pub fn flood(_: ()) -> u64 {
    let frames = frame(FrameKind::Value, u64::MAX, &[]).unwrap().repeat(1000);
    let mut pipe = fs::OpenOptions::new().write(true).open(my_reply_pipe()).unwrap();
    while pipe.write_all(&frames).is_ok() {}
    sleep_for_ever(())
}

/// Leaves a process behind, which no kill of the worker reaches, and which writes into its reply pipe as
/// long as somebody reads: empty answers to a job that nobody has, or no frames at all.
pub fn leave_a_writer(frames: bool) -> u64 {
    let mut pipe = fs::OpenOptions::new().write(true).open(my_reply_pipe()).unwrap();
    let frame = frame(FrameKind::Value, u64::MAX, &[]).unwrap();
    let bytes = if frames { frame.repeat(10_000) } else { vec![0x5a; 1 << 18] };
    // SAFETY: a worker has one thread; neither child returns, and the calls take numbers.
    unsafe {
        let worker = libc::getpid();
        if libc::fork() == 0 {
            let middle = libc::getpid();
            if libc::fork() == 0 {
                libc::alarm(60);
                while [worker, middle].contains(&libc::getppid()) {
                    libc::usleep(1000);
                }
                // So that there is always more than one read takes.
                libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, 1 << 20);
                while pipe.write_all(&bytes).is_ok() {}
            }
            libc::_exit(0);
        }
    }
    sleep_for_ever(())
}

/// Closes everything, and lives on.
pub fn close_my_pipes(_: ()) -> u64 {
    // SAFETY: not safe for this worker, which will fail at its next read or write; the test is
    // that the pool does not care.
    unsafe { libc::close_range(3, u32::MAX, 0) };
    sleep_for_ever(())
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalMasks {
    pub blocked: u64,
    pub ignored: u64,
    pub caught: u64,
}

pub fn my_signal_masks(_: ()) -> SignalMasks {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    SignalMasks { blocked: mask("SigBlk:"), ignored: mask("SigIgn:"), caught: mask("SigCgt:") }
}

/// A value that makes trouble on its way.
#[derive(Debug)]
pub enum Thorny {
    RefusesToEncode,
    RefusesToDecode,
    PanicsInDecode,
}

impl Serialize for Thorny {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Thorny::RefusesToEncode => Err(ser::Error::custom("thorns")),
            Thorny::RefusesToDecode => serializer.serialize_u8(1),
            Thorny::PanicsInDecode => serializer.serialize_u8(2),
        }
    }
}

impl<'de> Deserialize<'de> for Thorny {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::panic::set_hook(Box::new(|_| {}));
        match u8::deserialize(deserializer)? {
            1 => Err(de::Error::custom("thorns")),
            _ => panic!("thorns"),
        }
    }
}

pub fn take_thorny(_: Thorny) -> u64 {
    0
}

/// A result that cannot be encoded (1), or decoded (2, 3), on the way back.
pub fn give_thorny(thorn: u64) -> Thorny {
    match thorn {
        1 => Thorny::RefusesToEncode,
        2 => Thorny::RefusesToDecode,
        _ => Thorny::PanicsInDecode,
    }
}
