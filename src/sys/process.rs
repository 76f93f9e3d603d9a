//! Processes: fork, wait, kill by descriptor, and what a child does before anything else.
//!
//! *Assumes*: Linux 5.3 (`pidfd_open`); `/proc` is mounted, or `close_range` (5.9) is there.
//! *Promises*: only a process with one thread can fork; a child has default signal handlers, an
//! empty signal mask and only the descriptors it was promised; it dies with its parent, and
//! leaves by `_exit`; where the system refuses a call that this takes (a filter of system calls
//! may), there is another way, or no child and an error that names the call. Processes are killed
//! by descriptor, never by number, so that no other process is hit which got the number of a dead
//! child.
//! *Leaves out*: `exec`; whose things a copy may touch (`base/origin.rs`); what a process has
//! started itself (`sys/process_tree.rs`).
#![allow(unsafe_code)]

pub use crate::sys::death::Death;
use crate::sys::fd::{checked, name_refused, retry};
use crate::sys::memory::Pages;
use crate::sys::signal::{by_default, is_ignored};
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// What a child exits with when its function panicked, as every Rust program does.
pub const PANICKED: i32 = 101;

/// What a child exits with that was refused, in spite of all, what it needs (`EX_OSERR`).
const NOT_READY: i32 = 71;

/// Proof that this process had one thread when that was checked. Its holder must not start
/// another while it means to fork.
#[derive(Debug)]
pub struct SingleThreaded(());

impl SingleThreaded {
    /// Counts the entries of `/proc/self/task`. Where there is no `/proc`, asks `unshare(2)`, which
    /// refuses `CLONE_THREAD` to a process with other threads, and else does nothing.
    ///
    /// # Errors
    /// The names of all threads, if there is more than one; no names, if they cannot be
    /// counted. (A thread that was joined a moment ago may still be on its way out; it is
    /// waited for, 20 ms at most.)
    pub fn prove() -> Result<SingleThreaded, Vec<String>> {
        let mut names = threads();
        // SAFETY: the flag shares and unshares nothing; it is only allowed or refused.
        if names.is_empty() && unsafe { libc::unshare(libc::CLONE_THREAD) } == 0 {
            return Ok(SingleThreaded(()));
        }
        for _ in 0..20 {
            if names.len() == 1 {
                return Ok(SingleThreaded(()));
            }
            std::thread::sleep(Duration::from_millis(1));
            names = threads();
        }
        Err(names)
    }
}

/// The threads of this process by name and number, as in `main (4711)`. Empty if `/proc`
/// cannot be read.
pub fn threads() -> Vec<String> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    let name = |task: fs::DirEntry| {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        format!("{} ({})", name.trim_end(), task.file_name().to_string_lossy())
    };
    tasks.flatten().map(name).collect()
}

/// The kernel's number for this thread.
#[doc(alias = "threading.get_native_id")]
pub fn thread_id() -> u32 {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::gettid() as u32 }
}

/// A number that a forked copy of this process does not share with it, nor with any process that
/// either was forked from (up to 2³² forks ago); and the process's own. They cost two loads, and a little more once in each
/// process.
///
/// They lie in a page that the kernel empties in every copy (`MADV_WIPEONFORK`), however the fork
/// was made. A process's own number alone would need a call into the kernel each time, and can come
/// again: the first process in a new namespace of pids is number 1, as the one that made it may be.
pub fn generation() -> (u32, u32) {
    // In memory that copies inherit, so that a copy goes on counting where the original was.
    static LAST: AtomicU32 = AtomicU32::new(0);
    let page = match PAGE.load(Ordering::Acquire) {
        null if null.is_null() => map_generation(),
        page => page,
    };
    if std::ptr::eq(page, &NO_PAGE) {
        let pid = std::process::id();
        return (pid, pid);
    }
    // SAFETY: not null; a page of zeros at first, never unmapped, and used as these atomics only.
    let here = unsafe { &*page };
    match here.generation.load(Ordering::Acquire) {
        0 => {
            let (new, pid) = (LAST.fetch_add(1, Ordering::Relaxed) + 1, std::process::id());
            here.pid.store(pid, Ordering::Relaxed); // every thread stores the same
            // If another thread was faster, its number is the process's.
            let order = (Ordering::AcqRel, Ordering::Acquire);
            match here.generation.compare_exchange(0, new, order.0, order.1) {
                Ok(_) => (new, pid),
                Err(known) => (known, pid),
            }
        }
        known => (known, here.pid.load(Ordering::Relaxed)),
    }
}

