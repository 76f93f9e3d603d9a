//! What can fail, and how: calls, the descriptors they are made on, errnos.
//!
//! *Promises*: every call that a scenario makes stands here, among those that fail or among those left
//! out; `main.rs` fails on one that stands in neither list.
//!
//! An errno is listed only where Linux, or a filter of calls in a container, may give it there. One that
//! the kernel gives for a reason would be a lie without the reason: `EAGAIN` from a socket that has
//! bytes to read promises an event that never comes; a write to an eventfd fails only while the
//! eventfd is readable; `ECHILD` means that somebody else has reaped the child. Whoever believes such
//! a lie sleeps for ever, and is right to.

use libc::{
    EACCES, EADDRINUSE, EAGAIN, ECONNABORTED, ECONNREFUSED, ECONNRESET, EINTR, EINVAL, EIO, EMFILE,
    ENFILE, ENOBUFS, ENOENT, ENOMEM, ENOSPC, ENOSYS, EPERM, EPIPE,
};

/// Calls that are one to us, on one kind of descriptor.
#[derive(Debug)]
pub struct Target {
    pub name: &'static str,
    calls: &'static [i64],
    pub only: Only,
    pub errnos: &'static [i32],
}

/// Which of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    All,
    /// Those whose first argument is such a descriptor.
    On(Kind),
    /// Of `futex`, those that wait.
    Waits,
    /// All; and what the call was to close is closed, as Linux does whatever `close` returns.
    Closes,
}

/// What a descriptor leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Pipe,
    Socket,
    /// An eventfd.
    Event,
    /// Any other.
    File,
}

macro_rules! target {
    ($name:literal, $only:expr, [$($call:ident),*], [$($errno:ident),*]) => {
        Target { name: $name, calls: &[$(libc::$call),*], only: $only, errnos: &[$($errno),*] }
    };
}

/// All that fail.
pub const TARGETS: &[Target] = &[
    target!("read pipe", Only::On(Kind::Pipe), [SYS_read, SYS_readv], [EINTR, EIO]),
    target!(
        "read socket",
        Only::On(Kind::Socket),
        [SYS_read, SYS_readv, SYS_recvfrom, SYS_recvmsg],
        [EINTR, ECONNRESET, ENOMEM]
    ),
    target!("read file", Only::On(Kind::File), [SYS_read, SYS_readv, SYS_pread64], [EINTR, EIO]),
    target!("write pipe", Only::On(Kind::Pipe), [SYS_write, SYS_writev], [EINTR, EPIPE, EIO]),
    target!(
        "write socket",
        Only::On(Kind::Socket),
        [SYS_write, SYS_writev, SYS_sendto, SYS_sendmsg],
        [EINTR, EPIPE, ECONNRESET, ENOBUFS]
    ),
    target!("write file", Only::On(Kind::File), [SYS_write, SYS_writev], [EINTR, EIO, ENOSPC]),
    target!("close", Only::Closes, [SYS_close], [EINTR, EIO]),
    target!("close_range", Only::All, [SYS_close_range], [EPERM, ENOSYS]),
    target!("openat", Only::All, [SYS_openat], [EINTR, EMFILE, ENFILE, ENOMEM, EACCES]),
    target!("pipe2", Only::All, [SYS_pipe2], [EMFILE, ENFILE, EPERM]),
    target!("socket", Only::All, [SYS_socket], [EMFILE, ENFILE, ENOBUFS, EPERM]),
    target!("socketpair", Only::All, [SYS_socketpair], [EMFILE, ENFILE, EPERM]),
    target!(
        "accept4",
        Only::All,
        [SYS_accept4],
        [EINTR, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, EPERM, ENOSYS]
    ),
    target!("connect", Only::All, [SYS_connect], [EINTR, ECONNREFUSED, EACCES, ENOBUFS]),
    target!("bind", Only::All, [SYS_bind], [EADDRINUSE, EACCES]),
    target!("listen", Only::All, [SYS_listen], [EADDRINUSE]),
    target!("shutdown", Only::All, [SYS_shutdown], [EPERM]),
    target!("setsockopt", Only::All, [SYS_setsockopt], [ENOMEM, EPERM]),
    target!("getsockopt", Only::All, [SYS_getsockopt], [ENOMEM, EPERM]),
    target!("getsockname", Only::All, [SYS_getsockname, SYS_getpeername], [ENOBUFS]),
    target!("epoll_create1", Only::All, [SYS_epoll_create1], [EMFILE, ENFILE, ENOMEM, ENOSYS]),
    target!("epoll_ctl", Only::All, [SYS_epoll_ctl], [ENOMEM, ENOSPC]),
    target!("epoll_wait", Only::All, [SYS_epoll_pwait, SYS_epoll_pwait2], [EINTR]),
    target!("poll", Only::All, [SYS_ppoll], [EINTR]), // of few descriptors, never ENOMEM
    target!("eventfd2", Only::All, [SYS_eventfd2], [EMFILE, ENFILE, ENOMEM, ENOSYS]),
    target!("timerfd", Only::All, [SYS_timerfd_create, SYS_timerfd_settime], [EMFILE, ENOMEM]),
    target!("memfd_create", Only::All, [SYS_memfd_create], [EMFILE, ENOMEM, ENOSYS]),
    target!("ftruncate", Only::All, [SYS_ftruncate], [EIO, ENOSPC]),
    target!("fcntl", Only::All, [SYS_fcntl, SYS_dup, SYS_dup3], [EMFILE, EPERM]),
    target!("ioctl", Only::All, [SYS_ioctl], [EPERM, ENOMEM]),
    target!("stat", Only::All, [SYS_fstat, SYS_newfstatat, SYS_statx], [EIO, EACCES]),
    target!("getdents64", Only::All, [SYS_getdents64], [EIO, ENOMEM]),
    target!("unlink", Only::All, [SYS_unlinkat], [EACCES]),
    target!("clone", Only::All, [SYS_clone, SYS_clone3], [EAGAIN, ENOMEM, EPERM]),
    target!("execve", Only::All, [SYS_execve], [EAGAIN, ENOMEM, EACCES, ENOENT]),
    target!("wait", Only::All, [SYS_wait4, SYS_waitid], [EINTR]),
    target!("pidfd_open", Only::All, [SYS_pidfd_open], [EMFILE, ENOMEM, EPERM, ENOSYS]),
    target!("pidfd_send_signal", Only::All, [SYS_pidfd_send_signal], [EPERM, ENOSYS]),
    target!("unshare", Only::All, [SYS_unshare], [EPERM, ENOMEM]),
    target!("prctl", Only::All, [SYS_prctl], [EPERM, EINVAL]),
    target!("rt_sigaction", Only::All, [SYS_rt_sigaction], [EPERM]),
    target!("futex wait", Only::Waits, [SYS_futex], [EINTR, EAGAIN]),
    target!("nanosleep", Only::All, [SYS_nanosleep, SYS_clock_nanosleep], [EINTR]),
    target!("getrandom", Only::All, [SYS_getrandom], [EINTR]),
    target!("sched_getaffinity", Only::All, [SYS_sched_getaffinity], [EPERM]),
    target!("prlimit64", Only::All, [SYS_prlimit64], [EPERM]),
    target!("mmap", Only::All, [SYS_mmap], [ENOMEM, EPERM]),
    target!("madvise", Only::All, [SYS_madvise], [EINVAL, ENOMEM, EPERM]),
];

