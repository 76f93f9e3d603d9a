//! The filter of system calls, and the wire to the process that decides about them.
//!
//! *Assumes*: Linux 5.5 on x86-64 or AArch64 (`SECCOMP_USER_NOTIF_FLAG_CONTINUE`).
//! *Promises*: the calls named, and no others, stop and are told to whoever holds the listener; what
//! is told to go on is done as if nothing had been.
//! *Leaves out*: which calls (`targets.rs`), and what becomes of them (`supervisor.rs`).
//!
//! ```text
//!   cell ── system call ──▶ kernel: the filter says NOTIFY, the caller sleeps
//!                             │ listener readable
//!                             ▼
//!   supervisor ── receive ─── who, which call, which arguments
//!              ── answer ──▶ go on  ∣  an errno instead of the call
//! ```

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

#[cfg(target_arch = "x86_64")]
const ARCH: Option<u32> = Some(0xc000_003e);
#[cfg(target_arch = "aarch64")]
const ARCH: Option<u32> = Some(0xc000_00b7);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ARCH: Option<u32> = None;

/// Which calls stop.
#[derive(Debug, Clone)]
pub enum Stop {
    These(Vec<i64>),
    AllBut(Vec<i64>),
}

fn step(code: u32, yes: u8, no: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: yes, jf: no, k }
}

/// The program: compares the call's number with each of the list.
fn program(arch: u32, stop: &Stop) -> Vec<libc::sock_filter> {
    let (numbers, (listed, others)) = match stop {
        Stop::These(numbers) => (numbers, (libc::SECCOMP_RET_USER_NOTIF, libc::SECCOMP_RET_ALLOW)),
        Stop::AllBut(numbers) => (numbers, (libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_USER_NOTIF)),
    };
    let load = |offset| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    let equal = |k, yes, no| step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, yes, no, k);
    let answer = |k| step(libc::BPF_RET | libc::BPF_K, 0, 0, k);
    let mut steps = vec![
        load(4),
        equal(arch, 1, 0),
        answer(libc::SECCOMP_RET_ALLOW), // another machine's numbers
        load(0),
    ];
    let count = u8::try_from(numbers.len()).expect("a jump is at most 255 steps long");
    for (at, number) in (0..count).zip(numbers) {
        steps.push(equal(*number as u32, count - at, 0));
    }
    steps.extend([answer(others), answer(listed)]);
    steps
}

/// From now on these calls stop, here and in all children; gives the number of the listener.
///
/// # Errors
/// Where filters are not permitted, or this kernel or machine cannot.
pub fn install(stop: &Stop) -> io::Result<RawFd> {
    let arch = ARCH.ok_or(io::ErrorKind::Unsupported)?;
    let mut steps = program(arch, stop);
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // A signal does not make the caller begin anew once its call was told: it would count twice.
    let flags =
        libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    // SAFETY: the kernel copies the program, a local that outlives the calls.
    let made = unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 {
            return Err(io::Error::last_os_error());
        }
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &program)
    };
    if made == -1 { Err(io::Error::last_os_error()) } else { Ok(made as RawFd) }
}

/// A call that stopped.
#[derive(Debug, Clone, Copy)]
pub struct Stopped {
    id: u64,
    /// The thread that makes it.
    pub thread: u32,
    pub number: i64,
    pub args: [u64; 6],
}

/// What the caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    GoOn,
    Errno(i32),
}

const RECEIVE: libc::Ioctl = 0xc050_2100_u32 as libc::Ioctl;
const SEND: libc::Ioctl = 0xc018_2101_u32 as libc::Ioctl;
const ADD_DESCRIPTOR: libc::Ioctl = 0x4018_2103_u32 as libc::Ioctl;

/// The descriptor by which stopped calls are told and answered.
pub struct Listener(OwnedFd);

impl Listener {
    /// Fetches the listener from the process that installed the filter.
    pub fn fetch(pidfd: BorrowedFd<'_>, number: RawFd) -> io::Result<Listener> {
        // SAFETY: the call takes three numbers, and returns a descriptor that nothing else owns.
        unsafe {
            let fd = libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), number, 0);
            if fd == -1 {
                return Err(io::Error::last_os_error());
            }
            Ok(Listener(OwnedFd::from_raw_fd(fd as RawFd)))
        }
    }

    pub fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// The next call that stopped; `None`: its caller is gone.
    pub fn receive(&self) -> Option<Stopped> {
        // SAFETY: plain data, for which all zeros is a value, and which the kernel wants zeroed.
        let mut told: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: this request fills in a whole struct, a local that outlives the call.
        if unsafe { libc::ioctl(self.number(), RECEIVE, &mut told) } == -1 {
            return None;
        }
        let number = i64::from(told.data.nr);
        Some(Stopped { id: told.id, thread: told.pid, number, args: told.data.args })
    }

    /// Lets the caller go on. It may be gone by now.
    pub fn answer(&self, stopped: &Stopped, answer: Answer) {
        let (error, flags) = match answer {
            Answer::GoOn => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
            Answer::Errno(errno) => (-errno, 0),
        };
        let mut response = libc::seccomp_notif_resp { id: stopped.id, val: 0, error, flags };
        // SAFETY: this request reads a whole struct, a local that outlives the call.
        unsafe { libc::ioctl(self.number(), SEND, &mut response) };
    }

    /// Puts a duplicate of `fd` in the place of the caller's descriptor `number`, which is closed.
    pub fn replace(&self, stopped: &Stopped, number: RawFd, fd: BorrowedFd<'_>) {
        /// `struct seccomp_notif_addfd`, and its flag for a number of one's own choice.
        #[repr(C)]
        struct AddDescriptor {
            id: u64,
            flags: u32,
            source: u32,
            number: u32,
            source_flags: u32,
        }
        let mut request = AddDescriptor {
            id: stopped.id,
            flags: 1,
            source: fd.as_raw_fd() as u32,
            number: number as u32,
            source_flags: libc::O_CLOEXEC as u32,
        };
        // SAFETY: this request reads a whole struct, a local that outlives the call.
        unsafe { libc::ioctl(self.number(), ADD_DESCRIPTOR, &mut request) };
    }
}