/// What is known of this process alone. All zeros: nothing yet.
struct Generation {
    generation: AtomicU32,
    pid: AtomicU32,
}

/// The page of [`generation`]; null before it is needed.
static PAGE: AtomicPtr<Generation> = AtomicPtr::new(std::ptr::null_mut());
/// Stands for the page, from then on, where the system had none to give: then the process's own
/// number must do.
static NO_PAGE: Generation = Generation { generation: AtomicU32::new(0), pid: AtomicU32::new(0) };

#[cold]
fn map_generation() -> *mut Generation {
    let pages = Pages::map(size_of::<Generation>()).and_then(Pages::wiped_by_fork);
    let none = (&raw const NO_PAGE).cast_mut();
    let new = pages.as_ref().map_or(none, |pages| pages.start().as_ptr().cast());
    let null = std::ptr::null_mut();
    match PAGE.compare_exchange(null, new, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            std::mem::forget(pages); // it serves until the process ends
            new
        }
        Err(another_threads) => another_threads,
    }
}

/// Forks a child that runs `child` and exits with the code it returns; returns its pid.
///
/// Before `child` runs, the new process has reset its signal handlers and mask, asked to be
/// killed when this one ends, and closed all descriptors but 0, 1, 2 and `keep`: `child` must
/// not touch others, not even drop them. Those that the closure owns are closed in this process
/// when the closure is dropped: they now belong to the child.
///
/// Nothing of the parent's is torn down in the child: it never returns into the parent's
/// stack, runs no `atexit` handlers, and does not flush what the parent had buffered.
///
/// # Errors
/// What `fork(2)` reports: `EAGAIN` or `ENOMEM`, mostly; and what the system refuses that the child
/// would need.
pub(crate) fn fork(
    _: &SingleThreaded,
    keep: &[RawFd],
    child: impl FnOnce() -> i32,
) -> io::Result<u32> {
    let parent = std::process::id();
    can_die_with_parent()?;
    let closing = Closing::plan()?;
    // A signal that arrives between the fork and the reset would run the parent's handler in
    // the child. So all signals are blocked until the reset.
    let mask = block_signals();
    // SAFETY: there is one thread (the caller holds the proof), so no lock is held by a thread
    // that the child would lack; the child can do all that this process could.
    match unsafe { libc::fork() } {
        -1 => {
            let error = io::Error::last_os_error();
            restore_signals(&mask);
            Err(error)
        }
        0 => {
            let code = catch_unwind(AssertUnwindSafe(|| {
                reset_signals();
                match die_with(parent).and_then(|()| closing.carry_out(keep)) {
                    Ok(()) => child(),
                    Err(error) => {
                        // If nobody can read it, the exit code is all there is to say.
                        let _ = writeln!(io::stderr(), "singletrack: a child ends: {error}");
                        NOT_READY
                    }
                }
            }));
            exit(code.unwrap_or(PANICKED))
        }
        pid => {
            restore_signals(&mask);
            Ok(pid as u32)
        }
    }
}

/// Ends this process at once: no destructors, no `atexit`, no flushing.
pub fn exit(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions and does not return.
    unsafe { libc::_exit(code) }
}

fn block_signals() -> libc::sigset_t {
    // SAFETY: `sigset_t` is plain data; both sets are locals that outlive the calls, which fail only
    // for an address or a command that does not exist.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut old);
        old
    }
}

fn restore_signals(mask: &libc::sigset_t) {
    // SAFETY: `mask` is a set that `block_signals` got from the kernel, so the call cannot fail.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
}

/// Sent to whole process groups: Ctrl-C, Ctrl-\ and the hang-up by a terminal, SIGTERM by a service
/// manager.
const GROUP_SIGNALS: [i32; 4] = [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGTERM];

/// A bit for each signal that children go on ignoring.
static STAYS_IGNORED: AtomicU64 = AtomicU64::new(0);