/// Where a machine has an older call beside the newer, libc may make that.
#[cfg(target_arch = "x86_64")]
const OLDER: &[(&str, i64)] = &[
    ("openat", libc::SYS_open),
    ("pipe2", libc::SYS_pipe),
    ("poll", libc::SYS_poll),
    ("epoll_wait", libc::SYS_epoll_wait),
    ("fcntl", libc::SYS_dup2),
    ("stat", libc::SYS_stat),
    ("unlink", libc::SYS_unlink),
    ("clone", libc::SYS_fork),
    ("clone", libc::SYS_vfork),
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[(&str, i64)] = &[];

/// These go on whatever is asked for: they cannot fail, or make no difference, or are the C
/// library's and the tests' own.
pub fn left_out() -> Vec<i64> {
    let mut all = vec![
        // They cannot fail.
        libc::SYS_getpid,
        libc::SYS_getppid,
        libc::SYS_gettid,
        libc::SYS_getuid,
        libc::SYS_geteuid,
        libc::SYS_getgid,
        libc::SYS_getegid,
        libc::SYS_clock_gettime,
        libc::SYS_sched_yield,
        libc::SYS_exit,
        libc::SYS_exit_group,
        // The way back from a signal, and from a stop.
        libc::SYS_rt_sigreturn,
        libc::SYS_restart_syscall,
        // The C library's and std's, for a new thread or a process: refused, it ends the process.
        libc::SYS_set_robust_list,
        libc::SYS_set_tid_address,
        libc::SYS_rseq,
        libc::SYS_sigaltstack,
        libc::SYS_mprotect,
        libc::SYS_rt_sigprocmask,
        // To give memory back cannot fail, if it was got.
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_brk, // malloc then uses mmap
        // The scenario's own signal.
        libc::SYS_kill,
        libc::SYS_tgkill,
        libc::SYS_tkill,
        libc::SYS_lseek,
    ];
    #[cfg(target_arch = "x86_64")]
    all.push(libc::SYS_arch_prctl);
    all.sort_unstable();
    all
}

impl Target {
    /// The numbers of its calls.
    pub fn numbers(&self) -> Vec<i64> {
        let older = OLDER.iter().filter(|(name, _)| *name == self.name).map(|(_, call)| *call);
        self.calls.iter().copied().chain(older).collect()
    }
}

/// The target with this name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// An errno's name.
pub fn errno_name(errno: i32) -> &'static str {
    macro_rules! name {
        ($($errno:ident)*) => {
            match errno { $($errno => stringify!($errno),)* _ => "?" }
        };
    }
    name!(EACCES EADDRINUSE EAGAIN ECONNABORTED ECONNREFUSED ECONNRESET EINTR EINVAL EIO EMFILE
          ENFILE ENOBUFS ENOENT ENOMEM ENOSPC ENOSYS EPERM EPIPE)
}