/// For a command, before it does anything else: settles what it does with the signals that its
/// starter ignored. Those to groups stay ignored, in all children from now on too (`nohup`, or a
/// script's `&`). `SIGCHLD` does not, for then the kernel would keep no exit status of a child.
///
/// # Errors
/// What `sigaction(2)` reports.
pub fn settle_ignored_signals() -> io::Result<()> {
    for signal in GROUP_SIGNALS {
        if is_ignored(signal)? {
            STAYS_IGNORED.fetch_or(1 << signal, Ordering::Relaxed);
        }
    }
    by_default(libc::SIGCHLD)
}

/// Default handlers for all signals, except that `SIGPIPE` stays ignored as in every Rust
/// program, and what [`settle_ignored_signals`] found; then an empty mask.
fn reset_signals() {
    let ignored = STAYS_IGNORED.load(Ordering::Relaxed) | 1 << libc::SIGPIPE;
    for signal in 1..=libc::SIGRTMAX() {
        if signal > 63 || ignored & 1 << signal == 0 {
            // SAFETY: SIG_DFL is always a valid handler. For SIGKILL, SIGSTOP and those that
            // libc keeps to itself the call fails, and their handlers need no reset.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    // SAFETY: `sigset_t` is plain data, a local that outlives the calls. They cannot fail.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
    }
}

/// Ignores what is sent to whole process groups.
pub fn ignore_group_signals() {
    for signal in GROUP_SIGNALS {
        // SAFETY: SIG_IGN is always a valid handler, and these four can have one: no call fails.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Whether a child will be able to ask for its end: asks for what is set now, which the system
/// refuses if it refuses the other.
fn can_die_with_parent() -> io::Result<()> {
    let mut signal: libc::c_int = 0;
    // SAFETY: this option writes an integer to where the pointer says, a local.
    let asked = checked(unsafe { libc::prctl(libc::PR_GET_PDEATHSIG, &raw mut signal) });
    asked.map(drop).map_err(name_refused("prctl (PR_SET_PDEATHSIG)"))
}

/// Asks the kernel for SIGKILL at the parent's end. If that came before the request, this process
/// has another parent by now, and exits.
fn die_with(parent: u32) -> io::Result<()> {
    // SAFETY: this option takes a signal number.
    let asked = checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) });
    asked.map_err(name_refused("prctl (PR_SET_PDEATHSIG)"))?;
    if std::os::unix::process::parent_id() != parent {
        exit(0);
    }
    Ok(())
}

/// How a child closes what it was not promised. Planned before the fork, while an error can still
/// be given to somebody; the parent has one thread, so the child's descriptors are those seen here.
enum Closing {
    /// The gaps between those to keep, one call each.
    Ranges,
    /// `close_range` is refused: these, one by one.
    OneByOne(Vec<RawFd>),
}

/// Without `close_range` and without `/proc`, at most so many numbers are tried.
const MOST_TRIED: libc::rlim_t = 1 << 20;

impl Closing {
    fn plan() -> io::Result<Closing> {
        // SAFETY: no descriptor has this number, so this closes nothing.
        let asked = checked(unsafe { libc::close_range(u32::MAX, u32::MAX, 0) });
        let Err(refused) = asked else { return Ok(Closing::Ranges) };
        let unlisted = match open_descriptors() {
            Ok(open) => return Ok(Closing::OneByOne(open)),
            Err(unlisted) => unlisted,
        };
        match descriptor_limit() {
            Ok(limit) if limit <= MOST_TRIED => {
                Ok(Closing::OneByOne((3..limit as RawFd).collect()))
            }
            limit => Err(io::Error::other(format!(
                "a child would keep every descriptor of its parent: close_range is refused \
                 ({refused}), /proc/self/fd cannot be read ({unlisted}), and there may be too many \
                 to try them all ({limit:?}); allow close_range, mount /proc, or lower the limit \
                 (ulimit -Hn)"
            ))),
        }
    }

    /// Closes all descriptors from 3 on but those to keep.
    fn carry_out(self, keep: &[RawFd]) -> io::Result<()> {
        let mut keep = keep.to_vec();
        keep.sort_unstable();
        match self {
            Closing::Ranges => close_gaps(&keep),
            Closing::OneByOne(open) => {
                let unwanted = |fd: &RawFd| *fd >= 3 && keep.binary_search(fd).is_err();
                for fd in open.into_iter().filter(unwanted) {
                    // SAFETY: right after a fork this process has one thread, and the function that
                    // it runs has promised to use no descriptor but those that are kept. A call that
                    // fails has closed its descriptor, or there was none.
                    unsafe { libc::close(fd) };
                }
                Ok(())
            }
        }
    }
}

fn close_gaps(keep: &[RawFd]) -> io::Result<()> {
    let mut first = 3;
    for fd in keep.iter().copied().filter(|fd| *fd >= 3).chain([RawFd::MAX]) {
        if first < fd {
            // SAFETY: as in `carry_out`.
            checked(unsafe { libc::close_range(first as u32, fd as u32 - 1, 0) })
                .map_err(name_refused("close_range"))?;
        }
        first = fd.saturating_add(1);
    }
    Ok(())
}

/// The descriptors of this process; the one that reads them is among them, and closed again.
fn open_descriptors() -> io::Result<Vec<RawFd>> {
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        open.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    Ok(open)
}

/// No descriptor has this number or a higher one, unless the limit was lowered since.
fn descriptor_limit() -> io::Result<libc::rlim_t> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a local that outlives the call.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    Ok(limit.rlim_max)
}

/// A descriptor that stands for a child: readable when it is dead.
///
/// # Errors
/// What `pidfd_open(2)` reports.
pub fn pidfd_open(child: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes a number and flags, and returns a descriptor that nothing else owns.
    unsafe {
        let fd = checked(libc::syscall(libc::SYS_pidfd_open, child as libc::pid_t, 0))
            .map_err(name_refused("pidfd_open"))?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// Whether this process may send signals by descriptor, asked of a child of its own. Where it may
/// not, no child could be killed, and each limit would be one in name only.
///
/// # Errors
/// The system's refusal, with the name of the call.
pub(crate) fn can_signal(child: BorrowedFd<'_>) -> io::Result<()> {
    send_signal(child, 0).map_err(name_refused("pidfd_send_signal"))
}

/// Sends a signal to the process behind a pidfd; to a dead one it sends nothing.
///
/// # Errors
/// What `pidfd_send_signal(2)` reports, except `ESRCH`.
pub fn send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let info = std::ptr::null_mut::<libc::siginfo_t>();
    // SAFETY: the descriptor is borrowed, hence open; no info and no flags are allowed.
    let result =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, info, 0) };
    match checked(result) {
        Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        sent => sent.map(drop),
    }
}

/// Waits for a child to end and collects it, so that it is no zombie any more.
///
/// # Errors
/// `ECHILD` if this is no child of ours, or was collected before.
pub fn wait(child: u32) -> io::Result<Death> {
    // SAFETY: `siginfo_t` is plain data, for which all zeros is a valid value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is a local that outlives the call.
    retry(|| unsafe { libc::waitid(libc::P_PID, child, &mut info, libc::WEXITED) })?;
    // SAFETY: after a successful `waitid` for an ended child the status field is the one set.
    let status = unsafe { info.si_status() };
    Ok(if info.si_code == libc::CLD_EXITED { Death::Code(status) } else { Death::Signal(status) })
}

/// Waits until one of the processes behind these pidfds has ended, or the time is up (`None`:
/// no limit). Returns the indices of all that have. `multiprocessing.connection.wait` in Python.
///
/// # Errors
/// What `poll(2)` reports, except `EINTR`: then the answer is empty, as after a timeout; or, with no
/// time to wait, asked for again.
#[doc(alias = "sentinel")]
pub fn wait_for_exit(
    pidfds: &[BorrowedFd<'_>],
    timeout: Option<Duration>,
) -> io::Result<Vec<usize>> {
    let entry =
        |fd: &BorrowedFd<'_>| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut entries: Vec<libc::pollfd> = pidfds.iter().map(entry).collect();
    let millis =
        timeout.map_or(-1, |t| t.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as i32);
    loop {
        let count = entries.len() as libc::nfds_t;
        // SAFETY: pointer and count are those of a live vector; the descriptors are borrowed.
        match checked(unsafe { libc::poll(entries.as_mut_ptr(), count, millis) }) {
            // Who does not wait asks once, for an edge that is not told again: "no" must be true.
            Err(e) if e.kind() == io::ErrorKind::Interrupted && millis == 0 => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(Vec::new()),
            Err(e) => return Err(e),
            Ok(_) => return Ok((0..entries.len()).filter(|i| entries[*i].revents != 0).collect()),
        }
    }
}
